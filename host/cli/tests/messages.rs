//! What the program says of mistakes that people make on their first day: what
//! happened, where, and what to type.

mod common;

use common::{Place, Ran, finish, snapshot};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

/// Runs a body below `meta`, which is line 1.
fn body(place: &Place, body: &str, args: &[&str]) -> Ran {
    place.write("s.js", format!("{META}{body}\n"));
    place.run(&[&["run", "s.js"], args].concat())
}

#[test]
fn scripts_that_cannot_be_read_say_what_to_write_instead() {
    let place = Place::new();
    let mut said = String::new();
    for text in [
        "const a = 1\nexport default a\nreturn a",
        "const a = 1\nconst a = 2\nreturn a",
        "let b\nfunction b() {}\nreturn 1",
        "import { slep } from 'workflow:extra'\nexport default 1",
        "import { nap } from 'workflow:extra'\nexport default 1",
        "import { exec } from 'workflow:sandbox'\nexport default 1",
        "import { sleep } from 'workflow:extr'\nexport default 1",
    ] {
        said += body(&place, text, &[]).said(3);
    }
    snapshot!(said, "messages-unreadable-scripts");
    place.write(
        "child.js",
        format!("{META}import {{ slep }} from 'workflow:extra'\nexport default 1\n"),
    );
    snapshot!(body(&place, "return workflow({ scriptPath: './child.js' })", &[]).said(1), @"
    run run_1 in /folder
    [workflow] ./child.js: failed: workflow ./child.js cannot be run: child.js:2:10: ImportError: `workflow:extra` has no export `slep`; did you mean `sleep`?
    error: workflow failed at 2:8: WorkflowError: workflow ./child.js cannot be run: child.js:2:10: ImportError: `workflow:extra` has no export `slep`; did you mean `sleep`? [workflow_refused]
       2 │ return workflow({ scriptPath: './child.js' })
         │        ^
    report: smol-wf history run_1
    ");
    place.write("m.js", "export const metadata = { name: 'n', description: 'd' }\nreturn 1\n");
    snapshot!(place.run(&["run", "m.js"]).said(3), @"
    error: the script has no `export const meta = { name: '…', description: '…' }`; rename `metadata` to `meta` [meta_missing]
    m.js:1:1
       1 │ export const metadata = { name: 'n', description: 'd' }
         │ ^
    ");
    place.write("c.js", "module.exports = { meta: {} }\n");
    snapshot!(place.run(&["run", "c.js"]).said(3), @"
    error: the script has no `export const meta = { name: '…', description: '…' }`; it is a CommonJS module: write `export const meta` instead of `module.exports` [meta_missing]
    c.js:1:1
       1 │ module.exports = { meta: {} }
         │ ^
    ");
}

/// One rule for all numbers that are none: nothing passes for an option unset.
#[test]
fn numbers_that_are_not_finite_are_refused_in_options() {
    let place = Place::new();
    let mut said = String::new();
    for number in ["NaN", "Infinity", "-Infinity"] {
        let call = format!("agent('p', {{ timeout: {number} }})");
        said += body(&place, &format!("return {call}"), &[]).said(1);
        place.write("m.mjs", format!("{META}export default await {call}\n"));
        said += place.run(&["run", "m.mjs"]).said(1);
        for wrong in ["maxAttempts", "backoffMs"] {
            let call = format!("return agent('p', {{ retry: {{ {wrong}: {number} }} }})");
            said += body(&place, &call, &[]).said(1);
        }
    }
    snapshot!(said, "messages-not-finite");
}

/// Loud on stderr and in the report, with the place.
#[test]
fn what_a_call_loses_is_said_on_stderr() {
    let place = Place::new();
    place.write("child.js", format!("{META}return Object.keys(args)\n"));
    let text = "return workflow({ scriptPath: './child.js' }, { s: new Set([1]), p: agent('x') })";
    let ran = body(&place, text, &[]);
    ran.ok();
    // The agent and the child are at work at the same time.
    let mut lines: Vec<&str> = ran.stderr.lines().collect();
    lines.sort_unstable();
    snapshot!(lines.join("\n"), @"
    [agent] x
    [agent] x: done in 0.0 s, 2 tokens
    [workflow] n
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    run run_1 in /folder
    warning: args.p is a promise that was not awaited, so the arguments have {} there (line 2)
    warning: args.s is a Set, which JSON shows as {} (line 2)
    ");
    let titles = "phase(Promise.resolve(1)); phase(new Set()); phase(null); phase('Review')";
    snapshot!(body(&place, titles, &[]).said(0), @"
    run run_1 in /folder
    [phase] [object Promise]
    warning: the title of a phase is `[object Promise]`: it was not awaited: phase('Review') takes it as text
    [phase] [object Set]
    warning: the title of a phase is `[object Set]`, which is what an object gives: phase('Review') takes it as text
    [phase] null
    warning: the title of a phase is `null`, which is what an agent that failed gives: phase('Review') takes it as text
    [phase] Review
    ");
    let ran = body(&place, text, &[]);
    let warnings = ran.report()["warnings"].clone();
    assert_eq!([&warnings[0]["code"], &warnings[1]["code"]], ["args_part", "args_promise"]);
}

#[test]
fn errors_of_a_script_name_what_they_are_about_and_where() {
    let place = Place::new();
    let mut said = String::new();
    for (text, code) in [
        ("const x = {}\nreturn x.b()", 1),
        ("const f = 1\nreturn f(3)", 1),
        ("return agent('x').map(y => y)", 1),
        ("const x = {}\nreturn new x.Foo()", 1),
        ("const x = {}\nreturn x.a.b", 1),
        ("return args.files.map(f => f)", 1),
        ("return require('fs')", 1),
        ("return fetch('http://x')", 1),
        ("return setInterval(() => 1, 5)", 1),
        ("return process.env", 1),
        ("let n = 0\nwhile (true) {\n  n++\n}\nreturn n", 1),
        ("await agent('x')\nreturn () => 1", 3),
        ("await Promise.race([])\nreturn 1", 3),
        ("return await new Promise(() => {})", 3),
        ("return workflow('./ok.js')", 1),
        ("return workflow('lib/ok.js')", 1),
        ("return agent('x', { isolation: { type: 'sandbox' } })", 1),
        ("return agent('x', { provider: 'claude' })", 1),
        ("return agent('x', { schema: { type: 'strng' } })", 1),
        ("return agent('x', { schema: { anyOf: [{ type: 'str' }] } })", 1),
    ] {
        said += body(&place, text, &["--fuel", "100000000"]).said(code);
    }
    snapshot!(said, "messages-failed-scripts");
    // Two loops, or none in the text: which one it was is not known.
    let two = body(&place, "for (const a of [1]) {}\nfor (;;) {}", &["--fuel", "100000000"]);
    snapshot!(two.said(1), @"
    run run_1 in /folder
    error: the script computed for 10000000 units of fuel without waiting for a call: probably an endless loop; if it is not, raise the limit with --fuel 1000000000; one turn may use a tenth of it [limit_turn_fuel]
    resume: smol-wf resume run_1 --fuel 1000000000
    ");
}

#[test]
fn a_slot_that_threw_says_which_line_and_what() {
    let place = Place::new();
    let ran =
        body(&place, "const o = {}\nreturn parallel([\n  () => o.foo(),\n  () => 1,\n])", &[]);
    snapshot!(ran.said(0), @"
    run run_1 in /folder
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    [null] parallel 1, slot 0, line 4: `o.foo` is not a function
    ");
    let null = &ran.report()["nulls"][0];
    assert_eq!((&null["line"], &null["column"]), (&4.into(), &11.into()), "{null}");
}

#[test]
fn what_is_odd_and_yet_runs_gets_a_line_and_what_is_right_gets_none() {
    let place = Place::new();
    let mut said = String::new();
    for text in [
        "phase()\nreturn agent('x')",
        "phase({ title: 'a' })\nreturn agent('x')",
        "phase(' ')\nreturn agent('x')",
        "return agent('x', { schema: { type: 'object', properties: { a: { type: 'string' } }, require: ['a'] } })",
        "return agent('x', { timeout: 0 })",
        "return agent('x', { timeout: -5 })",
        "await agent('x')",
    ] {
        said += body(&place, text, &[]).said(0);
    }
    for wrong in ["0", "-5"] {
        place.write("m.js", format!("{META}export default agent('x', {{ timeout: {wrong} }})\n"));
        said += place.run(&["run", "m.js"]).said(1);
    }
    snapshot!(said, "messages-odd-scripts");
    let mut said = String::new();
    for right in [
        "phase('Review')\nreturn agent('x')",
        "return agent('x', { schema: { type: 'object', properties: { require: { type: 'string' } } } })",
        "return agent('x', { timeout: 5000 })",
        "await agent('x')\nreturn null",
        "log('nothing to do')",
    ] {
        said += body(&place, right, &[]).said(0);
    }
    snapshot!(said, "messages-right-scripts");
    let quiet = body(&place, "await agent('x')", &["--log-level", "error"]);
    snapshot!(quiet.said(0), @"run run_1 in /folder");
}

#[test]
fn a_warning_of_a_phase_is_in_the_report_and_replays() {
    let place = Place::new();
    let ran = body(&place, "phase()\nphase()\nreturn agent('x')", &[]);
    let report = ran.ok();
    assert_eq!(report["warnings"][0]["code"], "phase_title", "{report}");
    place.run(&["replay", &ran.run_id()]).fails(0, &[]);
}

#[test]
fn a_name_that_is_taken_over_is_the_scripts_own_and_never_half_of_each() {
    let place = Place::new();
    for text in [
        "var log = []\nlog.push(1)\nreturn log",
        "globalThis.log = []\nlog.push(1)\nreturn log",
        "const e = eval\ne('var log = []')\nlog.push(1)\nreturn log",
    ] {
        assert_eq!(body(&place, text, &[]).ok()["results"], serde_json::json!([1]), "{text}");
    }
    place.write(
        "m.js",
        format!("{META}globalThis.agent = () => 7\nexport default await agent('x')\n"),
    );
    snapshot!(place.run(&["run", "m.js"]).said(1), @"
    run run_1 in /folder
    error: workflow failed at 2:12: TypeError: 'agent' is read-only [thrown]
       2 │ globalThis.agent = () => 7
         │            ^
    report: smol-wf history run_1
    ");
}

#[test]
fn commands_that_are_given_something_else_say_what_they_take() {
    let place = Place::new();
    place.write("ok.js", format!("{META}return 1\n"));
    let id = place.run(&["run", "ok.js"]).run_id();
    let mut said = String::new();
    for (args, code) in [
        (&["providers", "claude-code"][..], 3),
        (&["doctor", "codex"], 3),
        (&["history", "two"], 3),
        (&["history", "run_0000"], 3),
        (&["run", "ok.js", "--agent-provider", "claude"], 2),
        (&["run", "ok.js", "--agent-provider", "nobody"], 2),
        (&["run", "ok.js", "--timeout", "5"], 2),
        (&["run", "ok.js", "--db", "typo/r.db"], 0),
        (&["history", "--limit", "0"], 2),
        (&["history", "--limit", "999999"], 2),
        (&["run", "ok.js", "--debug-rule", "label:a=b=explode"], 2),
    ] {
        said += place.run(args).said(code);
    }
    snapshot!(said, "messages-other-arguments");
    place.run(&["run", "ok.js", "--timeout", "5s"]).ok();
    place.write("eq.js", format!("{META}return agent('x', {{ label: 'a=b' }})\n"));
    let ruled = place.run(&["run", "eq.js", "--debug-rule", "label:a=b=answer:c=d"]);
    assert_eq!(ruled.ok()["results"], "c=d");
    let listed = place.run(&["history", "--output", "json"]).ok();
    assert!(listed["runs"][0]["cwd"].as_str().is_some_and(|cwd| cwd.starts_with('/')), "{listed}");
    let shown = place.run(&["history", &id, "--output", "json"]).ok();
    assert!(shown["details"]["cwd"].as_str().is_some_and(|cwd| cwd.starts_with('/')), "{shown}");
}

#[test]
fn variables_that_were_meant_for_ours_are_told_and_no_others() {
    let place = Place::new();
    place.write("ok.js", format!("{META}return 1\n"));
    let with = |name: &str, value: &str| {
        let mut command = place.command(&["run", "ok.js"]);
        finish(command.env(name, value).spawn().unwrap())
    };
    snapshot!(with("SMOL_WF_MAXAGENTS", "1").said(0), @"
    run run_1 in /folder
    warning: smol-wf does not know the variable SMOL_WF_MAXAGENTS; did you mean SMOL_WF_MAX_AGENTS? `smol-wf config show` shows the settings in effect
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    ");
    snapshot!(with("SMOL_WF_TIMEOUT", "5").said(2), @"error: SMOL_WF_TIMEOUT: `5` needs a unit, as in 5s or 5ms [config_value]");
    snapshot!(with("SMOL_WF_DB", "elsewhere/r.db").said(0), @"
    run run_1 in /folder
    made a new database: /folder/elsewhere/r.db (named by SMOL_WF_DB)
    ");
    snapshot!(with("SMOL_WF_DB", "elsewhere/r.db").said(0), @"run run_1 in /folder");
    for (name, value) in
        [("SMOL_WF_MAX_AGENTS", "1"), ("SMOL_WF_OF_OURS", "1"), ("SMOL_WF_CALL", "2")]
    {
        insta::allow_duplicates!(snapshot!(with(name, value).said(0), @"run run_1 in /folder"));
    }
}

#[test]
fn counts_of_one_are_singular() {
    let place = Place::new();
    let many = body(
        &place,
        "return parallel([1, 2].map(n => () => agent(`p${n}`)))",
        &["--max-agents", "1"],
    );
    snapshot!(many.said(5), @"
    run run_1 in /folder
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    error: the run may start 1 agent: it has started 0, and then the script asked for 2 or more at once, of which none was started; raise it with --max-agents 2 [limit_agents]
    resume: smol-wf resume run_1 --max-agents 2
    ");
    let one = body(&place, "return agent('x')", &["--debug-rule", "*=tokens:1,answer:a"]);
    snapshot!(one.said(0), @"
    run run_1 in /folder
    [agent] x
    [agent] x: done in 0.0 s, 1 token
    ");
}

#[test]
fn a_missing_agent_says_how_to_install_it() {
    let place = Place::new();
    place.write("s.js", format!("{META}return agent('x')\n"));
    let mut said = String::new();
    for provider in ["claude-code", "codex", "opencode", "pi"] {
        let mut command =
            place.command(&["run", "s.js", "--agent-provider", provider, "--on-failure", "throw"]);
        let ran = finish(command.env("PATH", "/usr/bin:/bin").spawn().unwrap());
        said += ran.said(1);
    }
    snapshot!(said, "messages-missing-agents");
}

#[test]
fn a_script_that_is_not_found_has_a_hint_at_what_is_there() {
    let place = Place::new();
    place.write("ok.js", "export const meta = { name: 'n', description: 'd' }\n");
    snapshot!(place.run(&["run", "ok"]).said(3), @"
    error: there is no workflow `ok` in .agents/workflows or .claude/workflows, neither of which is there; there are: code-review, deep-research, triage-tests [workflow_not_found]
    did you mean ok.js?
    ");
    std::os::unix::fs::symlink("moved away.js", place.path("link.js")).unwrap();
    snapshot!(place.run(&["run", "link.js"]).said(3), @"
    error: there is no file `link.js` [workflow_not_found]
    link.js is a link to moved away.js, which does not exist
    ");
}

#[test]
fn flags_of_another_command_are_not_workflow_arguments() {
    let place = Place::new();
    place.write("s.mjs", "export const meta = { name: 'n', description: 'd' }\n");
    let mut said = String::new();
    for (command, flag) in [
        ("resume", "--model"),
        ("resume", "--on-failure"),
        ("resume", "--agent-provider"),
        ("resume", "--set-result"),
        ("resume", "--args"),
        ("fork", "--on-failure"),
        ("fork", "--phase-models"),
        ("run", "--set-result"),
        ("run", "--as-recorded"),
        ("plan", "--timeout"),
        ("explore", "--debug-rule"),
    ] {
        said += place.run(&[command, "s.mjs", flag, "x"]).said(2);
    }
    said += place.run(&["plan", "s.mjs", "--zebra", "x"]).said(2);
    snapshot!(said, "messages-flags-of-others");
}
