//! A schema as a graph that can be costed: what is tried on what.
//!
//! Owns: the graph and its static bounds. A schema is refused here when
//! compiling it, or descending into it, would not be bounded. Never: looks at
//! an answer; [`super::effort`] does.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::pattern;
use super::refs::{Place, Refs, inner, references};

/// Most schemas when every reference is written out in full. The library
/// compiles some of them anew for each path that leads there; ten thousand is
/// already far beyond anything written by hand.
const EXPANDED_MAX: u64 = 100_000;

/// The same for a schema that says `unevaluated…`: the library compiles those
/// in time that is quadratic or worse in what they look through. Ten thousand
/// took 3 s, this many take 25 ms.
const EXPANDED_UNEVALUATED_MAX: u64 = 1_000;

/// Most references and combinators in a row on one and the same value: each is
/// a few frames of the native stack while an answer is checked.
const CHAIN_MAX: u32 = 64;

/// Most states of all patterns together: about 60 ms to compile.
const PATTERN_STATES_MAX: u64 = 40_000;

/// One schema of the graph: what it costs by itself and whom it asks.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Work on any value.
    pub(super) fixed: u64,
    /// More work on an object.
    pub(super) on_object: u64,
    /// More work for every byte of a string, in eighths.
    pub(super) on_byte: u64,
    /// Compares all items of an array with each other.
    pub(super) unique: bool,
    /// Asks again what the schemas on the same value have looked at.
    pub(super) unevaluated: bool,
    /// On the same value.
    pub(super) same: Vec<usize>,
    /// On the same value, and again when errors are collected.
    pub(super) choices: Vec<usize>,
    /// By property name.
    pub(super) properties: HashMap<String, usize>,
    /// On all properties, after a match that costs so much a byte.
    pub(super) patterns: Vec<(u64, usize)>,
    /// On properties that are not in `properties`.
    pub(super) others: Vec<usize>,
    /// On property names.
    pub(super) names: Vec<usize>,
    /// On leading items, in order.
    pub(super) prefix: Vec<usize>,
    /// On every item.
    pub(super) items: Vec<usize>,
}

impl Node {
    fn on_same_value(&self) -> impl Iterator<Item = usize> {
        self.same.iter().chain(&self.choices).copied()
    }

    fn all(&self) -> impl Iterator<Item = usize> {
        let lists =
            [&self.same, &self.choices, &self.others, &self.names, &self.prefix, &self.items];
        lists
            .into_iter()
            .flatten()
            .copied()
            .chain(self.properties.values().copied())
            .chain(self.patterns.iter().map(|(_, node)| *node))
    }
}

/// The graph; node 0 is the whole schema.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// All schemas that can be reached.
    pub(super) nodes: Vec<Node>,
}

impl Plan {
    /// Draws the graph and refuses what is not bounded, in words for people.
    pub(super) fn of(schema: &Value) -> Result<Self, String> {
        let refs = Refs::new(schema)?;
        let mut drawing =
            Drawing { index: HashMap::new(), waiting: Vec::new(), states: HashMap::new() };
        let mut plan = Self::default();
        drawing.number(schema);
        let mut next = 0;
        while let Some(schema) = drawing.waiting.get(next).copied() {
            plan.nodes.push(drawing.node(schema, &refs)?);
            next += 1;
        }
        let states: u64 = drawing.states.values().copied().fold(0, u64::saturating_add);
        if states > PATTERN_STATES_MAX {
            return Err(format!(
                "its patterns need {states} states, and {PATTERN_STATES_MAX} is the most"
            ));
        }
        plan.refuse_endless()?;
        plan.refuse_explosion()?;
        Ok(plan)
    }

