//! A queue's attributes: their limits, and their form on the wire.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::SqsError;
use crate::aws::{ACCOUNT, REGION};

/// A queue as `CreateQueue` describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueSpec {
    /// 1–80 letters, digits, `-` and `_`.
    pub name: String,
    /// 0–12 h.
    pub visibility_timeout: Duration,
    /// 0–15 min.
    pub delay: Duration,
    /// 1 min–14 d.
    pub retention: Duration,
    /// Bytes, 1,024–1,048,576.
    pub max_message_size: u32,
    pub redrive: Option<Redrive>,
}

/// Where messages go that were received too often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redrive {
    /// The queue's name.
    pub dead_letter_queue: String,
    /// 1–1,000.
    pub max_receive_count: u32,
}

impl QueueSpec {
    /// AWS's defaults: 30 s, no delay, 4 days, 1 MiB, no redrive.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            visibility_timeout: Duration::from_secs(30),
            delay: Duration::ZERO,
            retention: Duration::from_secs(4 * 24 * 60 * 60),
            max_message_size: 1024 * 1024,
            redrive: None,
        }
    }
}

/// A queue that exists.
#[derive(Debug, Clone)]
pub struct Queue {
    pub id: i64,
    pub spec: QueueSpec,
    pub extras: Extras,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch.
    pub modified_at: i64,
}

/// Attributes that only the wire knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extras {
    /// `ReceiveMessageWaitTimeSeconds`, 0–20: the wait of a receive that names none.
    pub receive_wait: u64,
    /// Taken and given back, without a meaning here: policies and encryption.
    pub opaque: BTreeMap<String, String>,
}

/// Attributes that mean something on AWS and nothing on one machine.
const OPAQUE: [&str; 5] = [
    "Policy",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "SqsManagedSseEnabled",
    "RedriveAllowPolicy",
];

pub fn arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

/// # Errors
/// `InvalidParameterValue` for a name that no queue can have.
pub fn check_name(name: &str) -> Result<(), SqsError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !name.is_empty() && name.len() <= 80 && name.bytes().all(plain) {
        return Ok(());
    }
    Err(SqsError::InvalidParameterValue(
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
            .to_owned(),
    ))
}

/// Applies the attributes of a `CreateQueue` or `SetQueueAttributes` request.
///
/// # Errors
/// An unknown attribute, or a value outside its limits.
pub fn apply(
    spec: &mut QueueSpec,
    extras: &mut Extras,
    attributes: &BTreeMap<String, String>,
) -> Result<(), SqsError> {
    for (name, value) in attributes {
        let seconds = |min, max| number(name, value, min, max).map(Duration::from_secs);
        match name.as_str() {
            "VisibilityTimeout" => spec.visibility_timeout = seconds(0, 43_200)?,
            "DelaySeconds" => spec.delay = seconds(0, 900)?,
            "MessageRetentionPeriod" => spec.retention = seconds(60, 1_209_600)?,
            "ReceiveMessageWaitTimeSeconds" => extras.receive_wait = number(name, value, 0, 20)?,
            "MaximumMessageSize" => {
                let size = number(name, value, 1_024, 1_048_576)?;
                spec.max_message_size = u32::try_from(size).unwrap_or(u32::MAX);
            }
            "RedrivePolicy" if value.is_empty() => spec.redrive = None,
            "RedrivePolicy" => spec.redrive = Some(redrive(value)?),
            "FifoQueue"
            | "ContentBasedDeduplication"
            | "DeduplicationScope"
            | "FifoThroughputLimit" => {
                return Err(SqsError::InvalidAttributeName(format!(
                    "{name}: FIFO queues are not part of the one-machine stack"
                )));
            }
            _ if OPAQUE.contains(&name.as_str()) => {
                extras.opaque.insert(name.clone(), value.clone());
            }
            _ => return Err(SqsError::InvalidAttributeName(name.clone())),
        }
    }
    Ok(())
}

