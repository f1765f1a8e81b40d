//! Lines that a person types.
//!
//! Owns: the thread that reads stdin. Never: waits for that thread: a read cannot be
//! interrupted, and a signal must end the process at once.

use std::io::{self, BufRead as _, Read as _};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use smol_wf_core::limits::ASK_ANSWER_BYTES_MAX;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Most bytes of a line: an answer may have as many, and its line end.
const LINE_BYTES_MAX: u64 = ASK_ANSWER_BYTES_MAX as u64 + 2;

/// A line, or why there is none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// The line without its end.
    Text(String),
    /// It is not UTF-8.
    Unreadable,
    /// The person has pressed Ctrl-D, or the terminal is gone.
    End,
}

/// How long what is typed is dropped after a prompt was cut off: a person who is typing
/// an answer does not see sooner that another question has taken its place.
const CUT_OFF: Duration = Duration::from_secs(1);

/// Reads lines from stdin, one when it is asked for: what is typed later belongs to the
/// shell.
pub(crate) struct Lines {
    asks: mpsc::Sender<()>,
    /// Lines, and when each was read. At most one waits.
    lines: UnboundedReceiver<(Instant, Line)>,
    /// A line is being read.
    is_pending: bool,
    /// A line that was read before this was typed for something else.
    began: Instant,
    /// When a prompt was cut off last.
    cut_off: Option<Instant>,
}

impl Lines {
    /// Starts the thread. Without one, every line is [`Line::End`].
    pub(crate) fn new() -> Self {
        let (asks, asked) = mpsc::channel();
        let (found, lines) = unbounded_channel();
        let reader = thread::Builder::new().name("stdin".to_owned());
        let _ = reader.spawn(move || {
            while asked.recv().is_ok() {
                let line = read();
                if found.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        Self { asks, lines, is_pending: false, began: Instant::now(), cut_off: None }
    }

    /// A new question begins: what was typed before it does not answer it.
    pub(crate) fn begin(&mut self) {
        forget_typed();
        self.began = Instant::now();
    }

    /// A prompt was cut off, in whose line the person may be typing.
    pub(crate) fn cut_off(&mut self) {
        self.cut_off = Some(Instant::now());
    }

    /// Waits until a person has seen that the last prompt is gone. To be called before
    /// [`Self::begin`] where a word that was meant for another question would do harm.
    pub(crate) async fn settle_down(&mut self) {
        if let Some(cut_off) = self.cut_off.take() {
            tokio::time::sleep_until((cut_off + CUT_OFF).into()).await;
        }
    }

    /// The next line. When this is dropped, the line is for whoever asks next.
    pub(crate) async fn next(&mut self) -> Line {
        loop {
            if !self.is_pending {
                self.is_pending = self.asks.send(()).is_ok();
            }
            let Some((at, line)) = self.lines.recv().await else { return Line::End };
            self.is_pending = false;
            if at >= self.began || line == Line::End {
                return line;
            }
        }
    }
}

fn read() -> Line {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes);
    match read {
        Ok(0) | Err(_) => Line::End,
        Ok(_) => match String::from_utf8(bytes) {
            Ok(text) => Line::Text(text.trim_end_matches(['\n', '\r']).to_owned()),
            Err(_) => Line::Unreadable,
        },
    }
}

/// Drops what was typed and not read, also the beginning of a line.
#[cfg(unix)]
fn forget_typed() {
    use rustix::termios::{QueueSelector, tcflush};
    // Of something that is not a terminal, nothing is dropped.
    let _ = tcflush(io::stdin(), QueueSelector::IFlush);
}

#[cfg(not(unix))]
fn forget_typed() {}