    fn refuse_endless(&self) -> Result<(), String> {
        let chain = self.fold(
            |node| node.on_same_value().collect(),
            |inner| inner.iter().max().map_or(1, |longest| longest.saturating_add(1)),
        );
        match chain {
            None => Err("it refers to itself without going into the answer".to_owned()),
            Some(lengths) if lengths.iter().any(|length| *length > u64::from(CHAIN_MAX)) => {
                Err(format!("more than {CHAIN_MAX} references follow each other on one value"))
            }
            Some(_) => Ok(()),
        }
    }

    fn refuse_explosion(&self) -> Result<(), String> {
        // A reference back into what is being expanded counts once: it is not expanded again.
        let sizes = self.fold_cyclic(
            |node| node.all().collect(),
            |inner| inner.iter().fold(1, |sum, size| sum.saturating_add(*size)),
        );
        let unevaluated = self.nodes.iter().any(|node| node.unevaluated);
        let (most, given) = if unevaluated {
            (EXPANDED_UNEVALUATED_MAX, ", as many as `unevaluated…` may look through")
        } else {
            (EXPANDED_MAX, "")
        };
        if sizes.0.first().is_some_and(|size| *size > most) {
            return Err(format!(
                "it has more than {most} schemas once its references are followed{given}"
            ));
        }
        Ok(())
    }

    fn fold(&self, edges: fn(&Node) -> Vec<usize>, combine: fn(&[u64]) -> u64) -> Option<Vec<u64>> {
        let (values, cyclic) = self.fold_cyclic(edges, combine);
        (!cyclic).then_some(values)
    }

    /// Values from the leaves up, each node once. An edge into a node that is
    /// still open counts 1 and is reported. Kept off the native stack: the
    /// graph may be thousands of nodes deep.
    fn fold_cyclic(
        &self,
        edges: fn(&Node) -> Vec<usize>,
        combine: fn(&[u64]) -> u64,
    ) -> (Vec<u64>, bool) {
        const OPEN: u64 = 0;
        let mut values: Vec<Option<u64>> = vec![None; self.nodes.len()];
        let mut cyclic = false;
        for start in 0..self.nodes.len() {
            let mut stack = vec![(start, false)];
            while let Some((at, leaving)) = stack.pop() {
                let inner = edges(&self.nodes[at]);
                if leaving {
                    let known: Vec<u64> =
                        inner.iter().map(|node| values[*node].unwrap_or(1).max(1)).collect();
                    cyclic |= inner.iter().any(|node| values[*node] == Some(OPEN));
                    values[at] = Some(combine(&known));
                } else if values[at].is_none() {
                    values[at] = Some(OPEN);
                    stack.push((at, true));
                    let fresh = inner.into_iter().filter(|node| values[*node].is_none());
                    stack.extend(fresh.map(|node| (node, false)));
                }
            }
        }
        (values.into_iter().map(|value| value.unwrap_or(1)).collect(), cyclic)
    }
}

struct Drawing<'a> {
    /// Number of a schema, by its address: the same schema is one node, however it is reached.
    index: HashMap<usize, usize>,
    /// Every schema that has a number, in order.
    waiting: Vec<&'a Value>,
    /// States of every pattern seen.
    states: HashMap<&'a str, u64>,
}

impl<'a> Drawing<'a> {
    fn number(&mut self, schema: &'a Value) -> usize {
        let fresh = self.waiting.len();
        let number = *self.index.entry(std::ptr::from_ref(schema).addr()).or_insert(fresh);
        if number == fresh {
            self.waiting.push(schema);
        }
        number
    }

    fn node(&mut self, schema: &'a Value, refs: &Refs<'a>) -> Result<Node, String> {
        let mut node = Node { fixed: 1, ..Node::default() };
        let Value::Object(keywords) = schema else {
            return Ok(node);
        };
        self.cost(keywords, &mut node)?;
        for reference in references(keywords) {
            let target = refs.resolve(reference)?;
            node.same.push(self.number(target));
        }
        for (place, one) in inner(schema) {
            if place == Place::Definition {
                continue;
            }
            let number = self.number(one);
            match place {
                Place::Same => node.same.push(number),
                Place::Choice => node.choices.push(number),
                Place::Property(name) => {
                    node.properties.insert(name.to_owned(), number);
                }
                Place::Pattern(text) => node.patterns.push((self.pattern(text)?.work, number)),
                Place::OtherProperties => node.others.push(number),
                Place::Names => node.names.push(number),
                Place::Prefix => node.prefix.push(number),
                Place::Items => node.items.push(number),
                Place::Definition => {}
            }
        }
        Ok(node)
    }

