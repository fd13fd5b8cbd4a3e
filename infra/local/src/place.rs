//! Where a command works: on a deployment in AWS, or on the stack of this machine.

use anyhow::{Context, Result, bail};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::Credentials;
use clap::Args;
use posthorn_shared::runtime::http_client;
use posthorn_shared::settings::Settings;

use crate::options::{DEFAULT_AWS_LISTEN, DEFAULT_LISTEN};

/// What the command line says of it.
#[derive(Args)]
pub struct Place {
    /// The CloudFormation stack of a deployment in AWS, whose region and credentials the environment
    /// says (with SSO: eval "$(aws configure export-credentials --format env)"). Without it: the
    /// stack on this machine, at POSTHORN_AWS_LISTEN
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
    /// Finds out how to reach it.
    ///
    /// # Errors
    /// When the environment says no region.
    pub async fn find(self) -> Result<Deployment> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client());
        let is_local = self.stack.is_none();
        let (stack, place) = match self.stack {
            Some(stack) => {
                let place = format!("the stack {stack} in AWS");
                (stack, place)
            }
            None => {
                let url = format!("http://{}", listen("POSTHORN_AWS_LISTEN", DEFAULT_AWS_LISTEN));
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
            "POSTHORN_DIALECTS_DIR" => std::env::var(name).ok().filter(|value| !value.is_empty()),
            _ => None,
        });
        settings.context("the environment")
    }

    /// The URL of the API, where that is known without asking.
    pub fn local_api_url(&self) -> Option<String> {
        self.is_local.then(|| format!("http://{}", listen("POSTHORN_LISTEN", DEFAULT_LISTEN)))
    }
}

fn listen(name: &str, default: &str) -> String {
    let said = std::env::var(name).ok().filter(|value| !value.is_empty());
    said.unwrap_or_else(|| default.to_owned())
}
