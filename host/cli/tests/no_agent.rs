//! A machine without any agent: an echo must never pass for an answer.

#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where it stands"
)]

mod common;

use std::process::{Command, Stdio};

use common::{Place, Ran, finish, project};

const SCRIPT: &str =
    "export const meta = { name: 'n', description: 'd' }\nreturn await agent('hello')\n";

fn place() -> Place {
    let place = Place::new();
    place.write("s.js", SCRIPT);
    place
}

/// The command where nothing is set and no agent is to be found.
fn bare(place: &Place, args: &[&str]) -> Command {
    let mut command = place.at_home(args);
    command.env("PATH", "/nonexistent");
    command
}

fn run(place: &Place, args: &[&str]) -> Ran {
    finish(bare(place, args).spawn().unwrap())
}

#[test]
fn off_a_terminal_a_run_without_an_agent_does_not_begin() {
    let place = place();
    for level in ["error", "info"] {
        let ran = run(&place, &["run", "s.js", "--log-level", level]);
        ran.fails(69, &["no agent", "smol-wf doctor", "--agent-provider debug", "[no_agent]"]);
        assert_eq!(ran.stdout, "");
    }
    assert!(!place.path("home/.local").exists(), "nothing is made");
    // Whoever names the echo has it: by flag, variable or settings.
    let echo = "echo: hello";
    assert_eq!(run(&place, &["run", "s.js", "--agent-provider", "debug"]).ok()["results"], echo);
    let mut by_variable = bare(&place, &["run", "s.js"]);
    by_variable.env("SMOL_WF_AGENT_PROVIDER", "debug");
    assert_eq!(finish(by_variable.spawn().unwrap()).ok()["results"], echo);
    place.write("home/.config/smol-workflows/config.toml", "provider = 'debug'\n");
    assert_eq!(run(&place, &["run", "s.js"]).ok()["results"], echo);
}

#[test]
fn off_a_terminal_a_call_that_names_nobody_fails_beside_agents_that_could_be_named() {
    let place = place();
    place.write(
        "home/.config/smol-workflows/config.toml",
        "[providers.mine]\nkind = 'command'\ncommand = ['/bin/sh', '-c', 'cat >/dev/null; echo mine']\n",
    );
    // As on a build server: nothing is set up but one agent, and nobody looks.
    let ran = run(&place, &["run", "s.js"]);
    ran.fails(69, &["warning: no agent is installed", "--agent-provider", "[no_agent]"]);
    assert_eq!(ran.report()["error"]["code"], "no_agent");
    assert!(!ran.stdout.contains("echo:"), "{}", ran.stdout);
    let resumed = run(&place, &["resume", &ran.run_id()]);
    resumed.fails(69, &["[no_agent]"]);
    // A script may hear of it, as of any call that cannot be made.
    place.write(
        "caught.js",
        "export const meta = { name: 'n', description: 'd' }\ntry { return await agent('hello') } catch (e) { return e.code }\n",
    );
    assert_eq!(run(&place, &["run", "caught.js"]).ok()["results"], "no_agent");
    // Each call names its agent.
    place.write(
        "named.js",
        "export const meta = { name: 'n', description: 'd' }\nreturn await agent('hello', { provider: 'mine' })\n",
    );
    assert_eq!(run(&place, &["run", "named.js"]).ok()["results"], "mine");
    // The echo, and the agent, where they are asked for.
    let echoed = run(&place, &["run", "s.js", "--agent-provider", "debug"]);
    assert_eq!(echoed.ok()["results"], "echo: hello");
    assert_eq!(run(&place, &["run", "s.js", "--agent-provider", "mine"]).ok()["results"], "mine");
    let forked = run(&place, &["fork", &ran.run_id(), "--agent-provider", "mine"]);
    assert_eq!(forked.ok()["results"], "mine");
    // `auto` is whoever is ready, and never an echo.
    let forked = run(&place, &["fork", &echoed.run_id(), "s.js", "--agent-provider", "auto"]);
    assert!(forked.code == 0 || forked.stderr.contains("[no_agent]"), "{}", forked.stderr);
    assert!(!forked.stderr.contains("unknown provider"), "{}", forked.stderr);
}

#[test]
fn a_run_of_echoes_says_so_when_it_is_taken_up() {
    let place = place();
    let run_id = run(&place, &["run", "s.js", "--agent-provider", "debug"]).run_id();
    for args in [&["resume", &run_id][..], &["fork", &run_id]] {
        let ran = run(&place, args);
        ran.fails(0, &["agents: debug", "nothing is sent to a model"]);
        assert!(ran.stderr.starts_with("run "), "{}", ran.stderr);
    }
}

/// On a terminal of its own: what it shows, and the exit code.
fn on_a_terminal(place: &Place, ci: &str) -> String {
    let program = env!("CARGO_BIN_EXE_smol-wf");
    let line = format!("PATH=/nonexistent {program} run s.js; echo code=$?");
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).current_dir(place.dir.path()).env_clear();
    script.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", place.path("home"));
    script.env("TERM", "xterm").env("SHELL", "/bin/sh").env("CI", ci);
    script.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(script.spawn().unwrap()).stdout
}

#[test]
fn on_a_terminal_the_warning_is_the_last_line_too() {
    let place = place();
    std::fs::create_dir(place.path("home")).unwrap();
    let shown = on_a_terminal(&place, "");
    assert!(shown.contains("code=0"), "{shown}");
    let lines: Vec<&str> = shown.lines().map(str::trim).collect();
    let last = lines[lines.len() - 2];
    assert!(last.starts_with("warning: no agent is installed"), "{shown}");
    assert!(shown.matches("NOTHING IS SENT").count() == 2, "{shown}");
    // Nobody watches in CI, whatever its terminal says.
    let shown = on_a_terminal(&place, "true");
    assert!(shown.contains("code=69") && shown.contains("[no_agent]"), "{shown}");
}

#[test]
fn the_first_command_of_the_readme_works_where_there_is_no_agent() {
    let readme = std::fs::read_to_string(project().join("README.md")).unwrap();
    let first = readme.lines().find_map(|line| line.strip_prefix("$ cargo run ")).unwrap();
    let args: Vec<&str> = first.split(" -- ").nth(1).unwrap().split(' ').collect();
    let place = place();
    let ran = finish(bare(&place, &args).current_dir(project()).spawn().unwrap());
    let report = ran.ok();
    // What it shows of the report is in the report.
    let shown = readme.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    for line in shown.lines().filter(|line| line.starts_with("  \"")) {
        let key = line.trim().trim_start_matches('"').split('"').next().unwrap();
        assert!(report.get(key).is_some(), "no `{key}` in {report}");
    }
    assert!(report["results"].as_str().unwrap().starts_with("echo: Greet world"), "{report}");
}