    fn cost(&mut self, keywords: &'a Map<String, Value>, node: &mut Node) -> Result<(), String> {
        for (keyword, value) in keywords {
            node.fixed += 1;
            match (keyword.as_str(), value) {
                ("enum", Value::Array(list)) => {
                    // Longer lists of texts are hashed by the library.
                    const SCANNED_MAX: u64 = 16;
                    let all_text = list.iter().all(Value::is_string);
                    let size = list.iter().map(size).sum();
                    node.fixed += if all_text { SCANNED_MAX.min(size) } else { size };
                    node.on_byte += 2;
                }
                ("const", value) => {
                    node.fixed += size(value);
                    node.on_byte += 2;
                }
                ("pattern", Value::String(text)) => node.on_byte += self.pattern(text)?.work,
                (
                    "format" | "minLength" | "maxLength" | "contentMediaType" | "contentEncoding",
                    _,
                ) => {
                    node.on_byte += 8;
                }
                ("required", Value::Array(list)) => node.on_object += list.len() as u64,
                ("properties", Value::Object(map)) => node.on_object += map.len() as u64,
                ("dependentRequired" | "dependencies" | "dependentSchemas", value) => {
                    node.on_object += size(value);
                }
                ("uniqueItems", Value::Bool(true)) => node.unique = true,
                ("unevaluatedProperties" | "unevaluatedItems", _) => node.unevaluated = true,
                _ => {}
            }
        }
        Ok(())
    }

    fn pattern(&mut self, text: &'a str) -> Result<pattern::Weight, String> {
        let weight = pattern::weigh(text)?;
        self.states.insert(text, weight.states);
        Ok(weight)
    }
}

/// Values within a value, itself included.
fn size(value: &Value) -> u64 {
    1 + match value {
        Value::Array(list) => list.iter().map(size).sum(),
        Value::Object(map) => map.values().map(size).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_does_not_end_or_explodes_is_refused() {
        let mut defs = Map::new();
        for level in 0..26 {
            let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
            defs.insert(format!("d{level}"), json!({"allOf": [next, next]}));
        }
        defs.insert("d26".into(), json!({"type": "string"}));
        let bomb = json!({"$defs": defs, "$ref": "#/$defs/d0"});
        let error = Plan::of(&bomb).unwrap_err();
        assert!(error.contains("100000"), "{error}");
        for endless in [
            json!({"$ref": "#"}),
            json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}),
            json!({"anyOf": [{"type": "null"}, {"not": {"$ref": "#"}}]}),
            json!({"dependentSchemas": {"a": {"$ref": "#"}}}),
            json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
        ] {
            let error = Plan::of(&endless).unwrap_err();
            assert!(error.contains("refers to itself"), "{endless}: {error}");
        }
    }

    #[test]
    fn recursion_that_goes_into_the_answer_is_fine() {
        let tree = json!({"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}, "items": {"$ref": "#"}});
        assert_eq!(Plan::of(&tree).unwrap().nodes.len(), 4);
    }

    #[test]
    fn a_long_chain_is_refused() {
        let mut defs = Map::new();
        for level in 0..200 {
            defs.insert(format!("d{level}"), json!({"$ref": format!("#/$defs/d{}", level + 1)}));
        }
        defs.insert("d200".into(), json!(true));
        let error = Plan::of(&json!({"$defs": defs, "$ref": "#/$defs/d0"})).unwrap_err();
        assert!(error.contains("follow each other"), "{error}");
    }
}
