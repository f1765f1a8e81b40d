//! The cost of checking an answer against a schema, before the check.
//!
//! Owns: a walk along all paths that the library may take, with a counter. A few
//! hundred bytes of schema can require 2^60 comparisons of a nested answer, and the
//! library has no budget of its own. If the walk reaches its limit, the library does not
//! check the answer at all. Never: decides whether an answer is valid.

use serde_json::Value;

use super::pattern::Program;
use super::plan::{Node, Plan};

/// Most applications of a schema to a value between the root and a leaf: each takes a
/// few stack frames of the library. Recursive schemas on a value of 128 levels, the most
/// that the JSON parser allows, need three or four for each level.
const DEPTH_MAX: u32 = 640;

/// Steps of the backtracking matcher in the time of one step here.
pub(super) const MATCHER_STEPS_PER_STEP: u64 = 4;

/// The answer would cost more than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMuch;

/// Steps that the library may take in the worst case, up to `limit`.
pub(super) fn measure(plan: &Plan, answer: &Value, limit: u64) -> Result<u64, TooMuch> {
    let mut walk = Walk { plan, spent: 0, limit };
    walk.visit(0, answer, 1, 1)?;
    Ok(walk.spent)
}

struct Walk<'p> {
    plan: &'p Plan,
    spent: u64,
    limit: u64,
}

impl<'p> Walk<'p> {
    fn spend(&mut self, steps: u64) -> Result<(), TooMuch> {
        self.spent = self.spent.saturating_add(steps);
        if self.spent > self.limit { Err(TooMuch) } else { Ok(()) }
    }

