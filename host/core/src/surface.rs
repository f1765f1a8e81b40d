//! The numbered surface that a script sees.
//!
//! Owns: the numbers, and what each changed. Never: implements a difference; guest and
//! machine do. A run never replays under another surface: the surface is part of its
//! head, and resume, replay and `test` keep it.

use serde::{Deserialize, Serialize};

/// The behaviour that a script can see: globals, the outcome of a failed agent, null in
/// a pipeline, strictness, what arguments and results may hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub enum Surface {
    /// The surface of runs whose head names none.
    #[default]
    First,
    /// Follows Claude Code's runtime in the body dialect: timers, mutable arguments,
    /// null ends a pipeline item, strict code, and warnings where the first surface
    /// failed and the result was lost.
    Second,
    /// `maxTurns` counts as a restriction, so it is never ignored. Names similar to it,
    /// and names of options in another case, are refused. Phases give options to their
    /// steps.
    Third,
    /// `workflow:extra` has `approve`, `ask` and `waitFor`. Arguments are checked by
    /// `meta.args`, whose defaults are filled in.
    Fourth,
}

impl Surface {
    /// The surface of new runs, forks and accepted fixtures.
    pub const CURRENT: Self = Self::Fourth;

    /// Its number, as journaled.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::First => 1,
            Self::Second => 2,
            Self::Third => 3,
            Self::Fourth => 4,
        }
    }

    /// Whether this is the first surface, which a head does not name.
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
            3 => Ok(Self::Third),
            4 => Ok(Self::Fourth),
            _ => Err(format!("surface {number} is not known; use a newer smol-wf")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surface_is_serialised_as_its_number_and_an_unknown_one_is_refused() {
        for surface in [Surface::First, Surface::Second, Surface::Third, Surface::Fourth] {
            let text = serde_json::to_string(&surface).unwrap();
            assert_eq!(text, surface.number().to_string());
            assert_eq!(serde_json::from_str::<Surface>(&text).unwrap(), surface);
        }
        let error = serde_json::from_str::<Surface>("5").unwrap_err().to_string();
        assert!(error.contains("newer smol-wf"), "{error}");
    }
}
