//! What this process has written of accounts and catalogs lately. Its functions keep what they have
//! read for a second; by this they know when it is older than what was confirmed since.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;

use crate::ids::AccountId;

/// How long a change is remembered: longer than anything is kept that was read before it, plus the
/// time that reading it takes.
const REMEMBERED: Duration = Duration::from_secs(60);

/// What can change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Changed {
    /// An account, or something below it; whichever has the id.
    Account(AccountId),
    /// The catalog of all accounts.
    Everyone,
}

/// Changes, numbered from 1. Clones share them.
#[derive(Clone)]
pub struct Changes {
    number: Arc<Mutex<u64>>,
    last: Cache<Changed, u64>,
}

impl Changes {
    #[expect(clippy::new_without_default, reason = "nothing about it is a default")]
    pub fn new() -> Self {
        Self {
            number: Arc::default(),
            last: Cache::builder().max_capacity(100_000).time_to_live(REMEMBERED).build(),
        }
    }

    /// The number of the last change of all. What is read from now on is newer.
    pub fn number(&self) -> u64 {
        *self.number.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that something of this was written.
    pub fn note(&self, what: Changed) {
        // Under the lock: whoever sees the number sees whose it is.
        let mut number = self.number.lock().unwrap_or_else(PoisonError::into_inner);
        *number += 1;
        self.last.insert(what, *number);
    }

    /// The number of the last change of this, if there was one lately.
    pub fn last(&self, what: &Changed) -> Option<u64> {
        self.last.get(what)
    }
}
