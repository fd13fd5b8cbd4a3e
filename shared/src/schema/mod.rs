//! JSON Schema 2020-12 of an event type's data, compiled once.
//!
//! A schema is a customer's text, and so are the values that it checks: it may make us fetch nothing,
//! nor take memory or time that is somebody else's. So what it compiles to is bounded in bytes, and a
//! check is counted step by step and ends when its steps are used up (`limits` has the numbers).
//! Libraries for JSON Schema bound neither: a few references make 2^64 steps, and nothing stops a
//! check that goes on.

mod check;
mod equality;
mod kept;
mod limits;
mod node;
mod number;
mod pattern;
mod places;
mod read;
mod size;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde_json::Value;

use crate::problem::Problem;
use check::{Run, Stop};
use limits::{Budget, FULL, QUICK, QUICK_BYTES};
use node::{Node, NodeId, PatternId};
use pattern::Pattern;
use read::Read;

pub use kept::{Kept, Schemas};
pub use limits::MAX_SCHEMA_BYTES;

/// A schema that was compiled.
pub struct Schema {
    nodes: Box<[Node]>,
    patterns: Box<[Pattern]>,
    dynamic: HashMap<Box<str>, Vec<NodeId>>,
    bytes: usize,
}

impl Schema {
    /// The node of the whole schema.
    const ROOT: NodeId = NodeId(0);

    /// Compiles a schema.
    ///
    /// # Errors
    /// What is wrong with it, with pointers into it; also when it is larger than a schema may be:
    /// then which limit it is, how much of it the schema uses, and what to do.
    pub fn compile(schema: &Value) -> Result<Self, Vec<Problem>> {
        let Read { nodes, patterns, dynamic, bytes } = read::read(schema)?;
        Ok(Self { nodes: nodes.into(), patterns: patterns.into(), dynamic, bytes })
    }

    /// What is wrong with a value, the first twenty at the most. Says nothing of the value itself,
    /// so that a log may hold it. Takes up to a tenth of a second.
    pub fn problems(&self, value: &Value) -> Vec<Problem> {
        self.check(value, FULL)
            .unwrap_or_else(|too_much| vec![Problem::new("", too_much.to_string())])
    }

    /// The same for data as it is written, if that takes less than a millisecond.
    pub fn quick_problems(&self, data: &str) -> Option<Vec<Problem>> {
        if data.len() > QUICK_BYTES {
            return None;
        }
        self.check(&parsed(data), QUICK).ok()
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.bytes
    }

    fn check(&self, value: &Value, budget: Budget) -> Result<Vec<Problem>, TooMuch> {
        let outcome = Run::check(self, value, budget);
        match outcome.stop {
            // It is refused either way, and this says more.
            _ if !outcome.problems.is_empty() => Ok(outcome.problems),
            Some(Stop::OutOfSteps) => Err(TooMuch::Steps(budget.steps)),
            Some(Stop::TooDeep) => Err(TooMuch::Depth(budget.depth)),
            Some(Stop::Enough) | None => Ok(outcome.problems),
        }
    }

    fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    fn pattern(&self, id: PatternId) -> &Pattern {
        &self.patterns[id.0 as usize]
    }

    /// The nodes with a `$dynamicAnchor` of this name.
    fn dynamic_anchors(&self, name: &str) -> &[NodeId] {
        self.dynamic.get(name).map_or(&[], Vec::as_slice)
    }
}

/// Data, which was checked to be JSON when its event was read.
pub fn parsed(data: &str) -> Value {
    serde_json::from_str(data).unwrap_or_default()
}

/// Why it can't be told whether a value is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum TooMuch {
    #[error(
        "takes more than {0} steps to check by its schema; send less in one event, or have the \
         schema simplified"
    )]
    Steps(u64),
    #[error(
        "leads through more than {0} schemas inside one another; nest the data less deeply, or \
         have the schema simplified"
    )]
    Depth(usize),
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Schema")
    }
}
