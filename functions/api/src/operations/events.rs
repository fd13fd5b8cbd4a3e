//! Events: ingest and look-up.

use posthorn_shared::account_view::AccountView;
use posthorn_shared::event::{
    CHECKED_ATTRIBUTE, GENERATION_ATTRIBUTE, IncomingEvent, KEY_ATTRIBUTE,
};
use posthorn_shared::ids::{EventKey, ProducerEventId};
use posthorn_shared::operational;
use posthorn_shared::problem::{MAX_PROBLEMS, Problem, note_all};
use posthorn_shared::queue::Outgoing;
use posthorn_shared::stored_event::StoredEvent;
use posthorn_shared::tenant::Tenant;

use crate::problem::Refusal;
use crate::state::ApiState;

/// An event on its way to the queue, and the id that the producer is answered with.
pub struct Accepted {
    pub id: String,
    pub message: Outgoing,
}

/// Checks events against the account's catalog and makes them messages. `pointer` says where in
/// the request an event is.
pub async fn accept(
    state: &ApiState,
    account: &Tenant,
    events: Vec<(String, IncomingEvent)>,
) -> Result<Vec<Accepted>, Refusal> {
    let view = state.accounts.of(account).await?.ok_or(Refusal::Unknown("account"))?;
    let mut problems = Vec::new();
    for (pointer, event) in &events {
        if problems.len() == MAX_PROBLEMS {
            break;
        }
        let event_type = &event.event_type;
        if operational::is_operational(event_type) {
            let detail = "types that begin with posthorn. are for Posthorn's own events";
            problems.push(Problem::new(format!("{pointer}/type"), detail));
            continue;
        }
        if !view.knows(event_type) {
            let detail = format!(
                "the catalog has no event type {event_type}; add it with POST /v1/event-types"
            );
            problems.push(Problem::new(format!("{pointer}/type"), detail));
            continue;
        }
        let invalid = state.accounts.check(&view, event_type, event.data.get()).await?;
        let data = format!("{pointer}/data");
        note_all(&mut problems, invalid.iter().map(|problem| problem.below(&data)));
    }
    if !problems.is_empty() {
        return Err(Refusal::Invalid(problems));
    }
    Ok(events.into_iter().map(|(_, event)| message(state, &view, event)).collect())
}

/// The message of an event that was checked.
fn message(state: &ApiState, view: &AccountView, event: IncomingEvent) -> Accepted {
    let account = &view.tenant;
    let clock = &state.runtime.clock;
    let now = clock.now();
    let timestamp = event.timestamp.unwrap_or(now);
    let data = event.data.get();
    // Ids, types and times are made of characters that JSON takes as they are; the data is JSON.
    let own_id = event.id.as_ref().map(|id| format!(r#""id":"{id}","#)).unwrap_or_default();
    let event_type = &event.event_type;
    let body = format!(
        r#"{{"account":"{account}",{own_id}"type":"{event_type}","timestamp":"{timestamp}","data":{data}}}"#
    );
    // Another may have the account's id by the time it is read.
    let mut attributes = vec![(GENERATION_ATTRIBUTE, account.generation().to_string())];
    let checked = view.schema_fingerprint(event_type);
    attributes.extend(checked.map(|fingerprint| (CHECKED_ATTRIBUTE, fingerprint.to_owned())));
    let id = match event.id {
        // The key follows from the SQS message; the producer is answered with its own id.
        Some(id) => id.to_string(),
        None => {
            let key = EventKey::new(now, clock.random()).to_string();
            attributes.push((KEY_ATTRIBUTE, key.clone()));
            key
        }
    };
    Accepted { id, message: Outgoing { body, attributes, ..Outgoing::default() } }
}

/// Finds an event by the id that users know.
pub async fn find(state: &ApiState, account: &Tenant, id: &str) -> Result<StoredEvent, Refusal> {
    let unknown = || Refusal::Unknown("event");
    if let Ok(key) = id.parse::<EventKey>()
        && let Some(event) = state.store.event(account, &key).await?
        // An event that brought an id is known by that alone.
        && event.id.is_none()
    {
        return Ok(event);
    }
    let id: ProducerEventId = id.parse().map_err(|_| unknown())?;
    let key = state.store.key_of_event_id(account, &id).await?.ok_or_else(unknown)?;
    state.store.event(account, &key).await?.ok_or_else(unknown)
}
