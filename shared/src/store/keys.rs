//! Partition and sort keys. Every one starts with the account, or an id that belongs to it.

use super::StoreError;
use crate::changes::Changed;
use crate::due::Bucket;
use crate::event_type::CatalogOwner;
use crate::ids::{
    AccountId, EndpointId, EventKey, EventTypeName, KeyId, PortalSessionId, ProducerEventId, TaskId,
};
use crate::stats::Hour;
use crate::tenant::Tenant;

/// Shards of an account's hour of events, and of an endpoint's deliveries. A partition takes 1,000
/// writes/s, so this is 8,000/s for one account's events and for one endpoint's deliveries before
/// DynamoDB has to split anything.
pub const SHARDS: u8 = 8;

/// A partition key and a sort key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    pub pk: String,
    pub sk: String,
}

fn key(pk: String, sk: impl Into<String>) -> Key {
    Key { pk, sk: sk.into() }
}

impl Key {
    /// What is wrong with the item under this key.
    pub fn error(&self, reason: String) -> StoreError {
        StoreError::Item { pk: self.pk.clone(), sk: self.sk.clone(), reason }
    }
}

pub const ACCOUNT_SK: &str = "ACCOUNT";
pub const ENDPOINT_SK: &str = "EP#";
pub const EVENT_TYPE_SK: &str = "TYPE#";
pub const EVENT_TYPE_DETAILS_SK: &str = "TYPEDETAILS#";
pub const API_KEY_SK: &str = "KEY#";
/// Below the account's own item, as [`counter`]s: not read for every event.
pub const PORTAL_SK: &str = "#PORTAL#";
/// Below this lies what dispatch reads of an account; above, what is too large to read every time.
pub const CATALOG_END: &str = "TYPE$";
/// The catalog of all accounts.
const EVERYONE_PK: &str = "A#*";
/// The partition that lists the platform team's keys.
pub const ADMIN_KEYS_PK: &str = "ADMINKEYS";
/// The partition that lists all accounts, for the platform team.
pub const ACCOUNT_LIST_PK: &str = "ACCOUNTS";

pub fn account_pk(id: &AccountId) -> String {
    format!("A#{id}")
}

pub fn account(id: &AccountId) -> Key {
    key(account_pk(id), ACCOUNT_SK)
}

pub fn account_list(created: jiff::Timestamp, id: &AccountId) -> Key {
    key(ACCOUNT_LIST_PK.to_owned(), format!("{:013}#{id}", created.as_millisecond()))
}

/// What is left of an account that was deleted.
pub fn former_account(id: &AccountId) -> Key {
    key(format!("GONE#{id}"), "GONE")
}

/// How many items whose sort key begins with `prefix` an account has.
pub fn counter(account: &AccountId, prefix: &str) -> Key {
    key(account_pk(account), format!("#COUNT#{prefix}"))
}

pub fn endpoint(account: &AccountId, id: &EndpointId) -> Key {
    key(account_pk(account), format!("{ENDPOINT_SK}{id}"))
}

pub fn catalog_pk(owner: &CatalogOwner) -> String {
    match owner {
        CatalogOwner::Account(tenant) => account_pk(&tenant.id),
        CatalogOwner::Everyone => EVERYONE_PK.to_owned(),
    }
}

/// What changes with this partition, if it is one of an account or of the catalog of all accounts.
pub fn changed_with(pk: &str) -> Option<Changed> {
    if pk == EVERYONE_PK {
        return Some(Changed::Everyone);
    }
    pk.strip_prefix("A#")?.parse().ok().map(Changed::Account)
}

pub fn event_type(owner: &CatalogOwner, name: &EventTypeName) -> Key {
    key(catalog_pk(owner), format!("{EVENT_TYPE_SK}{name}"))
}

/// Schema and example: large, and rarely read.
pub fn event_type_details(owner: &CatalogOwner, name: &EventTypeName) -> Key {
    key(catalog_pk(owner), format!("{EVENT_TYPE_DETAILS_SK}{name}"))
}

pub fn account_key(account: &AccountId, id: &KeyId) -> Key {
    key(account_pk(account), format!("{API_KEY_SK}{id}"))
}

