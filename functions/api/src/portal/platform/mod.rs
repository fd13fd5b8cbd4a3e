//! The platform team's pages: accounts and how they are doing, which endpoints fail, what is stuck.
//!
//! Whoever has an admin key signs in with it. [`gate`] stands around every page; handlers take a
//! [`session::Operator`], or a form that one sent. What a page shows is read when it is asked for, and
//! only so much of it ([`survey`]): no statistics are kept of a whole account or deployment.

mod account;
mod accounts;
mod condition;
mod entrance;
mod failing;
mod figures;
mod frame;
mod gate;
mod overview;
mod queues;
mod session;
mod survey;
mod visits;

use axum::routing::{get, post};
use axum::{Router, middleware};

use crate::portal::trouble::Trouble;
use crate::state::ApiState;

/// The platform team's routes, to be nested under `/portal/platform`.
pub fn routes(state: ApiState) -> Router<ApiState> {
    Router::new()
        .route("/", get(entrance::door))
        .route("/enter", get(entrance::back).post(entrance::enter))
        .route("/leave", post(entrance::leave))
        .route("/accounts", get(accounts::list))
        .route("/accounts/{id}", get(account::show))
        .route("/accounts/{id}/portal", post(account::open))
        .route("/accounts/{id}/portal-sessions/{session_id}/end", post(visits::end))
        .fallback(|| async { Trouble::Missing("page") })
        .method_not_allowed_fallback(|| async { Trouble::Missing("page") })
        .layer(middleware::from_fn_with_state(state, gate::layer))
}
