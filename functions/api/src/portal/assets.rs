//! The portal's few files.

use std::sync::LazyLock;

use axum::response::Response;

use super::site::Site;
use crate::asset::Asset;
use crate::extract::Path;
use crate::problem::Refusal;

/// The styles.
pub static STYLES: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../../assets/portal/portal.css");
    Asset::new("portal", "css", "text/css; charset=utf-8", text)
});

/// What the pages do beyond HTML.
pub static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../../assets/portal/portal.js");
    Asset::new("portal", "js", "text/javascript; charset=utf-8", text)
});

/// <https://htmx.org>, Zero-Clause BSD; the version is in the file's name.
pub static HTMX: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../../assets/portal/htmx-2.0.11.min.js");
    Asset::new("htmx", "js", "text/javascript; charset=utf-8", text)
});

impl Asset {
    /// Where a file of the portal is.
    pub fn path(&self, site: &Site) -> String {
        site.path(&format!("/assets/{}", self.name()))
    }
}

/// `GET /portal/assets/{name}`
pub async fn file(Path(name): Path<String>) -> Result<Response, Refusal> {
    let all = [&*STYLES, &*SCRIPT, &*HTMX];
    // A page of the release before may ask for what is no more; a page is reloaded then.
    let asset = all.into_iter().find(|asset| asset.name() == name).ok_or(Refusal::NoRoute)?;
    Ok(asset.response())
}
