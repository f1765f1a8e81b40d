//! Which agent answers, and what `doctor` and `providers` say of those there
//! are: with programs that a test puts on a search path of its own.

mod common;

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use common::{Place, Ran, finish, journal, project, snapshot};
use serde_json::Value;

const SCRIPT: &str =
    "export const meta = { name: 'w', description: 'd' }\nreturn await agent('hi')\n";
/// Ways to be logged in, as files below the home directory.
const LOGINS: [(&str, &str, &str); 4] = [
    ("claude-code", ".claude/.credentials.json", r#"{"claudeAiOauth":{"accessToken":"canary-1"}}"#),
    ("codex", ".codex/auth.json", r#"{"tokens":{"access_token":"canary-2"}}"#),
    ("opencode", ".local/share/opencode/auth.json", r#"{"x":{"type":"api","key":"canary-3"}}"#),
    ("pi", ".pi/agent/auth.json", r#"{"x":{"type":"api_key","key":"canary-4"}}"#),
];

fn program_of(provider: &str) -> &str {
    if provider == "claude-code" { "claude" } else { provider }
}

/// Puts a program on the place's own search path. It notes that it was started.
fn install(place: &Place, program: &str) {
    let text = format!("#!/bin/sh\necho started >> \"$HOME/started\"\necho '{program} 9.8.7'\n");
    let path = place.write(&format!("bin/{program}"), text);
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

fn log_in(place: &Place, provider: &str) {
    let (_, file, text) = LOGINS.iter().find(|login| login.0 == provider).unwrap();
    place.write(&format!("home/{file}"), text);
}

/// The program with nothing on its search path but what the place has.
fn alone(place: &Place, args: &[&str]) -> Command {
    let mut command = place.at_home(args);
    command.env("PATH", place.path("bin")).env("SMOL_WF_DB", place.db());
    command
}

fn run(place: &Place, args: &[&str]) -> Ran {
    finish(alone(place, args).spawn().unwrap())
}

fn provider_of(place: &Place, ran: &Ran) -> String {
    let head = journal(&place.db(), &ran.run_id()).remove(0);
    head["provider"].as_str().unwrap_or_else(|| panic!("{head}")).to_owned()
}

#[test]
fn auto_is_the_first_agent_that_is_installed_and_logged_in() {
    let place = Place::new();
    place.write("w.mjs", SCRIPT);
    // From the last to the first, so that each one wins over those before it.
    for (provider, ..) in LOGINS.iter().rev() {
        install(&place, program_of(provider));
        let before = run(&place, &["run", "w.mjs"]);
        // Installed, and not logged in: nobody, or the one before.
        let nobody = before.code == 69 && before.stderr.contains("[no_agent]");
        assert!(nobody || provider_of(&place, &before) != *provider, "{}", before.stderr);
        log_in(&place, provider);
        std::fs::remove_file(place.path("home/started")).ok();
        let chosen = run(&place, &["doctor", "--output", "json"]).report()["provider"].clone();
        assert_eq!(chosen, *provider);
        // Its name is said behind the run's, and stands in the journal.
        let ran = run(&place, &["run", "w.mjs", "--timeout", "30s"]);
        assert_eq!(provider_of(&place, &ran), *provider);
        let place_of = place.path("bin").join(program_of(provider));
        let said = format!("agents: {provider} (found at {})", place_of.display());
        assert_eq!(ran.stderr.lines().nth(1), Some(said.as_str()), "{}", ran.stderr);
    }
}

#[test]
fn auto_starts_no_program() {
    let place = Place::new();
    place.write("w.mjs", "export const meta = { name: 'w', description: 'd' }\nreturn 1\n");
    for (provider, ..) in LOGINS {
        install(&place, program_of(provider));
        log_in(&place, provider);
    }
    assert_eq!(provider_of(&place, &run(&place, &["run", "w.mjs"])), "claude-code");
    assert!(!place.path("home/started").exists());
}

#[test]
fn without_any_agent_nothing_is_echoed_unasked() {
    let place = Place::new();
    place.write("w.mjs", SCRIPT);
    let ran = run(&place, &["run", "w.mjs"]);
    snapshot!(ran.said(69), @"error: no agent is installed and logged in; `smol-wf doctor` says what is missing; choose another provider with --agent-provider, or --agent-provider debug, which echoes prompts and sends nothing to a model [no_agent]");
    // Whoever asks for the echo is not warned of it.
    let ran = run(&place, &["run", "w.mjs", "--agent-provider", "debug"]);
    snapshot!(ran.said(0), @"
    run run_1 in /folder
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    [agent] hi
    [agent] hi: done in 0.0 s, 2 tokens
    ");
}

#[test]
fn settings_that_keep_an_agent_from_editing_unread_are_named_once_a_run() {
    let place = Place::new();
    place.write(
        "w.mjs",
        "export const meta = { name: 'w', description: 'd' }\nawait agent('a', { permissions: 'write' })\nreturn agent('b', { permissions: 'write' })\n",
    );
    log_in(&place, "claude-code");
    let claude = "#!/bin/sh\nread -r prompt\necho \"$*\" >> \"$HOME/args\"\necho '{\"type\":\"result\",\"subtype\":\"success\",\"result\":\"done\"}'\n";
    let claude = place.write("bin/claude", claude);
    std::fs::set_permissions(claude, PermissionsExt::from_mode(0o755)).unwrap();
    for (text, is_read) in [("{} // mine", false), ("\u{feff}{}", true)] {
        let settings = place.write("home/.claude/settings.json", text);
        let ran = run(&place, &["run", "w.mjs"]);
        assert_eq!(ran.ok()["results"], "done");
        let said = format!("`{}` cannot be read as JSON", settings.display());
        assert_eq!(ran.stderr.matches(&said).count(), usize::from(!is_read), "{}", ran.stderr);
        let args = std::fs::read_to_string(place.path("home/args")).unwrap();
        let edits = args.lines().filter(|line| line.contains("--permission-mode acceptEdits"));
        assert_eq!((args.lines().count(), edits.count()), (2, if is_read { 2 } else { 0 }));
        std::fs::remove_file(place.path("home/args")).unwrap();
    }
}

#[test]
fn a_resumed_run_keeps_its_agent() {
    let place = Place::new();
    let two = "export const meta = { name: 'w', description: 'd' }\nawait agent('a')\nreturn await agent('b')\n";
    place.write("w.mjs", two);
    let ran = run(&place, &["run", "w.mjs", "--agent-provider", "debug", "--max-agents", "1"]);
    snapshot!(ran.said(5), @"
    run run_1 in /folder
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    [agent] a
    [agent] a: done in 0.0 s, 2 tokens
    error: the run may start 1 agent: it has started 1, and then the script asked for 1 or more at once, of which none was started; raise it with --max-agents 2 [limit_agents]
    resume: smol-wf resume run_1 --max-agents 2
    ");
    install(&place, "claude");
    log_in(&place, "claude-code");
    let resumed = run(&place, &["resume", "latest", "--max-agents", "2"]);
    assert_eq!(resumed.ok()["results"], "echo: b");
    assert!(!place.path("home/started").exists());
}

#[test]
fn a_provider_that_is_not_there_is_named_with_those_that_are() {
    let place = Place::new();
    place.write("w.mjs", SCRIPT);
    let file =
        "[providers.mine]\nkind = 'command'\ncommand = ['x']\n[providers.pi]\nenabled = false\n";
    place.write("home/.config/smol-workflows/config.toml", file);
    let ran = run(&place, &["run", "w.mjs", "--agent-provider", "pi"]);
    snapshot!(ran.said(2), @"error: unknown provider `pi`; available: claude-code, codex, debug, mine, opencode [request_invalid]");
}

#[test]
fn a_command_of_the_settings_answers_and_gets_only_what_it_is_given() {
    let place = Place::new();
    place.write("w.mjs", SCRIPT);
    let agent = place.write(
        "home/.config/smol-workflows/agent.sh",
        "#!/bin/sh\nprompt=$(cat)\necho \"$prompt $1 $2 $SET $PASSED ${SECRET:-none}\"\n",
    );
    std::fs::set_permissions(agent, PermissionsExt::from_mode(0o755)).unwrap();
    let file = "provider = 'mine'\n[providers.mine]\nkind = 'command'\ncommand = ['./agent.sh', 'one']\n\
        args = ['two']\nenv = { SET = 'set' }\nenv_allow = ['PASSED']\n";
    place.write("home/.config/smol-workflows/config.toml", file);
    let mut command = place.at_home(&["run", "w.mjs"]);
    command.env("PASSED", "passed").env("SECRET", "canary");
    let ran = finish(command.spawn().unwrap());
    assert_eq!(ran.ok()["results"], "hi one two set passed none");
}

#[test]
fn an_answer_that_is_not_utf_8_causes_a_warning_with_its_step() {
    let place = Place::new();
    place.write("w.mjs", SCRIPT);
    let file = "provider = 'mine'\n[providers.mine]\nkind = 'command'\n\
        command = ['printf', 'caf\\351 \\377']\n";
    place.write("home/.config/smol-workflows/config.toml", file);
    let at = |args: &[&str]| finish(place.at_home(args).spawn().unwrap());
    let ran = at(&["run", "w.mjs"]);
    let report = ran.ok();
    assert_eq!(report["results"], "caf\u{fffd} \u{fffd}");
    let said = "2 bytes of the answer to step 1 were not UTF-8, and replaced by U+FFFD";
    assert_eq!(ran.stderr.matches(said).count(), 1, "{}", ran.stderr);
    let warning = &report["warnings"][0];
    assert_eq!((&warning["code"], &warning["step"]), (&"answer_not_utf8".into(), &1.into()));
    assert!(warning["message"].as_str().unwrap().starts_with(said), "{warning}");
    // It is kept with the run, and is not said of a fork that asks nobody.
    let events = at(&["export", "latest", "--format", "jsonl"]).stdout;
    assert_eq!(events.matches("answer_not_utf8").count(), 1, "{events}");
    assert_eq!(at(&["fork", "latest"]).ok()["warnings"], Value::Null);
    // What is UTF-8 is not talked about.
    let file = file.replace("caf\\351 \\377", "caf\\303\\251 \\357\\277\\275");
    place.write("home/.config/smol-workflows/config.toml", file);
    let ran = at(&["run", "w.mjs"]);
    assert_eq!(ran.ok()["results"], "café \u{fffd}");
    snapshot!(ran.stderr, @"
    run run_1 in /folder
    [agent] hi
    [agent] hi: done in 0.0 s, 0 tokens
    ");
}

#[test]
fn a_trusted_project_brings_its_own_agent_and_an_untrusted_one_does_not() {
    let place = Place::new();
    let script = project().join("examples/own-agent/ask.mjs");
    let script = script.to_str().unwrap();
    let at = |args: &[&str]| finish(place.at_home(args).spawn().unwrap());
    let folder = project().join("examples/own-agent");
    let folder = folder.to_str().unwrap();
    let ran = at(&["run", script, "--cwd", folder, "--agent-provider", "counter"]);
    snapshot!(ran.said(2), @"
    warning: /smol-wf/examples/own-agent/.agents/smol-wf.toml is not trusted, and an untrusted project may neither set nor raise: providers.counter; these are ignored. Read the file, then type: smol-wf trust /smol-wf/examples/own-agent
    error: unknown provider `counter`; available: claude-code, codex, debug, opencode, pi [request_invalid]
    ");
    assert_eq!(at(&["trust", folder]).code, 0);
    let ran = at(&["run", script, "--cwd", folder]);
    assert_eq!(ran.ok()["results"], "7 words");
    // Whom a project has chosen is said.
    snapshot!(ran.stderr, @"
    run run_1 in /smol-wf/examples/own-agent
    agents: counter (named in /smol-wf/examples/own-agent/.agents/smol-wf.toml:3)
    [agent] counter
    [agent] counter: done in 0.0 s, 2 tokens
    ");
}

#[test]
fn doctor_says_of_each_agent_what_is_wrong_and_what_to_type() {
    let place = Place::new();
    let doctor = || run(&place, &["doctor"]);
    let nothing = doctor();
    snapshot!(nothing.printed(69), "doctor-nothing");
    assert!(nothing.stderr.is_empty(), "{}", nothing.stderr);
    install(&place, "codex");
    let not_logged_in = doctor();
    snapshot!(not_logged_in.printed(69), "doctor-not-logged-in");
    log_in(&place, "codex");
    let ready = doctor();
    snapshot!(ready.printed(0), "doctor-ready");
    let json = run(&place, &["doctor", "--output", "json"]).ok();
    assert_eq!(json["ok"], true);
    let agents = json["agents"].as_array().unwrap();
    let codex = agents.iter().find(|agent| agent["name"] == "codex").unwrap();
    assert_eq!(
        (codex["version"].as_str(), codex["loggedIn"].as_bool()),
        (Some("9.8.7"), Some(true))
    );
    assert_eq!(codex["usable"], true);
    // A pipe is no terminal: nothing in it moves or has a colour.
    assert!(!ready.stdout.contains('\u{1b}'));
    // It looks, and makes nothing.
    assert!(!place.db().exists());
}

#[test]
fn doctor_tells_of_settings_and_a_database_that_are_broken() {
    let place = Place::new();
    install(&place, "codex");
    log_in(&place, "codex");
    place.write("runs.db", "this is no database, and long enough to be none".repeat(40));
    let ran = run(&place, &["doctor"]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("FAILED") && ran.stdout.contains("store_"), "{}", ran.stdout);
    std::fs::remove_file(place.db()).unwrap();
    // One that cannot be made: `w.mjs` is no folder.
    place.write("w.mjs", SCRIPT);
    let ran = run(&place, &["doctor", "--db", "w.mjs/runs.db"]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("FAILED") && ran.stdout.contains("--db"), "{}", ran.stdout);
    let ran = run(&place, &["doctor", "--db", "new/folder/runs.db"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    place.write("home/.config/smol-workflows/config.toml", "modle = 'x'\n");
    let ran = run(&place, &["doctor"]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("[config_unknown_key]"), "{}", ran.stdout);
    place.write("home/.config/smol-workflows/config.toml", "");
    place.write(".agents/smol-wf.toml", "db = 'x.db'\n");
    let ran = run(&place, &["doctor"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("smol-wf trust"), "{}", ran.stdout);
}

#[test]
fn no_secret_is_shown_by_any_command() {
    let place = Place::new();
    place.write("w.mjs", SCRIPT);
    for (provider, ..) in LOGINS {
        install(&place, program_of(provider));
        log_in(&place, provider);
    }
    let file = "[providers.codex]\nenv = { OPENAI_API_KEY = 'canary-5' }\n\
        [providers.mine]\nkind = 'acp'\ncommand = ['nowhere']\nenv = { TOKEN = 'canary-6' }\n";
    place.write("home/.config/smol-workflows/config.toml", file);
    place.write(
        ".agents/smol-wf.toml",
        "[providers.theirs]\nkind = 'command'\ncommand = ['x']\nenv = { T = 'canary-7' }\n",
    );
    for args in [
        &["doctor"][..],
        &["doctor", "--output", "json"],
        &["providers"],
        &["config", "show"],
        &["trust"],
        &["config", "show", "--output", "json"],
        &["run", "w.mjs", "--agent-provider", "mine", "--debug"],
        &["history", "latest"],
    ] {
        let mut command = alone(&place, args);
        command.env("ANTHROPIC_API_KEY", "canary-8").env("UNRELATED", "canary-9");
        let ran = finish(command.spawn().unwrap());
        for text in [&ran.stdout, &ran.stderr] {
            assert!(!text.contains("canary-"), "{args:?}: {text}");
        }
    }
    let database = std::fs::read(place.db()).unwrap();
    assert!(!String::from_utf8_lossy(&database).contains("canary-"));
}

#[test]
fn providers_lists_what_each_can_do() {
    let place = Place::new();
    let json = run(&place, &["providers", "--output", "json"]).ok();
    let rows = json["providers"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    // In the order in which `auto` looks.
    assert_eq!(names, ["claude-code", "codex", "opencode", "pi", "debug"]);
    let can = |name: &str, what: &str| -> Value {
        rows.iter().find(|row| row["name"] == name).unwrap()["capabilities"][what].clone()
    };
    assert_eq!(
        (can("claude-code", "agentTypes"), can("codex", "agentTypes")),
        (true.into(), false.into())
    );
    let text = run(&place, &["providers"]);
    assert_eq!(text.stdout.lines().count(), 6, "{}", text.stdout);
}

/// Rows of the manual's table, and the capability that each is about.
const MANUAL: [(&str, &str); 17] = [
    ("`schema`", "schema"),
    ("corrects itself in the same session", "sessions"),
    ("`model`", "models"),
    ("`effort`", "effort"),
    ("`agentType`", "agentTypes"),
    ("`permissions: 'read'`", "readOnly"),
    ("`permissions: 'write'`", "write"),
    ("says what a step cost", "cost"),
    ("`disallowedTools`", "disallowedTools"),
    ("`tools`, `allowedTools`", "tools"),
    ("`bashCommandClamp`", "bashCommandClamp"),
    ("`system`", "system"),
    ("`dirs`", "dirs"),
    ("`maxTurns`", "maxTurns"),
    ("`images`", "images"),
    ("`mcp`", "mcp"),
    ("`session`", "sessions"),
];

#[test]
fn the_manual_says_of_each_provider_what_it_says_itself() {
    let place = Place::new();
    let file = "[providers.acp]\nkind = 'acp'\ncommand = ['x']\n\
        [providers.command]\nkind = 'command'\ncommand = ['x']\n";
    place.write("home/.config/smol-workflows/config.toml", file);
    let json = run(&place, &["providers", "--output", "json"]).ok();
    let rows = json["providers"].as_array().unwrap();
    let manual = std::fs::read_to_string(project().join("docs/agents.md")).unwrap();
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let header = manual.lines().find(|line| line.starts_with("| | claude-code")).unwrap();
    for (label, capability) in MANUAL {
        let line = manual.lines().find(|line| line.starts_with(&format!("| {label} |"))).unwrap();
        for (name, said) in cells(header).iter().zip(cells(line)).skip(1) {
            let row = rows.iter().find(|row| row["name"] == name.as_str()).unwrap();
            assert_eq!(row["capabilities"][capability], said == "yes", "{label}: {name}");
        }
    }
}

#[test]
fn two_accounts_with_one_agent_have_two_names() {
    let place = Place::new();
    let file = "[providers.work]\nkind = 'codex'\nenv = { CODEX_HOME = '/work' }\n";
    place.write("home/.config/smol-workflows/config.toml", file);
    let json = run(&place, &["providers", "--output", "json"]).ok();
    let rows = json["providers"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["claude-code", "codex", "opencode", "pi", "work", "debug"]);
}

/// Every line is a sign of life, so only the time for all of it ends such an agent:
/// one that floods, and then goes on at its leisure.
#[test]
fn an_agent_that_repeats_itself_for_ever_is_ended_by_the_time_that_it_has() {
    let place = Place::new();
    let file = "provider = 'mine'\n[providers.mine]\nkind = 'command'\n\
        command = ['sh', '-c', 'yes working | head -n 300000 >&2; while :; do echo working >&2; sleep 0.1; done']\n";
    place.write("home/.config/smol-workflows/config.toml", file);
    place.write(
        "w.mjs",
        "export const meta = { name: 'n', description: 'd' }\n\
        return agent('p', { retry: { maxAttempts: 1 }, onFailure: 'throw' })\n",
    );
    // Of the ten seconds without a word, a busy machine would have to take all.
    let args = ["run", "w.mjs", "--idle-timeout", "10s", "--agent-timeout", "12s"];
    let ran = finish(place.at_home(&args).spawn().unwrap());
    snapshot!(ran.said(1), @"
    run run_1 in /folder
    [agent] p
    [agent] p: failed: mine: gave no answer within 12 s; it was last doing: sh working; give it longer with the option `timeout` or with --agent-timeout
    error: workflow failed at 2:8: AgentError: mine: gave no answer within 12 s; it was last doing: sh working; give it longer with the option `timeout` or with --agent-timeout [provider_timeout]
       2 │ return agent('p', { retry: { maxAttempts: 1 }, onFailure: 'throw' })
         │        ^
    report: smol-wf history run_1
    1 of 1 agent failed; the reasons: smol-wf history run_1
    ");
}
