//! Signals, readers that go away, and a real terminal.

mod common;

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::screen::{Screen, count};
use common::{Place, finish, run_id_of};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

/// The same command where SIGHUP is not ignored, as it is below `nohup`, which may
/// be where the tests run.
fn heeding_hangups(command: &Command) -> Command {
    let mut heeding = Command::new("env");
    heeding
        .arg("--default-signal=HUP")
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(command.get_current_dir().unwrap())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, value) in command.get_envs() {
        heeding.env(name, value.unwrap_or_default());
    }
    heeding
}

fn interrupt(signal: &str, twice: bool) -> (common::Ran, Place) {
    let place = Place::new();
    place.write("s.mjs", format!("{META}await agent('a')\nreturn await agent('b')\n"));
    let rules = ["run", "s.mjs", "--debug-rule", "prompt:b=delay:60s"];
    let mut child = heeding_hangups(&place.command(&rules)).spawn().unwrap();
    let mut reader = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("[agent] b") {
        assert_ne!(reader.read_line(&mut said).unwrap(), 0, "{said}");
    }
    let pid = child.id().to_string();
    for _ in 0..=u32::from(twice) {
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        std::thread::sleep(Duration::from_millis(if twice { 0 } else { 1 }));
    }
    let rest = std::thread::spawn(move || {
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        rest
    });
    let mut ran = finish(child);
    ran.stderr = said + &rest.join().unwrap();
    (ran, place)
}

#[test]
fn ctrl_c_stops_cleanly_and_says_how_to_resume() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let (ran, place) = interrupt(signal, false);
        let id = run_id_of(&ran.stderr);
        ran.fails(code, &[&format!("resume: smol-wf resume {id}"), "Stopping…"]);
        assert_eq!(ran.report()["state"], "cancelled");
        let listed = place.run(&["history", "-o", "json"]).ok();
        assert_eq!(listed["runs"][0]["state"], "cancelled");
    }
}

#[test]
fn ctrl_c_twice_stops_at_once_and_the_run_can_still_be_resumed() {
    let (ran, place) = interrupt("-INT", true);
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    let listed = place.run(&["history", "-o", "json"]).ok();
    let state = listed["runs"][0]["state"].as_str().unwrap();
    assert!(["cancelled", "interrupted"].contains(&state), "{state}");
}

#[test]
fn a_terminal_that_closes_says_so_twice_and_still_stops_the_run_cleanly() {
    let (ran, place) = interrupt("-HUP", true);
    assert_eq!(ran.code, 129, "{}", ran.stderr);
    assert_eq!(ran.report()["state"], "cancelled");
    let listed = place.run(&["history", "-o", "json"]).ok();
    assert_eq!(listed["runs"][0]["state"], "cancelled");
    // A fork, because the run itself would wait for the slow agent again.
    let forked = place.run(&["fork", "latest", "--debug-rule", "prompt:b=answer:quick"]);
    assert_eq!(forked.ok()["results"], "quick");
    assert_eq!(forked.report()["reused"]["agents"], 1);
}

/// As `nohup` and the background of a script do it.
#[test]
fn a_signal_that_was_ignored_from_the_start_stays_ignored() {
    for name in ["HUP", "INT"] {
        let place = Place::new();
        place.write("s.mjs", format!("{META}await agent('a')\nreturn await agent('b')\n"));
        let binary = env!("CARGO_BIN_EXE_smol-wf");
        let line =
            format!("trap '' {name}; exec {binary} run s.mjs --debug-rule 'prompt:b=delay:1s'");
        let mut child = Command::new("bash")
            .args(["-c", &line])
            .current_dir(place.dir.path())
            .env("SMOL_WF_DB", place.db())
            .env("SMOL_WF_AGENT_PROVIDER", "debug")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut reader = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("[agent] b") {
            assert_ne!(reader.read_line(&mut said).unwrap(), 0, "{said}");
        }
        let pid = child.id().to_string();
        let signal = format!("-{name}");
        assert!(Command::new("kill").args([&signal, &pid]).status().unwrap().success());
        let ran = finish(child);
        assert_eq!(ran.ok()["results"], "echo: b", "{name}");
    }
}

