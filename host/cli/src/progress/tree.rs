//! The moving lines of a run: its sums, its phases, and the agents at work.
//!
//! Owns: which of them have room, and the text of each. Never: draws them, or reads a
//! clock. A cell that has no room is left out; only labels and what agents do are cut.

use smol_wf_core::budget::Allowance;
use smol_wf_core::view::{Counts, Node, NodeId, NodeKind, RunView, StepState, StepView};

use super::slow;
use crate::humanize::{count, dollars, plural, short_span};
use crate::sanitize;
use crate::step_words::doing;

/// Most agents with a line of their own; the rest is a number.
const AGENTS_SHOWN_MAX: usize = 8;
/// Most phases with a line of their own.
const PHASES_SHOWN_MAX: usize = 6;
/// Below this width an agent that is slow has one time, that of its whole work.
const COLUMNS_NARROW: usize = 60;
/// Lines left free on a small terminal, including the line with the sums.
const LINES_FREE_MIN: usize = 4;
/// One line in so many is a phase's; agents get the rest.
const LINES_A_PHASE: usize = 3;
/// Most columns of an agent's label, and of a phase's title.
const LABEL_COLUMNS: usize = 40;
/// Most columns of an activity.
const DOING_COLUMNS: usize = 48;
/// Fewer columns of an activity say nothing.
const DOING_COLUMNS_MIN: usize = 8;
/// The spinner's characters, one per step; a frozen screen is then visible.
const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
/// Time of one character, in milliseconds.
const SPINNER_STEP_MS: u64 = 120;

/// What the lines are for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// Rows of the terminal.
    pub(super) rows: usize,
    /// Columns of the terminal.
    pub(super) columns: usize,
    /// When they are drawn, in milliseconds since the run was created.
    pub(super) now_ms: u64,
    /// Since when the run has been shown.
    pub(super) began_ms: u64,
}

/// The moving lines.
pub(super) fn lines(view: &RunView, frame: Frame) -> Vec<String> {
    let took_ms = frame.now_ms.saturating_sub(frame.began_ms);
    let spinner = SPINNER[usize::try_from(took_ms / SPINNER_STEP_MS).unwrap_or(0) % SPINNER.len()];
    let mut lines = vec![sums(view, spinner, took_ms, frame.columns)];
    let room = frame.rows.saturating_sub(LINES_FREE_MIN);
    let (phases, has_more_phases) = phases(view, room);
    let used = phases.len() + usize::from(has_more_phases);
    let agents = Agents::of(view, room - used);
    let line = |agent: NodeId, indent| {
        let step = view.tree().step(agent)?;
        Some(agent_line(view, step, spinner, indent, frame))
    };
    // The number of the others stands below the last agent.
    let mut last_agent = lines.len();
    for phase in &phases {
        lines.push(phase_line(view, *phase, spinner, frame));
        let of_phase = agents.shown.iter().filter(|(_, top)| top == phase);
        let before = lines.len();
        lines.extend(of_phase.filter_map(|(agent, _)| line(*agent, 4)));
        if lines.len() > before {
            last_agent = lines.len();
        }
    }
    if has_more_phases {
        let more = all_phases(view).count() - phases.len();
        lines.push(sanitize::cut(&format!("  +{more} more phases"), frame.columns));
    }
    let before = lines.len();
    let elsewhere = agents.shown.iter().filter(|(_, top)| !phases.contains(top));
    lines.extend(elsewhere.filter_map(|(agent, _)| line(*agent, 2)));
    if lines.len() > before {
        last_agent = lines.len();
    }
    if agents.more > 0 {
        let more = sanitize::cut(&format!("    +{} more", count(agents.more)), frame.columns);
        lines.insert(last_agent, more);
    }
    lines
}

/// The agents that have a line.
struct Agents {
    /// Each with the node below the run that it belongs to.
    shown: Vec<(NodeId, NodeId)>,
    /// Number of others, if a line says so.
    more: u64,
}

impl Agents {
    fn of(view: &RunView, room: usize) -> Self {
        let working = view.tree().working();
        let all = working.len();
        let (shown, says_more) = match room {
            _ if all <= room.min(AGENTS_SHOWN_MAX) => (all, false),
            // The sums have their number.
            0 | 1 => (room, false),
            _ => ((room - 1).min(AGENTS_SHOWN_MAX), true),
        };
        let more = if says_more { (all - shown) as u64 } else { 0 };
        let shown = working.take(shown).map(|agent| (agent, top_of(view, agent))).collect();
        Self { shown, more }
    }
}

