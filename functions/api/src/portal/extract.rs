//! Path and query parameters whose refusals are pages.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::trouble::Trouble;
use crate::extract;

/// Path parameters.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Trouble> {
        let extract::Path(read) = extract::Path::from_request_parts(parts, state).await?;
        Ok(Self(read))
    }
}

/// Query parameters. Those that nobody asked for are ignored.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Trouble> {
        let extract::Query(read) = extract::Query::from_request_parts(parts, state).await?;
        Ok(Self(read))
    }
}
