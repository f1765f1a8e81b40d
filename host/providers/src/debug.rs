//! The provider without an agent: for tests, demonstrations and trying a script out at no
//! cost.
//!
//! Owns: made-up answers that are the same every time. Never: uses the network or a
//! process, or a clock other than for `delay` rules.

pub mod rules;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use smol_wf_core::ids::{Digest, StepId};
use smol_wf_core::schema::StepSchema;
use smol_wf_core::step_request::Usage;

use self::rules::{Action, Cost, Rule, RuleError, Subject};
use crate::{
    Activity, AgentActivity, AgentReply, AgentTask, Answer, Capabilities, Probe, Processes,
    Provider, ProviderError, ProviderErrorKind, RoundSpend,
};

/// The name of this provider, and of its model.
pub const NAME: &str = "debug";

/// Answers `echo: <prompt>`, or an example of the schema.
///
/// The answer depends on the script's prompt, the schema and what people tell the agent
/// alone: not on the step, the round, the run or the time. A message is one more line of
/// the prompt, `message: <text>`; a `delay` rule gives it time to come. Usage is an estimate of one token for four characters;
/// the cost is zero.
#[derive(Debug, Clone, Default)]
pub struct Debug {
    rules: Arc<Vec<CountedRule>>,
}

/// A rule and the steps that it has matched. Counted per provider value, so make one per
/// run.
#[derive(Debug)]
struct CountedRule {
    rule: Rule,
    matches: Mutex<MatchCount>,
}

#[derive(Debug, Default)]
struct MatchCount {
    /// Matching first rounds so far. A retry is one more, so that `times:1,fail` fails
    /// once and then lets the retry pass.
    first_rounds: u32,
    /// Steps whose latest first round matched, for the rounds that follow.
    steps: BTreeSet<StepId>,
}

impl CountedRule {
    fn holds_for(&self, task: &AgentTask) -> bool {
        let Some(times) = self.rule.times else { return true };
        let mut met = self.matches.lock().unwrap_or_else(PoisonError::into_inner);
        if task.round > 1 {
            return met.steps.contains(&task.step);
        }
        if met.first_rounds < times {
            met.first_rounds += 1;
            met.steps.insert(task.step);
            return true;
        }
        met.steps.remove(&task.step);
        false
    }
}

impl Debug {
    /// A provider without rules.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A provider with rules for one run, as `--debug-rule` takes them; see [`rules`].
    ///
    /// # Errors
    /// The first rule that cannot be read.
    pub fn with_rules<T: AsRef<str>>(
        texts: impl IntoIterator<Item = T>,
    ) -> Result<Self, RuleError> {
        let rules = texts.into_iter().map(|text| Rule::parse(text.as_ref()));
        let rules =
            rules.map(|rule| rule.map(|rule| CountedRule { rule, matches: Mutex::default() }));
        Ok(Self { rules: Arc::new(rules.collect::<Result<_, _>>()?) })
    }

    /// The first rule that matches and is not used up.
    fn rule_for(&self, task: &AgentTask) -> Option<&Rule> {
        let subject = Subject {
            ordinal: task.ordinal,
            label: task.request.label.as_deref(),
            phase: task.request.phase.as_deref(),
            prompt: &task.request.prompt,
        };
        let mut matching =
            self.rules.iter().filter(|counted| counted.rule.matcher.matches(&subject));
        matching.find(|counted| counted.holds_for(task)).map(|counted| &counted.rule)
    }

    fn answer(&self, task: &AgentTask, action: Option<&Action>) -> Result<Answer, ProviderError> {
        let schema = task.request.schema.as_ref();
        match (action, schema) {
            (Some(Action::Fail(kind)), _) => {
                let message = format!("failed ({kind}) because a debug rule says so");
                return Err(ProviderError::new(NAME, *kind, message));
            }
            (Some(Action::Null), _) => return Ok(Answer::Null),
            (Some(Action::Answer(text)), Some(_)) => {
                let read =
                    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()));
                return Ok(Answer::Json(read));
            }
            (Some(Action::Answer(text)), None) => return Ok(Answer::Text(text.clone())),
            (Some(Action::Bad { always }), Some(schema)) if *always || task.round == 1 => {
                return spoiled(schema);
            }
            _ => {}
        }
        match schema {
            Some(schema) => {
                schema.example(seed(task, schema)).map(Answer::Json).map_err(|failure| {
                    ProviderError::new(NAME, ProviderErrorKind::Unsupported, failure.message)
                })
            }
            None => Ok(Answer::Text(format!("echo: {}", task.prompt))),
        }
    }
}

