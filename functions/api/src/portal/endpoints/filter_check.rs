//! What a filter that is being typed would do, told while it is typed.

use axum::extract::State;
use axum::response::Html;
use maud::{Markup, html};
use posthorn_shared::event_type::EventType;
use posthorn_shared::filter::{Filter, MAX_STEPS, Subject, TooExpensive};
use serde_json::json;

use crate::portal::json_text;
use crate::portal::posted::PostedLarge;
use crate::portal::trouble::Trouble;
use crate::portal::types;
use crate::state::ApiState;

/// `POST /portal/endpoints/check-filter`
pub async fn check(
    State(state): State<ApiState>,
    posted: PostedLarge,
) -> Result<Html<String>, Trouble> {
    let types = types::all(&state, posted.visitor.account()).await?;
    let form = &posted.form;
    let verdict = verdict(form.text("filter"), form.text("filter_example"), &types);
    Ok(Html(verdict.into_string()))
}

/// What the filter makes of the example of this event type.
pub fn verdict(filter: &str, name: &str, types: &[EventType]) -> Markup {
    let known = types.iter().find(|known| known.name.as_str() == name);
    let example = known.and_then(|known| known.example.as_ref()).map(|data| {
        json!({ "id": "evt_01example", "type": name, "timestamp": "2026-01-01T00:00:00Z", "data": data })
    });
    html! {
        @if filter.trim().is_empty() {
            p.soft.small { "Without a filter every event of the chosen types is sent." }
        } @else {
            @match Filter::parse(filter) {
                Err(error) => {
                    div.note.bad { div {
                        strong { "This is no filter yet." }
                        ul {
                            @for problem in &error.problems {
                                li { @if !problem.pointer.is_empty() { code { (problem.pointer) } " " } (problem.detail) }
                            }
                        }
                    } }
                }
                Ok(filter) => {
                    @match &example {
                        None => { div.note.good { div { "The filter is well-formed." } } }
                        Some(event) => {
                            @match filter.matches(&mut Subject::new(event, MAX_STEPS)) {
                                Ok(true) => {
                                    div.note.good { div { strong { "It matches" } " the example of " code { (name) } ": this event would be sent." } }
                                }
                                Ok(false) => {
                                    div.note.warn { div { strong { "It does not match" } " the example of " code { (name) } ": this event would not be sent." } }
                                }
                                Err(TooExpensive) => {
                                    div.note.bad { div { strong { "It takes too many steps" } " for the example of " code { (name) } ": this event would not be sent. Use fewer wildcards, or none." } }
                                }
                            }
                        }
                    }
                }
            }
        }
        @if let Some(event) = &example {
            details {
                summary { "The example event" }
                pre.code-block tabindex="0" { (json_text::indented(&event.to_string())) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_filter_is_held_against_the_example() {
        let known = EventType {
            name: "vault.created".parse().unwrap(),
            description: String::new(),
            schema: None,
            example: Some(json!({ "vaultId": "v1", "note": "<script>" })),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        let says = |filter: &str| {
            verdict(filter, "vault.created", std::slice::from_ref(&known)).into_string()
        };
        assert!(says(r#"{"data":{"vaultId":["v1"]}}"#).contains("It matches"));
        assert!(says(r#"{"data":{"vaultId":["v2"]}}"#).contains("It does not match"));
        assert!(says(r#"{"dta":{"vaultId":["v2"]}}"#).contains("no filter yet"));
        assert!(says("{").contains("no filter yet"));
        assert!(!says("").contains("<script>"));
    }
}
