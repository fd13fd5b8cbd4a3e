//! Small texts that a stack makes at its first start and keeps in its data directory, for the
//! owner's eyes only.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};

/// A text, and whether it was made just now.
pub struct Kept {
    pub text: String,
    pub is_new: bool,
}

/// The text in this file of the directory, if there is one.
pub fn read(directory: &Path, file: &str) -> Option<String> {
    let text = fs::read_to_string(directory.join(file)).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The text in this file of the directory; if there is none, the one that `make` makes, which is
/// kept there. Without a directory nothing is kept.
///
/// # Errors
/// When the file can't be read or written.
pub fn obtain(directory: Option<&Path>, file: &str, make: impl FnOnce() -> String) -> Result<Kept> {
    let path = directory.map(|directory| directory.join(file));
    if let Some(path) = path.as_deref().filter(|path| path.exists()) {
        let text =
            fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
        return Ok(Kept { text: text.trim().to_owned(), is_new: false });
    }
    let text = make();
    if let Some(path) = path {
        let mut options = OpenOptions::new();
        let written = options.write(true).create_new(true).mode(0o600).open(&path);
        written
            .and_then(|mut file| {
                writeln!(file, "{text}")?;
                file.sync_all()
            })
            .with_context(|| format!("can't write {}", path.display()))?;
    }
    Ok(Kept { text, is_new: true })
}
