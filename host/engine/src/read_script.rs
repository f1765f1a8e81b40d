//! Reads a script, TypeScript or not.
//!
//! Owns: when the types of a text are taken out. Never: opens a file, or compiles.

use smol_wf_core::limits::SCRIPT_BYTES_MAX;
use smol_wf_core::script::{Script, ScriptRefusal, StripFault, is_typescript};
use smol_wf_core::surface::Surface;
use smol_wf_sandbox::{strip, strip_now};

/// Reads a script.
///
/// # Errors
/// When it is refused, with line and column.
pub(crate) async fn read_script(
    bytes: &[u8],
    file_name: &str,
    surface: Surface,
) -> Result<Script, ScriptRefusal> {
    let stripped = match std::str::from_utf8(bytes) {
        Ok(text) if is_typescript(file_name) && text.len() <= SCRIPT_BYTES_MAX => strip(text).await,
        // Not stripped, or refused before.
        _ => Err(StripFault::TooMuch { at: None }),
    };
    Script::read_stripped(bytes, file_name, surface, |_| stripped)
}

/// As `read_script`, for callers that may block.
///
/// # Errors
/// As of `read_script`.
pub fn read_script_now(
    bytes: &[u8],
    file_name: &str,
    surface: Surface,
) -> Result<Script, ScriptRefusal> {
    Script::read_stripped(bytes, file_name, surface, strip_now)
}
