//! What is known of the runs in a store.
//!
//! Owns: lists of runs and finding one by part of its id. Never: changes one.

use std::path::PathBuf;

use serde::Serialize;
use smol_wf_core::ids::{RUN_ID_PREFIX, RunId};
use smol_wf_core::journal::{Body, Entry, Record};
use smol_wf_core::report::{Report, RunState};
use smol_wf_providers::owner;
use smol_wf_store::{LeaseRow, Page, RunKey, RunRow, Store};

use crate::clock;
use crate::engine::{Engine, script_path};
use crate::error::EngineError;

/// One run in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// The run.
    pub run_id: RunId,
    /// `meta.name` of its script.
    pub name: String,
    /// How it stands.
    pub state: RunState,
    /// When it was created, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// Entries in its journal.
    pub entries: u64,
    /// The run that it is a fork of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<RunId>,
}

/// Which runs to list.
#[derive(Debug, Clone, Default)]
pub struct HistoryPage {
    /// At the most.
    pub limit: u32,
    /// Only runs older than this one.
    pub before: Option<(i64, RunId)>,
}

impl Engine {
    /// Runs, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn history(&self, page: HistoryPage) -> Result<Vec<RunSummary>, EngineError> {
        let tenant = self.tenant.clone();
        let rows = self
            .writer
            .with(move |store: &mut dyn Store| {
                let before = page.before.as_ref().map(|(at_us, run)| (*at_us, run));
                let page = Page { before, limit: page.limit, name: None };
                store.list(&tenant, &page)
            })
            .await??;
        Ok(rows.into_iter().map(|row| summary(&row)).collect())
    }

    /// The run that a person means: `latest`, an id, or the beginning of one.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub async fn find(&self, asked: &str) -> Result<RunId, EngineError> {
        const LISTED_MAX: u32 = 16;
        let unknown = || EngineError::UnknownRun { asked: asked.to_owned() };
        if asked == "latest" {
            let page = HistoryPage { limit: 1, before: None };
            let newest = self.history(page).await?.into_iter().next();
            return newest.map(|run| run.run_id).ok_or_else(unknown);
        }
        let prefix = match asked {
            _ if asked.is_empty() => return Err(unknown()),
            _ if asked.starts_with(RUN_ID_PREFIX) => asked.to_owned(),
            _ => format!("{RUN_ID_PREFIX}{asked}"),
        };
        let tenant = self.tenant.clone();
        let rows = self
            .writer
            .with(move |store: &mut dyn Store| store.find(&tenant, &prefix, LISTED_MAX))
            .await??;
        match rows.as_slice() {
            [] => Err(unknown()),
            [one] => Ok(one.key.run.clone()),
            many => Err(EngineError::AmbiguousRun { asked: asked.to_owned(), count: many.len() }),
        }
    }

    /// Where the script of a run was.
    ///
    /// # Errors
    /// When there is no such run, or its journal cannot be read.
    pub async fn script_of(&self, run: &RunId) -> Result<PathBuf, EngineError> {
        let (_, entries) = self.load(&self.key(run)).await?;
        match entries.first() {
            Some(Entry { body: Body::RunStarted(head), .. }) => Ok(script_path(head)),
            _ => Err(EngineError::UnknownRun { asked: run.to_string() }),
        }
    }

    /// The report of a run as it stands.
    ///
    /// # Errors
    /// When there is no such run, or its journal cannot be read.
    pub async fn report(&self, run: &RunId) -> Result<Report, EngineError> {
        let (_, entries) = self.load(&self.key(run)).await?;
        let held = self.row(run).await?.is_some_and(|row| is_held(&row));
        Report::fold(&entries, held).map_err(|_| EngineError::UnknownRun { asked: run.to_string() })
    }

    pub(crate) async fn row(&self, run: &RunId) -> Result<Option<RunRow>, EngineError> {
        let (tenant, prefix) = (self.tenant.clone(), run.to_string());
        let rows = self
            .writer
            .with(move |store: &mut dyn Store| store.find(&tenant, &prefix, 1))
            .await??;
        Ok(rows.into_iter().next())
    }

    /// Refuses a run that a process is at work on.
    pub(crate) async fn refuse_held(&self, run: &RunId) -> Result<(), EngineError> {
        match self.row(run).await? {
            Some(RunRow { lease: Some(lease), .. }) if holds(&lease) => {
                Err(EngineError::Held { run: run.clone(), owner: lease.owner })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn key(&self, run: &RunId) -> RunKey {
        RunKey { tenant: self.tenant.clone(), run: run.clone() }
    }
}

fn summary(row: &RunRow) -> RunSummary {
    let state = body_of(&row.last)
        .map_or(RunState::Interrupted, |last| RunState::after(&last, is_held(row)));
    RunSummary {
        run_id: row.key.run.clone(),
        name: row.name.clone(),
        state,
        created_at_ms: row.created_at_us / 1_000,
        entries: row.entries,
        parent: match body_of(&row.first) {
            Some(Body::RunStarted(head)) => head.parent.map(|parent| parent.run),
            _ => None,
        },
    }
}

fn is_held(row: &RunRow) -> bool {
    row.lease.as_ref().is_some_and(holds)
}

fn holds(lease: &LeaseRow) -> bool {
    lease.expires_at_us > clock::now_us() && !owner::is_dead(&lease.owner)
}

fn body_of(record: &Record) -> Option<Body> {
    let entry: Entry = serde_json::from_str(&record.body).ok()?;
    Some(entry.body)
}
