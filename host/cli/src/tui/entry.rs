//! A line that a person types.
//!
//! Owns: editing it, and how much of it fits. Never: what it means.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use smol_wf_core::limits::ASK_ANSWER_BYTES_MAX;
use tui_input::{Input, InputRequest};

use super::text;

/// A line of text with a cursor. Line ends that are pasted stay in it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    input: Input,
}

impl Entry {
    /// A line that begins with this text.
    pub(crate) fn with(text: &str) -> Self {
        Self { input: Input::new(text.to_owned()) }
    }

    pub(crate) fn text(&self) -> &str {
        self.input.value()
    }

    /// Takes a key that edits the line. Returns whether it did.
    pub(crate) fn key(&mut self, key: &KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let request = match key.code {
            KeyCode::Char('a') if control => InputRequest::GoToStart,
            KeyCode::Char('e') if control => InputRequest::GoToEnd,
            KeyCode::Char('u') if control => InputRequest::DeleteFromStart,
            KeyCode::Char('k') if control => InputRequest::DeleteTillEnd,
            KeyCode::Char('w') if control => InputRequest::DeletePrevWord,
            KeyCode::Char('b') if alt => InputRequest::GoToPrevWord,
            KeyCode::Char('f') if alt => InputRequest::GoToNextWord,
            KeyCode::Char(_) if control || alt => return false,
            KeyCode::Char(typed) if self.has_room(typed.len_utf8()) => {
                InputRequest::InsertChar(typed)
            }
            KeyCode::Backspace if control || alt => InputRequest::DeletePrevWord,
            KeyCode::Backspace => InputRequest::DeletePrevChar,
            KeyCode::Delete => InputRequest::DeleteNextChar,
            KeyCode::Left if control => InputRequest::GoToPrevWord,
            KeyCode::Right if control => InputRequest::GoToNextWord,
            KeyCode::Left => InputRequest::GoToPrevChar,
            KeyCode::Right => InputRequest::GoToNextChar,
            KeyCode::Home => InputRequest::GoToStart,
            KeyCode::End => InputRequest::GoToEnd,
            _ => return false,
        };
        self.input.handle(request);
        true
    }

    /// Puts pasted text in, as far as there is room. Returns whether all of it fitted.
    pub(crate) fn paste(&mut self, pasted: &str) -> bool {
        let pasted = pasted.replace("\r\n", "\n").replace('\r', "\n");
        let room = ASK_ANSWER_BYTES_MAX.saturating_sub(self.text().len());
        let part = smol_wf_core::cut::head(&pasted, room);
        let (cursor, before) = (self.input.cursor(), self.text());
        let at = before.char_indices().nth(cursor).map_or(before.len(), |(at, _)| at);
        let (left, right) = before.split_at(at);
        let whole = format!("{left}{part}{right}");
        let cursor = cursor + part.chars().count();
        self.input = Input::new(whole).with_cursor(cursor);
        part.len() == pasted.len()
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.text().len() + bytes <= ASK_ANSWER_BYTES_MAX
    }

    /// What of the line is shown in some columns, and the column of the cursor in it. A
    /// line end is shown as `line_end`.
    pub(crate) fn shown(&self, columns_max: usize, line_end: &str) -> (String, usize) {
        let safe = |part: &str| text::one_line(&part.replace('\n', line_end));
        let cursor = self.input.cursor();
        let value = self.text();
        let at = value.char_indices().nth(cursor).map_or(value.len(), |(at, _)| at);
        let (left, right) = value.split_at(at);
        // As much before the cursor as fits; only the end of a long text is looked at.
        let room = columns_max.saturating_sub(1);
        let begin = left.char_indices().rev().nth(room).map_or(0, |(at, _)| at);
        let mut left = safe(left.get(begin..).unwrap_or_default());
        while text::columns(&left) > room {
            left.remove(0);
        }
        let cursor = text::columns(&left);
        let right = smol_wf_core::cut::head_chars(right, columns_max);
        let right = text::cut(&safe(right), columns_max.saturating_sub(cursor), "");
        (left + &right, cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(entry: &mut Entry, keys: &str) {
        for key in keys.chars() {
            assert!(entry.key(&KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE)));
        }
    }

    #[test]
    fn a_line_is_edited_as_in_a_shell() {
        let mut entry = Entry::default();
        typed(&mut entry, "no way");
        let control = |key| KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL);
        assert!(entry.key(&control('w')));
        assert_eq!(entry.text(), "no ");
        assert!(entry.key(&control('a')));
        typed(&mut entry, "oh ");
        assert_eq!(entry.text(), "oh no ");
        assert!(!entry.key(&KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE)));
        assert!(!entry.key(&control('x')));
    }

    #[test]
    fn pasted_text_goes_in_at_the_cursor_and_is_shown_around_it() {
        let mut entry = Entry::with("ad");
        assert!(entry.key(&KeyEvent::new(KeyCode::Left, KeyModifiers::NONE)));
        assert!(entry.paste("b\r\nc"));
        assert_eq!(entry.text(), "ab\ncd");
        assert_eq!(entry.shown(10, "/"), ("ab/cd".to_owned(), 4));
        assert_eq!(entry.shown(3, "/"), ("/cd".to_owned(), 2));
        assert_eq!(Entry::with("a\u{1b}[2J").shown(10, "/").0, "a\u{fffd}[2J");
        let mut long = Entry::default();
        assert!(long.paste(&"日".repeat(10_000)));
        assert_eq!(long.shown(5, "/"), ("日日".to_owned(), 4));
        assert!(!Entry::default().paste(&"x".repeat(ASK_ANSWER_BYTES_MAX + 1)));
    }
}
