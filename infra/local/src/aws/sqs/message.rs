//! A message: its checks at the door, its checksums, and what a receiver sees of it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use super::error::SqsError;

/// A message on its way into a queue; its checks are done.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// UUID.
    pub id: String,
    pub body: String,
    /// The request's own delay in milliseconds, instead of the queue's.
    pub delay: Option<i64>,
    /// `""` for none.
    pub group: String,
    pub attributes: BTreeMap<String, MessageAttribute>,
    /// The system attribute `AWSTraceHeader`.
    pub trace: Option<String>,
}

/// What a receive brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// UUID.
    pub message_id: String,
    pub receipt_handle: String,
    pub body: String,
    /// Lowercase hex.
    pub md5_of_body: String,
    /// System attributes: `SentTimestamp`, `ApproximateReceiveCount`, `MessageGroupId`, …
    pub attributes: BTreeMap<&'static str, String>,
    pub message_attributes: BTreeMap<String, MessageAttribute>,
    /// Lowercase hex; none without message attributes.
    pub md5_of_message_attributes: Option<String>,
}

impl ReceivedMessage {
    /// Bytes that SQS bills: the body and the message attributes.
    pub fn size(&self) -> usize {
        self.body.len() + attributes_size(&self.message_attributes)
    }
}

/// A message attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageAttribute {
    /// `String`, `Number` or `Binary`, with an optional label such as `String.json`.
    pub data_type: String,
    pub value: AttributeValue,
}

/// Its value; numbers are text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeValue {
    String(String),
    Binary(Vec<u8>),
}

/// A message attribute as the wire has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct WireAttribute {
    pub data_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string_value: Option<String>,
    /// Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary_value: Option<String>,
}

impl MessageAttribute {
    /// # Errors
    /// `InvalidParameterValue` for a type or value that SQS does not take.
    pub fn from_wire(name: &str, wire: WireAttribute) -> Result<Self, SqsError> {
        let invalid = |reason: &str| {
            SqsError::InvalidParameterValue(format!(
                "The message attribute '{name}' is invalid. Reason: {reason}"
            ))
        };
        let data_type = wire.data_type.unwrap_or_default();
        let base = data_type.split('.').next().unwrap_or_default();
        let value = match (base, wire.string_value, wire.binary_value) {
            ("String", Some(text), None) => AttributeValue::String(text),
            ("Number", Some(text), None) if text.parse::<f64>().is_ok() => {
                AttributeValue::String(text)
            }
            ("Number", Some(_), None) => return Err(invalid("the value is not a number.")),
            ("Binary", None, Some(text)) => AttributeValue::Binary(
                STANDARD.decode(text).map_err(|_| invalid("the value is not base64."))?,
            ),
            ("String" | "Number" | "Binary", ..) => {
                return Err(invalid("it must contain one value of its type."));
            }
            _ => {
                return Err(invalid(
                    "the type must be String, Number or Binary, with an optional label.",
                ));
            }
        };
        match &value {
            AttributeValue::String(text) if text.is_empty() => Err(invalid("the value is empty.")),
            AttributeValue::Binary(bytes) if bytes.is_empty() => {
                Err(invalid("the value is empty."))
            }
            AttributeValue::String(text) => {
                check_characters(text)?;
                Ok(Self { data_type, value })
            }
            AttributeValue::Binary(_) => Ok(Self { data_type, value }),
        }
    }

    pub fn to_wire(&self) -> WireAttribute {
        let (string_value, binary_value) = match &self.value {
            AttributeValue::String(text) => (Some(text.clone()), None),
            AttributeValue::Binary(bytes) => (None, Some(STANDARD.encode(bytes))),
        };
        WireAttribute { data_type: Some(self.data_type.clone()), string_value, binary_value }
    }

    fn value_bytes(&self) -> &[u8] {
        match &self.value {
            AttributeValue::String(text) => text.as_bytes(),
            AttributeValue::Binary(bytes) => bytes,
        }
    }
}

/// # Errors
/// `InvalidParameterValue` for a name that SQS does not take.
pub fn check_attribute_name(name: &str) -> Result<(), SqsError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let lower = name.to_ascii_lowercase();
    let taken = lower.starts_with("aws.") || lower.starts_with("amazon.");
    let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    if !name.is_empty() && name.len() <= 256 && name.bytes().all(plain) && !taken && !dots {
        return Ok(());
    }
    Err(SqsError::InvalidParameterValue(format!("The message attribute name '{name}' is invalid.")))
}

