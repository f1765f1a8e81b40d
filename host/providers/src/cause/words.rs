//! Which kind of failure a text or a status code means.
//!
//! Owns: the words. Never: the sentence that is shown.

use crate::ProviderErrorKind as Kind;

/// Words of each kind, in lower case, in the order of the search: what a service says
/// about an allowance or a model often mentions a limit or an access too.
const WORDS: &[(Kind, &[&str])] = &[
    (
        Kind::Quota,
        &[
            "quota",
            "insufficient balance",
            "insufficient credit",
            "insufficient funds",
            "usage limit",
            "usage_limit_reached",
            "usage not included",
            "credit balance",
            "out of credits",
            "billing_hard_limit",
            "spending limit",
            "payment required",
            "spend limit",
            "spend cap",
        ],
    ),
    (
        Kind::RateLimit,
        &["rate limit", "rate_limit", "limiting requests", "ratelimit", "too many requests"],
    ),
    // opencode says "cannot connect" before it, even after a long connection.
    (Kind::CutStream, &["connection was closed unexpectedly"]),
    (
        Kind::Unavailable,
        &[
            "overloaded",
            "high demand",
            "service unavailable",
            "bad gateway",
            "internal server error",
            "server_error",
            "econnrefused",
            "enotfound",
            "getaddrinfo",
            "connection refused",
            "unable to connect",
            "cannot connect",
        ],
    ),
    (
        Kind::Auth,
        &[
            "not logged in",
            "api key",
            "api_key",
            "authenticat",
            "authorization",
            "unauthorized",
            "oauth token",
            "missing environment variable",
            "/login",
            "auth login",
            "codex login",
            "credentials",
        ],
    ),
    (
        Kind::Refused,
        &["content_filter", "content policy", "usage policy", "usage policies", "refusal"],
    ),
    (
        Kind::CutStream,
        &[
            "stream disconnected",
            "stream closed",
            "stream ended",
            "terminated",
            "other side closed",
            "econnreset",
            "connection reset",
            "connection closed",
            "connection was closed",
            "json parsing failed",
            "timed out",
            "connection error",
            "network error",
            "socket hang up",
            "premature close",
            "fetch failed",
        ],
    ),
];

/// Claude Code adds this to a rate limit, to tell it from a used-up allowance.
const NO_QUOTA: &str = "not your usage limit";

/// Words about a model that is not available.
const NO_MODEL: [&str; 9] = [
    "not found",
    "does not exist",
    "may not exist",
    "not supported",
    "not available",
    "no access",
    "unknown",
    "invalid",
    "unsupported",
];

/// The kind of a failure with this status code and text.
pub(super) fn kind_of(status: Option<u16>, text: &str) -> Kind {
    match kind_of_text(text) {
        // The words of a quota stand above a status: services answer 400, 403 and 429
        // alike for it.
        Some(Kind::Quota) => Kind::Quota,
        by_text => status
            .and_then(|code| kind_of_status(code, by_text))
            .or(by_text)
            .unwrap_or(Kind::Failed),
    }
}

/// The kind that the text alone means, if any.
fn kind_of_text(text: &str) -> Option<Kind> {
    let text = text.to_lowercase().replace(NO_QUOTA, "");
    let has = |word: &&str| text.contains(*word);
    // "You've hit your weekly limit", whatever the name of the limit.
    if text.contains("hit your") && text.contains("limit") {
        return Some(Kind::Quota);
    }
    let quota = WORDS.iter().find(|(kind, words)| *kind == Kind::Quota && words.iter().any(has));
    if quota.is_some() {
        return Some(Kind::Quota);
    }
    if text.contains("model") && NO_MODEL.iter().any(has) {
        return Some(Kind::Model);
    }
    WORDS.iter().find(|(_, words)| words.iter().any(has)).map(|(kind, _)| *kind)
}

/// The kind that a status stands for. The text decides the doubtful ones.
fn kind_of_status(status: u16, by_text: Option<Kind>) -> Option<Kind> {
    match status {
        401 | 407 => Some(Kind::Auth),
        402 => Some(Kind::Quota),
        403 => by_text.or(Some(Kind::Auth)),
        404 => by_text.filter(|kind| *kind == Kind::Model),
        429 => Some(Kind::RateLimit),
        500..=599 => Some(Kind::Unavailable),
        _ => None,
    }
}

/// The status code in a text: at its start, in parentheses, or after one of the words
/// that announce it.
pub(super) fn status_in(text: &str) -> Option<u16> {
    let bytes = text.as_bytes();
    (0..bytes.len().saturating_sub(2)).find_map(|at| {
        let digits = bytes.get(at..at + 3)?;
        let alone = !bytes.get(at + 3).is_some_and(u8::is_ascii_alphanumeric)
            && !at.checked_sub(1).is_some_and(|before| bytes[before].is_ascii_alphanumeric());
        if !alone || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let before = text.get(..at)?.trim_end().to_lowercase();
        let after = bytes.get(at + 3);
        let announced = before.is_empty()
            || (before.ends_with('(') && after == Some(&b')'))
            || ["status", "status:", "api error:", "http", "error:", "error"]
                .iter()
                .any(|word| before.ends_with(word));
        let status: u16 = text.get(at..at + 3)?.parse().ok()?;
        (announced && (400..600).contains(&status)).then_some(status)
    })
}
