//! What is left when smol-wf itself is killed is found and ended at the next
//! start.

use std::process::Stdio;

use smol_wf_providers::end_leftovers;

use super::{alone, ask, in_tree, marked, sh, text, this_test, tree_name, until};

/// Ignores the polite signal, and has children in other sessions, one of them
/// without a parent.
const TREE_SCRIPT: &str = "trap '' TERM
    setsid sh -c 'trap \"\" TERM; sleep 600; sleep 600' &
    (setsid sleep 600 &)
    sleep 600; sleep 600";
const TREE_SIZE: usize = 5;

/// The program that is killed: it runs an agent and waits for it.
#[test]
fn host() {
    if std::env::var(super::ALONE).is_ok_and(|name| name == "leftovers::host") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _ = runtime.block_on(ask(&marked(TREE_SCRIPT, "host"), "p"));
    }
}

async fn kill_a_host(tree: &str) {
    let mut host = this_test("leftovers::host");
    host.env("TEST_TREE_OF_HOST", tree_name(tree)).stdout(Stdio::null()).stderr(Stdio::null());
    let mut host = host.spawn().unwrap();
    until("the tree runs", super::PATIENCE, || in_tree(tree).len() >= TREE_SIZE).await;
    // It is another's as long as that one lives.
    end_leftovers();
    assert!(in_tree(tree).len() >= TREE_SIZE);
    // From here on any other smol-wf may end it, those of other tests included.
    host.kill().unwrap();
    host.wait().unwrap();
}

#[tokio::test]
async fn what_a_killed_host_leaves_is_ended_at_the_next_start() {
    kill_a_host("leftover").await;
    end_leftovers();
    assert_eq!(in_tree("leftover"), Vec::<i32>::new());
}

#[test]
fn the_next_agent_starts_when_they_have_ended() {
    alone("leftovers::the_next_agent_starts_when_they_have_ended", &[], async {
        kill_a_host("next").await;
        assert_eq!(text(&sh("echo started"), "p").await, "started");
        assert_eq!(in_tree("next"), Vec::<i32>::new());
    });
}
