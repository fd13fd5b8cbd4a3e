//! JSON as people read it: indented, and otherwise as it was written. Numbers keep their digits, keys
//! their order.

use serde::de::IgnoredAny;

/// Indents a text that is JSON; one that is not stays as it is.
pub fn indented(text: &str) -> String {
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() * 2);
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        if quoted {
            out.push(next);
            (quoted, escaped) = (next != '"' || escaped, next == '\\' && !escaped);
            continue;
        }
        match next {
            '"' => {
                quoted = true;
                out.push(next);
            }
            '{' | '[' => {
                out.push(next);
                while rest.peek().is_some_and(|c| c.is_ascii_whitespace()) {
                    rest.next();
                }
                if let Some(end) = rest.next_if(|c| matches!(c, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(next);
            }
            ',' => {
                out.push(next);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            space if space.is_ascii_whitespace() => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indents_and_changes_nothing_else() {
        let text = r#"{"n":1.50,"big":12345678901234567890,"s":"a\"{,}:\\","e":{},"l":[ ],"m":[1,{"k":null}]}"#;
        let expected = "{\n  \"n\": 1.50,\n  \"big\": 12345678901234567890,\n  \"s\": \"a\\\"{,}:\\\\\",\n  \
                        \"e\": {},\n  \"l\": [],\n  \"m\": [\n    1,\n    {\n      \"k\": null\n    }\n  ]\n}";
        assert_eq!(indented(text), expected);
    }

    #[test]
    fn what_is_no_json_stays_as_it_is() {
        for text in ["", "<script>alert(1)</script>", "{\"a\":", "plain text"] {
            assert_eq!(indented(text), text);
        }
    }
}
