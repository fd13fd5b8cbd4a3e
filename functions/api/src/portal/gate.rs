//! The layer around every page: who is there, what went wrong, and the headers that keep a page
//! from being shown, kept or made to do anything where it should not.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use http::{HeaderMap, HeaderValue};
use posthorn_shared::account::Account;

use super::session::Found;
use super::shell;
use super::site::Site;
use super::trouble::Trouble;
use crate::state::ApiState;

/// Says by whom a page may be framed, where no session does.
#[derive(Clone)]
pub struct Framers(pub Vec<String>);

impl Framers {
    pub fn of(account: &Account) -> Self {
        Self(account.portal.frame_ancestors.clone())
    }
}

/// Finds the session, counts its request, and finishes the answer.
pub async fn layer(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let site = Site::of(&parts, &state.runtime.settings);
    let found = Found::by(&parts, &state, &site).await;
    let partial = parts.headers.contains_key("hx-request");
    parts.extensions.insert(site.clone());
    parts.extensions.insert(found.clone());
    let mut response = match found.admit(&state).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(trouble) => trouble.into_response(),
    };
    let framers = response.extensions_mut().remove::<Framers>();
    if let Some(trouble) = response.extensions_mut().remove::<Arc<Trouble>>() {
        response = explained(&trouble, &site, &found, partial);
    }
    let framers = framers.or_else(|| found.view().map(|view| Framers::of(&view.account)));
    secure(response.headers_mut(), &framers.map(|Framers(origins)| origins).unwrap_or_default());
    response
}

/// A page about what went wrong; where htmx asked for part of one, what it is to do.
fn explained(trouble: &Trouble, site: &Site, found: &Found, partial: bool) -> Response {
    let signed_out = matches!(trouble, Trouble::NoSession | Trouble::SessionOver);
    if partial {
        let mut response = trouble.response(trouble.advice());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if signed_out && let Ok(start) = HeaderValue::from_str(site.base()) {
            headers.insert("hx-redirect", start);
        }
        return response;
    }
    trouble.response(match found {
        Found::Present(visitor) if !signed_out => shell::trouble(visitor, trouble),
        _ => shell::trouble_outside(site, trouble),
    })
}

/// Puts on what keeps a page safe. Nobody named: nobody may frame it.
pub fn secure(headers: &mut HeaderMap, frame_ancestors: &[String]) {
    let ancestors = match frame_ancestors {
        [] => "'none'".to_owned(),
        origins => origins.join(" "),
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    // With none at all, browsers would not say either that a form comes from here.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
}
