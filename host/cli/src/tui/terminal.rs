//! The terminal while the TUI has it: raw mode, the alternate screen, and their end.
//!
//! Owns: every byte that the TUI writes, and that the terminal is as it was afterwards,
//! whatever ends the TUI. Never: what is drawn.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::style::ResetColor;
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, queue};

use crate::streams::Stdout;

/// Longest wait for a drawing that is under way, before the terminal is given back
/// without its last words: a terminal that reads takes a frame in milliseconds.
const DRAWING_MAX: Duration = Duration::from_millis(200);

/// The terminal is the TUI's at the moment.
static HAS_TERMINAL: AtomicBool = AtomicBool::new(false);

/// Held while bytes are written, so that no frame follows the last words.
static WRITING: Mutex<()> = Mutex::new(());

/// The terminal, from [`Session::begin`] until it is dropped.
#[derive(Debug)]
pub(crate) struct Session {
    has_mouse: bool,
}

impl Session {
    /// Takes the terminal. From here on a panic gives it back before it is reported.
    pub(crate) fn begin() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let report = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                report(panic);
            }));
        });
        let session = Self { has_mouse: false };
        session.take()?;
        Ok(session)
    }

    /// Takes the terminal again, after a stop of the process.
    pub(crate) fn take(&self) -> io::Result<()> {
        // Anew: a shell may have changed it while the process was stopped.
        let _ = disable_raw_mode();
        enable_raw_mode()?;
        HAS_TERMINAL.store(true, Ordering::SeqCst);
        let mut words = Vec::new();
        queue!(words, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)?;
        if self.has_mouse {
            queue!(words, EnableMouseCapture)?;
        }
        write(&words)
    }

    /// Whether the mouse is the TUI's, so that the terminal selects no text with it.
    pub(crate) fn set_mouse(&mut self, has_mouse: bool) -> io::Result<()> {
        self.has_mouse = has_mouse;
        let mut words = Vec::new();
        if has_mouse {
            queue!(words, EnableMouseCapture)?;
        } else {
            queue!(words, DisableMouseCapture)?;
        }
        write(&words)
    }

    /// Writes bytes that are no part of a frame, such as a text for the clipboard.
    pub(crate) fn say(&self, words: &[u8]) -> io::Result<()> {
        write(words)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back as it was. May be called from any thread, and more than once.
pub(crate) fn give_back() {
    if !HAS_TERMINAL.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut words = Vec::new();
    // Writing to memory cannot fail.
    let _ = queue!(
        words,
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableBracketedPaste,
        ResetColor,
        LeaveAlternateScreen,
        cursor::Show
    );
    let until = Instant::now() + DRAWING_MAX;
    loop {
        if let Ok(_writing) = WRITING.try_lock() {
            // A terminal that is gone needs no last words.
            let _ = Stdout.write_all(&words);
            break;
        }
        if Instant::now() >= until {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = disable_raw_mode();
}

/// Writes bytes at once. Fails once the terminal was given back, as after a panic of any
/// thread: then nobody sees anything, and the TUI must end.
fn write(words: &[u8]) -> io::Result<()> {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    if !HAS_TERMINAL.load(Ordering::SeqCst) {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    Stdout.write_all(words)
}

/// What a frame is written to: it goes out whole, and the terminal shows it at once.
#[derive(Debug, Default)]
pub(crate) struct FrameWriter {
    frame: Vec<u8>,
}

impl io::Write for FrameWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.frame.is_empty() {
            queue!(self.frame, BeginSynchronizedUpdate)?;
        }
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.frame.is_empty() {
            return Ok(());
        }
        queue!(self.frame, EndSynchronizedUpdate)?;
        let written = write(&self.frame);
        self.frame.clear();
        written
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;
    use std::thread;

    use super::*;

    /// Set in the process that panics, which is this test once more, in a terminal.
    const IN_TERMINAL: &str = "SMOL_WF_TEST_IN_TERMINAL";

    const NAME: &str =
        "tui::terminal::tests::a_panic_gives_the_terminal_back_before_it_is_reported";

    #[test]
    fn a_panic_gives_the_terminal_back_before_it_is_reported() {
        if let Some(whose) = std::env::var_os(IN_TERMINAL) {
            let mut session = Session::begin().unwrap();
            session.set_mouse(true).unwrap();
            session.say(b"in the alternate screen").unwrap();
            if whose == "own" {
                panic!("of the thread that draws");
            }
            thread::spawn(|| panic!("of another thread")).join().unwrap_err();
            // Nothing more is drawn over what the panic said.
            session.say(b"drawn too late").unwrap_err();
            return;
        }
        for (whose, said) in [("own", "of the thread that draws"), ("other", "of another thread")] {
            let folder = tempfile::tempdir().unwrap();
            let test = std::env::current_exe().unwrap();
            let line = format!(
                "stty -g >before; '{}' --exact {NAME} --nocapture; stty -g >after; echo back",
                test.display()
            );
            let mut tmux = Command::new("tmux");
            let socket = folder.path().join("tmux");
            tmux.arg("-S").arg(&socket).args(["-f", "/dev/null", "new-session", "-d", "-x", "200"]);
            tmux.args(["-y", "50", &format!("{line}; exec sleep 120")]).current_dir(folder.path());
            tmux.env("TERM", "xterm-256color").env(IN_TERMINAL, whose).env("RUST_BACKTRACE", "0");
            assert!(tmux.status().unwrap().success());
            let ask = |words: &[&str]| {
                let said = Command::new("tmux").arg("-S").arg(&socket).args(words).output();
                String::from_utf8_lossy(&said.unwrap().stdout).into_owned()
            };
            let screen = || ask(&["capture-pane", "-p"]);
            let until = Instant::now() + Duration::from_secs(120);
            while !screen().lines().any(|line| line == "back") {
                assert!(Instant::now() < until, "{}", screen());
                thread::sleep(Duration::from_millis(50));
            }
            let shown = screen();
            let modes = ask(&["display", "-p", "#{alternate_on} #{cursor_flag} #{mouse_any_flag}"]);
            ask(&["kill-server"]);
            // What the panic said is on the usual screen, and the TUI's is gone.
            assert!(shown.contains(said), "{shown}");
            assert!(!shown.contains("alternate screen") && !shown.contains("too late"), "{shown}");
            assert_eq!(modes.trim(), "0 1 0", "{shown}");
            let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
            assert_eq!(read("before"), read("after"), "{whose}");
        }
    }
}
