//! Forks: what was answered is never asked again, in whatever order it came.

mod common;

use std::time::Duration;

use common::{Place, finish, journal, snapshot};
use serde_json::{Value, json};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

/// Prompts of the agents that were set to work, in order of dispatch.
fn dispatched(place: &Place, run: &str) -> Vec<String> {
    let entries = journal(&place.db(), run);
    let prompt = |step: &Value| {
        let asked =
            entries.iter().find(|entry| entry["kind"] == "step_asked" && entry["step"] == *step);
        asked.unwrap()["request"]["prompt"].as_str().unwrap().to_owned()
    };
    let of_kind = entries.iter().filter(|entry| entry["kind"] == "agent_dispatched");
    of_kind.map(|entry| prompt(&entry["step"])).collect()
}

fn body(text: &str) -> String {
    format!("{META}{text}\n")
}

#[test]
fn an_edited_script_asks_only_the_agents_that_are_new() {
    let place = Place::new();
    let first = "const a = await agent('one'); const b = await agent('two')\nreturn [a, b]";
    let before = place.script(&body(first), &[]);
    before.ok();
    // A label, a phase and a comment change nothing; the order may change too.
    let second = "// edited\nphase('P')\nconst [b, a] = await parallel([() => agent('two', { label: 'l' }), () => agent('one')])\nreturn [a, b, await agent('three')]";
    place.write("script.mjs", body(second));
    let after = place.run(&["resume", &before.run_id()]);
    let report = after.ok();
    assert_eq!(report["results"], json!(["echo: one", "echo: two", "echo: three"]));
    assert_ne!(report["runId"], before.run_id());
    assert_eq!(report["parent"]["run"], before.run_id());
    assert_eq!(report["reused"]["agents"], 2);
    let (was, is) = (before.report(), &report);
    assert_eq!(is["reused"]["tokenUsage"], was["tokenUsage"]);
    assert_eq!(is["tokenUsage"]["outputTokens"], 3, "only `echo: three` was paid for");
    assert_eq!(dispatched(&place, &after.run_id()), ["three"]);
    snapshot!(after.stderr, "fork-edited-script-makes");
    // The parent is as it was, and both replay.
    assert_eq!(place.run(&["history", &before.run_id()]).report(), was);
    for run in [before.run_id(), after.run_id()] {
        assert_eq!(place.run(&["replay", &run]).ok()["equal"], true);
    }
}

#[test]
fn stopped_in_a_fan_out_only_what_was_running_runs_again() {
    let place = Place::new();
    let script = body("return await parallel(['A', 'B', 'C', 'D'].map(name => () => agent(name)))");
    let stopped =
        place.script(&script, &["--debug-rule", "prompt:B=delay:60s", "--timeout", "700ms"]);
    stopped.fails(5, &["[timed_out]"]);
    let run = stopped.run_id();
    place.run(&["resume", &run, "--timeout", "300ms"]).fails(5, &["[timed_out]"]);
    assert_eq!(dispatched(&place, &run), ["A", "B", "C", "D", "B"]);
    let fork = place.run(&["fork", &run, "--debug-rule", "*=delay:1ms"]);
    assert_eq!(fork.ok()["results"], json!(["echo: A", "echo: B", "echo: C", "echo: D"]));
    assert_eq!(dispatched(&place, &fork.run_id()), ["B"]);
}

#[test]
fn a_parallel_in_a_pipeline_takes_its_answers_over_in_any_order_of_completion() {
    let place = Place::new();
    let script = |more: &str| {
        body(&format!(
            "const all = await pipeline([1, 2, 3],
               item => parallel([() => agent(`look ${{item}}`), () => agent('same')]),
               (seen, item) => agent(`judge ${{item}} ${{seen}}`))
             {more}
             return all"
        ))
    };
    let delays = ["--debug-rule", "prompt:look 1=delay:30ms", "--debug-rule", "#2=delay:50ms"];
    let before = place.script(&script(""), &delays);
    let expected = before.ok();
    assert_eq!(expected["agents"]["called"], 9);
    place.write("script.mjs", script("await agent('new')"));
    let after = place.run(&["resume", "latest"]);
    assert_eq!(after.ok()["results"], expected["results"]);
    assert_eq!(dispatched(&place, &after.run_id()), ["new"]);
    // A fork of the fork knows who paid.
    place.write("script.mjs", script("await agent('newer')"));
    let third = place.run(&["resume", "latest"]);
    assert_eq!(third.ok()["reused"]["agents"], 9);
    assert_eq!(dispatched(&place, &third.run_id()), ["newer"]);
    let settled = journal(&place.db(), &third.run_id());
    let source = settled.iter().find(|entry| entry["kind"] == "settled").unwrap();
    assert_eq!(source["reply"]["reused"]["run"], before.run_id());
}

