//! The screen at three sizes, in colour, without colours, and in ASCII.
//!
//! Owns: samples of runs, and pictures of what is drawn of them. Never: a terminal.

mod answers;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use smol_wf_core::event::Event;
use smol_wf_core::event::parse::event_line;
use smol_wf_core::gate::{AskKind, AskRequest};
use smol_wf_core::ids::StepId;
use smol_wf_engine::Message;

use super::app::{App, Effect, Origin, Pane};
use super::desk::{Reply, Request, WholeStep};
use super::mode::Mode;
use super::paint::{Now, draw};
use super::player::Pace;
use super::theme::Theme;
use crate::sanitize;

const DARK: Theme = Theme { has_colors: true, is_ascii: false };
const ASCII: Theme = Theme { has_colors: false, is_ascii: true };

/// Milliseconds since the run began at which the pictures are taken.
const NOW_MS: i64 = 95_000;

/// A run with something of everything, and text that is not meant well.
const RUN: &str = include_str!("../../tests/tui/run.jsonl");

fn events(stream: &str) -> Vec<Event> {
    stream.lines().map(|line| event_line(line).unwrap().event).collect()
}

fn app(theme: Theme) -> App {
    let origin = Origin::Live { created_at_us: 0, is_held: true, is_gone: false };
    let mut app = App::new(origin, None, theme);
    events(RUN).iter().for_each(|event| app.event(event));
    app
}

fn drawn(app: &mut App, columns: u16, rows: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    let now = Now { instant: Instant::now(), us: NOW_MS * 1_000 };
    terminal.draw(|frame| draw(app, frame, now)).unwrap();
    terminal.backend().buffer().clone()
}

/// The characters of a screen.
fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in 0..buffer.area.height {
        let mut line = String::new();
        let mut column = 0;
        while column < buffer.area.width {
            let symbol = buffer[(column, row)].symbol();
            line.push_str(symbol);
            column += u16::try_from(super::text::columns(symbol).max(1)).unwrap();
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The colours of a screen: for each line, where they change.
fn colors(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in 0..buffer.area.height {
        let mut last = None;
        let _ = write!(text, "{row:>3}");
        for column in 0..buffer.area.width {
            let cell = &buffer[(column, row)];
            let style = (cell.fg, cell.modifier);
            if last != Some(style) && (last.is_some() || style != (Color::Reset, Modifier::empty()))
            {
                let _ = write!(text, " {column}:{:?}", cell.fg);
                for (name, _) in cell.modifier.iter_names() {
                    let _ = write!(text, "+{}", name.to_lowercase());
                }
            }
            last = Some(style);
        }
        text.push('\n');
    }
    text
}

fn compare(name: &str, picture: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("tui-{name}"), picture));
}

fn press(app: &mut App, keys: &str) -> Option<Effect> {
    let press = |code| KeyEvent::new(code, KeyModifiers::NONE);
    let mut last = None;
    for key in keys.chars() {
        app.tree.refresh(&app.view);
        last = app.key(&match key {
            '\n' => press(KeyCode::Enter),
            '\x1b' => press(KeyCode::Esc),
            '\t' => press(KeyCode::Tab),
            other => press(KeyCode::Char(other)),
        });
    }
    app.tree.refresh(&app.view);
    last
}

fn select(app: &mut App, key: &str) {
    app.tree.refresh(&app.view);
    let node = app.view.find(key).unwrap();
    let at = app.tree.rows().iter().position(|row| row.node() == node).unwrap();
    app.tree.select(at);
}

/// Opens a step, as the desk would answer.
fn open(app: &mut App, key: &str) {
    select(app, key);
    assert_eq!(press(app, "2"), Some(Effect::Ask(Request::Step(key.to_owned()))));
    let about = events(RUN).into_iter().filter(|event| super::desk::is_about(event, key));
    let request = serde_json::json!({
        "of": "agent", "request": { "prompt": "p", "schema": r#"{"type":"object"}"#, "effort": "high" }
    });
    let whole = WholeStep { events: about.collect(), request: Some(request) };
    app.reply(Reply::Step(key.to_owned(), Ok(whole)));
}

#[test]
fn a_run_at_three_sizes() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
        let mut app = app(DARK);
        open(&mut app, "4");
        press(&mut app, "1");
        let screen = drawn(&mut app, columns, rows);
        compare(&format!("run-{columns}x{rows}"), &text(&screen));
    }
    let screen = drawn(&mut app(DARK), 80, 24);
    compare("run-colors", &colors(&screen));
}

