//! Questions to people, as a user meets them: exit code, report, events, checks.

mod common;

use common::{Place, journal};
use serde_json::{Value, json};

const META: &str = "export const meta = { name: 'g', description: 'd' }\n";

fn run(place: &Place, body: &str, flags: &[&str]) -> common::Ran {
    place.script(&format!("{META}{body}\n"), flags)
}

#[test]
fn a_run_that_waits_for_people_says_so_and_can_be_resumed() {
    let place = Place::new();
    let body = "const a = await agent('a')\n\
        const ok = await SW.extra.approve('Deploy ' + a + '?', { detail: { files: [1] }, label: 'deploy' })\n\
        return ok.approved";
    let ran = run(&place, body, &[]);
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&report["state"], &report["error"]["code"]),
        (&json!("paused"), &json!("waiting_for_answer"))
    );
    let open = &report["asks"]["open"][0];
    assert_eq!(
        (&open["step"], &open["kind"], &open["label"]),
        (&json!(2), &json!("approve"), &json!("deploy"))
    );
    assert_eq!(open["detail"], r#"{"files":[1]}"#);
    assert!(ran.stderr.contains("step 2, approve(): Deploy echo: a?"), "{}", ran.stderr);
    let next = format!("answer: smol-wf answer {}", report["runId"].as_str().unwrap());
    assert!(ran.stderr.contains(&next), "{}", ran.stderr);
    let id = report["runId"].as_str().unwrap();
    for resume in [&["resume", id][..], &["resume", id, "--as-recorded"]] {
        let again = place.run(resume);
        assert_eq!(again.code, 6, "{}", again.stderr);
    }
    let replayed = place.run(&["replay", id]);
    assert_eq!(replayed.code, 0, "{}{}", replayed.stdout, replayed.stderr);
    let stream = place.run(&["export", id, "--format", "jsonl"]).stdout;
    let opened: Value = stream
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|event| event["type"] == "workflow.ask_opened")
        .unwrap();
    assert_eq!(opened["data"]["digest"], open["digest"]);
    assert_eq!(opened["metadata"]["stepId"], "2");
    let asked = journal(&place.db(), id);
    let asked = asked.iter().find(|entry| entry["of"] == "ask").unwrap();
    assert_eq!(asked["request"]["kind"], "approve");
    let shown = place.run(&["history", id, "-o", "text"]);
    assert!(shown.stdout.contains("deploy"), "{}", shown.stdout);
}

#[test]
fn a_module_has_the_functions_and_a_fork_asks_for_an_approval_again() {
    let place = Place::new();
    let text = "import extra, { approve, ask, waitFor } from 'workflow:extra'\n\
        export const meta = { name: 'm', description: 'd' }\n\
        export default async (input, ctx) => {\n\
        const same = ctx.extra.ask === ask && extra.approve === approve && SW.extra.waitFor === waitFor\n\
        const late = { timeout: 0, onTimeout: { value: null } }\n\
        const event = await waitFor('e', late)\n\
        const said = await ask('n?', { schema: { type: 'integer' }, timeout: 0, onTimeout: { value: 3 } })\n\
        const no = await approve('ok?', { timeout: 0, onTimeout: { value: { approved: false, comment: 'late' } } })\n\
        const failed = await ask('x', { timeout: 0 }).catch(error => error.code)\n\
        return { same, event, said, no: [no.approved, no.by, no.comment, no.at.length], failed, keys: Object.keys(extra) }\n\
        }\n";
    let ran = place.script(text, &[]);
    let expected = json!({
        "same": true, "event": null, "said": 3, "no": [false, null, "late", 20],
        "failed": "ask_timed_out", "keys": ["sleep", "approve", "ask", "waitFor"],
    });
    assert_eq!(ran.ok()["results"], expected);
    assert_eq!(place.run(&["replay", &ran.run_id()]).code, 0);
    let fork = place.run(&["fork", &ran.run_id()]);
    assert_eq!(fork.ok()["results"], expected);
    // Nobody answered, so the fork has asked everything anew.
    let pooled = journal(&place.db(), &fork.run_id());
    assert!(pooled.iter().all(|entry| entry["kind"] != "answer_pooled"));
}

#[test]
fn a_fixture_replays_what_was_given() {
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    let body = "const said = await SW.extra.ask('n?', { timeout: 0, onTimeout: { value: 'x' } })\n\
        return [said, await agent('b ' + said)]";
    let ran = run(&place, body, &[]);
    ran.ok();
    let fixture = place.run(&["export", &ran.run_id(), "--fixture", "g.swf"]);
    assert_eq!(fixture.code, 0, "{}", fixture.stderr);
    let tested = place.run(&["test", "g.swf"]);
    assert_eq!(tested.code, 0, "{}{}", tested.stdout, tested.stderr);
    // A changed question has no recorded answer, and none is made up.
    let other = body.replace("'n?', { timeout: 0, onTimeout: { value: 'x' } }", "'m?'");
    place.write("script.mjs", format!("{META}{other}\n"));
    let tested = place.run(&["test", "g.swf"]);
    assert_eq!(tested.code, 7, "{}{}", tested.stdout, tested.stderr);
    let said = format!("{}{}", tested.stdout, tested.stderr);
    assert!(said.contains("has no recorded answer"), "{said}");
}

