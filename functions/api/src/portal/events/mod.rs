//! Events: their list, and what became of one.

mod list;
mod show;

use axum::Router;
use axum::routing::get;

use crate::state::ApiState;

pub fn routes() -> Router<ApiState> {
    Router::new().route("/events", get(list::show)).route("/events/{id}", get(show::show))
}
