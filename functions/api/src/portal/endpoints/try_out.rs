//! Trying an endpoint out: an event is picked, its example edited and sent, and the answer arrives.

use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use maud::{Markup, html};
use posthorn_shared::endpoint::Endpoint;
use posthorn_shared::event_type::EventType;
use posthorn_shared::problem::Problem;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::delivery;
use super::frame::{self, Tab};
use crate::fields::Fields;
use crate::operations::{endpoints, sends};
use crate::portal::entrance::go_to;
use crate::portal::extract::{Path, Query};
use crate::portal::fields::{Field, Problems};
use crate::portal::json_text;
use crate::portal::posted::{Form, Posted, PostedLarge};
use crate::portal::session::Visitor;
use crate::portal::shell;
use crate::portal::trouble::Trouble;
use crate::portal::types;
use crate::problem::Refusal;
use crate::state::ApiState;

#[derive(Deserialize)]
pub struct TryQuery {
    #[serde(default)]
    event_type: String,
}

/// `GET /portal/endpoints/{id}/test`
pub async fn show(
    visitor: Visitor,
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Query(query): Query<TryQuery>,
) -> Result<Html<String>, Trouble> {
    let endpoint = endpoints::find(&state, visitor.account(), &id).await?;
    let types = types::all(&state, visitor.account()).await?;
    let picked = picked(&types, &query.event_type);
    let draft = Draft { event_type: picked.0, data: picked.1 };
    Ok(page(&state, &visitor, &endpoint, &types, &draft, &html! {}))
}

/// `GET /portal/endpoints/{id}/example?event_type=`: the text to edit.
pub async fn example(
    visitor: Visitor,
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Query(query): Query<TryQuery>,
) -> Result<Html<String>, Trouble> {
    endpoints::find(&state, visitor.account(), &id).await?;
    let types = types::all(&state, visitor.account()).await?;
    let (_, data) = picked(&types, &query.event_type);
    Ok(Html(data_field(&data, None).into_string()))
}

/// `POST /portal/endpoints/{id}/test`
pub async fn send(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    headers: HeaderMap,
    posted: PostedLarge,
) -> Result<Response, Trouble> {
    let Posted { visitor, form } = posted;
    let endpoint = endpoints::find(&state, visitor.account(), &id).await?;
    let partial = headers.contains_key("hx-request");
    let draft = Draft::read(&form);
    let problem = match sends::test(&state, &endpoint, draft.fields(), Some(&draft.data)).await {
        Ok(event) if partial => {
            let waiting = delivery::awaited(&visitor, &endpoint, &event);
            return Ok(Html(waiting.into_string()).into_response());
        }
        Ok(event) => {
            let page = format!("/endpoints/{}/deliveries/{event}?after=0", endpoint.id);
            return Ok(go_to(&visitor.site, &page));
        }
        Err(Refusal::Invalid(problems)) => said(&problems),
        Err(Refusal::Conflict(_)) => {
            said(&[Problem::new("", "It is switched off: switch it on first.")])
        }
        Err(other) => return Err(other.into()),
    };
    // htmx puts nothing on the page from an answer that is no success.
    if partial {
        return Ok(Html(problem.into_string()).into_response());
    }
    let types = types::all(&state, visitor.account()).await?;
    let page = page(&state, &visitor, &endpoint, &types, &draft, &problem);
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// What stands in the form.
struct Draft {
    event_type: String,
    data: String,
}

impl Draft {
    fn read(form: &Form) -> Self {
        Self { event_type: form.text("event_type").to_owned(), data: form.text("data").to_owned() }
    }

    fn fields(&self) -> Fields {
        let mut problems = Vec::new();
        let mut wish = Map::new();
        wish.insert("event_type".to_owned(), json!(self.event_type));
        match serde_json::from_str::<Value>(&self.data) {
            Ok(data) => drop(wish.insert("data".to_owned(), data)),
            Err(_) if self.data.is_empty() => {}
            Err(error) => {
                // Something has to be there, or the lack of it would be told as well.
                wish.insert("data".to_owned(), json!({}));
                problems.push(Problem::new("/data", format!("is not JSON: {error}")));
            }
        }
        Fields::of(wish).noting(problems)
    }
}

fn picked(types: &[EventType], name: &str) -> (String, String) {
    let found = types.iter().find(|known| known.name.as_str() == name);
    let picked = found.or_else(|| types.first().filter(|_| name.is_empty()));
    let name = picked.map_or_else(|| name.to_owned(), |known| known.name.to_string());
    let example = picked.and_then(|known| known.example.as_ref()).map(Value::to_string);
    (name, json_text::indented(&example.unwrap_or_else(|| "{}".to_owned())))
}

fn said(problems: &[Problem]) -> Markup {
    let problems = Problems::new(problems.to_vec());
    html! {
        div.note.bad role="alert" {
            div {
                strong { "Not sent. " }
                ul {
                    @for (pointer, label) in [("/event_type", "Event type"), ("/data", "Data")] {
                        @if let Some(text) = problems.at(pointer) { li { (label) " " (text) } }
                    }
                    @if let Some(text) = problems.at("").filter(|_| problems.at("/event_type").is_none() && problems.at("/data").is_none()) {
                        li { (text) }
                    }
                }
            }
        }
    }
}

fn data_field(data: &str, error: Option<String>) -> Markup {
    let field = Field {
        id: "data",
        label: "Its data",
        hint: Some(html! { "Change it as you like; it is JSON." }),
        error,
    };
    html! {
        div #data-field {
            (field.around(&html! {
                textarea #data .code name="data" rows="14" spellcheck="false" aria-describedby=[field.described_by()] { (data) }
            }))
        }
    }
}

fn page(
    state: &ApiState,
    visitor: &Visitor,
    endpoint: &Endpoint,
    types: &[EventType],
    draft: &Draft,
    result: &Markup,
) -> Html<String> {
    let action = frame::path(visitor, endpoint, "/test");
    let content = html! {
        div.columns.two {
            section.card aria-labelledby="test-title" {
                h2 #test-title { "Send a test event" }
                form.stack method="post" action=(action) hx-post=(action) hx-target="#result" {
                    (shell::csrf(visitor))
                    p.soft { "It goes to this " (visitor.words().endpoint) " alone, signed like any other, whatever it subscribes to. It is not retried." }
                    div.field {
                        label for="event_type" { "Event type" }
                        @if types.is_empty() {
                            input #event_type .code type="text" name="event_type" value=(draft.event_type) placeholder="order.created" autocomplete="off" spellcheck="false";
                        } @else {
                            select #event_type name="event_type" hx-get=(frame::path(visitor, endpoint, "/example")) hx-trigger="change" hx-target="#data-field" hx-swap="outerHTML" {
                                @for known in types {
                                    option value=(known.name) selected[known.name.as_str() == draft.event_type] { (known.name) }
                                }
                            }
                        }
                    }
                    (data_field(&draft.data, None))
                    div.actions { button.primary type="submit" disabled[!endpoint.is_active()] { "Send test event" } }
                }
            }
            section.card.stack aria-labelledby="result-title" {
                h2 #result-title { "What comes back" }
                div #result aria-live="polite" {
                    @if result.0.is_empty() { p.soft { "The request that is sent and the answer to it are shown here." } }
                    @else { (result) }
                }
            }
        }
    };
    frame::page(visitor, endpoint, state.runtime.clock.now(), Tab::Test, None, &content)
}
