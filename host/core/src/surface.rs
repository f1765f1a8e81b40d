//! The numbered surface that a script sees.
//!
//! Owns: the numbers and what each changed. Never: changes anything; guest and
//! machine ask it. What was recorded under one surface never replays under another: it
//! is part of the run's head, and resume, replay and `test` keep it.

use serde::{Deserialize, Serialize};

/// What a script finds in its world: globals, what a failed agent is, null in a
/// pipeline, strictness, what arguments and results may hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub enum Surface {
    /// Every run whose head names no surface.
    #[default]
    First,
    /// Follows Claude Code's runtime in the body dialect: timers, arguments that
    /// can be changed, null ends a pipeline item, strict code, and warnings in
    /// place of failures that take a result away.
    Second,
}

impl Surface {
    /// What new runs, forks and accepted fixtures take.
    pub const CURRENT: Self = Self::Second;

    /// As it is written.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::First => 1,
            Self::Second => 2,
        }
    }

    /// Whether a head need not name it.
    #[must_use]
    pub fn is_first(&self) -> bool {
        *self == Self::First
    }
}

impl From<Surface> for u32 {
    fn from(surface: Surface) -> Self {
        surface.number()
    }
}

impl TryFrom<u32> for Surface {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        match number {
            1 => Ok(Self::First),
            2 => Ok(Self::Second),
            _ => Err(format!("surface {number} is not known; use a newer smol-wf")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surface_is_written_as_its_number_and_an_unknown_one_is_refused() {
        for surface in [Surface::First, Surface::Second] {
            let text = serde_json::to_string(&surface).unwrap();
            assert_eq!(text, surface.number().to_string());
            assert_eq!(serde_json::from_str::<Surface>(&text).unwrap(), surface);
        }
        let error = serde_json::from_str::<Surface>("3").unwrap_err().to_string();
        assert!(error.contains("newer smol-wf"), "{error}");
    }
}
