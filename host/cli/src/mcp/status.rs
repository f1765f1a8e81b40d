//! `workflow_status`: where a run stands, at once or when something has happened.
//!
//! Owns: which fields of a report it has, and how long it waits. Never: the result.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use smol_wf_core::codes::Code;
use smol_wf_core::details::{Details, StepState};
use smol_wf_core::event::EventKind;
use smol_wf_core::ids::RunId;
use smol_wf_core::report::OpenAskReport;
use smol_wf_engine::{Engine, EngineError, Report, RunState};
use tokio::time::{Instant, sleep};

use super::bounds::{self, Entries};
use super::call::{Answer, Call, answer};
use super::rights::Wait;
use super::shared::Shared;
use crate::commands::{LOOK_EVERY, patiently, status_of};
use crate::failure::CommandError;
use crate::lean_run::LeanRun;
use crate::{advice, sanitize, shell};

/// Longest wait that a call may ask for, in seconds.
const WAIT_S_MAX: u64 = 60;

/// Longest that one call does wait: many clients give up on a call after 60 s.
const WAIT_MAX: Duration = Duration::from_secs(50);

/// Most failed steps and questions that are listed.
const LISTED_MAX: usize = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct StatusArguments {
    run_id: String,
    #[serde(default)]
    wait: f64,
}

/// A run as far as it is read for a tool.
pub(super) struct Look {
    pub(super) report: Report,
    /// Steps that failed.
    failed: Entries,
    pub(super) created_at_us: i64,
    pub(super) updated_at_us: i64,
}

/// Says where the run stands.
pub(super) async fn status(shared: &Shared, call: &Call) -> Answer {
    let StatusArguments { run_id, wait } = call.arguments()?;
    if !(0.0..=WAIT_S_MAX as f64).contains(&wait) {
        return Err(format!(
            "`wait` is in seconds, from 0 to {WAIT_S_MAX}; call again to wait longer"
        ));
    }
    let (engine, run) = find(shared, &run_id).await?;
    if wait > 0.0 {
        let until = Instant::now() + Duration::from_secs_f64(wait).min(WAIT_MAX);
        let shown = shared.questions_shown(&run);
        let news = until_news(engine, &run, shown, until);
        let asked = call.right.waiting(Wait::Run, news).await?.map_err(in_words)?;
        shared.has_shown_questions(&run, asked);
    }
    let look = Look::at(engine, &run).await?;
    let value = look.status(shared);
    answer(text(&value), value)
}

/// The run that is meant. `latest` would depend on a folder.
pub(super) async fn find<'s>(
    shared: &'s Shared,
    asked: &str,
) -> Result<(&'s Engine, RunId), String> {
    if asked.is_empty() || asked == "latest" {
        return Err("`runId` is the id that workflow_run returned".to_owned());
    }
    let engine = shared.engine(asked).await?;
    let run = engine.find(asked).await.map_err(in_words)?;
    Ok((engine, run))
}

pub(super) fn in_words(error: EngineError) -> String {
    CommandError::from(error).sentence()
}

/// Waits until nobody holds the run, or a question is open and more were asked than those
/// `shown` by an earlier wait. Returns how many were asked.
async fn until_news(
    engine: &Engine,
    run: &RunId,
    mut shown: usize,
    until: Instant,
) -> Result<usize, EngineError> {
    let mut tail = engine.tail(run);
    let mut asked = 0;
    loop {
        let held = match status_of(engine, run).await? {
            Some(status) => status.holder.is_some(),
            None => true,
        };
        while let Some(Some(event)) = patiently(tail.next().await)? {
            asked += usize::from(event.kind() == EventKind::AskOpened);
        }
        if asked > shown && engine.standing(run).await?.open_asks().next().is_none() {
            // All of them have their answers.
            shown = asked;
        }
        if !held || asked > shown || Instant::now() >= until {
            return Ok(asked);
        }
        sleep(LOOK_EVERY.min(until.saturating_duration_since(Instant::now()))).await;
    }
}

impl Look {
    /// Reads the run.
    pub(super) async fn at(engine: &Engine, run: &RunId) -> Result<Self, String> {
        let reader = engine.run_reader(run).await.map_err(in_words)?;
        let lean = LeanRun::read(reader).await.map_err(in_words)?;
        let unknown = |_| in_words(EngineError::UnknownRun { asked: run.to_string() });
        let report = Report::fold(&lean.entries, lean.held()).map_err(unknown)?;
        let details = Details::fold(&lean.entries, lean.held()).map_err(unknown)?;
        let failed = failed(&details);
        let (created_at_us, updated_at_us) = (details.created_at_us, details.updated_at_us);
        Ok(Self { report: advice::with_hint(report), failed, created_at_us, updated_at_us })
    }

