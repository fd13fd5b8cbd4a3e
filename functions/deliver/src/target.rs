//! The endpoints that deliveries go to, with the rules of their account's dialect.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use moka::sync::Cache;
use posthorn_shared::dialect::{Dialect, Dialects};
use posthorn_shared::endpoint::{DisabledReason, Endpoint};
use posthorn_shared::health::Health;
use posthorn_shared::ids::{AccountId, EndpointId};
use posthorn_shared::operational::{OperationalEvent, Reporter};
use posthorn_shared::store::{Change, Store, StoreError};
use posthorn_shared::tenant::Tenant;

/// How long a warm function goes on with what it has read: after this time at the latest, an
/// endpoint that was switched off or deleted gets no more requests.
const FRESH: Duration = Duration::from_secs(1);

/// Where a delivery goes, and by which rules.
pub struct Target {
    pub endpoint: Endpoint,
    pub dialect: Dialect,
}

type Id = (AccountId, EndpointId);

/// What was found of some endpoints. What is in neither does not exist.
#[derive(Default)]
pub struct Known {
    pub targets: HashMap<Id, Arc<Target>>,
    /// Their items can't be read: their secrets were sealed with another key, say. Nobody else's
    /// deliveries suffer from that.
    pub unreadable: HashSet<EndpointId>,
}

/// Targets seen lately. Clones share them.
#[derive(Clone)]
pub struct Targets {
    store: Store,
    dialects: Dialects,
    cache: Cache<Id, Arc<Target>>,
    reporter: Reporter,
}

impl Targets {
    pub fn new(store: Store, dialects: Dialects, reporter: Reporter) -> Self {
        let cache = Cache::builder().max_capacity(10_000).time_to_live(FRESH).build();
        Self { store, dialects, cache, reporter }
    }

    /// The targets with these ids, those that are not at hand read in one call.
    pub async fn get(&self, mut wanted: Vec<Id>) -> Result<Known, StoreError> {
        wanted.sort();
        wanted.dedup();
        let mut known = Known::default();
        wanted.retain(|id| match self.cache.get(id) {
            Some(target) => {
                known.targets.insert(id.clone(), target);
                false
            }
            None => true,
        });
        if wanted.is_empty() {
            return Ok(known);
        }
        let (endpoints, unreadable) = self.store.endpoints_with_accounts(&wanted).await?;
        known.unreadable.extend(unreadable);
        for (endpoint, account) in endpoints {
            let id = (account.id.clone(), endpoint.id.clone());
            let dialect = self.dialects.or_standard(&account.dialect).of_account(&account);
            let target = Arc::new(Target { endpoint, dialect });
            self.cache.insert(id.clone(), target.clone());
            known.targets.insert(id, target);
        }
        Ok(known)
    }

    /// Changes what is known of an endpoint's health; `None`: there is nothing to change any more,
    /// or it can't be written. Then it stays as it was, and the next attempt says the same.
    pub async fn change_health(
        &self,
        account: &Tenant,
        endpoint: &EndpointId,
        change: impl Fn(Health) -> Option<Health>,
    ) -> Option<Health> {
        let changed = self
            .store
            .change_endpoint(account, endpoint, |mut endpoint| {
                endpoint.health = change(endpoint.health).ok_or(())?;
                Ok::<_, ()>(endpoint)
            })
            .await;
        self.cache.invalidate(&(account.id.clone(), endpoint.clone()));
        match changed {
            Ok(Change::Done(endpoint)) => Some(endpoint.health),
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(%account, %endpoint, %error, "health not written");
                None
            }
        }
    }

    /// Notes that a delivery has succeeded at an endpoint's host. Answers whether that is on record now, or
    /// need not be.
    pub async fn prove(&self, endpoint: &Endpoint) -> bool {
        let host = endpoint.host();
        let (account, endpoint) = (&endpoint.account, &endpoint.id);
        let proven = self
            .store
            .change_endpoint(account, endpoint, |mut endpoint| {
                // It may be elsewhere by now.
                if !endpoint.unproven || endpoint.host() != host {
                    return Err(());
                }
                endpoint.unproven = false;
                Ok(endpoint)
            })
            .await;
        self.cache.invalidate(&(account.id.clone(), endpoint.clone()));
        if let Err(error) = &proven {
            tracing::warn!(%account, %endpoint, %error, "first success not written");
        }
        proven.is_ok()
    }

    /// Switches an endpoint off. If that can't be written, its next failure does it.
    pub async fn disable(&self, endpoint: &Endpoint, reason: DisabledReason, now: Timestamp) {
        let (account, endpoint) = (&endpoint.account, &endpoint.id);
        let switched = self
            .store
            .change_endpoint(account, endpoint, |mut endpoint| {
                if !endpoint.is_active() {
                    return Err(());
                }
                endpoint.disabled_reason = Some(reason);
                endpoint.updated_at = now;
                Ok(endpoint)
            })
            .await;
        self.cache.invalidate(&(account.id.clone(), endpoint.clone()));
        match switched {
            Ok(Change::Done(switched)) => {
                tracing::warn!(%account, %endpoint, ?reason, "endpoint disabled");
                let event = OperationalEvent::endpoint_disabled(&switched, reason);
                self.reporter.tell(vec![event]).await;
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%account, %endpoint, ?reason, %error, "endpoint not disabled yet");
            }
        }
    }
}
