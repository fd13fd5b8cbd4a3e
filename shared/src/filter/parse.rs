//! From a filter's JSON to a pattern, with everything that is wrong on the way.

use std::collections::HashSet;

use super::pattern::{Field, FieldPattern, LeafPattern, ObjectPattern};
use super::pattern_json::Json;
use super::value_set::ValueSet;
use super::{Filter, MAX_BYTES, MAX_COMBINATIONS, MAX_DEPTH, MAX_FIELDS, MAX_OPERATORS};
use crate::event::RAW_VALUE_NAME;
use crate::problem::{MAX_PROBLEMS, Problem, child};

mod operator;

/// Where others are searched for, a wildcard walks through all values.
const WILDCARD_WEIGHT: usize = 16;

/// Where an object of the pattern stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Over the event's own fields.
    Event,
    /// Over its data or deeper.
    Data,
}

/// Reads a filter.
///
/// # Errors
/// What is wrong with it, at least one problem.
pub fn parse(text: &str) -> Result<Filter, Vec<Problem>> {
    let fail = |detail: String| Err(vec![Problem::new("", detail)]);
    if text.len() > MAX_BYTES {
        return fail(format!("a filter has at most {MAX_BYTES} bytes, this has {}", text.len()));
    }
    let root = match serde_json::from_str(text) {
        Ok(Json::Object(fields)) => fields,
        Ok(_) => {
            return fail("a filter is an object like {\"data\": {\"state\": [\"open\"]}}".into());
        }
        Err(error) => return fail(format!("a filter is JSON: {error}")),
    };
    let mut reader = Reader::default();
    let pattern = reader.object(root, "", Level::Event, 1);
    if reader.fields > MAX_FIELDS {
        reader.problem("", format!("a filter compares at most {MAX_FIELDS} fields"));
    }
    if reader.operators > MAX_OPERATORS {
        reader.problem("", format!("a filter has at most {MAX_OPERATORS} values with operators"));
    }
    if pattern.combinations() > MAX_COMBINATIONS {
        let detail = format!("the $or lists multiply to more than {MAX_COMBINATIONS} combinations");
        reader.problem("", detail);
    }
    if !reader.problems.is_empty() {
        return Err(reader.problems);
    }
    let weight = reader.fields + reader.operators + WILDCARD_WEIGHT * reader.wildcards;
    Ok(Filter { pattern, weight })
}

/// Goes through the JSON, counts, and gathers problems.
#[derive(Default)]
struct Reader {
    problems: Vec<Problem>,
    fields: usize,
    operators: usize,
    wildcards: usize,
}

impl Reader {
    fn problem(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem::new(pointer, detail));
        }
    }

    fn object(
        &mut self,
        fields: Vec<(String, Json)>,
        pointer: &str,
        level: Level,
        depth: usize,
    ) -> ObjectPattern {
        let mut pattern = ObjectPattern::default();
        if depth > MAX_DEPTH {
            self.problem(pointer, format!("is nested deeper than {MAX_DEPTH} levels"));
            return pattern;
        }
        if fields.is_empty() {
            self.problem(pointer, "is empty; name a field, or leave it out");
        }
        let mut seen = HashSet::new();
        for (name, value) in fields {
            let pointer = child(pointer, &name);
            if name == RAW_VALUE_NAME {
                self.problem(pointer, "no event has this field: the name can't be used");
            } else if !seen.insert(name.clone()) {
                self.problem(pointer, "is there twice; put the alternatives into one list");
            } else if name == "$or" {
                pattern.alternatives = self.alternatives(value, &pointer, level, depth);
            } else if self.fits(&name, &value, &pointer, level) {
                let field = self.field(value, &pointer, depth);
                pattern.fields.extend(field.map(|field| Field::new(name, field)));
            }
        }
        pattern
    }

    /// Whether an event can have such a field at all.
    fn fits(&mut self, name: &str, value: &Json, pointer: &str, level: Level) -> bool {
        let detail = match (level, name, value) {
            (Level::Data, ..) => return true,
            (_, "data", Json::List(_)) => {
                "data is an object; name its fields: {\"data\": {\"state\": [\"open\"]}}"
            }
            (_, "id" | "type" | "timestamp", Json::Object(_)) => {
                "is a text in every event, not an object; give a list of values"
            }
            (_, "id" | "type" | "timestamp" | "data", _) => return true,
            _ => "no event has this field; an event has id, type, timestamp and data",
        };
        self.problem(pointer, detail);
        false
    }

    fn alternatives(
        &mut self,
        value: Json,
        pointer: &str,
        level: Level,
        depth: usize,
    ) -> Vec<ObjectPattern> {
        let items = match value {
            Json::List(items) if items.len() >= 2 => items,
            _ => {
                let detail = "$or is a list of two or more objects, of which one has to match";
                self.problem(pointer, detail);
                return Vec::new();
            }
        };
        let mut alternatives = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let pointer = format!("{pointer}/{index}");
            match item {
                Json::Object(fields) => {
                    alternatives.push(self.object(fields, &pointer, level, depth + 1));
                }
                _ => self.problem(pointer, "an alternative of $or is an object"),
            }
        }
        alternatives
    }

    fn field(&mut self, value: Json, pointer: &str, depth: usize) -> Option<FieldPattern> {
        match value {
            Json::Object(fields) => {
                let pattern = self.object(fields, pointer, Level::Data, depth + 1);
                Some(FieldPattern::Object(pattern))
            }
            Json::List(values) => {
                self.fields += 1;
                Some(FieldPattern::Leaf(self.leaf(values, pointer)))
            }
            _ => {
                let detail = "is a list of values, like [\"open\"], or of operators, like \
                              [{\"prefix\": \"vault_\"}]";
                self.problem(pointer, detail);
                None
            }
        }
    }

    fn leaf(&mut self, values: Vec<Json>, pointer: &str) -> LeafPattern {
        let mut leaf = LeafPattern::default();
        if values.is_empty() {
            self.problem(pointer, "is an empty list, which nothing matches; give a value");
        }
        for (index, value) in values.into_iter().enumerate() {
            let pointer = format!("{pointer}/{index}");
            match value {
                Json::Object(fields) => self.operator(fields, &pointer, &mut leaf),
                Json::List(_) => {
                    self.problem(pointer, "a list can't stand inside a list of values")
                }
                plain => add_plain(&mut leaf.values, plain),
            }
        }
        leaf.values.sort();
        leaf
    }
}

/// Adds a value that stands for itself.
fn add_plain(set: &mut ValueSet, value: Json) {
    match value {
        Json::Null => set.null = true,
        Json::Bool(true) => set.yes = true,
        Json::Bool(false) => set.no = true,
        Json::Number(number) => set.numbers.push((&number).into()),
        Json::Text(text) => set.texts.push(text),
        Json::List(_) | Json::Object(_) => {}
    }
}
