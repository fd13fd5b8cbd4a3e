//! What can go wrong with a page, each with what its reader can do.

use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use posthorn_shared::store::StoreError;

use crate::problem::Refusal;

/// Why a page is not shown.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// 401
    #[error("You are not signed in")]
    NoSession,
    /// 401
    #[error("Your session is over")]
    SessionOver,
    /// 410
    #[error("This link was used already")]
    LinkUsed,
    /// 410: the same for one that never was.
    #[error("This link is no longer valid")]
    LinkOver,
    /// 403
    #[error("That did not come from this page")]
    Forged,
    /// 404
    #[error("There is no such {0}")]
    Missing(&'static str),
    /// 429
    #[error("That was too much at once")]
    TooMuch,
    /// 503
    #[error("That did not work just now")]
    Unavailable(String),
    /// What the operation itself refused.
    #[error("That did not work")]
    Refused(Refusal),
}

impl Trouble {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoSession | Self::SessionOver => StatusCode::UNAUTHORIZED,
            Self::LinkUsed | Self::LinkOver => StatusCode::GONE,
            Self::Forged => StatusCode::FORBIDDEN,
            Self::Missing(_) => StatusCode::NOT_FOUND,
            Self::TooMuch => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Refused(refusal) => refusal.status(),
        }
    }

    /// What its reader can do, in a sentence or two.
    pub fn advice(&self) -> String {
        match self {
            Self::NoSession | Self::SessionOver => {
                "Go back to where you came from and open this page from there once more: you will \
                 get a fresh link. Nothing that you saved is lost."
                    .to_owned()
            }
            Self::LinkUsed => "A link opens this page once, so that nobody else can use it after \
                               you. Go back to where you found it and open it from there once more."
                .to_owned(),
            Self::LinkOver => "Links work for a limited time. Go back to where you found this one \
                               and open it from there once more."
                .to_owned(),
            Self::Forged => {
                "The form was sent from another page, or your session has changed in between. \
                 Go back, reload the page, and send it again."
                    .to_owned()
            }
            Self::Missing(_) => {
                "It may have been deleted, or the address is not complete.".to_owned()
            }
            Self::TooMuch => {
                "Your browser asked for more within a second than these pages answer. Nothing was \
                 changed. Wait a moment, then reload the page or send the form again."
                    .to_owned()
            }
            Self::Unavailable(reason) => format!("{reason}. Try again in a moment."),
            Self::Refused(refusal) => in_words(refusal),
        }
    }

    /// The response, with a page about it or what else there is to read.
    pub fn response(&self, page: impl IntoResponse) -> Response {
        let mut response = (self.status(), page).into_response();
        if matches!(self, Self::TooMuch) {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// A refusal as a person reads it.
pub fn in_words(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Invalid(problems) => {
            let each = problems.iter().map(|problem| {
                let field = problem.pointer.trim_start_matches('/').replace('/', " › ");
                format!("{field} {}", problem.detail)
            });
            each.collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}

/// Rendered by the gate, which knows where the portal is and whose it is.
impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(std::sync::Arc::new(self));
        response
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown(what) => Self::Missing(what),
            Refusal::Unavailable(reason) => Self::Unavailable(reason),
            Refusal::TooMany(_) => Self::TooMuch,
            other => Self::Refused(other),
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Refusal::from(error).into()
    }
}
