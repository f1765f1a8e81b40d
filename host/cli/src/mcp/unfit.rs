//! Messages that the library for the protocol cannot read.
//!
//! Owns: what is said of them, and with which code: text that is not JSON, JSON that is not
//! a message, an unknown method, and parameters that do not fit. Never: a message that can
//! be read.

use rmcp::model::{
    CallToolRequestParams, CancelTaskParams, ClientJsonRpcMessage, ClientRequest, ErrorCode,
    ErrorData, GetTaskParams, InitializeRequestParams, JsonRpcMessage, PaginatedRequestParams,
    UpdateTaskParams,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::sanitize;

/// Most characters of a method or a reason in an answer.
const SHOWN_CHARS_MAX: usize = 300;

/// What became of bytes that should be a message.
#[derive(Debug)]
pub(super) struct Unread {
    /// What the client is told; nothing goes back for a notification.
    pub(super) answer: Option<Value>,
    /// The same for the log.
    pub(super) complaint: String,
}

/// Reads a message.
pub(super) fn read(bytes: &[u8]) -> Result<ClientJsonRpcMessage, Unread> {
    match serde_json::from_slice(bytes) {
        // A server that is not greeted yet has nothing that would refuse this.
        Ok(JsonRpcMessage::Request(request)) => match &request.request {
            ClientRequest::CustomRequest(unread) if unread.method == "initialize" => {
                Err(of_error(why("initialize", unread.params.as_ref()), json!(request.id)))
            }
            _ => Ok(JsonRpcMessage::Request(request)),
        },
        Ok(message) => Ok(message),
        Err(error) if error.is_syntax() || error.is_eof() => {
            let why = format!("this is not JSON: {}", shown(&error.to_string()));
            Err(of_error(ErrorData::parse_error(why, None), Value::Null))
        }
        Err(_) => Err(of_json(&serde_json::from_slice(bytes).unwrap_or_default())),
    }
}

/// An answer to something that is not a message.
pub(super) fn of_error(error: ErrorData, id: Value) -> Unread {
    let complaint = error.message.clone().into_owned();
    let error = json!({ "code": error.code, "message": error.message });
    Unread { answer: Some(json!({ "jsonrpc": "2.0", "id": id, "error": error })), complaint }
}

/// What is wrong with JSON that is not a message.
fn of_json(value: &Value) -> Unread {
    let method = value["method"].as_str();
    let id = match &value["id"] {
        id @ (Value::String(_) | Value::Number(_)) if !id.is_f64() => id.clone(),
        _ => Value::Null,
    };
    if let (Some(method), "2.0", false) =
        (method, value["jsonrpc"].as_str().unwrap_or_default(), id.is_null())
    {
        return of_error(why(method, value.get("params")), id);
    }
    let why = "this is JSON, but not a message of the protocol";
    let unread = of_error(ErrorData::invalid_request(why, None), id);
    let is_notification = method.is_some() && value.get("id").is_none();
    match is_notification {
        true => Unread { answer: None, ..unread },
        false => unread,
    }
}

/// Why there is no answer to a request of this method.
pub(super) fn why(method: &str, params: Option<&Value>) -> ErrorData {
    let reason = match method {
        "initialize" => reason::<InitializeRequestParams>(params),
        "tools/call" => reason::<CallToolRequestParams>(params),
        "tools/list" => reason::<PaginatedRequestParams>(params),
        "tasks/get" => reason::<GetTaskParams>(params),
        "tasks/update" => reason::<UpdateTaskParams>(params),
        "tasks/cancel" => reason::<CancelTaskParams>(params),
        "ping" | "server/discover" => String::new(),
        _ => {
            let why = format!("this server has no method `{}`", shown(method));
            return ErrorData::new(ErrorCode::METHOD_NOT_FOUND, why, None);
        }
    };
    ErrorData::invalid_params(format!("the params of {method} do not fit{reason}"), None)
}

/// What does not fit, behind a colon; empty if only the library knows.
fn reason<T: DeserializeOwned>(params: Option<&Value>) -> String {
    match serde_json::from_value::<T>(params.cloned().unwrap_or_default()) {
        Ok(_) => String::new(),
        Err(error) => format!(": {}", shown(&error.to_string())),
    }
}

fn shown(text: &str) -> String {
    sanitize::cut(&sanitize::one_line(text), SHOWN_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn answer(text: &str) -> Value {
        read(text.as_bytes()).unwrap_err().answer.unwrap_or_default()
    }

    #[test]
    fn what_cannot_be_read_is_answered_with_the_code_for_it() {
        let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        read(ping.as_bytes()).unwrap();
        for text in ["garbage", "{\"a\":", "\u{0}", "{\"a\":\"\\ud800\"}"] {
            let answer = answer(text);
            assert_eq!(answer["error"]["code"], -32_700, "{text}");
            assert!(answer["id"].is_null() && answer.get("id").is_some(), "{text}: {answer}");
        }
        for (text, code, id) in [
            ("[1]", -32_600, Value::Null),
            (r#"{"jsonrpc":"2.0","id":7}"#, -32_600, json!(7)),
            (r#"{"jsonrpc":"1.0","id":"a","method":"ping"}"#, -32_600, json!("a")),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, -32_600, Value::Null),
            (r#"{"jsonrpc":"2.0","id":8,"method":"tools/call","params":[1]}"#, -32_602, json!(8)),
            (r#"{"jsonrpc":"2.0","id":9,"method":"nothing","params":"x"}"#, -32_601, json!(9)),
            (r#"{"jsonrpc":"2.0","id":3,"method":"initialize","params":{}}"#, -32_602, json!(3)),
        ] {
            let answer = answer(text);
            assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), &id), "{text}");
        }
        assert!(answer(r#"{"jsonrpc":"2.0","method":"notifications/x","params":5}"#).is_null());
    }

    #[test]
    fn a_method_is_unknown_or_its_params_do_not_fit() {
        let of = |method: &str, params: Option<Value>| {
            let error = why(method, params.as_ref());
            (error.code.0, error.message.into_owned())
        };
        let unknown = of("tools/x\u{1b}", None);
        assert_eq!(unknown.0, -32_601);
        assert!(!unknown.1.contains('\u{1b}'), "{}", unknown.1);
        let unfit = of("tools/call", Some(json!({ "name": 5 })));
        assert_eq!(unfit.0, -32_602);
        assert!(unfit.1.starts_with("the params of tools/call do not fit: "), "{}", unfit.1);
        assert_eq!(of("ping", None), (-32_602, "the params of ping do not fit".to_owned()));
    }
}
