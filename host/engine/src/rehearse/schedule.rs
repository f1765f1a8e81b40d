//! What happens in one performance: who answers when, what goes wrong, and
//! when everything in memory is lost.
//!
//! Owns: schedule number K of seed S, which is the same on every machine.
//! Never: looks at a script; it knows how many agents and deliveries the
//! undisturbed performance had, and no more.

use smol_wf_core::call::Reply;
use smol_wf_core::guest::{Failure, Outcome};

use super::stage::{Asked, Cue, Director};
use super::stubs::Stubs;

/// Codes of the failures that are injected: those of real providers.
pub(super) const FAILED: &str = "provider_failed";
pub(super) const TIMED_OUT: &str = "provider_timeout";

/// Crashes in one performance. Each replays all that came before, so that a
/// long script with a crash behind every delivery would take its square.
const CRASHES_MAX: usize = 64;

/// Faults in one random schedule.
const FAULTS_MAX: u64 = 3;

/// In which order agents answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As they were asked; sleeps end when no agent is at work.
    AsAsked,
    /// The one that was asked last is first.
    Reversed,
    /// At random.
    Shuffled(u64),
}

/// What goes wrong with an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It answers null.
    Null,
    /// It fails.
    Fails,
    /// It takes longer than it may.
    TimesOut,
}

/// When the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crash {
    Never,
    /// Behind every delivery, or every nth in a long performance.
    Each {
        nth: usize,
    },
    /// Behind so many deliveries.
    After(usize),
}

/// One schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schedule {
    pub(super) number: u64,
    pub(super) order: Order,
    /// By agent, from 1 in order of issue.
    pub(super) faults: Vec<(u32, Fault)>,
    pub(super) crash: Crash,
}

/// What is known of the undisturbed performance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) agents: u32,
    pub(super) deliveries: usize,
}

impl Schedule {
    /// The undisturbed one, number 0.
    pub(super) fn undisturbed() -> Self {
        Self { number: 0, order: Order::AsAsked, faults: Vec::new(), crash: Crash::Never }
    }

    /// Schedule `number` under `seed`. The first ones go through the script
    /// agent by agent and step by step, one fault at a time; those behind them
    /// mix faults and orders at random.
    pub(super) fn nth(number: u64, seed: u64, extent: Extent) -> Self {
        let mut dice = Dice::new(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let plain = Self { number, ..Self::undisturbed() };
        match number {
            0 => return plain,
            1 => return Self { order: Order::Reversed, ..plain },
            2 => {
                let nth = extent.deliveries.div_ceil(CRASHES_MAX).max(1);
                return Self { crash: Crash::Each { nth }, ..plain };
            }
            _ => {}
        }
        // Four sorts take turns, so that a few schedules already try them all.
        let (sort, round) = ((number - 3) % 4, (number - 3) / 4);
        let shuffled = Order::Shuffled(dice.roll());
        let agents = u64::from(extent.agents);
        let deliveries = (extent.deliveries as u64).max(1);
        match sort {
            1 | 2 if agents > 0 => {
                let kinds: &[Fault] =
                    if sort == 1 { &[Fault::Null] } else { &[Fault::Fails, Fault::TimesOut] };
                let kinds_count = kinds.len() as u64;
                let systematic = round < agents * kinds_count;
                let count = if systematic { 1 } else { 1 + dice.below(FAULTS_MAX) };
                let faults = (0..count).map(|extra| {
                    let (agent, kind) = if systematic && extra == 0 {
                        (round / kinds_count, round % kinds_count)
                    } else {
                        (dice.below(agents), dice.below(kinds_count))
                    };
                    let kind = usize::try_from(kind).ok().and_then(|kind| kinds.get(kind));
                    (u32::try_from(agent).unwrap_or(0) + 1, kind.copied().unwrap_or(Fault::Null))
                });
                let mut faults: Vec<(u32, Fault)> = faults.collect();
                faults.sort_by_key(|(agent, _)| *agent);
                faults.dedup_by_key(|(agent, _)| *agent);
                let order = if systematic { Order::AsAsked } else { shuffled };
                Self { order, faults, ..plain }
            }
            3 => {
                let systematic = round < deliveries;
                let after = if systematic { round } else { dice.below(deliveries) };
                let order = if systematic { Order::AsAsked } else { shuffled };
                let after = usize::try_from(after).unwrap_or(0);
                Self { order, crash: Crash::After(after), ..plain }
            }
            _ => Self { order: shuffled, ..plain },
        }
    }

    /// Whether only the order differs from the undisturbed one.
    pub(super) fn only_reorders(&self) -> bool {
        self.faults.is_empty() && self.crash == Crash::Never
    }

    /// The same without crashes.
    pub(super) fn without_crash(&self) -> Self {
        Self { crash: Crash::Never, ..self.clone() }
    }

    /// The same without this fault.
    pub(super) fn without_fault(&self, agent: u32) -> Self {
        let faults = self.faults.iter().filter(|(of, _)| *of != agent).copied().collect();
        Self { faults, ..self.clone() }
    }
}

/// Directs a performance by a schedule.
pub(super) struct BySchedule<'a> {
    schedule: &'a Schedule,
    stubs: &'a mut Stubs,
    dice: Dice,
    /// Deliveries at the last crash.
    crashed_at: Option<usize>,
}

