//! Matches patterns with look-around and back-references, by steps that are
//! counted.
//!
//! Owns: the program that a pattern is compiled to, and the machine that runs
//! it the way ECMA-262 says, with a stack of its own. Libraries for such
//! patterns bound how often they turn back, not the work between; this counts
//! all of it. Never: goes on past its budget.

use std::collections::HashSet;
use std::sync::Arc;

use regex_syntax::hir::ClassUnicode;

use super::syntax::{Assert, Node};

/// Most instructions of a program.
const PROGRAM_MAX: usize = 20_000;

/// Most places to turn back to that are kept: 32 MiB.
const STACK_MAX: usize = 1_000_000;

/// Slots that are cleared in the time of one step.
const SLOTS_PER_STEP: usize = 8;

/// No value of a slot.
const NONE: usize = usize::MAX;

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Program {
    code: Vec<Step>,
    slots: usize,
}

#[derive(Debug)]
enum Step {
    Set {
        set: Arc<ClassUnicode>,
        back: bool,
    },
    /// As many of a set as there are, or as few: one place on the stack for all.
    Run {
        set: Arc<ClassUnicode>,
        min: u32,
        max: u32,
        back: bool,
        greedy: bool,
    },
    Split {
        first: usize,
        second: usize,
    },
    Jump(usize),
    Save(usize),
    Clear {
        from: usize,
        to: usize,
    },
    /// Fails when nothing was taken since the slot was saved.
    Moved(usize),
    Assert(Assert),
    Look {
        negated: bool,
        behind: usize,
    },
    Back {
        group: usize,
        back: bool,
    },
    Found,
}

/// The budget is used up, or the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutOfSteps;

impl Program {
    pub(super) fn of(node: &Node, groups: usize) -> Result<Self, String> {
        let mut writer = Writer { code: Vec::new(), slots: 2 * groups };
        writer.write(node, false)?;
        writer.push(Step::Found)?;
        Ok(Self { code: writer.code, slots: writer.slots })
    }

    /// Instructions, and the ranges of their sets, each set once.
    pub(crate) fn size(&self) -> usize {
        let mut seen = HashSet::new();
        let ranges = |step: &Step| match step {
            Step::Set { set, .. } | Step::Run { set, .. } if seen.insert(Arc::as_ptr(set)) => {
                set.ranges().len()
            }
            _ => 0,
        };
        self.code.len() + self.code.iter().map(ranges).sum::<usize>()
    }

    /// Whether the pattern is found anywhere in the text, and the steps that it
    /// took.
    pub(crate) fn is_match(&self, text: &str, steps: u64) -> Result<(bool, u64), OutOfSteps> {
        let mut machine = Machine {
            code: &self.code,
            text,
            slots: vec![NONE; self.slots],
            stack: Vec::new(),
            left: steps,
        };
        machine.spend(self.slots / SLOTS_PER_STEP)?;
        let mut at = 0;
        loop {
            if machine.run(0, at)?.is_some() {
                return Ok((true, steps - machine.left));
            }
            let anchored = matches!(self.code.first(), Some(Step::Assert(Assert::Start)));
            match text[at..].chars().next() {
                Some(one) if !anchored => at += one.len_utf8(),
                _ => return Ok((false, steps - machine.left)),
            }
        }
    }
}

struct Writer {
    code: Vec<Step>,
    slots: usize,
}

impl Writer {
    fn push(&mut self, step: Step) -> Result<usize, String> {
        if self.code.len() >= PROGRAM_MAX {
            return Err(format!("it needs more than {PROGRAM_MAX} states"));
        }
        self.code.push(step);
        Ok(self.code.len() - 1)
    }

