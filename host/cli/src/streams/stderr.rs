//! stderr, with a queue and a thread of its own during a run.
//!
//! Owns: the queue and its limit, what happens to lines that nobody reads, and
//! the drawing of moving lines. Never: blocks a caller, except in
//! [`flush_stderr`].
//!
//! Nothing is queued until something has to wait: what a pipe takes at once is
//! written by the caller. The thread starts with the first line that would have
//! to wait, or with the first moving line.

use std::collections::VecDeque;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::canvas::Canvas;
use super::unbuffered::{self, Stderr};
use crate::humanize::plural;

/// Most queued bytes: about ten thousand lines of progress.
const WAITING_BYTES_MAX: usize = 1 << 20;

/// Bytes of one write, between two drawings of the moving lines.
const TAKEN_BYTES_MAX: usize = 64 * 1024;

/// How often the moving lines are drawn.
const TICK: Duration = Duration::from_millis(120);

/// Whether a text may be dropped if nobody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Dropped if the queue is full: `history` shows the same.
    Progress,
    /// Dropped only at twice that limit.
    Message,
}

/// Lines at the bottom of a terminal that are redrawn.
pub(crate) trait Moving: Send + Sync {
    /// The lines for a terminal of this size, each narrower than `columns`.
    fn lines(&self, rows: usize, columns: usize) -> Vec<String>;
}

/// The texts that wait, in order, and the moving lines.
#[derive(Default)]
struct State {
    /// There is no thread yet; callers write directly.
    is_direct: bool,
    /// Texts to write, each of whole lines.
    waiting: VecDeque<String>,
    /// Their bytes.
    bytes: usize,
    /// Number of dropped lines.
    left_out: usize,
    /// The thread is writing, or moving lines are on the screen.
    is_busy: bool,
    moving: Option<Arc<dyn Moving>>,
    /// The reader has gone, or the thread has ended.
    is_over: bool,
}

/// What the writer and its callers share. `work` wakes the writer, `rest` those
/// that flush.
#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    work: Condvar,
    rest: Condvar,
}

/// The queue of the process, from [`start_queue`] on.
static QUEUE: OnceLock<Arc<Queue>> = OnceLock::new();

/// From here on no caller waits for a reader of stderr.
pub(crate) fn start_queue() {
    QUEUE.get_or_init(|| {
        let state = State { is_direct: true, ..State::default() };
        Arc::new(Queue { state: Mutex::new(state), ..Queue::default() })
    });
}

/// stderr is another file from here on, so a reader that has gone no longer matters.
pub(crate) fn reopen_stderr() {
    if let Some(queue) = QUEUE.get() {
        let mut state = queue.state();
        if std::mem::take(&mut state.is_over) {
            *state = State { is_direct: true, ..State::default() };
        }
    }
}

/// Writes whole lines. A closed stderr is ignored.
pub(crate) fn write_stderr(text: String, kind: Kind) {
    match QUEUE.get() {
        Some(queue) => queue.put(text, kind),
        None => {
            let _ = Stderr.write_all(text.as_bytes());
        }
    }
}

/// Draws these lines at the bottom from now on; `None` removes them.
pub(crate) fn set_moving(moving: Option<Arc<dyn Moving>>) {
    if let Some(queue) = QUEUE.get() {
        let mut state = queue.state();
        if state.is_direct && (moving.is_none() || !queue.start(&mut state, Vec::new())) {
            return;
        }
        state.moving = moving;
        queue.work.notify_one();
    }
}

