//! The workflows that `smol-wf new` and `init` write.
//!
//! Owns: their list, and giving one a name. Never: writes a file.

use smol_wf_engine::LibraryError;
use smol_wf_engine::library;

use crate::bundled;

/// A workflow to begin with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Template {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Ending of its file: `mjs` for a module, `js` for a body.
    pub(crate) ending: &'static str,
    text: &'static str,
}

/// The template that `smol-wf init` writes.
pub(crate) const FIRST: Template = Template {
    name: "ask-repo",
    about: "answers a question about the repository; what `init` writes",
    ending: "mjs",
    text: include_str!("../templates/ask-repo.mjs"),
};

const OWN: [Template; 5] = [
    FIRST,
    Template {
        name: "minimal",
        about: "one agent, one answer of a fixed shape",
        ending: "mjs",
        text: include_str!("../templates/minimal.mjs"),
    },
    Template {
        name: "pipeline",
        about: "many items side by side, each through several stages",
        ending: "js",
        text: include_str!("../templates/pipeline.js"),
    },
    Template {
        name: "loop",
        about: "again until it is good, with an end",
        ending: "js",
        text: include_str!("../templates/loop.js"),
    },
    Template {
        name: "approval",
        about: "a person decides between the plan and the work",
        ending: "mjs",
        text: include_str!("../templates/approval.mjs"),
    },
];

/// All templates: the program's own, and the bundled workflows.
pub(crate) fn all() -> impl Iterator<Item = Template> {
    let bundled = bundled::WORKFLOWS.iter().map(|workflow| Template {
        name: workflow.name,
        about: "the bundled workflow, to change",
        ending: "js",
        text: workflow.text,
    });
    OWN.into_iter().chain(bundled)
}

/// The template of this name.
pub(crate) fn find(name: &str) -> Option<Template> {
    all().find(|template| template.name == name)
}

impl Template {
    /// The script with this name in its `meta`.
    pub(crate) fn named(&self, name: &str) -> String {
        let quoted = |quote: char| format!("name: {quote}{}{quote}", self.name);
        let renamed = |quote: char| format!("name: {quote}{name}{quote}");
        // In the texts above one of the two is there, once before all prompts (tested).
        self.text.replacen(&quoted('"'), &renamed('"'), 1).replacen(
            &quoted('\''),
            &renamed('\''),
            1,
        )
    }
}

/// Most characters of the name of a new workflow; it becomes a file name.
const NAME_CHARS_MAX: usize = 64;

/// Checks a name that a new workflow and its file are to have.
pub(crate) fn check_name(name: &str) -> Result<(), LibraryError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let reason = if name.chars().count() > NAME_CHARS_MAX {
        format!("it has more than {NAME_CHARS_MAX} characters")
    } else if !name.chars().all(is_plain) {
        "the name of a new one has letters, digits, `-`, `_` and `.` only".to_owned()
    } else if name.starts_with(['-', '.']) {
        "it begins with `-` or `.`, as flags and hidden files do".to_owned()
    } else {
        // Such as an empty one.
        return library::check_name(name);
    };
    let name = crate::sanitize::one_line(name);
    Err(LibraryError::NameInvalid { name, reason })
}

#[cfg(test)]
mod tests {
    use smol_wf_core::script::Script;

    use super::*;

    #[test]
    fn every_template_takes_a_name() {
        for template in all() {
            let text = template.named("my-own");
            let script = Script::read(text.as_bytes(), template.name).unwrap();
            assert_eq!(script.meta.name, "my-own", "{}", template.name);
            assert_eq!(script.warnings, [], "{}", template.name);
        }
    }

    #[test]
    fn hostile_names_are_refused() {
        for name in ["../x", "/x", "a/b", "a\nb", "", " ", ".x", "-x", "a'b", "é", "a b"] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        assert!(check_name(&"x".repeat(65)).is_err());
        assert!(check_name("Review_2.final").is_ok());
    }
}
