//! `posthorn admin rotate-deployment-key`: a new value for the deployment key, while the system works on.
//!
//! How far it is stands in the key itself ([`Stage`]) and in each endpoint's item. So the command may end
//! at any point, and goes on there when it is run again.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use posthorn_shared::clock::Clock;
use posthorn_shared::deployment_key::DeploymentKey;
use posthorn_shared::ids::{AccountId, EndpointId};
use posthorn_shared::key_ring::{KeyNumber, Stage};
use posthorn_shared::runtime::Runtime;
use posthorn_shared::store::Store;

use crate::data_dir::MEMORY;
use crate::deployment_key::{self, FILE};
use crate::options::{self, DEFAULTS};
use crate::place::{Deployment, Place};
use crate::usage::Usage;

/// Accounts, or endpoints, of one query.
const PAGE: usize = 100;
/// Endpoints that are sealed at once.
const CONCURRENCY: usize = 16;
/// Endpoints that are named when something is wrong with them.
const NAMED: usize = 10;
/// What is locked in the data directory: two rotations at once could make two new values, of which one
/// would be lost.
const LOCK: &str = "deployment-key-rotation.lock";
/// What is said to be run again.
const COMMAND: &str = "posthorn admin rotate-deployment-key";

/// A deployment key that is rotated.
pub struct Rotation<W> {
    key: DeploymentKey,
    store: Store,
    clock: Clock,
    screen: W,
    /// The arguments that name the deployment.
    arguments: String,
    _lock: Option<File>,
}

/// Endpoints by the value that their secrets are sealed with.
struct Seals {
    endpoints: usize,
    /// Those with another value than the one that was asked for.
    others: Vec<(AccountId, EndpointId)>,
}

impl<W: Write> Rotation<W> {
    /// Finds the key of a deployment: in Secrets Manager, where it is in AWS, otherwise in the data
    /// directory.
    ///
    /// # Errors
    /// [`Usage`] when an argument is missing or wrong; another error when the key can't be read, or
    /// another rotation is at work.
    pub async fn of(place: Place, secret_id: Option<String>, screen: W) -> Result<Self> {
        let clock = Clock::system();
        let (deployment, key, arguments, lock) = match secret_id {
            Some(secret) => {
                let deployment = place.find().await?;
                let key = DeploymentKey::fetch(&deployment.config, &secret, clock.now()).await?;
                let arguments = format!(" --stack {} --secret-id {secret}", deployment.stack);
                (deployment, key, arguments, None)
            }
            None if place.is_local() => {
                let directory = data_directory()?;
                let lock = lock(&directory)?;
                let key = deployment_key::open(&directory).await?;
                (place.find().await?, key, String::new(), Some(lock))
            }
            None => {
                let problem = "--stack needs --secret-id, the stack's output DeploymentKeyArn (sam \
                               list stack-outputs)";
                return Err(Usage::argument(problem).into());
            }
        };
        let store = store(&deployment, key.clone(), &clock)?;
        Ok(Self { key, store, clock, screen, arguments, _lock: lock })
    }

    /// Makes a new value, and seals everything with it; or goes on with that.
    ///
    /// # Errors
    /// When the key or the table can't be read or written, or something can't be sealed with the new
    /// value.
    pub async fn rotate(&mut self) -> Result<()> {
        let mut ring = self.key.read_again(self.clock.now()).await?;
        if ring.stage() == Stage::Settled {
            let (value, now) = (deployment_key::new_value(&self.clock), self.clock.now());
            self.key.replace(ring.announcing(&value, now)?, now).await?;
            ring = self.key.ring();
            writeln!(self.screen, "made key {} beside key {}", ring.newest(), ring.sealing())?;
        }
        if ring.stage() == Stage::Announced {
            let pause = self.key.until_known();
            self.wait(ring.changed_at(), pause, "every function can find the new key").await?;
            // What is there counts, should somebody else have begun at the same time.
            let now = self.clock.now();
            ring = self.key.read_again(now).await?;
            self.key.replace(ring.taken_over(now), now).await?;
            ring = self.key.ring();
        }
        let sealing = ring.sealing();
        let Seals { endpoints, others } = self.look(sealing).await?;
        let resealed: Vec<_> = stream::iter(others)
            .map(|(account, endpoint)| {
                let store = &self.store;
                async move {
                    let done = store.reseal_endpoint(&account, &endpoint).await;
                    done.map_err(|error| (account, endpoint, error))
                }
            })
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        let count = resealed.iter().filter(|done| matches!(done, Ok(true))).count();
        writeln!(self.screen, "sealed {count} of {endpoints} endpoints anew, with key {sealing}")?;
        let failed: Vec<_> = resealed.into_iter().filter_map(Result::err).collect();
        for (account, endpoint, error) in failed.iter().take(NAMED) {
            writeln!(self.screen, "{account}  {endpoint}  {error}")?;
        }
        if !failed.is_empty() {
            bail!(
                "{} endpoints could not be sealed anew; is the key that of this stack? Run the \
                 command again when the reason is gone",
                failed.len()
            );
        }
        let former: Vec<String> = ring.former().map(|number| number.to_string()).collect();
        writeln!(
            self.screen,
            "key {} still opens what it sealed; to drop it: {COMMAND} --finish{}",
            former.join(", "),
            self.arguments
        )?;
        Ok(())
    }

