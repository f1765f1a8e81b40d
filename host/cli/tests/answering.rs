//! Who answers in truth and what is said of it beforehand, what becomes of
//! answers that are none, and what of a secret that an agent repeats.

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{Place, Ran, finish, snapshot};
use serde_json::Value;

const USER: &str = "home/.config/smol-workflows/config.toml";
const META: &str = "export const meta = { name: 'w', description: 'd' }\n";

/// A place with nothing logged in and one agent, `slow`, which is a shell script.
fn place(agent: &str, settings: &str) -> Place {
    let place = Place::new();
    program(&place, "slow.sh", &format!("#!/bin/sh\n{agent}\n"));
    let text = format!(
        "{settings}\n[providers.slow]\nkind = 'command'\ncommand = ['{}']\n\
         env = {{ MYKEY = 'canary-\"7301' }}\n",
        place.path("slow.sh").display()
    );
    place.write(USER, text);
    place
}

fn program(place: &Place, name: &str, text: &str) {
    let path = place.write(name, text);
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

/// Runs a script; no agent but the place's own is to be found.
fn run(place: &Place, script: &str, args: &[&str]) -> Ran {
    place.write("w.mjs", format!("{META}{script}\n"));
    let all: Vec<&str> = ["run", "w.mjs"].iter().chain(args).copied().collect();
    let mut command = place.at_home(&all);
    let path = format!("{}:/usr/bin:/bin", place.path("bin").display());
    finish(command.env("PATH", path).env("SMOL_WF_DB", place.db()).spawn().unwrap())
}

fn look(place: &Place, args: &[&str], variables: &[(&str, &str)]) -> Ran {
    finish(place.at_home(args).envs(variables.iter().copied()).spawn().unwrap())
}

const ASK: &str = "return await agent('hi')";

#[test]
fn whoever_the_model_names_answers_and_is_named_instead_of_the_echo() {
    let place = place("cat >/dev/null; echo from slow", "");
    let ran = run(&place, ASK, &["--model", "x?provider=slow"]);
    assert_eq!(ran.ok()["results"], "from slow");
    snapshot!(ran.stderr, @"
    run run_1 in /folder
    agents: slow (by the model: flag (--model))
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    [agent] hi
    [agent] hi: done in 0.0 s, 0 tokens
    ");
    // By an alias, whose place is what counts.
    let alias = ["--model", "deep", "--model-map", "deep:x?provider=slow"];
    let ran = run(&place, ASK, &alias);
    assert_eq!(ran.ok()["results"], "from slow");
    snapshot!(ran.stderr, @"
    run run_1 in /folder
    agents: slow (by the model: flag (--model-map))
    [agent] hi
    [agent] hi: done in 0.0 s, 0 tokens
    ");
    // What the script names is known to nobody before it runs: the warning is true
    // of the calls that it speaks of.
    let both = "return [await agent('hi', { provider: 'slow' }), await agent('ho')]";
    let ran = run(&place, both, &[]);
    snapshot!(ran.said(69), @"
    run run_1 in /folder
    warning: no agent is installed and logged in, so the first call that names none (by provider, model or phase) stops the run; `smol-wf doctor` says what is missing; --agent-provider debug echoes prompts
    [agent] hi
    [agent] hi: done in 0.0 s, 0 tokens
    error: step 2 (`ho`) names no agent (by provider, model or phase), and when the run started none was installed and logged in; `smol-wf doctor` says what is missing; choose a provider with --agent-provider [no_agent]
    continue with an agent: smol-wf fork run_1 --agent-provider NAME (debug echoes prompts and sends nothing to a model)
    ");
    assert!(!ran.stdout.contains("echo:"), "{}", ran.stdout);
    let named = "return [await agent('hi', { provider: 'slow' })]";
    assert_eq!(run(&place, named, &[]).ok()["results"][0], "from slow");
}

#[test]
fn an_untrusted_project_chooses_no_agent_unnamed() {
    let mut said = String::new();
    for (project, script) in [
        ("model = 'x?provider=slow'", ASK),
        ("provider = 'slow'", ASK),
        ("[model_map]\nfast = 'x?provider=slow'", "return await agent('hi', { model: 'fast' })"),
        ("model = 'fast'\n[model_map]\nfast = 'x?provider=slow'", ASK),
    ] {
        let place = place("cat >/dev/null; echo from slow", "");
        place.write(".agents/smol-wf.toml", project);
        let ran = run(&place, script, &[]);
        assert_eq!(ran.ok()["results"], "from slow", "{project}");
        said += &format!("{project}\n{}\n", ran.stderr);
    }
    snapshot!(said, "answering-project-chooses");
}

#[test]
fn a_program_that_cannot_run_is_no_agent_to_choose() {
    let place = place("cat", "");
    program(&place, "bin/codex", "#!/nonexistent/node\n");
    place.write("home/.codex/auth.json", r#"{"OPENAI_API_KEY":"k"}"#);
    let ran = run(&place, ASK, &[]);
    snapshot!(ran.said(69), @"
    run run_1 in /folder
    warning: no agent is installed and logged in, so the first call that names none (by provider, model or phase) stops the run; `smol-wf doctor` says what is missing; --agent-provider debug echoes prompts
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    error: step 1 (`hi`) names no agent (by provider, model or phase), and when the run started none was installed and logged in; `smol-wf doctor` says what is missing; choose a provider with --agent-provider [no_agent]
    continue with an agent: smol-wf fork run_1 --agent-provider NAME (debug echoes prompts and sends nothing to a model)
    ");
    let path = place.path("bin");
    let ran = look(&place, &["doctor"], &[("PATH", path.to_str().unwrap())]);
    assert!(ran.stdout.contains("its first line names `/nonexistent/node`"), "{}", ran.stdout);
}

#[test]
fn settings_that_cannot_work_are_told_of_with_their_place_and_blame_no_flag() {
    let mut said = String::new();
    for line in [
        "provider = \"nope\"",
        "model = \"x?provider=nope\"",
        "provider = 'codex'\nmodel = \"x?provider=nope\"",
        "model = \"x?foo=bar\"",
        "prices = \"nowhere.json\"",
        "model_map = { fast = \"x?foo=bar\" }",
    ] {
        let place = place("cat", line);
        let error = run(&place, "return 1", &[]).said(2).to_owned();
        let shown = look(&place, &["config", "show"], &[]);
        assert_eq!(shown.said(2), error, "{line}");
        let doctor = look(&place, &["doctor"], &[]);
        assert_ne!(doctor.code, 0, "{line}");
        let (_, cause) = error.trim_end().split_once("error: ").unwrap();
        assert!(doctor.stdout.contains(cause), "{line}: {}", doctor.stdout);
        said += &format!("{line}\n{error}\n");
    }
    snapshot!(said, "answering-unusable-settings");
    let place = place("cat", "");
    let variable = [("SMOL_WF_AGENT_PROVIDER", "nope")];
    snapshot!(look(&place, &["config", "show"], &variable).said(2), @"error: SMOL_WF_AGENT_PROVIDER: unknown provider `nope`; available: auto, debug, claude-code, codex, opencode, pi, slow [config_value]");
    let variable = [("SMOL_WF_MODEL_MAP", "fast:a?b=c")];
    snapshot!(look(&place, &["config", "show"], &variable).said(2), @"error: SMOL_WF_MODEL_MAP: it is not a model; a model reads ID or ID?provider=NAME&thinking=LEVEL [config_value]");
}

#[test]
fn what_is_not_there_is_looked_from_by_nobody() {
    let place = Place::new();
    for args in [
        &["doctor", "nowhere"][..],
        &["config", "show", "nowhere"],
        &["config", "path", "nowhere"],
        &["providers", "nowhere"],
    ] {
        insta::allow_duplicates!(
            snapshot!(look(&place, args, &[]).said(3), @"error: nowhere cannot be read: No such file or directory (os error 2); check the path [file_unreadable]")
        );
    }
}

#[test]
fn a_pipe_for_a_settings_file_is_not_waited_for() {
    let place = Place::new();
    let pipe = place.path("pipe.toml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let variable = [("SMOL_WF_CONFIG", pipe.to_str().unwrap())];
    snapshot!(look(&place, &["config", "show"], &variable).said(2), @"error: /folder/pipe.toml: the settings cannot be read: it is not a regular file; check the path [config_unreadable]");
}

/// All bytes of the files below a folder.
fn bytes_below(folder: &Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        match path.is_dir() {
            true => all.push_str(&bytes_below(&path)),
            false => all.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap())),
        }
    }
    all
}

#[test]
fn a_secret_of_the_settings_is_masked_wherever_an_agent_repeats_it() {
    let agent = "cat >/dev/null; echo \"bad key $MYKEY\" >&2; sleep 0.1\n\
        case $SMOL_WF_CALL in 1) echo \"so $MYKEY it is\" ;; *) echo \"$MYKEY\" >&2; exit 3 ;; esac";
    let place = place(agent, "provider = 'slow'");
    let kept = place.path("kept");
    let args = ["--debug", "--save-raw-sessions", kept.to_str().unwrap()];
    let script = "const a = await agent('hi')\nreturn [a, await agent('ho', { onFailure: 'throw' }).catch(e => e.message)]";
    let ran = run(&place, script, &args);
    assert_eq!(ran.ok()["results"][0], "so [masked] it is");
    let failed = ran.ok()["results"][1].to_string();
    assert!(failed.contains("exit code 3: ") && failed.contains("[masked]"), "{failed}");
    assert!(ran.stderr.contains("bad key [masked]"), "{}", ran.stderr);
    let events = run(&place, script, &["--events"]);
    let shown =
        look(&place, &["history", "latest", "--output", "json"], &[("SMOL_WF_DB", "runs.db")]);
    std::fs::remove_dir_all(place.path("home")).unwrap();
    for text in [&ran.stdout, &ran.stderr, &events.stdout, &events.stderr, &shown.stdout] {
        assert!(!text.contains("canary-"), "{text}");
    }
    assert!(!bytes_below(place.dir.path()).contains("canary-"));
}

#[test]
fn a_run_within_an_agent_takes_nothing_over_from_its_step() {
    let agent = format!("exec '{}' config show --output json", env!("CARGO_BIN_EXE_smol-wf"));
    let place = place(&agent, "provider = 'slow'");
    let options = "{ model: 'm', effort: 'high', permissions: 'write' }";
    let ran = run(&place, &format!("return await agent('hi', {options})"), &[]);
    let inner: Value = serde_json::from_str(ran.ok()["results"].as_str().unwrap()).unwrap();
    for row in inner["settings"].as_array().unwrap() {
        assert_ne!(row["origin"], "environment", "{row}");
    }
}

#[test]
fn only_a_matching_answer_satisfies_a_schema() {
    let object = "{ schema: { type: 'object', required: ['ok'] } }";
    let ask = format!("return await agent('hi', {object})");
    // Nothing at all, in both rounds.
    let ran = run(&place("cat >/dev/null", "provider = 'slow'"), &ask, &[]);
    snapshot!(ran.said(1), "answering-no-answer");
    // A value amid prose gets its correction.
    let agent = "if grep -q 'cannot be used' ; then echo '{\"ok\": 2}'\n\
        else echo 'The example was {\"ok\": true} but it is NOT ok.'; fi";
    let ran = run(&place(agent, "provider = 'slow'"), &ask, &[]);
    assert_eq!(ran.ok()["results"]["ok"], 2);
    // Where null is an answer, nothing is one.
    let ask = "return await agent('hi', { schema: { type: ['object', 'null'] } })";
    let ran = run(&place("cat >/dev/null", "provider = 'slow'"), ask, &[]);
    assert_eq!(ran.ok()["results"], Value::Null);
}

#[test]
fn an_agent_hears_where_its_answer_stops_being_json() {
    let agent = r#"if grep -q 'invalid escape at line 1 column 14' ; then echo '{"x": "good"}'
        else printf '%s' '{"x":"grep a\|b"}'; fi"#;
    let ask = "return await agent('hi', { schema: { type: 'object', required: ['x'] } })";
    let ran = run(&place(agent, "provider = 'slow'"), ask, &[]);
    assert_eq!(ran.ok()["results"]["x"], "good");
}

#[test]
fn an_answer_that_cannot_be_checked_in_time_is_not_asked_for_again() {
    let agent = "cat >/dev/null; echo asked >>\"$PWD/asked\"; printf '\"%s\"' $(head -c 3000 /dev/zero | tr '\\0' a)";
    let ask = r"return await agent('hi', { schema: { type: 'string', pattern: '^(a+)+\\1b$' } })";
    let place = place(agent, "provider = 'slow'");
    let ran = run(&place, ask, &[]);
    snapshot!(ran.said(1), "answering-too-costly");
    assert_eq!(std::fs::read_to_string(place.path("asked")).unwrap(), "asked\n");
}

#[test]
fn a_silent_program_gets_no_invented_activity() {
    let place = place("cat >/dev/null; sleep 60", "provider = 'slow'");
    let ask = "return await agent('hi', { timeout: '1s', retry: { maxAttempts: 1 } })";
    let ran = run(&place, ask, &[]);
    snapshot!(ran.said(1), "answering-silent-program");
}
