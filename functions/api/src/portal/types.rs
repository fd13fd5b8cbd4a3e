//! An account's event types, as the portal's forms offer them.

use std::collections::BTreeMap;

use posthorn_shared::event_type::{CatalogOwner, EventType};
use posthorn_shared::tenant::Tenant;

use super::trouble::Trouble;
use crate::operations::catalog;
use crate::state::ApiState;

/// Entries read at a time.
const PAGE: usize = 250;

/// Posthorn's own events, which an endpoint gets if it asks for them by name.
pub const OPERATIONAL: [(&str, &str); 4] = [
    ("posthorn.delivery.failed", "A delivery was given up: every attempt failed."),
    ("posthorn.endpoint.disabled", "It was switched off, and not by you."),
    ("posthorn.endpoint.failing", "A delivery has failed several times and is still tried."),
    ("posthorn.secret.rotation_due", "A signing secret is 90 days old, or older."),
];

/// All that count for the account, by name.
pub async fn all(state: &ApiState, account: &Tenant) -> Result<Vec<EventType>, Trouble> {
    let owner = CatalogOwner::Account(account.clone());
    let (mut all, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = catalog::list(state, &owner, PAGE, after.as_deref()).await?;
        all.extend(page.items.into_iter().map(|entry| entry.event_type));
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// By group: what stands before the first dot of a name.
pub fn by_group(types: &[EventType]) -> BTreeMap<&str, Vec<&EventType>> {
    let mut groups: BTreeMap<&str, Vec<&EventType>> = BTreeMap::new();
    for event_type in types {
        let name = event_type.name.as_str();
        let group = name.split_once('.').map_or(name, |(group, _)| group);
        groups.entry(group).or_default().push(event_type);
    }
    groups
}
