//! Adding up tokens.
//!
//! Owns: sums that stop at the largest number. Never: a price.

use super::TokenUsage;
use crate::step_request::Usage;

impl TokenUsage {
    /// Of one call or of many.
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
