//! Flags that several commands share, and how their values are read.
//!
//! Owns: the words on the command line. Never: a default that the engine has.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use smol_wf_core::limits::{self, Limits};
use smol_wf_engine::{
    DebugOnly, Engine, EngineError, EngineOptions, LimitChanges, MemoryStore, RunState, SqliteStore,
};

use crate::{paths, when};

/// Where journals are kept
#[derive(Debug, Args)]
pub(crate) struct DbFlags {
    /// Database of the runs [default: workflows.db in the state directory]
    #[arg(long, value_name = "FILE", env = "SMOL_WF_DB")]
    pub(crate) db: Option<PathBuf>,
}

impl DbFlags {
    /// An engine over this database.
    pub(crate) fn engine(&self, instances_max: u32) -> Result<Engine, EngineError> {
        let path = self.db.clone().or_else(paths::default_db).ok_or_else(|| {
            let message = "there is no home directory to keep runs in; name a database with --db";
            EngineError::Request { message: message.to_owned() }
        })?;
        let store = Box::new(SqliteStore::open(&path)?);
        let worktrees = path.parent().map(|dir| dir.join("worktrees"));
        let providers = Arc::new(DebugOnly);
        Engine::new(EngineOptions { store, instances_max, providers, worktrees })
    }
}

/// How to print what a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// JSON, one row or document a line
    Jsonl,
}

/// A state of runs, as lists are narrowed to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateName {
    /// A process works on it
    Running,
    /// Its process died
    Interrupted,
    /// Someone stopped it
    Cancelled,
    /// A limit stopped it
    Paused,
    /// It has its result
    Completed,
    /// Its script failed
    Failed,
    /// Its journal cannot be read
    Damaged,
}

impl StateName {
    pub(crate) fn state(self) -> RunState {
        match self {
            Self::Running => RunState::Running,
            Self::Interrupted => RunState::Interrupted,
            Self::Cancelled => RunState::Cancelled,
            Self::Paused => RunState::Paused,
            Self::Completed => RunState::Completed,
            Self::Failed => RunState::Failed,
            Self::Damaged => RunState::Damaged,
        }
    }
}

/// A span of time that runs were created in
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct SpanFlags {
    /// Only runs created at this time or later: 2h, 3d, yesterday, 2026-11-01,
    /// 2026-11-01T10:00:00Z, or milliseconds since 1970; times are UTC
    #[arg(long, value_name = "WHEN", value_parser = when::when)]
    pub(crate) since: Option<i64>,

    /// Only runs created before this time
    #[arg(long, value_name = "WHEN", value_parser = when::when)]
    pub(crate) until: Option<i64>,
}

/// An engine that keeps nothing: for what is in files.
pub(crate) fn engine_without_db(instances_max: u32) -> Result<Engine, EngineError> {
    let (store, providers) = (Box::new(MemoryStore::new()), Arc::new(DebugOnly));
    Engine::new(EngineOptions { store, instances_max, providers, worktrees: None })
}

/// Limits of a run
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct LimitFlags {
    /// Agents at work at once [default: 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(limits::PARALLEL_AGENTS_MAX)))]
    max_parallel_agents: Option<u32>,

    /// Agents that the run may start, child workflows included [default: 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(limits::AGENTS_MAX)))]
    max_agents: Option<u32>,

    /// Fuel of the script, about one unit an instruction; a tenth of it may go
    /// into one turn [default: 100000000000, some 10 s of CPU]
    #[arg(long, value_name = "UNITS", value_parser = clap::value_parser!(u64).range(1..))]
    fuel: Option<u64>,

    /// Memory of the script in MiB [default: 256]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(4..=i64::from(limits::MEMORY_MIB_MAX)))]
    memory: Option<u32>,

    /// Stop after this long, resumably: 90s, 5m, 1h
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
}

impl LimitFlags {
    pub(crate) fn limits(&self) -> Limits {
        let default = Limits::default();
        Limits {
            fuel: self.fuel.unwrap_or(default.fuel),
            memory_mib: self.memory.unwrap_or(default.memory_mib),
            agents: self.max_agents.unwrap_or(default.agents),
            parallel_agents: self.max_parallel_agents.unwrap_or(default.parallel_agents),
        }
    }

    pub(crate) fn changes(&self) -> LimitChanges {
        LimitChanges {
            fuel: self.fuel,
            memory_mib: self.memory,
            agents: self.max_agents,
            parallel_agents: self.max_parallel_agents,
        }
    }
}

/// What is shown while a run goes on
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ShowFlags {
    /// Write the event stream to stdout, as JSON Lines, instead of the report
    #[arg(long)]
    pub(crate) events: bool,

    /// Exit with 8 when the run completes with null answers or slots
    #[arg(long)]
    pub(crate) fail_on_null: bool,

    /// How much to say on stderr
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: LogLevel,

    /// The same as --log-level debug
    #[arg(long)]
    debug: bool,
}

impl ShowFlags {
    pub(crate) fn level(&self) -> LogLevel {
        if self.debug { LogLevel::Debug } else { self.log_level }
    }
}

/// How much to say on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum LogLevel {
    /// Only what went wrong
    Error,
    /// And what may go wrong
    Warn,
    /// And progress
    Info,
    /// And what agents are doing
    Debug,
}

/// `500ms`, `90s`, `5m`, `1h`, `2d`; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds_each = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err(format!("`{unit}` is no unit of time; there are ms, s, m, h and d")),
    };
    let number: f64 = number.parse().map_err(|_| "a duration is a number and a unit: 90s")?;
    Duration::try_from_secs_f64(number * seconds_each)
        .ok()
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "a duration is more than nothing and less than for ever".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1.5h"), Ok(Duration::from_secs(5_400)));
        for wrong in ["", "s", "5 minutes", "-1s", "0s", "1e300d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
