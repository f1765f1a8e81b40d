//! The findings of an exploration: one for each cause.
//!
//! Owns: which findings are the same, which message of several stays, and how many are
//! listed. Never: finds anything.

use smol_wf_core::guest::ScriptError;
use smol_wf_core::journal::ScopeStart;
use smol_wf_core::module_text::ModuleText;
use smol_wf_core::script::snippet;

use super::faults::Effect;
use super::finding::{Finding, FindingKind, Side};

/// Most findings that are listed. The hundredth finding does not explain a broken script
/// any better.
const FINDINGS_MAX: usize = 20;

/// A finding that may be known already.
pub(super) struct NewFinding<'a> {
    pub(super) kind: FindingKind,
    pub(super) schedule: u64,
    pub(super) message: String,
    /// The error, with its line and column if these are known.
    pub(super) error: Option<&'a ScriptError>,
    /// The script it is in, if that is a child workflow.
    pub(super) child: Option<&'a ScopeStart>,
    /// The run's script, for a place in one of its modules.
    pub(super) root: Option<&'a ScopeStart>,
    /// Distinguishes findings of one kind that have no line. By default the message.
    pub(super) cause: Option<String>,
    /// The effect of the fault that led to it, and the circumstances in words.
    pub(super) fault: Option<(Effect, String)>,
    /// It needs more than one fault, so the message of a single fault is better.
    pub(super) is_broad: bool,
    /// The script reads arguments, and was given none.
    pub(super) lacks_args: bool,
}

impl NewFinding<'_> {
    /// A finding of this kind, without a place.
    pub(super) fn new(kind: FindingKind, schedule: u64, message: String) -> Self {
        NewFinding {
            kind,
            schedule,
            message,
            error: None,
            child: None,
            root: None,
            cause: None,
            fault: None,
            is_broad: false,
            lacks_args: false,
        }
    }
}

/// The findings so far.
#[derive(Default)]
pub(super) struct FindingSet {
    findings: Vec<CountedFinding>,
    /// Number of findings that were added, known ones included.
    pub(super) taken: u64,
}

struct CountedFinding {
    finding: Finding,
    cause: String,
    effects: Vec<Effect>,
    is_broad: bool,
}

impl FindingSet {
    /// Adds a finding, or counts it if it is known.
    pub(super) fn take(&mut self, note: NewFinding<'_>) {
        self.taken += 1;
        let position = |number: u32| (number > 0).then_some(number);
        let line = note.error.and_then(|error| position(error.line));
        let column = note.error.and_then(|error| position(error.column));
        let module = note.error.and_then(|error| error.file.clone());
        let file = module.or_else(|| note.child.map(|start| start.path.clone()));
        // One line may break because of several agents, and in several ways.
        let cause = match line {
            Some(line) => format!("{file:?}:{line}:{column:?}"),
            None => note.cause.clone().unwrap_or_else(|| note.message.clone()),
        };
        let has_room = self.findings.len() < FINDINGS_MAX;
        let known = self
            .findings
            .iter_mut()
            .find(|known| family(known.finding.kind) == family(note.kind) && known.cause == cause);
        match known {
            Some(known) if known.is_broad && !note.is_broad => {
                let seen = known.finding.seen;
                *known = noted(note, cause, file, (line, column));
                known.finding.seen += seen;
            }
            Some(known) => known.again(note),
            None if has_room => {
                self.findings.push(noted(note, cause, file, (line, column)));
            }
            None => {}
        }
    }

    /// Sets both sides of the finding that was added last.
    pub(super) fn show(&mut self, sides: Vec<Side>) {
        if let Some(last) = self.findings.last_mut() {
            last.finding.sides = sides;
        }
    }

    /// Counts a finding of this kind once more. Returns false when there is none.
    pub(super) fn count(&mut self, kind: FindingKind) -> bool {
        let known = self.findings.iter_mut().find(|known| known.finding.kind == kind);
        self.taken += u64::from(known.is_some());
        known.map(|known| known.finding.seen += 1).is_some()
    }

    /// The findings, in the order in which they were found.
    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings.into_iter().map(|noted| noted.finding).collect()
    }
}

impl CountedFinding {
    fn again(&mut self, note: NewFinding<'_>) {
        self.finding.seen += 1;
        if note.is_broad && !self.is_broad {
            return;
        }
        if let Some((effect, when)) = note.fault
            && !self.effects.contains(&effect)
        {
            self.effects.push(effect);
            self.finding.also.push(when);
        }
    }
}

/// Kinds that may have one cause.
fn family(kind: FindingKind) -> FindingKind {
    match kind {
        FindingKind::UnhandledFailure | FindingKind::NotAwaited => FindingKind::UnhandledNull,
        other => other,
    }
}

fn noted(
    note: NewFinding<'_>,
    cause: String,
    file: Option<String>,
    (line, column): (Option<u32>, Option<u32>),
) -> CountedFinding {
    // Of the run's own script, the caller has the text.
    let of_root = note.root.filter(|_| file.is_some());
    let excerpt = match (note.child.or(of_root), line) {
        (Some(start), Some(line)) => {
            let module = start.modules.iter().find(|module| file.as_ref() == Some(&module.path));
            let text = module.map_or_else(|| start.shown_text(), ModuleText::shown_text);
            snippet(text, line, column.unwrap_or(1))
        }
        _ => String::new(),
    };
    let finding = Finding {
        kind: note.kind,
        message: note.message,
        hint: None,
        lacks_args: note.lacks_args,
        also: Vec::new(),
        schedule: note.schedule,
        seen: 1,
        file,
        line,
        column,
        excerpt,
        sides: Vec::new(),
    };
    let effects = note.fault.into_iter().map(|(effect, _)| effect).collect();
    CountedFinding { finding, cause, effects, is_broad: note.is_broad }
}
