//! A delivery: one event on its way to one endpoint, with every attempt that was made.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{EndpointId, EventKey, EventTypeName, ProducerEventId};

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// No attempt has been made yet.
    Pending,
    /// An attempt failed and another is planned.
    Retrying,
    Delivered,
    /// Every attempt was made and none succeeded.
    Failed,
    /// The endpoint was switched off or deleted before it succeeded.
    Cancelled,
}

/// A text that is no [`Status`].
#[derive(Debug, thiserror::Error)]
#[error("is pending, retrying, delivered, failed or cancelled")]
pub struct InvalidStatus;

impl std::str::FromStr for Status {
    type Err = InvalidStatus;
    fn from_str(text: &str) -> Result<Self, InvalidStatus> {
        serde_json::from_value(serde_json::Value::from(text)).map_err(|_| InvalidStatus)
    }
}

/// What made an attempt happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    #[default]
    Automatic,
    Replay,
    Test,
}

impl Trigger {
    /// Its name, as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Replay => "replay",
            Self::Test => "test",
        }
    }
}

/// A text that is no [`Trigger`].
#[derive(Debug, thiserror::Error)]
#[error("is automatic, replay or test")]
pub struct InvalidTrigger;

impl std::str::FromStr for Trigger {
    type Err = InvalidTrigger;
    fn from_str(text: &str) -> Result<Self, InvalidTrigger> {
        let all = [Self::Automatic, Self::Replay, Self::Test];
        all.into_iter().find(|known| known.as_str() == text).ok_or(InvalidTrigger)
    }
}

/// Why there was no usable answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Nothing within the endpoint's time-out.
    Timeout,
    /// The name did not resolve.
    Dns,
    /// No connection, or it broke.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// The address guard refused the destination.
    Blocked,
    /// What came back is no HTTP.
    Protocol,
    /// An answer came, but its status is no success.
    Status,
    /// Nothing was sent: the filters of the account's endpoints take too many steps for this event,
    /// so that it is not known whether this endpoint's matches.
    Filter,
}

impl ErrorKind {
    /// Its name, as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Blocked => "blocked",
            Self::Protocol => "protocol",
            Self::Status => "status",
            Self::Filter => "filter",
        }
    }
}

/// What went wrong, in words for the customer's developer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttemptError {
    pub kind: ErrorKind,
    pub detail: String,
}

/// The request of an attempt, as it is kept: sensitive headers read `***`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentRequest {
    #[serde(rename = "u")]
    pub url: String,
    #[serde(rename = "h")]
    pub headers: Vec<(String, String)>,
}

/// The answer to an attempt, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedResponse {
    #[serde(rename = "h")]
    pub headers: Vec<(String, String)>,
    /// The first bytes; what is no UTF-8 is replaced.
    #[serde(rename = "b")]
    pub body: String,
    /// Whether headers or body were longer than what is kept.
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// One HTTP request of a delivery. Field names are short because a delivered item has to stay
/// under 1,024 bytes: above, it costs a second write unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    #[serde(rename = "n")]
    pub number: u32,
    #[serde(rename = "g", default, skip_serializing_if = "is_automatic")]
    pub trigger: Trigger,
    #[serde(rename = "t", with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub started_at: Timestamp,
    #[serde(rename = "d")]
    pub duration_ms: u64,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub error: Option<AttemptError>,
    #[serde(rename = "q")]
    pub request: SentRequest,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub response: Option<ReceivedResponse>,
}

fn is_automatic(trigger: &Trigger) -> bool {
    *trigger == Trigger::Automatic
}

/// One event on its way to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub endpoint: EndpointId,
    pub key: EventKey,
    pub event_id: Option<ProducerEventId>,
    pub event_type: EventTypeName,
    pub status: Status,
    /// Set while the status is [`Status::Retrying`].
    pub next_attempt_at: Option<Timestamp>,
    /// Oldest first.
    pub attempts: Vec<Attempt>,
}

impl Delivery {
    /// The event's id as users know it.
    pub fn public_event_id(&self) -> &str {
        match &self.event_id {
            Some(id) => id.as_str(),
            None => self.key.as_str(),
        }
    }

    /// Whether a test send made it: nobody waits for it.
    pub fn is_test(&self) -> bool {
        self.attempts.first().is_some_and(|attempt| attempt.trigger == Trigger::Test)
    }

    /// Whether it has come to an end, good or bad.
    pub fn is_over(&self) -> bool {
        matches!(self.status, Status::Delivered | Status::Failed | Status::Cancelled)
    }

    /// Whether it is unknown if the endpoint wants it, so that nothing was sent.
    pub fn is_undecided(&self) -> bool {
        let error = self.attempts.last().and_then(|attempt| attempt.error.as_ref());
        error.is_some_and(|error| error.kind == ErrorKind::Filter)
    }

    /// Number of the last attempt on record; 0 when there is none.
    pub fn last_attempt(&self) -> u32 {
        self.attempts.last().map_or(0, |attempt| attempt.number)
    }
}
