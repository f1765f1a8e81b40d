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
