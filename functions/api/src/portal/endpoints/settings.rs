//! An endpoint's settings: what is set, its secret, and its end.

use axum::extract::State;
use axum::response::{Html, Response};
use jiff::Timestamp;
use maud::{Markup, html};
use posthorn_shared::endpoint::Endpoint;
use posthorn_shared::header_rules::{REDACTED, is_hidden};
use posthorn_shared::stats::Hour;
use serde::Deserialize;
use serde_json::{Map, json};

use super::draft::retry_text;
use super::frame::{self, Tab};
use crate::fields::Fields;
use crate::operations::endpoints;
use crate::portal::charts::Hours;
use crate::portal::entrance::go_to;
use crate::portal::extract::{Path, Query};
use crate::portal::json_text;
use crate::portal::moment::{self, grouped};
use crate::portal::notice::Done;
use crate::portal::posted::Posted;
use crate::portal::session::Visitor;
use crate::portal::shell;
use crate::portal::trouble::Trouble;
use crate::state::ApiState;

/// How long a log is kept that a deletion makes unreachable.
const HOURS_KEPT: i64 = 30 * 24;

#[derive(Deserialize)]
pub struct SettingsQuery {
    done: Option<Done>,
}

/// `GET /portal/endpoints/{id}/settings`
pub async fn show(
    visitor: Visitor,
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Query(query): Query<SettingsQuery>,
) -> Result<Html<String>, Trouble> {
    let endpoint = endpoints::find(&state, visitor.account(), &id).await?;
    let now = state.runtime.clock.now();
    let hour = Hour::of(now);
    let stats = state.store.stats(&endpoint.id, Hour(hour.0 - HOURS_KEPT), hour).await?;
    let total = Hours::until(hour, HOURS_KEPT, &stats).total();
    let content = html! {
        div.columns.two {
            (secret_card(&visitor, &endpoint, now))
            (facts(&visitor, &endpoint))
        }
        (deletion(&visitor, &endpoint, total.delivered, total.failed))
    };
    Ok(frame::page(&visitor, &endpoint, now, Tab::Settings, query.done, &content))
}

/// `GET /portal/endpoints/{id}/secret`: only when somebody asks to see it.
pub async fn secret(
    visitor: Visitor,
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Html<String>, Trouble> {
    let endpoint = endpoints::find(&state, visitor.account(), &id).await?;
    let shown = html! {
        div.secret-line #secret {
            code #secret-text { (endpoint.secret.reveal()) }
            button.compact type="button" data-copies="secret-text" { "Copy" }
            button.compact.quiet type="button" hx-get=(frame::path(&visitor, &endpoint, "/secret/hidden")) hx-target="#secret" hx-swap="outerHTML" { "Hide" }
        }
    };
    Ok(Html(shown.into_string()))
}

/// `GET /portal/endpoints/{id}/secret/hidden`
pub async fn hidden_secret(
    visitor: Visitor,
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Html<String>, Trouble> {
    let endpoint = endpoints::find(&state, visitor.account(), &id).await?;
    Ok(Html(hidden(&visitor, &endpoint).into_string()))
}

/// `POST /portal/endpoints/{id}/rotate`
pub async fn rotate(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, Trouble> {
    let Posted { visitor, form } = posted;
    let id = id.parse().map_err(|_| Trouble::Missing("endpoint"))?;
    let mut wish = Map::new();
    if let Ok(seconds) = form.text("overlap_seconds").parse::<u32>() {
        wish.insert("overlap_seconds".to_owned(), json!(seconds));
    }
    if !form.text("new_secret").is_empty() {
        wish.insert("secret".to_owned(), json!(form.text("new_secret")));
    }
    endpoints::rotate_secret(&state, visitor.account(), &id, Fields::of(wish)).await?;
    Ok(go_to(&visitor.site, &format!("/endpoints/{id}/settings?done={}", Done::Rotated.name())))
}

fn hidden(visitor: &Visitor, endpoint: &Endpoint) -> Markup {
    html! {
        div.secret-line #secret {
            code aria-label="Hidden" { "••••••••••••••••••••" }
            button.compact type="button" hx-get=(frame::path(visitor, endpoint, "/secret")) hx-target="#secret" hx-swap="outerHTML" { "Show" }
        }
    }
}

fn secret_card(visitor: &Visitor, endpoint: &Endpoint, now: Timestamp) -> Markup {
    let dialect = visitor.dialect();
    let signature = dialect.signatures().first();
    let header = signature.map(|rule| rule.header.as_str()).unwrap_or_default();
    let carries_several = signature.is_some_and(|rule| rule.separator.is_some());
    let former = endpoint.former_secrets(now).map(|former| former.until).max();
    html! {
        section.card.stack aria-labelledby="secret-title" {
            h2 #secret-title { "Signing secret" }
            p.soft { "Your receiver checks the header " code { (header) } " with it, and so knows that a request is from here." }
            (hidden(visitor, endpoint))
            p.small.soft { "Set " (moment::relative(endpoint.secret_created_at, now)) "."
                @if let Some(until) = former { " The one before still signs, too, until " (moment::at(until)) "." }
            }
            @if let Some(public) = endpoint.secret.public_key() {
                p.small.soft { "Public key" }
                div.secret-line { code #public-key { (public) } button.compact type="button" data-copies="public-key" { "Copy" } }
            }
            div.actions { button type="button" data-opens="rotate" { "Replace the secret…" } }
            dialog #rotate aria-labelledby="rotate-title" {
                form method="post" action=(frame::path(visitor, endpoint, "/rotate")) {
                    (shell::csrf(visitor))
                    h2 #rotate-title { "Replace the signing secret" }
                    @if carries_several {
                        p { "For a while every request carries two signatures in " code { (header) } ": one by the new secret, one by the old. Change your receiver over within that time, and no delivery is refused." }
                        div.field {
                            label for="overlap_seconds" { "The old secret goes on signing for" }
                            select #overlap_seconds name="overlap_seconds" {
                                option value="3600" { "an hour" }
                                option value="86400" selected { "a day" }
                                option value="604800" { "a week" }
                                option value="0" { "no time: it is known to others" }
                            }
                        }
                    } @else {
                        p { code { (header) } " carries one signature: from now on it is that of the new secret. Let your receiver know the new one right after this; what it refuses until then is retried." }
                    }
                    div.field {
                        label for="new_secret" { "New secret" }
                        input #new_secret .code type="text" name="new_secret" autocomplete="off" spellcheck="false" aria-describedby="new_secret-hint";
                        p.hint #new_secret-hint { "Leave it empty to have a strong one made up." }
                    }
                    div.actions {
                        button type="button" data-closes { "Cancel" }
                        button.primary type="submit" { "Replace it" }
                    }
                }
            }
        }
    }
}

