//! How to verify a signature: the account's scheme in words, and as code to copy.

mod language;
mod sample;
mod scheme;
mod show;

use axum::Router;
use axum::routing::get;

use crate::state::ApiState;

pub fn routes() -> Router<ApiState> {
    Router::new().route("/verify", get(show::show))
}
