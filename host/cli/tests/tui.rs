//! The terminal UI in a real terminal.

#![cfg(unix)]

mod common;

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::background::Background;
use common::screen::Screen;
use common::{Place, lives, until};
use rustix::process::{Pid, Signal, kill_process};

const BINARY: &str = env!("CARGO_BIN_EXE_smol-wf");

/// Heeds hang-ups, also below `nohup`, which may be where the tests run.
const HEEDING: &str = "env --default-signal=HUP,INT";

/// A stream with something of everything, and text that is not meant well.
const STREAM: &str = include_str!("tui/run.jsonl");

fn contains(lines: &[String], part: &str) -> bool {
    lines.iter().any(|line| line.contains(part))
}

#[track_caller]
fn once(screen: &Screen, part: &str) -> Vec<String> {
    screen.once(|lines| contains(lines, part))
}

/// A place with the stream, and a shell in a terminal that runs this line.
fn shell(line: &str) -> (Place, Screen) {
    let place = Place::new();
    place.write("events.jsonl", STREAM);
    let screen = Screen::of(&place, &format!("--version >before.txt; {line}"));
    (place, screen)
}

/// The TUI of a replay, with its process id in a file and the settings of the terminal
/// before and after it.
fn replay() -> (Place, Screen) {
    shell(&format!(
        "stty -g >before; sh -c 'echo $$ >pid; exec {HEEDING} {BINARY} tui replay events.jsonl'; \
         echo \"code $?\"; stty -g >after; echo back again"
    ))
}

fn process(place: &Place) -> Pid {
    let read = || std::fs::read_to_string(place.path("pid")).ok()?.trim().parse().ok();
    until("the process is known", || read().is_some());
    Pid::from_raw(read().unwrap()).unwrap()
}

fn read(path: PathBuf) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Whichever way it ends, the terminal is as it was: its settings, and what was on it.
#[test]
fn the_terminal_is_given_back_on_every_way_out() {
    let signals =
        [("INT", Signal::INT, 130), ("TERM", Signal::TERM, 143), ("HUP", Signal::HUP, 129)];
    let (place, screen) = replay();
    once(&screen, "replay, end");
    screen.press(&["q"]);
    is_given_back(&place, &screen, "q", 0);
    let (place, screen) = replay();
    once(&screen, "replay, end");
    screen.press(&["/", "x", "C-c"]);
    is_given_back(&place, &screen, "Ctrl-C", 0);
    for (name, signal, code) in signals {
        let (place, screen) = replay();
        once(&screen, "replay, end");
        kill_process(process(&place), signal).unwrap();
        is_given_back(&place, &screen, name, code);
    }
}

/// A signal says of the run what was seen last, not what it was at the beginning.
#[test]
fn the_last_words_of_a_signal_are_true() {
    let place = Place::new();
    place.write("s.mjs", "export const meta = { name: 'n', description: 'd' }\n");
    let line = "--db runs.db tui run s.mjs --agent-provider debug";
    let line = format!("--version; sh -c 'echo $$ >pid; exec {HEEDING} {BINARY} {line}'");
    let screen = Screen::of(&place, &line);
    once(&screen, "completed");
    kill_process(process(&place), Signal::TERM).unwrap();
    let lines = once(&screen, "report: smol-wf history");
    assert!(!contains(&lines, "goes on"), "{lines:#?}");
}

#[track_caller]
fn is_given_back(place: &Place, screen: &Screen, way: &str, code: i32) {
    let lines = once(screen, "back again");
    assert!(contains(&lines, &format!("code {code}")), "{way}: {lines:#?}");
    assert!(!contains(&lines, "steps"), "{way}: {lines:#?}");
    assert_eq!(read(place.path("before")), read(place.path("after")), "{way}");
}

#[test]
fn a_terminal_that_goes_away_ends_it() {
    let (place, screen) = replay();
    once(&screen, "replay, end");
    let process = process(&place);
    drop(screen);
    until("it has ended", || !lives(process.as_raw_nonzero().get().unsigned_abs()));
}