/// Waits until everything is written or stderr is closed.
pub(crate) fn flush_stderr() {
    if let Some(queue) = QUEUE.get() {
        let mut state = queue.state();
        state.moving = None;
        let last = state.notice();
        state.bytes += last.as_ref().map_or(0, String::len);
        state.waiting.extend(last);
        queue.work.notify_one();
        while !state.is_idle() {
            state = queue.rest.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Waits for stderr before stdout is written, if both are the same file or
/// terminal, so that the order stays.
pub(crate) fn flush_before_stdout() {
    if unbuffered::are_same_file() {
        flush_stderr();
    }
}

/// Removes the moving lines; waits `longest` at most.
pub(crate) fn clear_moving(longest: Duration) {
    let Some(queue) = QUEUE.get() else { return };
    let until = Instant::now() + longest;
    let mut state = queue.state();
    state.moving = None;
    queue.work.notify_one();
    while !state.is_idle() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        state = queue.rest.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}

impl State {
    /// Whether everything is written, or nothing can be.
    fn is_idle(&self) -> bool {
        self.is_over || (self.waiting.is_empty() && !self.is_busy)
    }

    /// The line that replaces dropped lines.
    fn notice(&mut self) -> Option<String> {
        let lines = std::mem::take(&mut self.left_out);
        (lines > 0).then(|| {
            format!("… {} of progress left out here: nobody was reading\n", plural(lines, "line"))
        })
    }
}

impl Queue {
    /// The state, also after a panic of another holder.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread, which writes `first` before the queue. Returns false if
    /// no thread can be started; callers then keep writing directly.
    fn start(self: &Arc<Self>, state: &mut State, first: Vec<u8>) -> bool {
        let queue = self.clone();
        let started = thread::Builder::new().name("stderr".to_owned()).spawn(move || {
            let over = ClosesOnDrop(&queue);
            if Stderr.write_all(&first).is_ok() {
                write_all(over.0);
            }
        });
        state.is_direct = started.is_err();
        state.is_busy = started.is_ok();
        started.is_ok()
    }

    /// Writes as much as possible without waiting, and leaves the rest to the
    /// thread.
    fn write_directly(self: &Arc<Self>, mut state: MutexGuard<'_, State>, text: &str) {
        let mut bytes = text.as_bytes();
        while !bytes.is_empty() {
            match Stderr.write_at_once(bytes) {
                0 => break,
                written => bytes = &bytes[written..],
            }
        }
        if bytes.is_empty() || self.start(&mut state, bytes.to_vec()) {
            return;
        }
        drop(state);
        let _ = Stderr.write_all(bytes);
    }

    /// Writes or queues a text; drops it if the queue is full.
    fn put(self: &Arc<Self>, text: String, kind: Kind) {
        let mut state = self.state();
        if state.is_over {
            return;
        }
        if state.is_direct {
            return self.write_directly(state, &text);
        }
        let most = match kind {
            // After a gap, wait for more room: one long gap is better than many
            // short ones.
            Kind::Progress if state.left_out > 0 => WAITING_BYTES_MAX / 2,
            Kind::Progress => WAITING_BYTES_MAX,
            Kind::Message => 2 * WAITING_BYTES_MAX,
        };
        if !state.waiting.is_empty() && state.bytes + text.len() > most {
            state.left_out += text.lines().count();
            return;
        }
        let notice = state.notice();
        for text in notice.into_iter().chain([text]) {
            state.bytes += text.len();
            state.waiting.push_back(text);
        }
        self.work.notify_one();
    }

    /// Waits for text to write, or for the next drawing.
    fn next(&self, is_clear: bool, drawn: Instant) -> (String, Option<Arc<dyn Moving>>) {
        let mut state = self.state();
        while state.waiting.is_empty() {
            let left = TICK.saturating_sub(drawn.elapsed());
            state = match state.moving {
                Some(_) if left.is_zero() => break,
                Some(_) => {
                    let waited = self.work.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None if !is_clear => break,
                None => {
                    state.is_busy = false;
                    self.rest.notify_all();
                    self.work.wait(state).unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
        state.is_busy = true;
        let mut text = String::new();
        while text.len() < TAKEN_BYTES_MAX
            && let Some(next) = state.waiting.pop_front()
        {
            state.bytes = state.bytes.saturating_sub(next.len());
            text.push_str(&next);
        }
        (text, state.moving.clone())
    }
}

/// Writes queued text and moving lines until stderr is closed.
fn write_all(queue: &Queue) {
    let mut canvas = Canvas::default();
    let mut drawn = Instant::now();
    let was_stopped = heard_continued();
    loop {
        let (text, moving) = queue.next(canvas.is_clear(), drawn);
        if was_stopped.swap(false, Ordering::Relaxed) {
            canvas.forget();
        }
        let (rows, columns) = unbuffered::terminal_size();
        let lines = moving.map(|moving| moving.lines(rows, columns)).unwrap_or_default();
        let frame = canvas.frame(&text, lines, columns);
        drawn = Instant::now();
        if Stderr.write_all(frame.as_bytes()).is_err() {
            return;
        }
    }
}

/// Set when the process goes on after Ctrl-Z: the shell has written below the moving
/// lines. Without a handler, the lines are drawn over what it wrote.
fn heard_continued() -> Arc<AtomicBool> {
    let heard = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    let _ = signal_hook::flag::register(signal_hook::consts::SIGCONT, heard.clone());
    heard
}

/// Marks the queue as closed when the writer ends, even by a panic.
struct ClosesOnDrop<'a>(&'a Queue);

impl Drop for ClosesOnDrop<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_over = true;
        state.waiting.clear();
        self.0.rest.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unread_progress_is_dropped_and_the_gap_is_reported() {
        let queue = Arc::new(Queue::default());
        let line = format!("{}\n", "x".repeat(1023));
        for _ in 0..2_000 {
            queue.put(line.clone(), Kind::Progress);
        }
        let kept = WAITING_BYTES_MAX / line.len();
        assert_eq!(queue.state().waiting.len(), kept);
        assert_eq!(queue.state().left_out, 2_000 - kept);
        queue.put("error: it matters\n".to_owned(), Kind::Message);
        let state = queue.state();
        let said = state.waiting.iter().skip(kept).cloned().collect::<Vec<_>>();
        assert_eq!(said[0], "… 976 lines of progress left out here: nobody was reading\n");
        assert_eq!(said[1], "error: it matters\n");
        assert_eq!(state.bytes, state.waiting.iter().map(String::len).sum::<usize>());
    }

    #[test]
    fn messages_are_bounded_too() {
        let queue = Arc::new(Queue::default());
        let line = format!("{}\n", "x".repeat(1023));
        for _ in 0..10_000 {
            queue.put(line.clone(), Kind::Message);
        }
        assert!(queue.state().bytes <= 2 * WAITING_BYTES_MAX);
    }
}
