//! What an event's data may be.
//!
//! Raw JSON text is checked for its grammar alone, so it may still say what no program can read
//! into values. Such data is refused here, once: filters and receivers then never meet it.

use memchr::memchr2;
use serde_json::value::RawValue;

/// The data's JSON text: 256 KiB.
pub const MAX_DATA_BYTES: usize = 262_144;
/// Objects and lists inside one another, the data itself included. serde_json reads 128 levels,
/// and payloads wrap the data in a few of their own.
pub const MAX_DATA_DEPTH: usize = 120;

/// A number this long may be beyond what a double can hold (about 1.8e308) without an exponent.
const LONG_NUMBER: usize = 300;

/// A name by which serde_json tells raw JSON from objects: an object that begins with it would be
/// read as the value that the text beside it holds.
pub const RAW_VALUE_NAME: &str = "$serde_json::private::RawValue";

/// Why data can't be delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataFault {
    #[error("expected a JSON object")]
    NotAnObject,
    #[error("has {bytes} bytes; an event's data has at most {MAX_DATA_BYTES}")]
    TooLarge { bytes: usize },
    #[error("is nested deeper than {MAX_DATA_DEPTH} levels (at byte {at})")]
    TooDeep { at: usize },
    #[error("has a \\u escape that is half of a surrogate pair (at byte {at})")]
    LoneSurrogate { at: usize },
    #[error("has a number beyond ±1.8e308, which most receivers can't read (at byte {at})")]
    HugeNumber { at: usize },
    #[error("has the name {RAW_VALUE_NAME}, which can't be used (at byte {at})")]
    ReservedName { at: usize },
}

/// Checks data that is known to be JSON.
pub fn check(data: &RawValue) -> Result<(), DataFault> {
    let text = data.get();
    if !text.starts_with('{') {
        return Err(DataFault::NotAnObject);
    }
    if text.len() > MAX_DATA_BYTES {
        return Err(DataFault::TooLarge { bytes: text.len() });
    }
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                let start = at;
                at = end_of_string(bytes, at + 1)?;
                if is_raw_value_name(&text[start..at]) {
                    return Err(DataFault::ReservedName { at: start });
                }
                continue;
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DATA_DEPTH {
                    return Err(DataFault::TooDeep { at });
                }
            }
            b'}' | b']' => depth -= 1,
            b'-' | b'0'..=b'9' => {
                at = end_of_number(text, at)?;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// Whether a text, in its quotes, says this name.
fn is_raw_value_name(quoted: &str) -> bool {
    // The `$` itself can be escaped in one way only.
    let may_be = quoted.starts_with("\"$") || quoted.starts_with("\"\\u0024");
    may_be && serde_json::from_str::<String>(quoted).is_ok_and(|text| text == RAW_VALUE_NAME)
}

/// The place after the closing quote of a string whose first character is at `at`.
fn end_of_string(bytes: &[u8], mut at: usize) -> Result<usize, DataFault> {
    while let Some(skipped) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += skipped;
        if bytes[at] == b'"' {
            return Ok(at + 1);
        }
        at = end_of_escape(bytes, at)?;
    }
    Ok(bytes.len())
}

fn end_of_escape(bytes: &[u8], at: usize) -> Result<usize, DataFault> {
    if bytes.get(at + 1) != Some(&b'u') {
        return Ok(at + 2);
    }
    match code_unit(bytes, at) {
        Some(0xd800..=0xdbff) => match code_unit(bytes, at + 6) {
            Some(0xdc00..=0xdfff) => Ok(at + 12),
            _ => Err(DataFault::LoneSurrogate { at }),
        },
        Some(0xdc00..=0xdfff) => Err(DataFault::LoneSurrogate { at }),
        _ => Ok(at + 6),
    }
}

/// What `\uXXXX` at `at` stands for, if it is there.
fn code_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn end_of_number(text: &str, at: usize) -> Result<usize, DataFault> {
    let bytes = &text.as_bytes()[at..];
    let (mut length, mut has_exponent) = (0, false);
    while let Some(byte @ (b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')) = bytes.get(length) {
        has_exponent |= matches!(byte, b'e' | b'E');
        length += 1;
    }
    let end = at + length;
    if (has_exponent || length > LONG_NUMBER)
        && serde_json::from_str::<f64>(&text[at..end]).is_err()
    {
        return Err(DataFault::HugeNumber { at });
    }
    Ok(end)
}
