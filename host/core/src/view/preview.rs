//! The beginning of a value, as JSON text.
//!
//! Owns: writing no more of a value than is kept. Never: the whole of a large value in
//! memory a second time.

use std::io::{Error, Write};

use serde_json::Value;

use crate::cut;

/// The beginning of a value; a text is not quoted.
pub(super) fn of(value: &Value, bytes_max: usize) -> String {
    if let Value::String(text) = value {
        return cut::marked(cut::head(text, bytes_max + 1).to_owned(), bytes_max);
    }
    let mut start = Start { bytes: Vec::new(), bytes_max: bytes_max + 1 };
    // It ends with an error once it has enough.
    let _ = serde_json::to_writer(&mut start, value);
    let text = match String::from_utf8(start.bytes) {
        Ok(text) => text,
        // The cut went through a character.
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    };
    cut::marked(text, bytes_max)
}

/// Takes some bytes and then refuses more.
struct Start {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl Write for Start {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let room = self.bytes_max.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() > room { Err(Error::other("enough")) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_more_is_written_than_is_kept() {
        assert_eq!(of(&json!("abc"), 3), "abc");
        assert_eq!(of(&json!("abcd"), 3), "abc…");
        assert_eq!(of(&json!({"a": [1, 2, 3]}), 100), r#"{"a":[1,2,3]}"#);
        assert_eq!(of(&json!({"a": [1, 2, 3]}), 6), r#"{"a":[…"#);
        assert_eq!(of(&json!(["ñññññ"]), 4), "[\"ñ…");
        assert_eq!(of(&json!(["ñññññ"]), 5), "[\"ñ…");
    }
}
