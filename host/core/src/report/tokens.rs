//! Sums of tokens.
//!
//! Owns: saturating addition. Never: a price.

use super::TokenUsage;
use crate::step_request::Usage;

impl TokenUsage {
    /// The report's form of the usage of one or more steps.
    #[must_use]
    pub fn of(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            total_tokens: usage.total(),
        }
    }
}

impl std::ops::AddAssign for TokenUsage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.total_tokens = self.total_tokens.saturating_add(other.total_tokens);
    }
}
