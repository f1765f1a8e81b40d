//! Reading the options of `agent()`.
//!
//! Owns: from hostile JSON text to a checked [`AgentRequest`]; each refusal
//! names the option and what it takes. Never: chooses a provider.

use serde_json::{Map, Value};

use crate::attempts::{RETRY_ATTEMPTS_MAX, RETRY_BACKOFF_MS_DEFAULT, RETRY_BACKOFF_MS_MAX};
use crate::call::{AgentRequest, Permissions, Retry, kind_of, refuse};
use crate::codes;
use crate::guest::Failure;
use crate::limits::{AGENT_TIMEOUT_MS_MAX, OPTIONS_BYTES_MAX};
use crate::schema;

/// Attempts of a call whose `retry` does not say how many.
const RETRY_ATTEMPTS_ASKED: u32 = 3;

/// The one kind of isolation there is.
pub const ISOLATION_WORKTREE: &str = "worktree";

/// All that `agent()` knows, for whoever reads a script without running it.
pub const OPTIONS: [&str; 11] = [
    "label",
    "phase",
    "model",
    "provider",
    "effort",
    "agentType",
    "schema",
    "isolation",
    "permissions",
    "timeout",
    "retry",
];

pub(crate) fn read(request: &mut AgentRequest, text: &str) -> Result<(), Failure> {
    for (name, value) in object(text)? {
        // An option that is undefined in JavaScript does not arrive; null means the same.
        if !value.is_null() {
            set(request, &name, value)?;
        }
    }
    Ok(())
}

fn set(request: &mut AgentRequest, name: &str, value: Value) -> Result<(), Failure> {
    match name {
        "label" => request.label = text(name, value)?,
        "phase" => request.phase = Some(string(name, value)?),
        "model" => request.model = Some(string(name, value)?),
        "provider" => request.provider = Some(string(name, value)?),
        "effort" => request.effort = text(name, value)?,
        "agentType" => request.agent_type = Some(string(name, value)?),
        "schema" => request.schema = Some(schema::accept(&value)?),
        "isolation" => match string(name, value)? {
            kind if kind == ISOLATION_WORKTREE => request.isolation = Some(kind),
            other => return Err(wrong(name, "'worktree' or nothing", &format!("'{other}'"))),
        },
        "permissions" => {
            request.permissions = Some(match string(name, value)?.as_str() {
                "read" => Permissions::Read,
                "write" => Permissions::Write,
                other => return Err(wrong(name, "'read' or 'write'", &format!("'{other}'"))),
            });
        }
        "timeout" => request.timeout_ms = Some(timeout(name, &value)?),
        "retry" => request.retry = Some(retry(name, value)?),
        _ => request.unknown.push(name.to_owned()),
    }
    Ok(())
}

fn string(name: &str, value: Value) -> Result<String, Failure> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(wrong(name, "a string", kind_of(&other))),
    }
}

/// An empty one says as little as none.
fn text(name: &str, value: Value) -> Result<Option<String>, Failure> {
    string(name, value).map(|text| Some(text).filter(|text| !text.is_empty()))
}

fn timeout(name: &str, value: &Value) -> Result<u64, Failure> {
    let read = match value {
        Value::String(text) => duration_ms(text),
        Value::Number(_) => whole(value, 1, AGENT_TIMEOUT_MS_MAX),
        _ => None,
    };
    read.filter(|ms| (1..=AGENT_TIMEOUT_MS_MAX).contains(ms)).ok_or_else(|| {
        wrong(name, "milliseconds, or text like '90s' or '5m', up to 24 h", &value.to_string())
    })
}

fn retry(name: &str, value: Value) -> Result<Retry, Failure> {
    let takes = format!(
        "{{ maxAttempts: 1 to {RETRY_ATTEMPTS_MAX}, backoffMs: 0 to {RETRY_BACKOFF_MS_MAX} }}"
    );
    let Value::Object(fields) = value else { return Err(wrong(name, &takes, kind_of(&value))) };
    let mut retry =
        Retry { max_attempts: RETRY_ATTEMPTS_ASKED, backoff_ms: RETRY_BACKOFF_MS_DEFAULT };
    for (field, value) in &fields {
        let refused = || wrong(name, &takes, &format!("{{ {field}: {value} }}"));
        match field.as_str() {
            "maxAttempts" => {
                let attempts = whole(value, 1, RETRY_ATTEMPTS_MAX.into()).ok_or_else(refused)?;
                retry.max_attempts = u32::try_from(attempts).unwrap_or(RETRY_ATTEMPTS_MAX);
            }
            "backoffMs" => {
                retry.backoff_ms = whole(value, 0, RETRY_BACKOFF_MS_MAX).ok_or_else(refused)?;
            }
            _ => return Err(refused()),
        }
    }
    Ok(retry)
}

/// JavaScript's numbers may come with a fraction of zero.
fn whole(value: &Value, least: u64, most: u64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be whole"
    )]
    let float = |number: f64| (number.fract() == 0.0 && number >= 0.0).then_some(number as u64);
    let number = value.as_u64().or_else(|| value.as_f64().and_then(float))?;
    (least..=most).contains(&number).then_some(number)
}

