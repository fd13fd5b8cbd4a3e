//! `/v1/dialects`: how deliveries look and behave.

use axum::Json;
use axum::extract::State;
use posthorn_shared::dialect::{Dialect, Encoding, USER_AGENT};
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
    /// The headers that identify and sign a delivery, in the letter case they are sent in.
    headers: Vec<String>,
    signatures: Vec<SignatureView>,
    /// `standard`: `whsec_` and `whsk_` as in Standard Webhooks. `text`: 16–256 visible characters.
    secret_form: String,
    /// Whether endpoints have a token, shown once.
    has_token: bool,
    /// When failed attempts are made again, unless the endpoint says otherwise.
    retry: RetryPolicy,
    /// How long an attempt may take, unless the endpoint says otherwise.
    timeout_seconds: u64,
}

/// How a dialect signs.
#[derive(Serialize, ToSchema)]
struct SignatureView {
    header: String,
    encoding: Encoding,
    /// Whether several secrets sign during a rotation.
    carries_several: bool,
}

impl From<&Dialect> for DialectView {
    fn from(dialect: &Dialect) -> Self {
        let signatures = dialect.signatures().iter().map(|rule| SignatureView {
            header: rule.header.clone(),
            encoding: rule.encoding,
            carries_several: rule.separator.is_some(),
        });
        let secret_form = match dialect.secret {
            SecretForm::Standard => "standard",
            SecretForm::Text => "text",
        };
        Self {
            name: dialect.name.clone(),
            title: dialect.title.clone(),
            user_agent: USER_AGENT.to_owned(),
            content_type: "application/json".to_owned(),
            headers: dialect.header_names().map(str::to_owned).collect(),
            signatures: signatures.collect(),
            secret_form: secret_form.to_owned(),
            has_token: dialect.has_token(),
            retry: dialect.retry.clone(),
            timeout_seconds: dialect.timeout.as_secs(),
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
