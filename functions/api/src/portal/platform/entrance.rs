//! From an admin key to a session, and out again.

use axum::extract::{Extension, State};
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;
use maud::{Markup, html};
use posthorn_shared::digest::sha256_hex;
use posthorn_shared::store::{PlatformSession, StoreError};

use super::overview;
use super::session::{Found, LIFETIME, Operator};
use crate::auth::{self, Identity};
use crate::caller_address;
use crate::portal::entrance::{go_to, with_cookie};
use crate::portal::fields::Field;
use crate::portal::posted::{Posted, SigningIn};
use crate::portal::shell;
use crate::portal::site::Site;
use crate::portal::token::{Realm, Token, no_cookie};
use crate::portal::trouble::Trouble;
use crate::problem::Refusal;
use crate::state::ApiState;

/// Where all of it begins.
const START: &str = "/platform";

/// What there is to say to somebody who is to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    Nothing,
    WrongKey,
    SessionOver,
}

/// `GET /portal/platform`: the overview, or where its reader signs in.
pub async fn door(
    State(state): State<ApiState>,
    Extension(site): Extension<Site>,
    Extension(found): Extension<Found>,
) -> Result<Html<String>, Trouble> {
    if matches!(found, Found::Nobody) {
        return sign_in(&state, &site, Said::Nothing).await;
    }
    let operator = found.present()?;
    overview::page(&state, &operator).await
}

/// `GET /portal/platform/enter`: whoever opens the address that a wrong key led to.
pub async fn back(Extension(site): Extension<Site>) -> Response {
    go_to(&site, START)
}

/// `POST /portal/platform/enter`: exchanges an admin key for a session.
pub async fn enter(
    State(state): State<ApiState>,
    Extension(site): Extension<Site>,
    sent: SigningIn,
) -> Result<Response, Trouble> {
    let key = sent.form.text("key");
    let key_sha256 = sha256_hex(key);
    // As the API does, which takes an empty key for none.
    let identity = match key {
        "" => Err(Refusal::NoKey),
        _ => auth::identify_by_hash(&key_sha256, &state).await,
    };
    match identity {
        Ok(Identity::Admin) => {}
        Ok(Identity::Account(_)) | Err(Refusal::NoKey | Refusal::UnknownKey) => {
            let address = caller_address::of(&sent.parts.extensions);
            tracing::warn!(address, "no admin key: not signed in to the platform team's pages");
            let page = sign_in(&state, &site, Said::WrongKey).await?;
            return Ok((StatusCode::UNAUTHORIZED, page).into_response());
        }
        Err(other) => return Err(other.into()),
    }
    let clock = &state.runtime.clock;
    let (now, token) = (clock.now(), Token::new(Realm::Platform, clock.random()));
    let expires_at = now.checked_add(LIFETIME).unwrap_or(now);
    let session = PlatformSession { key_sha256, expires_at };
    state.store.create_platform_session(&token.sha256(), &session).await?;
    tracing::info!("signed in to the platform team's pages");
    let cookie = token.cookie(&site, false, LIFETIME.as_secs());
    Ok(with_cookie(go_to(&site, START), &cookie))
}

/// `POST /portal/platform/leave`: ends the session.
pub async fn leave(
    State(state): State<ApiState>,
    posted: Posted<Operator>,
) -> Result<Response, Trouble> {
    let operator = posted.visitor;
    state.store.end_platform_session(&operator.session_sha256()).await?;
    let page = shell::outside(
        &operator.site,
        "Signed out",
        &html! {
            h1 { "You are signed out" }
            p { a.button href=(operator.path("")) { "Sign in again" } }
        },
    );
    Ok(with_cookie(page.into_response(), &no_cookie(Realm::Platform, &operator.site, false)))
}

/// The page to sign in on.
pub async fn sign_in(state: &ApiState, site: &Site, said: Said) -> Result<Html<String>, Trouble> {
    let content = match has_admin_key(state).await? {
        true => form(site, said),
        false => no_key(&state.runtime.settings.table),
    };
    Ok(shell::outside(site, "Platform team", &content))
}

async fn has_admin_key(state: &ApiState) -> Result<bool, StoreError> {
    if state.runtime.settings.admin_key_sha256.is_some() {
        return Ok(true);
    }
    Ok(!state.store.admin_keys(1, None).await?.items.is_empty())
}

fn form(site: &Site, said: Said) -> Markup {
    let wrong = (said == Said::WrongKey).then(|| {
        "This is no admin key of this deployment, or it was deleted. An account's key does not \
         open these pages."
            .to_owned()
    });
    let hint = html! { "You stay signed in for " (LIFETIME.as_hours()) " hours, in this browser." };
    let field = Field { id: "key", label: "Admin key", hint: Some(hint), error: wrong };
    let input = html! {
        input #key name="key" type="password" autocomplete="current-password" required autofocus
            aria-invalid=[field.invalid()] aria-describedby=[field.described_by()];
    };
    html! {
        h1 { "Platform team" }
        @if said == Said::SessionOver {
            div.note.warn role="status" { div { "Your session is over. Sign in once more." } }
        }
        p { "Accounts, how they are doing, which endpoints fail, and what is stuck." }
        form.form.sign-in method="post" action=(site.path("/platform/enter")) {
            (field.around(&input))
            div.actions { button.primary type="submit" { "Sign in" } }
        }
    }
}

/// A deployment is called like its table.
fn no_key(deployment: &str) -> Markup {
    html! {
        h1 { "There is no admin key yet" }
        p { "These pages open with an admin key, and this deployment has none. Make one with" }
        p { code { "posthorn admin create-key --stack " (deployment) } }
        p {
            "or by the parameter " code { "AdminKeySha256" } " of its template. "
            "Then open this page once more."
        }
    }
}

#[cfg(test)]
mod tests {
    use posthorn_shared::settings::Settings;

    use super::*;

    #[test]
    fn a_deployment_without_a_key_says_how_to_get_one() {
        let said = no_key("posthorn-<dev>").into_string();
        assert!(said.contains("posthorn admin create-key --stack posthorn-&lt;dev&gt;"), "{said}");
        assert!(said.contains("AdminKeySha256"), "{said}");
    }

    #[test]
    fn what_is_wrong_is_said_beside_the_field() {
        let (parts, ()) = http::Request::get("/portal/platform").body(()).unwrap().into_parts();
        let site = Site::of(&parts, &Settings::from_lookup(|_| None).unwrap());
        let wrong = form(&site, Said::WrongKey).into_string();
        assert!(wrong.contains(r#"aria-invalid="true""#), "{wrong}");
        assert!(wrong.contains(r#"aria-describedby="key-error key-hint""#), "{wrong}");
        assert!(wrong.contains(r#"action="/portal/platform/enter""#), "{wrong}");
        assert!(!form(&site, Said::Nothing).into_string().contains("aria-invalid"));
    }
}
