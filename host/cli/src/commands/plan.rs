//! `smol-wf plan`: what a script would do, with generated answers.
//!
//! Owns: the text of a plan, and its exit code. Never: the simulation; that is
//! the engine's.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use smol_wf_core::codes::Code;
use smol_wf_core::guest::GroupKind;
use smol_wf_core::limits::LimitError;
use smol_wf_core::script;
use smol_wf_engine::simulate::{CostRange, Estimate, Plan, PlanError, PlanWarning, PlannedAsk};

use super::simulation::SimulationFlags;
use crate::advice;
use crate::failure::{self, CommandError};
use crate::humanize::{plural, span};
use crate::workflow_args::Named;
use crate::{exit, output, sanitize};

/// Limits that end a plan but are not an error of the script: with generated
/// answers a loop may never end.
const BOUNDS: [Code; 2] = [Code::LimitAgents, Code::RehearsalBound];

/// Characters of a prompt in the text without `--prompts`.
pub(super) const PROMPT_CHARS: usize = 100;

/// Show what a script would do, without asking any agent
///
/// The script runs in the sandbox with answers generated from its schemas.
/// Nothing is sent or stored, and sleeps are skipped. With other answers the
/// script may do something else.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(super) flags: SimulationFlags,

    /// Show prompts in full
    #[arg(long)]
    prompts: bool,

    /// File of prices that override the list prices
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf plan review.js --args-base main
  smol-wf plan review.js --json | jq '.calls[].prompt'";

impl PlanArgs {
    /// Plans the script and prints the plan, with its warnings on stderr. Returns
    /// 1 if a run would refuse a call, and the exit code of a run if the script
    /// fails; a plan that was cut off is not an error.
    pub(crate) async fn execute(self, named: Named) -> Result<ExitCode, CommandError> {
        let prepared = self.flags.prepare(named, self.prices.as_ref()).await?;
        let plan = prepared.simulator.plan().await?;
        if self.flags.output.is_json() {
            output::document(&plan)?;
        } else {
            output::line(&text(&plan, self.prompts))?;
        }
        for warning in &plan.warnings {
            failure::print_message(&format!("warning: {}", sanitize::one_line(&said(warning))));
        }
        for step in &plan.steps {
            if let Some(refused) = &step.refused {
                let title = sanitize::one_line(&step.title);
                let said = format!("a run refuses step {} (`{title}`)", step.step);
                failure::print_error(
                    &format!("{said}: {} [{}]", refused.message, refused.code),
                    None,
                );
            }
        }
        let refuses = plan.steps.iter().any(|step| step.refused.is_some());
        let of_steps = if refuses { exit::FAILED } else { 0 };
        match (cut(&plan), &plan.error) {
            (Some(cut), _) => {
                failure::print_message(&cut);
                Ok(ExitCode::from(of_steps))
            }
            (None, Some(error)) => {
                complain(error, &prepared.text);
                Ok(ExitCode::from(exit::of_code(&error.code)))
            }
            (None, None) => Ok(ExitCode::from(of_steps)),
        }
    }
}

/// A warning with its label and line, in the words of a run.
fn said(warning: &PlanWarning) -> String {
    let message = &warning.message;
    match (warning.label.as_deref(), warning.line.filter(|line| *line > 0)) {
        (None, None) => message.clone(),
        (None, Some(line)) => format!("{message} (line {line})"),
        (Some(label), None) => format!("{message} ({label})"),
        (Some(label), Some(line)) => format!("{message} ({label}, line {line})"),
    }
}

/// Where and why the plan was cut off before the script ended.
fn cut(plan: &Plan) -> Option<String> {
    let error = plan.error.as_ref().filter(|error| BOUNDS.iter().any(|one| error.code == *one))?;
    let agents = plural(plan.agents, "agent");
    Some(if error.code == Code::LimitAgents {
        format!("stopped after {agents}; the real run may go on")
    } else {
        format!("stopped after {agents}: {}; the real run may go on", error.message)
    })
}

/// Prints why the script failed, with its line and a hint about limits that
/// `plan` can raise.
fn complain(error: &PlanError, text: &str) {
    let file = error.file.as_ref().map(|file| sanitize::one_line(file) + ":").unwrap_or_default();
    let place = |line| format!(" at {file}{line}:{}", error.column.unwrap_or(1));
    let place = error.line.map(place).unwrap_or_default();
    let own = |line| script::snippet(text, line, error.column.unwrap_or(1));
    let shown = error.excerpt.clone().or_else(|| error.line.map(own));
    // `plan` has flags for these limits only.
    let raised =
        |one: &&LimitError| matches!(one, LimitError::Fuel { .. } | LimitError::TurnFuel { .. });
    let hint = error.reached.as_ref().filter(raised).map(advice::of_limit);
    let message = advice::joined(&error.message, hint.as_deref());
    let what = format!("with generated answers the workflow failed{place}: {message}");
    failure::print_error(&format!("{what} [{}]", error.code), shown.as_deref());
}

/// One question to people: what is asked, how, and how long it waits.
fn question(planned: &PlannedAsk) -> String {
    let PlannedAsk { step, ask, timeout_ms, on_timeout, .. } = planned;
    let waits = match (timeout_ms, on_timeout) {
        (None, _) => String::new(),
        (Some(timeout), None) => format!(", fails after {}", span(*timeout)),
        (Some(timeout), Some(_)) => format!(", goes on without an answer after {}", span(*timeout)),
    };
    let asked = sanitize::cut(&sanitize::one_line(&ask.question), PROMPT_CHARS);
    let label = sanitize::one_line(&ask.label);
    format!("  {step} {label} ({}{waits})\n      {asked}", ask.kind.function())
}

