//! One line of the log per request, with the address that it came from, and an id by which to find it:
//! the answer's `x-request-id`.
//!
//! Everything that is logged while a request is handled carries the id. The events that it brought
//! are named there; dispatch and deliver log by the event's id. So one leads to the other.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use lambda_http::RequestExt;
use lambda_http::request::RequestContext;
use posthorn_shared::ids::RequestId;
use tracing::{Instrument, Span, field};

use crate::caller_address;
use crate::state::ApiState;

const HEADER: &str = "x-request-id";
/// Characters of a path that are logged.
const MAX_PATH: usize = 256;

/// The layer around all routes.
pub async fn layer(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = gateways_id(&request).unwrap_or_else(|| new_id(&state));
    let span = tracing::info_span!("request", request_id = id, account = field::Empty);
    let method = request.method().clone();
    let path: String = request.uri().path().chars().take(MAX_PATH).collect();
    let address = caller_address::of(request.extensions());
    let mut response = next.run(request).instrument(span.clone()).await;
    span.in_scope(|| {
        let status = response.status().as_u16();
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(%method, path, status, duration_ms, address, "answered");
    });
    state.runtime.invocation_ends().await;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, id);
    }
    response
}

/// Says whose request it is.
pub fn is_of(account: &str) {
    Span::current().record("account", account);
}

/// The id that API Gateway gave it, and has in its own log.
fn gateways_id(request: &Request) -> Option<String> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV1(context) => context.request_id.clone(),
        RequestContext::ApiGatewayV2(context) => context.request_id.clone(),
        _ => None,
    }
}

fn new_id(state: &ApiState) -> String {
    let clock = &state.runtime.clock;
    RequestId::new(clock.now(), clock.random()).to_string()
}
