//! MCP servers in Codex's form.
//!
//! Owns: the settings that define them, and the variables that hold their values. Never:
//! puts a value into an argument, which every user of the machine may read.

use std::collections::{BTreeMap, BTreeSet};

use super::NAME;
use super::argv::quoted;
use crate::{McpServer, McpTransport, ProviderError, ProviderErrorKind};

/// Settings and variables for MCP servers.
#[derive(Debug, Default)]
pub(super) struct Servers {
    /// Each goes behind `-c`.
    pub(super) settings: Vec<String>,
    /// Variables of Codex's environment, which it passes on to the servers.
    pub(super) env: BTreeMap<String, String>,
}

impl Servers {
    /// The settings for these servers. `taken` are Codex's own variables, which a
    /// server's would replace.
    pub(super) fn of(
        servers: &[McpServer],
        taken: &BTreeSet<String>,
    ) -> Result<Self, ProviderError> {
        let mut all = Self::default();
        for McpServer { name, way } in servers {
            // A server that does not start fails the round; else the agent would go on
            // without it. Its user has named it, so its tools need no permission.
            all.set(name, "required", "true");
            all.set(name, "default_tools_approval_mode", "\"approve\"");
            match way {
                McpTransport::Program { command, args, env } => {
                    all.set(name, "command", &quoted(command));
                    all.set(name, "args", &list(args));
                    all.set(name, "env_vars", &list(env.keys()));
                    for (variable, value) in env {
                        all.variable(name, variable, value, taken)?;
                    }
                }
                McpTransport::Http { url, headers } => {
                    all.set(name, "url", &quoted(url));
                    let mut pairs = Vec::new();
                    for (at, (header, value)) in headers.iter().enumerate() {
                        let plain = name.to_uppercase().replace('-', "_");
                        let variable = format!("MCP_{plain}_HEADER_{at}");
                        pairs.push(format!("{} = {}", quoted(header), quoted(&variable)));
                        all.variable(name, &variable, value, taken)?;
                    }
                    all.set(name, "env_http_headers", &format!("{{ {} }}", pairs.join(", ")));
                }
            }
        }
        Ok(all)
    }

    fn set(&mut self, server: &str, key: &str, value: &str) {
        self.settings.push(format!("mcp_servers.{server}.{key}={value}"));
    }

    fn variable(
        &mut self,
        server: &str,
        name: &str,
        value: &str,
        taken: &BTreeSet<String>,
    ) -> Result<(), ProviderError> {
        let before = self.env.insert(name.to_owned(), value.to_owned());
        if !taken.contains(name) && before.is_none_or(|before| before == value) {
            return Ok(());
        }
        let message = format!(
            "the MCP server `{server}` sets the variable `{name}`, which Codex or another server has with another value; Codex can hand on one value of it"
        );
        Err(ProviderError::new(NAME, ProviderErrorKind::Unsupported, message))
    }
}

fn list<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let quoted: Vec<String> = texts.into_iter().map(|text| quoted(text.as_ref())).collect();
    format!("[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(name: &str, value: &str) -> McpServer {
        let env = BTreeMap::from([("TOKEN".to_owned(), value.to_owned())]);
        let way =
            McpTransport::Program { command: "/bin/s".into(), args: vec!["a \"b\"".into()], env };
        McpServer { name: name.to_owned(), way }
    }

    #[test]
    fn no_value_stands_in_an_argument() {
        let headers = BTreeMap::from([("authorization".to_owned(), "Bearer s3cret".to_owned())]);
        let http = McpTransport::Http { url: "https://x/".to_owned(), headers };
        let servers = [program("a", "s3cret"), McpServer { name: "b-c".to_owned(), way: http }];
        let given = Servers::of(&servers, &BTreeSet::new()).unwrap();
        let settings = given.settings.join("\n");
        assert!(!settings.contains("s3cret"), "{settings}");
        for setting in [
            "mcp_servers.a.command=\"/bin/s\"",
            "mcp_servers.a.args=[\"a \\\"b\\\"\"]",
            "mcp_servers.a.env_vars=[\"TOKEN\"]",
            "mcp_servers.a.required=true",
            "mcp_servers.b-c.url=\"https://x/\"",
            "mcp_servers.b-c.env_http_headers={ \"authorization\" = \"MCP_B_C_HEADER_0\" }",
        ] {
            assert!(given.settings.iter().any(|one| one == setting), "{setting}: {settings}");
            // Each is TOML by itself.
            toml::de::DeTable::parse(setting).unwrap();
        }
        assert_eq!(given.env["TOKEN"], "s3cret");
        assert_eq!(given.env["MCP_B_C_HEADER_0"], "Bearer s3cret");
    }

    #[test]
    fn one_variable_has_one_value() {
        let none = BTreeSet::new();
        assert!(Servers::of(&[program("a", "1"), program("b", "1")], &none).is_ok());
        let refused = Servers::of(&[program("a", "1"), program("b", "2")], &none).unwrap_err();
        assert!(refused.message.contains("`TOKEN`") && refused.message.contains("`b`"));
        let taken = BTreeSet::from(["TOKEN".to_owned()]);
        Servers::of(&[program("a", "1")], &taken).unwrap_err();
    }
}
