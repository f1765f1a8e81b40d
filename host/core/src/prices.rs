//! What tokens cost, where a provider does not say what a call did.
//!
//! Owns: the table of list prices, its version, and the sum of a call. Never:
//! guesses: a model that is not in the table has no price.

use serde::{Deserialize, Serialize};

use crate::call::Usage;

/// The table that comes with the program.
const BUILT_IN: &str = include_str!("prices.json");

/// Most models in a table: some hundred are on sale.
const MODELS_MAX: usize = 10_000;

/// Prices by model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceTable {
    /// What a report names it by.
    pub version: String,
    /// Whatever a person should know of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Earlier ones win.
    pub models: Vec<Price>,
}

/// Several tables; what an earlier one says wins.
#[derive(Debug, Clone, PartialEq)]
pub struct Prices(Vec<PriceTable>);

impl Default for Prices {
    fn default() -> Self {
        Self(vec![PriceTable::built_in()])
    }
}

impl Prices {
    /// With a table that wins over those so far.
    #[must_use]
    pub fn with(mut self, table: PriceTable) -> Self {
        self.0.insert(0, table);
        self
    }

    /// What so many tokens of this model cost, in dollars, and the version of
    /// the table that says so.
    #[must_use]
    pub fn cost(&self, model: &str, usage: Usage) -> Option<(f64, &str)> {
        self.0.iter().find_map(|table| Some((table.cost(model, usage)?, table.version.as_str())))
    }
}

/// What the tokens of one model cost, in dollars per million.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Price {
    /// The model's id, without a date and without the name of a vendor before
    /// a slash.
    pub model: String,
    /// Tokens read.
    pub input: f64,
    /// Tokens read out of the model's cache; the same as others when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<f64>,
    /// Tokens written into the model's cache; the same as others when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<f64>,
    /// Tokens written.
    pub output: f64,
}

/// A text that is no table of prices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "these are no prices: {0}; a table reads {{\"version\": \"…\", \"models\": [{{\"model\": \"…\", \"input\": 3, \"output\": 15}}]}}, in dollars per million tokens"
)]
pub struct PriceError(pub String);

impl PriceTable {
    /// The one that comes with the program.
    #[must_use]
    pub fn built_in() -> Self {
        // A test reads it; if it could not be read, nothing would have a price.
        Self::parse(BUILT_IN).unwrap_or_else(|_| Self {
            version: "none".to_owned(),
            note: None,
            models: Vec::new(),
        })
    }

    /// Reads a table.
    ///
    /// # Errors
    /// When it has another form, or a price that is no price.
    pub fn parse(json: &str) -> Result<Self, PriceError> {
        let table: Self =
            serde_json::from_str(json).map_err(|error| PriceError(error.to_string()))?;
        if table.models.len() > MODELS_MAX {
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

    /// What so many tokens of this model cost, in dollars.
    #[must_use]
    pub fn cost(&self, model: &str, usage: Usage) -> Option<f64> {
        let price = self.models.iter().find(|price| is_model(model, &price.model))?;
        let cached = usage.cache_read_tokens.saturating_add(usage.cache_write_tokens);
        let plain = usage.input_tokens.saturating_sub(cached);
        let parts = [
            (plain, price.input),
            (usage.cache_read_tokens, price.cache_read.unwrap_or(price.input)),
            (usage.cache_write_tokens, price.cache_write.unwrap_or(price.input)),
            (usage.output_tokens, price.output),
        ];
        #[expect(clippy::cast_precision_loss, reason = "no call has 2^53 tokens")]
        let sum = parts.into_iter().map(|(tokens, each)| tokens as f64 * each).sum::<f64>();
        Some(sum / 1e6)
    }
}

/// Whether a provider's name of a model means this one: the same id, with a
/// vendor before a slash or a date or a variant behind it. `x-4-1` is not `x-4`.
fn is_model(named: &str, id: &str) -> bool {
    let bare = named.rsplit('/').next().unwrap_or(named);
    let Some(rest) = bare.strip_prefix(id) else { return false };
    let is_date = |text: &str| {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        digits == 8 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    };
    rest.is_empty()
        || rest.starts_with(['@', '[', ':'])
        || rest == "-latest"
        || rest.strip_prefix('-').is_some_and(is_date)
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
        ] {
            assert!(is_model(named, "x-4"), "{named}");
        }
        for named in ["x-4-1", "x-45", "x-4-mini", "x-4-1-20250805", "y"] {
            assert!(!is_model(named, "x-4"), "{named}");
        }
        assert_eq!(PriceTable::built_in().cost("unknown-model", Usage::default()), None);
    }

    #[test]
    fn what_is_no_price_is_refused() {
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
