//! A run in one row, as a fold over its journal.
//!
//! Owns: the data for a list of runs, and for sums over runs. Never: whether a process
//! holds the run now, which a journal does not say.

use serde::{Deserialize, Serialize};

use crate::details::Details;
use crate::dollars;
use crate::ids::RunId;
use crate::journal::Entry;
use crate::report::{NoHead, RunState, TokenUsage};
use crate::step::StepKind;

/// Version of the text form. A summary of another version is computed again.
const SUMMARY_FORMAT: u32 = 4;

const DAY_US: i64 = 24 * 3_600 * 1_000_000;

/// A run in one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    format: u32,
    /// `meta.name` of its script.
    pub name: String,
    /// The run that it is a fork of.
    pub parent: Option<RunId>,
    /// The folder in which its agents work.
    pub cwd: String,
    /// When it was created, in microseconds since 1970.
    pub created_at_us: i64,
    /// Time of its last entry.
    pub updated_at_us: i64,
    /// Its state if no process holds it.
    pub state: RunState,
    /// Number of epochs.
    #[serde(rename = "attempts")]
    pub epochs: u32,
    /// Number of its steps.
    pub steps: u64,
    /// Number of agent steps among them.
    pub agents: u64,
    /// Agents, tokens and dollars, by provider, model and day.
    pub spent: Vec<DailySpend>,
}

/// Spend of one model of one provider on one day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DailySpend {
    /// Provider that answered.
    pub provider: String,
    /// Model that answered, if it is known.
    pub model: Option<String>,
    /// The day (UTC), in days since 1970.
    pub day: i64,
    /// Agent steps that were answered or failed.
    pub agents: u64,
    /// Their tokens.
    pub tokens: TokenUsage,
    /// Their dollars, as far as providers named them.
    pub cost_usd: f64,
}

impl Summary {
    /// The summary of this journal.
    ///
    /// # Errors
    /// When the journal does not begin with its head.
    pub fn fold(entries: &[Entry]) -> Result<Self, NoHead> {
        let details = Details::fold(entries, false)?;
        let last = entries.last().ok_or(NoHead)?;
        let is_agent = |kind| kind == StepKind::Agent;
        Ok(Self {
            format: SUMMARY_FORMAT,
            name: details.head.name.clone(),
            parent: details.head.parent.as_ref().map(|parent| parent.run.clone()),
            cwd: details.cwd.to_owned(),
            created_at_us: details.created_at_us,
            updated_at_us: details.updated_at_us,
            state: RunState::after(&last.body, false),
            epochs: details.epochs.last().map_or(0, |epoch| epoch.number),
            steps: details.steps.len() as u64,
            agents: details.steps.iter().filter(|step| is_agent(step.kind)).count() as u64,
            spent: spent(&details),
        })
    }

    /// The text form, which the store keeps beside the journal.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the text form; none when another version wrote it.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let read: Self = serde_json::from_str(text).ok()?;
        (read.format == SUMMARY_FORMAT).then_some(read)
    }

    /// All tokens.
    #[must_use]
    pub fn tokens(&self) -> TokenUsage {
        let mut total = TokenUsage::default();
        for spent in &self.spent {
            total += spent.tokens;
        }
        total
    }

    /// All dollars, as far as they are known.
    #[must_use]
    pub fn cost_usd(&self) -> f64 {
        dollars::sum(self.spent.iter().map(|spent| spent.cost_usd))
    }
}

fn spent(details: &Details<'_>) -> Vec<DailySpend> {
    let mut rows: Vec<DailySpend> = Vec::new();
    for spent in &details.spent {
        let Some(provider) = spent.provider else { continue };
        let day = spent.at_us.div_euclid(DAY_US);
        let same = |row: &DailySpend| {
            row.day == day && row.provider == provider && row.model.as_deref() == spent.model
        };
        let index = rows.iter().position(same).unwrap_or_else(|| {
            rows.push(DailySpend {
                provider: provider.to_owned(),
                model: spent.model.map(str::to_owned),
                day,
                agents: 0,
                tokens: TokenUsage::default(),
                cost_usd: 0.0,
            });
            rows.len() - 1
        });
        let row = &mut rows[index];
        row.agents += spent.agents;
        row.tokens += spent.tokens;
        dollars::add(&mut row.cost_usd, spent.cost_usd.unwrap_or(0.0));
    }
    rows
}
