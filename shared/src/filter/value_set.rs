//! The values that one field's list describes.

use std::collections::HashSet;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::letter_case::Folded;
use super::number::{Exact, Range};
use super::wildcard::Wildcard;

/// Plain values, looked up; and operators, tried one after the other.
#[derive(Debug, Clone, Default)]
pub struct ValueSet {
    pub texts: HashSet<String>,
    pub numbers: Vec<Exact>,
    pub null: bool,
    pub yes: bool,
    pub no: bool,
    pub operators: Vec<Operator>,
}

/// An operator over one value. All but `AnythingBut` match texts only, `Numeric` numbers only.
#[derive(Debug, Clone)]
pub enum Operator {
    Prefix(String),
    PrefixIgnoreCase(Folded),
    Suffix(String),
    SuffixIgnoreCase(Folded),
    EqualsIgnoreCase(Folded),
    Wildcard(Wildcard),
    Cidr(IpNet),
    Numeric(Range),
    /// Any value, of whatever type, outside the set.
    AnythingBut(ValueSet),
}

impl ValueSet {
    /// Makes it ready for look-ups; call it once after filling.
    pub fn sort(&mut self) {
        self.numbers.sort_unstable();
    }

    pub fn contains(&self, value: &Value) -> bool {
        let plain = match value {
            Value::Null => self.null,
            Value::Bool(true) => self.yes,
            Value::Bool(false) => self.no,
            Value::String(text) => self.texts.contains(text),
            Value::Number(number) => {
                !self.numbers.is_empty() && self.numbers.binary_search(&number.into()).is_ok()
            }
            Value::Array(_) | Value::Object(_) => false,
        };
        plain || self.operators.iter().any(|operator| operator.matches(value))
    }
}

impl Operator {
    fn matches(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::AnythingBut(set), _) => !set.contains(value),
            (Self::Numeric(range), Value::Number(number)) => range.contains(number.into()),
            (_, Value::String(text)) => self.matches_text(text),
            _ => false,
        }
    }

    fn matches_text(&self, text: &str) -> bool {
        match self {
            Self::Prefix(prefix) => text.starts_with(prefix),
            Self::PrefixIgnoreCase(prefix) => prefix.starts(text),
            Self::Suffix(suffix) => text.ends_with(suffix),
            Self::SuffixIgnoreCase(suffix) => suffix.ends(text),
            Self::EqualsIgnoreCase(other) => other.equals(text),
            Self::Wildcard(wildcard) => wildcard.matches(text),
            Self::Cidr(network) => text.parse::<IpAddr>().is_ok_and(|ip| network.contains(&ip)),
            Self::Numeric(_) | Self::AnythingBut(_) => false,
        }
    }
}
