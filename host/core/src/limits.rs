//! The bounds of a run, with their defaults and reasons.
//!
//! Owns: the numbers, and the error of each limit that is exceeded. Never: enforces
//! one; the machine, the sandbox and the engine do.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::budget::{Allowance, Budget};
use crate::codes::Code;

/// Most bytes of a script's text. The largest script seen in the wild is a tenth of
/// this.
pub const SCRIPT_BYTES_MAX: usize = 1024 * 1024;

/// Most files of a script: itself and its modules. A workflow has a handful.
pub const MODULES_MAX: usize = 256;

/// Fuel of a run: about 10 s of CPU. One unit is about one WebAssembly instruction; a
/// second takes 6 to 29 G units, depending on the work.
pub const FUEL_DEFAULT: u64 = 100_000_000_000;

/// One turn may use a tenth of a run's fuel, plus [`FUEL_PER_AGENT`], so that a script
/// that loops without ever waiting is stopped within a second or two.
pub const FUEL_TURN_DIVISOR: u64 = 10;

/// Further fuel of one turn for each agent that the run may start beyond
/// [`AGENTS_DEFAULT`]: a call of `agent()` costs 80,000 to 300,000 units, depending on
/// its options and its schema, and one turn may ask for all agents.
pub const FUEL_PER_AGENT: u64 = 250_000;

/// Wall-clock time of one turn, in milliseconds. Usually its fuel lasts for a second
/// or two, and for ten times as long on a busy machine; work that constantly waits for
/// memory can take minutes.
pub const TURN_MS_DEFAULT: u64 = 60 * 1_000;

/// Linear memory of one script instance, in MiB.
pub const MEMORY_MIB_DEFAULT: u32 = 256;

/// The most that `--memory` accepts, in MiB: the instance pool reserves this much.
pub const MEMORY_MIB_MAX: u32 = 2048;

/// Agents that one run may start, including those of children. Claude Code has the same
/// limit.
pub const AGENTS_DEFAULT: u32 = 1_000;

/// The most that `--max-agents` accepts.
pub const AGENTS_MAX: u32 = 1_000_000;

/// Agents at work at the same time. Claude Code has the same limit.
pub const PARALLEL_AGENTS_DEFAULT: u32 = 16;

/// The most that `--max-parallel-agents` accepts: each is a process.
pub const PARALLEL_AGENTS_MAX: u32 = 1_024;

/// Wall-clock time of one attempt at an agent step, in milliseconds: half an hour,
/// longer than agents work on one task without a person.
pub const AGENT_TIMEOUT_MS_DEFAULT: u64 = 30 * 60 * 1_000;

/// The most that one attempt at an agent step may take, in milliseconds: a day.
pub const AGENT_TIMEOUT_MS_MAX: u64 = 24 * 3_600 * 1_000;

/// Longest silence of an agent, in milliseconds. Agents print something with every
/// tool and every piece of text; the longest silences are slow tools.
pub const AGENT_IDLE_MS_DEFAULT: u64 = 5 * 60 * 1_000;

/// Bytes kept of a line about what an agent is doing.
pub const ACTIVITY_BYTES_MAX: usize = 256;

/// Lines about what an agent is doing that are journaled for one step, so that a
/// thousand chatty agents do not fill the journal.
pub const ACTIVITIES_KEPT_MAX: u32 = 100;

/// Most bytes of a prompt: ten times the longest that models accept well.
pub const PROMPT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Most bytes of the JSON text of a call's options, the schema included.
pub const OPTIONS_BYTES_MAX: usize = 256 * 1024;

/// Most bytes of a run's arguments as JSON text.
pub const ARGS_BYTES_MAX: usize = 1024 * 1024;

/// Most bytes of one agent's answer as JSON text.
pub const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Most bytes of a script's result as JSON text: a script's own memory holds it a few
/// times.
pub const RESULT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes kept of one `log()` line; a mark shows the cut.
pub const LOG_BYTES_MAX: usize = 16 * 1024;

/// Bytes kept of a phase title.
pub const TITLE_BYTES_MAX: usize = 1024;

/// Entries that one run may write besides those of agents: `workflow` and `sleep`
/// steps, timers, `phase()`, `log()`, null slots, and refused calls of any kind. A
/// refusal costs the script little, and is an entry like the others, so it counts too.
pub const NOTES_MAX: u32 = 200_000;

/// Bytes that a script may pass to the host in one turn: the host holds them twice
/// until they are durable, however little memory the script itself has.
pub const TURN_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Size of a journal, before compression of repeated values, in MiB: a hundred times
/// that of a long run.
pub const JOURNAL_MIB_DEFAULT: u32 = 512;

