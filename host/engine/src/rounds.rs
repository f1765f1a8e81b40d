//! The rounds of one agent step: the question, and one correction.
//!
//! Owns: the attempts of each round, the waits between them, the check against the
//! schema, and the sum of what they used. Never: decides whether to try again; the core
//! does.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use smol_wf_core::attempts::{self, FailedAttempt, RetryDecision, RetryStart, ShutProvider};
use smol_wf_core::codes::Code;
use smol_wf_core::guest::Failure;
use smol_wf_core::limits::ANSWER_BYTES_MAX;
use smol_wf_core::schema::{self, Checker, Rejection, StepSchema};
use smol_wf_core::step_request::{Reply, Usage};
use smol_wf_providers::{AgentReply, AgentTask, Answer, Presence, ProviderError, TranscriptSink};

use crate::agent_events::AgentReporter;
use crate::agents::{Agents, Job};
use crate::attempt_timeouts::{self, AttemptError, AttemptTimeouts};
use crate::clock;
use crate::step_resources::StepResources;

/// Largest cost that an attempt may report, in dollars. No attempt costs that much: a
/// larger figure is wrong, and would spoil every sum.
const COST_USD_MAX: f64 = 1_000_000.0;

/// Largest number of tokens of one kind that an attempt may report, for the same reason.
const TOKENS_MAX: u64 = 10_000_000_000;

/// Rounds of a step with a schema: the question, and one correction.
const ROUNDS_MAX: u32 = 2;

/// Longest wait for the programs of a failed attempt. They are killed 3 s after they are
/// asked to end; a program that takes longer hangs in the kernel.
const DEPARTURE_MAX: Duration = Duration::from_secs(15);

/// How the next attempt begins.
struct Begin {
    start: RetryStart,
    /// The session to resume.
    session_id: Option<String>,
}

/// How the rounds of a step ended.
pub(crate) enum RoundsEnd {
    /// With an answer, as JSON text.
    Answer(String),
    /// With a failure that another attempt would not mend.
    Failed(Failure),
    /// Without a result: the provider is unavailable for now.
    Shut(ShutProvider),
}

impl From<Failure> for RoundsEnd {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The rounds of one step.
pub(crate) struct Rounds<'a> {
    agents: &'a Agents,
    job: &'a Job,
    reporter: &'a AgentReporter,
    cwd: &'a Path,
    raw: Option<Arc<dyn TranscriptSink>>,
    resources: StepResources,
    /// Some tokens have no known price.
    unpriced: bool,
}

impl<'a> Rounds<'a> {
    pub(crate) fn new(
        agents: &'a Agents,
        job: &'a Job,
        reporter: &'a AgentReporter,
        cwd: &'a Path,
        raw: Option<Arc<dyn TranscriptSink>>,
        resources: StepResources,
    ) -> Self {
        Self { agents, job, reporter, cwd, raw, resources, unpriced: false }
    }

    /// Runs the rounds of the step. Adds their usage to `reply`, also when they fail.
    pub(crate) async fn run(mut self, reply: &mut Reply) -> RoundsEnd {
        let end = self.rounds(reply).await.map_or_else(|end| end, RoundsEnd::Answer);
        if self.unpriced {
            reply.cost_usd = None;
            reply.cost_source = None;
        }
        end
    }

    /// Asks, checks the answer against the schema, and asks once more if it does not fit.
    async fn rounds(&mut self, reply: &mut Reply) -> Result<String, RoundsEnd> {
        let request = &self.job.request;
        let can = self.job.provider.capabilities();
        let checker = request.schema.as_ref().map(StepSchema::checker).transpose()?;
        let mut prompt = match &request.schema {
            Some(schema) if !can.schema => {
                schema::with_schema_instructions(&request.prompt, schema)
            }
            _ => request.prompt.clone(),
        };
        loop {
            reply.rounds += 1;
            let answered = self.ask(&prompt, reply).await?;
            let Some(checker) = &checker else { return Ok(text_outcome(answered.answer)?) };
            let problem = match judged(checker, &answered.answer).await {
                Ok(value) => return Ok(bounded(&value)?),
                Err(Problem::Answer(problem)) => problem,
                // Another answer would cost as much and fail alike.
                Err(Problem::Failure(failure)) => return Err(failure.into()),
            };
            if reply.rounds >= ROUNDS_MAX {
                let message = format!(
                    "the agent's answer does not satisfy the schema, also after a correction: {problem}"
                );
                return Err(Failure::new(Code::SchemaMismatch, message).into());
            }
            let schema_text = request.schema.as_deref().unwrap_or("{}");
            prompt = if can.sessions && reply.session_id.is_some() {
                schema::correction_in_session(schema_text, &problem)
            } else {
                let said = shown(&answered.answer);
                schema::correction_prompt(&request.prompt, schema_text, &said, &problem)
            };
        }
    }

