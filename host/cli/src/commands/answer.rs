//! `smol-wf answer`: answers a question of a run.
//!
//! Owns: its flags, which question is meant, and what it says. Never: what fits a
//! question; the core decides that.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use smol_wf_core::event::AskOpened;
use smol_wf_core::gate::{AnswerRefusal, AskRequest};
use smol_wf_core::ids::{RunId, StepId};
use smol_wf_core::limits::ASK_COMMENT_BYTES_MAX;
use smol_wf_core::message::MessageRefusal;
use smol_wf_core::report::OpenAskReport;
use smol_wf_engine::{EngineError, Message, PostError};

use super::go_on_flags::GoOnFlags;
use super::steps::run_and_step;
use crate::failure::{CommandError, print_message};
use crate::posting::{PostFlags, Posted, Posting};
use crate::questions::{self, Asked, Lines};
use crate::table::Format;
use crate::take_up::until_taken;
use crate::{output, people, sanitize, shell, typed_answer};

/// Answer a question of a run
///
/// Without an answer it asks you on a terminal, and elsewhere prints the open questions;
/// there an approval names its step. The first answer counts. If no process works on the
/// run, one is started in the background, with the run's own folder, script and agents,
/// and this environment.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AnswerArgs {
    /// Run, or a question of it: `latest`, or run and step, such as `latest#3`; for an
    /// agent's, its number as well, such as `latest#3.1`
    #[arg(value_name = "RUN[#STEP[.ASK]]", value_parser = asked)]
    run: (String, Option<Named>),

    /// The answer: yes or no for approve() and for an agent, text for ask() without a schema, otherwise
    /// JSON, or text if that fits the schema
    #[arg(allow_hyphen_values = true, conflicts_with_all = ["yes", "no"])]
    value: Option<String>,

    /// Approve
    #[arg(long, conflicts_with = "no")]
    yes: bool,

    /// Decline
    #[arg(long)]
    no: bool,

    /// What the script or the agent is told beside the answer
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,

    #[command(flatten)]
    go_on: GoOnFlags,

    #[command(flatten)]
    post: PostFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf answer latest
  smol-wf answer latest#2 --no --comment 'tests fail'
  smol-wf answer latest#4.1 --yes
  smol-wf answer run_0k3#7 '{\"version\": \"1.5\"}' --wait";

/// Most columns of the question in the sentence about its answer.
const QUESTION_CHARS_MAX: usize = 80;

/// An open question.
type Open = (StepId, Arc<AskRequest>);

/// A step, and which of its agent's questions is meant.
type Named = (StepId, Option<u32>);

/// The JSON document with the open questions of a run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OpenQuestions<'a> {
    schema_version: u32,
    run_id: &'a RunId,
    asks: Vec<OpenAskReport>,
}

/// A value parser for clap: a run, or a run and a question of it.
fn asked(text: &str) -> Result<(String, Option<Named>), String> {
    let Some((_, step)) = text.rsplit_once('#') else { return Ok((text.to_owned(), None)) };
    let number = step.split_once('.').map(|(_, number)| number);
    let of_step = number.map_or(text, |number| &text[..text.len() - number.len() - 1]);
    let number = number.map(|number| number.parse::<u32>()).transpose();
    let number = number.map_err(|_| {
        "name a run and a question of it, such as latest#3, or latest#3.1 for an agent's".to_owned()
    })?;
    run_and_step(of_step).map(|(run, step)| (run, Some((step, number))))
}

