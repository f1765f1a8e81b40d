//! Documents of commands in few words.
//!
//! Owns: the text of lists, findings and plans, and which fields of a plan a model is
//! given. Never: a document.

use serde_json::{Map, Value, json};

use super::bounds::{self, Entries};
use crate::humanize::{count, plural};
use crate::{sanitize, shell};

/// Fields of a plan that a model is given; the prompts of all steps are not among them.
const PLAN_FIELDS: [&str; 12] = [
    "name",
    "agents",
    "atOnce",
    "estimate",
    "cost",
    "providers",
    "models",
    "children",
    "completed",
    "error",
    "phases",
    "asks",
];

/// Most entries of a list in a plan.
const LISTED_MAX: usize = 50;

/// Most characters of a description or a message.
const DESCRIPTION_CHARS_MAX: usize = 300;

/// The workflows of a folder, a line each, and notes.
pub(super) fn list(workflows: &[Value], notes: &[Option<String>]) -> String {
    let mut lines: Vec<String> = workflows.iter().map(line).collect();
    if lines.is_empty() {
        lines.push("there is no workflow here".to_owned());
    }
    lines.extend(notes.iter().flatten().cloned());
    lines.join("\n")
}

fn line(row: &Value) -> String {
    let text = |key: &str| sanitize::one_line(row[key].as_str().unwrap_or_default());
    let said = match &row["error"]["message"] {
        Value::String(error) => format!("cannot be started: {}", sanitize::one_line(error)),
        _ => text("description"),
    };
    let hidden = match &row["hiddenBy"] {
        Value::String(other) => format!(" (hidden by {})", sanitize::one_line(other)),
        _ => String::new(),
    };
    let said = sanitize::cut(&said, DESCRIPTION_CHARS_MAX);
    format!("{} ({}){hidden}: {said}", text("name"), text("origin"))
}

/// What `check` has found, a line each.
pub(super) fn findings(found: &Value, note: Option<String>) -> String {
    let each = found["findings"].as_array().into_iter().flatten().map(|finding| {
        let text = |key: &str| sanitize::one_line(finding[key].as_str().unwrap_or_default());
        let (line, column) = (&finding["line"], &finding["column"]);
        let hint = match text("hint") {
            none if none.is_empty() => none,
            hint => format!("\n  {hint}"),
        };
        format!(
            "{}:{line}:{column}: {}: {} [{}]{hint}",
            text("file"),
            text("severity"),
            text("message"),
            text("rule")
        )
    });
    let number = |key: &str| found[key].as_u64().unwrap_or_default();
    let mut lines: Vec<String> = each.collect();
    lines.push(format!("errors: {}, warnings: {}", number("errors"), number("warnings")));
    lines.extend(note);
    lines.join("\n")
}

/// A plan of this script without its prompts.
pub(super) fn lean_plan(plan: &Value, script: &str) -> Value {
    let (mut lean, mut is_cut) = (Map::new(), false);
    for name in PLAN_FIELDS {
        let Some(value) = plan.get(name) else { continue };
        let value = match value {
            Value::Array(list) => cut_list(list.iter().cloned(), &mut is_cut),
            other => {
                let mut value = other.clone();
                is_cut |= bounds::entry(&mut value);
                value
            }
        };
        lean.insert(name.to_owned(), value);
    }
    let refused = plan["calls"].as_array().into_iter().flatten().filter_map(|step| {
        let refused = step.get("refused")?;
        Some(json!({ "step": step["step"], "title": step["title"], "refused": refused }))
    });
    match cut_list(refused, &mut is_cut) {
        Value::Array(none) if none.is_empty() => {}
        refused => drop(lean.insert("refused".to_owned(), refused)),
    }
    if is_cut {
        let command = format!("smol-wf plan {} --json", shell::word(script));
        lean.insert("whole".to_owned(), bounds::whole_is_in(&command).into());
    }
    lean.into()
}

