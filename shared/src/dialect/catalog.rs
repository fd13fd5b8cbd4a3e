//! The event types that a dialect brings along.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::event_type::EventType;
use crate::ids::EventTypeName;
use crate::problem::Problem;
use crate::schema::Schema;

/// An event type that is part of a dialect.
#[derive(Debug, Clone)]
pub struct BuiltInType {
    pub event_type: EventType,
    /// Its schema, compiled when it is first needed: it takes its time, and two of the functions
    /// never need one.
    compiled: OnceLock<Option<Arc<Schema>>>,
}

impl BuiltInType {
    /// Its schema, compiled; `None`: it has none.
    pub fn schema(&self) -> Option<Arc<Schema>> {
        self.compiled.get_or_init(|| self.compile().ok().flatten().map(Arc::new)).clone()
    }

    /// Whether its schema is one, and its example an example of it.
    ///
    /// # Errors
    /// What is wrong with which.
    pub fn check(&self) -> Result<(), String> {
        let EventType { name, example, .. } = &self.event_type;
        let wrong =
            |field: &str, problem: &Problem| format!("event_type {name}: {field}: {problem}");
        let schema = self.compile().map_err(|problems| wrong("schema", &problems[0]))?;
        let schema = self.compiled.get_or_init(|| schema.map(Arc::new));
        let (Some(schema), Some(example)) = (schema, example) else {
            return Ok(());
        };
        match schema.problems(example).first() {
            Some(problem) => Err(wrong("example", problem)),
            None => Ok(()),
        }
    }

    fn compile(&self) -> Result<Option<Schema>, Vec<Problem>> {
        self.event_type.schema.as_ref().map(Schema::compile).transpose()
    }
}

/// The same in a dialect's file. Schema and example are JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    name: EventTypeName,
    description: String,
    schema: Option<String>,
    example: Option<String>,
}

/// Reads a dialect's event types.
///
/// # Errors
/// What is wrong with which.
pub fn read(entries: Vec<Entry>) -> Result<Arc<[BuiltInType]>, String> {
    let mut types = entries.into_iter().map(one).collect::<Result<Vec<_>, _>>()?;
    types.sort_by(|a, b| a.event_type.name.cmp(&b.event_type.name));
    let twice = types.windows(2).find(|two| two[0].event_type.name == two[1].event_type.name);
    match twice {
        Some(two) => Err(format!("event_type {}: is there twice", two[0].event_type.name)),
        None => Ok(types.into()),
    }
}

fn one(entry: Entry) -> Result<BuiltInType, String> {
    let Entry { name, description, schema, example } = entry;
    let wrong = |field: &str, detail: &str| format!("event_type {name}: {field}: {detail}");
    let json = |field: &str, text: Option<String>| -> Result<Option<Value>, String> {
        let read = text.map(|text| serde_json::from_str(&text)).transpose();
        read.map_err(|error| wrong(field, &error.to_string()))
    };
    let (schema, example) = (json("schema", schema)?, json("example", example)?);
    if example.as_ref().is_some_and(|example| !example.is_object()) {
        return Err(wrong("example", "is a JSON object: the data of an event"));
    }
    // As old as the program.
    let (created_at, updated_at) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
    let event_type = EventType { name, description, schema, example, created_at, updated_at };
    Ok(BuiltInType { event_type, compiled: OnceLock::new() })
}
