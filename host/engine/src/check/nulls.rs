//! Results that may be `null` and are used without a test.
//!
//! Owns: what counts as a look. A result is guarded as soon as a condition has
//! mentioned it, or a function was given it: what the condition says is the
//! author's business. A rule that knew better would be wrong more often.
//! Never: reports a variable that is assigned again.

use std::collections::HashMap;

use oxc_semantic::SymbolId;

use super::finding::Spot;
use super::rules;

/// How a value may be `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The answer of an agent, or a slot: perhaps null.
    One(&'static str),
    /// A list of those, by the construct that made it.
    List(&'static str),
}

struct Tracked {
    name: String,
    kind: Kind,
    /// The function it was declared in.
    function: usize,
    guarded: bool,
    assigned: bool,
    uses: Vec<Use>,
}

struct Use {
    at: u32,
    text: String,
    /// In another function than the variable: when that runs is not known, and
    /// a look anywhere will do.
    elsewhere: bool,
}

/// The variables that are followed.
#[derive(Default)]
pub(super) struct Nulls {
    tracked: HashMap<SymbolId, Tracked>,
}

impl Nulls {
    /// Follows a variable that may be `null`.
    pub(super) fn track(&mut self, id: SymbolId, name: &str, kind: Kind, function: usize) {
        let tracked = Tracked {
            name: name.to_owned(),
            kind,
            function,
            guarded: false,
            assigned: false,
            uses: Vec::new(),
        };
        self.tracked.insert(id, tracked);
    }

    /// What a variable may be here.
    pub(super) fn kind(&self, id: SymbolId) -> Option<Kind> {
        self.tracked.get(&id).filter(|tracked| !tracked.guarded).map(|tracked| tracked.kind)
    }

    /// Notes that the script tests this variable.
    pub(super) fn guard(&mut self, id: SymbolId) {
        if let Some(tracked) = self.tracked.get_mut(&id) {
            tracked.guarded = true;
        }
    }

    /// Notes that the script assigns to this variable.
    pub(super) fn assign(&mut self, id: SymbolId) {
        if let Some(tracked) = self.tracked.get_mut(&id) {
            tracked.assigned = true;
        }
    }

    /// Something is read of a variable as if it could not be null.
    pub(super) fn used(&mut self, id: SymbolId, at: u32, text: String, function: usize) {
        if let Some(tracked) = self.tracked.get_mut(&id)
            && !tracked.guarded
        {
            let elsewhere = tracked.function != function;
            tracked.uses.push(Use { at, text, elsewhere });
        }
    }

    /// The first unguarded use of each variable.
    pub(super) fn spots(&self) -> Vec<Spot> {
        let unguarded = |tracked: &&Tracked| !tracked.assigned;
        let first = |tracked: &Tracked| {
            let uses = tracked.uses.iter();
            let bad =
                uses.filter(|one| !(one.elsewhere && tracked.guarded)).min_by_key(|one| one.at);
            bad.map(|one| spot(one.at, &one.text, &format!("`{}`", tracked.name), tracked.kind))
        };
        self.tracked.values().filter(unguarded).filter_map(first).collect()
    }
}

/// The finding about a use.
pub(super) fn spot(at: u32, text: &str, name: &str, kind: Kind) -> Spot {
    let why = match kind {
        Kind::One("agent") => "an agent that fails is null",
        Kind::One("parallel") | Kind::List("parallel") => {
            "a slot of `parallel` is null when what was in it failed"
        }
        Kind::One("pipeline") | Kind::List("pipeline") => {
            "an item of `pipeline` is null when a stage of it failed"
        }
        Kind::One("catch") => "its `.catch()` makes null of a failure",
        Kind::One(_) | Kind::List(_) => "each of them may be null",
    };
    let hint = match kind {
        Kind::One("agent" | "catch") => format!("test {name} first, or write `?.`"),
        _ => "put `.filter(Boolean)` in front, or write `?.`".to_owned(),
    };
    Spot::new(&rules::UNGUARDED_NULL, at, format!("`{text}` without a test for null: {why}"), hint)
}