/// Seed of the example: the script's own prompt, so that a correction round, an attempt
/// after a crash and another order of steps give the same.
fn seed(task: &AgentTask, schema_text: &str) -> u64 {
    let text = format!("{}\0{schema_text}", task.request.prompt);
    let digest = Digest::of(text.as_bytes());
    digest.as_str().get(..16).and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0)
}

/// A value that breaks the schema.
fn spoiled(schema: &StepSchema) -> Result<Answer, ProviderError> {
    let unusable =
        |message: String| ProviderError::new(NAME, ProviderErrorKind::Unsupported, message);
    let checker = schema.checker().map_err(|failure| unusable(failure.message))?;
    let candidates = [
        json!({"bad": true}),
        json!("bad"),
        json!(-0.5),
        json!(null),
        json!([]),
        json!({}),
        json!(true),
    ];
    let bad = candidates.into_iter().find(|candidate| checker.check(candidate).is_err());
    bad.map(Answer::Json)
        .ok_or_else(|| unusable("the schema takes anything, so no answer is bad".to_owned()))
}

#[async_trait]
impl Provider for Debug {
    fn name(&self) -> &str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            schema: true,
            sessions: true,
            effort: true,
            agent_types: true,
            models: true,
            vendors: false,
            read_only: true,
            write: true,
            cost: true,
            files: false,
            // It has no tools.
            disallowed_tools: true,
            tools: true,
            bash_command_clamp: true,
            // It answers in one turn.
            max_turns: true,
            // It ignores these, as it ignores the model.
            system: true,
            dirs: true,
            images: true,
            mcp: true,
            messages: true,
            asks: false,
        }
    }

    async fn probe(&self, _processes: &Processes) -> Probe {
        // The provider is part of this program.
        let program = std::env::current_exe().unwrap_or_default();
        let version = Some(env!("CARGO_PKG_VERSION").to_owned());
        Probe { program: Some(program), version, ..Probe::UNKNOWN }
    }

    async fn attempt(
        &self,
        mut task: AgentTask,
        activity: &dyn Activity,
    ) -> Result<AgentReply, ProviderError> {
        activity.note(AgentActivity::Thinking);
        let rule = self.rule_for(&task);
        let delay = rule.and_then(|rule| rule.delay).unwrap_or_default();
        hear(&mut task, delay, activity).await;
        let answer = self.answer(&task, rule.and_then(|rule| rule.action.as_ref()));
        let model = task.model.clone().unwrap_or_else(|| NAME.to_owned());
        let cost_usd = match rule.and_then(|rule| rule.cost) {
            Some(Cost::Usd(usd)) => Some(usd),
            Some(Cost::Unknown) => None,
            None => Some(0.0),
        };
        let claimed = rule.and_then(|rule| rule.tokens);
        let usage = |written| Usage {
            input_tokens: tokens(&task.prompt),
            output_tokens: claimed.unwrap_or(written),
            ..Usage::default()
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(mut error) => {
                error.retry_after = rule.and_then(|rule| rule.retry_after);
                // A failure costs nothing, unless the rule says so.
                let says = claimed.is_some() || rule.is_some_and(|rule| rule.cost.is_some());
                let (usage, model) =
                    if says { (usage(0), Some(model)) } else { (Usage::default(), None) };
                return Err(error.having_spent(RoundSpend {
                    usage,
                    cost_usd,
                    model,
                    session_id: None,
                }));
            }
        };
        let written = match &answer {
            Answer::Text(text) => tokens(text),
            Answer::Json(value) => tokens(&value.to_string()),
            Answer::Null => 0,
        };
        let session = task.session_id.clone().unwrap_or_else(|| {
            format!("debug-{:.16}", Digest::of(task.idempotency_key.as_bytes()).as_str())
        });
        Ok(AgentReply {
            answer,
            usage: usage(written),
            cost_usd,
            model: Some(model),
            session_id: Some(session),
            replaced_bytes: 0,
        })
    }
}

/// Works for so long, and adds what it is told meanwhile to the prompt, a line for each
/// message.
async fn hear(task: &mut AgentTask, delay: Duration, activity: &dyn Activity) {
    let work = async {
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    };
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            message = task.messages.next() => {
                task.prompt.push_str(&format!("\nmessage: {}", message.text));
                activity.told(message.number);
            }
            () = &mut work => return,
        }
    }
}

fn tokens(text: &str) -> u64 {
    (text.chars().count() as u64).div_ceil(4)
}

#[cfg(test)]
mod tests;
