//! Questions that are asked and answered at a terminal.

#![cfg(target_os = "linux")]

mod common;

use common::screen::{Screen, count};
use common::{Place, run_id_of};
use serde_json::json;

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

const APPROVE: &str = "const ok = await SW.extra.approve('Deploy?', { label: 'deploy', detail: 'two files' })\n\
    return [ok.approved, ok.comment]";

fn place(body: &str) -> Place {
    let place = Place::new();
    place.write("s.mjs", format!("{META}{body}\n"));
    place
}

#[track_caller]
fn result(place: &Place) -> serde_json::Value {
    place.run(&["history", "latest", "--json"]).ok()["result"].clone()
}

#[test]
fn a_person_at_the_terminal_is_asked_by_kind_and_schema() {
    let place = place(
        "const ok = await SW.extra.approve('Deploy?', { label: 'deploy', detail: 'two files' })\n\
        const v = await SW.extra.ask('Which?', { schema: { enum: ['alpha', 'beta'] }, default: 'beta' })\n\
        const n = await SW.extra.ask('How many?', { schema: { type: 'integer', minimum: 3 } })\n\
        const t = await SW.extra.ask('Why?')\n\
        return [ok.approved, ok.comment, v, n, t]",
    );
    let screen = Screen::of(&place, "run s.mjs");
    let shown = screen.at("yes or no:");
    assert_eq!(count(&shown, "approve asks in step 1 (deploy): Deploy?"), 1, "{shown:#?}");
    assert_eq!(count(&shown, "two files"), 1, "{shown:#?}");
    // Enter alone approves nothing.
    screen.press(&["Enter"]);
    screen.once(|lines| count(lines, "type yes or no") == 1);
    screen.press(&["no: tests fail", "Enter"]);
    let shown = screen.at("1 to 2 [beta]:");
    assert_eq!((count(&shown, "1) alpha"), count(&shown, "2) beta")), (1, 1), "{shown:#?}");
    screen.press(&["Enter"]);
    screen.at("a number:");
    screen.press(&["2", "Enter"]);
    screen.once(|lines| count(lines, "2 is less than the minimum of 3") == 1);
    screen.press(&["?", "Enter"]);
    screen.once(|lines| count(lines, "\"minimum\": 3") == 1);
    screen.press(&["4", "Enter"]);
    screen.at("text:");
    screen.press(&["it is late", "Enter"]);
    screen.ends();
    assert_eq!(result(&place), json!([false, "tests fail", "beta", 4, "it is late"]));
}

#[test]
fn signals_end_a_prompt_at_once_and_the_run_can_be_resumed() {
    for (signal, code) in [("C-c", 130), ("TERM", 143)] {
        let place = place(APPROVE);
        let binary = env!("CARGO_BIN_EXE_smol-wf");
        let line =
            format!("--version; sh -c 'echo $$ > pid; exec {binary} run s.mjs'; echo code $?");
        let screen = Screen::of(&place, &line);
        screen.at("yes or no:");
        match signal {
            "C-c" => screen.press(&["C-c"]),
            _ => {
                let pid = std::fs::read_to_string(place.path("pid")).unwrap();
                let mut kill = std::process::Command::new("kill");
                assert!(kill.args(["-TERM", pid.trim()]).status().unwrap().success());
            }
        }
        let ended = screen.once(|lines| count(lines, &format!("code {code}")) == 1);
        assert!(count(&ended, "resume: smol-wf resume") == 1, "{ended:#?}");
        assert_eq!(place.run(&["history", "latest", "--json"]).ok()["state"], "cancelled");
        place.run(&["resume", "latest", "--answer", "deploy=yes"]).ok();
        assert_eq!(result(&place), json!([true, null]));
    }
}

#[test]
fn the_end_of_input_leaves_a_question_open_and_anybody_can_answer() {
    let place = place(APPROVE);
    let screen = Screen::of(&place, "run s.mjs");
    screen.at("yes or no:");
    screen.press(&["C-d"]);
    screen.once(|lines| count(lines, "left open") == 1);
    place.run(&["answer", "latest#1", "--yes"]).said(0);
    screen.ends();
    assert_eq!(result(&place), json!([true, null]));
}

