//! Sessions, descriptors and signals.
//!
//! Owns: the one place where systems differ. Never: decides when.

#[cfg(unix)]
pub(super) use unix::{Foreign, begin_session, code_of, program, signal, turn_away};

#[cfg(not(unix))]
pub(super) use other::{Foreign, begin_session, code_of, program, signal, turn_away};

#[cfg(unix)]
mod unix {
    use std::fs::{self, File};
    use std::io;
    use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};
    use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
    use std::process::{Child, Command, ExitStatus};

    use rustix::process::{Pid, Signal, kill_process, setsid};
    use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

    /// The descriptors of this process.
    const LISTED_IN: &str = "/dev/fd";

    /// The first descriptor after stdin, stdout and stderr.
    const FIRST: RawFd = 3;

    /// Leaves the terminal's session. Fails only for a leader of a group, which has one
    /// of its own.
    pub(in super::super) fn begin_session() {
        let _ = setsid();
    }

    /// This program, to be started again under the name `called`.
    pub(in super::super) fn program(called: &str) -> io::Result<Command> {
        let path = std::env::current_exe()?;
        // An update may have replaced the file; Linux still has the old one.
        let is_there = path.exists();
        let mut command =
            if is_there { Command::new(path) } else { Command::new("/proc/self/exe") };
        command.arg0(called);
        Ok(command)
    }

    /// The exit code of a process, as a shell has it.
    pub(in super::super) fn code_of(status: ExitStatus) -> Option<u8> {
        let code = status.code().or_else(|| Some(status.signal()? + 128))?;
        u8::try_from(code).ok()
    }

    /// Sends a child the signal with this exit code.
    pub(in super::super) fn signal(child: &Child, code: u8) {
        let signal = match code.saturating_sub(128) {
            1 => Signal::HUP,
            2 => Signal::INT,
            _ => Signal::TERM,
        };
        let _ = kill_process(Pid::from_child(child), signal);
    }

    /// Descriptors that this process was started with, beside the three streams: those
    /// of a shell's substitution, for instance, or of whatever started it.
    #[derive(Debug)]
    pub(in super::super) struct Foreign(Vec<RawFd>);

    impl Foreign {
        /// To be called before anything else is opened.
        pub(in super::super) fn found() -> Self {
            let names = fs::read_dir(LISTED_IN).into_iter().flatten().flatten();
            let numbers = names.filter_map(|name| name.file_name().to_str()?.parse().ok());
            let mut found: Vec<RawFd> = numbers.filter(|number| *number >= FIRST).collect();
            // The list itself was open while it was read.
            found.retain(|number| fs::symlink_metadata(format!("{LISTED_IN}/{number}")).is_ok());
            Self(found)
        }

        /// Closes them, so that nobody waits for this process at their other ends.
        #[expect(unsafe_code, reason = "the standard library closes only what it has opened")]
        pub(in super::super) fn close(self) {
            for number in self.0 {
                // SAFETY: it was open before this program opened anything, so that no
                // object here owns it, and it is closed once.
                drop(unsafe { OwnedFd::from_raw_fd(number) });
            }
        }
    }

    /// Turns stdout and stderr to the log and stdin to nothing.
    pub(in super::super) fn turn_away(log: Option<&File>) -> io::Result<()> {
        let nothing = File::options().read(true).write(true).open("/dev/null")?;
        dup2_stdin(&nothing)?;
        let log = log.unwrap_or(&nothing);
        // Errors go where they can be read until the last moment.
        dup2_stderr(log)?;
        dup2_stdout(log)?;
        Ok(())
    }
}

/// Other systems: nothing runs in the background.
#[cfg(not(unix))]
mod other {
    use std::fs::File;
    use std::io;
    use std::process::{Child, Command, ExitStatus};

    pub(in super::super) fn begin_session() {}

    pub(in super::super) fn code_of(status: ExitStatus) -> Option<u8> {
        status.code().and_then(|code| u8::try_from(code).ok())
    }

    pub(in super::super) fn program(_called: &str) -> io::Result<Command> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(in super::super) fn signal(_child: &Child, _code: u8) {}

    #[derive(Debug)]
    pub(in super::super) struct Foreign;

    impl Foreign {
        pub(in super::super) fn found() -> Self {
            Self
        }

        pub(in super::super) fn close(self) {}
    }

    pub(in super::super) fn turn_away(_log: Option<&File>) -> io::Result<()> {
        Ok(())
    }
}
