//! From a link to a session, and out again.

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::header::{LOCATION, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use maud::{Markup, html};
use posthorn_shared::account_view::AccountView;
use posthorn_shared::digest::sha256_hex;
use posthorn_shared::store::{Opened, PortalSession};
use serde::Deserialize;

use super::gate::Framers;
use super::posted::{Posted, SigningIn};
use super::session::{Found, view_of};
use super::shell;
use super::site::Site;
use super::token::{Realm, Token, no_cookie};
use super::trouble::Trouble;
use crate::portal::extract::Query;
use crate::state::ApiState;

/// Where a visitor begins.
const FIRST_PAGE: &str = "/endpoints";

#[derive(Deserialize)]
pub struct LinkQuery {
    session: Option<String>,
}

/// What a link opens: a form that sends itself. The link is used up by that, not by whoever fetches
/// the page to show what is behind it, as chat and mail programs do. Where somebody is signed in already,
/// the form waits for them: nobody is led from one account into another without being asked.
pub async fn door(
    State(state): State<ApiState>,
    Extension(site): Extension<Site>,
    Extension(found): Extension<Found>,
    headers: HeaderMap,
    Query(query): Query<LinkQuery>,
) -> Result<Response, Trouble> {
    let Some(token) = query.session else {
        found.present()?;
        return Ok(go_to(&site, FIRST_PAGE));
    };
    let link = state.store.portal_link(&sha256_hex(&token)).await?.ok_or(Trouble::LinkOver)?;
    // In a frame this page is the first one: the account says by whom it may be framed.
    let view = view_of(&link, &state).await?.ok_or(Trouble::LinkOver)?;
    let waits = match &found {
        Found::Present(visitor) => *visitor.account() != view.tenant || is_from_elsewhere(&headers),
        Found::Unclear(_) => true,
        Found::Over(_) | Found::Nobody => Token::are_several(&headers, Realm::Account, &site),
    };
    let left = found.view().filter(|left| left.tenant != view.tenant);
    let content = html! {
        @if waits { (question(&view, left.map(|left| left.account.name.as_str()))) }
        @else {
            h1 { "Opening the " (view.dialect.words.endpoints) " of " (view.account.name) }
            p { "One moment. If nothing happens, go on with the button." }
        }
        form method="post" action=(site.path("/enter")) data-sends-itself[!waits] {
            input type="hidden" name="session" value=(token);
            button.button.primary type="submit" { "Continue" }
        }
        @if let (true, Some(left)) = (waits, left) {
            a href=(site.path(FIRST_PAGE)) { "Stay with " (left.account.name) }
        }
    };
    let page = shell::outside(&site, "Opening…", &content);
    Ok((Extension(Framers::of(&view.account)), page).into_response())
}

/// Asks whether its reader wants to be signed in to the account of a link; `left` is the name of the
/// account that they leave for it.
fn question(view: &AccountView, left: Option<&str>) -> Markup {
    let name = &view.account.name;
    html! {
        h1 { "Open the " (view.dialect.words.endpoints) " of " (name) "?" }
        p {
            @if let Some(left) = left {
                "You are signed in to " strong { (left) } " in this browser. If you continue, you act for "
                strong { (name) } " (" code { (view.account.id) } ") from now on."
            } @else {
                "If you continue, you act for " strong { (name) } " (" code { (view.account.id) } ")."
            }
        }
    }
}

/// Whether a browser says that a page of another site led here.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|from| from == "cross-site")
}

/// Exchanges a link for a session.
pub async fn enter(State(state): State<ApiState>, sent: SigningIn) -> Result<Response, Trouble> {
    let SigningIn { parts, form } = sent;
    let site = Site::of(&parts, &state.runtime.settings);
    let clock = &state.runtime.clock;
    let (now, token) = (clock.now(), Token::new(Realm::Account, clock.random()));
    let link = sha256_hex(form.text("session"));
    let opened = state.store.open_portal_link(&link, &token.sha256(), now).await?;
    let session = match opened {
        Opened::Now(session) => session,
        // Whoever opened it, and goes back to it, is where they want to be.
        Opened::Before(link) if is_in(&parts, &link) => {
            return Ok(go_to(&site, FIRST_PAGE));
        }
        Opened::Before(_) => return Err(Trouble::LinkUsed),
        Opened::Unknown => return Err(Trouble::LinkOver),
    };
    let view = view_of(&session, &state).await?.ok_or(Trouble::LinkOver)?;
    let framers = Framers::of(&view.account);
    let framed = !framers.0.is_empty();
    let seconds = session.expires_at.duration_since(now).as_secs();
    let cookie = token.cookie(&site, framed, seconds);
    // Browsers keep partitioned cookies apart: one of each kind would be two.
    let other = site.https.then(|| no_cookie(Realm::Account, &site, !framed));
    let answer = go_to(&site, FIRST_PAGE);
    let answer = other
        .into_iter()
        .chain([cookie])
        .fold(answer, |answer, cookie| with_cookie(answer, &cookie));
    Ok((Extension(framers), answer).into_response())
}

/// Ends the session.
pub async fn leave(State(state): State<ApiState>, posted: Posted) -> Result<Response, Trouble> {
    let visitor = posted.visitor;
    state.store.end_portal_session(&visitor.session_sha256()).await?;
    let page = shell::outside(
        &visitor.site,
        "Signed out",
        &html! {
            h1 { "You are signed out" }
            p { "To come back, open this page once more from where you found it." }
        },
    );
    let framed = !visitor.view.account.portal.frame_ancestors.is_empty();
    Ok(with_cookie(page.into_response(), &no_cookie(Realm::Account, &visitor.site, framed)))
}

fn is_in(parts: &Parts, link: &PortalSession) -> bool {
    let found = Found::in_request(parts).present();
    found.is_ok_and(|visitor| visitor.account().id == link.account)
}

/// Sends the browser on to a page, by GET.
pub fn go_to(site: &Site, page: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(location) = HeaderValue::from_str(&site.path(page)) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// An answer that sets a cookie.
pub fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
