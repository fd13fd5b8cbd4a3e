//! The settings of the one-machine stack, from the environment.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use posthorn_shared::address_guard::{AllowedNetworks, AllowedPorts};
use posthorn_shared::aws_endpoint::AwsKey;
use posthorn_shared::dialect::Dialects;
use posthorn_shared::settings::{self, InvalidSetting, time_scale};
use posthorn_shared::traces::TraceSettings;
use tracing::level_filters::LevelFilter;

use crate::door::Hosts;
use crate::server::Limits;
use crate::template::BUILT_IN;
use crate::usage::{OrUsage, Usage};
use crate::web;

/// Where the API is by default.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
/// Where DynamoDB, SQS and Scheduler are by default.
pub const DEFAULT_AWS_LISTEN: &str = "127.0.0.1:4566";
/// Networks that deliveries may reach by default, although they are not public.
pub const DEFAULT_ALLOWED_NETWORKS: &str = "127.0.0.0/8,::1/128";
/// Seconds for the head of a request by default.
pub const DEFAULT_HEAD_SECONDS: &str = "10";
/// Seconds for the body of a request by default.
pub const DEFAULT_BODY_SECONDS: &str = "30";
/// Connections to a port by default.
pub const DEFAULT_CONNECTIONS: &str = "512";

/// What a start needs to know.
pub struct Options {
    /// API and portal.
    pub listen: SocketAddr,
    /// DynamoDB, SQS and Scheduler.
    pub aws_listen: SocketAddr,
    /// `:memory:` keeps nothing.
    pub data_dir: String,
    /// `None`: the one in the data directory, or a new one.
    pub admin_key: Option<String>,
    /// What DynamoDB, SQS and Scheduler take. `None`: the one in the data directory, or a new one.
    pub aws_key: Option<AwsKey>,
    /// Names under which both ports are found, besides addresses and `localhost`.
    pub hosts: Hosts,
    /// Where users reach the API and the portal, if not where their requests say.
    pub public_url: Option<String>,
    /// What clients of both ports are given.
    pub limits: Limits,
    /// Networks that deliveries may reach although they are not public.
    pub allowed_networks: AllowedNetworks,
    /// Ports that deliveries may go to.
    pub allowed_ports: AllowedPorts,
    /// Those that are built in, and the files of a directory.
    pub dialects: Dialects,
    /// Deliveries per second of an account to endpoints at which none has succeeded yet; `None`: no
    /// limit.
    pub unproven_per_second: Option<u32>,
    /// Divides every retry delay.
    pub time_scale: f64,
    /// The share of calls to DynamoDB, SQS and Scheduler that are refused.
    pub aws_throttle: f64,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub log_level: String,
    /// The name under which metrics are printed; `None`: they are not.
    pub metrics: Option<String>,
    /// Where traces go; `None`: there are none.
    pub traces: Option<TraceSettings>,
    /// The template's text.
    pub template: String,
}

/// Default values that depend on the command.
pub struct Defaults {
    /// `POSTHORN_DATA_DIR`.
    pub data_dir: &'static str,
    /// `POSTHORN_TIME_SCALE`.
    pub time_scale: &'static str,
}

/// Of a stack that is to be used.
pub const DEFAULTS: Defaults = Defaults { data_dir: ".posthorn", time_scale: "1" };

impl Options {
    /// Reads the environment.
    ///
    /// # Errors
    /// [`Usage`] for the first variable with a wrong value; another error for a file that can't be
    /// read.
    pub fn from_env(defaults: &Defaults) -> Result<Self> {
        let time_scale_text = set_or("POSTHORN_TIME_SCALE", defaults.time_scale);
        Ok(Self {
            listen: address("POSTHORN_LISTEN", DEFAULT_LISTEN)?,
            aws_listen: address("POSTHORN_AWS_LISTEN", DEFAULT_AWS_LISTEN)?,
            data_dir: set_or("POSTHORN_DATA_DIR", defaults.data_dir),
            admin_key: set("POSTHORN_ADMIN_KEY"),
            aws_key: aws_key()?,
            hosts: hosts()?,
            public_url: public_url()?,
            limits: limits()?,
            allowed_networks: set_or("POSTHORN_ALLOWED_NETWORKS", DEFAULT_ALLOWED_NETWORKS)
                .parse::<AllowedNetworks>()
                .wrong_variable("POSTHORN_ALLOWED_NETWORKS")?,
            allowed_ports: set_or("POSTHORN_ALLOWED_PORTS", "")
                .parse::<AllowedPorts>()
                .wrong_variable("POSTHORN_ALLOWED_PORTS")?,
            dialects: match set("POSTHORN_DIALECTS_DIR") {
                Some(directory) => Dialects::with_directory(Path::new(&directory))
                    .and_then(|dialects| dialects.check().map(|()| dialects))
                    .context("POSTHORN_DIALECTS_DIR")?,
                None => Dialects::built_in(),
            },
            unproven_per_second: settings::unproven_per_second(set("POSTHORN_UNPROVEN_PER_SECOND"))
                .map_err(invalid)?,
            time_scale: time_scale(Some(time_scale_text)).map_err(invalid)?,
            aws_throttle: aws_throttle()?,
            log_level: log_level()?,
            metrics: set("POSTHORN_METRICS"),
            traces: settings::traces(set).map_err(invalid)?,
            template: match set("POSTHORN_TEMPLATE") {
                Some(path) => std::fs::read_to_string(&path)
                    .with_context(|| format!("can't read the template {path}"))?,
                None => BUILT_IN.to_owned(),
            },
        })
    }
}

