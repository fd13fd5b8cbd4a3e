//! How an endpoint's URL is shown: its query may hold a secret, as a token that the receiver asks for.

use posthorn_shared::masked_url::masked;

/// How URLs are shown to a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urls {
    /// As they are: to those who may manage endpoints.
    Whole,
    /// Without the values of the query's parameters.
    Masked,
}

impl Urls {
    /// A URL as it is shown.
    pub fn show(self, url: String) -> String {
        match self {
            Self::Whole => url,
            Self::Masked => masked(&url),
        }
    }
}
