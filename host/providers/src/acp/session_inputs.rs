//! What a session and a prompt carry beside text, in the protocol's form.
//!
//! Owns: its form, and whether the agent offers it: an agent that does not would ignore
//! it. Never: sends it.

use serde_json::{Value, json};

use super::quirks::Quirks;
use super::wire;
use crate::{AgentTask, McpServer, McpTransport};

/// The option of the step that this agent cannot keep. `can` are the capabilities that it
/// reports.
pub(super) fn not_offered(task: &AgentTask, can: &Value, quirks: Quirks) -> Option<&'static str> {
    let is = |path: &str| {
        can.pointer(path).is_some_and(|can| !matches!(can, Value::Null | Value::Bool(false)))
    };
    let is_http = |server: &McpServer| matches!(server.way, McpTransport::Http { .. });
    let wants_http = task.mcp.iter().any(is_http);
    let servers = !quirks.drops_servers && (!wants_http || is("/mcpCapabilities/http"));
    let images = !quirks.drops_images && is("/promptCapabilities/image");
    let wishes = [
        ("images", !task.images.is_empty(), images),
        ("mcp", !task.mcp.is_empty(), servers),
        ("dirs", !task.dirs.is_empty(), is("/sessionCapabilities/additionalDirectories")),
        ("system", task.request.system.is_some(), is("/sessionCapabilities/systemPrompt")),
    ];
    wishes.into_iter().find(|(_, wanted, can)| *wanted && !can).map(|(option, ..)| option)
}

/// The parameters with which a session is begun or resumed.
pub(super) fn session(task: &AgentTask, cwd: &std::path::Path) -> Value {
    let servers: Value = task.mcp.iter().map(wire::server).collect();
    let mut params = json!({"cwd": cwd.to_string_lossy(), "mcpServers": servers});
    if !task.dirs.is_empty() {
        let dirs = task.dirs.iter().map(|dir| dir.to_string_lossy());
        params["additionalDirectories"] = dirs.collect();
    }
    if let Some(text) = &task.request.system {
        let content = [json!({"type": "text", "text": text})];
        params["systemPrompt"] = json!({"mode": "append", "content": content});
    }
    params
}

/// The blocks of a prompt.
pub(super) fn prompt(task: &AgentTask) -> Value {
    let text = json!({"type": "text", "text": task.prompt});
    let images = task.images.iter();
    let images = images
        .map(|image| json!({"type": "image", "mimeType": image.mime, "data": image.base64()}));
    images.chain([text]).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::Image;
    use crate::conformance::task;

    #[test]
    fn an_option_that_the_agent_does_not_offer_is_named() {
        let all = json!({
            "promptCapabilities": {"image": true},
            "mcpCapabilities": {"http": true},
            "sessionCapabilities": {"additionalDirectories": {}, "systemPrompt": {}},
        });
        let none = json!({"promptCapabilities": {"image": false}});
        let mut wanted = task("p");
        let plain = Quirks::default();
        assert_eq!(not_offered(&wanted, &none, plain), None);
        wanted.request.system = Some("s".into());
        assert_eq!(not_offered(&wanted, &none, plain), Some("system"));
        wanted.dirs = vec!["/a".into()];
        assert_eq!(not_offered(&wanted, &none, plain), Some("dirs"));
        let way =
            McpTransport::Program { command: "c".into(), args: vec![], env: Default::default() };
        wanted.mcp = vec![McpServer { name: "a".into(), way }];
        assert_eq!(not_offered(&wanted, &none, plain), Some("dirs"), "programs are for all");
        let drops = Quirks::of(&json!({"agentInfo": {"name": "pi-acp"}}));
        assert_eq!(not_offered(&wanted, &all, drops), Some("mcp"));
        let way = McpTransport::Http { url: "http://x/".into(), headers: Default::default() };
        wanted.mcp.push(McpServer { name: "b".into(), way });
        assert_eq!(not_offered(&wanted, &none, plain), Some("mcp"));
        wanted.images = vec![Image::of(b"GIF89a".to_vec()).unwrap()];
        assert_eq!(not_offered(&wanted, &none, plain), Some("images"));
        assert_eq!(not_offered(&wanted, &all, plain), None);
        let params = session(&wanted, Path::new("/w"));
        assert_eq!(params["additionalDirectories"], json!(["/a"]));
        assert_eq!(params["systemPrompt"]["content"][0]["text"], "s");
        assert_eq!(
            params["mcpServers"][0],
            json!({"name": "a", "command": "c", "args": [], "env": []})
        );
        assert_eq!(params["mcpServers"][1]["type"], "http");
        assert_eq!(prompt(&wanted)[0]["mimeType"], "image/gif");
        assert_eq!(prompt(&wanted)[1]["text"], "p");
    }
}
