//! What is known of the runs in a store.
//!
//! Owns: lists of runs, finding one by part of its id, and reading one whole.
//! Never: changes one. What a list shows of a run is a fold over its journal
//! that is kept beside it while the journal does not grow.

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
use crate::library::ProjectRoot;
use crate::run_reader::SHOWN_BYTES_MAX;
pub use row::RunSummary;
use row::{damaged, shown};

/// Rows that are read at once: few enough that the journal's thread is soon
/// free for whoever writes.
const ROWS_AT_ONCE: u32 = 500;

/// Which runs to list.
#[derive(Debug, Clone, Default)]
pub struct HistoryPage {
    /// At the most.
    pub limit: u32,
    /// Only runs older than this one: when it was created, and which it is.
    pub before: Option<(i64, RunId)>,
    /// Only runs in one of these states; in any when there is none.
    pub states: Vec<RunState>,
    /// Only forks of this run.
    pub parent: Option<RunId>,
    /// Only runs of this name.
    pub name: Option<String>,
    /// Only runs created at this time or later, in microseconds since 1970.
    pub since_us: Option<i64>,
    /// Only runs created before this time.
    pub until_us: Option<i64>,
}

/// What `latest` may mean.
#[derive(Debug, Default)]
pub struct Latest {
    /// The newest run of the project.
    pub here: Option<RunId>,
    /// The newest of all, and where its agents work.
    pub of_all: Option<(RunId, PathBuf)>,
}

impl Engine {
    /// Runs, newest first.
    ///
    /// # Errors
    /// When the store cannot be read. A run whose journal is damaged is listed
    /// with what is wrong.
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
        // Unless it is narrowed, any number of runs may be in other states.
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

    /// What the rows stand for; where nothing is kept, made from the journals
    /// and kept for the next time.
    async fn summaries(&self, rows: Vec<RunRow>) -> Result<Vec<RunSummary>, EngineError> {
        let mut made = Vec::new();
        let mut kept = Vec::new();
        for row in rows {
            let known = row.summary.as_deref().and_then(Summary::from_text);
            // The row is not what the summary was made of: the journal decides.
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
            // Only a cache: a full or busy disk is no reason to show nothing.
            let _ = self.writer.soon(keep).await?;
        }
        Ok(made)
    }

    async fn fold(&self, row: &RunRow) -> Result<Summary, EngineError> {
        let entries = self.entries(row, Some(SHOWN_BYTES_MAX)).await?;
        Summary::fold(&entries).map_err(|_| unknown(row.key.run.as_str()))
    }

    /// The run that a person means: `latest`, an id, or the beginning of one.
    ///
    /// # Errors
    /// When there is none, or more than one.
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

    /// Whether the runs are kept in a folder, or below it.
    #[must_use]
    pub fn is_kept_in(&self, folder: &Path) -> bool {
        let beside = self.worktrees.as_ref().and_then(|worktrees| worktrees.parent());
        let beside = beside.map(|beside| if beside == "" { Path::new(".") } else { beside });
        beside
            .and_then(|beside| beside.canonicalize().ok())
            .is_some_and(|at| at.starts_with(folder))
    }

    /// The newest run of a project, by where its agents work, and the newest of
    /// all.
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
                // One that is gone has no mark to go by.
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
            // What the rows say is enough to pass a run by.
            let rows = rows
                .into_iter()
                .map(|row| RunRow { place: row.place.filter(|place| !is_of(place)), ..row });
            for (run, folder) in self.folders(rows.collect()).await? {
                // What cannot be read is told of, wherever it belongs.
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

    /// Where the agents of these runs work, as their rows or else their journals
    /// say; none of a run that cannot be read.
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

    /// One run as a list shows it.
    ///
    /// # Errors
    /// When there is no such run, or the store cannot be read.
    pub async fn summary(&self, run: &RunId) -> Result<RunSummary, EngineError> {
        let row = self.row(run).await?.ok_or_else(|| unknown(run.as_str()))?;
        let made = self.summaries(vec![row]).await?.pop();
        made.ok_or_else(|| unknown(run.as_str()))
    }

    /// The head of a run: what it was started with, and where.
    ///
    /// # Errors
    /// When there is no such run, or its journal cannot be read.
    pub async fn head(&self, run: &RunId) -> Result<RunHead, EngineError> {
        let key = self.key(run);
        // One record: those behind it may be large.
        let first = move |store: &mut dyn Store| store.load_from(&key, 0, ReadLimit::records(1));
        let first = self.writer.with(first).await??.ok_or_else(|| unknown(run.as_str()))?;
        let entries = journal::read_behind("", 0, &first.records)
            .map_err(|error| EngineError::Journal { run: run.clone(), error })?;
        match entries.into_iter().next() {
            Some(Entry { body: Body::RunStarted(head), .. }) => Ok(*head),
            _ => Err(unknown(run.as_str())),
        }
    }

    /// The head of a run, and JSON text of the arguments that its script was
    /// started with.
    ///
    /// # Errors
    /// When there is no such run, or its journal cannot be read.
    pub async fn started(&self, run: &RunId) -> Result<(RunHead, Option<String>), EngineError> {
        survey(&self.writer, &self.key(run))
            .await?
            .recorded()
            .map(|(head, start, _)| (head, start.args))
    }
}

fn unknown(asked: &str) -> EngineError {
    EngineError::UnknownRun { asked: asked.to_owned() }
}

/// The states to look for where runs are kept as if nobody held them: all that can
/// be shown as one of these. None for all of them: a journal that is damaged may
/// have been in any.
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
