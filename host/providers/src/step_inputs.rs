//! An agent's inputs for one round beside its prompt.
//!
//! Owns: images and MCP servers as an agent gets them, and the names of tools in each
//! agent's own words. Never: reads a file, or decides which step may have which input.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::AgentTask;

/// An agent's tools: the name that scripts write, which is Claude Code's, and the agent's
/// own name.
pub(crate) type ToolNames = [(&'static str, &'static str)];

/// These tools by the agent's own names. The error is the first tool that the agent
/// lacks.
pub(crate) fn own_names<'n>(
    tools: &'n [String],
    names: &ToolNames,
) -> Result<Vec<&'static str>, &'n str> {
    let own = |tool: &'n String| {
        let found = names.iter().find(|(written, _)| written == tool);
        found.map(|(_, own)| *own).ok_or(tool.as_str())
    };
    tools.iter().map(own).collect()
}

/// The refusal of a tool that an agent does not have.
pub(crate) fn no_tool(agent: &str, tool: &str, names: &ToolNames) -> String {
    let has: Vec<&str> = names.iter().map(|(written, _)| *written).collect();
    format!(
        "the option `tools` names `{tool}`, which {agent} cannot be held to; it has {}",
        has.join(", ")
    )
}

/// Text for the end of a system prompt: the step's own, and the further folders, for an
/// agent that has no option for those.
pub(crate) fn system_with_dirs(task: &AgentTask) -> Option<String> {
    let dirs = task.dirs.iter().map(|dir| format!("\n- {}", dir.display())).collect::<String>();
    let dirs = Some(dirs).filter(|dirs| !dirs.is_empty());
    let dirs = dirs.map(|dirs| format!("Besides your working directory you may work in:{dirs}"));
    let parts: Vec<String> = dirs.into_iter().chain(task.request.system.clone()).collect();
    Some(parts.join("\n\n")).filter(|text| !text.is_empty())
}

/// An image to show to an agent.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// `image/png`, `image/jpeg`, `image/gif` or `image/webp`.
    pub mime: &'static str,
    /// The bytes of the file.
    pub bytes: Arc<[u8]>,
}

impl Image {
    /// The image in a file; none when it is not of a kind that models take.
    #[must_use]
    pub fn of(bytes: Vec<u8>) -> Option<Self> {
        let mime = match bytes.as_slice() {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => "image/gif",
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
            _ => return None,
        };
        Some(Self { mime, bytes: bytes.into() })
    }

    /// The extension of a file with it.
    pub(crate) fn extension(&self) -> &'static str {
        self.mime.trim_start_matches("image/")
    }

    pub(crate) fn base64(&self) -> String {
        STANDARD.encode(&self.bytes)
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({}, {} bytes)", self.mime, self.bytes.len())
    }
}

/// An MCP server, as its user has defined it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpServer {
    /// Its name in scripts.
    pub name: String,
    /// How it is reached.
    pub way: McpTransport,
}

/// How an MCP server is reached.
#[derive(Clone, PartialEq, Eq)]
pub enum McpTransport {
    /// A program that is started for the agent and spoken to on stdin and stdout.
    Program {
        /// Path of the program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// Its variables, beside those that every program needs.
        env: BTreeMap<String, String>,
    },
    /// An HTTP service.
    Http {
        /// Its address.
        url: String,
        /// Headers of each request.
        headers: BTreeMap<String, String>,
    },
}

/// Shows names alone: values of variables and headers are often secrets.
impl fmt::Debug for McpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program { command, args, env } => {
                let names: Vec<&String> = env.keys().collect();
                f.debug_struct("Program")
                    .field("command", command)
                    .field("args", args)
                    .field("env", &names)
                    .finish()
            }
            Self::Http { headers, .. } => {
                let names: Vec<&String> = headers.keys().collect();
                f.debug_struct("Http").field("headers", &names).finish_non_exhaustive()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_its_bytes() {
        for (bytes, mime) in [
            (&b"\x89PNG\r\n\x1a\n."[..], "image/png"),
            (b"\xff\xd8\xff\xe0.", "image/jpeg"),
            (b"GIF89a.", "image/gif"),
            (b"RIFF....WEBPVP8 ", "image/webp"),
        ] {
            let image = Image::of(bytes.to_vec()).unwrap();
            assert_eq!(image.mime, mime);
            assert!(format!("{image:?}").starts_with("Image("));
        }
        for other in [&b""[..], b"\x89PNG", b"<svg/>", b"root:x:0:0", b"RIFF....WAVE"] {
            assert_eq!(Image::of(other.to_vec()), None);
        }
    }

    #[test]
    fn a_secret_of_a_server_is_not_shown() {
        let secret = || BTreeMap::from([("TOKEN".to_owned(), "s3cret".to_owned())]);
        let program =
            McpTransport::Program { command: "c".to_owned(), args: Vec::new(), env: secret() };
        let http = McpTransport::Http { url: "https://u:s3cret@x/".to_owned(), headers: secret() };
        for way in [program, http] {
            let shown = format!("{way:?}");
            assert!(shown.contains("TOKEN") && !shown.contains("s3cret"), "{shown}");
        }
    }

    #[test]
    fn an_agent_s_system_prompt_names_its_folders() {
        let mut wanted = crate::conformance::task("p");
        assert_eq!(system_with_dirs(&wanted), None);
        wanted.request.system = Some("Be brief.".to_owned());
        assert_eq!(system_with_dirs(&wanted).as_deref(), Some("Be brief."));
        wanted.dirs = vec!["/a".into(), "/b".into()];
        let told = system_with_dirs(&wanted).unwrap();
        assert!(told.ends_with("work in:\n- /a\n- /b\n\nBe brief."), "{told}");
    }

    #[test]
    fn a_tool_that_is_not_there_is_named() {
        let names = [("Read", "read"), ("Glob", "find")];
        let tools = ["Glob", "Read"].map(str::to_owned);
        assert_eq!(own_names(&tools, &names), Ok(vec!["find", "read"]));
        let tools = ["Read", "Bash"].map(str::to_owned);
        assert_eq!(own_names(&tools, &names), Err("Bash"));
        assert!(no_tool("pi", "Bash", &names).ends_with("it has Read, Glob"));
    }
}
