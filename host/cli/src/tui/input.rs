//! What is typed, read by a thread of its own.
//!
//! Owns: keys, pasted text and the mouse, and noticing that the terminal is gone. Never:
//! what a key does; or reads a byte once the TUI is over, which is the shell's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossterm::event::{self, Event, KeyEvent, KeyEventKind, MouseEvent};

/// Longest that the thread goes on after the TUI is over.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What came from the terminal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Typed {
    /// A key.
    Key(KeyEvent),
    /// Text that was pasted.
    Paste(String),
    /// The mouse.
    Mouse(MouseEvent),
    /// The terminal has another size.
    Resized,
    /// Nothing more comes.
    Gone,
}

/// Reads until it is dropped.
#[derive(Debug)]
pub(crate) struct Input {
    is_over: Arc<AtomicBool>,
}

impl Input {
    /// Starts the thread. Without one there are no keys, and that is an error.
    pub(crate) fn begin(take: impl Fn(Typed) + Send + 'static) -> std::io::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        thread::Builder::new().name("keys".to_owned()).spawn(move || {
            loop {
                let came = system::wait(LOOK_EVERY);
                if over.load(Ordering::SeqCst) {
                    return;
                }
                match came {
                    system::Came::Nothing => {}
                    system::Came::End => return take(Typed::Gone),
                    system::Came::Bytes => {
                        if !read_all(&take) {
                            return take(Typed::Gone);
                        }
                    }
                }
            }
        })?;
        Ok(Self { is_over })
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}

/// Reads what is there. Returns false if it cannot be read.
fn read_all(take: &impl Fn(Typed)) -> bool {
    loop {
        match event::poll(Duration::ZERO) {
            Ok(true) => {}
            Ok(false) => return true,
            Err(_) => return false,
        }
        let typed = match event::read() {
            Ok(Event::Key(key)) if key.kind == KeyEventKind::Release => continue,
            Ok(Event::Key(key)) => Typed::Key(key),
            Ok(Event::Paste(text)) => Typed::Paste(text),
            Ok(Event::Mouse(mouse)) => Typed::Mouse(mouse),
            Ok(Event::Resize(..)) => Typed::Resized,
            Ok(Event::FocusGained | Event::FocusLost) => continue,
            Err(_) => return false,
        };
        take(typed);
    }
}

/// Looks at stdin before anything reads it: crossterm turns in circles at its end.
#[cfg(unix)]
mod system {
    use std::io;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::{Errno, ioctl_fionread};

    /// What stdin has.
    pub(super) enum Came {
        Nothing,
        Bytes,
        End,
    }

    pub(super) fn wait(longest: Duration) -> Came {
        match look(longest) {
            // Between two looks a shell may have read what was there, while the process was
            // stopped. At the end there is still nothing to read.
            Came::End => look(Duration::ZERO),
            came => came,
        }
    }

    fn look(longest: Duration) -> Came {
        let stdin = io::stdin();
        let mut ready = [PollFd::new(&stdin, PollFlags::IN)];
        let longest = Timespec::try_from(longest).ok();
        match poll(&mut ready, longest.as_ref()) {
            Ok(0) | Err(Errno::INTR) => return Came::Nothing,
            Ok(_) => {}
            Err(_) => return Came::End,
        }
        let found = ready[0].revents();
        if found.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            return Came::End;
        }
        match ioctl_fionread(&stdin) {
            Ok(0) | Err(_) => Came::End,
            Ok(_) => Came::Bytes,
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::time::Duration;

    #[allow(dead_code, reason = "other systems do not say that the terminal is gone")]
    pub(super) enum Came {
        Nothing,
        Bytes,
        End,
    }

    pub(super) fn wait(longest: Duration) -> Came {
        match crossterm::event::poll(longest) {
            Ok(true) => Came::Bytes,
            Ok(false) => Came::Nothing,
            Err(_) => Came::End,
        }
    }
}
