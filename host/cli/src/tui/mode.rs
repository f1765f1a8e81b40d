//! What the keys are for at the moment, when they are not for browsing.
//!
//! Owns: the search, an answer, a line that is typed, a question before something is
//! stopped, and the help; and what is asked of the engine in the end. Never: posts.

use std::path::PathBuf;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use smol_wf_core::gate::AskRequest;
use smol_wf_core::ids::StepId;
use smol_wf_engine::Message;

use super::desk::Request;
use super::entry::Entry;
use crate::commands::limits_typed;
use crate::questions::{Form, Reading};

/// What the keys are for.
#[derive(Debug, Default)]
pub(crate) enum Mode {
    /// Moving around.
    #[default]
    Browse,
    /// Typing what to search for.
    Search(Entry),
    /// A question is being read; keys are for its form, which is not there yet.
    Opening(Early),
    /// Answering a question.
    Answer(Box<Answering>),
    /// Typing a line for something else.
    Line(Box<LineMode>),
    /// Saying yes or no to this.
    Confirm(Box<Confirm>),
    /// Reading the help, from this line on.
    Help(usize),
}

/// What was typed before the form of a question was there. It is dropped: nobody may answer
/// what was not on the screen.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Early {
    /// Nothing.
    #[default]
    Nothing,
    /// The beginning of a line.
    Part,
    /// Whole lines.
    Lines,
}

impl Early {
    /// Takes a key of a form that is not there.
    pub(crate) fn key(&mut self, key: &KeyEvent) {
        match key.code {
            KeyCode::Char(_) => *self = Self::Part,
            KeyCode::Enter => *self = Self::Lines,
            _ => {}
        }
    }

    /// What the form says of it.
    fn words(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Part => {
                Some("what came before this form is dropped up to Enter: press Enter, then answer")
            }
            Self::Lines => Some("what came before this form was dropped; type it again"),
        }
    }
}

/// Lines of one page of a question: about half of a small screen.
const PAGE: usize = 10;

/// A question that is being answered.
#[derive(Debug)]
pub(crate) struct Answering {
    pub(crate) step: StepId,
    pub(crate) request: Arc<AskRequest>,
    form: Form,
    pub(crate) entry: Entry,
    /// Why the last line was no answer, or the help of the form.
    pub(crate) said: Option<String>,
    /// It was said since the last frame, which must show it.
    pub(crate) is_said_now: bool,
    /// First line of the question that is shown.
    pub(crate) top: usize,
    /// The line that is being typed began before the form was there.
    is_deaf: bool,
}

/// What a line is typed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineFor {
    /// Limits to raise.
    Raise,
    /// What the agent of this step is told.
    Tell(StepId),
    /// The file to save the stream in.
    Save,
}

/// A line that is typed.
#[derive(Debug)]
pub(crate) struct LineMode {
    pub(crate) what: LineFor,
    pub(crate) entry: Entry,
    pub(crate) error: Option<String>,
}

/// A question before something is stopped.
#[derive(Debug)]
pub(crate) struct Confirm {
    pub(crate) question: String,
    pub(crate) request: Request,
}

/// What a key in a mode led to.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The mode goes on.
    Stays,
    /// Back to browsing; with a sentence.
    Ends(Option<String>),
    /// Back to browsing, and this is asked of the engine.
    Asks(Request),
}

impl Answering {
    /// The form for a question.
    pub(crate) fn new(step: StepId, request: Arc<AskRequest>, early: Early) -> Self {
        let form = Form::of(&request);
        Self {
            step,
            request,
            form,
            entry: Entry::default(),
            said: early.words().map(str::to_owned),
            is_said_now: early != Early::Nothing,
            top: 0,
            is_deaf: early == Early::Part,
        }
    }

    /// The choices, a line each.
    pub(crate) fn choices(&self) -> Vec<String> {
        self.form.choices()
    }

    /// What to type.
    pub(crate) fn prompt(&self) -> String {
        self.form.prompt(&self.request)
    }

    /// Takes a key.
    pub(crate) fn key(&mut self, key: &KeyEvent) -> Outcome {
        match key.code {
            KeyCode::Esc => return Outcome::Ends(Some(left_open(self.step))),
            KeyCode::Up => self.top = self.top.saturating_sub(1),
            KeyCode::Down => self.top = self.top.saturating_add(1),
            KeyCode::PageUp => self.top = self.top.saturating_sub(PAGE),
            KeyCode::PageDown => self.top = self.top.saturating_add(PAGE),
            KeyCode::Enter if self.is_deaf => {
                self.is_deaf = false;
                self.say("now type your answer".to_owned());
            }
            KeyCode::Enter => return self.read(),
            _ => {
                if !self.is_deaf && self.entry.key(key) {
                    self.said = None;
                }
            }
        }
        Outcome::Stays
    }

    /// Takes pasted text. Returns whether it fitted.
    pub(crate) fn paste(&mut self, pasted: &str) -> bool {
        self.is_deaf || self.entry.paste(pasted)
    }

    fn say(&mut self, said: String) {
        (self.said, self.is_said_now) = (Some(said), true);
    }

