//! What the presenters have in common.

use posthorn_shared::delivery::{Delivery, Status};
use posthorn_shared::endpoint::{DisabledReason, Endpoint};
use posthorn_shared::header_rules::{REDACTED, is_hidden};
use posthorn_shared::masked_url::masked;
use posthorn_shared::problem::{Problem, child, note};
use serde_json::{Map, Value, json};

use super::{Read, Shown};
use crate::problem::Refusal;

/// Fields by their names in a shape and at an endpoint.
pub type Names = &'static [(&'static str, &'static str)];

impl Read {
    /// Takes a field over under its name at an endpoint.
    pub fn take(&mut self, name: &str, value: Value) {
        self.fields.insert(name.to_owned(), value);
    }

    /// Notes a problem.
    pub fn problem(&mut self, name: &str, detail: impl Into<String>) {
        self.problem_at(child("", name), detail);
    }

    /// The same below a field.
    pub fn problem_at(&mut self, pointer: String, detail: impl Into<String>) {
        note(&mut self.problems, || Problem::new(pointer, detail));
    }

    /// A field that the shape has not.
    pub fn unknown(&mut self, name: &str, known: &[&str]) {
        note(&mut self.problems, || {
            let detail = format!("is unknown; the fields are {}", known.join(", "));
            Problem::new(child("", name), detail)
        });
    }

    /// A secret can be given once. One that a client sends back as it got it changes nothing.
    pub fn secret(&mut self, value: Value, current: Option<&Endpoint>) {
        match current {
            None => self.take("secret", value),
            Some(endpoint) if value == endpoint.secret.reveal() => {}
            Some(_) => self.problem("secret", "is replaced by POST …/rotate-secret {\"secret\"}"),
        }
    }
}

/// The pointer into a shape that names some fields otherwise.
pub fn pointer(names: Names, native: &str) -> String {
    let found = names.iter().find_map(|(shape, name)| {
        let rest = native.strip_prefix('/')?.strip_prefix(name)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("/{shape}{rest}"))
    });
    found.unwrap_or_else(|| native.to_owned())
}

/// An object without the members that are null.
pub fn object(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let there = members.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(there.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// An endpoint's URL, as far as it is to be shown.
pub fn url(endpoint: &Endpoint, shown: Shown) -> Value {
    if shown == Shown::MaskedUrl { json!(masked(&endpoint.url)) } else { json!(endpoint.url) }
}

/// An endpoint's own headers, without values that are not shown; null where there are none.
pub fn headers(endpoint: &Endpoint) -> Value {
    if endpoint.headers.is_empty() {
        return Value::Null;
    }
    let headers = endpoint.headers.iter().map(|(name, value)| {
        let shown = if is_hidden(name) { REDACTED } else { value };
        (name.clone(), json!(shown))
    });
    Value::Object(headers.collect())
}

/// The secret, where it is to be shown.
pub fn secret(endpoint: &Endpoint, shown: Shown) -> Value {
    let is_shown = matches!(shown, Shown::Secret | Shown::SecretAndToken);
    if is_shown { json!(endpoint.secret.reveal()) } else { Value::Null }
}

/// The token, where it is to be shown.
pub fn token(endpoint: &Endpoint, shown: Shown) -> Value {
    json!(endpoint.token.as_ref().filter(|_| shown == Shown::SecretAndToken))
}

/// Why an endpoint was switched off, if not by its owner.
pub fn disabled_reason(endpoint: &Endpoint) -> Value {
    json!(endpoint.disabled_reason.filter(|reason| *reason != DisabledReason::Manual))
}

/// `success`, and the other statuses by their own names.
pub fn status(delivery: &Delivery) -> Value {
    match delivery.status {
        Status::Delivered => json!("success"),
        other => json!(other),
    }
}

/// The one field of a request that may be left out.
pub fn event_id(mut body: Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    let id = body.remove(name).filter(|value| !value.is_null());
    let mut read = Read::default();
    body.keys().for_each(|unknown| read.unknown(unknown, &[name]));
    match id {
        Some(Value::String(id)) if read.problems.is_empty() => return Ok(Some(id)),
        None if read.problems.is_empty() => return Ok(None),
        Some(Value::String(_)) | None => {}
        Some(_) => read.problem(name, "is a text: the id of an event"),
    }
    Err(Refusal::Invalid(read.problems))
}
