//! An endpoint as a form has it: text, as it was typed, whether it is right or not.

use std::collections::HashSet;

use posthorn_shared::endpoint::Endpoint;
use posthorn_shared::header_rules::{REDACTED, is_hidden};
use posthorn_shared::problem::{Problem, child};
use posthorn_shared::retry_policy::RetryPolicy;
use serde_json::{Map, Value, json};

use crate::fields::Fields;
use crate::portal::posted::Form;

/// What stands in the form's fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    pub url: String,
    pub description: String,
    pub all_events: bool,
    /// Event types and groups.
    pub chosen: Vec<String>,
    pub filter: String,
    pub per_second: String,
    pub per_hour: String,
    pub timeout: String,
    pub retry: String,
    pub headers: Vec<(String, String)>,
    /// Only of a new one.
    pub secret: String,
}

impl Draft {
    /// An empty form.
    pub fn new() -> Self {
        Self { all_events: true, ..Self::default() }
    }

    /// An endpoint as it is.
    pub fn of(endpoint: &Endpoint) -> Self {
        let number = |number: Option<u32>| number.map(|n| n.to_string()).unwrap_or_default();
        let rate = endpoint.rate_limit.unwrap_or_default();
        let headers = endpoint.headers.iter().map(|(name, value)| {
            let shown = if is_hidden(name) { REDACTED } else { value };
            (name.clone(), shown.to_owned())
        });
        let filter = endpoint.filter.as_deref().map(crate::portal::json_text::indented);
        Self {
            url: endpoint.url.clone(),
            description: endpoint.description.clone().unwrap_or_default(),
            all_events: endpoint.event_types.is_empty(),
            chosen: endpoint.event_types.iter().cloned().map(String::from).collect(),
            filter: filter.unwrap_or_default(),
            per_second: number(rate.per_second),
            per_hour: number(rate.per_hour),
            timeout: endpoint.timeout_seconds.map(|n| n.to_string()).unwrap_or_default(),
            retry: endpoint.retry.as_ref().map(retry_text).unwrap_or_default(),
            headers: headers.collect(),
            secret: String::new(),
        }
    }

    /// What was sent.
    pub fn read(form: &Form) -> Self {
        let text = |name: &str| form.text(name).to_owned();
        let others = form.text("other_types").split([' ', ',', '\n', '\t']).map(str::to_owned);
        let chosen = form.all("event_type").map(str::to_owned).chain(others);
        let headers = form.all("header_name").zip(form.all("header_value"));
        Self {
            url: text("url"),
            description: text("description"),
            all_events: form.text("events") != "chosen",
            chosen: chosen.filter(|name| !name.is_empty()).collect(),
            filter: text("filter"),
            per_second: text("per_second"),
            per_hour: text("per_hour"),
            timeout: text("timeout_seconds"),
            retry: text("retry"),
            headers: headers
                .filter(|(name, value)| !(name.is_empty() && value.is_empty()))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            secret: text("secret"),
        }
    }

    /// The fields that make the endpoint so, or the one `before` become so.
    pub fn fields(&self, before: Option<&Endpoint>) -> Fields {
        let mut problems = Vec::new();
        let mut object = Map::new();
        let mut put = |name: &str, value: Value| drop(object.insert(name.to_owned(), value));
        put("url", text_or_null(&self.url));
        put("description", text_or_null(&self.description));
        put("event_types", json!(if self.all_events { &[] } else { &self.chosen[..] }));
        if !self.all_events && self.chosen.is_empty() {
            problems.push(Problem::new(
                "/event_types",
                "lacks a choice: tick at least one, or take all events",
            ));
        }
        put("filter", self.json("/filter", &self.filter, &mut problems));
        put("rate_limit", self.rate_limit(&mut problems));
        put("timeout_seconds", number("/timeout_seconds", &self.timeout, &mut problems));
        put("retry", self.retry(&mut problems));
        put("headers", self.headers(before, &mut problems));
        if before.is_none() {
            put("secret", text_or_null(&self.secret));
        }
        Fields::of(object).noting(problems)
    }

    fn json(&self, pointer: &str, text: &str, problems: &mut Vec<Problem>) -> Value {
        if text.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(text).unwrap_or_else(|error| {
            problems.push(Problem::new(pointer, format!("is not JSON: {error}")));
            Value::Null
        })
    }

    fn rate_limit(&self, problems: &mut Vec<Problem>) -> Value {
        let mut limit = Map::new();
        for (name, text) in [("per_second", &self.per_second), ("per_hour", &self.per_hour)] {
            let value = number(&format!("/rate_limit/{name}"), text, problems);
            if !value.is_null() {
                limit.insert(name.to_owned(), value);
            }
        }
        if limit.is_empty() { Value::Null } else { Value::Object(limit) }
    }

    fn retry(&self, problems: &mut Vec<Problem>) -> Value {
        let text = self.retry.trim();
        match text {
            "" => Value::Null,
            "none" => json!({ "schedule": [] }),
            _ if text.starts_with('{') => self.json("/retry", text, problems),
            _ => {
                let pauses = text.split([' ', ',']).filter(|pause| !pause.is_empty());
                json!({ "schedule": pauses.collect::<Vec<_>>() })
            }
        }
    }

