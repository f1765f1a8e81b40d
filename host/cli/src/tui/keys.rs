//! The keys: one table, from which the help and the footer are made as well.
//!
//! Owns: which key does what, and where. Never: does it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    In,
    Out,
    NextPane,
    PreviousPane,
    PaneOne,
    PaneTwo,
    PaneThree,
    Search,
    NextState,
    Follow,
    Unfold,
    Raw,
    Copy,
    Answer,
    Pause,
    Stop,
    Restart,
    Tell,
    Raise,
    Cancel,
    Play,
    Next,
    ToEnd,
    Save,
    Mouse,
    Help,
    Redraw,
    Suspend,
    Quit,
}

/// Where a key does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Everywhere.
    Anywhere,
    /// For a run that is followed, not one that is replayed.
    Live,
    /// In a replay.
    Replay,
}

impl Place {
    /// Its heading in the help.
    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Anywhere => "Everywhere",
            Self::Live => "A run that is followed",
            Self::Replay => "A replay",
        }
    }
}

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) action: Action,
    pub(crate) place: Place,
    keys: &'static [Key],
    /// The help.
    pub(crate) says: &'static str,
    /// A word for the footer.
    pub(crate) word: &'static str,
}

/// A key: what is pressed, and its name.
#[derive(Debug, Clone, Copy)]
struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
    name: &'static str,
}

const fn key(code: KeyCode, name: &'static str) -> Key {
    Key { code, modifiers: KeyModifiers::NONE, name }
}

const fn char_key(character: char, name: &'static str) -> Key {
    key(KeyCode::Char(character), name)
}

const fn control(character: char, name: &'static str) -> Key {
    Key { code: KeyCode::Char(character), modifiers: KeyModifiers::CONTROL, name }
}

const fn row(
    action: Action,
    place: Place,
    keys: &'static [Key],
    word: &'static str,
    says: &'static str,
) -> Binding {
    Binding { action, place, keys, says, word }
}

use Place::{Anywhere, Live, Replay};

/// All keys. No key stands alone for something that cannot be taken back.
pub(crate) const TABLE: &[Binding] = &[
    row(Action::Up, Anywhere, &[key(KeyCode::Up, "↑"), char_key('k', "k")], "", "one line up"),
    row(
        Action::Down,
        Anywhere,
        &[key(KeyCode::Down, "↓"), char_key('j', "j")],
        "",
        "one line down",
    ),
    row(
        Action::PageUp,
        Anywhere,
        &[key(KeyCode::PageUp, "PgUp"), control('b', "Ctrl-B")],
        "",
        "one page up",
    ),
    row(
        Action::PageDown,
        Anywhere,
        &[key(KeyCode::PageDown, "PgDn"), control('f', "Ctrl-F")],
        "",
        "one page down",
    ),
    row(
        Action::First,
        Anywhere,
        &[key(KeyCode::Home, "Home"), char_key('g', "g")],
        "",
        "to the first line",
    ),
    row(
        Action::Last,
        Anywhere,
        &[key(KeyCode::End, "End"), char_key('G', "G")],
        "",
        "to the last line",
    ),
    row(
        Action::In,
        Anywhere,
        &[key(KeyCode::Enter, "Enter"), key(KeyCode::Right, "→")],
        "open",
        "open the step, or unfold the group",
    ),
    row(
        Action::Out,
        Anywhere,
        &[key(KeyCode::Esc, "Esc"), key(KeyCode::Left, "←")],
        "",
        "back to the tree, fold the group, or end the search",
    ),
    row(Action::NextPane, Anywhere, &[key(KeyCode::Tab, "Tab")], "pane", "the next pane"),
    row(
        Action::PreviousPane,
        Anywhere,
        &[key(KeyCode::BackTab, "Shift-Tab")],
        "",
        "the pane before",
    ),
    row(Action::PaneOne, Anywhere, &[char_key('1', "1")], "", "the tree"),
    row(Action::PaneTwo, Anywhere, &[char_key('2', "2")], "", "the details of the step"),
    row(Action::PaneThree, Anywhere, &[char_key('3', "3")], "", "the log"),
    row(Action::Search, Anywhere, &[char_key('/', "/")], "search", "show only what has this text"),
    row(
        Action::NextState,
        Anywhere,
        &[char_key('f', "f")],
        "filter",
        "show only the steps of one state: the next one",
    ),
    row(Action::Follow, Anywhere, &[char_key('t', "t")], "follow", "keep the newest in view"),
    row(
        Action::Unfold,
        Anywhere,
        &[char_key('z', "z")],
        "",
        "fold or unfold all groups of like steps",
    ),
    row(Action::Raw, Anywhere, &[char_key('v', "v")], "raw", "details for reading, or as JSON"),
    row(
        Action::Copy,
        Anywhere,
        &[char_key('y', "y")],
        "copy",
        "copy the details, or the answer of the selected step",
    ),
    row(Action::Answer, Live, &[char_key('a', "a")], "answer", "answer a question"),
    row(
        Action::Pause,
        Live,
        &[char_key('p', "p")],
        "pause",
        "pause the run; let a stopped one go on",
    ),
    row(Action::Stop, Live, &[char_key('x', "x")], "stop", "stop the step (it asks before)"),
    row(
        Action::Restart,
        Live,
        &[char_key('r', "r")],
        "restart",
        "run the agent of the step again (it asks before)",
    ),
    row(
        Action::Tell,
        Live,
        &[char_key('m', "m")],
        "message",
        "tell the agent of the step something",
    ),
    row(Action::Raise, Live, &[char_key('+', "+")], "raise", "raise a limit of the run"),
    row(
        Action::Cancel,
        Live,
        &[char_key('X', "X")],
        "",
        "stop the whole run (it asks before); it can be resumed",
    ),
    row(Action::Play, Replay, &[char_key(' ', "Space")], "play", "play, or halt"),
    row(Action::Next, Replay, &[char_key('n', "n")], "next", "the next event"),
    row(Action::ToEnd, Replay, &[char_key('e', "e")], "end", "everything to the end"),
    row(Action::Save, Anywhere, &[char_key('s', "s")], "save", "save the event stream to a file"),
    row(
        Action::Mouse,
        Anywhere,
        &[char_key('M', "M")],
        "",
        "the wheel scrolls; again: the terminal selects text",
    ),
    row(Action::Help, Anywhere, &[char_key('?', "?")], "help", "these keys"),
    row(Action::Redraw, Anywhere, &[control('l', "Ctrl-L")], "", "draw everything again"),
    row(
        Action::Suspend,
        Anywhere,
        &[control('z', "Ctrl-Z")],
        "",
        "back to the shell; `fg` returns",
    ),
    row(
        Action::Quit,
        Anywhere,
        &[char_key('q', "q"), control('c', "Ctrl-C")],
        "quit",
        "leave; the run goes on",
    ),
];

