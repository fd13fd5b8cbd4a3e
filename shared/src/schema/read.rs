//! Reads a schema's JSON into nodes. What a keyword may say is what the meta-schema of 2020-12 says
//! of it; keywords that are unknown are ignored, as the specification has it.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Number, Value};

use super::equality;
use super::limits::{
    MAX_COMPILED_BYTES, MAX_NESTING, MAX_NODES, MAX_PATTERN_BYTES, MAX_PATTERN_TEXT, MAX_PATTERNS,
};
use super::node::{
    Check, Choices, Condition, Constant, Contains, Elements, Members, Node, NodeId, PatternId,
    Types,
};
use super::number::Amount;
use super::pattern::{Pattern, PatternFault};
use super::places::{Place, Places, Target};
use super::size::{Graph, Size};
use crate::problem::{Problem, child, note};

/// What `$schema` may say.
pub const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Characters of a value of the schema that a problem shows.
const MAX_SHOWN: usize = 200;

/// A schema that was read. The first node is the whole of it.
pub struct Read {
    pub nodes: Vec<Node>,
    pub patterns: Vec<Pattern>,
    pub dynamic: HashMap<Box<str>, Vec<NodeId>>,
    /// Bytes of all of it.
    pub bytes: usize,
}

/// Reads a schema.
///
/// # Errors
/// What is wrong with it, with pointers into it.
pub fn read(schema: &Value) -> Result<Read, Vec<Problem>> {
    let mut reader = Reader::new(schema);
    let mut nodes = Vec::new();
    // References may lead to places that only then are known to be schemas.
    while nodes.len() < reader.places.len() {
        let id = NodeId(u32::try_from(nodes.len()).unwrap_or(u32::MAX));
        nodes.push(reader.node(id));
    }
    reader.finish(nodes)
}

struct Reader<'a> {
    places: Places<'a>,
    patterns: Patterns<'a>,
    problems: Vec<Problem>,
}

/// Patterns, each compiled once.
#[derive(Default)]
struct Patterns<'a> {
    compiled: Vec<Pattern>,
    known: HashMap<&'a str, PatternId>,
    text: usize,
    bytes: usize,
    /// One was too large: no more are compiled, since each costs up to the limit.
    too_large: bool,
}

impl<'a> Reader<'a> {
    fn new(schema: &'a Value) -> Self {
        let mut problems = Vec::new();
        let places = Places::find(schema, &mut problems);
        Self { places, patterns: Patterns::default(), problems }
    }

    fn finish(mut self, nodes: Vec<Node>) -> Result<Read, Vec<Problem>> {
        let bytes = self.patterns.bytes + nodes.iter().map(Node::bytes).sum::<usize>();
        for (used, max, what, remedy) in [
            (self.patterns.known.len(), MAX_PATTERNS, "patterns", "use fewer, or enum"),
            (
                self.patterns.text,
                MAX_PATTERN_TEXT,
                "bytes of patterns",
                "use shorter ones, or enum",
            ),
            (
                bytes,
                MAX_COMPILED_BYTES,
                "bytes when compiled",
                "use fewer or shorter patterns, enumerations and constants",
            ),
        ] {
            if used > max {
                note(&mut self.problems, || over(used, max, what, remedy));
            }
        }
        let dynamic = self.places.dynamic_anchors();
        self.measure(&Graph { nodes: &nodes, dynamic: &dynamic });
        if self.problems.is_empty() {
            Ok(Read { nodes, patterns: self.patterns.compiled, dynamic, bytes })
        } else {
            Err(self.problems)
        }
    }

    /// Follows the references.
    fn measure(&mut self, graph: &Graph<'_>) {
        if let Some(endless) = graph.endless() {
            let places = &self.places;
            note(&mut self.problems, || {
                let detail =
                    "leads back to itself without going into the data, and would never end";
                Problem::new(places.pointer(endless), detail)
            });
        }
        let Size { nodes, nesting } = graph.size(NodeId(0));
        if nodes > MAX_NODES {
            let what = "schemas when its references are followed";
            let remedy = "refer to large schemas from fewer places, or leave parts of it open";
            note(&mut self.problems, || over(nodes, MAX_NODES, what, remedy));
        }
        if nesting > MAX_NESTING {
            let what = "schemas inside one another when its references are followed";
            note(&mut self.problems, || over(nesting, MAX_NESTING, what, "nest it less deeply"));
        }
    }

    /// Notes what is wrong with what a keyword of a node says.
    fn wrong(&mut self, id: NodeId, keyword: &str, detail: impl FnOnce() -> String) {
        let places = &self.places;
        note(&mut self.problems, || Problem::new(child(&places.pointer(id), keyword), detail()));
    }

