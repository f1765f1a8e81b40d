//! Permissions that agents asked for, and that were refused because nobody could
//! grant them.
//!
//! Owns: how they are counted, cut to a bound, and put into a sentence. Never: decides; the
//! providers do, as the user's setting `asks` says.

use crate::cut;
use serde::{Deserialize, Serialize};

/// Different things that are kept of one call; more of them are counted as one.
const KINDS_MAX: usize = 20;

/// Longest text of one, in bytes: commands may be whole scripts.
const TEXT_BYTES_MAX: usize = 400;

/// What stands for those that are not kept one by one.
const OTHERS: &str = "other things";

/// What allows everything that is asked for.
pub const ALLOW_ALL: &str = "--asks allow";

/// A permission that an agent asked for, and that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedAsk {
    /// What, in a few words: a tool, and what it was to be used on.
    pub what: String,
    /// What allows just this, as it is written into the agent's own settings;
    /// none where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<String>,
    /// How often.
    pub times: u32,
    /// The agent's own rules alone can allow it: its program refuses before anybody
    /// could be asked, so [`ALLOW_ALL`] does not reach it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_rules_only: bool,
}

impl RefusedAsk {
    /// Asked for once.
    #[must_use]
    pub fn once(what: impl Into<String>, allow: Option<String>) -> Self {
        let allow = allow.filter(|line| line.len() <= TEXT_BYTES_MAX);
        Self {
            what: cut::marked(what.into(), TEXT_BYTES_MAX),
            allow,
            times: 1,
            own_rules_only: false,
        }
    }

    /// Asked for once, of a program that answers no by itself.
    #[must_use]
    pub fn of_its_own_rules(what: impl Into<String>, allow: String) -> Self {
        Self { own_rules_only: true, ..Self::once(what, Some(allow)) }
    }

    /// Adds one to those of a call, the same ones together.
    pub fn add_to(self, all: &mut Vec<Self>) {
        let is_full = all.len() >= KINDS_MAX;
        let same = all.iter_mut().find(|one| one.what == self.what);
        match (same, is_full) {
            (Some(same), _) => same.times = same.times.saturating_add(self.times),
            (None, false) => all.push(self),
            (None, true) => {
                if let Some(last) = all.last_mut() {
                    last.times = last.times.saturating_add(self.times);
                    OTHERS.clone_into(&mut last.what);
                    last.allow = None;
                    last.own_rules_only &= self.own_rules_only;
                }
            }
        }
    }

    /// A sentence for people about all of a call's, with what to type; none when
    /// there are none.
    #[must_use]
    pub fn sentence(all: &[Self]) -> Option<String> {
        if all.is_empty() {
            return None;
        }
        let whats: Vec<String> = all
            .iter()
            .map(|one| match one.times {
                1 => one.what.clone(),
                times => format!("{} ({times} times)", one.what),
            })
            .collect();
        let mut lines: Vec<&str> = all.iter().filter_map(|one| one.allow.as_deref()).collect();
        // Many commands may wait for one rule.
        lines.dedup();
        let rules = lines.join("; ");
        let how = match (rules.as_str(), all.iter().all(|one| one.own_rules_only)) {
            ("", _) => ALLOW_ALL.to_owned(),
            (rules, true) => rules.to_owned(),
            (rules, false) => format!("{rules}, or {ALLOW_ALL}"),
        };
        let whats = whats.join(", ");
        Some(format!(
            "it asked for leave, which nobody was there to give: {whats}. To allow it: {how}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_are_counted_together_and_there_are_never_too_many() {
        let mut all = Vec::new();
        for number in 0..100 {
            RefusedAsk::once(format!("bash {}", number % 30), None).add_to(&mut all);
        }
        assert_eq!(all.len(), KINDS_MAX);
        assert_eq!(all.iter().map(|one| one.times).sum::<u32>(), 100);
        assert_eq!(all.last().map(|one| one.what.as_str()), Some(OTHERS));
    }

    #[test]
    fn people_are_told_what_and_what_to_type() {
        assert_eq!(RefusedAsk::sentence(&[]), None);
        let mut all = Vec::new();
        for _ in 0..2 {
            RefusedAsk::once("read .env", Some("`a` in b".into())).add_to(&mut all);
        }
        RefusedAsk::once("x".repeat(5_000), Some("y".repeat(5_000))).add_to(&mut all);
        let said = RefusedAsk::sentence(&all).unwrap();
        assert!(said.contains("read .env (2 times), xxx"), "{said}");
        assert!(said.ends_with("To allow it: `a` in b, or --asks allow"), "{said}");
        assert!(said.len() < 1_000, "{}", said.len());
    }

    #[test]
    fn what_only_its_own_rules_allow_is_not_said_to_be_allowed_otherwise() {
        let mut all = Vec::new();
        for command in ["shell a", "shell b"] {
            RefusedAsk::of_its_own_rules(command, "a rule".into()).add_to(&mut all);
        }
        let said = RefusedAsk::sentence(&all).unwrap();
        assert!(said.ends_with("shell a, shell b. To allow it: a rule"), "{said}");
        RefusedAsk::once("read .env", None).add_to(&mut all);
        assert!(RefusedAsk::sentence(&all).unwrap().ends_with("a rule, or --asks allow"));
        let kept = serde_json::to_value(&all).unwrap();
        assert_eq!(kept[0]["ownRulesOnly"], true);
        assert_eq!(kept[2].get("ownRulesOnly"), None);
    }
}
