//! Answers that the command line gives in advance: `--answer LABEL=ANSWER`.
//!
//! Owns: which question gets which of them, and what is said of those that do not fit or
//! that no question used. Never: answers a question that nobody has named.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use clap::Args;
use smol_wf_core::gate::AskRequest;
use smol_wf_engine::{Answers, GivenAnswers};

use crate::failure::{CommandError, print_message};
use crate::poster;
use crate::typed_answer;

/// Answers to questions
#[derive(Debug, Args)]
pub(crate) struct AnswerFlags {
    /// Answer the questions of the script with this label in advance, or without a label and
    /// with this text; may be repeated: of several answers for one label, each is used once,
    /// and the last one from then on
    #[arg(long, value_name = "LABEL=ANSWER", value_parser = named)]
    answer: Vec<String>,
}

/// The answers of this command line: a process has one.
static GIVEN: OnceLock<Arc<Given>> = OnceLock::new();

/// The answers, and who gave them.
struct Given {
    by: String,
    answers: Vec<String>,
    /// Whether each was for some question.
    used: Mutex<Vec<bool>>,
}

/// A value parser for clap: a label and an answer. The label may contain `=` itself, so
/// they are told apart when a question opens.
fn named(text: &str) -> Result<String, String> {
    match text.find('=') {
        Some(at) if at > 0 => Ok(text.to_owned()),
        _ => Err("an answer reads LABEL=ANSWER: deploy=yes".to_owned()),
    }
}

impl AnswerFlags {
    /// Keeps the answers for the run of this process. Fails below an agent: it could
    /// answer for a person.
    pub(crate) fn keep(&self) -> Result<(), CommandError> {
        if self.answer.is_empty() {
            return Ok(());
        }
        let (by, used) = (poster::user()?, Mutex::new(vec![false; self.answer.len()]));
        let _ = GIVEN.set(Arc::new(Given { by, answers: self.answer.clone(), used }));
        Ok(())
    }
}

/// The answers that were given, for the engine.
pub(crate) fn given() -> GivenAnswers {
    match GIVEN.get() {
        Some(given) => GivenAnswers::by(given.clone()),
        None => GivenAnswers::default(),
    }
}

/// A sentence about each answer that no question used.
pub(crate) fn unused() -> Vec<String> {
    let Some(given) = GIVEN.get() else { return Vec::new() };
    let used = given.used.lock().unwrap_or_else(PoisonError::into_inner);
    let unused = given.answers.iter().zip(used.iter()).filter(|(_, used)| !**used);
    let of = |answer: &str| {
        format!("--answer {}: no question of this label was asked", crate::shell::word(answer))
    };
    unused.map(|(answer, _)| of(answer)).collect()
}

impl Given {
    /// The answer to a question: by its label alone, which the script's author chose, or by
    /// its whole text if it has none. A text may come from an agent, and its beginning may
    /// be that of another question.
    fn find(&self, request: &AskRequest) -> Option<&str> {
        self.of(request.label.as_deref().unwrap_or(&request.question))
    }

    /// The next answer for this name; the last one if all were used.
    fn of(&self, name: &str) -> Option<&str> {
        let rest = |answer: &'_ String| -> Option<usize> {
            answer.strip_prefix(name)?.starts_with('=').then_some(name.len() + 1)
        };
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let named: Vec<(usize, usize)> = self
            .answers
            .iter()
            .enumerate()
            .filter_map(|(at, answer)| Some((at, rest(answer)?)))
            .collect();
        let fresh = named.iter().find(|(at, _)| !used.get(*at).copied().unwrap_or(true));
        let (at, from) = *fresh.or(named.last())?;
        if let Some(used) = used.get_mut(at) {
            *used = true;
        }
        self.answers.get(at)?.get(from..)
    }
}

impl Answers for Given {
    fn answer(&self, question: &AskRequest) -> Option<String> {
        let typed = self.find(question)?;
        match typed_answer::read(question, typed) {
            Ok(value) => Some(value),
            Err(refused) => {
                print_message(&format!(
                    "warning: --answer for `{}` was not taken: {refused}",
                    question.title()
                ));
                None
            }
        }
    }

    fn by(&self) -> &str {
        &self.by
    }
}

#[cfg(test)]
mod tests {
    use smol_wf_core::gate::AskKind;

    use super::*;

    fn given(answers: &[&str]) -> Given {
        let answers: Vec<String> = answers.iter().map(|&one| one.to_owned()).collect();
        let used = Mutex::new(vec![false; answers.len()]);
        Given { by: "ann".to_owned(), answers, used }
    }

    fn asked(label: Option<&str>, question: &str) -> AskRequest {
        let plain = AskRequest::plain(AskKind::Ask, question);
        AskRequest { label: label.map(str::to_owned), ..plain }
    }

    #[test]
    fn a_label_names_its_question_and_the_last_answer_stays() {
        let given = given(&["x=1?=yes", "a=b=c", "n=1", "n=2"]);
        assert_eq!(given.find(&asked(None, "x=1?")), Some("yes"));
        assert_eq!(given.find(&asked(Some("deploy"), "x=1?")), None, "its text is no name");
        assert_eq!(given.find(&asked(Some("x"), "other")), Some("1?=yes"));
        assert_eq!(given.find(&asked(Some("a=b"), "?")), Some("c"));
        let long = "Deploy the service to the machine and all its siblings: STAGING?";
        assert_eq!(given.find(&asked(None, long)), None, "nor is the beginning of its text");
        let taken: Vec<_> = (0..3).map(|_| given.find(&asked(Some("n"), "?"))).collect();
        assert_eq!(taken, [Some("1"), Some("2"), Some("2")]);
        assert_eq!(given.find(&asked(None, "What?")), None);
        assert!(named("=yes").is_err() && named("deploy").is_err());
    }
}
