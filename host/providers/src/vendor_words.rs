//! What an agent's words about a failure are about.
//!
//! Owns: HTTP status and wording to [`ProviderErrorKind`]. Never: decides what
//! happens then. Used where an agent hands on what a model vendor said.

use crate::ProviderErrorKind as Kind;

/// Wordings, the more telling ones first; each is looked for in lower case.
///
/// A quota is told from a rate limit because the first ends a run and the second
/// only makes it wait.
const WORDINGS: [(Kind, &[&str]); 6] = [
    (
        Kind::Quota,
        &[
            "quota",
            "billing",
            "insufficient",
            "credit balance",
            "out of credit",
            "usage limit",
            "spending limit",
        ],
    ),
    (Kind::RateLimit, &["rate limit", "rate_limit", "too many requests", "overloaded"]),
    (
        Kind::Auth,
        &[
            "api key",
            "api_key",
            "unauthorized",
            "authentication",
            "not logged in",
            "auth login",
            "credentials",
        ],
    ),
    (
        Kind::Model,
        &["model not found", "no such model", "unknown model", "model_not_found", "does not exist"],
    ),
    (Kind::Refused, &["content filter", "content_filter", "content policy"]),
    (
        Kind::CutStream,
        &[
            "connection reset",
            "connection closed",
            "connection was closed",
            "socket",
            "json parsing failed",
            "cannot connect",
            "connection refused",
            "terminated",
            "timed out",
        ],
    ),
];

/// The kind of a failure that a model vendor answered with `status` and that is
/// worded `text`.
pub(crate) fn kind_of(status: Option<u16>, text: &str) -> Kind {
    match (status, by_wording(text)) {
        (Some(401), _) => Kind::Auth,
        (Some(402), _) => Kind::Quota,
        (Some(429), Some(Kind::Quota)) => Kind::Quota,
        (Some(429 | 529), _) => Kind::RateLimit,
        (Some(403), found) => found.unwrap_or(Kind::Auth),
        (Some(404), _) => Kind::Model,
        (_, found) => found.unwrap_or(Kind::Failed),
    }
}

fn by_wording(text: &str) -> Option<Kind> {
    let text = text.to_lowercase();
    let found = WORDINGS.iter().find(|(_, words)| words.iter().any(|word| text.contains(word)));
    found.map(|(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_wording_tell_the_kind() {
        for (status, text, kind) in [
            (Some(401), "nope", Kind::Auth),
            (Some(402), "", Kind::Quota),
            (Some(403), "You exceeded your quota", Kind::Quota),
            (Some(403), "forbidden", Kind::Auth),
            (Some(404), "the page is gone", Kind::Model),
            (Some(429), "slow down", Kind::RateLimit),
            (Some(429), "You exceeded your current quota, check your billing", Kind::Quota),
            (Some(529), "Overloaded", Kind::RateLimit),
            (Some(500), "mock: internal error", Kind::Failed),
            (Some(400), "Your credit balance is too low", Kind::Quota),
            (None, "Connection reset by server", Kind::CutStream),
            (None, "Incorrect API key provided", Kind::Auth),
            (None, "anything else", Kind::Failed),
        ] {
            assert_eq!(kind_of(status, text), kind, "{status:?} {text}");
        }
    }
}
