//! How deliveries look and behave for the accounts that speak a dialect.

use std::time::Duration;

use crate::retry_policy::{Delay, RetryPolicy};
use crate::secret::Secret;
use crate::signing;
use crate::stored_event::StoredEvent;

/// `User-Agent` of every delivery.
pub const USER_AGENT: &str = concat!("Posthorn/", env!("CARGO_PKG_VERSION"));

/// The dialect of accounts that name none.
pub const DEFAULT: &str = "standard";

/// All of them.
pub const NAMES: [&str; 1] = [DEFAULT];

/// A dialect's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialect {
    pub name: String,
    pub retry: RetryPolicy,
    pub timeout: Duration,
}

/// What an attempt is signed over.
#[derive(Debug, Clone, Copy)]
pub struct Signable<'a> {
    /// The event's id as users know it.
    pub event_id: &'a str,
    /// Seconds since the epoch, of this attempt.
    pub timestamp: i64,
    pub body: &'a [u8],
}

impl Dialect {
    /// Names of the headers that [`Self::headers`] makes.
    pub const HEADERS: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];

    /// The dialect of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        (name == DEFAULT).then(Self::standard)
    }

    /// Standard Webhooks 1.0, with the retry schedule that its specification suggests.
    pub fn standard() -> Self {
        const HOUR: u64 = 3600;
        let pauses = [5, 300, 1800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR];
        Self {
            name: DEFAULT.to_owned(),
            retry: RetryPolicy::Schedule { schedule: pauses.map(Delay::from_secs).to_vec() },
            timeout: Duration::from_secs(15),
        }
    }

    /// The body that receivers get.
    pub fn render(&self, event: &StoredEvent) -> String {
        format!(
            r#"{{"type":"{}","timestamp":"{}","data":{}}}"#,
            event.event_type, event.timestamp, event.data
        )
    }

    /// The headers that identify and sign a delivery, in the letter case they are sent in.
    /// Every secret signs: during a rotation there are two.
    pub fn headers<'s>(
        &self,
        secrets: impl Iterator<Item = &'s Secret>,
        signable: Signable<'_>,
    ) -> Vec<(&'static str, String)> {
        let Signable { event_id, timestamp, body } = signable;
        let signatures: Vec<String> = secrets
            .map(|secret| signing::standard_webhooks(secret, event_id, timestamp, body))
            .collect();
        let values = [event_id.to_owned(), timestamp.to_string(), signatures.join(" ")];
        Self::HEADERS.into_iter().zip(values).collect()
    }

    /// Whether a header of this name (in lower case) belongs to the dialect's signature.
    pub fn owns_header(&self, lower_case: &str) -> bool {
        lower_case.starts_with("webhook-")
    }
}
