//! The deployment key of a one-machine stack: made at the first start, kept beside the data it
//! seals. Whoever loses it loses all endpoints' secrets.

use std::path::Path;

use anyhow::{Context, Result};
use posthorn_shared::base32;
use posthorn_shared::clock::Clock;
use posthorn_shared::deployment_key::DeploymentKey;

use crate::kept_text;

const FILE: &str = "deployment-key";

/// The key that is kept in the directory, or a new one.
///
/// # Errors
/// When the file can't be read or written, or holds no key.
pub fn obtain(directory: Option<&Path>) -> Result<DeploymentKey> {
    let clock = Clock::system();
    let make = || format!("{}{}", base32::encode(clock.random()), base32::encode(clock.random()));
    let kept = kept_text::obtain(directory, FILE, make)?;
    DeploymentKey::new(&kept.text)
        .with_context(|| format!("the file {FILE} in the data directory has no valid key"))
}
