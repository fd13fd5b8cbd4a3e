//! A pattern's structure, and how it walks through an event.

use serde_json::{Map, Value};

use super::value_set::ValueSet;

/// What an object has to satisfy.
#[derive(Debug, Clone, Default)]
pub struct ObjectPattern {
    /// All of them.
    pub fields: Vec<(String, FieldPattern)>,
    /// `$or`: one of them, if there are any.
    pub alternatives: Vec<ObjectPattern>,
}

/// What a field has to satisfy.
#[derive(Debug, Clone)]
pub enum FieldPattern {
    Object(ObjectPattern),
    Leaf(LeafPattern),
}

/// What one of a field's values has to satisfy.
#[derive(Debug, Clone, Default)]
pub struct LeafPattern {
    /// `exists: false` is among the alternatives.
    pub absent: bool,
    /// `exists: true` is.
    pub present: bool,
    pub values: ValueSet,
}

impl ObjectPattern {
    /// Whether a field's value satisfies it: an object, or one of a list's.
    pub fn matches(&self, value: Option<&Value>) -> bool {
        match value {
            Some(Value::Object(object)) => self.holds(Some(object)),
            // A list without objects has no fields, like a field that is not there.
            Some(Value::Array(items)) => {
                self.any_element_holds(items).unwrap_or_else(|| self.holds(None))
            }
            _ => self.holds(None),
        }
    }

    /// `None`: there is no object in the list.
    fn any_element_holds(&self, items: &[Value]) -> Option<bool> {
        let mut found = None;
        for item in items {
            let holds = match item {
                Value::Object(object) => Some(self.holds(Some(object))),
                Value::Array(inner) => self.any_element_holds(inner),
                _ => None,
            };
            if holds == Some(true) {
                return holds;
            }
            found = found.or(holds);
        }
        found
    }

    fn holds(&self, object: Option<&Map<String, Value>>) -> bool {
        let every_field = self.fields.iter().all(|(name, pattern)| {
            let value = object.and_then(|object| object.get(name));
            match pattern {
                FieldPattern::Object(pattern) => pattern.matches(value),
                FieldPattern::Leaf(pattern) => pattern.matches(value),
            }
        });
        every_field
            && (self.alternatives.is_empty()
                || self.alternatives.iter().any(|alternative| alternative.holds(object)))
    }

    /// How many conjunctions it is without its `$or`s.
    pub fn combinations(&self) -> usize {
        let nested = self.fields.iter().map(|(_, pattern)| match pattern {
            FieldPattern::Object(pattern) => pattern.combinations(),
            FieldPattern::Leaf(_) => 1,
        });
        let own = self.alternatives.iter().map(Self::combinations).fold(0, usize::saturating_add);
        nested.fold(own.max(1), usize::saturating_mul)
    }
}

impl LeafPattern {
    fn matches(&self, value: Option<&Value>) -> bool {
        match value {
            None | Some(Value::Object(_)) => self.absent,
            Some(Value::Array(items)) => self.any_element_matches(items).unwrap_or(self.absent),
            Some(leaf) => self.matches_leaf(leaf),
        }
    }

    /// `None`: there is no leaf in the list.
    fn any_element_matches(&self, items: &[Value]) -> Option<bool> {
        let mut found = None;
        for item in items {
            let matches = match item {
                Value::Object(_) => None,
                Value::Array(inner) => self.any_element_matches(inner),
                leaf => Some(self.matches_leaf(leaf)),
            };
            if matches == Some(true) {
                return matches;
            }
            found = found.or(matches);
        }
        found
    }

    fn matches_leaf(&self, leaf: &Value) -> bool {
        self.present || self.values.contains(leaf)
    }
}
