//! The deployment key: what seals the secrets of the table. On AWS it is kept in Secrets Manager;
//! the one-machine stack keeps its own in its data directory.
//!
//! It may be replaced while processes run that read it long ago. So they read it again when they meet
//! what a value sealed that they do not know, and before they seal anything by a value that they read
//! a minute ago or more.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::aws_error::causes;
use crate::clock::Clock;
use crate::key_ring::{CantOpen, InvalidKeyRing, KeyNumber, KeyRing};
use crate::sent::Sent;

/// After a look for a value that was not there, there is none for this long: what was sealed with a
/// value that does not exist costs a call now and then, not one for each time that it is read.
const PATIENCE: SignedDuration = SignedDuration::from_secs(10);

/// Seals what the table must not reveal. Cheap to clone; shows itself to nobody.
#[derive(Clone)]
pub struct DeploymentKey(Arc<Shared>);

struct Shared {
    place: Place,
    known: RwLock<Known>,
    /// Held while the key is read again.
    in_vain: Mutex<InVain>,
}

/// When a look for a value was last in vain.
#[derive(Default)]
struct InVain {
    /// For one that was dropped, and that somebody may have put back.
    former: Option<Timestamp>,
    /// For one that is newer than all that are known: looks for former ones don't put this off.
    newer: Option<Timestamp>,
}

#[derive(Clone)]
struct Known {
    ring: Arc<KeyRing>,
    read_at: Timestamp,
}

/// Where it is kept.
#[derive(Clone)]
enum Place {
    SecretsManager {
        client: aws_sdk_secretsmanager::Client,
        id: String,
    },
    File(PathBuf),
    /// Nowhere: it ends with the process.
    Memory,
}

/// Why there is no deployment key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoDeploymentKey {
    #[error("the deployment key {0}")]
    Invalid(#[from] InvalidKeyRing),
    #[error("the deployment key {place} can't be read: {reason}")]
    Unreadable { place: String, reason: String },
    #[error("the deployment key {place} can't be written: {reason}")]
    Unwritable { place: String, reason: String },
}

/// Why a text can't be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    CantOpen(#[from] CantOpen),
    /// The key was read again for it, which failed: passing, most of the time.
    #[error(transparent)]
    NoKey(#[from] NoDeploymentKey),
}

impl DeploymentKey {
    /// The key with this text, which is kept nowhere.
    ///
    /// # Errors
    /// When it is shorter than 32 characters.
    pub fn new(text: &str) -> Result<Self, NoDeploymentKey> {
        let ring = KeyRing::parse(text)?;
        Ok(Self::known(Place::Memory, ring, Timestamp::UNIX_EPOCH))
    }

    /// Reads the key from Secrets Manager. `id` is the secret's name or ARN.
    ///
    /// # Errors
    /// When it is not there, or may not be read.
    pub async fn fetch(
        config: &aws_types::SdkConfig,
        id: &str,
        now: Timestamp,
    ) -> Result<Self, NoDeploymentKey> {
        let client = aws_sdk_secretsmanager::Client::new(config);
        Self::read_from(Place::SecretsManager { client, id: id.to_owned() }, now).await
    }

    /// Reads the key from a file.
    ///
    /// # Errors
    /// When it is not there, or can't be read.
    pub async fn in_file(path: PathBuf, now: Timestamp) -> Result<Self, NoDeploymentKey> {
        Self::read_from(Place::File(path), now).await
    }

    async fn read_from(place: Place, now: Timestamp) -> Result<Self, NoDeploymentKey> {
        let ring = place.read().await?;
        Ok(Self::known(place, ring, now))
    }

    fn known(place: Place, ring: KeyRing, read_at: Timestamp) -> Self {
        let known = RwLock::new(Known { ring: Arc::new(ring), read_at });
        Self(Arc::new(Shared { place, known, in_vain: Mutex::default() }))
    }

    /// Its values, as they were read last.
    pub fn ring(&self) -> Arc<KeyRing> {
        self.last_read().ring
    }

    /// Its values as they are kept now.
    ///
    /// # Errors
    /// When they can't be read.
    pub async fn read_again(&self, now: Timestamp) -> Result<Arc<KeyRing>, NoDeploymentKey> {
        if matches!(self.0.place, Place::Memory) {
            return Ok(self.ring());
        }
        let ring = Arc::new(self.0.place.read().await?);
        self.remember(Arc::clone(&ring), now);
        Ok(ring)
    }

    /// Keeps these values in its place.
    ///
    /// # Errors
    /// When they can't be written.
    pub async fn replace(&self, ring: KeyRing, now: Timestamp) -> Result<(), NoDeploymentKey> {
        self.0.place.write(&ring).await?;
        self.remember(Arc::new(ring), now);
        Ok(())
    }

