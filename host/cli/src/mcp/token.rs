//! The token of clients over HTTP.
//!
//! Owns: which token it is, and whether a request has it. Never: prints it.

use std::fmt::Write as _;

use hyper::header::{AUTHORIZATION, HeaderMap};

use super::shared::TOKEN_VARIABLE;
use crate::failure::CommandError;

/// Fewest characters of a token that somebody chose.
const CHARS_MIN: usize = 16;

/// Bytes of a token that is made here.
const BYTES: usize = 24;

/// The token.
pub(super) struct Token(String);

impl Token {
    /// The token that the user chose, otherwise a new one; whether it is new. Fails if the
    /// chosen one is none.
    pub(super) fn find() -> Result<(Self, bool), CommandError> {
        let Some(chosen) = std::env::var_os(TOKEN_VARIABLE).filter(|value| !value.is_empty())
        else {
            return Self::make().map(|token| (token, true));
        };
        let chosen = chosen.into_string().ok().filter(|token| {
            token.len() >= CHARS_MIN && token.bytes().all(|byte| byte.is_ascii_graphic())
        });
        chosen.map(|token| (Self(token), false)).ok_or_else(|| {
            CommandError::Usage(format!(
                "{TOKEN_VARIABLE} is not a token: it needs {CHARS_MIN} characters or more, without spaces"
            ))
        })
    }

    fn make() -> Result<Self, CommandError> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(|error| {
            CommandError::Usage(format!(
                "the system gives no random numbers for a token ({error}); choose one: {TOKEN_VARIABLE}=…"
            ))
        })?;
        let mut token = String::with_capacity(2 * BYTES);
        for byte in bytes {
            // Writing to a string cannot fail.
            let _ = write!(token, "{byte:02x}");
        }
        Ok(Self(token))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a request with these headers has it.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        given.and_then(|value| value.strip_prefix("Bearer ")).is_some_and(|given| {
            // As long for a wrong token as for the right one.
            let differing = given.bytes().zip(self.0.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
            differing == 0 && given.len() == self.0.len()
        })
    }
}
