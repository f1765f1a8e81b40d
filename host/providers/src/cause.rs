//! What an agent's error text means.
//!
//! Owns: the words, status codes and waiting times that agents and the services behind
//! them have in common, and the meaning of an exit without an answer. Never: decides that
//! a text is an error; a transcript does.

mod wait;
mod words;

use smol_wf_core::cut;
use std::time::{Duration, SystemTime};

use serde_json::Value;

pub(crate) use self::wait::until;
use self::wait::wait_in;
use self::words::kind_of;
use self::words::status_in;
use crate::process::Exit;
use crate::{ProviderError, ProviderErrorKind};

/// Exit codes by which a shell or a runtime reports SIGINT, SIGKILL and SIGTERM.
const SIGNAL_CODES: [i32; 3] = [130, 137, 143];

/// Most bytes of an error text that are read. The cause is at its start, and some agents
/// print a whole page after it.
const TEXT_BYTES_MAX: usize = 8 * 1024;

/// Why a round gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) kind: ProviderErrorKind,
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
}

impl Cause {
    /// A cause of a known kind, with words for people.
    pub(crate) fn new(kind: ProviderErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    /// The cause in a text, with the status code if there is one.
    pub(crate) fn read(text: &str, status: Option<u16>) -> Self {
        Self::read_at(text, status, SystemTime::now())
    }

    fn read_at(text: &str, status: Option<u16>, now: SystemTime) -> Self {
        let text = cut::head(text, TEXT_BYTES_MAX);
        let status = status.or_else(|| status_in(text));
        let (kind, message) = (kind_of(status, text), readable(text));
        Self { kind, message, retry_after: wait_in(text, now) }
    }

    /// The cause when the program ended and never said how the round had ended.
    pub(crate) fn of_exit(program: &str, exit: &Exit) -> Self {
        Self::of_exit_without(program, exit, "a result")
    }

    /// The same when something other than a result is missing.
    pub(crate) fn of_exit_without(program: &str, exit: &Exit, lacking: &str) -> Self {
        if exit.hung {
            let message = format!("{program} closed its output without {lacking}, and then hung");
            return Self::new(ProviderErrorKind::CutStream, message);
        }
        if let Some(signal) = exit.signal {
            let message = format!("{program} was killed by signal {signal} before it had answered");
            return Self::new(ProviderErrorKind::Killed, message);
        }
        let code = exit.code.unwrap_or_default();
        if SIGNAL_CODES.contains(&code) {
            let message =
                format!("{program} was killed by signal {} before it had answered", code - 128);
            return Self::new(ProviderErrorKind::Killed, message);
        }
        let said = without_warnings(&exit.stderr_tail);
        if said.is_empty() {
            let message = format!("{program} ended with exit code {code} and without {lacking}");
            return Self::new(ProviderErrorKind::CutStream, message);
        }
        let mut cause = Self::read(&said, None);
        cause.message = format!("{program} ended with exit code {code}: {}", cause.message);
        let lower = said.to_lowercase();
        if ["unknown option", "unexpected argument"].iter().any(|words| lower.contains(words)) {
            cause.message = format!(
                "{}; is {program} up to date, and are the arguments in its configuration right?",
                cause.message
            );
        }
        cause
    }

    pub(crate) fn into_error(self, provider: &str) -> ProviderError {
        let error = ProviderError::new(provider, self.kind, self.message);
        match self.retry_after {
            Some(wait) => error.after(wait),
            None => error,
        }
    }
}

/// The sentence in an error text. Services answer with JSON, which agents pass on as it
/// is, alone or after the status code.
pub(crate) fn readable(text: &str) -> String {
    let text = text.trim();
    let Some(start) = text.find('{') else { return text.to_owned() };
    let (before, body) = text.split_at(start);
    let Ok(body) = serde_json::from_str::<Value>(body) else { return text.to_owned() };
    let told = [&body["error"]["message"], &body["message"], &body["error"], &body["detail"]];
    match told.into_iter().find_map(Value::as_str) {
        Some(message) => format!("{before}{message}"),
        None => text.to_owned(),
    }
}

/// The part of stderr that is not a warning or a notice. CLIs print those when all is
/// well, too.
pub(crate) fn without_warnings(stderr: &str) -> String {
    let notice = |line: &str| {
        let line = line.trim_start();
        line.is_empty()
            || line.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("warning:"))
            || line == "Reading additional input from stdin..."
    };
    let said: Vec<&str> = stderr.lines().filter(|line| !notice(line)).collect();
    let said = said.join("\n");
    said.strip_prefix("Error: ").or(said.strip_prefix("error: ")).unwrap_or(&said).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ProviderErrorKind as Kind;

    fn exit(code: Option<i32>, signal: Option<i32>, stderr: &str) -> Exit {
        Exit { code, signal, hung: false, stderr_tail: stderr.to_owned() }
    }

