//! A schedule: which agent answers when, what goes wrong, and when everything in memory
//! is lost.
//!
//! Owns: schedule number K of seed S, which is the same on every machine. Never: looks at
//! a script; it knows only how many agents and deliveries the undisturbed run had.

use std::collections::HashMap;

use smol_wf_core::dice::{Dice, GOLDEN};
use smol_wf_core::gate::AskKind;
use smol_wf_core::guest::Outcome;
use smol_wf_core::ids::Scope;
use smol_wf_core::journal::{Body, Entry};
use smol_wf_core::step::StepRequest;
use smol_wf_core::step_request::Reply;

use super::faults::{self, Effect, Fault, Reach, Strike, Strikes, Struck};
use super::simulation::{PendingAgent, PendingAsk, Person, Pick, Scenario};
use super::stubs::Stubs;

/// Most crashes in one run. Each replays everything before it, so crashes after every
/// delivery of a long script would take quadratic time.
const CRASHES_MAX: usize = 64;

/// Most faults in one random schedule.
const FAULTS_MAX: u64 = 3;

/// The order in which agents answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// In the order in which they were asked; sleeps end when no agent is at work.
    AsAsked,
    /// The agent that was asked last answers first.
    Reversed,
    /// At random.
    Shuffled(u64),
}

/// When the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crash {
    Never,
    /// After every `nth` delivery: 1, or more in a long run.
    Each {
        nth: usize,
    },
    /// After this number of deliveries.
    After(usize),
}

/// What people do with a question in place of the usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// They let its time pass, where it has one.
    Waits,
    /// They refuse, or give another answer: each variant is one.
    Otherwise(u64),
}

/// One schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schedule {
    pub(super) number: u64,
    pub(super) order: Order,
    /// In the order of their agents.
    pub(super) faults: Vec<Strike>,
    pub(super) crash: Crash,
    /// What people do with the question of this ordinal.
    pub(super) gate: Option<(u32, Gate)>,
}

/// Agents that answer as soon as they are at work, in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// This agent.
    Agent(u32),
    /// All agents of this script.
    Script(Scope),
}

/// The size of the undisturbed run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) agents: u32,
    pub(super) deliveries: usize,
    pub(super) asks: u32,
}

impl Schedule {
    /// The undisturbed one, number 0.
    pub(super) fn undisturbed() -> Self {
        let (order, crash) = (Order::AsAsked, Crash::Never);
        Self { number: 0, order, faults: Vec::new(), crash, gate: None }
    }

