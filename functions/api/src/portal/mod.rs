//! The customer portal: pages for the people of one account, and, below `/platform`, for the platform
//! team.
//!
//! One more presenter over the same operations as `v1` and `facade`: it reads forms and writes
//! HTML, and does nothing by itself. [`gate`] stands around every page: it finds the session, renders
//! what went wrong as a page, and puts the headers on that keep a page safe. Handlers take a
//! [`session::Visitor`] (a page) or a [`posted::Posted`] (a form, checked for forgery). The platform
//! team's pages have a gate and sessions of their own ([`platform`]).

mod assets;
mod catalog;
mod charts;
mod endpoints;
mod entrance;
mod events;
mod extract;
mod fields;
mod found;
mod gate;
mod json_text;
mod moment;
mod notice;
mod platform;
mod posted;
mod session;
mod shell;
mod site;
mod token;
mod trouble;
mod types;
mod verify;

use axum::routing::{get, post};
use axum::{Router, middleware};

use crate::state::ApiState;
use trouble::Trouble;

/// The portal's routes, to be nested under `/portal`.
pub fn routes(state: ApiState) -> Router<ApiState> {
    Router::new()
        .route("/", get(entrance::door))
        .route("/enter", post(entrance::enter))
        .route("/leave", post(entrance::leave))
        .merge(endpoints::routes())
        .merge(events::routes())
        .merge(catalog::routes())
        .merge(verify::routes())
        .fallback(|| async { Trouble::Missing("page") })
        .method_not_allowed_fallback(|| async { Trouble::Missing("page") })
        .layer(middleware::from_fn_with_state(state.clone(), gate::layer))
        // An account's session is nothing to these: they have a gate of their own.
        .nest("/platform", platform::routes(state))
        // Files are the same for everybody: no session is looked for.
        .route("/assets/{name}", get(assets::file))
}