    /// A patch: what was there and is not any more, is taken away.
    fn headers(&self, before: Option<&Endpoint>, problems: &mut Vec<Problem>) -> Value {
        let mut headers = Map::new();
        let mut seen = HashSet::new();
        for (name, _) in before.into_iter().flat_map(|endpoint| &endpoint.headers) {
            headers.insert(name.clone(), Value::Null);
        }
        for (name, value) in &self.headers {
            if name.is_empty() {
                problems.push(Problem::new("/headers", "has a value without a name"));
            } else if !seen.insert(name) {
                problems.push(Problem::new(child("/headers", name), "is there twice"));
            }
            headers.insert(name.clone(), json!(value));
        }
        Value::Object(headers)
    }
}

fn text_or_null(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}

fn number(pointer: &str, text: &str, problems: &mut Vec<Problem>) -> Value {
    if text.is_empty() {
        return Value::Null;
    }
    match text.parse::<u32>() {
        Ok(number) => json!(number),
        Err(_) => {
            problems.push(Problem::new(pointer, "is a whole number"));
            Value::Null
        }
    }
}

/// A policy as it is typed: `5s 5m 30m`.
pub fn retry_text(policy: &RetryPolicy) -> String {
    match serde_json::to_value(policy).ok() {
        Some(Value::Object(object)) => match object.get("schedule").and_then(Value::as_array) {
            Some(pauses) if pauses.is_empty() => "none".to_owned(),
            Some(pauses) => pauses.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
            None => Value::Object(object).to_string(),
        },
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use posthorn_shared::dialect::Dialect;
    use posthorn_shared::ids::EndpointId;
    use posthorn_shared::tenant::Tenant;

    use super::*;

    fn object(draft: &Draft, before: Option<&Endpoint>) -> (Value, Vec<Problem>) {
        let (object, problems) = draft.fields(before).into_parts();
        (Value::Object(object), problems)
    }

    fn endpoint() -> Endpoint {
        let id = EndpointId::new(Timestamp::UNIX_EPOCH, 1);
        let account = Tenant { id: "acme".parse().unwrap(), created_at: Timestamp::UNIX_EPOCH };
        let secret = Dialect::standard().secret.generate(|| 7);
        let mut endpoint = Endpoint::new(id, account, secret, Timestamp::UNIX_EPOCH);
        endpoint.url = "https://example.com/".to_owned();
        endpoint.headers = vec![
            ("X-Env".to_owned(), "staging".to_owned()),
            ("Authorization".to_owned(), "Bearer x".to_owned()),
        ];
        endpoint
    }

    #[test]
    fn a_form_says_what_it_makes() {
        let form = Form::parse(
            b"url=https%3A%2F%2Fa.example&events=chosen&event_type=a.b&other_types=c.d+e.*&\
              filter=%7B%22type%22%3A%5B%22a.b%22%5D%7D&per_second=5&retry=5s%2C+5m&header_name=X-A&\
              header_value=1&header_name=&header_value=",
        );
        let form = form.unwrap();
        let (made, problems) = object(&Draft::read(&form), None);
        assert_eq!(problems, []);
        assert_eq!(made["event_types"], json!(["a.b", "c.d", "e.*"]));
        assert_eq!(made["filter"], json!({ "type": ["a.b"] }));
        assert_eq!(made["rate_limit"], json!({ "per_second": 5 }));
        assert_eq!(made["retry"], json!({ "schedule": ["5s", "5m"] }));
        assert_eq!(made["headers"], json!({ "X-A": "1" }));
    }

    #[test]
    fn headers_that_are_not_in_the_form_any_more_are_taken_away() {
        let endpoint = endpoint();
        let mut draft = Draft::of(&endpoint);
        assert_eq!(draft.headers[1].1, REDACTED);
        draft.headers.remove(0);
        let (patch, _) = object(&draft, Some(&endpoint));
        assert_eq!(patch["headers"], json!({ "X-Env": null, "Authorization": REDACTED }));
        assert!(patch.get("secret").is_none());
    }

    #[test]
    fn all_that_is_wrong_is_told_at_its_field() {
        let draft = Draft {
            all_events: false,
            filter: "{".to_owned(),
            per_hour: "many".to_owned(),
            headers: vec![(String::new(), "x".to_owned())],
            ..Draft::new()
        };
        let pointers: Vec<String> =
            object(&draft, None).1.into_iter().map(|problem| problem.pointer).collect();
        assert_eq!(pointers, ["/event_types", "/filter", "/rate_limit/per_hour", "/headers"]);
    }

    #[test]
    fn a_retry_policy_reads_as_it_is_typed() {
        for text in ["5s 5m 30m", "none", r#"{"count":3,"delay_seconds":5}"#] {
            let draft = Draft { retry: text.to_owned(), ..Draft::new() };
            let (made, _) = object(&draft, None);
            let policy: RetryPolicy = serde_json::from_value(made["retry"].clone()).unwrap();
            assert_eq!(retry_text(&policy), text);
        }
    }
}
