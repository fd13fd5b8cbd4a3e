//! Refusals, as RFC 9457 problem documents.

use std::any::Any;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use posthorn_shared::event::InvalidEvent;
use posthorn_shared::problem::Problem;
use posthorn_shared::store::{Change, StoreError};
use serde_json::json;

/// Why a request is refused. Each says its status and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// 400: not what the route reads at all.
    #[error("{0}")]
    Malformed(String),
    /// 401
    #[error("send a key: Authorization: Bearer <key>, or X-API-KEY: <key>")]
    NoKey,
    /// 401
    #[error("this key is unknown, or was deleted")]
    UnknownKey,
    /// 403
    #[error("{0}")]
    Forbidden(String),
    /// 404: the same for what does not exist and what is another account's.
    #[error("there is no {0} with this id")]
    Unknown(&'static str),
    /// 404
    #[error("there is no such route; GET /healthz works without a key, the rest is under /v1")]
    NoRoute,
    /// 404
    #[error("this account's dialect has no /webhooks; its endpoints are under /v1/endpoints")]
    NoFacade,
    /// 405
    #[error("the route exists, but not with this method; the Allow header lists what does")]
    Method,
    /// 409
    #[error("{0}")]
    Conflict(String),
    /// 413
    #[error("{0}")]
    TooLarge(String),
    /// 415
    #[error("a body is JSON: send it as Content-Type: application/json, not {0}")]
    MediaType(String),
    /// 422: the invalid fields, up to 32 at once.
    #[error("some fields are invalid")]
    Invalid(Vec<Problem>),
    /// 429
    #[error(
        "this key has made its {0} requests of this second; send the request again in a second"
    )]
    TooMany(u32),
    /// 503: something passing; nothing was lost, nothing was accepted.
    #[error("not accepted: {0}; send it again")]
    Unavailable(String),
    /// 500
    #[error("a fault of ours; it is in the logs")]
    Fault,
}

impl Refusal {
    /// A refusal of one field.
    pub fn field(pointer: &str, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![Problem::new(pointer, detail)])
    }

    /// What a change came to: the `kind` of thing as it is now, or why not.
    ///
    /// # Errors
    /// When there is no such thing, or the change itself refused.
    pub fn of_change<T>(change: Change<T, Self>, kind: &'static str) -> Result<T, Self> {
        match change {
            Change::Done(changed) => Ok(changed),
            Change::Unknown => Err(Self::Unknown(kind)),
            Change::Refused(refusal) => Err(refusal),
        }
    }

    /// The refusal of a text that is no event; `prefix` points to where it is.
    pub fn of_event(error: InvalidEvent, prefix: &str) -> Self {
        match error {
            InvalidEvent::TooLarge(_) => Self::TooLarge(format!("{prefix}{error}")),
            InvalidEvent::Malformed(_) if prefix.is_empty() => Self::Malformed(error.to_string()),
            InvalidEvent::Malformed(problems) | InvalidEvent::Invalid(problems) => {
                Self::Invalid(problems.iter().map(|problem| problem.below(prefix)).collect())
            }
        }
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::NoKey | Self::UnknownKey => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Unknown(_) | Self::NoRoute | Self::NoFacade => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Fault => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut problem = json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "detail": self.to_string(),
        });
        if let Self::Invalid(errors) = &self {
            problem["errors"] = json!(errors);
        }
        let mut response = Response::builder().status(status);
        response = response.header(CONTENT_TYPE, "application/problem+json");
        if status == StatusCode::UNAUTHORIZED {
            response = response.header(WWW_AUTHENTICATE, "Bearer");
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            response = response.header(RETRY_AFTER, "1");
        }
        // Static header names and values, and a body of text.
        response.body(Body::from(problem.to_string())).unwrap_or_default()
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "store");
        match error {
            StoreError::DynamoDb(_) => Self::Unavailable("the table did not answer".to_owned()),
            StoreError::DeploymentKey(_) => {
                Self::Unavailable("the deployment key can't be read".to_owned())
            }
            StoreError::Contended => Self::Conflict(error.to_string()),
            StoreError::Item { .. } => Self::Fault,
        }
    }
}

/// The answer to a request whose handler panicked.
pub fn from_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(panic = text, "handler panicked");
    Refusal::Fault.into_response()
}