    fn node(&self, at: usize) -> Result<&'p Node, TooMuch> {
        self.plan.nodes.get(at).ok_or(TooMuch)
    }

    /// Counts the work of one schema on one value. `weight` is how often the library
    /// repeats it: to collect the errors of an `anyOf`, it first computes the verdict, at
    /// each level anew.
    fn visit(&mut self, at: usize, value: &Value, depth: u32, weight: u64) -> Result<(), TooMuch> {
        if depth > DEPTH_MAX {
            return Err(TooMuch);
        }
        let node = self.node(at)?;
        self.spend(node.fixed.saturating_mul(weight))?;
        for inner in node.same.iter().chain(&node.dynamic) {
            self.visit(*inner, value, depth + 1, weight)?;
        }
        for inner in &node.choices {
            self.visit(*inner, value, depth + 1, weight + 1)?;
        }
        self.descend(node, value, depth, weight)?;
        if node.unevaluated {
            self.sweep(at, value, depth, weight)?;
        }
        Ok(())
    }

    fn descend(
        &mut self,
        node: &Node,
        value: &Value,
        depth: u32,
        weight: u64,
    ) -> Result<(), TooMuch> {
        match value {
            Value::String(text) => {
                self.bytes(node.on_byte, text.len(), weight)?;
                node.bounded.iter().try_for_each(|program| self.run(program, text, weight))
            }
            Value::Array(items) => {
                if node.unique {
                    self.compare(value, weight)?;
                }
                for (one, inner) in items.iter().zip(&node.prefix) {
                    self.visit(*inner, one, depth + 1, weight)?;
                }
                for inner in &node.items {
                    for one in items {
                        self.visit(*inner, one, depth + 1, weight)?;
                    }
                }
                Ok(())
            }
            Value::Object(properties) => {
                self.spend(node.on_object.saturating_mul(weight))?;
                for (name, one) in properties {
                    self.property(node, name, one, depth + 1, weight)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn property(
        &mut self,
        node: &Node,
        name: &str,
        value: &Value,
        depth: u32,
        weight: u64,
    ) -> Result<(), TooMuch> {
        match node.properties.get(name) {
            Some(inner) => self.visit(*inner, value, depth, weight)?,
            None => {
                for inner in &node.others {
                    self.spend(weight)?;
                    self.visit(*inner, value, depth, weight)?;
                }
            }
        }
        for (work, inner) in &node.patterns {
            self.bytes(*work, name.len(), weight)?;
            self.visit(*inner, value, depth, weight)?;
        }
        if !node.names.is_empty() {
            let name = Value::String(name.to_owned());
            for inner in &node.names {
                self.visit(*inner, &name, depth, weight)?;
            }
        }
        Ok(())
    }

    /// `unevaluated…` applies every schema on the same value a second time, and those
    /// inside them again. This doubles at each level, so it is walked, not estimated.
    fn sweep(&mut self, at: usize, value: &Value, depth: u32, weight: u64) -> Result<(), TooMuch> {
        let node = self.node(at)?;
        let members = match value {
            Value::Array(items) => items.len(),
            Value::Object(properties) => properties.len(),
            _ => 0,
        };
        self.spend((members as u64).saturating_add(1).saturating_mul(weight))?;
        self.descend(node, value, depth, weight)?;
        for inner in node.same.iter().chain(&node.dynamic).chain(&node.choices) {
            self.visit(*inner, value, depth + 1, weight + 1)?;
            self.sweep(*inner, value, depth + 1, weight + 1)?;
        }
        Ok(())
    }

    fn bytes(&mut self, eighths: u64, bytes: usize, weight: u64) -> Result<(), TooMuch> {
        self.spend((bytes as u64).saturating_mul(eighths).saturating_mul(weight) / 8)
    }

    /// Runs a program to count its steps, once more than the library does.
    fn run(&mut self, program: &Program, text: &str, weight: u64) -> Result<(), TooMuch> {
        let weight = weight.saturating_add(1);
        let left = (self.limit - self.spent).saturating_mul(MATCHER_STEPS_PER_STEP) / weight;
        let (_, steps) = program.is_match(text, left).map_err(|_| TooMuch)?;
        self.spend((steps / MATCHER_STEPS_PER_STEP).saturating_mul(weight))
    }

    /// Counts the work of `uniqueItems`, which compares or hashes all values within.
    fn compare(&mut self, value: &Value, weight: u64) -> Result<(), TooMuch> {
        // Short lists are compared pairwise, longer ones hashed.
        const COMPARISONS: u64 = 8;
        self.spend(COMPARISONS.saturating_mul(weight))?;
        match value {
            Value::Array(items) => items.iter().try_for_each(|one| self.compare(one, weight)),
            Value::Object(properties) => {
                properties.values().try_for_each(|one| self.compare(one, weight))
            }
            Value::String(text) => self.bytes(2, text.len(), weight),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const LIMIT: u64 = 4_000_000;

    fn steps(schema: &Value, answer: &Value) -> Result<u64, TooMuch> {
        measure(&Plan::of(schema).unwrap(), answer, LIMIT)
    }

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }))
    }

    #[test]
    fn doubling_on_a_nested_answer_is_stopped() {
        let either = json!({"properties": {"a": {"$ref": "#"}}});
        for keyword in ["anyOf", "oneOf", "allOf"] {
            let bomb = json!({ keyword: [either, either] });
            assert!(steps(&bomb, &nested(8)).is_ok(), "{keyword}");
            assert_eq!(steps(&bomb, &nested(60)), Err(TooMuch), "{keyword}");
        }
    }

    #[test]
    fn unevaluated_properties_in_each_other_are_stopped() {
        let mut bomb = json!({"properties": {"a": true}});
        for _ in 0..20 {
            bomb = json!({"allOf": [bomb], "unevaluatedProperties": false});
        }
        assert_eq!(steps(&bomb, &nested(1)), Err(TooMuch));
    }

    #[test]
    fn a_plain_answer_costs_in_proportion_to_its_size() {
        let schema = json!({"type": "array", "items": {"type": "object", "properties": {"n": {"type": "number"}}}});
        let rows = |count: usize| Value::Array(vec![json!({"n": 1}); count]);
        let (one, ten) =
            (steps(&schema, &rows(1000)).unwrap(), steps(&schema, &rows(10_000)).unwrap());
        assert!(ten < 11 * one && one < 10_000, "{one} {ten}");
    }

    #[test]
    fn the_work_of_backtracking_patterns_is_counted() {
        let schema = json!({"items": {"type": "string", "pattern": "^(?!\\s*$).+"}});
        assert!(steps(&schema, &json!(vec!["an honest answer"; 10_000])).is_ok());
        let bomb = json!({"pattern": "^(a+)+\\1b$"});
        assert_eq!(steps(&bomb, &json!("a".repeat(60))), Err(TooMuch));
    }

    #[test]
    fn long_texts_on_heavy_patterns_are_stopped() {
        let schema = json!({"pattern": "(a|b)*a(a|b){500}$"});
        assert!(steps(&schema, &json!("ab".repeat(100))).is_ok());
        assert_eq!(steps(&schema, &json!("ab".repeat(1 << 20))), Err(TooMuch));
    }
}