fn cut_list(list: impl Iterator<Item = Value>, is_cut: &mut bool) -> Value {
    let entries = Entries::of(list, LISTED_MAX);
    *is_cut |= !entries.is_whole();
    entries.listed.into()
}

/// A plan in one sentence, and its warnings and refusals in lines.
pub(super) fn plan(plan: &Value) -> String {
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let agents = usize::try_from(number(&plan["agents"])).unwrap_or(usize::MAX);
    let mut text = format!(
        "{}: plan: {}, at most {} at once, {}",
        said(plan["name"].as_str().unwrap_or_default()),
        plural(agents, "agent"),
        number(&plan["atOnce"]),
        cost(&plan["cost"], number(&plan["agents"])),
    );
    let tokens = |key: &str| count(number(&plan["estimate"][key]));
    text.push_str(&format!(
        "; tokens: {} to {} read, {} to {} written",
        tokens("inputLow"),
        tokens("inputHigh"),
        tokens("outputLow"),
        tokens("outputHigh")
    ));
    if let Some(error) = plan["error"]["message"].as_str() {
        text.push_str(&format!("; with made-up answers it stopped: {}", said(error)));
    }
    let refused = plan["calls"].as_array().into_iter().flatten().filter_map(|step| {
        let message = step["refused"]["message"].as_str()?;
        Some(format!("\na run refuses step {}: {}", step["step"], said(message)))
    });
    text.extend(refused.take(LISTED_MAX));
    let warnings = plan["warnings"].as_array().into_iter().flatten();
    let warnings = warnings.filter_map(|warning| warning["message"].as_str());
    text.extend(warnings.take(LISTED_MAX).map(|one| format!("\nwarning: {}", said(one))));
    text
}

/// A message on one line, cut.
fn said(message: &str) -> String {
    sanitize::cut(&sanitize::one_line(message), DESCRIPTION_CHARS_MAX)
}

/// What it costs, as far as list prices tell.
fn cost(cost: &Value, agents: u64) -> String {
    let dollars = |key: &str| cost[key].as_f64().unwrap_or_default();
    let unpriced = cost["unpriced"].as_u64().unwrap_or_default();
    let range = format!("${:.2} to ${:.2}", dollars("lowUsd"), dollars("highUsd"));
    match unpriced {
        0 => format!("cost {range} at list prices"),
        all if all == agents && cost["unnamed"] == all => {
            "cost unknown: the agents name no model".to_owned()
        }
        all if all == agents => "cost unknown: the models have no list price".to_owned(),
        some => format!("cost {range} at list prices, without {some} agents of unknown price"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_names_agents_and_cost_and_no_prompts() {
        let whole = json!({
            "name": "review", "agents": 2, "atOnce": 2,
            "cost": { "lowUsd": 0.1, "highUsd": 1.25, "unpriced": 0 },
            "estimate": { "inputLow": 10, "inputHigh": 2000, "outputLow": 1, "outputHigh": 30 },
            "calls": [{ "step": 1, "title": "a", "prompt": "long" }],
            "warnings": [{ "message": "careful" }],
        });
        assert_eq!(
            plan(&whole),
            "review: plan: 2 agents, at most 2 at once, cost $0.10 to $1.25 at list prices; \
             tokens: 10 to 2,000 read, 1 to 30 written\nwarning: careful"
        );
        assert!(!lean_plan(&whole, "review").to_string().contains("long"));
        let mut many = whole.clone();
        many["models"] = json!(vec!["m"; LISTED_MAX + 1]);
        let lean = lean_plan(&many, "a b.mjs");
        assert_eq!(lean["models"].as_array().map(Vec::len), Some(LISTED_MAX));
        assert!(lean["whole"].as_str().unwrap().contains("smol-wf plan 'a b.mjs' --json"));
        let of = |unnamed: u64| cost(&json!({ "unpriced": 2, "unnamed": unnamed }), 2);
        assert_eq!(of(0), "cost unknown: the models have no list price");
        assert_eq!(of(2), "cost unknown: the agents name no model");
    }
}
