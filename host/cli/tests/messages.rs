//! What the program says of mistakes that people make on their first day: what
//! happened, where, and what to type.

mod common;

use common::{Place, Ran, finish};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

/// Runs a body below `meta`, which is line 1.
fn body(place: &Place, body: &str, args: &[&str]) -> Ran {
    place.write("s.js", format!("{META}{body}\n"));
    place.run(&[&["run", "s.js"], args].concat())
}

#[test]
fn scripts_that_cannot_be_read_say_what_to_write_instead() {
    let place = Place::new();
    for (text, says) in [
        (
            "const a = 1\nexport default a\nreturn a",
            &[
                "Either `return` the result at top level, or `export default` it, not both",
                "s.js:3:1",
            ][..],
        ),
        ("const a = 1\nconst a = 2\nreturn a", &["`a` is declared twice", "s.js:3:7"]),
        ("let b\nfunction b() {}\nreturn 1", &["`b` is declared twice", "s.js:3:10"]),
        (
            "import { slep } from 'workflow:extra'\nexport default 1",
            &["no export `slep`; did you mean `sleep`?", "s.js:2:10", "[import]"],
        ),
        (
            "import { nap } from 'workflow:extra'\nexport default 1",
            &["no export `nap`; it has `sleep`", "s.js:2:10"],
        ),
        (
            "import { exec } from 'workflow:sandbox'\nexport default 1",
            &[
                "cannot import `workflow:sandbox`: a script runs no commands itself",
                "ask an agent",
                "s.js:2:22",
            ],
        ),
        (
            "import { sleep } from 'workflow:extr'\nexport default 1",
            &["did you mean `workflow:extra`?", "s.js:2:23"],
        ),
    ] {
        let ran = body(&place, text, &[]);
        ran.fails(3, says);
        assert!(!ran.stderr.contains("unsupported keyword"), "{}", ran.stderr);
    }
    place.write(
        "child.js",
        format!("{META}import {{ slep }} from 'workflow:extra'\nexport default 1\n"),
    );
    body(&place, "return workflow({ scriptPath: './child.js' })", &[])
        .fails(1, &["child.js:2:10", "did you mean `sleep`?"]);
    place.write("m.js", "export const metadata = { name: 'n', description: 'd' }\nreturn 1\n");
    place.run(&["run", "m.js"]).fails(3, &["rename `metadata` to `meta`"]);
    place.write("c.js", "module.exports = { meta: {} }\n");
    place.run(&["run", "c.js"]).fails(3, &["CommonJS", "write `export const meta`"]);
}

/// One rule for all numbers that are none: nothing passes for an option unset.
#[test]
fn numbers_that_are_not_finite_are_refused_in_options() {
    let place = Place::new();
    for number in ["NaN", "Infinity", "-Infinity"] {
        let call = format!("agent('p', {{ timeout: {number} }})");
        let said = format!("up to 24 h, and is {number}");
        body(&place, &format!("return {call}"), &[]).fails(1, &["`timeout`", &said]);
        place.write("m.mjs", format!("{META}export default await {call}\n"));
        place.run(&["run", "m.mjs"]).fails(1, &["`timeout`", &said, "call_invalid"]);
        for wrong in ["maxAttempts", "backoffMs"] {
            let call = format!("return agent('p', {{ retry: {{ {wrong}: {number} }} }})");
            let said = format!("and is {{ {wrong}: {number} }}");
            body(&place, &call, &[]).fails(1, &["`retry`", &said]);
        }
    }
}