fn facts(visitor: &Visitor, endpoint: &Endpoint) -> Markup {
    let dialect = visitor.dialect();
    let rate = endpoint.rate_limit(dialect);
    let limit = match (rate.per_second, rate.per_hour) {
        (None, None) => "None".to_owned(),
        (Some(second), None) => format!("{} a second", grouped(second.into())),
        (None, Some(hour)) => format!("{} an hour", grouped(hour.into())),
        (Some(second), Some(hour)) => {
            format!("{} a second, {} an hour", grouped(second.into()), grouped(hour.into()))
        }
    };
    html! {
        section.card.stack aria-labelledby="facts-title" {
            div.card-head {
                h2 #facts-title { "What is set" }
                a.button.compact href=(frame::path(visitor, endpoint, "/edit")) { "Edit" }
            }
            dl.pairs {
                div { dt { "Id" } dd { (endpoint.id) } }
                div { dt { "Events" } dd {
                    @if endpoint.event_types.is_empty() { "All" }
                    @else { span.chips { @for one in &endpoint.event_types { span.chip { (String::from(one.clone())) } } } }
                } }
                div { dt { "Filter" } dd {
                    @match &endpoint.filter {
                        Some(filter) => { pre.wrap { (json_text::indented(filter)) } }
                        None => { "None" }
                    }
                } }
                div { dt { "Rate limit" } dd { (limit) } }
                div { dt { "Time-out" } dd { (endpoint.timeout(dialect).as_secs()) " s" } }
                div { dt { "Retries" } dd { (retry_text(endpoint.retry_policy(dialect))) } }
                @for (name, value) in &endpoint.headers {
                    div { dt { (name) } dd { @if is_hidden(name) { (REDACTED) } @else { (value) } } }
                }
                @for (name, value) in &endpoint.metadata { div { dt { (name) } dd { (value) } } }
                div { dt { "Added" } dd { (moment::at(endpoint.created_at)) } }
                div { dt { "Changed" } dd { (moment::at(endpoint.updated_at)) } }
            }
        }
    }
}

fn deletion(visitor: &Visitor, endpoint: &Endpoint, delivered: u64, failed: u64) -> Markup {
    let words = visitor.words();
    html! {
        section.card.stack aria-labelledby="delete-title" {
            h2 #delete-title { "Delete this " (words.endpoint) }
            p.soft { "If you only want to pause it, switch it off: everything stays as it is." }
            div.actions { button.danger type="button" data-opens="delete" { "Delete…" } }
            dialog #delete aria-labelledby="delete-dialog-title" {
                form method="post" action=(frame::path(visitor, endpoint, "/delete")) {
                    (shell::csrf(visitor))
                    h2 #delete-dialog-title { "Delete this " (words.endpoint) "?" }
                    p.wrap { code { (endpoint.url) } }
                    p { "This can't be undone. What is lost:" }
                    ul.plain {
                        li { "its log: " strong { (grouped(delivered)) } " delivered and " strong { (grouped(failed)) } " failed in the last 30 days" }
                        li { "deliveries that are under way, or being retried" }
                        li { "its signing secret, filter, headers and other settings" }
                    }
                    p.soft { "Your events themselves stay." }
                    div.actions {
                        button type="button" data-closes autofocus { "Keep it" }
                        button.danger type="submit" { "Delete" }
                    }
                }
            }
        }
    }
}
