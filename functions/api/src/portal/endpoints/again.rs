//! Sending again: what failed, and what an endpoint never got.

use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use posthorn_shared::endpoint::Endpoint;
use posthorn_shared::task::{Task, TaskKind, TaskStatus};
use serde::Deserialize;
use serde_json::{Map, json};

use super::frame::{self, Tab};
use crate::fields::Fields;
use crate::operations::{endpoints, tasks};
use crate::portal::entrance::go_to;
use crate::portal::extract::{Path, Query};
use crate::portal::moment::{self, counted};
use crate::portal::posted::Posted;
use crate::portal::session::Visitor;
use crate::portal::shell;
use crate::portal::trouble::{Trouble, in_words};
use crate::problem::Refusal;
use crate::state::ApiState;

/// What the forms begin with.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(24);

#[derive(Deserialize)]
pub struct AgainQuery {
    task: Option<String>,
}

/// `GET /portal/endpoints/{id}/again`
pub async fn show(
    visitor: Visitor,
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Query(query): Query<AgainQuery>,
) -> Result<Html<String>, Trouble> {
    let endpoint = endpoints::find(&state, visitor.account(), &id).await?;
    let task = match query.task {
        Some(task) => Some(tasks::find(&state, visitor.account(), &task).await?),
        None => None,
    };
    let now = state.runtime.clock.now();
    let task = task.filter(|task| task.endpoint == endpoint.id);
    let progress = task.map(|task| progress(&visitor, &endpoint, &task, now));
    Ok(page(&visitor, &endpoint, now, progress.as_ref()))
}

/// `GET /portal/endpoints/{id}/tasks/{task}`: the part that is renewed.
pub async fn part(
    visitor: Visitor,
    State(state): State<ApiState>,
    Path((id, task)): Path<(String, String)>,
) -> Result<Html<String>, Trouble> {
    let endpoint = endpoints::find(&state, visitor.account(), &id).await?;
    let task = tasks::find(&state, visitor.account(), &task).await?;
    let now = state.runtime.clock.now();
    Ok(Html(progress(&visitor, &endpoint, &task, now).into_string()))
}

/// `POST /portal/endpoints/{id}/recover`
pub async fn recover(
    state: State<ApiState>,
    id: Path<String>,
    posted: Posted,
) -> Result<Response, Trouble> {
    start(state, id, posted, TaskKind::Recover).await
}

/// `POST /portal/endpoints/{id}/replay-missing`
pub async fn replay_missing(
    state: State<ApiState>,
    id: Path<String>,
    posted: Posted,
) -> Result<Response, Trouble> {
    start(state, id, posted, TaskKind::ReplayMissing).await
}

