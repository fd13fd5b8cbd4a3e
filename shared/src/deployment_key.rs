//! The deployment key: what seals the secrets of the table. On AWS it is kept in Secrets Manager;
//! the one-machine stack keeps its own in its data directory.

use std::sync::Arc;

use crate::aws_error::causes;
use crate::sealing::{NotSealed, SealingKey};
use crate::sent::Sent;

/// Characters that a deployment key has at the least: 32 random ones are 190 bits and more.
const MIN_LENGTH: usize = 32;

/// Seals what the table must not reveal. Cheap to clone; shows itself to nobody.
#[derive(Debug, Clone)]
pub struct DeploymentKey(Arc<SealingKey>);

/// Why there is no deployment key.
#[derive(Debug, thiserror::Error)]
pub enum NoDeploymentKey {
    #[error("the deployment key has fewer than {MIN_LENGTH} characters")]
    Short,
    #[error("the deployment key {arn} can't be read from Secrets Manager: {reason}")]
    Unreadable { arn: String, reason: String },
}

impl DeploymentKey {
    /// The key with this text, of 32 characters or more.
    ///
    /// # Errors
    /// When it is shorter.
    pub fn new(text: &str) -> Result<Self, NoDeploymentKey> {
        let text = text.trim();
        if text.len() < MIN_LENGTH {
            return Err(NoDeploymentKey::Short);
        }
        Ok(Self(Arc::new(SealingKey::derive(text.as_bytes(), "table"))))
    }

    /// Reads the key from Secrets Manager.
    ///
    /// # Errors
    /// When it is not there, or may not be read.
    pub async fn fetch(config: &aws_types::SdkConfig, arn: &str) -> Result<Self, NoDeploymentKey> {
        let unreadable =
            |reason: String| NoDeploymentKey::Unreadable { arn: arn.to_owned(), reason };
        let client = aws_sdk_secretsmanager::Client::new(config);
        let answer = client
            .get_secret_value()
            .secret_id(arn)
            .sent()
            .await
            .map_err(|error| unreadable(causes(&error)))?;
        let text = answer.secret_string().ok_or_else(|| unreadable("it is no text".to_owned()))?;
        Self::new(text)
    }

    /// Seals a text for the owner of this id. `random` has to be fresh every time.
    pub fn seal(&self, text: &str, owner: &str, random: u128) -> String {
        self.0.seal(text, owner, random)
    }

    /// Opens what was sealed for the owner of this id.
    ///
    /// # Errors
    /// When it was sealed by another deployment, for another owner, or was changed.
    pub fn open(&self, sealed: &str, owner: &str) -> Result<String, NotSealed> {
        self.0.open(sealed, owner)
    }
}
