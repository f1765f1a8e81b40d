//! Rules that make the debug provider fail, wait or answer something else.
//!
//! Owns: their syntax, `<match>=<action>[,<action>…]`, and which steps they match.
//! Never: applies them.
//!
//! | match | matches |
//! |---|---|
//! | `*` | every agent step |
//! | `#3` | the third agent step of the run |
//! | `label:<glob>`, `phase:<glob>`, `prompt:<glob>` | that property of the step |
//! | `<glob>` | the label or the prompt |
//!
//! | action | does |
//! |---|---|
//! | `fail`, `fail:<kind>` | fails, with a kind such as `rate_limit` |
//! | `null` | ends without an answer, in every round |
//! | `answer:<text or JSON>` | answers that; takes the rest of the rule, commas included |
//! | `bad`, `bad:always` | breaks the schema in the first round, or in every round |
//! | `delay:<duration>` | waits first: `500ms`, `2s`, `1m` |
//! | `tokens:<n>` | claims to have written that many tokens |
//! | `cost:<dollars>` | claims to have cost that much; `cost:unknown` does not say |
//! | `retry-after:<duration>` | a failure asks for that long a wait |
//! | `times:<n>` | the rule holds for its first n matches, retries counted |
//!
//! The first rule that matches a step decides.

use std::time::Duration;

use regex::Regex;
use smol_wf_core::cut;
use smol_wf_core::duration::{self, DurationError};

use crate::ProviderErrorKind;

/// The longest delay: an hour.
const DELAY_MAX: Duration = Duration::from_secs(3600);

/// The longest rule, in bytes: it may hold an answer.
const RULE_BYTES_MAX: usize = 64 * 1024;

/// A text that is not a valid rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("debug rule `{rule}`: {reason}")]
pub struct RuleError {
    /// The rule as it was given, shortened.
    pub rule: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The properties of a step that a rule can match.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) ordinal: u32,
    pub(super) label: Option<&'a str>,
    pub(super) phase: Option<&'a str>,
    pub(super) prompt: &'a str,
}

/// Which steps a rule matches.
#[derive(Debug)]
pub(super) enum Matcher {
    Any,
    Ordinal(u32),
    Label(Regex),
    Phase(Regex),
    Prompt(Regex),
    LabelOrPrompt(Regex),
}

impl Matcher {
    pub(super) fn matches(&self, subject: &Subject<'_>) -> bool {
        let meets = |glob: &Regex, text: Option<&str>| text.is_some_and(|text| glob.is_match(text));
        match self {
            Self::Any => true,
            Self::Ordinal(ordinal) => subject.ordinal == *ordinal,
            Self::Label(glob) => meets(glob, subject.label),
            Self::Phase(glob) => meets(glob, subject.phase),
            Self::Prompt(glob) => meets(glob, Some(subject.prompt)),
            Self::LabelOrPrompt(glob) => {
                meets(glob, subject.label) || meets(glob, Some(subject.prompt))
            }
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Some(number) = text.strip_prefix('#') {
            return match number.parse() {
                Ok(ordinal) if ordinal > 0 => Ok(Self::Ordinal(ordinal)),
                _ => {
                    Err(format!("`#{number}` is not the number of an agent step; the first is #1"))
                }
            };
        }
        for (prefix, make) in [
            ("label:", Self::Label as fn(Regex) -> Self),
            ("phase:", Self::Phase),
            ("prompt:", Self::Prompt),
        ] {
            if let Some(pattern) = text.strip_prefix(prefix) {
                return glob(pattern).map(make);
            }
        }
        glob(text).map(Self::LabelOrPrompt)
    }
}

/// Reads a glob: `*` is any run of characters, `?` one, and the rest stands for itself.
fn glob(pattern: &str) -> Result<Regex, String> {
    if pattern.is_empty() {
        return Err("nothing to match; `*` matches every step".to_owned());
    }
    let mut source = String::from("(?s)^");
    for one in pattern.chars() {
        match one {
            '*' => source.push_str(".*"),
            '?' => source.push('.'),
            literal => source.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4]))),
        }
    }
    source.push('$');
    Regex::new(&source).map_err(|_| "the pattern is too long".to_owned())
}

/// What a rule does, apart from waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Fail(ProviderErrorKind),
    Null,
    Answer(String),
    Bad { always: bool },
}

/// The cost that a rule claims.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cost {
    Usd(f64),
    Unknown,
}

