//! An account's portal links and sessions: a list, each with a button that ends it.

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};
use posthorn_shared::store::{Page, PortalVisit};

use super::session::Operator;
use crate::operations::{accounts, portal_links};
use crate::portal::entrance::go_to;
use crate::portal::extract::Path;
use crate::portal::moment;
use crate::portal::posted::Posted;
use crate::portal::shell;
use crate::portal::trouble::Trouble;
use crate::state::ApiState;

/// Links and sessions that are looked at, the newest.
pub const LOOKED_AT: usize = 50;

/// `POST /portal/platform/accounts/{id}/portal-sessions/{session_id}/end`
pub async fn end(
    State(state): State<ApiState>,
    Path((account, id)): Path<(String, String)>,
    posted: Posted<Operator>,
) -> Result<Response, Trouble> {
    let account = accounts::find(&state, &account).await?.tenant();
    portal_links::end(&state, &account, &id).await?;
    tracing::info!(%account, portal_session = id, "portal session ended by the platform team");
    Ok(go_to(&posted.visitor.site, &format!("/platform/accounts/{account}")))
}

/// An account's links and sessions that are not over.
pub fn section(
    operator: &Operator,
    account: &str,
    visits: &Page<PortalVisit>,
    now: Timestamp,
) -> Markup {
    html! {
        section.card.log aria-labelledby="visits" {
            h2 #visits { "Portal sessions" }
            p.small.soft {
                "Links that can still be opened, and sessions of links that were."
                @if visits.next.is_some() { " Only the newest are shown; the API lists all." }
            }
            @if visits.items.is_empty() {
                p { "There are none." }
            } @else {
                table {
                    caption.unseen { "Portal links and sessions, newest first" }
                    thead {
                        tr {
                            th scope="col" { "Link" }
                            th scope="col" { "Opened" }
                            th scope="col" { "Ends" }
                            th scope="col" { span.unseen { "What can be done" } }
                        }
                    }
                    tbody { @for visit in &visits.items { (row(operator, account, visit, now)) } }
                }
            }
        }
    }
}

fn row(operator: &Operator, account: &str, visit: &PortalVisit, now: Timestamp) -> Markup {
    let end = operator.path(&format!("/accounts/{account}/portal-sessions/{}/end", visit.id));
    html! {
        tr {
            td {
                (moment::relative(visit.created_at, now))
                div.small.soft.mono { (visit.id) }
            }
            td data-label="Opened" {
                @match visit.opened_at {
                    Some(opened_at) => (moment::relative(opened_at, now)),
                    None => "Not yet",
                }
            }
            td data-label="Ends" { (moment::relative(visit.expires_at, now)) }
            td {
                form method="post" action=(end) {
                    (shell::csrf_field(&operator.csrf()))
                    button type="submit" aria-label={ "End " (visit.id) } { "End" }
                }
            }
        }
    }
}
