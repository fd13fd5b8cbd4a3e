//! The data directory: one `posthorn` at a time, and no other user of the machine.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::aws;

/// What `POSTHORN_DATA_DIR` says for keeping nothing.
pub const MEMORY: &str = ":memory:";

/// What only its owner may enter.
const DIRECTORY_MODE: u32 = 0o700;
/// What only its owner may read.
const FILE_MODE: u32 = 0o600;
/// The databases. SQLite gives the files that it makes beside one the database's own permissions
/// (`findCreateFileMode` in os_unix.c).
const DATABASES: [&str; 3] = ["dynamodb.sqlite", "sqs.sqlite", "scheduler.sqlite"];
const BESIDE_DATABASES: [&str; 2] = ["-wal", "-shm"];

/// A data directory that this process holds until it ends.
pub struct DataDir {
    path: Option<PathBuf>,
    // The lock goes with the file handle, even when the process is killed.
    _lock: Option<File>,
}

impl DataDir {
    /// Makes the directory if need be, and takes it. Only the owner may enter a new one. One that
    /// exists keeps its permissions, since it may have been given to others for a reason, but only
    /// the owner may read the databases in it.
    ///
    /// # Errors
    /// When it can't be made or written, or another `posthorn` has it.
    pub fn open(setting: &str) -> Result<Self> {
        if setting == MEMORY {
            return Ok(Self { path: None, _lock: None });
        }
        let path = PathBuf::from(setting);
        let shown = path.display();
        make(&path).with_context(|| format!("the data directory {shown} can't be made"))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(FILE_MODE)
            .open(path.join("lock"))
            .with_context(|| format!("the data directory {shown} can't be written"))?;
        match lock.try_lock() {
            Ok(()) => {
                restrict_databases(&path)
                    .with_context(|| format!("the data directory {shown} can't be written"))?;
                Ok(Self { path: Some(path), _lock: Some(lock) })
            }
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

fn make(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(DIRECTORY_MODE).create(path) {
        Err(_) if path.is_dir() => Ok(()),
        made => made,
    }
}

/// Makes the databases' files before SQLite does, which would give them the permissions of the
/// umask, and takes permissions away that an earlier release left. Only while no SQLite has them
/// open: closing a file ends the locks that this process has on it.
fn restrict_databases(directory: &Path) -> io::Result<()> {
    for name in DATABASES {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(FILE_MODE);
        restrict(&options.open(directory.join(name))?);
        for suffix in BESIDE_DATABASES {
            if let Ok(file) = File::open(directory.join(format!("{name}{suffix}"))) {
                restrict(&file);
            }
        }
    }
    Ok(())
}

fn restrict(file: &File) {
    let is_open_to_others = |mode: u32| mode & !FILE_MODE & 0o777 != 0;
    let restricted = file.metadata().and_then(|found| {
        if is_open_to_others(found.permissions().mode()) {
            file.set_permissions(Permissions::from_mode(FILE_MODE))?;
        }
        Ok(())
    });
    // Some file systems have no permissions, and files of another owner can't be changed.
    if let Err(error) = restricted {
        tracing::warn!(%error, "could not restrict a database's file to its owner");
    }
}