#[test]
fn a_question_that_is_answered_elsewhere_gives_way_to_the_next() {
    let place = place(
        "const all = await Promise.all([SW.extra.approve('First?'), SW.extra.approve('Second?')])\n\
        return all.map(one => one.approved)",
    );
    let screen = Screen::of(&place, "run s.mjs");
    screen.once(|lines| {
        count(lines, "in step 1: First?") == 1 && lines.last().is_some_and(|l| l == "yes or no:")
    });
    // What is typed for the first question must not answer the second.
    screen.press(&["y"]);
    let run = run_id_of(&screen.lines()[0]);
    place.run(&["answer", &format!("{run}#1"), "no"]).said(0);
    let shown = screen.once(|lines| {
        count(lines, "in step 2: Second?") == 1 && lines.last().is_some_and(|l| l == "yes or no:")
    });
    assert_eq!(count(&shown, "step 1 was answered elsewhere"), 1, "{shown:#?}");
    screen.press(&["Enter"]);
    screen.once(|lines| count(lines, "type yes or no") == 1);
    screen.press(&["yes", "Enter"]);
    screen.ends();
    assert_eq!(result(&place), json!([false, true]));
}

#[test]
fn progress_leaves_a_prompt_alone_and_comes_back_after_it() {
    let place = place(
        "const [a, ok] = await Promise.all([agent('slow'), SW.extra.approve('Deploy?')])\n\
        const more = await parallel(['b', 'c'].map(p => () => agent(p)))\n\
        return [a, ok.approved, more]",
    );
    let rules = "--debug-rule prompt:slow=delay:300ms --debug-rule prompt:c=delay:60s";
    let screen = Screen::of(&place, &format!("run s.mjs {rules}"));
    let asked = screen.at("yes or no:");
    assert_eq!(count(&asked, " running, "), 0, "{asked:#?}");
    let is_done = || {
        let rows = place.run(&["ps", "--json"]).ok();
        rows["runs"][0]["agentsAtWork"] == 0
    };
    common::until("the agent has answered", is_done);
    let asked = screen.at("yes or no:");
    assert_eq!(count(&asked, "[agent] slow: done"), 0, "{asked:#?}");
    screen.press(&["yes", "Enter"]);
    let after = screen.once(|lines| count(lines, "1 running, 2 done") == 1);
    assert_eq!(count(&after, "[agent] slow: done"), 1, "{after:#?}");
    screen.press(&["C-c"]);
    screen.ends();
}

#[test]
fn nobody_is_asked_below_an_agent_or_in_ci() {
    for variable in [("SMOL_WF_PROCESS", "x/1/1/1/1"), ("CI", "true"), ("TERM", "dumb")] {
        let place = place(APPROVE);
        let env = [variable];
        // tmux has a TERM of its own.
        let arguments = match variable.0 {
            "TERM" => format!(
                "--version; TERM=dumb {} run s.mjs; echo code $?",
                env!("CARGO_BIN_EXE_smol-wf")
            ),
            _ => "run s.mjs; echo code $?".to_owned(),
        };
        let screen = Screen::with(&place, &arguments, (80, 45), &env);
        let ended = screen.once(|lines| count(lines, "code 6") == 1);
        assert_eq!(count(&ended, "yes or no"), 0, "{ended:#?}");
    }
}

#[test]
fn the_answer_command_asks_each_open_question_in_turn() {
    let place = place(
        "const all = await Promise.all([SW.extra.approve('First?'), SW.extra.ask('Second?')])\n\
        return [all[0].approved, all[1]]",
    );
    assert_eq!(place.run(&["run", "s.mjs"]).code, 6);
    let screen = Screen::of(&place, "answer latest; echo code $?");
    screen.at("yes or no:");
    screen.press(&["y", "Enter"]);
    let shown = screen.at("text:");
    assert_eq!(count(&shown, "has your answer"), 1, "{shown:#?}");
    screen.press(&["that", "Enter"]);
    screen.once(|lines| count(lines, "code 0") == 1);
    common::until("it is over", || {
        place.run(&["history", "latest", "--json"]).report()["state"] == "completed"
    });
    assert_eq!(result(&place), json!([true, "that"]));
}

#[test]
fn ctrl_c_ends_the_answer_command_at_once_and_answers_nothing() {
    let place = place(APPROVE);
    assert_eq!(place.run(&["run", "s.mjs"]).code, 6);
    let binary = env!("CARGO_BIN_EXE_smol-wf");
    // The shell gets the signal too, and goes on.
    let line = format!("--version; trap : INT; {binary} answer latest; echo code $?");
    let screen = Screen::of(&place, &line);
    screen.at("yes or no:");
    screen.press(&["y", "C-c"]);
    screen.once(|lines| count(lines, "code 130") == 1);
    assert_eq!(place.run(&["answer", "latest"]).code, 0, "it is still open");
}

