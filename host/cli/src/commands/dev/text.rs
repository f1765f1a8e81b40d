//! A look at a script, as text.
//!
//! Owns: its lines. Never: what they are about.

use super::super::check;
use super::super::plan::PROMPT_CHARS;
use super::look::Look;
use crate::humanize::plural;
use crate::sanitize;

/// Most steps that are listed; the count and the price are of all.
const CALLS_SHOWN: usize = 20;

/// Most characters of a result.
const RESULT_CHARS: usize = 400;

/// The lines of a look.
pub(super) fn of(look: &Look) -> String {
    let mut lines = vec![format!("--- {}", sanitize::one_line(&look.script))];
    lines.extend(look.findings.iter().map(|finding| check::text(&look.script, finding)));
    let was_run = look.completed || look.run.is_some() || !look.calls.is_empty();
    if was_run {
        lines.push(summary(look));
        if !look.answers_whole {
            lines.push(
                "the answers of that run are too large to read all; steps without count as asked anew"
                    .to_owned(),
            );
        }
        for call in look.calls.iter().take(CALLS_SHOWN) {
            let prompt = sanitize::cut(&sanitize::one_line(&call.prompt), PROMPT_CHARS);
            lines.push(format!("  {} {}", call.step, sanitize::one_line(&call.title)));
            lines.push(format!("      {prompt}"));
        }
        let more = look.calls.len().saturating_sub(CALLS_SHOWN);
        if more > 0 {
            lines.push(format!("  {more} more"));
        }
        if look.agents > 0 {
            lines.push(look.cost_line.clone());
        }
    }
    if let Some(result) = &look.result {
        lines.push(format!(
            "result: {}",
            sanitize::cut(&sanitize::one_line(result.get()), RESULT_CHARS)
        ));
    }
    if let Some(error) = look.error.as_ref().filter(|error| !error.is_found) {
        let place = error
            .line
            .map_or_else(String::new, |line| format!(" at {line}:{}", error.column.unwrap_or(1)));
        let message = sanitize::lines(&error.message);
        lines.push(format!("error{place}: {message} [{}]", error.code));
    }
    lines.join("\n")
}

/// What the replay came to.
fn summary(look: &Look) -> String {
    let asked = match (look.agents, look.asks) {
        (0, 0) => "nothing would be asked anew".to_owned(),
        (agents, 0) => format!("{} would be asked anew", plural(agents, "agent")),
        (agents, asks) => format!(
            "{} and {} would be asked anew",
            plural(agents, "agent"),
            plural(asks, "question")
        ),
    };
    match &look.run {
        Some(run) => format!("with {} of {run}: {asked}", plural(look.reused, "answer")),
        None => format!("no run of it yet: {asked}"),
    }
}
