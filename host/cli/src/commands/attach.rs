//! `smol-wf attach`: follows a run that another process holds.
//!
//! Owns: what is printed about it, as `run` prints it. Never: changes the run, or stops
//! it; any number of processes may watch.

use std::io::ErrorKind;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use smol_wf_core::ids::RunId;
use smol_wf_engine::{Engine, Notice, Report, Watcher as _};

use super::follow::{Follower, status_of};
use crate::config::{FlagLayer, Settings};
use crate::failure::{self, CommandError, print_message};
use crate::final_lines::{self, Shown};
use crate::flags::{DbFlags, JsonFlag, LogFlags};
use crate::progress::{Preamble, Progress};
use crate::report_format::{self, ReportFormat};
use crate::working_folder::LatestFlags;
use crate::{advice, exit, output, report_output, setup, shell, signals, streams};

/// Follow a run that another process holds
///
/// Shows its progress from the first line on, and its report when it has ended, with the
/// exit code of the run. Ctrl-C, or closing the terminal, leaves the run alone. If nobody
/// holds the run, shows what there is.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AttachArgs {
    /// Run: its id, the beginning of its id, or `latest`
    run: String,

    /// What to write to stdout [default: text on a terminal; elsewhere, in CI and
    /// with TERM=dumb, json]
    #[arg(long, short, value_name = "FORMAT")]
    output: Option<ReportFormat>,

    /// The same as --output jsonl
    #[arg(long)]
    events: bool,

    #[command(flatten)]
    json: JsonFlag,

    #[command(flatten)]
    log: LogFlags,

    #[command(flatten)]
    latest: LatestFlags,

    #[command(flatten)]
    db: DbFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf attach latest
  smol-wf attach run_0k3 --events | jq .type";

/// What was seen of a run.
struct Seen {
    /// A process held it at the beginning.
    was_held: bool,
    /// The reader of the event stream has gone.
    is_unread: bool,
}

impl AttachArgs {
    /// Follows the run to its end, and prints its report. Fails if the run does not
    /// exist or cannot be read.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let output = self.output.or(self.json.asked().map(|_| ReportFormat::Json));
        report_format::check(output, self.events)?;
        let format = report_format::chosen(output, self.events);
        let mut flags = FlagLayer::default();
        self.db.put(&mut flags);
        self.log.put(&mut flags);
        let settings = Settings::load(flags, std::path::Path::new("."))?;
        let engine = setup::engine_with_run(&settings, &self.run)?;
        let run = self.latest.find(&engine, &self.run).await?;
        follow_as(&engine, &run, &settings, format).await
    }
}

/// Follows a run to its end, and prints what stdout calls for.
pub(super) async fn follow(
    engine: &Engine,
    run: &RunId,
    settings: &Settings,
) -> Result<ExitCode, CommandError> {
    follow_as(engine, run, settings, report_format::chosen(None, false)).await
}

async fn follow_as(
    engine: &Engine,
    run: &RunId,
    settings: &Settings,
    format: ReportFormat,
) -> Result<ExitCode, CommandError> {
    streams::start_queue();
    let is_over = Arc::new(AtomicBool::new(false));
    let (watched, over) = (run.clone(), is_over.clone());
    signals::end_with_message(move || {
        (!over.load(Ordering::SeqCst)).then(|| still_there(&watched))
    });
    let progress = Progress::new(None, settings, Preamble::default());
    let streams_events = format == ReportFormat::Jsonl;
    let seen = watch(engine, run, &progress, streams_events).await;
    is_over.store(true, Ordering::SeqCst);
    progress.finish();
    let seen = seen?;
    if seen.is_unread {
        return Ok(ExitCode::SUCCESS);
    }
    let mut report = advice::with_hint(engine.report(run).await?);
    if report.state.is_resumable() {
        let what = if seen.was_held { "stopped" } else { "is not running" };
        print_message(&format!("run {run} {what}: {}", report.state.as_str()));
    }
    conclude(&mut report, &progress, format, settings)
}

/// Shows the run until nobody holds it.
async fn watch(
    engine: &Engine,
    run: &RunId,
    progress: &Progress,
    streams_events: bool,
) -> Result<Seen, CommandError> {
    let head = engine.head(run).await?;
    let status = status_of(engine, run).await?;
    if let Some(status) = &status {
        progress.created_at(status.created_at_us);
    }
    let was_held = status.is_none_or(|status| status.holder.is_some());
    let mut seen = Seen { was_held, is_unread: false };
    if !streams_events {
        let cwd = head.cwd.as_ref().unwrap_or(&head.project_root).as_ref();
        progress.notice(Notice::WorksIn { cwd, outside: None });
        progress.notice(Notice::RunKnown { run, resumed: false });
    }
    let mut follower = Follower::new(engine, run, true);
    while let Some(event) = follower.next().await? {
        if !streams_events {
            progress.notice(Notice::Event { event: &event, replayed: false });
            continue;
        }
        match output::event(&output::event_line(&event)?) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                seen.is_unread = true;
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(seen)
}

/// Prints the report and what to type next, and returns the run's exit code.
fn conclude(
    report: &mut Report,
    progress: &Progress,
    format: ReportFormat,
    settings: &Settings,
) -> Result<ExitCode, CommandError> {
    let streams_events = format == ReportFormat::Jsonl;
    let mut shown = Shown::Nothing;
    if !streams_events {
        streams::flush_before_stdout();
        let printed;
        (shown, printed) = report_output::print(report, format, settings, progress.is_quiet());
        printed?;
    }
    let is_summed_up = !streams_events && !progress.is_quiet();
    if is_summed_up {
        final_lines::print_summary(report, &progress.said(), shown);
    }
    failure::print_reuse(report);
    failure::print_ending(report, None);
    if is_summed_up {
        final_lines::print_next(report, shown);
    }
    Ok(exit::of_report(report, None, false))
}

/// The message to one who leaves while the run goes on.
fn still_there(run: &RunId) -> String {
    format!("run {run} goes on; follow it again: smol-wf attach {run}{}", shell::with_database())
}
