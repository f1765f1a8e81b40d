//! The budget that bounds the spend of a run.
//!
//! Owns: the text form of a budget, the spend so far, and whether one more agent may
//! begin. Never: the script's `budget`, which counts output tokens and refuses nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cut;
use crate::reply::Reply;

/// Output tokens reserved for a step before the first has answered: a page or two of
/// text.
const RESERVED_TOKENS: u64 = 4_000;

/// Millionths of a dollar reserved for a step before the first has answered.
const RESERVED_MICROS: u64 = 250_000;

/// The largest budget: a billion dollars or tokens, in the unit of the field.
const ALLOWANCE_MAX: f64 = 1e9;

/// An amount of dollars or of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Allowance {
    /// Millionths of a dollar.
    UsdMicros(u64),
    /// Output tokens.
    OutputTokens(u64),
}

/// The setting of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetSetting {
    /// No bound.
    Unlimited,
    /// This amount.
    AtMost(Allowance),
}

/// The text form of [`BudgetSetting::Unlimited`].
const UNLIMITED: &str = "none";

/// What happens to agents at work when the budget is spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetMode {
    /// They finish; then the run pauses.
    #[default]
    Pause,
    /// They are stopped at once.
    Stop,
}

/// How much a run may spend, and what happens then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// The amount.
    pub allowance: Allowance,
    /// What happens to agents at work.
    #[serde(default)]
    pub mode: BudgetMode,
}

/// A text that is not a budget.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid budget `{0}`: expected dollars such as $5 or $0.50, output tokens such as 200k or 1.5M, or none"
)]
pub struct AllowanceError(pub String);

impl Allowance {
    /// Reads `$5`, `$0.50`, `200000`, `200k`, `1.5M`.
    ///
    /// # Errors
    /// When it has another form, or the amount is 0 or more than a billion.
    pub fn parse(text: &str) -> Result<Self, AllowanceError> {
        let wrong = || AllowanceError(cut::head_chars(text, 40).to_owned());
        let (number, factor, dollars) = match text.strip_prefix('$') {
            Some(number) => (number, 1.0, true),
            None => match text.as_bytes().last() {
                Some(b'k') => (&text[..text.len() - 1], 1e3, false),
                Some(b'M') => (&text[..text.len() - 1], 1e6, false),
                _ => (text, 1.0, false),
            },
        };
        let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let amount = number.parse::<f64>().ok().filter(|_| plain).ok_or_else(wrong)? * factor;
        if !(amount > 0.0 && amount <= ALLOWANCE_MAX) {
            return Err(wrong());
        }
        let units = if dollars { micros(amount) } else { whole(amount) };
        if units == 0 {
            return Err(wrong());
        }
        Ok(if dollars { Self::UsdMicros(units) } else { Self::OutputTokens(units) })
    }

    /// Whether this is less than another; none when their units differ.
    #[must_use]
    pub fn is_less_than(self, other: Self) -> Option<bool> {
        match (self, other) {
            (Self::UsdMicros(one), Self::UsdMicros(two))
            | (Self::OutputTokens(one), Self::OutputTokens(two)) => Some(one < two),
            _ => None,
        }
    }

    /// A budget to continue with after `spent`: this one doubled until it is more. Both
    /// must have the same unit.
    #[must_use]
    pub fn raised_over(self, spent: Self) -> Self {
        let raised = |limit: u64, spent: u64| {
            let mut raised = limit.saturating_mul(2).max(1);
            while raised <= spent && raised < u64::MAX {
                raised = raised.saturating_mul(2);
            }
            raised
        };
        match (self, spent) {
            (Self::UsdMicros(limit), Self::UsdMicros(spent)) => {
                Self::UsdMicros(raised(limit, spent))
            }
            (Self::OutputTokens(limit), Self::OutputTokens(spent)) => {
                Self::OutputTokens(raised(limit, spent))
            }
            (other, _) => other,
        }
    }

