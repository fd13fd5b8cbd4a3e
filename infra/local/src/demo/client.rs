//! A client of the API, for what the demo needs.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// Sends requests with one key.
#[derive(Clone)]
pub struct Client {
    http: HttpClient<HttpConnector, Full<Bytes>>,
    base: String,
    authorization: String,
}

impl Client {
    /// For this API and key.
    pub fn new(base: &str, key: &str) -> Self {
        Self {
            http: HttpClient::builder(TokioExecutor::new()).build_http(),
            base: base.to_owned(),
            authorization: format!("Bearer {key}"),
        }
    }

    /// The same with another key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { authorization: format!("Bearer {key}"), ..self.clone() }
    }

    /// `POST` of JSON, answered with JSON.
    ///
    /// # Errors
    /// When there is no answer, or one that is no success.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(Method::POST, path, body.to_string()).await
    }

    /// `GET` of JSON.
    ///
    /// # Errors
    /// When there is no answer, or one that is no success.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.send(Method::GET, path, String::new()).await
    }

    async fn send(&self, method: Method, path: &str, body: String) -> Result<Value> {
        let asked = format!("{method} {path}");
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", &self.authorization)
            .header("content-type", "application/json")
            .body(Full::from(body))?;
        let response = self.http.request(request).await.with_context(|| asked.clone())?;
        let status = response.status();
        let body = response.into_body().collect().await.with_context(|| asked.clone())?.to_bytes();
        if !status.is_success() {
            bail!("{asked}: {status} {}", String::from_utf8_lossy(&body));
        }
        serde_json::from_slice(&body).with_context(|| format!("{asked}: the response is not JSON"))
    }
}