/// `500ms`, `90s`, `5m`, `1.5h`, `1h30m` in milliseconds.
fn duration_ms(text: &str) -> Option<u64> {
    let mut milliseconds = 0.0;
    let mut rest = text;
    loop {
        let (number, after) = rest.split_at(rest.find(|one: char| one.is_ascii_alphabetic())?);
        let end = after.find(|one: char| !one.is_ascii_alphabetic()).unwrap_or(after.len());
        let each = match &after[..end] {
            "ms" => 1.0,
            "s" => 1_000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            _ => return None,
        };
        let is_number = number.bytes().all(|one| one.is_ascii_digit() || one == b'.');
        milliseconds += number.parse::<f64>().ok().filter(|_| is_number)? * each;
        rest = &after[end..];
        if rest.is_empty() {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "`as` saturates"
            )]
            return Some(milliseconds.round() as u64);
        }
    }
}

fn wrong(name: &str, takes: &str, given: &str) -> Failure {
    const SHOWN_CHARS: usize = 100;
    let given: String = given.chars().take(SHOWN_CHARS).collect();
    refuse(format!("option `{name}` of agent() takes {takes}, and is {given}"))
}

fn object(text: &str) -> Result<Map<String, Value>, Failure> {
    if text.len() > OPTIONS_BYTES_MAX {
        return Err(Failure::new(
            codes::CALL_TOO_LARGE,
            format!(
                "the options of agent() are {} bytes of JSON, and {OPTIONS_BYTES_MAX} is the most",
                text.len()
            ),
        ));
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(options)) => Ok(options),
        Ok(other) => Err(refuse(format!(
            "the options of agent() must be an object, and are {}",
            kind_of(&other)
        ))),
        // The library stops at 128 levels, so that no text overflows the stack.
        Err(error) => {
            Err(refuse(format!("the options of agent() cannot be read, or are too deep: {error}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(options: &str) -> AgentRequest {
        AgentRequest::read("p".into(), options).unwrap()
    }

    #[test]
    fn every_option_is_read() {
        let all = request(
            r#"{"timeout":"1.5m","retry":{"maxAttempts":4,"backoffMs":50.0},"permissions":"read",
                "isolation":"worktree","effort":"high","provider":"p"}"#,
        );
        assert_eq!(all.timeout_ms, Some(90_000));
        assert_eq!(all.retry, Some(Retry { max_attempts: 4, backoff_ms: 50 }));
        assert_eq!(all.permissions, Some(Permissions::Read));
        assert_eq!(all.isolation.as_deref(), Some("worktree"));
        assert_eq!(all.unknown, Vec::<String>::new());
        assert_eq!(request(r#"{"timeout":250}"#).timeout_ms, Some(250));
        assert_eq!(request(r#"{"timeout":"1h30m"}"#).timeout_ms, Some(5_400_000));
        let empty = request(r#"{"label":"","effort":""}"#);
        assert_eq!((empty.label, empty.effort), (None, None));
        assert_eq!(request(r#"{"retry":{}}"#).retry.unwrap().max_attempts, RETRY_ATTEMPTS_ASKED);
    }

    #[test]
    fn the_list_of_options_is_all_that_is_known() {
        for name in OPTIONS {
            // A value that is wrong for every option: only a known one refuses it.
            let refused = AgentRequest::read("p".into(), &format!(r#"{{"{name}":[3]}}"#));
            assert!(refused.is_err(), "{name}");
        }
        let source = include_str!("options.rs");
        let body = source.split("fn set(").nth(1).unwrap().split("\n}\n").next().unwrap();
        let arms = body.lines().filter(|line| line.starts_with("        \""));
        assert_eq!(arms.count(), OPTIONS.len());
    }

    #[test]
    fn a_wrong_value_is_refused_by_name_with_what_it_takes() {
        for (options, says) in [
            (r#"{"label":1}"#, "`label` of agent() takes a string, and is a number"),
            (r#"{"timeout":0}"#, "`timeout` of agent() takes milliseconds"),
            (r#"{"timeout":"soon"}"#, "is \"soon\""),
            (r#"{"timeout":"25h"}"#, "up to 24 h"),
            (r#"{"timeout":"1h30"}"#, "is \"1h30\""),
            (r#"{"timeout":"1h-30m"}"#, "`timeout`"),
            (r#"{"timeout":1.5}"#, "`timeout`"),
            (r#"{"permissions":"all"}"#, "takes 'read' or 'write', and is 'all'"),
            (r#"{"isolation":"container"}"#, "takes 'worktree' or nothing, and is 'container'"),
            (r#"{"retry":3}"#, "`retry` of agent() takes { maxAttempts: 1 to 10"),
            (r#"{"retry":{"maxAttempts":0}}"#, "and is { maxAttempts: 0 }"),
            (r#"{"retry":{"maxAttempts":11}}"#, "1 to 10"),
            (r#"{"retry":{"backoffMs":-1}}"#, "and is { backoffMs: -1 }"),
            (r#"{"retry":{"times":1}}"#, "and is { times: 1 }"),
        ] {
            let refused = AgentRequest::read("p".into(), options).unwrap_err();
            assert_eq!(refused.code, codes::CALL_INVALID, "{options}");
            assert!(refused.message.contains(says), "{options}: {}", refused.message);
        }
    }
}
