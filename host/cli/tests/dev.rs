//! `smol-wf dev`: each save is checked and replayed with the answers of the last run.

mod common;

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use common::screen::Screen;
use common::{Place, signal};
use rustix::process::Signal;
use serde_json::{Value, json};

/// Longest wait for a look, far longer than one takes.
const LOOK_MAX: Duration = Duration::from_secs(120);

const FLOW: &str = "export const meta = {
  name: 'flow', description: 'd', args: { properties: { n: { type: 'integer', default: 2 } } },
}
const answers = []
for (let i = 0; i < args.n; i++) answers.push(await agent(`question ${i}`))
return answers
";

/// The looks of a process, as they come.
fn looks(child: &mut Child) -> Receiver<Value> {
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (send, looks) = channel();
    std::thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            let _ = send.send(serde_json::from_str(&line).unwrap());
        }
    });
    looks
}

#[test]
fn every_save_is_shown_and_none_ends_it() {
    let place = Place::new();
    let script = place.write("flow.mjs", FLOW);
    let run = place.run(&["run", "flow.mjs"]).ok()["runId"].clone();
    let mut child = place.command(&["dev", "flow.mjs", "--json"]).spawn().unwrap();
    let looks = looks(&mut child);
    let next = || looks.recv_timeout(LOOK_MAX).unwrap();

    let first = next();
    assert_eq!((&first["run"], &first["reused"], &first["agents"]), (&run, &json!(2), &json!(0)));
    assert_eq!(first["result"], json!(["echo: question 0", "echo: question 1"]));

    place.write("flow.mjs", FLOW.replace("args.n", "args.n + 1"));
    let more = next();
    assert_eq!((&more["reused"], &more["agents"]), (&json!(2), &json!(1)));
    assert_eq!(more["calls"][0]["prompt"], "question 2");
    assert_eq!(more.get("result"), None, "it would have a made-up answer");

    place.write("flow.mjs", FLOW.replace("return", "return ("));
    let broken = next();
    assert_eq!(
        (&broken["findings"][0]["rule"], &broken["completed"]),
        (&json!("syntax"), &json!(false))
    );

    // As editors do that write another file and rename it.
    place.write("flow.tmp", FLOW.replace("question", "ask"));
    std::fs::rename(place.path("flow.tmp"), &script).unwrap();
    assert_eq!(next()["reused"], 0);

    std::fs::remove_file(&script).unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("is gone; waiting for it") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended");
    }
    place.write("flow.mjs", FLOW.replace("return answers", "return answers.length"));
    assert_eq!(next()["result"], json!(2));

    signal(&child, Signal::INT);
    assert_eq!(common::finish(child).code, 130);
    let runs = place.run(&["history", "--json"]).ok();
    assert_eq!(runs["runs"].as_array().map(Vec::len), Some(1), "nothing was stored: {runs}");
}

#[test]
fn what_a_script_imports_is_watched_too_while_it_is_broken_as_well() {
    let place = Place::new();
    place.write("lib/words.json", "[\"one\"]");
    place.write(
        "lib/ask.ts",
        "import words from './words.json' with { type: 'json' }
export const ask = (n: number): string => `${words[n]} 1`\n",
    );
    place.write(
        "flow.mjs",
        "import { ask } from './lib/ask.ts'
export const meta = { name: 'flow', description: 'd' }
export default await agent(ask(0))\n",
    );
    let mut child = place.command(&["dev", "flow.mjs", "--json"]).spawn().unwrap();
    let looks = looks(&mut child);
    let prompt = || {
        let look = looks.recv_timeout(LOOK_MAX).unwrap();
        look["calls"][0]["prompt"]
            .as_str()
            .map_or_else(|| look["error"]["code"].clone(), Into::into)
    };
    assert_eq!(prompt(), "one 1");
    place.write("lib/words.json", "[\"two\"]");
    assert_eq!(prompt(), "two 1");
    let module = |rest: &str| {
        place.write(
            "lib/ask.ts",
            format!(
                "import words from './words.json' with {{ type: 'json' }}
export const ask = (n: number): string => `${{words[n]}} 2`{rest}\n"
            ),
        );
    };
    module(" +");
    assert_eq!(prompt(), "typescript_syntax");
    module("");
    assert_eq!(prompt(), "two 2");
    std::fs::remove_file(place.path("lib/words.json")).unwrap();
    assert_eq!(prompt(), "import");
    place.write("lib/words.json", "[\"three\"]");
    assert_eq!(prompt(), "three 2");
    signal(&child, Signal::INT);
    assert_eq!(common::finish(child).code, 130);
}

