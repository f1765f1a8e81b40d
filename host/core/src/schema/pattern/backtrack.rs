//! A backtracking matcher for patterns with look-around and back-references, with
//! counted work.
//!
//! Owns: the program that a pattern is compiled to, and the machine that runs it by
//! the rules of ECMA-262, with a stack of its own. Existing libraries bound how often
//! they backtrack, but not the work in between; this counts all of it. Never: works on
//! beyond its budget.

use std::collections::HashSet;
use std::sync::Arc;

use regex_syntax::hir::ClassUnicode;

use super::syntax::{Assert, Node};

/// Most instructions of a program.
const PROGRAM_MAX: usize = 20_000;

/// Most entries of the backtrack stack: 32 MiB.
const STACK_MAX: usize = 1_000_000;

/// Slots that are cleared in the time of one step.
const SLOTS_PER_STEP: usize = 8;

/// The value of an unset slot.
const NONE: usize = usize::MAX;

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Program {
    code: Vec<Op>,
    slots: usize,
}

/// One instruction of a program.
#[derive(Debug)]
enum Op {
    Set {
        set: Arc<ClassUnicode>,
        back: bool,
    },
    /// Repeats a set, greedily or not, with one entry on the stack for all repetitions.
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
    /// Fails if the position has not changed since the slot was saved.
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

/// The budget or the stack is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutOfSteps;

impl Program {
    pub(super) fn of(node: &Node, groups: usize) -> Result<Self, String> {
        let mut writer = Writer { code: Vec::new(), slots: 2 * groups };
        writer.write(node, false)?;
        writer.push(Op::Found)?;
        Ok(Self { code: writer.code, slots: writer.slots })
    }

    /// Number of instructions, plus the ranges of their sets, each set once.
    pub(crate) fn size(&self) -> usize {
        let mut seen = HashSet::new();
        let ranges = |op: &Op| match op {
            Op::Set { set, .. } | Op::Run { set, .. } if seen.insert(Arc::as_ptr(set)) => {
                set.ranges().len()
            }
            _ => 0,
        };
        self.code.len() + self.code.iter().map(ranges).sum::<usize>()
    }

    /// Whether the pattern matches anywhere in the text, and the steps that this took.
    ///
    /// # Errors
    /// When more than `steps` are needed, or more stack.
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
            let anchored = matches!(self.code.first(), Some(Op::Assert(Assert::Start)));
            match text[at..].chars().next() {
                Some(one) if !anchored => at += one.len_utf8(),
                _ => return Ok((false, steps - machine.left)),
            }
        }
    }
}

struct Writer {
    code: Vec<Op>,
    slots: usize,
}

impl Writer {
    fn push(&mut self, op: Op) -> Result<usize, String> {
        if self.code.len() >= PROGRAM_MAX {
            return Err(format!("it needs more than {PROGRAM_MAX} states"));
        }
        self.code.push(op);
        Ok(self.code.len() - 1)
    }

    /// Compiles a node. With `back`, inside a look-behind, it matches from right to
    /// left.
    fn write(&mut self, node: &Node, back: bool) -> Result<(), String> {
        match node {
            Node::Set(set) => self.push(Op::Set { set: set.clone(), back }).map(drop),
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
                self.push(Op::Save(if back { closes } else { opens }))?;
                self.write(inner, back)?;
                self.push(Op::Save(if back { opens } else { closes })).map(drop)
            }
            Node::Assert(assert) => self.push(Op::Assert(*assert)).map(drop),
            Node::Look { inner, ahead, negated } => {
                let look = self.push(Op::Look { negated: *negated, behind: 0 })?;
                self.write(inner, !ahead)?;
                let end = self.push(Op::Found)?;
                self.code[look] = Op::Look { negated: *negated, behind: end + 1 };
                Ok(())
            }
            Node::Back(group) => self.push(Op::Back { group: *group, back }).map(drop),
        }
    }

    fn alternatives(&mut self, list: &[Node], back: bool) -> Result<(), String> {
        let mut jumps = Vec::new();
        for (nth, one) in list.iter().enumerate() {
            if nth + 1 == list.len() {
                self.write(one, back)?;
                continue;
            }
            let split = self.push(Op::Jump(0))?;
            self.write(one, back)?;
            jumps.push(self.push(Op::Jump(0))?);
            self.code[split] = Op::Split { first: split + 1, second: self.code.len() };
        }
        let end = self.code.len();
        for jump in jumps {
            self.code[jump] = Op::Jump(end);
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
            let run = Op::Run { set: set.clone(), min, max: max.unwrap_or(u32::MAX), back, greedy };
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
            Op::Split { first, second }
        };
        let Some(max) = max else {
            let start = self.push(Op::Jump(0))?;
            self.once_more(inner, back)?;
            self.push(Op::Jump(start))?;
            self.code[start] = branch(start + 1, self.code.len());
            return Ok(());
        };
        let mut splits = Vec::new();
        for _ in min..max {
            splits.push(self.push(Op::Jump(0))?);
            self.once_more(inner, back)?;
        }
        let end = self.code.len();
        for split in splits {
            self.code[split] = branch(split + 1, end);
        }
        Ok(())
    }

    /// Compiles one repetition, which first clears its groups.
    fn once(&mut self, inner: &Node, back: bool) -> Result<(), String> {
        if let Some((from, to)) = groups_of(inner) {
            self.push(Op::Clear { from: 2 * from, to: 2 * to + 2 })?;
        }
        self.write(inner, back)
    }

    /// Compiles one optional repetition, which fails if it takes no characters.
    fn once_more(&mut self, inner: &Node, back: bool) -> Result<(), String> {
        if takes(inner) {
            return self.once(inner, back);
        }
        let slot = self.slots;
        self.slots += 1;
        self.push(Op::Save(slot))?;
        self.once(inner, back)?;
        self.push(Op::Moved(slot)).map(drop)
    }
}

