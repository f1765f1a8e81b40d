//! The text of a module that a script imports.
//!
//! Owns: its form in journals and on the way to the guest. Never: finds or reads one.

use serde::{Deserialize, Serialize};

/// A module that a script imports, with its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleText {
    /// Its path from the project, such as `flows/lib/prompts.ts`; of the user's own workflows
    /// it begins with `~/`.
    pub path: String,
    /// The JavaScript that runs.
    pub text: String,
    /// The author's text, if it is another one: TypeScript or JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author_text: Option<String>,
}

impl ModuleText {
    /// The text as the author wrote it.
    #[must_use]
    pub fn shown_text(&self) -> &str {
        self.author_text.as_deref().unwrap_or(&self.text)
    }
}