    /// The amount with its unit; the text form of tokens, as in `--budget`, has none.
    #[must_use]
    pub fn in_words(self) -> String {
        match self {
            Self::UsdMicros(_) => self.to_string(),
            Self::OutputTokens(_) => format!("{self} output tokens"),
        }
    }
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UsdMicros(micros) => {
                // Always cents, and smaller digits if there are any.
                let (cents, below) = (micros / 10_000 % 100, micros % 10_000);
                let below = if below == 0 { String::new() } else { format!("{below:04}") };
                write!(f, "${}.{cents:02}{}", micros / 1_000_000, below.trim_end_matches('0'))
            }
            Self::OutputTokens(tokens) => write!(f, "{tokens}"),
        }
    }
}

impl BudgetSetting {
    /// Reads `none`, or a text for [`Allowance::parse`].
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, AllowanceError> {
        if text == UNLIMITED {
            return Ok(Self::Unlimited);
        }
        Allowance::parse(text).map(Self::AtMost)
    }

    /// The amount; none if there is no bound.
    #[must_use]
    pub fn allowance(self) -> Option<Allowance> {
        match self {
            Self::Unlimited => None,
            Self::AtMost(allowance) => Some(allowance),
        }
    }
}

impl fmt::Display for BudgetSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str(UNLIMITED),
            Self::AtMost(allowance) => allowance.fmt(f),
        }
    }
}

/// Whether one more agent may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// It may begin.
    Free,
    /// It must wait until an agent at work has ended: what those may need is reserved.
    Later,
    /// No agent may begin any more: the budget is spent.
    Spent,
    /// No agent may begin: the spend in dollars is unknown.
    Unpriced,
    /// No agent may begin: the spend in tokens is unknown.
    Unmetered,
}

/// The spend of a run's agents, also for answers that are not yet delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ledger {
    tokens: u64,
    micros: u64,
    /// Steps whose cost is unknown.
    unpriced: u32,
    /// Steps whose tokens are unknown.
    unmetered: u32,
    steps: u32,
    largest_tokens: u64,
    largest_micros: u64,
}

impl Ledger {
    /// Counts a step that was answered, failed or was parked. A reused answer has spent
    /// nothing.
    pub fn count(&mut self, reply: &Reply) {
        if reply.reused.is_some() {
            return;
        }
        let (tokens, cost) = (reply.usage.output_tokens, reply.cost_usd.map_or(0, micros));
        self.steps = self.steps.saturating_add(1);
        self.tokens = self.tokens.saturating_add(tokens);
        self.micros = self.micros.saturating_add(cost);
        self.largest_tokens = self.largest_tokens.max(tokens);
        self.largest_micros = self.largest_micros.max(cost);
        self.unpriced = self.unpriced.saturating_add(reply.is_unpriced().into());
        self.unmetered = self.unmetered.saturating_add(reply.unmetered.into());
    }

    /// The spend so far, in the unit of this allowance.
    #[must_use]
    pub fn spent(&self, of: Allowance) -> Allowance {
        match of {
            Allowance::UsdMicros(_) => Allowance::UsdMicros(self.micros),
            Allowance::OutputTokens(_) => Allowance::OutputTokens(self.tokens),
        }
    }

    /// Number of steps whose cost is unknown.
    #[must_use]
    pub fn unpriced(&self) -> u32 {
        self.unpriced
    }

    /// Number of steps whose tokens are unknown.
    #[must_use]
    pub fn unmetered(&self) -> u32 {
        self.unmetered
    }

    /// Whether another agent may begin while `at_work` agents are at work. Each of those
    /// has as much reserved as the largest step so far has used. So only the last one to
    /// begin can exceed the budget, unless a step uses more than all before it.
    #[must_use]
    pub fn room(&self, allowance: Allowance, at_work: usize) -> Room {
        let (limit, spent, each) = match allowance {
            Allowance::UsdMicros(_) if self.unpriced > 0 => return Room::Unpriced,
            Allowance::OutputTokens(_) if self.unmetered > 0 => return Room::Unmetered,
            Allowance::UsdMicros(limit) => {
                (limit, self.micros, self.each(self.largest_micros, RESERVED_MICROS))
            }
            Allowance::OutputTokens(limit) => {
                (limit, self.tokens, self.each(self.largest_tokens, RESERVED_TOKENS))
            }
        };
        if spent >= limit {
            return Room::Spent;
        }
        let reserved = each.saturating_mul(at_work as u64);
        if spent.saturating_add(reserved) < limit { Room::Free } else { Room::Later }
    }

