//! What a killed smol-wf leaves behind is found and ended at the next start.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use smol_wf_providers::claude_code::ClaudeCode;
use smol_wf_providers::{AgentTask, CliOptions, McpServer, McpTransport, Provider, end_leftovers};

use super::{alone, ask, in_tree, marked, sh, task, text, this_test, tree_name, until};

/// Ignores SIGTERM, and has children in other sessions, one of them without a parent.
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
    // Its owner lives, so it stays.
    end_leftovers();
    assert!(in_tree(tree).len() >= TREE_SIZE);
    // From here on any other smol-wf may end it, also that of another test.
    host.kill().unwrap();
    host.wait().unwrap();
}

#[tokio::test]
async fn processes_of_a_killed_host_are_ended_at_the_next_start() {
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

/// The program that is killed: it runs Claude Code with an MCP server, whose
/// definition is in a file.
#[test]
fn host_with_a_server() {
    if std::env::var(super::ALONE).is_ok_and(|name| name == "leftovers::host_with_a_server") {
        let program = std::env::temp_dir().join("claude");
        std::fs::write(&program, "#!/bin/sh\nsleep 600\n").unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        let env = BTreeMap::from([("TOKEN".to_owned(), "s3cret".to_owned())]);
        let way = McpTransport::Program { command: "/bin/true".into(), args: Vec::new(), env };
        let mcp = vec![McpServer { name: "a".to_owned(), way }];
        let env = BTreeMap::from([(super::TREE.to_owned(), tree_name("host"))]);
        let options = CliOptions { program: Some(program), env, ..CliOptions::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let step = AgentTask { mcp, ..task("p") };
        let _ = runtime.block_on(ClaudeCode::new(options).attempt(step, &()));
    }
}

/// Files for agents in the folder for temporary files.
fn server_files() -> Vec<PathBuf> {
    let folders = std::fs::read_dir(std::env::temp_dir()).unwrap();
    let files = folders.map(|folder| folder.unwrap().path().join("mcp.json"));
    files.filter(|file| file.exists()).collect()
}

#[test]
fn a_file_with_secrets_of_a_killed_host_is_removed_at_the_next_start() {
    let name = "leftovers::a_file_with_secrets_of_a_killed_host_is_removed_at_the_next_start";
    let folder = tempfile::tempdir().unwrap();
    let vars = [("TMPDIR".to_owned(), folder.path().to_str().unwrap().to_owned())];
    alone(name, &vars, async {
        let mut host = this_test("leftovers::host_with_a_server");
        host.env("TEST_TREE_OF_HOST", tree_name("server"));
        host.stdout(Stdio::null()).stderr(Stdio::null());
        let mut host = host.spawn().unwrap();
        until("its agent runs", super::PATIENCE, || !in_tree("server").is_empty()).await;
        let files = server_files();
        assert!(std::fs::read_to_string(&files[0]).unwrap().contains("s3cret"));
        // The owner lives.
        end_leftovers();
        assert_eq!(server_files(), files);
        host.kill().unwrap();
        host.wait().unwrap();
        assert_eq!(server_files(), files);
        assert_eq!(text(&sh("echo started"), "p").await, "started");
        assert_eq!(server_files(), Vec::<PathBuf>::new());
        assert!(!files[0].parent().unwrap().exists());
    });
}