/// The node directly below the run that contains this one.
fn top_of(view: &RunView, node: NodeId) -> NodeId {
    let mut top = node;
    while let Some(parent) = view.tree().node(top).parent.filter(|&node| node != NodeId::ROOT) {
        top = parent;
    }
    top
}

/// The phases of the run's own script.
fn all_phases(view: &RunView) -> impl DoubleEndedIterator<Item = NodeId> + '_ {
    let children = view.tree().root().children.iter().copied();
    children.filter(|&child| matches!(view.tree().node(child).kind, NodeKind::Phase(_)))
}

/// The phases that have a line, in their order, and whether one more line counts the
/// rest. Those that are at work come first, then those to come, then the last ones done.
fn phases(view: &RunView, room: usize) -> (Vec<NodeId>, bool) {
    let all: Vec<_> = all_phases(view).take(1_000).collect();
    let most = PHASES_SHOWN_MAX.min(room / LINES_A_PHASE);
    if all.len() <= most {
        return (all, false);
    }
    let Some(most) = most.checked_sub(1) else { return (Vec::new(), false) };
    let node = |phase: NodeId| view.tree().node(phase);
    let open = all.iter().copied().filter(|&phase| node(phase).is_open());
    let to_come = all.iter().copied().filter(|&phase| node(phase).counts.steps.total() == 0);
    let done = all.iter().rev().copied().filter(|&phase| !node(phase).is_open());
    let mut shown: Vec<NodeId> = Vec::new();
    for phase in open.chain(to_come).chain(done) {
        if shown.len() < most && !shown.contains(&phase) {
            shown.push(phase);
        }
    }
    shown.sort_unstable();
    (shown, most > 0)
}

/// A part of a line.
struct Cell {
    /// How much it matters: 0 the most.
    weight: u8,
    /// What stands before it, unless it is the first.
    before: &'static str,
    text: String,
}

impl Cell {
    fn new(weight: u8, before: &'static str, text: String) -> Self {
        Self { weight, before, text }
    }
}

/// As many cells as there is room for, those first that matter most, in their order.
fn fitting(mut cells: Vec<Cell>, room: usize) -> String {
    if let Some(first) = cells.first_mut() {
        first.before = "";
    }
    let mut by_weight: Vec<usize> = (0..cells.len()).collect();
    by_weight.sort_by_key(|&cell| cells[cell].weight);
    let mut left = room;
    let mut fits = vec![false; cells.len()];
    for cell in by_weight {
        let wide = sanitize::columns(cells[cell].before) + sanitize::columns(&cells[cell].text);
        if wide <= left {
            left -= wide;
            fits[cell] = true;
        }
    }
    let kept = cells.iter().zip(fits).filter(|(_, fits)| *fits);
    kept.map(|(cell, _)| format!("{}{}", cell.before, cell.text)).collect()
}

/// The line of sums: states, tokens, dollars and time.
fn sums(view: &RunView, spinner: char, took_ms: u64, columns: usize) -> String {
    let counts = &view.tree().root().counts;
    let budget = view.facts().budget;
    let mut cells = states(counts, true);
    cells.extend(tokens(counts, budget).map(|tokens| Cell::new(6, " · ", tokens)));
    cells.extend(spent(counts, budget).map(|spent| Cell::new(5, " · ", spent)));
    cells.push(Cell::new(1, " ", format!("({})", short_span(took_ms))));
    let cells = fitting(cells, columns.saturating_sub(2));
    sanitize::cut(&format!("{spinner} {cells}"), columns)
}

/// How many agents and questions are in which state.
fn states(counts: &Counts, is_of_run: bool) -> Vec<Cell> {
    let (agents, steps) = (&counts.agents, &counts.steps);
    // In the sums two of them always stand, so that the line does not jump.
    let all = [
        (0, agents.get(StepState::Working), "running", is_of_run),
        (3, agents.get(StepState::Queued), "queued", false),
        (2, steps.get(StepState::Waiting), "waiting", false),
        (4, steps.get(StepState::Sleeping), "asleep", false),
        (3, agents.get(StepState::Parked), "parked", false),
        (4, if is_of_run { agents.done() } else { 0 }, "done", is_of_run),
        (2, agents.failed(), "failed", false),
    ];
    let some = all.into_iter().filter(|(_, number, _, stands)| *number > 0 || *stands);
    some.map(|(weight, number, word, _)| {
        Cell::new(weight, ", ", format!("{} {word}", count(number.into())))
    })
    .collect()
}

