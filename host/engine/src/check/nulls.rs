//! Variables that may be `null` and are used without a test.
//!
//! Owns: which variables are guarded. A variable is guarded once any condition mentions it
//! or it is passed to a function, whatever the condition says: a stricter rule would be
//! wrong more often. Never: reports a variable that is assigned again.

use std::collections::HashMap;

use oxc_semantic::SymbolId;

use super::finding::Spot;
use super::rules;

/// How a value may be `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An answer or slot that may be null, and the construct that it comes from.
    One(&'static str),
    /// A list of such values, and the construct that it comes from.
    List(&'static str),
}

struct Tracked {
    name: String,
    kind: Kind,
    /// The function that declares it, by its number in the walk.
    function: usize,
    guarded: bool,
    assigned: bool,
    uses: Vec<Use>,
}

struct Use {
    at: u32,
    text: String,
    /// In another function than the declaration. When that function runs is not known, so
    /// a guard anywhere counts.
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

    /// How a variable may be `null`; none if it may not, or is guarded.
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

    /// Notes a use of a variable that fails if it is `null`.
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
        let is_constant = |tracked: &&Tracked| !tracked.assigned;
        let first = |tracked: &Tracked| {
            let uses = tracked.uses.iter();
            let bad =
                uses.filter(|one| !(one.elsewhere && tracked.guarded)).min_by_key(|one| one.at);
            bad.map(|one| spot(one.at, &one.text, &format!("`{}`", tracked.name), tracked.kind))
        };
        self.tracked.values().filter(is_constant).filter_map(first).collect()
    }
}

/// The finding about a use.
pub(super) fn spot(at: u32, text: &str, name: &str, kind: Kind) -> Spot {
    let why = match kind {
        Kind::One("agent") => "the answer of a failed agent is null",
        Kind::One("parallel") | Kind::List("parallel") => {
            "a slot of `parallel` is null when its function failed"
        }
        Kind::One("pipeline") | Kind::List("pipeline") => {
            "an item of `pipeline` is null when one of its stages failed"
        }
        Kind::One("catch") => "its `.catch()` turns a failure into null",
        Kind::One(_) | Kind::List(_) => "each item may be null",
    };
    let hint = match kind {
        Kind::One("agent" | "catch") => format!("test {name} first, or write `?.`"),
        _ => "write `.filter(Boolean)` before it, or `?.`".to_owned(),
    };
    let message = format!("`{text}` is used without a test for null: {why}");
    Spot::new(&rules::UNGUARDED_NULL, at, message, hint)
}