    /// Seals a text, bound to `context`; answers the number of the value that did.
    ///
    /// # Errors
    /// When it has to be read again, and can't be.
    pub async fn seal(
        &self,
        text: &str,
        context: &str,
        clock: &Clock,
    ) -> Result<(KeyNumber, String), NoDeploymentKey> {
        let (now, Known { mut ring, read_at }) = (clock.now(), self.last_read());
        let is_stale = |fresh| read_at > now || now.duration_since(read_at) >= fresh;
        if self.0.place.fresh().is_some_and(is_stale) {
            ring = self.read_again(now).await?;
        }
        Ok(ring.seal(text, context, clock.random()))
    }

    /// Opens what the value of this number sealed for `context`.
    ///
    /// # Errors
    /// When there is no such value; when another deployment sealed it, or for another context, or it was
    /// changed; when the key has to be read again for it, and can't be.
    pub async fn open(
        &self,
        number: KeyNumber,
        sealed: &str,
        context: &str,
        clock: &Clock,
    ) -> Result<String, OpenError> {
        let ring = self.ring();
        let ring = if ring.has(number) { ring } else { self.with(number, clock).await? };
        Ok(ring.open(number, sealed, context)?)
    }

    /// Its values, read again unless this one is among them.
    async fn with(
        &self,
        number: KeyNumber,
        clock: &Clock,
    ) -> Result<Arc<KeyRing>, NoDeploymentKey> {
        let mut in_vain = self.0.in_vain.lock().await;
        // While this waited, somebody else may have read it.
        let (ring, now) = (self.ring(), clock.now());
        let is_newer = number > ring.newest();
        let last = if is_newer { &mut in_vain.newer } else { &mut in_vain.former };
        let waits = last.is_some_and(|at| at <= now && now.duration_since(at) < PATIENCE);
        if ring.has(number) || waits {
            return Ok(ring);
        }
        let ring = self.read_again(now).await?;
        *last = (!ring.has(number)).then_some(now);
        tracing::info!(met = number, newest = ring.newest(), "the deployment key was read again");
        Ok(ring)
    }

    /// For how long after a new value is announced nothing must be sealed with it, so that whoever looks
    /// for it finds it.
    pub fn until_known(&self) -> SignedDuration {
        match self.0.place {
            // Its reads are eventually consistent.
            Place::SecretsManager { .. } => SignedDuration::from_secs(15),
            Place::File(_) | Place::Memory => SignedDuration::ZERO,
        }
    }

    /// For how long after a value took over something may still be sealed with the former one: as long as
    /// a process may go on with what it has read, and then as long as a call may take, with a margin.
    pub fn until_former_is_unused(&self) -> SignedDuration {
        match self.0.place {
            Place::SecretsManager { .. } => SignedDuration::from_mins(5),
            Place::File(_) | Place::Memory => SignedDuration::from_secs(20),
        }
    }

    fn last_read(&self) -> Known {
        self.0.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, ring: Arc<KeyRing>, read_at: Timestamp) {
        let known = Known { ring, read_at };
        *self.0.known.write().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

impl std::fmt::Debug for DeploymentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Place {
    /// For how long a process may seal with what it has read; `None`: for ever.
    fn fresh(&self) -> Option<SignedDuration> {
        match self {
            Self::SecretsManager { .. } => Some(SignedDuration::from_secs(60)),
            // A file is read in less time than anything is written.
            Self::File(_) => Some(SignedDuration::ZERO),
            Self::Memory => None,
        }
    }

    async fn read(&self) -> Result<KeyRing, NoDeploymentKey> {
        let unreadable =
            |reason: String| NoDeploymentKey::Unreadable { place: self.to_string(), reason };
        match self {
            Self::SecretsManager { client, id } => {
                let answer = client.get_secret_value().secret_id(id).sent().await;
                let answer = answer.map_err(|error| unreadable(causes(&error)))?;
                let text = answer.secret_string();
                Ok(KeyRing::parse(text.ok_or_else(|| unreadable("it is no text".to_owned()))?)?)
            }
            Self::File(path) => {
                let text = fs::read_to_string(path).map_err(|e| unreadable(e.to_string()))?;
                Ok(KeyRing::parse(&text)?)
            }
            Self::Memory => Err(unreadable("it is kept nowhere".to_owned())),
        }
    }

    async fn write(&self, ring: &KeyRing) -> Result<(), NoDeploymentKey> {
        let unwritable =
            |reason: String| NoDeploymentKey::Unwritable { place: self.to_string(), reason };
        match self {
            Self::SecretsManager { client, id } => {
                let put = client.put_secret_value().secret_id(id).secret_string(ring.to_text());
                put.sent().await.map(drop).map_err(|error| unwritable(causes(&error)))
            }
            Self::File(path) => {
                replace_file(path, &ring.to_text()).map_err(|e| unwritable(e.to_string()))
            }
            Self::Memory => Err(unwritable("it is kept nowhere".to_owned())),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SecretsManager { id, .. } => write!(f, "{id} in Secrets Manager"),
            Self::File(path) => write!(f, "in the file {}", path.display()),
            Self::Memory => f.write_str("of this process"),
        }
    }
}

/// Puts a text in a file's place, so that whoever reads it, even after a crash in the middle, finds the
/// one or the other.
fn replace_file(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    // The directory's entry, too.
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    fs::File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
#[path = "deployment_key_tests.rs"]
mod tests;
