//! The settings of the one-machine stack, from the environment.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use posthorn_shared::address_guard::{AllowedNetworks, AllowedPorts};
use posthorn_shared::dialect::Dialects;
use posthorn_shared::settings::{self, time_scale};
use posthorn_shared::traces::TraceSettings;

use crate::template::BUILT_IN;

/// Where the API is, and AWS.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
pub const DEFAULT_AWS_LISTEN: &str = "127.0.0.1:4566";

/// What a start needs to know.
pub struct Options {
    /// API and portal.
    pub listen: SocketAddr,
    /// DynamoDB, SQS and Scheduler.
    pub aws_listen: SocketAddr,
    /// `:memory:` keeps nothing.
    pub data_dir: String,
    pub admin_key: Option<String>,
    pub allowed_networks: AllowedNetworks,
    pub allowed_ports: AllowedPorts,
    /// Those that are built in, and the files of a directory.
    pub dialects: Dialects,
    pub time_scale: f64,
    /// The share of calls to DynamoDB, SQS and Scheduler that are refused.
    pub aws_throttle: f64,
    pub log_level: String,
    /// The name under which metrics are printed; `None`: they are not.
    pub metrics: Option<String>,
    /// Where traces go; `None`: there are none.
    pub traces: Option<TraceSettings>,
    /// The template's text.
    pub template: String,
}

/// What holds where the environment says nothing, as far as it depends on the command.
pub struct Defaults {
    pub data_dir: &'static str,
    pub time_scale: &'static str,
}

/// Of a stack that is to be used.
pub const DEFAULTS: Defaults = Defaults { data_dir: ".posthorn", time_scale: "1" };

impl Options {
    /// Reads the environment.
    ///
    /// # Errors
    /// The first variable that is no good, with its name.
    pub fn from_env(defaults: &Defaults) -> Result<Self> {
        let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let address = |name: &'static str, default: &str| -> Result<SocketAddr> {
            let text = get(name).unwrap_or_else(|| default.to_owned());
            text.parse().with_context(|| format!("{name}: {text} is no address like {default}"))
        };
        let networks = get("POSTHORN_ALLOWED_NETWORKS");
        let networks = networks.unwrap_or_else(|| "127.0.0.0/8,::1/128".to_owned());
        Ok(Self {
            listen: address("POSTHORN_LISTEN", DEFAULT_LISTEN)?,
            aws_listen: address("POSTHORN_AWS_LISTEN", DEFAULT_AWS_LISTEN)?,
            data_dir: get("POSTHORN_DATA_DIR").unwrap_or_else(|| defaults.data_dir.to_owned()),
            admin_key: get("POSTHORN_ADMIN_KEY"),
            allowed_networks: networks.parse().context("POSTHORN_ALLOWED_NETWORKS")?,
            allowed_ports: get("POSTHORN_ALLOWED_PORTS")
                .unwrap_or_default()
                .parse()
                .context("POSTHORN_ALLOWED_PORTS")?,
            dialects: match get("POSTHORN_DIALECTS_DIR") {
                Some(directory) => Dialects::with_directory(Path::new(&directory))
                    .and_then(|dialects| dialects.check().map(|()| dialects))
                    .context("POSTHORN_DIALECTS_DIR")?,
                None => Dialects::built_in(),
            },
            time_scale: time_scale(
                get("POSTHORN_TIME_SCALE").or_else(|| Some(defaults.time_scale.to_owned())),
            )?,
            aws_throttle: match get("POSTHORN_AWS_THROTTLE") {
                Some(text) => {
                    text.parse().ok().filter(|share| (0.0..1.0).contains(share)).context(
                        "POSTHORN_AWS_THROTTLE must be a share from 0 up to, not including, 1",
                    )?
                }
                None => 0.0,
            },
            log_level: get("POSTHORN_LOG_LEVEL").unwrap_or_else(|| "warn".to_owned()),
            metrics: get("POSTHORN_METRICS"),
            traces: settings::traces(get)?,
            template: match get("POSTHORN_TEMPLATE") {
                Some(path) => std::fs::read_to_string(&path)
                    .with_context(|| format!("the template {path} can't be read"))?,
                None => BUILT_IN.to_owned(),
            },
        })
    }
}
