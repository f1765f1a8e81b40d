//! The details of one step.
//!
//! Owns: which step is open, its lines in a width, and that they follow the run. Never:
//! reads it; the desk does.

use smol_wf_core::event::{Event, EventData};
use smol_wf_core::ids::RunId;
use smol_wf_core::view::RunView;

use super::desk::{STEP_EVENTS_MAX, WholeStep, is_about};
use super::detail::{as_text, sections};
use super::text;
use super::text_pane::Scroll;
use super::theme::Role;

/// Most lines that are shown of a step: a text of the largest size in a narrow pane.
const LINES_MAX: usize = 20_000;

/// A line of the pane.
pub(crate) type DetailLine = (Role, String);

/// The step that is open.
#[derive(Debug, Default)]
pub(crate) struct DetailPane {
    key: Option<String>,
    whole: Option<Result<WholeStep, String>>,
    pub(crate) is_raw: bool,
    pub(crate) scroll: Scroll,
    lines: Vec<DetailLine>,
    /// The width of the lines; none if they must be made anew.
    width: Option<usize>,
}

impl DetailPane {
    /// Opens a step, which is to be read.
    pub(crate) fn open(&mut self, key: &str) {
        if self.key.as_deref() != Some(key) {
            self.scroll = Scroll::default();
            self.whole = None;
        }
        self.key = Some(key.to_owned());
        self.width = None;
    }

    /// Closes it.
    pub(crate) fn close(&mut self) {
        (self.key, self.whole, self.width) = (None, None, None);
    }

    /// The name of the step that is open.
    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Takes a step that was read, up to an event of this time.
    pub(crate) fn take(
        &mut self,
        key: &str,
        read: Result<WholeStep, String>,
        until_ms: Option<u64>,
    ) {
        if self.key.as_deref() != Some(key) {
            return;
        }
        let read = read.map(|mut step| {
            if let Some(until_ms) = until_ms {
                step.events.retain(|event| event.elapsed_nanos / 1_000_000 <= until_ms);
            }
            step
        });
        self.whole = Some(read);
        self.width = None;
    }

    /// Takes an event of the run, which may be about the step.
    pub(crate) fn event(&mut self, event: &Event) {
        let Some((key, Ok(step))) = self.key.as_ref().zip(self.whole.as_mut()) else { return };
        let is_new = step.events.last().is_none_or(|last| last.seq < event.seq);
        if is_new && is_about(event, key) && step.events.len() < STEP_EVENTS_MAX {
            step.events.push(event.clone());
            self.width = None;
        }
        if ends_a_script(event) {
            // Its messages may have come too late.
            self.width = None;
        }
    }

    /// For reading, or raw.
    pub(crate) fn toggle_raw(&mut self) {
        self.is_raw = !self.is_raw;
        self.width = None;
        self.scroll.show_first();
    }

    /// The whole text; none if nothing is open, or it is not read yet.
    pub(crate) fn text(&self, run: Option<&RunId>, view: &RunView) -> Option<String> {
        let (key, Ok(step)) = self.key.as_ref().zip(self.whole.as_ref())? else { return None };
        Some(as_text(&sections(step, view, self.is_raw, run, key)))
    }

    /// The lines in this width.
    pub(crate) fn lines(
        &mut self,
        width: usize,
        run: Option<&RunId>,
        view: &RunView,
    ) -> &[DetailLine] {
        if self.width != Some(width) {
            self.width = Some(width);
            self.lines = self.made(width, run, view);
        }
        &self.lines
    }

    fn made(&self, width: usize, run: Option<&RunId>, view: &RunView) -> Vec<DetailLine> {
        let (key, step) = match (&self.key, &self.whole) {
            (Some(key), Some(Ok(step))) => (key, step),
            (Some(_), Some(Err(why))) => return wrapped(Role::Failed, why, width),
            (Some(_), None) => return vec![(Role::Faint, "reading…".to_owned())],
            (None, _) => return Vec::new(),
        };
        let mut lines = Vec::new();
        for section in sections(step, view, self.is_raw, run, key) {
            if !lines.is_empty() {
                lines.push((Role::Plain, String::new()));
            }
            lines.push((Role::Strong, text::cut(&text::one_line(&section.heading), width, "")));
            let role = if section.is_failure { Role::Failed } else { Role::Plain };
            lines.extend(wrapped(role, &section.text, width));
            if lines.len() >= LINES_MAX {
                break;
            }
        }
        if lines.is_empty() {
            lines.push((Role::Faint, "nothing has happened yet".to_owned()));
        }
        lines
    }
}

/// Whether the run or a child workflow ended. A step may end with it.
fn ends_a_script(event: &Event) -> bool {
    matches!(
        event.data,
        EventData::Completed { .. }
            | EventData::Failed { .. }
            | EventData::ChildCompleted { .. }
            | EventData::ChildFailed { .. }
    )
}

fn wrapped(role: Role, body: &str, width: usize) -> Vec<DetailLine> {
    text::wrap(body, width, LINES_MAX).into_iter().map(|line| (role, line)).collect()
}
