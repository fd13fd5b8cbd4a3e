//! The table: one DynamoDB table for everything, as laid out in `docs/ARCHITECTURE.md`.
//!
//! Rows are the truth; messages and schedules only wake somebody up to look at them.

mod accounts;
mod counters;
mod deliveries;
mod document;
mod due_rows;
mod endpoints;
mod event_hours;
mod event_log;
mod event_types;
mod events;
mod failed_deliveries;
mod failing;
mod idempotency;
mod keys;
mod platform_sessions;
mod portal_sessions;
mod seals;
mod shards;
mod slots;
mod stats;
mod table;
mod tasks;
mod transactions;

pub use accounts::{AccountItems, AccountPage};
pub use counters::Created;
pub use deliveries::{DeliveryFilter, DeliveryPage, LogCursor};
pub use document::{Change, Page};
pub use due_rows::SweepCursor;
pub use event_log::{EventFilter, EventPage};
pub use events::Claim;
pub use failed_deliveries::FailedRange;
pub use idempotency::Earlier;
pub use platform_sessions::PlatformSession;
pub use portal_sessions::{Opened, PortalSession, PortalVisit};
pub use seals::EndpointSeal;

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use moka::sync::Cache;

use crate::aws_error::causes;
use crate::changes::Changes;
use crate::clock::Clock;
use crate::deployment_key::{DeploymentKey, NoDeploymentKey};
use crate::metrics::Metrics;
use crate::runtime::Runtime;

/// An item of the table.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Marks of events' hours that a process remembers to have made, and for how long: each is of use in its
/// own hour.
const MAX_MARKED: u64 = 20_000;
const MARKED: Duration = Duration::from_secs(2 * 3600);

/// Reads and writes the table. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
    retention: Duration,
    /// Only functions that need it have it.
    deployment_key: Option<DeploymentKey>,
    clock: Clock,
    metrics: Metrics,
    /// The marks of events' hours that are made.
    marked: Cache<keys::Key, ()>,
    changes: Changes,
}

/// Why the table could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB refused or did not answer: passing, most of the time.
    #[error("DynamoDB: {0}")]
    DynamoDb(String),
    /// An item that this release can't read.
    #[error("item {pk} {sk}: {reason}")]
    Item { pk: String, sk: String, reason: String },
    /// What an item holds sealed could be neither sealed nor opened: passing, most of the time.
    #[error(transparent)]
    DeploymentKey(#[from] NoDeploymentKey),
    /// The item changed between reading and writing, several times over.
    #[error("changed by others at the same time; try again")]
    Contended,
}

impl Store {
    pub fn new(runtime: &Runtime) -> Self {
        Self {
            dynamodb: runtime.dynamodb.clone(),
            table: runtime.settings.table.clone(),
            retention: runtime.settings.retention,
            deployment_key: runtime.settings.deployment_key.clone(),
            clock: runtime.clock.clone(),
            metrics: runtime.metrics.clone(),
            marked: Cache::builder().max_capacity(MAX_MARKED).time_to_live(MARKED).build(),
            changes: runtime.changes.clone(),
        }
    }

    /// What this process has written of accounts and catalogs.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// When an item of an event that was received then expires, in seconds since the epoch: the
    /// table's TTL attribute `x`.
    fn expiry(&self, received: Timestamp) -> i64 {
        received.as_second().saturating_add_unsigned(self.retention.as_secs())
    }
}

fn sdk_error(error: impl std::error::Error + 'static) -> StoreError {
    StoreError::DynamoDb(causes(&error))
}

fn string(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Reads attributes of an item, naming the item when one is missing or of another type.
struct Reader<'a>(&'a Item);

impl Reader<'_> {
    fn text(&self, name: &str) -> Result<&str, StoreError> {
        self.optional_text(name).ok_or_else(|| self.error(format!("no string {name}")))
    }

    fn optional_text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_s().ok().map(String::as_str)
    }

    fn parse<T: std::str::FromStr>(&self, name: &str) -> Result<T, StoreError>
    where
        T::Err: std::fmt::Display,
    {
        self.text(name)?.parse().map_err(|e| self.error(format!("{name}: {e}")))
    }

    fn millis(&self, name: &str) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.integer(name)?).ok()
    }

    fn integer(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_n().ok()?.parse().ok()
    }

    fn error(&self, reason: String) -> StoreError {
        let key = |name: &str| self.optional_text(name).unwrap_or_default().to_owned();
        StoreError::Item { pk: key("pk"), sk: key("sk"), reason }
    }
}
