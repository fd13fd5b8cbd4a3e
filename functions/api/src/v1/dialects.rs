//! `/v1/dialects`: how deliveries look and behave.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use posthorn_shared::account::Limits;
use posthorn_shared::dialect::{Dialect, Encoding, Facade, USER_AGENT};
use posthorn_shared::failure_rate::FailureRate;
use posthorn_shared::ids::EventTypeName;
use posthorn_shared::retry_policy::RetryPolicy;
use posthorn_shared::secret::SecretForm;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::AnyKey;
use crate::extract::Path;
use crate::paging::{List, list as page};
use crate::problem::Refusal;
use crate::state::ApiState;

/// A dialect as it is shown.
#[derive(Serialize, ToSchema)]
#[schema(as = Dialect)]
pub struct DialectView {
    name: String,
    /// What people call it.
    title: String,
    user_agent: String,
    content_type: String,
    /// What a delivery's body is made from: `${data}` is the event's data byte for byte, `${,members}`
    /// its members.
    body: String,
    /// The headers that identify a delivery, in the letter case they are sent in, with what their
    /// values are made from.
    headers: BTreeMap<String, String>,
    signatures: Vec<SignatureView>,
    /// `standard`: `whsec_` and `whsk_` as in Standard Webhooks. `text`: 16–256 visible characters.
    secret_form: String,
    /// Whether endpoints have a token, shown once.
    has_token: bool,
    /// When failed attempts are made again, unless the endpoint says otherwise.
    retry: RetryPolicy,
    /// How long an attempt may take, unless the endpoint says otherwise.
    timeout_seconds: u64,
    /// Answers after which no attempt is made any more.
    give_up: Vec<String>,
    /// What holds unless the account says otherwise.
    limits: Limits,
    /// When an endpoint is switched off for failing.
    failure_rate: Option<FailureRate>,
    /// The shape of requests and answers at `/webhooks`; null: there are none.
    #[schema(value_type = Option<String>)]
    facade: Option<Facade>,
    /// Names of the event types that it brings along.
    #[schema(value_type = Vec<EventTypeName>)]
    event_types: Vec<EventTypeName>,
}

/// How a dialect signs.
#[derive(Serialize, ToSchema)]
struct SignatureView {
    header: String,
    /// What is signed.
    content: String,
    encoding: Encoding,
    /// Whether several secrets sign during a rotation.
    carries_several: bool,
    /// How one signature is written.
    each: String,
    /// The header's value.
    value: String,
}

impl From<&Dialect> for DialectView {
    fn from(dialect: &Dialect) -> Self {
        let signatures = dialect.signatures().iter().map(|rule| SignatureView {
            header: rule.header.clone(),
            content: rule.content.to_string(),
            encoding: rule.encoding,
            carries_several: rule.separator.is_some(),
            each: rule.each.to_string(),
            value: rule.value.to_string(),
        });
        let headers = dialect.identifying_headers();
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_string()));
        let event_types = dialect.event_types().iter().map(|known| known.event_type.name.clone());
        let secret_form = match dialect.secret {
            SecretForm::Standard => "standard",
            SecretForm::Text => "text",
        };
        Self {
            name: dialect.name.clone(),
            title: dialect.title.clone(),
            user_agent: USER_AGENT.to_owned(),
            content_type: "application/json".to_owned(),
            body: dialect.body(),
            headers: headers.collect(),
            signatures: signatures.collect(),
            secret_form: secret_form.to_owned(),
            has_token: dialect.has_token(),
            retry: dialect.retry.clone(),
            timeout_seconds: dialect.timeout.as_secs(),
            give_up: dialect.response.give_up.iter().map(ToString::to_string).collect(),
            limits: dialect.limits.or_default(),
            failure_rate: dialect.failure_rate,
            facade: dialect.facade,
            event_types: event_types.collect(),
        }
    }
}

/// Lists the dialects that an account can speak.
#[utoipa::path(get, operation_id = "list_dialects", path = "/v1/dialects", tag = "dialects",
    responses((status = 200, body = List<DialectView>)))]
pub async fn list(_: AnyKey, State(state): State<ApiState>) -> Json<List<DialectView>> {
    page(state.runtime.settings.dialects.all().map(DialectView::from).collect(), None)
}

/// A dialect.
#[utoipa::path(get, operation_id = "get_dialect", path = "/v1/dialects/{name}", tag = "dialects",
    params(("name" = String, Path)), responses((status = 200, body = DialectView)))]
pub async fn show(
    _: AnyKey,
    State(state): State<ApiState>,
    Path(name): Path<String>,
) -> Result<Json<DialectView>, Refusal> {
    let dialect = state.runtime.settings.dialects.named(&name);
    Ok(Json(dialect.ok_or(Refusal::Unknown("dialect"))?.into()))
}