    fn node(&mut self, id: NodeId) -> Node {
        let Place { schema, resource, .. } = *self.places.get(id);
        let checks = match schema {
            Value::Bool(true) => Vec::new(),
            Value::Bool(false) => vec![Check::Never],
            Value::Object(keywords) => self.checks(id, keywords),
            _ => {
                let places = &self.places;
                let detail = "is a JSON Schema: an object, or true or false";
                note(&mut self.problems, || Problem::new(places.pointer(id), detail));
                Vec::new()
            }
        };
        Node::new(checks, resource)
    }

    fn checks(&mut self, id: NodeId, keywords: &'a Map<String, Value>) -> Vec<Check> {
        let mut checks = Vec::new();
        for (keyword, value) in keywords {
            checks.extend(self.check(id, keyword, value, keywords));
        }
        let has = |names: &[&str]| names.iter().any(|name| keywords.contains_key(*name));
        if has(&["properties", "patternProperties", "additionalProperties"]) {
            checks.push(Check::Members(Box::new(self.members(id, keywords))));
        }
        if has(&["prefixItems", "items"]) {
            let first = keywords.get("prefixItems");
            let elements = Elements {
                first: first.map(|list| self.list(id, "prefixItems", list)).unwrap_or_default(),
                others: keywords.get("items").map(|schema| self.places.known(schema)),
            };
            checks.push(Check::Elements(Box::new(elements)));
        }
        if let Some(value) = keywords.get("dependencies")
            && let Some(entries) = self.object(id, "dependencies", value)
        {
            let is_list = |(_, value): &(&String, &Value)| value.is_array();
            let (lists, schemas) = entries.iter().partition(is_list);
            checks.extend(self.dependent_required(id, "dependencies", lists));
            checks.push(self.dependent_schemas(schemas));
        }
        checks
    }

    fn dependent_required(
        &mut self,
        id: NodeId,
        keyword: &str,
        entries: Vec<(&String, &Value)>,
    ) -> Option<Check> {
        let mut read = Vec::with_capacity(entries.len());
        for (name, names) in entries {
            read.push((name.as_str().into(), self.names(id, keyword, names)?));
        }
        Some(Check::DependentRequired(read.into()))
    }

    fn dependent_schemas(&self, entries: Vec<(&String, &Value)>) -> Check {
        let entry =
            |(name, schema): (&String, &Value)| (name.as_str().into(), self.places.known(schema));
        Check::DependentSchemas(entries.into_iter().map(entry).collect())
    }