#[test]
fn a_reader_that_goes_away_is_not_a_failure() {
    let place = Place::new();
    place.write("s.mjs", format!("{META}for (let i = 0; i < 300; i++) await agent('x'.repeat(500))\nreturn 'y'.repeat(100000)\n"));
    for flags in ["", "--events"] {
        let binary = env!("CARGO_BIN_EXE_smol-wf");
        let line = format!(
            "{binary} run s.mjs {flags} 2>err.txt | head -c 10; echo \"${{PIPESTATUS[0]}}\""
        );
        let output = Command::new("bash")
            .args(["-c", &line])
            .current_dir(place.dir.path())
            .env("SMOL_WF_DB", place.db())
            .env("SMOL_WF_AGENT_PROVIDER", "debug")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.trim_end().ends_with('0'), "{said}");
        let errors = std::fs::read_to_string(place.path("err.txt")).unwrap();
        assert!(!errors.contains("panicked") && !errors.contains("error:"), "{errors}");
    }
}

#[test]
fn on_a_terminal_the_lines_move_and_leave_a_clean_screen() {
    let place = Place::new();
    place.write("s.mjs", format!("{META}phase('Look')\nawait parallel([1, 2, 3].map(n => () => agent(`look ${{n}}`)))\nreturn 1\n"));
    let binary = env!("CARGO_BIN_EXE_smol-wf");
    for (term, moves) in [("xterm", true), ("dumb", false)] {
        let line = format!("{binary} run s.mjs --debug-rule '*=delay:400ms'");
        let output = Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .current_dir(place.dir.path())
            .env_remove("CI")
            .env("TERM", term)
            .env("SMOL_WF_DB", place.db())
            .env("SMOL_WF_AGENT_PROVIDER", "debug")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let seen = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{seen}");
        // A terminal that can do nothing is an editor's, which may read the report.
        let result = if moves { "\r\n1\r\n" } else { "\"results\": 1" };
        assert!(seen.contains("run run_") && seen.contains(result), "{seen}");
        assert_eq!(seen.contains("\u{1b}["), moves, "{term}: {seen:?}");
        if moves {
            assert!(seen.contains("3 running"), "{seen:?}");
        }
    }
}

const WIDE: &str = "const labels = ['日本語のラベルはとても長い', '💥💥', '❤\u{fe0f} e\u{301}', '👍🏽 ok'];
await parallel(labels.map(label => () => agent('x', { label })));
await parallel(Array.from({ length: 6 }, (_, i) => () => agent('y', { label: '長'.repeat(30 + i) })));
return 1
";

#[test]
fn wide_characters_leave_no_line_behind() {
    let place = Place::new();
    place.write("s.mjs", format!("{META}{WIDE}"));
    let screen = Screen::of(&place, "run s.mjs --debug-rule '*=delay:900ms'");
    let at_work = screen.once(|lines| count(lines, "6 running, 4 done") == 1);
    assert_eq!(count(&at_work, " running, "), 1, "{at_work:#?}");
    let ended = screen.ends();
    assert_eq!(count(&ended, " running, "), 0, "{ended:#?}");
    assert_eq!(count(&ended, "日本語のラベルはとても長い"), 1, "{ended:#?}");
    assert!(ended[0].starts_with("run run_"), "nothing is above the first line: {ended:#?}");
    assert!(ended[1].starts_with("made a new database: "), "{ended:#?}");
    assert!(ended[2].starts_with("[agent] "), "{ended:#?}");
}

#[test]
fn agents_that_began_later_get_the_rows_of_those_that_have_ended() {
    let place = Place::new();
    let fan = "await parallel(Array.from({ length: 12 }, (_, i) => () => agent(i < 8 ? 'fast' : 'slow', { label: 'number ' + i })));\nreturn 1\n";
    place.write("s.mjs", format!("{META}{fan}"));
    let rules = "--debug-rule prompt:fast=delay:1s --debug-rule prompt:slow=delay:60s";
    let screen = Screen::of(&place, &format!("run s.mjs {rules}"));
    let row = |number: usize| format!("number {number} ");
    let at_work = screen.once(|lines| count(lines, "4 running, 8 done") == 1);
    let below = at_work.iter().position(|line| line.contains("4 running")).unwrap();
    for number in 8..12 {
        // The row, below the line that says how many there are.
        assert_eq!(count(&at_work[below..], &row(number)), 1, "{at_work:#?}");
    }
}

#[test]
fn on_the_second_ctrl_c_the_moving_lines_go_too() {
    let place = Place::new();
    let text = "const bye = await agent('a')\nreturn bye\n";
    place.write("s.mjs", format!("{META}{text}"));
    let screen = Screen::of(&place, "run s.mjs --debug-rule '*=delay:60s'; echo it is over");
    screen.once(|lines| count(lines, "1 running, 0 done") == 1);
    assert!(screen.tmux(&["send-keys", "C-c", "C-c"]).status().unwrap().success());
    let ended = screen.once(|lines| count(lines, "it is over") == 1);
    assert_eq!(count(&ended, " running, "), 0, "{ended:#?}");
}

