//! An account with all that dispatch and ingest ask of it, read with one query and kept for a
//! second, or until this process writes something of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::account::Account;
use crate::changes::Changed;
use crate::dialect::{BuiltInType, Dialect, Dialects};
use crate::digest::sha256_hex;
use crate::event_type::{CatalogEntry, CatalogOwner};
use crate::heavy_work::HeavyWork;
use crate::ids::{AccountId, EventTypeName};
use crate::matching::{Matcher, Matchers};
use crate::operational;
use crate::problem::Problem;
use crate::schema::{Kept, Schema, Schemas, parsed};
use crate::store::{AccountItems, Store, StoreError};
use crate::subscription::Subscription;
use crate::tenant::Tenant;

/// How long a warm function goes on with what it has read, where another process may have written
/// since. Short, because people create an endpoint and send it an event at once; under load it still
/// makes a query one in thousands of events.
const FRESH: Duration = Duration::from_secs(1);

/// How long after an account was deleted another may have its id: by then no process uses a view or a
/// key of the deleted one, which it keeps for up to a second.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(2);

/// An account, its endpoints and its catalog.
#[derive(Debug)]
pub struct AccountView {
    pub account: Account,
    /// The same, told apart from those that had its id before.
    pub tenant: Tenant,
    /// With what the account says otherwise.
    pub dialect: Dialect,
    pub endpoints: Matchers,
    /// Without what the dialect brings along.
    catalog: HashMap<EventTypeName, (CatalogOwner, CatalogEntry)>,
}

impl AccountView {
    /// Builds the view; endpoints whose filter no longer parses are left out (and logged). The
    /// account's own entries go before those of all accounts.
    fn new(items: AccountItems, everyones: &[CatalogEntry], dialects: &Dialects) -> Self {
        let AccountItems { account, interests, catalog: own } = items;
        let dialect = dialects.or_standard(&account.dialect).of_account(&account);
        let endpoints = interests.into_iter().collect();
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

    /// The fingerprint of the schema that the catalog has of a type.
    pub fn schema_fingerprint(&self, event_type: &EventTypeName) -> Option<&str> {
        self.catalog.get(event_type)?.1.schema_fingerprint.as_deref()
    }
}

/// Something that was read, and the number of this process's last change before that.
#[derive(Clone)]
struct Seen<T> {
    what: T,
    after: u64,
}

/// Views of the accounts seen lately.
#[derive(Clone)]
pub struct AccountViews {
    store: Store,
    views: Cache<AccountId, Seen<Arc<AccountView>>>,
    everyones: Cache<(), Seen<Arc<Vec<CatalogEntry>>>>,
    schemas: Schemas,
    heavy_work: HeavyWork<CatalogOwner>,
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
            heavy_work: HeavyWork::new(),
        }
    }

    /// Where schemas are compiled, and what takes long to check is checked.
    pub fn heavy_work(&self) -> &HeavyWork<CatalogOwner> {
        &self.heavy_work
    }

    /// The account's view; `None` when there is no such account (which is not remembered, so that
    /// a new account works at once). Has what this process has written.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn get(&self, id: &AccountId) -> Result<Option<Arc<AccountView>>, StoreError> {
        match self.kept(id) {
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

    /// The view that was read lately, if it has what this process has written since.
    fn kept(&self, id: &AccountId) -> Option<Arc<AccountView>> {
        let seen = self.views.get(id)?;
        let all = [Changed::Account(id.clone()), Changed::Everyone];
        all.iter().all(|what| self.has(&seen, what)).then_some(seen.what)
    }

    async fn read(
        &self,
        id: &AccountId,
        consistent: bool,
    ) -> Result<Option<Arc<AccountView>>, StoreError> {
        let after = self.store.changes().number();
        let items = self.store.account_view(id, consistent);
        let (items, everyones) = futures::future::try_join(items, self.everyones()).await?;
        let Some(items) = items else {
            return Ok(None);
        };
        let what = Arc::new(AccountView::new(items, &everyones, &self.dialects));
        self.views.insert(id.clone(), Seen { what: what.clone(), after });
        Ok(Some(what))
    }

    /// Whether something that was read has what this process has written of it.
    fn has<T>(&self, seen: &Seen<T>, what: &Changed) -> bool {
        self.store.changes().last(what).is_none_or(|change| change <= seen.after)
    }

    /// What is wrong with the data of an event by its type's schema; nothing where there is none.
    /// What takes long leaves the executor.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn check(
        &self,
        view: &AccountView,
        event_type: &EventTypeName,
        data: &str,
    ) -> Result<Vec<Problem>, StoreError> {
        if let Some(problems) = self.check_at_once(view, event_type, data) {
            return Ok(problems);
        }
        let Some(schema) = self.schema(view, event_type).await? else {
            return Ok(Vec::new());
        };
        let owner = CatalogOwner::Account(view.tenant.clone());
        let data = data.to_owned();
        let check = move || schema.problems(&parsed(&data));
        Ok(self.heavy_work.run(&owner, check).await)
    }

    /// The same where it takes less than a millisecond. `None`: it would take longer, or its schema
    /// is not at hand.
    pub fn check_at_once(
        &self,
        view: &AccountView,
        event_type: &EventTypeName,
        data: &str,
    ) -> Option<Vec<Problem>> {
        let schema = match view.catalog.get(event_type) {
            None => view.dialect.event_type(event_type).and_then(BuiltInType::schema),
            Some((_, entry)) => match &entry.schema_fingerprint {
                None => None,
                Some(fingerprint) => match self.schemas.get(fingerprint)? {
                    Kept::Schema(schema) => Some(schema),
                    Kept::Unusable => None,
                },
            },
        };
        schema.map_or_else(|| Some(Vec::new()), |schema| schema.quick_problems(data))
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
        let kept = match self.schemas.get(fingerprint) {
            Some(kept) => kept,
            None => {
                let stored = self.store.event_type(owner, event_type).await?;
                let Some(text) = stored.and_then(|stored| stored.schema) else {
                    // Deleted this very second.
                    return Ok(None);
                };
                let account = CatalogOwner::Account(view.tenant.clone());
                let compile = move || (sha256_hex(&text.to_string()), Schema::compile(&text));
                let (fingerprint, compiled) = self.heavy_work.run(&account, compile).await;
                let kept = match compiled {
                    Ok(schema) => Kept::Schema(Arc::new(schema)),
                    // It compiled when it was saved, by a release that allowed more. What is sent
                    // goes on being delivered, as if there were no schema.
                    Err(problems) => {
                        let account = &view.account.id;
                        tracing::error!(
                            %account, %event_type, ?problems,
                            "stored schema is not used: it does not compile any more"
                        );
                        Kept::Unusable
                    }
                };
                self.schemas.keep(fingerprint, kept.clone());
                kept
            }
        };
        Ok(match kept {
            Kept::Schema(schema) => Some(schema),
            Kept::Unusable => None,
        })
    }

    async fn everyones(&self) -> Result<Arc<Vec<CatalogEntry>>, StoreError> {
        let known = self.everyones.get(&());
        if let Some(seen) = known.filter(|seen| self.has(seen, &Changed::Everyone)) {
            return Ok(seen.what);
        }
        let after = self.store.changes().number();
        let what = Arc::new(self.store.everyones_catalog().await?);
        self.everyones.insert((), Seen { what: what.clone(), after });
        Ok(what)
    }
}
