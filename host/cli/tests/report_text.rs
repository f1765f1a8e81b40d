//! What `run`, `resume` and `fork` write to stdout, and when it is text.

#![cfg(unix)]

mod common;

use std::process::{Command, Stdio};

use common::{Place, finish, snapshot};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

/// A script that returns a text of several lines, and a place for it.
fn place() -> Place {
    let place = Place::new();
    place.write("s.js", format!("{META}await agent('a')\nreturn '# Done\\n\\n- one\\n\\t- two'\n"));
    place
}

/// What a command writes to stdout if that is a terminal, with these variables.
fn on_a_terminal(place: &Place, variables: &[(&str, &str)], args: &str) -> String {
    let program = env!("CARGO_BIN_EXE_smol-wf");
    let mut script = Command::new("script");
    let line = format!("{program} {args} 2>said.txt");
    script.args(["-qec", &line, "/dev/null"]).current_dir(place.dir.path()).env_clear();
    script.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", "/nonexistent");
    script.env("SMOL_WF_DB", place.db()).env("SMOL_WF_AGENT_PROVIDER", "debug");
    script.env("TERM", "xterm").env("SHELL", "/bin/sh").envs(variables.iter().copied());
    script.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ran = finish(script.spawn().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    ran.stdout.replace("\r\n", "\n")
}

const TEXT: &str = "# Done\n\n- one\n\t- two\n";

fn is_report(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok_and(|report| report["runId"].is_string())
}

fn is_stream(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.contains("\"type\":\"workflow.started\""))
}

#[test]
fn a_person_at_a_terminal_gets_text_and_a_program_the_report() {
    let place = place();
    assert_eq!(on_a_terminal(&place, &[], "run s.js"), TEXT);
    assert_eq!(on_a_terminal(&place, &[("CI", "")], "resume latest"), TEXT);
    assert!(!on_a_terminal(&place, &[], "fork latest").contains("runId"));
    for variables in [("CI", "true"), ("TERM", "dumb")] {
        assert!(is_report(&on_a_terminal(&place, &[variables], "run s.js")), "{variables:?}");
    }
    for command in [&["run", "s.js"][..], &["resume", "latest"], &["fork", "latest"]] {
        assert!(is_report(place.run(command).printed(0)), "{command:?}");
    }
}

#[test]
fn the_format_that_is_asked_for_is_written_wherever_it_goes() {
    let place = place();
    let asked = |format: &str| {
        let args = format!("run s.js --output {format}");
        let piped = place.run(&args.split(' ').collect::<Vec<_>>());
        assert_eq!(piped.code, 0, "{}", piped.stderr);
        [piped.stdout, on_a_terminal(&place, &[("CI", "true")], &args)]
    };
    assert_eq!(asked("text"), [TEXT, TEXT]);
    assert!(asked("json").iter().all(|text| is_report(text)));
    assert!(asked("jsonl").iter().all(|text| is_stream(text)));
    assert_eq!(asked("none"), ["", ""]);
    assert!(is_stream(place.run(&["run", "s.js", "-o", "jsonl", "--events"]).printed(0)));
}

#[test]
fn flags_that_contradict_each_other_start_nothing() {
    let place = place();
    for format in ["text", "json", "none"] {
        let ran = place.run(&["run", "s.js", "--events", "--output", format]);
        ran.fails(2, &["--events is the same as --output jsonl; give only one of them"]);
        assert!(ran.stdout.is_empty() && !place.db().exists());
    }
    place.run(&["resume", "latest", "--events", "-o", "text"]).fails(2, &["give only one"]);
    place.run(&["fork", "latest", "--events", "-o", "text"]).fails(2, &["give only one"]);
    place.run(&["run", "s.js", "--json"]).fails(2, &["--output json writes the report as JSON"]);
}

/// stdout and stderr of a run whose stdout is text.
fn shown(place: &Place, text: &str, flags: &[&str], code: i32) -> String {
    let ran = place.script(&format!("{META}{text}"), &[&["-o", "text"], flags].concat());
    assert_eq!(ran.code, code, "{}", ran.stderr);
    format!("{}--- stderr\n{}", ran.stdout, ran.stderr)
}