#[test]
fn it_stops_for_the_shell_and_goes_on() {
    let (place, screen) = shell("exec env PS1='ready> ' bash --norc --noprofile -i");
    once(&screen, "ready>");
    let type_line = |line: &str| screen.press(&["-l", line]);
    type_line(&format!("stty -g >before; {BINARY} tui replay events.jsonl; stty -g >middle\n"));
    once(&screen, "replay, end");
    screen.press(&["C-z"]);
    once(&screen, "Stopped");
    type_line("stty -g >after; echo given back; fg\n");
    once(&screen, "replay, end");
    screen.press(&["q"]);
    // What the shell says is there again, and the screen of the TUI is not.
    screen.once(|lines| contains(lines, "given back") && !contains(lines, "replay, end"));
    until("the settings are written", || place.path("after").exists());
    assert_eq!(read(place.path("before")), read(place.path("after")));
}

#[test]
fn a_hundred_sizes_a_filter_and_a_copy() {
    let (_place, screen) = shell(&format!("{BINARY} tui replay events.jsonl"));
    assert!(screen.tmux(&["set", "-g", "set-clipboard", "on"]).status().unwrap().success());
    once(&screen, "replay, end");
    for size in 0..100_u32 {
        let (columns, rows) = (20 + size * 37 % 190, 5 + size * 13 % 60);
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let resize = ["resize-window", "-x", &columns, "-y", &rows];
        assert!(screen.tmux(&resize).status().unwrap().success());
    }
    assert!(screen.tmux(&["resize-window", "-x", "80", "-y", "24"]).status().unwrap().success());
    screen.once(|lines| lines.len() == 24 && contains(lines, "replay, end"));
    screen.press(&["/", "review:auth", "Enter"]);
    once(&screen, "1 steps 2");
    screen.press(&["Down", "Enter"]);
    once(&screen, "be brief.");
    screen.press(&["y"]);
    once(&screen, "copied");
    let copied = screen.tmux(&["show-buffer"]).output().unwrap().stdout;
    let copied = String::from_utf8(copied).unwrap();
    assert!(copied.contains("\tLook for races,\nand be brief."), "{copied}");
}

