//! A delivery: every attempt, what was sent and what came back side by side.

use axum::extract::State;
use axum::response::{Html, Response};
use maud::{Markup, html};
use posthorn_shared::delivery::{Attempt, Delivery};
use posthorn_shared::endpoint::Endpoint;
use posthorn_shared::stored_event::StoredEvent;
use serde::Deserialize;

use super::frame::{self, Tab};
use super::outcome;
use crate::operations::{deliveries, endpoints, events, sends};
use crate::portal::entrance::go_to;
use crate::portal::extract::{Path, Query};
use crate::portal::json_text;
use crate::portal::moment::{self, millis};
use crate::portal::notice::Done;
use crate::portal::posted::Posted;
use crate::portal::session::Visitor;
use crate::portal::shell;
use crate::portal::trouble::Trouble;
use crate::state::ApiState;

#[derive(Deserialize)]
pub struct DeliveryQuery {
    done: Option<Done>,
    /// An attempt beyond this one is waited for.
    after: Option<u32>,
}

/// What a page shows.
struct Subject {
    endpoint: Endpoint,
    event: StoredEvent,
    /// `None` where nothing is on record yet: a test on its way.
    delivery: Option<Delivery>,
}

impl Subject {
    async fn find(
        state: &ApiState,
        visitor: &Visitor,
        endpoint: &str,
        event: &str,
    ) -> Result<Self, Trouble> {
        let endpoint = endpoints::find(state, visitor.account(), endpoint).await?;
        let event = events::find(state, visitor.account(), event).await?;
        let found = deliveries::to_endpoints(state, &event, vec![endpoint.clone()]).await?.pop();
        if found.is_none() && !event.test {
            return Err(Trouble::Missing("delivery"));
        }
        Ok(Self { endpoint, event, delivery: found })
    }
}

/// `GET /portal/endpoints/{id}/deliveries/{event}`
pub async fn show(
    visitor: Visitor,
    State(state): State<ApiState>,
    Path((endpoint, event)): Path<(String, String)>,
    Query(query): Query<DeliveryQuery>,
) -> Result<Html<String>, Trouble> {
    let subject = Subject::find(&state, &visitor, &endpoint, &event).await?;
    let now = state.runtime.clock.now();
    let Subject { endpoint, event, .. } = &subject;
    let replay =
        frame::path(&visitor, endpoint, &format!("/deliveries/{}/replay", event.public_id()));
    let content = html! {
        section.card aria-labelledby="delivery-title" {
            div.card-head {
                div {
                    h2 #delivery-title { (event.event_type) @if event.test { " (test)" } }
                    p.small.soft.wrap { code { (event.public_id()) } " received " (moment::at(event.key.received_at())) }
                }
                @if endpoint.is_active() && !event.test {
                    form.inline method="post" action=(replay) {
                        (shell::csrf(&visitor))
                        button.primary type="submit" { "Send again" }
                    }
                }
            }
            (attempts(&visitor, &subject, query.after, now))
        }
    };
    Ok(frame::page(&visitor, endpoint, now, Tab::Deliveries, query.done, &content))
}

/// `GET /portal/endpoints/{id}/deliveries/{event}/attempts`: the part that is renewed.
pub async fn part(
    visitor: Visitor,
    State(state): State<ApiState>,
    Path((endpoint, event)): Path<(String, String)>,
    Query(query): Query<DeliveryQuery>,
) -> Result<Html<String>, Trouble> {
    let subject = Subject::find(&state, &visitor, &endpoint, &event).await?;
    let now = state.runtime.clock.now();
    Ok(Html(attempts(&visitor, &subject, query.after, now).into_string()))
}

