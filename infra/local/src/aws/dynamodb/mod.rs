//! DynamoDB: the library `dynoxide` behind our port, on a thread of its own.
//!
//! The library runs one request at a time behind a lock and blocks while it does; on the
//! runtime's own threads that would hold up everything else. Requests are parsed and answers
//! written by whoever serves the connection, so that the thread only does the database's part.

mod capacity;
mod failure;
mod operations;
mod puts;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak, mpsc};
use std::time::{Duration, Instant};

use anyhow::Context;
use dynoxide::{Database, DynoxideError};
use tokio::sync::oneshot;

use self::puts::Puts;
use super::{DataDir, Meter};

/// How often expired items are deleted; AWS promises "within a few days".
const TTL_SWEEP: Duration = Duration::from_secs(60 * 60);
/// How soon the sweeping thread notices that the database is gone.
const TTL_POLL: Duration = Duration::from_secs(1);

/// What the thread is asked to do.
enum Work {
    Puts(Puts),
    Other(Box<dyn FnOnce(&Database) + Send>),
}

/// The tables. Clones share them.
#[derive(Clone)]
pub struct DynamoDb {
    inner: Arc<Inner>,
}

struct Inner {
    work: mpsc::Sender<Work>,
    meter: Meter,
}

/// The operation that a target header names, if it is one of DynamoDB's.
pub fn operation(target: &str) -> Option<&str> {
    let streams = || target.strip_prefix("DynamoDBStreams_20120810.");
    target.strip_prefix("DynamoDB_20120810.").or_else(streams)
}

impl DynamoDb {
    /// Opens the tables of the data directory and starts their threads, which end when the
    /// last clone is dropped.
    ///
    /// # Errors
    /// When the database can't be opened.
    pub fn open(data_dir: &DataDir, meter: Meter) -> anyhow::Result<Self> {
        let database = match data_dir {
            DataDir::Memory => Database::memory(),
            DataDir::Path(directory) => {
                let path = directory.join("dynamodb.sqlite");
                Database::new(&path.to_string_lossy())
            }
        };
        let database = database.context("opening the DynamoDB database")?;
        // Leaves `synchronous=NORMAL`, which has no other switch: a commit without an fsync.
        database
            .enable_bulk_loading()
            .and_then(|()| database.disable_bulk_loading())
            .context("preparing the DynamoDB database")?;

        let (work, inbox) = mpsc::channel();
        let inner = Arc::new(Inner { work, meter });
        let sweeper = (database.clone(), Arc::downgrade(&inner));
        start("dynamodb", move || execute(&database, &inbox))?;
        start("dynamodb-ttl", move || sweep(&sweeper.0, &sweeper.1))?;
        Ok(Self { inner })
    }

    /// Runs something on the database's thread.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> dynoxide::Result<T> + Send + 'static,
    ) -> dynoxide::Result<T> {
        let ended =
            || DynoxideError::InternalServerError("the database failed at this request".to_owned());
        let (reply, answer) = oneshot::channel();
        let work = Work::Other(Box::new(move |database| {
            // Whoever asked may be gone; the work is done all the same.
            let _ = reply.send(work(database));
        }));
        self.inner.work.send(work).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

fn start(name: &str, body: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .with_context(|| format!("starting the thread {name}"))?;
    Ok(())
}

fn execute(database: &Database, inbox: &mpsc::Receiver<Work>) {
    let mut next = None;
    while let Some(work) = next.take().or_else(|| inbox.recv().ok()) {
        // A panic in the library must cost one request, not all that follow.
        let done = catch_unwind(AssertUnwindSafe(|| match work {
            Work::Other(work) => work(database),
            Work::Puts(puts) => {
                let (together, other) = gather(puts, inbox);
                next = other;
                puts::write(database, together);
            }
        }));
        if done.is_err() {
            tracing::error!("the database panicked at a request");
        }
    }
}

/// The puts that wait behind these, up to the first other work.
fn gather(first: Puts, inbox: &mpsc::Receiver<Work>) -> (Vec<Puts>, Option<Work>) {
    let mut items = first.len();
    let mut together = vec![first];
    while items < puts::MAX_ITEMS {
        match inbox.try_recv() {
            Ok(Work::Puts(puts)) => {
                items += puts.len();
                together.push(puts);
            }
            Ok(other) => return (together, Some(other)),
            Err(_) => break,
        }
    }
    (together, None)
}

/// A thread of its own: the library lets requests in between a sweep's pages.
fn sweep(database: &Database, alive: &Weak<Inner>) {
    let mut last = Instant::now();
    while alive.strong_count() > 0 {
        std::thread::sleep(TTL_POLL);
        if last.elapsed() < TTL_SWEEP {
            continue;
        }
        match database.sweep_ttl() {
            Ok(deleted) => tracing::info!(deleted, "deleted expired items"),
            Err(error) => tracing::error!(%error, "deleting expired items failed"),
        }
        last = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_those_of_dynamodb_and_its_streams() {
        assert_eq!(operation("DynamoDB_20120810.GetItem"), Some("GetItem"));
        assert_eq!(operation("DynamoDBStreams_20120810.GetRecords"), Some("GetRecords"));
        assert_eq!(operation("AmazonSQS.SendMessage"), None);
    }
}
