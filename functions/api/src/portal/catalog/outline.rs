//! A JSON Schema as an outline: what a value is, in the words a reader needs. A schema is a
//! customer's text: however deep, large or circular it is, its outline is not.

use serde_json::{Map, Value};

/// Levels that are shown.
const MAX_DEPTH: usize = 12;
/// Lines that are shown.
const MAX_LINES: usize = 400;
/// Values of an `enum` that are shown, and characters of a value.
const MAX_VALUES: usize = 20;
const MAX_VALUE: usize = 80;

/// One value of an event.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Its member name, or its place: `each item`.
    pub name: String,
    /// Whether `name` is a member's.
    pub is_member: bool,
    pub required: bool,
    /// `string`, `integer or null`.
    pub kind: String,
    pub description: String,
    /// The values it may have, if they are listed.
    pub values: Vec<String>,
    /// Bounds and the like, each in a few words.
    pub rules: Vec<String>,
    pub below: Vec<Line>,
}

/// The outline of a schema. Its own line has no name.
pub fn of(schema: &Value) -> Line {
    Reader { root: schema, left: MAX_LINES, within: Vec::new() }.line(String::new(), schema, 0)
}

struct Reader<'s> {
    root: &'s Value,
    left: usize,
    /// References that are being followed.
    within: Vec<&'s str>,
}

impl<'s> Reader<'s> {
    fn line(&mut self, name: String, schema: &'s Value, depth: usize) -> Line {
        let mut line = Line { name, ..Line::default() };
        self.left = self.left.saturating_sub(1);
        let followed = self.within.len();
        self.describe(&mut line, schema, depth);
        self.within.truncate(followed);
        line
    }

    /// Adds what a schema says.
    fn describe(&mut self, line: &mut Line, schema: &'s Value, depth: usize) {
        let Value::Object(schema) = schema else {
            line.kind =
                if *schema == Value::Bool(false) { "never there" } else { "anything" }.into();
            return;
        };
        if let Some(Value::String(reference)) = schema.get("$ref") {
            self.follow(line, reference, depth);
        }
        if let Some(kind) = kind(schema) {
            line.kind = kind;
        }
        for field in ["title", "description"] {
            if let Some(Value::String(text)) = schema.get(field) {
                line.description.clone_from(text);
            }
        }
        values(line, schema);
        rules(line, schema);
        if depth >= MAX_DEPTH || self.left == 0 {
            if has_inside(schema) {
                line.rules.push("what is inside is in the JSON Schema below".to_owned());
            }
        } else {
            self.inside(line, schema, depth + 1);
        }
        if line.kind.is_empty() {
            line.kind = "anything".to_owned();
        }
    }

    fn follow(&mut self, line: &mut Line, reference: &'s str, depth: usize) {
        let known = self.within.contains(&reference);
        let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let name = reference.rsplit('/').next().unwrap_or(reference);
        match target {
            Some(_) if known || reference == "#" => {
                line.rules.push(format!("the same again: {name}"));
            }
            Some(_) if self.within.len() >= MAX_DEPTH => {
                line.rules.push(format!("as {name} says, in the JSON Schema below"));
            }
            Some(target) => {
                self.within.push(reference);
                self.describe(line, target, depth);
            }
            None => line.rules.push(format!("as {reference} says")),
        }
    }

