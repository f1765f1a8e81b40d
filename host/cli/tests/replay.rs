//! Replays: equal runs are found equal, and any change is found where it is.

mod common;

use std::path::Path;

use common::{Place, journal};
use serde_json::Value;

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

/// Changes entries of a journal and seals the whole of it anew, as someone who
/// knows how the chain is made could.
fn forge(db: &Path, run: &str, change: impl Fn(&mut Vec<Value>)) {
    let mut entries = journal(db, run);
    change(&mut entries);
    let mut connection = rusqlite::Connection::open(db).unwrap();
    let change = connection.transaction().unwrap();
    let mut chain = String::new();
    for (seq, entry) in (0_i64..).zip(&entries) {
        let text = entry.to_string();
        chain = seal(&chain, &text);
        change
            .execute(
                "UPDATE journal SET body = ?, chain = ?, kind = ?
                 WHERE run = (SELECT number FROM numbers WHERE run = ?) AND seq = ?",
                (&text, &chain, entry["kind"].as_str().unwrap(), run, seq),
            )
            .unwrap();
    }
    // A forger who knows the schema sets the seal in the run's row, too.
    change.execute("UPDATE runs SET tip = ? WHERE run = ?", (&chain, run)).unwrap();
    change.commit().unwrap();
}

fn seal(last: &str, body: &str) -> String {
    let digest = smol_wf_core::ids::Digest::of(format!("{last}{body}").as_bytes());
    digest.as_str().to_owned()
}

fn place_of(entries: &[Value], kind: &str, nth: usize) -> usize {
    let found = entries.iter().enumerate().filter(|(_, entry)| entry["kind"] == kind);
    found.map(|(index, _)| index).nth(nth).unwrap()
}

#[test]
fn runs_of_every_state_replay() {
    let place = Place::new();
    for (script, flags, code) in [
        (
            "phase('P')\nlog('l')\nawait SW.sleep(1)\nreturn await parallel([1, 2, 3].map(i => () => agent(`a${i}`)))",
            &[][..],
            0,
        ),
        ("await agent('a')\nthrow new Error('no')", &[], 1),
        ("await agent('a')\nawait new Promise(() => {})", &[], 3),
        (
            "for (let i = 0; i < 9; i++) await agent(`${i} ${Math.random()} ${Date.now()}`)",
            &["--max-agents", "4"],
            5,
        ),
        (
            "return await parallel([1, 2, 3].map(i => () => agent(`a${i}`)))",
            &["--debug-rule", "#2=fail"],
            0,
        ),
        (
            "return await Promise.race([1, 2, 3].map(i => agent(`a${i}`)))",
            &["--debug-rule", "#1=delay:50ms"],
            0,
        ),
    ] {
        let ran = place.script(&format!("{META}{script}\n"), flags);
        assert_eq!(ran.code, code, "{script}: {}", ran.stderr);
        let before = journal(&place.db(), &ran.run_id());
        let replayed = place.run(&["replay", "latest"]).ok();
        assert_eq!(replayed["equal"], true, "{script}");
        assert_eq!(replayed["fuelCompared"], true);
        assert_eq!(replayed["entries"], before.len());
        assert_eq!(journal(&place.db(), &ran.run_id()), before, "a replay writes nothing");
    }
}

#[test]
fn a_forged_journal_is_found_out_at_the_step_with_both_sides() {
    let script = format!(
        "{META}const a = await agent('first line\\nsecond line\\nthird line')\nawait agent(`then ${{a}}`)\nreturn a\n"
    );
    type Change = fn(&mut Vec<Value>);
    let cases: [(&str, Change, &[&str]); 6] = [
        (
            "a prompt",
            |entries| {
                let index = place_of(entries, "step_asked", 0);
                entries[index]["request"]["prompt"] = "first line\n2nd line\nthird line".into();
            },
            &["step 1", "request.prompt", "- 2nd line", "+ second line"],
        ),
        (
            "an answer",
            |entries| {
                let index = place_of(entries, "settled", 0);
                entries[index]["outcome"]["value"] = "\"forged\"".into();
            },
            &["step 2", "request.prompt", "- then echo: first", "+ then forged"],
        ),
        (
            "the fuel of a turn",
            |entries| {
                let index = place_of(entries, "turn_ended", 1);
                let fuel = entries[index]["fuel"].as_u64().unwrap();
                entries[index]["fuel"] = (fuel + 1).into();
            },
            &["step 2", "fuel"],
        ),
        (
            "the result",
            |entries| {
                let index = place_of(entries, "run_ended", 0);
                entries[index]["end"]["result"] = "\"forged\"".into();
            },
            &["end.result", "- \"forged\"", "+ \"echo: first"],
        ),
        (
            "the order",
            |entries| {
                let index = place_of(entries, "settled", 1);
                entries[index]["step"] = 1.into();
            },
            &["step 1", "no step is open under this number"],
        ),
        (
            "the script",
            |entries| {
                let index = place_of(entries, "scope_started", 0);
                let text = entries[index]["text"].as_str().unwrap().replace("return a", "return 1");
                entries[index]["text"] = text.into();
            },
            &["replay_mismatch"],
        ),
    ];
    for (what, change, says) in cases {
        let place = Place::new();
        let ran = place.script(&script, &[]);
        ran.ok();
        forge(&place.db(), &ran.run_id(), change);
        let replayed = place.run(&["replay", "latest"]);
        replayed.fails(7, &[&["replay_mismatch"], says].concat());
        let verdict = replayed.report();
        assert_eq!(verdict["equal"], false, "{what}");
        assert!(verdict["mismatch"]["seq"].as_u64().is_some(), "{what}");
    }
}