#[test]
fn without_colours_and_in_ascii() {
    let mut app = app(ASCII);
    let screen = drawn(&mut app, 80, 24);
    let picture = text(&screen);
    let own: String = picture.chars().filter(|one| !"日本語é\u{fffd}".contains(*one)).collect();
    assert!(own.is_ascii(), "{own}");
    compare("run-ascii", &picture);
    assert!((0..24).all(|row| (0..80).all(|column| screen[(column, row)].fg == Color::Reset)));
    compare("run-40x12", &text(&drawn(&mut app, 40, 12)));
}

#[test]
fn details_for_reading_and_raw() {
    let mut app = app(DARK);
    open(&mut app, "4");
    compare("details", &text(&drawn(&mut app, 80, 40)));
    press(&mut app, "v");
    compare("details-raw", &text(&drawn(&mut app, 80, 40)));
    let Some(Effect::Copy(copied)) = press(&mut app, "y") else { panic!("it is copied") };
    assert!(copied.contains("\"prompt\": \"p\""), "{copied}");
}

#[test]
fn the_help_has_every_key_and_every_sign() {
    let mut app = app(ASCII);
    press(&mut app, "?");
    compare("help", &text(&drawn(&mut app, 80, 60)));
    press(&mut app, "q");
    assert!(matches!(app.mode, Mode::Help(_)), "q leaves: the screen stays as it was");
    press(&mut app, "x");
    assert!(matches!(app.mode, Mode::Browse));
}

