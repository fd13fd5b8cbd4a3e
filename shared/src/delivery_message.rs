//! What travels on the deliveries queue: everything that one attempt needs to know.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::delivery::{Delivery, Trigger};
use crate::due::DueRetry;
use crate::ids::{AccountId, EndpointId, EventKey, EventTypeName, ProducerEventId};
use crate::queue::Outgoing;
use crate::stored_event::StoredEvent;

/// The format that this release writes. A release reads its own and the one before.
const FORMAT: u8 = 1;

/// Bytes of a message that may carry its payload inline: ten of them fill the 64 KiB up to which a
/// batch bills as one SQS request. Larger payloads are read from the event's item.
pub const MAX_INLINE: usize = 6_500;

/// One attempt to make.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeliveryMessage {
    #[serde(rename = "v")]
    format: u8,
    #[serde(rename = "a")]
    pub account: AccountId,
    #[serde(rename = "e")]
    pub endpoint: EndpointId,
    #[serde(rename = "k")]
    pub key: EventKey,
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<ProducerEventId>,
    #[serde(rename = "t")]
    pub event_type: EventTypeName,
    /// From 1.
    #[serde(rename = "n")]
    pub attempt: u32,
    #[serde(rename = "g", default, skip_serializing_if = "is_automatic")]
    pub trigger: Trigger,
    /// The sender may have sent it before: look at the delivery's item first.
    #[serde(rename = "c", default, skip_serializing_if = "std::ops::Not::not")]
    pub check: bool,
    /// It is not known whether the endpoint wants the event: the account's filters take too many
    /// steps for it. Nothing is sent; that is what is put on record.
    #[serde(rename = "u", default, skip_serializing_if = "std::ops::Not::not")]
    pub undecided: bool,
    /// When it may go by its endpoint's rate limit, in milliseconds since the epoch: the slot that
    /// was reserved for it.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    slot: Option<i64>,
    /// The rendered payload, as it goes to the receiver; absent: render it from the event's item.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Box<RawValue>>,
}

fn is_automatic(trigger: &Trigger) -> bool {
    *trigger == Trigger::Automatic
}

/// A body on the deliveries queue that is not ours.
#[derive(Debug, thiserror::Error)]
pub enum InvalidMessage {
    #[error("not a delivery message: {0}")]
    Json(#[from] serde_json::Error),
    #[error("format {0} of a newer release; redrive it after upgrading")]
    Format(u8),
}

impl DeliveryMessage {
    /// The first attempt of an event at an endpoint, without its payload.
    pub fn first(
        account: AccountId,
        endpoint: EndpointId,
        key: EventKey,
        event_id: Option<ProducerEventId>,
        event_type: EventTypeName,
    ) -> Self {
        Self {
            format: FORMAT,
            account,
            endpoint,
            key,
            event_id,
            event_type,
            attempt: 1,
            trigger: Trigger::Automatic,
            check: false,
            undecided: false,
            slot: None,
            payload: None,
        }
    }

    /// The same attempt, to be made in this slot. Should its message come a second time, it would
    /// get a second slot: so whoever comes later looks whether the first was there.
    pub fn in_slot(&self, slot: Timestamp) -> Self {
        Self { slot: Some(slot.as_millisecond()), check: true, ..self.clone() }
    }

    /// The same attempt, later, in the slot that it has.
    pub fn later(&self) -> Self {
        Self { check: true, ..self.clone() }
    }

    /// The attempt after this one.
    pub fn next(&self) -> Self {
        let attempt = self.attempt + 1;
        Self { attempt, check: false, slot: None, trigger: Trigger::Automatic, ..self.clone() }
    }

    /// The slot that was reserved for it.
    pub fn slot(&self) -> Option<Timestamp> {
        self.slot.and_then(|millis| Timestamp::from_millisecond(millis).ok())
    }

    /// An attempt that somebody asked for. Its payload is in the event's item.
    pub fn asked_for(
        event: &StoredEvent,
        endpoint: EndpointId,
        attempt: u32,
        trigger: Trigger,
    ) -> Self {
        let StoredEvent { account, key, id, event_type, .. } = event.clone();
        let first = Self::first(account, endpoint, key, id, event_type);
        // The same may be asked for twice, or the automatic attempt of that number be under way.
        Self { attempt, trigger, check: true, ..first }
    }

    /// One more attempt of a delivery that is over.
    pub fn again(account: AccountId, delivery: Delivery) -> Self {
        let attempt = delivery.last_attempt() + 1;
        let Delivery { endpoint, key, event_id, event_type, .. } = delivery;
        let first = Self::first(account, endpoint, key, event_id, event_type);
        Self { attempt, trigger: Trigger::Replay, check: true, ..first }
    }

    /// The first attempt of an event that an endpoint never got; retries follow as for any other.
    pub fn missing(event: &StoredEvent, endpoint: EndpointId) -> Self {
        Self::asked_for(event, endpoint, 1, Trigger::Replay)
    }

    /// The event's id as users know it.
    pub fn public_event_id(&self) -> &str {
        match &self.event_id {
            Some(id) => id.as_str(),
            None => self.key.as_str(),
        }
    }

    /// As it is sent: in its endpoint's fair-queue group, visible after `delay`.
    pub fn outgoing(&self, delay: Duration) -> Outgoing {
        let group = Some(self.endpoint.to_string());
        Outgoing { body: self.to_body(), group, delay, ..Outgoing::default() }
    }

    /// The text that goes on the queue.
    fn to_body(&self) -> String {
        // Ids, numbers and JSON that parsed: nothing that could fail to serialize.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a message body.
    ///
    /// # Errors
    /// When it is not JSON of the expected form, or from a newer release.
    pub fn parse(body: &str) -> Result<Self, InvalidMessage> {
        let message: Self = serde_json::from_str(body)?;
        if message.format > FORMAT {
            return Err(InvalidMessage::Format(message.format));
        }
        Ok(message)
    }
}

impl From<DueRetry> for DeliveryMessage {
    /// The message of an attempt that is due: its payload is in the event's item.
    fn from(retry: DueRetry) -> Self {
        let DueRetry { due, account, endpoint, key, event_id, event_type, attempt, waits } = retry;
        let message = Self { attempt, ..Self::first(account, endpoint, key, event_id, event_type) };
        match waits {
            None => message,
            Some(trigger) => Self { trigger, ..message.in_slot(due) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_payload_byte_for_byte() {
        let mut message = DeliveryMessage::first(
            "acme".parse().unwrap(),
            "ep_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            "evt_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            None,
            "vault.created".parse().unwrap(),
        );
        let payload = r#"{"z":1.50,"a":12345678901234567890, "u":"\u00e9"}"#;
        message.payload = Some(RawValue::from_string(payload.to_owned()).unwrap());
        let read = DeliveryMessage::parse(&message.to_body()).unwrap();
        assert_eq!(read.payload.unwrap().get(), payload);
    }

    #[test]
    fn refuses_a_newer_format() {
        let error = DeliveryMessage::parse(
            r#"{"v":2,"a":"acme","e":"ep_01h455vb4pex5vsknk084sn02q",
               "k":"evt_01h455vb4pex5vsknk084sn02q","t":"a.b","n":1}"#,
        );
        assert!(matches!(error, Err(InvalidMessage::Format(2))));
        assert!(DeliveryMessage::parse("{}").is_err());
    }
}
