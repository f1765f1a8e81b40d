//! A schema as a graph, for computing its cost: which schema applies to which value.
//!
//! Owns: the graph and its static bounds. A schema is refused here when compiling it,
//! or descending into it, would be unbounded. Never: looks at an answer;
//! [`super::effort`] does.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::draw::Drawing;
use super::pattern::Program;

/// Most schemas when every reference is expanded. The library compiles some of them
/// anew for each path that leads there. Ten thousand is already far beyond anything
/// written by hand.
const EXPANDED_MAX: u64 = 100_000;

/// The same for a schema with `unevaluated…`: the library's compile time is quadratic
/// or worse in the number of schemas below one. Ten thousand took 3 s, this many take
/// 25 ms.
const EXPANDED_UNEVALUATED_MAX: u64 = 1_000;

/// Most references and combinators in a row on the same value: each takes a few
/// frames of the native stack while an answer is checked.
const CHAIN_MAX: u32 = 64;

/// One schema of the graph: its own cost, and the schemas that it refers to.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Work on any value.
    pub(super) fixed: u64,
    /// More work on an object.
    pub(super) on_object: u64,
    /// More work for every byte of a string, in eighths.
    pub(super) on_byte: u64,
    /// Patterns whose work is counted while they are matched.
    pub(super) bounded: Vec<Arc<Program>>,
    /// Whether it compares all items of an array with each other.
    pub(super) unique: bool,
    /// Whether it evaluates the schemas on the same value a second time.
    pub(super) unevaluated: bool,
    /// Schemas on the same value.
    pub(super) same: Vec<usize>,
    /// Those of `same` that a reference leads to.
    pub(super) refs: Vec<usize>,
    /// Schemas on the same value that a reference by a dynamic name may lead to.
    pub(super) dynamic: Vec<usize>,
    /// Schemas on the same value that are tried again when errors are collected.
    pub(super) choices: Vec<usize>,
    /// Schemas by property name.
    pub(super) properties: HashMap<String, usize>,
    /// Schemas on properties that match a pattern, with the work of matching one byte.
    pub(super) patterns: Vec<(u64, usize)>,
    /// Schemas on properties that are not in `properties`.
    pub(super) others: Vec<usize>,
    /// Schemas on property names.
    pub(super) names: Vec<usize>,
    /// Schemas on leading items, in order.
    pub(super) prefix: Vec<usize>,
    /// Schemas on every item.
    pub(super) items: Vec<usize>,
    /// Number of the document that contains it.
    pub(super) document: usize,
    /// Whether it is part of a draft's own schema.
    pub(super) foreign: bool,
}

impl Node {
    fn on_same_value(&self) -> impl Iterator<Item = usize> {
        self.same.iter().chain(&self.choices).copied()
    }

    fn referred(&self) -> impl Iterator<Item = usize> {
        self.refs.iter().chain(&self.dynamic).copied()
    }

    fn all(&self) -> impl Iterator<Item = usize> {
        let (on_value, in_value) =
            ([&self.same, &self.dynamic, &self.choices], [&self.others, &self.names, &self.prefix]);
        let lists = on_value.into_iter().chain(in_value).chain([&self.items]);
        lists
            .into_iter()
            .flatten()
            .copied()
            .chain(self.properties.values().copied())
            .chain(self.patterns.iter().map(|(_, node)| *node))
    }
}

/// Programs by the texts of their patterns, each text once.
pub(super) type Programs = HashMap<Arc<str>, Arc<Program>>;

/// The graph; node 0 is the whole schema.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// All reachable schemas.
    pub(super) nodes: Vec<Node>,
    /// Programs of the patterns that the library does not match.
    pub(super) programs: Arc<Programs>,
}

impl Plan {
    /// Builds the graph.
    ///
    /// # Errors
    /// For people, when the schema is invalid or its cost is unbounded.
    pub(super) fn of(schema: &Value) -> Result<Self, String> {
        let (nodes, programs) = Drawing::of(schema)?;
        let plan = Self { nodes, programs: Arc::new(programs) };
        plan.refuse_endless()?;
        plan.refuse_explosion()?;
        plan.refuse_scopes()?;
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
        // A reference back to a schema that is being expanded counts 1: it is not
        // expanded again.
        let sizes = self.fold_cyclic(
            |node| node.all().collect(),
            |inner| inner.iter().fold(1, |sum, size| sum.saturating_add(*size)),
        );
        let (most, given) = self.expanded_max();
        if sizes.0.first().is_some_and(|size| *size > most) {
            return Err(expands(most, given));
        }
        Ok(())
    }