/// One rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) matcher: Matcher,
    pub(super) action: Option<Action>,
    pub(super) delay: Option<Duration>,
    pub(super) times: Option<u32>,
    pub(super) tokens: Option<u64>,
    pub(super) cost: Option<Cost>,
    pub(super) retry_after: Option<Duration>,
}

impl Rule {
    /// Reads one rule.
    pub(super) fn parse(text: &str) -> Result<Self, RuleError> {
        const SHOWN_CHARS: usize = 80;
        Self::read(text).map_err(|reason| RuleError {
            rule: cut::head_chars(text, SHOWN_CHARS).to_owned(),
            reason,
        })
    }

    fn read(text: &str) -> Result<Self, String> {
        if text.len() > RULE_BYTES_MAX {
            return Err(format!("longer than {RULE_BYTES_MAX} bytes"));
        }
        // A glob may hold `=`, too: the first one that is followed by actions divides the
        // rule.
        let mut first = None;
        for (at, _) in text.match_indices('=') {
            match Self::of(&text[..at], &text[at + 1..]) {
                Ok(rule) => return Ok(rule),
                Err(reason) => first = first.or(Some(reason)),
            }
        }
        Err(first.unwrap_or_else(|| "no `=` between what it matches and what it does".to_owned()))
    }

    fn of(matcher: &str, mut actions: &str) -> Result<Self, String> {
        let mut rule = Self {
            matcher: Matcher::parse(matcher.trim())?,
            action: None,
            delay: None,
            times: None,
            tokens: None,
            cost: None,
            retry_after: None,
        };
        loop {
            // An answer may hold commas, so it takes the rest.
            let trimmed = actions.trim_start();
            if let Some(answer) = trimmed.strip_prefix("answer:") {
                rule.act(Action::Answer(answer.to_owned()))?;
                break;
            }
            let (word, rest) =
                trimmed.split_once(',').map_or((trimmed, None), |(word, rest)| (word, Some(rest)));
            rule.add(word.trim())?;
            match rest {
                Some(rest) => actions = rest,
                None => break,
            }
        }
        Ok(rule)
    }

    fn add(&mut self, word: &str) -> Result<(), String> {
        match word.split_once(':').map_or((word, None), |(name, value)| (name, Some(value))) {
            ("", _) => Err("an action is missing".to_owned()),
            ("fail", None) => self.act(Action::Fail(ProviderErrorKind::Failed)),
            ("fail", Some(kind)) => match ProviderErrorKind::from_word(kind) {
                Some(kind) => self.act(Action::Fail(kind)),
                None => {
                    let known = ProviderErrorKind::ALL.map(ProviderErrorKind::word).join(", ");
                    Err(format!("`{kind}` is not a kind of failure; there are {known}"))
                }
            },
            ("null", None) => self.act(Action::Null),
            ("bad", None) => self.act(Action::Bad { always: false }),
            ("bad", Some("always")) => self.act(Action::Bad { always: true }),
            ("delay", Some(value)) => once(&mut self.delay, duration(value)?, "delay"),
            ("retry-after", Some(value)) => {
                once(&mut self.retry_after, duration(value)?, "retry-after")
            }
            ("tokens", Some(value)) => match value.parse() {
                Ok(tokens) => once(&mut self.tokens, tokens, "tokens"),
                _ => Err(format!("`tokens:{value}` needs a number")),
            },
            ("cost", Some("unknown")) => once(&mut self.cost, Cost::Unknown, "cost"),
            ("cost", Some(value)) => match value.parse::<f64>() {
                Ok(usd) if usd.is_finite() && usd >= 0.0 => {
                    once(&mut self.cost, Cost::Usd(usd), "cost")
                }
                _ => Err(format!("`cost:{value}` needs dollars, such as cost:0.25")),
            },
            ("times", Some(value)) => match value.parse() {
                Ok(times) if times > 0 => once(&mut self.times, times, "times"),
                _ => Err(format!("`times:{value}` needs a number from 1")),
            },
            _ => Err(format!(
                "`{word}` is not an action; there are fail, fail:<kind>, null, answer:<text>, bad, bad:always, \
                 delay:<duration>, tokens:<n>, cost:<dollars>, retry-after:<duration> and times:<n>"
            )),
        }
    }

    fn act(&mut self, action: Action) -> Result<(), String> {
        match self.action.replace(action) {
            None => Ok(()),
            Some(_) => {
                Err("it can fail, be null, be bad or answer, but only one of them".to_owned())
            }
        }
    }
}

