//! What a check has looked at, for `unevaluatedProperties` and `unevaluatedItems`.

use serde_json::Value;

/// Members of an object or elements of a list, by their places: those that checks of a node have
/// looked at, and those of the nodes that it leads to for the same value.
pub struct Seen(Vec<u64>);

const BITS: usize = u64::BITS as usize;

impl Seen {
    /// Nothing of a value.
    pub fn none(value: &Value) -> Self {
        let parts = match value {
            Value::Object(members) => members.len(),
            Value::Array(items) => items.len(),
            _ => 0,
        };
        Self(vec![0; parts.div_ceil(BITS)])
    }

    /// Steps of making one, or of adding one to another.
    pub fn steps(&self) -> u64 {
        2 + self.0.len() as u64 / 4
    }

    pub fn has(&self, index: usize) -> bool {
        self.0[index / BITS] & (1 << (index % BITS)) != 0
    }

    pub fn mark(&mut self, index: usize) {
        self.0[index / BITS] |= 1 << (index % BITS);
    }

    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own |= other);
    }
}
