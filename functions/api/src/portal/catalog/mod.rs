//! The event catalog: what can happen, and what an event then holds.

mod list;
mod outline;
mod show;
mod tree;

use axum::Router;
use axum::routing::get;

use crate::state::ApiState;

pub fn routes() -> Router<ApiState> {
    Router::new()
        .route("/event-types", get(list::show))
        .route("/event-types/{name}", get(show::show))
}
