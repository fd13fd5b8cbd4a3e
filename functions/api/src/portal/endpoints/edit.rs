//! Adding an endpoint, and changing one.

use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;
use maud::html;
use posthorn_shared::endpoint::Endpoint;
use posthorn_shared::problem::Problem;

use super::draft::Draft;
use super::form::Sheet;
use crate::operations::endpoints::{self, Changed};
use crate::portal::entrance::go_to;
use crate::portal::extract::Path;
use crate::portal::fields::Problems;
use crate::portal::notice::Done;
use crate::portal::posted::{Posted, PostedLarge};
use crate::portal::session::Visitor;
use crate::portal::shell::{self, Section};
use crate::portal::trouble::Trouble;
use crate::portal::types;
use crate::problem::Refusal;
use crate::state::ApiState;

/// `GET /portal/endpoints/new`
pub async fn new(visitor: Visitor, State(state): State<ApiState>) -> Result<Html<String>, Trouble> {
    sheet(&state, &visitor, None, &Draft::new(), Problems::default()).await
}

/// `POST /portal/endpoints`
pub async fn create(
    State(state): State<ApiState>,
    posted: PostedLarge,
) -> Result<Response, Trouble> {
    let Posted { visitor, form } = posted;
    let draft = Draft::read(&form);
    match endpoints::create(&state, visitor.account(), draft.fields(None)).await {
        Ok(endpoint) => Ok(settings_of(&visitor, &endpoint, Done::Added)),
        Err(refusal) => refused(&state, &visitor, None, &draft, refusal).await,
    }
}

/// `GET /portal/endpoints/{id}/edit`
pub async fn edit(
    visitor: Visitor,
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Html<String>, Trouble> {
    let endpoint = endpoints::find(&state, visitor.account(), &id).await?;
    sheet(&state, &visitor, Some(&endpoint), &Draft::of(&endpoint), Problems::default()).await
}

/// `POST /portal/endpoints/{id}/edit`
pub async fn change(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    posted: PostedLarge,
) -> Result<Response, Trouble> {
    let Posted { visitor, form } = posted;
    let endpoint = endpoints::find(&state, visitor.account(), &id).await?;
    let draft = Draft::read(&form);
    let patch = draft.fields(Some(&endpoint));
    match endpoints::change(&state, visitor.account(), &endpoint.id, patch).await {
        Ok(Changed { endpoint, dropped_headers }) => {
            let whole = dropped_headers.is_empty();
            let done = if whole { Done::Saved } else { Done::SavedWithoutHeaders };
            Ok(settings_of(&visitor, &endpoint, done))
        }
        Err(refusal) => refused(&state, &visitor, Some(&endpoint), &draft, refusal).await,
    }
}

fn settings_of(visitor: &Visitor, endpoint: &Endpoint, done: Done) -> Response {
    let page = format!("/endpoints/{}/settings?done={}", endpoint.id, done.name());
    go_to(&visitor.site, &page)
}

/// The form once more, with what is wrong beside each field.
async fn refused(
    state: &ApiState,
    visitor: &Visitor,
    before: Option<&Endpoint>,
    draft: &Draft,
    refusal: Refusal,
) -> Result<Response, Trouble> {
    let problems = match refusal {
        Refusal::Invalid(problems) => problems,
        Refusal::Conflict(detail) => vec![Problem::new("", detail)],
        other => return Err(other.into()),
    };
    let page = sheet(state, visitor, before, draft, Problems::new(problems)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn sheet(
    state: &ApiState,
    visitor: &Visitor,
    before: Option<&Endpoint>,
    draft: &Draft,
    problems: Problems,
) -> Result<Html<String>, Trouble> {
    let types = types::all(state, visitor.account()).await?;
    let words = visitor.words();
    let (action, cancel) = match before {
        None => ("/endpoints".to_owned(), "/endpoints".to_owned()),
        Some(known) => {
            (format!("/endpoints/{}/edit", known.id), format!("/endpoints/{}/settings", known.id))
        }
    };
    let title = match before {
        None => format!("Add {}", words.endpoint),
        Some(_) => format!("Edit {}", words.endpoint),
    };
    let form = Sheet {
        visitor,
        draft,
        problems: &problems,
        types: &types,
        action: visitor.path(&action),
        cancel: visitor.path(&cancel),
        is_new: before.is_none(),
    };
    let content = html! {
        div.head {
            div {
                p.crumbs { a href=(visitor.path("/endpoints")) { (words.endpoints_first()) } }
                h1 { (title) }
                @if let Some(known) = before { p.soft.wrap { (known.url) } }
            }
        }
        (form.show())
    };
    Ok(shell::page(visitor, Section::Endpoints, &title, &content))
}
