//! The folder of a call: the one that it names, else that of the server, else the only root
//! of the client.
//!
//! Owns: asking the client for its roots. Never: guesses; hosts start servers in odd
//! folders.

#![expect(
    deprecated,
    reason = "2026-07-28 advises against roots, and its clients have nothing else yet"
)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use rmcp::model::{
    CallToolResponse, ClientResult, InputRequest, InputRequests, InputRequiredResult,
    ListRootsRequest, ListRootsResult, ServerRequest,
};
use tokio::time::timeout;

use super::call::Call;
use super::rights::Wait;
use super::shared::Shared;
use crate::sanitize;

/// Longest wait for the roots of a client, which it knows by heart.
const ROOTS_MAX: Duration = Duration::from_secs(10);

/// Most roots that a refusal lists.
const LISTED_MAX: usize = 10;

/// The name of the request for roots.
const ROOTS: &str = "roots";

/// The folder of a call.
pub(super) enum Folder {
    Is(PathBuf),
    /// The client is asked first, and calls again.
    Asked(Box<CallToolResponse>),
    /// Nobody names one: why, and what to pass.
    Unknown(String),
}

/// Finds the folder. Fails if the one that is named cannot be used.
pub(super) async fn of_call(
    shared: &Shared,
    call: &Call,
    named: Option<&str>,
) -> Result<Folder, String> {
    if let Some(named) = named {
        return real(Path::new(named)).map(Folder::Is);
    }
    if let Some(cwd) = &shared.offer.cwd {
        return real(cwd).map(Folder::Is);
    }
    let roots = match roots(call).await {
        Ok(roots) => roots,
        Err(asked) => return Ok(asked),
    };
    let folders: Vec<PathBuf> =
        roots.roots.iter().filter_map(|root| path_of(&root.uri)).take(LISTED_MAX).collect();
    Ok(match folders.as_slice() {
        [only] => Folder::Is(real(only)?),
        [] => unknown("this client has no root that is a folder here"),
        several => {
            let listed: Vec<String> = several.iter().map(|one| sanitize::path(one)).collect();
            unknown(&format!("this client has several roots ({})", listed.join(", ")))
        }
    })
}

fn unknown(why: &str) -> Folder {
    Folder::Unknown(format!(
        "which folder is meant? {why}; pass `cwd`, the absolute path of the project, or start the server with --cwd DIR"
    ))
}

/// An absolute path without links. Fails if it is not a folder.
fn real(named: &Path) -> Result<PathBuf, String> {
    let shown = sanitize::path(named);
    if !named.is_absolute() {
        return Err(format!("`cwd` is the absolute path of a folder, and {shown} is not absolute"));
    }
    match named.canonicalize() {
        Ok(path) if path.is_dir() => Ok(path),
        Ok(_) => Err(format!("`cwd` is {shown}, which is not a folder")),
        Err(error) => Err(format!("`cwd` is {shown}, which cannot be used: {error}")),
    }
}

/// The roots of the client, or what the call comes to without them.
async fn roots(call: &Call) -> Result<ListRootsResult, Folder> {
    if call.can.roots.is_none() {
        return Err(unknown("this client names no roots"));
    }
    if !call.takes_requests {
        let Some(given) = call.responses.get(ROOTS) else {
            let request = InputRequest::ListRoots(list_roots());
            let requests = InputRequests::from([(ROOTS.to_owned(), request)]);
            let asked = InputRequiredResult::from_input_requests(requests);
            return Err(Folder::Asked(Box::new(asked.into())));
        };
        let given = serde_json::from_value(given.clone());
        return given.map_err(|error| unknown(&format!("the roots do not fit: {error}")));
    }
    let asked = call.peer.send_request(ServerRequest::ListRootsRequest(list_roots()));
    let waited = call.right.waiting(Wait::Client, timeout(ROOTS_MAX, asked)).await;
    match waited.map_err(|why| unknown(&why))? {
        Ok(Ok(ClientResult::ListRootsResult(roots))) => Ok(roots),
        Ok(Ok(_)) => Err(unknown("this client answers something else than its roots")),
        Ok(Err(error)) => Err(unknown(&format!("this client does not name its roots ({error})"))),
        Err(_) => Err(unknown("this client did not name its roots in time")),
    }
}

fn list_roots() -> ListRootsRequest {
    ListRootsRequest { method: Default::default(), extensions: Default::default() }
}

/// The path of a `file:` URI of this machine.
fn path_of(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return None;
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut left = path.as_bytes();
    while let Some((first, rest)) = left.split_first() {
        let escaped = (*first == b'%').then(|| rest.get(..2)).flatten();
        let escaped = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                left = rest.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                left = rest;
            }
        }
    }
    String::from_utf8(bytes).ok().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_a_path_of_this_machine() {
        let of = |uri: &str| path_of(uri).map(|path| path.to_string_lossy().into_owned());
        assert_eq!(of("file:///home/ann/a%20b").as_deref(), Some("/home/ann/a b"));
        assert_eq!(of("file://localhost/x").as_deref(), Some("/x"));
        assert_eq!(of("file:///100%").as_deref(), Some("/100%"));
        for other in ["file://elsewhere/x", "https://example.org/", "/x", "file:x", ""] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
