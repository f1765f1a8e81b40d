//! Short texts about what an agent does, for people who watch.
//!
//! Owns: what stands for a tool's arguments, and how it is cut. Never: journaled.

use smol_wf_core::cut;

/// Characters of a tool's detail: one line of a terminal.
const DETAIL_CHARS: usize = 120;

/// The first line of a text, cut to [`DETAIL_CHARS`].
pub(crate) fn shorten(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    if line.len() == text.trim().len() {
        return cut::to_chars(line, DETAIL_CHARS);
    }
    format!("{}{}", cut::head_chars(line, DETAIL_CHARS - 1), cut::MARK)
}

/// What a tool is used on: the first of its arguments with a telling name.
pub(crate) fn detail_of(arguments: &serde_json::Value) -> Option<String> {
    const TELLING: [&str; 11] = [
        "command",
        "cmd",
        "file_path",
        "path",
        "notebook_path",
        "pattern",
        "query",
        "url",
        "skill",
        "description",
        "prompt",
    ];
    TELLING.iter().find_map(|name| arguments.get(*name)?.as_str()).map(shorten)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_one_short_line() {
        assert_eq!(shorten(" npm test \n"), "npm test");
        assert_eq!(shorten("a\nb"), "a…");
        assert_eq!(shorten(&"é".repeat(500)).chars().count(), DETAIL_CHARS);
        let used = detail_of(&serde_json::json!({"description": "d", "command": "ls -l"}));
        assert_eq!(used.as_deref(), Some("ls -l"));
        assert_eq!(detail_of(&serde_json::json!({"x": 1})), None);
    }
}
