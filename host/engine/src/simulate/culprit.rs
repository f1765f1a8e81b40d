//! Finds the agent whose `null` or failure made a script throw.
//!
//! Owns: finding what an injected fault broke in a run, and its message. Never: guesses;
//! the same schedule without the fault must not break there.

use smol_wf_core::codes::Code;
use smol_wf_core::guest::{GroupKind, Outcome, ScriptError, Warning};
use smol_wf_core::ids::{Scope, StepId};
use smol_wf_core::journal::{Body, Entry, ScopeStart};
use smol_wf_core::script::snippet;
use smol_wf_core::step::StepRequest;
use smol_wf_core::step_request::AgentRequest;

use super::faults::Struck;
use super::simulated_run::{SimulatedRun, SimulationEnd};

/// Code of a promise that failed and was not awaited: an error in a module, a warning in
/// a body.
pub(super) const UNHANDLED: &str = Code::UnhandledRejection.word();

/// An error of a script that got a value it did not expect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Break {
    pub(super) error: ScriptError,
    /// The script it happened in.
    pub(super) scope: Scope,
    /// The slot that became null, if the error did not end the run.
    pub(super) slot: Option<String>,
}

impl Break {
    /// Whether both are the same error at the same place.
    pub(super) fn same_place(&self, other: &Self) -> bool {
        let key = |one: &Self| (one.scope, one.error.line, one.error.column);
        key(self) == key(other)
    }
}

/// The breaks of a run: errors that QuickJS throws, not the author.
pub(super) fn breaks(run: &SimulatedRun) -> Vec<Break> {
    let mut found = Vec::new();
    for entry in &run.entries {
        let Body::SlotNulled { scope, slot } = &entry.body else { continue };
        let Some((scope, error)) = break_of(run, *scope, &slot.error) else { continue };
        let became = match slot.group {
            GroupKind::Parallel => format!("slot {} of a parallel became null", slot.index),
            GroupKind::Pipeline => format!("item {} of a pipeline became null", slot.index),
        };
        found.push(Break { error: error.clone(), scope, slot: Some(became) });
    }
    let floating = run.entries.iter().filter_map(|entry| match &entry.body {
        Body::Warned { scope, warning } if warning.code == UNHANDLED => {
            Some(Break { error: of_warning(warning), scope: *scope, slot: None })
        }
        _ => None,
    });
    found.extend(floating);
    if let SimulationEnd::Failed(error) = &run.ended {
        let broken = break_of(run, Scope::ROOT, error);
        let rejected = (error.code == UNHANDLED).then_some((Scope::ROOT, error));
        let broken = broken.or(rejected).map(|(scope, error)| (scope, error.clone()));
        found.extend(broken.map(|(scope, error)| Break { error, scope, slot: None }));
    }
    found
}

/// The error that a warning is about.
pub(super) fn of_warning(warning: &Warning) -> ScriptError {
    ScriptError {
        code: warning.code.clone(),
        name: String::new(),
        message: warning.message.clone(),
        file: None,
        line: warning.line,
        column: warning.column,
        stack: String::new(),
        failure: None,
    }
}

/// The error of QuickJS behind this one, and its script. The error of a child workflow
/// reaches its caller only as the message of a failed step.
fn break_of<'a>(
    run: &'a SimulatedRun,
    scope: Scope,
    error: &'a ScriptError,
) -> Option<(Scope, &'a ScriptError)> {
    let is_break = |error: &ScriptError| {
        error.failure.is_none() && error.name == "TypeError" && error.code != "syntax"
    };
    if error.failure.as_deref() != Some(Code::WorkflowFailed.word()) {
        return is_break(error).then_some((scope, error));
    }
    let child = run.entries.iter().rev().find_map(|entry| match &entry.body {
        Body::Settled { step, outcome: Outcome::Failed(failure), .. }
            if failure.message == error.message =>
        {
            Some(Scope::of(*step))
        }
        _ => None,
    })?;
    let error = run.child_errors.get(&child)?;
    is_break(error).then_some((child, error))
}

/// The request to the agent that was asked last.
pub(super) fn last_agent(entries: &[Entry]) -> Option<&AgentRequest> {
    let mut asked = entries.iter().rev().filter_map(|entry| entry.body.asked_agent());
    asked.next().map(|(_, request)| &**request)
}

/// A script of a run.
pub(super) fn script_of(entries: &[Entry], scope: Scope) -> Option<&ScopeStart> {
    entries.iter().find_map(|entry| match &entry.body {
        Body::ScopeStarted(start) if start.scope == scope => Some(&**start),
        _ => None,
    })
}

