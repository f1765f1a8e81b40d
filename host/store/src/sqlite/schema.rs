//! The schema of the database, and its migrations.
//!
//! Owns: the migrations, which are numbered and never edited once released, and the
//! schema that each of them makes. Never: reads or writes a journal.
//!
//! A file may come from anyone, and SQLite runs what its schema says: a view with the
//! name of one of our tables, or a trigger on one, would run inside our statements. So
//! the whole schema is compared before the first statement on a table.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use smol_wf_core::ids::Digest;

use super::fail;
use super::leases::lease_at;
use crate::{HolderCheck, LeaseRow, StoreError};

/// The mark of our databases in their header: `SMWF`.
pub(super) const APPLICATION_ID: i64 = 0x534d_5746;

/// `user_version` is the number of these that were applied. A released one is never
/// changed.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_runs.sql"),
    include_str!("../../migrations/0002_ends.sql"),
    include_str!("../../migrations/0003_changed.sql"),
    include_str!("../../migrations/0004_facts.sql"),
    include_str!("../../migrations/0005_entries.sql"),
    include_str!("../../migrations/0006_messages.sql"),
];

pub(super) const NEWEST: i64 = MIGRATIONS.len() as i64;

/// Digests of the schema after each migration; a test computes them again.
pub(super) const SHAPES: [&str; MIGRATIONS.len()] = [
    "e63325169086067cdf8b4f2d7ebe3ad70852b4fb906eaf5b103e3e089eb3beea",
    "3f25e8b650af89867c1f1d9fad8e727065e54c254f6d41dfa343baa41da97e3d",
    "ca7d5b61e8c255d7cf28aa160736d385a367fa67dc736f796f0db84419c05398",
    "61e206fbf60b1a251ccf377732a664b5997f078028f6fc8f0446dbbb978c4c84",
    "ea11d02e56bf92e288327f46b3f909cfa86401129a9637251aec6c4796394ca1",
    "2394057d20a1a4c61b1a6b5742048827aaa2ba6dc7657b29db0ce828c9996ada",
];

/// Some programs made the view of the next migration under this version.
const EARLY_VIEW_VERSION: i64 = 4;

/// The version of a database that is ours, or 0 for an empty one. Refuses any other.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let number = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .map_err(|error| fail::sqlite(path, &error))
    };
    let application = number("PRAGMA application_id")?;
    let found = number("PRAGMA user_version")?;
    let path = || path.to_path_buf();
    if application == APPLICATION_ID {
        if found > NEWEST {
            return Err(StoreError::Newer { found, supported: NEWEST, path: path() });
        }
        // Mark and version are written in the transaction that creates the tables.
        if found < 1 {
            let what = format!("our mark, and {found} for its version");
            return Err(StoreError::Altered { path: path(), what });
        }
        return Ok(found);
    }
    let empty = application == 0
        && found == 0
        && number("SELECT count(*) FROM (SELECT 1 FROM sqlite_schema LIMIT 1)")? == 0;
    if empty { Ok(0) } else { Err(StoreError::Foreign { path: path() }) }
}

/// Refuses a database whose schema differs from what the migrations up to this
/// version make.
pub(super) fn compare(
    connection: &Connection,
    version: i64,
    path: &Path,
) -> Result<(), StoreError> {
    let failed = |error: &rusqlite::Error| fail::sqlite(path, error);
    let found = objects(connection).map_err(|error| failed(&error))?;
    let migrations = usize::try_from(version).unwrap_or(0).min(MIGRATIONS.len());
    let expected = migrations.checked_sub(1).map(|newest| SHAPES[newest]);
    let digest = digest(&found);
    let is = |shape: &str| digest.as_str() == shape;
    if expected.is_some_and(is) || (version == EARLY_VIEW_VERSION && is(SHAPES[migrations])) {
        return Ok(());
    }
    let ours = shape(migrations).map_err(|error| failed(&error))?;
    let what = difference(&ours, &found).unwrap_or_else(|| "another schema".to_owned());
    Err(StoreError::Altered { path: path.to_path_buf(), what })
}

/// A lease in the tables of an older program.
struct OlderLease {
    tenant: String,
    run: String,
    lease: LeaseRow,
}

