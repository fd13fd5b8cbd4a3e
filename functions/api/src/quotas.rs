//! How many requests a key, or a session of the portal, makes in a second.
//!
//! The limit holds over all processes of the function. None of them asks the table for every
//! request: a process lets a few pass by itself, and above that takes a part of the limit at a time.

use std::sync::Arc;

use moka::sync::Cache;
use posthorn_shared::account_view::AccountViews;
use posthorn_shared::api_key::ApiKey;
use posthorn_shared::clock::Clock;
use posthorn_shared::rate_limit::RateLimit;
use posthorn_shared::store::Store;
use tokio::sync::Mutex;

use crate::problem::Refusal;

/// Requests of a caller in a second that a process lets pass by itself.
const FREE: u32 = 5;
/// What a process takes at a time: this part of the limit, and no fewer than so many.
const PART: u32 = 10;
const LEAST: u32 = 50;
/// Requests per second of a session: far more than a person makes with a browser.
pub const MAX_OF_SESSION: u32 = 100;

/// Counts requests. Clones share the counts.
#[derive(Clone)]
pub struct Quotas {
    store: Store,
    accounts: AccountViews,
    clock: Clock,
    windows: Cache<String, Arc<Mutex<Window>>>,
}

/// Whose requests are counted together.
#[derive(Clone, Copy)]
pub enum Counted<'a> {
    /// Up to the limit of its account.
    Key(&'a ApiKey),
    /// A session of the portal or of the platform team's pages, by the hash of its token.
    Session { sha256: &'a str, limit: u32 },
}

impl Counted<'_> {
    fn id(&self) -> &str {
        match self {
            Self::Key(key) => key.id.as_str(),
            Self::Session { sha256, .. } => sha256,
        }
    }
}

/// A second of a caller.
#[derive(Default)]
struct Window {
    second: i64,
    used: u32,
    granted: u32,
}

impl Quotas {
    pub fn new(store: Store, accounts: AccountViews, clock: Clock) -> Self {
        let windows = Cache::builder().max_capacity(10_000).build();
        Self { store, accounts, clock, windows }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// When its caller has made as many as it may.
    pub async fn admit(&self, caller: Counted<'_>) -> Result<(), Refusal> {
        let second = self.clock.now().as_second();
        let window = self.windows.get_with_by_ref(caller.id(), Arc::default);
        let mut window = window.lock().await;
        if window.second != second {
            *window = Window { second, used: 0, granted: FREE };
        }
        if window.used >= window.granted {
            window.granted += self.take(caller).await?;
        }
        window.used += 1;
        Ok(())
    }

    async fn take(&self, caller: Counted<'_>) -> Result<u32, Refusal> {
        let limit = match caller {
            Counted::Key(key) => {
                let view = self.accounts.get(&key.account).await?.ok_or(Refusal::UnknownKey)?;
                view.dialect.limits.max_requests()
            }
            Counted::Session { limit, .. } => limit,
        };
        let part = (limit / PART).max(LEAST).min(limit);
        let rate = RateLimit { per_second: Some(limit), per_hour: None };
        match self.store.take_slots(caller.id(), rate, part as usize).await {
            Ok(0) => Err(Refusal::TooMany(limit)),
            Ok(taken) => Ok(u32::try_from(taken).unwrap_or(part)),
            // Counting is no reason to refuse anybody.
            Err(error) => {
                tracing::warn!(%error, "requests are not counted");
                Ok(part)
            }
        }
    }
}