    /// Schedule `number` under `seed`. The first schedules go through all agents and
    /// deliveries, with one fault or crash each; later schedules mix faults and orders at
    /// random.
    pub(super) fn nth(number: u64, seed: u64, extent: Extent) -> Self {
        let mut dice = Dice::new(seed ^ number.wrapping_mul(GOLDEN));
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
        // Five sorts alternate, and a sixth if people are asked, so that a few schedules
        // already try all of them.
        let sorts = 5 + u64::from(extent.asks > 0);
        let (sort, round) = ((number - 3) % sorts, (number - 3) / sorts);
        let shuffled = Order::Shuffled(dice.roll());
        let agents = u64::from(extent.agents);
        let deliveries = (extent.deliveries as u64).max(1);
        match sort {
            1 | 2 if agents > 0 => {
                let kinds: &[Fault] =
                    if sort == 1 { &[Fault::Silent] } else { &[Fault::Fails, Fault::TimesOut] };
                let kinds_count = kinds.len() as u64;
                let systematic = round < agents * kinds_count;
                let count = if systematic { 1 } else { 1 + dice.below(FAULTS_MAX) };
                let faults = (0..count).map(|extra| {
                    let (agent, kind) = if systematic && extra == 0 {
                        (round / kinds_count, round % kinds_count)
                    } else {
                        (dice.below(agents), dice.below(kinds_count))
                    };
                    strike(agent, pick(kinds, kind).unwrap_or(Fault::Silent), Reach::Once)
                });
                let mut faults: Vec<Strike> = faults.collect();
                faults.sort_by_key(|strike| strike.agent);
                faults.dedup_by_key(|strike| strike.agent);
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
            5 => Self { gate: Some(gate(round, extent.asks)), ..plain },
            4 if agents > 0 => Self { faults: vec![lasting(round, agents)], ..plain },
            _ => Self { order: shuffled, ..plain },
        }
    }

    /// Whether only the order differs from the undisturbed one.
    pub(super) fn only_reorders(&self) -> bool {
        self.faults.is_empty() && self.crash == Crash::Never && self.gate.is_none()
    }

    /// The same without crashes.
    pub(super) fn without_crash(&self) -> Self {
        Self { crash: Crash::Never, ..self.clone() }
    }

    /// The same without this fault.
    pub(super) fn without_fault(&self, agent: u32) -> Self {
        let faults = self.faults.iter().filter(|strike| strike.agent != agent).copied().collect();
        Self { faults, ..self.clone() }
    }

    /// Whether a fault strikes more than one agent, or people answer otherwise.
    pub(super) fn lasts(&self) -> bool {
        self.gate.is_some() || self.faults.iter().any(|strike| strike.reach != Reach::Once)
    }

    /// What went wrong, in words; none when nothing did.
    pub(super) fn circumstances(&self, struck: &[Struck]) -> Option<String> {
        match (self.gate, struck.first()) {
            (Some(_), Some(one)) => Some(format!("when `{}` {}", one.title, one.effect.words())),
            _ => faults::circumstances(&self.faults, struck),
        }
    }
}

fn strike(agent: u64, fault: Fault, reach: Reach) -> Strike {
    Strike { agent: u32::try_from(agent).unwrap_or(0).saturating_add(1), fault, reach }
}

/// First the time of each question passes, then each is answered in other ways.
fn gate(round: u64, asks: u32) -> (u32, Gate) {
    let asks = u64::from(asks.max(1));
    let ask = u32::try_from(round % asks).unwrap_or(0).saturating_add(1);
    match round / asks {
        0 => (ask, Gate::Waits),
        variant => (ask, Gate::Otherwise(variant)),
    }
}

fn pick<T: Copy>(from: &[T], nth: u64) -> Option<T> {
    usize::try_from(nth).ok().and_then(|nth| from.get(nth)).copied()
}

/// A lasting fault. First each kind of fault strikes all agents; then, for each agent, it
/// strikes that agent and later ones like it, or that agent and all later ones.
fn lasting(round: u64, agents: u64) -> Strike {
    const KINDS: [Fault; 3] = [Fault::Fails, Fault::Silent, Fault::TimesOut];
    let count = KINDS.len() as u64;
    let Some(rest) = round.checked_sub(count) else {
        return strike(0, pick(&KINDS, round).unwrap_or(Fault::Fails), Reach::Onwards);
    };
    let (agent, pass) = (rest % agents, rest / agents);
    let reach = if (pass / count).is_multiple_of(2) { Reach::Alike } else { Reach::Onwards };
    strike(agent, pick(&KINDS, pass % count).unwrap_or(Fault::Fails), reach)
}

/// Picks what happens by a schedule.
pub(super) struct BySchedule<'a> {
    schedule: &'a Schedule,
    stubs: &'a mut Stubs,
    dice: Dice,
    strikes: Strikes,
    first: Option<First>,
    /// The script of each agent by ordinal, if `first` is set.
    scopes: HashMap<u32, Scope>,
    asked: u32,
    /// Deliveries at the last crash.
    crashed_at: Option<usize>,
}

impl<'a> BySchedule<'a> {
    /// A scenario that follows a schedule.
    pub(super) fn new(schedule: &'a Schedule, stubs: &'a mut Stubs) -> Self {
        let dice = match schedule.order {
            Order::Shuffled(seed) => Dice::new(seed),
            _ => Dice::new(0),
        };
        let strikes = Strikes::new(&schedule.faults);
        let (first, scopes) = (None, HashMap::new());
        Self { schedule, stubs, dice, strikes, first, scopes, asked: 0, crashed_at: None }
    }

    /// With agents that always answer first.
    pub(super) fn with_first(self, first: First) -> Self {
        Self { first: Some(first), ..self }
    }

    /// The steps that its faults struck.
    pub(super) fn into_struck(self) -> Vec<Struck> {
        self.strikes.struck
    }

    /// The index of the agent that always answers first, if it is at work.
    fn first_of(&self, working: &[&PendingAgent]) -> Option<usize> {
        let first = self.first?;
        working.iter().position(|asked| match first {
            First::Agent(agent) => asked.ordinal == agent,
            First::Script(scope) => self.scopes.get(&asked.ordinal) == Some(&scope),
        })
    }
}

