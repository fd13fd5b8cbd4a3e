//! `/v1/accounts/{id}/portal-sessions`: links that open the portal for an account.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use posthorn_shared::ids::AccountId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::address::Address;
use crate::auth::Admin;
use crate::body::RequestBody;
use crate::extract::Path;
use crate::fields::Fields;
use crate::operations::{accounts, portal_links};
use crate::problem::Refusal;
use crate::state::ApiState;
use crate::v1::requests::NewPortalSession;

/// Seconds.
const MAX_EXPIRY: i64 = 7 * 86_400;
const MIN_EXPIRY: i64 = 60;

/// A link that opens the portal.
#[derive(Serialize, ToSchema)]
#[schema(as = PortalSession)]
pub struct PortalSessionView {
    /// Opens the portal once. Whoever opens it acts for the account: give it to its people alone.
    url: String,
    expires_at: Timestamp,
}

/// Makes a link that opens the portal for this account.
#[utoipa::path(post, operation_id = "create_portal_session", path = "/v1/accounts/{id}/portal-sessions", tag = "accounts",
    params(("id" = AccountId, Path)), request_body = Option<NewPortalSession>,
    responses((status = 201, body = PortalSessionView)))]
pub async fn create(
    _: Admin,
    State(state): State<ApiState>,
    Path(account): Path<String>,
    address: Address,
    body: RequestBody,
) -> Result<(StatusCode, Json<PortalSessionView>), Refusal> {
    let account = accounts::find(&state, &account).await?;
    let mut fields = Fields::parse_optional(&body)?;
    let expected = format!("a whole number of seconds, {MIN_EXPIRY} to {MAX_EXPIRY}");
    let seconds = fields.typed("expires_in", &expected).unwrap_or(portal_links::LIFETIME.as_secs());
    if !(MIN_EXPIRY..=MAX_EXPIRY).contains(&seconds) {
        fields.problem("/expires_in", format!("is {expected}"));
    }
    fields.finish()?;
    let lifetime = SignedDuration::from_secs(seconds);
    let link = portal_links::create(&state, &account.id, lifetime).await?;
    let url = format!("{}/portal?session={}", address.url(&state.runtime.settings), link.token);
    Ok((StatusCode::CREATED, Json(PortalSessionView { url, expires_at: link.expires_at })))
}
