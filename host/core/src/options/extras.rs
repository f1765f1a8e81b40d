//! Options that give an agent more: text, folders, images, servers, a session.
//!
//! Owns: their form and their bounds. Never: opens a file, or checks whether one
//! exists; the engine does.

use serde_json::Value;

use super::{whole, written, wrong};
use crate::guest::Failure;
use crate::json_kind::kind_of;

/// Longest `system`, in bytes. With the text that a provider adds, it must fit into one
/// argument of a program, for which Linux allows 128 KiB.
const SYSTEM_BYTES_MAX: usize = 32 * 1024;

/// Most folders of one step.
const DIRS_MAX: usize = 16;

/// Most images of one step. Their bytes are counted when they are read.
const IMAGES_MAX: usize = 8;

/// Most servers of one step.
const SERVERS_MAX: usize = 16;

/// Longest path, in bytes: the limit of Linux.
const PATH_BYTES_MAX: usize = 4096;

/// Longest name of a server. It is part of the names of its tools, for which model
/// services allow 64 characters.
const SERVER_BYTES_MAX: usize = 40;

/// Most turns of an agent that `maxTurns` may allow.
const TURNS_MAX: u64 = 10_000;

/// Reads text for the agent's system prompt.
pub(super) fn system(name: &str, value: &Value) -> Result<Option<String>, Failure> {
    let takes = format!("text of at most {SYSTEM_BYTES_MAX} bytes");
    let Value::String(text) = value else { return Err(wrong(name, &takes, kind_of(value))) };
    if text.len() > SYSTEM_BYTES_MAX {
        return Err(wrong(name, &takes, &format!("{} bytes long", text.len())));
    }
    if text.contains('\0') {
        return Err(wrong(name, "text without a NUL character", "text with one"));
    }
    Ok(Some(text.clone()).filter(|text| !text.trim().is_empty()))
}

/// Reads the most turns of an agent.
pub(super) fn max_turns(name: &str, value: &Value) -> Result<u32, Failure> {
    let turns = whole(value, 1, TURNS_MAX).and_then(|turns| u32::try_from(turns).ok());
    let takes = format!("a whole number from 1 to {TURNS_MAX}");
    turns.ok_or_else(|| wrong(name, &takes, &written(value)))
}

/// Reads further folders in which an agent may work.
pub(super) fn dirs(name: &str, value: &Value) -> Result<Vec<String>, Failure> {
    entries(name, "an array of paths of folders, such as ['../common']", DIRS_MAX, value, is_path)
}

/// Reads paths of images for an agent.
pub(super) fn images(name: &str, value: &Value) -> Result<Vec<String>, Failure> {
    let takes = "an array of paths of images, such as ['docs/page.png']";
    entries(name, takes, IMAGES_MAX, value, is_path)
}

/// Reads names of MCP servers.
pub(super) fn servers(name: &str, value: &Value) -> Result<Vec<String>, Failure> {
    let takes = "an array of names of MCP servers that the settings define, such as ['github']";
    entries(name, takes, SERVERS_MAX, value, is_server_name)
}

/// Whether an MCP server can have this name.
#[must_use]
pub fn is_server_name(text: &str) -> bool {
    let is_fine = |one: char| one.is_ascii_alphanumeric() || one == '-';
    // No underscores: agents join it and the name of a tool by underscores.
    (1..=SERVER_BYTES_MAX).contains(&text.len())
        && text.starts_with(|one: char| one.is_ascii_alphanumeric())
        && text.chars().all(is_fine)
}

fn is_path(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= PATH_BYTES_MAX && !text.chars().any(char::is_control)
}

fn entries(
    name: &str,
    takes: &str,
    most: usize,
    value: &Value,
    is_fine: fn(&str) -> bool,
) -> Result<Vec<String>, Failure> {
    let Value::Array(items) = value else { return Err(wrong(name, takes, kind_of(value))) };
    if items.len() > most {
        return Err(wrong(name, takes, &format!("{} entries; {most} are the most", items.len())));
    }
    let read = items.iter().map(|item| match item.as_str() {
        Some(text) if is_fine(text) => Ok(text.to_owned()),
        Some(text) => Err(wrong(name, takes, &format!("[{}]", Value::from(text)))),
        None => Err(wrong(name, takes, &format!("an array that holds {}", kind_of(item)))),
    });
    read.collect()
}
