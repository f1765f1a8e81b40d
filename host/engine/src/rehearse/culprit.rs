//! Which agent's null, or whose failure, made a script throw.
//!
//! Owns: finding in a performance what an injected fault broke, and the words
//! for it. Never: guesses; that a fault is to blame is shown by the same
//! schedule without it, in which nothing breaks there.

use smol_wf_core::codes;
use smol_wf_core::guest::{GroupKind, Outcome, ScriptError};
use smol_wf_core::ids::{CallId, Scope};
use smol_wf_core::journal::{Body, Entry, ScopeStart};

use super::schedule::Fault;
use super::stage::{Ended, Performance};

/// Something that a script did with a value it did not expect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Break {
    pub(super) error: ScriptError,
    /// The script it happened in.
    pub(super) scope: Scope,
    /// What became of it, when it did not end the run.
    pub(super) slot: Option<String>,
}

impl Break {
    /// Whether it is the same place and the same error.
    pub(super) fn same_place(&self, other: &Self) -> bool {
        let key = |one: &Self| (one.scope, one.error.line, one.error.column);
        key(self) == key(other)
    }
}

/// What broke in a performance: errors of the engine's own making, which no
/// author throws on purpose.
pub(super) fn breaks(performance: &Performance) -> Vec<Break> {
    let mut found = Vec::new();
    for entry in &performance.entries {
        let Body::SlotNulled { scope, slot } = &entry.body else { continue };
        let Some((scope, error)) = break_of(performance, *scope, &slot.error) else { continue };
        let became = match slot.group {
            GroupKind::Parallel => format!("slot {} of a parallel became null", slot.index),
            GroupKind::Pipeline => format!("item {} of a pipeline became null", slot.index),
        };
        found.push(Break { error: error.clone(), scope, slot: Some(became) });
    }
    if let Ended::Failed(error) = &performance.ended {
        let broken = break_of(performance, Scope::ROOT, error);
        let rejected = (error.code == "unhandled_rejection").then_some((Scope::ROOT, error));
        let broken = broken.or(rejected).map(|(scope, error)| (scope, error.clone()));
        found.extend(broken.map(|(scope, error)| Break { error, scope, slot: None }));
    }
    found
}

/// The error of the engine's own making behind this one, and whose it is: a
/// child's error comes to its caller as a failure of the call, in words.
fn break_of<'a>(
    performance: &'a Performance,
    scope: Scope,
    error: &'a ScriptError,
) -> Option<(Scope, &'a ScriptError)> {
    let is_break = |error: &ScriptError| {
        error.failure.is_none() && error.name == "TypeError" && error.code != "syntax"
    };
    if error.failure.as_deref() != Some(codes::WORKFLOW_FAILED) {
        return is_break(error).then_some((scope, error));
    }
    let child = performance.entries.iter().rev().find_map(|entry| match &entry.body {
        Body::Settled { call, outcome: Outcome::Failed(failure), .. }
            if failure.message == error.message =>
        {
            Some(Scope::of(*call))
        }
        _ => None,
    })?;
    let error = performance.child_errors.get(&child)?;
    is_break(error).then_some((child, error))
}

/// What people call the nth agent of a performance.
pub(super) fn agent_title(entries: &[Entry], ordinal: u32) -> String {
    let mut agents = entries.iter().filter_map(|entry| match &entry.body {
        Body::AgentCalled { request, .. } => Some(request.title()),
        _ => None,
    });
    let nth = ordinal.saturating_sub(1) as usize;
    agents.nth(nth).unwrap_or_else(|| format!("agent {ordinal}"))
}

/// What people call the agent that was asked last.
pub(super) fn last_agent(entries: &[Entry]) -> String {
    let last = entries.iter().rev().find_map(|entry| match &entry.body {
        Body::AgentCalled { request, .. } => Some(request.title()),
        _ => None,
    });
    last.unwrap_or_default()
}

