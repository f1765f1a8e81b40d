//! Parses an agent's output without running the agent.
//!
//! Owns: the parser of each agent. Never: starts an agent.

use crate::cli_agent::{RoundResult, Transcript};
use crate::{Activity, Answer, acp, claude_code, codex, opencode, pi};

/// Agents whose output can be parsed.
pub const AGENTS: [&str; 5] = ["claude-code", "codex", "pi", "opencode", "acp"];

/// The answer of a recorded round, or why there is none. None for an agent that is
/// not in [`AGENTS`], and for opencode, whose answer comes by another way.
///
/// `printed` is what the agent wrote to stdout; for opencode its stream of events,
/// for ACP the messages of one turn.
pub fn parse(
    agent: &str,
    printed: &[u8],
    activity: &dyn Activity,
) -> Option<Result<Answer, String>> {
    let text = String::from_utf8_lossy(printed);
    let result = match agent {
        "claude-code" => round(claude_code::Round::default(), &text, activity),
        "codex" => round(codex::Round::default(), &text, activity),
        "pi" => round(pi::Round::default(), &text, activity),
        "opencode" => {
            opencode::parse(printed, activity);
            return None;
        }
        "acp" => return Some(acp::parse(&text, activity).map(Answer::Text)),
        _ => return None,
    };
    Some(result.answer.map_err(|cause| cause.message))
}

/// The result of these lines. They end at `\n` only: other line separators are text.
fn round<T: Transcript>(mut round: T, text: &str, activity: &dyn Activity) -> RoundResult {
    for line in text.split('\n').filter(|line| !line.is_empty()) {
        round.line(line, activity);
        if round.is_hopeless() {
            break;
        }
    }
    round.end(None)
}
