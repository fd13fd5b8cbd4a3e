//! An event type: what its events hold, as a tree and by an example.

use axum::extract::State;
use axum::response::Html;
use maud::html;
use posthorn_shared::event_type::CatalogOwner;
use serde_json::Value;

use super::{list, outline, tree};
use crate::operations::catalog;
use crate::portal::extract::Path;
use crate::portal::json_text::indented;
use crate::portal::session::Visitor;
use crate::portal::shell::{self, Section};
use crate::portal::trouble::Trouble;
use crate::state::ApiState;

pub async fn show(
    visitor: Visitor,
    State(state): State<ApiState>,
    Path(name): Path<String>,
) -> Result<Html<String>, Trouble> {
    let owner = CatalogOwner::Account(visitor.account().clone());
    let entry = catalog::find(&state, owner, &name).await?;
    let known = &entry.event_type;
    let title = known.name.as_str();
    let json = |value: &Value| indented(&value.to_string());
    let content = html! {
        div.head {
            div {
                p.crumbs { a href=(visitor.path("/event-types")) { "Event types" } }
                h1 { (title) }
                @if !known.description.is_empty() { p.soft { (known.description) } }
                p.small { (list::origin(&visitor, entry.origin)) }
            }
            div.actions {
                a.button href={ (visitor.path("/events")) "?type=" (title) } { "Events of this type" }
            }
        }
        div.columns.two {
            section.card aria-labelledby="fields" {
                h2 #fields { "What it holds" }
                @match &known.schema {
                    Some(schema) => {
                        (tree::of(&outline::of(schema)))
                        details.raw {
                            summary { "The JSON Schema" }
                            pre.code-block #schema tabindex="0" role="group" aria-label="JSON Schema" { (json(schema)) }
                        }
                    }
                    None => p.soft { "No schema is given: the data may be anything." },
                }
            }
            section.card aria-labelledby="example" {
                div.card-head {
                    h2 #example { "Example" }
                    @if known.example.is_some() {
                        button.compact type="button" data-copies="example-text" data-needs-script hidden { "Copy" }
                    }
                }
                @match &known.example {
                    Some(example) => pre.code-block #example-text tabindex="0" role="group" aria-labelledby="example" { (json(example)) },
                    None => p.soft { "No example is given." },
                }
            }
        }
    };
    Ok(shell::page(&visitor, Section::EventTypes, title, &content))
}
