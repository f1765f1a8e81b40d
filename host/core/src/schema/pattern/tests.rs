//! Patterns match as in JavaScript, within their counted cost.
//!
//! Owns: the table of patterns. Never: checks an answer.

use super::*;

/// Enough for every harmless pattern here.
const STEPS: u64 = 1_000_000;

fn matches(pattern: &str, text: &str) -> bool {
    let program = program(pattern).unwrap_or_else(|| panic!("{pattern} is not bounded"));
    program.is_match(text, STEPS).unwrap_or_else(|_| panic!("{pattern} on {text}")).0
}

#[test]
fn nested_repetitions_are_weighed_without_being_expanded() {
    assert!(weigh("((a{1000}){1000}){1000}").unwrap().states > 1_000_000_000);
    assert!(weigh(r"\p{L}{60}").unwrap().states > 10_000);
    assert!(weigh("^[a-z]{1,8}$").unwrap().states < 60);
}

#[test]
fn ascii_classes_are_light() {
    for pattern in [r"^\w{1,30}$", r"^[\w-]{1,64}$", r"^\d{1,100}$", r"^[\w.-]+@[\w.-]+\.\w{2,24}$"]
    {
        let weight = weigh(pattern).unwrap();
        assert!(weight.states < 1_000 && weight.program.is_none(), "{pattern}: {weight:?}");
    }
}

