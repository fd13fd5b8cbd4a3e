//! What a field's value is compared with.

use std::cmp::Ordering;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Number, Value};

use super::number::compare;
use super::wildcard::Wildcard;

/// One entry of a field's list.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// A text, number, `true`, `false` or `null`.
    Exactly(Value),
    Text(TextRule),
    /// All of the comparisons.
    Numeric(Vec<(Comparison, Number)>),
    /// There is a value, and it is none of these.
    AnythingBut(Vec<Value>),
    /// There is a value, and none of these fits it.
    AnythingButText(Vec<TextRule>),
    Exists(bool),
    Cidr(IpNet),
}

/// A rule about texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextRule {
    Prefix(String),
    PrefixIgnoreCase(String),
    Suffix(String),
    SuffixIgnoreCase(String),
    EqualsIgnoreCase(String),
    Wildcard(Wildcard),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Rule {
    /// Whether the field's value, or any element of its array, fits.
    pub fn matches(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Exists(wanted), value) => *wanted == value.is_some(),
            (_, None) => false,
            (_, Some(Value::Array(elements))) => elements.iter().any(|e| self.matches(Some(e))),
            (_, Some(Value::Object(_))) => false,
            (_, Some(value)) => self.fits(value),
        }
    }

    fn fits(&self, value: &Value) -> bool {
        match self {
            Self::Exactly(wanted) => same(wanted, value),
            Self::Text(rule) => value.as_str().is_some_and(|text| rule.fits(text)),
            Self::Numeric(comparisons) => {
                let Value::Number(number) = value else { return false };
                comparisons.iter().all(|(comparison, limit)| comparison.holds(number, limit))
            }
            Self::AnythingBut(unwanted) => !unwanted.iter().any(|u| same(u, value)),
            Self::AnythingButText(unwanted) => {
                !value.as_str().is_some_and(|text| unwanted.iter().any(|rule| rule.fits(text)))
            }
            Self::Cidr(network) => value
                .as_str()
                .and_then(|text| text.parse::<IpAddr>().ok())
                .is_some_and(|ip| network.contains(&ip)),
            // Asked of the field, not of a value.
            Self::Exists(wanted) => *wanted,
        }
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b) == Some(Ordering::Equal),
        _ => a == b,
    }
}

impl Comparison {
    fn holds(self, number: &Number, limit: &Number) -> bool {
        let Some(order) = compare(number, limit) else { return false };
        match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl TextRule {
    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Prefix(prefix) => text.starts_with(prefix),
            Self::Suffix(suffix) => text.ends_with(suffix),
            Self::EqualsIgnoreCase(other) => fold(text) == fold(other),
            Self::PrefixIgnoreCase(prefix) => fold(text).starts_with(&fold(prefix)),
            Self::SuffixIgnoreCase(suffix) => fold(text).ends_with(&fold(suffix)),
            Self::Wildcard(wildcard) => wildcard.matches(text),
        }
    }
}

fn fold(text: &str) -> String {
    text.to_lowercase()
}
