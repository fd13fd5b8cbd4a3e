//! What a deployment sets. On AWS the template writes it into the functions' environment; the
//! one-machine stack fills the same structure itself.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use url::Url;

use crate::address_guard::{AllowedNetworks, AllowedPorts};
use crate::aws_endpoint::AwsEndpoint;
use crate::deployment_key::DeploymentKey;
use crate::dialect::Dialects;
use crate::own_addresses::OwnAddresses;
use crate::rate_limit::MAX_PER_SECOND;
use crate::traces::TraceSettings;

/// Settings of one deployment. A function gets only those it needs; an absent name is an empty
/// string, and using it fails at AWS with the name of what is missing.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The table's name.
    pub table: String,
    pub events_queue_url: String,
    pub events_dead_letter_queue_url: String,
    pub deliveries_queue_url: String,
    pub deliveries_dead_letter_queue_url: String,
    /// Where the pages of recovers and replays travel.
    pub tasks_queue_url: String,
    pub tasks_dead_letter_queue_url: String,
    /// Where operational events go for the platform team; empty: nowhere.
    pub operations_queue_url: String,
    /// The Scheduler group that holds the wake-ups of due retries.
    pub schedule_group: String,
    /// What those schedules invoke, and the role that may invoke it.
    pub retry_function_arn: String,
    pub scheduler_role_arn: String,
    /// How long events and deliveries are kept. Default 30 days.
    pub retention: Duration,
    /// Networks that deliveries may reach although they are not public.
    pub allowed_networks: AllowedNetworks,
    /// Ports that deliveries may go to.
    pub allowed_ports: AllowedPorts,
    /// Where this process listens itself: deliveries never go there. None on Lambda; never from the
    /// environment.
    pub own_addresses: OwnAddresses,
    /// After how long without a single success an endpoint that fails is switched off; `None`:
    /// never. Default 5 days.
    pub disable_after: Option<Duration>,
    /// Deliveries per second of an account to endpoints at which none has succeeded yet; `None`: no
    /// limit. Default 10.
    pub unproven_per_second: Option<u32>,
    /// Divides every retry delay; 1 in production.
    pub time_scale: f64,
    /// Lower-case hex SHA-256 of the admin key; `None`: no admin key.
    pub admin_key_sha256: Option<String>,
    /// The secret in Secrets Manager that holds the deployment key; `None`: none is read.
    pub deployment_key_arn: Option<String>,
    /// The deployment key itself, where the machine has it.
    pub deployment_key: Option<DeploymentKey>,
    /// The dialects that accounts can speak.
    pub dialects: Dialects,
    /// Where users reach the API, if not where their requests say.
    pub public_url: Option<String>,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub log_level: String,
    /// The deployment's name in its metrics; `None`: no metrics are written.
    pub metrics: Option<String>,
    /// Where traces go; `None`: there are none.
    pub traces: Option<TraceSettings>,
    /// The AWS services of the one-machine stack. Never from the environment: there it is the SDK
    /// that reads `AWS_ENDPOINT_URL`, and signs with the credentials beside it.
    pub aws_endpoint: Option<AwsEndpoint>,
}

/// A setting that can't be used, by name.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct InvalidSetting {
    pub name: &'static str,
    pub reason: String,
}

