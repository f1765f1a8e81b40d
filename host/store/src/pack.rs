//! Moves large strings out of a record's body, and puts them back.
//!
//! Owns: which strings move, and the guarantee that a body is restored byte for byte,
//! which the chain of digests depends on. Never: where the strings are stored, or what
//! a body means; it is any JSON text.

use serde_json::{Map, Value};
use smol_wf_core::ids::Digest;

/// Strings of more bytes than this are stored once, by digest, instead of in the body.
/// One page of SQLite: a shorter string costs less when repeated than as its own row.
pub const LARGE_BYTES: usize = 4096;

/// The only key of an object that stands for a moved string.
const MARKER: &str = "$blob";

/// A body without its large strings.
#[derive(Debug)]
pub(crate) struct Packed {
    /// The body as JSON text, with markers for the moved strings.
    pub(crate) text: String,
    /// The moved strings, without JSON escapes.
    pub(crate) moved: Vec<(Digest, String)>,
}

/// Why a packed body cannot be restored.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum UnpackError<E> {
    /// The text is not JSON any more.
    Unreadable(String),
    /// There is no string with this digest.
    Missing(Digest),
    /// The strings exceed the limit in bytes.
    TooLarge,
    /// The lookup of a string failed.
    Lookup(E),
}

/// Packs a body. `None` means that it must be stored unchanged: it has no large
/// string, or it would not be restored byte for byte (unusual spacing or numbers, an
/// object that looks like a marker).
pub(crate) fn pack(body: &str) -> Option<Packed> {
    if body.len() <= LARGE_BYTES {
        return None;
    }
    let mut value: Value = serde_json::from_str(body).ok()?;
    let mut moved = Vec::new();
    take_out(&mut value, &mut moved)?;
    if moved.is_empty() {
        return None;
    }
    let packed = Packed { text: serde_json::to_string(&value).ok()?, moved };
    // Compared with the original, which is still at hand, rather than proved.
    let back = unpack(&packed.text, usize::MAX, &mut |digest| {
        let found = packed.moved.iter().find(|(known, _)| known == digest);
        Ok::<_, ()>(found.map(|(_, text)| text.clone()))
    });
    (back.as_deref() == Ok(body)).then_some(packed)
}

/// Restores a packed body; `lookup` finds the strings. Together they may have `most`
/// bytes, counted with escapes and once per marker: a file may name a string of four
/// mebibytes ten thousand times.
pub(crate) fn unpack<E>(
    text: &str,
    most: usize,
    lookup: &mut dyn FnMut(&Digest) -> Result<Option<String>, E>,
) -> Result<String, UnpackError<E>> {
    let unreadable = |error: serde_json::Error| UnpackError::Unreadable(error.to_string());
    let mut value: Value = serde_json::from_str(text).map_err(unreadable)?;
    let mut left = most;
    put_back(&mut value, &mut left, lookup)?;
    serde_json::to_string(&value).map_err(unreadable)
}

/// Moves large strings out of a value. `None` when an object in it already looks like
/// a marker.
fn take_out(value: &mut Value, moved: &mut Vec<(Digest, String)>) -> Option<()> {
    match value {
        Value::String(text) if text.len() > LARGE_BYTES => {
            let text = std::mem::take(text);
            let digest = Digest::of(text.as_bytes());
            *value = marker(&digest);
            // Once per body.
            if !moved.iter().any(|(known, _)| *known == digest) {
                moved.push((digest, text));
            }
        }
        Value::Object(fields) => {
            if marked_digest(fields).is_some() {
                return None;
            }
            for field in fields.values_mut() {
                take_out(field, moved)?;
            }
        }
        Value::Array(items) => {
            for item in items {
                take_out(item, moved)?;
            }
        }
        _ => {}
    }
    Some(())
}

fn put_back<E>(
    value: &mut Value,
    left: &mut usize,
    lookup: &mut dyn FnMut(&Digest) -> Result<Option<String>, E>,
) -> Result<(), UnpackError<E>> {
    match value {
        Value::Object(fields) => {
            if let Some(digest) = marked_digest(fields) {
                let text = lookup(&digest).map_err(UnpackError::Lookup)?;
                let text = text.ok_or(UnpackError::Missing(digest))?;
                *left = left.checked_sub(json_bytes(&text)).ok_or(UnpackError::TooLarge)?;
                *value = Value::String(text);
                return Ok(());
            }
            fields.values_mut().try_for_each(|field| put_back(field, left, lookup))
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| put_back(item, left, lookup)),
        _ => Ok(()),
    }
}

