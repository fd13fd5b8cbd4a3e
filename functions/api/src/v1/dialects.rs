//! `/v1/dialects`: how deliveries look and behave.

use axum::Json;
use posthorn_shared::dialect::{self, Dialect, USER_AGENT};
use posthorn_shared::retry_policy::RetryPolicy;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::AnyKey;
use crate::extract::Path;
use crate::paging::{List, list as page};
use crate::problem::Refusal;

/// A dialect as it is shown.
#[derive(Serialize, ToSchema)]
#[schema(as = Dialect)]
pub struct DialectView {
    name: String,
    /// What its requests are signed by.
    signature: String,
    /// Names of the headers that identify and sign a delivery.
    headers: Vec<String>,
    user_agent: String,
    content_type: String,
    /// When failed attempts are made again, unless the endpoint says otherwise.
    retry: RetryPolicy,
    /// How long an attempt may take, unless the endpoint says otherwise.
    timeout_seconds: u64,
}

impl From<Dialect> for DialectView {
    fn from(dialect: Dialect) -> Self {
        Self {
            signature: "Standard Webhooks 1.0: v1 (HMAC-SHA256) or v1a (Ed25519)".to_owned(),
            headers: Dialect::HEADERS.map(str::to_owned).to_vec(),
            user_agent: USER_AGENT.to_owned(),
            content_type: "application/json".to_owned(),
            timeout_seconds: dialect.timeout.as_secs(),
            retry: dialect.retry,
            name: dialect.name,
        }
    }
}

/// Lists the dialects that an account can speak.
#[utoipa::path(get, operation_id = "list_dialects", path = "/v1/dialects", tag = "dialects",
    responses((status = 200, body = List<DialectView>)))]
pub async fn list(_: AnyKey) -> Json<List<DialectView>> {
    let all = dialect::NAMES.iter().filter_map(|name| Dialect::named(name));
    page(all.map(DialectView::from).collect(), None)
}

/// A dialect.
#[utoipa::path(get, operation_id = "get_dialect", path = "/v1/dialects/{name}", tag = "dialects",
    params(("name" = String, Path)), responses((status = 200, body = DialectView)))]
pub async fn show(_: AnyKey, Path(name): Path<String>) -> Result<Json<DialectView>, Refusal> {
    let dialect = Dialect::named(&name).ok_or(Refusal::Unknown("dialect"))?;
    Ok(Json(dialect.into()))
}
