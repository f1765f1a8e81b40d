//! Folders and MCP servers that calls may name: the list `dirs` and the
//! `[mcp.<name>]` tables.
//!
//! Owns: reading and checking them. Never: starts a server. A script only names
//! an entry, so it cannot start a program of its own choice.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use smol_wf_core::options::is_server_name;
use smol_wf_engine::providers::{McpServer, McpTransport};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::ConfigError;
use super::file::{DIRS, Located, MCP, Source};
use super::provider::{environment, program, variables};

/// A configured MCP server: a program or an HTTP service.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct ServerSettings {
    /// Program and arguments; empty for an HTTP service.
    command: Vec<String>,
    /// Values are often secrets.
    env: BTreeMap<String, String>,
    /// Names of variables to pass from this process; one may end in `*`.
    env_allow: Vec<String>,
    /// URL of an HTTP service; empty for a program.
    url: String,
    /// Values are often secrets.
    headers: BTreeMap<String, String>,
}

impl ServerSettings {
    /// A summary on one line, without values that may be secret.
    pub(crate) fn summary(&self) -> String {
        let names = |pairs: &BTreeMap<String, String>| {
            pairs.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
        };
        let mut parts = Vec::new();
        if self.command.is_empty() {
            parts.push(format!("url {}", without_secrets(&self.url)));
        } else {
            let words = serde_json::to_string(&self.command).unwrap_or_default();
            parts.push(format!("command {words}"));
        }
        if !self.env.is_empty() {
            parts.push(format!("sets {}", names(&self.env)));
        }
        if !self.env_allow.is_empty() {
            parts.push(format!("passes {}", self.env_allow.join(" ")));
        }
        if !self.headers.is_empty() {
            parts.push(format!("headers {}", names(&self.headers)));
        }
        parts.join(", ")
    }

    /// Names and values that may be secret: variables and headers. A header such
    /// as `Bearer TOKEN` also gives the text after its first word.
    pub(crate) fn secrets(&self) -> Vec<(String, String)> {
        let pairs = self.env.iter().chain(&self.headers);
        let mut secrets: Vec<_> =
            pairs.map(|(name, value)| (name.clone(), value.clone())).collect();
        let behind = self.headers.iter().filter_map(|(name, value)| {
            let (_, behind) = value.trim().split_once(' ')?;
            Some((name.clone(), behind.trim().to_owned()))
        });
        secrets.extend(behind);
        secrets
    }

    /// The server as it is passed to an agent, with the allowed variables of this
    /// process.
    pub(crate) fn server(&self, name: &str) -> McpServer {
        let way = match self.command.split_first() {
            None => McpTransport::Http { url: self.url.clone(), headers: self.headers.clone() },
            Some((command, args)) => {
                let is_allowed = |name: &str| {
                    self.env_allow.iter().any(|allowed| match allowed.strip_suffix('*') {
                        Some(start) => name.starts_with(start),
                        None => name == allowed,
                    })
                };
                let own = std::env::vars_os();
                let own = own.filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                });
                let mut env: BTreeMap<_, _> = own.filter(|(name, _)| is_allowed(name)).collect();
                env.extend(self.env.clone());
                McpTransport::Program { command: command.clone(), args: args.to_vec(), env }
            }
        };
        McpServer { name: name.to_owned(), way }
    }
}

/// Without values, which must not get into logs.
impl fmt::Debug for ServerSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerSettings({})", self.summary())
    }
}

/// A URL without user name, password, query and fragment.
fn without_secrets(url: &str) -> String {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    match plain.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = host.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}/{path}")
        }
        None => String::new(),
    }
}

/// Reads the list of folders.
pub(super) fn dirs(
    source: &Source<'_>,
    value: &Spanned<DeValue<'_>>,
) -> Result<Located<Vec<PathBuf>>, ConfigError> {
    let texts = source.strings(DIRS, value)?;
    let value_place = source.place(value.span().start);
    let paths = texts.iter().map(|text| source.path(text.as_ref())).collect();
    Ok(Located { value: paths, place: value_place })
}

/// Reads the table of all servers.
pub(super) fn servers(
    source: &Source<'_>,
    value: &Spanned<DeValue<'_>>,
) -> Result<BTreeMap<String, Located<ServerSettings>>, ConfigError> {
    let mut servers = BTreeMap::new();
    for (name, value) in source.table(MCP, value)? {
        let text = name.get_ref().to_string();
        let shown = format!("{MCP}.{text}");
        let place = source.place(name.span().start);
        if !is_server_name(&text) {
            let reason = "a server's name is 1 to 40 letters, digits and `-`".to_owned();
            return Err(ConfigError::Value { place, name: shown, reason });
        }
        let read = server(source, &shown, value, source.table(&shown, value)?)?;
        servers.insert(text, Located { value: read, place });
    }
    Ok(servers)
}

/// Keys of a `[mcp.<name>]` table.
const KEYS: [&str; 5] = ["command", "env", "env_allow", "url", "headers"];

