//! Names in an agent's arguments: models, agents, sessions, efforts.
//!
//! Owns: which of a script's values may become an argument, and new session names.
//! Never: knows a provider's models.

use super::detail::shorten;
use crate::{ProviderError, ProviderErrorKind};

/// Longest name of a model, an agent or a session.
const NAME_BYTES_MAX: usize = 256;

/// Checks a value that a script chose and that becomes an argument: one that starts
/// with a hyphen could be read as a flag.
pub(crate) fn plain<'a>(
    provider: &str,
    what: &str,
    value: &'a str,
) -> Result<&'a str, ProviderError> {
    let fine = !value.is_empty()
        && value.len() <= NAME_BYTES_MAX
        && !value.starts_with('-')
        && !value.chars().any(char::is_control);
    if fine {
        return Ok(value);
    }
    let kind = match what {
        "model" => ProviderErrorKind::Model,
        _ => ProviderErrorKind::Unsupported,
    };
    let message = format!("invalid {what} `{}`", shorten(value));
    Err(ProviderError::new(provider, kind, message))
}

/// Checks that the agent knows an effort. It would ignore another, or send it to the
/// model's service.
pub(crate) fn known_effort<'a>(
    provider: &str,
    known: &[&str],
    effort: &'a str,
) -> Result<&'a str, ProviderError> {
    if known.contains(&effort) {
        return Ok(effort);
    }
    let message =
        format!("there is no effort `{}`; there are: {}", shorten(effort), known.join(", "));
    Err(ProviderError::new(provider, ProviderErrorKind::Unsupported, message))
}

/// A random UUID (version 4) for a new session, so that its name is known before the
/// agent prints a line.
pub(crate) fn new_session_id(provider: &str) -> Result<String, ProviderError> {
    let mut bits = [0_u8; 16];
    getrandom::fill(&mut bits).map_err(|error| {
        let message = format!("no randomness for a session's name: {error}");
        ProviderError::new(provider, ProviderErrorKind::Failed, message)
    })?;
    bits[6] = (bits[6] & 0x0f) | 0x40;
    bits[8] = (bits[8] & 0x3f) | 0x80;
    let hex: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_cannot_pass_a_flag_for_a_name() {
        assert_eq!(plain("p", "model", "a/b:c").unwrap(), "a/b:c");
        for wrong in ["", "-c", "--dangerously-skip-permissions", "a\nb", &"x".repeat(300)] {
            assert_eq!(plain("p", "model", wrong).unwrap_err().kind, ProviderErrorKind::Model);
        }
    }

    #[test]
    fn session_names_are_uuids_and_differ() {
        let (one, two) = (new_session_id("p").unwrap(), new_session_id("p").unwrap());
        assert_ne!(one, two);
        assert_eq!((one.len(), one.as_bytes()[14]), (36, b'4'));
    }
}
