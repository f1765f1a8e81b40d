//! Hints for messages to runs that were refused.
//!
//! Owns: what to type instead. Never: refuses a message.

use smol_wf_core::codes::Code;
use smol_wf_core::gate::AnswerRefusal;
use smol_wf_core::ids::RunId;
use smol_wf_core::message::MessageRefusal;
use smol_wf_engine::PostError;

use crate::shell;

/// The hint for a message that was not posted.
pub(super) fn hint(error: &PostError) -> String {
    let db = shell::with_database();
    match error {
        PostError::Over { run, .. } => format!("its result: smol-wf history {run}{db}"),
        PostError::Refused { run, refusal: MessageRefusal::StepSettled { step } } => {
            format!("to ask again from there: smol-wf fork {run} --from {step}{db}")
        }
        PostError::Refused { run, refusal: MessageRefusal::AnswerWaits { .. } } => {
            format!("it is taken when the run goes on: smol-wf continue {run}{db}")
        }
        PostError::Refused { run, refusal: MessageRefusal::Answer(refusal) } => match refusal {
            AnswerRefusal::Invalid(_) | AnswerRefusal::TooLarge { .. } => {
                format!("what is asked: smol-wf answer {run} -o json{db}")
            }
            AnswerRefusal::Changed { step, .. } => {
                format!("what it asks now: smol-wf answer {run}#{step} -o json{db}")
            }
            _ => format!("its open questions: smol-wf answer {run} -o json{db}"),
        },
        PostError::Refused { run, .. } => format!("its steps: smol-wf history {run} -o text{db}"),
        _ => format!("all runs: smol-wf history{db}"),
    }
}

/// The whole sentence about a message that the holder of the run refused.
pub(crate) fn of_refused_message(run: &RunId, message: Option<&str>, code: &str) -> String {
    let db = shell::with_database();
    let why = match Code::read(code) {
        Some(Code::StepSettled) => "the step has its outcome already",
        Some(Code::StepUnknown) => "there is no such step",
        Some(Code::StepNotAnAgent) => "the step is not an agent's",
        Some(Code::AgentTakesNoMessages) => {
            "the program of its agent takes no messages while it works (smol-wf providers -o json)"
        }
        Some(Code::MessageEmpty) => "it says nothing",
        Some(Code::MessageTooLarge) => "it is too long",
        Some(Code::StepMessagesFull) => "the step has as many messages as it may",
        Some(Code::AskAnswered) => "another answer came first, or its time was up",
        Some(Code::AskUnknown) => "no such question is open",
        Some(Code::AskChanged) => "the step asks something else now",
        Some(Code::AnswerInvalid) => "it does not fit the question",
        Some(Code::SignalsFull) => "it keeps as many events as it may",
        Some(Code::MessageUnreadable) => "a newer program posted it",
        Some(Code::MessageSuperseded) => "the run was taken up or told to go on after that",
        _ => "the process that works on the run cannot do that",
    };
    let message = message.unwrap_or("the message");
    format!(
        "`{message}` had no effect on run {run}: {why}; its steps: smol-wf history {run} -o text{db} [{code}]"
    )
}
