//! A refused call, as journaled.
//!
//! Owns: what is kept of a refused call, and recognising the same call in a replay,
//! which repeats the recorded refusal word for word. Never: refuses a call; the machine
//! does.

use serde::{Deserialize, Serialize};

use crate::gate::AskKind;
use crate::ids::{Digest, Scope};
use crate::outcome::Failure;

/// Bytes kept of each text of a call. The texts are for people; the digest tells calls
/// apart.
const KEPT_BYTES_MAX: usize = 512;

/// The functions whose calls can be refused.
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
    /// `approve()`.
    Approve,
    /// `ask()`.
    Ask,
    /// `waitFor()`.
    WaitFor,
}

impl Function {
    /// Its word in digests, which must not change.
    fn word(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Workflow => "workflow",
            Self::Sleep => "sleep",
            Self::Timer => "timer",
            Self::Approve => "approve",
            Self::Ask => "ask",
            Self::WaitFor => "wait_for",
        }
    }
}

impl From<AskKind> for Function {
    fn from(kind: AskKind) -> Self {
        match kind {
            // No script asks for a permission.
            AskKind::Approve | AskKind::Permission => Self::Approve,
            AskKind::Ask => Self::Ask,
            AskKind::WaitFor => Self::WaitFor,
        }
    }
}

/// A call of the guest that may be refused.
#[derive(Debug, Clone, Copy)]
pub struct Call<'q> {
    /// The function that was called.
    pub of: Function,
    /// The first argument.
    pub text: &'q str,
    /// The other arguments, as JSON text.
    pub options: &'q str,
}

impl Call<'_> {
    fn digest(&self) -> Digest {
        let Self { of, text, options } = self;
        // With the length of the text, so that different calls never make equal text.
        Digest::of(format!("{}\n{}\n{text}\n{options}", of.word(), text.len()).as_bytes())
    }
}

/// A refused call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefusedCall {
    /// Scope of the script.
    pub scope: Scope,
    /// The function that was called.
    pub of: Function,
    /// Digest of the call; none in a fixture that no longer has the whole call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Digest>,
    /// The beginning of the first argument.
    pub text: String,
    /// The beginning of the other arguments, as JSON text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub options: String,
    /// The failure that was thrown into the script.
    pub failure: Failure,
}

impl RefusedCall {
    /// The entry for this call.
    #[must_use]
    pub fn new(scope: Scope, call: &Call<'_>, failure: Failure) -> Self {
        let Call { of, text, options } = *call;
        let asked = Some(call.digest());
        Self { scope, of, asked, text: beginning(text), options: beginning(options), failure }
    }

    /// Whether this is the call that was refused.
    #[must_use]
    pub fn is_of(&self, call: &Call<'_>) -> bool {
        let is_asked = || self.asked.as_ref().is_none_or(|asked| *asked == call.digest());
        self.of == call.of && is_asked()
    }

    /// Whether its texts are the whole call.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.asked.as_ref() == Some(&self.kept().digest())
    }

    /// Updates the digest after its texts were changed. If the call `was_whole`, the new
    /// texts have a digest. If not, the digest of the changed call is unknown, so only
    /// the function is kept.
    pub fn texts_changed(&mut self, was_whole: bool) {
        if was_whole {
            self.asked = Some(self.kept().digest());
        } else {
            self.asked = None;
            self.text.clear();
            self.options.clear();
        }
    }

    fn kept(&self) -> Call<'_> {
        Call { of: self.of, text: &self.text, options: &self.options }
    }
}

fn beginning(text: &str) -> String {
    text[..text.floor_char_boundary(KEPT_BYTES_MAX)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, options: &str) -> RefusedCall {
        let call = Call { of: Function::Agent, text, options };
        RefusedCall::new(Scope::ROOT, &call, Failure::new("c", "m"))
    }

    fn is_of(refused: &RefusedCall, text: &str, options: &str) -> bool {
        refused.is_of(&Call { of: Function::Agent, text, options })
    }

    #[test]
    fn a_call_is_recognised_by_its_whole_text_and_kept_in_part() {
        let long = "ä".repeat(KEPT_BYTES_MAX);
        let one = refused(&long, "{}");
        assert!(one.text.len() <= KEPT_BYTES_MAX && !one.is_whole());
        assert!(is_of(&one, &long, "{}"));
        assert!(!is_of(&one, &format!("{long}."), "{}"), "it differs after the kept part");
        assert!(!is_of(&refused("a", "b\nc"), "a\nb", "c"));
        let sleep = Call { of: Function::Sleep, text: &long, options: "{}" };
        assert!(!one.is_of(&sleep));
    }

    #[test]
    fn a_call_that_was_cut_loses_its_texts_when_they_change() {
        let mut whole = refused("a secret", "{}");
        let was_whole = whole.is_whole();
        whole.text = "a [redacted]".to_owned();
        whole.texts_changed(was_whole);
        assert!(is_of(&whole, "a [redacted]", "{}") && !is_of(&whole, "a secret", "{}"));
        let mut cut = refused(&"x".repeat(2 * KEPT_BYTES_MAX), "{}");
        cut.texts_changed(cut.is_whole());
        assert!(is_of(&cut, "anything", ""), "only the function counts");
        assert!(cut.text.is_empty());
    }
}
