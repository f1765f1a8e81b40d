//! A machine without any agent: an echo must never pass for an answer.

#![cfg(target_os = "linux")]

mod common;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use common::{Place, Ran, finish, project, snapshot};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

const SCRIPT: &str =
    "export const meta = { name: 'n', description: 'd' }\nreturn await agent('hello')\n";

/// An agent that writes down what it was asked, and waits for a file where it is
/// asked to.
const MINE: &str = "read -r prompt; echo \"$prompt\" >>asked\n\
    case $prompt in *wait*) until [ -e go ]; do /bin/sleep 0.05; done;; esac\necho mine\n";

/// A place where calls can name that agent, with these settings besides.
fn with_mine(settings: &str) -> Place {
    let place = place();
    let program = place.write("mine.sh", MINE);
    let program = program.display();
    let mine = format!("kind = 'command'\ncommand = ['/bin/sh', '{program}']\n");
    let settings = format!("{settings}[providers.mine]\n{mine}");
    place.write("home/.config/smol-workflows/config.toml", settings);
    place
}

/// What the agent was asked so far.
fn asked(place: &Place) -> Vec<String> {
    let text = std::fs::read_to_string(place.path("asked")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

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
        insta::allow_duplicates!(
            snapshot!(ran.said(69), @"error: no agent is installed and logged in; `smol-wf doctor` says what is missing; choose another provider with --agent-provider, or --agent-provider debug, which echoes prompts and sends nothing to a model [no_agent]")
        );
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
fn off_a_terminal_a_call_that_names_nobody_stops_the_run_beside_agents_that_could_be_named() {
    let place = with_mine("");
    // As on a build server: nothing is set up but one agent, and nobody looks.
    let ran = run(&place, &["run", "s.js"]);
    snapshot!(ran.said(69), @"
    run run_1 in /folder
    warning: no agent is installed and logged in, so the first call that names none (by provider, model or phase) stops the run; `smol-wf doctor` says what is missing; --agent-provider debug echoes prompts
    error: step 1 (`hello`) names no agent (by provider, model or phase), and when the run started none was installed and logged in; `smol-wf doctor` says what is missing; choose a provider with --agent-provider [no_agent]
    continue with an agent: smol-wf fork run_1 --agent-provider NAME (debug echoes prompts and sends nothing to a model)
    ");
    assert_eq!(ran.report()["error"]["code"], "no_agent");
    assert!(!ran.stdout.contains("echo:"), "{}", ran.stdout);
    let resumed = run(&place, &["resume", &ran.run_id()]);
    snapshot!(resumed.said(69), @"
    run run_1 (resumed) in /folder
    error: step 1 (`hello`) names no agent (by provider, model or phase), and when the run started none was installed and logged in; `smol-wf doctor` says what is missing; choose a provider with --agent-provider [no_agent]
    continue with an agent: smol-wf fork run_1 --agent-provider NAME (debug echoes prompts and sends nothing to a model)
    ");
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
    let anew = ["fork", &echoed.run_id(), "--from", "1", "--agent-provider", "auto"];
    let forked = run(&place, &anew);
    snapshot!(forked.said(69), @"
    run run_1 in /folder
    warning: no agent is installed and logged in, so the first call that names none (by provider, model or phase) stops the run; `smol-wf doctor` says what is missing; --agent-provider debug echoes prompts
    [fork] of run_2
    fork of run_2: 0 answers reused (0 tokens saved), 0 agents asked
    error: step 1 (`hello`) names no agent (by provider, model or phase), and when the run started none was installed and logged in; `smol-wf doctor` says what is missing; choose a provider with --agent-provider [no_agent]
    continue with an agent: smol-wf fork run_1 --agent-provider NAME (debug echoes prompts and sends nothing to a model)
    ");
    assert_eq!(forked.report()["results"], serde_json::Value::Null);
}

/// However a script takes it, or hides it.
#[test]
fn a_missing_agent_never_reaches_the_script_as_an_answer() {
    let place = with_mine("");
    place.write("child.js", format!("{META}return await agent('hello')\n"));
    let named = "agent('named', { provider: 'mine' })";
    for body in [
        "return await parallel([() => agent('a'), () => agent('b')])".to_owned(),
        format!("return await parallel([() => agent('a'), () => {named}])"),
        format!("return await parallel([() => {named}, () => agent('a')])"),
        "return await pipeline([1, 2], n => agent(`a${n}`))".to_owned(),
        "return await workflow({ scriptPath: './child.js' })".to_owned(),
        "return await workflow({ scriptPath: './child.js' }).catch(() => 'fine')".to_owned(),
        "try { return await agent('a') } catch (e) { return e.code }".to_owned(),
        "return await agent('a', { onFailure: 'null' })".to_owned(),
        format!("return await Promise.race([agent('a'), {named}])"),
        "return (await Promise.allSettled([agent('a')])).length".to_owned(),
    ] {
        place.write("w.js", format!("{META}{body}\n"));
        let ran = run(&place, &["run", "w.js"]);
        ran.fails(69, &["[no_agent]", "smol-wf fork run_", "--agent-provider NAME"]);
        let report = ran.report();
        assert_eq!(report["state"], "paused", "{body}");
        assert_eq!(report["error"]["code"], "no_agent", "{body}");
        assert!(asked(&place).is_empty(), "{body}: nobody is asked beside it");
    }
}

/// Nor does one that is recorded anew.
#[test]
fn a_missing_agent_is_never_recorded_as_an_answer() {
    let place = with_mine("");
    place.write(".git/HEAD", "");
    let named = "agent('named', { provider: 'mine' })";
    place.write("w.js", format!("{META}return [await {named}]\n"));
    run(&place, &["run", "w.js"]).ok();
    run(&place, &["export", "latest", "--fixture", "tests/w.swf"]).fails(0, &[]);
    let script = "return [await agent('a', { onFailure: 'null' }).catch(() => 0), 1]\n";
    place.write("w.js", format!("{META}{script}"));
    let tested = run(&place, &["test", "--record", "missing"]);
    snapshot!(tested.printed(7), @"
    FAIL  tests/w.swf  1 step, 1 live, script edited, 0.0 s
          step 1 (`a`) names no agent (by provider, model or phase), and when the run started none was installed and logged in
    ");
}

/// Who is at work when it is missed is waited for: the answer is paid for.
#[test]
fn a_recording_that_misses_an_agent_keeps_what_others_answer() {
    let place = with_mine("");
    place.write(".git/HEAD", "");
    let mine = "{ provider: 'mine' }";
    place.write("w.js", format!("{META}return [await agent('named', {mine})]\n"));
    run(&place, &["run", "w.js"]).ok();
    run(&place, &["export", "latest", "--fixture", "tests/w.swf"]).fails(0, &[]);
    let script = format!(
        "{META}return parallel([() => agent('wait', {mine}), async () => {{ await agent('first', {mine}); await agent('b') }}])\n"
    );
    place.write("w.js", script);
    let child = bare(&place, &["test", "--record", "missing"]).spawn().unwrap();
    common::until("both are at work", || asked(&place).len() == 3);
    // Before it answers the other call is met.
    std::thread::sleep(std::time::Duration::from_millis(300));
    place.write("go", "");
    let tested = finish(child);
    assert_eq!(tested.code, 7, "{}", tested.stdout);
    let kept = std::fs::read_to_string(place.path("tests/w.swf.kept")).unwrap();
    assert!(kept.contains("wait"), "{kept}");
}

/// A child that is over asks nobody any more.
#[test]
fn a_call_that_is_cut_off_before_it_is_made_stops_nothing() {
    let place = with_mine("");
    place.write("lets.js", format!("{META}agent('left').catch(() => 0)\nreturn 1\n"));
    let script = "const one = await workflow({ scriptPath: './lets.js' })\n\
        return [one, await agent('named', { provider: 'mine' })]\n";
    place.write("w.js", format!("{META}{script}"));
    assert_eq!(run(&place, &["run", "w.js"]).ok()["results"], serde_json::json!([1, "mine"]));
}

#[test]
fn what_was_answered_before_an_agent_was_missed_is_not_asked_again() {
    let place = with_mine("");
    let script = format!(
        "{META}const mine = {{ provider: 'mine' }}\nreturn await parallel([\n\
        () => agent('wait', mine),\n\
        async () => [await agent('first', mine), await agent('second')],\n])\n"
    );
    place.write("w.js", script);
    // Else the agent would wait for ever where nothing stops the run.
    let mut child = bare(&place, &["run", "w.js", "--timeout", "60s"]).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("the run stops when the 1 agent at work has finished") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    place.write("go", "");
    stderr.read_to_string(&mut said).unwrap();
    let ran = finish(child);
    assert_eq!(ran.code, 69, "{said}");
    let id = ran.report()["runId"].as_str().unwrap().to_owned();
    snapshot!(run(&place, &["resume", &id]).said(69), @"
    run run_1 (resumed) in /folder
    [agent] wait: done in 0.0 s, 0 tokens
    error: step 3 (`second`) names no agent (by provider, model or phase), and when the run started none was installed and logged in; `smol-wf doctor` says what is missing; choose a provider with --agent-provider [no_agent]
    continue with an agent: smol-wf fork run_1 --agent-provider NAME (debug echoes prompts and sends nothing to a model)
    ");
    let forked = run(&place, &["fork", &id, "--agent-provider", "mine"]);
    assert_eq!(forked.ok()["results"], serde_json::json!(["mine", ["mine", "mine"]]));
    let mut asked = asked(&place);
    asked.sort();
    assert_eq!(asked, ["first", "second", "wait"]);
}

#[test]
fn auto_is_the_same_agent_for_a_run_and_a_fork() {
    let place = with_mine("model = 'm?provider=mine'\n");
    let echoed = run(&place, &["run", "s.js", "--agent-provider", "debug", "--model", "m"]);
    assert_eq!(echoed.ok()["results"], "echo: hello");
    let id = echoed.run_id();
    for args in [&["run", "s.js"][..], &["fork", &id, "--from", "1"]] {
        let ran = run(&place, &[args, &["--agent-provider", "auto"]].concat());
        assert_eq!(ran.ok()["results"], "mine", "{args:?}");
    }
    // Nobody is there at all.
    place.write("home/.config/smol-workflows/config.toml", "");
    let before = run(&place, &["history", "--json"]).stdout;
    for args in [&["run", "s.js"][..], &["fork", &id, "--from", "1"]] {
        let ran = run(&place, &[args, &["--agent-provider", "auto"]].concat());
        insta::allow_duplicates!(
            snapshot!(ran.said(69), @"error: no agent is installed and logged in; `smol-wf doctor` says what is missing; choose another provider with --agent-provider, or --agent-provider debug, which echoes prompts and sends nothing to a model [no_agent]")
        );
        assert_eq!(ran.stdout, "");
    }
    assert_eq!(run(&place, &["history", "--json"]).stdout, before, "no run was begun");
    for command in ["run s.js".to_owned(), format!("fork {id} --from 1")] {
        let shown = on_a_terminal(&place, "", &format!("{command} --agent-provider auto"));
        assert!(shown.contains("echo: hello") && shown.contains("code=0"), "{shown}");
        assert_eq!(shown.matches("NOTHING IS SENT").count(), 2, "{shown}");
    }
}

#[test]
fn a_call_that_names_auto_names_no_provider() {
    let place = with_mine("");
    let mut said = String::new();
    for call in ["{ provider: 'auto' }", "{ model: 'm?provider=auto' }"] {
        place.write("w.js", format!("{META}return await agent('x', {call})\n"));
        for flags in [&[][..], &["--agent-provider", "mine"]] {
            let ran = run(&place, &[&["run", "w.js"], flags].concat());
            said += ran.said(1);
        }
    }
    snapshot!(said, "no-agent-auto-named");
}

#[test]
fn doctor_says_what_becomes_of_calls_that_name_nobody_and_of_others() {
    let place = with_mine("");
    let doctor = run(&place, &["doctor"]);
    snapshot!(doctor.printed(69), "doctor-no-default");
    assert_eq!(run(&place, &["doctor", "--json"]).report()["provider"], "auto");
    place.write("home/.config/smol-workflows/config.toml", "");
    let doctor = run(&place, &["doctor"]);
    snapshot!(doctor.printed(69), "doctor-no-agent");
}

#[test]
fn a_run_of_echoes_says_so_when_it_is_taken_up() {
    let place = place();
    let run_id = run(&place, &["run", "s.js", "--agent-provider", "debug"]).run_id();
    let mut said = String::new();
    for args in [&["resume", &run_id][..], &["fork", &run_id]] {
        said += run(&place, args).said(0);
    }
    snapshot!(said, @"
    run run_1 is over, so there is nothing to resume; its steps: smol-wf history run_1; a new run that begins anew at one of them: smol-wf fork run_1 --from STEP
    agents: debug, which echoes prompts: nothing is sent to a model
    run run_2 in /folder
    agents: debug, which echoes prompts: nothing is sent to a model
    [fork] of run_1
    [agent] hello: answer reused
    fork of run_1: 1 answer reused (5 tokens saved), 0 agents asked
    ");
}

/// On a terminal of its own: what it shows, and the exit code.
fn on_a_terminal(place: &Place, ci: &str, args: &str) -> String {
    let program = env!("CARGO_BIN_EXE_smol-wf");
    let line = format!("PATH=/nonexistent {program} {args}; echo code=$?");
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
    let shown = on_a_terminal(&place, "", "run s.js");
    assert!(shown.contains("code=0"), "{shown}");
    let lines: Vec<&str> = shown.lines().map(str::trim).collect();
    let last = lines[lines.len() - 2];
    assert!(last.starts_with("warning: no agent is installed"), "{shown}");
    assert!(shown.matches("NOTHING IS SENT").count() == 2, "{shown}");
    // Nobody watches in CI, whatever its terminal says.
    let shown = on_a_terminal(&place, "true", "run s.js");
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
    let shown = readme.split("```json report-part\n").nth(1).unwrap().split("```").next().unwrap();
    for line in shown.lines().filter(|line| line.starts_with("  \"")) {
        let key = line.trim().trim_start_matches('"').split('"').next().unwrap();
        assert!(report.get(key).is_some(), "no `{key}` in {report}");
    }
    assert!(report["results"].as_str().unwrap().starts_with("echo: Greet world"), "{report}");
}
