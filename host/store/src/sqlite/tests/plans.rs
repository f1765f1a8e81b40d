//! Checks that filtered lists use an index and scan nothing.
//!
//! Owns: SQLite's plans for these statements, and that they are made once. Never: times.

use rusqlite::StatementStatus;
use smol_wf_core::ids::TenantId;
use smol_wf_core::journal::Chain;

use super::super::inbox::{DELETE_TAKEN, INBOX, MARK_TAKEN, MESSAGES};
use super::super::lists::{FORK_OF, IN_STATE, ListQuery, UNKNOWN};
use super::super::write::HELD;
use super::{SqliteStore, append, create};
use crate::conformance::{key, logged};
use crate::{Append, Journals as _, Maintenance as _, NewMessage, Page, Wake};

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
fn messages_and_the_state_of_an_inbox_are_looked_up() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("runs.db")).unwrap();
    let (tenant, run) = (TenantId::local(), key(1).run);
    let of_run: [&dyn rusqlite::ToSql; 2] = [&tenant.as_str(), &run.as_str()];
    let key_of_run = "PRIMARY KEY (tenant=? AND run=?)";
    looks_up(&plan(&store, INBOX, &of_run), key_of_run);
    let after: [&dyn rusqlite::ToSql; 4] = [of_run[0], of_run[1], &0, &9];
    let messages = plan(&store, MESSAGES, &after);
    looks_up(&messages, "sqlite_autoindex_messages_1 (tenant=? AND run=? AND number>?)");
    let taken = plan(&store, DELETE_TAKEN, &after[..3]);
    looks_up(&taken, "sqlite_autoindex_messages_1 (tenant=? AND run=? AND number<?)");
}

/// A holder learns of messages in the statement that checks its lease.
#[test]
fn an_append_that_takes_no_message_has_no_statement_about_messages() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, lease) = create(&directory.path().join("runs.db"));
    let message = NewMessage { by: "ann", posted_at_us: 1, body: "1" };
    store.open_again().unwrap().post(&lease.key, &message).unwrap();
    let mut appended = |first_seq, takes| {
        let records = &logged(&mut Chain::new(), &["next"]);
        let (state, wake, release) = (None, Wake::Keep, false);
        let batch = Append { lease: &lease, first_seq, records, state, wake, takes, release };
        store.append(&[batch]).unwrap().remove(0).unwrap().posted
    };
    assert_eq!([1, 2, 3].map(|first_seq| appended(first_seq, None)), [1; 3]);
    assert_eq!(appended(4, Some(1)), 1);
    let connection = store.connection.as_ref().unwrap();
    let times =
        |sql: &str| connection.prepare_cached(sql).unwrap().get_status(StatementStatus::Run);
    assert_eq!([HELD, INBOX, MESSAGES].map(times), [4, 0, 0]);
    assert_eq!([MARK_TAKEN, DELETE_TAKEN].map(times), [1, 1], "by the last one");
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