#[test]
fn a_resume_that_does_not_replay_shows_the_difference_and_dispatches_nothing() {
    let place = Place::new();
    let script = format!("{META}for (let i = 0; i < 9; i++) await agent(`step ${{i}}`)\n");
    let paused = place.script(&script, &["--max-agents", "4"]);
    paused.fails(5, &["limit_agents"]);
    forge(&place.db(), &paused.run_id(), |entries| {
        let index = place_of(entries, "step_asked", 2);
        entries[index]["request"]["prompt"] = "step two".into();
    });
    let before = journal(&place.db(), &paused.run_id());
    let resumed = place.run(&["resume", "latest", "--max-agents", "9"]);
    resumed.fails(7, &["step 3", "request.prompt", "- step two", "+ step 2", "no agent was asked"]);
    assert_eq!(journal(&place.db(), &paused.run_id()), before);
}

/// The later limits stand far behind the first turns, and memory is given to an
/// instance when its script starts.
#[test]
fn a_run_that_went_on_under_higher_limits_replays() {
    let script = format!(
        "{META}for (let i = 0; i < 400; i++) await agent(`step ${{i}}`)
         const large = []
         for (let i = 0; i < 100; i++) large.push('x'.repeat(1 << 20) + i)
         return (await agent('last')).length + large.length\n"
    );
    let place = Place::new();
    place.script(&script, &["--memory", "32"]).fails(1, &["limit_memory"]);
    let cut_off = place.run(&["replay", "latest"]).ok();
    assert_eq!(cut_off["equal"], true, "{cut_off}");
    assert_eq!(cut_off["state"], "paused");
    place.run(&["resume", "latest", "--memory", "256"]).ok();
    let whole = place.run(&["replay", "latest"]).ok();
    assert_eq!(whole["equal"], true, "{whole}");
    assert_eq!((&whole["steps"], &whole["state"]), (&401.into(), &"completed".into()));
}

#[test]
fn a_journal_that_was_damaged_behind_a_difference_gets_no_verdict() {
    let script = format!("{META}for (let i = 0; i < 400; i++) await agent(`step ${{i}}`)\n");
    let place = Place::new();
    let ran = place.script(&script, &[]);
    ran.ok();
    forge(&place.db(), &ran.run_id(), |entries| {
        let index = place_of(entries, "step_asked", 2);
        entries[index]["request"]["prompt"] = "step two".into();
    });
    place.run(&["replay", "latest"]).fails(7, &["step 3", "- step two"]);
    let last = journal(&place.db(), &ran.run_id()).len() - 2;
    let last = i64::try_from(last).unwrap();
    rusqlite::Connection::open(place.db())
        .unwrap()
        .execute(
            "UPDATE journal SET body = replace(body, 'fuel\":', 'fuel\":1') WHERE seq = ?",
            [last],
        )
        .unwrap();
    let replayed = place.run(&["replay", "latest"]);
    replayed.fails(3, &["journal_changed", &format!("entry {last} ")]);
    assert_eq!(replayed.stdout, "");
}

#[test]
fn a_verdict_is_json_or_text_as_asked() {
    let place = Place::new();
    place.write("s.js", format!("{META}return agent('a')\n"));
    let run = place.run(&["run", "s.js", "--agent-provider", "debug"]).ok()["runId"].clone();
    let run = run.as_str().unwrap();
    for json in [&["replay", run][..], &["replay", run, "--json"], &["replay", run, "-o", "jsonl"]]
    {
        assert_eq!(place.run(json).ok()["equal"], true);
    }
    let text = place.run(&["replay", run, "--output", "text"]);
    text.fails(0, &[]);
    assert!(text.stdout.starts_with(&format!("run {run} replays: 1 steps, ")), "{}", text.stdout);
    forge(&place.db(), run, |entries| {
        let at = place_of(entries, "step_asked", 0);
        entries[at]["request"]["prompt"] = "b".into();
    });
    let text = place.run(&["replay", run, "--output", "text"]);
    assert_eq!(text.code, 7);
    assert!(text.stdout.contains("request.prompt:\n- b\n+ a"), "{}", text.stdout);
}
