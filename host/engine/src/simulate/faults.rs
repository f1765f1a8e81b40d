//! The faults of a schedule, and the outcomes of the steps that they strike.
//!
//! Owns: the outcome of a struck step, by its request: an agent that says nothing answers
//! `null` only if the schema accepts `null`, and a schema mismatch otherwise. Never:
//! decides what a script gets for a failed agent; the machine does, by dialect and
//! `onFailure`.

use std::collections::HashMap;

use smol_wf_core::codes::Code;
use smol_wf_core::guest::{Failure, Outcome};
use smol_wf_core::ids::Digest;
use smol_wf_core::journal::Entry;
use smol_wf_core::step_request::AgentRequest;

/// Codes of the failures that are injected: those of real providers.
const FAILED: Code = Code::ProviderFailed;
pub(super) const TIMED_OUT: Code = Code::ProviderTimeout;

/// Characters of a label or prompt that distinguish steps. No more, because retries often
/// repeat only the beginning of a prompt.
const STEM_CHARS: usize = 60;

/// What goes wrong with an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It says nothing, also in the correction round.
    Silent,
    /// It fails.
    Fails,
    /// It times out.
    TimesOut,
}

/// Which agents a fault strikes after the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// No other.
    Once,
    /// Later agents with the same question, as in a retry loop.
    Alike,
    /// All later agents.
    Onwards,
}

/// A fault of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strike {
    /// The first agent that it strikes, from 1 in order of issue.
    pub(super) agent: u32,
    pub(super) fault: Fault,
    pub(super) reach: Reach,
}

/// The effect of a fault, or of what people do, on one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// The agent answered `null`, and the schema accepts that.
    Null,
    /// The answer does not satisfy its schema.
    Mismatch,
    Failed,
    TimedOut,
    /// People refused.
    Declined,
    /// People gave another answer than usual.
    Otherwise,
    /// People let the time of the question pass.
    Unanswered,
}

impl Effect {
    /// The predicate for one agent.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Null => "answers null",
            Self::Mismatch => "gives no answer that satisfies its schema",
            Self::Failed => "fails",
            Self::TimedOut => "times out",
            Self::Declined => "is declined",
            Self::Otherwise => "is answered otherwise",
            Self::Unanswered => "is not answered in time",
        }
    }

    /// Whether people did it, and not an agent.
    pub(super) fn is_of_people(self) -> bool {
        matches!(self, Self::Declined | Self::Otherwise | Self::Unanswered)
    }

    /// The predicate for several agents.
    fn words_of_many(self) -> &'static str {
        match self {
            Self::Null => "answer null",
            Self::Mismatch => "give no answer that satisfies its schema",
            Self::Failed => "fail",
            Self::TimedOut => "time out",
            Self::Declined => "are declined",
            Self::Otherwise => "are answered otherwise",
            Self::Unanswered => "are not answered in time",
        }
    }
}

/// A step that a fault struck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Struck {
    pub(super) agent: u32,
    pub(super) title: String,
    pub(super) effect: Effect,
}

impl Struck {
    /// The source of a `null`, for the message.
    pub(super) fn null_source(&self) -> String {
        let agent = &self.title;
        match self.effect {
            Effect::Null => format!("the null that `{agent}` returned"),
            Effect::Mismatch => {
                format!("the null in place of `{agent}`, whose answer did not satisfy its schema")
            }
            Effect::Failed => format!("the null in place of `{agent}`, which failed"),
            Effect::TimedOut => format!("the null in place of `{agent}`, which timed out"),
            Effect::Declined | Effect::Otherwise | Effect::Unanswered => {
                format!("the answer to `{agent}`")
            }
        }
    }
}

/// Decides which steps the faults of a schedule strike, and lists them.
#[derive(Debug, Default)]
pub(super) struct Strikes {
    strikes: Vec<Strike>,
    /// The [`stem`]s of agents so far, in order of issue.
    stems: Vec<String>,
    /// Schemas, and whether `null` satisfies them.
    nullable: HashMap<Digest, bool>,
    pub(super) struck: Vec<Struck>,
}

impl Strikes {
    /// The faults of a schedule, before any step.
    pub(super) fn new(strikes: &[Strike]) -> Self {
        Self { strikes: strikes.to_vec(), ..Self::default() }
    }

    /// Takes the entries of new steps.
    pub(super) fn wrote(&mut self, entries: &[Entry]) {
        if self.strikes.iter().all(|strike| strike.reach != Reach::Alike) {
            return;
        }
        let asked = entries.iter().filter_map(|entry| entry.body.asked_agent());
        self.stems.extend(asked.map(|(_, request)| stem(request)));
    }