    fn read(&mut self) -> Outcome {
        match self.form.read(&self.request, self.entry.text()) {
            Reading::Answer { value, comment } => {
                let (step, digest) = (self.step, self.request.digest());
                let message = Message::Answer { step, digest, value, comment };
                Outcome::Asks(Request::Post {
                    message,
                    done: format!("step {step} has your answer"),
                })
            }
            Reading::Again(why) => {
                self.say(why);
                Outcome::Stays
            }
            Reading::Open => Outcome::Ends(Some(left_open(self.step))),
        }
    }
}

fn left_open(step: StepId) -> String {
    format!("step {step} is left open")
}

impl LineMode {
    /// A line for this, which begins with `text`.
    pub(crate) fn new(what: LineFor, text: &str) -> Self {
        Self { what, entry: Entry::with(text), error: None }
    }

    /// What to type.
    pub(crate) fn prompt(&self) -> &'static str {
        match self.what {
            LineFor::Raise => "limits to raise, such as max-agents 2000 budget $20:",
            LineFor::Tell(_) => "what the agent is told:",
            LineFor::Save => "file for the event stream:",
        }
    }

    /// Takes a key.
    pub(crate) fn key(&mut self, key: &KeyEvent) -> Outcome {
        match key.code {
            KeyCode::Esc => return Outcome::Ends(None),
            KeyCode::Enter => return self.read(),
            _ => {
                if self.entry.key(key) {
                    self.error = None;
                }
            }
        }
        Outcome::Stays
    }

    fn read(&mut self) -> Outcome {
        let typed = self.entry.text().trim();
        match self.what {
            _ if typed.is_empty() => Outcome::Ends(None),
            LineFor::Save => Outcome::Asks(Request::Save(PathBuf::from(typed))),
            LineFor::Tell(step) => {
                let message = Message::Message { step, text: typed.to_owned() };
                Outcome::Asks(Request::Post {
                    message,
                    done: format!("the agent of step {step} gets your message"),
                })
            }
            LineFor::Raise => match limits_typed(typed) {
                Ok(limits) => {
                    let message = Message::Raise { limits };
                    let done = "the run has the new limits".to_owned();
                    Outcome::Asks(Request::Post { message, done })
                }
                Err(why) => {
                    self.error = Some(why);
                    Outcome::Stays
                }
            },
        }
    }
}

impl Confirm {
    /// Takes a key: only `y` is a yes.
    pub(crate) fn key(&self, key: &KeyEvent) -> Outcome {
        let is_plain = (key.modifiers - KeyModifiers::SHIFT).is_empty();
        match key.code {
            KeyCode::Char('y' | 'Y') if is_plain => Outcome::Asks(self.request.clone()),
            _ => Outcome::Ends(Some("nothing was done".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use smol_wf_core::gate::AskKind;

    use super::*;

    fn press(code: KeyCode) -> KeyEvent {
        KeyEvent::new(code, KeyModifiers::NONE)
    }

    #[test]
    fn an_answer_is_posted_with_the_digest_of_what_was_shown() {
        let request = Arc::new(AskRequest::plain(AskKind::Approve, "Deploy?"));
        let mut answering = Answering::new(StepId(3), request.clone(), Early::Nothing);
        assert_eq!(answering.key(&press(KeyCode::Enter)), Outcome::Stays);
        assert_eq!(answering.said.as_deref(), Some("type yes or no"));
        assert!(answering.entry.paste("no: tests fail"));
        let Outcome::Asks(Request::Post { message, .. }) = answering.key(&press(KeyCode::Enter))
        else {
            panic!("it is an answer");
        };
        let comment = Some("tests fail".to_owned());
        let (step, digest) = (StepId(3), request.digest());
        assert_eq!(message, Message::Answer { step, digest, value: "false".to_owned(), comment });
        let left = answering.key(&press(KeyCode::Esc));
        assert_eq!(left, Outcome::Ends(Some("step 3 is left open".to_owned())));
    }

    #[test]
    fn nothing_but_y_stops_something() {
        let request = Request::Save(PathBuf::from("x"));
        let confirm = Confirm { question: "Stop?".to_owned(), request: request.clone() };
        for other in [KeyCode::Enter, KeyCode::Esc, KeyCode::Char('n'), KeyCode::Char(' ')] {
            assert!(matches!(confirm.key(&press(other)), Outcome::Ends(_)));
        }
        let control = KeyEvent::new(KeyCode::Char('y'), KeyModifiers::CONTROL);
        assert!(matches!(confirm.key(&control), Outcome::Ends(_)));
        assert_eq!(confirm.key(&press(KeyCode::Char('y'))), Outcome::Asks(request));
    }

    #[test]
    fn a_limit_that_cannot_be_read_is_said_and_can_be_mended() {
        let mut line = LineMode::new(LineFor::Raise, "speed 3");
        assert_eq!(line.key(&press(KeyCode::Enter)), Outcome::Stays);
        assert!(line.error.as_deref().is_some_and(|error| error.contains("--speed")));
        line.entry = Entry::with("max-agents 7");
        assert!(matches!(line.key(&press(KeyCode::Enter)), Outcome::Asks(_)));
    }
}
