//! The list of settings.
//!
//! Owns: for each setting its name in files, its variable, flag, kind, default,
//! and what a project may do with it. Never: a value; those come from the layers.

use std::time::Duration;

use smol_wf_core::limits;

use super::value::{Kind, Value};

/// What a project's file may do with a setting before the user trusts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProjectRight {
    /// Set it: at worst the run is not the one that the user wanted.
    Set,
    /// Lower it below the value without the file: this spends, allows or hides
    /// nothing more.
    Lower,
    /// Nothing: the setting names programs, paths or prices.
    Nothing,
    /// Nothing, even if trusted: only the user decides.
    Never,
}

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Provider,
    Model,
    Effort,
    Permissions,
    OnFailure,
    PhaseModels,
    Asks,
    Timeout,
    TurnTimeout,
    AgentTimeout,
    IdleTimeout,
    MaxAgents,
    MaxParallelAgents,
    Fuel,
    Memory,
    MaxJournal,
    Budget,
    BudgetMode,
    SaveRawSessions,
    Prices,
    Db,
    LogLevel,
}

/// The properties of a setting.
pub(crate) struct Row {
    /// Name in settings files.
    pub(crate) name: &'static str,
    /// Environment variable.
    pub(crate) variable: &'static str,
    /// Flag on the command line.
    pub(crate) flag: &'static str,
    /// Kind of its value.
    pub(crate) kind: Kind,
    /// What an untrusted project may do with it.
    pub(crate) project: ProjectRight,
}

impl Key {
    /// All settings, in the order of `config show`.
    pub(crate) const ALL: [Self; 22] = [
        Self::Provider,
        Self::Model,
        Self::Effort,
        Self::Permissions,
        Self::OnFailure,
        Self::PhaseModels,
        Self::Asks,
        Self::Timeout,
        Self::TurnTimeout,
        Self::AgentTimeout,
        Self::IdleTimeout,
        Self::MaxAgents,
        Self::MaxParallelAgents,
        Self::Fuel,
        Self::Memory,
        Self::MaxJournal,
        Self::Budget,
        Self::BudgetMode,
        Self::SaveRawSessions,
        Self::Prices,
        Self::Db,
        Self::LogLevel,
    ];