/// The same 94 texts match in Node.js 20, with the `u` flag where it takes the pattern.
#[test]
fn look_around_and_back_references_match_as_in_javascript() {
    for (pattern, yes, no) in [
        (r"^(?!\s*$).+", vec!["a", "  a"], vec!["", "   ", "\u{a0}", "\n"]),
        (r"^(?=.*[A-Z])(?=.*\d).{8,}$", vec!["abcdefG1", "1Gabcdefgh"], vec!["abcdefg1", "G1"]),
        (r"(?=.*[A-Z])", vec!["xA"], vec!["xa", ""]),
        (r"(a)\1", vec!["aa", "baab"], vec!["a", "aba"]),
        (r#"^(["']).*\1$"#, vec!["\"x'\"", "''"], vec!["\"x'", "x"]),
        (r"^(?<y>\d{4})-\k<y>$", vec!["2024-2024"], vec!["2024-2025"]),
        (r"^\k<a>(?<a>x)$", vec!["x"], vec!["xx"]),
        (r"(?<!\d)\d{3}(?!\d)", vec!["a123b", "123"], vec!["1234", "12"]),
        (r"(?<=\$)\d+", vec!["$5"], vec!["5"]),
        (r"(?<=^|,)x", vec!["x", "a,x"], vec!["ax"]),
        (r"^(?:(?!foo).)*$", vec!["barf", ""], vec!["a foo b"]),
        (r"^(?!.*--)[a-z0-9-]+$", vec!["a-b"], vec!["a--b", "A"]),
        (r"^(?!con$|prn$)[^.]+$", vec!["cona"], vec!["con", "prn"]),
        (r"(?!a)\w", vec!["b", "ab"], vec!["a", "é"]),
        (r"(?=é)\w|(?=é).", vec!["é"], vec!["e"]),
        (r"^(?=\d+$)\d", vec!["12"], vec!["12a", "٣"]),
        (r"^(?:a(?=b)|ab(?=c))", vec!["ab", "abc"], vec!["ac"]),
        (r"^(a+)\1$", vec!["aa", "aaaa"], vec!["a", "aaa"]),
        (r"^(?:(a)|b)*\1$", vec!["ab", "aa", "b"], vec!["c"]),
        (r"(?<=(\d+)(\d+))$", vec!["1053"], vec!["1"]),
        (r"(?<=\1(a))b", vec!["aab"], vec!["ab"]),
        (r"^(?=(a*?))\1b", vec!["b"], vec!["ab"]),
        (r"^(?!(a)b)\1c", vec!["c"], vec!["abc"]),
        (r"\bfoo\b(?!-)", vec!["a foo b", "foo"], vec!["foo-", "foot"]),
        (r"^(?=[\u{1F600}-\u{1F64F}])", vec!["😀"], vec!["a"]),
        (r"^(?=\ud83d\ude00)", vec!["😀"], vec!["a"]),
        (r"^(?![^])$", vec![""], vec!["a"]),
        (r"^(?=x{2,3}?y)", vec!["xxy", "xxxy"], vec!["xy", "xxxxy"]),
        (r"(?=x*)*y", vec!["y", "xy"], vec!["x"]),
        (r"^(?=[\w-]+$)", vec!["a-b"], vec!["a b"]),
        (r"^(?=\p{Lu})", vec!["É"], vec!["é"]),
        (r"^(?=a{,2})a\{,2}$", vec!["a{,2}"], vec!["aa"]),
    ] {
        for text in yes {
            assert!(matches(pattern, text), "{pattern} on {text:?}");
        }
        for text in no {
            assert!(!matches(pattern, text), "{pattern} on {text:?}");
        }
    }
}

#[test]
fn catastrophic_patterns_stop_at_their_budget() {
    let long = "a".repeat(100_000);
    for pattern in [
        r"^(a+)+\1b$",
        r"^(?=(a|aa)+$)b",
        r"(?=(.*)*x)y",
        r"(?=.*b)a",
        r"^(?:(?=.*b)?.)*c",
        r"(a*)*\1c",
        r"(?<=(a+)+b)c|(a)\2c",
    ] {
        let program = program(pattern).unwrap();
        let found = program.is_match(&long, STEPS);
        assert!(found.is_err(), "{pattern}: {found:?}");
    }
    for pattern in [r"(?=((((a{60}b?){60}c?){60}d?){60}e?){60})", r"(?:(?=a)?){4000000000}(?=a)"] {
        let _ = weigh(pattern).map(|weight| weight.states);
    }
    assert!(weigh(&format!("{}(?=a){}", "(".repeat(30_000), ")".repeat(30_000))).is_err());
}

#[test]
fn a_harmless_pattern_matches_a_long_text_in_few_steps() {
    let long = "word ".repeat(150_000);
    for pattern in [r"^(?!\s*$).+", r"^(?=.*w)", r"^(?:(?!foo).)*$", r"^(?!.*--).*$"] {
        let program = program(pattern).unwrap();
        let (found, steps) = program.is_match(&long, 32 * STEPS).unwrap();
        assert!(found && steps < 12 * STEPS, "{pattern}: {steps}");
    }
}

#[test]
fn an_invalid_pattern_is_refused_with_its_column() {
    for (pattern, problem) in [
        (r"(?=a", "column 5: a group is not closed"),
        (r"(?=a))", "column 6: a `)` closes nothing"),
        (r"(?=[z-a])", "the wrong way round"),
        (r"(?=\q)", "column 6: the escape `\\q` is not known"),
        (r"(?=a)\2", "there is no group 2"),
        (r"(?=a)\k<x>", "no group is called `x`"),
        (r"(?=a)(?i)b", "flags inside"),
        (r"(?=a)**", "a repetition is repeated"),
        (r"(?=\p{Nope})", "the property `\\p{Nope}` is not known"),
        (r"(?=\ud800)", "half of a surrogate pair"),
        ("(", "column 2: a group is not closed"),
        (r"(?<a(b>x)\2", "column 6: the name of a group has no place for `(`"),
        (r"(?<y>a)\k<y", "column 12: the name of a group is not closed"),
        (r"(?<y", "the name of a group is not closed"),
        (r"(?<>y)(?=a)", "the name of a group has no place for `>`"),
        (r"(?<1>y)(?=a)", "the name of a group has no place for `1`"),
        (r"(?<a>y)(?<a>z)\k<a>", "two groups are called `a`"),
        (r"(?=a)\p{Lu", "the name of a property is not closed"),
        (r"(?=a)\pL", "the name of a property is not closed"),
        (r"(?=\ud83d\u0041)", "half of a surrogate pair"),
        (r"(?=[\ud83d\u0041])", "half of a surrogate pair"),
        (r"(?=\ude00\ud83d)", "half of a surrogate pair"),
        (r"(?=a)b{2}{3}", "nothing stands before a repetition"),
        (r"(?=a){2}{3}", "nothing stands before a repetition"),
    ] {
        let error = weigh(pattern).unwrap_err();
        assert!(error.contains(problem), "{pattern}: {error}");
    }
}

/// Takes half a second if parsing is linear, minutes if it is quadratic.
#[test]
fn long_patterns_are_parsed_in_linear_time() {
    for (pattern, is_taken) in [
        ("\\cA".repeat(16_000), true),
        (format!("[{}]", "\\cA".repeat(16_000)), true),
        ("(?<a".repeat(16_000), false),
        (format!("{}>", "(?<a".repeat(16_000)), false),
        (format!("(?=a)(?:{}){{0,19000}}", "(?:)".repeat(15_000)), true),
        (format!("(?=a)(?:{}){{0,19000}}b", "(?:ab){0}".repeat(7_000)), true),
        (format!("(?=a){}", r"\p{L}".repeat(12_000)), true),
        (format!("(?=a){}", r"[^\p{L}]".repeat(8_000)), false),
        ((0..5_000).map(|n| format!("(?<a{n}>)")).collect::<String>() + r"\k<a4999>", true),
        ("\\k<a>".repeat(12_000), false),
    ] {
        assert_eq!(weigh(&pattern).is_ok(), is_taken, "{pattern:.40}");
        let left = Cell::new(STEPS);
        let _ = example(&pattern, &left, &mut |_| 0);
    }
    let one = program(&"\\cA".repeat(17)).unwrap();
    assert!(one.is_match(&"\u{1}".repeat(17), STEPS).unwrap().0);
    assert!(!one.is_match(&"\u{1}".repeat(16), STEPS).unwrap().0);
}

#[test]
fn each_set_of_a_program_is_weighed_once() {
    let plain = weigh("(?=a)").unwrap().states;
    let once = weigh(r"(?=a)\p{L}").unwrap().states;
    assert!(once > plain + 500, "{once}");
    assert_eq!(weigh(r"(?=a)\p{L}\p{L}").unwrap().states, once + 1);
}

#[test]
fn repetitions_that_write_nothing_are_counted() {
    let nothing = (0..47).fold("(?!a)".to_owned(), |inner, _| format!("(?:{inner})*"));
    for pattern in [
        "(?:(?:){4000000000}){4000000000}(?=a)",
        "(?:(?:\\b){4000000000}){4000000000}",
        "(?:(?:(?=a)){1000000000}){1000000000}",
        &nothing,
    ] {
        let left = Cell::new(STEPS);
        let _ = example(pattern, &left, &mut |count| count - 1);
    }
    let left = Cell::new(STEPS);
    assert_eq!(example(&nothing, &left, &mut |_| 0), None);
    assert_eq!(left.get(), 0);
    // A character of a class with many ranges costs no more than another.
    let left = Cell::new(STEPS);
    let text = example(r"(?=a)?\p{Han}{5000}", &left, &mut |_| 1).unwrap();
    assert_eq!(text.chars().count(), 5_000);
}

/// Makes odd patterns, the same for the same seed.
struct Odd(fastrand::Rng);

impl Odd {
    fn below(&mut self, count: usize) -> usize {
        self.0.usize(0..count)
    }

    fn one<'p>(&mut self, list: &[&'p str]) -> &'p str {
        list[self.below(list.len())]
    }

    /// Random pieces of patterns in a row.
    fn rubble(&mut self) -> String {
        (0..=self.below(12)).map(|_| self.one(&PIECES)).collect()
    }

    /// A pattern that is valid, except perhaps for its references.
    fn pattern(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.one(&ATOMS).to_owned();
        }
        let mut text = String::new();
        for _ in 0..=self.below(3) {
            let inner = self.pattern(depth - 1);
            let opening = self.one(&["", "(", "(?:", "(?=", "(?!", "(?<=", "(?<!"]);
            let (closing, is_behind) = (")".repeat(opening.len().min(1)), opening.contains("?<"));
            text.push_str(&format!("{opening}{inner}{closing}"));
            if !closing.is_empty() && !is_behind {
                text.push_str(self.one(&["", "*", "+", "?", "*?", "{0,2}", "{2}", "{3,}?"]));
            }
            text.push_str(self.one(&["", "", "|"]));
        }
        text
    }
}

