//! The envelope in which EventBridge hands events to an SQS target.
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html>
//!
//! `account` there is the AWS account, so Posthorn's is named in one of two other places:
//! - a resource `posthorn:account:<id>` (`Resources` of `PutEvents` takes any text): then `detail`
//!   is the event's data as it stands;
//! - `detail` is `{"posthorn_account": "<id>", "data": {…}}`, for producers that can't set
//!   resources: then the inner `data` is.
//!
//! `detail-type` is the event's type and has to be one by Posthorn's grammar: "Order Placed" is
//! refused, not bent into a name that nobody subscribed to. The envelope's `id` stays the same when
//! EventBridge sends it twice, so that is one event.

use serde_json::value::RawValue;

use super::fields::{Fields, text_of};
use super::{IncomingEvent, InvalidEvent};
use crate::ids::AccountId;

const RESOURCE_PREFIX: &str = "posthorn:account:";

/// Where the envelope names Posthorn's account.
enum Named {
    /// `None`: by an id that is none, which is noted already.
    ByResource(Option<AccountId>),
    InDetail,
}

pub fn read(mut fields: Fields<'_>) -> Result<IncomingEvent, InvalidEvent> {
    let named = account_of_resources(&mut fields);
    let id = fields.parsed("id");
    let event_type = fields.parsed("detail-type");
    let timestamp = fields.timestamp("time");
    fields.require("detail", "give the event's content as an object");
    let (account, data) = match (named, fields.take("detail")) {
        (_, None) => (None, None),
        (Named::ByResource(account), Some(detail)) => {
            let fits = fields.check_data("/detail", detail);
            (account, fits.then(|| detail.to_owned()))
        }
        (Named::InDetail, Some(detail)) => unwrap(&mut fields, detail),
    };
    fields.finish(account, id, event_type, timestamp, data)
}

fn account_of_resources(fields: &mut Fields<'_>) -> Named {
    let Some(resources) = fields.take("resources") else {
        return Named::InDetail;
    };
    let Ok(resources) = serde_json::from_str::<Vec<&RawValue>>(resources.get()) else {
        fields.problem("/resources", "expected a list of texts");
        return Named::ByResource(None);
    };
    let mut named = Named::InDetail;
    for (index, resource) in resources.into_iter().enumerate() {
        let text = text_of(resource);
        let Some(id) = text.as_deref().and_then(|text| text.strip_prefix(RESOURCE_PREFIX)) else {
            continue;
        };
        let pointer = format!("/resources/{index}");
        if matches!(named, Named::ByResource(_)) {
            fields.problem(pointer, "a second account; an event belongs to one");
        } else {
            named = Named::ByResource(fields.parse(pointer, id));
        }
    }
    named
}

/// Takes account and data out of a detail that carries both.
fn unwrap(
    fields: &mut Fields<'_>,
    detail: &RawValue,
) -> (Option<AccountId>, Option<Box<RawValue>>) {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wrapped<'a> {
        #[serde(borrow)]
        posthorn_account: &'a RawValue,
        #[serde(borrow)]
        data: &'a RawValue,
    }
    let Ok(wrapped) = serde_json::from_str::<Wrapped>(detail.get()) else {
        fields.problem(
            "/resources",
            "name the account in a resource posthorn:account:<id>, or make the detail \
             {\"posthorn_account\": \"<id>\", \"data\": {…}} and nothing else",
        );
        fields.check_data("/detail", detail);
        return (None, None);
    };
    let account = match text_of(wrapped.posthorn_account) {
        Some(id) => fields.parse("/detail/posthorn_account".to_owned(), &id),
        None => {
            fields.problem("/detail/posthorn_account", "expected a text (a JSON string)");
            None
        }
    };
    let fits = fields.check_data("/detail/data", wrapped.data);
    (account, fits.then(|| wrapped.data.to_owned()))
}
