//! JSON Schema 2020-12 of an event type's data, compiled once.
//!
//! A schema is a customer's text: it may not make us fetch anything (no resolver is built in), nor
//! take forever (patterns run on an engine that is linear in the input).

use std::sync::Arc;

use jsonschema::{Draft, PatternOptions, Validator};
use moka::sync::Cache;
use serde_json::Value;

use crate::problem::Problem;

/// Bytes of a schema's text.
pub const MAX_SCHEMA_BYTES: usize = 65_536;
/// Problems that are told of one event; the rest are more of the same, most of the time.
const MAX_PROBLEMS: usize = 20;
/// Compiled schemas that a process keeps.
const KEPT: u64 = 1_000;
/// What `$schema` may say.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A schema that was compiled.
pub struct Schema(Validator);

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// Everything that is wrong with it, with pointers into it.
    pub fn compile(schema: &Value) -> Result<Self, Vec<Problem>> {
        if !(schema.is_object() || schema.is_boolean()) {
            return Err(vec![Problem::new("", "is a JSON Schema: an object, or true or false")]);
        }
        if let Some(named) = schema.get("$schema").filter(|named| *named != DIALECT) {
            let detail = format!("is {DIALECT}, or left out; schemas in {named} are not read");
            return Err(vec![Problem::new("/$schema", detail)]);
        }
        let meta = jsonschema::draft202012::meta::validator();
        let problems: Vec<Problem> = problems(&meta, schema).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex())
            .build(schema)
            .map(Self)
            .map_err(|error| vec![Problem::new(error.instance_path().as_str(), error.to_string())])
    }

    /// What is wrong with a value, the first twenty at the most. Says nothing of the value itself,
    /// so that a log may hold it.
    pub fn problems(&self, value: &Value) -> Vec<Problem> {
        problems(&self.0, value).collect()
    }
}

fn problems<'v>(validator: &'v Validator, value: &'v Value) -> impl Iterator<Item = Problem> {
    validator
        .iter_errors(value)
        .take(MAX_PROBLEMS)
        .map(|error| Problem::new(error.instance_path().as_str(), error.masked().to_string()))
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Schema")
    }
}

/// Schemas that were compiled lately, by their fingerprint.
#[derive(Clone)]
pub struct Schemas(Cache<String, Arc<Schema>>);

impl Schemas {
    #[expect(clippy::new_without_default, reason = "nothing about it is a default")]
    pub fn new() -> Self {
        Self(Cache::builder().max_capacity(KEPT).build())
    }

    /// The schema with this fingerprint, if it was compiled lately.
    pub fn get(&self, fingerprint: &str) -> Option<Arc<Schema>> {
        self.0.get(fingerprint)
    }

    /// Keeps a schema.
    pub fn keep(&self, fingerprint: String, schema: Arc<Schema>) {
        self.0.insert(fingerprint, schema);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn points_at_everything_that_is_wrong_and_shows_no_value() {
        let schema = Schema::compile(&json!({
            "type": "object",
            "required": ["vaultId"],
            "properties": { "size": { "type": "integer" }, "tags": { "items": { "type": "string" } } },
        }))
        .unwrap();
        assert!(schema.problems(&json!({ "vaultId": "v", "size": 3 })).is_empty());
        let problems = schema.problems(&json!({ "size": "hunter2", "tags": ["a", 7.5] }));
        let mut pointers: Vec<_> = problems.iter().map(|p| p.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["", "/size", "/tags/1"]);
        assert!(!format!("{problems:?}").contains("hunter2"));
    }

    #[test]
    fn refuses_what_is_no_schema_and_what_would_have_to_be_fetched() {
        for (schema, pointer) in [
            (json!({ "type": "strnig" }), "/type"),
            (json!({ "properties": { "a": { "minimum": "1" } } }), "/properties/a/minimum"),
            (json!({ "$schema": "http://json-schema.org/draft-07/schema#" }), "/$schema"),
            (json!(7), ""),
        ] {
            assert_eq!(Schema::compile(&schema).unwrap_err()[0].pointer, pointer, "{schema}");
        }
        let elsewhere = json!({ "$ref": "https://example.com/schema.json" });
        assert!(Schema::compile(&elsewhere).is_err());
        assert!(Schema::compile(&json!({ "pattern": "(" })).is_err());
        // Terrible for an engine that backtracks, linear for this one.
        let slow = Schema::compile(&json!({ "properties": { "a": { "pattern": "^(a+)+$" } } }));
        let input = json!({ "a": format!("{}!", "a".repeat(50_000)) });
        assert_eq!(slow.unwrap().problems(&input).len(), 1);
    }
}
