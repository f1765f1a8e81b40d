//! `smol-wf msg`: tells agents at work something.
//!
//! Owns: its flags, which agents are meant, and what it says. Never: passes a message on;
//! the process that holds the run does.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use smol_wf_core::ids::{RunId, StepId};
use smol_wf_core::inbox::Standing;
use smol_wf_core::message::{MessageRefusal, TEXT_BYTES_MAX, check_text};
use smol_wf_core::steps::Step;
use smol_wf_engine::Message;
use tokio::time::Instant;

use crate::failure::{CommandError, print_message};
use crate::posting::{PostFlags, Posted, Posting, TAKEN_MAX};
use crate::table::Format;
use crate::{output, shell, stdin};

/// Most agents that an error message lists.
const LISTED_MAX: usize = 10;

/// Tell an agent something while it works
///
/// The agent gets the message as one more from its user, and so does each later attempt
/// at the step. Not every program takes messages: `smol-wf providers -o json` says which.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MsgArgs {
    /// The agents: latest#3 is step 3, latest@Review all of a phase, 'latest#*' all of the
    /// run, and latest the only one at work
    #[arg(value_name = "RUN[#STEP|@PHASE|#*]", value_parser = Target::read)]
    to: Target,

    /// What they are told; - reads it from stdin
    #[arg(allow_hyphen_values = true)]
    text: String,

    #[command(flatten)]
    post: PostFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf msg latest#3 'Leave the tests alone.'
  smol-wf msg latest@Review 'Only look at src/.'
  git diff | smol-wf msg latest -";

/// A run and some of its agents.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    run: String,
    agents: Agents,
}

/// Which agents of a run are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Agents {
    /// The only one at work.
    Only,
    Step(StepId),
    Phase(String),
    All,
}

/// What became of the message to one agent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToldStep {
    pub(crate) step: StepId,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    /// Whether the holder has taken it.
    pub(crate) taken: bool,
    /// Whether a process holds the run.
    held: bool,
    /// The code of the reason why it has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

/// The JSON document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToldDocument<'a> {
    schema_version: u32,
    run_id: &'a RunId,
    message: &'static str,
    steps: &'a [ToldStep],
}

impl Target {
    /// A value parser for clap.
    fn read(text: &str) -> Result<Self, String> {
        let wrong = || {
            "name a run, and a step, a phase or all of its agents: latest#3, latest@Review, 'latest#*'"
                .to_owned()
        };
        let at = text.find(['#', '@']).unwrap_or(text.len());
        let (run, named) = text.split_at(at);
        let agents = match (named.get(..1), named.get(1..).unwrap_or_default()) {
            (None, _) => Agents::Only,
            (Some("#"), "*") => Agents::All,
            (Some("@"), phase) if !phase.is_empty() => Agents::Phase(phase.to_owned()),
            (Some("#"), step) => {
                let step = step.parse().ok().filter(|step| *step > 0).ok_or_else(wrong)?;
                Agents::Step(StepId(step))
            }
            _ => return Err(wrong()),
        };
        if run.is_empty() { Err(wrong()) } else { Ok(Self { run: run.to_owned(), agents }) }
    }
}

