//! Prices of tokens, for providers that do not report the cost of a step.
//!
//! Owns: the table of list prices, its version, and the cost of a step. Never: guesses:
//! a model that is not in the table has no price.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::step_request::Usage;

/// The table that comes with the program.
const BUILT_IN: &str = include_str!("prices.json");

/// Most models in a table: a few hundred are on sale.
const MODELS_MAX: usize = 10_000;

/// Prices by model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceTable {
    /// Its name in reports.
    pub version: String,
    /// A remark for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Names of families, and the model that each stands for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, String>,
    /// Prices by model; the first that matches a name wins.
    pub models: Vec<Price>,
}

/// Several tables; the first with a price for a model wins.
#[derive(Debug, Clone, PartialEq)]
pub struct Prices(Vec<PriceTable>);

impl Default for Prices {
    fn default() -> Self {
        Self(vec![PriceTable::built_in()])
    }
}

impl Prices {
    /// Adds a table that wins over those so far.
    #[must_use]
    pub fn with(mut self, table: PriceTable) -> Self {
        self.0.insert(0, table);
        self
    }

    /// The cost of these tokens of this model, in dollars, and the version of the table
    /// with its price; none if no table has it.
    #[must_use]
    pub fn cost(&self, model: &str, usage: Usage) -> Option<(f64, &str)> {
        // A family's name stands for the same model in every table.
        let stands_for = self.0.iter().find_map(|table| table.stands_for(model));
        self.0.iter().find_map(|table| {
            let cost = table.cost(model, usage);
            let cost = cost.or_else(|| table.cost(stands_for?, usage))?;
            Some((cost, table.version.as_str()))
        })
    }
}

/// Prices of one model's tokens, in dollars per million.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Price {
    /// The model's id, without a date and without the name of a vendor before
    /// a slash.
    pub model: String,
    /// Tokens read.
    pub input: f64,
    /// Tokens read from the model's cache; without it, the price of `input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<f64>,
    /// Tokens written to the model's cache; without it, the price of `input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<f64>,
    /// Tokens written.
    pub output: f64,
}

/// A text that is not a table of prices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "these are not prices: {0}; a table reads {{\"version\": \"…\", \"models\": [{{\"model\": \"…\", \"input\": 3, \"output\": 15}}]}}, in dollars per million tokens"
)]
pub struct PriceError(pub String);

impl PriceTable {
    /// The table that comes with the program.
    #[must_use]
    pub fn built_in() -> Self {
        // A test parses it, so the fallback, in which nothing has a price, is unused.
        Self::parse(BUILT_IN).unwrap_or_else(|_| Self {
            version: "none".to_owned(),
            note: None,
            aliases: BTreeMap::new(),
            models: Vec::new(),
        })
    }

    /// Reads a table from JSON text.
    ///
    /// # Errors
    /// When it has another form, too many models, or an invalid price.
    pub fn parse(json: &str) -> Result<Self, PriceError> {
        let table: Self =
            serde_json::from_str(json).map_err(|error| PriceError(error.to_string()))?;
        if table.models.len() > MODELS_MAX || table.aliases.len() > MODELS_MAX {
            return Err(PriceError(format!("there are more than {MODELS_MAX}")));
        }
        for price in &table.models {
            let all = [Some(price.input), price.cache_read, price.cache_write, Some(price.output)];
            if all.into_iter().flatten().any(|one| !(one.is_finite() && one >= 0.0)) {
                return Err(PriceError(format!("`{}` has a price below nothing", price.model)));
            }
        }
        Ok(table)
    }

    /// The price of a model, or of the model that a family's name stands for. People
    /// write family names; agents report the model itself.
    fn price(&self, model: &str) -> Option<&Price> {
        let model = self.stands_for(model).unwrap_or(model);
        self.models.iter().find(|price| is_model(model, &price.model))
    }

    fn stands_for(&self, model: &str) -> Option<&str> {
        let named = self.aliases.iter().find(|(alias, _)| is_model(model, alias));
        named.map(|(_, model)| model.as_str())
    }

    /// The cost of these tokens of this model, in dollars; none if the table has no
    /// price for it.
    #[must_use]
    pub fn cost(&self, model: &str, usage: Usage) -> Option<f64> {
        let price = self.price(model)?;
        let cached = usage.cache_read_tokens.saturating_add(usage.cache_write_tokens);
        let plain = usage.input_tokens.saturating_sub(cached);
        let parts = [
            (plain, price.input),
            (usage.cache_read_tokens, price.cache_read.unwrap_or(price.input)),
            (usage.cache_write_tokens, price.cache_write.unwrap_or(price.input)),
            (usage.output_tokens, price.output),
        ];
        #[expect(clippy::cast_precision_loss, reason = "no step has 2^53 tokens")]
        let sum = parts.into_iter().map(|(tokens, each)| tokens as f64 * each).sum::<f64>();
        Some(sum / 1e6)
    }
}

/// Vendors whose name a cloud puts before the model's.
const VENDORS: [&str; 1] = ["anthropic."];

