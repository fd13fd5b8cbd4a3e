//! The first page: queues, rates, and what fails most.

use axum::response::Html;
use maud::html;

use super::failing::Failing;
use super::figures;
use super::frame::{self, Section};
use super::queues::Queues;
use super::session::Operator;
use super::survey::Survey;
use crate::portal::trouble::Trouble;
use crate::state::ApiState;

/// A survey of the newest accounts, what fails in any, and a call to SQS for each queue, at the same
/// time.
pub async fn page(state: &ApiState, operator: &Operator) -> Result<Html<String>, Trouble> {
    let (queues, survey, failing) =
        futures::join!(Queues::read(state), Survey::of_page(state, None), Failing::read(state));
    let (survey, failing) = (survey?, failing?);
    let content = html! {
        div.head {
            div {
                h1 { "Overview" }
                p.soft { "How this deployment is doing, as of now." }
            }
            div.actions { a.button href=(operator.path("/accounts")) { "All accounts" } }
        }
        section.card aria-labelledby="rates" {
            h2 #rates { "Last 24 hours" }
            (figures::numbers(&survey.total()))
            p.small.soft {
                (survey.coverage()) " How many events were accepted, and how all of it went over time, is on the "
                "deployment's CloudWatch dashboard."
            }
        }
        (queues.section())
        (failing.section(operator))
    };
    Ok(frame::page(operator, Section::Overview, "Overview", &content))
}
