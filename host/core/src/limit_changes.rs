//! Changes to the limits of a run.
//!
//! Owns: which limits may change, and how. Never: enforces a limit, or reads a flag.

use serde::{Deserialize, Serialize};

use crate::budget::{Budget, BudgetMode, BudgetSetting};
use crate::limits::Limits;

/// Changes to the limits last in force. A limit that is not set stays as it was. A
/// resume may only raise those of what has been used already; a fork may lower any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitChanges {
    /// Fuel of the run, in wasmtime's units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// Memory of one script, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
    /// Agent steps in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents: Option<u32>,
    /// Most agents at work at once. A resume may lower it, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel_agents: Option<u32>,
    /// Size of the journal, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal_mib: Option<u32>,
    /// The budget, in tokens or dollars, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetSetting>,
    /// Whether agents at work may finish when the budget is spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_mode: Option<BudgetMode>,
}

impl LimitChanges {
    /// These limits with the changes applied.
    #[must_use]
    pub fn applied_to(self, limits: Limits) -> Limits {
        Limits {
            fuel: self.fuel.unwrap_or(limits.fuel),
            memory_mib: self.memory_mib.unwrap_or(limits.memory_mib),
            agents: self.agents.unwrap_or(limits.agents),
            parallel_agents: self.parallel_agents.unwrap_or(limits.parallel_agents),
            budget: self.budget_over(limits.budget),
            journal_mib: self.journal_mib.unwrap_or(limits.journal_mib),
        }
    }

    /// These limits with the changes that raise one. Two people may raise a limit at the
    /// same time; the higher one holds.
    #[must_use]
    pub fn raising(self, limits: Limits) -> Limits {
        let changed = self.applied_to(limits);
        let lowers = |before: Budget, after: Option<Budget>| {
            after.is_some_and(|after| after.allowance.is_less_than(before.allowance) == Some(true))
        };
        Limits {
            fuel: changed.fuel.max(limits.fuel),
            memory_mib: changed.memory_mib.max(limits.memory_mib),
            agents: changed.agents.max(limits.agents),
            parallel_agents: changed.parallel_agents,
            budget: match limits.budget {
                Some(before) if lowers(before, changed.budget) => Some(before),
                _ => changed.budget,
            },
            journal_mib: changed.journal_mib.max(limits.journal_mib),
        }
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn budget_over(self, budget: Option<Budget>) -> Option<Budget> {
        // A budget in another unit replaces the old one.
        let allowance = match self.budget {
            Some(asked) => asked.allowance()?,
            None => budget?.allowance,
        };
        let mode = self.budget_mode.or(budget.map(|budget| budget.mode)).unwrap_or_default();
        Some(Budget { allowance, mode })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Allowance;

    #[test]
    fn a_raise_lowers_nothing_but_the_agents_at_work() {
        let tokens = |tokens| BudgetSetting::AtMost(Allowance::OutputTokens(tokens));
        let changes = |agents, parallel, budget| LimitChanges {
            agents: Some(agents),
            parallel_agents: Some(parallel),
            budget: Some(budget),
            ..LimitChanges::default()
        };
        let raised = changes(50, 4, tokens(100)).raising(Limits::default());
        assert_eq!((raised.agents, raised.parallel_agents), (Limits::default().agents, 4));
        let again = changes(5_000, 8, tokens(50)).raising(raised);
        assert_eq!((again.agents, again.parallel_agents), (5_000, 8));
        assert_eq!(again.budget, raised.budget, "less than before");
        let none = changes(1, 8, BudgetSetting::Unlimited).raising(again);
        assert_eq!((none.agents, none.budget), (5_000, None));
    }

    #[test]
    fn changes_read_back() {
        let changes = LimitChanges {
            fuel: Some(7),
            budget: Some(BudgetSetting::Unlimited),
            budget_mode: Some(BudgetMode::Stop),
            ..LimitChanges::default()
        };
        let text = serde_json::to_string(&changes).unwrap();
        assert_eq!(serde_json::from_str::<LimitChanges>(&text).unwrap(), changes, "{text}");
        assert_eq!(serde_json::from_str::<LimitChanges>("{}").unwrap(), LimitChanges::default());
    }
}