/// Reads the table of one server; `shown` is its name in errors. Fails for an
/// unknown key, for both or none of `command` and `url`, and for a key that
/// belongs to the other.
fn server(
    source: &Source<'_>,
    shown: &str,
    value: &Spanned<DeValue<'_>>,
    table: &DeTable<'_>,
) -> Result<ServerSettings, ConfigError> {
    let mut read = ServerSettings::default();
    for (key, value) in table {
        let name = format!("{shown}.{}", key.get_ref());
        match key.get_ref().as_ref() {
            "command" => {
                read.command = source.strings(&name, value)?;
                let Some(first) = read.command.first_mut() else {
                    return Err(source.wrong(&name, value, "it is empty"));
                };
                *first = program(source, first);
            }
            "env" => read.env = environment(source, &name, value)?,
            "env_allow" => read.env_allow = variables(source, &name, value)?,
            "url" => {
                read.url = source.string(&name, value)?;
                if !["http://", "https://"].iter().any(|scheme| read.url.starts_with(scheme)) {
                    let reason = "it begins with http:// or https://";
                    return Err(source.wrong(&name, value, reason));
                }
            }
            "headers" => read.headers = headers(source, &name, value)?,
            _ => return Err(source.unknown(key, &KEYS)),
        }
    }
    let is_program = !read.command.is_empty();
    let wrong = |reason: &str| Err(source.wrong(shown, value, reason));
    match (is_program, !read.url.is_empty()) {
        (true, true) => wrong("it has a `command` or a `url`, not both"),
        (false, false) => {
            wrong("it needs `command = [\"program\", \"argument\"]`, or `url = \"https://…\"`")
        }
        (true, false) if !read.headers.is_empty() => wrong("`headers` belong to a `url`"),
        (false, true) if !read.env.is_empty() || !read.env_allow.is_empty() => {
            wrong("`env` and `env_allow` belong to a `command`")
        }
        _ => Ok(read),
    }
}

/// Reads the headers of a service. Fails for a header that HTTP does not allow.
fn headers(
    source: &Source<'_>,
    name: &str,
    value: &Spanned<DeValue<'_>>,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut headers = BTreeMap::new();
    for (header, value) in source.table(name, value)? {
        let shown = format!("{name}.{}", header.get_ref());
        let text = source.string(&shown, value)?;
        let is_name = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '_');
        let header = header.get_ref().to_string();
        if header.is_empty() || !header.chars().all(is_name) || text.chars().any(char::is_control) {
            return Err(source.wrong(&shown, value, "no request can have this header"));
        }
        headers.insert(header, text);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::file::{FileLayer, read};
    use super::*;

    fn layer(text: &str) -> Result<FileLayer, ConfigError> {
        read(&Source { file: Path::new("c.toml"), text, base: Path::new("/base") })
    }

    #[test]
    fn servers_are_read_and_shown_without_their_secrets() {
        let text = "dirs = ['shared', '/srv']\n[mcp.github]\ncommand = ['./gh', '-x']\n\
            env = { TOKEN = 's3cret' }\nenv_allow = ['GH_*']\n[mcp.web]\n\
            url = 'https://u:s3cret@x.example/mcp?key=s3cret'\nheaders = { authorization = 's3cret' }";
        let layer = layer(text).unwrap();
        let dirs = ["/base/shared", "/srv"].map(PathBuf::from);
        assert_eq!(layer.dirs.unwrap().value, dirs);
        let summary = |name: &str| layer.mcp[name].value.summary();
        assert_eq!(summary("github"), "command [\"/base/./gh\",\"-x\"], sets TOKEN, passes GH_*");
        assert_eq!(summary("web"), "url https://x.example/mcp, headers authorization");
        let McpTransport::Program { command, args, env } =
            layer.mcp["github"].value.server("g").way
        else {
            panic!("a program")
        };
        assert_eq!(
            (command.as_str(), args.len(), env["TOKEN"].as_str()),
            ("/base/./gh", 1, "s3cret")
        );
    }

    #[test]
    fn complaints_name_the_place_and_no_value() {
        for (text, says) in [
            ("dirs = 's3cret'", "`dirs`: it is a list of strings"),
            ("mcp = 1", "it is a table: write [mcp]"),
            ("[mcp.a_b]\ncommand = ['x']", "c.toml:1:6: `mcp.a_b`: a server's name is 1 to 40"),
            ("[mcp.a]", "it needs `command = [\"program\", \"argument\"]`, or `url"),
            ("[mcp.a]\ncommand = []", "it is empty"),
            ("[mcp.a]\ncommand = ['x']\nurl = 'https://s3cret'", "not both"),
            ("[mcp.a]\nurl = 'ftp://s3cret'", "it begins with http:// or https://"),
            ("[mcp.a]\nurl = 'http://x'\nenv = { A = 's3cret' }", "belong to a `command`"),
            ("[mcp.a]\ncommand = ['x']\nheaders = { A = 's3cret' }", "belong to a `url`"),
            ("[mcp.a]\nurl = 'http://x'\nheaders = { 'a b' = 's3cret' }", "no request can have"),
            ("[mcp.a]\ncomand = ['x']", "did you mean `command`?"),
        ] {
            let said = layer(text).unwrap_err().to_string();
            assert!(said.contains(says) && !said.contains("s3cret"), "{text}: {said}");
        }
    }
}
