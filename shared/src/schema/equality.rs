//! When two JSON values are the same: numbers by value, objects whatever the order of their members
//! (JSON Schema 2020-12 core, section 4.2.2).

use std::cmp::Ordering;
use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use serde_json::{Map, Value};

use super::number::Amount;

/// Steps of comparing a value with another, or of hashing it: its values, and its texts' bytes.
pub fn steps(value: &Value) -> u64 {
    match value {
        Value::String(text) => 1 + text_steps(text),
        Value::Array(items) => 1 + items.iter().map(steps).sum::<u64>(),
        Value::Object(members) => {
            1 + members.iter().map(|(name, value)| text_steps(name) + steps(value)).sum::<u64>()
        }
        _ => 1,
    }
}

/// Steps of looking at a text once, which computers are quick at.
pub fn text_steps(text: &str) -> u64 {
    text.len() as u64 / 32
}

/// Steps of looking up a text by its hash, beside those of looking at it.
pub const LOOK_UP: u64 = 3;

pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            Amount::from(a).compare(Amount::from(b)) == Ordering::Equal
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let has = |name: &str, value| b.get(name).is_some_and(|other| same(value, other));
            a.len() == b.len() && a.iter().all(|(name, value)| has(name, value))
        }
        (a, b) => a == b,
    }
}

/// Whether all are different. Takes as many steps as hashing each.
pub fn all_different(items: &[Value]) -> bool {
    // Its keys are random: nobody can choose values whose hashes collide.
    let hashes = RandomState::new();
    let mut seen = HashSet::with_capacity_and_hasher(items.len(), hashes.clone());
    items.iter().all(|item| seen.insert(Item { value: item, hashes: &hashes }))
}

/// A value that is compared as a whole.
struct Item<'a> {
    value: &'a Value,
    hashes: &'a RandomState,
}

impl PartialEq for Item<'_> {
    fn eq(&self, other: &Self) -> bool {
        same(self.value, other.value)
    }
}

impl Eq for Item<'_> {}

impl Hash for Item<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(self.value, self.hashes, state);
    }
}

fn hash(value: &Value, hashes: &RandomState, state: &mut impl Hasher) {
    std::mem::discriminant(value).hash(state);
    match value {
        Value::Null => {}
        Value::Bool(truth) => truth.hash(state),
        Value::Number(number) => match Amount::from(number) {
            Amount::Whole(whole) => whole.hash(state),
            Amount::Other(double) => double.to_bits().hash(state),
        },
        Value::String(text) => text.hash(state),
        Value::Array(items) => items.iter().for_each(|item| hash(item, hashes, state)),
        Value::Object(members) => hash_members(members, hashes).hash(state),
    }
}

/// The same whatever their order.
fn hash_members(members: &Map<String, Value>, hashes: &RandomState) -> u64 {
    let member = |(name, value): (&String, &Value)| {
        let mut state = hashes.build_hasher();
        name.hash(&mut state);
        hash(value, hashes, &mut state);
        state.finish()
    };
    members.iter().map(member).fold(members.len() as u64, u64::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_the_same_however_they_are_written() {
        let pairs = [
            (json!(1), json!(1.0), true),
            (json!([1, { "a": 2.0, "b": [] }]), json!([1.0, { "b": [], "a": 2 }]), true),
            (json!({ "a": 1 }), json!({ "a": 1, "b": 1 }), false),
            (json!({ "a": 1, "b": 2 }), json!({ "a": 2, "b": 1 }), false),
            (json!(0), json!(false), false),
            (json!("1"), json!(1), false),
            (json!([1, 2]), json!([2, 1]), false),
            (json!([[]]), json!([[], []]), false),
        ];
        for (a, b, expected) in pairs {
            assert_eq!(same(&a, &b), expected, "{a} {b}");
            assert_eq!(same(&b, &a), expected, "{b} {a}");
            assert_eq!(all_different(&[json!("x"), a.clone(), b.clone()]), !expected, "{a} {b}");
        }
    }
}
