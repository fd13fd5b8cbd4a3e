//! An account with all that dispatch and ingest ask of it, read with one query and kept for a
//! second.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use serde_json::Value;

use crate::account::Account;
use crate::dialect::{BuiltInType, Dialect, Dialects};
use crate::digest::sha256_hex;
use crate::endpoint::Matcher;
use crate::event_type::{CatalogEntry, CatalogOwner};
use crate::ids::{AccountId, EventTypeName};
use crate::operational;
use crate::problem::Problem;
use crate::schema::{Schema, Schemas};
use crate::store::{AccountItems, Store, StoreError};
use crate::subscription::Subscription;
use crate::tenant::Tenant;

/// How long a warm function goes on with what it has read. Short, because people create an
/// endpoint and send it an event at once; under load it still makes a query one in thousands of
/// events.
const FRESH: Duration = Duration::from_secs(1);

/// How long after an account was deleted another may have its id: by then no process goes on with
/// what it has read of the former one, a view or a key, for up to a second.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(2);

/// An account, its endpoints and its catalog.
#[derive(Debug)]
pub struct AccountView {
    pub account: Account,
    /// The same, told apart from those that had its id before.
    pub tenant: Tenant,
    /// With what the account says otherwise.
    pub dialect: Dialect,
    pub endpoints: Vec<Matcher>,
    /// Without what the dialect brings along.
    catalog: HashMap<EventTypeName, (CatalogOwner, CatalogEntry)>,
}

impl AccountView {
    /// Builds the view; endpoints whose filter no longer parses are left out (and logged). The
    /// account's own entries go before those of all accounts.
    fn new(items: AccountItems, everyones: &[CatalogEntry], dialects: &Dialects) -> Self {
        let AccountItems { account, interests, catalog: own } = items;
        let dialect = dialects.or_standard(&account.dialect).of_account(&account);
        let endpoints = interests.into_iter().filter_map(Matcher::new).collect();
        let everyones = everyones.iter().map(|entry| (CatalogOwner::Everyone, entry.clone()));
        let tenant = account.tenant();
        let own = own.into_iter().map(|e| (CatalogOwner::Account(tenant.clone()), e));
        let catalog = everyones
            .chain(own)
            .map(|(owner, entry)| (entry.name.clone(), (owner, entry)))
            .collect();
        Self { account, tenant, dialect, endpoints, catalog }
    }

    /// Whether any of its endpoints wants to hear of operations.
    pub fn listens_to_operations(&self) -> bool {
        let listens = |matcher: &Matcher| {
            let interest = &matcher.interest;
            interest.disabled_reason.is_none()
                && interest.event_types.iter().any(Subscription::is_operational)
        };
        self.endpoints.iter().any(listens)
    }

    /// Whether events of this type are accepted: all are, until somebody has put entries into the
    /// catalog. What a dialect brings along is no reason to refuse the rest.
    pub fn knows(&self, event_type: &EventTypeName) -> bool {
        self.catalog.is_empty()
            || self.catalog.contains_key(event_type)
            || self.dialect.event_type(event_type).is_some()
            || operational::is_operational(event_type)
    }
}

/// Views of the accounts seen lately.
#[derive(Clone)]
pub struct AccountViews {
    store: Store,
    views: Cache<AccountId, Arc<AccountView>>,
    everyones: Cache<(), Arc<Vec<CatalogEntry>>>,
    schemas: Schemas,
    dialects: Dialects,
}

impl AccountViews {
    pub fn new(store: Store, dialects: Dialects) -> Self {
        Self {
            store,
            dialects,
            views: Cache::builder().max_capacity(1_000).time_to_live(FRESH).build(),
            everyones: Cache::builder().max_capacity(1).time_to_live(FRESH).build(),
            schemas: Schemas::new(),
        }
    }

    /// The account's view; `None` when there is no such account (which is not remembered, so that
    /// a new account works at once).
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn get(&self, id: &AccountId) -> Result<Option<Arc<AccountView>>, StoreError> {
        match self.views.get(id) {
            Some(view) => Ok(Some(view)),
            None => self.read(id, false).await,
        }
    }

    /// The view of this very account; `None` when it was deleted, whether or not there is another
    /// with its id. Before it says so, it looks at the table itself.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn of(&self, tenant: &Tenant) -> Result<Option<Arc<AccountView>>, StoreError> {
        let is_it = |view: &Arc<AccountView>| view.tenant == *tenant;
        if let Some(view) = self.get(&tenant.id).await?.filter(is_it) {
            return Ok(Some(view));
        }
        Ok(self.read(&tenant.id, true).await?.filter(is_it))
    }

    async fn read(
        &self,
        id: &AccountId,
        consistent: bool,
    ) -> Result<Option<Arc<AccountView>>, StoreError> {
        let items = self.store.account_view(id, consistent);
        let (items, everyones) = futures::future::try_join(items, self.everyones()).await?;
        let Some(items) = items else {
            return Ok(None);
        };
        let view = Arc::new(AccountView::new(items, &everyones, &self.dialects));
        self.views.insert(id.clone(), view.clone());
        Ok(Some(view))
    }

    /// What is wrong with the data of an event by its type's schema; nothing where there is none.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn check(
        &self,
        view: &AccountView,
        event_type: &EventTypeName,
        data: &str,
    ) -> Result<Vec<Problem>, StoreError> {
        let Some(schema) = self.schema(view, event_type).await? else {
            return Ok(Vec::new());
        };
        // Data is checked to be readable when the event is read.
        let data: Value = serde_json::from_str(data).unwrap_or_default();
        Ok(schema.problems(&data))
    }

    async fn schema(
        &self,
        view: &AccountView,
        event_type: &EventTypeName,
    ) -> Result<Option<Arc<Schema>>, StoreError> {
        let Some((owner, entry)) = view.catalog.get(event_type) else {
            let built_in = view.dialect.event_type(event_type);
            return Ok(built_in.and_then(BuiltInType::schema));
        };
        let Some(fingerprint) = &entry.schema_fingerprint else {
            return Ok(None);
        };
        if let Some(schema) = self.schemas.get(fingerprint) {
            return Ok(Some(schema));
        }
        let stored = self.store.event_type(owner, event_type).await?;
        let Some(text) = stored.and_then(|stored| stored.schema) else {
            // Deleted this very second.
            return Ok(None);
        };
        match Schema::compile(&text) {
            Ok(schema) => {
                let schema = Arc::new(schema);
                self.schemas.keep(sha256_hex(&text.to_string()), schema.clone());
                Ok(Some(schema))
            }
            // It compiled when it was saved, so a newer release understood more.
            Err(problems) => {
                tracing::error!(%event_type, ?problems, "stored schema does not compile");
                Ok(None)
            }
        }
    }

    async fn everyones(&self) -> Result<Arc<Vec<CatalogEntry>>, StoreError> {
        if let Some(catalog) = self.everyones.get(&()) {
            return Ok(catalog);
        }
        let catalog = Arc::new(self.store.everyones_catalog().await?);
        self.everyones.insert((), catalog.clone());
        Ok(catalog)
    }
}