async fn start(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    posted: Posted,
    kind: TaskKind,
) -> Result<Response, Trouble> {
    let Posted { visitor, form } = posted;
    let endpoint = endpoints::find(&state, visitor.account(), &id).await?;
    let mut window = Map::new();
    for name in ["since", "until"] {
        if !form.text(name).is_empty() {
            window.insert(name.to_owned(), json!(moment::from_form(form.text(name))));
        }
    }
    match tasks::start(&state, &endpoint, kind, Fields::of(window)).await {
        Ok(task) => {
            Ok(go_to(&visitor.site, &format!("/endpoints/{}/again?task={task}", endpoint.id)))
        }
        Err(refusal @ (Refusal::Invalid(_) | Refusal::Conflict(_))) => {
            let problem = html! {
                div.note.bad role="alert" tabindex="-1" data-problems { div { strong { "Not started. " } (explained(&refusal)) } }
            };
            let now = state.runtime.clock.now();
            let page = page(&visitor, &endpoint, now, Some(&problem));
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

fn explained(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Conflict(detail) if detail.contains("is on for this") => {
            "The same is under way already; wait for its end.".to_owned()
        }
        other => in_words(other),
    }
}

fn page(
    visitor: &Visitor,
    endpoint: &Endpoint,
    now: Timestamp,
    above: Option<&Markup>,
) -> Html<String> {
    let since = now.checked_sub(LOOK_BACK).unwrap_or(now);
    let since = since.strftime("%Y-%m-%dT%H:%M:00Z").to_string();
    let content = html! {
        @if let Some(above) = above { (above) }
        @if !endpoint.is_active() {
            div.note.warn { div { "It is switched off: switch it on first, then send again." } }
        }
        div.columns.two {
            section.card.stack aria-labelledby="recover-title" {
                h2 #recover-title { "Recover what failed" }
                p.soft { "Sends every delivery again that was given up, the oldest first, one attempt each. For after an outage of your receiver." }
                (window(visitor, endpoint, "recover", "Events received", &since, "Recover"))
            }
            section.card.stack aria-labelledby="missing-title" {
                h2 #missing-title { "Send what it never got" }
                p.soft { "Sends events that match, but never went here: from before it was added, while it was switched off, or of types it subscribed to later." }
                (window(visitor, endpoint, "replay-missing", "Events received", &since, "Send what is missing"))
            }
        }
    };
    frame::page(visitor, endpoint, now, Tab::Again, None, &content)
}

fn window(
    visitor: &Visitor,
    endpoint: &Endpoint,
    action: &str,
    legend: &str,
    since: &str,
    button: &str,
) -> Markup {
    let time = |name: &str, label: &str, value: &str, required: bool| {
        let id = format!("{action}-{name}");
        html! {
            div.field {
                label for=(id) { (label) span #{ (id) "-zone" } { " (UTC)" } }
                input id=(id) name=(name) type="datetime-local" value=(value.trim_end_matches('Z')) data-utc=(value) data-zone-hint={ (id) "-zone" } required[required];
            }
        }
    };
    html! {
        form.stack method="post" action=(frame::path(visitor, endpoint, &format!("/{action}"))) {
            (shell::csrf(visitor))
            fieldset.stack {
                legend { (legend) }
                div.pair {
                    (time("since", "from", since, true))
                    (time("until", "to; now, if empty", "", false))
                }
            }
            div.actions { button.primary type="submit" disabled[!endpoint.is_active()] { (button) } }
        }
    }
}

/// How far a task is; it asks for itself again until its end.
fn progress(visitor: &Visitor, endpoint: &Endpoint, task: &Task, now: Timestamp) -> Markup {
    let status = if task.is_stalled(now) { TaskStatus::Stalled } else { task.status };
    let running = status == TaskStatus::Running;
    let source = frame::path(visitor, endpoint, &format!("/tasks/{}", task.id));
    let looked = match task.kind {
        TaskKind::Recover => {
            counted(task.examined, "failed delivery").replace("deliverys", "deliveries")
        }
        TaskKind::ReplayMissing => counted(task.examined, "event"),
    };
    let class = match status {
        TaskStatus::Completed => "note good",
        TaskStatus::Running => "note",
        TaskStatus::Stopped | TaskStatus::Stalled => "note warn",
    };
    html! {
        div #task class=(class) role="status" hx-get=[running.then_some(&source)] hx-trigger=[running.then_some("every 1s")] hx-swap="outerHTML" {
            div {
                strong {
                    @match status {
                        TaskStatus::Running => { "Under way." }
                        TaskStatus::Completed => { "Done." }
                        TaskStatus::Stopped => { "Stopped: it was switched off or deleted meanwhile." }
                        TaskStatus::Stalled => { "It has come to a standstill. Start it once more." }
                    }
                }
                " " (looked) " looked at, " (counted(task.sent, "delivery").replace("deliverys", "deliveries")) " sent."
                @if running { progress aria-label="Under way" {} }
                @else if status == TaskStatus::Completed {
                    " " a href=(frame::path(visitor, endpoint, "")) { "See the log" }
                }
            }
        }
    }
}