#[test]
fn what_was_typed_ahead_is_no_consent() {
    let place = Place::new();
    place.write("flow.mjs", FLOW);
    place.run(&["run", "flow.mjs"]).ok();
    let screen = Screen::of(&place, "dev flow.mjs --live");
    // The terminal keeps it while the first look is under way.
    screen.press(&["Enter"]);
    let invited =
        |times: usize| screen.once(|lines| common::screen::count(lines, "press Enter") == times);
    invited(1);
    place.write("flow.mjs", FLOW.replace("question", "ask"));
    invited(2);
    let runs = place.run(&["history", "--json"]).ok();
    assert_eq!(runs["runs"].as_array().map(Vec::len), Some(1), "an agent was asked: {runs}");
}

#[test]
fn enter_forks_the_run_for_real_and_the_fork_is_the_next_one() {
    let place = Place::new();
    place.write("flow.mjs", FLOW);
    place.run(&["run", "flow.mjs"]).ok();
    place.write("flow.mjs", FLOW.replace("args.n", "args.n + 1"));
    let screen = Screen::of(&place, "dev flow.mjs --live");
    screen.once(|lines| common::screen::count(lines, "press Enter") == 1);
    screen.press(&["Enter"]);
    let lines = screen.once(|lines| common::screen::count(lines, "press Enter") == 2);
    assert_eq!(common::screen::count(&lines, "1 agent would be asked anew"), 1, "{lines:#?}");
    assert_eq!(common::screen::count(&lines, "2 answers reused"), 1, "{lines:#?}");
    assert_eq!(common::screen::count(&lines, "nothing would be asked anew"), 1, "{lines:#?}");
}

#[test]
fn enter_gives_the_arguments_that_were_shown_to_a_script_that_needs_real_answers() {
    let place = Place::new();
    place.write(
        "needs.mjs",
        "export const meta = { name: 'needs', description: 'd', args: { properties: {
  maxN: { type: 'integer', default: 1 }, version: { type: 'string' }, text: { type: 'string' },
} } }
const answer = await agent('question')
if (!answer.startsWith('echo: ')) throw new Error('made up')
return { ...args, text: args.text.length }
",
    );
    // Longer than a word of a command line may be.
    let text = "x".repeat(200_000);
    place.write("more.json", json!({ "text": text }).to_string());
    let args = ["--args-max-n", "4", "--args-version", "5", "--args-from-file", "more.json"];
    let args = [&["dev", "needs.mjs", "--json", "--live"][..], &args].concat();
    let mut child = place.command(&args).stdin(Stdio::piped()).spawn().unwrap();
    // Each line of stdout is one of them.
    let looks = looks(&mut child);
    let before = looks.recv_timeout(LOOK_MAX).unwrap();
    assert_eq!(before["error"]["message"], "Error: made up", "{before}");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"\n").unwrap();
    let after = looks.recv_timeout(LOOK_MAX).unwrap();
    assert_eq!(after["result"], json!({ "maxN": 4, "version": "5", "text": 200_000 }), "{after}");
    signal(&child, Signal::INT);
    let ran = common::finish(child);
    assert!(ran.said(130).contains("may take real ones") && ran.stderr.len() < 10_000);
}

#[test]
fn one_look_has_an_exit_code() {
    let place = Place::new();
    place.write("flow.mjs", FLOW);
    let before = place.run(&["dev", "flow.mjs", "--once", "--json"]);
    assert_eq!((before.code, &before.report()["agents"]), (0, &json!(2)), "{}", before.stderr);
    let wrong = place.run(&["dev", "flow.mjs", "--once", "--args-n", "x"]);
    assert!(wrong.printed(7).contains("--args-n: \"x\" is not of type \"integer\""));
    place.write("flow.mjs", FLOW.replace("return answers", "throw new Error('no')"));
    assert!(place.run(&["dev", "flow.mjs", "--once"]).printed(7).contains("Error: no"));
    assert!(place.run(&["dev", "-"]).said(2).contains("name a file"));
}