impl Settings {
    /// Reads the process environment.
    ///
    /// # Errors
    /// The first variable that doesn't parse, with its name.
    pub fn from_env() -> Result<Self, InvalidSetting> {
        Self::from_lookup(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// Reads settings through `lookup`, which answers `None` for what is not set.
    ///
    /// # Errors
    /// The first variable that doesn't parse, with its name.
    pub fn from_lookup(
        lookup: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Self, InvalidSetting> {
        let text = |name| lookup(name).unwrap_or_default();
        Ok(Self {
            table: text("POSTHORN_TABLE"),
            events_queue_url: text("POSTHORN_EVENTS_QUEUE_URL"),
            events_dead_letter_queue_url: text("POSTHORN_EVENTS_DLQ_URL"),
            deliveries_queue_url: text("POSTHORN_DELIVERIES_QUEUE_URL"),
            deliveries_dead_letter_queue_url: text("POSTHORN_DELIVERIES_DLQ_URL"),
            tasks_queue_url: text("POSTHORN_TASKS_QUEUE_URL"),
            tasks_dead_letter_queue_url: text("POSTHORN_TASKS_DLQ_URL"),
            operations_queue_url: text("POSTHORN_OPERATIONS_QUEUE_URL"),
            schedule_group: text("POSTHORN_SCHEDULE_GROUP"),
            retry_function_arn: text("POSTHORN_RETRY_FUNCTION_ARN"),
            scheduler_role_arn: text("POSTHORN_SCHEDULER_ROLE_ARN"),
            retention: retention(lookup("POSTHORN_RETENTION_DAYS"))?,
            allowed_networks: text("POSTHORN_ALLOWED_NETWORKS").parse().map_err(
                |error: <AllowedNetworks as FromStr>::Err| InvalidSetting {
                    name: "POSTHORN_ALLOWED_NETWORKS",
                    reason: error.to_string(),
                },
            )?,
            allowed_ports: text("POSTHORN_ALLOWED_PORTS").parse().map_err(
                |error: <AllowedPorts as FromStr>::Err| InvalidSetting {
                    name: "POSTHORN_ALLOWED_PORTS",
                    reason: error.to_string(),
                },
            )?,
            own_addresses: OwnAddresses::default(),
            disable_after: disable_after(lookup("POSTHORN_DISABLE_AFTER_DAYS"))?,
            unproven_per_second: unproven_per_second(lookup("POSTHORN_UNPROVEN_PER_SECOND"))?,
            time_scale: time_scale(lookup("POSTHORN_TIME_SCALE"))?,
            admin_key_sha256: lookup("POSTHORN_ADMIN_KEY_SHA256").map(|h| h.to_ascii_lowercase()),
            deployment_key_arn: lookup("POSTHORN_DEPLOYMENT_KEY_ARN"),
            deployment_key: None,
            dialects: dialects(lookup("POSTHORN_DIALECTS_DIR"))?,
            public_url: lookup("POSTHORN_PUBLIC_URL").map(|url| url.trim_end_matches('/').into()),
            log_level: lookup("POSTHORN_LOG_LEVEL").unwrap_or_else(|| "info".to_owned()),
            metrics: lookup("POSTHORN_METRICS"),
            traces: traces(&lookup)?,
            aws_endpoint: None,
        })
    }
}

fn dialects(directory: Option<String>) -> Result<Dialects, InvalidSetting> {
    let Some(directory) = directory else {
        return Ok(Dialects::built_in());
    };
    Dialects::with_directory(Path::new(&directory)).map_err(|error| InvalidSetting {
        name: "POSTHORN_DIALECTS_DIR",
        reason: error.to_string(),
    })
}

/// Reads `POSTHORN_TRACES_COLLECTOR` and `POSTHORN_TRACES_RATIO`.
///
/// # Errors
/// A collector that is no URL of http or https, a ratio that is not from 0 to 1.
pub fn traces(
    lookup: impl Fn(&'static str) -> Option<String>,
) -> Result<Option<TraceSettings>, InvalidSetting> {
    let ratio = lookup("POSTHORN_TRACES_RATIO").unwrap_or_else(|| "1".to_owned());
    let ratio = ratio.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    let ratio = ratio.ok_or_else(|| InvalidSetting {
        name: "POSTHORN_TRACES_RATIO",
        reason: "must be a number from 0 to 1: the share of events that are traced".to_owned(),
    })?;
    let Some(collector) = lookup("POSTHORN_TRACES_COLLECTOR") else {
        return Ok(None);
    };
    let url = Url::parse(&collector).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let collector = url.ok_or_else(|| InvalidSetting {
        name: "POSTHORN_TRACES_COLLECTOR",
        reason: "must be the URL of a collector that takes OTLP over HTTP, like \
                 http://localhost:4318"
            .to_owned(),
    })?;
    let service = lookup("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| "posthorn".to_owned());
    Ok(Some(TraceSettings { collector, ratio, service }))
}

fn disable_after(value: Option<String>) -> Result<Option<Duration>, InvalidSetting> {
    let days = match value {
        None => Some(5),
        Some(text) => text.parse::<u64>().ok().filter(|days| *days <= 30),
    };
    let days = days.ok_or_else(|| InvalidSetting {
        name: "POSTHORN_DISABLE_AFTER_DAYS",
        reason: "must be a whole number of days from 1 to 30, or 0 for never".to_owned(),
    })?;
    Ok((days > 0).then(|| Duration::from_secs(days * 86_400)))
}

fn retention(value: Option<String>) -> Result<Duration, InvalidSetting> {
    let days = match value {
        None => Some(30),
        Some(text) => text.parse::<u64>().ok().filter(|days| (1..=3650).contains(days)),
    };
    days.map(|days| Duration::from_secs(days * 86_400)).ok_or_else(|| InvalidSetting {
        name: "POSTHORN_RETENTION_DAYS",
        reason: "must be a whole number of days from 1 to 3650".to_owned(),
    })
}

/// Reads `POSTHORN_UNPROVEN_PER_SECOND`.
///
/// # Errors
/// Anything but a whole number from 0, for no limit, to 10,000.
pub fn unproven_per_second(value: Option<String>) -> Result<Option<u32>, InvalidSetting> {
    let limit = match value {
        None => Some(10),
        Some(text) => text.parse::<u32>().ok().filter(|limit| *limit <= MAX_PER_SECOND),
    };
    let limit = limit.ok_or_else(|| InvalidSetting {
        name: "POSTHORN_UNPROVEN_PER_SECOND",
        reason: format!("must be a whole number from 1 to {MAX_PER_SECOND}, or 0 for no limit"),
    })?;
    Ok((limit > 0).then_some(limit))
}

/// Reads `POSTHORN_TIME_SCALE`.
///
/// # Errors
/// Anything but a number from 1 to 1,000,000.
pub fn time_scale(value: Option<String>) -> Result<f64, InvalidSetting> {
    let scale = match value {
        None => Some(1.0),
        Some(text) => text.parse::<f64>().ok().filter(|s| (1.0..=1e6).contains(s)),
    };
    scale.ok_or_else(|| InvalidSetting {
        name: "POSTHORN_TIME_SCALE",
        reason: "must be a number from 1 to 1000000 (how many times faster retries come)"
            .to_owned(),
    })
}