/// # Errors
/// `InvalidMessageContents` for a character that XML 1.0 has not.
pub fn check_characters(text: &str) -> Result<(), SqsError> {
    // Almost every text is decided by this one pass over its bytes.
    if text.bytes().all(|byte| (0x20..0x80).contains(&byte)) {
        return Ok(());
    }
    let allowed = |c: char| {
        matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}')
            || c >= '\u{10000}'
    };
    match text.chars().find(|c| !allowed(*c)) {
        None => Ok(()),
        Some(bad) => Err(SqsError::InvalidMessageContents(u32::from(bad))),
    }
}

/// Bytes of names, types and values: they count for the size limit and for billing.
pub fn attributes_size(attributes: &BTreeMap<String, MessageAttribute>) -> usize {
    attributes
        .iter()
        .map(|(name, attribute)| {
            name.len() + attribute.data_type.len() + attribute.value_bytes().len()
        })
        .sum()
}

/// Lowercase hex.
pub fn md5_of(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

/// SQS's checksum of message attributes; none if there are none.
/// Source: Developer Guide, "Calculating the MD5 message digest for message attributes".
pub fn md5_of_attributes<'a>(
    attributes: impl IntoIterator<Item = (&'a String, &'a MessageAttribute)>,
) -> Option<String> {
    let mut digest = Md5::new();
    let mut any = false;
    // Both maps that come in are sorted by name, which is the order the checksum wants.
    for (name, attribute) in attributes {
        any = true;
        let transport: u8 = match attribute.value {
            AttributeValue::String(_) => 1,
            AttributeValue::Binary(_) => 2,
        };
        put_text(&mut digest, name.as_bytes());
        put_text(&mut digest, attribute.data_type.as_bytes());
        digest.update([transport]);
        put_text(&mut digest, attribute.value_bytes());
    }
    any.then(|| hex(&digest.finalize()))
}

fn put_text(digest: &mut Md5, bytes: &[u8]) {
    digest.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    digest.update(bytes);
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(value: &str) -> WireAttribute {
        WireAttribute {
            data_type: Some("String".to_owned()),
            string_value: Some(value.to_owned()),
            binary_value: None,
        }
    }

    #[test]
    fn checksums_are_those_of_sqs() {
        assert_eq!(md5_of(b"hello world"), "5eb63bbbe01eeed093cb22bb8f5acdc3");
        // From moto's tests, which recorded it from AWS.
        let attribute = MessageAttribute::from_wire(
            "timestamp",
            WireAttribute {
                data_type: Some("Number".to_owned()),
                string_value: Some("1493147359900".to_owned()),
                binary_value: None,
            },
        )
        .unwrap();
        let attributes = BTreeMap::from([("timestamp".to_owned(), attribute)]);
        assert_eq!(
            md5_of_attributes(&attributes).as_deref(),
            Some("235c5c510d26fb653d073faed50ae77c")
        );
        assert_eq!(md5_of_attributes(&BTreeMap::new()), None);
    }

    #[test]
    fn attributes_are_checked() {
        assert!(MessageAttribute::from_wire("a", string("x")).is_ok());
        assert!(MessageAttribute::from_wire("a", string("")).is_err());
        let number = WireAttribute { data_type: Some("Number".to_owned()), ..string("x") };
        assert!(MessageAttribute::from_wire("a", number).is_err());
        let unknown = WireAttribute { data_type: Some("Nonsense".to_owned()), ..string("x") };
        assert!(MessageAttribute::from_wire("a", unknown).is_err());
        for bad in ["", "AWS.x", "a b", ".a", "a..b"] {
            assert!(check_attribute_name(bad).is_err(), "{bad}");
        }
        assert!(check_attribute_name("posthorn-reason.1").is_ok());
    }

    #[test]
    fn characters_outside_xml_are_refused() {
        assert!(check_characters("tab\t, line\r\n, ü, 🦀").is_ok());
        assert_eq!(check_characters("\u{1}"), Err(SqsError::InvalidMessageContents(1)));
        assert_eq!(check_characters("\u{FFFE}"), Err(SqsError::InvalidMessageContents(0xFFFE)));
    }
}
