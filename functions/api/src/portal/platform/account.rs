//! One account: its endpoints, its limits, the way into its portal, and who is there.

use axum::extract::State;
use axum::response::{Html, Response};
use maud::{Markup, html};
use posthorn_shared::account::{Account, Limits};
use posthorn_shared::ids::EndpointId;

use super::condition::Condition;
use super::failing::badness;
use super::figures::{numbers, rate};
use super::frame::{self, Section};
use super::session::Operator;
use super::survey::{Measured, measured, sum, totals};
use super::visits;
use crate::operations::{accounts, portal_links};
use crate::portal::endpoints::state;
use crate::portal::entrance::go_to;
use crate::portal::extract::Path;
use crate::portal::moment::{self, grouped};
use crate::portal::posted::Posted;
use crate::portal::shell;
use crate::portal::trouble::Trouble;
use crate::state::ApiState;

/// Endpoints that are looked at, the newest: a query each, and one for all of them.
const ENDPOINTS: usize = 250;

/// `GET /portal/platform/accounts/{id}`
pub async fn show(
    operator: Operator,
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Html<String>, Trouble> {
    let account = accounts::find(&state, &id).await?;
    let tenant = account.tenant();
    let found = state.store.endpoint_outlines(&tenant, ENDPOINTS).await?;
    let visits = state.store.portal_visits(&tenant, visits::LOOKED_AT, None).await?;
    let ids: Vec<EndpointId> = found.items.iter().map(|endpoint| endpoint.id.clone()).collect();
    let totals = totals(&state, ids).await?;
    let mut endpoints = measured(found.items, totals.into_iter());
    endpoints.sort_by_key(badness);
    let total = sum(endpoints.iter().map(|measured| &measured.total));
    let limits = accounts::limits(&state, &account);
    let content = html! {
        (head(&operator, &account, Condition::of(&total)))
        section.card aria-labelledby="rates" {
            h2 #rates { "Last 24 hours" }
            (numbers(&total))
        }
        (list(&endpoints, found.next.is_some()))
        (limits_of(limits, &endpoints, found.next.is_some()))
        (visits::section(&operator, account.id.as_str(), &visits, state.runtime.clock.now()))
    };
    Ok(frame::page(&operator, Section::Accounts, &account.name, &content))
}

/// `POST /portal/platform/accounts/{id}/portal`: into the account's portal, by a link as its own
/// people get one.
pub async fn open(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    posted: Posted<Operator>,
) -> Result<Response, Trouble> {
    let account = accounts::find(&state, &id).await?;
    let link = portal_links::create(&state, &account.tenant(), portal_links::LIFETIME).await?;
    tracing::info!(account = %account.id, "portal opened by the platform team");
    Ok(go_to(&posted.visitor.site, &format!("?session={}", link.token)))
}

fn head(operator: &Operator, account: &Account, condition: Condition) -> Markup {
    let portal = operator.path(&format!("/accounts/{}/portal", account.id));
    html! {
        div.head {
            div {
                p.crumbs { a href=(operator.path("/accounts")) { "Accounts" } }
                h1 { (account.name) }
                div.row-meta.actions {
                    (condition.badge())
                    span.soft.mono.wrap { (account.id) }
                    span.soft { "Dialect " (account.dialect) }
                    span.soft { "Since " (moment::at(account.created_at)) }
                }
            }
            form method="post" action=(portal) {
                (shell::csrf_field(&operator.csrf()))
                button.primary type="submit" { "Open its portal" }
            }
        }
        p.small.soft {
            "In its portal you act as the account, for an hour: what you change there is changed."
        }
    }
}

fn list(endpoints: &[Measured], more: bool) -> Markup {
    html! {
        section.card.log aria-labelledby="endpoints" {
            h2 #endpoints { "Endpoints" }
            p.small.soft {
                "By failed attempts in the last 24 hours."
                @if more { " Only its " (ENDPOINTS) " newest endpoints were looked at." }
            }
            @if endpoints.is_empty() {
                p { "It has none yet." }
            } @else {
                table {
                    caption.unseen { "Endpoints, those that fail most first" }
                    thead {
                        tr {
                            th scope="col" { "Endpoint" }
                            th scope="col" { "State" }
                            th.number scope="col" { "Success rate" }
                            th.number scope="col" { "Delivered" }
                            th.number scope="col" { "Failed" }
                            th.number scope="col" { "Failed attempts" }
                        }
                    }
                    tbody { @for measured in endpoints { (row(measured)) } }
                }
            }
        }
    }
}

fn row(measured: &Measured) -> Markup {
    let Measured { endpoint, total } = measured;
    html! {
        tr {
            td {
                (endpoint.url)
                @if let Some(description) = &endpoint.description { div.small { (description) } }
                div.small.soft.mono { (endpoint.id) }
            }
            td {
                (state::badge_of(endpoint.disabled_reason, endpoint.health))
                " " (Condition::of(total).badge())
            }
            td.number data-label="Success rate" { (rate(total)) }
            td.number data-label="Delivered" { (grouped(total.delivered)) }
            td.number data-label="Failed" { (grouped(total.failed)) }
            td.number data-label="Failed attempts" {
                (grouped(total.failed_attempts)) " of " (grouped(total.attempts))
            }
        }
    }
}

/// Its limits as they hold, whoever said them.
fn limits_of(limits: Limits, endpoints: &[Measured], more: bool) -> Markup {
    let any = |limit: Option<u32>| {
        limit.map_or("any number".to_owned(), |limit| grouped(u64::from(limit)))
    };
    html! {
        section.card aria-labelledby="limits" {
            h2 #limits { "Limits" }
            dl.numbers {
                div {
                    dt { "Endpoints" }
                    dd.small { @if more { "more than " } (endpoints.len()) " of " (any(limits.endpoints)) }
                }
                div { dt { "Event types of its own" } dd.small { "up to " (any(limits.event_types)) } }
                div { dt { "Deliveries a second to one endpoint" } dd.small { (any(limits.per_second)) } }
                div { dt { "Deliveries an hour to one endpoint" } dd.small { (any(limits.per_hour)) } }
                div { dt { "API requests a second of one key" } dd.small { (any(limits.requests_per_second)) } }
            }
        }
    }
}