    fn each(&self, largest: u64, unknown: u64) -> u64 {
        if self.steps == 0 { unknown } else { largest }
    }
}

/// Dollars to millionths, rounded up, so that spend is never understated.
fn micros(dollars: f64) -> u64 {
    // The small amount absorbs the rounding error of a price times a number of tokens.
    whole((dollars * 1e6 - 1e-6).ceil())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn whole(amount: f64) -> u64 {
    amount.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Usage;

    fn reply(output_tokens: u64, cost_usd: Option<f64>) -> Reply {
        let usage = Usage { output_tokens, ..Usage::default() };
        Reply { usage, cost_usd, ..Reply::default() }
    }

    #[test]
    fn budgets_read_as_people_write_them() {
        for (text, read, shown) in [
            ("$5", Allowance::UsdMicros(5_000_000), "$5.00"),
            ("$0.50", Allowance::UsdMicros(500_000), "$0.50"),
            ("$0.0001", Allowance::UsdMicros(100), "$0.0001"),
            ("200k", Allowance::OutputTokens(200_000), "200000"),
            ("1.5M", Allowance::OutputTokens(1_500_000), "1500000"),
            ("7", Allowance::OutputTokens(7), "7"),
        ] {
            assert_eq!(Allowance::parse(text), Ok(read), "{text}");
            assert_eq!(read.to_string(), shown);
        }
        for wrong in
            ["", "$", "$0", "0", "-1", "$-1", "5 k", "1e9", "inf", "$2000000000", "5€", "k"]
        {
            assert!(Allowance::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_agents_at_work_may_need_is_reserved() {
        let mut ledger = Ledger::default();
        let limit = Allowance::OutputTokens(10_000);
        let begun = |ledger: &Ledger| {
            (0..100).find(|at_work| ledger.room(limit, *at_work) != Room::Free).unwrap()
        };
        assert_eq!(begun(&ledger), 3, "three at a guess of 4,000");
        ledger.count(&reply(1_000, None));
        assert_eq!(begun(&ledger), 9, "nine of 1,000 are left");
        ledger.count(&reply(8_999, None));
        assert_eq!(begun(&ledger), 1, "one token is left");
        ledger.count(&reply(1, None));
        assert_eq!(ledger.room(limit, 0), Room::Spent);
    }

    #[test]
    fn a_budget_in_dollars_cannot_be_kept_when_a_cost_is_unknown() {
        let mut ledger = Ledger::default();
        let limit = Allowance::UsdMicros(1_000_000);
        ledger.count(&reply(5, Some(0.1 + 0.2)));
        assert_eq!(ledger.spent(limit), Allowance::UsdMicros(300_000));
        ledger.count(&reply(0, None));
        assert_eq!(ledger.room(limit, 0), Room::Free);
        ledger.count(&reply(5, None));
        assert_eq!(ledger.room(limit, 0), Room::Unpriced);
        assert_eq!(ledger.room(Allowance::OutputTokens(11), 0), Room::Free);
    }

    #[test]
    fn a_budget_cannot_be_kept_when_its_unit_is_not_reported() {
        let mut ledger = Ledger::default();
        ledger.count(&Reply { unmetered: true, ..reply(0, None) });
        assert_eq!(ledger.room(Allowance::OutputTokens(11), 0), Room::Unmetered);
        assert_eq!(ledger.room(Allowance::UsdMicros(11), 0), Room::Unpriced);
        // An agent may report only dollars.
        let mut ledger = Ledger::default();
        ledger.count(&Reply { unmetered: true, ..reply(0, Some(0.000_001)) });
        assert_eq!(ledger.room(Allowance::OutputTokens(11), 0), Room::Unmetered);
        assert_eq!(ledger.room(Allowance::UsdMicros(11), 0), Room::Free);
    }

    #[test]
    fn a_raised_budget_is_more_than_was_spent() {
        let tokens = Allowance::OutputTokens;
        assert_eq!(tokens(5).raised_over(tokens(500)), tokens(640));
        assert_eq!(tokens(500).raised_over(tokens(500)), tokens(1_000));
        assert_eq!(tokens(600).raised_over(tokens(700)), tokens(1_200));
        assert_eq!(tokens(1).raised_over(tokens(u64::MAX)), tokens(u64::MAX));
    }
}
