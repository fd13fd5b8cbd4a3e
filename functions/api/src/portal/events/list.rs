//! The list of events, newest first: narrowed by type and time, or left by way of an id.

use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use maud::{Markup, html};
use posthorn_shared::event_type::CatalogOwner;
use posthorn_shared::ids::{EventKey, EventTypeName};
use posthorn_shared::store::{EventFilter, EventPage};
use posthorn_shared::stored_event::StoredEvent;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use crate::operations::{catalog, events};
use crate::paging::{Narrowing, PageQuery, encode};
use crate::portal::entrance::go_to;
use crate::portal::extract::Query;
use crate::portal::fields::{said, said_time};
use crate::portal::moment;
use crate::portal::session::Visitor;
use crate::portal::shell::{self, Section};
use crate::portal::trouble::{self, Trouble};
use crate::problem::Refusal;
use crate::state::ApiState;

/// Events of a page.
const PAGE: &str = "30";
/// Event types that the field proposes.
const PROPOSED: usize = 250;

/// What narrows the list. An empty field narrows nothing.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Narrow {
    /// Of the event to go to.
    #[serde(default)]
    id: String,
    #[serde(default, rename = "type")]
    event_type: String,
    #[serde(default)]
    since: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    cursor: String,
}

impl Narrow {
    fn filter(&self) -> Result<EventFilter, Refusal> {
        let mut narrowing = Narrowing::default();
        let filter = EventFilter {
            event_type: narrowing.event_type("/event type", said(&self.event_type)),
            since: narrowing.time("/from", said_time(&self.since)),
            until: narrowing.time("/to", said_time(&self.until)),
        };
        narrowing.finish()?;
        Ok(filter)
    }

    fn is_narrow(&self) -> bool {
        [&self.event_type, &self.since, &self.until].iter().any(|text| !text.is_empty())
    }

    /// The address of the page that begins there.
    fn page(&self, visitor: &Visitor, cursor: &str) -> String {
        let mut query = Serializer::new(String::new());
        let pairs = [
            ("type", self.event_type.as_str()),
            ("since", &self.since),
            ("until", &self.until),
            ("cursor", cursor),
        ];
        query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
        format!("{}?{}", visitor.path("/events"), query.finish())
    }
}

pub async fn show(
    visitor: Visitor,
    State(state): State<ApiState>,
    Query(narrow): Query<Narrow>,
) -> Result<Response, Trouble> {
    let id = narrow.id.trim();
    if !id.is_empty() {
        match events::find(&state, visitor.account(), id).await {
            Ok(found) => return Ok(go_to(&visitor.site, &path_of(found.public_id()))),
            Err(Refusal::Unknown(_)) => {}
            Err(other) => return Err(other.into()),
        }
    }
    let owner = CatalogOwner::Account(visitor.account().clone());
    let types = catalog::list(&state, &owner, PROPOSED, None).await?.items;
    let types: Vec<EventTypeName> = types.into_iter().map(|entry| entry.event_type.name).collect();
    let found = match narrow.filter() {
        Ok(filter) => read(&state, &visitor, &narrow, &filter).await.map(Ok)?,
        Err(refusal) => Err(refusal),
    };
    Ok(page(&state, &visitor, &narrow, &types, &found).into_response())
}

async fn read(
    state: &ApiState,
    visitor: &Visitor,
    narrow: &Narrow,
    filter: &EventFilter,
) -> Result<EventPage, Trouble> {
    let paging = PageQuery::new(Some(PAGE.to_owned()), Some(narrow.cursor.clone()));
    let after = paging.after_parsed::<EventKey>()?;
    let (limit, now) = (paging.limit()?, state.runtime.clock.now());
    let account = visitor.account();
    Ok(state.store.event_log(account, filter, limit, after.as_ref(), now).await?)
}

