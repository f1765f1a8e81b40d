//! Whether a person can be asked, and what a run does that has only questions left.
//!
//! Owns: when a prompt makes sense. Never: asks.

use std::io::IsTerminal as _;

use smol_wf_engine::WhenOnlyAsks;
use smol_wf_engine::providers::is_below_agent;

use crate::detached;

/// Whether this process may ask the person at its terminal: stdin and stderr are one that
/// can be used, it is not CI, and no agent started the process.
pub(crate) fn can_be_asked() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    std::io::stdin().is_terminal()
        && std::io::stderr().is_terminal()
        && !is_dumb
        && !set("CI")
        && is_in_front()
        && !is_below_agent()
}

/// Why nothing can be drawn on a screen, if it cannot: half a sentence.
pub(crate) fn why_no_screen() -> Option<&'static str> {
    if !std::io::stdin().is_terminal() {
        Some("stdin is not one")
    } else if !std::io::stdout().is_terminal() {
        Some("stdout is not one")
    } else if std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb") {
        Some("TERM says that this one cannot be drawn on")
    } else {
        None
    }
}

/// Whether the terminal is this process's to read: a job in the background of a shell would
/// be stopped for it.
#[cfg(unix)]
fn is_in_front() -> bool {
    rustix::termios::tcgetpgrp(std::io::stdin())
        .is_ok_and(|group| group == rustix::process::getpgrp())
}

#[cfg(not(unix))]
fn is_in_front() -> bool {
    true
}

/// What this process does with a run that has only questions left.
pub(crate) fn when_only_asks() -> WhenOnlyAsks {
    if detached::is_holder() {
        WhenOnlyAsks::StayForDeadlines
    } else if can_be_asked() {
        WhenOnlyAsks::Stay
    } else {
        WhenOnlyAsks::End
    }
}
