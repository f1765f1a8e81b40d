//! MCP servers in Claude Code's form.
//!
//! Owns: the file that defines them, and whether they have started. Never: puts a value
//! into an argument, which every user of the machine may read.

use serde::Deserialize;
use serde_json::{Map, json};

use super::NAME;
use crate::cause::Cause;
use crate::foreign::or_default;
use crate::scratch::Scratch;
use crate::{McpServer, McpTransport, ProviderError, ProviderErrorKind};

/// How a variable of Claude Code's environment begins within a value.
const EXPANDS: &str = "${";

/// A server's state, as Claude Code reports it when it begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ServerStatus {
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    status: String,
}

/// The file for `--mcp-config`; none without servers.
///
/// # Errors
/// When Claude Code would expand a value, or the file cannot be written.
pub(super) fn file(servers: &[McpServer]) -> Result<Option<Scratch>, ProviderError> {
    if servers.is_empty() {
        return Ok(None);
    }
    let mut all = Map::new();
    for McpServer { name, way } in servers {
        let config = match way {
            McpTransport::Program { command, args, env } => {
                json!({"type": "stdio", "command": command, "args": args, "env": env})
            }
            McpTransport::Http { url, headers } => {
                json!({"type": "http", "url": url, "headers": headers})
            }
        };
        if config.to_string().contains(EXPANDS) {
            let message = format!(
                "the MCP server `{name}` has `{EXPANDS}` in its definition, which Claude Code would take for a variable"
            );
            return Err(ProviderError::new(NAME, ProviderErrorKind::Unsupported, message));
        }
        all.insert(name.clone(), config);
    }
    Scratch::write(NAME, "mcp.json", json!({ "mcpServers": all }).to_string()).map(Some)
}

/// Why one of these servers is missing: Claude Code goes on without a server that does
/// not start.
pub(super) fn missing(wanted: &[String], told: &[ServerStatus]) -> Option<Cause> {
    let is_up = |name: &String| {
        told.iter().any(|one| one.name == *name && matches!(&*one.status, "connected" | "pending"))
    };
    let name = wanted.iter().find(|name| !is_up(name))?;
    let status = told.iter().find(|one| one.name == *name).map_or("unknown", |one| &one.status);
    let message = format!("the MCP server `{name}` does not come up (status: {status})");
    Some(Cause::new(ProviderErrorKind::Failed, message))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;

    fn program(value: &str) -> McpServer {
        let env = BTreeMap::from([("TOKEN".to_owned(), value.to_owned())]);
        let way = McpTransport::Program { command: "/bin/s".into(), args: vec!["-x".into()], env };
        McpServer { name: "a".to_owned(), way }
    }

    #[test]
    fn servers_stand_in_a_file_with_their_values() {
        assert!(file(&[]).unwrap().is_none());
        let headers = BTreeMap::from([("authorization".to_owned(), "Bearer x".to_owned())]);
        let http = McpTransport::Http { url: "https://x/".to_owned(), headers };
        let servers = [program("s3cret"), McpServer { name: "b".to_owned(), way: http }];
        let file = file(&servers).unwrap().unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            read["mcpServers"]["a"],
            json!({"type": "stdio", "command": "/bin/s", "args": ["-x"], "env": {"TOKEN": "s3cret"}})
        );
        assert_eq!(read["mcpServers"]["b"]["headers"]["authorization"], "Bearer x");
        let refused = super::file(&[program("${HOME}")]).unwrap_err();
        assert_eq!(refused.kind, ProviderErrorKind::Unsupported);
    }

    #[test]
    fn a_server_that_does_not_come_up_is_named() {
        let told =
            |status: &str| vec![ServerStatus { name: "a".to_owned(), status: status.to_owned() }];
        let wanted = ["a".to_owned()];
        assert!(missing(&wanted, &told("connected")).is_none());
        assert!(missing(&[], &told("failed")).is_none());
        let cause = missing(&wanted, &told("failed")).unwrap();
        assert!(cause.message.contains("`a`") && cause.message.contains("failed"), "{cause:?}");
        assert!(missing(&wanted, &[]).unwrap().message.contains("unknown"));
    }
}