#[test]
fn equal_steps_take_their_answers_first_in_first_out() {
    let place = Place::new();
    let script = |more: &str| {
        body(&format!(
            "const all = await parallel([0, 1, 2].map(() => () => agent('same')))\n{more}\nreturn all"
        ))
    };
    let rules = ["--debug-rule", "#1=delay:60ms,answer:first", "--debug-rule", "#2=answer:second"];
    let before = place.script(&script(""), &rules);
    assert_eq!(before.ok()["results"], json!(["first", "second", "echo: same"]));
    place.write("script.mjs", script("log('edited')"));
    let after = place.run(&["resume", "latest"]);
    assert_eq!(after.ok()["results"], json!(["first", "second", "echo: same"]));
    assert!(dispatched(&place, &after.run_id()).is_empty());
}

#[test]
fn failed_steps_run_again_and_finished_runs_can_be_forked() {
    let place = Place::new();
    // Its script was given null, and had its result.
    let script = body("const a = await agent('a')\nreturn a + await agent('b ' + a)");
    let failed = place.script(&script, &["--debug-rule", "prompt:b *=fail"]);
    assert_eq!(failed.ok()["results"], "echo: anull");
    let fork = place.run(&["fork", "latest", "--debug-rule", "prompt:none=fail"]);
    assert_eq!(fork.ok()["results"], "echo: aecho: b echo: a");
    assert_eq!(dispatched(&place, &fork.run_id()), ["b echo: a"]);
    // Resuming what is over with the same script only reports it.
    let again = place.run(&["resume", &fork.run_id()]);
    assert_eq!(again.ok(), fork.report());
    // From a step on, agents are asked whatever was recorded.
    let from = place.run(&["fork", &fork.run_id(), "--from", "1"]);
    assert_eq!(from.ok()["results"], fork.report()["results"]);
    assert_eq!(dispatched(&place, &from.run_id()), ["a", "b echo: a"]);
    let from = place.run(&["fork", &fork.run_id(), "--from", "2"]);
    assert_eq!(from.ok()["parent"]["from"], 2);
    assert_eq!(dispatched(&place, &from.run_id()), ["b echo: a"]);
}

