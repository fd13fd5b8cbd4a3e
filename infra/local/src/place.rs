//! Where a command works: on a deployment in AWS, or on the stack of this machine.

use anyhow::{Context, Result, bail};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::Credentials;
use clap::Args;
use http::uri::Authority;
use posthorn_shared::runtime::http_client;
use posthorn_shared::settings::Settings;

use crate::options::{self, DEFAULT_AWS_LISTEN, DEFAULT_LISTEN};
use crate::usage::Usage;

/// The arguments that say where a command works.
#[derive(Args)]
pub struct Place {
    /// CloudFormation stack in AWS to work on [default: the stack on this machine]
    ///
    /// Takes the region and the credentials from the environment, like the AWS CLI. With SSO, set
    /// them first: eval "$(aws configure export-credentials --format env)". The stack on this
    /// machine is at POSTHORN_AWS_LISTEN, 127.0.0.1:4566 by default.
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
    /// When the environment names no region, or no usable address of the stack on this machine.
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
                    .credentials_provider(Credentials::new("local", "local", None, None, "here"));
                ("posthorn".to_owned(), format!("the stack on this machine, {url}"))
            }
        };
        let config = loader.load().await;
        if config.region().is_none() {
            bail!("no region: set AWS_REGION, or AWS_PROFILE to a profile that has one");
        }
        Ok(Deployment { config, stack, place, is_local })
    }
}

impl Deployment {
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
