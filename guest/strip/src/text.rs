//! The author's text with a mask over it.
//!
//! Owns: how blanked text looks, so that every line, column and byte stays in its place.
//! Never: knows what is a type.

/// Line terminators of JavaScript.
const LINE_ENDS: [char; 4] = ['\n', '\r', '\u{2028}', '\u{2029}'];

/// A text, the bytes of it that become blank, and characters put in their place.
pub(crate) struct Text<'t> {
    source: &'t str,
    blank: Vec<bool>,
    put: Vec<(u32, u8)>,
}

impl<'t> Text<'t> {
    pub(crate) fn new(source: &'t str) -> Self {
        Self { source, blank: vec![false; source.len()], put: Vec::new() }
    }

    /// Blanks the bytes of this range.
    pub(crate) fn blank(&mut self, from: u32, to: u32) {
        if let Some(bytes) = self.blank.get_mut(from as usize..to as usize) {
            bytes.fill(true);
        }
    }

    /// Puts an ASCII character in the place of the one at this byte.
    pub(crate) fn put(&mut self, at: u32, ascii: u8) {
        self.put.push((at, ascii));
    }

    /// The byte there; 0 behind the end.
    pub(crate) fn byte(&self, at: u32) -> u8 {
        self.source.as_bytes().get(at as usize).copied().unwrap_or(0)
    }

    pub(crate) fn slice(&self, from: u32, to: u32) -> &'t str {
        self.source.get(from as usize..to as usize).unwrap_or_default()
    }

    pub(crate) fn has_line_end(&self, from: u32, to: u32) -> bool {
        self.slice(from, to).contains(LINE_ENDS)
    }

    /// The first byte from here that is neither white space nor comment.
    pub(crate) fn skip(&self, from: u32) -> u32 {
        let mut at = from as usize;
        while let Some(rest) = self.source.get(at..) {
            let Some(next) = rest.chars().next() else { break };
            if rest.starts_with("//") {
                at += rest.find(LINE_ENDS).unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                let end = rest.get(2..).and_then(|inside| inside.find("*/"));
                at += end.map_or(rest.len(), |end| end + 4);
            } else if next.is_whitespace() || next == '\u{feff}' {
                at += next.len_utf8();
            } else {
                break;
            }
        }
        offset(at)
    }

    /// The end of the word that begins here.
    pub(crate) fn word_end(&self, from: u32) -> u32 {
        let bytes = self.source.as_bytes().get(from as usize..).unwrap_or_default();
        let is_word = |byte: &u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || *byte >= 0x80
        };
        from + offset(bytes.iter().take_while(|byte| is_word(byte)).count())
    }

    /// The text with blanks. White space of the same width stands for each character.
    pub(crate) fn finish(mut self) -> String {
        self.put.sort_unstable();
        let mut put = self.put.iter().peekable();
        let mut out = String::with_capacity(self.source.len());
        for (at, char) in self.source.char_indices() {
            let mut instead = None;
            while let Some((_, ascii)) = put.next_if(|(place, _)| *place as usize == at) {
                instead.get_or_insert(*ascii);
            }
            let blank = self.blank.get(at).copied().unwrap_or(false);
            match instead {
                Some(ascii) => {
                    out.push(char::from(ascii));
                    (1..char.len_utf8()).for_each(|_| out.push(' '));
                }
                None if !blank || LINE_ENDS.contains(&char) => out.push(char),
                None => match char.len_utf8() {
                    1 => out.push(' '),
                    2 => out.push('\u{a0}'),
                    3 => out.push('\u{3000}'),
                    _ => out.push_str("\u{3000} "),
                },
            }
        }
        out
    }
}

/// A byte offset. A script has at most 1 MiB.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
