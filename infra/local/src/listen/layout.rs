//! JSON laid out for reading. Only blanks are changed: numbers and escapes stay as they were sent.

use serde::de::IgnoredAny;

/// Bytes of a layout; what is nested deeply grows a lot.
const MAX: usize = 2 * 1024 * 1024;

/// A JSON text over several lines; `None` when it is none, or would become too large.
pub fn json(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut laid_out = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    let mut all = text.chars().peekable();
    while let Some(c) = all.next() {
        if laid_out.len() > MAX {
            return None;
        }
        if in_string {
            laid_out.push(c);
            in_string = is_escaped || c != '"';
            is_escaped = !is_escaped && c == '\\';
            continue;
        }
        match c {
            c if c.is_ascii_whitespace() => {}
            '{' | '[' => {
                laid_out.push(c);
                while all.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                match all.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => laid_out.push(end),
                    None => {
                        depth += 1;
                        new_line(&mut laid_out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut laid_out, depth);
                laid_out.push(c);
            }
            ',' => {
                laid_out.push(c);
                new_line(&mut laid_out, depth);
            }
            ':' => laid_out.push_str(": "),
            c => {
                in_string = c == '"';
                laid_out.push(c);
            }
        }
    }
    Some(laid_out)
}

fn new_line(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blanks_change() {
        let text = concat!(
            r#" {"a" :1.50,"b":["x, {\"y\": [1]} \\", 12345678901234567890],"#,
            r#""c":{ },"d":[],"e":[[]]}"#
        );
        let expected = r#"{
  "a": 1.50,
  "b": [
    "x, {\"y\": [1]} \\",
    12345678901234567890
  ],
  "c": {},
  "d": [],
  "e": [
    []
  ]
}"#;
        assert_eq!(json(text.as_bytes()).unwrap(), expected);
        for other in [&b"{"[..], b"", b"hello", b"\xff", b"{}{}"] {
            assert_eq!(json(other), None);
        }
    }

    #[test]
    fn what_would_grow_too_large_is_left_alone() {
        let deep = format!("{}{}{}", "[".repeat(100), "1,".repeat(200_000) + "1", "]".repeat(100));
        assert_eq!(json(deep.as_bytes()), None);
    }
}
