//! The answers of stubs in place of agents.
//!
//! Owns: one answer for each content of a step (prompt and schema), the same in every run
//! under one seed, so that two runs differ only in order and faults. Never: uses a label,
//! a step number or a time.

use std::collections::HashMap;

use smol_wf_core::codes::Code;
use smol_wf_core::gate::{AskKind, AskRequest};
use smol_wf_core::guest::{Failure, Outcome};
use smol_wf_core::ids::Digest;
use smol_wf_core::schema::StepSchema;
use smol_wf_core::step_request::{AgentRequest, Reply, Usage};

use super::simulation::Person;

/// The provider in the reply of a stub, and the person that answers.
pub(super) const NAME: &str = "stub";

/// Characters of the prompt that a text answer repeats. With more, prompts that contain
/// earlier answers would grow without end.
const ECHO_CHARS: usize = 40;

/// Answers, made once for each content.
pub(super) struct Stubs {
    seed: u64,
    made: HashMap<Digest, Outcome>,
}

impl Stubs {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, made: HashMap::new() }
    }

    /// The answer to this request.
    pub(super) fn answer(&mut self, request: &AgentRequest) -> (Outcome, Reply) {
        let schema = request.schema.as_ref();
        let content =
            format!("{}\0{}\0{}", self.seed, request.prompt, schema.map_or("", |schema| schema));
        let digest = Digest::of(content.as_bytes());
        let seed = number(&digest);
        let made = self.made.entry(digest);
        let outcome = made.or_insert_with(|| make(&request.prompt, schema, seed)).clone();
        let written = match &outcome {
            Outcome::Value(text) => tokens(text),
            Outcome::Failed(_) => 0,
        };
        let usage = Usage {
            input_tokens: tokens(&request.prompt),
            output_tokens: written,
            ..Usage::default()
        };
        // So that a later step can continue the session.
        let session_id = Some(format!("rehearsed-{seed:016x}"));
        let provider = NAME.to_owned();
        let reply = Reply { provider, usage, rounds: 1, session_id, ..Reply::default() };
        (outcome, reply)
    }
}

impl Stubs {
    /// What people usually do with a question: they agree, take what is offered, or give
    /// an answer that fits.
    pub(super) fn person(&self, request: &AskRequest) -> Person {
        match (request.kind, &request.default) {
            (AskKind::Approve | AskKind::Permission, _) => Person::Answers("true".to_owned()),
            (AskKind::Ask, Some(default)) => Person::Answers(default.clone()),
            _ => self.other_person(request, 0),
        }
    }

    /// What other people do with it: they refuse, or give one of the other answers.
    pub(super) fn other_person(&self, request: &AskRequest, variant: u64) -> Person {
        let content = format!("{}\0{}\0{variant}", self.seed, request.digest());
        let seed = number(&Digest::of(content.as_bytes()));
        match (request.kind, &request.schema) {
            (AskKind::Approve | AskKind::Permission, _) => Person::Answers("false".to_owned()),
            (AskKind::WaitFor, _) => {
                Person::Answers(request.matches.clone().unwrap_or_else(|| "{}".to_owned()))
            }
            (AskKind::Ask, Some(schema)) => match schema.example(seed) {
                Ok(value) => Person::Answers(value.to_string()),
                Err(_) => Person::Waits,
            },
            // The shortest answer that somebody can give.
            (AskKind::Ask, None) if variant == 1 => Person::Answers("\"\"".to_owned()),
            (AskKind::Ask, None) => {
                let echo: String = request.question.chars().take(ECHO_CHARS).collect();
                let text = format!("answer {:04x} to: {echo}", seed & 0xffff);
                Person::Answers(serde_json::Value::String(text).to_string())
            }
        }
    }
}

fn make(prompt: &str, schema: Option<&StepSchema>, seed: u64) -> Outcome {
    match schema {
        Some(schema) => match schema.example(seed) {
            Ok(value) => Outcome::Value(value.to_string()),
            Err(failure) => Outcome::Failed(Failure::new(
                Code::SchemaMismatch,
                format!("no answer that satisfies the schema was found: {}", failure.message),
            )),
        },
        None => {
            let echo: String = prompt.chars().take(ECHO_CHARS).collect();
            let text = format!("answer {:04x} to: {echo}", seed & 0xffff);
            Outcome::Value(serde_json::Value::String(text).to_string())
        }
    }
}

/// The usual rule of thumb: four characters of English a token.
pub(super) fn tokens(text: &str) -> u64 {
    (text.chars().count() as u64).div_ceil(4)
}

/// The first bits of a digest, as a number.
pub(super) fn number(digest: &Digest) -> u64 {
    digest.as_str().get(..16).and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0)
}
