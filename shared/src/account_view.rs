//! An account with all that dispatch and ingest ask of it, read with one query and kept for a
//! second.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::account::Account;
use crate::dialect::Dialect;
use crate::endpoint::Matcher;
use crate::ids::{AccountId, EventTypeName};
use crate::store::{Store, StoreError};

/// How long a warm function goes on with what it has read. Short, because people create an
/// endpoint and send it an event at once; under load it still makes a query one in thousands of
/// events.
const FRESH: Duration = Duration::from_secs(1);

/// An account, its endpoints and its catalog.
#[derive(Debug)]
pub struct AccountView {
    pub account: Account,
    pub dialect: Dialect,
    pub endpoints: Vec<Matcher>,
    event_types: HashSet<EventTypeName>,
}

impl AccountView {
    /// Builds the view; endpoints whose filter no longer parses are left out (and logged).
    pub fn new(
        account: Account,
        endpoints: impl IntoIterator<Item = crate::endpoint::Endpoint>,
        event_types: HashSet<EventTypeName>,
    ) -> Self {
        // A dialect that this release doesn't know can't be rendered; the standard one is the
        // closest thing that receivers can verify.
        let dialect = Dialect::named(&account.dialect).unwrap_or_else(Dialect::standard);
        let endpoints = endpoints.into_iter().filter_map(Matcher::new).collect();
        Self { account, dialect, endpoints, event_types }
    }

    /// Whether events of this type are accepted: all are, until the catalog has entries.
    pub fn knows(&self, event_type: &EventTypeName) -> bool {
        self.event_types.is_empty() || self.event_types.contains(event_type)
    }
}

/// Views of the accounts seen lately.
#[derive(Clone)]
pub struct AccountViews {
    store: Store,
    cache: Cache<AccountId, Arc<AccountView>>,
}

impl AccountViews {
    pub fn new(store: Store) -> Self {
        let cache = Cache::builder().max_capacity(1_000).time_to_live(FRESH).build();
        Self { store, cache }
    }

    /// The account's view; `None` when there is no such account (which is not remembered, so that
    /// a new account works at once).
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn get(&self, id: &AccountId) -> Result<Option<Arc<AccountView>>, StoreError> {
        if let Some(view) = self.cache.get(id) {
            return Ok(Some(view));
        }
        let Some(view) = self.store.account_view(id).await?.map(Arc::new) else {
            return Ok(None);
        };
        self.cache.insert(id.clone(), view.clone());
        Ok(Some(view))
    }
}
