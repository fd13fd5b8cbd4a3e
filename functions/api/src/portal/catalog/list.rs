//! All event types, by what stands before the first dot of their names.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Html;
use maud::{Markup, html};
use posthorn_shared::event_type::CatalogOwner;
use serde::Deserialize;

use crate::operations::catalog::{self, Entry, Origin};
use crate::paging::{PageQuery, encode};
use crate::portal::extract::Query;
use crate::portal::moment::counted;
use crate::portal::session::Visitor;
use crate::portal::shell::{self, Section};
use crate::portal::trouble::Trouble;
use crate::state::ApiState;

/// Event types of a page: nearly every catalog is one page.
const PAGE: &str = "200";

#[derive(Deserialize)]
pub struct ListQuery {
    cursor: Option<String>,
}

pub async fn show(
    visitor: Visitor,
    State(state): State<ApiState>,
    Query(query): Query<ListQuery>,
) -> Result<Html<String>, Trouble> {
    let paging = PageQuery::new(Some(PAGE.to_owned()), query.cursor);
    let (limit, after) = (paging.limit()?, paging.after()?);
    let owner = CatalogOwner::Account(visitor.account().clone());
    let found = catalog::list(&state, &owner, limit, after.as_deref()).await?;
    let content = html! {
        div.head {
            div {
                h1 { "Event types" }
                p.soft { "What can happen, and what an event then tells you." }
            }
            div.actions {
                a.button href=(visitor.path("/verify")) { "How to verify a signature" }
            }
        }
        @if found.items.is_empty() {
            div.card.empty {
                h2 { "No event types are described" }
                p { "Events of any type can be sent. What happened so far is under “Events”." }
                a.button href=(visitor.path("/events")) { "Go to events" }
            }
        }
        @for (group, entries) in by_group(&found.items) { (section(&visitor, group, &entries)) }
        @if let Some(next) = &found.next {
            nav aria-label="Pages" {
                a.button href={ (visitor.path("/event-types")) "?cursor=" (encode(next)) } { "More event types" }
            }
        }
    };
    Ok(shell::page(&visitor, Section::EventTypes, "Event types", &content))
}

fn by_group(entries: &[Entry]) -> BTreeMap<&str, Vec<&Entry>> {
    let mut groups: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        let name = entry.event_type.name.as_str();
        let group = name.split_once('.').map_or(name, |(group, _)| group);
        groups.entry(group).or_default().push(entry);
    }
    groups
}

fn section(visitor: &Visitor, group: &str, entries: &[&Entry]) -> Markup {
    html! {
        section.card aria-labelledby={ "group-" (group) } {
            div.card-head {
                h2 id={ "group-" (group) } { (group) }
                span.soft.small { (counted(entries.len() as u64, "event type")) }
            }
            ul.types-list {
                @for entry in entries {
                    @let name = entry.event_type.name.as_str();
                    li {
                        div.type-head {
                            a.mono href=(visitor.path(&format!("/event-types/{name}"))) { (name) }
                            (origin(visitor, entry.origin))
                        }
                        @if !entry.event_type.description.is_empty() { p.soft { (entry.event_type.description) } }
                    }
                }
            }
        }
    }
}

/// Where a type comes from.
pub fn origin(visitor: &Visitor, origin: Origin) -> Markup {
    let text = match origin {
        Origin::Account => "Yours alone".to_owned(),
        Origin::AllAccounts => "For every account".to_owned(),
        Origin::Dialect => format!("Part of {}", visitor.dialect().title),
    };
    html! { span.origin { (text) } }
}