    /// The setting with this name in files.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// Name in settings files, such as `max_agents`.
    pub(crate) fn name(self) -> &'static str {
        self.row().name
    }

    /// The properties of this setting.
    #[rustfmt::skip] // A table.
    pub(crate) fn row(self) -> Row {
        let row = |name, variable, flag, kind, project| Row { name, variable, flag, kind, project };
        let count = |least, most| Kind::Count { least, most };
        match self {
            Self::Provider => row("provider", "SMOL_WF_AGENT_PROVIDER", "--agent-provider", Kind::Text, ProjectRight::Set),
            Self::Model => row("model", "SMOL_WF_MODEL", "--model", Kind::Selector, ProjectRight::Set),
            Self::Effort => row("effort", "SMOL_WF_EFFORT", "--effort", Kind::Text, ProjectRight::Set),
            Self::Permissions => row("permissions", "SMOL_WF_PERMISSIONS", "--permissions", Kind::Choice(&["read", "write"]), ProjectRight::Lower),
            Self::OnFailure => row("on_failure", "SMOL_WF_ON_FAILURE", "--on-failure", Kind::Choice(&["throw", "null"]), ProjectRight::Set),
            Self::PhaseModels => row("phase_models", "SMOL_WF_PHASE_MODELS", "--phase-models", Kind::Choice(&["show", "use"]), ProjectRight::Set),
            Self::Asks => row("asks", "SMOL_WF_ASKS", "--asks", Kind::Choice(&["refuse", "allow", "person"]), ProjectRight::Never),
            Self::Timeout => row("timeout", "SMOL_WF_TIMEOUT", "--timeout", Kind::Duration, ProjectRight::Lower),
            Self::TurnTimeout => row("turn_timeout", "SMOL_WF_TURN_TIMEOUT", "--turn-timeout", Kind::Duration, ProjectRight::Lower),
            Self::AgentTimeout => row("agent_timeout", "SMOL_WF_AGENT_TIMEOUT", "--agent-timeout", Kind::Duration, ProjectRight::Lower),
            Self::IdleTimeout => row("idle_timeout", "SMOL_WF_IDLE_TIMEOUT", "--idle-timeout", Kind::Duration, ProjectRight::Lower),
            Self::MaxAgents => row("max_agents", "SMOL_WF_MAX_AGENTS", "--max-agents", count(1, limits::AGENTS_MAX.into()), ProjectRight::Lower),
            Self::MaxParallelAgents => row("max_parallel_agents", "SMOL_WF_MAX_PARALLEL_AGENTS", "--max-parallel-agents", count(1, limits::PARALLEL_AGENTS_MAX.into()), ProjectRight::Lower),
            Self::Fuel => row("fuel", "SMOL_WF_FUEL", "--fuel", count(1, i64::MAX as u64), ProjectRight::Lower),
            Self::Memory => row("memory", "SMOL_WF_MEMORY", "--memory", count(MEMORY_MIB_LEAST, limits::MEMORY_MIB_MAX.into()), ProjectRight::Lower),
            Self::MaxJournal => row("max_journal", "SMOL_WF_MAX_JOURNAL", "--max-journal", count(1, limits::JOURNAL_MIB_MAX.into()), ProjectRight::Lower),
            Self::Budget => row("budget", "SMOL_WF_BUDGET", "--budget", Kind::Budget, ProjectRight::Lower),
            Self::BudgetMode => row("budget_mode", "SMOL_WF_BUDGET_MODE", "--budget-mode", Kind::Choice(&["stop", "pause"]), ProjectRight::Lower),
            Self::SaveRawSessions => row("save_raw_sessions", "SMOL_WF_SAVE_RAW_SESSIONS", "--save-raw-sessions", Kind::Path, ProjectRight::Nothing),
            Self::Prices => row("prices", "SMOL_WF_PRICES", "--prices", Kind::Path, ProjectRight::Nothing),
            Self::Db => row("db", "SMOL_WF_DB", "--db", Kind::Path, ProjectRight::Nothing),
            Self::LogLevel => row("log_level", "SMOL_WF_LOG_LEVEL", "--log-level", Kind::Choice(&["trace", "debug", "info", "warn", "warning", "error", "quiet", "none", "off"]), ProjectRight::Lower),
        }
    }

    /// The default; `None` if the setting is then absent.
    pub(crate) fn default(self) -> Option<Value> {
        let limits = limits::Limits::default();
        let span = |ms| Value::Duration(Duration::from_millis(ms));
        Some(match self {
            Self::Provider => Value::Text(AUTO.to_owned()),
            Self::TurnTimeout => span(limits::TURN_MS_DEFAULT),
            Self::AgentTimeout => span(limits::AGENT_TIMEOUT_MS_DEFAULT),
            Self::IdleTimeout => span(limits::AGENT_IDLE_MS_DEFAULT),
            Self::MaxAgents => Value::Count(limits.agents.into()),
            Self::MaxParallelAgents => Value::Count(limits.parallel_agents.into()),
            Self::Fuel => Value::Count(limits.fuel),
            Self::Memory => Value::Count(limits.memory_mib.into()),
            Self::MaxJournal => Value::Count(limits.journal_mib.into()),
            Self::PhaseModels => Value::Text("show".to_owned()),
            Self::Asks => Value::Text("refuse".to_owned()),
            Self::BudgetMode => Value::Text("pause".to_owned()),
            Self::LogLevel => Value::Text("info".to_owned()),
            Self::Db => Value::Path(crate::paths::default_db()?),
            Self::Model
            | Self::Effort
            | Self::Permissions
            | Self::OnFailure
            | Self::Timeout
            | Self::Budget
            | Self::SaveRawSessions
            | Self::Prices => return None,
        })
    }
}

/// The name that chooses the first usable provider.
pub(crate) const AUTO: &str = "auto";

/// The provider that echoes prompts.
pub(crate) const DEBUG: &str = "debug";

/// Least memory in MiB with which a script starts.
const MEMORY_MIB_LEAST: u64 = 4;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_setting_has_a_name_a_variable_and_a_flag_of_its_own() {
        let mut names = BTreeSet::new();
        for key in Key::ALL {
            let row = key.row();
            assert_eq!(Key::named(row.name), Some(key));
            let dashed = row.name.replace('_', "-");
            assert!(row.flag.ends_with(&dashed), "{} {}", row.flag, row.name);
            let variable = format!("SMOL_WF_{}", row.flag[2..].replace('-', "_").to_uppercase());
            assert_eq!(row.variable, variable);
            assert!(names.insert(row.flag));
        }
        assert_eq!(names.len(), Key::ALL.len());
    }

    #[test]
    fn projects_may_not_set_paths() {
        for key in Key::ALL {
            let is_path = matches!(key.row().kind, Kind::Path);
            assert_eq!(key.row().project == ProjectRight::Nothing, is_path, "{}", key.name());
        }
    }
}
