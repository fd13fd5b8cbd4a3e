//! Where a command works: on a deployment in AWS, or on the stack of this machine.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::error::ProvideErrorMetadata;
use clap::Args;
use http::uri::Authority;
use posthorn_shared::aws_endpoint::AwsKey;
use posthorn_shared::runtime::http_client;
use posthorn_shared::settings::Settings;
use tokio::net::TcpStream;

use crate::aws_key;
use crate::options::{self, DEFAULT_AWS_LISTEN, DEFAULT_LISTEN, DEFAULTS};
use crate::usage::Usage;

/// How long the stack on this machine may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(5);

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
    /// nothing listens there, or that stack's access key is missing or wrong, with what to do
    /// about it.
    pub async fn find(self) -> Result<Deployment> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client());
        let is_local = self.is_local();
        let (stack, place) = match self.stack {
            Some(stack) => {
                let place = format!("the stack {stack} in AWS");
                (stack, place)
            }
            None => {
                let address = address("POSTHORN_AWS_LISTEN", DEFAULT_AWS_LISTEN)?;
                let given = options::aws_key()?;
                reach(&address).await?;
                let key = given.map_or_else(kept_key, Ok)?;
                let url = format!("http://{address}");
                loader = loader
                    .endpoint_url(&url)
                    .region(Region::new(crate::aws::REGION))
                    .credentials_provider(key.credentials());
                ("posthorn".to_owned(), format!("the stack on this machine, {url}"))
            }
        };
        let config = loader.load().await;
        if config.region().is_none() {
            bail!(
                "no AWS region is set: set AWS_REGION, or AWS_PROFILE to a profile with a region"
            );
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
        // That something listens there is known; whatever else is wrong is for others to say.
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
        Ok(settings?)
    }

    /// The command line of another command that works on it.
    pub fn command(&self, command: &str) -> String {
        match self.is_local {
            true => format!("posthorn {command}"),
            false => format!("posthorn {command} --stack {}", self.stack),
        }
    }

    /// What to check when it refuses a call.
    pub fn advice(&self) -> &'static str {
        if self.is_local {
            "check that what listens there is a Posthorn stack"
        } else {
            "check the stack's name, the region and the AWS credentials"
        }
    }
}

/// The access key that the stack on this machine keeps.
fn kept_key() -> Result<AwsKey> {
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
    Ok(format!("http://{}", address("POSTHORN_LISTEN", DEFAULT_LISTEN)?))
}

/// The address and port that an environment variable has. A host name will do here.
fn address(name: &str, default: &str) -> Result<String, Usage> {
    let text = options::set_or(name, default);
    match text.parse::<Authority>() {
        Ok(authority) if authority.port_u16().is_some() => Ok(text),
        _ => {
            let problem = format!("{text} is not an address and port like {default}");
            Err(Usage::variable(name, problem))
        }
    }
}

/// Makes sure that a stack listens there. The SDK would try for seconds, and not say what to do.
async fn reach(address: &str) -> Result<()> {
    let reason = match tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
    };
    bail!(
        "the stack on this machine can't be reached at {address}: {reason}; start one with \
         `posthorn`, or name another with POSTHORN_AWS_LISTEN, or one in AWS with --stack"
    );
}
