//! The access key of a one-machine stack's AWS services: given, or made at the first start and kept
//! in a file that AWS's SDKs and CLI read.

use std::path::Path;

use anyhow::{Context, Result};
use posthorn_shared::aws_endpoint::AwsKey;
use posthorn_shared::clock::Clock;

use crate::aws::REGION;
use crate::kept_text;

/// In the data directory.
pub const FILE: &str = "aws-credentials";

/// Where others find a stack's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// In their own environment.
    Given,
    /// In [`FILE`].
    Kept,
    /// Only where the stack shows it.
    Shown,
}

/// Takes the key that was given, else the one that is kept in the directory, else makes one.
///
/// # Errors
/// When the file can't be read or written, or holds no key.
pub fn obtain(given: Option<AwsKey>, directory: Option<&Path>) -> Result<(AwsKey, Found)> {
    if let Some(key) = given {
        return Ok((key, Found::Given));
    }
    let make = || AwsKey::generate(&Clock::system()).to_file(REGION);
    let kept = kept_text::obtain(directory, FILE, make)?;
    let key = AwsKey::from_file(&kept.text).with_context(|| {
        format!("{FILE} of the data directory holds no key; delete it, and a new one is made")
    })?;
    Ok((key, if directory.is_some() { Found::Kept } else { Found::Shown }))
}

/// The key that is kept in the directory, if one is.
///
/// # Errors
/// When the file holds no key.
pub fn kept(directory: &Path) -> Result<Option<AwsKey>> {
    let Some(text) = kept_text::read(directory, FILE) else { return Ok(None) };
    let key = AwsKey::from_file(&text);
    key.map(Some).with_context(|| format!("{} holds no key", directory.join(FILE).display()))
}