    /// One round, with as many attempts as the retry policy allows.
    async fn ask(&mut self, prompt: &str, reply: &mut Reply) -> Result<AgentReply, RoundsEnd> {
        // A correction resumes the session of the first round.
        let earlier = self.job.request.session.as_ref().and_then(|session| session.of.as_ref());
        let of_round = match reply.rounds {
            1 => earlier.map(|of| of.session_id.clone()),
            _ => reply.session_id.clone(),
        };
        let mut begin = Begin { start: RetryStart::Fresh, session_id: of_round.clone() };
        loop {
            let (presence, departure) = Presence::new();
            let task = self.task(prompt, &begin, reply.rounds, presence);
            let timeouts = AttemptTimeouts::of(&self.job.request, &self.agents.settings);
            let provider = self.job.provider.as_ref();
            let reports = (self.reporter, reply.attempts);
            let AttemptError { error, class } =
                match attempt_timeouts::attempt(provider, task, reports, timeouts).await {
                    Ok(answered) => {
                        let model = answered.model.as_ref();
                        self.count(reply, answered.usage, answered.cost_usd, model);
                        reply.unmetered |= believed(answered.usage).total() == 0;
                        reply.replaced_bytes = answered.replaced_bytes;
                        reply.session_id = answered.session_id.clone().or(reply.session_id.take());
                        return Ok(answered);
                    }
                    Err(error) => error,
                };
            let spent = error.spent.clone();
            self.count(reply, spent.usage, spent.cost_usd, spent.model.as_ref());
            reply.session_id = spent.session_id.clone().or(reply.session_id.take());
            let failed = FailedAttempt {
                run: &self.agents.run,
                step: self.job.step,
                attempt: reply.attempts,
                start: begin.start,
                class,
                retry_after_ms: error.retry_after.map(milliseconds),
            };
            match attempts::after(failed, self.job.request.retry) {
                RetryDecision::Again { wait_ms, start } => {
                    let named = spent.session_id.or(begin.session_id);
                    begin = match named.filter(|_| provider.capabilities().sessions) {
                        Some(session) if start == RetryStart::InSession => {
                            Begin { start, session_id: Some(session) }
                        }
                        _ => Begin { start: RetryStart::Fresh, session_id: of_round.clone() },
                    };
                    self.reporter.waiting(&error, wait_ms, begin.start);
                    let waited = tokio::time::sleep(Duration::from_millis(wait_ms));
                    // Two agents in one folder or session would disturb each other.
                    let gone = tokio::time::timeout(DEPARTURE_MAX, departure.wait());
                    let _ = tokio::join!(waited, gone);
                    reply.attempts += 1;
                }
                RetryDecision::Failed => {
                    return Err(Failure::new(error.code(), error.to_string()).into());
                }
                RetryDecision::Shut => return Err(RoundsEnd::Shut(shut(&error))),
            }
        }
    }

    /// The task of the next attempt.
    fn task(&self, prompt: &str, begin: &Begin, round: u32, presence: Presence) -> AgentTask {
        // The session of an earlier step has none of this step's messages.
        let is_own_session = round > 1 || begin.start == RetryStart::InSession;
        let goes_on = begin.session_id.is_some() && is_own_session;
        AgentTask {
            run: self.agents.run.clone(),
            step: self.job.step,
            ordinal: self.job.ordinal,
            round,
            idempotency_key: self.idempotency_key(),
            request: self.job.request.clone(),
            prompt: match begin.start {
                RetryStart::Fresh => prompt.to_owned(),
                RetryStart::InSession => attempts::go_on_prompt(prompt),
            },
            model: self.job.choice.model.clone(),
            effort: self.job.choice.effort.clone(),
            permissions: self.job.choice.permissions,
            session_id: begin.session_id.clone(),
            messages: self.reporter.mailbox.messages(goes_on),
            raw: self.raw.clone(),
            cwd: self.cwd.to_owned(),
            dirs: self.resources.dirs.clone(),
            images: self.resources.images.clone(),
            mcp: self.resources.mcp.clone(),
            processes: self.agents.processes.clone(),
            presence,
        }
    }

