//! MCP servers in opencode's form.
//!
//! Owns: adding them to the server, once for each folder that steps work in. Never:
//! removes one, which other steps may use; they end with the server.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::error;
use super::rules::server_name;
use super::server::Server;
use crate::foreign::or_default;
use crate::{McpServer, McpTransport, ProviderError, ProviderErrorKind as Kind};

/// A server's state.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ServerStatus {
    #[serde(deserialize_with = "or_default")]
    status: String,
    #[serde(deserialize_with = "or_default")]
    error: String,
}

type ServerStatuses = BTreeMap<String, ServerStatus>;

/// Adds the servers that are missing, and returns when all of them have started.
pub(super) async fn add(
    server: &Server,
    query: &str,
    wanted: &[McpServer],
) -> Result<(), ProviderError> {
    if wanted.is_empty() {
        return Ok(());
    }
    // If two rounds began at once, the second would end the servers that the first started.
    let _one_at_a_time = server.adding.lock().await;
    let path = format!("/mcp?{query}");
    let there: ServerStatuses = server.get(&path).await?;
    for one in wanted {
        let name = server_name(&one.name);
        if there.get(&name).is_some_and(|one| one.status == "connected") {
            continue;
        }
        let body = json!({"name": name, "config": config(&one.way)});
        let mut told: ServerStatuses = server.post(&path, &body).await?;
        let ServerStatus { status, error: why } = told.remove(&name).unwrap_or_default();
        if status != "connected" {
            let message =
                format!("the MCP server `{}` does not come up ({status}): {why}", one.name);
            return Err(error(Kind::Failed, message));
        }
    }
    Ok(())
}

fn config(way: &McpTransport) -> Value {
    match way {
        McpTransport::Program { command, args, env } => {
            let words: Vec<&String> = std::iter::once(command).chain(args).collect();
            json!({"type": "local", "command": words, "environment": env, "enabled": true})
        }
        McpTransport::Http { url, headers } => {
            json!({"type": "remote", "url": url, "headers": headers, "oauth": false, "enabled": true})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_as_its_user_has_defined_it() {
        let pairs = || BTreeMap::from([("a".to_owned(), "b".to_owned())]);
        let program =
            McpTransport::Program { command: "c".into(), args: vec!["-x".into()], env: pairs() };
        assert_eq!(
            config(&program),
            json!({"type": "local", "command": ["c", "-x"], "environment": {"a": "b"}, "enabled": true})
        );
        let http = config(&McpTransport::Http { url: "http://x/".into(), headers: pairs() });
        assert_eq!((&http["headers"]["a"], &http["oauth"]), (&json!("b"), &json!(false)));
    }
}