/// The value of an environment variable; `None` when it is not set, or empty.
pub fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The value of an environment variable, or its default.
pub fn set_or(name: &str, default: &str) -> String {
    set(name).unwrap_or_else(|| default.to_owned())
}

/// The access key of the AWS services that the environment gives.
///
/// # Errors
/// When it is no such key.
pub fn aws_key() -> Result<Option<AwsKey>, Usage> {
    let name = "POSTHORN_AWS_KEY";
    set(name).map(|text| text.parse::<AwsKey>().wrong_variable(name)).transpose()
}

/// The names that the environment gives to this machine.
///
/// # Errors
/// When one of them is no host name, or `POSTHORN_PUBLIC_URL` is no URL.
pub fn hosts() -> Result<Hosts, Usage> {
    let name = "POSTHORN_HOSTS";
    let hosts = set_or(name, "").parse::<Hosts>().wrong_variable(name)?;
    let url = public_url()?.and_then(|url| url.parse::<http::Uri>().ok());
    Ok(match url.as_ref().and_then(http::Uri::host) {
        Some(host) => hosts.and(host),
        None => hosts,
    })
}

fn public_url() -> Result<Option<String>, Usage> {
    let name = "POSTHORN_PUBLIC_URL";
    set(name).map(|text| web::api_url(&text).wrong_variable(name)).transpose()
}

/// What clients of a port are given.
///
/// # Errors
/// When a number is out of range.
pub fn limits() -> Result<Limits, Usage> {
    let seconds = |name: &str, default: &str| -> Result<Duration, Usage> {
        Ok(Duration::from_secs(number(name, default, 600)?))
    };
    let connections = number("POSTHORN_CONNECTIONS", DEFAULT_CONNECTIONS, 100_000)?;
    Ok(Limits {
        head: seconds("POSTHORN_HEAD_SECONDS", DEFAULT_HEAD_SECONDS)?,
        body: seconds("POSTHORN_BODY_SECONDS", DEFAULT_BODY_SECONDS)?,
        connections: usize::try_from(connections).unwrap_or(usize::MAX),
    })
}

fn number(name: &str, default: &str, max: u64) -> Result<u64, Usage> {
    let text = set_or(name, default);
    text.parse().ok().filter(|number| (1..=max).contains(number)).ok_or_else(|| {
        Usage::variable(name, format!("{text} is not a whole number from 1 to {max}"))
    })
}

fn address(name: &str, default: &str) -> Result<SocketAddr, Usage> {
    let text = set_or(name, default);
    text.parse().map_err(|_| {
        Usage::variable(name, format!("{text} is not an IP address and port like {default}"))
    })
}

fn aws_throttle() -> Result<f64, Usage> {
    let name = "POSTHORN_AWS_THROTTLE";
    let text = set_or(name, "0");
    let share = text.parse::<f64>().ok().filter(|share| (0.0..1.0).contains(share));
    share.ok_or_else(|| {
        Usage::variable(name, format!("{text} is not a share, a number from 0 to less than 1"))
    })
}

fn log_level() -> Result<String, Usage> {
    let name = "POSTHORN_LOG_LEVEL";
    let level = set_or(name, "warn");
    match level.parse::<LevelFilter>() {
        Ok(_) => Ok(level),
        Err(_) => {
            let problem = format!("{level} is not error, warn, info, debug or trace");
            Err(Usage::variable(name, problem))
        }
    }
}

fn invalid(error: InvalidSetting) -> Usage {
    let value = set(error.name).unwrap_or_default();
    Usage::variable(error.name, format!("{value} is invalid: it {}", error.reason))
}
