//! An event: what happened, and where it went.

use axum::extract::State;
use axum::response::Html;
use jiff::Timestamp;
use maud::{Markup, html};
use posthorn_shared::delivery::{Delivery, Status};
use posthorn_shared::endpoint::Endpoint;
use posthorn_shared::stored_event::StoredEvent;

use crate::operations::{deliveries, endpoints, events};
use crate::portal::extract::Path;
use crate::portal::json_text::indented;
use crate::portal::moment::{self, counted};
use crate::portal::session::Visitor;
use crate::portal::shell::{self, Section};
use crate::portal::trouble::Trouble;
use crate::state::ApiState;

pub async fn show(
    visitor: Visitor,
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Html<String>, Trouble> {
    let event = events::find(&state, visitor.account(), &id).await?;
    let all = endpoints::all(&state, visitor.account()).await?;
    let went_to = deliveries::to_endpoints(&state, &event, all.clone()).await?;
    let now = state.runtime.clock.now();
    let title = event.event_type.as_str();
    let content = html! {
        div.head {
            div {
                p.crumbs { a href=(visitor.path("/events")) { "Events" } }
                h1 { (title) }
                p.soft { "Received " (moment::relative(event.key.received_at(), now)) "." }
            }
            @if event.test { div.actions { span.badge { "Test" } } }
        }
        section.card aria-labelledby="about" {
            h2 #about { "The event" }
            dl.pairs {
                div { dt { "id" } dd { (event.public_id()) } }
                div { dt { "type" } dd { a href={ (visitor.path("/event-types/")) (title) } { (title) } } }
                div { dt { "happened" } dd { (moment::at(event.timestamp)) } }
                div { dt { "received" } dd { (moment::at(event.key.received_at())) } }
            }
        }
        (destinations(&visitor, &event, &went_to, &all, now))
        section.card aria-labelledby="data" {
            div.card-head {
                h2 #data { "Data" }
                button.compact type="button" data-copies="payload" data-needs-script hidden { "Copy" }
            }
            pre.code-block #payload tabindex="0" role="group" aria-labelledby="data" { (indented(&event.data)) }
        }
        section.card aria-labelledby="as-sent" {
            details {
                summary { h2.inline #as-sent { "The body as it is sent" } }
                p.soft.small { "Signatures are made of these bytes, as they stand here: spaces count." }
                pre.code-block tabindex="0" role="group" aria-labelledby="as-sent" { (visitor.dialect().render(&event)) }
            }
        }
    };
    Ok(shell::page(&visitor, Section::Events, title, &content))
}

fn destinations(
    visitor: &Visitor,
    event: &StoredEvent,
    deliveries: &[Delivery],
    endpoints: &[Endpoint],
    now: Timestamp,
) -> Markup {
    let words = visitor.words();
    let url = |delivery: &Delivery| {
        let found = endpoints.iter().find(|endpoint| endpoint.id == delivery.endpoint);
        found.map(|endpoint| endpoint.url.as_str()).unwrap_or_default()
    };
    html! {
        section.card.log aria-labelledby="where" {
            h2 #where { "Where it went" }
            @if deliveries.is_empty() {
                p.soft {
                    "It was sent nowhere: no " (words.endpoint) " that is there now wanted it when it came."
                }
            } @else {
                table {
                    caption.unseen { "Deliveries of this event" }
                    thead {
                        tr {
                            th scope="col" { (words.endpoint_first()) }
                            th scope="col" { "Status" }
                            th scope="col" { "Attempts" }
                            th scope="col" { "Last answer" }
                        }
                    }
                    tbody {
                        @for delivery in deliveries {
                            tr.opens {
                                td { a href=(visitor.path(&delivery_path(delivery, event))) { (url(delivery)) } }
                                td data-label="Status" {
                                    (badge(delivery.status))
                                    @if let Some(next) = delivery.next_attempt_at {
                                        span.small.soft { " next " (moment::relative(next, now)) }
                                    }
                                }
                                td data-label="Attempts" { (counted(delivery.last_attempt().into(), "attempt")) }
                                td data-label="Last answer" { (last_answer(delivery, now)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn delivery_path(delivery: &Delivery, event: &StoredEvent) -> String {
    format!("/endpoints/{}/deliveries/{}", delivery.endpoint, event.public_id())
}

/// Where a delivery stands, in a word.
fn badge(status: Status) -> Markup {
    let (kind, word) = match status {
        Status::Pending => ("badge", "On its way"),
        Status::Retrying => ("badge warn", "Being retried"),
        Status::Delivered => ("badge good", "Delivered"),
        Status::Failed => ("badge bad", "Failed"),
        Status::Cancelled => ("badge off", "Cancelled"),
    };
    html! { span class=(kind) { (word) } }
}

fn last_answer(delivery: &Delivery, now: Timestamp) -> Markup {
    let Some(last) = delivery.attempts.last() else {
        return html! { span.soft { "none yet" } };
    };
    html! {
        @match last.status_code {
            Some(code) => { (code) ", " }
            None => { "no answer, " }
        }
        span.soft { (moment::relative(last.started_at, now)) }
    }
}
