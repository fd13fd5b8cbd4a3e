//! What every handler works with.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use posthorn_shared::account_view::AccountViews;
use posthorn_shared::runtime::Runtime;
use posthorn_shared::store::Store;

use crate::auth::Identity;
use crate::ingest::Ingest;
use crate::quotas::Quotas;

/// How long a key that was deleted may still work.
const KEY_FRESH: Duration = Duration::from_secs(1);

/// Shared by all handlers; cloned for every request.
#[derive(Clone)]
pub struct ApiState(Arc<Shared>);

pub struct Shared {
    pub runtime: Runtime,
    pub store: Store,
    pub accounts: AccountViews,
    pub ingest: Ingest,
    pub quotas: Quotas,
    /// By the key's hash.
    pub keys: Cache<String, Identity>,
}

impl ApiState {
    pub fn new(runtime: Runtime) -> Self {
        let store = Store::new(&runtime);
        let accounts = AccountViews::new(store.clone(), runtime.settings.dialects.clone());
        Self(Arc::new(Shared {
            quotas: Quotas::new(store.clone(), accounts.clone(), runtime.clock.clone()),
            accounts,
            ingest: Ingest::start(&runtime),
            keys: Cache::builder().max_capacity(10_000).time_to_live(KEY_FRESH).build(),
            store,
            runtime,
        }))
    }
}

impl Deref for ApiState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
