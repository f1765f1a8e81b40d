//! A prompt is read whole or not at all, however its sender ends.

use std::time::Duration;

use smol_wf_providers::Provider;

use super::{PATIENCE, all_ended, alone, marked, task, until};

/// More than a pipe holds at once.
const BYTES: usize = 500_000;
/// An agent that is killed before it has read proves nothing about its prompt.
const TRIES: usize = 10;

#[test]
fn a_dropped_round_cuts_no_prompt() {
    alone("prompts::a_dropped_round_cuts_no_prompt", &[], async {
        let folder = tempfile::tempdir().unwrap();
        let prompt = "x".repeat(BYTES);
        let mut read = 0;
        for number in 0..TRIES {
            let at = folder.path().join(number.to_string());
            let path = at.display();
            // Like an agent, it goes on for a while after SIGTERM.
            let script = format!(
                "trap '' TERM; touch {path}.begun; sleep 0.3; wc -c > {path}.new; mv {path}.new {path}"
            );
            let provider = marked(&script, "prompts");
            let begun = at.with_extension("begun");
            tokio::select! {
                ended = provider.attempt(task(&prompt), &()) => panic!("it ended: {ended:?}"),
                () = until("it has begun", PATIENCE, || begun.exists()) => {}
            }
            tokio::time::timeout(Duration::from_secs(60), all_ended()).await.unwrap();
            if let Ok(counted) = std::fs::read_to_string(&at) {
                assert_eq!(counted.trim(), BYTES.to_string());
                read += 1;
            }
        }
        assert!(read > 0, "none of {TRIES} has read its prompt");
    });
}
