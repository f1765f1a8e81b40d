//! The limits of a run that is taken up again.
//!
//! Owns: which may change, and how: what has been done cannot be undone, so
//! none goes down that was counted. Never: enforces one.

use std::fmt::Display;

use smol_wf_core::budget::{Allowance, Budget, BudgetMode};
use smol_wf_core::ids::RunId;
use smol_wf_core::limits::Limits;

use crate::error::EngineError;
use crate::request::LimitChanges;

/// The limits last in force, with these changes.
pub(crate) fn changed_limits(
    recorded: Limits,
    changes: LimitChanges,
    run: &RunId,
) -> Result<Limits, EngineError> {
    let raised = |flag, recorded: u64, asked: Option<u64>| match asked {
        Some(asked) if asked < recorded => Err(lowered(run, flag, &recorded, &asked)),
        _ => Ok(()),
    };
    raised("--fuel", recorded.fuel, changes.fuel)?;
    raised("--memory", recorded.memory_mib.into(), changes.memory_mib.map(Into::into))?;
    raised("--max-agents", recorded.agents.into(), changes.agents.map(Into::into))?;
    Ok(Limits {
        fuel: changes.fuel.unwrap_or(recorded.fuel),
        memory_mib: changes.memory_mib.unwrap_or(recorded.memory_mib),
        agents: changes.agents.unwrap_or(recorded.agents),
        parallel_agents: changes.parallel_agents.unwrap_or(recorded.parallel_agents),
        budget: changed_budget(recorded.budget, changes.budget, changes.budget_mode, run)?,
    })
}

fn changed_budget(
    recorded: Option<Budget>,
    asked: Option<Allowance>,
    mode: Option<BudgetMode>,
    run: &RunId,
) -> Result<Option<Budget>, EngineError> {
    let before = recorded.map(|budget| budget.allowance);
    if let (Some(before), Some(asked)) = (before, asked)
        && asked.is_less_than(before) == Some(true)
    {
        return Err(lowered(run, "--budget", &before, &asked));
    }
    // A budget in another unit takes the place of the old one.
    let Some(allowance) = asked.or(before) else {
        return match mode {
            None => Ok(None),
            Some(_) => Err(EngineError::Request {
                message: format!(
                    "run {run} has no budget, so --budget-mode says nothing; give --budget too"
                ),
            }),
        };
    };
    let mode = mode.or(recorded.map(|budget| budget.mode)).unwrap_or_default();
    Ok(Some(Budget { allowance, mode }))
}

fn lowered(
    run: &RunId,
    flag: &'static str,
    recorded: &impl Display,
    asked: &impl Display,
) -> EngineError {
    let (recorded, asked) = (recorded.to_string(), asked.to_string());
    EngineError::LimitLowered { run: run.clone(), flag, recorded, asked }
}
