//! What a delivery says of itself: which event, of which type, signed when.

use http::HeaderMap;
use posthorn_shared::dialect::{Dialect, Placeholder};
use serde_json::Value;

/// Texts as they came. Whether they are to be trusted is the signature's business.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The event's id, the same at every attempt.
    pub event_id: Option<String>,
    pub event_type: Option<String>,
    /// Seconds since the epoch, of this attempt.
    pub unix: Option<String>,
}

impl Identity {
    /// Looks where the dialect has it: in the headers, or else in the body.
    pub fn read(dialect: &Dialect, headers: &HeaderMap, body: &[u8]) -> Self {
        let body: Option<Value> = serde_json::from_slice(body).ok();
        let find = |placeholder| {
            let in_body = || {
                let found = body.as_ref()?.pointer(&dialect.pointer_to(placeholder)?)?;
                found.as_str().map(str::to_owned)
            };
            in_headers(dialect, headers, placeholder).or_else(in_body)
        };
        Self {
            event_id: find(Placeholder::Id),
            event_type: find(Placeholder::Type),
            unix: in_headers(dialect, headers, Placeholder::Unix),
        }
    }
}

fn in_headers(dialect: &Dialect, headers: &HeaderMap, wanted: Placeholder) -> Option<String> {
    let signatures = dialect.signatures().iter().map(|rule| (rule.header.as_str(), &rule.value));
    let mut places = dialect.identifying_headers().chain(signatures);
    places.find_map(|(name, template)| {
        let mut values = headers.get_all(name).iter();
        let (value, None) = (values.next()?, values.next()) else { return None };
        let read = template.read(value.to_str().ok()?)?;
        let (_, text) = read.into_iter().find(|(placeholder, _)| *placeholder == wanted)?;
        Some(text.to_owned())
    })
}
