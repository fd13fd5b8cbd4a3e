//! `*` stands for any characters, none included; `\*` and `\\` for themselves.

use super::MAX_WILDCARDS;
use super::column::Column;
use super::needle::Needle;
use super::steps::{Steps, TooExpensive, WILDCARD};

/// A text with holes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wildcard {
    first: String,
    /// What stands between the holes.
    middle: Vec<Needle>,
    /// What stands after the last hole; `None`: there is no `*`.
    last: Option<String>,
    /// Bytes of the shortest text that it matches.
    shortest: usize,
}

impl Wildcard {
    /// Reads the pattern.
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(pattern: &str) -> Result<Self, String> {
        let mut parts = vec![String::new()];
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            let literal = match c {
                '*' if chars.peek() == Some(&'*') => {
                    return Err("has no two * in a row; one stands for any characters".into());
                }
                '*' => {
                    parts.push(String::new());
                    continue;
                }
                '\\' => chars
                    .next_if(|next| matches!(next, '*' | '\\'))
                    .ok_or("has \\ only before * or another \\")?,
                other => other,
            };
            if let Some(part) = parts.last_mut() {
                part.push(literal);
            }
        }
        if parts.len() > MAX_WILDCARDS + 1 {
            return Err(format!("has at most {MAX_WILDCARDS} *"));
        }
        let shortest = parts.iter().map(String::len).sum();
        let mut parts = parts.into_iter();
        let first = parts.next().unwrap_or_default();
        let last = parts.next_back();
        Ok(Self { first, middle: parts.map(Needle::new).collect(), last, shortest })
    }

    /// Whether it matches one of the column's texts.
    pub fn matches_any(&self, column: &Column<'_>, steps: &Steps) -> Result<bool, TooExpensive> {
        if let Some(text) = column.only_text() {
            return self.matches(text, steps);
        }
        let longest = self.middle.iter().max_by_key(|part| part.as_str().len());
        if let Some(part) = longest.filter(|_| self.first.is_empty()) {
            return column.any_containing(part, steps, |text| self.matches(text, steps));
        }
        for text in column.starting_with(&self.first) {
            if self.matches(text, steps)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes the leftmost place for every part: nothing is tried twice.
    fn matches(&self, text: &str, steps: &Steps) -> Result<bool, TooExpensive> {
        steps.spend(WILDCARD)?;
        let Some(last) = &self.last else {
            return Ok(text == self.first);
        };
        if text.len() < self.shortest {
            return Ok(false);
        }
        let inner = text.as_bytes().strip_prefix(self.first.as_bytes());
        let Some(mut inner) = inner.and_then(|inner| inner.strip_suffix(last.as_bytes())) else {
            return Ok(false);
        };
        for part in &self.middle {
            let Some(at) = part.find(inner, steps)? else {
                return Ok(false);
            };
            inner = &inner[at + part.as_str().len()..];
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_may_not_overlap_parts() {
        let steps = Steps::new(u64::MAX);
        let matches =
            |pattern, text| Wildcard::parse(pattern).unwrap().matches(text, &steps).unwrap();
        assert!(matches("a*a", "aa") && !matches("a*a", "a"));
        assert!(matches("*aba*ab*", "ababab") && !matches("*aba*ba*", "abab"));
        assert!(matches("a*b*c", "a-b-b-c") && !matches("a*b*c", "a-c-b"));
        assert!(matches("*", "") && matches("*", "é"));
        assert!(matches(r"\**\\", r"*x\") && !matches(r"\*", "x"));
        assert!(matches("plain", "plain") && !matches("plain", "plain "));
    }
}
