//! The limits of a resumed run.
//!
//! Owns: which limits may change. What has been done cannot be undone, so no limit of
//! what was used goes down. Never: enforces a limit.

use std::fmt::Display;

use smol_wf_core::budget::{Budget, BudgetSetting};
use smol_wf_core::codes::Limit;
use smol_wf_core::ids::RunId;
use smol_wf_core::limit_changes::LimitChanges;
use smol_wf_core::limits::Limits;

use crate::error::EngineError;

/// The recorded limits with these changes. Fails when one would go down.
pub(crate) fn changed_limits(
    recorded: Limits,
    changes: LimitChanges,
    run: &RunId,
) -> Result<Limits, EngineError> {
    let raised = |limit, recorded: u64, asked: Option<u64>| match asked {
        Some(asked) if asked < recorded => Err(lowered(run, limit, &recorded, &asked)),
        _ => Ok(()),
    };
    raised(Limit::Fuel, recorded.fuel, changes.fuel)?;
    raised(Limit::Memory, recorded.memory_mib.into(), changes.memory_mib.map(Into::into))?;
    raised(Limit::Agents, recorded.agents.into(), changes.agents.map(Into::into))?;
    raised(Limit::Journal, recorded.journal_mib.into(), changes.journal_mib.map(Into::into))?;
    refuse_other_budget(recorded.budget, changes, run)?;
    Ok(changes.applied_to(recorded))
}

/// Refuses a lower budget in the same unit, and a mode without a budget.
fn refuse_other_budget(
    recorded: Option<Budget>,
    changes: LimitChanges,
    run: &RunId,
) -> Result<(), EngineError> {
    let before = recorded.map(|budget| budget.allowance);
    match (before, changes.budget) {
        (Some(before), Some(BudgetSetting::AtMost(asked)))
            if asked.is_less_than(before) == Some(true) =>
        {
            Err(lowered(run, Limit::Budget, &before, &asked))
        }
        (None, None) if changes.budget_mode.is_some() => {
            Err(EngineError::NoBudget { run: run.clone() })
        }
        _ => Ok(()),
    }
}

fn lowered(
    run: &RunId,
    limit: Limit,
    recorded: &impl Display,
    asked: &impl Display,
) -> EngineError {
    let (recorded, asked) = (recorded.to_string(), asked.to_string());
    EngineError::LimitLowered { run: run.clone(), limit, recorded, asked }
}
