//! Comparing texts whatever their case, character by character.

use super::column::Column;
use super::steps::{FOLD, GLANCE, Steps, TooExpensive};

/// A text in lower case.
#[derive(Debug, Clone)]
pub struct Folded(String);

impl From<&str> for Folded {
    fn from(text: &str) -> Self {
        Self(fold(text))
    }
}

impl Folded {
    /// Whether one of the column's texts equals it.
    pub fn equals_any(&self, column: &Column<'_>, steps: &Steps) -> Result<bool, TooExpensive> {
        if let Some(text) = column.only_text() {
            steps.spend(FOLD * self.0.len())?;
            return Ok(folded(text).eq(self.0.chars()));
        }
        Ok(column.folded(steps)?.binary_search(&self.0).is_ok())
    }

    /// Whether one of the column's texts starts with it.
    pub fn starts_any(&self, column: &Column<'_>, steps: &Steps) -> Result<bool, TooExpensive> {
        if let Some(text) = column.only_text() {
            steps.spend(FOLD * self.0.len())?;
            let mut text = folded(text);
            return Ok(self.0.chars().all(|c| text.next() == Some(c)));
        }
        let texts = column.folded(steps)?;
        let first = texts.partition_point(|text| *text < self.0);
        Ok(texts.get(first).is_some_and(|text| text.starts_with(&self.0)))
    }

    /// Whether one of the column's texts ends with it.
    pub fn ends_any(&self, column: &Column<'_>, steps: &Steps) -> Result<bool, TooExpensive> {
        if let Some(text) = column.only_text() {
            steps.spend(FOLD * self.0.len())?;
            let mut text = folded(text).rev();
            return Ok(self.0.chars().rev().all(|c| text.next() == Some(c)));
        }
        let texts = column.folded(steps)?;
        steps.spend(GLANCE * texts.len())?;
        Ok(texts.iter().any(|text| text.ends_with(&self.0)))
    }
}

/// The text in lower case.
pub fn fold(text: &str) -> String {
    folded(text).collect()
}

fn folded(text: &str) -> impl DoubleEndedIterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}
