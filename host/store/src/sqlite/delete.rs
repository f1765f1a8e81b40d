//! The statements that delete.
//!
//! Owns: deleting a run completely, and removing its bytes from the files. Never:
//! decides which run is deleted.

use rusqlite::{Connection, params};

use super::Session;
use crate::{LeaseRow, RunKey, StoreError};

impl Session<'_> {
    pub(super) fn delete(
        &self,
        key: &RunKey,
        replacing: Option<&LeaseRow>,
    ) -> Result<(), StoreError> {
        self.refuse_held(key, replacing)?;
        let of_run = params![key.tenant.as_str(), key.run.as_str()];
        self.delete_entries(key, self.table(key)?, 0)?;
        self.execute("DELETE FROM numbers WHERE tenant = ?1 AND run = ?2", of_run)?;
        self.execute("DELETE FROM summaries WHERE tenant = ?1 AND run = ?2", of_run)?;
        // Before `blob_uses`, which names the values of the run.
        self.execute(
            "DELETE FROM blobs WHERE tenant = ?1
             AND digest IN (SELECT digest FROM blob_uses WHERE tenant = ?1 AND run = ?2)
             AND NOT EXISTS (SELECT 1 FROM blob_uses u
                             WHERE u.tenant = ?1 AND u.digest = blobs.digest AND u.run <> ?2)",
            of_run,
        )?;
        self.execute("DELETE FROM blob_uses WHERE tenant = ?1 AND run = ?2", of_run)?;
        self.execute("DELETE FROM runs WHERE tenant = ?1 AND run = ?2", of_run)?;
        Ok(())
    }
}

/// Removes deleted bytes from the files. The database overwrites them with zeros, but
/// the log has the old pages until it is copied and truncated. If a reader in another
/// process prevents that, the next checkpoint does it.
pub(super) fn clean(connection: &Connection, shrink: bool) -> rusqlite::Result<()> {
    if shrink {
        connection.execute_batch("VACUUM")?;
    }
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}
