//! A client of the API, for commands that look at a deployment from outside.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

const TIME_OUT: Duration = Duration::from_secs(35);

#[derive(Clone)]
pub struct Web(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// In whose name a request is made.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caller<'a> {
    pub key: Option<&'a str>,
    /// Which an admin key has to name.
    pub account: Option<&'a str>,
}

pub struct Answer {
    pub status: u16,
    pub text: String,
    /// What its sender's clock says.
    pub date: Option<SystemTime>,
}

impl Answer {
    /// Why the API refused; if it was not the API that answered, the text as it is.
    pub fn reason(&self) -> String {
        let problem: Value = serde_json::from_str(&self.text).unwrap_or_default();
        match self.text.trim() {
            "" => "no reason given".to_owned(),
            text if problem["title"].is_null() && problem["detail"].is_null() => text.to_owned(),
            _ => reason(&problem),
        }
    }
}

impl Web {
    pub fn new() -> Self {
        let connector = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http();
        let connector = connector.enable_http1().build();
        Self(Client::builder(TokioExecutor::new()).build(connector))
    }

    /// One request.
    ///
    /// # Errors
    /// When there is no answer in time.
    pub async fn call(
        &self,
        method: Method,
        url: &str,
        caller: Caller<'_>,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let mut request = Request::builder().method(method).uri(url);
        if let Some(key) = caller.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        if let Some(account) = caller.account {
            request = request.header("posthorn-account", account);
        }
        let body = body.map_or_else(Bytes::new, |json| Bytes::from(json.to_string()));
        let request = request
            .body(Full::new(body))
            .context("the key, the account or the URL has characters that can't be sent")?;
        let answered = async {
            let response = self.0.request(request).await?;
            let status = response.status().as_u16();
            let date = response.headers().get(header::DATE).and_then(|date| date.to_str().ok());
            let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
            let body = response.into_body().collect().await?.to_bytes();
            let text = String::from_utf8_lossy(&body).into_owned();
            anyhow::Ok(Answer { status, text, date })
        };
        tokio::time::timeout(TIME_OUT, answered).await.context("no answer within 35 s")?
    }
}

/// A text that is not the URL of an API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a URL like https://api.example.com")]
pub struct InvalidApiUrl(String);

/// The URL of an API as a user wrote it, without a slash at the end.
///
/// # Errors
/// When it is not a URL of http or https.
pub fn api_url(text: &str) -> Result<String, InvalidApiUrl> {
    let url = text.parse::<http::Uri>().ok();
    let is_web = url.is_some_and(|url| matches!(url.scheme_str(), Some("http" | "https")));
    if !is_web {
        return Err(InvalidApiUrl(text.to_owned()));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Why the API refused: the problems that it named, each with its field, or else the problem as a
/// whole.
pub fn reason(problem: &Value) -> String {
    let text = |value: &Value, name: &str| value[name].as_str().map(str::to_owned);
    let errors = problem["errors"].as_array().into_iter().flatten().filter_map(|one| {
        let detail = text(one, "detail")?;
        Some(match text(one, "pointer").filter(|pointer| !pointer.is_empty()) {
            Some(pointer) => format!("{pointer}: {detail}"),
            None => detail,
        })
    });
    let errors: Vec<String> = errors.collect();
    if !errors.is_empty() {
        return errors.join("; ");
    }
    let detail = text(problem, "detail").or_else(|| text(problem, "title"));
    detail.unwrap_or_else(|| "refused".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_is_told_by_its_problems() {
        let answer =
            |text: &str| Answer { status: 422, text: text.to_owned(), date: None }.reason();
        let problem = json!({
            "title": "Unprocessable Entity",
            "detail": "some fields are invalid",
            "errors": [
                { "pointer": "/id", "detail": "is too long" },
                { "pointer": "", "detail": "expected an object" },
            ],
        });
        assert_eq!(answer(&problem.to_string()), "/id: is too long; expected an object");
        assert_eq!(answer(r#"{"title":"Forbidden","detail":"no scope"}"#), "no scope");
        assert_eq!(answer(r#"{"title":"Forbidden"}"#), "Forbidden");
        assert_eq!(answer("<h1>Forbidden</h1>\n"), "<h1>Forbidden</h1>");
        assert_eq!(answer(r#"{"message":"Forbidden"}"#), r#"{"message":"Forbidden"}"#);
        assert_eq!(answer(""), "no reason given");
    }
}