    /// Drops the former value.
    ///
    /// # Errors
    /// When something is sealed with it, or there is no new one that seals; when the key or the table can't
    /// be read, or the key can't be written.
    pub async fn finish(&mut self) -> Result<()> {
        let ring = self.key.read_again(self.clock.now()).await?;
        let sealing = ring.sealing();
        match ring.stage() {
            Stage::Settled => {
                writeln!(self.screen, "key {sealing} is the only one: there is nothing to drop")?;
                return Ok(());
            }
            Stage::Announced => {
                let arguments = &self.arguments;
                bail!("key {} does not seal yet: run {COMMAND}{arguments} first", ring.newest());
            }
            Stage::TakenOver => {}
        }
        let pause = self.key.until_former_is_unused();
        self.wait(ring.changed_at(), pause, "no function seals with a former key").await?;
        let Seals { endpoints, others } = self.look(sealing).await?;
        for (account, endpoint) in others.iter().take(NAMED) {
            writeln!(self.screen, "{account}  {endpoint}  sealed with a former key")?;
        }
        if !others.is_empty() {
            bail!(
                "{} of {endpoints} endpoints are sealed with a former key: run {COMMAND}{} first",
                others.len(),
                self.arguments
            );
        }
        let now = self.clock.now();
        self.key.replace(ring.without_former(now), now).await?;
        writeln!(self.screen, "key {sealing} is the only one; {endpoints} endpoints have it")?;
        Ok(())
    }

    /// Waits until so long after the last change of the key, when there is something to wait for.
    async fn wait(
        &mut self,
        changed_at: Option<Timestamp>,
        pause: SignedDuration,
        until: &str,
    ) -> Result<()> {
        loop {
            let passed = changed_at.map_or(pause, |at| self.clock.now().duration_since(at));
            // Not longer than that if a clock was set back.
            let left = (pause - passed).min(pause);
            if left <= SignedDuration::ZERO {
                return Ok(());
            }
            writeln!(self.screen, "waiting {} s until {until}", left.as_secs() + 1)?;
            tokio::time::sleep(left.unsigned_abs()).await;
        }
    }

    /// Looks through the endpoints of all accounts for those with another value than this one.
    async fn look(&self, sealing: KeyNumber) -> Result<Seals> {
        let mut seals = Seals { endpoints: 0, others: Vec::new() };
        let mut after = None;
        loop {
            let accounts = self.store.account_ids(PAGE, after.as_deref()).await?;
            for account in &accounts.items {
                self.look_through(account, sealing, &mut seals).await?;
            }
            after = accounts.next;
            if after.is_none() {
                return Ok(seals);
            }
        }
    }

    async fn look_through(
        &self,
        account: &AccountId,
        sealing: KeyNumber,
        seals: &mut Seals,
    ) -> Result<()> {
        let mut after = None;
        loop {
            let page = self.store.endpoint_seals(account, PAGE, after.as_deref()).await?;
            seals.endpoints += page.items.len();
            let others = page.items.into_iter().filter(|seal| seal.key != Some(sealing));
            seals.others.extend(others.map(|seal| (account.clone(), seal.endpoint)));
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

/// Where the stack on this machine keeps its data.
fn data_directory() -> Result<PathBuf> {
    let setting = options::set_or("POSTHORN_DATA_DIR", DEFAULTS.data_dir);
    if setting == MEMORY {
        let problem = format!("{setting} keeps no deployment key: name the stack's data directory");
        return Err(Usage::variable("POSTHORN_DATA_DIR", problem).into());
    }
    let directory = PathBuf::from(setting);
    if !directory.join(FILE).exists() {
        bail!(
            "there is no {FILE} in {}: set POSTHORN_DATA_DIR to the stack's data directory",
            directory.display()
        );
    }
    Ok(directory)
}

/// A lock that is held until it is dropped, or the process ends.
fn lock(directory: &Path) -> Result<File> {
    let path = directory.join(LOCK);
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.with_context(|| format!("{} can't be written", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("another rotation is at work: wait for its end"),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("{} can't be locked", path.display()))
        }
    }
}

fn store(deployment: &Deployment, key: DeploymentKey, clock: &Clock) -> Result<Store> {
    let mut settings = deployment.settings()?;
    settings.deployment_key = Some(key);
    Ok(Store::new(&Runtime::with_config(settings, &deployment.config, clock.clone())))
}
