//! How much of something an account has, counted in the transaction that writes one more or one
//! less: of any number of requests at once as many succeed as the limit allows.
//!
//! A counter is what requests at the same time agree on, and no more: one that was not raised for a
//! minute is made again by counting. So an account needs none to begin with, and what an earlier
//! release wrote, which knows of no counters, is counted, too.

use super::document;
use super::keys::{self, Key};
use super::table::item_key;
use super::transactions::{If, Step, TRIES, Transacted};
use super::{Item, Reader, Store, StoreError, number};
use crate::tenant::Tenant;

/// How long a counter holds after it was last raised: longer than a transaction takes.
const HOLDS: i64 = 60_000;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    Endpoints,
    EventTypes,
}

/// What came of creating something below an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    Done,
    /// The account has as many as its limit allows.
    Full,
    /// There is one already.
    Taken,
    /// The account was deleted.
    NoAccount,
}

impl Counted {
    /// What the sort keys of all of them begin with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Endpoints => keys::ENDPOINT_SK,
            Self::EventTypes => keys::EVENT_TYPE_SK,
        }
    }

    fn counter(self, tenant: &Tenant) -> Key {
        keys::counter(&tenant.id, self.prefix())
    }
}

impl Store {
    /// Writes one more, unless the account has as many as the limit allows. The first of the items is
    /// what is counted, and must not be there yet.
    pub(super) async fn create_counted(
        &self,
        tenant: &Tenant,
        what: Counted,
        limit: u32,
        items: Vec<Item>,
    ) -> Result<Created, StoreError> {
        let key = what.counter(tenant);
        for _ in 0..TRIES {
            let now = self.clock.now().as_millisecond();
            let found = self.get(key.clone(), true).await?;
            let held = found.as_ref().and_then(|counter| held(counter, now));
            let count = match held {
                Some(count) => count,
                None => self.count_again(tenant, what).await?,
            };
            if count >= limit {
                return Ok(Created::Full);
            }
            let counted = match held {
                Some(_) => {
                    let condition = If::Fewer { than: limit, after: now - HOLDS };
                    Step::add(key.clone(), [("n", 1), ("r", 1)], Some(now), condition)
                }
                None => {
                    let revision = found.as_ref().map(document::revision);
                    let unchanged = revision.map_or(If::New, If::Revision);
                    Step::put(counter(&key, count + 1, now, revision.unwrap_or(0) + 1), unchanged)
                }
            };
            let first = [If::New].into_iter().chain(std::iter::repeat(If::Any));
            let puts = items.iter().cloned().zip(first).map(|(item, when)| Step::put(item, when));
            let steps = [Self::account_is_there(tenant), counted].into_iter().chain(puts);
            match self.transact(steps).await? {
                Transacted::Done => return Ok(Created::Done),
                Transacted::Refused(steps) if steps.contains(&0) => return Ok(Created::NoAccount),
                Transacted::Refused(steps) if steps.contains(&2) => return Ok(Created::Taken),
                // Others have raised it, or lowered it.
                Transacted::Refused(_) => {}
            }
        }
        Err(StoreError::Contended)
    }

    /// Deletes one, and what belongs to it; `false` when it is not there, or its account is not.
    pub(super) async fn delete_counted(
        &self,
        tenant: &Tenant,
        what: Counted,
        item: Key,
        rest: Option<Key>,
    ) -> Result<bool, StoreError> {
        // It makes a counter that is not there, so that a creation which counts at the same time counts again.
        let lowered = Step::add(what.counter(tenant), [("n", -1), ("r", 1)], None, If::Any);
        let steps = [Self::account_is_there(tenant), lowered, Step::delete(item, If::Exists)];
        let rest = rest.into_iter().map(|key| Step::delete(key, If::Any));
        let done = self.transact(steps.into_iter().chain(rest)).await?;
        Ok(done == Transacted::Done)
    }

    async fn count_again(&self, tenant: &Tenant, what: Counted) -> Result<u32, StoreError> {
        let count = self.count_items(keys::account_pk(&tenant.id), what.prefix()).await?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }
}

/// What a counter says, if it holds.
fn held(counter: &Item, now: i64) -> Option<u32> {
    let counter = Reader(counter);
    let holds = counter.integer("u")? > now - HOLDS;
    u32::try_from(counter.integer("n")?).ok().filter(|_| holds)
}

fn counter(key: &Key, count: u32, raised_at: i64, revision: u64) -> Item {
    let mut item = item_key(key.clone());
    item.insert("n".to_owned(), number(count));
    item.insert("u".to_owned(), number(raised_at));
    item.insert("r".to_owned(), number(revision));
    item
}
