//! How much of an answer is kept.
//!
//! Of a success, as much as fits beside the rest in an item of one write unit: nobody debugs it. Of
//! a failure, enough to see why.

use posthorn_shared::delivery::ReceivedResponse;
use posthorn_shared::header_rules::{REDACTED, is_sensitive};

use crate::exchange::Answer;

struct Allowance {
    headers: usize,
    body: usize,
}

const SUCCESS: Allowance = Allowance { headers: 192, body: 128 };
const FAILURE: Allowance = Allowance { headers: 2_048, body: 4_096 };

/// Cuts an answer down to what is kept.
pub fn keep(answer: &Answer, delivered: bool) -> ReceivedResponse {
    let allowance = if delivered { SUCCESS } else { FAILURE };
    let mut truncated = answer.body_cut;

    let mut left = allowance.headers;
    let mut headers = Vec::new();
    for (name, value) in &answer.headers {
        let sensitive = is_sensitive(name.as_str());
        let value =
            if sensitive { REDACTED.into() } else { String::from_utf8_lossy(value.as_bytes()) };
        let size = name.as_str().len() + value.len();
        if size > left {
            truncated = true;
            continue;
        }
        left -= size;
        headers.push((name.as_str().to_owned(), value.into_owned()));
    }

    let text = String::from_utf8_lossy(&answer.body);
    let end = (0..=allowance.body.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    let body = text[..end.unwrap_or(0)].to_owned();
    truncated |= body.len() < text.len();
    ReceivedResponse { headers, body, truncated }
}