/// What went wrong in a schedule, in words; none when nothing did.
pub(super) fn circumstances(entries: &[Entry], faults: &[(u32, Fault)]) -> Option<String> {
    let said = |(agent, fault): &(u32, Fault)| {
        let what = match fault {
            Fault::Null => "answers null",
            Fault::Fails => "fails",
            Fault::TimesOut => "times out",
        };
        format!("`{}` {what}", agent_title(entries, *agent))
    };
    let said: Vec<String> = faults.iter().map(said).collect();
    (!said.is_empty()).then(|| format!("when {}", said.join(" and ")))
}

/// A script of a performance.
pub(super) fn script_of(entries: &[Entry], scope: Scope) -> Option<&ScopeStart> {
    entries.iter().find_map(|entry| match &entry.body {
        Body::ScopeStarted(start) if start.scope == scope => Some(&**start),
        _ => None,
    })
}

/// What broke, and whose fault it is, in a sentence.
pub(super) fn sentence(entries: &[Entry], broken: &Break, agent: &str, fault: Fault) -> String {
    let error = &broken.error;
    if error.code == "unhandled_rejection" {
        return format!("`{agent}` failed, and nobody awaited it");
    }
    let source = match fault {
        Fault::Null => format!("the null that `{agent}` returned"),
        Fault::Fails => format!("the null in place of `{agent}`, which failed"),
        Fault::TimesOut => format!("the null in place of `{agent}`, which timed out"),
    };
    let script = script_of(entries, broken.scope);
    let expression = script.and_then(|start| accessed(&start.text, error));
    let file = script.filter(|start| start.scope != Scope::ROOT);
    let file = file.map(|start| format!(" of {}", start.file_name)).unwrap_or_default();
    let place = if error.line > 0 { format!(", line {}{file}", error.line) } else { String::new() };
    let slot = broken.slot.as_ref().map(|slot| format!("; {slot}")).unwrap_or_default();
    match expression {
        Some(expression) => format!("`{expression}` of {source}{place}{slot}"),
        // The engine's words for `const {a} = null`.
        None if error.message.starts_with("Cannot convert undefined or null to object") => {
            format!("destructuring of {source}{place}{slot}")
        }
        None => format!("{}: {}, of {source}{place}{slot}", error.name, error.message),
    }
}

/// The expression at an error's place, such as `findings.map`, when it is one
/// that reads the property the error names.
fn accessed(text: &str, error: &ScriptError) -> Option<String> {
    let property = error.message.split('\'').nth(1)?;
    let line = text.lines().nth(usize::try_from(error.line).ok()?.checked_sub(1)?)?;
    let chars: Vec<char> = line.chars().collect();
    let wanted: Vec<char> = format!(".{property}").chars().collect();
    let column = usize::try_from(error.column).ok()?.saturating_sub(1);
    // The place is that of the property, of its dot or of the call behind it.
    let dots = (0..chars.len()).filter(|at| chars[*at..].starts_with(&wanted));
    let dot = dots.min_by_key(|at| at.abs_diff(column))?;
    let is_part = |c: &char| c.is_alphanumeric() || ['_', '$', '.', '?'].contains(c);
    let start = chars[..dot].iter().rposition(|c| !is_part(c)).map_or(0, |at| at + 1);
    if start == dot {
        return None;
    }
    Some(chars[start..dot + wanted.len()].iter().collect())
}

/// Titles of the calls of a performance, in the order in which they ended.
pub(super) fn order_of(entries: &[Entry]) -> Vec<String> {
    let title = |call: CallId| {
        entries.iter().find_map(|entry| match &entry.body {
            Body::AgentCalled { call: asked, request, .. } if *asked == call => {
                Some(request.title())
            }
            Body::SleepCalled { call: asked, milliseconds, .. } if *asked == call => {
                Some(format!("sleep({milliseconds})"))
            }
            _ => None,
        })
    };
    let settled = entries.iter().filter_map(|entry| match &entry.body {
        Body::Settled { call, .. } => title(*call),
        _ => None,
    });
    settled.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(message: &str, line: u32, column: u32) -> ScriptError {
        ScriptError {
            code: "thrown".into(),
            name: "TypeError".into(),
            message: message.into(),
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
