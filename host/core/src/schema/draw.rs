//! Builds the graph of a schema.
//!
//! Owns: one node for each reachable schema, and the cost of each by itself. Never:
//! leaves out a reference that the library may follow, or follows others.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::applicators::{Applicator, inner};
use super::document::{Document, Identity, Site};
use super::pattern::{self, Weight};
use super::plan::{Node, Programs};

/// Most states of all patterns together: about 150 ms to compile.
const PATTERN_STATES_MAX: u64 = 100_000;

/// Most edges of references by a dynamic name.
const DYNAMIC_MAX: usize = 20_000;

/// The name under which schemas with `$recursiveAnchor` are kept. No
/// `$dynamicAnchor` can have this name, because it has a space.
const RECURSIVE: &str = "recursive anchor";

pub(super) struct Drawing<'d> {
    nodes: Vec<Node>,
    /// Number of each schema. A schema is one node, however it is reached.
    index: HashMap<Identity, usize>,
    /// Every schema that has a number, by number; those without a node are still to
    /// be drawn.
    numbered: Vec<Site<'d>>,
    /// Numbers of the documents, by base.
    documents: HashMap<String, usize>,
    /// The author's own schemas, by address.
    own: HashSet<usize>,
    /// Schemas with a dynamic name.
    anchors: Vec<(&'d str, Site<'d>)>,
    /// Nodes with a reference by a dynamic name.
    by_name: Vec<(usize, &'d str)>,
    /// Every pattern seen.
    patterns: HashMap<&'d str, Weight>,
    /// States of all patterns.
    states: u64,
}

impl Drawing<'_> {
    /// The nodes, of which the first is the whole schema, and the programs of the
    /// patterns that the library does not match.
    ///
    /// # Errors
    /// For people, when the schema is invalid or exceeds a bound.
    pub(super) fn of(schema: &Value) -> Result<(Vec<Node>, Programs), String> {
        let document = Document::of(schema)?;
        let mut drawing = Drawing {
            nodes: Vec::new(),
            index: HashMap::new(),
            numbered: Vec::new(),
            documents: HashMap::new(),
            own: HashSet::new(),
            anchors: Vec::new(),
            by_name: Vec::new(),
            patterns: HashMap::new(),
            states: 0,
        };
        let root = document.root()?;
        drawing.read_names(root.clone())?;
        drawing.number(root);
        loop {
            drawing.draw_numbered()?;
            if !drawing.link_dynamic()? {
                break;
            }
        }
        let programs = drawing
            .patterns
            .into_iter()
            .filter_map(|(text, weight)| Some((Arc::from(text), weight.program?)))
            .collect();
        Ok((drawing.nodes, programs))
    }
}

impl<'d> Drawing<'d> {
    /// Collects the dynamic names of all the author's schemas, also of unreachable ones.
    fn read_names(&mut self, root: Site<'d>) -> Result<(), String> {
        let mut waiting = vec![root];
        while let Some(site) = waiting.pop() {
            self.own.insert(std::ptr::from_ref(site.schema).addr());
            self.read_name(&site);
            for (_, one) in inner(site.schema) {
                waiting.push(site.within(one)?);
            }
        }
        Ok(())
    }

    fn read_name(&mut self, site: &Site<'d>) {
        if let Some(name) = site.text("$dynamicAnchor") {
            self.anchors.push((name, site.clone()));
        }
        if site.schema.get("$recursiveAnchor") == Some(&Value::Bool(true)) {
            self.anchors.push((RECURSIVE, site.clone()));
        }
    }

    fn number(&mut self, site: Site<'d>) -> usize {
        let fresh = self.numbered.len();
        let number = *self.index.entry(site.identity()).or_insert(fresh);
        if number == fresh {
            self.numbered.push(site);
        }
        number
    }

    /// Draws the schemas that have a number but no node yet.
    fn draw_numbered(&mut self) -> Result<(), String> {
        while let Some(site) = self.numbered.get(self.nodes.len()).cloned() {
            let node = self.node(&site)?;
            self.nodes.push(node);
        }
        Ok(())
    }

