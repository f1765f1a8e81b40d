//! Lists of the runs in a store.
//!
//! Owns: the runs of a list, and finding a run by part of its id. Never: changes a run. The
//! summary of a run is a fold over its journal, and is stored beside the journal until the
//! journal grows.

mod row;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use smol_wf_core::ids::{RUN_ID_PREFIX, RunId};
use smol_wf_core::journal::{self, Body, Entry, RunHead};
use smol_wf_core::report::RunState;
use smol_wf_core::summary::Summary;
use smol_wf_store::{Page, ReadLimit, RunFilter, RunKey, RunRow, Store, Summary as Kept};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::facts::look_up_all;
use crate::journal::survey;
use crate::lease_holder::is_held;
use crate::library::ProjectRoot;
use crate::run_reader::SHOWN_BYTES_MAX;
pub use row::RunSummary;
use row::{damaged, shown};

/// Rows that are read at once: few enough that the store's thread is soon free for
/// writers.
const ROWS_AT_ONCE: u32 = 500;

/// The runs to list. All conditions that are set must hold.
///
/// ```no_run
/// # async fn f(engine: smol_wf_engine::Engine) -> Result<(), smol_wf_engine::EngineError> {
/// use smol_wf_engine::HistoryPage;
///
/// let mut page = HistoryPage { limit: 50, ..HistoryPage::default() };
/// loop {
///     let runs = engine.history(page.clone()).await?;
///     let Some(last) = runs.last() else { break };
///     page.before = Some((last.created_at_us, last.run_id.clone()));
///     runs.iter().for_each(|run| println!("{} {}", run.run_id, run.name));
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct HistoryPage {
    /// Most runs to return. 0 returns none.
    pub limit: u32,
    /// Only runs after this one in the list: its [`RunSummary::created_at_us`] and id.
    /// For the next page, these are those of the last run of this page.
    pub before: Option<(i64, RunId)>,
    /// Only runs in one of these states; empty means any state.
    pub states: Vec<RunState>,
    /// Only forks of this run.
    pub parent: Option<RunId>,
    /// Only runs of scripts with this `meta.name`.
    pub name: Option<String>,
    /// Only runs created at this time or later, in microseconds since 1970.
    pub since_us: Option<i64>,
    /// Only runs created before this time, in microseconds since 1970.
    pub until_us: Option<i64>,
}

/// The newest runs of a store, from the view of one project.
#[derive(Debug, Default)]
pub struct Latest {
    /// The newest run of the project.
    pub here: Option<RunId>,
    /// The newest run of all, and the folder that its agents work in.
    pub of_all: Option<(RunId, PathBuf)>,
}