    /// The outcome of this step, if a fault strikes it.
    pub(super) fn strike(&mut self, agent: u32, request: &AgentRequest) -> Option<Outcome> {
        let strike = self.strikes.iter().find(|strike| self.hits(strike, agent)).copied()?;
        let (outcome, effect) = self.outcome(strike.fault, request);
        self.struck.push(Struck { agent, title: request.title(), effect });
        Some(outcome)
    }

    fn hits(&self, strike: &Strike, agent: u32) -> bool {
        let asked = |agent: u32| self.stems.get(agent.checked_sub(1)? as usize);
        match strike.reach {
            _ if agent == strike.agent => true,
            Reach::Once => false,
            Reach::Onwards => agent > strike.agent,
            Reach::Alike => agent > strike.agent && asked(agent) == asked(strike.agent),
        }
    }

    fn outcome(&mut self, fault: Fault, request: &AgentRequest) -> (Outcome, Effect) {
        let (code, said, effect) = match fault {
            Fault::Silent if self.takes_null(request) => {
                return (Outcome::Value("null".to_owned()), Effect::Null);
            }
            Fault::Silent => (
                Code::SchemaMismatch,
                "the agent's answer does not satisfy the schema (injected)",
                Effect::Mismatch,
            ),
            Fault::Fails => (FAILED, "the agent failed (injected)", Effect::Failed),
            Fault::TimesOut => (TIMED_OUT, "the agent timed out (injected)", Effect::TimedOut),
        };
        (Outcome::Failed(Failure::new(code, said)), effect)
    }

    /// Whether the step accepts a missing answer as `null`.
    fn takes_null(&mut self, request: &AgentRequest) -> bool {
        let Some(schema) = &request.schema else { return true };
        *self.nullable.entry(Digest::of(schema.as_bytes())).or_insert_with(|| {
            schema.checker().is_ok_and(|checker| checker.check(&serde_json::Value::Null).is_ok())
        })
    }
}

/// The label or prompt of a step, without digits, which differ between retries.
pub(super) fn stem(request: &AgentRequest) -> String {
    without_digits(request.label.as_deref().unwrap_or(&request.prompt))
}

/// The beginning of a text, without digits.
pub(super) fn without_digits(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).take(STEM_CHARS).collect()
}

/// The faults of a schedule in words; none when nothing was struck.
pub(super) fn circumstances(strikes: &[Strike], struck: &[Struck]) -> Option<String> {
    let said = |strike: &Strike| {
        let first = struck.iter().find(|one| one.agent == strike.agent)?;
        let (title, effect) = (&first.title, first.effect);
        let is_one = struck.len() == 1;
        Some(match strike.reach {
            Reach::Once => format!("`{title}` {}", effect.words()),
            Reach::Alike => format!("`{title}` {} each time", effect.words()),
            Reach::Onwards if is_one => format!("`{title}` {}", effect.words()),
            Reach::Onwards if strike.agent == 1 => format!("all agents {}", effect.words_of_many()),
            Reach::Onwards => {
                format!("`{title}` and all agents after it {}", effect.words_of_many())
            }
        })
    };
    let said: Vec<String> = strikes.iter().filter_map(said).collect();
    (!said.is_empty()).then(|| format!("when {}", said.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(label: Option<&str>, prompt: &str, schema: Option<&str>) -> AgentRequest {
        let given = serde_json::json!({ "prompt": prompt, "label": label, "schema": schema });
        serde_json::from_value(given).unwrap()
    }

    #[test]
    fn null_is_an_answer_only_if_the_schema_accepts_it() {
        let strike = Strike { agent: 1, fault: Fault::Silent, reach: Reach::Onwards };
        let mut strikes = Strikes::new(&[strike]);
        let null = Some(Outcome::Value("null".to_owned()));
        assert_eq!(strikes.strike(1, &request(None, "p", None)), null);
        let nullable = r#"{"type":["object","null"]}"#;
        assert_eq!(strikes.strike(2, &request(None, "p", Some(nullable))), null);
        let Some(Outcome::Failed(failure)) =
            strikes.strike(3, &request(None, "p", Some(r#"{"type":"object"}"#)))
        else {
            panic!("null satisfies no object")
        };
        assert_eq!(failure.code, Code::SchemaMismatch);
        let effects: Vec<Effect> = strikes.struck.iter().map(|struck| struck.effect).collect();
        assert_eq!(effects, [Effect::Null, Effect::Null, Effect::Mismatch]);
    }

    #[test]
    fn a_retry_has_the_stem_of_the_first_try() {
        let one = stem(&request(Some("fix 1"), "a", None));
        assert_eq!(one, stem(&request(Some("fix 12"), "b", None)));
        assert_ne!(one, stem(&request(None, "a", None)));
        assert_eq!(stem(&request(None, "try 1", None)), stem(&request(None, "try 2", None)));
    }
}
