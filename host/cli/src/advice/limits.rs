//! Hints for runs that have reached a limit.
//!
//! Owns: the flag of each limit, and the value to try next. Never: the numbers of a
//! limit; those come with it.

use smol_wf_core::codes::{Code, Limit};
use smol_wf_core::limits::LimitError;
use smol_wf_core::report::ReportError;
use smol_wf_core::stop::StopReason;
use smol_wf_engine::Report;

use crate::shell;

/// The flag that sets a limit.
pub(crate) const fn flag(limit: Limit) -> &'static str {
    match limit {
        Limit::Fuel => "--fuel",
        Limit::Memory => "--memory",
        Limit::Agents => "--max-agents",
        Limit::Journal => "--max-journal",
        Limit::TurnTime => "--turn-timeout",
        Limit::Time => "--timeout",
        Limit::Budget => "--budget",
    }
}

/// The flag and value that let a run go on; without them it would stop at the same
/// point. `None` if no flag raises the limit.
fn raise(reached: &LimitError) -> Option<String> {
    let value = match reached {
        LimitError::Fuel { limit, .. } => limit.saturating_mul(10).to_string(),
        // One turn has a tenth of all fuel.
        LimitError::TurnFuel { limit } => limit.saturating_mul(100).to_string(),
        LimitError::TurnTime { limit_ms, .. } => {
            format!("{}s", (limit_ms / 1_000).max(1).saturating_mul(10))
        }
        LimitError::Memory { limit_mib } | LimitError::Journal { limit_mib } => {
            limit_mib.saturating_mul(2).to_string()
        }
        LimitError::Agents { limit, .. } => limit.saturating_mul(2).to_string(),
        LimitError::Budget { spent, budget } => {
            shell::word(&budget.raised_over(*spent).to_string())
        }
        // No amount would ever be enough.
        LimitError::Unpriced { .. } | LimitError::Unmetered { .. } => "none".to_owned(),
        LimitError::Stack
        | LimitError::Notes { .. }
        | LimitError::TurnBytes { .. }
        | LimitError::Result { .. } => return None,
    };
    reached.code().limit().map(|limit| format!("{} {value}", flag(limit)))
}

/// The same for a run that has stopped, also by an older program, whose message
/// ends in flag and value.
pub(crate) fn raise_of(error: &ReportError) -> Option<String> {
    match error.reached.as_deref() {
        Some(reached) => raise(reached),
        None => raise_in(&error.code, &error.message),
    }
}

/// The flag and value at the end of a message of an older program. The journal may be
/// forged, so only the flag of that limit with a plain value counts.
fn raise_in(code: &str, message: &str) -> Option<String> {
    let flag = flag(Code::read(code)?.limit()?);
    let (_, typed) = message.rsplit_once("raise it with ")?;
    let value = typed.strip_prefix(flag)?.strip_prefix(' ')?;
    let plain = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(value);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"$.".contains(&byte);
    let is_value = !plain.is_empty() && plain.bytes().all(is_plain);
    is_value.then(|| format!("{flag} {}", shell::word(plain)))
}

/// What to do about a limit: a fragment for the end of the sentence.
pub(crate) fn of_limit(reached: &LimitError) -> String {
    let raise = raise(reached).unwrap_or_default();
    match reached {
        LimitError::Fuel { .. }
        | LimitError::Memory { .. }
        | LimitError::Agents { .. }
        | LimitError::Budget { .. }
        | LimitError::Journal { .. } => format!("raise it with {raise}"),
        LimitError::TurnFuel { .. } => format!(
            "if it is not, raise the limit with {raise}; one turn may use a tenth of it"
        ),
        LimitError::TurnTime { .. } => format!("give a turn more time with {raise}"),
        LimitError::Unpriced { .. } => "set the budget in output tokens (--budget 200k), give the model a price (--prices FILE), or run without a budget (--budget none)".to_owned(),
        LimitError::Unmetered { .. } => "run without a budget: --budget none".to_owned(),
        LimitError::Stack => "make the recursion shallower".to_owned(),
        LimitError::Notes { .. } => "log less".to_owned(),
        LimitError::TurnBytes { .. } => "await some calls before making more".to_owned(),
        LimitError::Result { .. } => "return less".to_owned(),
    }
}

/// What to do about a stop without numbers. `None` if the message, recorded by an older
/// program, has the hint already.
fn of_code(code: &str, message: &str) -> Option<String> {
    let hint = match Code::read(code)? {
        Code::TimedOut => format!("give it more time with {}", flag(Limit::Time)),
        Code::NoAgent => super::NO_AGENT.to_owned(),
        Code::CwdGone => super::CWD_GONE.to_owned(),
        Code::ProjectGone => super::PROJECT_GONE.to_owned(),
        _ => return None,
    };
    (!message.contains(&hint)).then_some(hint)
}

/// Why a run stops, and what to do about it.
pub(crate) fn of_stop(reason: &StopReason) -> String {
    let message = reason.message();
    let hint = reason.reached().map(of_limit).or_else(|| of_code(reason.code(), &message));
    super::joined(&message, hint.as_deref())
}

/// The report, with what to do about its error.
pub(crate) fn with_hint(mut report: Report) -> Report {
    if let Some(error) = &mut report.error {
        let of_limit = error.reached.as_deref().map(of_limit);
        error.hint = of_limit.or_else(|| of_code(&error.code, &error.message));
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_in_a_recorded_message_is_not_repeated() {
        let older = format!("step 1 names no agent; {}", super::super::NO_AGENT);
        assert_eq!(of_code("no_agent", &older), None);
        assert!(of_code("no_agent", "step 1 names no agent").is_some());
        assert_eq!(of_code("a_script_s_own", "x"), None);
    }

    #[test]
    fn only_the_flag_of_the_limit_is_read_from_an_older_message() {
        for (code, message, flag) in [
            ("limit_agents", "m; raise it with --max-agents 2", Some("--max-agents 2")),
            ("limit_fuel", "m; raise it with --fuel 700", Some("--fuel 700")),
            ("budget_spent", "m; raise it with --budget '4'", Some("--budget 4")),
            ("budget_spent", "m; raise it with --budget '$0.5'", Some("--budget '$0.5'")),
            ("limit_agents", "m; raise it with --yes", None),
            ("limit_agents", "m; raise it with --fuel 2", None),
            ("limit_agents", "m; raise it with --max-agents 2; touch pwned #", None),
            ("limit_agents", "m; raise it with --max-agents ''", None),
            ("provider_quota", "m; raise it with --max-agents 2", None),
            ("unheard_of", "m; raise it with --max-agents 2", None),
        ] {
            assert_eq!(raise_in(code, message).as_deref(), flag, "{code}: {message}");
        }
    }
}