impl AnswerArgs {
    /// Answers, asks or lists. Fails if the answer does not fit, was not the first, or
    /// nothing is asked.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        if self.comment.as_ref().is_some_and(|text| text.len() > ASK_COMMENT_BYTES_MAX) {
            let message = format!("--comment takes {ASK_COMMENT_BYTES_MAX} bytes at most");
            return Err(CommandError::Usage(message));
        }
        let posting = Posting::open(&self.post, &self.run.0).await?;
        posting.refuse_over().await?;
        let open = self.open(&posting).await?;
        let typed = match (self.yes, self.no) {
            (true, _) => Some("true"),
            (_, true) => Some("false"),
            _ => self.value.as_deref(),
        };
        let has_flags = self.comment.is_some() || self.go_on.is_given();
        if let Some(typed) = typed {
            let asked = self.meant(&posting, &open, typed)?;
            let value = typed_answer::read(&asked.1, typed);
            let value = value.map_err(|refusal| refused(&posting, refusal))?;
            let message = self.message(asked, value, None);
            return self.post(&posting, asked, message).await;
        }
        if posting.format == Format::Text && people::can_be_asked() {
            return self.ask(&posting, open).await;
        }
        if has_flags {
            let message = "--comment, --wait and --no-start go with an answer, and there is nobody to ask for one; give it: smol-wf answer RUN VALUE";
            return Err(CommandError::Usage(message.to_owned()));
        }
        print(&posting, &open)?;
        Ok(ExitCode::SUCCESS)
    }

    /// The open questions that are meant; at least one.
    async fn open(&self, posting: &Posting) -> Result<Vec<Open>, CommandError> {
        let standing = posting.engine.standing(&posting.run).await?;
        let all = standing.open_asks().map(|(step, request)| (step, Arc::clone(request)));
        let Some((step, number)) = self.run.1 else {
            let open: Vec<Open> = all.collect();
            return match open.is_empty() {
                true => Err(CommandError::NoQuestion { run: posting.run.clone() }),
                false => Ok(open),
            };
        };
        let is_named = |request: &AskRequest| {
            number.is_none() || request.agent.as_ref().map(|agent| agent.ask) == number
        };
        let named: Vec<Open> =
            all.filter(|(open, request)| *open == step && is_named(request)).collect();
        if named.is_empty() {
            return Err(refused(posting, standing.not_open(step, number)));
        }
        Ok(named)
    }

    /// The question that this answer is for. Fails with all of them if it may be for
    /// several, or if it approves whichever is open now and nobody at a terminal sees which
    /// that is.
    fn meant<'o>(
        &self,
        posting: &Posting,
        open: &'o [Open],
        typed: &str,
    ) -> Result<&'o Open, CommandError> {
        let (run, db) = (&posting.run, shell::with_database());
        let [only] = open else {
            let message = format!("run {run} has several open questions; answer one of them:");
            return Err(CommandError::Usage(message + &lines_to_type(run, open, typed)));
        };
        let (step, request) = only;
        let is_approval = request.kind.is_approval();
        // The agent of a step may have asked something else since the person looked.
        let is_named = match self.run.1 {
            Some((_, number)) => request.agent.is_none() || number.is_some(),
            None => false,
        };
        if (self.yes || self.no) && !is_approval {
            return Err(CommandError::Usage(format!(
                "step {step} asks for a value, not for approval; give it: smol-wf answer {run}#{step} VALUE{db}"
            )));
        }
        let must_name = request.agent.is_some() || !people::can_be_asked();
        if is_approval && !is_named && must_name {
            let message = format!("name the question of run {run} that this is the answer to:");
            return Err(CommandError::Usage(message + &lines_to_type(run, open, typed)));
        }
        Ok(only)
    }

    fn message(&self, asked: &Open, value: String, comment: Option<String>) -> Message {
        let (step, request) = asked;
        let comment = comment.or_else(|| self.comment.clone());
        Message::Answer { step: *step, digest: request.digest(), value, comment }
    }

    /// Posts an answer, and starts a holder if there is none.
    async fn post(
        &self,
        posting: &Posting,
        (step, request): &Open,
        message: Message,
    ) -> Result<ExitCode, CommandError> {
        let (run, db) = (&posting.run, shell::with_database());
        let question = sanitize::cut(&sanitize::one_line(&request.question), QUESTION_CHARS_MAX);
        let sentence = |posted: &Posted| match posted {
            Posted::Taken(_) => format!(
                "step {step} of run {run} (`{question}`) has your answer; follow the run: smol-wf attach {run}{db}"
            ),
            Posted::Waits { held: true, .. } => format!(
                "run {run} has not taken your answer to step {step} (`{question}`) yet; it waits"
            ),
            Posted::Waits { held: false, .. } | Posted::Needless => format!(
                "your answer to step {step} (`{question}`) waits until a process takes run {run} up: smol-wf continue {run}{db}"
            ),
        };
        self.go_on.post(posting, &message, sentence).await
    }

    /// Asks the person at the terminal, one question after the other.
    async fn ask(&self, posting: &Posting, open: Vec<Open>) -> Result<ExitCode, CommandError> {
        let mut lines = Lines::new();
        let (last, mut code) = (open.len(), ExitCode::SUCCESS);
        for (at, asked) in open.iter().enumerate() {
            let (step, request) = asked;
            match questions::ask(&posting.run, *step, request, &mut lines).await {
                Asked::Answer { value, comment } => {
                    let message = self.message(asked, value, comment);
                    // The run is followed from its last answer on.
                    let answered = match self.go_on.waits() && at + 1 < last {
                        true => until_taken(posting, posting.post(&message).await?)
                            .await
                            .map(|_| ExitCode::SUCCESS),
                        false => self.post(posting, asked, message).await,
                    };
                    match answered {
                        Ok(answered) => code = answered,
                        // One of several that is settled meanwhile stops no others.
                        Err(error) if at + 1 < last => print_message(&error.sentence()),
                        Err(error) => return Err(error),
                    }
                }
                Asked::LeftOpen => print_message(&format!("step {step} is left open")),
                Asked::Gone => {
                    print_message("what was not answered is left open");
                    break;
                }
            }
        }
        Ok(code)
    }
}

/// A line for each question, with the command that gives it the answer that was typed.
fn lines_to_type(run: &RunId, open: &[Open], typed: &str) -> String {
    let db = shell::with_database();
    let line = |(step, request): &Open| {
        let (function, title) = (request.kind.function(), sanitize::one_line(&request.title()));
        let (value, or) = match (request.kind.is_approval(), typed_answer::yes_or_no(typed)) {
            (true, Some(false)) => ("--no", ""),
            (true, Some(true)) => ("--yes", ""),
            (true, None) => ("--yes", " (or --no)"),
            (false, _) => ("VALUE", ""),
        };
        let title = match &request.agent {
            Some(_) => format!("{title}, {}", sanitize::one_line(&request.question)),
            None => title,
        };
        let name = questions::name_of(run, *step, request);
        format!("\n{function}  {title}: smol-wf answer {name} {value}{db}{or}")
    };
    open.iter().map(line).collect()
}

fn refused(posting: &Posting, refusal: AnswerRefusal) -> CommandError {
    let (run, refusal) = (posting.run.clone(), MessageRefusal::Answer(refusal));
    EngineError::from(PostError::Refused { run, refusal }).into()
}

/// Prints the open questions.
fn print(posting: &Posting, open: &[Open]) -> Result<(), CommandError> {
    let run = &posting.run;
    if posting.format == Format::Text {
        let texts = open.iter().map(|(step, request)| questions::listed(run, *step, request));
        let texts: Vec<String> = texts.map(|text| text.replace('\n', "\n  ")).collect();
        return Ok(output::line(&texts.join("\n"))?);
    }
    let asks = open.iter().map(|(step, request)| {
        let ask = AskOpened::of(request);
        OpenAskReport { step: *step, ask }
    });
    let document = OpenQuestions { schema_version: 1, run_id: run, asks: asks.collect() };
    Ok(output::print(posting.format, &document)?)
}