    /// `back`: inside a look-behind everything is matched from right to left.
    fn write(&mut self, node: &Node, back: bool) -> Result<(), String> {
        match node {
            Node::Set(set) => self.push(Step::Set { set: set.clone(), back }).map(drop),
            Node::Concat(list) if back => {
                list.iter().rev().try_for_each(|one| self.write(one, back))
            }
            Node::Concat(list) => list.iter().try_for_each(|one| self.write(one, back)),
            Node::Alt(list) => self.alternatives(list, back),
            Node::Repeat { inner, min, max, greedy } => {
                self.repeat(inner, *min, *max, *greedy, back)
            }
            Node::Group(inner, group) => {
                let (opens, closes) = (2 * group, 2 * group + 1);
                self.push(Step::Save(if back { closes } else { opens }))?;
                self.write(inner, back)?;
                self.push(Step::Save(if back { opens } else { closes })).map(drop)
            }
            Node::Assert(assert) => self.push(Step::Assert(*assert)).map(drop),
            Node::Look { inner, ahead, negated } => {
                let look = self.push(Step::Look { negated: *negated, behind: 0 })?;
                self.write(inner, !ahead)?;
                let end = self.push(Step::Found)?;
                self.code[look] = Step::Look { negated: *negated, behind: end + 1 };
                Ok(())
            }
            Node::Back(group) => self.push(Step::Back { group: *group, back }).map(drop),
        }
    }

    fn alternatives(&mut self, list: &[Node], back: bool) -> Result<(), String> {
        let mut jumps = Vec::new();
        for (nth, one) in list.iter().enumerate() {
            if nth + 1 == list.len() {
                self.write(one, back)?;
                continue;
            }
            let split = self.push(Step::Jump(0))?;
            self.write(one, back)?;
            jumps.push(self.push(Step::Jump(0))?);
            self.code[split] = Step::Split { first: split + 1, second: self.code.len() };
        }
        let end = self.code.len();
        for jump in jumps {
            self.code[jump] = Step::Jump(end);
        }
        Ok(())
    }

    fn repeat(
        &mut self,
        inner: &Node,
        min: u32,
        max: Option<u32>,
        greedy: bool,
        back: bool,
    ) -> Result<(), String> {
        if let Node::Set(set) = inner {
            let run =
                Step::Run { set: set.clone(), min, max: max.unwrap_or(u32::MAX), back, greedy };
            return self.push(run).map(drop);
        }
        for _ in 0..min {
            let before = self.code.len();
            self.once(inner, back)?;
            if self.code.len() == before {
                break;
            }
        }
        let branch = |first: usize, second: usize| {
            let (first, second) = if greedy { (first, second) } else { (second, first) };
            Step::Split { first, second }
        };
        let Some(max) = max else {
            let start = self.push(Step::Jump(0))?;
            self.once_more(inner, back)?;
            self.push(Step::Jump(start))?;
            self.code[start] = branch(start + 1, self.code.len());
            return Ok(());
        };
        let mut splits = Vec::new();
        for _ in min..max {
            splits.push(self.push(Step::Jump(0))?);
            self.once_more(inner, back)?;
        }
        let end = self.code.len();
        for split in splits {
            self.code[split] = branch(split + 1, end);
        }
        Ok(())
    }

    /// One time that has to be: its groups begin anew.
    fn once(&mut self, inner: &Node, back: bool) -> Result<(), String> {
        if let Some((from, to)) = groups_of(inner) {
            self.push(Step::Clear { from: 2 * from, to: 2 * to + 2 })?;
        }
        self.write(inner, back)
    }

    /// One time that may be: it does not count when it takes nothing.
    fn once_more(&mut self, inner: &Node, back: bool) -> Result<(), String> {
        if takes(inner) {
            return self.once(inner, back);
        }
        let slot = self.slots;
        self.slots += 1;
        self.push(Step::Save(slot))?;
        self.once(inner, back)?;
        self.push(Step::Moved(slot)).map(drop)
    }
}

/// Whether it takes a character whenever it matches.
fn takes(node: &Node) -> bool {
    match node {
        Node::Set(_) => true,
        Node::Concat(list) => list.iter().any(takes),
        Node::Alt(list) => list.iter().all(takes),
        Node::Repeat { inner, min, .. } => *min > 0 && takes(inner),
        Node::Group(inner, _) => takes(inner),
        Node::Assert(_) | Node::Look { .. } | Node::Back(_) => false,
    }
}