impl MsgArgs {
    /// Posts one message for each agent. Fails if there is none, or each refused it.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let text = read_text(self.text)?;
        let posting = Posting::open(&self.post, &self.to.run).await?;
        let told = tell_agents(&posting, self.to.agents, &text).await?;
        report(&posting, &told)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Posts one message for each agent that is meant. Fails if there is none, or each refused
/// it.
pub(crate) async fn tell_agents(
    posting: &Posting,
    agents: Agents,
    text: &str,
) -> Result<Vec<ToldStep>, CommandError> {
    posting.refuse_over().await?;
    let run = &posting.run;
    let standing = async || posting.engine.standing(run).await;
    let steps = match agents {
        Agents::Step(step) => vec![step],
        Agents::All => all_of(run, &standing().await?, None)?,
        Agents::Phase(phase) => all_of(run, &standing().await?, Some(&phase))?,
        Agents::Only => vec![the_only_one(run, &standing().await?)?],
    };
    let (told, refused) = tell(posting, &steps, text).await?;
    match refused.filter(|_| told.iter().all(|one| one.refused.is_some())) {
        Some(refused) => Err(refused),
        None => Ok(told),
    }
}

/// The text, which may come from stdin.
fn read_text(text: String) -> Result<String, CommandError> {
    let refused = |refusal: MessageRefusal| {
        CommandError::Usage(format!("{refusal}; give the text as one argument, or - for stdin"))
    };
    let mut text = text;
    if text == "-" {
        let usage = |said: String| CommandError::Usage(said);
        let bytes = stdin::read(TEXT_BYTES_MAX + 2).map_err(|error| usage(error.to_string()))?;
        text = String::from_utf8(bytes)
            .map_err(|_| usage("the message on stdin is not UTF-8".to_owned()))?;
        // The end of the last line is not part of what is said.
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
    }
    check_text(&text).map_err(refused)?;
    Ok(text)
}

/// The open agent steps of a run, or of a phase of it. Fails if there is none.
fn all_of(
    run: &RunId,
    standing: &Standing,
    phase: Option<&str>,
) -> Result<Vec<StepId>, CommandError> {
    let is_of = |step: &&Step| {
        let of_step = || step.agent().and_then(|agent| agent.phase.as_deref());
        phase.is_none_or(|phase| of_step() == Some(phase))
    };
    let found: Vec<StepId> = standing.open_agents().filter(is_of).map(|step| step.id).collect();
    if found.is_empty() { Err(no_agent(run, phase)) } else { Ok(found) }
}

/// The only open agent step, or the only one at work. Fails if there is none, or another.
fn the_only_one(run: &RunId, standing: &Standing) -> Result<StepId, CommandError> {
    let open: Vec<&Step> = standing.open_agents().collect();
    let at_work: Vec<&Step> = open.iter().filter(|step| step.dispatches > 0).copied().collect();
    let meant = if at_work.is_empty() { open } else { at_work };
    match meant.as_slice() {
        [] => Err(no_agent(run, None)),
        [only] => Ok(only.id),
        more => Err(several(run, more)),
    }
}

fn no_agent(run: &RunId, phase: Option<&str>) -> CommandError {
    CommandError::NoAgentOpen { run: run.clone(), phase: phase.map(str::to_owned) }
}

/// The refusal of a message that several agents could be meant by.
fn several(run: &RunId, meant: &[&Step]) -> CommandError {
    let db = shell::with_database();
    let listed = meant.iter().take(LISTED_MAX).map(|step| {
        let label = step.asked.title();
        format!("\n  smol-wf msg {run}#{} TEXT{db}  ({})", step.id, output::escape(&label))
    });
    let more = match meant.len().saturating_sub(LISTED_MAX) {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    let listed: String = listed.collect();
    CommandError::Usage(format!(
        "{} agents of run {run} are open; name one, or all with '{run}#*':{listed}{more}",
        meant.len()
    ))
}

/// Posts to all, then waits for each. Also returns the first refusal.
async fn tell(
    posting: &Posting,
    steps: &[StepId],
    text: &str,
) -> Result<(Vec<ToldStep>, Option<CommandError>), CommandError> {
    let mut sent = Vec::new();
    for step in steps {
        let message = Message::Message { step: *step, text: text.to_owned() };
        // A step may settle while the others are told.
        match posting.send(&message).await {
            Err(error) if steps.len() == 1 => return Err(error),
            sending => sent.push((*step, sending)),
        }
    }
    let until = Instant::now() + TAKEN_MAX;
    let (mut told, mut first) = (Vec::new(), None);
    for (step, sending) in sent {
        let became = match sending {
            Ok(Some(number)) => posting.wait(number, until).await,
            Ok(None) => Ok(Posted::Needless),
            Err(error) => Err(error),
        };
        told.push(match became {
            Ok(Posted::Taken(taken)) => ToldStep {
                step,
                number: Some(taken.number),
                taken: true,
                held: true,
                refused: None,
            },
            Ok(Posted::Waits { number, held }) => {
                ToldStep { step, number: Some(number), taken: false, held, refused: None }
            }
            Ok(Posted::Needless) => {
                ToldStep { step, number: None, taken: false, held: false, refused: None }
            }
            Err(error) => {
                let Some(code) = error.refusal() else { return Err(error) };
                first = first.or(Some(error));
                let refused = Some(code);
                ToldStep { step, number: None, taken: false, held: true, refused }
            }
        });
    }
    Ok((told, first))
}

/// Prints what became of each.
fn report(posting: &Posting, told: &[ToldStep]) -> Result<(), CommandError> {
    let (run, db) = (&posting.run, shell::with_database());
    if posting.format != Format::Text {
        let document =
            ToldDocument { schema_version: 1, run_id: run, message: "message", steps: told };
        output::print(posting.format, &document)?;
        return Ok(());
    }
    for ToldStep { step, taken, held, refused, .. } in told {
        print_message(&match (refused, taken, held) {
            (Some(code), ..) => format!("step {step} of run {run} was not told: {code}"),
            (None, true, _) => format!(
                "the agent of step {step} of run {run} is told as soon as it listens; whether it was: smol-wf logs {run}#{step}{db}"
            ),
            (None, false, true) => {
                format!("run {run} has not taken the message for step {step} yet; it waits")
            }
            (None, false, false) => format!(
                "no process works on run {run}; the agent of step {step} is told when it goes on: smol-wf continue {run}{db}"
            ),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_named_by_step_by_phase_or_all_at_once() {
        let read = |text: &str| Target::read(text).map(|target| (target.run, target.agents));
        let latest = |agents: Agents| Ok(("latest".to_owned(), agents));
        assert_eq!(read("latest"), latest(Agents::Only));
        assert_eq!(read("latest#3"), latest(Agents::Step(StepId(3))));
        assert_eq!(read("latest#*"), latest(Agents::All));
        assert_eq!(read("latest@Fix #2 @x"), latest(Agents::Phase("Fix #2 @x".to_owned())));
        for wrong in ["", "#3", "@x", "latest#", "latest@", "latest#0", "latest#x", "latest#3@x"] {
            assert!(read(wrong).unwrap_err().contains("latest#3"), "{wrong}");
        }
    }
}