/// Two people at two terminals: one starts a run and answers, the other stops a step, and
/// both see the same.
#[test]
fn two_people_work_with_one_run() {
    let body = "const work = Promise.all([1, 2].map((i) => agent(`part ${i}`, { label: `work:${i}` })))\n\
        const text = await SW.extra.ask('What is new?')\n\
        const ok = await SW.extra.approve('Deploy?')\n\
        return { ok: ok.approved, length: text.length, work: await work }";
    let background = Background::new(body);
    let place = &background.place;
    std::fs::rename(place.path("s.mjs"), place.path("s.js")).unwrap();
    let (home, go) = (place.path("home"), place.path("go"));
    let variables = [
        ("HOME", home.to_str().unwrap()),
        ("GO", go.to_str().unwrap()),
        ("SMOL_WF_AGENT_PROVIDER", "mine"),
    ];
    let ann = Screen::with(place, "tui run s.js --ascii", (80, 24), &variables);
    once(&ann, "2 working");
    once(&ann, "a: answer");
    let run = background.held()[0]["runId"].as_str().unwrap().to_owned();
    let held = background.holder(&run);

    // Ten kilobytes are pasted, with line ends, and are one answer.
    ann.press(&["a"]);
    once(&ann, "What is new?");
    let pasted = place.write("pasted", "0123456789abcde\n".repeat(640));
    let pasted = pasted.to_str().unwrap();
    assert!(ann.tmux(&["load-buffer", pasted]).status().unwrap().success());
    assert!(ann.tmux(&["paste-buffer", "-p"]).status().unwrap().success());
    once(&ann, "abcde/");
    ann.press(&["Enter"]);
    once(&ann, "Deploy?");

    let socket = Place::new();
    let mut variables = variables.to_vec();
    let db = place.db();
    variables.push(("SMOL_WF_DB", db.to_str().unwrap()));
    let ben = Screen::with(&socket, &format!("tui attach {run}"), (120, 40), &variables);
    once(&ben, "approve: Deploy?");
    // A wrong step is stopped, with a question before.
    ben.press(&["g", "x"]);
    once(&ben, "Stop step 1 (work:1)?");
    ben.press(&["y"]);
    for screen in [&ann, &ben] {
        once(screen, "1 stopped");
    }
    ann.press(&["a"]);
    once(&ann, "yes or no");
    ann.press(&["yes: go", "Enter"]);
    for screen in [&ann, &ben] {
        once(screen, "answer of step 4");
    }

    // The process that holds the run dies: both see it, and either may let it go on.
    kill_process(held, Signal::KILL).unwrap();
    for screen in [&ann, &ben] {
        once(screen, "interrupted");
    }
    ben.press(&["p"]);
    for screen in [&ann, &ben] {
        once(screen, "start 2");
    }
    // Leaving does nothing to the run.
    ann.press(&["q"]);
    once(&ann, "goes on; show it again: smol-wf tui attach");
    background.go();
    once(&ben, "completed");
    background.until_state(&run, "completed");
    let report = background.run(&["history", &run, "--json"]).ok();
    assert_eq!(report["result"]["ok"], true);
    assert_eq!(report["result"]["length"], 10_240);

    let deleted = background.run(&["history", "delete", &run, "--yes"]);
    assert_eq!(deleted.code, 0, "{}", deleted.stderr);
    let lines = once(&ben, "the run was deleted meanwhile");
    assert!(contains(&lines, "work:1"), "{lines:#?}");
}

/// A terminal that reads nothing holds up the drawing alone: a signal still ends it.
#[test]
fn a_terminal_that_reads_nothing_does_not_keep_it() {
    let place = Place::new();
    place.write("events.jsonl", STREAM);
    let mut script = without_answers(&place, Stdio::null());
    let process = process(&place);
    let reader = Pid::from_child(&script);
    until("it draws", || written(process) > FRAME_MIN);
    // A saved file is removed by a signal of its own if it is unfinished, which must not
    // end the process before the terminal is given back.
    let mut keys = script.stdin.take().unwrap();
    keys.write_all(b"s\x15saved.jsonl\r").unwrap();
    until("it is saved", || place.path("saved.jsonl").exists());
    kill_process(reader, Signal::STOP).unwrap();
    // Each time that it goes on it draws everything, until the terminal is full.
    let (mut before, mut equal) = (0, 0);
    until("the terminal is full", || {
        kill_process(process, Signal::CONT).unwrap();
        std::thread::sleep(Duration::from_millis(40));
        let now = written(process);
        equal = if now == before { equal + 1 } else { 0 };
        before = now;
        equal == 10
    });
    kill_process(process, Signal::TERM).unwrap();
    until("it has ended", || !lives(process.as_raw_nonzero().get().unsigned_abs()));
    until("the settings are written", || !read(place.path("after")).is_empty());
    assert_eq!(read(place.path("before")), read(place.path("after")));
    kill_process(reader, Signal::CONT).unwrap();
    drop(keys);
    let _ = script.wait();
}

