//! An endpoint: a URL that an account registered, and how it wants its deliveries.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use crate::dialect::Dialect;
use crate::failure_rate::Baseline;
use crate::health::Health;
use crate::ids::EndpointId;
use crate::rate_limit::RateLimit;
use crate::retry_policy::RetryPolicy;
use crate::secret::Secret;
use crate::subscription::Subscription;
use crate::tenant::Tenant;

/// One endpoint as the table keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    pub id: EndpointId,
    pub account: Tenant,
    pub url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// None: every type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub event_types: Vec<Subscription>,
    /// The content filter's text, which parsed when it was saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Extra request headers in the letter case they were given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    pub secret: Secret,
    /// When it was set: its age.
    pub secret_created_at: Timestamp,
    /// The secrets before, while they still sign; the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_secrets: Vec<FormerSecret>,
    /// Where the dialect has tokens: what the receiver knows its sender by. Shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// 1–30; the dialect's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
    /// The dialect's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// No limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// `None` while it is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<DisabledReason>,
    /// What is wrong with it, if anything.
    #[serde(default, skip_serializing_if = "Health::is_well")]
    pub health: Health,
    /// No delivery has succeeded yet since it is at its host.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unproven: bool,
    /// What its statistics held when it was last switched on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Replaced secrets that sign at the same time: each adds a signature to every request, and a
/// header has its limits. The oldest makes way.
pub const MAX_FORMER_SECRETS: usize = 4;

/// A secret that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerSecret {
    pub secret: Secret,
    /// When it stops signing.
    pub until: Timestamp,
}

/// Why an endpoint gets no deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// Switched off by its owner.
    Manual,
    /// It answered `410 Gone`.
    Gone,
    /// Too many of its attempts failed.
    FailureRate,
    /// It failed for days, without a single success.
    Failing,
    /// It asked for it, by the header `webhook-delivery: disable`.
    Requested,
}

impl Endpoint {
    /// An endpoint that is switched on and of which nothing else is said yet.
    pub fn new(id: EndpointId, account: Tenant, secret: Secret, now: Timestamp) -> Self {
        Self {
            id,
            account,
            url: String::new(),
            description: None,
            metadata: BTreeMap::new(),
            event_types: Vec::new(),
            filter: None,
            headers: Vec::new(),
            secret,
            secret_created_at: now,
            former_secrets: Vec::new(),
            token: None,
            timeout_seconds: None,
            retry: None,
            rate_limit: None,
            disabled_reason: None,
            health: Health::default(),
            unproven: true,
            baseline: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether it gets deliveries.
    pub fn is_active(&self) -> bool {
        self.disabled_reason.is_none()
    }

    /// Whose it is by its URL: host and port.
    pub fn host(&self) -> String {
        let url = Url::parse(&self.url).ok();
        let host = url
            .as_ref()
            .and_then(|url| Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?)));
        // What is registered is a URL with both.
        host.unwrap_or_else(|| self.url.clone())
    }

    /// The secrets that sign at this time, the newest first.
    pub fn secrets(&self, now: Timestamp) -> impl Iterator<Item = &Secret> + Clone {
        std::iter::once(&self.secret).chain(self.former_secrets(now).map(|former| &former.secret))
    }

    /// The replaced secrets that still sign at this time, the newest first.
    pub fn former_secrets(&self, now: Timestamp) -> impl Iterator<Item = &FormerSecret> + Clone {
        self.former_secrets.iter().filter(move |former| now < former.until)
    }

    /// Replaces the secret. The one before goes on signing until then, as do those before it for as
    /// long as was said of them; unless `until` is now, when none of them does.
    pub fn rotate(&mut self, secret: Secret, until: Timestamp, now: Timestamp) {
        if until <= now {
            self.former_secrets.clear();
        }
        // The same request, once more.
        if secret == self.secret {
            return;
        }
        let former = FormerSecret { secret: std::mem::replace(&mut self.secret, secret), until };
        self.former_secrets.insert(0, former);
        let Self { secret, former_secrets, .. } = self;
        former_secrets.retain(|former| now < former.until && former.secret != *secret);
        former_secrets.truncate(MAX_FORMER_SECRETS);
        self.secret_created_at = now;
        self.updated_at = now;
    }

    /// How long an attempt may take, from connecting to the end of the answer.
    pub fn timeout(&self, dialect: &Dialect) -> Duration {
        self.timeout_seconds.map_or(dialect.timeout, Duration::from_secs)
    }

    /// When failed attempts are made again.
    pub fn retry_policy<'a>(&'a self, dialect: &'a Dialect) -> &'a RetryPolicy {
        self.retry.as_ref().unwrap_or(&dialect.retry)
    }

    /// How many deliveries it gets: its own limit and its account's, whichever is stricter.
    pub fn rate_limit(&self, dialect: &Dialect) -> RateLimit {
        self.rate_limit.unwrap_or_default().and(dialect.limits.rate())
    }
}

/// The part of an endpoint that says which events it gets: all that dispatch reads of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Interest {
    pub id: EndpointId,
    #[serde(default)]
    pub event_types: Vec<Subscription>,
    #[serde(default)]
    pub filter: Option<String>,
    #[serde(default)]
    pub disabled_reason: Option<DisabledReason>,
    /// When its secret was set.
    pub secret_created_at: Timestamp,
    pub created_at: Timestamp,
}

impl From<Endpoint> for Interest {
    fn from(endpoint: Endpoint) -> Self {
        let Endpoint { id, event_types, filter, disabled_reason, .. } = endpoint;
        let Endpoint { secret_created_at, created_at, .. } = endpoint;
        Self { id, event_types, filter, disabled_reason, secret_created_at, created_at }
    }
}

/// The part of an endpoint that says where it is and how it does: what the platform team sees of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Outline {
    pub id: EndpointId,
    pub url: String,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub disabled_reason: Option<DisabledReason>,
    #[serde(default)]
    pub health: Health,
}

impl Outline {
    /// Whether it gets deliveries.
    pub fn is_active(&self) -> bool {
        self.disabled_reason.is_none()
    }
}
