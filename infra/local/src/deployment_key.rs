//! The deployment key of a one-machine stack: made at the first start, kept beside the data it
//! seals. Whoever loses it loses all endpoints' secrets.

use std::path::Path;

use anyhow::{Context, Result};
use posthorn_shared::base32;
use posthorn_shared::clock::Clock;
use posthorn_shared::deployment_key::DeploymentKey;

use crate::kept_text;

/// Where it is in the data directory.
pub const FILE: &str = "deployment-key";

/// The key that is kept in the directory, or a new one.
///
/// # Errors
/// When the file can't be read or written, or holds no key.
pub async fn obtain(directory: Option<&Path>) -> Result<DeploymentKey> {
    let clock = Clock::system();
    let kept = kept_text::obtain(directory, FILE, || new_value(&clock))?;
    match directory {
        Some(directory) => open(directory).await,
        None => Ok(DeploymentKey::new(&kept.text)?),
    }
}

/// The key that is kept in the directory.
///
/// # Errors
/// When the file can't be read, or holds no key.
pub async fn open(directory: &Path) -> Result<DeploymentKey> {
    let key = DeploymentKey::in_file(directory.join(FILE), Clock::system().now()).await;
    key.with_context(|| format!("the file {FILE} in the data directory has no valid key"))
}

/// A value that a deployment key may have.
pub fn new_value(clock: &Clock) -> String {
    format!("{}{}", base32::encode(clock.random()), base32::encode(clock.random()))
}
