//! The values of string and number tokens.
//!
//! Owns: escapes and number forms of JavaScript in strict mode. Never: looks beyond
//! one token.

use std::str::Chars;

/// A problem: its offset in the token, and what is wrong.
pub(super) type Wrong = (usize, String);

/// The value of a string or a template without `${`, quotes included.
pub(super) fn string(token: &str) -> Result<String, Wrong> {
    let template = token.starts_with('`');
    let inner = token.get(1..token.len().saturating_sub(1)).unwrap_or_default();
    if !inner.contains(['\\', '\r']) {
        return Ok(inner.to_owned());
    }
    let mut value = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    loop {
        let at = 1 + inner.len() - chars.as_str().len();
        match chars.next() {
            None => return Ok(value),
            Some('\\') => escape(&mut chars, &mut value).map_err(|wrong| (at, wrong))?,
            // In a template, every line end is LF.
            Some('\r') if template => {
                skip(&mut chars, '\n');
                value.push('\n');
            }
            Some(c) => value.push(c),
        }
    }
}

/// The name in a word, with its escapes resolved.
pub(super) fn word(token: &str) -> Result<String, Wrong> {
    let mut value = String::with_capacity(token.len());
    let mut chars = token.chars();
    loop {
        let at = token.len() - chars.as_str().len();
        match chars.next() {
            None => return Ok(value),
            Some('\\') if chars.as_str().starts_with('u') => {
                escape(&mut chars, &mut value).map_err(|wrong| (at, wrong))?;
            }
            Some('\\') => return Err((at, "found a stray backslash".to_owned())),
            Some(c) => value.push(c),
        }
    }
}

fn skip(chars: &mut Chars<'_>, c: char) -> bool {
    let there = chars.as_str().starts_with(c);
    if there {
        chars.next();
    }
    there
}

/// Reads what follows a backslash, and appends its value.
fn escape(chars: &mut Chars<'_>, value: &mut String) -> Result<(), String> {
    let Some(c) = chars.next() else { return Ok(()) };
    let plain = match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '0' if !chars.as_str().starts_with(|c: char| c.is_ascii_digit()) => '\0',
        '0'..='9' => return Err(format!("found the octal escape `\\{c}`, write `\\x…`")),
        'x' => char::from_u32(hex(chars, 2)?).unwrap_or('\u{fffd}'),
        'u' => unicode(chars)?,
        // A line continuation.
        '\r' => {
            skip(chars, '\n');
            return Ok(());
        }
        '\n' | '\u{2028}' | '\u{2029}' => return Ok(()),
        other => other,
    };
    value.push(plain);
    Ok(())
}

fn hex(chars: &mut Chars<'_>, digits: usize) -> Result<u32, String> {
    let text = chars.as_str();
    let value = text
        .get(..digits)
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .and_then(|text| u32::from_str_radix(text, 16).ok())
        .ok_or_else(|| format!("found an escape that lacks its {digits} hexadecimal digits"))?;
    *chars = text.get(digits..).unwrap_or_default().chars();
    Ok(value)
}

/// Reads what follows `\u`: four digits, a pair of surrogates, or `{…}`.
fn unicode(chars: &mut Chars<'_>) -> Result<char, String> {
    const LONE: &str = "found half of a surrogate pair, which no text can hold";
    if skip(chars, '{') {
        let (digits, rest) =
            chars.as_str().split_once('}').ok_or("found the escape `\\u{` without its `}`")?;
        let hex_only = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digits = digits.trim_start_matches('0');
        let number = match (hex_only, digits) {
            (true, "") => Some(0),
            (true, digits) => u32::from_str_radix(digits, 16).ok(),
            _ => None,
        };
        *chars = rest.chars();
        let number = number.ok_or("found an escape `\\u{…}` that is no character")?;
        return char::from_u32(number).ok_or_else(|| match number {
            0xd800..=0xdfff => LONE.to_owned(),
            _ => "found an escape `\\u{…}` that is no character".to_owned(),
        });
    }
    let first = hex(chars, 4)?;
    if let Some(c) = char::from_u32(first) {
        return Ok(c);
    }
    let second = match chars.as_str().get(..2) {
        Some("\\u") if first < 0xdc00 => {
            chars.next();
            chars.next();
            hex(chars, 4).map_err(|_| LONE.to_owned())?
        }
        _ => return Err(LONE.to_owned()),
    };
    let pair = 0x1_0000 + ((first - 0xd800) << 10) + second.wrapping_sub(0xdc00) % 0x400;
    (0xdc00..0xe000)
        .contains(&second)
        .then(|| char::from_u32(pair))
        .flatten()
        .ok_or(LONE.to_owned())
}

/// The value of a number.
pub(super) fn number(token: &str) -> Result<f64, String> {
    let wrong = || format!("found `{}`, which is not a number", shown(token));
    if token.ends_with('n') {
        return Err(format!("found the BigInt `{}`, which JSON cannot hold", shown(token)));
    }
    let digits = separated(token).ok_or_else(wrong)?;
    let radix_bits = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => Some(4),
        [b'0', b'o' | b'O', ..] => Some(3),
        [b'0', b'b' | b'B', ..] => Some(1),
        [b'0', b'0'..=b'9', ..] => {
            return Err(format!("found the octal number `{}`, write `0o…`", shown(token)));
        }
        _ => None,
    };
    let value = match radix_bits {
        Some(bits) => based(digits.get(2..).unwrap_or_default(), bits).ok_or_else(wrong)?,
        None => {
            // Rust parses all decimal forms of JavaScript, but also words such as `inf`.
            let plain = |byte: u8| byte.is_ascii_digit() || b".eE+-".contains(&byte);
            let plain = digits.bytes().all(plain).then(|| digits.parse::<f64>().ok()).flatten();
            plain.ok_or_else(wrong)?
        }
    };
    if value.is_finite() {
        Ok(value)
    } else {
        Err(format!("found `{}`, which is too large for a number", shown(token)))
    }
}

/// A token for a message: control characters replaced, and cut.
pub(super) fn shown(token: &str) -> String {
    const SHOWN_CHARS: usize = 40;
    let safe = token.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut text: String = safe.take(SHOWN_CHARS).collect();
    if token.chars().nth(SHOWN_CHARS).is_some() {
        text.push('…');
    }
    text
}

/// The number without its separators; none if one is not between two digits.
fn separated(token: &str) -> Option<String> {
    let bytes = token.as_bytes();
    let digit =
        |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_hexdigit);
    let proper = (0..bytes.len())
        .filter(|&at| bytes.get(at) == Some(&b'_'))
        .all(|at| digit(at.checked_sub(1)) && digit(at.checked_add(1)));
    (proper && !token.starts_with("0_")).then(|| token.replace('_', ""))
}

/// The value of whole digits in base 2^`bits`, rounded once, to even: beyond 120 bits
/// only their number and whether one is set are kept.
fn based(digits: &str, bits: u32) -> Option<f64> {
    let (mut kept, mut dropped_bits, mut sticky) = (0_u128, 0_i32, 0_u128);
    for c in digits.chars() {
        let digit = u128::from(c.to_digit(1 << bits)?);
        if kept >> 120 == 0 {
            kept = (kept << bits) | digit;
        } else {
            dropped_bits = dropped_bits.saturating_add(i32::try_from(bits).ok()?);
            sticky |= u128::from(digit != 0);
        }
    }
    (!digits.is_empty()).then(|| {
        #[expect(clippy::cast_precision_loss, reason = "rounding is what is wanted")]
        let value = (kept | sticky) as f64;
        value * 2_f64.powi(dropped_bits)
    })
}