#[test]
fn a_plan_lists_what_is_asked() {
    let place = Place::new();
    let body = "const ok = await SW.extra.approve('Deploy?', { timeout: '1h' })\n\
        if (!ok.approved) return 'no'\n\
        const n = await SW.extra.ask('How many?', { schema: { type: 'integer', minimum: 2, maximum: 2 } })\n\
        const event = await SW.extra.waitFor('merged', { match: { number: 12 } })\n\
        return [n, event.number]";
    place.write("script.mjs", format!("{META}{body}\n"));
    let plan = place.run(&["plan", "script.mjs", "--json"]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(plan["completed"], true);
    let asks = plan["asks"].as_array().unwrap();
    let kinds: Vec<&Value> = asks.iter().map(|ask| &ask["kind"]).collect();
    assert_eq!(kinds, ["approve", "ask", "wait_for"]);
    assert_eq!(asks[0]["timeoutMs"], 3_600_000);
    assert_eq!(plan["capabilities"], json!(["approve", "ask", "waitFor"]));
    let text = place.run(&["plan", "script.mjs"]).stdout;
    assert!(text.contains("Deploy? (approve, fails after 60m"), "{text}");
}

#[test]
fn explore_tries_other_answers_and_the_time_out() {
    let place = Place::new();
    let found = |body: &str| {
        place.write("script.mjs", format!("{META}{body}\n"));
        let ran = place.run(&["explore", "script.mjs", "--runs", "40", "--json"]);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        let kinds: Vec<String> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                format!("{}: {}", one["kind"].as_str().unwrap(), one["message"].as_str().unwrap())
            })
            .collect();
        (kinds, report)
    };
    let sound = "const ok = await SW.extra.approve('Deploy?', { timeout: 5, onTimeout: { value: false } })\n\
        if (!ok.approved) throw new Error('declined')\n\
        const [a, n] = await Promise.all([agent('a'), SW.extra.ask('n?', { schema: { type: 'integer' } })])\n\
        return [a, n]";
    let (kinds, report) = found(sound);
    assert_eq!(kinds, [] as [String; 0], "{report}");
    assert_eq!(report["tally"]["asks"], 2);
    assert!(report["tally"]["withOtherAnswers"].as_u64().unwrap() > 0, "{report}");
    // It expects a yes, and answers of one kind.
    let (kinds, _) = found(
        "const ok = await SW.extra.approve('Deploy?')\n\
        const plan = ok.approved ? { steps: [1] } : null\n\
        return plan.steps.length",
    );
    assert!(
        kinds.iter().any(|one| one.starts_with("unhandled-answer") && one.contains("Deploy?")),
        "{kinds:?}"
    );
    let (kinds, _) = found(
        "const n = await SW.extra.ask('How often?', { default: '3' })\n\
        return n.match(/./)[0]",
    );
    assert!(kinds.iter().any(|one| one.starts_with("unhandled-answer")), "{kinds:?}");
}

#[test]
fn check_knows_the_calls() {
    let place = Place::new();
    let findings = |name: &str, text: &str| {
        place.write(name, text);
        let ran = place.run(&["check", name, "--json"]);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        let of = |one: &Value| {
            format!("{} {}", one["rule"].as_str().unwrap(), one["message"].as_str().unwrap())
        };
        report["findings"].as_array().unwrap().iter().map(of).collect::<Vec<String>>()
    };
    let body = findings(
        "body.js",
        &format!(
            "{META}SW.extra.ask('a?')\nreturn (await SW.extra.approve('b?', {{ onTimeout: {{ value: true }} }})).approved\n"
        ),
    );
    let has = |all: &[String], part: &str| all.iter().any(|one| one.contains(part));
    assert!(has(&body, "not-awaited"), "{body:?}");
    assert!(has(&body, "never approves by itself"), "{body:?}");
    assert!(has(&body, "not-portable Claude Code has no `approve()`"), "{body:?}");
    let module = findings(
        "module.mjs",
        &format!(
            "import {{ ask, waitFor }} from 'workflow:extra'\n{META}waitFor('x')\nexport default await ask('q', {{ color: 1 }})\n"
        ),
    );
    assert!(has(&module, "not-awaited") && has(&module, "unknown-option"), "{module:?}");
    assert!(!has(&module, "not-portable"), "{module:?}");
    let unknown = findings("bare.js", &format!("{META}return await ask('q')\n"));
    assert!(has(&unknown, "unknown-name"), "{unknown:?}");
}

#[test]
fn a_fork_takes_over_a_long_answer() {
    let place = Place::new();
    // Longer than an answer that is kept in memory.
    let answer = format!("why={}", "x".repeat(20_000));
    let body = "return (await SW.extra.ask('Why?', { label: 'why' })).length";
    run(&place, body, &["--answer", &answer]).ok();
    assert_eq!(place.run(&["fork", "latest"]).ok()["results"], 20_000);
}