#[test]
fn on_ctrl_c_what_is_said_stays_and_the_moving_lines_go() {
    let place = Place::new();
    place.write(
        "s.mjs",
        format!("{META}return await parallel(['a', 'b'].map(p => () => agent(p)))\n"),
    );
    let screen = Screen::of(&place, "run s.mjs --debug-rule '*=delay:60s'");
    screen.once(|lines| count(lines, "2 running, 0 done") == 1);
    assert!(screen.tmux(&["send-keys", "C-c"]).status().unwrap().success());
    let ended = screen.ends();
    assert_eq!(count(&ended, "Stopping… Ctrl-C again to stop now"), 1, "{ended:#?}");
    assert_eq!(count(&ended, " running, "), 0, "{ended:#?}");
    assert!(ended[0].starts_with("run run_"), "{ended:#?}");
}

#[test]
fn a_long_report_is_followed_by_a_summary() {
    let place = Place::new();
    let text = "log('x'.repeat(200))\nawait agent('a')\nreturn await parallel([() => agent('b', { mood: 'good' }), () => agent('c')])\n";
    place.write("s.mjs", format!("{META}{text}"));
    let line = "run s.mjs --debug-rule prompt:c=fail --output json";
    let screen = Screen::sized(&place, line, 80, 24);
    let ended = screen.ends();
    let last = ended.iter().position(|line| line == "}").unwrap();
    let said = &ended[last + 1..];
    assert_eq!(count(said, "warning: "), 1, "{ended:#?}");
    assert_eq!(count(said, "completed: 3 agents, 1 failed"), 1, "{ended:#?}");
    assert_eq!(count(said, r#"result: ["echo: b",null]"#), 1, "{ended:#?}");
    assert!(said.last().unwrap().starts_with("its steps: smol-wf history run_"), "{ended:#?}");
    // A replay says below its verdict what the run says below its report.
    let ended = Screen::sized(&place, "replay latest", 80, 24).ends();
    let last = ended.iter().position(|line| line == "}").unwrap();
    let said = &ended[last + 1..];
    assert_eq!(count(said, " replays: 3 steps, "), 1, "{ended:#?}");
    assert_eq!(count(said, "completed: 3 agents, 1 failed"), 1, "{ended:#?}");
    assert_eq!(count(said, r#"result: ["echo: b",null]"#), 1, "{ended:#?}");
}

#[test]
fn a_result_is_shown_once_and_what_scrolled_away_is_said_again() {
    let text =
        "await agent('a', { mood: 'good' })\nreturn '# All\\n' + 'line\\n'.repeat(args.lines)\n";
    for (lines, warnings) in [(3, 1), (60, 2)] {
        let place = Place::new();
        place.write("s.mjs", format!("{META}{text}"));
        let ended =
            Screen::sized(&place, &format!("run s.mjs --args-lines {lines}"), 80, 24).ends();
        assert_eq!(count(&ended, "# All"), 1, "{ended:#?}");
        assert_eq!(count(&ended, "line"), lines, "{ended:#?}");
        assert_eq!(count(&ended, "warning: "), warnings, "{ended:#?}");
        assert_eq!(count(&ended, "completed: 1 agent"), 1, "{ended:#?}");
        assert_eq!(count(&ended, "result:"), 0, "{ended:#?}");
        assert!(ended.last().unwrap().starts_with("its steps: smol-wf history run_"), "{ended:#?}");
    }
}

#[test]
fn a_terminal_gets_a_few_screens_of_a_result_and_where_the_rest_is() {
    let place = Place::new();
    place.write(
        "s.mjs",
        format!(
            "{META}return Array.from({{ length: 500 }}, (_, i) => 'number ' + i).join('\\n')\n"
        ),
    );
    let ended = Screen::sized(&place, "run s.mjs", 80, 24).ends();
    assert_eq!(count(&ended, "number "), 200, "{ended:#?}");
    let cut = ended.iter().position(|line| line == "…").unwrap();
    assert_eq!(ended[cut - 1], "number 199", "{ended:#?}");
    let below = ended[cut..].join("");
    let run = common::run_id_of(&ended[0]);
    assert!(
        below.contains(&format!("300 lines more of the result: smol-wf history {run} --full")),
        "{below}"
    );
    let whole = place.run(&["history", &run, "--full", "-o", "text"]).stdout;
    assert!(whole.contains("number 0\n") && whole.contains("number 499\n"), "{whole}");
}

#[test]
fn a_terminal_of_any_size_shows_what_it_has_room_for() {
    let place = Place::new();
    let fan = "phase('Look')\nawait parallel(Array.from({ length: 20 }, (_, i) => () => agent('x', { label: 'number ' + i })));\n";
    place.write("s.mjs", format!("{META}{fan}"));
    let screen = Screen::sized(&place, "run s.mjs --debug-rule '*=delay:60s'", 20, 5);
    let at_work = screen.once(|lines| count(lines, "16 running") == 1);
    assert_eq!(count(&at_work, "number 0"), 1, "{at_work:#?}");
    let resize = |columns: &str, rows: &str| {
        let mut tmux = screen.tmux(&["resize-window", "-x", columns, "-y", rows]);
        assert!(tmux.status().unwrap().success());
    };
    for (columns, rows, last, lines) in [
        ("100", "30", "+8 more", 11),
        ("40", "12", "+10 more", 9),
        ("20", "5", "number 0", 2),
        ("100", "30", "+8 more", 11),
    ] {
        resize(columns, rows);
        // What had scrolled away before the size changed stays away.
        screen.once_visible(|shown| {
            let end = &shown[shown.len().saturating_sub(lines)..];
            end.first().is_some_and(|line| line.contains(" running"))
                && end.last().is_some_and(|line| line.contains(last))
                && count(shown, last) == 1
                && count(end, " Look  0 of 20") == usize::from(lines > 2)
        });
    }
}

#[test]
fn the_list_of_runs_fits_a_terminal_of_80_columns() {
    let place = Place::new();
    let text = "await agent('a')\nreturn 1\n";
    place.write("s.mjs", format!("{}{text}", META.replace("'n'", "'a-name-of-some-length'")));
    place.run(&["run", "s.mjs", "--debug-rule", "*=cost:12.25,tokens:123456"]).ok();
    let screen = Screen::of(&place, "history; echo it is over");
    let shown = screen.once(|lines| count(lines, "it is over") == 1);
    assert_eq!(shown.len(), 3, "{shown:#?}");
    assert!(shown[1].contains("  a-name-of-some-"), "{shown:#?}");
}

#[test]
fn ctrl_s_holds_nothing_up_and_ctrl_q_shows_the_rest() {
    let place = Place::new();
    let text =
        "for (let i = 0; i < 60; i++) { log('l'.repeat(500)); await agent('a' + i) }\nreturn 1\n";
    place.write("s.mjs", format!("{META}{text}"));
    let screen = Screen::of(&place, "run s.mjs --debug-rule '*=delay:50ms'");
    screen.once(|lines| count(lines, " running, ") == 1);
    let press = |key: &str| assert!(screen.tmux(&["send-keys", key]).status().unwrap().success());
    press("C-s");
    let mut looks = 0;
    while place.run(&["history", "-o", "json"]).ok()["runs"][0]["state"] != "completed" {
        looks += 1;
        assert!(looks < 1_000, "the run stands still");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(count(&screen.lines(), "its steps: smol-wf"), 0, "the terminal stands still");
    press("C-q");
    let ended = screen.ends();
    assert_eq!(count(&ended, "done in "), 60, "{ended:#?}");
}

#[test]
fn a_signal_ends_a_run_whose_terminal_stands_still() {
    let place = Place::new();
    place.write("s.mjs", format!("{META}return await agent('a')\n"));
    let binary = env!("CARGO_BIN_EXE_smol-wf");
    let run = format!("echo $$ > pid; exec {binary} run s.mjs --debug-rule '*=delay:60s'");
    let line = format!("--version; sh -c \"{}\"; echo code $?", run.replace('$', "\\$"));
    let screen = Screen::of(&place, &line);
    screen.once(|lines| count(lines, "1 running, ") == 1);
    assert!(screen.tmux(&["send-keys", "C-s"]).status().unwrap().success());
    // A little more than it can be drawn without being taken.
    std::thread::sleep(Duration::from_millis(500));
    let pid = std::fs::read_to_string(place.path("pid")).unwrap();
    assert!(Command::new("kill").args(["-TERM", pid.trim()]).status().unwrap().success());
    let mut looks = 0;
    while std::path::Path::new(&format!("/proc/{}", pid.trim())).exists() {
        looks += 1;
        assert!(looks < 1_000, "it waits for its terminal");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(screen.tmux(&["send-keys", "C-q"]).status().unwrap().success());
    screen.once(|lines| count(lines, "code 143") == 1);
    let listed = place.run(&["history", "-o", "json"]).ok();
    assert_eq!(listed["runs"][0]["state"], "cancelled");
}
