//! How an account's portal may be shown.

use serde::{Deserialize, Serialize};
use url::{Host, Url};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};

/// Pages that may show the portal in a frame: a header names them all in every answer.
pub const MAX_FRAME_ANCESTORS: usize = 10;

/// What an account says about its portal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PortalSettings {
    /// Origins of pages that may show the portal in a frame, at most 10: `https://app.example.com`,
    /// or `http://localhost:3000`. None: nobody may.
    #[schema(schema_with = frame_ancestors)]
    pub frame_ancestors: Vec<String>,
}

impl PortalSettings {
    /// What is wrong with them: a pointer and what would be right.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        if self.frame_ancestors.len() > MAX_FRAME_ANCESTORS {
            let detail = format!("has at most {MAX_FRAME_ANCESTORS} entries");
            problems.push(("/frame_ancestors".to_owned(), detail));
        }
        for (index, text) in self.frame_ancestors.iter().take(MAX_FRAME_ANCESTORS).enumerate() {
            if !is_origin(text) {
                let detail = "is an origin without a path: https://app.example.com, or \
                              http://localhost:3000";
                problems.push((format!("/frame_ancestors/{index}"), detail.to_owned()));
            }
        }
        problems
    }
}

/// Whether a text is an origin as browsers write it, so that nothing else gets into the header.
fn is_origin(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let local = match url.host() {
        // A URL may have what is more than a name in a policy: `*`, say.
        Some(Host::Domain(name)) if !name.bytes().all(is_of_a_name) => return false,
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(_)) | None => return false,
    };
    let scheme = url.scheme() == "https" || url.scheme() == "http" && local;
    scheme && url.origin().ascii_serialization() == text
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.".contains(&byte)
}

fn frame_ancestors() -> utoipa::openapi::Schema {
    let origin = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(r"^https://[a-z]{1,40}\.[a-z]{2,10}(:[1-9][0-9]{3})?$"))
        .examples(["https://app.example.com"]);
    ArrayBuilder::new().items(origin).max_items(Some(MAX_FRAME_ANCESTORS)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_get_into_a_header() {
        for good in [
            "https://app.example.com",
            "https://app.example.com:8443",
            "http://localhost:3000",
            "http://127.0.0.1:8000",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "*",
            "https://*.example.com",
            "https://app.example.com/",
            "https://app.example.com/path",
            "https://app.example.com; script-src *",
            "https://a.example.com https://b.example.com",
            "https://user@app.example.com",
            "https://APP.example.com",
            "https://app.example.com:443",
            "http://app.example.com",
            "javascript:alert(1)",
            "'self'",
            "https:",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let ten = PortalSettings {
            frame_ancestors: vec!["https://a.example.com".to_owned(); MAX_FRAME_ANCESTORS],
        };
        assert_eq!(ten.problems(), []);
        let with_another_at = |index: usize| {
            let mut eleven = ten.clone();
            eleven.frame_ancestors.insert(index, "app.example.com".to_owned());
            let problems = eleven.problems().into_iter();
            problems.map(|(pointer, _)| pointer).collect::<Vec<_>>()
        };
        assert_eq!(with_another_at(9), ["/frame_ancestors", "/frame_ancestors/9"]);
        // What is beyond the limit is not looked at.
        assert_eq!(with_another_at(10), ["/frame_ancestors"]);
    }
}
