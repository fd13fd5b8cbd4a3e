//! `*` stands for any characters, none included; `\*` and `\\` for themselves.

use super::MAX_WILDCARDS;

/// A text with holes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wildcard {
    first: String,
    /// What stands between the holes and after the last one; empty: there is no `*`.
    rest: Vec<String>,
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
        let rest = parts.split_off(1);
        Ok(Self { first: parts.concat(), rest })
    }

    /// Takes the leftmost place for every part, so the time is linear in the text.
    pub fn matches(&self, text: &str) -> bool {
        let Some((last, middle)) = self.rest.split_last() else {
            return text == self.first;
        };
        let inner = text.strip_prefix(&*self.first).and_then(|rest| rest.strip_suffix(&**last));
        let Some(mut inner) = inner else {
            return false;
        };
        middle.iter().all(|part| match inner.split_once(&**part) {
            Some((_, after)) => {
                inner = after;
                true
            }
            None => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_may_not_overlap_parts() {
        let matches = |pattern, text| Wildcard::parse(pattern).unwrap().matches(text);
        assert!(matches("a*a", "aa") && !matches("a*a", "a"));
        assert!(matches("*aba*ab*", "ababab") && !matches("*aba*ba*", "abab"));
        assert!(matches("a*b*c", "a-b-b-c") && !matches("a*b*c", "a-c-b"));
        assert!(matches("*", "") && matches("*", "é"));
        assert!(matches(r"\**\\", r"*x\") && !matches(r"\*", "x"));
        assert!(matches("plain", "plain") && !matches("plain", "plain "));
    }
}