#[test]
fn ctrl_c_at_a_later_question_leaves_the_run_in_the_background_alone() {
    let place = place(
        "const all = await Promise.all([SW.extra.approve('First?'), SW.extra.approve('Second?', { timeout: '1h' })])\n\
        return all.map(one => one.approved)",
    );
    assert_eq!(place.run(&["run", "s.mjs"]).code, 6);
    let binary = env!("CARGO_BIN_EXE_smol-wf");
    let line = format!("--version; trap : INT; {binary} answer latest; echo code $?");
    let screen = Screen::of(&place, &line);
    screen.at("yes or no:");
    screen.press(&["y", "Enter"]);
    screen.once(|lines| {
        count(lines, "in step 2: Second?") == 1 && lines.last().is_some_and(|l| l == "yes or no:")
    });
    screen.press(&["C-c"]);
    screen.once(|lines| count(lines, "code 130") == 1);
    assert_eq!(place.run(&["ps", "--json"]).ok()["runs"].as_array().map(Vec::len), Some(1));
    let report = place.run(&["answer", "latest#2", "--no", "--wait"]);
    assert_eq!(report.report()["result"], json!([true, false]), "{}", report.stderr);
    assert_eq!(report.report()["attempts"], 2);
}

#[test]
fn a_resumed_run_asks_what_is_still_open() {
    let place = place(APPROVE);
    assert_eq!(place.run(&["run", "s.mjs"]).code, 6);
    let screen = Screen::of(&place, "resume latest");
    screen.at("yes or no:");
    screen.press(&["yes: go", "Enter"]);
    screen.ends();
    assert_eq!(result(&place), json!([true, "go"]));
}

#[test]
fn a_question_whose_time_is_up_gives_way() {
    let place = place(
        "const late = await SW.extra.ask('Quick?', { timeout: 1500, onTimeout: { value: 'late' } })\n\
        return [late, await SW.extra.ask('And now?')]",
    );
    let screen = Screen::of(&place, "run s.mjs");
    let shown = screen.once(|lines| {
        count(lines, "in step 2: And now?") == 1 && lines.last().is_some_and(|line| line == "text:")
    });
    assert_eq!(count(&shown, "step 1 was answered elsewhere, or its time is up"), 1, "{shown:#?}");
    screen.press(&["yes", "Enter"]);
    screen.ends();
    assert_eq!(result(&place), json!(["late", "yes"]));
}

#[test]
fn an_event_is_not_asked_for_and_holds_up_no_question() {
    let place = place(
        "const [event, ok] = await Promise.all([SW.extra.waitFor('merged'), SW.extra.approve('Ok?')])\n\
        return [event, ok.approved]",
    );
    let screen = Screen::of(&place, "run s.mjs");
    let shown = screen.at("yes or no:");
    let run = run_id_of(&shown[0]);
    let says = format!("step 1 waits for an event: smol-wf signal {run} merged");
    assert_eq!(count(&shown, &says), 1, "{shown:#?}");
    screen.press(&["yes", "Enter"]);
    common::until("it is answered", || {
        place.run(&["answer", &run, "--json"]).report()["asks"].as_array().map(Vec::len) == Some(1)
    });
    let signalled = place.run(&["signal", &run, "merged", "7"]);
    assert!(signalled.said(0).contains("has it"), "{}", signalled.stderr);
    screen.ends();
    assert_eq!(result(&place), json!([7, true]));
}

#[test]
fn after_ctrl_z_and_fg_the_question_is_printed_again() {
    let place = place(APPROVE);
    let binary = env!("CARGO_BIN_EXE_smol-wf");
    let screen = Screen::of(&place, "--version; exec bash --norc --noprofile -i");
    screen.at("bash");
    screen.press(&[&format!("{binary} run s.mjs"), "Enter"]);
    screen.at("yes or no:");
    screen.press(&["C-z"]);
    screen.once(|lines| {
        count(lines, "Stopped") == 1 && lines.last().is_some_and(|line| line.starts_with("bash"))
    });
    screen.press(&["fg", "Enter"]);
    let shown = screen.once(|lines| {
        count(lines, "in step 1 (deploy): Deploy?") == 2
            && lines.last().is_some_and(|line| line == "yes or no:")
    });
    assert_eq!(count(&shown, "two files"), 2, "{shown:#?}");
    screen.press(&["yes", "Enter"]);
    screen.ends();
    assert_eq!(result(&place), json!([true, null]));
}
