//! No file makes the reader panic or slow.
#![allow(clippy::disallowed_methods, reason = "these are tests")]

use std::time::{Duration, Instant};

use smol_wf_core::limits::SCRIPT_BYTES_MAX;
use smol_wf_core::script::{Script, position_at, snippet};

const SAMPLES: [&str; 4] = [
    "#!/usr/bin/env smol-wf\n/* é */ export const meta = { name: 'n\\u{1F600}', description: `d\\x41`, \
     phases: [{ title: \"t\", }, 's'], x: [-1.5e3, 0xff, null, undefined, (true)] }\nreturn `a${b / 2}`",
    "'use strict'\r\nimport a from 'b'; const r = /[/`]/g, t = `x ${`y ${z} `} }`;\u{2028}export const meta = {\
     'name': '\\ud83d\\ude00', description: 'a\\\r\nb', [k]: 1 };",
    "\u{feff}if (a) /x/.test(b); function f() { const meta = 1 } i++ / 2; export const meta = { name: f(), }",
    "export const meta = { name: 'n', description: 'd', __proto__: { 1_0: .5 } } as const",
];

fn exercise(bytes: &[u8]) {
    match Script::read(bytes, "x") {
        Ok(script) => {
            assert!(script.text[script.meta_export as usize..].starts_with("export"));
            serde_json::from_str::<serde_json::Value>(&script.meta_json).expect("meta is JSON");
        }
        Err(refused) => {
            assert!(refused.line > 0 && refused.column > 0);
            let unsafe_char = |c: char| c.is_control() && c != '\n';
            assert!(!refused.snippet.contains(unsafe_char), "{:?}", refused.snippet);
        }
    }
}

#[test]
fn every_prefix_and_every_suffix_of_each_sample() {
    for sample in SAMPLES {
        for cut in 0..=sample.len() {
            exercise(&sample.as_bytes()[..cut]);
            exercise(&sample.as_bytes()[cut..]);
        }
    }
}

#[test]
fn random_changes() {
    let mut random = fastrand::Rng::with_seed(1);
    let tokens = [
        "\\",
        "`",
        "${",
        "}",
        "'",
        "\"",
        "/",
        "/*",
        "\n",
        "\r",
        "(",
        "]",
        "\\u",
        "{",
        "é",
        "\u{2028}",
        "0",
        "const meta",
        "export ",
    ];
    for round in 0..40_000 {
        let mut bytes = SAMPLES[round % SAMPLES.len()].as_bytes().to_vec();
        for _ in 0..=random.usize(0..4) {
            if bytes.is_empty() {
                break;
            }
            let at = random.usize(0..bytes.len());
            match random.usize(0..4) {
                0 => bytes[at] = u8::try_from(random.usize(0..256)).unwrap(),
                1 => drop(bytes.remove(at)),
                2 => bytes.truncate(at + 1),
                _ => drop(bytes.splice(at..at, tokens[random.usize(0..tokens.len())].bytes())),
            }
        }
        exercise(&bytes);
    }
}

#[test]
fn random_garbage() {
    let mut random = fastrand::Rng::with_seed(42);
    for _ in 0..2_000 {
        let length = random.usize(0..400);
        let bytes: Vec<u8> =
            (0..length).map(|_| u8::try_from(random.usize(0..256)).unwrap()).collect();
        exercise(&bytes);
        let text: String = (0..length)
            .filter_map(|_| char::from_u32(u32::try_from(random.usize(0..0x3000)).unwrap()))
            .collect();
        exercise(text.as_bytes());
    }
}

#[test]
fn time_is_linear() {
    let fill = |unit: &str| unit.repeat(SCRIPT_BYTES_MAX / unit.len());
    let head = "export const meta = { name: 'n', description: 'd', x: ";
    let units = [
        "(",
        "[",
        "{",
        "}",
        "`",
        "`${",
        "'",
        "'\n",
        "/",
        "=/[",
        "=/\n",
        "/*",
        "\\",
        "\\u{",
        "a.",
        "export ",
        "const meta ",
        "export const meta ",
        "é",
        "\u{2028}",
        "\u{301}",
        "\t",
        "1_",
        "#",
        "<!--",
        "'\\",
        "\\u",
        "${",
        "}`",
        "=/a/\n",
        "if(/",
        "\r",
        "{a:",
        "-",
        "a,",
        "'\\u{",
        "'a',",
        "k:1,",
    ];
    for unit in units {
        for text in [
            fill(unit),
            format!("{head}{}", &fill(unit)[..SCRIPT_BYTES_MAX / 2 / unit.len() * unit.len()]),
        ] {
            let begun = Instant::now();
            exercise(text.as_bytes());
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(3), "{unit:?} took {took:?}");
        }
    }
    exercise(&vec![b'('; 5_000_000]);
}

#[test]
fn positions_and_snippets_of_every_offset() {
    for sample in SAMPLES {
        let mut last = position_at(sample, 0);
        for offset in 0..sample.len() + 3 {
            let place = position_at(sample, offset);
            assert!(place >= last, "{offset}");
            last = place;
            let _ = snippet(sample, place.line, place.column);
        }
    }
    for (line, column) in
        [(0, 0), (0, 1), (1, 0), (1, u32::MAX), (u32::MAX, 1), (u32::MAX, u32::MAX)]
    {
        let _ = snippet("a\nb", line, column);
        let _ = snippet("", line, column);
    }
}

#[test]
fn a_snippet_points_at_the_position_in_any_line() {
    let cases = [
        ("ab", 1, 2, "   1 │ ab\n     │  ^"),
        ("ab", 1, 3, "   1 │ ab\n     │   ^"),
        ("ab", 1, 99, "   1 │ ab\n     │   ^"),
        ("\tab", 1, 2, "   1 │     ab\n     │     ^"),
        ("a\tb", 1, 3, "   1 │ a   b\n     │     ^"),
        ("漢字x", 1, 3, "   1 │ 漢字x\n     │     ^"),
        ("😀x", 1, 2, "   1 │ 😀x\n     │   ^"),
        ("e\u{301}x", 1, 3, "   1 │ e\u{301}x\n     │  ^"),
        ("\u{1b}[31mx", 1, 6, "   1 │ ␛[31mx\n     │      ^"),
        ("a\u{202e}b\u{9b}c", 1, 5, "   1 │ a\u{fffd}b\u{fffd}c\n     │     ^"),
        ("\u{feff}ab", 1, 1, "   1 │ ab\n     │ ^"),
        ("a\r\nb\r\n", 2, 1, "   2 │ b\n     │ ^"),
        ("a\n", 2, 1, "   2 │ \n     │ ^"),
        ("a", 2, 1, ""),
        ("a", 0, 0, ""),
    ];
    for (text, line, column, wanted) in cases {
        assert_eq!(snippet(text, line, column), wanted, "{text:?}");
    }
    let long = format!("{}X{}", "a".repeat(500_000), "b".repeat(500_000));
    let shown = snippet(&long, 1, 500_001);
    let (top, below) = shown.split_once('\n').unwrap();
    assert!(top.chars().count() < 100 && top.contains("…a") && top.ends_with('…'), "{top}");
    let place = |line: &str, c| line.chars().position(|found| found == c).unwrap();
    assert_eq!(place(top, 'X'), place(below, '^'));
    let tower = format!("a{}", "\u{301}".repeat(1000));
    assert_eq!(snippet(&tower, 1, 1).matches('\u{301}').count(), 2);
}