    fn inside(&mut self, line: &mut Line, schema: &'s Map<String, Value>, depth: usize) {
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        for (name, member) in members(schema, "properties") {
            if self.left == 0 {
                line.rules.push("more members are in the JSON Schema below".to_owned());
                break;
            }
            let mut member = self.line(name.clone(), member, depth);
            member.is_member = true;
            member.required = required.contains(&name.as_str());
            line.below.push(member);
        }
        let unnamed: Vec<String> = required
            .iter()
            .filter(|name| schema.get("properties").and_then(|all| all.get(**name)).is_none())
            .map(|name| (*name).to_owned())
            .collect();
        if !unnamed.is_empty() {
            line.rules.push(format!("has {}", short(&unnamed.join(", "))));
        }
        for (pattern, member) in members(schema, "patternProperties") {
            self.push(line, format!("members like {}", short(pattern)), member, depth);
        }
        for (index, item) in list(schema, "prefixItems").enumerate() {
            self.push(line, format!("item {}", index + 1), item, depth);
        }
        for (field, name) in [("items", "each item"), ("contains", "at least one item")] {
            if let Some(item) = schema.get(field) {
                self.push(line, name.to_owned(), item, depth);
            }
        }
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => line.rules.push("no other members".to_owned()),
            Some(other @ Value::Object(_)) => {
                self.push(line, "any other member".to_owned(), other, depth);
            }
            _ => {}
        }
        for (field, name) in
            [("oneOf", "one of these"), ("anyOf", "any of these"), ("allOf", "all of these")]
        {
            let choices: Vec<&Value> = list(schema, field).collect();
            if choices.is_empty() {
                continue;
            }
            if line.kind.is_empty() {
                line.kind = name.to_owned();
            }
            for (index, choice) in choices.into_iter().enumerate() {
                self.push(line, format!("{name}, {}", index + 1), choice, depth);
            }
        }
        if ["not", "if", "dependentSchemas", "dependentRequired"]
            .iter()
            .any(|f| schema.contains_key(*f))
        {
            line.rules.push("conditions: see the JSON Schema below".to_owned());
        }
    }

    fn push(&mut self, line: &mut Line, name: String, schema: &'s Value, depth: usize) {
        if self.left > 0 {
            let below = self.line(name, schema, depth);
            line.below.push(below);
        }
    }
}

fn members<'s>(
    schema: &'s Map<String, Value>,
    field: &str,
) -> impl Iterator<Item = (&'s String, &'s Value)> {
    schema.get(field).and_then(Value::as_object).into_iter().flatten()
}

fn list<'s>(schema: &'s Map<String, Value>, field: &str) -> impl Iterator<Item = &'s Value> {
    schema.get(field).and_then(Value::as_array).into_iter().flatten()
}

fn has_inside(schema: &Map<String, Value>) -> bool {
    let fields = ["properties", "items", "prefixItems", "oneOf", "anyOf", "allOf"];
    fields.iter().any(|field| schema.contains_key(*field))
}

/// What it is, as far as the schema says so or nobody can doubt it.
fn kind(schema: &Map<String, Value>) -> Option<String> {
    match schema.get("type") {
        Some(Value::String(one)) => return Some(one.clone()),
        Some(Value::Array(several)) => {
            let several: Vec<&str> = several.iter().filter_map(Value::as_str).collect();
            return Some(several.join(" or "));
        }
        _ => {}
    }
    if schema.contains_key("properties") {
        return Some("object".to_owned());
    }
    (schema.contains_key("items") || schema.contains_key("prefixItems")).then(|| "array".to_owned())
}

fn values(line: &mut Line, schema: &Map<String, Value>) {
    let all: Vec<&Value> = match schema.get("const") {
        Some(only) => vec![only],
        None => list(schema, "enum").collect(),
    };
    if all.is_empty() {
        return;
    }
    line.values = all.iter().take(MAX_VALUES).map(|value| short(&value.to_string())).collect();
    if all.len() > MAX_VALUES {
        line.rules.push(format!("and {} more values", all.len() - MAX_VALUES));
    }
    if line.kind.is_empty() {
        line.kind = if all.len() == 1 { "always" } else { "one of" }.to_owned();
    }
}

/// Keywords with a value, and how they read.
const RULES: [(&str, &str); 13] = [
    ("format", "format"),
    ("minimum", "at least"),
    ("exclusiveMinimum", "more than"),
    ("maximum", "at most"),
    ("exclusiveMaximum", "less than"),
    ("multipleOf", "a multiple of"),
    ("minLength", "characters at least"),
    ("maxLength", "characters at most"),
    ("pattern", "like"),
    ("minItems", "items at least"),
    ("maxItems", "items at most"),
    ("minProperties", "members at least"),
    ("default", "if left out"),
];

