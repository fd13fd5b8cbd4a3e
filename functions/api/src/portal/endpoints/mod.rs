//! Endpoints: their list, and everything about one.

mod again;
mod delivery;
mod draft;
mod edit;
mod filter_check;
mod form;
mod frame;
mod list;
mod log;
mod outcome;
mod overview;
mod settings;
pub mod state;
mod switch;
mod trends;
mod try_out;

use axum::Router;
use axum::routing::{get, post};

use crate::state::ApiState;

pub fn routes() -> Router<ApiState> {
    Router::new()
        .route("/endpoints", get(list::show).post(edit::create))
        .route("/endpoints/new", get(edit::new))
        .route("/endpoints/check-filter", post(filter_check::check))
        .route("/endpoints/{id}", get(overview::show))
        .route("/endpoints/{id}/log", get(log::part))
        .route("/endpoints/{id}/deliveries/{event}", get(delivery::show))
        .route("/endpoints/{id}/deliveries/{event}/attempts", get(delivery::part))
        .route("/endpoints/{id}/deliveries/{event}/replay", post(delivery::replay))
        .route("/endpoints/{id}/test", get(try_out::show).post(try_out::send))
        .route("/endpoints/{id}/example", get(try_out::example))
        .route("/endpoints/{id}/again", get(again::show))
        .route("/endpoints/{id}/recover", post(again::recover))
        .route("/endpoints/{id}/replay-missing", post(again::replay_missing))
        .route("/endpoints/{id}/tasks/{task}", get(again::part))
        .route("/endpoints/{id}/settings", get(settings::show))
        .route("/endpoints/{id}/secret", get(settings::secret))
        .route("/endpoints/{id}/secret/hidden", get(settings::hidden_secret))
        .route("/endpoints/{id}/rotate", post(settings::rotate))
        .route("/endpoints/{id}/edit", get(edit::edit).post(edit::change))
        .route("/endpoints/{id}/enable", post(switch::enable))
        .route("/endpoints/{id}/disable", post(switch::disable))
        .route("/endpoints/{id}/delete", post(switch::delete))
}
