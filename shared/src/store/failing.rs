//! Which endpoints had a failed attempt in an hour, of all accounts: for the platform team to look at.
//! Statistics are kept by endpoint, and nobody could read those of all.

use std::collections::HashSet;
use std::time::Duration;

use futures::{StreamExt, stream};

use super::document;
use super::endpoints::by_account;
use super::keys;
use super::table::{Range, item_key};
use super::{Item, Reader, Store, StoreError, number, string};
use crate::account::Account;
use crate::endpoint::Outline;
use crate::ids::{AccountId, EndpointId};
use crate::stats::Hour;

/// A day is looked at; another for whoever looks later.
const KEPT: Duration = Duration::from_secs(2 * 86_400);
/// Hours that are read at the same time.
const AT_ONCE: usize = 8;

impl Store {
    /// Notes that an endpoint had a failed attempt in an hour. To note it again changes nothing.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn note_failing(
        &self,
        account: &AccountId,
        endpoint: &EndpointId,
        hour: Hour,
    ) -> Result<(), StoreError> {
        let mut item = item_key(keys::failing(hour, endpoint));
        item.insert("account".to_owned(), string(account.as_str()));
        let expiry = hour.start().as_second().saturating_add_unsigned(KEPT.as_secs());
        item.insert("x".to_owned(), number(expiry));
        self.put_if(item, "attribute_not_exists(pk)", &[]).await.map(drop)
    }

    /// Endpoints that had a failed attempt in the hours from `first` to `last`, those that had one
    /// last before others, `limit` of them at the most; and whether there are more.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn failing(
        &self,
        first: Hour,
        last: Hour,
        limit: usize,
    ) -> Result<(Vec<(AccountId, EndpointId)>, bool), StoreError> {
        let hours = (first.0..=last.0).rev().map(Hour);
        let mut hours =
            stream::iter(hours).map(|hour| self.failing_in(hour, limit + 1)).buffered(AT_ONCE);
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        while let Some(hour) = hours.next().await {
            found.extend(hour?.into_iter().filter(|(_, id)| seen.insert(id.clone())));
            if found.len() > limit {
                found.truncate(limit);
                return Ok((found, true));
            }
        }
        Ok((found, false))
    }

    async fn failing_in(
        &self,
        hour: Hour,
        limit: usize,
    ) -> Result<Vec<(AccountId, EndpointId)>, StoreError> {
        let items = self
            .range(Range {
                pk: keys::failing_pk(hour),
                from: "!",
                to: "~",
                newest_first: true,
                limit: Some(limit),
                consistent: false,
            })
            .await?;
        let read = |item: &Item| Ok((Reader(item).parse("account")?, Reader(item).parse("sk")?));
        items.iter().map(read).collect()
    }

    /// Several endpoints at a glance, of any accounts, each with its account, in no order; those that
    /// don't exist are left out. Opens no secret.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn outlines_with_accounts(
        &self,
        wanted: &[(AccountId, EndpointId)],
    ) -> Result<Vec<(Account, Outline)>, StoreError> {
        let endpoints = wanted.iter().map(|(account, id)| keys::endpoint(account, id));
        let accounts = wanted.iter().map(|(account, _)| keys::account(account));
        let items = self.batch_get(endpoints.chain(accounts).collect(), false).await?;
        let (accounts, endpoints) = by_account(items)?;
        let mut found = Vec::with_capacity(endpoints.len());
        for item in &endpoints {
            let Some(account) = accounts.get(Reader(item).text("pk")?) else {
                continue;
            };
            let outline = document::owned(item, &account.tenant())?;
            found.extend(outline.map(|outline| (account.clone(), outline)));
        }
        Ok(found)
    }
}
