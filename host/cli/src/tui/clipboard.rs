//! Copies text by way of the terminal (OSC 52), which also works over SSH.
//!
//! Owns: the sequence and its limit. Never: writes it, or starts a program.

/// Most bytes of a copied text: in base 64 these are just below the 100,000 bytes that
/// terminals take.
pub(crate) const COPIED_BYTES_MAX: usize = 74_000;

/// A sequence for the terminal, and whether the text was cut to fit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Copy {
    pub(crate) sequence: Vec<u8>,
    pub(crate) is_cut: bool,
}

/// The sequence that puts this text into the clipboard.
pub(crate) fn copy(text: &str) -> Copy {
    let part = smol_wf_core::cut::head(text, COPIED_BYTES_MAX);
    let mut sequence = b"\x1b]52;c;".to_vec();
    add_base64(&mut sequence, part.as_bytes());
    sequence.push(0x07);
    Copy { sequence, is_cut: part.len() < text.len() }
}

/// Base 64 with padding (RFC 4648, section 4).
fn add_base64(to: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let mut three = [0; 3];
        three[..group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for at in 0..4_usize {
            let digit = (bits >> (18 - 6 * at)) & 63;
            to.push(if at <= group.len() { DIGITS[digit as usize] } else { b'=' });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base64(text: &str) -> String {
        let mut to = Vec::new();
        add_base64(&mut to, text.as_bytes());
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn the_sequence_has_the_text_in_base_64() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
            ("é→💥", "w6nihpLwn5Kl"),
        ] {
            assert_eq!(base64(text), expected, "{text}");
        }
        assert_eq!(copy("foo").sequence, b"\x1b]52;c;Zm9v\x07");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let copied = copy(&"é".repeat(COPIED_BYTES_MAX));
        assert!(copied.is_cut && copied.sequence.len() < 100_000);
        assert!(!copy("short").is_cut);
        // Nothing of the text itself is in it, so that it cannot end the sequence.
        assert!(!copy("\x07\x1b[31m").sequence[7..].contains(&0x1b));
    }
}
