//! How long frames take.
//!
//! Owns: the numbers for `--timings`, in bounded memory. Never: a limit.

use std::time::{Duration, Instant};

/// Most frames that are kept: half an hour of the fastest.
const FRAMES_MAX: usize = 60_000;

/// Times of the frames so far.
#[derive(Debug)]
pub(crate) struct Timings {
    began: Instant,
    first_frame: Option<Duration>,
    /// What was taken in last took so long.
    taken: Duration,
    frames: Vec<Duration>,
}

impl Timings {
    /// Times from this moment on.
    pub(crate) fn since(began: Instant) -> Self {
        Self { began, first_frame: None, taken: Duration::ZERO, frames: Vec::new() }
    }

    /// Taking in what had happened took so long.
    pub(crate) fn took(&mut self, time: Duration) {
        self.taken = time;
    }

    /// A frame was drawn in this time.
    pub(crate) fn drawn(&mut self, time: Duration) {
        let whole = std::mem::take(&mut self.taken) + time;
        self.first_frame.get_or_insert(self.began.elapsed());
        if self.frames.len() < FRAMES_MAX {
            self.frames.push(whole);
        }
    }

    /// The times in a sentence.
    pub(crate) fn sentence(&self, events: u64) -> String {
        let mut frames = self.frames.clone();
        frames.sort_unstable();
        let at = |part: usize| {
            let place = (frames.len() * part / 1_000).min(frames.len().saturating_sub(1));
            frames.get(place).copied().unwrap_or_default().as_secs_f64() * 1_000.0
        };
        let first = self.first_frame.unwrap_or_default().as_secs_f64() * 1_000.0;
        format!(
            "first frame after {first:.1} ms; {events} events and {} frames, taking in and drawing: median {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
            frames.len(),
            at(500),
            at(990),
            at(1_000)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_in_last_counts_for_the_next_frame() {
        let mut timings = Timings::since(Instant::now());
        timings.took(Duration::from_millis(3));
        timings.took(Duration::from_millis(4));
        timings.drawn(Duration::from_millis(2));
        timings.drawn(Duration::from_millis(1));
        let said = timings.sentence(7);
        assert!(said.contains("7 events and 2 frames"), "{said}");
        assert!(said.ends_with("median 6.00 ms, p99 6.00 ms, longest 6.00 ms"), "{said}");
    }
}
