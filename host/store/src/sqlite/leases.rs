//! The statements on leases.
//!
//! Owns: leases, which are columns of a run's row. Never: begins or commits a
//! transaction.

use std::time::Duration;

use rusqlite::{OptionalExtension as _, Row, params};
use smol_wf_core::ids::TenantId;

use super::Session;
use super::write::{signed, unsigned};
use crate::{Lease, LeaseRow, LeaseTerms, RunKey, StoreError, clock};

/// All runs under a lease.
pub(super) const LEASED: &str =
    "SELECT tenant, run, owner, fence, expires_at_us FROM runs WHERE owner IS NOT NULL";

/// The free runs of a tenant that are due, the longest overdue first.
pub(super) const DUE: &str = "
    SELECT run, fence FROM runs WHERE tenant = ?1 AND wake_at_us <= ?2 AND owner IS NULL
    ORDER BY wake_at_us, run LIMIT ?3";

impl Session<'_> {
    pub(super) fn claim(
        &self,
        key: &RunKey,
        terms: LeaseTerms<'_>,
        replacing: Option<&LeaseRow>,
    ) -> Result<Lease, StoreError> {
        let fence = self.refuse_held(key, replacing)?;
        self.hold(key, terms, fence + 1)
    }

    fn hold(&self, key: &RunKey, terms: LeaseTerms<'_>, fence: u64) -> Result<Lease, StoreError> {
        self.execute(
            "UPDATE runs SET owner = ?3, fence = ?4, expires_at_us = ?5
             WHERE tenant = ?1 AND run = ?2",
            params![
                key.tenant.as_str(),
                key.run.as_str(),
                terms.owner,
                signed(fence),
                clock::after(terms.lasting),
            ],
        )?;
        Ok(Lease { key: key.clone(), owner: terms.owner.to_owned(), fence })
    }

    /// The fence of a run that is free or held by exactly the lease `replacing`; refuses
    /// any other.
    pub(super) fn refuse_held(
        &self,
        key: &RunKey,
        replacing: Option<&LeaseRow>,
    ) -> Result<u64, StoreError> {
        let (lease, fence) = self.lease_of(key)?;
        match lease {
            Some(LeaseRow { owner, fence, expires_at_us, .. })
                if !replacing.is_some_and(|seen| seen.is_still(&owner, fence, expires_at_us)) =>
            {
                Err(StoreError::LeaseHeld { key: key.clone(), owner })
            }
            _ => Ok(fence),
        }
    }

    /// The lease on a run, if there is one, and its newest fence.
    pub(super) fn lease_of(&self, key: &RunKey) -> Result<(Option<LeaseRow>, u64), StoreError> {
        self.connection
            .prepare_cached(
                "SELECT owner, fence, expires_at_us FROM runs WHERE tenant = ?1 AND run = ?2",
            )
            .and_then(|mut statement| {
                let values = params![key.tenant.as_str(), key.run.as_str()];
                let lease = |row: &Row<'_>| Ok((lease_at(row, 0)?, unsigned(row.get(1)?)));
                statement.query_row(values, lease).optional()
            })
            .map_err(|error| self.fail(&error))?
            .ok_or_else(|| StoreError::NoSuchRun { key: key.clone() })
    }

    pub(super) fn renew(&self, lease: &Lease, lasting: Duration) -> Result<(), StoreError> {
        let rows = self.execute(
            "UPDATE runs SET expires_at_us = ?5
             WHERE tenant = ?1 AND run = ?2 AND owner = ?3 AND fence = ?4",
            params![
                lease.key.tenant.as_str(),
                lease.key.run.as_str(),
                lease.owner,
                signed(lease.fence),
                clock::after(lasting),
            ],
        )?;
        if rows == 0 { Err(StoreError::lost(lease)) } else { Ok(()) }
    }

    pub(super) fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let rows = self.execute(
            "UPDATE runs SET owner = NULL
             WHERE tenant = ?1 AND run = ?2 AND owner = ?3 AND fence = ?4",
            params![
                lease.key.tenant.as_str(),
                lease.key.run.as_str(),
                lease.owner,
                signed(lease.fence),
            ],
        )?;
        if rows == 0 { Err(StoreError::lost(lease)) } else { Ok(()) }
    }

    pub(super) fn leased(&self) -> Result<Vec<(RunKey, LeaseRow)>, StoreError> {
        let found: Vec<(String, String, Option<LeaseRow>)> =
            self.rows(LEASED, [].as_slice(), |row| {
                Ok((row.get(0)?, row.get(1)?, lease_at(row, 2)?))
            })?;
        let keyed = |(tenant, run, lease): (String, String, Option<LeaseRow>)| {
            let key = self.run_id(&run).map(|run| RunKey { tenant: TenantId::new(tenant), run });
            lease.map(|lease| Ok((key?, lease)))
        };
        found.into_iter().filter_map(keyed).collect()
    }

    pub(super) fn wake_ups(
        &self,
        tenants: &[TenantId],
        terms: LeaseTerms<'_>,
        limit: u32,
    ) -> Result<Vec<Lease>, StoreError> {
        let mut taken = Vec::new();
        for tenant in tenants {
            let due: Vec<(String, i64)> = self.rows(
                DUE,
                params![tenant.as_str(), clock::now_us(), i64::from(limit) - taken.len() as i64],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            for (run, fence) in due {
                let key = RunKey { tenant: tenant.clone(), run: self.run_id(&run)? };
                taken.push(self.hold(&key, terms, unsigned(fence) + 1)?);
            }
        }
        Ok(taken)
    }
}

/// Reads a lease from three columns: owner, fence, time of expiry.
pub(super) fn lease_at(row: &Row<'_>, from: usize) -> rusqlite::Result<Option<LeaseRow>> {
    let owner: Option<String> = row.get(from)?;
    let (fence, expires_at_us) = (unsigned(row.get(from + 1)?), row.get(from + 2)?);
    let is_over = expires_at_us <= clock::now_us();
    Ok(owner.map(|owner| LeaseRow { owner, fence, expires_at_us, is_over }))
}
