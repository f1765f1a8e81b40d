//! `smol-wf ps`: the runs that a process holds now.
//!
//! Owns: the rows, and what each run waits for. Never: reads a journal; the engine does.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use smol_wf_core::details::{Details, EpochEnd, StepDetails, StepState};
use smol_wf_core::gate::AskKind;
use smol_wf_core::ids::{RunId, StepId};
use smol_wf_core::step::StepKind;
use smol_wf_engine::{
    Engine, EngineError, HistoryPage, RunHolder, RunState, RunStatus, StoreError,
};

use super::history::reader;
use crate::failure::{CommandError, print_message};
use crate::flags::{DbFlags, JsonFlag};
use crate::humanize::{count, plural};
use crate::table::{Align, Column, Format, NarrowRule, table};
use crate::{output, sanitize, shell};

/// Most runs that are listed: each costs a look at its journal.
const RUNS_MAX: u32 = 1_000;

/// States of runs that nobody works on and that can be resumed.
const AT_REST: [RunState; 3] = [RunState::Interrupted, RunState::Paused, RunState::Cancelled];

/// Most steps that are named in what a run waits for; the rest is a number.
const STEPS_NAMED_MAX: usize = 20;

/// Most characters of a label and of an activity in the table.
const LABEL_CHARS_MAX: usize = 40;

/// List the runs that a process works on
///
/// Those of every process that shares the database, in the background or not.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PsArgs {
    /// Also list runs that nobody works on and that can be resumed
    #[arg(long)]
    all: bool,

    /// How to print [default: text]
    #[arg(long, short, value_name = "FORMAT")]
    output: Option<Format>,

    #[command(flatten)]
    json: JsonFlag,

    #[command(flatten)]
    db: DbFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf ps
  smol-wf ps --all --json";

/// The JSON output.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    schema_version: u32,
    /// Newest first.
    runs: Vec<ListedRun>,
}

/// One run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedRun {
    run_id: RunId,
    name: String,
    state: RunState,
    /// The folder that its agents work in.
    #[serde(skip_serializing_if = "Option::is_none")]
    cwd: Option<String>,
    created_at_ms: i64,
    /// Time since it was created.
    age_ms: u64,
    /// The process that holds it, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<String>,
    /// Its process id, on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<u32>,
    agents_at_work: u64,
    agents_queued: u64,
    /// The steps that it waits for, the first ones.
    waits_for: Vec<AwaitedStep>,
    /// Why its journal cannot be read; none for a readable run.
    #[serde(skip_serializing_if = "Option::is_none")]
    damage: Option<String>,
    /// Nobody works on it because only questions are open.
    #[serde(skip)]
    waits_for_answers: bool,
}

/// A step that a run waits for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AwaitedStep {
    step: StepId,
    kind: StepKind,
    /// The function that the script called; `kind` names one for all questions.
    #[serde(skip)]
    function: &'static str,
    label: String,
    /// Number of permissions that its agent waits for.
    #[serde(skip_serializing_if = "is_none")]
    permissions: usize,
    /// What its agent is doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    doing: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_none(number: &usize) -> bool {
    *number == 0
}

