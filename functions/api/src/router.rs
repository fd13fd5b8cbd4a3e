//! The routes: a table of contents.

use axum::routing::{delete, get, post};
use axum::{Router, middleware};
use posthorn_shared::runtime::Runtime;
use tower_http::catch_panic::CatchPanicLayer;

use crate::idempotency;
use crate::problem::{self, Refusal};
use crate::state::ApiState;
use crate::v1::{accounts, api_keys, deliveries, endpoints, event_types, events};

/// The router that Lambda and the one-machine stack serve. Needs a Tokio runtime.
pub fn router(runtime: Runtime) -> Router {
    let state = ApiState::new(runtime);
    Router::new()
        .route("/healthz", get(health))
        .route("/v1/accounts", post(accounts::create).get(accounts::list))
        .route(
            "/v1/accounts/{id}",
            get(accounts::show).patch(accounts::change).delete(accounts::remove),
        )
        .route("/v1/accounts/{id}/keys", post(api_keys::create).get(api_keys::list))
        .route("/v1/accounts/{id}/keys/{key_id}", delete(api_keys::remove))
        .route("/v1/event-types", post(event_types::create).get(event_types::list))
        .route(
            "/v1/event-types/{name}",
            get(event_types::show).patch(event_types::change).delete(event_types::remove),
        )
        .route("/v1/endpoints", post(endpoints::create).get(endpoints::list))
        .route(
            "/v1/endpoints/{id}",
            get(endpoints::show).patch(endpoints::change).delete(endpoints::remove),
        )
        .route("/v1/endpoints/{id}/secret", get(endpoints::secret))
        .route("/v1/endpoints/{id}/secret/rotate", post(endpoints::rotate_secret))
        .route("/v1/endpoints/{id}/test", post(endpoints::test))
        .route("/v1/endpoints/{id}/deliveries", get(deliveries::log))
        .route("/v1/events", post(events::create).get(events::list))
        .route("/v1/events/{id}", get(events::show))
        .route("/v1/events/{id}/deliveries", get(deliveries::of_event))
        .route("/v1/events/{id}/deliveries/{endpoint_id}", get(deliveries::show))
        .route("/v1/events/{id}/deliveries/{endpoint_id}/replay", post(deliveries::replay))
        .fallback(|| async { Refusal::NoRoute })
        .method_not_allowed_fallback(|| async { Refusal::Method })
        .layer(middleware::from_fn_with_state(state.clone(), idempotency::layer))
        .layer(CatchPanicLayer::custom(problem::from_panic))
        .with_state(state)
}

async fn health() -> &'static str {
    "ok\n"
}
