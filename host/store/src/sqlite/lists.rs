//! The statements that list runs.
//!
//! Owns: the order of runs, and that a filtered list reads no more rows than it shows.
//! Never: reads an entry, except to check that a journal ends where its row says.

use std::fmt::Write as _;

use rusqlite::{Row, ToSql, params};
use smol_wf_core::ids::TenantId;

use super::Session;
use super::leases::lease_at;
use super::write::{seal_of, unsigned};
use crate::{LeaseRow, Page, RunFilter, RunKey, RunRow, StoreError};

/// A text that sorts after every run id and every text with the same beginning.
const BEHIND_ALL: &str = "\u{10FFFF}";

/// A row of the statement below.
struct ListedRow {
    run: String,
    name: String,
    created_at_us: i64,
    length: i64,
    tip: String,
    lease: Option<LeaseRow>,
    summary: Option<(String, String)>,
    place: Option<String>,
}

/// The beginning of every list, followed by a condition, an order and a limit. A
/// summary counts while the entries, in either table, end where the run's row says;
/// triggers delete it after any other change (`0003_changed.sql`).
const LISTED: &str = "
    SELECT r.run, r.name, r.created_at_us, r.length, r.tip, r.owner, r.fence, r.expires_at_us,
           s.text, s.seal, r.place
    FROM runs r LEFT JOIN summaries s
        ON s.tenant = r.tenant AND s.run = r.run AND s.length = r.length AND s.tip = r.tip
        AND (r.length - 1) || r.tip = coalesce(
            (SELECT e.seq || e.chain FROM numbers n JOIN journal e ON e.run = n.number
             WHERE n.tenant = r.tenant AND n.run = r.run ORDER BY e.seq DESC LIMIT 1),
            (SELECT e.seq || e.chain FROM older_entries e
             WHERE e.tenant = r.tenant AND e.run = r.run
             ORDER BY e.seq DESC LIMIT 1))";

/// Earliest creation time of a list without one.
const ALWAYS: i64 = i64::MIN;

/// A statement and its values.
pub(super) type Listing<'a> = (String, Vec<&'a dyn ToSql>);

/// A column with its operator, and the value that it is compared with.
pub(super) type Comparison<'a> = (&'a str, Option<&'a str>);

/// `IS`, because the value may be null.
pub(super) const IN_STATE: &str = "r.state IS";
pub(super) const FORK_OF: &str = "r.parent =";
/// Selects runs whose facts are unknown.
pub(super) const UNKNOWN: Comparison<'static> = (IN_STATE, None);

/// The part of a list that a page asks for.
pub(super) struct ListQuery<'a> {
    tenant: &'a str,
    /// Only runs before this time and id. The only bound in the statement: with two,
    /// SQLite would choose the index by age.
    before: (i64, &'a str),
    /// Creation time at which reading ends, since it begins with the newest run.
    since_us: i64,
    limit: u32,
    name: Option<&'a str>,
}

impl<'a> ListQuery<'a> {
    pub(super) fn of(tenant: &'a TenantId, page: &Page<'a>) -> Self {
        let before = page.before.map(|(time, run)| (time, run.as_str()));
        let until = page.until_us.map(|time| (time, ""));
        Self {
            tenant: tenant.as_str(),
            before: before.into_iter().chain(until).min().unwrap_or((i64::MAX, BEHIND_ALL)),
            since_us: page.since_us.unwrap_or(ALWAYS),
            limit: page.limit,
            name: page.name,
        }
    }

    /// The statement for these runs, or for those that also fit a comparison.
    pub(super) fn listing<'b>(&'b self, more: Option<&'b Comparison<'b>>) -> Listing<'b> {
        let mut values: Vec<&dyn ToSql> =
            vec![&self.tenant, &self.before.0, &self.before.1, &self.limit];
        let mut conditions = String::new();
        if let Some((comparison, value)) = more {
            values.push(value);
            let _ = write!(conditions, "AND {comparison} ?{}", values.len());
        }
        if let Some(name) = &self.name {
            values.push(name);
            let _ = write!(conditions, " AND r.name = ?{}", values.len());
        }
        let sql = format!(
            "{LISTED} WHERE r.tenant = ?1 {conditions} AND (r.created_at_us, r.run) < (?2, ?3)
             ORDER BY r.created_at_us DESC, r.run DESC LIMIT ?4"
        );
        (sql, values)
    }
}

