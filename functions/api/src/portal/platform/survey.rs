//! What is known of a page of accounts: their endpoints, and how those did in the last 24 hours.
//!
//! Statistics are kept by endpoint and hour, so they are read one endpoint at a time. A page costs a
//! query for its accounts, one for the endpoints of each, and one for the hours of each endpoint:
//! 1 + 50 + 50 × 20 = 1,051 at the most, of half a read unit to a few. [`AT_ONCE`] of them are under
//! way at a time, so that somebody who looks is felt by nobody who sends.

use futures::{StreamExt, TryStreamExt, stream};
use posthorn_shared::account::Account;
use posthorn_shared::endpoint::Outline;
use posthorn_shared::ids::EndpointId;
use posthorn_shared::stats::{Counters, Hour};
use posthorn_shared::store::{Page, StoreError};

use crate::state::ApiState;

/// Accounts of a page.
const ACCOUNTS: usize = 50;
/// Endpoints of each that are looked at, the newest.
const ENDPOINTS: usize = 20;
/// How far back numbers go, the hour that runs included.
const HOURS: i64 = 24;
const AT_ONCE: usize = 16;

/// A page of accounts, newest first.
pub struct Survey {
    pub accounts: Vec<Surveyed>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
    /// Whether there is none before.
    first: bool,
}

/// An account and its endpoints, newest first.
pub struct Surveyed {
    pub account: Account,
    pub endpoints: Vec<Measured>,
    /// Whether it has more than were looked at.
    pub more: bool,
}

/// An endpoint and what became of its deliveries.
pub struct Measured {
    pub endpoint: Outline,
    pub total: Counters,
}

impl Survey {
    /// Looks at the accounts that come after where the page before ended.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn of_page(state: &ApiState, after: Option<&str>) -> Result<Self, StoreError> {
        let page = state.store.accounts(ACCOUNTS, after).await?;
        let with_endpoints: Vec<(Account, Page<Outline>)> = stream::iter(page.items)
            .map(|account| with_endpoints(state, account))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let ids = with_endpoints.iter().flat_map(|(_, found)| &found.items);
        let ids: Vec<EndpointId> = ids.map(|endpoint| endpoint.id.clone()).collect();
        let mut totals = totals(state, ids).await?.into_iter();
        let mut accounts = Vec::with_capacity(with_endpoints.len());
        for (account, found) in with_endpoints {
            let more = found.next.is_some();
            let endpoints = measured(found.items, totals.by_ref());
            accounts.push(Surveyed { account, endpoints, more });
        }
        Ok(Self { accounts, next: page.next, first: after.is_none() })
    }

    /// All of them together.
    pub fn total(&self) -> Counters {
        let endpoints = self.accounts.iter().flat_map(|one| &one.endpoints);
        sum(endpoints.map(|measured| &measured.total))
    }

    /// Of what the numbers are, for people.
    pub fn coverage(&self) -> String {
        let whole = !self.accounts.iter().any(|one| one.more);
        if self.first && self.next.is_none() && whole {
            return "Of all accounts and all their endpoints.".to_owned();
        }
        let which = if self.first { "the newest accounts" } else { "the accounts of this page" };
        format!(
            "Of {which}, {} of them, and of each its {ENDPOINTS} newest endpoints at the most: not \
             of the whole deployment.",
            self.accounts.len()
        )
    }
}

impl Surveyed {
    pub fn total(&self) -> Counters {
        sum(self.endpoints.iter().map(|measured| &measured.total))
    }
}

/// Endpoints with their numbers, which come in the same order.
pub fn measured(endpoints: Vec<Outline>, totals: impl Iterator<Item = Counters>) -> Vec<Measured> {
    let pairs = endpoints.into_iter().zip(totals);
    pairs.map(|(endpoint, total)| Measured { endpoint, total }).collect()
}

/// The hours that numbers are of, the first and the last.
pub fn past_day(state: &ApiState) -> (Hour, Hour) {
    let last = Hour::of(state.runtime.clock.now());
    (Hour(last.0 - HOURS + 1), last)
}

/// What became of each endpoint's deliveries lately, in the order of the ids.
///
/// # Errors
/// When the table can't be read.
pub async fn totals(state: &ApiState, ids: Vec<EndpointId>) -> Result<Vec<Counters>, StoreError> {
    let (first, last) = past_day(state);
    stream::iter(ids)
        .map(|id| total_of(state, id, first, last))
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

async fn with_endpoints(
    state: &ApiState,
    account: Account,
) -> Result<(Account, Page<Outline>), StoreError> {
    let found = state.store.endpoint_outlines(&account.tenant(), ENDPOINTS).await?;
    Ok((account, found))
}

async fn total_of(
    state: &ApiState,
    id: EndpointId,
    first: Hour,
    last: Hour,
) -> Result<Counters, StoreError> {
    let hours = state.store.stats(&id, first, last).await?;
    Ok(sum(hours.iter().map(|(_, counters)| counters)))
}

/// All of them together.
pub fn sum<'a>(all: impl Iterator<Item = &'a Counters>) -> Counters {
    all.fold(Counters::default(), |mut total, counters| {
        total.add(counters);
        total
    })
}
