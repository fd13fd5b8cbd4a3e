//! A form that was sent, by nobody but a page of this session.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::HeaderMap;
use http::header::ORIGIN;
use http::request::Parts;
use url::{Url, form_urlencoded};

use super::session::Visitor;
use super::site::Site;
use super::trouble::Trouble;
use crate::body;
use crate::problem::Refusal;
use crate::state::ApiState;

/// The name of the field that says which session's page a form is from.
pub const CSRF: &str = "csrf";

/// Bytes of a form that needs no session: it has the token of a link, or an admin key.
const MAX_ENTRANCE_FORM: usize = 4 * 1024;
/// Bytes of a form.
pub const MAX_FORM: usize = 64 * 1024;
/// Bytes of a form with an endpoint's filter and headers, or with an event's data.
pub const MAX_LARGE_FORM: usize = 256 * 1024;
/// Fields of a form.
const MAX_FIELDS: usize = 1_000;

/// A form's fields, in their order.
#[derive(Debug, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a form.
    ///
    /// # Errors
    /// When it has more than 1,000 fields.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let mut pairs = form_urlencoded::parse(bytes);
        let mut fields = Vec::new();
        for (name, value) in pairs.by_ref().take(MAX_FIELDS) {
            // Browsers write the line breaks of a text area as CR LF.
            fields.push((name.into_owned(), value.replace("\r\n", "\n")));
        }
        match pairs.next() {
            None => Ok(Self(fields)),
            Some(_) => Err(Refusal::TooLarge(format!(
                "A form has at most {MAX_FIELDS} fields; send fewer"
            ))),
        }
    }

    /// Reads a request's body of at most `max` bytes.
    async fn read(body: Body, max: usize) -> Result<Self, Refusal> {
        let bytes = body::read_at_most(body, max).await?;
        let bytes = bytes.ok_or_else(|| {
            Refusal::TooLarge(format!(
                "This form has at most {max} bytes; shorten what you entered"
            ))
        })?;
        Self::parse(&bytes)
    }

    /// A field's text, without the white space around it; empty where there is none.
    pub fn text(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.trim()).unwrap_or_default()
    }

    /// The same for one that comes several times.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.trim())
    }
}

/// Somebody whose session a form has to come from.
pub trait SignedIn: FromRequestParts<ApiState, Rejection = Trouble> + Send {
    /// Where they are.
    fn site(&self) -> &Site;

    /// Whether a form carries what every form of the session does.
    fn made(&self, csrf: &str) -> bool;
}

/// A form of at most `MAX` bytes, and who sent it.
pub struct Posted<V = Visitor, const MAX: usize = MAX_FORM> {
    pub visitor: V,
    pub form: Form,
}

/// The same for a form that may be large.
pub type PostedLarge = Posted<Visitor, MAX_LARGE_FORM>;

impl<V: SignedIn, const MAX: usize> FromRequest<ApiState> for Posted<V, MAX> {
    type Rejection = Trouble;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Trouble> {
        let (mut parts, body) = request.into_parts();
        let visitor = V::from_request_parts(&mut parts, state).await?;
        if !from_here(&parts.headers, visitor.site()) {
            return Err(Trouble::Forged);
        }
        let form = Form::read(body, MAX).await?;
        if !visitor.made(form.text(CSRF)) {
            return Err(Trouble::Forged);
        }
        Ok(Self { visitor, form })
    }
}

/// A form of a page of ours, sent by whoever is about to sign in. Nobody is to be signed in by
/// somebody else's page, as somebody else.
pub struct SigningIn {
    pub parts: Parts,
    pub form: Form,
}

impl FromRequest<ApiState> for SigningIn {
    type Rejection = Trouble;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Trouble> {
        let (parts, body) = request.into_parts();
        if !from_here(&parts.headers, &Site::of(&parts, &state.runtime.settings)) {
            return Err(Trouble::Forged);
        }
        let form = Form::read(body, MAX_ENTRANCE_FORM).await?;
        Ok(Self { parts, form })
    }
}

/// Whether a browser says that a page of ours sent the request, or is too old to say anything.
fn from_here(headers: &HeaderMap, site: &Site) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(from) = text("sec-fetch-site") {
        return from == "same-origin";
    }
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let origin = origin.to_str().ok().and_then(|text| Url::parse(text).ok());
    origin.is_some_and(|origin| {
        let port = origin.port().map(|port| format!(":{port}")).unwrap_or_default();
        let host = origin.host_str().unwrap_or_default();
        site.host.eq_ignore_ascii_case(&format!("{host}{port}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_what_a_browser_sends() {
        let form = Form::parse(b"url=https%3A%2F%2Fa.example%2F+&t=a.b&t=c.d&n=1%0D%0A2&on=");
        let form = form.unwrap();
        assert_eq!(form.text("url"), "https://a.example/");
        assert_eq!(form.all("t").collect::<Vec<_>>(), ["a.b", "c.d"]);
        assert_eq!(form.text("n"), "1\n2");
    }

    #[test]
    fn a_form_has_at_most_so_many_fields() {
        let form = Form::parse("a&".repeat(MAX_FIELDS).as_bytes()).unwrap();
        assert_eq!(form.all("a").count(), MAX_FIELDS);
        let form = Form::parse("a&".repeat(MAX_FIELDS + 1).as_bytes());
        assert!(matches!(form, Err(Refusal::TooLarge(_))));
    }

    #[test]
    fn a_page_of_somebody_elses_sends_no_form() {
        let request = http::Request::get("/portal").header("host", "hooks.example:8443");
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let settings = posthorn_shared::settings::Settings::from_lookup(|_| None).unwrap();
        let site = Site::of(&parts, &settings);
        let says = |name: &'static str, value: &str| {
            from_here(
                &HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]),
                &site,
            )
        };
        assert!(says("sec-fetch-site", "same-origin"));
        assert!(!says("sec-fetch-site", "same-site"));
        assert!(!says("sec-fetch-site", "cross-site"));
        assert!(says("origin", "https://hooks.example:8443"));
        assert!(!says("origin", "https://hooks.example"));
        assert!(!says("origin", "https://evil.example"));
        assert!(!says("origin", "null"));
        assert!(from_here(&HeaderMap::new(), &site));
    }
}
