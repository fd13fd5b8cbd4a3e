//! The list of accounts: how each is doing, and what fails most among them.

use axum::extract::State;
use axum::response::Html;
use maud::{Markup, html};
use serde::Deserialize;

use super::condition::{Condition, MEANING};
use super::figures::rate;
use super::frame::{self, Section};
use super::session::Operator;
use super::survey::{Survey, Surveyed};
use crate::paging::{PageQuery, encode};
use crate::portal::extract::Query;
use crate::portal::trouble::Trouble;
use crate::state::ApiState;

#[derive(Deserialize)]
pub struct ListQuery {
    cursor: Option<String>,
}

/// `GET /portal/platform/accounts`
pub async fn list(
    operator: Operator,
    State(state): State<ApiState>,
    Query(query): Query<ListQuery>,
) -> Result<Html<String>, Trouble> {
    let after = PageQuery::new(None, query.cursor).after()?;
    let survey = Survey::of_page(&state, after.as_deref()).await?;
    let content = html! {
        div.head {
            div {
                h1 { "Accounts" }
                p.soft { "The newest first. " (MEANING) }
            }
        }
        (section(&operator, &survey, after.is_some()))
        @if !survey.accounts.is_empty() {
            p.small.soft { (survey.coverage()) }
        }
    };
    Ok(frame::page(&operator, Section::Accounts, "Accounts", &content))
}

fn section(operator: &Operator, survey: &Survey, later: bool) -> Markup {
    html! {
        section.card.log aria-labelledby="accounts" {
            h2 #accounts {
                @if later { "Older accounts" }
                @else if survey.next.is_some() { "Newest accounts" }
                @else { "All accounts" }
            }
            @if survey.accounts.is_empty() {
                p.soft { "There are none" @if !later { " yet: " code { "POST /v1/accounts" } " makes one" } "." }
            } @else {
                table {
                    caption.unseen { "Accounts, newest first, with the last 24 hours of each" }
                    thead {
                        tr {
                            th scope="col" { "Account" }
                            th scope="col" { "Dialect" }
                            th scope="col" { "Endpoints" }
                            th.number scope="col" { "Success rate" }
                            th scope="col" { "State" }
                        }
                    }
                    tbody { @for account in &survey.accounts { (row(operator, account)) } }
                }
            }
            @if let Some(next) = &survey.next {
                nav.more aria-label="Pages" {
                    a.button href={ (operator.path("/accounts")) "?cursor=" (encode(next)) } { "Older accounts" }
                }
            }
        }
    }
}

fn row(operator: &Operator, surveyed: &Surveyed) -> Markup {
    let (account, total) = (&surveyed.account, surveyed.total());
    html! {
        tr {
            td {
                a href=(operator.path(&format!("/accounts/{}", account.id))) { (account.name) }
                div.small.soft.mono { (account.id) }
            }
            td data-label="Dialect" { (account.dialect) }
            td data-label="Endpoints" { (endpoints(surveyed)) }
            td.number data-label="Success rate" { (rate(&total)) }
            td { (Condition::of(&total).badge()) }
        }
    }
}

/// `3 active, 1 switched off`
fn endpoints(surveyed: &Surveyed) -> String {
    let all = surveyed.endpoints.len();
    let off = surveyed.endpoints.iter().filter(|one| !one.endpoint.is_active()).count();
    let mut said = match (all, off) {
        (0, _) => "None".to_owned(),
        (_, 0) => format!("{all} active"),
        _ => format!("{} active, {off} switched off", all - off),
    };
    if surveyed.more {
        said.push_str(", and older ones");
    }
    said
}
