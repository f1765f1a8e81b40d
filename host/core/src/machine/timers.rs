//! Timers of held time: the time in which a process holds the run.
//!
//! Owns: setting, clearing and delivering them. Never: waits; the engine does, and
//! then calls [`Machine::fire`].

use super::held_time::OpenTimer;
use super::{Body, Delivery, Effect, Machine, Mismatch, Next, Scope, StopTurn};
use crate::ids::TimerId;

impl Machine {
    /// Reports that the time of a timer is up. Ignored if the timer was cleared.
    pub fn fire(&mut self, timer: TimerId) {
        if let Some(open) = self.timers.open.get_mut(&timer)
            && !std::mem::replace(&mut open.is_queued, true)
        {
            self.deliveries.push_back(Delivery::Fire(timer));
        }
    }

    /// Closes a timer; none when it was cleared meanwhile.
    pub(super) fn close_timer(&mut self, timer: TimerId) -> Option<Next> {
        let scope = self.timers.open.remove(&timer)?.scope;
        self.current = scope;
        Some(Next::Fire { scope, timer, now_us: self.now_us })
    }

    pub(super) fn deliver_timer(&mut self, timer: TimerId) -> Option<Next> {
        let scope = self.timers.open.get(&timer)?.scope;
        self.write(Body::TimerFired { timer, scope });
        self.close_timer(timer)
    }

    /// Delivers a timer as recorded; the entry has been popped already.
    pub(super) fn replay_timer(&mut self, timer: TimerId, scope: Scope) -> Result<Next, StopTurn> {
        let is_open = self.timers.open.get(&timer).is_some_and(|open| open.scope == scope);
        let next = if is_open { self.close_timer(timer) } else { None };
        let Some(next) = next else {
            let now = "no timer is open under this number";
            let recorded = Body::TimerFired { timer, scope };
            return Err(Mismatch::instead_of(self.seq - 1, self.last_step, &recorded, now).into());
        };
        self.leave_replay();
        Ok(next)
    }

    #[expect(clippy::cast_possible_truncation, reason = "at most 365 days in microseconds")]
    pub(super) fn open_timer(&mut self, milliseconds: f64) -> Result<TimerId, StopTurn> {
        let timer = TimerId(self.timers.last + 1);
        let scope = self.current;
        let is_live = self.is_live();
        self.record(Body::TimerSet { timer, scope, milliseconds })?;
        self.timers.last = timer.0;
        let left_us = (milliseconds * 1_000.0) as i64;
        // If `record` left the replay, it set the other timers, but not this one.
        let is_unset = !is_live && !self.is_live();
        let due_us = self.timers.held.us.saturating_add(left_us);
        self.timers.open.insert(timer, OpenTimer { scope, due_us, is_unset, is_queued: false });
        if !is_unset {
            self.effects.push(Effect::SetTimer { timer, left_us });
        }
        Ok(timer)
    }

    pub(super) fn clear_open_timer(&mut self, timer: TimerId) -> Result<(), StopTurn> {
        let scope = self.current;
        if self.timers.open.get(&timer).is_none_or(|open| open.scope != scope) {
            return Ok(());
        }
        self.record(Body::TimerCleared { timer, scope })?;
        self.timers.open.remove(&timer);
        self.effects.push(Effect::ClearTimer(timer));
        Ok(())
    }

    /// Clears all timers of a script that is over.
    pub(super) fn clear_timers_of(&mut self, scope: Scope) {
        let effects = &mut self.effects;
        self.timers.open.retain(|timer, open| {
            let stays = open.scope != scope;
            if !stays {
                effects.push(Effect::ClearTimer(*timer));
            }
            stays
        });
    }

    /// At the end of the recording: sets the timers that are still open.
    pub(super) fn set_timers(&mut self) {
        if let Some(begins_us) = self.timers.begins_us.take() {
            self.timers.held.begin(begins_us);
        }
        let held_us = self.timers.held.us;
        for (timer, open) in &mut self.timers.open {
            if std::mem::take(&mut open.is_unset) {
                let left_us = open.due_us.saturating_sub(held_us).max(0);
                self.effects.push(Effect::SetTimer { timer: *timer, left_us });
            }
        }
    }
}
