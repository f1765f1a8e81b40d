//! opencode's errors, as errors of a kind.
//!
//! Owns: the names of opencode's errors. Never: retries; opencode does, when the model's
//! vendor asks it to.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{NAME, error};
use crate::cause::Cause;
use crate::foreign::or_default;
use crate::{ProviderError, ProviderErrorKind as Kind};

/// An error in a message, in an event or in a refusal.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Fault {
    #[serde(default, alias = "_tag", deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "or_default")]
    data: Data,
    /// Some refusals have no `data`.
    #[serde(default, deserialize_with = "or_default")]
    message: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Data {
    #[serde(deserialize_with = "or_default")]
    message: String,
    status_code: Option<u16>,
    response_headers: Option<Value>,
    response_body: Option<String>,
    /// Where to find it in the server's log.
    r#ref: Option<String>,
}

impl Fault {
    /// The error, with a hint where one is known.
    pub(super) fn into_error(self) -> ProviderError {
        let said = if self.data.message.is_empty() { &self.message } else { &self.data.message };
        let kind = self.kind(said);
        let said = match (said.trim(), self.data.status_code) {
            ("", None) => self.name.clone(),
            (said, None) => said.to_owned(),
            (said, Some(status)) => format!("{said} (HTTP {status})"),
        };
        let sentence = match (kind, self.name.as_str()) {
            (Kind::Auth, _) => {
                format!("the model vendor refuses the login: {said}; type `opencode auth login`")
            }
            (Kind::Model, _) => format!("{said}; `opencode models` lists the models"),
            (Kind::Refused, _) => format!("the model declined to answer: {said}"),
            (Kind::Killed, _) => format!("the session was aborted by someone else: {said}"),
            (_, "ContextOverflowError") => {
                format!("the session is longer than the model can read: {said}")
            }
            (_, "UnknownError") => match &self.data.r#ref {
                Some(place) => format!(
                    "{said} Its log has the cause under {place}; `opencode debug paths` says where"
                ),
                None => said,
            },
            _ => said,
        };
        let failed = error(kind, sentence);
        match self.retry_after() {
            Some(wait) => failed.after(wait),
            None => failed,
        }
    }

    fn kind(&self, said: &str) -> Kind {
        match self.name.as_str() {
            "ProviderAuthError" => Kind::Auth,
            "ProviderModelNotFoundError" => Kind::Model,
            "ContentFilterError" => Kind::Refused,
            "MessageAbortedError" => Kind::Killed,
            "ContextOverflowError" | "MessageOutputLengthError" | "StructuredOutputError" => {
                Kind::Failed
            }
            _ => {
                // Sometimes only the body has the code of a quota. Its other words may be
                // about something else.
                let body = self.data.response_body.as_deref().unwrap_or_default();
                match Cause::read(body, None).kind {
                    Kind::Quota => Kind::Quota,
                    _ => Cause::read(said, self.data.status_code).kind,
                }
            }
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        let seconds = self.data.response_headers.as_ref()?.get("retry-after")?.as_str()?;
        seconds.trim().parse().ok().map(Duration::from_secs)
    }
}

/// The error of a refused request, in any form.
pub(super) fn refusal(status: u16, body: &[u8]) -> ProviderError {
    match serde_json::from_slice::<Fault>(body) {
        Ok(fault) if !fault.name.is_empty() => fault.into_error(),
        _ => {
            let body = String::from_utf8_lossy(body);
            ProviderError::new(NAME, Kind::Failed, format!("its server answers {status}: {body}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> ProviderError {
        serde_json::from_str::<Fault>(json).unwrap().into_error()
    }

    #[test]
    fn the_wait_that_a_vendor_asks_for_is_kept() {
        let limited = error(
            r#"{"name":"APIError","data":{"message":"slow down","statusCode":429,"responseHeaders":{"retry-after":"7"}}}"#,
        );
        assert_eq!(limited.kind, Kind::RateLimit);
        assert_eq!(limited.retry_after, Some(Duration::from_secs(7)));
    }

    #[test]
    fn the_body_tells_a_quota_from_a_rate_limit() {
        let spent = error(
            r#"{"name":"APIError","data":{"message":"try later","statusCode":429,"responseBody":"{\"code\":\"insufficient_quota\"}"}}"#,
        );
        assert_eq!(spent.kind, Kind::Quota);
    }

    #[test]
    fn a_refusal_of_any_form_says_what_it_was() {
        let tagged =
            refusal(404, br#"{"_tag":"SessionNotFoundError","message":"no such session"}"#);
        assert_eq!(tagged.message, "no such session");
        let page = refusal(502, b"<html>");
        assert!(page.message.contains("502") && page.message.contains("<html>"), "{page}");
    }
}
