//! Where a request went to: the API's own address, as its caller sees it.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use lambda_http::request::RequestContext;
use posthorn_shared::settings::Settings;
use url::Url;

/// Scheme, host and what stands before the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub https: bool,
    pub host: String,
    /// API Gateway's own host names have the stage in their path: `/prod`. Otherwise empty.
    stage: String,
}

impl<S: Sync> FromRequestParts<S> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

impl Address {
    /// The address that a request names.
    pub fn of(parts: &Parts) -> Self {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let host = header("host").unwrap_or("localhost").to_owned();
        let stage = match parts.extensions.get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV1(context)) if host.contains(".execute-api.") => {
                context.stage.as_ref().map(|stage| format!("/{stage}"))
            }
            _ => None,
        };
        let https = header("x-forwarded-proto") == Some("https");
        Self { https, host, stage: stage.unwrap_or_default() }
    }

    /// The API's URL, without a slash at its end. What the deployment says of it goes first.
    pub fn url(&self, settings: &Settings) -> String {
        let scheme = if self.https { "https" } else { "http" };
        let here = || format!("{scheme}://{}{}", self.host, self.stage);
        settings.public_url.clone().unwrap_or_else(here)
    }

    /// What stands before the path of every route: empty, or like `/prod`.
    pub fn prefix(&self, settings: &Settings) -> String {
        let public = settings.public_url.as_deref().and_then(|url| Url::parse(url).ok());
        match public {
            Some(url) if self.stage.is_empty() => url.path().trim_end_matches('/').to_owned(),
            _ => self.stage.clone(),
        }
    }
}
