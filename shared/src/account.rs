//! An account: a tenant of the platform team.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::AccountId;
use crate::portal_settings::PortalSettings;
use crate::rate_limit::{self, RateLimit};
use crate::retry_policy::RetryPolicy;
use crate::tenant::Tenant;

/// One tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    pub id: AccountId,
    /// What people call it, 1–256 characters.
    pub name: String,
    /// Name of the dialect that its deliveries speak.
    pub dialect: String,
    #[serde(default)]
    pub limits: Limits,
    /// When failed attempts are made again, in the dialect's place; an endpoint's own goes before.
    #[serde(default)]
    pub retry: Option<RetryPolicy>,
    /// How long an attempt may take, in the dialect's place; an endpoint's own goes before.
    #[serde(default)]
    pub timeout_seconds: Option<u64>,
    #[serde(default)]
    pub portal: PortalSettings,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// When the account that had its id before was deleted, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub former_deleted_at: Option<Timestamp>,
    /// Set while it is being deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub deleted_at: Option<Timestamp>,
}

impl Account {
    /// Which of the accounts that have had its id it is.
    pub fn tenant(&self) -> Tenant {
        let created_at = Timestamp::from_millisecond(self.created_at.as_millisecond());
        Tenant { id: self.id.clone(), created_at: created_at.unwrap_or(self.created_at) }
    }

    /// Whether something that names an account by its id alone is meant for this one: not if it was
    /// sent before the account with that id was deleted.
    pub fn is_meant(&self, sent: Timestamp) -> bool {
        self.former_deleted_at.is_none_or(|deleted_at| deleted_at < sent)
    }
}

/// How much an account may have, and an endpoint get. What an account does not say is as its dialect
/// has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Endpoints, 0–10,000; 500 where neither account nor dialect says.
    #[schema(maximum = 10_000)]
    pub endpoints: Option<u32>,
    /// Event types in its own catalog, 0–10,000; 500 where neither account nor dialect says.
    #[schema(maximum = 10_000)]
    pub event_types: Option<u32>,
    /// Deliveries per second to one endpoint, 1–10,000; an endpoint may set itself less.
    #[schema(minimum = 1, maximum = 10_000)]
    pub per_second: Option<u32>,
    /// Deliveries per hour to one endpoint, 1–10,000,000; an endpoint may set itself less.
    #[schema(minimum = 1, maximum = 10_000_000)]
    pub per_hour: Option<u32>,
    /// API requests per second of one key, 10–1,000,000; 10,000 where neither account nor dialect
    /// says.
    #[schema(minimum = 10, maximum = 1_000_000)]
    pub requests_per_second: Option<u32>,
}

/// The most that a limit may allow: every event's account is read whole.
const MAX_LIMIT: u32 = 10_000;
/// Endpoints, and event types, where nobody says.
const DEFAULT_LIMIT: u32 = 500;
/// Requests per second of a key.
const DEFAULT_REQUESTS: u32 = 10_000;
const MAX_REQUESTS: u32 = 1_000_000;

impl Limits {
    /// These, and where they say nothing those.
    pub fn or(self, others: Self) -> Self {
        Self {
            endpoints: self.endpoints.or(others.endpoints),
            event_types: self.event_types.or(others.event_types),
            per_second: self.per_second.or(others.per_second),
            per_hour: self.per_hour.or(others.per_hour),
            requests_per_second: self.requests_per_second.or(others.requests_per_second),
        }
    }

    /// As they hold: with what holds where nobody says.
    pub fn or_default(self) -> Self {
        self.or(Self {
            endpoints: Some(DEFAULT_LIMIT),
            event_types: Some(DEFAULT_LIMIT),
            requests_per_second: Some(DEFAULT_REQUESTS),
            ..Self::default()
        })
    }

    /// Endpoints of an account.
    pub fn max_endpoints(self) -> u32 {
        self.endpoints.unwrap_or(DEFAULT_LIMIT)
    }

    /// Event types in an account's own catalog.
    pub fn max_event_types(self) -> u32 {
        self.event_types.unwrap_or(DEFAULT_LIMIT)
    }

    /// Requests per second of a key.
    pub fn max_requests(self) -> u32 {
        self.requests_per_second.unwrap_or(DEFAULT_REQUESTS)
    }

    /// What any one endpoint gets at the most.
    pub fn rate(self) -> RateLimit {
        RateLimit { per_second: self.per_second, per_hour: self.per_hour }
    }

    /// What is wrong with them: a name and what would be right.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        [
            ("endpoints", self.endpoints, 0, MAX_LIMIT),
            ("event_types", self.event_types, 0, MAX_LIMIT),
            ("per_second", self.per_second, 1, rate_limit::MAX_PER_SECOND),
            ("per_hour", self.per_hour, 1, rate_limit::MAX_PER_HOUR),
            ("requests_per_second", self.requests_per_second, 10, MAX_REQUESTS),
        ]
        .into_iter()
        .filter(|(_, value, min, max)| value.is_some_and(|value| !(*min..=*max).contains(&value)))
        .map(|(name, _, min, max)| (name, format!("is a whole number from {min} to {max}")))
        .collect()
    }
}