/// Whether `named`, a provider's name of a model, means the model `id`. It may have a
/// vendor before the id, and a date, a variant or a cloud's version after it. `x-4-1` is
/// not `x-4`; `x-4.1` is `x-4-1`, as some resellers write it.
fn is_model(named: &str, id: &str) -> bool {
    let bare = named.rsplit('/').next().unwrap_or(named);
    let bare = VENDORS.iter().find_map(|vendor| Some(bare.split_once(vendor)?.1)).unwrap_or(bare);
    let dashed = bare.replace('.', "-");
    let rest = bare.strip_prefix(id).or_else(|| dashed.strip_prefix(id));
    rest.is_some_and(|rest| {
        let dated = rest.strip_prefix('-').and_then(behind_date).unwrap_or(rest);
        dated.is_empty()
            || dated.starts_with(['@', '[', ':'])
            || rest == "-latest"
            || dated.strip_prefix("-v").is_some_and(is_version)
    })
}

/// The text after a date, `20250514` or `2025-05-14`; none if there is no date.
fn behind_date(text: &str) -> Option<&str> {
    [8, 10].into_iter().find_map(|length| {
        let (date, rest) = text.split_at_checked(length)?;
        let digits = date.bytes().filter(u8::is_ascii_digit).count();
        let is_date = digits == 8 && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        is_date.then_some(rest)
    })
}

/// Whether this is a cloud's version, such as `1` or `1:0`.
fn is_version(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_reads_and_names_each_model_once() {
        let table = PriceTable::parse(BUILT_IN).unwrap();
        assert!(!table.version.is_empty() && table.models.len() > 10);
        for price in &table.models {
            let same = table.models.iter().filter(|other| other.model == price.model).count();
            assert_eq!(same, 1, "{}", price.model);
        }
    }

    #[test]
    fn cached_tokens_have_their_own_price() {
        let usage = Usage {
            input_tokens: 1_000_000,
            output_tokens: 100_000,
            cache_read_tokens: 600_000,
            cache_write_tokens: 200_000,
        };
        let cost = PriceTable::built_in().cost("claude-sonnet-4-5-20250929", usage).unwrap();
        let expected = 0.2 * 3.0 + 0.6 * 0.3 + 0.2 * 3.75 + 0.1 * 15.0;
        assert!((cost - expected).abs() < 1e-9, "{cost}");
    }

    #[test]
    fn a_model_is_known_by_its_id_and_not_by_its_beginning() {
        for named in [
            "x-4",
            "vendor/x-4",
            "x-4-20250514",
            "x-4-2025-05-14",
            "x-4[1m]",
            "x-4@1",
            "x-4-latest",
            "us.anthropic.x-4-20250514-v1:0",
            "anthropic.x-4-v1",
        ] {
            assert!(is_model(named, "x-4"), "{named}");
        }
        for named in ["x-4-1", "x-4.1", "x-45", "x-4-mini", "x-4-1-20250805", "x-4-vision", "y"] {
            assert!(!is_model(named, "x-4"), "{named}");
        }
        assert!(is_model("vendor/x-4.1", "x-4-1"));
        assert_eq!(PriceTable::built_in().cost("unknown-model", Usage::default()), None);
    }

    #[test]
    fn a_family_name_has_the_price_of_its_model() {
        let table = PriceTable::built_in();
        let usage = Usage { input_tokens: 1_000_000, output_tokens: 1_000_000, ..Usage::default() };
        for (family, model) in &table.aliases {
            assert!(table.cost(model, usage).is_some(), "{model}");
            assert_eq!(table.cost(family, usage), table.cost(model, usage), "{family}");
        }
        assert_eq!(table.cost("sonnet[1m]", usage), table.cost("sonnet", usage));
        // A user's price of the model holds for the family name as well.
        let own =
            r#"{"version":"own","models":[{"model":"claude-opus-5-5","input":1,"output":1}]}"#;
        let prices = Prices::default().with(PriceTable::parse(own).unwrap());
        assert_eq!(prices.cost("opus", usage), Some((2.0, "own")));
        // A user's own name for a model is not a family.
        assert_eq!(table.cost("opus-mine", usage), None);
    }

    #[test]
    fn models_on_sale_have_a_price() {
        let usage = Usage { input_tokens: 1_000, output_tokens: 1_000, ..Usage::default() };
        for model in [
            "claude-opus-4-5",
            "claude-sonnet-4-5-20250929",
            "claude-haiku-4-5",
            "github-copilot/claude-opus-4.5",
            "us.anthropic.claude-opus-4-5-20251101-v1:0",
            "claude-opus-5-5",
            "openai/gpt-5.5",
            "gpt-5.5-2026-04-23",
            "gpt-5.3-codex",
        ] {
            assert!(PriceTable::built_in().cost(model, usage).is_some(), "{model}");
        }
    }

    #[test]
    fn an_invalid_table_is_refused() {
        for wrong in [
            "",
            "[]",
            r#"{"version":"v"}"#,
            r#"{"version":"v","models":[{"model":"m","input":-1,"output":1}]}"#,
            r#"{"version":"v","models":[{"model":"m","input":1,"output":1,"cached":1}]}"#,
        ] {
            assert!(PriceTable::parse(wrong).is_err(), "{wrong}");
        }
    }
}
