//! Endpoints: from what a customer asks for to what is stored.

use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use posthorn_shared::base32;
use posthorn_shared::dialect::Dialect;
use posthorn_shared::endpoint::{DisabledReason, Endpoint};
use posthorn_shared::endpoint_url::EndpointUrl;
use posthorn_shared::failure_rate::Baseline;
use posthorn_shared::filter::Filter;
use posthorn_shared::header_rules::{self, MAX_HEADERS, REDACTED, is_hidden};
use posthorn_shared::health::Health;
use posthorn_shared::ids::EndpointId;
use posthorn_shared::masked_url::masked;
use posthorn_shared::problem::{Problem, child};
use posthorn_shared::rate_limit::RateLimit;
use posthorn_shared::retry_policy::RetryPolicy;
use posthorn_shared::secret::Secret;
use posthorn_shared::settings::Settings;
use posthorn_shared::stats::Hour;
use posthorn_shared::store::{Created, StoreError};
use posthorn_shared::subscription::Subscription;
use posthorn_shared::tenant::Tenant;
use serde_json::{Map, Value, json};

use crate::fields::Fields;
use crate::problem::Refusal;
use crate::state::ApiState;

const MAX_EVENT_TYPES: usize = 100;
const MAX_METADATA: usize = 50;
const MAX_METADATA_VALUE: usize = 500;
const MAX_DESCRIPTION: usize = 1_024;
/// Characters; the forms say more.
const MAX_SECRET: usize = 512;
/// Seconds that a replaced secret goes on signing: a day where nothing is said, a week at the most.
const DEFAULT_OVERLAP: i64 = 86_400;
const MAX_OVERLAP: i64 = 7 * 86_400;

/// What a customer decides about an endpoint.
pub struct Wish {
    url: String,
    description: Option<String>,
    metadata: BTreeMap<String, String>,
    event_types: Vec<Subscription>,
    filter: Option<String>,
    headers: Vec<(String, String)>,
    timeout_seconds: Option<u64>,
    retry: Option<RetryPolicy>,
    rate_limit: Option<RateLimit>,
    active: bool,
}

/// An endpoint that was changed.
pub struct Changed {
    pub endpoint: Endpoint,
    /// Headers that were removed: their values are not shown, and the URL leads to another host now.
    pub dropped_headers: Vec<String>,
}

/// Creates an endpoint, with the secret that was given or a new one.
pub async fn create(
    state: &ApiState,
    account: &Tenant,
    fields: Fields,
) -> Result<Endpoint, Refusal> {
    let dialect = dialect(state, account).await?;
    let placeholders = placeholders(fields.peek("headers"), &[]);
    let mut fields = fields.noting(placeholders);
    let given = secret(&mut fields, &dialect);
    let wish = read(fields, &dialect, &state.runtime.settings)?;
    let clock = &state.runtime.clock;
    let now = clock.now();
    let id = EndpointId::new(now, clock.random());
    let secret = given.unwrap_or_else(|| dialect.secret.generate(|| clock.random()));
    let token = dialect.has_token().then(|| base32::encode(clock.random()));
    let endpoint = Endpoint { token, ..Endpoint::new(id, account.clone(), secret, now) };
    let endpoint = wish.apply(endpoint);
    let limit = dialect.limits.max_endpoints();
    match state.store.create_endpoint(&endpoint, limit).await? {
        Created::Done => Ok(endpoint),
        Created::NoAccount => Err(Refusal::Unknown("account")),
        Created::Full | Created::Taken => Err(Refusal::Conflict(format!(
            "the account has its {limit} endpoints; delete one, or have limits.endpoints raised"
        ))),
    }
}

