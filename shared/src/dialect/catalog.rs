//! The event types that a dialect brings along.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::event_type::EventType;
use crate::ids::EventTypeName;
use crate::schema::Schema;

/// An event type that is part of a dialect.
#[derive(Debug, Clone)]
pub struct BuiltInType {
    pub event_type: EventType,
    /// Its schema, compiled.
    pub schema: Option<Arc<Schema>>,
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
    let compiled = schema.as_ref().map(Schema::compile).transpose();
    let compiled = compiled.map_err(|problems| wrong("schema", &problems[0].to_string()))?;
    if let Some(example) = &example {
        if !example.is_object() {
            return Err(wrong("example", "is a JSON object: the data of an event"));
        }
        let problems = compiled.as_ref().map(|schema| schema.problems(example));
        if let Some(problem) = problems.unwrap_or_default().first() {
            return Err(wrong("example", &problem.to_string()));
        }
    }
    // As old as the program.
    let (created_at, updated_at) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
    let event_type = EventType { name, description, schema, example, created_at, updated_at };
    Ok(BuiltInType { event_type, schema: compiled.map(Arc::new) })
}
