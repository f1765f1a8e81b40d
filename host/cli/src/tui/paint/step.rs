//! The details of a step.
//!
//! Owns: what is shown of a selected step before it is open. Never: its texts when it is;
//! the pane has those.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use smol_wf_core::view::{MessageView, StepView};

use super::line::{Row, role_of, sign_of};
use crate::humanize::{price, short_count, short_time};
use crate::message_words::fate_words;
use crate::tui::app::{App, Pane};
use crate::tui::text;
use crate::tui::theme::Role;

/// Most lines of the beginning of a text.
const PREVIEW_LINES: usize = 200;

pub(super) fn draw(app: &mut App, frame: &mut Frame<'_>, area: Rect, now_ms: u64) {
    let opened = app.detail.key().map(str::to_owned);
    let mut title = match &opened {
        Some(key) => format!("2 step {}", text::one_line(key)),
        None => "2 step".to_owned(),
    };
    if app.detail.is_raw {
        title.push_str(", raw");
    }
    if app.detail.scroll.follows {
        title.push_str(", following");
    }
    let inside = super::pane(app, Pane::Detail, vec![Span::raw(title)], frame, area);
    let (width, height) = (usize::from(inside.width), usize::from(inside.height));
    let Some(key) = opened else {
        let lines = app.step().map(|step| preview(app, step, width, now_ms)).unwrap_or_default();
        frame.render_widget(Paragraph::new(lines), inside);
        return;
    };
    let node = app.view.find(&key);
    let head = node.and_then(|node| app.view.tree().step(node));
    let mut head: Vec<_> = head.map(|step| facts(app, step, width, now_ms)).unwrap_or_default();
    head.push(Line::default());
    let room = height.saturating_sub(head.len());
    let run = app.run.clone();
    let theme = app.theme;
    let lines = app.detail.lines(width, run.as_ref(), &app.view).len();
    let top = app.detail.scroll.top(lines, room);
    let shown = app.detail.lines(width, run.as_ref(), &app.view).iter().skip(top).take(room);
    let body = shown.map(|(role, line)| Line::styled(line.clone(), theme.style(*role)));
    let all: Vec<Line<'static>> = head.into_iter().chain(body).collect();
    frame.render_widget(Paragraph::new(all), inside);
}

/// Its label, state and account, on two or three lines.
fn facts(app: &App, step: &StepView, width: usize, now_ms: u64) -> Vec<Line<'static>> {
    let mut first = Row::new(app.theme, width);
    first.put(
        role_of(step.state),
        &format!("{} {} ", app.theme.sign(sign_of(step.state)), step.state.word()),
    );
    first.put_foreign(Role::Strong, &step.label);
    let mut second = Row::new(app.theme, width);
    let mut parts: Vec<String> = Vec::new();
    parts.extend(step.took_ms(now_ms).map(short_time));
    if step.attempts > 1 {
        parts.push(format!("attempt {}", step.attempts));
    }
    if step.usage.output_tokens > 0 {
        let (read, written) = (step.usage.input_tokens, step.usage.output_tokens);
        parts.push(format!("{} in {} out", short_count(read), short_count(written)));
    }
    parts.extend(step.cost_usd.map(price).filter(|price| !price.is_empty()));
    parts.extend(step.model.clone());
    // The provider `debug` answers as a model of that name.
    parts.extend(step.provider.clone().filter(|provider| step.model.as_ref() != Some(provider)));
    second.put_foreign(Role::Faint, &parts.join("  "));
    let mut lines = vec![first.line(), second.line()];
    if let Some(session) = &step.session {
        let mut third = Row::new(app.theme, width);
        third.put_foreign(Role::Faint, &format!("session {session}"));
        lines.push(third.line());
    }
    lines
}

/// What is known without reading the journal.
fn preview(app: &App, step: &StepView, width: usize, now_ms: u64) -> Vec<Line<'static>> {
    let mut lines = facts(app, step, width, now_ms);
    let mut part = |heading: &'static str, body: &str, role: Role| {
        if body.trim().is_empty() {
            return;
        }
        lines.push(Line::default());
        lines.push(Line::styled(heading, app.theme.style(Role::Strong)));
        let wrapped = text::wrap(body, width, PREVIEW_LINES);
        lines.extend(wrapped.into_iter().map(|line| Line::styled(line, app.theme.style(role))));
    };
    part("prompt", &step.prompt, Role::Plain);
    if let Some((code, message)) = &step.error {
        part("failure", &format!("{message} [{code}]"), Role::Failed);
    }
    let doing = format!("{}: {}", step.doing.kind, step.doing.text);
    part("activity", if step.doing.text.is_empty() { "" } else { &doing }, Role::Plain);
    part("writes", &step.doing.writing, Role::Plain);
    part("messages", &messages(app, step), Role::Plain);
    part("answer", step.output.as_deref().unwrap_or_default(), Role::Plain);
    lines
}

/// The messages to its agent: who posted each, what became of it, and its text.
fn messages(app: &App, step: &StepView) -> String {
    let is_of_step = |message: &&MessageView| message.event.step == step.number();
    let said = app.view.messages().filter(is_of_step).filter_map(|message| {
        let (text, by) = (message.event.text.as_ref()?, &message.event.by);
        let fate = match (message.fate, &message.event.refused) {
            (Some(fate), _) => fate_words(fate).to_owned(),
            (None, refused) => format!("no effect: {}", refused.as_deref().unwrap_or_default()),
        };
        Some(format!("{by}, {fate}: {text}"))
    });
    said.collect::<Vec<_>>().join("\n")
}
