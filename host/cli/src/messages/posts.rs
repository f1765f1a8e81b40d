//! A sample of each refusal of a message to a run.
//!
//! Owns: the values. Never: the messages.

use smol_wf_core::codes::Code;
use smol_wf_core::gate::AnswerRefusal;
use smol_wf_core::ids::{Digest, RunId, StepId};
use smol_wf_core::message::MessageRefusal;
use smol_wf_core::schema::Violation;
use smol_wf_engine::{EngineError, PostError, RunState};

use crate::advice;
use crate::failure::CommandError;

const STEP: StepId = StepId(3);

/// The message of each.
pub(super) fn all() -> Vec<String> {
    let run = || RunId::from_bits(1);
    let violations = ["/size", "/name"]
        .map(|path| Violation { path: path.to_owned(), message: "is not a string".to_owned() });
    let refusals = [
        MessageRefusal::StepUnknown { step: STEP, asked: 2 },
        MessageRefusal::StepSettled { step: STEP },
        MessageRefusal::NotAnAgent { step: STEP },
        MessageRefusal::TakesNoMessages { step: STEP },
        MessageRefusal::Empty,
        MessageRefusal::TooLong { bytes: 70_000 },
        MessageRefusal::StepFull { step: STEP },
        MessageRefusal::Answer(AnswerRefusal::Unknown { step: STEP }),
        MessageRefusal::Answer(AnswerRefusal::Answered { step: STEP }),
        MessageRefusal::Answer(AnswerRefusal::Changed { step: STEP, digest: Digest::of(b"q") }),
        MessageRefusal::Answer(AnswerRefusal::TooLarge { bytes: 300_000, limit: 262_144 }),
        MessageRefusal::Answer(AnswerRefusal::Invalid(violations.to_vec())),
        MessageRefusal::AnswerWaits { step: STEP },
        MessageRefusal::SignalsFull,
        MessageRefusal::Superseded,
        MessageRefusal::Unreadable { reason: "REASON".to_owned() },
    ];
    let over = [RunState::Completed, RunState::Failed];
    let posts = over.into_iter().map(|state| PostError::Over { run: run(), state });
    let posts =
        posts.chain(refusals.into_iter().map(|refusal| PostError::Refused { run: run(), refusal }));
    let mut said: Vec<String> =
        posts.map(|post| CommandError::from(EngineError::from(post)).sentence()).collect();
    said.push(CommandError::PostFromAgent.sentence());
    said.push(CommandError::NoQuestion { run: run() }.sentence());
    for phase in [None, Some("PHASE".to_owned())] {
        said.push(CommandError::NoAgentOpen { run: run(), phase }.sentence());
    }
    let by_holder = [
        (Some("stop"), Code::StepSettled),
        (Some("restart"), Code::StepUnknown),
        (Some("restart"), Code::StepNotAnAgent),
        (Some("message"), Code::AgentTakesNoMessages),
        (Some("message"), Code::StepMessagesFull),
        (Some("pause"), Code::MessageSuperseded),
        (Some("answer"), Code::AskAnswered),
        (Some("answer"), Code::AskChanged),
        (Some("signal"), Code::SignalsFull),
        (None, Code::MessageUnreadable),
    ];
    said.extend(
        by_holder.map(|(word, code)| advice::of_refused_message(&run(), word, code.word())),
    );
    said
}