fn rules(line: &mut Line, schema: &Map<String, Value>) {
    for (field, reads) in RULES {
        let said = match schema.get(field) {
            None => continue,
            Some(Value::String(text)) if field != "default" => text.clone(),
            Some(value) => value.to_string(),
        };
        line.rules.push(format!("{reads} {}", short(&said)));
    }
    for (field, reads) in [
        ("uniqueItems", "no item twice"),
        ("deprecated", "deprecated"),
        ("writeOnly", "write-only"),
    ] {
        if schema.get(field) == Some(&Value::Bool(true)) {
            line.rules.push(reads.to_owned());
        }
    }
    if let Some(example) = list(schema, "examples").next() {
        line.rules.push(format!("for example {}", short(&example.to_string())));
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn below<'l>(line: &'l Line, name: &str) -> &'l Line {
        line.below.iter().find(|below| below.name == name).unwrap_or_else(|| panic!("{line:#?}"))
    }

    fn lines(line: &Line) -> usize {
        1 + line.below.iter().map(lines).sum::<usize>()
    }

    fn depth(line: &Line) -> usize {
        1 + line.below.iter().map(depth).max().unwrap_or(0)
    }

    #[test]
    fn says_what_each_member_is() {
        let outline = of(&json!({
            "type": "object",
            "required": ["id", "state"],
            "properties": {
                "id": { "type": "string", "description": "Of the order.", "maxLength": 40 },
                "state": { "enum": ["open", "paid"] },
                "note": { "type": ["string", "null"] },
                "items": { "items": { "$ref": "#/$defs/item" } },
            },
            "additionalProperties": false,
            "$defs": { "item": { "properties": { "sku": { "type": "string", "examples": ["a-1"] } } } },
        }));
        assert_eq!(
            (outline.kind.as_str(), &outline.rules[..]),
            ("object", &["no other members".to_owned()][..])
        );
        let id = below(&outline, "id");
        assert!(id.required && id.is_member);
        assert_eq!((id.kind.as_str(), id.description.as_str()), ("string", "Of the order."));
        assert_eq!(id.rules, ["characters at most 40"]);
        assert_eq!(below(&outline, "state").values, [r#""open""#, r#""paid""#]);
        assert_eq!(below(&outline, "note").kind, "string or null");
        assert!(!below(&outline, "note").required);
        let item = below(below(&outline, "items"), "each item");
        assert_eq!(item.kind, "object");
        assert_eq!(below(item, "sku").rules, [r#"for example "a-1""#]);
    }

    #[test]
    fn choices_are_told_apart() {
        let outline = of(&json!({ "oneOf": [
            { "title": "Card", "properties": { "last4": { "type": "string" } } },
            { "properties": { "iban": { "type": "string" } } },
        ]}));
        assert_eq!(outline.kind, "one of these");
        let card = below(&outline, "one of these, 1");
        assert_eq!((card.description.as_str(), card.below[0].name.as_str()), ("Card", "last4"));
    }

    #[test]
    fn what_goes_in_circles_comes_to_an_end() {
        let circle = json!({
            "$ref": "#/$defs/node",
            "$defs": { "node": {
                "type": "object",
                "properties": { "value": {}, "left": { "$ref": "#/$defs/node" }, "whole": { "$ref": "#" } },
            }},
        });
        let outline = of(&circle);
        assert_eq!(below(&outline, "left").rules, ["the same again: node"]);
        assert_eq!(below(&outline, "value").kind, "anything");
        // References that each lead to the next two: two to the power of their number, if followed.
        let mut defs = Map::new();
        for n in 0..40 {
            let next = json!({ "$ref": format!("#/$defs/d{}", n + 1) });
            defs.insert(format!("d{n}"), json!({ "properties": { "a": next, "b": next } }));
        }
        defs.insert("d40".to_owned(), json!({ "type": "string" }));
        let wide = of(&json!({ "$ref": "#/$defs/d0", "$defs": defs }));
        assert!(lines(&wide) <= MAX_LINES && depth(&wide) <= MAX_DEPTH + 1);
        // One that leads to itself, and says nothing else.
        let itself = json!({ "$ref": "#/$defs/a", "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "$ref": "#/$defs/a" } } });
        assert_eq!(of(&itself).rules, ["the same again: a"]);
    }

    #[test]
    fn no_schema_is_too_deep_or_too_large() {
        let mut deep = json!({ "type": "string" });
        for _ in 0..100 {
            deep = json!({ "items": deep });
        }
        assert_eq!(depth(&of(&deep)), MAX_DEPTH + 1);
        let many: Map<String, Value> = (0..5_000).map(|n| (n.to_string(), json!({}))).collect();
        let many = of(&json!({ "properties": many }));
        assert_eq!(lines(&many), MAX_LINES);
        assert_eq!(many.rules, ["more members are in the JSON Schema below"]);
        let values: Vec<u32> = (0..100).collect();
        let listed = of(&json!({ "enum": values }));
        assert_eq!(
            (listed.values.len(), &listed.rules[..]),
            (MAX_VALUES, &["and 80 more values".to_owned()][..])
        );
        for odd in [json!(true), json!(false), json!({}), json!({ "$ref": "#/$defs/none" })] {
            assert!(!of(&odd).kind.is_empty());
        }
    }
}
