//! The layer around every page of the platform team: who is there, what went wrong, and the headers
//! that keep a page safe. Nobody may frame one.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::X_FRAME_OPTIONS;

use super::entrance::{self, Said};
use super::frame;
use super::session::Found;
use crate::portal::gate::secure;
use crate::portal::shell;
use crate::portal::site::Site;
use crate::portal::trouble::Trouble;
use crate::state::ApiState;

/// Finds the session, counts its request, and finishes the answer.
pub async fn layer(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let site = Site::of(&parts, &state.runtime.settings);
    let found = Found::by(&parts, &state, &site).await;
    parts.extensions.insert(site.clone());
    parts.extensions.insert(found.clone());
    let mut response = match found.admit(&state).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(trouble) => trouble.into_response(),
    };
    if let Some(trouble) = response.extensions_mut().remove::<Arc<Trouble>>() {
        response = explained(&state, &trouble, &site, &found).await;
    }
    secure(response.headers_mut(), &[]);
    response.headers_mut().insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

/// A page about what went wrong; where it is only that nobody is signed in, the one to sign in on.
async fn explained(state: &ApiState, trouble: &Trouble, site: &Site, found: &Found) -> Response {
    let said = match trouble {
        Trouble::NoSession => Some(Said::Nothing),
        Trouble::SessionOver => Some(Said::SessionOver),
        _ => None,
    };
    if let Some(said) = said {
        return match entrance::sign_in(state, site, said).await {
            Ok(page) => trouble.response(page),
            Err(other) => other.response(shell::trouble_outside(site, &other)),
        };
    }
    trouble.response(match found {
        Found::Present(operator) => frame::trouble(operator, trouble),
        _ => shell::trouble_outside(site, trouble),
    })
}