/// Applies the missing migrations in one transaction, so that after a crash, and for
/// other processes, there is either the old schema or the new one. Refuses while a
/// program of the old schema holds a run, which is determined outside of the
/// transaction.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    check_holder: HolderCheck,
) -> Result<(), StoreError> {
    let is_same = |one: &[OlderLease], other: &[OlderLease]| {
        let same = |(one, other): (&OlderLease, &OlderLease)| {
            let LeaseRow { owner, fence, expires_at_us, .. } = &other.lease;
            (&one.tenant, &one.run) == (&other.tenant, &other.run)
                && one.lease.is_still(owner, *fence, *expires_at_us)
        };
        one.len() == other.len() && one.iter().zip(other).all(same)
    };
    let failed = |error| fail::sqlite(path, &error);
    let mut seen = older_leases(&connection.transaction().map_err(failed)?, path)?;
    for _ in 0..LOOKS_MAX {
        // Another process of this program was faster.
        let Some(leases) = &seen else { return Ok(()) };
        if let Some(OlderLease { run, lease, .. }) =
            leases.iter().find(|older| check_holder(&older.lease.owner).holds(&older.lease))
        {
            let (path, run, owner) = (path.to_path_buf(), run.clone(), lease.owner.clone());
            return Err(StoreError::OlderHolder { path, run, owner });
        }
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let now = older_leases(&transaction, path)?;
        if now.as_ref().is_some_and(|now| is_same(leases, now)) {
            return migrate_within(transaction, path);
        }
        seen = now;
    }
    Err(StoreError::Busy { path: path.to_path_buf() })
}

/// How often the holders are checked again because the leases changed meanwhile.
const LOOKS_MAX: u32 = 16;

/// The leases in the tables of an older program; empty if there are no tables yet.
/// `None` if the tables are those of this program.
fn older_leases(
    transaction: &Transaction<'_>,
    path: &Path,
) -> Result<Option<Vec<OlderLease>>, StoreError> {
    match version(transaction, path)? {
        NEWEST => return Ok(None),
        0 => return Ok(Some(Vec::new())),
        _ => {}
    }
    let read = || {
        let mut statement = transaction.prepare(
            "SELECT tenant, run, owner, fence, expires_at_us FROM runs
             WHERE owner IS NOT NULL ORDER BY tenant, run",
        )?;
        let rows = statement.query_map([], |row| {
            let lease = lease_at(row, 2)?;
            let (tenant, run) = (row.get(0)?, row.get(1)?);
            Ok(lease.map(|lease| OlderLease { tenant, run, lease }))
        })?;
        rows.filter_map(Result::transpose).collect::<Result<_, _>>().map(Some)
    };
    read().map_err(|error| fail::sqlite(path, &error))
}

/// Applies the missing migrations and commits.
fn migrate_within(transaction: Transaction<'_>, path: &Path) -> Result<(), StoreError> {
    let failed = |error| fail::sqlite(path, &error);
    let from = version(&transaction, path)?;
    if from == EARLY_VIEW_VERSION {
        transaction.execute_batch("DROP VIEW IF EXISTS entries").map_err(failed)?;
    }
    for migration in MIGRATIONS.iter().skip(usize::try_from(from).unwrap_or(0)) {
        transaction.execute_batch(migration).map_err(failed)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    transaction.pragma_update(None, "user_version", NEWEST).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// A row of `sqlite_schema`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Object {
    kind: String,
    name: String,
    table: String,
    /// None for the index of a key.
    sql: Option<String>,
}

/// All objects of a schema, sorted, because `VACUUM` changes the order of the rows.
pub(super) fn objects(connection: &Connection) -> rusqlite::Result<Vec<Object>> {
    // Without the tables of `ANALYZE`, which only SQLite itself creates and reads.
    let mut statement = connection.prepare(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema
         WHERE NOT (type = 'table' AND name GLOB 'sqlite_stat[1-4]')",
    )?;
    let object = |row: &rusqlite::Row<'_>| {
        Ok(Object { kind: row.get(0)?, name: row.get(1)?, table: row.get(2)?, sql: row.get(3)? })
    };
    let mut objects: Vec<Object> = statement.query_map([], object)?.collect::<Result<_, _>>()?;
    objects.sort();
    Ok(objects)
}

/// Digest of a schema.
pub(super) fn digest(objects: &[Object]) -> Digest {
    let mut text = String::new();
    for Object { kind, name, table, sql } in objects {
        for part in [kind, name, table, sql.as_ref().unwrap_or(kind)] {
            text.push_str(part);
            text.push('\0');
        }
    }
    Digest::of(text.as_bytes())
}

/// The schema that the first `migrations` make.
pub(super) fn shape(migrations: usize) -> rusqlite::Result<Vec<Object>> {
    let connection = Connection::open_in_memory()?;
    for migration in &MIGRATIONS[..migrations] {
        connection.execute_batch(migration)?;
    }
    objects(&connection)
}

/// The first object by which the schemas differ. Objects that run by themselves, such
/// as views, come before tables and indices.
fn difference(ours: &[Object], found: &[Object]) -> Option<String> {
    let name = |Object { kind, name, .. }: &Object| format!("{kind} `{name}`");
    let is_same =
        |one: &Object, other: &Object| (&one.kind, &one.name) == (&other.kind, &other.name);
    let odd = || found.iter().rev().filter(|object| !ours.contains(object));
    if let Some(added) = odd().find(|odd| !ours.iter().any(|known| is_same(known, odd))) {
        return Some(format!("an added {}", name(added)));
    }
    if let Some(changed) = odd().next() {
        return Some(format!("another {}", name(changed)));
    }
    let missing = ours.iter().find(|object| !found.contains(object))?;
    Some(format!("no {}", name(missing)))
}
