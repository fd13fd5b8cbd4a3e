//! From one event to the messages of its deliveries.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use posthorn_shared::account_view::AccountView;
use posthorn_shared::delivery_message::{DeliveryMessage, MAX_INLINE};
use posthorn_shared::queue::Outgoing;
use posthorn_shared::stored_event::StoredEvent;
use serde_json::Value;
use serde_json::value::RawValue;

/// An event that its account takes.
pub struct Accepted {
    /// Its place in the batch.
    pub index: usize,
    pub event: StoredEvent,
    pub view: Arc<AccountView>,
    /// Its message was here before: deliveries of it may be on record already.
    pub seen_before: bool,
}

/// One message for each endpoint that wants the event. The payload is rendered once; what is too
/// large to ride in a batch of ten stays in the event's item.
pub fn messages(accepted: &Accepted) -> Vec<Outgoing> {
    let Accepted { event, view, seen_before, .. } = accepted;
    let content = OnceCell::new();
    // The data parsed when the event was read, so that the whole is JSON, too.
    let parse = || serde_json::from_str::<Value>(&event.to_json()).unwrap_or_default();
    let mut payload: OnceCell<Option<Box<RawValue>>> = OnceCell::new();
    let mut messages = Vec::new();
    for matcher in &view.endpoints {
        if !matcher.wants(&event.event_type, || content.get_or_init(parse)) {
            continue;
        }
        let mut message = DeliveryMessage::first(
            event.account.clone(),
            matcher.interest.id.clone(),
            event.key.clone(),
            event.id.clone(),
            event.event_type.clone(),
        );
        message.check = *seen_before;
        message.payload = payload.get_or_init(|| inline_payload(view, event)).clone();
        let mut outgoing = message.outgoing(Duration::ZERO);
        if outgoing.body.len() > MAX_INLINE {
            payload = OnceCell::from(None);
            message.payload = None;
            outgoing = message.outgoing(Duration::ZERO);
        }
        messages.push(outgoing);
    }
    messages
}

fn inline_payload(view: &AccountView, event: &StoredEvent) -> Option<Box<RawValue>> {
    if event.data.len() > MAX_INLINE {
        return None;
    }
    RawValue::from_string(view.dialect.render(event)).ok()
}
