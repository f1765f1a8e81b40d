//! A round of an agent, heard again from what the agent printed.
//!
//! Owns: which agent's parser hears it. Never: starts an agent.

use crate::drive::{Ended, Transcript};
use crate::{Activity, Answer, acp, claude_code, codex, opencode, pi};

/// Agents whose rounds can be heard again.
pub const AGENTS: [&str; 5] = ["claude-code", "codex", "pi", "opencode", "acp"];

/// What a round came to: the answer, or why there is none; none at all for agents
/// whose answer comes by another way, and for agents that are not known.
///
/// `printed` is what the agent wrote to stdout; for opencode its stream of events,
/// for ACP the messages of one turn.
pub fn hear(
    agent: &str,
    printed: &[u8],
    activity: &dyn Activity,
) -> Option<Result<Answer, String>> {
    let text = String::from_utf8_lossy(printed);
    let ended = match agent {
        "claude-code" => heard(claude_code::Round::default(), &text, activity).end(None),
        "codex" => heard(codex::Round::default(), &text, activity).end(None),
        "pi" => heard(pi::Round::default(), &text, activity).end(None, None),
        "opencode" => {
            opencode::hear(printed, activity);
            return None;
        }
        "acp" => return Some(acp::hear(&text, activity).map(Answer::Text)),
        _ => return None,
    };
    let Ended { answer, .. } = ended;
    Some(answer.map_err(|cause| cause.message))
}

/// The round after these lines. On `\n` only: other line separators are text.
fn heard<T: Transcript>(mut round: T, text: &str, activity: &dyn Activity) -> T {
    for line in text.split('\n').filter(|line| !line.is_empty()) {
        round.line(line, activity);
        if round.is_hopeless() {
            break;
        }
    }
    round
}
