//! A pattern's structure, and how it walks through an event.

use serde_json::Value;

use super::column::Column;
use super::steps::{FIELD, Steps, TooExpensive, VISIT};
use super::subject::Subject;
use super::value_set::ValueSet;

/// What an object has to satisfy.
#[derive(Debug, Clone, Default)]
pub struct ObjectPattern {
    /// All of them.
    pub fields: Vec<Field>,
    /// `$or`: one of them, if there are any.
    pub alternatives: Vec<ObjectPattern>,
}

/// A field, and what it has to satisfy.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name; or the names of fields inside one another, of which all but the last have nothing
    /// else to satisfy.
    pub path: Vec<String>,
    pub pattern: FieldPattern,
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
    pub fn matches<'a>(
        &'a self,
        value: Option<&'a Value>,
        subject: &mut Subject<'a>,
    ) -> Result<bool, TooExpensive> {
        let Some(list @ Value::Array(items)) = value else {
            return self.holds(value, subject);
        };
        // One element has to satisfy all fields, so each field is satisfied by some element. That is
        // known without a walk through the list.
        for field in &self.fields {
            if let FieldPattern::Leaf(leaf) = &field.pattern
                && !subject.satisfies(leaf, value, &field.path)?
            {
                return Ok(false);
            }
        }
        if let Some(objects) = subject.candidates(&self.fields, list)? {
            for object in objects {
                if self.holds(Some(object), subject)? {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        let mut holds = |element, subject: &mut Subject<'a>| self.holds(Some(element), subject);
        match any_object(items, subject, &mut holds)? {
            Some(holds) => Ok(holds),
            // A list without objects has no fields, like a field that is not there.
            None => self.holds(None, subject),
        }
    }

    /// Whether an object satisfies it; what is none has no fields.
    fn holds<'a>(
        &'a self,
        object: Option<&'a Value>,
        subject: &mut Subject<'a>,
    ) -> Result<bool, TooExpensive> {
        subject.steps.spend(VISIT)?;
        for field in &self.fields {
            if !field.matches(object, &field.path, subject)? {
                return Ok(false);
            }
        }
        for alternative in &self.alternatives {
            if alternative.holds(object, subject)? {
                return Ok(true);
            }
        }
        Ok(self.alternatives.is_empty())
    }

    /// How many conjunctions it is without its `$or`s.
    pub fn combinations(&self) -> usize {
        let nested = self.fields.iter().map(|field| match &field.pattern {
            FieldPattern::Object(pattern) => pattern.combinations(),
            FieldPattern::Leaf(_) => 1,
        });
        let own = self.alternatives.iter().map(Self::combinations).fold(0, usize::saturating_add);
        nested.fold(own.max(1), usize::saturating_mul)
    }
}

impl Field {
    /// The field `name` with this pattern.
    pub fn new(name: String, pattern: FieldPattern) -> Self {
        match pattern {
            FieldPattern::Object(mut object)
                if object.fields.len() == 1 && object.alternatives.is_empty() =>
            {
                let mut inner = object.fields.swap_remove(0);
                inner.path.insert(0, name);
                inner
            }
            pattern => Self { path: vec![name], pattern },
        }
    }

    /// Whether what the path leads to from a value satisfies the pattern.
    fn matches<'a>(
        &'a self,
        value: Option<&'a Value>,
        path: &'a [String],
        subject: &mut Subject<'a>,
    ) -> Result<bool, TooExpensive> {
        match (&self.pattern, value, path) {
            (_, Some(Value::Object(object)), [name, rest @ ..]) => {
                subject.steps.spend(FIELD + name.len())?;
                self.matches(object.get(name), rest, subject)
            }
            (FieldPattern::Leaf(leaf), ..) => subject.satisfies(leaf, value, path),
            (FieldPattern::Object(pattern), _, []) => pattern.matches(value, subject),
            (FieldPattern::Object(pattern), Some(Value::Array(items)), _) => {
                let mut matches =
                    |element, subject: &mut Subject<'a>| self.matches(Some(element), path, subject);
                match any_object(items, subject, &mut matches)? {
                    Some(matches) => Ok(matches),
                    None => pattern.matches(None, subject),
                }
            }
            (FieldPattern::Object(pattern), ..) => pattern.matches(None, subject),
        }
    }
}

/// Whether one of a list's objects, those of lists in it included, is as asked; `None`: there is no
/// object in the list.
fn any_object<'a>(
    items: &'a [Value],
    subject: &mut Subject<'a>,
    ask: &mut impl FnMut(&'a Value, &mut Subject<'a>) -> Result<bool, TooExpensive>,
) -> Result<Option<bool>, TooExpensive> {
    let mut found = None;
    for item in items {
        subject.steps.spend(VISIT)?;
        let answer = match item {
            Value::Object(_) => Some(ask(item, subject)?),
            Value::Array(inner) => any_object(inner, subject, ask)?,
            _ => None,
        };
        if answer == Some(true) {
            return Ok(answer);
        }
        found = found.or(answer);
    }
    Ok(found)
}

impl LeafPattern {
    /// Whether it wants one of these values.
    pub fn matches(&self, column: &Column<'_>, steps: &Steps) -> Result<bool, TooExpensive> {
        if (self.absent && column.lacking) || (self.present && !column.is_empty()) {
            return Ok(true);
        }
        self.values.have_any(column, steps)
    }

    /// The texts of which a value has to be one (`true`) or start with one (`false`), if that is all
    /// that it wants, and they are few.
    pub fn few_texts(&self) -> Option<impl Iterator<Item = (&str, bool)>> {
        if self.absent || self.present { None } else { self.values.few_texts() }
    }
}
