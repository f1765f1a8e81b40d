//! Starts a run and waits for it; with `--wait-for-reset`, resumes it once after
//! its provider was out of quota.
//!
//! The provider must have said when it answers again, and that must be within the
//! time that the user allows. Owns: the wait. Never: waits a second time, because
//! a provider that breaks its word once may do so forever.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use smol_wf_core::ids::RunId;
use smol_wf_engine::{Engine, EngineError, Report, ResumeRequest, RunState, ScriptFile, Start};

use crate::answer_flags;
use crate::config::Settings;
use crate::failure::print_message;
use crate::humanize::span;
use crate::progress::Progress;
use crate::questions::Desk;
use crate::setup;
use crate::signals::Signals;
use crate::working_folder::PlaceFlags;

/// A report names the second in which a provider answers again; by the end of
/// that second it does.
const ROUNDED: Duration = Duration::from_secs(1);

/// How to resume a run after a wait.
pub(super) struct AutoResume<'a> {
    /// Longest wait (`--wait-for-reset`); `None` never waits.
    pub(super) longest: Option<Duration>,
    /// Settings of the resume; the same as those of the first try.
    pub(super) settings: &'a Settings,
    /// Flags that name the folders of the run.
    pub(super) places: &'a PlaceFlags,
}

/// Starts a run, resume or fork, waits for its report, and resumes it once if it
/// paused for a quota that resets in time. A signal stops the run or the wait.
pub(super) async fn run_to_end(
    engine: &Engine,
    what: impl Into<Start>,
    auto_resume: &AutoResume<'_>,
    progress: &Arc<Progress>,
    signals: &Signals,
) -> Result<Report, EngineError> {
    let report = start_and_wait(engine, what, progress, signals).await;
    let report = resume_after_reset(engine, report, auto_resume, progress, signals).await;
    answer_flags::unused().iter().for_each(|unused| progress.warn(unused));
    report
}

/// Returns `report`, or, if the run paused for a quota that resets in time, the
/// report of the resumed run.
async fn resume_after_reset(
    engine: &Engine,
    report: Result<Report, EngineError>,
    auto_resume: &AutoResume<'_>,
    progress: &Arc<Progress>,
    signals: &Signals,
) -> Result<Report, EngineError> {
    let (Ok(paused), Some(longest)) = (&report, auto_resume.longest) else { return report };
    let Some(wait) = time_to_reset(paused) else { return report };
    let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    if wait > longest {
        print_message(&format!(
            "the provider answers again in {}, and --wait-for-reset is {}",
            span(wait_ms),
            span(u64::try_from(longest.as_millis()).unwrap_or(u64::MAX))
        ));
        return report;
    }
    progress.finish();
    print_message(&format!("waiting {} until the provider answers again", span(wait_ms)));
    tokio::select! {
        () = tokio::time::sleep(wait) => {}
        () = signals.cancel.cancelled() => return report,
    }
    // With the recorded script: an edit during the wait must not start another
    // run.
    let request =
        resume_request(paused.run_id.clone(), None, auto_resume.settings, auto_resume.places)?;
    start_and_wait(engine, request, progress, signals).await
}

/// Starts a run, resume or fork and waits for its report; a signal stops the run. Asks its
/// questions meanwhile, if a person is there.
async fn start_and_wait(
    engine: &Engine,
    what: impl Into<Start>,
    progress: &Arc<Progress>,
    signals: &Signals,
) -> Result<Report, EngineError> {
    let (watcher, desk) = Desk::open(progress);
    let ended = engine.start_with(what, watcher, signals.cancel.clone())?.wait();
    let Some(mut desk) = desk else { return ended.await };
    tokio::pin!(ended);
    tokio::select! {
        biased;
        report = &mut ended => return report,
        () = desk.serve(engine) => {}
    }
    // Nobody can be asked any more.
    ended.await
}

/// The request to resume `run` with these settings; `script` is `None` for the
/// recorded one.
pub(super) fn resume_request(
    run: RunId,
    script: Option<ScriptFile>,
    settings: &Settings,
    places: &PlaceFlags,
) -> Result<ResumeRequest, EngineError> {
    Ok(ResumeRequest {
        run,
        script,
        limits: setup::limit_changes(settings),
        settings: setup::run_settings(settings, places.of_recorded()?)?,
    })
}

/// Time until the provider of a paused run answers again, if it said so.
fn time_to_reset(report: &Report) -> Option<Duration> {
    if report.state != RunState::Paused {
        return None;
    }
    let resets_at = report.error.as_ref()?.resets_at.as_ref()?;
    let resets_at: Timestamp = resets_at.parse().ok()?;
    let remaining =
        Duration::try_from(resets_at.duration_since(Timestamp::now())).unwrap_or_default();
    Some(remaining + ROUNDED)
}
