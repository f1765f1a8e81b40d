//! Reads a script and its `meta` without running it.
//!
//! Owns: which texts are accepted as scripts, where `export const meta` may be, which
//! values `meta` may have, and the position of a refusal. Never: runs a script, opens a
//! file, or checks the rest of the script; the guest's parser does.
//!
//! `meta` is shown to people who decide whether to run a script that they did not write.
//! So no code may run to compute it: it is a literal.

mod context;
mod errors;
mod exports;
mod find;
mod imports;
mod lexer;
mod literal;
mod literal_errors;
mod meta;
mod modules;
mod position;
mod quoted;
mod typescript;

use crate::codes::Code;
use crate::guest::Source;
use crate::ids::Digest;
use crate::limits::SCRIPT_BYTES_MAX;
use crate::module_text::ModuleText;
use crate::surface::Surface;

pub use errors::{ScriptRefusal, ScriptWarning};
pub use exports::{Exports, exports};
pub use imports::{EXPORTS, MissingExport, missing_export};
pub use meta::{Meta, Phase};
pub use modules::{Import, imports, json_module, relative_to, resolve};
pub use position::{Position, position_at, snippet};
pub use typescript::{NotErasable, StripFault, TYPESCRIPT_ENDINGS, is_typescript};

use errors::Fault;

/// A script that was read, but not run.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// The JavaScript that runs: exactly as the author wrote it, or without its types.
    pub text: String,
    /// The author's text, if types were taken out of it. Lines and columns are the same.
    pub author_text: Option<String>,
    /// Its name in error positions.
    pub file_name: String,
    /// Digest of the author's text, and of those of its modules.
    pub digest: Digest,
    /// Its `meta`.
    pub meta: Meta,
    /// The whole `meta` as JSON text, including unknown keys.
    pub meta_json: String,
    /// Byte offset of the `export` before `const meta`.
    pub meta_export: u32,
    /// Warnings for the author, at most 16.
    pub warnings: Vec<ScriptWarning>,
    /// The modules that it imports; none until they are loaded.
    pub modules: Vec<ModuleText>,
}

impl Script {
    /// Reads a script, in time linear in its length.
    ///
    /// # Errors
    /// When this is not text, or its `meta` is missing, invalid or not a literal.
    pub fn read(bytes: &[u8], file_name: &str) -> Result<Self, ScriptRefusal> {
        Self::read_under(bytes, file_name, Surface::CURRENT)
    }

    /// As [`Self::read`], for a run of this surface: up to surface 2, phases have no
    /// options.
    ///
    /// # Errors
    /// As in [`Self::read`].
    pub fn read_under(
        bytes: &[u8],
        file_name: &str,
        surface: Surface,
    ) -> Result<Self, ScriptRefusal> {
        let text = decode(bytes, file_name)?;
        Self::read_texts(text, None, file_name, surface)
    }

    /// As [`Self::read_under`], and `strip` takes the types out of a text whose file name
    /// is that of TypeScript.
    ///
    /// # Errors
    /// As in [`Self::read`], and when the types cannot be taken out.
    pub fn read_stripped(
        bytes: &[u8],
        file_name: &str,
        surface: Surface,
        strip: impl FnOnce(&str) -> Result<String, StripFault>,
    ) -> Result<Self, ScriptRefusal> {
        let author = decode(bytes, file_name)?;
        if !is_typescript(file_name) {
            return Self::read_texts(author, None, file_name, surface);
        }
        let text = strip(author).map_err(|fault| fault.with_position(author, file_name))?;
        Self::read_texts(&text, Some(author), file_name, surface)
    }

    /// Reads the text that runs, as it was recorded. Positions are shown in the author's,
    /// where every line and byte is in the same place.
    ///
    /// # Errors
    /// As in [`Self::read`].
    pub fn read_texts(
        text: &str,
        author: Option<&str>,
        file_name: &str,
        surface: Surface,
    ) -> Result<Self, ScriptRefusal> {
        let shown = author.unwrap_or(text);
        let refuse = |fault: Fault| fault.with_position(shown, file_name);
        let found = find::meta(text).map_err(refuse)?;
        let (meta, notes) = meta::check(&found.literal, surface).map_err(refuse)?;
        Ok(Self {
            text: text.to_owned(),
            author_text: author.map(str::to_owned),
            file_name: file_name.to_owned(),
            digest: Digest::of(shown.as_bytes()),
            meta,
            meta_json: found.literal.to_json().to_string(),
            // The size is far below 4 GiB.
            meta_export: u32::try_from(found.export).unwrap_or(u32::MAX),
            warnings: notes.into_iter().map(|note| note.with_position(shown)).collect(),
            modules: Vec::new(),
        })
    }

    /// The text as the author wrote it, for excerpts.
    #[must_use]
    pub fn shown_text(&self) -> &str {
        self.author_text.as_deref().unwrap_or(&self.text)
    }

    /// The script in the form for the guest. `path` is its own from the project.
    #[must_use]
    pub fn source(&self, path: &str) -> Source {
        Source {
            text: self.text.clone(),
            file_name: self.file_name.clone(),
            path: path.to_owned(),
            meta_export: self.meta_export,
            modules: self.modules.clone(),
        }
    }
}

/// The text of these bytes, if it may be a script.
fn decode<'a>(bytes: &'a [u8], file_name: &str) -> Result<&'a str, ScriptRefusal> {
    let refuse =
        |text, at, code, message| Fault::new(code, at, message).with_position(text, file_name);
    if bytes.len() > SCRIPT_BYTES_MAX {
        let message =
            format!("the script is {} bytes, and {SCRIPT_BYTES_MAX} is the most", bytes.len());
        return Err(refuse("", 0, Code::ScriptTooLarge, message));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.valid_up_to();
            let hint = match bytes {
                [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "; it looks like UTF-16, save it as UTF-8",
                _ => "",
            };
            let message = format!("the script is not UTF-8 text: byte {at} cannot be read{hint}");
            let readable = bytes.get(..at).and_then(|valid| std::str::from_utf8(valid).ok());
            return Err(refuse(readable.unwrap_or_default(), at, Code::ScriptNotUtf8, message));
        }
    };
    if let Some(at) = text.find('\0') {
        let message = format!("the script holds a NUL character, at byte {at}: it is no text");
        return Err(refuse(text, at, Code::ScriptNul, message));
    }
    if text.chars().all(lexer::is_space) {
        return Err(refuse(text, 0, Code::ScriptEmpty, "the script is empty".to_owned()));
    }
    Ok(text)
}
