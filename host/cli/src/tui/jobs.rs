//! The TUI as a job of a shell: stopped with Ctrl-Z, continued with `fg`, and a terminal
//! that changes its size.
//!
//! Owns: SIGTSTP, SIGCONT and SIGWINCH. Never: signals that end the process;
//! `crate::signals` has those.

/// What the shell or the terminal did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobChange {
    /// Somebody wants the process to stop.
    Stop,
    /// The process goes on.
    Continued,
    /// The terminal has another size.
    Resized,
}

pub(crate) use system::{listen, stop};

#[cfg(unix)]
mod system {
    use std::io;
    use std::thread;

    use rustix::process::{
        Pid, Signal, getpgid, getpgrp, getpid, getppid, getsid, kill_current_process_group,
    };
    use signal_hook::consts::{SIGCONT, SIGTSTP, SIGWINCH};
    use signal_hook::iterator::Signals;

    use super::JobChange;

    /// Reports changes until the process ends.
    pub(crate) fn listen(take: impl Fn(JobChange) + Send + 'static) -> io::Result<()> {
        let mut signals = Signals::new([SIGTSTP, SIGCONT, SIGWINCH])?;
        thread::Builder::new().name("jobs".to_owned()).spawn(move || {
            for signal in signals.forever() {
                take(match signal {
                    SIGTSTP => JobChange::Stop,
                    SIGCONT => JobChange::Continued,
                    _ => JobChange::Resized,
                });
            }
        })?;
        Ok(())
    }

    /// Stops the job, which returns once it is continued. Returns false, at once, if no
    /// shell is there that could continue it.
    pub(crate) fn stop() -> bool {
        // SIGTSTP is handled here, so the job gets the signal that cannot be; then the
        // kernel does not ask whether anybody would continue it.
        has_shell() && kill_current_process_group(Signal::STOP).is_ok()
    }

    /// Whether the parent of the job is a process of the same session outside of the job:
    /// the kernel's rule for SIGTSTP.
    fn has_shell() -> bool {
        let job = getpgrp();
        let parent = if job == getpid() { getppid() } else { parent_of(job).or_else(getppid) };
        parent.is_some_and(|parent| {
            let is_outside = getpgid(Some(parent)).is_ok_and(|group| group != job);
            is_outside && getsid(Some(parent)).ok() == getsid(None).ok()
        })
    }

    /// The parent of another process, where the system says it.
    fn parent_of(process: Pid) -> Option<Pid> {
        let path = format!("/proc/{}/stat", process.as_raw_nonzero());
        let text = std::fs::read_to_string(path).ok()?;
        // The name, in parentheses, may have any characters.
        let (_, fields) = text.rsplit_once(')')?;
        Pid::from_raw(fields.split_whitespace().nth(1)?.parse().ok()?)
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;

    use super::JobChange;

    pub(crate) fn listen(_take: impl Fn(JobChange) + Send + 'static) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn stop() -> bool {
        false
    }
}
