//! `/v1/accounts/{id}/portal-sessions`: links that open the portal for an account, and the sessions
//! that come of them.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use posthorn_shared::ids::{AccountId, PortalSessionId};
use posthorn_shared::store::PortalVisit;
use serde::Serialize;
use utoipa::ToSchema;

use crate::address::Address;
use crate::auth::Admin;
use crate::body::RequestBody;
use crate::extract::{Path, Query};
use crate::fields::Fields;
use crate::operations::{accounts, portal_links};
use crate::paging::{List, PageQuery, list as page};
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
    id: PortalSessionId,
    /// Opens the portal once. Whoever opens it acts for the account: give it to its people alone.
    url: String,
    expires_at: Timestamp,
}

/// A link that can still be opened, or the session that came of it.
#[derive(Serialize, ToSchema)]
#[schema(as = PortalSessionSummary)]
pub struct VisitView {
    id: PortalSessionId,
    created_at: Timestamp,
    /// When the link was opened and became a session; null while it was not.
    opened_at: Option<Timestamp>,
    /// When the link, or the session, ends.
    expires_at: Timestamp,
}

impl From<PortalVisit> for VisitView {
    fn from(visit: PortalVisit) -> Self {
        let PortalVisit { id, created_at, opened_at, expires_at, .. } = visit;
        Self { id, created_at, opened_at, expires_at }
    }
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
    let link = portal_links::create(&state, &account.tenant(), lifetime).await?;
    let url = format!("{}/portal?session={}", address.url(&state.runtime.settings), link.token);
    let PortalVisit { id, expires_at, .. } = link.visit;
    Ok((StatusCode::CREATED, Json(PortalSessionView { id, url, expires_at })))
}

/// Lists an account's portal links that can still be opened, and its open portal sessions, newest first.
/// A page may be short, even empty, and still have a next one.
#[utoipa::path(get, operation_id = "list_portal_sessions", path = "/v1/accounts/{id}/portal-sessions", tag = "accounts",
    params(("id" = AccountId, Path), PageQuery),
    responses((status = 200, body = List<VisitView>)))]
pub async fn list(
    _: Admin,
    State(state): State<ApiState>,
    Path(account): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<VisitView>>, Refusal> {
    let tenant = accounts::find(&state, &account).await?.tenant();
    let after = query.after()?;
    let found = state.store.portal_visits(&tenant, query.limit()?, after.as_deref()).await?;
    Ok(page(found.items.into_iter().map(VisitView::from).collect(), found.next.as_deref()))
}

/// Ends a portal link or session at once: the link no longer opens the portal, and the person who opened
/// it is signed out.
#[utoipa::path(delete, operation_id = "delete_portal_session", path = "/v1/accounts/{id}/portal-sessions/{session_id}", tag = "accounts",
    params(("id" = AccountId, Path), ("session_id" = PortalSessionId, Path)),
    responses((status = 204)))]
pub async fn remove(
    _: Admin,
    State(state): State<ApiState>,
    Path((account, id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let tenant = accounts::find(&state, &account).await?.tenant();
    portal_links::end(&state, &tenant, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