fn page(
    state: &ApiState,
    visitor: &Visitor,
    narrow: &Narrow,
    types: &[EventTypeName],
    found: &Result<EventPage, Refusal>,
) -> Html<String> {
    let content = html! {
        div.head {
            div {
                h1 { "Events" }
                p.soft { "What happened, newest first, whether or not it was sent anywhere." }
            }
        }
        (search(visitor, narrow))
        section.card.log aria-labelledby="all-events" {
            h2 #all-events { @if narrow.is_narrow() { "Events that fit" } @else { "All events" } }
            (filters(visitor, narrow, types))
            @match found {
                Ok(found) => (entries(state, visitor, narrow, found)),
                Err(refusal) => div.note.bad role="alert" { div { (trouble::in_words(refusal)) } },
            }
        }
    };
    shell::page(visitor, Section::Events, "Events", &content)
}

/// An id goes straight to its event; one that is not there leads back to here.
fn search(visitor: &Visitor, narrow: &Narrow) -> Markup {
    let id = narrow.id.trim();
    html! {
        form.find method="get" action=(visitor.path("/events")) role="search" {
            div.field {
                label for="event-id" { "Go to an event by its id" }
                input.code #event-id name="id" type="text" value=(id) required autocomplete="off" spellcheck="false"
                    placeholder="evt_…" aria-invalid=[(!id.is_empty()).then_some("true")]
                    aria-describedby=[(!id.is_empty()).then_some("event-id-error")];
                @if !id.is_empty() {
                    p.error #event-id-error role="alert" {
                        "There is no event with this id. It may be older than what is kept."
                    }
                }
            }
            button type="submit" { "Go" }
        }
    }
}

fn filters(visitor: &Visitor, narrow: &Narrow, types: &[EventTypeName]) -> Markup {
    let time = |id: &str, label: &str, value: &str| {
        html! {
            div.field {
                label for=(id) { (label) span #{ (id) "-zone" } { ", UTC" } }
                input id=(id) name=(id) type="datetime-local" data-utc=(value) value=(value.trim_end_matches('Z')) data-zone-hint={ (id) "-zone" };
            }
        }
    };
    html! {
        form.filters method="get" action=(visitor.path("/events")) {
            div.field {
                label for="type" { "Event type" }
                input #type name="type" type="text" value=(narrow.event_type) list="known-types" autocomplete="off" spellcheck="false" placeholder="Any";
                datalist #known-types { @for name in types { option value=(name) {} } }
            }
            (time("since", "From", &narrow.since))
            (time("until", "To", &narrow.until))
            div.actions {
                button type="submit" { "Show" }
                @if narrow.is_narrow() { a.button.quiet href=(visitor.path("/events")) { "Clear" } }
            }
        }
    }
}

fn entries(state: &ApiState, visitor: &Visitor, narrow: &Narrow, found: &EventPage) -> Markup {
    let now = state.runtime.clock.now();
    html! {
        @if found.events.is_empty() {
            p.soft {
                @if found.next.is_some() { "Nothing like that so far. Older events are on the next page." }
                @else if narrow.is_narrow() || !narrow.cursor.is_empty() { "There is nothing like that." }
                @else { "Nothing has happened yet. Events show up here as soon as they are accepted." }
            }
        } @else {
            table {
                caption.unseen { "Events, newest first" }
                thead {
                    tr {
                        th scope="col" { "Event type" }
                        th scope="col" { "Id" }
                        th scope="col" { "Received" }
                    }
                }
                tbody {
                    @for event in &found.events { (row(visitor, event, now)) }
                }
            }
        }
        @if let Some(next) = &found.next {
            nav.more aria-label="Pages" {
                a.button href=(narrow.page(visitor, &encode(next.as_str()))) { "Older events" }
            }
        }
    }
}

fn row(visitor: &Visitor, event: &StoredEvent, now: jiff::Timestamp) -> Markup {
    html! {
        tr.opens {
            td { a href=(visitor.path(&path_of(event.public_id()))) { (event.event_type) } @if event.test { " " span.badge { "Test" } } }
            td data-label="Id" { code { (event.public_id()) } }
            td.nowrap data-label="Received" { (moment::relative(event.key.received_at(), now)) }
        }
    }
}

/// The page of an event. Ids are made of characters that stand in a path as they are.
pub fn path_of(id: &str) -> String {
    format!("/events/{id}")
}
