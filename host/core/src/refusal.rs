//! A call that was refused, as it is journaled.
//!
//! Owns: what is kept of a refused question, and recognising the same question in a
//! replay, which repeats the recorded refusal word for word. Never: refuses anything;
//! the machine does.

use serde::{Deserialize, Serialize};

use crate::ids::{Digest, Scope};
use crate::outcome::Failure;

/// Bytes of each text of a question that are kept. They are for people; the digest
/// tells questions apart.
const KEPT_BYTES_MAX: usize = 512;

/// The functions of a script that can be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// `agent()`.
    Agent,
    /// `workflow()`.
    Workflow,
    /// `sleep()`.
    Sleep,
    /// `setTimeout()`.
    Timer,
}

impl Function {
    /// Its word in digests, which must not change.
    fn word(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Workflow => "workflow",
            Self::Sleep => "sleep",
            Self::Timer => "timer",
        }
    }
}

/// A question, as the guest put it.
#[derive(Debug, Clone, Copy)]
pub struct Question<'q> {
    /// The function that was called.
    pub of: Function,
    /// Its first argument.
    pub text: &'q str,
    /// The others, as JSON text.
    pub options: &'q str,
}

impl Question<'_> {
    fn digest(&self) -> Digest {
        let Self { of, text, options } = self;
        // With its length, so that no two questions read the same.
        Digest::of(format!("{}\n{}\n{text}\n{options}", of.word(), text.len()).as_bytes())
    }
}

/// A call that was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefusedCall {
    /// The script that called.
    pub scope: Scope,
    /// The function that it called.
    pub of: Function,
    /// Digest of the question; none in a fixture that no longer has all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Digest>,
    /// How its first argument begins.
    pub text: String,
    /// How the others begin, as JSON text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub options: String,
    /// The failure that was thrown into the script.
    pub failure: Failure,
}

impl RefusedCall {
    /// The entry for this question.
    #[must_use]
    pub fn new(scope: Scope, question: &Question<'_>, failure: Failure) -> Self {
        let Question { of, text, options } = *question;
        let asked = Some(question.digest());
        Self { scope, of, asked, text: beginning(text), options: beginning(options), failure }
    }

    /// Whether this is the question that was refused.
    #[must_use]
    pub fn is_of(&self, question: &Question<'_>) -> bool {
        let is_asked = || self.asked.as_ref().is_none_or(|asked| *asked == question.digest());
        self.of == question.of && is_asked()
    }

    /// Whether its texts are all of the question.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.asked.as_ref() == Some(&self.kept().digest())
    }

    /// Its texts were changed: of a question that `was_whole` the digest is that of
    /// the new texts. Of any other nobody knows what is changed behind its
    /// beginning, and no more is kept than which function was called.
    pub fn texts_changed(&mut self, was_whole: bool) {
        if was_whole {
            self.asked = Some(self.kept().digest());
        } else {
            self.asked = None;
            self.text.clear();
            self.options.clear();
        }
    }

    fn kept(&self) -> Question<'_> {
        Question { of: self.of, text: &self.text, options: &self.options }
    }
}

fn beginning(text: &str) -> String {
    text[..text.floor_char_boundary(KEPT_BYTES_MAX)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, options: &str) -> RefusedCall {
        let question = Question { of: Function::Agent, text, options };
        RefusedCall::new(Scope::ROOT, &question, Failure::new("c", "m"))
    }

    fn is_of(refused: &RefusedCall, text: &str, options: &str) -> bool {
        refused.is_of(&Question { of: Function::Agent, text, options })
    }

    #[test]
    fn a_question_is_known_again_by_all_of_it_and_kept_in_part() {
        let long = "ä".repeat(KEPT_BYTES_MAX);
        let one = refused(&long, "{}");
        assert!(one.text.len() <= KEPT_BYTES_MAX && !one.is_whole());
        assert!(is_of(&one, &long, "{}"));
        assert!(!is_of(&one, &format!("{long}."), "{}"), "it differs behind what is kept");
        assert!(!is_of(&refused("a", "b\nc"), "a\nb", "c"));
        let sleep = Question { of: Function::Sleep, text: &long, options: "{}" };
        assert!(!one.is_of(&sleep));
    }

    #[test]
    fn what_was_cut_is_forgotten_once_texts_change() {
        let mut whole = refused("a secret", "{}");
        let was_whole = whole.is_whole();
        whole.text = "a [redacted]".to_owned();
        whole.texts_changed(was_whole);
        assert!(is_of(&whole, "a [redacted]", "{}") && !is_of(&whole, "a secret", "{}"));
        let mut cut = refused(&"x".repeat(2 * KEPT_BYTES_MAX), "{}");
        cut.texts_changed(cut.is_whole());
        assert!(is_of(&cut, "anything", ""), "it goes by its place alone");
        assert!(cut.text.is_empty());
    }
}
