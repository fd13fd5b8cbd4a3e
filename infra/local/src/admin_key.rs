//! The admin key of a one-machine stack: given, or made at the first start and kept.

use std::path::Path;

use anyhow::Result;
use posthorn_shared::api_key;
use posthorn_shared::clock::Clock;

use crate::kept_text::{self, Kept};
use crate::usage::Usage;

pub const FILE: &str = "admin-key";
const MIN_LENGTH: usize = 24;

/// An admin key, and whether it is new, so that it has to be shown.
pub struct AdminKey {
    pub key: String,
    pub is_new: bool,
}

/// Takes the key that was given, else the one that is kept in the directory, else makes one.
///
/// # Errors
/// When the given one is too short, or the file can't be read or written.
pub fn obtain(given: Option<String>, directory: Option<&Path>) -> Result<AdminKey> {
    if let Some(key) = given {
        if key.chars().count() < MIN_LENGTH || key.chars().any(char::is_whitespace) {
            let problem =
                format!("the key must have {MIN_LENGTH} characters or more, and no spaces");
            return Err(Usage::variable("POSTHORN_ADMIN_KEY", problem).into());
        }
        return Ok(AdminKey { key, is_new: false });
    }
    let Kept { text: key, is_new } =
        kept_text::obtain(directory, FILE, || api_key::generate(Clock::system().random()))?;
    Ok(AdminKey { key, is_new })
}
