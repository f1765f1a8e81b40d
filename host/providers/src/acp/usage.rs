//! Token counts, under the names that agents use.
//!
//! Owns: where they are, and whether the input includes those of the cache. Never:
//! guesses; unreported counts are none.

use serde_json::Value;
use smol_wf_core::step_request::Usage;

/// The names of one number.
type Names = &'static [&'static str];

const INPUT: Names = &["inputTokens", "input_tokens"];
const OUTPUT: Names = &["outputTokens", "output_tokens"];
const READ: Names = &["cachedReadTokens", "cachedInputTokens", "cached_input_tokens"];
const WRITE: Names = &["cachedWriteTokens", "cacheWriteInputTokens", "cache_write_tokens"];
const THOUGHT: Names = &["thoughtTokens", "reasoningOutputTokens", "thought_tokens"];
const TOTAL: Names = &["totalTokens", "total_tokens"];

/// Of a turn, from how it ended: `usage`, which the protocol has, or
/// `_meta.quota`, as Gemini and the adapters say it.
///
/// The adapter of Claude Code reports the tokens of its main loop in the former. Its rows
/// by model also have those of subagents, summaries and the title of the session, which
/// are paid for as well, so the larger of the two counts.
pub(super) fn of_turn(usage: &Value, meta: &Value) -> Option<Usage> {
    let turn = read(usage).or_else(|| read(meta.pointer("/quota/token_count")?));
    let mut by_model = Usage::default();
    for row in rows(meta).filter_map(|row| read(&row["token_count"])) {
        by_model += row;
    }
    match turn {
        Some(turn) if turn.total() >= by_model.total() => Some(turn),
        _ => (by_model.total() > 0).then_some(by_model).or(turn),
    }
}

/// The model that used most of a turn, for agents that count by model.
pub(super) fn model(meta: &Value) -> Option<&str> {
    let total = |row: &Value| read(&row["token_count"]).unwrap_or_default().total();
    // The first of equal ones.
    rows(meta).rev().max_by_key(|row| total(row))?["model"].as_str()
}

fn rows(meta: &Value) -> impl DoubleEndedIterator<Item = &Value> {
    let rows = meta.pointer("/quota/model_usage").and_then(Value::as_array);
    rows.map(Vec::as_slice).unwrap_or_default().iter()
}

/// The usage of one answer of the model, from a piece of it, in Qwen's form.
pub(super) fn of_piece(update: &Value) -> Option<Usage> {
    read(update.pointer("/_meta/usage")?)
}

