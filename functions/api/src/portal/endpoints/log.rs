//! The log of an endpoint's deliveries: narrowed by a form, live while the newest are shown.

use axum::extract::State;
use axum::response::Html;
use maud::{Markup, html};
use posthorn_shared::delivery::{Delivery, Status};
use posthorn_shared::endpoint::Endpoint;
use posthorn_shared::event_type::EventType;
use posthorn_shared::ids::EventKey;
use posthorn_shared::store::DeliveryFilter;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::frame;
use super::outcome;
use crate::operations::endpoints;
use crate::paging::{Narrowing, PageQuery, encode};
use crate::portal::extract::{Path, Query};
use crate::portal::fields::{said, said_time};
use crate::portal::moment::{self, counted, millis};
use crate::portal::session::Visitor;
use crate::portal::trouble::Trouble;
use crate::problem::Refusal;
use crate::state::ApiState;

/// Deliveries of a page.
const PAGE: &str = "30";

const STATUSES: [(&str, &str); 6] = [
    ("", "Any"),
    ("delivered", "Delivered"),
    ("failed", "Failed"),
    ("retrying", "Being retried"),
    ("pending", "On its way"),
    ("cancelled", "Cancelled"),
];

/// What narrows the log. An empty field narrows nothing.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Narrow {
    #[serde(default)]
    status: String,
    #[serde(default)]
    event_type: String,
    #[serde(default)]
    since: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    cursor: String,
}

impl Narrow {
    fn filter(&self) -> Result<DeliveryFilter, Refusal> {
        let mut narrowing = Narrowing::default();
        let filter = DeliveryFilter {
            status: narrowing.status("/status", said(&self.status)),
            event_type: narrowing.event_type("/event_type", said(&self.event_type)),
            since: narrowing.time("/from", said_time(&self.since)),
            until: narrowing.time("/to", said_time(&self.until)),
        };
        narrowing.finish()?;
        Ok(filter)
    }

    /// As part of an address, with another cursor.
    fn query(&self, cursor: &str) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in [
            ("status", self.status.as_str()),
            ("event_type", &self.event_type),
            ("since", &self.since),
            ("until", &self.until),
            ("cursor", cursor),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        if query.is_empty() { query } else { format!("?{query}") }
    }

    fn is_narrow(&self) -> bool {
        [&self.status, &self.event_type, &self.since, &self.until]
            .iter()
            .any(|text| !text.is_empty())
    }
}

/// `GET /portal/endpoints/{id}/log`: the part of the page that is renewed.
pub async fn part(
    visitor: Visitor,
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Query(narrow): Query<Narrow>,
) -> Result<Html<String>, Trouble> {
    let endpoint = endpoints::find(&state, visitor.account(), &id).await?;
    Ok(Html(entries(&state, &visitor, &endpoint, &narrow).await?.into_string()))
}

/// The form above the log.
pub fn filters(
    visitor: &Visitor,
    endpoint: &Endpoint,
    narrow: &Narrow,
    types: &[EventType],
) -> Markup {
    let time = |id: &str, label: &str, value: &str| {
        html! {
            div.field {
                label for=(id) { (label) span #{ (id) "-zone" } { ", UTC" } }
                input id=(id) name=(id) type="datetime-local" data-utc=(value) value=(value.trim_end_matches('Z')) data-zone-hint={ (id) "-zone" };
            }
        }
    };
    html! {
        form.filters method="get" action={ (frame::path(visitor, endpoint, "")) "#deliveries" } {
            div.field {
                label for="status" { "Status" }
                select #status name="status" {
                    @for (value, label) in STATUSES {
                        option value=(value) selected[narrow.status == value] { (label) }
                    }
                }
            }
            div.field {
                label for="event_type" { "Event type" }
                input #event_type name="event_type" type="text" value=(narrow.event_type) list="known-types" autocomplete="off" spellcheck="false" placeholder="Any";
                datalist #known-types { @for known in types { option value=(known.name) {} } }
            }
            (time("since", "From", &narrow.since))
            (time("until", "To", &narrow.until))
            div.actions {
                button type="submit" { "Show" }
                @if narrow.is_narrow() {
                    a.button.quiet href={ (frame::path(visitor, endpoint, "")) "#deliveries" } { "Clear" }
                }
            }
        }
    }
}

/// The log itself. It asks for itself again while there may be something new in it.
pub async fn entries(
    state: &ApiState,
    visitor: &Visitor,
    endpoint: &Endpoint,
    narrow: &Narrow,
) -> Result<Markup, Trouble> {
    let filter = match narrow.filter() {
        Ok(filter) => filter,
        Err(refusal) => {
            return Ok(
                html! { div.note.bad role="alert" { div { (crate::portal::trouble::in_words(&refusal)) } } },
            );
        }
    };
    let paging = PageQuery::new(Some(PAGE.to_owned()), Some(narrow.cursor.clone()));
    let after = paging.after_parsed::<EventKey>()?;
    let found =
        state.store.delivery_log(&endpoint.id, &filter, paging.limit()?, after.as_ref()).await?;
    let now = state.runtime.clock.now();
    let live = after.is_none() && filter.until.is_none();
    let source = frame::path(visitor, endpoint, &format!("/log{}", narrow.query("")));
    let next = found.next.as_ref().map(|next| encode(next.as_str()));
    Ok(html! {
        div #log .log hx-get=[live.then_some(&source)] hx-trigger=[live.then_some("every 4s")] hx-swap="outerHTML" {
            @if found.deliveries.is_empty() {
                p.soft {
                    @if narrow.is_narrow() { "Nothing in the log is like that" @if next.is_some() { " so far" } "." }
                    @else { "Nothing was sent here yet. What is sent shows up by itself." }
                }
            } @else {
                table {
                    caption.unseen { "Deliveries, newest first" }
                    thead {
                        tr {
                            th scope="col" { "Event" }
                            th scope="col" { "Status" }
                            th scope="col" { "Last answer" }
                            th.number scope="col" { "Took" }
                            th scope="col" { "Received" }
                        }
                    }
                    tbody {
                        @for delivery in &found.deliveries {
                            tr {
                                td {
                                    a href=(frame::path(visitor, endpoint, &format!("/deliveries/{}", delivery.public_event_id()))) { (delivery.event_type) }
                                    div.small.soft.mono { (delivery.public_event_id()) }
                                }
                                td { (outcome::badge(delivery)) (attempts(delivery)) }
                                td data-label="Answer" { (outcome::last(delivery)) }
                                td.number data-label="Took" {
                                    (delivery.attempts.last().map_or("–".to_owned(), |attempt| millis(attempt.duration_ms)))
                                }
                                td.nowrap data-label="Received" { (moment::relative(delivery.key.received_at(), now)) }
                            }
                        }
                    }
                }
            }
            div.actions {
                @if !narrow.cursor.is_empty() {
                    a.button href={ (frame::path(visitor, endpoint, &narrow.query(""))) "#deliveries" } { "Newest" }
                }
                @if let Some(next) = &next {
                    a.button href={ (frame::path(visitor, endpoint, &narrow.query(next))) "#deliveries" } { "Older" }
                }
            }
        }
    })
}

fn attempts(delivery: &Delivery) -> Markup {
    let count = delivery.last_attempt();
    html! {
        @if count > 1 || delivery.status == Status::Retrying {
            div.small.soft { (counted(u64::from(count), "attempt")) }
        }
    }
}
