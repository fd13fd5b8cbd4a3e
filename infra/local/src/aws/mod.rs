//! An AWS-compatible endpoint on one loopback port: DynamoDB, SQS and EventBridge Scheduler.
//!
//! The three services speak the wire protocols of AWS, so that any AWS SDK or CLI that has the
//! stack's access key can use them, and keep everything they acknowledge in SQLite, so that it
//! survives a killed process. DynamoDB is the library `dynoxide`; SQS and Scheduler are written
//! here, since no library is durable, faithful and permissively licensed at once.
//!
//! Durability is SQLite's `synchronous=NORMAL` with a write-ahead log: what was answered is
//! with the operating system, which a `kill -9` does not touch; a power cut may lose the last
//! moments, but never corrupts.

mod access;
pub mod dynamodb;
mod http;
pub mod meter;
pub mod scheduler;
mod sqlite;
pub mod sqs;

use std::path::PathBuf;

pub use dynamodb::DynamoDb;
pub use meter::Meter;
use posthorn_shared::aws_endpoint::AwsKey;
use posthorn_shared::clock::Clock;
pub use scheduler::Scheduler;
pub use sqs::Sqs;

use self::access::Access;
use crate::door::Hosts;

/// The account that every ARN and queue URL names.
pub const ACCOUNT: &str = "000000000000";
/// The region that every ARN names.
pub const REGION: &str = "us-east-1";

/// Where the services keep their data.
#[derive(Debug, Clone)]
pub enum DataDir {
    /// A directory that exists and that no other process uses.
    Path(PathBuf),
    /// Nothing is kept beyond the process.
    Memory,
}

/// The three services and the meter that counts their use. Clones share them.
#[derive(Clone)]
pub struct LocalAws {
    pub dynamodb: DynamoDb,
    pub sqs: Sqs,
    pub scheduler: Scheduler,
    pub meter: Meter,
    /// The share of calls that are refused, as AWS does now and then: for tests.
    pub throttle: f64,
}

impl LocalAws {
    /// Opens the databases in the directory, or makes them.
    ///
    /// # Errors
    /// When a database can't be opened or is not one of ours.
    pub fn open(data_dir: DataDir) -> anyhow::Result<Self> {
        Self::open_at(data_dir, &Clock::system())
    }

    /// The same at a time that a test sets. What DynamoDB lets expire goes by the machine's clock
    /// all the same.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_at(data_dir: DataDir, clock: &Clock) -> anyhow::Result<Self> {
        let meter = Meter::default();
        Ok(Self {
            dynamodb: DynamoDb::open(&data_dir, meter.clone())?,
            sqs: Sqs::open(&data_dir, meter.clone(), clock.clone())?,
            scheduler: Scheduler::open(&data_dir, meter.clone(), clock.clone())?,
            meter,
            throttle: 0.0,
        })
    }

    /// All three services on one port, told apart by `X-Amz-Target` and path. They take what is
    /// signed with this key, and sent to an address, `localhost` or one of these hosts.
    pub fn router(&self, key: AwsKey, hosts: Hosts) -> axum::Router {
        http::router(self.clone(), Access::new(key, hosts))
    }
}