impl PsArgs {
    /// Prints the runs. Fails if the database cannot be read.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let engine = reader(&self.db, None)?;
        let at_rest =
            HistoryPage { limit: RUNS_MAX, states: AT_REST.into(), ..HistoryPage::default() };
        let now_ms = Timestamp::now().as_millisecond();
        let mut runs = Vec::new();
        for run in engine.held(RUNS_MAX).await? {
            runs.extend(listed(&engine, &run, RunState::Running, now_ms).await?);
        }
        if self.all {
            for run in engine.history(at_rest.clone()).await? {
                runs.extend(listed(&engine, &run.run_id, run.state, now_ms).await?);
            }
            runs.sort_by_key(|run| std::cmp::Reverse(run.created_at_ms));
            runs.dedup_by(|one, other| one.run_id == other.run_id);
            runs.truncate(RUNS_MAX as usize);
        }
        if runs.is_empty() {
            print_message(if self.all {
                "no process works on a run, and none can be resumed"
            } else {
                "no process works on a run"
            });
        }
        let format = self.json.asked().or(self.output).unwrap_or(Format::Text);
        if !self.all && format == Format::Text {
            let at_rest = engine.history(at_rest).await?.len();
            if at_rest > 0 {
                print_message(&format!(
                    "{} that no process works on can go on: smol-wf ps --all{}",
                    plural(at_rest, "run"),
                    shell::with_database()
                ));
            }
        }
        match format {
            Format::Text if runs.is_empty() => {}
            Format::Text => output::line(&table(&COLUMNS, &rows(&runs), SPARE))?,
            Format::Json => output::document(&Listed { schema_version: 1, runs })?,
            Format::Jsonl => runs.iter().try_for_each(output::json_line)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// One run of the list. None if it is no longer there or no longer held. Of one whose
/// journal cannot be read, the list has what stands beside the journal. Fails if the
/// database cannot be read.
async fn listed(
    engine: &Engine,
    run: &RunId,
    state: RunState,
    now_ms: i64,
) -> Result<Option<ListedRun>, EngineError> {
    let status = match engine.status(run).await {
        Err(EngineError::UnknownRun { .. }) => return Ok(None),
        status => status?,
    };
    let is_over = |held: bool| state == RunState::Running && !held;
    let damage = match engine.account(run).await {
        Ok(journal) if is_over(journal.held) => return Ok(None),
        Ok(journal) => match Details::fold(&journal.entries, journal.held) {
            Ok(details) => {
                return Ok(Some(ListedRun::of(&details, state, status.holder, now_ms)));
            }
            Err(error) => error.to_string(),
        },
        Err(EngineError::UnknownRun { .. }) => return Ok(None),
        Err(error) if !is_of_one_run(&error) => return Err(error),
        Err(_) if is_over(status.holder.is_some()) => return Ok(None),
        Err(error) => error.to_string(),
    };
    let name = engine.head(run).await.map(|head| head.name).unwrap_or_default();
    Ok(Some(ListedRun::damaged(run, name, state, status, damage, now_ms)))
}

/// Whether an error is about the records of a run, and not about the database.
fn is_of_one_run(error: &EngineError) -> bool {
    matches!(
        error,
        EngineError::Journal { .. }
            | EngineError::RowChanged { .. }
            | EngineError::Store(StoreError::Damaged { .. })
    )
}

impl ListedRun {
    fn of(details: &Details<'_>, state: RunState, holder: Option<RunHolder>, now_ms: i64) -> Self {
        let steps = &details.steps;
        let agents = |state| {
            let of =
                steps.iter().filter(|step| step.kind == StepKind::Agent && step.state == state);
            of.count() as u64
        };
        let (questions, others): (Vec<_>, Vec<_>) =
            steps.iter().filter(|step| step.state == StepState::Running).partition(|step| {
                step.kind == StepKind::Ask || step.open_permissions().next().is_some()
            });
        let awaited = questions.into_iter().chain(others);
        let created_at_ms = details.created_at_us / 1_000;
        Self {
            agents_at_work: agents(StepState::Running),
            agents_queued: agents(StepState::Queued),
            waits_for_answers: details
                .epochs
                .last()
                .is_some_and(|epoch| epoch.ended == EpochEnd::Waiting),
            waits_for: awaited.take(STEPS_NAMED_MAX).map(AwaitedStep::of).collect(),
            process: holder.as_ref().and_then(|holder| holder.process),
            holder: holder.map(|holder| holder.words),
            age_ms: u64::try_from(now_ms.saturating_sub(created_at_ms)).unwrap_or(0),
            run_id: details.head.run.clone(),
            name: details.head.name.clone(),
            state,
            cwd: Some(details.cwd.to_owned()),
            damage: None,
            created_at_ms,
        }
    }

    /// A run whose journal cannot be read.
    fn damaged(
        run: &RunId,
        name: String,
        state: RunState,
        status: RunStatus,
        damage: String,
        now_ms: i64,
    ) -> Self {
        let created_at_ms = status.created_at_us / 1_000;
        Self {
            run_id: run.clone(),
            name,
            state,
            cwd: None,
            created_at_ms,
            age_ms: u64::try_from(now_ms.saturating_sub(created_at_ms)).unwrap_or(0),
            process: status.holder.as_ref().and_then(|holder| holder.process),
            holder: status.holder.map(|holder| holder.words),
            agents_at_work: 0,
            agents_queued: 0,
            waits_for: Vec::new(),
            damage: Some(damage),
            waits_for_answers: false,
        }
    }
}

impl AwaitedStep {
    fn of(step: &StepDetails<'_>) -> Self {
        let permissions = step.open_permissions().count();
        let asked = step.open_permissions().next().map(|asked| asked.question);
        let (label, doing) = (step.label.to_string(), asked.or(step.doing).map(str::to_owned));
        let function =
            if permissions > 0 { AskKind::Permission.function() } else { step.asked.function() };
        Self { step: step.step, kind: step.kind, function, label, permissions, doing }
    }
}

/// Columns of the list.
const COLUMNS: [Column; 8] = [
    ("RUN", Align::Left),
    ("STATE", Align::Left),
    ("NAME", Align::Left),
    ("AGE", Align::Right),
    ("AT WORK", Align::Right),
    ("QUEUED", Align::Right),
    ("HOLDER", Align::Left),
    ("WAITS FOR", Align::Left),
];

/// Columns that a narrow terminal drops, least important first.
const SPARE: NarrowRule =
    NarrowRule { columns: &["QUEUED", "AT WORK", "AGE", "STATE"], cut: "WAITS FOR" };

/// The cells of [`COLUMNS`], one row per run.
fn rows(runs: &[ListedRun]) -> Vec<Vec<String>> {
    let row = |run: &ListedRun| {
        vec![
            run.run_id.to_string(),
            run.state.as_str().to_owned(),
            shown(&run.name),
            age(run.age_ms),
            count(run.agents_at_work),
            count(run.agents_queued),
            match run.process {
                Some(process) => process.to_string(),
                None => run.holder.clone().unwrap_or_default(),
            },
            waits_for(run),
        ]
    };
    runs.iter().map(row).collect()
}

/// What a run waits for: a question or else its first step at work, and the number of
/// others.
fn waits_for(run: &ListedRun) -> String {
    if run.damage.is_some() {
        let db = shell::with_database();
        return format!("its journal is damaged: smol-wf history {}{db}", run.run_id);
    }
    if run.state.is_resumable() {
        let command = if run.waits_for_answers { "answer" } else { "resume" };
        return format!("smol-wf {command} {}{}", run.run_id, shell::with_database());
    }
    // A person is needed most; agents say more than the child workflows that they are in.
    let first_of = |kind| run.waits_for.iter().find(|step| step.kind == kind);
    let asks = |step: &&AwaitedStep| step.kind == StepKind::Ask || step.permissions > 0;
    let first = run.waits_for.iter().find(asks).or_else(|| first_of(StepKind::Agent));
    let Some(first) = first.or(run.waits_for.first()) else { return String::new() };
    let doing = first.doing.as_deref().map(|doing| format!(": {}", shown(doing)));
    let more = match run.waits_for.len() {
        1 => String::new(),
        STEPS_NAMED_MAX => ", and others".to_owned(),
        steps => format!(", and {} more", steps - 1),
    };
    let function = first.function;
    format!("{function} {}{}{more}", shown(&first.label), doing.unwrap_or_default())
}

fn shown(text: &str) -> String {
    sanitize::cut(&sanitize::one_line(text), LABEL_CHARS_MAX)
}

/// `5s`, `3m05s`, `2h05m`, `3d04h`.
fn age(milliseconds: u64) -> String {
    match milliseconds / 1_000 {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        seconds @ 3_600..86_400 => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
        seconds => format!("{}d{:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_two_units() {
        let shown = [0, 59_999, 60_000, 3_599_000, 3_600_000, 90_000_000].map(age);
        assert_eq!(shown, ["0s", "59s", "1m00s", "59m59s", "1h00m", "1d01h"]);
    }
}