    /// Whether an answer makes the run go on: it stopped for nothing else.
    pub(super) fn waits(&self) -> bool {
        let stopped = self.report.error.as_ref().map(|error| error.code.as_str());
        let for_answers = match self.report.state {
            RunState::Running => true,
            RunState::Paused => stopped == Some(Code::WaitingForAnswer.word()),
            _ => false,
        };
        for_answers && !self.report.asks.open.is_empty()
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.report.state, RunState::Completed | RunState::Failed)
    }

    /// The state in one word. A run that still works beside an open question is waiting
    /// too: whether its process has already ended is not the client's concern.
    pub(super) fn word(&self) -> &'static str {
        match self.report.state {
            _ if self.waits() => "waiting",
            state => state.as_str(),
        }
    }

    /// What `workflow_status` and `workflow_result` have in common.
    pub(super) fn head(&self) -> Map<String, Value> {
        let report = &self.report;
        let mut head = Map::new();
        head.insert("runId".to_owned(), report.run_id.as_str().into());
        head.insert("name".to_owned(), bounds::name(&report.name).into());
        head.insert("status".to_owned(), self.word().into());
        if let Some(error) = &report.error {
            let mut value = json!({ "code": error.code, "message": bounds::text(&error.message) });
            if let Some(hint) = &error.hint {
                value["hint"] = bounds::text(hint).into();
            }
            if let Some(line) = error.line {
                value["line"] = line.into();
            }
            head.insert("error".to_owned(), value);
        }
        if !self.failed.listed.is_empty() {
            head.insert("failedSteps".to_owned(), self.failed.listed.clone().into());
        }
        if self.failed.left_out > 0 {
            head.insert("failedStepsNotListed".to_owned(), self.failed.left_out.into());
        }
        head.insert("agents".to_owned(), json!(report.agents));
        head.insert("costUsd".to_owned(), report.cost_usd.into());
        head
    }

    /// Everything but the result.
    pub(super) fn status(&self, shared: &Shared) -> Value {
        let mut status = self.head();
        let questions = Entries::of(self.report.asks.open.iter().map(question), LISTED_MAX);
        let is_whole = questions.is_whole() && self.is_whole();
        if !questions.listed.is_empty() {
            status.insert("questions".to_owned(), questions.listed.into());
        }
        if questions.left_out > 0 {
            status.insert("questionsNotListed".to_owned(), questions.left_out.into());
        }
        if !is_whole {
            status.insert("whole".to_owned(), self.whole().into());
        }
        let next = self.next(shared);
        status.insert("next".to_owned(), next.into());
        status.into()
    }

    /// Whether all that the head has is listed.
    pub(super) fn is_whole(&self) -> bool {
        self.failed.is_whole()
    }

    /// Where all of it is.
    pub(super) fn whole(&self) -> String {
        let (run, db) = (&self.report.run_id, shell::with_database());
        bounds::whole_is_in(&format!("smol-wf history {run} --json{db}"))
    }

    /// What to do next.
    pub(super) fn next(&self, shared: &Shared) -> String {
        let (run, db) = (&self.report.run_id, shell::with_database());
        match self.report.state {
            RunState::Completed | RunState::Failed => "read it: workflow_result".to_owned(),
            _ if self.waits() => match shared.offer.answers {
                true => "a question is open: workflow_answer".to_owned(),
                false => format!("a person must answer: smol-wf answer {run}{db}"),
            },
            RunState::Running => "wait: workflow_status with `wait`".to_owned(),
            _ => format!("it can go on: smol-wf continue {run}{db}"),
        }
    }
}

/// A question without its detail.
fn question(open: &OpenAskReport) -> Value {
    let OpenAskReport { step, ask } = open;
    let mut value = json!({
        "step": step,
        "kind": ask.kind,
        "label": bounds::name(&ask.label),
        "question": ask.question,
    });
    if let Some(number) = ask.ask {
        value["ask"] = number.into();
    }
    if let Some(schema) = &ask.schema {
        value["schema"] = schema.clone();
    }
    value
}

/// The steps that failed, with the reasons.
fn failed(details: &Details<'_>) -> Entries {
    let failed = details.steps.iter().filter(|step| step.state == StepState::Failed);
    let row = |step: &smol_wf_core::details::StepDetails<'_>| {
        let mut row = json!({ "step": step.step });
        if let Ok(Value::Object(label)) = serde_json::to_value(&step.label)
            && let Some(Value::String(label)) = label.get("label")
        {
            row["label"] = bounds::name(label).into();
        }
        if let Some(error) = step.error {
            row["code"] = error.code.as_str().into();
            row["reason"] = bounds::text(&error.message).into();
        }
        row
    };
    Entries::of(failed.map(row), LISTED_MAX)
}

/// A status in few lines.
pub(super) fn text(status: &Value) -> String {
    let word = |key: &str| sanitize::one_line(status[key].as_str().unwrap_or_default());
    let agents = &status["agents"];
    let mut text = format!(
        "run {} ({}) is {}: {} of {} agents have answered, {} failed",
        word("runId"),
        word("name"),
        word("status"),
        agents["completed"],
        agents["called"],
        agents["failed"]
    );
    if let Some(message) = status["error"]["message"].as_str() {
        let code = status["error"]["code"].as_str().unwrap_or_default();
        text.push_str(&format!("\n{} [{code}]", sanitize::lines(message)));
    }
    for step in status["failedSteps"].as_array().into_iter().flatten() {
        let reason = sanitize::one_line(step["reason"].as_str().unwrap_or_default());
        text.push_str(&format!("\nstep {} failed: {reason}", step["step"]));
    }
    for one in status["questions"].as_array().into_iter().flatten() {
        let asked = sanitize::one_line(one["question"].as_str().unwrap_or_default());
        text.push_str(&format!("\nstep {} asks: {asked}", one["step"]));
    }
    for (key, what) in
        [("failedStepsNotListed", "failed steps"), ("questionsNotListed", "questions")]
    {
        if let Some(more) = status[key].as_u64() {
            text.push_str(&format!("\n{more} more {what} are not listed"));
        }
    }
    for line in [word("whole"), word("next")].iter().filter(|line| !line.is_empty()) {
        text.push_str(&format!("\n{line}"));
    }
    text
}
