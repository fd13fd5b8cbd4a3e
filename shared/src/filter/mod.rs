//! Content filters in the syntax of EventBridge event patterns, over the event
//! `{"id", "type", "timestamp", "data"}`.
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>
//!
//! Fields of an object must all match, values of a list are alternatives. What EventBridge's pages
//! leave open follows its engine (<https://github.com/aws/event-ruler>), except:
//! - An event's list of objects matches when *one element* satisfies the whole sub-pattern
//!   (EventBridge's "array consistency"). `exists: false` in it then means that this element lacks
//!   the field, where EventBridge asks it of all elements.
//! - `$or` is always the operator, never a field of that name.
//! - Numbers are not limited to ±5e9 and six decimals: whole numbers of 64 bits compare exactly, all
//!   others as doubles (exact to 15 digits). `1`, `1.0` and `1e0` are the same.
//! - A pattern that could never match is refused: an unknown top-level field, an empty range.
//!
//! `exists` asks for leaves, as in EventBridge: an object, an empty list and an absent field do not
//! exist; `null` does. Only `exists: false` matches where there is no leaf.

mod letter_case;
mod number;
mod parse;
mod pattern;
mod pattern_json;
mod value_set;
mod wildcard;

use serde_json::Value;

use crate::problem::{Problem, in_one_line};
use pattern::ObjectPattern;

/// The filter's text.
pub const MAX_BYTES: usize = 4096;
/// Objects inside one another, `$or` alternatives included.
pub const MAX_DEPTH: usize = 16;
/// Fields that are compared (leaves), in all. This and the next one bound the time that a match
/// takes: it is never more than their number times the event's values.
pub const MAX_FIELDS: usize = 100;
/// Values that use an operator, in all; plain values are looked up at once, however many.
pub const MAX_OPERATORS: usize = 100;
/// `*` in one `wildcard`.
pub const MAX_WILDCARDS: usize = 5;
/// Conjunctions that the `$or`s multiply to; EventBridge's limit.
pub const MAX_COMBINATIONS: usize = 1000;

/// A filter that was understood.
#[derive(Debug, Clone)]
pub struct Filter(ObjectPattern);

/// Why a text is no filter: every place that is wrong (the first 32), and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", in_one_line(.problems))]
pub struct FilterError {
    /// Pointers into the filter.
    pub problems: Vec<Problem>,
}

impl Filter {
    /// Reads a filter's JSON.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parse::parse(text).map(Self).map_err(|problems| FilterError { problems })
    }

    /// Whether the event, `{"id", "type", "timestamp", "data"}`, matches.
    pub fn matches(&self, event: &Value) -> bool {
        self.0.matches(Some(event))
    }
}
