//! Which steps are looked for: by text and by state.
//!
//! Owns: whether a step fits. Never: what is shown of those that do.

use super::state::StepState;
use super::step_view::StepView;
use super::tree::{Node, NodeKind};

/// Which steps are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// In lower case; empty for any.
    text: String,
    /// A bit for each state; none for any.
    states: u16,
}

impl Filter {
    /// All steps.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Only those that contain this text, in any case.
    #[must_use]
    pub fn with_text(mut self, text: &str) -> Self {
        self.text = text.trim().to_lowercase();
        self
    }

    /// Also those in this state, or no more if they were.
    pub fn toggle(&mut self, state: StepState) {
        self.states ^= bit(state);
    }

    /// Only those in one of these states; any without one.
    #[must_use]
    pub fn with_states(mut self, states: impl IntoIterator<Item = StepState>) -> Self {
        self.states = states.into_iter().fold(0, |states, state| states | bit(state));
        self
    }

    /// The text that is looked for, in lower case.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The states that are looked for; empty for any.
    pub fn states(&self) -> impl Iterator<Item = StepState> + '_ {
        StepState::ALL.into_iter().filter(|&state| self.states & bit(state) != 0)
    }

    /// Whether every step fits.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.text.is_empty() && self.states == 0
    }

    /// Whether a node fits by itself: a step by its state and its texts, a phase by its
    /// title.
    #[must_use]
    pub fn fits(&self, node: &Node) -> bool {
        match &node.kind {
            NodeKind::Run => false,
            NodeKind::Phase(title) => {
                self.states == 0 && !self.text.is_empty() && self.is_in(title)
            }
            NodeKind::Step(step) => {
                (self.states == 0 || self.states & bit(step.state) != 0)
                    && (self.text.is_empty() || self.is_in_step(step))
            }
        }
    }

    /// Whether the text is in what a row of a step shows, or is its number.
    fn is_in_step(&self, step: &StepView) -> bool {
        let some = |text: &Option<String>| text.as_ref().is_some_and(|text| self.is_in(text));
        self.is_in(&step.label)
            || step.key == self.text
            || some(&step.model)
            || some(&step.provider)
            || self.is_in(&step.doing.text)
            || step
                .error
                .as_ref()
                .is_some_and(|(code, message)| self.is_in(code) || self.is_in(message))
    }

    /// Whether a text contains the one that is looked for.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        let Some((&first, rest)) = self.text.as_bytes().split_first() else { return true };
        if !self.text.is_ascii() {
            return text.to_lowercase().contains(&self.text);
        }
        let mut left = text.as_bytes();
        while left.len() > rest.len() {
            let found = left[..left.len() - rest.len()]
                .iter()
                .position(|byte| byte.eq_ignore_ascii_case(&first));
            let Some(found) = found else { return false };
            let behind = &left[found + 1..];
            if behind[..rest.len()].eq_ignore_ascii_case(rest) {
                return true;
            }
            left = behind;
        }
        false
    }
}

fn bit(state: StepState) -> u16 {
    1 << state as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_in_any_case() {
        let finds = |wanted: &str, text: &str| Filter::all().with_text(wanted).is_in(text);
        for (wanted, text) in [
            ("aab", "aaab"),
            ("ReView", "a review"),
            ("x", "X"),
            ("", ""),
            (" a ", "ba"),
            ("É", "né"),
        ] {
            assert!(finds(wanted, text), "{wanted} in {text}");
        }
        for (wanted, text) in [("aab", "abaa"), ("ab", "a"), ("x", ""), ("é", "e")] {
            assert!(!finds(wanted, text), "{wanted} in {text}");
        }
    }
}
