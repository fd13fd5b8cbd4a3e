//! What is wrong with an input, and where.

use std::fmt;

use serde::Serialize;

/// One thing wrong with an input. As JSON it is an entry of a problem document's `errors`
/// (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where: a JSON pointer (RFC 6901) into the input; empty: the whole of it.
    pub pointer: String,
    /// What would be right.
    pub detail: String,
}

impl Problem {
    /// A problem at `pointer`.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }

    /// The same problem of something larger, in which the input is at `pointer`.
    pub fn below(&self, pointer: &str) -> Self {
        Self::new(format!("{pointer}{}", self.pointer), self.detail.clone())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() {
            f.write_str(&self.detail)
        } else {
            write!(f, "{}: {}", self.pointer, self.detail)
        }
    }
}

/// All problems in one line, for a log or a message attribute.
pub fn in_one_line(problems: &[Problem]) -> String {
    let texts: Vec<String> = problems.iter().map(Problem::to_string).collect();
    texts.join("; ")
}

/// The pointer to a member of what `parent` points to.
pub fn child(parent: &str, member: &str) -> String {
    let member = member.replace('~', "~0").replace('/', "~1");
    format!("{parent}/{member}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_escape_as_in_rfc_6901() {
        assert_eq!(child("/data", "a/b~c"), "/data/a~1b~0c");
        assert_eq!(child("", ""), "/");
    }

    #[test]
    fn problems_read_as_sentences() {
        let problems = [Problem::new("", "not JSON"), Problem::new("/id", "too long")];
        assert_eq!(in_one_line(&problems), "not JSON; /id: too long");
    }
}