const PIECES: [&str; 50] = [
    "(",
    ")",
    "(?<a>",
    "(?<a(b>",
    "(?<b",
    "(?<>",
    "(?=",
    "(?!",
    "(?<=",
    "(?<!",
    "(?:",
    "(?i)",
    "\\1",
    "\\2",
    "\\9",
    "\\99999999999",
    "\\k<a>",
    "\\k<a",
    "\\k",
    "[",
    "]",
    "[^",
    "[]",
    "a-z",
    "-",
    "^",
    "$",
    ".",
    "*",
    "+?",
    "?",
    "|",
    "{2}",
    "{2,1}",
    "{4000000000}",
    "{,2}",
    "{",
    "\\p{Lu}",
    "\\P{L",
    "\\pL",
    "\\cA",
    "\\c",
    "\\x4",
    "\\u{",
    "\\ud83d",
    "\\ude00",
    "\\",
    "é",
    "😀",
    "ab",
];

const ATOMS: [&str; 16] = [
    "a", "b", "é", "😀", ".", r"\w", r"\b", r"\B", "^", "$", "[^a]", r"\1", r"\2", r"\3", "a+",
    "[ab]*?",
];

#[test]
fn odd_patterns_on_odd_texts_end_within_their_steps_and_never_panic() {
    const BOUND: u64 = 5_000;
    let (mut odd, mut ran, mut found) = (Odd(fastrand::Rng::with_seed(8)), 0, 0);
    for nth in 0..12_000 {
        let pattern = if nth % 3 == 0 { odd.rubble() } else { odd.pattern(nth % 4) };
        let left = Cell::new(BOUND);
        let _ = example(&pattern, &left, &mut |count| odd.below(count));
        let Ok(Weight { program: Some(program), .. }) = weigh(&pattern) else { continue };
        for _ in 0..4 {
            let text: String =
                (0..odd.below(9)).map(|_| odd.one(&["a", "b", "é", "😀", "\n"])).collect();
            if let Ok((is_match, steps)) = program.is_match(&text, BOUND) {
                assert!(steps <= BOUND, "{pattern} on {text}: {steps}");
                ran += 1;
                found += u32::from(is_match);
            }
        }
    }
    assert!(ran > 4_000 && found > 1_000 && found < ran, "{ran} ran, {found} matched");
}

#[test]
fn a_text_is_written_for_a_pattern() {
    for (pattern, text) in [
        ("^[A-Z]{3}-[0-9]{2}$", "AAA-00"),
        ("^(high|low)$", "high"),
        (r"^v\d+(\.\d+)?$", "v000.000"),
        (r"^(\w)-\1$", "a-a"),
        (r"^(?!\s*$).+", "aaa"),
    ] {
        let left = Cell::new(STEPS);
        assert_eq!(example(pattern, &left, &mut |_| 0).as_deref(), Some(text));
    }
}