/// Output tokens, against a budget of tokens.
fn tokens(counts: &Counts, budget: Option<Allowance>) -> Option<String> {
    let used = counts.usage.output_tokens;
    match budget {
        Some(Allowance::OutputTokens(most)) => {
            Some(format!("{} of {} tokens", count(used), count(most)))
        }
        _ => (used > 0).then(|| plural(count(used), "token")),
    }
}

/// Dollars, against a budget of dollars.
fn spent(counts: &Counts, budget: Option<Allowance>) -> Option<String> {
    let used = counts.cost_usd();
    match budget {
        Some(most @ Allowance::UsdMicros(_)) => Some(format!("{} of {most}", dollars(used))),
        _ => (used > 0.0).then(|| dollars(used)),
    }
}

/// The line of a phase: its title, how far it is, and its time.
fn phase_line(view: &RunView, phase: NodeId, spinner: char, frame: Frame) -> String {
    let node = view.tree().node(phase);
    let NodeKind::Phase(title) = &node.kind else { return String::new() };
    let title = fit(title, LABEL_COLUMNS.min(frame.columns.saturating_sub(4)));
    let cells = phase_cells(node, frame.now_ms);
    let mark = match () {
        () if node.counts.steps.total() == 0 => '·',
        () if node.is_open() => spinner,
        () if node.counts.agents.failed() > 0 => '✗',
        () => '✓',
    };
    let room = frame.columns.saturating_sub(4 + sanitize::columns(&title) + 2);
    let cells = fitting(cells, room);
    let gap = if cells.is_empty() { "" } else { "  " };
    sanitize::cut(&format!("  {mark} {title}{gap}{cells}"), frame.columns)
}

fn phase_cells(node: &Node, now_ms: u64) -> Vec<Cell> {
    let agents = &node.counts.agents;
    let mut cells = Vec::new();
    match (agents.over(), agents.total()) {
        (_, 0) => {}
        (over, all) if over == all => {
            cells.push(Cell::new(0, "", format!("{} done", count(agents.done().into()))));
        }
        (over, all) => {
            let text = format!("{} of {}", count(over.into()), count(all.into()));
            cells.push(Cell::new(0, "", text));
        }
    }
    cells.extend(states(&node.counts, false));
    cells.extend(node.took_ms(now_ms).map(|took_ms| Cell::new(8, ", ", short_span(took_ms))));
    cells
}

/// The line of an agent: label, activity and its time. The time stays when the rest is
/// cut.
fn agent_line(
    view: &RunView,
    step: &StepView,
    spinner: char,
    indent: usize,
    frame: Frame,
) -> String {
    let Frame { columns, now_ms, .. } = frame;
    let doing = doing(step);
    let mut time = short_span(now_ms.saturating_sub(step.doing.since_ms));
    if slow::is_slow(view, step, now_ms) {
        let took = short_span(step.took_ms(now_ms).unwrap_or_default());
        let is_narrow = columns < COLUMNS_NARROW;
        time = if is_narrow { format!("{took} SLOW") } else { format!("{time} SLOW {took}") };
    }
    let room = columns.saturating_sub(indent + 3 + time.len());
    let label = fit(&step.label, LABEL_COLUMNS.min(room));
    let left = room.saturating_sub(sanitize::columns(&label) + 3);
    let doing = match doing {
        "" => String::new(),
        _ if left < DOING_COLUMNS_MIN => String::new(),
        doing => format!(" » {}", fit(doing, DOING_COLUMNS.min(left))),
    };
    let indent = " ".repeat(indent);
    sanitize::cut(&format!("{indent}{spinner} {label}{doing} {time}"), columns)
}

/// Text for a moving line. Variation selectors and skin tones are removed:
/// terminals disagree about the width of such pairs, and a wrong width breaks the
/// lines below.
fn fit(text: &str, columns_max: usize) -> String {
    let disputed = |character| matches!(character, '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}');
    let text: String = text.chars().filter(|&character| !disputed(character)).collect();
    sanitize::cut(&sanitize::one_line(&text), columns_max)
}

#[cfg(test)]
mod tests;
