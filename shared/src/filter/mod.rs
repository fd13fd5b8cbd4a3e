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
//! Nothing of it takes more than linear time in the filter and in the event, and the product of both
//! is bounded by [`MAX_STEPS`]: a list of the event is sorted once for all filters that ask for its
//! values, and what is not decided after so many steps is [`TooExpensive`].
//!
//! `exists` asks for leaves, as in EventBridge: an object, an empty list and an absent field do not
//! exist; `null` does. Only `exists: false` matches where there is no leaf.

mod column;
mod letter_case;
mod needle;
mod number;
mod parse;
mod pattern;
mod pattern_json;
mod sorted;
mod steps;
mod subject;
mod value_set;
mod wildcard;

use crate::problem::{Problem, in_one_line};
use pattern::ObjectPattern;
pub use steps::{MAX_STEPS, TooExpensive};
pub use subject::Subject;

/// The filter's text.
pub const MAX_BYTES: usize = 4096;
/// Objects inside one another, `$or` alternatives included.
pub const MAX_DEPTH: usize = 16;
/// Fields that are compared (leaves), in all.
pub const MAX_FIELDS: usize = 100;
/// Values that use an operator, in all; plain values are looked up at once, however many.
pub const MAX_OPERATORS: usize = 100;
/// `*` in one `wildcard`.
pub const MAX_WILDCARDS: usize = 5;
/// Conjunctions that the `$or`s multiply to; EventBridge's limit.
pub const MAX_COMBINATIONS: usize = 1000;

/// A filter that was understood.
#[derive(Debug, Clone)]
pub struct Filter {
    pattern: ObjectPattern,
    weight: usize,
}

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
        parse::parse(text).map_err(|problems| FilterError { problems })
    }

    /// What it may cost, beside that of others: those that cost less are asked first.
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// Whether the event matches.
    ///
    /// # Errors
    /// When that takes more steps than the event's filters may take.
    pub fn matches<'a>(&'a self, event: &mut Subject<'a>) -> Result<bool, TooExpensive> {
        self.pattern.matches(Some(event.event), event)
    }
}
