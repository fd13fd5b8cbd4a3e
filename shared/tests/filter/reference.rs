//! A second matcher, which says what filters mean and nothing else: it reads a filter's JSON as it
//! stands, looks at one value at a time, and knows no index and no budget. `tests/fuzz` uses it, too.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::net::IpAddr;

use serde_json::{Map, Number, Value};

/// Whether the event matches a filter that is known to be one.
pub fn matches(filter: &Value, event: &Value) -> bool {
    filter.as_object().is_some_and(|pattern| within(pattern, Some(event)))
}

/// An object, or one of a list's; what is neither has no fields.
fn within(pattern: &Map<String, Value>, value: Option<&Value>) -> bool {
    match value {
        Some(Value::Array(items)) => {
            let objects = flat(items).into_iter().filter(|item| item.is_object());
            let objects: Vec<&Value> = objects.collect();
            match objects.is_empty() {
                true => holds(pattern, None),
                false => objects.into_iter().any(|object| holds(pattern, Some(object))),
            }
        }
        other => holds(pattern, other),
    }
}

fn holds(pattern: &Map<String, Value>, object: Option<&Value>) -> bool {
    pattern.iter().all(|(name, wanted)| {
        let value = object.and_then(|object| object.get(name));
        match wanted {
            Value::Array(alternatives) if name == "$or" => alternatives
                .iter()
                .filter_map(Value::as_object)
                .any(|alternative| holds(alternative, object)),
            Value::Array(values) => leaf(values, value),
            Value::Object(inner) => within(inner, value),
            _ => false,
        }
    })
}

fn leaf(wanted: &[Value], value: Option<&Value>) -> bool {
    let found = match value {
        None | Some(Value::Object(_)) => Vec::new(),
        Some(Value::Array(items)) => flat(items),
        Some(leaf) => vec![leaf],
    };
    let found: Vec<&Value> = found.into_iter().filter(|value| !value.is_object()).collect();
    wanted.iter().any(|wanted| match only_field(wanted) {
        Some(("exists", exists)) => exists == &Value::Bool(!found.is_empty()),
        Some((operator, argument)) => found.iter().any(|value| applies(operator, argument, value)),
        None => found.iter().any(|value| equal(wanted, value)),
    })
}

/// The elements of a list and of the lists in it.
fn flat(items: &[Value]) -> Vec<&Value> {
    let mut all = Vec::new();
    for item in items {
        match item {
            Value::Array(inner) => all.extend(flat(inner)),
            other => all.push(other),
        }
    }
    all
}

fn only_field(value: &Value) -> Option<(&str, &Value)> {
    let (name, value) = value.as_object()?.iter().next()?;
    Some((name, value))
}

fn applies(operator: &str, argument: &Value, value: &Value) -> bool {
    match (operator, argument, value) {
        ("anything-but", excluded, value) => !excludes(excluded, value),
        ("numeric", Value::Array(comparisons), Value::Number(number)) => {
            comparisons.chunks(2).all(|comparison| match comparison {
                [Value::String(sign), Value::Number(bound)] => {
                    let order = compare(number, bound);
                    match sign.as_str() {
                        "=" => order.is_eq(),
                        "<" => order.is_lt(),
                        "<=" => order.is_le(),
                        ">" => order.is_gt(),
                        _ => order.is_ge(),
                    }
                }
                _ => false,
            })
        }
        ("prefix" | "suffix", Value::Object(_), Value::String(text)) => {
            let folded = Value::String(lower(text));
            let argument = only_field(argument).and_then(|(_, argument)| argument.as_str());
            argument.is_some_and(|it| applies(operator, &Value::String(lower(it)), &folded))
        }
        (_, Value::String(argument), Value::String(text)) => match operator {
            "prefix" => text.starts_with(argument),
            "suffix" => text.ends_with(argument),
            "equals-ignore-case" => lower(text) == lower(argument),
            "wildcard" => fits(argument, text),
            "cidr" => is_in(argument, text),
            _ => false,
        },
        _ => false,
    }
}

fn excludes(excluded: &Value, value: &Value) -> bool {
    match excluded {
        Value::Array(values) => values.iter().any(|excluded| equal(excluded, value)),
        Value::Object(_) => only_field(excluded).is_some_and(|(operator, argument)| {
            let arguments =
                argument.as_array().map_or(std::slice::from_ref(argument), Vec::as_slice);
            arguments.iter().any(|argument| applies(operator, argument, value))
        }),
        plain => equal(plain, value),
    }
}

fn equal(wanted: &Value, value: &Value) -> bool {
    match (wanted, value) {
        (Value::Number(a), Value::Number(b)) => compare(a, b).is_eq(),
        (a, b) => a == b,
    }
}

/// Compares by value: whole numbers of 64 bits as such, all others as doubles.
fn compare(a: &Number, b: &Number) -> Ordering {
    let double = |number: &Number| number.as_f64().unwrap_or_default();
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a.cmp(&b),
        (None, None) => double(a).partial_cmp(&double(b)).unwrap_or(Ordering::Equal),
        (None, Some(_)) => compare(b, a).reverse(),
        (Some(a), None) => {
            let (b, floor) = (double(b), double(b).floor());
            let above = if b > floor { Ordering::Less } else { Ordering::Equal };
            a.cmp(&(floor as i128)).then(above)
        }
    }
}

fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Whether the first bits of an address are those of the network.
fn is_in(network: &str, text: &str) -> bool {
    let Some((first, length)) = network.split_once('/') else {
        return false;
    };
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, true),
        IpAddr::V6(address) => (address.to_bits(), false),
    };
    match (first.parse().map(bits), length.parse::<u32>(), text.parse().map(bits)) {
        (Ok((first, is_v4)), Ok(length), Ok((address, also_v4))) => {
            let differing = (first ^ address).leading_zeros();
            is_v4 == also_v4 && differing >= length
        }
        _ => false,
    }
}

/// Follows a wildcard through a text, one character at a time, in all places where it may be.
fn fits(wildcard: &str, text: &str) -> bool {
    let pattern: Vec<char> = wildcard.chars().collect();
    // Behind a `*` it may be wherever the `*` is, too.
    let spread = |places: HashSet<usize>| -> HashSet<usize> {
        let behind = |&at: &usize| (pattern.get(at) == Some(&'*')).then_some(at + 1);
        let mut all = places.clone();
        all.extend(places.iter().filter_map(behind));
        all
    };
    let mut places = spread(HashSet::from([0]));
    for c in text.chars() {
        let step = |&at: &usize| match pattern.get(at)? {
            '*' => Some(at),
            '\\' => (pattern.get(at + 1) == Some(&c)).then_some(at + 2),
            literal => (*literal == c).then_some(at + 1),
        };
        places = spread(places.iter().filter_map(step).collect());
    }
    places.contains(&pattern.len())
}