    /// The same for every attempt at one step: a provider that supports such keys does the
    /// work once.
    fn idempotency_key(&self) -> String {
        let name = format!("{}/{}", self.agents.run, self.job.step);
        blake3::hash(name.as_bytes()).to_hex()[..32].to_owned()
    }

    /// Adds the usage and cost of one attempt. The cost is the provider's own figure, or
    /// else taken from the price table, or else unknown.
    fn count(
        &mut self,
        reply: &mut Reply,
        usage: Usage,
        own_cost: Option<f64>,
        model: Option<&String>,
    ) {
        let usage = believed(usage);
        reply.usage += usage;
        reply.model = model.cloned().or(reply.model.take());
        let prices = &self.agents.settings.prices;
        let named = reply.model.as_ref().or(self.job.choice.model.as_ref());
        let believed = own_cost.filter(|cost| (0.0..=COST_USD_MAX).contains(cost));
        let (cost, source) = match believed {
            Some(cost) => (cost, "provider".to_owned()),
            None if usage.total() == 0 => return,
            None => match named.and_then(|model| prices.cost(model, usage)) {
                Some((cost, version)) => (cost, format!("prices:{version}")),
                None => {
                    self.unpriced = true;
                    return;
                }
            },
        };
        reply.cost_usd = Some(reply.cost_usd.unwrap_or(0.0) + cost);
        // A sum that contains an estimate is an estimate.
        if reply.cost_source.is_none() || source != "provider" {
            reply.cost_source = Some(source);
        }
    }
}

/// The reported usage; zero when it is larger than possible.
fn believed(usage: Usage) -> Usage {
    let Usage { input_tokens, output_tokens, cache_read_tokens, cache_write_tokens } = usage;
    let kinds = [input_tokens, output_tokens, cache_read_tokens, cache_write_tokens];
    if kinds.iter().any(|tokens| *tokens > TOKENS_MAX) { Usage::default() } else { usage }
}

/// Why the provider is unavailable, and until when.
fn shut(error: &ProviderError) -> ShutProvider {
    let now_ms = clock::now_us() / 1_000;
    let wait_ms = error.retry_after.map(|wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
    ShutProvider {
        provider: error.provider.clone(),
        code: error.code().into(),
        message: error.to_string(),
        resets_at_ms: wait_ms.map(|wait_ms| now_ms.saturating_add(wait_ms)),
    }
}

/// Why an answer is not accepted.
enum Problem {
    /// The agent may correct it.
    Answer(String),
    /// A correction would not help.
    Failure(Failure),
}

/// Larger answers are checked on another thread, and so are answers to slow schemas: a
/// check may take a second, and signals and leases must not wait for it.
const JUDGED_HERE_BYTES: usize = 16 * 1024;

/// Reads an answer and checks it, on another thread when that may take long.
async fn judged(checker: &Arc<Checker>, answer: &Answer) -> Result<Value, Problem> {
    let bytes = match answer {
        Answer::Null => 0,
        Answer::Text(text) => text.len(),
        Answer::Json(value) => value.to_string().len(),
    };
    let checker = Arc::clone(checker);
    if bytes > JUDGED_HERE_BYTES {
        let answer = answer.clone();
        return beside(move || judge(&checker, read(&answer)?)).await;
    }
    let value = read(answer)?;
    let verdict = if checker.is_quick(&value) {
        judge(&checker, value)
    } else {
        beside(move || judge(&checker, value)).await
    };
    match answer {
        Answer::Null => verdict.map_err(of_no_answer),
        _ => verdict,
    }
}

/// The problem of a missing answer, which was checked as `null`. A failure of the check
/// itself stays as it is.
fn of_no_answer(problem: Problem) -> Problem {
    match problem {
        Problem::Answer(_) => Problem::Answer("there was no answer at all".to_owned()),
        Problem::Failure(_) => problem,
    }
}

/// Runs a check on another thread. A panic there fails the step with an internal error.
async fn beside(
    work: impl FnOnce() -> Result<Value, Problem> + Send + 'static,
) -> Result<Value, Problem> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        let message = format!("the answer cannot be checked against the schema: {error}");
        let code = if error.is_panic() { Code::InternalError } else { Code::AnswerTooCostly };
        Err(Problem::Failure(Failure::new(code, message)))
    })
}