/// Reads the counts. Some agents include the cache in the input, and others do not; the
/// total decides. With some, only the total includes thoughts.
fn read(tokens: &Value) -> Option<Usage> {
    tokens.as_object()?;
    let number = |names: Names| names.iter().find_map(|name| count(tokens.get(*name)?));
    let [input, output, read, write, thought] =
        [INPUT, OUTPUT, READ, WRITE, THOUGHT].map(|names| number(names).unwrap_or_default());
    let total = number(TOTAL).unwrap_or_default();
    let cached = read.saturating_add(write);
    let rest = total.saturating_sub(input.saturating_add(output));
    let is_inside = total > 0 && (rest == 0 || rest == thought || rest < cached) && cached <= input;
    let input = if is_inside { input } else { input.saturating_add(cached) };
    Some(Usage {
        input_tokens: input,
        output_tokens: output.max(total.saturating_sub(input)),
        cache_read_tokens: read,
        cache_write_tokens: write,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from a float saturates, and other values count as zero"
)]
fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().map(|number| number as u64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "as what it is compared with")]
    fn is(input: u64, output: u64, read: u64, write: u64) -> Option<Usage> {
        Some(Usage {
            input_tokens: input,
            output_tokens: output,
            cache_read_tokens: read,
            cache_write_tokens: write,
        })
    }

    #[test]
    fn each_agents_words_come_to_the_same() {
        for (who, usage, meta, comes) in [
            (
                "claude-agent-acp",
                json!({"inputTokens": 111, "outputTokens": 22, "cachedReadTokens": 33, "cachedWriteTokens": 44, "totalTokens": 210}),
                json!(null),
                is(188, 22, 33, 44),
            ),
            (
                "codex-acp",
                json!({"totalTokens": 210, "inputTokens": 155, "cachedReadTokens": 33, "cachedWriteTokens": 0, "outputTokens": 22, "thoughtTokens": 0}),
                json!(null),
                is(188, 22, 33, 0),
            ),
            (
                "copilot counts the cache in its input",
                json!({"inputTokens": 188, "outputTokens": 22, "totalTokens": 210, "cachedReadTokens": 33, "cachedWriteTokens": 0}),
                json!(null),
                is(188, 22, 33, 0),
            ),
            (
                "thoughts beside the output, the cache in the input",
                json!({"inputTokens": 188, "outputTokens": 22, "thoughtTokens": 50, "totalTokens": 260, "cachedReadTokens": 33}),
                json!(null),
                is(188, 72, 33, 0),
            ),
            (
                "gemini",
                json!(null),
                json!({"quota": {"token_count": {"input_tokens": 188, "output_tokens": 22}}}),
                is(188, 22, 0, 0),
            ),
            ("nobody", json!(null), json!({"quota": null}), None),
            (
                "nulls and floats",
                json!({"inputTokens": 5.0, "outputTokens": null, "totalTokens": null, "cachedReadTokens": -1}),
                json!(null),
                is(5, 0, 0, 0),
            ),
        ] {
            assert_eq!(of_turn(&usage, &meta), comes, "{who}");
        }
        let piece = json!({"_meta": {"usage": {"inputTokens": 188, "outputTokens": 22, "totalTokens": 210, "thoughtTokens": 0, "cachedReadTokens": 33}}});
        assert_eq!(of_piece(&piece), is(188, 22, 33, 0));
        assert_eq!(of_piece(&json!({"_meta": null})), None);
    }

    #[test]
    fn rows_by_model_count_where_they_have_more() {
        for (who, usage, meta, comes) in [
            (
                "gemini, by model alone",
                json!(null),
                json!({"quota": {"model_usage": [{"model": "m", "token_count": {"input_tokens": 188, "output_tokens": 22}}, null]}}),
                is(188, 22, 0, 0),
            ),
            (
                "claude-agent-acp, which has a small model name the session",
                json!({"inputTokens": 111, "outputTokens": 22, "cachedReadTokens": 33, "cachedWriteTokens": 44, "totalTokens": 210}),
                json!({"quota": {
                    "token_count": {"totalTokens": 210, "inputTokens": 111, "cachedInputTokens": 33, "cachedWriteTokens": 44, "outputTokens": 22},
                    "model_usage": [
                        {"model": "small", "token_count": {"totalTokens": 30, "inputTokens": 20, "cachedInputTokens": 0, "cachedWriteTokens": 0, "outputTokens": 10}},
                        {"model": "large", "token_count": {"totalTokens": 210, "inputTokens": 111, "cachedInputTokens": 33, "cachedWriteTokens": 44, "outputTokens": 22}},
                    ],
                }}),
                is(208, 32, 33, 44),
            ),
            (
                "rows that lack the turn's last step",
                json!({"inputTokens": 188, "outputTokens": 22}),
                json!({"quota": {"model_usage": [{"model": "m", "token_count": {"inputTokens": 100, "outputTokens": 2}}]}}),
                is(188, 22, 0, 0),
            ),
            ("nobody, by no model", json!(null), json!({"quota": {"model_usage": [{}]}}), None),
        ] {
            assert_eq!(of_turn(&usage, &meta), comes, "{who}");
        }
    }

    #[test]
    fn the_model_is_the_one_that_did_most() {
        let row = |model: &str, count: u64| json!({"model": model, "token_count": {"inputTokens": count}});
        for (rows, is) in [
            (json!([row("small", 20), row("large", 200)]), Some("large")),
            (json!([row("first", 20), row("second", 20)]), Some("first")),
            (json!([{"model": "alone"}]), Some("alone")),
            (json!([]), None),
            (json!(null), None),
        ] {
            assert_eq!(model(&json!({"quota": {"model_usage": rows}})), is);
        }
    }
}
