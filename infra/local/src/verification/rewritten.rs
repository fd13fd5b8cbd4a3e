//! A JSON body as it may have been before a program parsed it and wrote it anew.

use serde_json::Value;

/// Above it nobody waits for the answer.
const MAX_BODY: usize = 256 * 1024;

/// The forms that a body may have had, but for its own.
pub fn forms(body: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![body.trim_ascii().to_vec()];
    if body.len() <= MAX_BODY
        && let Ok(value) = serde_json::from_slice::<Value>(body)
    {
        forms.push(without_blanks(body));
        forms.extend(serde_json::to_vec_pretty(&value));
    }
    forms.retain(|form| form != body);
    forms
}

/// JSON without blanks between its parts, as most programs send it. Numbers stay as they are written.
fn without_blanks(json: &[u8]) -> Vec<u8> {
    let (mut in_string, mut is_escaped) = (false, false);
    let is_kept = |byte: &&u8| {
        if in_string {
            in_string = is_escaped || **byte != b'"';
            is_escaped = !is_escaped && **byte == b'\\';
            return true;
        }
        in_string = **byte == b'"';
        !byte.is_ascii_whitespace()
    };
    json.iter().filter(is_kept).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_go_and_nothing_else() {
        let json = br#" { "a b" : [1.50, "x \" y", "\\"] } "#;
        assert_eq!(without_blanks(json), br#"{"a b":[1.50,"x \" y","\\"]}"#);
        assert_eq!(forms(b"{}"), Vec::<Vec<u8>>::new());
        assert_eq!(forms(b"no JSON "), [b"no JSON".to_vec()]);
    }
}