impl Scenario for BySchedule<'_> {
    fn pick(&mut self, working: &[&PendingAgent], asks: usize, sleeping: bool) -> Pick {
        let last = working.len().saturating_sub(1);
        if let Some(index) = self.first_of(working) {
            return Pick::Answer(index);
        }
        match self.schedule.order {
            _ if working.is_empty() && asks == 0 => Pick::Wake,
            Order::AsAsked if working.is_empty() => Pick::Ask(0),
            Order::AsAsked => Pick::Answer(0),
            Order::Reversed if asks > 0 => Pick::Ask(asks - 1),
            Order::Reversed => Pick::Answer(last),
            Order::Shuffled(_) => {
                // A sleep that overtakes an agent may be a timeout of the script: that is
                // a fault, not only another order.
                let may_wake = sleeping && !self.schedule.faults.is_empty();
                let choices = (working.len() + asks) as u64 + u64::from(may_wake);
                match usize::try_from(self.dice.below(choices)) {
                    Ok(index) if index < working.len() => Pick::Answer(index),
                    Ok(index) if index < working.len() + asks => Pick::Ask(index - working.len()),
                    _ => Pick::Wake,
                }
            }
        }
    }

    fn person(&mut self, ask: &PendingAsk) -> Person {
        let usual = self.stubs.person(&ask.request);
        let Some((_, gate)) = self.schedule.gate.filter(|(ordinal, _)| *ordinal == ask.ordinal)
        else {
            return usual;
        };
        let (now, effect) = match gate {
            Gate::Waits if ask.request.deadline_us.is_some() => (Person::Waits, Effect::Unanswered),
            Gate::Waits => return usual,
            Gate::Otherwise(variant) => {
                let effect = match ask.request.kind {
                    AskKind::Approve | AskKind::Permission => Effect::Declined,
                    AskKind::Ask | AskKind::WaitFor => Effect::Otherwise,
                };
                (self.stubs.other_person(&ask.request, variant), effect)
            }
        };
        if now != usual {
            let (agent, title) = (0, ask.request.title());
            self.strikes.struck.push(Struck { agent, title, effect });
        }
        now
    }

    fn answer(&mut self, asked: &PendingAgent) -> (Outcome, Reply) {
        let (outcome, reply) = self.stubs.answer(&asked.request);
        (self.strikes.strike(asked.ordinal, &asked.request).unwrap_or(outcome), reply)
    }

    fn wrote(&mut self, entries: &[Entry]) {
        self.strikes.wrote(entries);
        if self.first.is_none() {
            return;
        }
        for entry in entries {
            if let Body::StepAsked { scope, asked: StepRequest::Agent(_), .. } = &entry.body {
                self.asked += 1;
                self.scopes.insert(self.asked, *scope);
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENT: Extent = Extent { agents: 3, deliveries: 4, asks: 0 };

    #[test]
    fn every_agent_is_hit_by_every_fault_and_every_delivery_by_a_crash() {
        let schedules: Vec<Schedule> =
            (0..40).map(|number| Schedule::nth(number, 7, EXTENT)).collect();
        for agent in 1..=3 {
            for fault in [Fault::Silent, Fault::Fails, Fault::TimesOut] {
                let alone = Strike { agent, fault, reach: Reach::Once };
                let hit = schedules.iter().any(|one| one.faults == [alone]);
                assert!(hit, "{fault:?} of agent {agent}");
            }
            let fails_again = Strike { agent, fault: Fault::Fails, reach: Reach::Alike };
            assert!(schedules.iter().any(|one| one.faults == [fails_again]), "agent {agent}");
        }
        let none_answers = Strike { agent: 1, fault: Fault::Fails, reach: Reach::Onwards };
        assert!(schedules.iter().any(|one| one.faults == [none_answers]));
        for after in 0..4 {
            assert!(schedules.iter().any(|one| one.crash == Crash::After(after)), "{after}");
        }
    }

    #[test]
    fn every_question_is_left_open_and_answered_otherwise() {
        let extent = Extent { asks: 2, ..EXTENT };
        let gates: Vec<_> =
            (0..60).filter_map(|number| Schedule::nth(number, 7, extent).gate).collect();
        for ask in 1..=2 {
            for gate in [Gate::Waits, Gate::Otherwise(1), Gate::Otherwise(2)] {
                assert!(gates.contains(&(ask, gate)), "{ask} {gate:?}");
            }
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
