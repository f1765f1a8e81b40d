//! The modes of agents, by their names.
//!
//! Owns: which one only reads, and which one lets an agent edit files without asking.
//! Never: chooses one in which an agent may do everything.

/// Modes in which agents change nothing.
const READING: [&str; 2] = ["readonly", "plan"];

/// Modes in which agents edit files of their directory without asking, and do no more.
const WRITING: [&str; 3] = ["acceptedits", "autoedit", "workspacewrite"];

/// The offered mode in which an agent only reads.
pub(super) fn reading(offered: &[String]) -> Option<&String> {
    one_of(&READING, offered)
}

/// The offered mode in which an agent edits files without asking.
pub(super) fn writing(offered: &[String]) -> Option<&String> {
    one_of(&WRITING, offered)
}

fn one_of<'a>(wanted: &[&str], offered: &'a [String]) -> Option<&'a String> {
    wanted.iter().find_map(|name| offered.iter().find(|mode| plain(mode) == *name))
}

/// A mode's name in the form of the lists above. Some agents name a mode by a URL whose
/// last part counts, and one has hyphens where another has capitals.
fn plain(mode: &str) -> String {
    let last = mode.trim_end_matches(['/', '#']).rsplit(['#', '/', ':']).next().unwrap_or(mode);
    last.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_known_by_their_last_part() {
        let url =
            |name: &str| format!("https://agentclientprotocol.com/protocol/session-modes#{name}");
        for (who, offered, reads, writes) in [
            ("copilot", vec![url("agent"), url("plan"), url("autopilot")], Some(1), None),
            (
                "codex",
                ["read-only", "workspace-write", "agent"].map(String::from).into(),
                Some(0),
                Some(1),
            ),
            (
                "gemini",
                ["default", "autoEdit", "yolo", "plan"].map(String::from).into(),
                Some(3),
                Some(1),
            ),
            (
                "qwen",
                ["plan", "default", "auto-edit", "auto"].map(String::from).into(),
                Some(0),
                Some(2),
            ),
            (
                "claude",
                ["default", "acceptEdits", "plan"].map(String::from).into(),
                Some(2),
                Some(1),
            ),
            ("another", ["x/y/Read_Only", "planner"].map(String::from).into(), Some(0), None),
            ("pi", vec!["off".to_owned()], None, None),
        ] {
            let at = |found: Option<&String>| {
                found.map(|one| offered.iter().position(|o| o == one).unwrap())
            };
            assert_eq!((at(reading(&offered)), at(writing(&offered))), (reads, writes), "{who}");
        }
    }
}