/// The first and the last group within.
fn groups_of(node: &Node) -> Option<(usize, usize)> {
    let both = |a: Option<(usize, usize)>, b: Option<(usize, usize)>| match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    };
    match node {
        Node::Concat(list) | Node::Alt(list) => list.iter().map(groups_of).fold(None, both),
        Node::Repeat { inner, .. } | Node::Look { inner, .. } => groups_of(inner),
        Node::Group(inner, group) => both(Some((*group, *group)), groups_of(inner)),
        Node::Set(_) | Node::Assert(_) | Node::Back(_) => None,
    }
}

/// What to turn back to.
enum Turn {
    /// Another way from here.
    Way { step: usize, at: usize },
    /// A slot as it was.
    Slot { slot: usize, was: usize },
    /// A run that may give back what it took down to `least`.
    Less { step: usize, at: usize, least: usize, back: bool },
    /// A run that may take more.
    More { step: usize, at: usize, left: u32 },
}

struct Machine<'p> {
    code: &'p [Step],
    text: &'p str,
    slots: Vec<usize>,
    stack: Vec<Turn>,
    left: u64,
}

impl<'p> Machine<'p> {
    fn spend(&mut self, steps: usize) -> Result<(), OutOfSteps> {
        self.left = self.left.checked_sub(steps as u64).ok_or(OutOfSteps)?;
        Ok(())
    }

    fn keep(&mut self, turn: Turn) -> Result<(), OutOfSteps> {
        if self.stack.len() >= STACK_MAX {
            return Err(OutOfSteps);
        }
        self.stack.push(turn);
        Ok(())
    }

    fn set_slot(&mut self, slot: usize, value: usize) -> Result<(), OutOfSteps> {
        let was = std::mem::replace(&mut self.slots[slot], value);
        self.keep(Turn::Slot { slot, was })
    }

    /// The position behind the next character, where it is of the set.
    fn take(&self, set: &ClassUnicode, at: usize, back: bool) -> Option<usize> {
        let (one, next) = if back {
            let one = self.text[..at].chars().next_back()?;
            (one, at - one.len_utf8())
        } else {
            let one = self.text[at..].chars().next()?;
            (one, at + one.len_utf8())
        };
        has(set, one).then_some(next)
    }

    /// Runs from a step to `Found`. What it kept on the stack stays there when
    /// it is found; otherwise all is as it was.
    fn run(&mut self, step: usize, at: usize) -> Result<Option<usize>, OutOfSteps> {
        let floor = self.stack.len();
        let mut next = Some((step, at));
        loop {
            self.spend(1)?;
            let Some((step, at)) = next.or_else(|| self.turn_back(floor)) else {
                return Ok(None);
            };
            let code = self.code;
            next = match &code[step] {
                Step::Found => return Ok(Some(at)),
                Step::Set { set, back } => self.take(set, at, *back).map(|at| (step + 1, at)),
                Step::Run { .. } => self.begin_run(&code[step], step, at)?,
                Step::Split { first, second } => {
                    self.keep(Turn::Way { step: *second, at })?;
                    Some((*first, at))
                }
                Step::Jump(to) => Some((*to, at)),
                Step::Save(slot) => {
                    self.set_slot(*slot, at)?;
                    Some((step + 1, at))
                }
                Step::Clear { from, to } => {
                    for slot in *from..*to {
                        self.spend(1)?;
                        self.set_slot(slot, NONE)?;
                    }
                    Some((step + 1, at))
                }
                Step::Moved(slot) => (self.slots[*slot] != at).then_some((step + 1, at)),
                Step::Assert(assert) => self.holds(*assert, at).then_some((step + 1, at)),
                Step::Look { negated, behind } => self.look(step + 1, at, *negated, *behind)?,
                Step::Back { group, back } => {
                    self.again(*group, at, *back)?.map(|at| (step + 1, at))
                }
            };
        }
    }

