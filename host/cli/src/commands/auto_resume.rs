//! Taking a paused run up once more, when its provider has said when it answers
//! again and the user has said how long that may be waited for.
//!
//! Owns: the wait. Never: waits a second time; a provider that is shut again
//! when it said that it would not be is nothing to wait for.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use smol_wf_core::ids::RunId;
use smol_wf_engine::{Engine, EngineError, Report, ResumeRequest, RunState, ScriptFile, Start};

use crate::config::Settings;
use crate::failure::talk;
use crate::humanize::span;
use crate::progress::Progress;
use crate::setup;
use crate::signals::Signals;
use crate::working_folder::PlaceFlags;

/// A report names the second in which a provider answers again: its end is late
/// enough.
const ROUNDED: Duration = Duration::from_secs(1);

/// How a run would be taken up once more.
pub(super) struct AutoResume<'a> {
    /// Longest that may be waited for it.
    pub(super) longest: Option<Duration>,
    pub(super) settings: &'a Settings,
    pub(super) places: &'a PlaceFlags,
}

/// The report of the run, after it was taken up again where that may be.
pub(super) async fn once_more(
    engine: &Engine,
    report: Result<Report, EngineError>,
    again: &AutoResume<'_>,
    progress: &Arc<Progress>,
    signals: &Signals,
) -> Result<Report, EngineError> {
    let (Ok(paused), Some(longest)) = (&report, again.longest) else { return report };
    let Some(wait) = wait_of(paused) else { return report };
    let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    if wait > longest {
        talk(&format!(
            "the provider answers again in {}, and --wait-for-reset is {}",
            span(wait_ms),
            span(u64::try_from(longest.as_millis()).unwrap_or(u64::MAX))
        ));
        return report;
    }
    progress.finish();
    talk(&format!("waiting {} until the provider answers again", span(wait_ms)));
    tokio::select! {
        () = tokio::time::sleep(wait) => {}
        () = signals.cancel.cancelled() => return report,
    }
    // With the recorded text: a script that was edited meanwhile is no other run.
    let request = resume_request(paused.run_id.clone(), None, again.settings, again.places)?;
    attend(engine, request, progress, signals).await
}

/// Starts this and waits for its report; signals stop it.
pub(super) async fn attend(
    engine: &Engine,
    what: impl Into<Start>,
    progress: &Arc<Progress>,
    signals: &Signals,
) -> Result<Report, EngineError> {
    engine.start_with(what, progress.clone(), signals.cancel.clone())?.wait().await
}

/// Taking a run up under these settings.
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

/// How long until the provider of a paused run answers again, if it said so.
fn wait_of(report: &Report) -> Option<Duration> {
    if report.state != RunState::Paused {
        return None;
    }
    let resets_at = report.error.as_ref()?.resets_at.as_ref()?;
    let resets_at: Timestamp = resets_at.parse().ok()?;
    let until = Duration::try_from(resets_at.duration_since(Timestamp::now())).unwrap_or_default();
    Some(until + ROUNDED)
}
