//! The tree of phases and steps.
//!
//! Owns: the columns of a row, and which of them go first where it is narrow: numbers of
//! steps, what agents do, dollars, tokens. State and time stay. Never: which rows there
//! are.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use smol_wf_core::step::StepKind;
use smol_wf_core::view::{Counts, Node, NodeKind, Row as TreeRow, RowKind, StepState, StepView};

use super::line::{Row, role_of, sign_of};
use crate::humanize::{count, price, short_count, short_time};
use crate::step_words::doing;
use crate::tui::app::{App, Pane};
use crate::tui::theme::{Role, Sign};

/// Columns of a time, a number of tokens and a price, each with a space before it.
const TIME: usize = 7;
const TOKENS: usize = 6;
const PRICE: usize = 8;

/// From this width on the number of a step is shown.
const WITH_NUMBER_MIN: usize = 56;

/// Fewest columns of what an agent does, and of a label before it.
const ACTIVITY_MIN: usize = 12;
const LABEL_MIN: usize = 20;

/// Deepest indent.
const INDENT_MAX: usize = 12;

/// Draws the tree, with its selected row in view.
pub(super) fn draw(app: &mut App, frame: &mut Frame<'_>, area: Rect, now_ms: u64) {
    let inside = super::pane(app, Pane::Tree, title(app), frame, area);
    let (height, width) = (usize::from(inside.height), usize::from(inside.width));
    let top = app.tree.scroll(height);
    let rows = app.tree.rows();
    if rows.is_empty() {
        let text = if app.tree.filter().is_all() { "no steps yet" } else { "no step fits" };
        let style = app.theme.style(Role::Faint);
        frame.render_widget(Paragraph::new(Span::styled(text, style)), inside);
        return;
    }
    let shown = rows.iter().enumerate().skip(top).take(height);
    let lines: Vec<Line<'static>> = shown
        .map(|(at, row)| {
            let line = line(app, row, width, now_ms);
            match (at == app.tree.at(), app.focus) {
                (true, Pane::Tree) => line.line_as(Role::Selected),
                (true, _) => line.line_as(Role::Marked),
                (false, _) => line.line(),
            }
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), inside);
}

fn title(app: &App) -> Vec<Span<'static>> {
    let mut title = format!("1 steps {}", app.tree.rows().len());
    if let Some(word) = app.tree.filter_word() {
        title.push_str(&format!(", only {word}"));
    }
    if app.tree.follows {
        title.push_str(", following");
    }
    vec![Span::raw(title)]
}

fn line(app: &App, row: &TreeRow, width: usize, now_ms: u64) -> Row {
    let tree = app.view.tree();
    let node = tree.node(row.node());
    let mut line = Row::new(app.theme, width);
    line.fill_to((usize::from(row.depth) * 2).min(INDENT_MAX));
    match (&row.kind, &node.kind) {
        (RowKind::Group { group, count, .. }, _) => {
            let sign = if app.tree.folds.is_open(*group) { Sign::Open } else { Sign::Closed };
            line.put(Role::Faint, &format!("{} ", app.theme.sign(sign)));
            let stem = group.stem.map_or("", |stem| app.view.stem(stem));
            state(app, &mut line, group.state);
            line.put(Role::Plain, &format!("{count} {} ", group.state.word()));
            line.put_foreign(Role::Plain, stem);
        }
        (_, NodeKind::Phase(title)) => phase(app, &mut line, node, row, title, now_ms),
        (_, NodeKind::Step(of)) => step(app, &mut line, node, of, now_ms),
        _ => line.put(Role::Plain, "run"),
    }
    line
}

fn state(app: &App, line: &mut Row, state: StepState) {
    line.put(role_of(state), &format!("{} ", app.theme.sign(sign_of(state))));
}

fn phase(app: &App, line: &mut Row, node: &Node, row: &TreeRow, title: &str, now_ms: u64) {
    let sign = if app.tree.folds.is_closed(row.node()) { Sign::Closed } else { Sign::Open };
    line.put(Role::Faint, &format!("{} ", app.theme.sign(sign)));
    let facts = facts_columns(app, line.room());
    let end = line.room().saturating_sub(facts);
    let room = Row::new(app.theme, end);
    let sums = sums(app, &node.counts, room);
    let sums_width = sums.line_width();
    let mut name = Row::new(app.theme, end.saturating_sub(sums_width + 1));
    name.put_foreign(Role::Strong, title);
    line.append(name);
    if sums_width > 0 {
        line.put(Role::Plain, " ");
        line.append(sums);
    }
    let took = node.took_ms(now_ms);
    columns(line, facts, took, node.counts.usage.output_tokens, node.counts.cost_usd());
}

