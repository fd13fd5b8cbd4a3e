//! Where the portal is, as its visitor sees it: every link begins there, since API Gateway's own
//! host names have a stage before the path.

use http::request::Parts;
use posthorn_shared::settings::Settings;

use crate::address::Address;

/// The portal's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// `/portal`, or `/prod/portal`.
    base: String,
    pub https: bool,
    pub host: String,
}

impl Site {
    /// The one that a request went to.
    pub fn of(parts: &Parts, settings: &Settings) -> Self {
        let address = Address::of(parts);
        let base = format!("{}/portal", address.prefix(settings));
        let public = settings.public_url.as_deref().unwrap_or_default();
        let https = address.https || public.starts_with("https://");
        Self { base, https, host: address.host }
    }

    /// Where the portal begins, without a slash at its end; the path of its cookie, too.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The path of a page; `page` begins with a slash.
    pub fn path(&self, page: &str) -> String {
        format!("{}{page}", self.base)
    }
}