#[test]
fn results_are_rendered_for_reading() {
    let place = Place::new();
    let of = |value: &str| shown(&place, &format!("return {value}\n"), &[], 0);
    snapshot!(of("'# Title\\n\\nText\\u001b[31m\\n\\n::error::no'"), "report-text-markdown");
    snapshot!(
        of(
            "({ verdict: 'good', score: 0.5, files: ['a.rs', 'b.rs'], report: '# Title\\n\\nA text that is longer.' })"
        ),
        "report-text-article"
    );
    snapshot!(of("({ bugs: [{ file: 'a.rs', line: 3 }], done: true })"), "report-text-json");
    snapshot!(of("null"), "report-text-null");
}

#[test]
fn failures_nulls_and_what_to_type_next_are_said_on_stderr() {
    let place = Place::new();
    let nulls = "const all = await parallel([() => agent('a'), () => agent('b')])\n\
        try { await agent('c', { onFailure: 'throw' }) } catch {}\nreturn all\n";
    let rules = ["--debug-rule", "prompt:b=fail", "--debug-rule", "prompt:c=fail:rate_limit"];
    snapshot!(shown(&place, nulls, &rules, 0), "report-text-nulls");
    snapshot!(shown(&place, "await agent('a')\nnull.x\n", &[], 1), "report-text-failed");
    let two = "await agent('a')\nreturn await agent('b')\n";
    snapshot!(shown(&place, two, &["--max-agents", "1"], 5), "report-text-paused");
    // At a log level that is quiet, stdout is all there is.
    let ran = place.script(&format!("{META}return 'x'\n"), &["-o", "text", "--log-level", "error"]);
    assert_eq!((ran.printed(0), ran.stderr.lines().count()), ("x\n", 1), "{}", ran.stderr);
}

#[test]
fn worktrees_that_were_kept_are_named() {
    let place = Place::new();
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(args);
        assert!(git.current_dir(place.dir.path()).output().unwrap().status.success(), "{args:?}");
    };
    let agent = "#!/bin/sh\nread -r prompt\necho \"$prompt\" > made.txt\necho done\n";
    let agent = place.write("home/.config/smol-workflows/agent.sh", agent);
    std::fs::set_permissions(agent, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let file = "[providers.mine]\nkind = 'command'\ncommand = ['./agent.sh']\n";
    place.write("home/.config/smol-workflows/config.toml", file);
    place.write(
        "s.js",
        format!("{META}return await agent('make', {{ label: 'maker', isolation: 'worktree' }})\n"),
    );
    git(&["init", "-q"]);
    git(&["add", "s.js"]);
    git(&["commit", "-qm", "one"]);
    let mut command = place.at_home(&["run", "s.js", "-o", "text", "--agent-provider", "mine"]);
    let ran = finish(command.env("SMOL_WF_DB", place.db()).spawn().unwrap());
    assert_eq!(ran.printed(0), "done\n", "{}", ran.stderr);
    let run = ran.run_id();
    let kept = ran.stderr.lines().find(|line| line.starts_with("worktree of maker: /")).unwrap();
    assert!(kept.contains(&format!(".worktrees/{run}/1, branch smol-wf/")), "{kept}");
}

#[test]
fn a_reader_that_goes_away_and_a_full_disk_are_told_apart() {
    let place = Place::new();
    place.write("s.js", format!("{META}return 'y\\n'.repeat(100_000)\n"));
    let program = env!("CARGO_BIN_EXE_smol-wf");
    let code = |line: &str| {
        let mut bash = Command::new("bash");
        bash.args(["-c", line]).current_dir(place.dir.path());
        bash.env("SMOL_WF_DB", place.db()).env("SMOL_WF_AGENT_PROVIDER", "debug");
        String::from_utf8(bash.output().unwrap().stdout).unwrap().trim_end().to_owned()
    };
    let run = format!("{program} run s.js -o text 2>said.txt");
    assert!(code(&format!("{run} | head -c 4; echo ${{PIPESTATUS[0]}}")).ends_with('0'));
    assert_eq!(code(&format!("{run} >/dev/full; echo $?")), "74");
    let said = std::fs::read_to_string(place.path("said.txt")).unwrap();
    assert!(
        said.contains("[stdout_unwritable]")
            && said.contains("the report is stored: smol-wf history"),
        "{said}"
    );
}
