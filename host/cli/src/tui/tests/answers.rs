//! The form of a question.
//!
//! Owns: what is on the screen of it, and which keys it takes. Never: what an answer means.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use smol_wf_core::gate::{AskKind, AskRequest};
use smol_wf_core::ids::StepId;
use smol_wf_engine::Message;

use super::{DARK, app, drawn, press, text};
use crate::tui::app::Effect;
use crate::tui::desk::{Reply, Request};

/// What is typed is on the screen whatever its size, and every choice can be reached.
#[test]
fn a_question_with_many_choices_scrolls_and_its_line_stays() {
    let choices: Vec<String> = (1..=24).map(|at| format!("choice-{at}.")).collect();
    let schema = serde_json::json!({ "enum": choices }).to_string();
    let request = AskRequest {
        schema: Some(schema.into()),
        default: Some(serde_json::json!(choices[20]).to_string()),
        ..AskRequest::plain(AskKind::Ask, "Which one?")
    };
    for (columns, rows) in [(20, 5), (20, 9), (50, 12), (80, 24), (200, 60)] {
        let mut app = app(DARK);
        press(&mut app, "a");
        app.reply(Reply::Question(StepId(7), Ok(Some(Arc::new(request.clone())))));
        press(&mut app, "17x");
        let mut seen = text(&drawn(&mut app, columns, rows));
        assert!(seen.contains("17x"), "{seen}");
        for _ in 0..40 {
            app.key(&KeyEvent::new(KeyCode::Down, KeyModifiers::NONE));
            let picture = text(&drawn(&mut app, columns, rows));
            assert!(picture.contains("17x"), "{picture}");
            seen.push_str(&picture);
        }
        assert!(choices.iter().all(|choice| seen.contains(choice)), "{seen}");
        // What is wrong with it is shown as well.
        press(&mut app, "\n");
        let picture = text(&drawn(&mut app, columns, rows));
        assert!(columns < 50 || picture.contains("type a number from 1"), "{picture}");
        assert!(picture.contains("17x"), "{picture}");
    }
}

#[test]
fn what_is_typed_before_a_form_is_there_answers_nothing() {
    let request = Arc::new(AskRequest::plain(AskKind::Ask, "How many?"));
    let opened = |early: &str| {
        let mut app = app(DARK);
        press(&mut app, &format!("a{early}"));
        app.reply(Reply::Question(StepId(7), Ok(Some(request.clone()))));
        app
    };
    // The rest of a line whose beginning was dropped is dropped as well.
    let mut part = opened("1");
    assert!(text(&drawn(&mut part, 80, 24)).contains("press Enter, then answer"));
    part.paste("2");
    assert_eq!(press(&mut part, "7\n"), None);
    assert!(text(&drawn(&mut part, 80, 24)).contains("now type your answer"));
    for mut app in [part, opened("17\n"), opened("")] {
        let Some(Effect::Ask(Request::Post { message, .. })) = press(&mut app, "17\n") else {
            panic!("it is posted");
        };
        assert!(matches!(message, Message::Answer { value, .. } if value == "\"17\""));
    }
}
