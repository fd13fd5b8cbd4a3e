//! `Idempotency-Key` on POST: the same request sent again within a day is answered as it was the
//! first time, and carried out once.
//!
//! Answers may hold secrets that are shown once. They are sealed with a key that follows from what
//! the client sends and the table does not hold: its API key and the idempotency key.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use posthorn_shared::digest::sha256_hex;
use posthorn_shared::ids::AccountId;
use posthorn_shared::sealing::SealingKey;
use posthorn_shared::store::Earlier;
use serde::{Deserialize, Serialize};

use crate::auth::{self, Identity};
use crate::body;
use crate::problem::Refusal;
use crate::state::ApiState;

const HEADER: &str = "idempotency-key";
/// Marks an answer that was given before.
const REPLAYED: &str = "idempotency-replayed";
const MAX_KEY: usize = 255;
/// Bytes of an answer that can be kept; DynamoDB takes 400 KB in an item, base64 included.
const MAX_KEPT: usize = 256 * 1024;

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    content_type: Option<String>,
    body: String,
}

/// A request that carries a key.
struct Keyed {
    /// Names the request without revealing either key.
    id: String,
    /// What a second request with the same key must have in common.
    digest: String,
    sealing: SealingKey,
}

/// The layer around all routes.
pub async fn layer(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(HEADER) {
        return next.run(request).await;
    }
    once(state, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn once(state: ApiState, request: Request, next: Next) -> Result<Response, Refusal> {
    let (mut parts, body) = request.into_parts();
    // Counted first: what is over the limit claims nothing, and is not answered from what is kept.
    let identity = match auth::admit(&mut parts, &state).await {
        Ok(identity) => identity,
        // Whoever has no key gets nothing written; the route itself refuses.
        Err(Refusal::NoKey | Refusal::UnknownKey) => {
            return Ok(next.run(Request::from_parts(parts, body)).await);
        }
        Err(refusal) => return Err(refusal),
    };
    let body = body::read(body).await?;
    let reborn = reborn(&parts, &identity, &state).await?;
    let Keyed { id, digest, sealing } = keyed(&parts, &body, reborn)?;
    let request = Request::from_parts(parts, Body::from(body));
    let clock = &state.runtime.clock;
    let claim = match state.store.claim_request(&id, &digest, clock.now()).await? {
        Earlier::Claimed(until) => until,
        Earlier::UnderWay => {
            let detail = "a request with this Idempotency-Key is under way; send it again shortly";
            return Err(Refusal::Conflict(detail.to_owned()));
        }
        Earlier::Different => {
            let detail = "this Idempotency-Key was used for another request; use a new one";
            return Err(Refusal::Conflict(detail.to_owned()));
        }
        Earlier::Answered(sealed) => return replay(&sealing, &sealed, &id),
    };

    let (head, body) = next.run(request).await.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| Refusal::Fault)?;
    let kept = if head.status.is_success() { keep(&head, &body) } else { None };
    let settled = match kept {
        Some(kept) => {
            let answer = sealing.seal(&kept, &id, clock.random());
            state.store.keep_answer(&id, &digest, claim, answer, clock.now()).await
        }
        None => state.store.give_up_request(&id).await,
    };
    if let Err(error) = settled {
        // It was carried out: that is the answer. A repetition within a minute is told to wait.
        tracing::error!(%error, "the answer to an Idempotency-Key was not kept");
    }
    Ok(Response::from_parts(head, Body::from(body)))
}

/// Of the account that an admin key names: when it was created, if another had its id before. What was
/// answered for that one is no answer for it. (An account's keys are its own.)
async fn reborn(
    parts: &Parts,
    identity: &Identity,
    state: &ApiState,
) -> Result<Option<Timestamp>, Refusal> {
    let (Identity::Admin, Some(id)) = (identity, named_account(parts)) else {
        return Ok(None);
    };
    let view = state.accounts.get(&id).await?;
    let reborn = view.filter(|view| view.account.former_deleted_at.is_some());
    Ok(reborn.map(|view| view.account.created_at))
}

/// The account that a request names by its header, or by its path.
fn named_account(parts: &Parts) -> Option<AccountId> {
    let by_header = parts.headers.get(auth::ACCOUNT_HEADER);
    let by_path = || parts.uri.path().split_once("/accounts/")?.1.split('/').next();
    by_header.map_or_else(by_path, |value| value.to_str().ok())?.parse().ok()
}

/// Reads the key of a request that shows an API key.
fn keyed(parts: &Parts, body: &Bytes, reborn: Option<Timestamp>) -> Result<Keyed, Refusal> {
    let key = parts.headers.get(HEADER).and_then(|value| value.to_str().ok());
    let visible = |key: &&str| {
        (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let key = key.filter(visible).ok_or_else(|| {
        Refusal::Malformed(format!(
            "Idempotency-Key has 1 to {MAX_KEY} visible ASCII characters, no spaces; a UUID does well"
        ))
    })?;
    let api_key = auth::presented_key(parts).ok_or(Refusal::NoKey)?;
    // None, an empty and an unreadable one are three things: the latter two are refused.
    let account = parts.headers.get(auth::ACCOUNT_HEADER).map(HeaderValue::as_bytes);
    let reborn = reborn.map(|at| format!("\n{}", at.as_millisecond())).unwrap_or_default();
    let id = sha256_hex(&format!("{api_key}\n{account:?}\n{key}{reborn}"));
    // What is no UTF-8 no route reads, so that any two such bodies may count as the same.
    let digest = sha256_hex(&format!("{}\n{}", parts.uri.path(), String::from_utf8_lossy(body)));
    let sealing = SealingKey::derive(api_key.as_bytes(), &format!("idempotency\n{key}"));
    Ok(Keyed { id, digest, sealing })
}

fn keep(head: &http::response::Parts, body: &Bytes) -> Option<String> {
    if body.len() > MAX_KEPT {
        return None;
    }
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kept = Kept {
        status: head.status.as_u16(),
        content_type: content_type.map(str::to_owned),
        body: String::from_utf8(body.to_vec()).ok()?,
    };
    serde_json::to_string(&kept).ok()
}

fn replay(sealing: &SealingKey, sealed: &str, id: &str) -> Result<Response, Refusal> {
    let kept = sealing.open(sealed, id).map_err(|_| Refusal::Fault)?;
    let kept: Kept = serde_json::from_str(&kept).map_err(|_| Refusal::Fault)?;
    let mut response = Response::new(Body::from(kept.body));
    *response.status_mut() = StatusCode::from_u16(kept.status).map_err(|_| Refusal::Fault)?;
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    if let Some(value) = kept.content_type.and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(CONTENT_TYPE, value);
    }
    Ok(response)
}
