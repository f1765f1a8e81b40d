//! JSON text that every reader takes: `JSON.stringify` writes a lone surrogate
//! as an escape such as `\ud800`, which strict readers refuse.
//!
//! Knows nothing of JavaScript values.

/// Replaces the escapes of lone surrogates by that of U+FFFD, in place: both
/// are six bytes long.
pub(crate) fn json(mut text: String) -> String {
    // QuickJS writes the hexadecimal digits in lower case, and pairs unescaped.
    if !text.contains("\\ud") {
        return text;
    }
    let mut lone = Vec::new();
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        if byte != b'\\' {
            continue;
        }
        let escaped = bytes.next().map(|(_, byte)| byte);
        let digits = text.get(at + 2..at + 6).unwrap_or_default();
        if escaped == Some(b'u') && is_surrogate(digits) {
            lone.push(at + 2);
        }
    }
    for at in lone {
        text.replace_range(at..at + 4, "fffd");
    }
    text
}

fn is_surrogate(digits: &str) -> bool {
    u16::from_str_radix(digits, 16).is_ok_and(|unit| (0xd800..0xe000).contains(&unit))
}