impl Binding {
    /// Its keys, for people.
    pub(crate) fn names(&self) -> String {
        self.keys.iter().map(|key| key.name).collect::<Vec<_>>().join(" ")
    }

    /// The same in ASCII: arrows by their names.
    pub(crate) fn ascii_names(&self) -> String {
        self.keys.iter().map(|key| ascii(key.name)).collect::<Vec<_>>().join(" ")
    }

    /// Its first key in ASCII.
    pub(crate) fn ascii_name(&self) -> &'static str {
        ascii(self.name())
    }

    /// Its first key, for the footer.
    pub(crate) fn name(&self) -> &'static str {
        self.keys.first().map_or("", |key| key.name)
    }

    fn is(&self, pressed: &KeyEvent) -> bool {
        // A capital letter comes with Shift on some terminals.
        let modifiers = pressed.modifiers - KeyModifiers::SHIFT;
        self.keys.iter().any(|key| key.code == pressed.code && key.modifiers == modifiers)
    }
}

/// A name without arrows.
fn ascii(name: &'static str) -> &'static str {
    match name {
        "↑" => "Up",
        "↓" => "Down",
        "→" => "Right",
        "←" => "Left",
        other => other,
    }
}

/// What a key does in a replay, or on a run that is followed.
pub(crate) fn action_of(pressed: &KeyEvent, is_replay: bool) -> Option<Action> {
    let other = if is_replay { Live } else { Replay };
    let row = TABLE.iter().find(|row| row.place != other && row.is(pressed));
    row.map(|row| row.action)
}

/// The row of an action.
pub(crate) fn binding_of(action: Action) -> Option<&'static Binding> {
    TABLE.iter().find(|row| row.action == action)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_key_does_one_thing() {
        for is_replay in [false, true] {
            let other = if is_replay { Live } else { Replay };
            let mut seen = BTreeSet::new();
            for row in TABLE.iter().filter(|row| row.place != other) {
                for key in row.keys {
                    assert!(seen.insert(key.name), "{}", key.name);
                    let pressed = KeyEvent::new(key.code, key.modifiers);
                    assert_eq!(action_of(&pressed, is_replay), Some(row.action), "{}", key.name);
                }
            }
        }
        let quit = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(action_of(&quit, false), Some(Action::Last));
    }

    /// The page has the table as it is here.
    #[test]
    fn the_page_has_all_keys() {
        let page = include_str!("../../../../docs/tui.md");
        let mut table = String::new();
        for place in [Anywhere, Live, Replay] {
            table.push_str(&format!("\n| {} | |\n|---|---|\n", place.heading().to_lowercase()));
            for row in TABLE.iter().filter(|row| row.place == place) {
                let names: Vec<String> =
                    row.keys.iter().map(|key| format!("`{}`", key.name)).collect();
                table.push_str(&format!("| {} | {} |\n", names.join(" "), row.says));
            }
        }
        assert!(page.contains(&table), "docs/tui.md lacks this table:\n{table}");
    }
}
