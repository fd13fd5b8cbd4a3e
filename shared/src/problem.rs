//! What is wrong with an input, and where.

use std::fmt;

use serde::Serialize;

/// Problems that one answer names. An input with more of them is not worth more words.
pub const MAX_PROBLEMS: usize = 32;
/// Characters of a name that a pointer shows.
pub const MAX_SHOWN_NAME: usize = 64;
/// Characters of a pointer, and of a detail, which may quote the input.
const MAX_TEXT: usize = 2_048;

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
    /// A problem at `pointer`. Both texts are cut at 2,048 characters.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: cut(pointer.into()), detail: cut(detail.into()) }
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

/// The pointer to a member of what `parent` points to. A name is cut at [`MAX_SHOWN_NAME`]
/// characters.
pub fn child(parent: &str, member: &str) -> String {
    let shown = first(member, MAX_SHOWN_NAME).replace('~', "~0").replace('/', "~1");
    format!("{parent}/{shown}")
}

/// Adds a problem, unless there are [`MAX_PROBLEMS`] already: then it is not even written.
pub fn note(problems: &mut Vec<Problem>, problem: impl FnOnce() -> Problem) {
    if problems.len() < MAX_PROBLEMS {
        problems.push(problem());
    }
}

/// Adds problems until there are [`MAX_PROBLEMS`].
pub fn note_all(problems: &mut Vec<Problem>, more: impl IntoIterator<Item = Problem>) {
    let room = MAX_PROBLEMS.saturating_sub(problems.len());
    problems.extend(more.into_iter().take(room));
}

/// The first `max` characters of a text.
fn first(text: &str, max: usize) -> &str {
    text.char_indices().nth(max).map_or(text, |(end, _)| &text[..end])
}

/// The first 2,048 characters of a text, which may quote the input.
pub fn cut(text: String) -> String {
    let shown = first(&text, MAX_TEXT);
    if shown.len() == text.len() { text } else { shown.to_owned() }
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
    fn what_the_input_says_is_shown_in_part() {
        assert_eq!(child("/a", &"é".repeat(1_000_000)), format!("/a/{}", "é".repeat(64)));
        let quoted = Problem::new("/a", format!("is a number, not {}", "9".repeat(1_000_000)));
        assert_eq!(quoted.detail.chars().count(), MAX_TEXT);
        assert_eq!(Problem::new("/a", "is a number").detail, "is a number");
    }

    #[test]
    fn problems_are_noted_up_to_their_limit() {
        let (mut problems, mut written) = (Vec::new(), 0);
        for index in 0..1_000 {
            note(&mut problems, || {
                written += 1;
                Problem::new(format!("/{index}"), "is a text")
            });
        }
        assert_eq!((problems.len(), written), (MAX_PROBLEMS, MAX_PROBLEMS));
        assert_eq!(problems[31].pointer, "/31");
        let mut some = problems[..30].to_vec();
        note_all(&mut some, problems.clone());
        assert_eq!(some.len(), MAX_PROBLEMS);
        note_all(&mut some, problems);
        assert_eq!(some.len(), MAX_PROBLEMS);
    }

    #[test]
    fn problems_read_as_sentences() {
        let problems = [Problem::new("", "not JSON"), Problem::new("/id", "too long")];
        assert_eq!(in_one_line(&problems), "not JSON; /id: too long");
    }
}
