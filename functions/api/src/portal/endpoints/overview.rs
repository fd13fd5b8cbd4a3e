//! An endpoint's first page: how it did lately, and its log.

use axum::extract::State;
use axum::response::Html;
use maud::{Markup, html};
use posthorn_shared::endpoint::Endpoint;
use posthorn_shared::stats::Hour;
use serde::Deserialize;

use super::frame::{self, Tab};
use super::log::{self, Narrow};
use super::trends;
use crate::operations::endpoints;
use crate::portal::charts::{Hours, percent};
use crate::portal::extract::{Path, Query};
use crate::portal::moment::{grouped, millis};
use crate::portal::notice::Done;
use crate::portal::session::Visitor;
use crate::portal::trouble::Trouble;
use crate::portal::types;
use crate::state::ApiState;

/// Hours that the charts show.
const HOURS: i64 = 24;

#[derive(Deserialize)]
pub struct OverviewQuery {
    done: Option<Done>,
}

/// `GET /portal/endpoints/{id}`
pub async fn show(
    visitor: Visitor,
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Query(query): Query<OverviewQuery>,
    Query(narrow): Query<Narrow>,
) -> Result<Html<String>, Trouble> {
    let endpoint = endpoints::find(&state, visitor.account(), &id).await?;
    let now = state.runtime.clock.now();
    let hour = Hour::of(now);
    let stats = state.store.stats(&endpoint.id, Hour(hour.0 - HOURS + 1), hour);
    let (stats, types, shown) = futures::join!(
        stats,
        types::all(&state, visitor.account()),
        log::entries(&state, &visitor, &endpoint, &narrow),
    );
    let hours = Hours::until(hour, HOURS, &stats?);
    let content = html! {
        section.card aria-label="Last 24 hours" { (numbers(&hours)) }
        div.columns.two {
            section.card { h2 { "Deliveries per hour" } (trends::deliveries(&hours)) }
            section.card { h2 { "How long answers took" } (trends::latency(&hours)) }
        }
        section.card { (trends::table(&hours)) }
        (whole_log(&visitor, &endpoint, &narrow, &types?, &shown?))
    };
    Ok(frame::page(&visitor, &endpoint, now, Tab::Deliveries, query.done, &content))
}

fn numbers(hours: &Hours) -> Markup {
    let total = hours.total();
    let took = |share| total.latency_ms(share).map_or("–".to_owned(), millis);
    html! {
        dl.numbers {
            div { dt { "Delivered, 24 h" } dd { (grouped(total.delivered)) } }
            div { dt { "Failed, 24 h" } dd { (grouped(total.failed)) } }
            div { dt { "Success rate" } dd { (total.success_rate().map_or("–".to_owned(), percent)) } }
            div { dt { "Half answer within" } dd { (took(0.5)) } }
            div { dt { "99 % answer within" } dd { (took(0.99)) } }
        }
    }
}

fn whole_log(
    visitor: &Visitor,
    endpoint: &Endpoint,
    narrow: &Narrow,
    types: &[posthorn_shared::event_type::EventType],
    shown: &Markup,
) -> Markup {
    html! {
        section.card #deliveries aria-labelledby="log-title" {
            div.card-head { h2 #log-title { "Log" } }
            (log::filters(visitor, endpoint, narrow, types))
            (shown)
        }
    }
}