/// Loud on stderr and in the report, with the place.
#[test]
fn what_a_call_loses_is_said_on_stderr() {
    let place = Place::new();
    place.write("child.js", format!("{META}return Object.keys(args)\n"));
    let text = "return workflow({ scriptPath: './child.js' }, { s: new Set([1]), p: agent('x') })";
    let ran = body(&place, text, &[]);
    ran.ok();
    for part in ["args.s is a Set", "args.p is a promise that was not awaited", "(line 2)"] {
        assert!(ran.stderr.contains(part), "no `{part}` in: {}", ran.stderr);
    }
    let titles = "phase(Promise.resolve(1)); phase(new Set()); phase(null); phase('Review')";
    let ran = body(&place, titles, &[]);
    for part in ["`[object Promise]`: it was not awaited", "`[object Set]`", "`null`"] {
        assert!(ran.stderr.contains(part), "no `{part}` in: {}", ran.stderr);
    }
    assert_eq!(ran.stderr.matches("the title of a phase").count(), 3, "{}", ran.stderr);
    let ran = body(&place, text, &[]);
    let warnings = ran.report()["warnings"].to_string();
    assert!(warnings.contains("args_part") && warnings.contains("args_promise"), "{warnings}");
}

#[test]
fn errors_of_a_script_name_what_they_are_about_and_where() {
    let place = Place::new();
    for (text, code, says) in [
        ("const x = {}\nreturn x.b()", 1, &["at 3:10", "`x.b` is not a function"][..]),
        ("const f = 1\nreturn f(3)", 1, &["at 3:", "`f` is not a function"]),
        (
            "return agent('x').map(y => y)",
            1,
            &["at 2:19", "`agent(…).map` is not a function", "`(await agent(…))`"],
        ),
        ("const x = {}\nreturn new x.Foo()", 1, &["at 3:", "`x.Foo` is not a constructor"]),
        (
            "const x = {}\nreturn x.a.b",
            1,
            &["at 3:12", "cannot read property 'b' of undefined: `x.a` is undefined"],
        ),
        ("return args.files.map(f => f)", 1, &["at 2:13", "--args-files VALUE"]),
        ("return require('fs')", 1, &["at 2:8", "there is no CommonJS"]),
        ("return fetch('http://x')", 1, &["ask an agent"]),
        ("return setInterval(() => 1, 5)", 1, &["there is setTimeout"]),
        ("return process.env", 1, &["pass it arguments, or ask an agent"]),
        (
            "let n = 0\nwhile (true) {\n  n++\n}\nreturn n",
            1,
            &[
                "probably an endless loop",
                "the only loop of the script: line 3",
                "while (true)",
                "--fuel 1000000000",
            ],
        ),
        (
            "await agent('x')\nreturn () => 1",
            3,
            &["result is a function", "the result comes from: line 3", "return () => 1"],
        ),
        (
            "await Promise.race([])\nreturn 1",
            3,
            &[
                "waits for a promise that nothing will settle",
                "Promise.race([]), which never settles",
            ],
        ),
        ("return await new Promise(() => {})", 3, &["nothing will settle", "at 2:14"]),
        ("return workflow('./ok.js')", 1, &["at 2:8", "workflow({ scriptPath: './ok.js' })"]),
        ("return workflow('lib/ok.js')", 1, &["workflow({ scriptPath: './lib/ok.js' })"]),
        (
            "return agent('x', { isolation: { type: 'sandbox' } })",
            1,
            &["'worktree' gives the agent a checkout", "smol-wf in a container"],
        ),
        ("return agent('x', { provider: 'claude' })", 1, &["did you mean `claude-code`?"]),
        (
            "return agent('x', { schema: { type: 'strng' } })",
            1,
            &["at /type: \"strng\" is not a type", "did you mean `string`?"],
        ),
        (
            "return agent('x', { schema: { anyOf: [{ type: 'str' }] } })",
            1,
            &["at /anyOf/0/type", "did you mean `string`?"],
        ),
    ] {
        let ran = body(&place, text, &["--fuel", "100000000"]);
        ran.fails(code, says);
    }
    // Two loops, or none in the text: which one it was is not known.
    let two = body(&place, "for (const a of [1]) {}\nfor (;;) {}", &["--fuel", "100000000"]);
    two.fails(1, &["probably an endless loop"]);
    assert!(!two.stderr.contains("only loop"), "{}", two.stderr);
}