/// `12/38 · 8 working · 18 queued · 1 failed`, as much as half of the room takes.
fn sums(app: &App, counts: &Counts, room: Row) -> Row {
    let total = counts.steps.total();
    let mut row = Row::new(app.theme, room.room().saturating_sub(ACTIVITY_MIN));
    if total == 0 {
        return row;
    }
    row.put_whole(Role::Faint, &format!("{}/{total}", counts.steps.over()));
    let shown = [
        StepState::Failed,
        StepState::Null,
        StepState::Waiting,
        StepState::Working,
        StepState::Queued,
        StepState::Sleeping,
        StepState::Parked,
        StepState::Stopped,
    ];
    for state in shown {
        let number = counts.steps.get(state);
        if number > 0 {
            let word = format!(" {} {} {}", app.theme.sign(Sign::Dot), number, state.word());
            row.put_whole(role_of(state), &word);
        }
    }
    row
}

fn step(app: &App, line: &mut Row, node: &Node, of: &StepView, now_ms: u64) {
    state(app, line, of.state);
    let facts = facts_columns(app, line.room());
    let room = line.room().saturating_sub(facts);
    let mut left = Row::new(app.theme, room);
    if room + facts >= WITH_NUMBER_MIN {
        left.put_foreign(Role::Faint, &format!("#{} ", of.key));
    }
    let label = if of.label.is_empty() { kind_word(of.kind) } else { &of.label };
    let activity = activity(of);
    let keeps = if activity.is_empty() || left.room() < LABEL_MIN + ACTIVITY_MIN {
        left.room()
    } else {
        (left.room() * 2 / 5).max(LABEL_MIN)
    };
    let mut name = Row::new(app.theme, keeps);
    name.put_foreign(Role::Plain, label);
    if of.attempts > 1 {
        name.put_whole(Role::Waiting, &format!(" x{}", of.attempts));
    }
    left.append(name);
    if !activity.is_empty() && left.room() > ACTIVITY_MIN {
        left.put(Role::Plain, "  ");
        let role = if of.error.is_some() { Role::Failed } else { Role::Faint };
        left.put_foreign(role, &activity);
    }
    line.append(left);
    let cost = of.cost_usd.unwrap_or_else(|| node.counts.cost_usd());
    let took = of.took_ms(now_ms);
    columns(line, facts, took, node.counts.usage.output_tokens, cost);
}

fn kind_word(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Agent => "agent",
        StepKind::Workflow => "workflow",
        StepKind::Sleep => "sleep",
        _ => "question",
    }
}

/// What an agent does, why it failed, or that it waits.
fn activity(of: &StepView) -> String {
    if let Some((code, message)) = &of.error {
        return format!("{message} [{code}]");
    }
    match of.state {
        StepState::Working => doing(of).to_owned(),
        StepState::Waiting if !of.prompt.starts_with(&of.label) => of.prompt.clone(),
        _ => String::new(),
    }
}

/// Columns at the right of a row of this width: those that leave room for a label. Where
/// nobody says what an agent costs, there are no prices.
fn facts_columns(app: &App, width: usize) -> usize {
    let has_prices = app.view.tree().root().counts.cost_usd() > 0.0;
    let with_prices = TIME + TOKENS + PRICE;
    let wide =
        [with_prices, TIME + TOKENS].into_iter().filter(|of| has_prices || *of < with_prices);
    let fits = |columns: &usize| width >= columns + LABEL_MIN;
    wide.into_iter().find(fits).unwrap_or(TIME.min(width / 3))
}

/// Time, tokens and dollars, at the right of the row.
fn columns(line: &mut Row, facts: usize, took_ms: Option<u64>, tokens: u64, cost: f64) {
    let begin = line.room().saturating_sub(facts);
    line.skip(begin);
    let time = took_ms.map(short_time).unwrap_or_default();
    line.put(Role::Plain, &format!("{time:>TIME$}"));
    if facts < TIME + TOKENS {
        return;
    }
    let tokens = if tokens > 0 { short_count(tokens) } else { String::new() };
    line.put(Role::Faint, &format!("{tokens:>TOKENS$}"));
    if facts < TIME + TOKENS + PRICE {
        return;
    }
    let mut cost = price(cost);
    if cost.len() >= PRICE {
        // A run of thousands: without cents.
        cost = format!("${}", count(cost.trim_start_matches('$').parse::<f64>().map_or(0, whole)));
    }
    line.put(Role::Faint, &format!("{cost:>PRICE$}"));
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn whole(dollars: f64) -> u64 {
    dollars as u64
}