    #[test]
    fn texts_have_their_kind() {
        let cases = [
            ("Failed to authenticate. API Error: 401 invalid api key", Kind::Auth),
            ("Not logged in · Please run /login", Kind::Auth),
            ("Missing environment variable: `OPENAI_API_KEY`.", Kind::Auth),
            ("API Error: Request rejected (429) · slow down", Kind::RateLimit),
            ("exceeded retry limit, last status: 429 Too Many Requests", Kind::RateLimit),
            ("429: {\"code\":\"insufficient_quota\",\"message\":\"m\"}", Kind::Quota),
            ("You've hit your usage limit. Try again in 3 days 2 hours.", Kind::Quota),
            ("You've hit your session limit · resets 3pm (Europe/Berlin)", Kind::Quota),
            ("Your credit balance is too low to access the API", Kind::Quota),
            (
                "Server is temporarily limiting requests (not your usage limit) · Rate limited",
                Kind::RateLimit,
            ),
            ("403 Forbidden", Kind::Auth),
            ("unexpected status 503 Service Unavailable: busy", Kind::Unavailable),
            ("529 overloaded", Kind::Unavailable),
            ("API Error: 500 internal error", Kind::Unavailable),
            ("We’re currently experiencing high demand", Kind::Unavailable),
            ("connect ECONNREFUSED 127.0.0.1:9", Kind::Unavailable),
            ("Connection error.: getaddrinfo EAI_AGAIN host", Kind::Unavailable),
            ("The model `x` does not exist or you do not have access to it.", Kind::Model),
            ("404: {\"message\":\"model not found\"}", Kind::Model),
            ("404 page not found", Kind::Failed),
            ("stream disconnected before completion: idle", Kind::CutStream),
            ("terminated: other side closed (UND_ERR_SOCKET)", Kind::CutStream),
            ("Stream ended without finish_reason", Kind::CutStream),
            (
                "Cannot connect to API: The socket connection was closed unexpectedly.",
                Kind::CutStream,
            ),
            ("Internal error: Cannot connect to API: connect ECONNREFUSED", Kind::Unavailable),
            ("Incomplete response returned, reason: content_filter", Kind::Refused),
            ("this request appears to violate our Usage Policy", Kind::Refused),
            ("Incomplete response returned, reason: max_output_tokens", Kind::Failed),
            ("something else 404040 or line 500", Kind::Failed),
            ("", Kind::Failed),
        ];
        for (text, kind) in cases {
            assert_eq!(Cause::read(text, None).kind, kind, "{text}");
        }
        for (status, text, kind) in [
            (401, "no such thing", Kind::Auth),
            (402, "", Kind::Quota),
            (403, "You exceeded your quota", Kind::Quota),
            (403, "forbidden", Kind::Auth),
            (404, "the model is not found", Kind::Model),
            (404, "the page is gone", Kind::Failed),
            (400, "Your credit balance is too low", Kind::Quota),
            (529, "", Kind::Unavailable),
        ] {
            assert_eq!(kind_of(Some(status), text), kind, "{status} {text}");
        }
        assert_eq!(Cause::read("usage limit reached", Some(429)).kind, Kind::Quota);
    }

    #[test]
    fn a_body_of_json_is_reduced_to_its_sentence() {
        let cases = [
            ("{\"error\": {\"message\": \"bad request\", \"code\": null}}", "bad request"),
            ("401: {\"message\":\"invalid key\",\"type\":\"t\"}", "401: invalid key"),
            ("{\"detail\":\"nope\"}", "nope"),
            ("plain {not json}", "plain {not json}"),
            ("{\"other\":1}", "{\"other\":1}"),
        ];
        for (text, message) in cases {
            assert_eq!(Cause::read(text, None).message, message);
        }
    }

    #[test]
    fn an_exit_without_a_result_says_why() {
        let warned = "WARNING: no PATH aliases\nReading additional input from stdin...\n";
        let cases = [
            (exit(None, Some(9), ""), Kind::Killed, "killed by signal 9"),
            (exit(Some(143), None, "bye"), Kind::Killed, "killed by signal 15"),
            (exit(Some(0), None, ""), Kind::CutStream, "exit code 0 and without a result"),
            (exit(Some(1), None, warned), Kind::CutStream, "exit code 1 and without"),
            (
                exit(Some(2), None, &format!("{warned}error: unexpected argument '--x'")),
                Kind::Failed,
                "p ended with exit code 2: unexpected argument '--x'; is p up to date",
            ),
            (exit(Some(1), None, "No API key found."), Kind::Auth, "No API key found."),
        ];
        for (exit, kind, part) in cases {
            let cause = Cause::of_exit("p", &exit);
            assert_eq!(cause.kind, kind, "{exit:?}");
            assert!(cause.message.contains(part), "{}", cause.message);
            assert!(!cause.message.contains("PATH aliases"));
        }
    }
}