fn once<T>(slot: &mut Option<T>, value: T, name: &str) -> Result<(), String> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("`{name}` is given twice")),
    }
}

/// Reads a time span by the common rule; zero is allowed, too.
fn duration(text: &str) -> Result<Duration, String> {
    match duration::parse(text) {
        Ok(span) => Ok(span.min(DELAY_MAX)),
        Err(DurationError::Range) if text.contains(|one| matches!(one, '1'..='9')) => Ok(DELAY_MAX),
        Err(DurationError::Range) => Ok(Duration::ZERO),
        Err(_) => Err(format!("`{text}` is not a duration; those are like 500ms, 2s or 1h30m")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> String {
        Rule::parse(text).unwrap_err().reason
    }

    #[test]
    fn rules_are_read() {
        let rule = Rule::parse("label:review-*=delay:2s, times:3,fail:rate_limit").unwrap();
        assert_eq!(rule.delay, Some(Duration::from_secs(2)));
        assert_eq!(rule.times, Some(3));
        assert_eq!(rule.action, Some(Action::Fail(ProviderErrorKind::RateLimit)));
        let rule = Rule::parse("*=delay:1m,answer:{\"a\":1,\"b\":\"x=y\"}").unwrap();
        assert_eq!(rule.action, Some(Action::Answer("{\"a\":1,\"b\":\"x=y\"}".into())));
        assert_eq!(
            Rule::parse("#2=bad:always").unwrap().action,
            Some(Action::Bad { always: true })
        );
        let rule = Rule::parse("prompt:a=b*=fail").unwrap();
        let subject = Subject { ordinal: 1, label: None, phase: None, prompt: "a=b?" };
        assert!(rule.matcher.matches(&subject) && rule.action.is_some());
        assert_eq!(Rule::parse("*=delay:0s").unwrap().delay, Some(Duration::ZERO));
        assert_eq!(Rule::parse("*=delay:1m30s").unwrap().delay, Some(Duration::from_secs(90)));
        assert_eq!(Rule::parse("*=delay:99h").unwrap().delay, Some(DELAY_MAX));
        assert_eq!(Rule::parse("*=delay:18446744073709551615m").unwrap().delay, Some(DELAY_MAX));
    }

    #[test]
    fn an_invalid_rule_gives_an_exact_error() {
        for (text, part) in [
            ("fail", "no `=`"),
            ("=fail", "nothing to match"),
            ("label:=fail", "nothing to match"),
            ("#0=fail", "the first is #1"),
            ("#x=fail", "the first is #1"),
            ("*=", "an action is missing"),
            ("*=fail,", "an action is missing"),
            ("*=explode", "`explode` is not an action"),
            ("*=fail:nope", "`nope` is not a kind of failure; there are auth, rate_limit"),
            ("*=null:x", "`null:x` is not an action"),
            ("*=bad:sometimes", "is not an action"),
            ("*=delay:2", "`2` is not a duration"),
            ("*=delay:s", "`s` is not a duration"),
            ("*=delay:1s,delay:2s", "`delay` is given twice"),
            ("*=times:0", "needs a number from 1"),
            ("*=tokens:many", "needs a number"),
            ("*=cost:-1", "needs dollars"),
            ("*=cost:1,cost:unknown", "`cost` is given twice"),
            ("*=fail,null", "only one of them"),
        ] {
            assert!(reason(text).contains(part), "{text}: {}", reason(text));
        }
        let error = Rule::parse("*=explode").unwrap_err().to_string();
        assert!(error.starts_with("debug rule `*=explode`: "), "{error}");
        assert!(
            reason(&format!("*=answer:{}", "x".repeat(RULE_BYTES_MAX))).contains("longer than")
        );
    }

    #[test]
    fn each_matcher_looks_at_its_own_property() {
        let subject = Subject {
            ordinal: 2,
            label: Some("review: a.rs"),
            phase: Some("Review"),
            prompt: "Check\nit (all)",
        };
        for (matcher, meets) in [
            ("*", true),
            ("#2", true),
            ("#1", false),
            ("label:review*", true),
            ("label:a.rs", false),
            ("phase:Review", true),
            ("phase:review", false),
            ("prompt:Check*", true),
            ("prompt:*(all)", true),
            ("review: ?.rs", true),
            ("Check*", true),
            ("Review", false),
        ] {
            assert_eq!(Matcher::parse(matcher).unwrap().matches(&subject), meets, "{matcher}");
        }
    }
}
