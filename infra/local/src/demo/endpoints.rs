//! The demo's three endpoints: one that behaves, and two that don't.

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result};
use posthorn_shared::dialect;
use serde_json::{Value, json};

use super::client::Client;
use crate::verification::Verifier;

/// How an endpoint behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Manner {
    Healthy,
    Shaky,
    Silent,
}

/// What a receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    Status(u16),
    Nothing,
}

impl Manner {
    pub const ALL: [Self; 3] = [Self::Healthy, Self::Shaky, Self::Silent];

    /// As it is shown, and as the receiver's path has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Shaky => "shaky",
            Self::Silent => "silent",
        }
    }

    pub fn description(self) -> &'static str {
        match self {
            Self::Healthy => "answers 200",
            Self::Shaky => "answers 500 twice, then 200",
            Self::Silent => "never answers; 4 attempts of 1 s each",
        }
    }

    pub fn style(self) -> Style {
        let colour = match self {
            Self::Healthy => AnsiColor::Green,
            Self::Shaky => AnsiColor::Yellow,
            Self::Silent => AnsiColor::Magenta,
        };
        colour.on_default().bold()
    }

    /// The answer to an event's attempt of this number, from 1.
    pub fn reply(self, attempt: usize) -> Reply {
        match self {
            Self::Healthy => Reply::Status(200),
            Self::Shaky if attempt <= 2 => Reply::Status(500),
            Self::Shaky => Reply::Status(200),
            Self::Silent => Reply::Nothing,
        }
    }

    /// The endpoint, as `POST /v1/endpoints` takes it. The last pause of the silent one is longer
    /// than SQS can delay a message, so that this road is seen, too.
    fn definition(self, url: &str) -> Value {
        match self {
            Self::Healthy | Self::Shaky => {
                json!({ "url": url, "description": self.description() })
            }
            Self::Silent => json!({
                "url": url,
                "description": self.description(),
                "timeout_seconds": 1,
                "retry": { "schedule": ["1m", "5m", "20m"] },
            }),
        }
    }
}

/// An endpoint that exists.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub id: String,
    pub manner: Manner,
    pub verifier: Verifier,
}

impl Endpoint {
    /// Creates it.
    ///
    /// # Errors
    /// When the API refuses it, or answers without id or secret.
    pub async fn create(client: &Client, manner: Manner, url: &str) -> Result<Self> {
        let created = client.post("/v1/endpoints", &manner.definition(url)).await?;
        let text = |name: &'static str| {
            created[name]
                .as_str()
                .with_context(|| format!("the API returned an endpoint without its {name}"))
        };
        let verifier = Verifier::built_in(dialect::DEFAULT, text("secret")?)?;
        Ok(Self { id: text("id")?.to_owned(), manner, verifier })
    }
}