/// `POST /portal/endpoints/{id}/deliveries/{event}/replay`
pub async fn replay(
    State(state): State<ApiState>,
    Path((endpoint, event)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Trouble> {
    let visitor = posted.visitor;
    let Subject { endpoint, event, delivery } =
        Subject::find(&state, &visitor, &endpoint, &event).await?;
    let known = delivery.map_or(0, |delivery| delivery.last_attempt());
    let id = endpoint.id.clone();
    sends::replay(&state, &event, endpoint).await?;
    let page = format!(
        "/endpoints/{id}/deliveries/{}?done={}&after={known}",
        event.public_id(),
        Done::Replayed.name()
    );
    Ok(go_to(&visitor.site, &page))
}

/// Waits for the first attempt of an event that was just sent.
pub fn awaited(visitor: &Visitor, endpoint: &Endpoint, event: &str) -> Markup {
    let source = frame::path(visitor, endpoint, &format!("/deliveries/{event}/attempts?after=0"));
    html! {
        div.stack hx-get=(source) hx-trigger="load delay:400ms, every 1s" hx-swap="outerHTML" aria-live="polite" {
            p.soft { "Sent. Waiting for the answer…" }
        }
    }
}

fn attempts(
    visitor: &Visitor,
    subject: &Subject,
    after: Option<u32>,
    now: jiff::Timestamp,
) -> Markup {
    let Subject { endpoint, event, delivery } = subject;
    let last = delivery.as_ref().map_or(0, Delivery::last_attempt);
    let over =
        delivery.as_ref().is_some_and(Delivery::is_over) && after.is_none_or(|after| last > after);
    let mut source =
        frame::path(visitor, endpoint, &format!("/deliveries/{}/attempts", event.public_id()));
    if let Some(after) = after.filter(|after| last <= *after) {
        source.push_str(&format!("?after={after}"));
    }
    let body = visitor.dialect().render(event);
    html! {
        div.stack hx-get=[(!over).then_some(&source)] hx-trigger=[(!over).then_some("every 1s")] hx-swap="outerHTML" aria-live="polite" {
            @match delivery {
                None => { p.soft { "Sent. Waiting for the answer…" } }
                Some(delivery) => {
                    p.actions {
                        (outcome::badge(delivery))
                        @if let Some(next) = delivery.next_attempt_at {
                            span.soft { "next attempt " (moment::relative(next, now)) }
                        } @else if delivery.attempts.is_empty() {
                            span.soft { "The first attempt is about to be made." }
                        }
                    }
                    @for attempt in delivery.attempts.iter().rev() {
                        (one(attempt, &body, attempt.number == last))
                    }
                }
            }
        }
    }
}

fn one(attempt: &Attempt, body: &str, open: bool) -> Markup {
    let failed = attempt.error.is_some();
    html! {
        details.attempt open[open] {
            summary {
                strong { "Attempt " (attempt.number) }
                @if failed { span.badge.bad { (outcome::in_short(attempt)) } }
                @else { span.badge.good { (outcome::in_short(attempt)) } }
                span.soft.small { (millis(attempt.duration_ms)) ", " (outcome::why(attempt.trigger)) ", " (moment::at(attempt.started_at)) }
            }
            div.stack {
                @if let Some(advice) = outcome::advice(attempt) {
                    div.note.bad {
                        div {
                            p { (advice) }
                            @if let Some(error) = &attempt.error {
                                @if !error.detail.is_empty() { p.small.soft { (error.detail) } }
                            }
                        }
                    }
                }
                div.columns.two {
                    section.stack aria-label={ "Request of attempt " (attempt.number) } {
                        h3 { "Request" }
                        p.mono.wrap { "POST " (attempt.request.url) }
                        (headers(&attempt.request.headers))
                        (text(body))
                    }
                    section.stack aria-label={ "Response to attempt " (attempt.number) } {
                        h3 { "Response" }
                        @match &attempt.response {
                            None => { p.soft { "There was none." } }
                            Some(response) => {
                                p.mono { (outcome::in_short(attempt)) }
                                (headers(&response.headers))
                                @if response.body.is_empty() { p.soft { "No body was kept." } }
                                @else { (text(&response.body)) }
                                @if response.truncated { p.small.soft { "It was longer; only the beginning is kept." } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn headers(headers: &[(String, String)]) -> Markup {
    html! {
        @if !headers.is_empty() {
            dl.pairs {
                @for (name, value) in headers { div { dt { (name) } dd { (value) } } }
            }
        }
    }
}

/// A body, indented where it is JSON.
fn text(body: &str) -> Markup {
    html! { pre.code-block tabindex="0" role="group" aria-label="Body" { (json_text::indented(body)) } }
}
