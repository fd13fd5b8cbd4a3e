//! From one event to the messages of its deliveries.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use posthorn_shared::account_view::AccountView;
use posthorn_shared::delivery_message::{DeliveryMessage, MAX_INLINE};
use posthorn_shared::matching::Matcher;
use posthorn_shared::queue::Outgoing;
use posthorn_shared::stored_event::StoredEvent;
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

/// The messages of an event's deliveries.
pub struct FanOut {
    pub messages: Vec<Outgoing>,
    /// Endpoints whose filters were too expensive: their messages have that put on record.
    pub undecided: usize,
}

/// One message for each endpoint that wants the event, by filters that may take so many steps. The
/// payload is rendered once; what is too large to ride in a batch of ten stays in the event's item.
pub async fn fan_out(accepted: &Accepted, steps: u64) -> FanOut {
    let Accepted { event, view, seen_before, .. } = accepted;
    let matched = view.endpoints.matched(event, steps).await;
    let first = |matcher: &Matcher| {
        let endpoint = matcher.interest.id.clone();
        let (account, key) = (event.account.clone(), event.key.clone());
        let (id, event_type) = (event.id.clone(), event.event_type.clone());
        let mut message = DeliveryMessage::first(account, endpoint, key, id, event_type);
        message.check = *seen_before;
        message
    };
    let mut payload: OnceCell<Option<Box<RawValue>>> = OnceCell::new();
    let mut messages = Vec::with_capacity(matched.wanted.len() + matched.undecided.len());
    for matcher in &matched.wanted {
        let mut message = first(matcher);
        message.payload = payload.get_or_init(|| inline_payload(view, event)).clone();
        let mut outgoing = message.outgoing(Duration::ZERO);
        if outgoing.body.len() > MAX_INLINE {
            payload = OnceCell::from(None);
            message.payload = None;
            outgoing = message.outgoing(Duration::ZERO);
        }
        messages.push(outgoing);
    }
    for matcher in &matched.undecided {
        let mut message = first(matcher);
        message.undecided = true;
        messages.push(message.outgoing(Duration::ZERO));
    }
    FanOut { messages, undecided: matched.undecided.len() }
}

fn inline_payload(view: &AccountView, event: &StoredEvent) -> Option<Box<RawValue>> {
    if event.data.len() > MAX_INLINE {
        return None;
    }
    RawValue::from_string(view.dialect.render(event)).ok()
}