fn read(answer: &Answer) -> Result<Value, Problem> {
    match answer {
        Answer::Null => Ok(Value::Null),
        Answer::Json(value) => Ok(value.clone()),
        // Another round would cost the same and fail alike.
        Answer::Text(text) if text.trim().len() > ANSWER_BYTES_MAX => {
            Err(Problem::Failure(too_large(text.len())))
        }
        Answer::Text(text) => {
            schema::parse_answer(text).ok_or_else(|| Problem::Answer(schema::why_no_json(text)))
        }
    }
}

fn judge(checker: &Checker, value: Value) -> Result<Value, Problem> {
    match checker.judge(&value) {
        Ok(()) => Ok(value),
        Err(Rejection::Violations(violations)) => {
            Err(Problem::Answer(schema::describe(&violations)))
        }
        Err(Rejection::TooCostly) => {
            let message = format!("the agent's answer is not used: {}", schema::TOO_COSTLY);
            Err(Problem::Failure(Failure::new(Code::AnswerTooCostly, message)))
        }
    }
}

fn text_outcome(answer: Answer) -> Result<String, Failure> {
    bounded(&match answer {
        Answer::Null => Value::Null,
        Answer::Text(text) => Value::String(text),
        Answer::Json(value) => value,
    })
}

fn bounded(value: &Value) -> Result<String, Failure> {
    let text = value.to_string();
    if text.len() > ANSWER_BYTES_MAX {
        return Err(too_large(text.len()));
    }
    Ok(text)
}

fn too_large(bytes: usize) -> Failure {
    let message = format!(
        "the agent's answer takes {bytes} bytes as JSON, and {ANSWER_BYTES_MAX} is the most"
    );
    Failure::new(Code::AnswerTooLarge, message)
}

fn shown(answer: &Answer) -> String {
    match answer {
        Answer::Null => "(nothing)".to_owned(),
        Answer::Text(text) => text.clone(),
        Answer::Json(value) => value.to_string(),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    /// Whether the answer was judged at once, and the verdict.
    async fn judging(schema: &str, answer: Answer) -> (bool, Result<Value, Problem>) {
        let checker = Arc::new(Checker::new(schema).unwrap());
        let mut verdict = pin!(judged(&checker, &answer));
        match verdict.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            std::task::Poll::Ready(verdict) => (true, verdict),
            std::task::Poll::Pending => (false, verdict.await),
        }
    }

    #[tokio::test]
    async fn an_answer_to_a_slow_schema_is_judged_on_another_thread_however_short_it_is() {
        let slow = Answer::Json(Value::String("a".repeat(60)));
        let (at_once, verdict) = judging(r#"{"pattern":"^(a+)+\\1b$"}"#, slow.clone()).await;
        assert!(!at_once && matches!(verdict, Err(Problem::Failure(_))));
        let (at_once, verdict) = judging(r#"{"type":"string"}"#, slow).await;
        assert!(at_once && verdict.is_ok());
        let (at_once, verdict) = judging(r#"{"type":"string"}"#, Answer::Null).await;
        let Err(Problem::Answer(said)) = verdict else { panic!("taken") };
        assert!(at_once && said == "there was no answer at all");
        // A long answer as well; that check may be done at the first poll.
        let (_, verdict) = judging("true", Answer::Text("x".repeat(20_000))).await;
        assert!(matches!(verdict, Err(Problem::Answer(_))));
    }

    /// A panic of the checker must not cost another round.
    #[test]
    fn of_no_answer_only_a_verdict_becomes_a_question() {
        for code in [Code::InternalError, Code::AnswerTooCostly] {
            let problem = Problem::Failure(Failure::new(code, "of the checker".to_owned()));
            let Problem::Failure(failure) = of_no_answer(problem) else { panic!("asked again") };
            assert_eq!((&*failure.code, &*failure.message), (code.word(), "of the checker"));
        }
        let asked = of_no_answer(Problem::Answer("/: null is not a string".to_owned()));
        assert!(matches!(asked, Problem::Answer(said) if said == "there was no answer at all"));
    }
}