impl Engine {
    /// A page of runs, newest first. A run whose journal is damaged is listed with the
    /// reason.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn history(&self, page: HistoryPage) -> Result<Vec<RunSummary>, EngineError> {
        let mut found = Vec::new();
        let mut before = page.before.clone();
        let states = kept_states(&page.states);
        let is_narrowed = !states.is_empty() || page.parent.is_some();
        if is_narrowed {
            look_up_all(&self.writer, &self.tenant).await?;
        }
        let wanted = |run: &RunSummary| {
            (page.states.is_empty() || page.states.contains(&run.state))
                && (page.parent.is_none() || page.parent == run.parent)
        };
        // When the store does not narrow, any number of rows may be in other states.
        let is_sifted = !is_narrowed && !page.states.is_empty();
        let rows_max = if is_sifted { ROWS_AT_ONCE } else { ROWS_AT_ONCE.min(page.limit) };
        while found.len() < page.limit as usize {
            let rows = self.rows(&page, &states, rows_max, before.take()).await?;
            let is_last = rows.len() < rows_max as usize;
            before = rows.last().map(|row| (row.created_at_us, row.key.run.clone()));
            found.extend(self.summaries(rows).await?.into_iter().filter(wanted));
            if is_last {
                break;
            }
        }
        found.truncate(page.limit as usize);
        Ok(found)
    }

    /// The runs that a process holds now, newest first, at most `limit`. No journal is read.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn held(&self, limit: u32) -> Result<Vec<RunId>, EngineError> {
        let mut held = Vec::new();
        let mut before = None;
        loop {
            let page = HistoryPage::default();
            let rows = self.rows(&page, &[], ROWS_AT_ONCE, before.take()).await?;
            before = rows.last().map(|row| (row.created_at_us, row.key.run.clone()));
            let is_last = rows.len() < ROWS_AT_ONCE as usize;
            held.extend(rows.into_iter().filter(is_held).map(|row| row.key.run));
            if is_last || held.len() >= limit as usize {
                held.truncate(limit as usize);
                return Ok(held);
            }
        }
    }

    /// The next rows after `before`. The store applies the conditions that it can.
    async fn rows(
        &self,
        page: &HistoryPage,
        states: &[RunState],
        rows_max: u32,
        before: Option<(i64, RunId)>,
    ) -> Result<Vec<RunRow>, EngineError> {
        let (tenant, asked, states) = (self.tenant.clone(), page.clone(), states.to_vec());
        let rows = self
            .writer
            .with(move |store: &mut dyn Store| {
                let page = Page {
                    before: before.as_ref().map(|(at_us, run)| (*at_us, run)),
                    limit: rows_max,
                    name: asked.name.as_deref(),
                    since_us: asked.since_us,
                    until_us: asked.until_us,
                    filter: match &asked.parent {
                        Some(parent) => RunFilter::ForksOf(parent),
                        None if states.is_empty() => RunFilter::All,
                        None => RunFilter::States(&states),
                    },
                };
                store.list(&tenant, &page)
            })
            .await??;
        Ok(rows)
    }

    /// The summaries of these rows. Missing ones are folded from the journals and kept
    /// for the next time.
    async fn summaries(&self, rows: Vec<RunRow>) -> Result<Vec<RunSummary>, EngineError> {
        let mut made = Vec::new();
        let mut kept = Vec::new();
        for row in rows {
            let known = row.summary.as_deref().and_then(Summary::from_text);
            // When the row differs from its summary, the journal decides.
            let known = known
                .filter(|known| known.name == row.name && known.created_at_us == row.created_at_us);
            let summary = match known {
                Some(summary) => Ok(summary),
                None => self.fold(&row).await,
            };
            match summary {
                Ok(summary) => {
                    if row.summary.is_none() {
                        kept.push(Kept {
                            run: row.key.run.clone(),
                            entries: row.entries,
                            tip: row.tip.clone(),
                            text: summary.to_text(),
                        });
                    }
                    made.push(shown(&row, summary));
                }
                Err(error @ (EngineError::WriterGone(_) | EngineError::System { .. })) => {
                    return Err(error);
                }
                Err(error) => made.push(damaged(&row, &error)),
            }
        }
        if !kept.is_empty() {
            let tenant = self.tenant.clone();
            let keep = move |store: &mut dyn Store| store.put_summaries(&tenant, &kept);
            // Only a cache: a full or busy disk must not hide the list.
            let _ = self.writer.soon(keep).await?;
        }
        Ok(made)
    }

    /// The summary of a run, from its journal.
    async fn fold(&self, row: &RunRow) -> Result<Summary, EngineError> {
        let entries = self.entries(row, Some(SHOWN_BYTES_MAX)).await?;
        Summary::fold(&entries).map_err(|_| unknown(row.key.run.as_str()))
    }

    /// The run that a person names: `latest`, an id, or the beginning of an id with or
    /// without its prefix.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`], or [`EngineError::AmbiguousRun`] when several ids
    /// begin like that.
    pub async fn find(&self, asked: &str) -> Result<RunId, EngineError> {
        const LISTED_MAX: u32 = 16;
        if asked == "latest" {
            let tenant = self.tenant.clone();
            let newest = self
                .writer
                .with(move |store: &mut dyn Store| store.newest(&tenant, 0, 1))
                .await??
                .pop();
            return newest.map(|row| row.key.run).ok_or_else(|| unknown(asked));
        }
        let prefix = match asked {
            _ if asked.is_empty() => return Err(unknown(asked)),
            _ if asked.starts_with(RUN_ID_PREFIX) => asked.to_owned(),
            _ => format!("{RUN_ID_PREFIX}{asked}"),
        };
        let tenant = self.tenant.clone();
        let rows = self
            .writer
            .with(move |store: &mut dyn Store| store.find(&tenant, &prefix, LISTED_MAX))
            .await??;
        match rows.as_slice() {
            [] => Err(unknown(asked)),
            [one] => Ok(one.key.run.clone()),
            many => {
                let runs = many.iter().map(|row| row.key.run.clone()).collect();
                Err(EngineError::AmbiguousRun { asked: asked.to_owned(), runs })
            }
        }
    }

    /// Whether the store lies in this folder or below it. The store is assumed to lie beside
    /// the worktrees.
    #[must_use]
    pub fn is_kept_in(&self, folder: &Path) -> bool {
        let beside = self.worktrees.as_ref().and_then(|worktrees| worktrees.parent());
        let beside = beside.map(|beside| if beside == "" { Path::new(".") } else { beside });
        beside
            .and_then(|beside| beside.canonicalize().ok())
            .is_some_and(|at| at.starts_with(folder))
    }

    /// The newest run whose agents work in this project, and the newest of all. Folders
    /// that belong to no other project count when they lie in `project`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn latest(&self, project: &Path, home: Option<&Path>) -> Result<Latest, EngineError> {
        const ROWS_AT_ONCE: u32 = 64;
        let mut projects: HashMap<String, bool> = HashMap::new();
        let mut is_of = |folder: &str| match projects.get(folder) {
            Some(known) => *known,
            None => {
                let root = ProjectRoot::containing(folder.as_ref(), home);
                // A folder that is gone has no marks: its path decides.
                let is_of = root.map_or_else(
                    |_| Path::new(folder).starts_with(project),
                    |root| root.path() == project,
                );
                projects.insert(folder.to_owned(), is_of);
                is_of
            }
        };
        let mut latest = Latest::default();
        let mut seen = 0;
        loop {
            let tenant = self.tenant.clone();
            let rows = self
                .writer
                .with(move |store: &mut dyn Store| store.newest(&tenant, seen, ROWS_AT_ONCE))
                .await??;
            let is_last = rows.len() < ROWS_AT_ONCE as usize;
            seen += ROWS_AT_ONCE;
            // The row is enough to skip a run; to name one, its journal is read.
            let rows = rows
                .into_iter()
                .map(|row| RunRow { place: row.place.filter(|place| !is_of(place)), ..row });
            for (run, folder) in self.folders(rows.collect()).await? {
                // An unreadable run counts as the project's, so that its error is reported.
                if folder.as_deref().is_none_or(&mut is_of) {
                    latest.here = Some(run.clone());
                }
                latest.of_all.get_or_insert((run, folder.unwrap_or_default().into()));
                if latest.here.is_some() {
                    return Ok(latest);
                }
            }
            if is_last {
                return Ok(latest);
            }
        }
    }

    /// The folders that the agents of these runs work in, by their rows or else their
    /// journals; none for a run that cannot be read.
    async fn folders(
        &self,
        rows: Vec<RunRow>,
    ) -> Result<Vec<(RunId, Option<String>)>, EngineError> {
        let folders = move |store: &mut dyn Store| {
            let mut folder = |key: &RunKey| {
                let segment = store.load_from(key, 0, ReadLimit::records(1)).ok()??;
                let entry =
                    journal::read_behind("", 0, &segment.records).ok()?.into_iter().next()?;
                let Body::RunStarted(head) = entry.body else { return None };
                Some(head.cwd.unwrap_or(head.project_root))
            };
            let place = |row: RunRow| {
                let place = row.place.or_else(|| folder(&row.key));
                (row.key.run, place)
            };
            rows.into_iter().map(place).collect()
        };
        Ok(self.writer.with(folders).await?)
    }

    /// One run, as lists show it.
    ///
    /// # Errors
    /// When the run does not exist, or the store cannot be read.
    pub async fn summary(&self, run: &RunId) -> Result<RunSummary, EngineError> {
        let row = self.row(run).await?.ok_or_else(|| unknown(run.as_str()))?;
        let made = self.summaries(vec![row]).await?.pop();
        made.ok_or_else(|| unknown(run.as_str()))
    }

    /// The head of a run: its first entry, with its script, settings and folders.
    ///
    /// # Errors
    /// When the run does not exist, or its journal cannot be read.
    pub async fn head(&self, run: &RunId) -> Result<RunHead, EngineError> {
        let key = self.key(run);
        // One record only: the next ones may be large.
        let first = move |store: &mut dyn Store| store.load_from(&key, 0, ReadLimit::records(1));
        let first = self.writer.with(first).await??.ok_or_else(|| unknown(run.as_str()))?;
        let entries = journal::read_behind("", 0, &first.records)
            .map_err(|error| EngineError::Journal { run: run.clone(), error })?;
        match entries.into_iter().next() {
            Some(Entry { body: Body::RunStarted(head), .. }) => Ok(*head),
            _ => Err(unknown(run.as_str())),
        }
    }

    /// The head of a run, and the JSON text of its `args`.
    ///
    /// # Errors
    /// When the run does not exist, or its journal cannot be read.
    pub async fn started(&self, run: &RunId) -> Result<(RunHead, Option<String>), EngineError> {
        survey(&self.writer, &self.key(run))
            .await?
            .recorded()
            .map(|(head, start, _)| (head, start.args))
    }

    /// The `meta` of a run's recorded script, as JSON text.
    ///
    /// # Errors
    /// When the run does not exist, or its journal cannot be read.
    pub async fn recorded_meta(&self, run: &RunId) -> Result<String, EngineError> {
        survey(&self.writer, &self.key(run)).await?.recorded().map(|(_, start, _)| start.meta)
    }
}

fn unknown(asked: &str) -> EngineError {
    EngineError::UnknownRun { asked: asked.to_owned() }
}

/// The stored states of runs that lists may show in one of these states. A run that a
/// process holds is shown as running, but stored as interrupted, cancelled or paused. Empty
/// means all: damaged runs may be stored in any state.
fn kept_states(shown: &[RunState]) -> Vec<RunState> {
    if shown.contains(&RunState::Damaged) {
        return Vec::new();
    }
    let held = [RunState::Interrupted, RunState::Cancelled, RunState::Paused];
    let is_kept = |state: &RunState| {
        shown.contains(state) || (held.contains(state) && shown.contains(&RunState::Running))
    };
    let over = [RunState::Completed, RunState::Failed];
    held.into_iter().chain(over).filter(is_kept).collect()
}
