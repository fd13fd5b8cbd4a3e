//! The data directory: one `posthorn` at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::aws;

/// What `POSTHORN_DATA_DIR` says for keeping nothing.
const MEMORY: &str = ":memory:";

/// A data directory that this process holds until it ends.
pub struct DataDir {
    path: Option<PathBuf>,
    // The lock goes with the file handle, even when the process is killed.
    _lock: Option<File>,
}

impl DataDir {
    /// Makes the directory if need be, and takes it.
    ///
    /// # Errors
    /// When it can't be made or written, or another `posthorn` has it.
    pub fn open(setting: &str) -> Result<Self> {
        if setting == MEMORY {
            return Ok(Self { path: None, _lock: None });
        }
        let path = PathBuf::from(setting);
        let shown = path.display();
        fs::create_dir_all(&path)
            .with_context(|| format!("the data directory {shown} can't be made"))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .with_context(|| format!("the data directory {shown} can't be written"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: Some(path), _lock: Some(lock) }),
            Err(TryLockError::WouldBlock) => {
                bail!("the data directory {shown} is in use by another posthorn")
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("the data directory {shown} can't be locked"))
            }
        }
    }

    /// Where files go; `None` keeps nothing.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The same for the AWS services.
    pub fn for_aws(&self) -> aws::DataDir {
        match &self.path {
            Some(path) => aws::DataDir::Path(path.clone()),
            None => aws::DataDir::Memory,
        }
    }
}