#[test]
fn what_somebody_said_to_an_agent_is_shown_with_what_became_of_it() {
    let mut app = app(DARK);
    let line = |at: u64, kind: &str, step: &str, data: &str| {
        let line = format!(
            r#"{{"type":"workflow.{kind}","seq":{},"elapsedNanos":{},"metadata":{{{step}"workflowDepth":0}},"data":{data}}}"#,
            800 + at,
            (90 + at) * 1_000_000_000
        );
        event_line(&line).unwrap().event
    };
    let posted = |at: u64, number: u32, rest: &str| {
        let data =
            format!(r#"{{"message":"message","number":{number},"by":"ben","step":4,{rest}}}"#);
        line(at, "message", "", &data)
    };
    let told = |at: u64, number: u32, too_late: bool| {
        let data = format!(r#"{{"number":{number},"tooLate":{too_late}}}"#);
        line(at, "agent_told", r#""stepId":"4","#, &data)
    };
    let said = [
        posted(1, 11, r#""text":"look at\nb.rs""#),
        told(2, 11, false),
        posted(3, 12, r#""text":"and c.rs""#),
        posted(4, 13, r#""text":"no","refused":"step_settled""#),
        told(5, 12, true),
        posted(6, 14, r#""text":"hurry""#),
    ];
    said.iter().for_each(|event| app.event(event));
    select(&mut app, "4");
    let beside = text(&drawn(&mut app, 120, 60));
    for shown in
        ["ben, told: look at", "ben, too late: and c.rs", "ben, no effect: step_settled: no"]
    {
        assert!(beside.contains(shown), "{shown} is not in {beside}");
    }
    for logged in [
        "#4 message to step 4 by ben: look at",
        "#4 the agent has message 11 by ben: look at",
        "#4 message to step 4 by ben: no effect: step_settled: no",
        "#4 message 12 by ben came too late: and c.rs",
        "#4 message to step 4 by ben: hurry",
    ] {
        assert!(beside.contains(logged), "{logged} is not in {beside}");
    }
    open(&mut app, "4");
    // As the desk reads them from the journal.
    let mut whole: Vec<Event> = events(RUN);
    whole.extend(said);
    whole.retain(|event| super::desk::is_about(event, "4"));
    app.reply(Reply::Step("4".to_owned(), Ok(WholeStep { events: whole, request: None })));
    let Some(Effect::Copy(details)) = press(&mut app, "y") else { panic!("it is copied") };
    let (_, messages) = details.split_once("messages\n").unwrap();
    let (messages, _) = messages.split_once("\n\nactivity").unwrap();
    assert_eq!(
        messages,
        "1:31 message 11 by ben, told at 1:32\nlook at\nb.rs\n\n\
         1:33 message 12 by ben, too late at 1:35\nand c.rs\n\n\
         1:34 message 13 by ben, no effect: step_settled\nno\n\n\
         1:36 message 14 by ben, not told\nhurry"
    );
    let shown = |app: &mut App, fate: &str| {
        let drawn = text(&drawn(app, 120, 60));
        assert!(drawn.contains(&format!("message 14 by ben, {fate}")), "{fate} is not in {drawn}");
    };
    shown(&mut app, "not told");
    app.event(&line(7, "result", "", r#"{"result":1}"#));
    shown(&mut app, "too late");
}

#[test]
fn a_question_is_answered_in_place() {
    let mut app = app(DARK);
    let asked = app.question().unwrap().opened.digest.clone();
    assert_eq!(press(&mut app, "a"), Some(Effect::Ask(Request::Question(StepId(7), asked))));
    let request = AskRequest {
        detail: Some("first line\nsecond \u{1b}[2J line".to_owned()),
        ..AskRequest::plain(AskKind::Approve, "Deploy to production?")
    };
    let digest = request.digest();
    app.reply(Reply::Question(StepId(7), Ok(Some(Arc::new(request)))));
    press(&mut app, "maybe\n");
    compare("answer", &text(&drawn(&mut app, 80, 24)));
    for _ in 0.."maybe".len() {
        app.key(&KeyEvent::new(KeyCode::Backspace, KeyModifiers::NONE));
    }
    let Some(Effect::Ask(Request::Post { message, .. })) = press(&mut app, "no: tests fail\n")
    else {
        panic!("it is posted");
    };
    let comment = Some("tests fail".to_owned());
    let value = "false".to_owned();
    assert_eq!(message, Message::Answer { step: StepId(7), digest, value, comment });
}

#[test]
fn the_log_says_who_answered_or_why_nobody_did() {
    let mut app = app(DARK);
    for (seq, rest) in [
        (900, r#""by":"ben","output":true"#),
        (901, r#""error":{"code":"approval_timeout","message":"its time is up"}"#),
        (902, r#""withdrawn":true"#),
        (903, r#""output":true"#),
    ] {
        let line = format!(
            r#"{{"type":"workflow.ask_settled","seq":{seq},"elapsedNanos":96000000000,"metadata":{{"stepId":"{seq}","workflowDepth":0}},"data":{{"kind":"approve","label":"Deploy?",{rest}}}}}"#
        );
        app.event(&event_line(&line).unwrap().event);
    }
    app.focus = Pane::Log;
    let picture = text(&drawn(&mut app, 80, 40));
    for said in [
        "#900 Deploy?: answered by ben",
        "#901 failed: Deploy?: its time is up",
        "#902 Deploy?: no longer waits for the permission",
        "#903 Deploy?: settled without a person",
    ] {
        assert!(picture.contains(said), "{said} is not in {picture}");
    }
}

#[test]
fn steps_beyond_the_bound_do_not_vanish_without_a_word() {
    let mut app = app(DARK);
    let queued = events(RUN).into_iter().find(|event| event.metadata.step_id.is_some());
    let mut queued = queued.unwrap();
    for step in 0..=smol_wf_core::view::STEPS_MAX {
        queued.metadata.step_id = Some((step + 1_000).to_string());
        app.event(&queued);
    }
    let picture = text(&drawn(&mut app, 80, 24));
    assert!(picture.contains("steps (more are not listed)"), "{picture}");
}

#[test]
fn nothing_is_stopped_without_a_yes() {
    let mut app = app(DARK);
    select(&mut app, "4");
    assert_eq!(press(&mut app, "x"), None);
    compare("stop", &text(&drawn(&mut app, 80, 24)));
    assert_eq!(press(&mut app, "n"), None);
    let Some(Effect::Ask(Request::Post { message, .. })) = press(&mut app, "xy") else {
        panic!("it is stopped");
    };
    assert_eq!(message, Message::Stop { step: StepId(4) });
    // A step that is over has nothing to stop.
    select(&mut app, "1");
    assert_eq!(press(&mut app, "x"), None);
    let said = app.noted(Instant::now()).map(|note| note.text.clone());
    assert_eq!(said.as_deref(), Some("select a step that is not over yet"));
    press(&mut app, "j");
    assert!(app.noted(Instant::now()).is_none(), "it was seen");
}

#[test]
fn a_search_and_a_filter_leave_what_fits() {
    let mut app = app(DARK);
    press(&mut app, "/review:auth\n");
    compare("search", &text(&drawn(&mut app, 80, 24)));
    press(&mut app, "\x1bf");
    let states = app.tree.rows().iter().filter_map(|row| app.view.tree().step(row.node()));
    assert!(states.clone().count() > 0);
    assert!(states.clone().all(|step| step.error.is_some() || step.ended_ms.is_none()));
    press(&mut app, "fffff");
    assert_eq!(app.tree.filter_word(), None);
}

#[test]
fn the_selection_stays_on_its_step_while_others_come_and_go() {
    let mut app = app(DARK);
    select(&mut app, "4");
    let line = |key: &str, kind: &str, data: &str| {
        format!(
            r#"{{"type":"{kind}","seq":900,"elapsedNanos":96000000000,"metadata":{{"stepId":"{key}","workflowDepth":0}},"data":{data}}}"#
        )
    };
    for new in 50..80 {
        let data = format!(r#"{{"label":"more:{new}","phase":"Discover","model":null}}"#);
        let queued = line(&new.to_string(), "workflow.agent_queued", &data);
        app.event(&event_line(&queued).unwrap().event);
    }
    app.tree.refresh(&app.view);
    assert_eq!(app.step().map(|step| step.key.as_str()), Some("4"));
}

#[test]
fn a_replay_is_halted_and_goes_on() {
    let origin = Origin::Replay { pace: Pace::Playing, is_over: false, is_damaged: false };
    let mut app = App::new(origin, None, DARK);
    events(RUN).iter().take(9).for_each(|event| app.event(event));
    assert_eq!(press(&mut app, " "), Some(Effect::SetPace(Pace::Halted)));
    assert_eq!(press(&mut app, "n"), Some(Effect::NextEvent));
    assert_eq!(press(&mut app, "x"), None, "a replay cannot be stopped");
    compare("replay", &text(&drawn(&mut app, 80, 24)));
    app.played(Err("events.jsonl:10: column 5: invalid JSON".to_owned()));
    press(&mut app, "jjk");
    let picture = text(&drawn(&mut app, 80, 24));
    assert!(picture.contains("events.jsonl:10: column 5"), "{picture}");
}

#[test]
fn a_run_that_is_gone_stays_readable() {
    let mut app = app(DARK);
    app.gone("the run was deleted meanwhile".to_owned());
    assert_eq!(press(&mut app, "p"), None);
    let picture = text(&drawn(&mut app, 80, 24));
    assert!(picture.contains("gone") && picture.contains("scout"), "{picture}");
}

/// Whatever agents write, no cell has a byte that a terminal would obey; at any size.
#[test]
fn agents_write_what_they_like_and_nothing_of_it_is_obeyed() {
    let mut dice = fastrand::Rng::with_seed(11);
    let mut app = app(DARK);
    let parts = [
        "\u{1b}[2J",
        "\u{1b}]0;x\u{7}",
        "\u{9b}1m",
        "\r",
        "\n",
        "\u{202e}",
        "日",
        "👩\u{200d}💻",
        "a",
    ];
    for seq in 1_000..1_400_u64 {
        let text: String = (0..dice.usize(..40)).filter_map(|_| dice.choice(parts)).collect();
        let text = serde_json::to_string(&text).unwrap();
        let (kind, data) = match seq % 3 {
            0 => ("workflow.log", format!(r#"{{"message":{text}}}"#)),
            1 => ("workflow.agent_event", format!(r#"{{"kind":{text},"text":{text}}}"#)),
            _ => (
                "workflow.agent_queued",
                format!(r#"{{"label":{text},"phase":{text},"model":null}}"#),
            ),
        };
        let line = format!(
            r#"{{"type":"{kind}","seq":{seq},"elapsedNanos":1,"metadata":{{"stepId":"{}","workflowDepth":0}},"data":{data}}}"#,
            seq % 50
        );
        app.event(&event_line(&line).unwrap().event);
        if seq % 10 == 0 {
            app.focus = *dice.choice([Pane::Tree, Pane::Log].iter()).unwrap();
            let screen = drawn(&mut app, dice.u16(20..220), dice.u16(5..70));
            for cell in screen.content() {
                assert!(!cell.symbol().chars().any(sanitize::is_unsafe), "{:?}", cell.symbol());
            }
        }
    }
}

/// No figure, which belongs to a release build; but a frame must not take in all events
/// again.
#[test]
fn a_frame_costs_what_is_on_the_screen_and_not_what_has_happened() {
    let frame = |steps: u64| {
        let mut app = app(DARK);
        for step in 0..steps {
            let line = format!(
                r#"{{"type":"workflow.agent_queued","seq":1,"elapsedNanos":1,"metadata":{{"stepId":"{}","workflowDepth":0}},"data":{{"label":"many:{step}","phase":"P","model":null}}}}"#,
                step + 1_000
            );
            app.event(&event_line(&line).unwrap().event);
        }
        drawn(&mut app, 80, 24);
        (0..5)
            .map(|_| {
                let begun = Instant::now();
                drawn(&mut app, 80, 24);
                begun.elapsed()
            })
            .min()
            .unwrap_or_default()
    };
    let (few, many) = (frame(100), frame(20_000));
    assert!(many < few * 20 + Duration::from_millis(5), "{few:?} and {many:?}");
}
