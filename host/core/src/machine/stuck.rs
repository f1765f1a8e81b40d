//! Errors of scripts that cannot go on, and of children that failed.
//!
//! Owns: the texts of both. Never: finds out what a script waits for.

use super::{Machine, Outcome, RunEnd, Scope, StopTurn, Surface};
use crate::codes::Code;
use crate::guest::{Failure, NOT_AWAITED, ScriptError, TurnHost, Warning};
use crate::ids::StepId;

/// Code of the [`ScriptError`] of a script that waits for nothing.
pub const NEVER_SETTLES: &str = "never_settles";

/// Most abandoned agents that get a warning each; the report lists all of them.
const ABANDONED_MAX: usize = 20;

impl Machine {
    /// Ends a stuck script. `unsettled` has the positions, as `line:column`, at which
    /// the promises were made that it waits for, as far as they are known.
    ///
    /// # Errors
    /// When the recording has another entry instead.
    pub fn give_up(&mut self, scope: Scope, unsettled: &[String]) -> Result<(), StopTurn> {
        self.stuck = None;
        let error = stuck_error(unsettled, self.surface());
        match scope {
            Scope::ROOT => self.finish(RunEnd::Failed { error }),
            child => {
                let failure = self.child_failure(child, &error);
                self.end_child(child, Some(Outcome::Failed(failure)));
                Ok(())
            }
        }
    }

    /// Warns the author of agents that are cut off with their script.
    pub(super) fn warn_of_abandoned(&mut self, steps: &[StepId]) -> Result<(), StopTurn> {
        if self.surface().is_first() {
            return Ok(());
        }
        for step in steps.iter().take(ABANDONED_MAX) {
            self.warn(Warning {
                code: NOT_AWAITED.to_owned(),
                message: format!(
                    "step {step} was still at work when the script ended, and was cut off"
                ),
                path: None,
                step: Some(*step),
                line: 0,
                column: 0,
            })?;
        }
        Ok(())
    }

    /// The failure that the script which started a failed child gets.
    pub(super) fn child_failure(&self, child: Scope, error: &ScriptError) -> Failure {
        let state = self.scopes.get(&child);
        let own = state.map_or("child workflow", |scope| scope.file_name.as_str());
        let file = error.file.as_deref().unwrap_or(own);
        if self.surface() >= Surface::Second {
            // The failure keeps the name and the message of the child's error.
            let place = format!("{file}:{}:{}", error.line, error.column);
            return Failure {
                name: Some(error.name.clone()),
                place: Some(if error.line > 0 { place } else { file.to_owned() }),
                ..Failure::new(Code::WorkflowFailed, error.message.clone())
            };
        }
        let mut message = format!("child workflow {file} failed");
        if error.line > 0 {
            message.push_str(&format!(" at {}:{}", error.line, error.column));
        }
        message.push_str(&format!(": {}: {}", error.name, error.message));
        Failure::new(Code::WorkflowFailed, message)
    }
}

fn stuck_error(unsettled: &[String], surface: Surface) -> ScriptError {
    let (line, column) = unsettled
        .first()
        .and_then(|place| place.split_once(':'))
        .and_then(|(line, column)| Some((line.parse().ok()?, column.parse().ok()?)))
        .unwrap_or((0, 0));
    let mut message =
        "the script waits for a promise that nothing will settle: no call is in flight".to_owned();
    match unsettled {
        [] if surface.is_first() => {
            message.push_str("; look for an `await` on an object with a `then` of its own");
        }
        [] => message.push_str(
            "; look for Promise.race([]), which never settles, and for an `await` on an object with a `then` of its own",
        ),
        [one] => message.push_str(&format!("; the promise was made at {one}")),
        many => message.push_str(&format!("; unsettled promises were made at {}", many.join(", "))),
    }
    ScriptError {
        code: NEVER_SETTLES.to_owned(),
        name: "Error".to_owned(),
        message,
        file: None,
        line,
        column,
        stack: String::new(),
        failure: None,
    }
}