/// All endpoints of an account, newest first.
pub async fn all(state: &ApiState, account: &Tenant) -> Result<Vec<Endpoint>, Refusal> {
    const PAGE: usize = 250;
    let (mut all, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = state.store.endpoints(account, PAGE, after.as_deref()).await?;
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// Changes an endpoint by a JSON Merge Patch (RFC 7396) over [`settable`].
pub async fn change(
    state: &ApiState,
    account: &Tenant,
    id: &EndpointId,
    patch: Fields,
) -> Result<Changed, Refusal> {
    let (patch, problems) = patch.into_parts();
    if patch.contains_key("secret") {
        let detail = "can't be patched; replace it with POST /v1/endpoints/{id}/secret/rotate";
        return Err(Refusal::field("/secret", detail));
    }
    let dialect = dialect(state, account).await?;
    let now = state.runtime.clock.now();
    let baseline = match patch.get("active") {
        Some(Value::Bool(true)) => Some(baseline(state, id, now).await?),
        _ => None,
    };
    let mut dropped_headers = Vec::new();
    let changed = state
        .store
        .change_endpoint(account, id, |endpoint| {
            let (was_active, former_url) = (endpoint.is_active(), endpoint.url.clone());
            let former_host = endpoint.host();
            let mut merged = settable(&endpoint);
            merge(&mut merged, &patch);
            keep_masked_url(&mut merged, &endpoint);
            dropped_headers = keep_hidden_headers(&mut merged, &patch, &endpoint);
            let placeholders = placeholders(patch.get("headers"), &endpoint.headers);
            let fields = Fields::of(merged).noting(problems.clone()).noting(placeholders);
            let wish = read(fields, &dialect, &state.runtime.settings)?;
            let mut endpoint = wish.apply(endpoint);
            if endpoint.is_active() && !was_active {
                endpoint.baseline = baseline;
            }
            // What was wrong may be mended: it is tried at once.
            if !was_active || endpoint.url != former_url {
                endpoint.health = Health::default();
            }
            // What one host took says nothing of another.
            endpoint.unproven |= endpoint.host() != former_host;
            endpoint.updated_at = now;
            Ok(endpoint)
        })
        .await?;
    let endpoint = Refusal::of_change(changed, "endpoint")?;
    Ok(Changed { endpoint, dropped_headers })
}

/// Replaces the secret by the one that is given or a new one. The old one goes on signing beside it
/// for as long as is asked, so that receivers can change over.
pub async fn rotate_secret(
    state: &ApiState,
    account: &Tenant,
    id: &EndpointId,
    mut fields: Fields,
) -> Result<Endpoint, Refusal> {
    let dialect = dialect(state, account).await?;
    let given = secret(&mut fields, &dialect);
    let expected = format!("a whole number of seconds, 0 to {MAX_OVERLAP}");
    let overlap = fields.typed("overlap_seconds", &expected).unwrap_or(DEFAULT_OVERLAP);
    if !(0..=MAX_OVERLAP).contains(&overlap) {
        fields.problem("/overlap_seconds", format!("is {expected}"));
    }
    fields.finish()?;
    let clock = &state.runtime.clock;
    let now = clock.now();
    let new = given.unwrap_or_else(|| dialect.secret.generate(|| clock.random()));
    let until = now.checked_add(SignedDuration::from_secs(overlap)).unwrap_or(now);
    let changed = state
        .store
        .change_endpoint(account, id, |mut endpoint| {
            endpoint.rotate(new.clone(), until, now);
            Ok(endpoint)
        })
        .await?;
    Refusal::of_change(changed, "endpoint")
}

/// The endpoint, if the account has it.
pub async fn find(state: &ApiState, account: &Tenant, id: &str) -> Result<Endpoint, Refusal> {
    let unknown = || Refusal::Unknown("endpoint");
    let id: EndpointId = id.parse().map_err(|_| unknown())?;
    state.store.endpoint(account, &id).await?.ok_or_else(unknown)
}

/// What counts no more for an endpoint that is switched on now.
async fn baseline(
    state: &ApiState,
    id: &EndpointId,
    now: Timestamp,
) -> Result<Baseline, StoreError> {
    let hour = Hour::of(now);
    let found = state.store.stats(id, hour, hour).await?;
    Ok(Baseline::new(hour, &found.first().map(|(_, counters)| *counters).unwrap_or_default()))
}

/// The dialect that an account speaks.
pub async fn dialect(state: &ApiState, account: &Tenant) -> Result<Dialect, Refusal> {
    let view = state.accounts.of(account).await?.ok_or(Refusal::Unknown("account"))?;
    Ok(view.dialect.clone())
}

/// A secret of the dialect's form.
pub fn secret(fields: &mut Fields, dialect: &Dialect) -> Option<Secret> {
    let text = fields.text("secret", MAX_SECRET)?;
    match dialect.secret.parse(&text) {
        Ok(secret) => Some(secret),
        Err(error) => {
            fields.problem("/secret", error.to_string());
            None
        }
    }
}

/// The part of an endpoint that its owner can change, as JSON.
fn settable(endpoint: &Endpoint) -> Map<String, Value> {
    let filter = endpoint.filter.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let headers: Map<String, Value> =
        endpoint.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let fields = [
        ("url", json!(endpoint.url)),
        ("description", json!(endpoint.description)),
        ("metadata", json!(endpoint.metadata)),
        ("event_types", json!(endpoint.event_types)),
        ("filter", filter.unwrap_or(Value::Null)),
        ("headers", Value::Object(headers)),
        ("timeout_seconds", json!(endpoint.timeout_seconds)),
        ("retry", json!(endpoint.retry)),
        ("rate_limit", json!(endpoint.rate_limit)),
        ("active", json!(endpoint.is_active())),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// JSON Merge Patch. A filter and a retry policy are values of their own: merged into, they would
/// become something that nobody wrote.
fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match (target.get_mut(name), value) {
            (_, Value::Null) => {
                target.remove(name);
            }
            (Some(Value::Object(inner)), Value::Object(patch))
                if name == "headers" || name == "metadata" =>
            {
                merge(inner, patch);
            }
            _ => {
                target.insert(name.clone(), value.clone());
            }
        }
    }
}

/// A client that sends back the URL as a key that may only read is shown it keeps the URL.
fn keep_masked_url(merged: &mut Map<String, Value>, endpoint: &Endpoint) {
    if let Some(url) = merged.get_mut("url")
        && *url == masked(&endpoint.url)
    {
        *url = json!(endpoint.url);
    }
}

/// Keeps the values that are not shown, where a client sends none or sends back what it was shown. They
/// were set for one host, and go to no other: the headers that were removed for that.
fn keep_hidden_headers(
    merged: &mut Map<String, Value>,
    patch: &Map<String, Value>,
    endpoint: &Endpoint,
) -> Vec<String> {
    let url = merged.get("url").and_then(Value::as_str).unwrap_or_default();
    let is_elsewhere = !EndpointUrl::same_origin(url, &endpoint.url);
    let Some(Value::Object(headers)) = merged.get_mut("headers") else {
        return Vec::new();
    };
    let is_set = |name: &String| {
        let given = patch.get("headers").and_then(|headers| headers.get(name));
        given.is_some_and(|value| value != REDACTED)
    };
    let mut dropped = Vec::new();
    for (name, value) in &endpoint.headers {
        if !is_hidden(name) || is_set(name) || !headers.contains_key(name) {
            continue;
        }
        if is_elsewhere {
            headers.shift_remove(name);
            dropped.push(name.clone());
        } else {
            headers.insert(name.clone(), json!(value));
        }
    }
    dropped
}

/// Problems of headers whose value is what is shown in place of one, although there is none to keep.
fn placeholders(given: Option<&Value>, known: &[(String, String)]) -> Vec<Problem> {
    let given = given.and_then(Value::as_object).into_iter().flatten().take(MAX_HEADERS);
    let unknown = given.filter(|(name, value)| {
        *value == REDACTED && is_hidden(name) && !known.iter().any(|(known, _)| known == *name)
    });
    let problem = |(name, _): (&String, &Value)| {
        let detail = "reads ***, which stands for a value that is not shown; send the value";
        Problem::new(child("/headers", name), detail)
    };
    unknown.map(problem).collect()
}

/// Reads what a customer decides, all but the secret.
///
/// # Errors
/// What is wrong with it. Of a list that is too long, as many entries as it may have are looked at.
pub fn read(mut fields: Fields, dialect: &Dialect, settings: &Settings) -> Result<Wish, Refusal> {
    let url = fields.required_text("url", 2048);
    if !url.is_empty() {
        match EndpointUrl::parse(&url, &settings.allowed_networks) {
            Err(detail) => fields.problem("/url", detail.to_string()),
            Ok(url) if !settings.allowed_ports.contains(url.port()) => {
                let detail = format!("goes to no port that the deployment allows: {}", url.port());
                fields.problem("/url", detail);
            }
            Ok(url) if url.is_own(&settings.own_addresses) => {
                let detail = "is an address of Posthorn itself; set the URL of your receiver";
                fields.problem("/url", detail);
            }
            Ok(_) => {}
        }
    }
    let wish = Wish {
        url,
        description: fields
            .text_or_empty("description", MAX_DESCRIPTION)
            .filter(|description| !description.is_empty()),
        metadata: metadata(&mut fields),
        event_types: event_types(&mut fields),
        filter: filter(&mut fields),
        headers: headers(&mut fields, dialect),
        timeout_seconds: timeout(&mut fields),
        retry: retry(&mut fields),
        rate_limit: rate_limit(&mut fields),
        active: fields.typed("active", "true or false").unwrap_or(true),
    };
    fields.finish()?;
    Ok(wish)
}

fn metadata(fields: &mut Fields) -> BTreeMap<String, String> {
    let metadata: BTreeMap<String, String> =
        fields.typed("metadata", "an object of texts").unwrap_or_default();
    if metadata.len() > MAX_METADATA {
        fields.problem("/metadata", format!("has at most {MAX_METADATA} keys"));
    }
    if metadata.iter().any(|(k, v)| k.len() > 64 || v.len() > MAX_METADATA_VALUE) {
        let detail =
            format!("has keys of at most 64 and values of at most {MAX_METADATA_VALUE} bytes");
        fields.problem("/metadata", detail);
    }
    metadata
}

fn event_types(fields: &mut Fields) -> Vec<Subscription> {
    let texts: Vec<String> =
        fields.typed("event_types", "a list of event types").unwrap_or_default();
    if texts.len() > MAX_EVENT_TYPES {
        fields.problem("/event_types", format!("has at most {MAX_EVENT_TYPES} entries"));
    }
    let mut subscriptions = Vec::with_capacity(texts.len());
    for (index, text) in texts.into_iter().take(MAX_EVENT_TYPES).enumerate() {
        match Subscription::try_from(text) {
            Ok(subscription) => subscriptions.push(subscription),
            Err(error) => fields.problem(format!("/event_types/{index}"), error.to_string()),
        }
    }
    subscriptions
}

fn filter(fields: &mut Fields) -> Option<String> {
    let text = fields.take("filter")?.to_string();
    match Filter::parse(&text) {
        Ok(_) => return Some(text),
        Err(error) => {
            for problem in error.problems {
                fields.problem(format!("/filter{}", problem.pointer), problem.detail);
            }
        }
    }
    None
}

fn headers(fields: &mut Fields, dialect: &Dialect) -> Vec<(String, String)> {
    let object: Map<String, Value> =
        fields.typed("headers", "an object of texts").unwrap_or_default();
    if object.len() > MAX_HEADERS {
        fields.problem("/headers", format!("has at most {MAX_HEADERS} entries"));
    }
    let mut seen = HashSet::new();
    let mut headers = Vec::with_capacity(object.len());
    for (name, value) in object.into_iter().take(MAX_HEADERS) {
        let pointer = child("/headers", &name);
        let Value::String(value) = value else {
            fields.problem(pointer, "is a text");
            continue;
        };
        if !seen.insert(name.to_ascii_lowercase()) {
            fields.problem(pointer, "is there twice; letter case makes no difference");
        } else if let Some(refusal) = header_rules::refusal(&name, &value, dialect) {
            fields.problem(pointer, refusal);
        } else {
            headers.push((name, value));
        }
    }
    headers
}

/// A time-out, for an endpoint or an account.
pub fn timeout(fields: &mut Fields) -> Option<u64> {
    let seconds: u64 = fields.typed("timeout_seconds", "a whole number of seconds, 1 to 30")?;
    if (1..=30).contains(&seconds) {
        return Some(seconds);
    }
    fields.problem("/timeout_seconds", "is a whole number of seconds, 1 to 30");
    None
}

/// A retry policy, for an endpoint or an account.
pub fn retry(fields: &mut Fields) -> Option<RetryPolicy> {
    let expected = r#"{"schedule": ["5s", "5m"]} or {"count": 3, "delay_seconds": 5}"#;
    let policy: RetryPolicy = fields.object("retry", expected)?;
    for (pointer, detail) in policy.problems() {
        fields.problem(format!("/retry{pointer}"), detail);
    }
    Some(policy)
}

fn rate_limit(fields: &mut Fields) -> Option<RateLimit> {
    let expected = r#"{"per_second": 10, "per_hour": 1000}, or one of them"#;
    let limit: RateLimit = fields.object("rate_limit", expected)?;
    for (pointer, detail) in limit.problems() {
        fields.problem(format!("/rate_limit{pointer}"), detail);
    }
    Some(limit)
}

impl Wish {
    /// The endpoint as it is decided.
    pub fn apply(self, mut endpoint: Endpoint) -> Endpoint {
        endpoint.url = self.url;
        endpoint.description = self.description;
        endpoint.metadata = self.metadata;
        endpoint.event_types = self.event_types;
        endpoint.filter = self.filter;
        endpoint.headers = self.headers;
        endpoint.timeout_seconds = self.timeout_seconds;
        endpoint.retry = self.retry;
        endpoint.rate_limit = self.rate_limit;
        endpoint.disabled_reason = match (self.active, endpoint.disabled_reason) {
            (true, _) => None,
            // Off stays off, for the reason it was.
            (false, reason) => reason.or(Some(DisabledReason::Manual)),
        };
        endpoint
    }
}
