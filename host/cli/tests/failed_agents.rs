//! What a script is given when an agent fails, and what people are told.

mod common;

use common::{Place, finish, journal, snapshot};
use serde_json::{Value, json};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";
const GUARDED: &str =
    "const r = await agent('s', OPTIONS)\nif (r === null) return 'degraded'\nreturn r\n";
const FAIL: [&str; 2] = ["--debug-rule", "*=fail"];

fn body(options: &str) -> String {
    format!("{META}{}", GUARDED.replace("OPTIONS", options))
}

fn module(options: &str) -> String {
    let inner = GUARDED.replace("OPTIONS", options);
    format!("{META}export default async function () {{\n{inner}}}\n")
}

#[test]
fn bodies_get_null_for_a_failed_agent_and_modules_an_error() {
    let place = Place::new();
    let ran = place.script(&body("{ label: 'look' }"), &FAIL);
    snapshot!(ran.said(8), @"
    run run_1 in /folder
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    [agent] look
    [agent] look: failed, null for the script: debug: failed (failed) because a debug rule says so
    warning: the agent gave no answer
    null: agent `look`, step 1: debug: failed (failed) because a debug rule says so
    1 of 1 agent failed; the reasons: smol-wf history run_1
    ");
    let report = ran.report();
    assert_eq!((&report["results"], &report["state"]), (&json!("degraded"), &json!("completed")));
    let why = &report["nulls"][0];
    assert_eq!((&why["step"], &why["code"]), (&json!(1), &json!("provider_failed")));
    let last = ran.stderr.lines().last().unwrap();
    assert!(last.starts_with("1 of 1 agent failed"), "{last}");
    // The journal keeps both, and replays.
    let run = ran.run_id();
    let settled = journal(&place.db(), &run).into_iter().find(|one| one["kind"] == "settled");
    let settled = settled.unwrap();
    assert!(settled["outcome"]["failed"].is_object() && settled["given"] == "null", "{settled}");
    place.run(&["replay", &run]).ok();
    // A fork asks again.
    let fork = place.run(&["fork", &run, "--debug-rule", "*=answer:fine"]).ok();
    assert_eq!(fork["results"], "fine");

    let thrown = place.script(&module("{}"), &FAIL);
    snapshot!(thrown.said(1), @"
    run run_1 in /folder
    [agent] s
    [agent] s: failed: debug: failed (failed) because a debug rule says so
    error: workflow failed at 3:17: AgentError: debug: failed (failed) because a debug rule says so [provider_failed]
       3 │ const r = await agent('s', {})
         │                 ^
    report: smol-wf history run_1
    1 of 1 agent failed; the reasons: smol-wf history run_1
    ");
    assert!(thrown.stderr.lines().last().unwrap().starts_with("1 of 1 agent failed"));
}

#[test]
fn the_call_wins_over_the_flag_that_over_the_dialect_and_a_resume_keeps_it() {
    let place = Place::new();
    let (null, throw) = ("{ onFailure: 'null' }", "{ onFailure: 'throw' }");
    for (script, flag, code) in [
        (body(throw), None, 1),
        (module(null), None, 8),
        (body("{}"), Some("throw"), 1),
        (module("{}"), Some("null"), 8),
        (body(null), Some("throw"), 8),
        (module(throw), Some("null"), 1),
    ] {
        let flags = flag.map(|word| ["--on-failure", word]);
        let args: Vec<&str> = FAIL.iter().chain(flags.iter().flatten()).copied().collect();
        place.script(&script, &args).fails(code, &[]);
        let mut command = place.command(&["run", "script.mjs", "--debug-rule", "*=fail"]);
        if let Some(word) = flag {
            command.env("SMOL_WF_ON_FAILURE", word);
        }
        finish(command.spawn().unwrap()).fails(code, &[]);
    }
    snapshot!(place.script(&body("{}"), &["--on-failure", "sometimes"]).said(2), @"
    error: invalid value 'sometimes' for '--on-failure <WHAT>': expected one of throw, null

    For more information, try '--help'.
    ");

    // Stopped before its agent is asked, and taken up without the flag.
    let text = format!("{META}await agent('first')\nreturn [await agent('s')]\n");
    let args = ["--on-failure", "throw", "--max-agents", "1", "--debug-rule", "s=fail"];
    let paused = place.script(&text, &args);
    snapshot!(paused.said(5), @"
    run run_1 in /folder
    [agent] first
    [agent] first: done in 0.0 s, 3 tokens
    error: the run may start 1 agent: it has started 1, and then the script asked for 1 or more at once, of which none was started; raise it with --max-agents 2 [limit_agents]
    resume: smol-wf resume run_1 --max-agents 2
    ");
    let taken_up = place.run(&["resume", &paused.run_id(), "--max-agents", "2"]);
    snapshot!(taken_up.said(1), "failed-agents-resumed-throw");
}

#[test]
fn what_is_no_answer_to_work_with_is_thrown_in_both_dialects() {
    let place = Place::new();
    let schema =
        "{ schema: { type: 'object', required: ['a'], properties: { a: {} } }, onFailure: 'null' }";
    for (options, rule, code) in [
        (schema, "*=bad:always", "schema_mismatch"),
        ("{ onFailure: 'null' }", "*=fail:timeout", "provider_timeout"),
        ("{ onFailure: 'null' }", "*=fail:spawn", "provider_spawn"),
        ("{ onFailure: 'null', isolation: 'worktree' }", "*=null", "worktree_no_repository"),
        ("{ onFailure: 'null', provider: 'nobody' }", "*=null", "provider_unknown"),
        ("{ onFailure: 'null', readOnly: true }", "*=null", "call_invalid"),
    ] {
        for script in [body(options), module(options)] {
            place.script(&script, &["--debug-rule", rule]).fails(1, &[code]);
        }
    }
    // What shuts a provider still parks the step.
    snapshot!(place.script(&body("{}"), &["--debug-rule", "*=fail:auth"]).said(5), @"
    run run_1 in /folder
    [agent] s
    [agent] s: waits for a resume: debug: failed (auth) because a debug rule says so
    error: debug: failed (auth) because a debug rule says so [provider_auth]
    resume: smol-wf resume run_1
    ");
}

#[test]
fn a_run_that_nobody_answered_says_so() {
    let place = Place::new();
    let text = format!("{META}for (const p of ['a', 'b', 'c']) agent(p)\nreturn 1\n");
    let ran = place.script(&text, &["--debug-rule", "*=delay:1m"]);
    snapshot!(ran.said(8), @"
    run run_1 in /folder
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    warning: step 1 was still at work when the script ended, and was cut off (a)
    warning: step 2 was still at work when the script ended, and was cut off (b)
    warning: step 3 was still at work when the script ended, and was cut off (c)
    warning: none of the 3 agents gave an answer
    ");
    assert_eq!(ran.report()["abandoned"], json!([1, 2, 3]));
    // One that is left behind may be meant, and a refused call has asked nobody.
    place.script(&format!("{META}agent('a')\nreturn 1\n"), &["--debug-rule", "*=delay:1m"]).ok();
    let refused = "try { await agent('a', { isolation: 'worktree' }) } catch {}\nreturn 1\n";
    place.script(&format!("{META}{refused}"), &[]).ok();
}

#[test]
fn an_option_that_restricts_is_held_or_refused_before_anybody_is_asked() {
    let place = Place::new();
    place.write(
        "home/.config/smol-workflows/config.toml",
        "[providers.own]\nkind = 'command'\ncommand = ['cat']\n",
    );
    let mut said = String::new();
    for option in [
        "disallowedTools: ['Bash']",
        "tools: ['Read']",
        "allowedTools: []",
        "bashCommandClamp: ['ls']",
    ] {
        let text = body(&format!("{{ {option} }}"));
        // It has no tools at all.
        assert_eq!(place.script(&text, &[]).ok()["results"], "echo: s", "{option}");
        let db = place.db();
        let args = ["run", "script.mjs", "--agent-provider", "own", "--db", db.to_str().unwrap()];
        let ran = finish(place.at_home(&args).spawn().unwrap());
        said += ran.said(1);
        assert!(journal(&db, &ran.run_id()).iter().all(|one| one["kind"] != "agent_dispatched"));
    }
    snapshot!(said, "failed-agents-restricted");
}

#[test]
fn what_claude_code_passes_over_is_passed_over_with_a_warning_each() {
    let place = Place::new();
    let text = format!(
        "{META}const many = await parallel([1, 2, 3].map(i => () => agent('p' + i, {{ label: i, phase: i, effort: 'bogus', isolation: 'none' }})))\n\
         return [many, await agent('q', {{ model: '', schema: false, key: 1 }})]\n"
    );
    let ran = place.script(&text, &[]);
    assert_eq!(ran.ok()["results"], json!([["echo: p1", "echo: p2", "echo: p3"], "echo: q"]));
    let warnings: Vec<&str> =
        ran.stderr.lines().filter(|line| line.starts_with("warning: ")).collect();
    // Each once.
    snapshot!(warnings.join("\n"), @r#"
    warning: option `effort` of agent() takes one of none, off, minimal, low, medium, high, xhigh, max, ultra, and is "bogus"; it is ignored
    warning: option `isolation` of agent() takes 'worktree' or nothing, and is "none"; it is ignored
    warning: option `model` of agent() is empty and sets nothing; leave it out, or say undefined
    warning: option `schema` of agent() is false and sets nothing; leave it out, or say undefined
    "#);
    // A module is told.
    let text = format!("{META}export default () => agent('p', {{ label: 1 }})\n");
    snapshot!(place.script(&text, &[]).said(1), @"
    run run_1 in /folder
    error: workflow failed at 2:22: AgentError: option `label` of agent() takes a string, and is a number [call_invalid]
       2 │ export default () => agent('p', { label: 1 })
         │                      ^
    report: smol-wf history run_1
    ");
}

#[test]
fn silence_is_measured_for_each_step_and_time_by_one_rule() {
    let place = Place::new();
    let text = body("{ stallMs: 50, retry: { maxAttempts: 1 } }");
    let ran = place.script(&text, &["--debug-rule", "*=delay:1m"]);
    snapshot!(ran.said(1), "failed-agents-silence");
    let mut said = String::new();
    for wrong in ["'NaN'", "'1h30'", "'-5s'", "'inf'"] {
        said += place.script(&body(&format!("{{ timeout: {wrong} }}")), &[]).said(1);
    }
    snapshot!(said, "failed-agents-timeouts");
    place.script(&body("{}"), &["--timeout", "NaN"]).fails(2, &[]);
    snapshot!(place.script(&body("{}"), &["--debug-rule", "*=delay:NaN"]).said(2), @"error: --debug-rule: debug rule `*=delay:NaN`: `NaN` is not a duration; those are like 500ms, 2s or 1h30m [request_invalid]");
    assert_eq!(place.script(&body("{ timeout: '1d' }"), &[]).ok()["results"], "echo: s");
}

#[test]
fn a_full_journal_names_its_flag_and_goes_on_under_it() {
    let place = Place::new();
    let text = format!(
        "{META}const long = await agent('a')\nfor (let i = 0; i < 70; i++) log('x'.repeat(16000))\nawait agent('b')\nreturn [long, await agent('c')].length\n"
    );
    let ran = place.script(&text, &["--max-journal", "1"]);
    snapshot!(ran.said(5).replace(&"x".repeat(16_000), "x…"), "failed-agents-full-journal-names");
    let done = place.run(&["resume", &ran.run_id(), "--max-journal", "64"]).ok();
    assert_eq!(done["results"], 2);
    // What is over is over, however long its journal is.
    let text = text.replace("return [long, await agent('c')].length", "return 1");
    let ran = place.script(&text, &["--max-journal", "1"]);
    assert_eq!(ran.ok()["state"], "completed");
    assert_eq!(journal(&place.db(), &ran.run_id()).last().unwrap()["kind"], "run_ended");
}

#[test]
fn a_fork_counts_the_agents_that_it_asked() {
    let place = Place::new();
    let ran = place.script(&format!("{META}return await agent('a')\n"), &[]);
    ran.ok();
    let text = format!("{META}const a = await agent('a')\nagent('never')\nreturn a\n");
    let script = place.write("edited.mjs", text);
    let fork = place.run(&["fork", &ran.run_id(), script.to_str().unwrap()]);
    snapshot!(fork.stderr, @"
    run run_1 in /folder
    agents: debug, which echoes prompts: nothing is sent to a model
    [fork] of run_2
    [agent] a: answer reused
    warning: step 2 was still at work when the script ended, and was cut off (never)
    fork of run_2: 1 answer reused (3 tokens saved), 0 agents asked
    ");
    let reused: &Value = &fork.report()["reused"];
    assert_eq!((&reused["agents"], &reused["byHand"]), (&json!(1), &json!(0)));
}
