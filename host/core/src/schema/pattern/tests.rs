//! Patterns as JavaScript matches them, and what they cost.
//!
//! Owns: the table of patterns. Never: checks an answer.

use super::*;

/// Enough for anything honest here.
const STEPS: u64 = 1_000_000;

fn matches(pattern: &str, text: &str) -> bool {
    let program = program(pattern).unwrap_or_else(|| panic!("{pattern} is not bounded"));
    program.is_match(text, STEPS).unwrap_or_else(|_| panic!("{pattern} on {text}")).0
}

#[test]
fn nested_repetitions_are_weighed_without_being_written_out() {
    assert!(weigh("((a{1000}){1000}){1000}").unwrap().states > 1_000_000_000);
    assert!(weigh(r"\p{L}{60}").unwrap().states > 10_000);
    assert!(weigh("^[a-z]{1,8}$").unwrap().states < 60);
}

#[test]
fn classes_are_weighed_as_they_are_matched() {
    for pattern in [r"^\w{1,30}$", r"^[\w-]{1,64}$", r"^\d{1,100}$", r"^[\w.-]+@[\w.-]+\.\w{2,24}$"]
    {
        let weight = weigh(pattern).unwrap();
        assert!(weight.states < 1_000 && weight.program.is_none(), "{pattern}: {weight:?}");
    }
}

/// Each was put to Node.js 20, with the `u` flag where it takes it.
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
fn what_is_catastrophic_stops_at_its_budget() {
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
fn an_honest_long_text_is_matched_in_passing() {
    let long = "word ".repeat(150_000);
    for pattern in [r"^(?!\s*$).+", r"^(?=.*w)", r"^(?:(?!foo).)*$", r"^(?!.*--).*$"] {
        let program = program(pattern).unwrap();
        let (found, steps) = program.is_match(&long, 32 * STEPS).unwrap();
        assert!(found && steps < 12 * STEPS, "{pattern}: {steps}");
    }
}

#[test]
fn what_is_not_understood_is_said_with_its_place() {
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
    ] {
        let error = weigh(pattern).unwrap_err();
        assert!(error.contains(problem), "{pattern}: {error}");
    }
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
        assert_eq!(example(pattern, &mut |_| 0).as_deref(), Some(text));
    }
}