/// The most that `--max-journal` accepts, in MiB: a replay reads all of it.
pub const JOURNAL_MIB_MAX: u32 = 65_536;

/// The longest sleep: 365 days, in milliseconds.
pub const SLEEP_MS_MAX: f64 = 365.0 * 24.0 * 3600.0 * 1000.0;

/// Most bytes of a question to people: a page that somebody will read.
pub const ASK_QUESTION_BYTES_MAX: usize = 8 * 1024;

/// Most bytes of the name of an event that a script waits for.
pub const ASK_NAME_BYTES_MAX: usize = 256;

/// Most bytes of what people must know to answer: a long diff. Every reader of the run
/// gets it.
pub const ASK_DETAIL_BYTES_MAX: usize = 64 * 1024;

/// Most bytes of an answer or an event as JSON text: people and hooks send far less.
pub const ASK_ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Most bytes of a comment beside an answer.
pub const ASK_COMMENT_BYTES_MAX: usize = 4 * 1024;

/// Bytes kept of the name of who answered.
pub const ASK_BY_BYTES_MAX: usize = 256;

/// Questions of one run that may be open at the same time: more than people answer in a
/// day.
pub const ASKS_OPEN_MAX: usize = 1_000;

/// Permissions that one agent may wait for at the same time: one for each tool that it uses
/// side by side, and then some.
pub const AGENT_ASKS_OPEN_MAX: usize = 32;

/// Permissions that the agents of one step may ask people for: more than a person answers.
pub const AGENT_ASKS_MAX: usize = 1_000;

/// Warnings kept of one run; one more says that there were further ones.
pub const WARNINGS_MAX: u32 = 1_000;

/// Bytes kept of a warning's message, and of its path.
pub const WARNING_BYTES_MAX: usize = 2 * 1024;

/// Deepest level of child workflows: a child cannot start another.
pub const DEPTH_MAX: u32 = 1;

/// Child workflows that run at the same time: each holds an instance. Further ones
/// wait.
pub const CHILDREN_OPEN_MAX: u32 = 64;

/// Most bytes of a JSON Schema.
pub const SCHEMA_BYTES_MAX: usize = 64 * 1024;

/// Most levels of nesting of a JSON Schema.
pub const SCHEMA_DEPTH_MAX: usize = 64;

/// The limits of one run, as a user may set them. A resume may raise them: a script
/// cannot see any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Fuel of all turns together.
    pub fuel: u64,
    /// Linear memory of each script instance, in MiB.
    pub memory_mib: u32,
    /// Agents that may be started.
    pub agents: u32,
    /// Agents at work at the same time.
    pub parallel_agents: u32,
    /// What agents may spend; none is unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Size of the journal, in MiB.
    #[serde(default = "journal_mib_default", skip_serializing_if = "is_journal_mib_default")]
    pub journal_mib: u32,
}

fn journal_mib_default() -> u32 {
    JOURNAL_MIB_DEFAULT
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_journal_mib_default(mib: &u32) -> bool {
    *mib == JOURNAL_MIB_DEFAULT
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: FUEL_DEFAULT,
            memory_mib: MEMORY_MIB_DEFAULT,
            agents: AGENTS_DEFAULT,
            parallel_agents: PARALLEL_AGENTS_DEFAULT,
            budget: None,
            journal_mib: JOURNAL_MIB_DEFAULT,
        }
    }
}

impl Limits {
    /// Fuel that the next turn may use when earlier turns have used `spent`.
    #[must_use]
    pub fn turn_fuel(&self, spent: u64) -> u64 {
        let agents = u64::from(self.agents.saturating_sub(AGENTS_DEFAULT));
        let turn = (self.fuel / FUEL_TURN_DIVISOR).max(1) + agents * FUEL_PER_AGENT;
        turn.min(self.fuel.saturating_sub(spent))
    }
}