    fn check(
        &mut self,
        id: NodeId,
        keyword: &'a str,
        value: &'a Value,
        keywords: &'a Map<String, Value>,
    ) -> Option<Check> {
        Some(match keyword {
            "type" => Check::Type(self.types(id, value)?),
            "enum" => Check::Enum(Box::new(self.choices(id, value)?)),
            "const" => {
                let steps = equality::steps(value);
                Check::Const(Box::new(Constant { value: value.clone(), steps }))
            }
            "minimum" => Check::Minimum(self.number(id, keyword, value)?),
            "exclusiveMinimum" => Check::ExclusiveMinimum(self.number(id, keyword, value)?),
            "maximum" => Check::Maximum(self.number(id, keyword, value)?),
            "exclusiveMaximum" => Check::ExclusiveMaximum(self.number(id, keyword, value)?),
            "multipleOf" => Check::MultipleOf(self.unit(id, value)?),
            "minLength" => Check::MinLength(self.count(id, keyword, value)?),
            "maxLength" => Check::MaxLength(self.count(id, keyword, value)?),
            "pattern" => {
                let text = self.text(id, keyword, value)?;
                Check::Pattern(self.pattern(id, keyword, text)?)
            }
            "minItems" => Check::MinItems(self.count(id, keyword, value)?),
            "maxItems" => Check::MaxItems(self.count(id, keyword, value)?),
            "uniqueItems" => self.truth(id, keyword, value)?.then_some(Check::UniqueItems)?,
            "minProperties" => Check::MinProperties(self.count(id, keyword, value)?),
            "maxProperties" => Check::MaxProperties(self.count(id, keyword, value)?),
            "required" => Check::Required(self.names(id, keyword, value)?),
            "dependentRequired" => {
                let entries = self.object(id, keyword, value)?.iter().collect();
                self.dependent_required(id, keyword, entries)?
            }
            "propertyNames" => Check::PropertyNames(self.places.known(value)),
            "$ref" => Check::Reference(self.reference(id, keyword, value)?.node),
            "$dynamicRef" => {
                let target = self.reference(id, keyword, value)?;
                match target.dynamic {
                    Some(name) => Check::Dynamic(name.into(), target.node),
                    None => Check::Reference(target.node),
                }
            }
            "allOf" => Check::AllOf(self.list(id, keyword, value)),
            "anyOf" => Check::AnyOf(self.list(id, keyword, value)),
            "oneOf" => Check::OneOf(self.list(id, keyword, value)),
            "not" => Check::Not(self.places.known(value)),
            "if" => {
                let branch = |name| keywords.get(name).map(|schema| self.places.known(schema));
                let (then, otherwise) = (branch("then"), branch("else"));
                Check::If(Box::new(Condition { when: self.places.known(value), then, otherwise }))
            }
            "dependentSchemas" => {
                let entries = self.object(id, keyword, value)?.iter().collect();
                self.dependent_schemas(entries)
            }
            "contains" => {
                let count = |reader: &mut Self, name: &'static str| {
                    keywords.get(name).and_then(|count| reader.count(id, name, count))
                };
                let min = count(self, "minContains").unwrap_or(1);
                let max = count(self, "maxContains");
                Check::Contains(Box::new(Contains { node: self.places.known(value), min, max }))
            }
            // They count beside `contains` alone, but have to be numbers everywhere.
            "minContains" | "maxContains" if !keywords.contains_key("contains") => {
                self.count(id, keyword, value);
                return None;
            }
            "unevaluatedProperties" => Check::UnevaluatedProperties(self.places.known(value)),
            "unevaluatedItems" => Check::UnevaluatedItems(self.places.known(value)),
            "$schema" => {
                if value != DIALECT {
                    let detail =
                        || format!("is {DIALECT}, or left out; schemas in {value} are not read");
                    self.wrong(id, keyword, detail);
                }
                return None;
            }
            "$defs" | "definitions" | "$vocabulary" => {
                self.object(id, keyword, value);
                return None;
            }
            "$comment" | "title" | "description" | "format" | "contentEncoding"
            | "contentMediaType" => {
                self.text(id, keyword, value);
                return None;
            }
            "deprecated" | "readOnly" | "writeOnly" => {
                self.truth(id, keyword, value);
                return None;
            }
            "examples" => {
                if !value.is_array() {
                    self.wrong(id, keyword, || "is a list".to_owned());
                }
                return None;
            }
            _ => return None,
        })
    }

    fn members(&mut self, id: NodeId, keywords: &'a Map<String, Value>) -> Members {
        let mut named = HashMap::new();
        if let Some(value) = keywords.get("properties")
            && let Some(properties) = self.object(id, "properties", value)
        {
            let entry =
                |(name, schema): (&String, _)| (name.as_str().into(), self.places.known(schema));
            named = properties.iter().map(entry).collect();
        }
        let mut patterns = Vec::new();
        if let Some(value) = keywords.get("patternProperties") {
            for (pattern, schema) in
                self.object(id, "patternProperties", value).into_iter().flatten()
            {
                let node = self.places.known(schema);
                let pattern = self.pattern(id, "patternProperties", pattern);
                patterns.extend(pattern.map(|pattern| (pattern, node)));
            }
        }
        let others = keywords.get("additionalProperties");
        let others = others.map(|schema| self.places.known(schema));
        Members { named, patterns: patterns.into(), others }
    }

    fn reference(&mut self, id: NodeId, keyword: &str, value: &'a Value) -> Option<Target<'a>> {
        let reference = self.text(id, keyword, value)?;
        match self.places.resolve(id, reference, &mut self.problems) {
            Ok(target) => Some(target),
            Err(fault) => {
                self.wrong(id, keyword, || fault.to_string());
                None
            }
        }
    }

    fn pattern(&mut self, id: NodeId, keyword: &str, text: &'a str) -> Option<PatternId> {
        let patterns = &mut self.patterns;
        if let Some(known) = patterns.known.get(text) {
            return Some(*known);
        }
        let number = PatternId(u32::try_from(patterns.compiled.len()).unwrap_or(u32::MAX));
        patterns.known.insert(text, number);
        patterns.text += text.len();
        if patterns.known.len() > MAX_PATTERNS
            || patterns.text > MAX_PATTERN_TEXT
            || patterns.too_large
        {
            return None;
        }
        // What is left of the whole, so that all patterns together cost no more than that.
        let left = MAX_COMPILED_BYTES.saturating_sub(patterns.bytes);
        let detail = match Pattern::compile(text, MAX_PATTERN_BYTES.min(left)) {
            Ok(pattern) => {
                patterns.bytes += pattern.bytes();
                patterns.compiled.push(pattern);
                return Some(number);
            }
            Err(PatternFault::Syntax(reason)) => format!("is a regular expression: {reason}"),
            Err(PatternFault::TooLarge) => {
                patterns.too_large = true;
                let max = MAX_PATTERN_BYTES.min(left);
                format!(
                    "takes more than {max} bytes when compiled; repeat less ({{1,100}} is a hundred \
                     copies), use minLength and maxLength, or narrower classes than \\p{{…}}"
                )
            }
        };
        let places = &self.places;
        note(&mut self.problems, || {
            let at = child(&places.pointer(id), keyword);
            Problem::new(if keyword == "pattern" { at } else { child(&at, text) }, detail)
        });
        None
    }

    fn types(&mut self, id: NodeId, value: &Value) -> Option<Types> {
        let mut types = Types::default();
        let mut add = |name: &Value| name.as_str().is_some_and(|name| types.add(name));
        let known = match value {
            Value::Array(names) => !names.is_empty() && names.iter().all(add),
            name => add(name),
        };
        if !known {
            self.wrong(id, "type", || {
                "is null, boolean, object, array, number, string or integer, or a list of them, \
                 each once"
                    .to_owned()
            });
        }
        known.then_some(types)
    }

    fn choices(&mut self, id: NodeId, value: &Value) -> Option<Choices> {
        let Value::Array(values) = value else {
            self.wrong(id, "enum", || "is a list".to_owned());
            return None;
        };
        let text = |value: &Value| value.as_str().map(Into::into);
        let texts = values.iter().filter_map(text).collect();
        let others: Box<[Value]> =
            values.iter().filter(|value| !value.is_string()).cloned().collect();
        let all = values.iter().take(MAX_SHOWN).map(Value::to_string).collect::<Vec<_>>();
        let all = all.join(", ");
        let shown = if all.len() <= MAX_SHOWN && values.len() <= MAX_SHOWN {
            format!("one of {all}")
        } else {
            format!("one of the {} values of enum", values.len())
        };
        let steps = others.iter().map(equality::steps).sum();
        Some(Choices { texts, others, steps, shown: shown.into() })
    }

    fn number(&mut self, id: NodeId, keyword: &str, value: &Value) -> Option<Number> {
        if let Value::Number(number) = value {
            return Some(number.clone());
        }
        self.wrong(id, keyword, || "is a number".to_owned());
        None
    }

    fn unit(&mut self, id: NodeId, value: &Value) -> Option<Number> {
        let number = self.number(id, "multipleOf", value)?;
        if number.as_f64().is_some_and(|unit| unit > 0.0) {
            return Some(number);
        }
        self.wrong(id, "multipleOf", || "is above zero".to_owned());
        None
    }

    /// A number of things. Those beyond 64 bits are as good as the largest of them.
    fn count(&mut self, id: NodeId, keyword: &str, value: &Value) -> Option<u64> {
        if let Value::Number(number) = value {
            match Amount::from(number) {
                Amount::Whole(count @ 0..) => {
                    return Some(u64::try_from(count).unwrap_or(u64::MAX));
                }
                Amount::Other(count) if count > 0.0 && count.fract() == 0.0 => {
                    return Some(u64::MAX);
                }
                _ => {}
            }
        }
        self.wrong(id, keyword, || "is a whole number, zero or above".to_owned());
        None
    }

    fn truth(&mut self, id: NodeId, keyword: &str, value: &Value) -> Option<bool> {
        if !value.is_boolean() {
            self.wrong(id, keyword, || "is true or false".to_owned());
        }
        value.as_bool()
    }

    fn text(&mut self, id: NodeId, keyword: &str, value: &'a Value) -> Option<&'a str> {
        if !value.is_string() {
            self.wrong(id, keyword, || "is a text".to_owned());
        }
        value.as_str()
    }

    fn names(&mut self, id: NodeId, keyword: &str, value: &Value) -> Option<Box<[Box<str>]>> {
        let names: Option<Vec<&str>> =
            value.as_array().and_then(|names| names.iter().map(Value::as_str).collect());
        let mut once = HashSet::new();
        let names = names.filter(|names| names.iter().all(|name| once.insert(*name)));
        if names.is_none() {
            self.wrong(id, keyword, || "is a list of names, each once".to_owned());
        }
        names.map(|names| names.into_iter().map(Into::into).collect())
    }

    fn object(
        &mut self,
        id: NodeId,
        keyword: &str,
        value: &'a Value,
    ) -> Option<&'a Map<String, Value>> {
        if !value.is_object() {
            self.wrong(id, keyword, || "is an object".to_owned());
        }
        value.as_object()
    }

    fn list(&mut self, id: NodeId, keyword: &str, value: &'a Value) -> Box<[NodeId]> {
        let schemas = value.as_array().filter(|schemas| !schemas.is_empty());
        if schemas.is_none() {
            self.wrong(id, keyword, || "is a list of schemas, one at least".to_owned());
        }
        let schemas = schemas.into_iter().flatten();
        schemas.map(|schema| self.places.known(schema)).collect()
    }
}

/// The problem of a schema that has more of something than it may.
fn over<N: std::fmt::Display>(used: N, max: N, what: &str, remedy: &str) -> Problem {
    Problem::new("", format!("has {used} {what}, of at most {max}; {remedy}"))
}