/// `script` is a terminal that takes everything and answers nothing.
fn without_answers(place: &Place, screen: Stdio) -> Child {
    let line = format!(
        "stty -g >before; >after; \
         sh -c 'echo $$ >pid; exec {HEEDING} {BINARY} tui replay events.jsonl'; \
         code=$?; stty -g >after; exit $code"
    );
    Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .current_dir(place.dir.path())
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(screen)
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Drawing everything again asks the terminal nothing: the answer would come among the keys.
#[test]
fn a_terminal_that_answers_nothing_is_drawn_anew() {
    let place = Place::new();
    place.write("events.jsonl", STREAM);
    let mut script = without_answers(&place, Stdio::piped());
    let mut screen = script.stdout.take().unwrap();
    let shown = std::thread::spawn(move || {
        let mut shown = Vec::new();
        screen.read_to_end(&mut shown).map(|_| shown)
    });
    let process = process(&place);
    until("it draws", || written(process) > FRAME_MIN);
    kill_process(process, Signal::CONT).unwrap();
    script.stdin.take().unwrap().write_all(b"\x0c\x0cq").unwrap();
    assert_eq!(script.wait().unwrap().code(), Some(0));
    let shown = shown.join().unwrap().unwrap();
    let shown = String::from_utf8_lossy(&shown);
    assert!(shown.contains("\x1b[2J") && !shown.contains("\x1b[6n"), "{shown:?}");
}

/// Fewer bytes than a frame has, and more than a shell or the TUI writes before the first.
const FRAME_MIN: u64 = 500;

/// Bytes that a process has written.
fn written(process: Pid) -> u64 {
    let counts = std::fs::read_to_string(format!("/proc/{}/io", process.as_raw_nonzero()));
    let counts = counts.unwrap_or_default();
    let line = counts.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[test]
fn without_a_terminal_it_says_what_to_type_instead() {
    let place = Place::new();
    place.write("events.jsonl", STREAM);
    place.write("s.mjs", "export const meta = { name: 'n', description: 'd' }\nreturn 1\n");
    for (args, instead) in [
        (&["tui", "run", "s.mjs"][..], "smol-wf run s.mjs"),
        (&["tui", "attach"], "smol-wf attach latest"),
        (&["tui", "replay", "run_0k3"], "smol-wf logs run_0k3"),
        (&["tui", "replay", "events.jsonl"], "smol-wf tui replay events.jsonl --check"),
    ] {
        place.run(args).fails(2, &["needs a terminal", instead]);
    }
    assert!(!place.db().exists(), "nothing was started");
}

#[test]
fn a_stream_is_checked_without_a_terminal() {
    let place = Place::new();
    let whole = place.script(
        "export const meta = { name: 'n', description: 'd' }\nreturn await agent('a')\n",
        &["--events"],
    );
    place.write("events.jsonl", &whole.stdout);
    let found = place.run(&["tui", "replay", "events.jsonl", "--check", "--json"]).ok();
    assert_eq!((&found["errors"], &found["warnings"]), (&0.into(), &0.into()), "{found}");
    let of_run = place.run(&["tui", "replay", "latest", "--check", "--json"]).ok();
    assert_eq!((&of_run["errors"], &of_run["warnings"]), (&0.into(), &0.into()), "{of_run}");
    let mut lines: Vec<&str> = whole.stdout.lines().collect();
    lines.pop();
    lines.insert(2, "{\"type\":");
    place.write("damaged.jsonl", lines.join("\n"));
    let checked = place.run(&["tui", "replay", "damaged.jsonl", "--check"]);
    assert_eq!(checked.code, 3, "{}", checked.stderr);
    assert!(
        checked.stdout.starts_with("damaged.jsonl:3: error: column 8: invalid JSON"),
        "{}",
        checked.stdout
    );
    assert!(checked.stdout.contains("[no_end]"), "{}", checked.stdout);
    // What a replay would stop at is found by the check.
    let misfit = r#"{"type":"workflow.log","data":{"message":7}}"#;
    place.write("misfit.jsonl", format!("{}{misfit}\n", whole.stdout));
    let checked = place.run(&["tui", "replay", "misfit.jsonl", "--check"]);
    assert_eq!(checked.code, 3, "{}", checked.stdout);
    assert!(checked.stdout.contains("invalid `data`"), "{}", checked.stdout);
    place.run(&["tui", "replay", "missing.jsonl", "--check"]).fails(3, &["missing.jsonl"]);
}