#[test]
fn an_answer_written_by_hand_takes_the_place_of_the_agents() {
    let place = Place::new();
    let script = body(
        "const verdict = await agent('judge', { schema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] } })
         return verdict.ok ? await agent('release') : 'not approved'",
    );
    let refused = place.script(&script, &["--debug-rule", "prompt:judge=answer:{\"ok\":false}"]);
    assert_eq!(refused.ok()["results"], "not approved");
    let wrong = place.run(&["fork", "latest", "--set-result", "1={\"ok\":1}"]);
    snapshot!(wrong.said(2), @r#"error: --set-result 1: the answer for step 1 does not satisfy the schema of the step: /ok: 1 is not of type "boolean" [request_invalid]"#);
    let approved = place.run(&["fork", "latest", "--set-result", "1={\"ok\":true}"]);
    let report = approved.ok();
    assert_eq!(report["results"], "echo: release");
    assert_eq!(report["reused"]["byHand"], 1);
    assert_eq!(dispatched(&place, &approved.run_id()), ["release"]);
    snapshot!(approved.stderr, @"
    run run_1 in /folder
    latest is run_2, the last run of /folder
    agents: debug, which echoes prompts: nothing is sent to a model
    [fork] of run_2
    [agent] judge: answer reused
    [agent] release
    [agent] release: done in 0.0 s, 4 tokens
    fork of run_2: 1 answer reused, 1 of them by hand (0 tokens saved), 1 agent asked
    ");
}

#[test]
fn an_answer_written_by_hand_is_taken_by_its_own_step_among_equal_ones() {
    let place = Place::new();
    let script = body(
        "const all = []\nfor (let i = 0; i < 4; i++) all.push(await agent('same'))\nreturn all",
    );
    let echo = "echo: same";
    for (args, results, asked) in [
        (&["--from", "2", "--set-result", "3=\"hand\""][..], [echo, echo, "hand", echo], 2),
        (&["--set-result", "4=\"d\"", "--set-result", "2=\"b\""], [echo, "b", echo, "d"], 0),
        (
            &["--from", "1", "--set-result", "4=\"d\"", "--set-result", "2=\"b\""],
            [echo, "b", echo, "d"],
            2,
        ),
    ] {
        let first = place.script(&script, &[]);
        let fork = place.run(&[&["fork", &first.run_id()], args].concat());
        assert_eq!(fork.ok()["results"], json!(results), "{args:?}");
        assert_eq!(dispatched(&place, &fork.run_id()).len(), asked, "{args:?}");
    }
}

#[test]
fn children_and_sleeps_are_taken_over_and_other_arguments_are_given() {
    let place = Place::new();
    place.write("child.mjs", body("return [await agent('inner'), await agent('for ' + args.who)]"));
    let parent = body(
        "await SW.sleep(150)\nreturn await workflow({ scriptPath: './child.mjs' }, { who: args.who })",
    );
    let before = place.script(&parent, &["--args-who", "Ann"]);
    assert_eq!(before.ok()["results"], json!(["echo: inner", "echo: for Ann"]));
    let other = place.run(&["fork", "latest", "--args-who", "Bob"]);
    assert_eq!(other.ok()["results"], json!(["echo: inner", "echo: for Bob"]));
    assert_eq!(dispatched(&place, &other.run_id()), ["for Bob"]);
    let entries = journal(&place.db(), &other.run_id());
    let at = |kind: &str| entries.iter().find(|entry| entry["kind"] == kind).unwrap();
    let slept =
        at("settled")["at_us"].as_i64().unwrap() - at("step_asked")["at_us"].as_i64().unwrap();
    assert!(slept < 150_000, "a sleep that is over is not slept again: {slept}");
}

#[test]
fn a_fork_that_is_killed_goes_on_without_its_parent() {
    let place = Place::new();
    let script = |extra: &str| {
        body(&format!(
            "const all = await parallel([0, 1, 2, 3].map(i => () => agent(`part ${{i}}`)))\n{extra}\nreturn all"
        ))
    };
    let before = place.script(&script(""), &[]);
    before.ok();
    place.write(
        "script.mjs",
        script("for (let i = 0; i < 4; i++) all.push(await agent(`more ${i}`))"),
    );
    let edited = place.path("script.mjs");
    let fork = ["fork", "latest", edited.to_str().unwrap(), "--debug-rule", "*=delay:40ms"];
    let mut child = place.command(&fork).spawn().unwrap();
    // Killed as soon as it is known and at work.
    let mut said = String::new();
    let mut lines = std::io::BufReader::new(child.stderr.take().unwrap());
    while !said.contains("[agent] more 1") {
        assert_ne!(std::io::BufRead::read_line(&mut lines, &mut said).unwrap(), 0, "{said}");
    }
    std::thread::sleep(Duration::from_millis(5));
    child.kill().unwrap();
    finish(child);
    let run = common::run_id_of(&said);
    let connection = rusqlite::Connection::open(place.db()).unwrap();
    let number = "(SELECT number FROM numbers WHERE run = ?)";
    for (table, of) in [("journal", number), ("numbers", "?"), ("runs", "?")] {
        let delete = format!("DELETE FROM {table} WHERE run = {of}");
        connection.execute(&delete, [before.run_id()]).unwrap();
    }
    let done = place.run(&["resume", &run]);
    let report = done.ok();
    assert_eq!(report["results"].as_array().unwrap().len(), 8);
    assert_eq!(report["reused"]["agents"], 4);
    let asked = dispatched(&place, &run);
    assert!(asked.iter().all(|prompt| prompt.starts_with("more")), "{asked:?}");
    assert_eq!(place.run(&["replay", &run]).ok()["equal"], true);
}

#[test]
fn a_resume_with_an_edited_script_that_is_typed_again_goes_on_with_its_fork() {
    let place = Place::new();
    let script = |last: &str| {
        body(&format!("await agent('one'); await agent('two'); return await agent('{last}')"))
    };
    let before = place.script(&script("three"), &["--max-agents", "1"]).run_id();
    place.write("edited.mjs", script("4"));
    let typed = ["resume", &before, "edited.mjs", "--max-agents"];
    let stopped = place.run(&[&typed[..], &["1"]].concat());
    assert_eq!(stopped.code, 5, "{}", stopped.stderr);
    let fork = stopped.run_id();
    assert_eq!(dispatched(&place, &fork), ["two"]);
    // Another script is another fork.
    place.write("other.mjs", script("5"));
    let other = place.run(&["resume", &before, "other.mjs", "--max-agents", "9"]);
    assert_ne!(other.run_id(), fork);
    let again = place.run(&[&typed[..], &["9"]].concat());
    assert_eq!(again.ok()["runId"], fork.as_str(), "{}", again.stderr);
    assert_eq!(again.ok()["results"], "echo: 4");
    snapshot!(again.stderr, @"
    run run_1 (resumed) in /folder
    warning: run run_2 was resumed with this script before; its fork run_1 continues; smol-wf fork run_2 SCRIPT starts another one
    agents: debug, which echoes prompts: nothing is sent to a model
    [agent] 4
    [agent] 4: done in 0.0 s, 2 tokens
    fork of run_2: 1 answer reused (4 tokens saved), 2 agents asked
    ");
    assert_eq!(dispatched(&place, &fork), ["two", "4"], "nothing was asked twice");
    // And when it is over, it is reported, as any run is.
    let over = place.run(&typed[..3]);
    assert_eq!(over.ok()["runId"], fork.as_str());
    assert_eq!(dispatched(&place, &fork), ["two", "4"]);
}

#[test]
fn two_resumes_at_once_with_an_edited_script_make_one_fork() {
    for _ in 0..4 {
        let place = Place::new();
        let script = "const r = []\nfor (let i = 0; i < 6; i++) r.push(await agent(`q${i}`))\n";
        place.write("s.mjs", body(&format!("{script}return r\n")));
        let ran = place.run(&["run", "s.mjs", "--max-agents", "3"]);
        assert_eq!(ran.code, 5, "{}", ran.stderr);
        place.write("s.mjs", body(&format!("{script}return r.length\n")));
        let run = ran.run_id();
        let resume = || place.command(&["resume", &run, "--max-agents", "9"]).spawn().unwrap();
        let both = [resume(), resume()].map(finish);
        let codes = both.each_ref().map(|one| one.code);
        assert!(codes.contains(&0), "{}{}", both[0].stderr, both[1].stderr);
        // The other joined the fork, or was told who works on the run.
        for other in both.iter().filter(|one| one.code != 0) {
            other.fails(3, &["[run_held]"]);
        }
        let listed = place.run(&["history", "-o", "json"]).ok();
        assert_eq!(listed["runs"].as_array().unwrap().len(), 2, "{listed}");
    }
}

#[test]
fn limits_are_raised_on_resume_and_what_is_done_is_free() {
    let place = Place::new();
    let script = body(
        "const all = []\nfor (let i = 0; i < 6; i++) all.push(await agent(`s${i}`))\nreturn all",
    );
    let paused = place.script(&script, &["--max-agents", "3"]);
    snapshot!(paused.said(5), "fork-limits-raised-resume");
    let run = paused.run_id();
    snapshot!(place.run(&["resume", &run, "--max-agents", "2"]).said(2), @"error: the number of agents of run run_1 is limited to 3, and that cannot be lowered to 2: what has been done cannot be undone; give --max-agents 3 or more [limit_lowered]");
    place.run(&["resume", &run, "--max-agents", "6"]).ok();
    assert_eq!(dispatched(&place, &run), ["s0", "s1", "s2", "s3", "s4", "s5"]);
    // Answers that are there already are no agents that were started.
    let fork = place.run(&["fork", &run, "--from", "5", "--max-agents", "2"]);
    assert_eq!(fork.ok()["reused"]["agents"], 4);
}

#[test]
fn a_run_without_any_answer_is_not_a_success() {
    let place = Place::new();
    let script =
        body("return (await parallel([1, 2, 3].map(i => () => agent(`a${i}`)))).filter(Boolean)");
    for rule in ["*=null", "*=fail"] {
        let loud = place.script(&script, &["--debug-rule", rule]);
        loud.fails(8, &["none of the 3 agents gave an answer", "agent `a1`, step 1"]);
        assert_eq!(loud.report()["state"], "completed");
    }
    let one = ["--debug-rule", "#2=fail"];
    let partial = place.script(&script, &one);
    assert_eq!(partial.ok()["nulls"][0]["label"], "a2");
    place.script(&script, &[&one[..], &["--fail-on-null"]].concat()).fails(8, &[]);
    place.script(&script, &["--fail-on-null"]).ok();
}

#[test]
fn an_error_made_of_a_null_names_the_agent_that_gave_it() {
    let place = Place::new();
    let script = body(
        "const found = await agent('look', { label: 'verify:auth' })\nreturn found.map(one => one.name)",
    );
    let failed = place.script(&script, &["--debug-rule", "label:verify*=null"]);
    snapshot!(failed.said(1), "fork-error-made-null");
    // Also when it failed, and `parallel` made that a null.
    let script = body(
        "const [found] = await parallel([() => agent('look', { label: 'verify:db' })])\nreturn found.map(one => one.name)",
    );
    let failed = place.script(&script, &["--debug-rule", "label:verify*=fail"]);
    snapshot!(failed.said(1), "fork-error-made-null-2");
    let throw = ["--debug-rule", "label:verify*=fail", "--on-failure", "throw"];
    let failed = place.script(&script, &throw);
    snapshot!(failed.said(1), "fork-error-made-null-3");
}