    fn expanded_max(&self) -> (u64, &'static str) {
        if self.nodes.iter().any(|node| node.unevaluated && !node.foreign) {
            (EXPANDED_UNEVALUATED_MAX, ", as many as `unevaluated…` may look through")
        } else {
            (EXPANDED_MAX, "")
        }
    }

    /// The library compiles the target of a reference anew for each dynamic scope, and
    /// there is a scope for each path through the documents. This takes the same paths
    /// and counts.
    fn refuse_scopes(&self) -> Result<(), String> {
        if self.nodes.iter().all(|node| node.document == 0) {
            return Ok(());
        }
        let (most, given) = self.expanded_max();
        let mut scopes = Scopes::default();
        let (mut compiled, mut under_way, mut count) = (HashSet::new(), HashSet::new(), 0);
        let mut stack = vec![Compile::Part(0, Scopes::EMPTY)];
        while let Some(next) = stack.pop() {
            let (at, scope) = match next {
                Compile::Done(at) => {
                    under_way.remove(&at);
                    continue;
                }
                Compile::Target(at, scope) => {
                    if under_way.contains(&at) || !compiled.insert((at, scope)) {
                        continue;
                    }
                    under_way.insert(at);
                    stack.push(Compile::Done(at));
                    (at, scope)
                }
                Compile::Part(at, scope) => (at, scope),
            };
            count += 1;
            if count > most {
                return Err(expands(most, given));
            }
            let node = &self.nodes[at];
            let parts = node.all().filter(|inner| !node.referred().any(|target| target == *inner));
            stack.extend(parts.map(|inner| Compile::Part(inner, scope)));
            for target in node.referred() {
                let leaves = self.nodes[target].document != node.document;
                let entered = if leaves || scope == Scopes::EMPTY {
                    scopes.within(scope, node.document)
                } else {
                    scope
                };
                stack.push(Compile::Target(target, entered));
            }
        }
        Ok(())
    }

    fn fold(&self, edges: fn(&Node) -> Vec<usize>, combine: fn(&[u64]) -> u64) -> Option<Vec<u64>> {
        let (values, cyclic) = self.fold_cyclic(edges, combine);
        (!cyclic).then_some(values)
    }

    /// Computes a value for each node, from the leaves up. An edge to a node that is
    /// still open counts 1, and makes the second result true. Iterative, because the
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
                let mut inner = edges(&self.nodes[at]);
                // A draft's own schemas are known to end.
                inner.retain(|node| !self.nodes[*node].foreign);
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

/// A schema to compile: its node and its dynamic scope.
enum Compile {
    /// A schema within one that is compiled.
    Part(usize, usize),
    /// The target of a reference.
    Target(usize, usize),
    /// The end of a target.
    Done(usize),
}

/// Dynamic scopes: numbers for sequences of documents that a path has entered.
#[derive(Default)]
struct Scopes {
    known: HashMap<(usize, usize), usize>,
}

impl Scopes {
    const EMPTY: usize = 0;

    fn within(&mut self, scope: usize, document: usize) -> usize {
        let fresh = self.known.len() + 1;
        *self.known.entry((scope, document)).or_insert(fresh)
    }
}

fn expands(most: u64, given: &str) -> String {
    format!("it has more than {most} schemas once its references are followed{given}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, json};

    #[test]
    fn an_endless_or_exploding_schema_is_refused() {
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
    fn documents_that_refer_to_each_other_are_counted_once_for_each_path() {
        let documents = |count: usize| {
            let refs = |at: usize| {
                let others = (0..count).filter(move |other| *other != at);
                let properties = others.map(|other| {
                    (format!("p{other}"), json!({"$ref": format!("https://x.test/d{other}")}))
                });
                Value::Object(properties.collect())
            };
            let defs = (0..count).map(|at| {
                let own = json!({"$id": format!("https://x.test/d{at}"), "properties": refs(at)});
                (format!("d{at}"), own)
            });
            json!({"$defs": Value::Object(defs.collect()), "$ref": "https://x.test/d0"})
        };
        assert!(Plan::of(&documents(4)).is_ok());
        let error = Plan::of(&documents(12)).unwrap_err();
        assert!(error.contains("once its references are followed"), "{error}");
    }

    #[test]
    fn the_schemas_of_the_drafts_are_fine() {
        for draft in [
            "http://json-schema.org/draft-07/schema#",
            "https://json-schema.org/draft/2019-09/schema",
            "https://json-schema.org/draft/2020-12/schema",
        ] {
            let several: Vec<Value> = (0..20).map(|_| json!({ "$ref": draft })).collect();
            let schema = json!({"properties": {"a": {"$ref": draft}}, "prefixItems": several});
            assert!(Plan::of(&schema).is_ok(), "{draft}: {:?}", Plan::of(&schema).err());
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