/// The plan as text; `whole` prints prompts in full.
fn text(plan: &Plan, whole: bool) -> String {
    let heading = format!("{}: {}", plan.name, plan.description);
    let mut lines = vec![sanitize::one_line(&heading), String::new()];
    lines.push(format!("{}, at most {} at once", plural(plan.agents, "agent"), plan.at_once));
    lines.push(format!("tokens: {}", tokens(&plan.estimate)));
    lines.push(cost(plan, "try --model"));
    lines.extend(cut(plan).map(|cut| format!("not whole: {cut}")));
    let mut list = |name: &str, items: Vec<&str>| {
        if !items.is_empty() {
            lines.push(format!("{name}: {}", sanitize::one_line(&items.join(", "))));
        }
    };
    list("providers", plan.providers.iter().map(String::as_str).collect());
    list("models", plan.models.iter().map(String::as_str).collect());
    list("uses", plan.capabilities.iter().map(String::as_str).collect());
    list("children", plan.children.iter().map(String::as_str).collect());
    if plan.sleep_ms > 0.0 {
        lines.push(format!("sleeps: {} s in all, skipped here", plan.sleep_ms / 1000.0));
    }
    let phases: Vec<String> = plan
        .phases
        .iter()
        .map(|phase| {
            let title = if phase.title.is_empty() { "(no phase)" } else { &phase.title };
            let agents = plural(phase.agents, "agent");
            format!("  {}  {agents}, {}", sanitize::one_line(title), tokens(&phase.estimate))
        })
        .collect();
    section(&mut lines, "Phases", phases);
    let groups: Vec<String> = plan
        .groups
        .iter()
        .map(|group| {
            let kind = match group.kind {
                GroupKind::Parallel => "parallel",
                GroupKind::Pipeline => "pipeline",
            };
            let phase = group.phase.as_ref().map(|phase| format!(", in {phase}"));
            format!(
                "  {kind} {} of {}: {} wide, {}{}",
                group.ordinal,
                sanitize::one_line(&group.script),
                group.fan_out,
                plural(group.agents, "agent"),
                sanitize::one_line(&phase.unwrap_or_default()),
            )
        })
        .collect();
    let title = if plan.groups_whole { "Fan-out" } else { "Fan-out, at least" };
    section(&mut lines, title, groups);
    let steps: Vec<String> = plan
        .steps
        .iter()
        .map(|step| {
            let prompt = if whole {
                sanitize::lines(&step.request.prompt).replace('\n', "\n      ")
            } else {
                sanitize::cut(&sanitize::one_line(&step.request.prompt), PROMPT_CHARS)
            };
            let refused = if step.refused.is_some() { " (refused)" } else { "" };
            format!("  {} {}{refused}\n      {prompt}", step.step, sanitize::one_line(&step.title))
        })
        .collect();
    section(&mut lines, "Steps", steps);
    section(&mut lines, "Questions", plan.asks.iter().map(question).collect());
    lines.join("\n")
}

/// Adds a heading and its items, unless there are none.
fn section(lines: &mut Vec<String>, title: &str, items: Vec<String>) {
    if !items.is_empty() {
        lines.push(String::new());
        lines.push(title.to_owned());
        lines.extend(items);
    }
}

/// The range of tokens: `1k to 4k read, 500 to 2k written`.
pub(super) fn tokens(estimate: &Estimate) -> String {
    format!(
        "{} to {} read, {} to {} written",
        short(estimate.input_low),
        short(estimate.input_high),
        short(estimate.output_low),
        short(estimate.output_high)
    )
}

/// Most models without a price that the text lists.
const MODELS_SHOWN: usize = 5;

/// The line about the cost: a range, or why it is unknown and how to name a model.
pub(super) fn cost(plan: &Plan, model_hint: &str) -> String {
    let CostRange { low_usd, high_usd, unpriced, .. } = plan.cost;
    let range = format!("cost: ${low_usd:.2} to ${high_usd:.2} at list prices");
    if unpriced == 0 {
        return range;
    }
    let why = why_unpriced(&plan.cost, model_hint);
    if unpriced == plan.agents {
        format!("cost: unknown: {why}")
    } else {
        format!("{range}, without {}: {why}", plural(unpriced, "agent"))
    }
}

/// Why the cost of agents is unknown, and what helps.
fn why_unpriced(cost: &CostRange, model_hint: &str) -> String {
    let mut why = Vec::new();
    if cost.unnamed > 0 {
        let names = if cost.unnamed == 1 { "names" } else { "name" };
        why.push(format!("{} {names} no model, {model_hint}", plural(cost.unnamed, "agent")));
    }
    if !cost.unpriced_models.is_empty() {
        let shown = cost.unpriced_models.iter().take(MODELS_SHOWN);
        let shown: Vec<String> =
            shown.map(|model| format!("`{}`", sanitize::one_line(model))).collect();
        let more = cost.unpriced_models.len().saturating_sub(MODELS_SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        why.push(format!("no list price for {}{more}, give one with --prices", shown.join(", ")));
    }
    why.join("; ")
}

/// `950`, `12k`, `3.4M`.
fn short(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => format!("{}k", (number + 500) / 1_000),
        _ => format!("{}.{}M", number / 1_000_000, number % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn numbers_are_short() {
        let shown: Vec<String> = [0, 999, 1_499, 12_600, 3_450_000].map(short).into();
        assert_eq!(shown, ["0", "999", "1k", "13k", "3.4M"]);
    }
}