    /// Adds edges for references by a dynamic name, which may lead to any schema with
    /// that name. Returns whether this reached new schemas.
    fn link_dynamic(&mut self) -> Result<bool, String> {
        let before = self.numbered.len();
        let mut edges = 0;
        for (at, name) in self.by_name.clone() {
            let named: Vec<Site<'d>> = self
                .anchors
                .iter()
                .filter(|(known, _)| *known == name)
                .map(|(_, site)| site.clone())
                .collect();
            edges += named.len();
            if edges > DYNAMIC_MAX {
                return Err(format!(
                    "its references by `$dynamicAnchor` lead to more than {DYNAMIC_MAX} places"
                ));
            }
            for site in named {
                let target = self.number(site);
                let node = &mut self.nodes[at];
                if !node.refs.contains(&target) && !node.dynamic.contains(&target) {
                    node.dynamic.push(target);
                }
            }
        }
        Ok(self.numbered.len() > before)
    }

    fn node(&mut self, site: &Site<'d>) -> Result<Node, String> {
        let mut node = Node { fixed: 1, ..Node::default() };
        let fresh = self.documents.len();
        let base = site.identity().1;
        node.document = *self.documents.entry(base.as_str().to_owned()).or_insert(fresh);
        node.foreign = !self.own.contains(&std::ptr::from_ref(site.schema).addr());
        let Value::Object(keywords) = site.schema else {
            return Ok(node);
        };
        if node.foreign {
            self.read_name(site);
        }
        self.cost(keywords, &mut node)?;
        for (keyword, reference) in site.references() {
            let target = site.lookup(reference)?;
            let named = target.text("$dynamicAnchor");
            let by_name = named.filter(|_| reference.ends_with(named.unwrap_or_default()));
            let recursive = (keyword == "$recursiveRef").then_some(RECURSIVE);
            if let Some(name) = by_name.or(recursive) {
                self.by_name.push((self.nodes.len(), name));
            }
            let target = self.number(target);
            node.same.push(target);
            node.refs.push(target);
        }
        for (place, one) in site.inner() {
            if place == Applicator::Definition {
                continue;
            }
            let number = self.number(site.within(one)?);
            match place {
                Applicator::Same => node.same.push(number),
                Applicator::Choice => node.choices.push(number),
                Applicator::Property(name) => {
                    node.properties.insert(name.to_owned(), number);
                }
                Applicator::Pattern(text) => {
                    let weight = self.pattern(text)?;
                    if weight.program.is_some() {
                        let key = pattern::shown(text);
                        return Err(format!(
                            "the key `{key}` of `patternProperties` has look-around, a back-reference or many of `\\c`, which only `pattern` may have"
                        ));
                    }
                    node.patterns.push((weight.work, number));
                }
                Applicator::OtherProperties => node.others.push(number),
                Applicator::Names => node.names.push(number),
                Applicator::Prefix => node.prefix.push(number),
                Applicator::Items => node.items.push(number),
                Applicator::Definition => {}
            }
        }
        Ok(node)
    }

    fn cost(&mut self, keywords: &'d Map<String, Value>, node: &mut Node) -> Result<(), String> {
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
                ("pattern", Value::String(text)) => {
                    let weight = self.pattern(text)?;
                    node.on_byte += weight.work;
                    node.bounded.extend(weight.program);
                }
                ("minLength" | "maxLength", _) => node.on_byte += 1,
                ("format" | "contentMediaType" | "contentEncoding", _) => node.on_byte += 8,
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

    fn pattern(&mut self, text: &'d str) -> Result<Weight, String> {
        if let Some(weight) = self.patterns.get(text) {
            return Ok(weight.clone());
        }
        let weight = pattern::weigh(text)?;
        self.states = self.states.saturating_add(weight.states);
        if self.states > PATTERN_STATES_MAX {
            return Err(format!(
                "its patterns need {} states, and {PATTERN_STATES_MAX} is the most",
                self.states
            ));
        }
        self.patterns.insert(text, weight.clone());
        Ok(weight)
    }
}

/// Number of values within a value, itself included.
fn size(value: &Value) -> u64 {
    1 + match value {
        Value::Array(list) => list.iter().map(size).sum(),
        Value::Object(map) => map.values().map(size).sum(),
        _ => 0,
    }
}
