//! The admin key of a one-machine stack: given, or made at the first start and kept.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use posthorn_shared::api_key;
use posthorn_shared::clock::Clock;

const FILE: &str = "admin-key";
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
            bail!("POSTHORN_ADMIN_KEY has to have {MIN_LENGTH} characters or more, no spaces");
        }
        return Ok(AdminKey { key, is_new: false });
    }
    let path = directory.map(|directory| directory.join(FILE));
    if let Some(path) = path.as_deref().filter(|path| path.exists()) {
        let key =
            fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        return Ok(AdminKey { key: key.trim().to_owned(), is_new: false });
    }
    let key = api_key::generate(Clock::system().random());
    if let Some(path) = path {
        let mut options = OpenOptions::new();
        let written = options.write(true).create_new(true).mode(0o600).open(&path);
        written
            .and_then(|mut file| writeln!(file, "{key}"))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(AdminKey { key, is_new: true })
}