pub fn admin_key(id: &KeyId) -> Key {
    key(ADMIN_KEYS_PK.to_owned(), id.as_str())
}

pub fn api_key(sha256: &str) -> Key {
    key(format!("KEY#{sha256}"), "KEY")
}

pub fn event(account: &AccountId, event: &EventKey) -> Key {
    key(event_pk(account, event.received_at(), event.spread() % SHARDS), event.as_str())
}

/// Where events that are received in the hour of `at` lie.
pub fn event_pk(account: &AccountId, at: jiff::Timestamp, shard: u8) -> String {
    format!("EV#{account}#{}#{shard}", at.strftime("%Y%m%d%H"))
}

/// Where the marks of the hours lie in which an account has events.
pub fn event_hours_pk(account: &Tenant) -> String {
    format!("EH#{}#{}", account.id, account.generation())
}

/// The mark of the partition that an event lies in.
pub fn event_hour(account: &Tenant, event: &EventKey) -> Key {
    let hour = Hour::of(event.received_at());
    key(event_hours_pk(account), event_hour_sk(hour, event.spread() % SHARDS))
}

pub fn event_hour_sk(hour: Hour, shard: u8) -> String {
    format!("{}#{shard}", stats_sk(hour))
}

pub fn producer_event_id(account: &AccountId, id: &ProducerEventId) -> Key {
    key(format!("ID#{account}#{id}"), "ID")
}

pub fn delivery_pk(endpoint: &EndpointId, shard: u8) -> String {
    format!("D#{endpoint}#{shard}")
}

/// The event's key sorts by the time the event was received, so it is the sort key.
pub fn delivery(endpoint: &EndpointId, event: &EventKey) -> Key {
    key(delivery_pk(endpoint, event.spread() % SHARDS), event.as_str())
}

/// A request with an `Idempotency-Key`, by a digest of who sent it and of the key.
pub fn request(id: &str) -> Key {
    key(format!("IK#{id}"), "IK")
}

pub fn stats_pk(endpoint: &EndpointId) -> String {
    format!("ST#{endpoint}")
}

/// Hours have six digits until the year 2084.
pub fn stats_sk(hour: Hour) -> String {
    format!("{:06}", hour.0)
}

/// Endpoints of all accounts that had a failed attempt in an hour.
pub fn failing_pk(hour: Hour) -> String {
    format!("FAILING#{}", stats_sk(hour))
}

pub fn failing(hour: Hour, endpoint: &EndpointId) -> Key {
    key(failing_pk(hour), endpoint.as_str())
}

/// The slots of an endpoint, of an API key, or of a session, whose rate is limited.
pub fn slots(of: &str) -> Key {
    key(format!("RL#{of}"), "SLOTS")
}

pub fn task(account: &AccountId, id: &TaskId) -> Key {
    key(format!("T#{account}"), id.as_str())
}

/// What keeps a second task of a kind from an endpoint.
pub fn task_claim(endpoint: &EndpointId, kind: &str) -> Key {
    key(format!("TC#{endpoint}"), kind)
}

/// A link into an account's portal and the session that comes of it, as the account lists them.
pub fn portal_visit(account: &AccountId, id: &PortalSessionId) -> Key {
    key(account_pk(account), format!("{PORTAL_SK}{id}"))
}

/// A link that opens the portal, by the hash of its token.
pub fn portal_link(sha256: &str) -> Key {
    key(format!("PS#{sha256}"), "PS")
}

/// What a link became when it was opened, by the hash of another token.
pub fn portal_session(sha256: &str) -> Key {
    key(format!("PO#{sha256}"), "PO")
}

/// A session of the platform team, by the hash of its token.
pub fn platform_session(sha256: &str) -> Key {
    key(format!("PP#{sha256}"), "PP")
}

pub fn due_pk(bucket: Bucket, shard: u8) -> String {
    format!("DUE#{bucket}#{shard}")
}

pub fn due_done(bucket: Bucket, shard: u8) -> Key {
    // Below every row: rows sort by their due time, which starts with a digit.
    key(due_pk(bucket, shard), "#DONE")
}

pub fn sweep_cursor() -> Key {
    key("SWEEP".to_owned(), "CURSOR")
}
