//! Plays a stored stream: its events in order, at the pace at which they happened.
//!
//! Owns: the pace, and the thread that waits for it. Never: reads more than it has room
//! to show, so that a stream may be larger than memory.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use smol_wf_core::event::Event;

/// What is played.
pub(crate) trait Stream: Send + 'static {
    /// The next event; none after the last one. An error is a sentence.
    fn next(&mut self) -> Result<Option<Event>, String>;
}

/// How the player goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As it happened, with long waits cut.
    Playing,
    /// Not at all.
    Halted,
    /// At once, to the end.
    ToEnd,
}

/// What the player sends.
#[derive(Debug)]
pub(crate) enum Played {
    /// An event.
    Event(Box<Event>),
    /// There are no more; with the reason if the rest cannot be read.
    End(Result<(), String>),
}

/// The player's buttons.
#[derive(Debug, Clone)]
pub(crate) struct Player {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    pressed: Condvar,
}

#[derive(Debug)]
struct State {
    pace: Pace,
    /// Events that are shown while it is halted.
    single: usize,
    is_over: bool,
}

impl Player {
    /// Plays a stream in a thread of its own. Waits between two events are `longest` at
    /// most. `send` may block.
    pub(crate) fn begin(
        mut stream: impl Stream,
        longest: Duration,
        send: impl Fn(Played) + Send + 'static,
    ) -> std::io::Result<Self> {
        let state = State { pace: Pace::Playing, single: 0, is_over: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), pressed: Condvar::new() });
        let player = Self { shared };
        let buttons = player.clone();
        thread::Builder::new().name("player".to_owned()).spawn(move || {
            let mut before = 0;
            loop {
                let event = match stream.next() {
                    Ok(Some(event)) => event,
                    Ok(None) => return send(Played::End(Ok(()))),
                    Err(why) => return send(Played::End(Err(why))),
                };
                let gap = Duration::from_nanos(event.elapsed_nanos.saturating_sub(before));
                before = event.elapsed_nanos.max(before);
                if !buttons.wait(gap.min(longest)) {
                    return;
                }
                send(Played::Event(Box::new(event)));
            }
        })?;
        Ok(player)
    }

    /// Goes on at another pace.
    pub(crate) fn set_pace(&self, pace: Pace) {
        self.state().pace = pace;
        self.shared.pressed.notify_all();
    }

    /// Halts, and shows one more event.
    pub(crate) fn next_event(&self) {
        let mut state = self.state();
        state.pace = Pace::Halted;
        state.single += 1;
        self.shared.pressed.notify_all();
    }

    /// Ends the thread.
    pub(crate) fn end(&self) {
        self.state().is_over = true;
        self.shared.pressed.notify_all();
    }

    /// Waits until the next event is due. Returns false if the player is over.
    fn wait(&self, gap: Duration) -> bool {
        let due = Instant::now() + gap;
        let mut state = self.state();
        loop {
            if state.is_over {
                return false;
            }
            let left = due.saturating_duration_since(Instant::now());
            match state.pace {
                Pace::ToEnd => return true,
                Pace::Playing if left.is_zero() => return true,
                Pace::Playing => {
                    let waited = self.shared.pressed.wait_timeout(state, left);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                Pace::Halted if state.single > 0 => {
                    state.single -= 1;
                    return true;
                }
                Pace::Halted => {
                    let waited = self.shared.pressed.wait(state);
                    state = waited.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use smol_wf_core::event::{EventData, Metadata};
    use smol_wf_core::ids::RunId;

    use super::*;

    /// Two events, the second an hour after the first.
    struct Hours(u64);

    impl Stream for Hours {
        fn next(&mut self) -> Result<Option<Event>, String> {
            self.0 += 1;
            let run_id = RunId::from_bits(1);
            let metadata = Metadata {
                run_id,
                step_id: None,
                provider: None,
                session_id: None,
                workflow_depth: 0,
                parent_step_id: None,
            };
            let data = EventData::Phase { title: self.0.to_string() };
            let elapsed_nanos = (self.0 - 1) * 3_600_000_000_000;
            Ok((self.0 < 3).then_some(Event { seq: self.0, elapsed_nanos, metadata, data }))
        }
    }

    #[test]
    fn long_waits_are_cut_and_a_halted_player_goes_on_event_by_event() {
        let (sends, got) = mpsc::channel();
        let send = move |played| sends.send(played).unwrap();
        let player = Player::begin(Hours(0), Duration::from_secs(3_600), send).unwrap();
        assert!(matches!(got.recv().unwrap(), Played::Event(event) if event.seq == 1));
        player.set_pace(Pace::Halted);
        assert!(got.try_recv().is_err());
        player.next_event();
        assert!(matches!(got.recv().unwrap(), Played::Event(event) if event.seq == 2));
        assert!(matches!(got.recv().unwrap(), Played::End(Ok(()))));

        let (sends, got) = mpsc::channel();
        let send = move |played| sends.send(played).unwrap();
        let player = Player::begin(Hours(0), Duration::from_secs(3_600), send).unwrap();
        player.set_pace(Pace::ToEnd);
        assert_eq!(got.iter().count(), 3, "and the sender is gone with the thread");
        player.end();
    }
}
