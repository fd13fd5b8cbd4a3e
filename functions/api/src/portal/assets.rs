//! The portal's few files. Each has part of its digest in its name, so that browsers keep it for
//! good and a new release is seen at once.

use std::sync::LazyLock;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use posthorn_shared::digest::sha256_hex;

use super::site::Site;
use crate::extract::Path;
use crate::problem::Refusal;

/// A file that is part of the program.
pub struct Asset {
    name: String,
    content_type: &'static str,
    text: &'static str,
}

/// The styles.
pub static STYLES: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("portal", "css", "text/css", include_str!("../../assets/portal/portal.css"))
});

/// What the pages do beyond HTML.
pub static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("portal", "js", "text/javascript", include_str!("../../assets/portal/portal.js"))
});

/// <https://htmx.org>, Zero-Clause BSD; the version is in the file's name.
pub static HTMX: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../../assets/portal/htmx-2.0.11.min.js");
    Asset::new("htmx", "js", "text/javascript", text)
});

impl Asset {
    fn new(stem: &str, extension: &str, content_type: &'static str, text: &'static str) -> Self {
        let name = format!("{stem}-{}.{extension}", &sha256_hex(text)[..12]);
        Self { name, content_type, text }
    }

    /// Where it is.
    pub fn path(&self, site: &Site) -> String {
        site.path(&format!("/assets/{}", self.name))
    }
}

/// `GET /portal/assets/{name}`
pub async fn file(Path(name): Path<String>) -> Result<Response, Refusal> {
    let all = [&*STYLES, &*SCRIPT, &*HTMX];
    // A page of the release before may ask for what is no more; a page is reloaded then.
    let asset = all.into_iter().find(|asset| asset.name == name).ok_or(Refusal::NoRoute)?;
    let mut response = Body::from(asset.text).into_response();
    let headers = response.headers_mut();
    let content_type = HeaderValue::try_from(format!("{}; charset=utf-8", asset.content_type));
    headers.insert(CONTENT_TYPE, content_type.map_err(|_| Refusal::Fault)?);
    let year = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(CACHE_CONTROL, year);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}