    fn look(
        &mut self,
        step: usize,
        at: usize,
        negated: bool,
        behind: usize,
    ) -> Result<Option<(usize, usize)>, OutOfSteps> {
        let floor = self.stack.len();
        let found = self.run(step, at)?.is_some();
        self.spend(self.stack.len() - floor)?;
        if negated {
            // Groups inside remember nothing.
            while self.stack.len() > floor {
                if let Some(Turn::Slot { slot, was }) = self.stack.pop() {
                    self.slots[slot] = was;
                }
            }
        } else {
            // There is one way through a look-around; its groups are kept.
            let mut kept = floor;
            for nth in floor..self.stack.len() {
                if matches!(self.stack[nth], Turn::Slot { .. }) {
                    self.stack.swap(kept, nth);
                    kept += 1;
                }
            }
            self.stack.truncate(kept);
        }
        Ok((found != negated).then_some((behind, at)))
    }

    fn begin_run(
        &mut self,
        run: &'p Step,
        step: usize,
        from: usize,
    ) -> Result<Option<(usize, usize)>, OutOfSteps> {
        let Step::Run { set, min, max, back, greedy } = run else { return Ok(None) };
        let (mut at, mut least, mut taken) = (from, from, 0);
        let most = if *greedy { *max } else { *min };
        while taken < most {
            self.spend(1)?;
            let Some(next) = self.take(set, at, *back) else { break };
            at = next;
            taken += 1;
            if taken == *min {
                least = at;
            }
        }
        if taken < *min {
            return Ok(None);
        }
        if *greedy && at != least {
            self.keep(Turn::Less { step: step + 1, at, least, back: *back })?;
        } else if !*greedy && taken < *max {
            self.keep(Turn::More { step, at, left: *max - taken })?;
        }
        Ok(Some((step + 1, at)))
    }

    fn turn_back(&mut self, floor: usize) -> Option<(usize, usize)> {
        while self.stack.len() > floor {
            match self.stack.pop()? {
                Turn::Slot { slot, was } => self.slots[slot] = was,
                Turn::Way { step, at } => return Some((step, at)),
                Turn::Less { step, at, least, back } => {
                    let one = if back {
                        self.text[at..].chars().next()?.len_utf8()
                    } else {
                        self.text[..at].chars().next_back()?.len_utf8()
                    };
                    let at = if back { at + one } else { at - one };
                    if at != least {
                        self.stack.push(Turn::Less { step, at, least, back });
                    }
                    return Some((step, at));
                }
                Turn::More { step, at, left } => {
                    let code = self.code;
                    if let Step::Run { set, back, .. } = &code[step]
                        && let Some(at) = self.take(set, at, *back)
                    {
                        if left > 1 {
                            self.stack.push(Turn::More { step, at, left: left - 1 });
                        }
                        return Some((step + 1, at));
                    }
                }
            }
        }
        None
    }

    fn holds(&self, assert: Assert, at: usize) -> bool {
        let is_word =
            |one: Option<char>| one.is_some_and(|one| one.is_ascii_alphanumeric() || one == '_');
        let at_word = || {
            is_word(self.text[..at].chars().next_back()) != is_word(self.text[at..].chars().next())
        };
        match assert {
            Assert::Start => at == 0,
            Assert::End => at == self.text.len(),
            Assert::Word => at_word(),
            Assert::NotWord => !at_word(),
        }
    }

    /// The text of a group once more; a group that matched nothing is empty.
    fn again(&mut self, group: usize, at: usize, back: bool) -> Result<Option<usize>, OutOfSteps> {
        let slots = self.slots.get(2 * group..2 * group + 2);
        let Some(&[from, to]) = slots else { return Ok(None) };
        if from == NONE || to == NONE || from > to {
            return Ok(Some(at));
        }
        self.spend(to - from)?;
        let (bytes, wanted) = (self.text.as_bytes(), &self.text.as_bytes()[from..to]);
        Ok(if back {
            bytes[..at].ends_with(wanted).then(|| at - wanted.len())
        } else {
            bytes[at..].starts_with(wanted).then(|| at + wanted.len())
        })
    }
}

fn has(set: &ClassUnicode, one: char) -> bool {
    let ranges = set.ranges();
    let at = ranges.partition_point(|range| range.end() < one);
    ranges.get(at).is_some_and(|range| range.start() <= one)
}