fn number(name: &str, value: &str, min: u64, max: u64) -> Result<u64, SqsError> {
    match value.parse() {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        _ => Err(SqsError::InvalidAttributeValue(format!(
            "Invalid value for the parameter {name}. Reason: {value} is not between {min} and {max}."
        ))),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedrivePolicy {
    dead_letter_target_arn: String,
    /// A number, or a number in quotes: AWS takes both.
    max_receive_count: serde_json::Value,
}

fn redrive(policy: &str) -> Result<Redrive, SqsError> {
    let invalid = |reason: &str| {
        SqsError::InvalidAttributeValue(format!(
            "Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}"
        ))
    };
    let parsed: RedrivePolicy = serde_json::from_str(policy)
        .map_err(|_| invalid("Redrive policy is not a valid JSON map."))?;
    let count = match &parsed.max_receive_count {
        serde_json::Value::String(text) => text.parse().ok(),
        value => value.as_u64(),
    };
    let count = count
        .filter(|count| (1..=1_000).contains(count))
        .and_then(|count| u32::try_from(count).ok())
        .ok_or_else(|| invalid("Invalid value for maxReceiveCount: must be from 1 to 1000."))?;
    let name = parsed
        .dead_letter_target_arn
        .strip_prefix(&arn(""))
        .ok_or_else(|| invalid("Invalid value for deadLetterTargetArn."))?;
    Ok(Redrive { dead_letter_queue: name.to_owned(), max_receive_count: count })
}

impl Queue {
    /// The attributes that are stored with the queue, as the wire names them.
    pub fn attributes(&self) -> BTreeMap<String, String> {
        let spec = &self.spec;
        let mut attributes = self.extras.opaque.clone();
        let mut put = |name: &str, value: String| {
            attributes.insert(name.to_owned(), value);
        };
        put("QueueArn", arn(&spec.name));
        put("CreatedTimestamp", self.created_at.to_string());
        put("LastModifiedTimestamp", self.modified_at.to_string());
        put("VisibilityTimeout", spec.visibility_timeout.as_secs().to_string());
        put("DelaySeconds", spec.delay.as_secs().to_string());
        put("MessageRetentionPeriod", spec.retention.as_secs().to_string());
        put("MaximumMessageSize", spec.max_message_size.to_string());
        put("ReceiveMessageWaitTimeSeconds", self.extras.receive_wait.to_string());
        if let Some(redrive) = &spec.redrive {
            let policy = serde_json::json!({
                "deadLetterTargetArn": arn(&redrive.dead_letter_queue),
                "maxReceiveCount": redrive.max_receive_count,
            });
            put("RedrivePolicy", policy.to_string());
        }
        attributes.entry("SqsManagedSseEnabled".to_owned()).or_insert_with(|| "true".to_owned());
        attributes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(name: &str, value: &str) -> Result<QueueSpec, SqsError> {
        let mut spec = QueueSpec::named("q");
        let attributes = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        apply(&mut spec, &mut Extras::default(), &attributes).map(|()| spec)
    }

    #[test]
    fn limits_are_those_of_aws() {
        assert_eq!(applied("DelaySeconds", "900").unwrap().delay, Duration::from_secs(900));
        for (name, value) in [
            ("DelaySeconds", "901"),
            ("DelaySeconds", "x"),
            ("VisibilityTimeout", "43201"),
            ("MessageRetentionPeriod", "59"),
            ("MaximumMessageSize", "1048577"),
            ("ReceiveMessageWaitTimeSeconds", "21"),
            ("RedrivePolicy", "{}"),
            ("RedrivePolicy", r#"{"deadLetterTargetArn":"x","maxReceiveCount":3}"#),
        ] {
            let error = applied(name, value).unwrap_err();
            assert!(matches!(error, SqsError::InvalidAttributeValue(_)), "{name}: {error}");
        }
        for name in ["Nonsense", "FifoQueue"] {
            let error = applied(name, "true").unwrap_err();
            assert!(matches!(error, SqsError::InvalidAttributeName(_)), "{name}: {error}");
        }
    }

    #[test]
    fn a_redrive_policy_counts_in_numbers_or_text() {
        for count in ["3", "\"3\""] {
            let arn = arn("dead");
            let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{count}}}"#);
            let redrive = applied("RedrivePolicy", &policy).unwrap().redrive.unwrap();
            assert_eq!(redrive.dead_letter_queue, "dead");
            assert_eq!(redrive.max_receive_count, 3);
        }
    }

    #[test]
    fn names_are_checked() {
        assert!(check_name("posthorn-events_1").is_ok());
        for bad in ["", "a.fifo", "a b", &"x".repeat(81)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