/// Bytes of a string in JSON text, without quotes.
fn json_bytes(text: &str) -> usize {
    let taken = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => "\\u0000".len(),
        _ => 1,
    };
    text.bytes().map(taken).sum()
}

fn marker(digest: &Digest) -> Value {
    let mut fields = Map::new();
    fields.insert(MARKER.to_owned(), Value::String(digest.as_str().to_owned()));
    Value::Object(fields)
}

fn marked_digest(fields: &Map<String, Value>) -> Option<Digest> {
    match fields.get(MARKER) {
        Some(Value::String(hex)) if fields.len() == 1 => Some(Digest::from_hex(hex.as_str())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(packed: &Packed) -> String {
        unpack(&packed.text, usize::MAX, &mut |digest| {
            let found = packed.moved.iter().find(|(known, _)| known == digest);
            Ok::<_, ()>(found.map(|(_, text)| text.clone()))
        })
        .unwrap()
    }

    fn large(of: &str) -> String {
        of.repeat(LARGE_BYTES / of.len() + 1)
    }

    #[test]
    fn large_strings_move_and_come_back_in_their_place() {
        let text = large("\"quoted\" ü\\n\u{0}");
        let value = serde_json::json!({"z": 1, "a": [text, "small", text], "m": 0.1});
        let body = serde_json::to_string(&value).unwrap();
        let packed = pack(&body).unwrap();
        assert_eq!(packed.moved.len(), 1);
        assert!(packed.text.len() < 300, "{}", packed.text);
        assert_eq!(back(&packed), body);
    }

    #[test]
    fn bodies_that_would_not_be_restored_are_not_packed() {
        let large = large("x");
        for body in [
            format!("{{\"a\": \"{large}\"}}"),
            format!("{{\"a\":\"{large}\",\"n\":1e2}}"),
            format!("{{\"a\":\"{large}\",\"n\":1.00}}"),
            format!("{{\"a\":\"{large}\",\"n\":123456789012345678901234567890}}"),
            format!("{{\"a\":\"{large}\",\"a\":1}}"),
            format!("{{\"a\":\"{large}\\u0041\"}}"),
            format!("{{\"a\":\"{large}\",\"b\":{{\"$blob\":\"text\"}}}}"),
            format!("{{\"$blob\":\"{large}\"}}"),
            "[".repeat(LARGE_BYTES + 1),
        ] {
            assert!(pack(&body).is_none(), "{}", &body[body.len() - 40..]);
        }
    }

    #[test]
    fn objects_that_only_resemble_a_marker_are_packed() {
        let large = large("x");
        for other in ["{\"$blob\":1}", "{\"$blob\":\"a\",\"b\":2}", "{\"$blob\":null}"] {
            let body = format!("{{\"a\":\"{large}\",\"b\":{other}}}");
            assert_eq!(back(&pack(&body).unwrap()), body);
        }
    }

    #[test]
    fn a_missing_string_is_named() {
        let packed = pack(&format!("[\"{}\"]", large("x"))).unwrap();
        let error = unpack(&packed.text, usize::MAX, &mut |_| Ok::<_, ()>(None)).unwrap_err();
        assert_eq!(error, UnpackError::Missing(packed.moved[0].0.clone()));
    }

    #[test]
    fn a_string_that_is_named_too_often_is_refused() {
        let text = large("x");
        let one = pack(&format!("[\"{text}\"]")).unwrap();
        let marker = &one.text[1..one.text.len() - 1];
        let often = format!("[{}]", vec![marker; 100].join(","));
        let unpacked = |most| unpack(&often, most, &mut |_| Ok::<_, ()>(Some(text.clone())));
        assert!(unpacked(100 * text.len()).is_ok());
        assert_eq!(unpacked(100 * text.len() - 1), Err(UnpackError::TooLarge));
    }

    #[test]
    fn a_string_counts_as_it_is_written() {
        let all: String = (0_u8..=0x7f).map(char::from).chain(['é', '\u{2028}', '🦀']).collect();
        for text in [all.as_str(), "", "plain", "\"\\\n\u{1}"] {
            assert_eq!(
                json_bytes(text),
                serde_json::to_string(text).unwrap().len() - 2,
                "{text:?}"
            );
        }
        let marker = serde_json::to_string(&marker(&Digest::of(b"x"))).unwrap();
        let unpacked = unpack(&marker, 5_999, &mut |_| Ok::<_, ()>(Some("\u{1}".repeat(1_000))));
        assert_eq!(unpacked, Err(UnpackError::TooLarge));
    }
}
