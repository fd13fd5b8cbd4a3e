//! Switching an endpoint off and on, and deleting it.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Map, json};

use crate::fields::Fields;
use crate::operations::endpoints;
use crate::portal::entrance::go_to;
use crate::portal::extract::Path;
use crate::portal::notice::Done;
use crate::portal::posted::Posted;
use crate::portal::trouble::Trouble;
use crate::state::ApiState;

/// `POST /portal/endpoints/{id}/enable`
pub async fn enable(
    state: State<ApiState>,
    id: Path<String>,
    posted: Posted,
) -> Result<Response, Trouble> {
    switch(state, id, posted, true).await
}

/// `POST /portal/endpoints/{id}/disable`
pub async fn disable(
    state: State<ApiState>,
    id: Path<String>,
    posted: Posted,
) -> Result<Response, Trouble> {
    switch(state, id, posted, false).await
}

async fn switch(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    posted: Posted,
    active: bool,
) -> Result<Response, Trouble> {
    let visitor = posted.visitor;
    let id = id.parse().map_err(|_| Trouble::Missing("endpoint"))?;
    let patch = Fields::of(Map::from_iter([("active".to_owned(), json!(active))]));
    endpoints::change(&state, visitor.account(), &id, patch).await?;
    let done = if active { Done::SwitchedOn } else { Done::SwitchedOff };
    Ok(go_to(&visitor.site, &format!("/endpoints/{id}?done={}", done.name())))
}

/// `POST /portal/endpoints/{id}/delete`
pub async fn delete(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, Trouble> {
    let visitor = posted.visitor;
    let endpoint = endpoints::find(&state, visitor.account(), &id).await?;
    state.store.delete_endpoint(visitor.account(), &endpoint.id).await?;
    Ok(go_to(&visitor.site, &format!("/endpoints?done={}", Done::Deleted.name())))
}
