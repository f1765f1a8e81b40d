//! Questions to the person at the terminal.
//!
//! Owns: the dialogue about one question, from its text to an answer that fits. Never:
//! posts an answer, or gives one that nobody has typed.

mod continued;
mod foreground;
mod form;
mod lines;
mod shown;

use smol_wf_core::gate::AskRequest;
use smol_wf_core::ids::{RunId, StepId};

use crate::streams::{self, Kind};
use crate::{failure, sanitize};
use continued::Continued;
pub(crate) use foreground::Desk;
pub(crate) use form::{Form, Reading};
pub(crate) use lines::{Line, Lines};
pub(crate) use shown::{listed, name_of, notes, pretty, question, what_is_asked};

/// What became of a question at the terminal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// An answer that fits: JSON text, and what was said beside it.
    Answer { value: String, comment: Option<String> },
    /// The person leaves it open.
    LeftOpen,
    /// The person is gone: nothing more can be read.
    Gone,
}

/// Asks until there is an answer that fits, or the question is left open. May be dropped
/// at any moment.
pub(crate) async fn ask(
    run: &RunId,
    step: StepId,
    request: &AskRequest,
    lines: &mut Lines,
) -> Asked {
    let form = Form::of(request);
    if request.kind.is_approval() {
        lines.settle_down().await;
    }
    lines.begin();
    let show = || {
        failure::print_message(&question(run, step, request));
        form.choices().iter().for_each(|line| failure::print_message(line));
    };
    show();
    let mut continued = Continued::listen();
    loop {
        prompt(&form.prompt(request));
        let line = tokio::select! {
            biased;
            line = lines.next() => line,
            // The shell has written below the question.
            () = continued.next() => {
                show();
                continue;
            }
        };
        let typed = match line {
            Line::Text(typed) => typed,
            Line::Unreadable => {
                failure::print_message("that is not UTF-8; type it again");
                continue;
            }
            Line::End => {
                // Nobody has ended the line of the prompt.
                streams::write_stderr("\n".to_owned(), Kind::Message);
                return Asked::Gone;
            }
        };
        match form.read(request, &typed) {
            Reading::Answer { value, comment } => return Asked::Answer { value, comment },
            Reading::Open => return Asked::LeftOpen,
            Reading::Again(why) => failure::print_message(&why),
        }
    }
}

/// Prints what to type, and leaves the cursor behind it.
fn prompt(text: &str) {
    streams::write_stderr(format!("{} ", sanitize::one_line(text)), Kind::Message);
}