impl<'a> BySchedule<'a> {
    pub(super) fn new(schedule: &'a Schedule, stubs: &'a mut Stubs) -> Self {
        let dice = match schedule.order {
            Order::Shuffled(seed) => Dice::new(seed),
            _ => Dice::new(0),
        };
        Self { schedule, stubs, dice, crashed_at: None }
    }
}

impl Director for BySchedule<'_> {
    fn cue(&mut self, working: &[&Asked], sleeping: bool) -> Cue {
        let last = working.len().saturating_sub(1);
        match self.schedule.order {
            _ if working.is_empty() => Cue::Wake,
            Order::AsAsked => Cue::Answer(0),
            Order::Reversed => Cue::Answer(last),
            Order::Shuffled(_) => {
                // A sleep that overtakes an agent is a time-out of the script's
                // own making: a fault, and no mere order.
                let may_wake = sleeping && !self.schedule.faults.is_empty();
                let choices = working.len() as u64 + u64::from(may_wake);
                match usize::try_from(self.dice.below(choices)) {
                    Ok(index) if index <= last => Cue::Answer(index),
                    _ => Cue::Wake,
                }
            }
        }
    }

    fn answer(&mut self, asked: &Asked) -> (Outcome, Reply) {
        let (outcome, reply) = self.stubs.answer(&asked.request);
        let fault = self.schedule.faults.iter().find(|(agent, _)| *agent == asked.ordinal);
        let outcome = match fault {
            None => outcome,
            Some((_, Fault::Null)) => Outcome::Value("null".to_owned()),
            Some((_, Fault::Fails)) => {
                Outcome::Failed(Failure::new(FAILED, "the agent failed (injected)"))
            }
            Some((_, Fault::TimesOut)) => {
                Outcome::Failed(Failure::new(TIMED_OUT, "the agent timed out (injected)"))
            }
        };
        (outcome, reply)
    }

    fn crashes(&mut self, deliveries: usize) -> bool {
        let now = match self.schedule.crash {
            Crash::Never => false,
            Crash::Each { nth } => deliveries.is_multiple_of(nth),
            Crash::After(after) => deliveries == after,
        };
        let crashes = now && self.crashed_at != Some(deliveries);
        if crashes {
            self.crashed_at = Some(deliveries);
        }
        crashes
    }
}

/// `SplitMix64` (Steele, Lea, Flood 2014): the same numbers everywhere.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, count: u64) -> u64 {
        self.roll() % count.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENT: Extent = Extent { agents: 3, deliveries: 4 };

    #[test]
    fn every_agent_is_hit_by_every_fault_and_every_step_by_a_crash() {
        let schedules: Vec<Schedule> =
            (0..40).map(|number| Schedule::nth(number, 7, EXTENT)).collect();
        for agent in 1..=3 {
            for fault in [Fault::Null, Fault::Fails, Fault::TimesOut] {
                let hit = schedules.iter().any(|one| one.faults == [(agent, fault)]);
                assert!(hit, "{fault:?} of agent {agent}");
            }
        }
        for step in 0..4 {
            assert!(schedules.iter().any(|one| one.crash == Crash::After(step)), "{step}");
        }
    }

    #[test]
    fn a_schedule_is_a_function_of_seed_and_number() {
        for number in 0..200 {
            let one = Schedule::nth(number, 7, EXTENT);
            assert_eq!(one, Schedule::nth(number, 7, EXTENT));
        }
        let orders = |seed| {
            (0..50).map(|number| Schedule::nth(number, seed, EXTENT).order).collect::<Vec<_>>()
        };
        assert_ne!(orders(1), orders(2));
    }
}
