//! Programs that end badly, or do not end: each has its kind of error, and none counts as
//! a success.

use std::time::Duration;

use smol_wf_providers::{Answer, ProviderErrorKind};

use super::{all_ended, alone, ask, in_tree, marked, sh, text, until};

#[tokio::test]
async fn a_cut_answer_in_json_is_not_an_answer() {
    let cut = "printf '{\"output\": \"half'; kill -9 $$";
    assert_eq!(ask(&sh(cut), "p").await.unwrap_err().kind, ProviderErrorKind::Killed);
    let failed = "printf '{\"output\": \"half'; echo broke >&2; exit 1";
    let error = ask(&sh(failed), "p").await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ProviderErrorKind::Failed, "exit code 1: broke")
    );
    // With exit code 0 it is the program's answer.
    assert_eq!(text(&sh("printf '{\"output\": \"half'"), "p").await, "{\"output\": \"half");
    let garbage = text(&sh("printf '\\377\\000\\033[31mx'"), "p").await;
    assert_eq!(garbage, "\u{fffd}\0\u{1b}[31mx");
}

#[tokio::test]
async fn a_program_that_dies_after_its_answer_has_failed() {
    let script = "echo '{\"output\": \"done\", \"usage\": {\"outputTokens\": 5}}'; kill -9 $$";
    let error = ask(&sh(script), "p").await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Killed);
    assert_eq!(error.spent.usage.output_tokens, 5, "what it has used is known");
}

#[tokio::test]
async fn a_whole_answer_counts_although_its_program_hangs() {
    let hang = "exec >&- 2>&-; trap '' TERM; while :; do sleep 600; done";
    let script = format!("echo '{{\"output\": \"done\"}}'; {hang}");
    let reply = ask(&marked(&script, "hangs"), "p").await.unwrap();
    assert_eq!(reply.answer, Answer::Text("done".to_owned()));
    let error = ask(&marked(&format!("echo text; {hang}"), "hangs"), "p").await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Failed);
    assert!(error.message.contains("did not end"), "{error}");
    all_ended().await;
    assert_eq!(in_tree("hangs"), Vec::<i32>::new());
}

#[tokio::test]
async fn processes_that_a_program_leaves_are_ended() {
    let script = "setsid sh -c 'trap \"\" TERM; echo $$; exec 1>&- 2>&-; sleep 600; sleep 600' &
        (setsid sleep 600 >&- 2>&- &)
        sleep 0.2; echo left";
    let answer = text(&marked(script, "leaves"), "p").await;
    assert!(answer.ends_with("left"), "{answer}");
    all_ended().await;
    assert_eq!(in_tree("leaves"), Vec::<i32>::new());
}

/// The mark is gone from its environment, and so are its parent and its group: it was
/// seen while it still had a parent.
#[tokio::test]
async fn a_stray_without_a_mark_is_ended_too() {
    let name = "stray-7351";
    let script = format!(
        "sh -c 'setsid env -i sh -c \"sleep 600; : {name}\" & sleep 600; : {name}' >&- 2>&- & cat"
    );
    let is_about = || {
        super::processes().any(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(name)
                && line.starts_with(b"sh\0-c\0sleep 600; :")
        })
    };
    let provider = sh(&format!("{script}; exec >&- 2>&-; sleep 600"));
    let prompt = task_that_waits(&provider);
    until("the stray is about", super::PATIENCE, is_about).await;
    prompt.abort();
    let _ = prompt.await;
    all_ended().await;
    assert!(!is_about());
}

/// A daemon in the usual form: it forks, begins a session and clears its environment, and
/// its parent is gone before anybody has looked.
#[test]
fn an_unseen_daemon_is_ended_when_no_step_is_at_work() {
    alone("misbehaviour::an_unseen_daemon_is_ended_when_no_step_is_at_work", &[], async {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("pid");
        let at = at.display();
        let daemon = format!("trap \\\"\\\" TERM; echo \\$\\$ > {at}; while :; do sleep 600; done");
        let script = format!(
            "(setsid env -i sh -c \"{daemon}\" >&- 2>&- <&- &)
            while [ ! -s {at} ]; do sleep 0.01; done; cat {at}"
        );
        let pid: i32 = text(&sh(&script), "p").await.parse().unwrap();
        all_ended().await;
        assert!(!super::processes().any(|one| one == pid), "{pid} is there");
    });
}

fn task_that_waits(provider: &smol_wf_providers::command::Command) -> tokio::task::JoinHandle<()> {
    let provider = provider.clone();
    tokio::spawn(async move {
        let _ = ask(&provider, "p").await;
    })
}

#[tokio::test]
async fn a_program_that_ignores_the_polite_signal_is_killed() {
    let provider = marked("trap '' TERM; while :; do sleep 600; done", "ignores");
    let waiting = task_that_waits(&provider);
    until("it runs", super::PATIENCE, || !in_tree("ignores").is_empty()).await;
    waiting.abort();
    let _ = waiting.await;
    until("it is gone", Duration::from_secs(5), || in_tree("ignores").is_empty()).await;
}

#[test]
fn a_runtime_that_goes_down_leaves_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let provider = marked("setsid sleep 600 & sleep 600", "shutdown");
        let waiting = task_that_waits(&provider);
        until("it runs", super::PATIENCE, || in_tree("shutdown").len() >= 3).await;
        drop(waiting);
    });
    runtime.shutdown_background();
    let again = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    again.block_on(async {
        until("it is gone", Duration::from_secs(5), || in_tree("shutdown").is_empty()).await;
    });
}

/// Then the system keeps no exit status: a round must fail, not wait for one.
#[test]
fn ignored_signals_of_children_are_survived() {
    let ignores = [("TEST_IGNORES".to_owned(), "1".to_owned())];
    alone("misbehaviour::ignored_signals_of_children_are_survived", &ignores, async {
        let error = ask(&sh("echo answer"), "p").await.unwrap_err();
        assert!(error.message.contains("SIGCHLD"), "{error}");
    });
}