impl Session<'_> {
    pub(super) fn list(
        &self,
        tenant: &TenantId,
        page: &Page<'_>,
    ) -> Result<Vec<RunRow>, StoreError> {
        let span = ListQuery::of(tenant, page);
        let mut asked: Vec<Comparison<'_>> = vec![UNKNOWN];
        match page.filter {
            RunFilter::All => {
                let (sql, values) = span.listing(None);
                return self.listed(tenant, &sql, &values, span.since_us);
            }
            RunFilter::States(states) => {
                asked.extend(states.iter().map(|state| (IN_STATE, Some(state.as_str()))));
            }
            RunFilter::ForksOf(parent) => asked.push((FORK_OF, Some(parent.as_str()))),
        }
        // One ordered statement per value, each by an index.
        let mut rows = Vec::new();
        for comparison in &asked {
            let (sql, values) = span.listing(Some(comparison));
            rows.extend(self.listed(tenant, &sql, &values, span.since_us)?);
        }
        rows.sort_by(|one, other| {
            (other.created_at_us, &other.key.run).cmp(&(one.created_at_us, &one.key.run))
        });
        rows.truncate(page.limit as usize);
        Ok(rows)
    }

    pub(super) fn newest(
        &self,
        tenant: &TenantId,
        skip: u32,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        // Numbers only grow. SQLite does not reorder a CROSS JOIN.
        let numbered = LISTED.replace(
            "FROM runs r",
            "FROM numbers b CROSS JOIN runs r ON r.tenant = b.tenant AND r.run = b.run",
        );
        let numbered =
            format!("{numbered} WHERE b.tenant = ?1 ORDER BY b.number DESC LIMIT ?3 OFFSET ?2");
        let mut rows =
            self.listed(tenant, &numbered, params![tenant.as_str(), skip, limit], ALWAYS)?;
        if rows.len() >= limit as usize {
            return Ok(rows);
        }
        let count = "SELECT count(*) FROM numbers WHERE tenant = ?1";
        let count: Vec<u32> = self.rows(count, params![tenant.as_str()], |row| row.get(0))?;
        let skip = skip.saturating_sub(count.into_iter().sum());
        let limit = limit - u32::try_from(rows.len()).unwrap_or(limit);
        // Runs of an older program are older than any with a number, because that
        // program can no longer add runs (`0004_facts.sql`). Their rowids only grow as
        // well, and VACUUM keeps the order. The query starts from the runs, which are
        // far fewer than the entries.
        rows.extend(self.listed(
            tenant,
            &format!(
                "{LISTED} WHERE r.tenant = ?1 AND NOT EXISTS
                     (SELECT 1 FROM numbers n WHERE n.tenant = r.tenant AND n.run = r.run)
                 ORDER BY (SELECT e.rowid FROM older_entries e
                           WHERE e.tenant = r.tenant AND e.run = r.run AND e.seq = 0) DESC,
                          r.created_at_us DESC, r.run DESC
                 LIMIT ?3 OFFSET ?2"
            ),
            params![tenant.as_str(), skip, limit],
            ALWAYS,
        )?);
        Ok(rows)
    }

    pub(super) fn find(
        &self,
        tenant: &TenantId,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        self.listed(
            tenant,
            &format!(
                "{LISTED} WHERE r.tenant = ?1 AND r.run >= ?2 AND r.run < ?3
                 ORDER BY r.run LIMIT ?4"
            ),
            params![tenant.as_str(), prefix, format!("{prefix}{BEHIND_ALL}"), limit],
            ALWAYS,
        )
    }

    fn listed(
        &self,
        tenant: &TenantId,
        sql: &str,
        values: &[&dyn ToSql],
        since_us: i64,
    ) -> Result<Vec<RunRow>, StoreError> {
        let is_since = |row: &rusqlite::Result<ListedRow>| {
            row.as_ref().map_or(true, |row| row.created_at_us >= since_us)
        };
        let rows: Vec<ListedRow> = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement.query_map(values, listed)?.take_while(is_since).collect()
            })
            .map_err(|error| self.fail(&error))?;
        let row = |row: ListedRow| {
            // An edited summary is ignored and will be made again.
            let sound =
                |(text, seal): (String, String)| (seal == seal_of(&row.tip, &text)).then_some(text);
            Ok(RunRow {
                key: RunKey { tenant: tenant.clone(), run: self.run_id(&row.run)? },
                name: row.name,
                created_at_us: row.created_at_us,
                entries: unsigned(row.length),
                lease: row.lease,
                summary: row.summary.and_then(sound),
                place: row.place,
                tip: row.tip,
            })
        };
        rows.into_iter().map(row).collect()
    }
}

fn listed(row: &Row<'_>) -> rusqlite::Result<ListedRow> {
    let text: Option<String> = row.get(8)?;
    Ok(ListedRow {
        run: row.get(0)?,
        name: row.get(1)?,
        created_at_us: row.get(2)?,
        length: row.get(3)?,
        tip: row.get(4)?,
        lease: lease_at(row, 5)?,
        summary: text.zip(row.get(9)?),
        place: row.get(10)?,
    })
}