/// Whether every match of the node takes at least one character.
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

/// The first and the last group within a node.
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

/// An entry of the backtrack stack.
enum Choice {
    /// Continue with this instruction at this position.
    Way { pc: usize, at: usize },
    /// Restore a slot.
    Slot { slot: usize, was: usize },
    /// A greedy run that may give back characters, down to the position `least`.
    Less { pc: usize, at: usize, least: usize, back: bool },
    /// A lazy run that may take more characters.
    More { pc: usize, at: usize, left: u32 },
}

struct Machine<'p> {
    code: &'p [Op],
    text: &'p str,
    slots: Vec<usize>,
    stack: Vec<Choice>,
    left: u64,
}

impl<'p> Machine<'p> {
    fn spend(&mut self, steps: usize) -> Result<(), OutOfSteps> {
        self.left = self.left.checked_sub(steps as u64).ok_or(OutOfSteps)?;
        Ok(())
    }

    fn keep(&mut self, choice: Choice) -> Result<(), OutOfSteps> {
        if self.stack.len() >= STACK_MAX {
            return Err(OutOfSteps);
        }
        self.stack.push(choice);
        Ok(())
    }

    fn set_slot(&mut self, slot: usize, value: usize) -> Result<(), OutOfSteps> {
        let was = std::mem::replace(&mut self.slots[slot], value);
        self.keep(Choice::Slot { slot, was })
    }

    /// The position after the next character, if that is in the set.
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

    /// Runs from an instruction to `Found`. On a match, its entries stay on the stack;
    /// otherwise stack and slots are as before.
    fn run(&mut self, pc: usize, at: usize) -> Result<Option<usize>, OutOfSteps> {
        let floor = self.stack.len();
        let mut next = Some((pc, at));
        loop {
            self.spend(1)?;
            let Some((pc, at)) = next.or_else(|| self.backtrack(floor)) else {
                return Ok(None);
            };
            let code = self.code;
            next = match &code[pc] {
                Op::Found => return Ok(Some(at)),
                Op::Set { set, back } => self.take(set, at, *back).map(|at| (pc + 1, at)),
                Op::Run { .. } => self.begin_run(&code[pc], pc, at)?,
                Op::Split { first, second } => {
                    self.keep(Choice::Way { pc: *second, at })?;
                    Some((*first, at))
                }
                Op::Jump(to) => Some((*to, at)),
                Op::Save(slot) => {
                    self.set_slot(*slot, at)?;
                    Some((pc + 1, at))
                }
                Op::Clear { from, to } => {
                    for slot in *from..*to {
                        self.spend(1)?;
                        self.set_slot(slot, NONE)?;
                    }
                    Some((pc + 1, at))
                }
                Op::Moved(slot) => (self.slots[*slot] != at).then_some((pc + 1, at)),
                Op::Assert(assert) => self.holds(*assert, at).then_some((pc + 1, at)),
                Op::Look { negated, behind } => self.look(pc + 1, at, *negated, *behind)?,
                Op::Back { group, back } => self.again(*group, at, *back)?.map(|at| (pc + 1, at)),
            };
        }
    }

    fn look(
        &mut self,
        pc: usize,
        at: usize,
        negated: bool,
        behind: usize,
    ) -> Result<Option<(usize, usize)>, OutOfSteps> {
        let floor = self.stack.len();
        let found = self.run(pc, at)?.is_some();
        self.spend(self.stack.len() - floor)?;
        if negated {
            // Groups inside a negated look-around are unset.
            while self.stack.len() > floor {
                if let Some(Choice::Slot { slot, was }) = self.stack.pop() {
                    self.slots[slot] = was;
                }
            }
        } else {
            // A look-around is not backtracked into, but its groups can be restored.
            let mut kept = floor;
            for nth in floor..self.stack.len() {
                if matches!(self.stack[nth], Choice::Slot { .. }) {
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
        run: &'p Op,
        pc: usize,
        from: usize,
    ) -> Result<Option<(usize, usize)>, OutOfSteps> {
        let Op::Run { set, min, max, back, greedy } = run else { return Ok(None) };
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
            self.keep(Choice::Less { pc: pc + 1, at, least, back: *back })?;
        } else if !*greedy && taken < *max {
            self.keep(Choice::More { pc, at, left: *max - taken })?;
        }
        Ok(Some((pc + 1, at)))
    }

    fn backtrack(&mut self, floor: usize) -> Option<(usize, usize)> {
        while self.stack.len() > floor {
            match self.stack.pop()? {
                Choice::Slot { slot, was } => self.slots[slot] = was,
                Choice::Way { pc, at } => return Some((pc, at)),
                Choice::Less { pc, at, least, back } => {
                    let one = if back {
                        self.text[at..].chars().next()?.len_utf8()
                    } else {
                        self.text[..at].chars().next_back()?.len_utf8()
                    };
                    let at = if back { at + one } else { at - one };
                    if at != least {
                        self.stack.push(Choice::Less { pc, at, least, back });
                    }
                    return Some((pc, at));
                }
                Choice::More { pc, at, left } => {
                    let code = self.code;
                    if let Op::Run { set, back, .. } = &code[pc]
                        && let Some(at) = self.take(set, at, *back)
                    {
                        if left > 1 {
                            self.stack.push(Choice::More { pc, at, left: left - 1 });
                        }
                        return Some((pc + 1, at));
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

    /// Matches the text of a group again; an unset group matches the empty text.
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
