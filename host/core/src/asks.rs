//! Permissions that agents asked for, and that were refused because nobody could
//! grant them.
//!
//! Owns: how they are counted, bounded, and put into a sentence. Never: refuses one;
//! providers do, by the user's setting `asks`.

use crate::cut;
use serde::{Deserialize, Serialize};

/// Most different permissions kept of one step; the rest are counted together.
const KINDS_MAX: usize = 20;

/// Longest text of a permission, in bytes: commands may be whole scripts.
const TEXT_BYTES_MAX: usize = 400;

/// The text of those that are counted together.
const OTHERS: &str = "other things";

/// The flags that allow everything that agents ask for.
pub const ALLOW_ALL: &str = "--asks allow";

/// A permission that an agent asked for, and that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedAsk {
    /// A few words: the tool, and what it was to be used on.
    pub what: String,
    /// The line in the agent's own settings that allows exactly this, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<String>,
    /// How often it was asked for.
    pub times: u32,
    /// Whether only the agent's own rules can allow it: its program refuses without
    /// asking anybody, so [`ALLOW_ALL`] has no effect.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_rules_only: bool,
}

impl RefusedAsk {
    /// A permission that was asked for once.
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

    /// A permission that the agent's program refused by its own rules, once.
    #[must_use]
    pub fn of_its_own_rules(what: impl Into<String>, allow: String) -> Self {
        Self { own_rules_only: true, ..Self::once(what, Some(allow)) }
    }

    /// Adds a permission to those of a step; equal ones are counted together.
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

    /// A sentence for people about all permissions of a step, with what to type; none
    /// if there are none.
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
        // One rule may allow several commands.
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
    fn equal_permissions_are_counted_together_and_their_number_is_bounded() {
        let mut all = Vec::new();
        for number in 0..100 {
            RefusedAsk::once(format!("bash {}", number % 30), None).add_to(&mut all);
        }
        assert_eq!(all.len(), KINDS_MAX);
        assert_eq!(all.iter().map(|one| one.times).sum::<u32>(), 100);
        assert_eq!(all.last().map(|one| one.what.as_str()), Some(OTHERS));
    }

    #[test]
    fn the_sentence_says_what_was_refused_and_what_to_type() {
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
    fn a_permission_by_own_rules_only_is_not_offered_the_flag() {
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
