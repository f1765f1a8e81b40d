//! Resumes a run.
//!
//! Owns: whether a resume continues the run, reports it or forks it, and which process
//! may. Never: the turns; [`crate::drive`] runs them.

use smol_wf_core::event::EventFold;
use smol_wf_core::ids::{Digest, RunId};
use smol_wf_core::journal::{ForkReason, Parent, RunHead, ScopeStart};
use smol_wf_core::limit_changes::LimitChanges;
use smol_wf_core::limits::Limits;
use smol_wf_core::machine::Machine;
use smol_wf_core::report::{Report, ReportFold};
use smol_wf_sandbox::Sandbox;
use smol_wf_store::{InboxState, Lease, LeaseTerms, RunKey, RunRow, Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::engine::{Engine, random_u128};
use crate::error::EngineError;
use crate::facts;
use crate::folders::RunFolders;
use crate::fork::ForkRequest;
use crate::history::HistoryPage;
use crate::inbox::HolderInbox;
use crate::journal::{Entries, Journal, survey};
use crate::lease_holder::{ClaimedLease, holds};
use crate::limit_changes::changed_limits;
use crate::lock_wait::LockWait;
use crate::modules::{self, ModuleFolder};
use crate::provider_set;
use crate::recorder::Recorder;
use crate::request::{ResumeRequest, RunSettings};
use crate::runs::{row, unknown};
use crate::watch::{Notice, Watcher};

impl Engine {
    /// Continues a run where its journal ends. A run that is over is only reported. With
    /// another script than the recorded one, a fork is made that reuses its answers; the
    /// next time, that fork is resumed.
    ///
    /// # Errors
    /// When the run does not exist, another process holds it, or it does not replay.
    pub(crate) async fn resume(
        &self,
        request: ResumeRequest,
        watcher: &dyn Watcher,
        cancel: CancellationToken,
    ) -> Result<Report, EngineError> {
        let key = RunKey { tenant: self.tenant.clone(), run: request.run.clone() };
        let journal = Box::pin(survey(&self.writer, &key)).await?;
        let (head, root_start, limits) = journal.recorded()?;
        if is_changed(&request, &root_start, &head)? {
            let created_at_us = journal.survey.created_at_us;
            // Held until the fork is stored: of two processes that fork one run at the
            // same moment, both would pay for the answers that are missing. Steps at work
            // in the holder of the run would be paid for twice as well.
            let deadline = request.settings.times.deadline();
            let lock_wait = LockWait { watcher, cancel: cancel.clone(), deadline };
            let fork = self.taken_up_before(&request, created_at_us).await?;
            let parent_lease = match fork {
                Some(_) => None,
                None => Some(self.claim(&key, &lock_wait).await?),
            };
            let fork = match fork {
                None => self.taken_up_before(&request, created_at_us).await?,
                fork => fork,
            };
            if let Some(fork) = fork {
                drop(parent_lease);
                watcher.notice(Notice::TakenUpBefore { run: &request.run, fork: &fork });
                let request = ResumeRequest { run: fork, ..request };
                return Box::pin(self.resume(request, watcher, cancel)).await;
            }
            let ResumeRequest { run, script, limits, settings } = request;
            let reason = ForkReason::Edited;
            let of = ForkRequest::of(run);
            let fork = ForkRequest { script, limits, settings, reason, ..of };
            let run = RunId::from_bits(random_u128()?);
            return Box::pin(self.fork((fork, parent_lease), run, watcher, cancel)).await;
        }
        if journal.survey.is_over() {
            watcher.notice(Notice::RunOver);
            watcher.notice(Notice::RunKnown { run: &request.run, resumed: true });
            return retell(journal.entries(&self.writer)?, watcher, &request.run).await;
        }
        changed_limits(limits, request.limits, &request.run)?;
        let script = request.script.as_ref().map(|script| script.path.as_path());
        let folders = RunFolders::of_recorded(&head, script, &request.settings.folders)?;
        let registry = provider_set::registry(self.providers.as_ref(), &head)?;
        let deadline = request.settings.times.deadline();
        let lock_wait = LockWait { watcher, cancel: cancel.clone(), deadline };
        let claimed = self.claim(&key, &lock_wait).await?;
        // The last holder may have died and left its agents at work.
        self.processes.begin_to_end_leftovers();
        let (journal, limits, inbox) = match self.as_claimed(journal, &key, request.limits).await {
            Ok(claimed) => claimed,
            Err(error) => {
                self.give_back(claimed.keep()).await;
                return Err(error);
            }
        };
        folders.tell(watcher);
        watcher.notice(Notice::RunKnown { run: &request.run, resumed: true });
        let RunSettings { agents, times, asks, answers, .. } = request.settings;
        let processes = self.processes.apart();
        let tools = (self.writer.clone(), processes.clone());
        let mut recorder = Recorder::resumed(tools, lock_wait, claimed.keep(), &journal);
        let taken_up = self.taken_up(&mut recorder, journal, limits, &request.run).await;
        let (machine, rest) = match taken_up {
            Ok(taken_up) => taken_up,
            Err(error) => {
                recorder.let_go().await;
                return Err(error);
            }
        };
        let runner = self.runner(&head, registry, folders, (limits, agents), processes);
        let driven = (machine, rest, inbox);
        Box::pin(self.drive(driven, recorder, runner, cancel, (times, (asks, answers)))).await
    }

    /// The journal, limits and inbox of a run that was just claimed. Raises that wait in
    /// the inbox count at once: the run may have stopped at a limit.
    async fn as_claimed(
        &self,
        journal: Journal,
        key: &RunKey,
        changes: LimitChanges,
    ) -> Result<(Journal, Limits, HolderInbox), EngineError> {
        let journal = self.as_it_is_now(journal, key).await?;
        let mut limits = changed_limits(journal.survey.limits, changes, &key.run)?;
        let asked = key.clone();
        let state = self.writer.shortly(move |store: &mut dyn Store| store.inbox(&asked));
        let InboxState { posted, taken } = state.await??;
        if posted > taken {
            limits = self.raised_limits(&key.run, limits, taken).await?;
        }
        let (writer, bells) = (self.writer.clone(), self.bells.clone());
        let inbox = HolderInbox::new(writer, key.clone(), bells, (posted, taken));
        Ok((journal, limits, inbox))
    }

    /// Reads the journal again if another process has continued the run meanwhile.
    async fn as_it_is_now(&self, journal: Journal, key: &RunKey) -> Result<Journal, EngineError> {
        let length = row(&self.writer, key).await?.map_or(0, |row| row.entries);
        if length == journal.survey.entries { Ok(journal) } else { survey(&self.writer, key).await }
    }

    /// The machine with the first entries of its journal, and the entries that follow.
    async fn taken_up(
        &self,
        recorder: &mut Recorder<'_>,
        journal: Journal,
        limits: Limits,
        run: &RunId,
    ) -> Result<(Machine, Entries), EngineError> {
        let survey = journal.survey.clone();
        let mut rest = journal.entries(&self.writer)?;
        let beginning = rest.next().await?.unwrap_or_default();
        recorder.retell(&beginning);
        let guest = Sandbox::guest_digest();
        Machine::resume(beginning, &survey, limits, guest, clock::now_us())
            .map(|machine| (machine, rest))
            .map_err(|error| EngineError::Journal { run: run.clone(), error })
    }

    /// Releases a lease. Without this, a process that lives on would keep the run.
    async fn give_back(&self, lease: Lease) {
        // A lease that cannot be released ends with this process.
        let _ = self.writer.shortly(move |store: &mut dyn Store| store.release(&lease)).await;
    }

    /// Claims the run for this process, in place of a holder that is dead.
    async fn claim(
        &self,
        key: &RunKey,
        lock_wait: &LockWait<'_>,
    ) -> Result<ClaimedLease, EngineError> {
        let held = |owner| EngineError::Held { run: key.run.clone(), owner };
        let asked = key.clone();
        let seen = self.writer.shortly(move |store: &mut dyn Store| store.lease(&asked)).await??;
        if let Some(lease) = seen.as_ref().filter(|lease| holds(lease)) {
            return Err(held(lease.owner.clone()));
        }
        // Also when another process has taken the run since.
        let claimed = lock_wait
            .start(|| {
                let (asked, owner, seen) = (key.clone(), self.owner.clone(), seen.clone());
                let writer = self.writer.clone();
                self.writer.soon(move |store: &mut dyn Store| {
                    let hold = LeaseTerms { owner: &owner, lasting: clock::LEASE };
                    let lease = store.claim(&asked, hold, seen.as_ref())?;
                    let claimed = ClaimedLease::new(lease, &writer);
                    // From here on each commit stores the run's state, if the facts are
                    // known. If this fails, a list looks them up later.
                    let _ = facts::look_up(store, &asked);
                    Ok(claimed)
                })
            })
            .await?;
        claimed.map_err(|error| match error {
            StoreError::LeaseHeld { owner, .. } => held(owner),
            other => other.into(),
        })
    }

    /// The newest fork that a resume with this script has made. It may have more answers
    /// than the run: another fork would pay for them twice.
    async fn taken_up_before(
        &self,
        request: &ResumeRequest,
        created_at_us: i64,
    ) -> Result<Option<RunId>, EngineError> {
        // A fork is never older than its parent.
        let since_us = Some(created_at_us);
        let parent = Some(request.run.clone());
        let page = HistoryPage { limit: u32::MAX, since_us, parent, ..HistoryPage::default() };
        for fork in self.history(page).await? {
            let (head, start, _) =
                survey(&self.writer, &self.key(&fork.run_id)).await?.recorded()?;
            let resumed = |parent: &Parent| parent.reason == ForkReason::Edited;
            if head.parent.as_ref().is_some_and(resumed) && !is_changed(request, &start, &head)? {
                return Ok(Some(fork.run_id.clone()));
            }
        }
        Ok(None)
    }

    /// Refuses a run that a process holds.
    ///
    /// # Errors
    /// [`EngineError::Held`]; other errors when the store cannot be read.
    pub async fn refuse_held(&self, run: &RunId) -> Result<(), EngineError> {
        match self.row(run).await? {
            Some(RunRow { lease: Some(lease), .. }) if holds(&lease) => {
                Err(EngineError::Held { run: run.clone(), owner: lease.owner })
            }
            _ => Ok(()),
        }
    }
}

/// Notices the events of a run that is over, and returns its report.
async fn retell(
    mut entries: Entries,
    watcher: &dyn Watcher,
    run: &RunId,
) -> Result<Report, EngineError> {
    let mut events = EventFold::new();
    let mut report = ReportFold::new();
    while let Some(piece) = entries.next().await? {
        for entry in &piece {
            for event in events.after(entry) {
                watcher.notice(Notice::Event { event: &event, replayed: true });
            }
            report.after(entry);
        }
    }
    report.finish(false).map_err(|_| unknown(run))
}

/// Whether the script of the request, or a module of it, differs from the recorded one.
fn is_changed(
    request: &ResumeRequest,
    recorded: &ScopeStart,
    head: &RunHead,
) -> Result<bool, EngineError> {
    let Some(script) = &request.script else { return Ok(false) };
    let is_same = String::from_utf8_lossy(&script.bytes) == recorded.shown_text();
    if recorded.modules.is_empty() || !is_same {
        return Ok(!is_same && Digest::of(&script.bytes) != head.script);
    }
    let folders = RunFolders::of_recorded(head, Some(&script.path), &request.settings.folders)?;
    let Some(root) = &folders.root else { return Ok(true) };
    let path = root.relative(&script.path);
    let folder = ModuleFolder { root, prefix: "", rules: None };
    Ok(!modules::are_unchanged(&recorded.modules, (&recorded.path, &path), &folder))
}
