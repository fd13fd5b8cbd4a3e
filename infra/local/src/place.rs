//! Where a command works: on a deployment in AWS, or on the stack of this machine.

use std::path::Path;

use anyhow::{Context, Result, bail};
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::error::ProvideErrorMetadata;
use clap::Args;
use http::uri::Authority;
use posthorn_shared::aws_endpoint::AwsKey;
use posthorn_shared::runtime::http_client;
use posthorn_shared::settings::Settings;

use crate::aws_key;
use crate::options::{self, DEFAULT_AWS_LISTEN, DEFAULT_LISTEN, DEFAULTS};
use crate::usage::Usage;

/// The arguments that say where a command works.
#[derive(Args)]
pub struct Place {
    /// CloudFormation stack in AWS to work on [default: the stack on this machine]
    ///
    /// Takes the region and the credentials from the environment, like the AWS CLI. With SSO, set
    /// them first: eval "$(aws configure export-credentials --format env)". The stack on this
    /// machine is at POSTHORN_AWS_LISTEN, 127.0.0.1:4566 by default; its access key is in
    /// POSTHORN_DATA_DIR, .posthorn by default, or in POSTHORN_AWS_KEY.
    #[arg(long)]
    stack: Option<String>,
}

/// A deployment, found.
pub struct Deployment {
    pub config: SdkConfig,
    pub stack: String,
    /// How people call it, for messages.
    pub place: String,
    pub is_local: bool,
}

impl Place {
    /// Whether it is the stack on this machine.
    pub fn is_local(&self) -> bool {
        self.stack.is_none()
    }

    /// Finds out how to reach it.
    ///
    /// # Errors
    /// When the environment names no region, or no usable address of the stack on this machine, or
    /// that stack's access key is missing or wrong, with what to do about it.
    pub async fn find(self) -> Result<Deployment> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client());
        let is_local = self.is_local();
        let (stack, place) = match self.stack {
            Some(stack) => {
                let place = format!("the stack {stack} in AWS");
                (stack, place)
            }
            None => {
                let url = url("POSTHORN_AWS_LISTEN", DEFAULT_AWS_LISTEN)?;
                loader = loader
                    .endpoint_url(&url)
                    .region(Region::new(crate::aws::REGION))
                    .credentials_provider(local_key()?.credentials());
                ("posthorn".to_owned(), format!("the stack on this machine, {url}"))
            }
        };
        let config = loader.load().await;
        if config.region().is_none() {
            bail!("no region: set AWS_REGION, or AWS_PROFILE to a profile that has one");
        }
        let deployment = Deployment { config, stack, place, is_local };
        if is_local {
            deployment.check_access().await?;
        }
        Ok(deployment)
    }
}

impl Deployment {
    /// Asks for anything, since what follows may tell less of a refusal than this.
    async fn check_access(&self) -> Result<()> {
        let config = aws_sdk_sqs::config::Builder::from(&self.config);
        let once = config.retry_config(RetryConfig::disabled()).build();
        let asked = aws_sdk_sqs::Client::from_conf(once).list_queues().max_results(1).send().await;
        let Err(error) = asked else { return Ok(()) };
        // Whether it can be reached at all is for others to say.
        match error.raw_response().map(|answer| answer.status().as_u16()) {
            Some(403) => {
                let is_about_key = !error.code().unwrap_or_default().starts_with("AccessDenied");
                let hint = " Set POSTHORN_DATA_DIR to that directory, or POSTHORN_AWS_KEY.";
                let hint = if is_about_key { hint } else { "" };
                let reason = error.message().unwrap_or_default();
                bail!("{} refuses access: {reason}{hint}", self.place)
            }
            _ => Ok(()),
        }
    }

    /// What a function of it would work with, as far as it goes by names.
    ///
    /// # Errors
    /// When the environment names dialects that can't be read.
    pub fn settings(&self) -> Result<Settings> {
        let settings = Settings::from_lookup(|name| match name {
            "POSTHORN_TABLE" | "POSTHORN_SCHEDULE_GROUP" => Some(self.stack.clone()),
            "POSTHORN_DIALECTS_DIR" => options::set(name),
            _ => None,
        });
        settings.context("the environment")
    }
}

/// The access key of the stack on this machine.
fn local_key() -> Result<AwsKey> {
    if let Some(key) = options::aws_key()? {
        return Ok(key);
    }
    let directory = options::set_or("POSTHORN_DATA_DIR", DEFAULTS.data_dir);
    let kept = aws_key::kept(Path::new(&directory))?;
    kept.with_context(|| {
        format!(
            "no access key for the stack on this machine: {directory}/{} can't be read. Set \
             POSTHORN_DATA_DIR to the stack's data directory, or POSTHORN_AWS_KEY to its key",
            aws_key::FILE
        )
    })
}

/// The URL of the API of the stack on this machine.
///
/// # Errors
/// When `POSTHORN_LISTEN` is not an address and port.
pub fn local_api_url() -> Result<String, Usage> {
    url("POSTHORN_LISTEN", DEFAULT_LISTEN)
}

/// The URL of the address and port that an environment variable has. A host name will do here.
fn url(name: &str, default: &str) -> Result<String, Usage> {
    let text = options::set_or(name, default);
    match text.parse::<Authority>() {
        Ok(authority) if authority.port_u16().is_some() => Ok(format!("http://{text}")),
        _ => {
            let problem = format!("{text} is not an address and port like {default}");
            Err(Usage::variable(name, problem))
        }
    }
}
