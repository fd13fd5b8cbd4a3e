//! The routes: a table of contents.

use axum::response::Response;
use axum::routing::get;
use axum::{Router, middleware};
use http::HeaderValue;
use http::header::X_CONTENT_TYPE_OPTIONS;
use posthorn_shared::runtime::Runtime;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::facade;
use crate::idempotency;
use crate::portal;
use crate::problem::{self, Refusal};
use crate::reference;
use crate::request_log;
use crate::state::ApiState;
use crate::v1::{
    accounts, api_keys, deliveries, dialects, endpoints, event_types, events, portal_sessions,
    stats, tasks,
};

/// The router that Lambda and the one-machine stack serve. Needs a Tokio runtime.
pub fn router(runtime: Runtime) -> Router {
    let state = ApiState::new(runtime);
    Router::from(described())
        .merge(facade::routes())
        .nest("/portal", portal::routes(state.clone()))
        .route("/v1/openapi.json", get(reference::description))
        .route("/docs", get(reference::page))
        .route("/docs/{name}", get(reference::script))
        .fallback(|| async { Refusal::NoRoute })
        .method_not_allowed_fallback(|| async { Refusal::Method })
        .layer(middleware::from_fn_with_state(state.clone(), idempotency::layer))
        .layer(CatchPanicLayer::custom(problem::from_panic))
        .layer(middleware::map_response(unsniffed))
        .layer(middleware::from_fn_with_state(state.clone(), request_log::layer))
        .with_state(state)
}

/// Keeps browsers from taking a response for anything else than it says, JSON for a page above all.
async fn unsniffed(mut response: Response) -> Response {
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

/// What the description describes: each route with its handler's own words.
pub(crate) fn described() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(health, health_of_post))
        .routes(routes!(accounts::create, accounts::list))
        .routes(routes!(accounts::show, accounts::change, accounts::remove))
        .routes(routes!(api_keys::create, api_keys::list))
        .routes(routes!(api_keys::remove))
        .routes(routes!(portal_sessions::create, portal_sessions::list))
        .routes(routes!(portal_sessions::remove))
        .routes(routes!(event_types::create, event_types::list))
        .routes(routes!(event_types::show, event_types::change, event_types::remove))
        .routes(routes!(endpoints::create, endpoints::list))
        .routes(routes!(endpoints::show, endpoints::change, endpoints::remove))
        .routes(routes!(endpoints::secret))
        .routes(routes!(endpoints::rotate_secret))
        .routes(routes!(endpoints::test))
        .routes(routes!(stats::show))
        .routes(routes!(tasks::recover))
        .routes(routes!(tasks::replay_missing))
        .routes(routes!(tasks::show))
        .routes(routes!(deliveries::log))
        .routes(routes!(events::create, events::list))
        .routes(routes!(events::show))
        .routes(routes!(deliveries::of_event))
        .routes(routes!(deliveries::show))
        .routes(routes!(deliveries::replay))
        .routes(routes!(dialects::list))
        .routes(routes!(dialects::show))
}

/// Whether the service answers. Needs no key.
#[utoipa::path(get, operation_id = "get_health", path = "/healthz", tag = "service",
    responses((status = 200, body = String, content_type = "text/plain")))]
async fn health() -> &'static str {
    "ok\n"
}

/// The same: a place for a test delivery to go to. What is sent is not looked at.
#[utoipa::path(post, operation_id = "post_health", path = "/healthz", tag = "service",
    responses((status = 200, body = String, content_type = "text/plain")))]
async fn health_of_post() -> &'static str {
    "ok\n"
}
