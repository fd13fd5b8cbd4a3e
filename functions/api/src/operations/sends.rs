//! Sends that somebody asks for: a test, a replay.

use std::time::Duration;

use posthorn_shared::delivery::Trigger;
use posthorn_shared::delivery_message::DeliveryMessage;
use posthorn_shared::endpoint::Endpoint;
use posthorn_shared::event;
use posthorn_shared::ids::{EventKey, EventTypeName};
use posthorn_shared::queue;
use posthorn_shared::stored_event::StoredEvent;

use crate::fields::Fields;
use crate::operations::{catalog, deliveries};
use crate::problem::Refusal;
use crate::state::ApiState;

/// Sends an event to this endpoint alone, whatever it subscribes to: the catalog's example, or the
/// data that is given. `written` is that data as it was written: once read, numbers have lost digits.
/// Answers the event's id.
pub async fn test(
    state: &ApiState,
    endpoint: &Endpoint,
    mut fields: Fields,
    written: Option<&str>,
) -> Result<String, Refusal> {
    let account = &endpoint.account;
    let event_type: Option<EventTypeName> = fields.required_parsed("event_type");
    let given = fields.take("data").and(written).map(str::to_owned);
    let mut data = String::new();
    if let Some(name) = &event_type {
        let known = catalog::known(state, account, name).await?;
        if known.is_none() {
            let view = state.accounts.of(account).await?.ok_or(Refusal::Unknown("account"))?;
            if !view.knows(name) {
                fields.problem("/event_type", format!("the catalog has no event type {name}"));
            }
        }
        let example = || Some(known?.event_type.example?.to_string());
        match given.or_else(example) {
            Some(given) => data = given,
            None => {
                let detail = format!("is required: the catalog has no example of {name}");
                fields.problem("/data", detail);
            }
        }
    }
    fields.finish()?;
    let Some(event_type) = event_type else {
        return Err(Refusal::Fault);
    };
    // The rules for data are those of every event.
    let event = format!(r#"{{"type":"{event_type}","data":{data}}}"#);
    let event = event::parse_native(&event).map_err(|error| Refusal::of_event(error, ""))?;
    refuse_inactive(endpoint)?;

    let clock = &state.runtime.clock;
    let now = clock.now();
    let event = StoredEvent {
        account: account.id.clone(),
        key: EventKey::new(now, clock.random()),
        id: None,
        event_type,
        timestamp: now,
        data: event.data.get().to_owned(),
        test: true,
    };
    let stored = state.store.put_events([(account, &event)]).await.pop();
    if let Some(Err(error)) = stored {
        return Err(Refusal::Unavailable(error));
    }
    send(state, DeliveryMessage::asked_for(&event, endpoint.id.clone(), 1, Trigger::Test)).await?;
    Ok(event.public_id().to_owned())
}

/// Makes one more attempt of a delivery, whatever its status.
pub async fn replay(
    state: &ApiState,
    event: &StoredEvent,
    endpoint: Endpoint,
) -> Result<(), Refusal> {
    refuse_inactive(&endpoint)?;
    let id = endpoint.id.clone();
    let mut on_record = deliveries::to_endpoints(state, event, vec![endpoint]).await?;
    let delivery = on_record.pop().ok_or(Refusal::Unknown("delivery"))?;
    let attempt = delivery.last_attempt() + 1;
    send(state, DeliveryMessage::asked_for(event, id, attempt, Trigger::Replay)).await
}

/// Refuses to send to an endpoint that is switched off.
pub fn refuse_inactive(endpoint: &Endpoint) -> Result<(), Refusal> {
    if endpoint.is_active() {
        return Ok(());
    }
    Err(Refusal::Conflict(
        "the endpoint is switched off; switch it on first, with PATCH {\"active\": true}"
            .to_owned(),
    ))
}

async fn send(state: &ApiState, message: DeliveryMessage) -> Result<(), Refusal> {
    let runtime = &state.runtime;
    let url = &runtime.settings.deliveries_queue_url;
    match queue::send_all(&runtime.sqs, url, vec![message.outgoing(Duration::ZERO)]).await.pop() {
        Some(Err(error)) => Err(Refusal::Unavailable(error.to_string())),
        _ => Ok(()),
    }
}
