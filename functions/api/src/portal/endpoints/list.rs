//! The list of endpoints: how each is doing at a glance.

use axum::extract::State;
use axum::response::Html;
use futures::future::try_join_all;
use jiff::Timestamp;
use maud::{Markup, html};
use posthorn_shared::endpoint::Endpoint;
use posthorn_shared::stats::Hour;

use super::state;
use crate::paging::{PageQuery, encode};
use crate::portal::charts::{self, Hours};
use crate::portal::extract::Query;
use crate::portal::moment::counted;
use crate::portal::notice::{self, Done};
use crate::portal::session::Visitor;
use crate::portal::shell::{self, Section};
use crate::portal::trouble::Trouble;
use crate::state::ApiState;

/// Endpoints of a page.
const PAGE: &str = "25";

#[derive(serde::Deserialize)]
pub struct ListQuery {
    cursor: Option<String>,
    done: Option<Done>,
}

pub async fn show(
    visitor: Visitor,
    State(state): State<ApiState>,
    Query(query): Query<ListQuery>,
) -> Result<Html<String>, Trouble> {
    let paging = PageQuery::new(Some(PAGE.to_owned()), query.cursor);
    let account = visitor.account();
    let (limit, after) = (paging.limit()?, paging.after()?);
    let found = state.store.endpoints(account, limit, after.as_deref()).await?;
    let now = state.runtime.clock.now();
    let hour = Hour::of(now);
    let stats =
        found.items.iter().map(|endpoint| state.store.stats(&endpoint.id, Hour(hour.0 - 23), hour));
    let stats = try_join_all(stats).await?;
    let rows = found.items.iter().zip(&stats);
    let words = visitor.words();
    let title = words.endpoints_first();
    let add = html! {
        a.button.primary href=(visitor.path("/endpoints/new")) { "Add " (words.endpoint) }
    };
    let content = html! {
        (notice::of(query.done, &visitor))
        div.head {
            div {
                h1 { (title) }
                p.soft { "Where your events are sent, and how that went in the last 24 hours." }
            }
            @if !found.items.is_empty() { div.actions { (add) } }
        }
        @if found.items.is_empty() && after.is_none() {
            div.card.empty {
                h2 { "No " (words.endpoints) " yet" }
                p { "Add the URL that your events are to be sent to. You can try it out with a test event at once." }
                (add)
            }
        } @else {
            ul.rows {
                @for (endpoint, known) in rows { (row(&visitor, endpoint, &Hours::until(hour, 24, known), now)) }
            }
        }
        @if let Some(next) = &found.next {
            nav aria-label="Pages" {
                a.button href={ (visitor.path("/endpoints")) "?cursor=" (encode(next)) } { "Older " (words.endpoints) }
            }
        }
    };
    Ok(shell::page(&visitor, Section::Endpoints, &title, &content))
}

fn row(visitor: &Visitor, endpoint: &Endpoint, hours: &Hours, now: Timestamp) -> Markup {
    let total = hours.total();
    let subscribed = match endpoint.event_types.len() {
        0 => "All events".to_owned(),
        count => counted(count as u64, "event type"),
    };
    html! {
        li.card.row {
            div {
                h2 { a href=(visitor.path(&format!("/endpoints/{}", endpoint.id))) { (endpoint.url) } }
                div.meta {
                    (state::badge(endpoint))
                    span { (subscribed) @if endpoint.filter.is_some() { ", filtered" } }
                    @if let Some(description) = &endpoint.description { span.wrap { (description) } }
                }
                @if let Some(explanation) = state::explanation(endpoint, now) {
                    p.small.soft { (explanation) }
                }
            }
            div.figures {
                div.rate.small {
                    @match total.success_rate() {
                        Some(rate) => { strong { (charts::percent(rate)) } span.soft { "delivered" } }
                        None => { strong { "–" } span.soft { "nothing sent" } }
                    }
                }
                (charts::sparkline(hours))
            }
        }
    }
}
