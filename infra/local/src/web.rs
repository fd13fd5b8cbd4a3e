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
        let request = request.body(Full::new(body)).context("makes no request")?;
        let answered = async {
            let response = self.0.request(request).await?;
            let status = response.status().as_u16();
            let date = response.headers().get(header::DATE).and_then(|date| date.to_str().ok());
            let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
            let body = response.into_body().collect().await?.to_bytes();
            let text = String::from_utf8_lossy(&body).into_owned();
            anyhow::Ok(Answer { status, text, date })
        };
        tokio::time::timeout(TIME_OUT, answered).await.context("no answer in 35 s")?
    }
}

/// A text that is not the URL of an API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a URL like https://api.example.com")]
pub struct InvalidApiUrl(String);

/// The URL of an API as somebody wrote it, without a slash at the end.
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

/// Why the API refused, with every problem that it named.
pub fn reason(problem: &Value) -> String {
    let text = |value: &Value, name: &str| value[name].as_str().map(str::to_owned);
    let detail = text(problem, "detail").or_else(|| text(problem, "title"));
    let mut reason = detail.unwrap_or_else(|| "refused".to_owned());
    for one in problem["errors"].as_array().into_iter().flatten() {
        let (pointer, detail) = (text(one, "pointer"), text(one, "detail"));
        let (pointer, detail) = (pointer.unwrap_or_default(), detail.unwrap_or_default());
        reason.push_str(&format!("; {pointer} {detail}"));
    }
    reason
}