#[test]
fn a_slot_that_threw_says_which_line_and_what() {
    let place = Place::new();
    let ran =
        body(&place, "const o = {}\nreturn parallel([\n  () => o.foo(),\n  () => 1,\n])", &[]);
    ran.fails(0, &["[null] parallel 1, slot 0, line 4: `o.foo` is not a function"]);
    let null = &ran.report()["nulls"][0];
    assert_eq!((&null["line"], &null["column"]), (&4.into(), &11.into()), "{null}");
}

#[test]
fn what_is_odd_and_yet_runs_gets_a_line_and_what_is_right_gets_none() {
    let place = Place::new();
    for (text, says) in [
        ("phase()\nreturn agent('x')", "the title of a phase is `undefined`"),
        ("phase({ title: 'a' })\nreturn agent('x')", "the title of a phase is `[object Object]`"),
        ("phase(' ')\nreturn agent('x')", "the title of a phase is empty"),
        (
            "return agent('x', { schema: { type: 'object', properties: { a: { type: 'string' } }, require: ['a'] } })",
            "`require` in the schema of agent() is not a keyword of JSON Schema, and means nothing; did you mean `required`?",
        ),
        (
            "return agent('x', { timeout: 0 })",
            "option `timeout` of agent() takes milliseconds greater than 0",
        ),
        ("return agent('x', { timeout: -5 })", "and is -5; it is ignored"),
        ("await agent('x')", "the script returns nothing, so `results` is null"),
    ] {
        body(&place, text, &[]).fails(0, &[says]);
    }
    for wrong in ["0", "-5"] {
        place.write("m.js", format!("{META}export default agent('x', {{ timeout: {wrong} }})\n"));
        place.run(&["run", "m.js"]).fails(1, &["option `timeout` of agent() takes milliseconds"]);
    }
    for right in [
        "phase('Review')\nreturn agent('x')",
        "return agent('x', { schema: { type: 'object', properties: { require: { type: 'string' } } } })",
        "return agent('x', { timeout: 5000 })",
        "await agent('x')\nreturn null",
        "log('nothing to do')",
    ] {
        let ran = body(&place, right, &[]);
        ran.fails(0, &[]);
        assert!(!ran.stderr.contains("warning") && !ran.stderr.contains("null:"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("returns nothing"), "{}", ran.stderr);
    }
    let quiet = body(&place, "await agent('x')", &["--log-level", "error"]);
    assert!(!quiet.stderr.contains("returns nothing"), "{}", quiet.stderr);
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
    place.run(&["run", "m.js"]).fails(1, &["'agent' is read-only", "at 2:12"]);
}

#[test]
fn commands_that_are_given_something_else_say_what_they_take() {
    let place = Place::new();
    place.write("ok.js", format!("{META}return 1\n"));
    let id = place.run(&["run", "ok.js"]).run_id();
    for (args, code, says) in [
        (
            &["providers", "claude-code"][..],
            3,
            &["claude-code is a provider, but a script or folder was expected", "smol-wf doctor"][..],
        ),
        (&["doctor", "codex"], 3, &["codex is a provider", "--agent-provider codex"]),
        (&["history", "two"], 3, &["smol-wf history --name two"]),
        (&["history", "run_0000"], 3, &["all runs: smol-wf history"]),
        (&["run", "ok.js", "--agent-provider", "claude"], 2, &["did you mean `claude-code`?"]),
        (
            &["run", "ok.js", "--agent-provider", "nobody"],
            2,
            &["unknown provider `nobody`; available: "],
        ),
        (&["run", "ok.js", "--timeout", "5"], 2, &["`5` needs a unit, as in 5s or 5ms"]),
        (&["run", "ok.js", "--db", "typo/r.db"], 0, &["made a new database: ", "typo/r.db"]),
        (&["history", "--limit", "0"], 2, &["expected a whole number from 1 to 100000"]),
        (
            &["history", "--limit", "999999"],
            2,
            &["expected a whole number from 1 to 100000", "--before"],
        ),
        (&["run", "ok.js", "--debug-rule", "label:a=b=explode"], 2, &["is not an action"]),
    ] {
        let ran = place.run(args);
        ran.fails(code, says);
    }
    let known = place.run(&["history", "run_0000"]).stderr;
    assert!(!known.contains("--name"), "{known}");
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
    with("SMOL_WF_MAXAGENTS", "1").fails(
        0,
        &["does not know the variable SMOL_WF_MAXAGENTS", "did you mean SMOL_WF_MAX_AGENTS?"],
    );
    with("SMOL_WF_TIMEOUT", "5").fails(2, &["SMOL_WF_TIMEOUT: `5` needs a unit, as in 5s or 5ms"]);
    let made = with("SMOL_WF_DB", "elsewhere/r.db");
    made.fails(0, &["made a new database: ", "elsewhere/r.db (named by SMOL_WF_DB)"]);
    assert!(!with("SMOL_WF_DB", "elsewhere/r.db").stderr.contains("made a new"));
    for (name, value) in
        [("SMOL_WF_MAX_AGENTS", "1"), ("SMOL_WF_OF_OURS", "1"), ("SMOL_WF_CALL", "2")]
    {
        let ran = with(name, value);
        assert!(!ran.stderr.contains("warning"), "{name}: {}", ran.stderr);
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
    many.fails(5, &["the run may start 1 agent:"]);
    let one = body(&place, "return agent('x')", &["--debug-rule", "*=tokens:1,answer:a"]);
    one.fails(0, &["1 token\n"]);
}

#[test]
fn a_missing_agent_says_how_to_install_it() {
    let place = Place::new();
    place.write("s.js", format!("{META}return agent('x')\n"));
    for (provider, install) in [
        ("claude-code", "npm install -g @anthropic-ai/claude-code"),
        ("codex", "npm install -g @openai/codex"),
        ("opencode", "npm install -g opencode-ai"),
        ("pi", "npm install -g @earendil-works/pi-coding-agent"),
    ] {
        let mut command =
            place.command(&["run", "s.js", "--agent-provider", provider, "--on-failure", "throw"]);
        let ran = finish(command.env("PATH", "/usr/bin:/bin").spawn().unwrap());
        ran.fails(1, &[install, "`smol-wf doctor` says what is missing"]);
    }
}

#[test]
fn a_script_that_is_not_found_has_a_hint_at_what_is_there() {
    let place = Place::new();
    place.write("ok.js", "export const meta = { name: 'n', description: 'd' }\n");
    place.run(&["run", "ok"]).fails(3, &["did you mean ok.js?"]);
    std::os::unix::fs::symlink("moved away.js", place.path("link.js")).unwrap();
    place.run(&["run", "link.js"]).fails(3, &["link.js is a link to moved away.js"]);
}

#[test]
fn flags_of_another_command_are_not_workflow_arguments() {
    let place = Place::new();
    place.write("s.mjs", "export const meta = { name: 'n', description: 'd' }\n");
    for (command, flag, next) in [
        ("resume", "--model", "smol-wf run SCRIPT --model"),
        ("resume", "--on-failure", "smol-wf run SCRIPT --on-failure"),
        ("resume", "--agent-provider", "smol-wf fork RUN --agent-provider"),
        ("resume", "--set-result", "smol-wf fork RUN --set-result"),
        ("resume", "--args", "smol-wf fork RUN --args"),
        ("fork", "--on-failure", "smol-wf run SCRIPT --on-failure"),
        ("fork", "--phase-models", "smol-wf run SCRIPT --phase-models"),
        ("run", "--set-result", "`smol-wf fork` has it"),
        ("run", "--as-recorded", "`smol-wf resume` has it"),
        ("plan", "--timeout", "`smol-wf run` has it"),
        ("explore", "--debug-rule", "`smol-wf run` has it"),
    ] {
        let ran = place.run(&[command, "s.mjs", flag, "x"]);
        ran.fails(2, &[next]);
        assert!(!ran.stderr.contains("an argument of the workflow"), "{}", ran.stderr);
    }
    place.run(&["plan", "s.mjs", "--zebra", "x"]).fails(2, &["--args-zebra VALUE"]);
}