/// The message about a break. It names the step whose fault is to blame, or else the
/// circumstances.
pub(super) fn sentence(
    entries: &[Entry],
    broken: &Break,
    culprit: Option<&Struck>,
    when: &str,
) -> String {
    let error = &broken.error;
    let script = script_of(entries, broken.scope);
    let child = script.filter(|start| start.scope != Scope::ROOT);
    let file = error.file.as_ref().or(child.map(|start| &start.file_name));
    let file = file.map(|file| format!(" of {file}")).unwrap_or_default();
    let place = if error.line > 0 { format!(", line {}{file}", error.line) } else { String::new() };
    let slot = broken.slot.as_ref().map(|slot| format!("; {slot}")).unwrap_or_default();
    let what = match (culprit, error.message.as_str()) {
        (Some(culprit), _) if error.code == UNHANDLED => {
            return format!("`{}` failed and was not awaited", culprit.title);
        }
        (None, _) if error.code == UNHANDLED => {
            return format!("{when}, a promise fails that is not awaited{place}");
        }
        (Some(culprit), said) if reads_of_null(said) => script
            .and_then(|start| accessed(text_at(start, error), error))
            .map(|expression| format!("`{expression}` of {}", culprit.null_source())),
        // QuickJS's message for `const {a} = null`.
        (Some(culprit), said) if said.starts_with("Cannot convert undefined or null to object") => {
            Some(format!("destructuring of {}", culprit.null_source()))
        }
        _ => None,
    };
    let what = what.unwrap_or_else(|| format!("{when}: {}: {}", error.name, error.message));
    format!("{what}{place}{slot}")
}

/// Whether an error says that a property of `null` was read. The name of the variable may
/// follow.
fn reads_of_null(said: &str) -> bool {
    let read = said.strip_prefix("cannot read property '");
    read.is_some_and(|read| read.ends_with("' of null") || read.contains("' of null: "))
}

/// Whether `void` stands before the expression at this position: it is deliberately not
/// awaited.
pub(super) fn is_meant(entries: &[Entry], scope: Scope, place: &ScriptError) -> bool {
    let before = || {
        let line = line_of(text_at(script_of(entries, scope)?, place), place.line)?;
        let column = usize::try_from(place.column).ok()?.checked_sub(1)?;
        Some(line.chars().take(column).collect::<String>())
    };
    before().is_some_and(|before| before.trim_end().ends_with("void"))
}

/// The text that runs, of the file that an error is in.
fn text_at<'a>(start: &'a ScopeStart, error: &ScriptError) -> &'a str {
    let module = start.modules.iter().find(|module| error.file.as_ref() == Some(&module.path));
    module.map_or(start.text.as_str(), |module| &module.text)
}

/// The line of an error that is in a module of this script.
pub(super) fn excerpt(start: &ScopeStart, error: &ScriptError) -> Option<String> {
    let module = start.modules.iter().find(|module| error.file.as_ref() == Some(&module.path))?;
    Some(snippet(module.shown_text(), error.line, error.column.max(1)))
}

/// A line of a script, from 1.
pub(super) fn line_of(text: &str, line: u32) -> Option<&str> {
    text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?)
}

/// The expression at the position of an error, such as `findings.map`, if it reads the
/// property that the error names.
fn accessed(text: &str, error: &ScriptError) -> Option<String> {
    let property = error.message.split('\'').nth(1)?;
    let line = line_of(text, error.line)?;
    let chars: Vec<char> = line.chars().collect();
    let wanted: Vec<char> = format!(".{property}").chars().collect();
    let column = usize::try_from(error.column).ok()?.saturating_sub(1);
    // The error's column is that of the property, its dot, or the call after it.
    let dots = (0..chars.len()).filter(|at| chars[*at..].starts_with(&wanted));
    let dot = dots.min_by_key(|at| at.abs_diff(column))?;
    let is_part = |c: &char| c.is_alphanumeric() || ['_', '$', '.', '?'].contains(c);
    let start = chars[..dot].iter().rposition(|c| !is_part(c)).map_or(0, |at| at + 1);
    if start == dot {
        return None;
    }
    Some(chars[start..dot + wanted.len()].iter().collect())
}

/// Titles of the agents, sleeps and questions of a run, in the order in which they ended.
pub(super) fn order_of(entries: &[Entry]) -> Vec<String> {
    let title = |step: StepId| {
        let mut asked = entries.iter().filter_map(|entry| entry.body.asked());
        let (_, asked) = asked.find(|(asked, _)| *asked == step)?;
        match asked {
            StepRequest::Agent(request) => Some(request.title()),
            StepRequest::Sleep(sleep) => Some(format!("sleep({})", sleep.milliseconds)),
            StepRequest::Ask(request) => Some(request.title()),
            StepRequest::Workflow(_) => None,
        }
    };
    let settled = entries.iter().filter_map(|entry| match &entry.body {
        Body::Settled { step, .. } => title(*step),
        _ => None,
    });
    settled.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(message: &str, line: u32, column: u32) -> ScriptError {
        ScriptError {
            code: Code::Thrown.into(),
            name: "TypeError".into(),
            message: message.into(),
            file: None,
            line,
            column,
            stack: String::new(),
            failure: None,
        }
    }

    #[test]
    fn the_expression_is_read_where_the_error_is() {
        let text = "a\n  const n = plan.parts.map(f) + found.parts.map(g)";
        let first = error("cannot read property 'map' of null", 2, 23);
        assert_eq!(accessed(text, &first).as_deref(), Some("plan.parts.map"));
        let second = error("cannot read property 'map' of null", 2, 46);
        assert_eq!(accessed(text, &second).as_deref(), Some("found.parts.map"));
        let elsewhere = error("cannot read property 'map' of null", 1, 1);
        assert_eq!(accessed(text, &elsewhere), None);
    }
}