/// A limit that a run has reached, with its numbers. The run stops there; a resume may
/// raise the limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "name", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum LimitError {
    /// The fuel of the run is used up.
    #[error("the script used up its fuel: {used} of {limit} units")]
    Fuel {
        /// Units used.
        used: u64,
        /// Units allowed.
        limit: u64,
    },
    /// The fuel of one turn is used up.
    #[error(
        "the script computed for {limit} units of fuel without waiting for a call: probably an endless loop"
    )]
    TurnFuel {
        /// Units that one turn may use.
        limit: u64,
    },
    /// One turn took too long, although it had fuel left.
    #[error(
        "the script computed for {:?} without waiting for a call, with {used} units of fuel: it waits for memory more than it computes, or this machine is very busy",
        Duration::from_millis(*limit_ms)
    )]
    TurnTime {
        /// Milliseconds that one turn may take.
        limit_ms: u64,
        /// Units used.
        used: u64,
    },
    /// The script needs more memory.
    #[error("the script needs more than {limit_mib} MiB of memory")]
    Memory {
        /// MiB allowed.
        limit_mib: u32,
    },
    /// The native stack overflowed, which the script's own stack check should
    /// have prevented.
    #[error("the script recursed deeper than the sandbox allows")]
    Stack,
    /// The script asked for too many agents.
    #[error(
        "the run may start {}: it has started {started}, and then the script asked for {asked} or more at once, of which none was started",
        counted(*limit, "agent")
    )]
    Agents {
        /// Agents allowed.
        limit: u32,
        /// Agents that were started.
        started: u32,
        /// Agents that the script asked for in the turn that exceeded the limit, up to
        /// the one that did; it may have asked for more.
        asked: u32,
    },
    /// The budget is spent.
    #[error("the run has spent {spent} of its budget of {}", budget.in_words())]
    Budget {
        /// The spend, in the unit of the budget.
        spent: Allowance,
        /// The budget.
        budget: Allowance,
    },
    /// The cost of some steps is unknown, so a budget in dollars cannot be enforced.
    #[error(
        "cannot enforce a budget in dollars: the cost of {} is unknown",
        counted(*steps, "call")
    )]
    Unpriced {
        /// Number of these steps.
        #[serde(rename = "calls")]
        steps: u32,
    },
    /// The tokens of some steps are unknown, so a budget in tokens cannot be enforced.
    #[error(
        "cannot enforce a budget in tokens: the agent does not say what {} took",
        counted(*steps, "call")
    )]
    Unmetered {
        /// Number of these steps.
        #[serde(rename = "calls")]
        steps: u32,
    },
    /// The run has written as many notes as it may: see [`NOTES_MAX`].
    #[error("the run has made {limit} log lines, phases, sleeps and null slots, as many as it may")]
    Notes {
        /// Notes allowed.
        limit: u32,
    },
    /// The script passed too many bytes to the host in one turn.
    #[error("the script handed over more than {limit} bytes without waiting for a call")]
    TurnBytes {
        /// Bytes allowed.
        limit: usize,
    },
    /// The journal is full.
    #[error(
        "the journal of the run holds more than {limit_mib} MiB of prompts, answers and log lines"
    )]
    Journal {
        /// MiB allowed.
        limit_mib: u32,
    },
    /// The result is too large.
    #[error("the result of the script is {bytes} bytes of JSON, and {limit} is the most")]
    Result {
        /// Bytes of the result.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

/// `1 call`, `2 calls`.
fn counted(count: u32, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

impl LimitError {
    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Fuel { .. } => Code::LimitFuel,
            Self::TurnFuel { .. } => Code::LimitTurnFuel,
            Self::TurnTime { .. } => Code::LimitTurnTime,
            Self::Memory { .. } => Code::LimitMemory,
            Self::Stack => Code::LimitStack,
            Self::Agents { .. } => Code::LimitAgents,
            Self::Budget { .. } => Code::BudgetSpent,
            Self::Unpriced { .. } => Code::BudgetUnpriced,
            Self::Unmetered { .. } => Code::BudgetUnmetered,
            Self::Notes { .. } => Code::LimitNotes,
            Self::TurnBytes { .. } => Code::LimitTurnBytes,
            Self::Journal { .. } => Code::LimitJournal,
            Self::Result { .. } => Code::LimitResult,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_may_ask_for_all_the_agents_that_the_run_may_start() {
        let limits = Limits::default();
        assert_eq!(limits.turn_fuel(0), FUEL_DEFAULT / FUEL_TURN_DIVISOR);
        assert_eq!(limits.turn_fuel(FUEL_DEFAULT - 1), 1);
        let many = Limits { agents: 100_000, ..limits };
        assert_eq!(many.turn_fuel(0), limits.turn_fuel(0) + 99_000 * FUEL_PER_AGENT);
        let most = Limits { agents: AGENTS_MAX, ..limits };
        assert_eq!(most.turn_fuel(1), FUEL_DEFAULT - 1);
        let few = Limits { agents: 1, ..limits };
        assert_eq!(few.turn_fuel(0), limits.turn_fuel(0));
    }
}
