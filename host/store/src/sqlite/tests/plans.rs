//! Checks that filtered lists use an index and scan nothing.
//!
//! Owns: SQLite's plans for these statements, and that they are made once. Never: times.

use rusqlite::StatementStatus;
use smol_wf_core::ids::TenantId;
use smol_wf_core::journal::Chain;

use super::super::lists::{FORK_OF, IN_STATE, ListQuery, UNKNOWN};
use super::super::write::HELD;
use super::{SqliteStore, append, create};
use crate::Page;
use crate::conformance::{key, logged};

fn plan(store: &SqliteStore, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Vec<String> {
    let connection = store.connection.as_ref().unwrap();
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let lines = statement.query_map(values, |row| row.get(3)).unwrap();
    lines.map(Result::unwrap).collect()
}

/// Checks that each line of a plan is a look-up in the requested order.
#[track_caller]
fn looks_up(plan: &[String], index: &str) {
    assert!(plan.iter().any(|line| line.contains(index)), "{index}: {plan:#?}");
    let slow = |line: &&String| line.starts_with("SCAN") || line.contains("TEMP B-TREE");
    assert_eq!(plan.iter().find(slow), None, "{plan:#?}");
}

#[test]
fn runs_in_a_state_and_forks_of_a_run_are_looked_up() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("runs.db")).unwrap();
    let (tenant, parent) = (TenantId::local(), key(1).run);
    let before = Some((7, &parent));
    for page in [
        Page { limit: 50, ..Page::default() },
        Page { limit: 50, before, since_us: Some(1), ..Page::default() },
    ] {
        let span = ListQuery::of(&tenant, &page);
        for (more, index) in [
            (Some((IN_STATE, Some("failed"))), "runs_by_state (tenant=? AND state=? AND"),
            (Some(UNKNOWN), "runs_by_state (tenant=? AND state=? AND"),
            (Some((FORK_OF, Some(parent.as_str()))), "runs_by_parent (tenant=? AND parent=? AND"),
            (None, "runs_by_age (tenant=? AND"),
        ] {
            let (sql, values) = span.listing(more.as_ref());
            looks_up(&plan(&store, &sql, &values), index);
        }
    }
}

#[test]
fn leases_and_due_runs_are_looked_up() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("runs.db")).unwrap();
    let held = plan(&store, super::super::leases::LEASED, &[]);
    assert!(held[0].contains("runs_held"), "{held:?}");
    looks_up(&plan(&store, super::super::leases::DUE, &[&"local", &1, &1]), "runs_due");
}

#[test]
fn the_plan_of_a_statement_is_made_once() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, lease) = create(&directory.path().join("runs.db"));
    for seq in 1..4 {
        append(&mut store, &lease, seq, &logged(&mut Chain::new(), &["next"])).unwrap();
    }
    let held = store.connection.as_ref().unwrap().prepare_cached(HELD).unwrap();
    assert_eq!(held.get_status(StatementStatus::Run), 3);
    assert_eq!(held.get_status(StatementStatus::RePrepare), 0);
}
