//! A client of the API, as thin as `curl`.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::eventually;

/// An answer of the API.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    /// `null` when the body is no JSON.
    pub json: Value,
    pub text: String,
}

/// Sends requests with one key.
#[derive(Clone)]
pub struct Client {
    http: HyperClient<HttpConnector, Full<Bytes>>,
    base: String,
    key: String,
}

impl Client {
    /// For this API and key.
    pub fn new(base: &str, key: &str) -> Self {
        let http = HyperClient::builder(TokioExecutor::new()).build_http();
        Self { http, base: base.to_owned(), key: key.to_owned() }
    }

    /// One request; `headers` come on top of the key's.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        self.try_request(method, path, headers, body).await.expect("an answer")
    }

    /// One request that may find nobody there.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn try_request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, String> {
        let mut request =
            hyper::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if !self.key.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.key));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).map_err(|e| e.to_string())?;
        let response = self.http.request(request).await.map_err(|e| format!("{e:?}"))?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|e| e.to_string())?.to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            json: serde_json::from_str(&text).unwrap_or_default(),
            text,
        })
    }

    /// `POST` of JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.request("POST", path, &[], body.to_string()).await
    }

    /// `GET` that has to succeed.
    ///
    /// # Panics
    /// When it does not.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.request("GET", path, &[], "").await;
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.text);
        answer.json
    }

    /// `GET` until it succeeds and the answer is as wanted.
    pub async fn wait_until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("GET {path}"), async || {
            let answer = self.request("GET", path, &[], "").await;
            if answer.status == 200 && wanted(&answer.json) {
                Ok(answer.json)
            } else {
                Err(format!("{} {}", answer.status, answer.text))
            }
        })
        .await
    }

    /// `PATCH` that has to succeed.
    ///
    /// # Panics
    /// When it does not.
    pub async fn patch(&self, path: &str, body: Value) -> Value {
        let answer = self.request("PATCH", path, &[], body.to_string()).await;
        assert_eq!(answer.status, 200, "PATCH {path}: {}", answer.text);
        answer.json
    }

    /// `DELETE` that has to succeed.
    ///
    /// # Panics
    /// When it does not.
    pub async fn delete(&self, path: &str) {
        let answer = self.request("DELETE", path, &[], "").await;
        assert_eq!(answer.status, 204, "DELETE {path}: {}", answer.text);
    }
}

/// An account and a key of it with every scope.
#[derive(Clone)]
pub struct Account {
    pub id: String,
    pub key: String,
    pub client: Client,
}

impl std::ops::Deref for Account {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Account {
    /// Creates an endpoint and answers its id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn endpoint(&self, endpoint: Value) -> String {
        self.endpoint_with_secret(endpoint).await.0
    }

    /// Creates an endpoint and answers its id and secret.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn endpoint_with_secret(&self, endpoint: Value) -> (String, String) {
        let answer = self.post("/v1/endpoints", endpoint).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let text = |name: &str| answer.json[name].as_str().expect("a text").to_owned();
        (text("id"), text("secret"))
    }

    /// Posts an event and answers its id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn post_event(&self, event: Value) -> String {
        self.post_text(&event.to_string()).await
    }

    /// Posts an event, byte for byte, and answers its id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn post_text(&self, event: &str) -> String {
        let answer = self.request("POST", "/v1/events", &[], event.to_owned()).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        answer.json["id"].as_str().expect("an id").to_owned()
    }

    /// Waits until a delivery has this status.
    pub async fn delivery(&self, event: &str, endpoint: &str, status: &str) -> Value {
        let path = format!("/v1/events/{event}/deliveries/{endpoint}");
        self.wait_until(&path, |delivery| delivery["status"] == status).await
    }

    /// Posts events until one has a delivery to this endpoint: for endpoints that were created or
    /// changed while the stack was at work, which takes effect within a second.
    pub async fn post_until_known(&self, event: Value, endpoint: &str) -> String {
        eventually("an event that reaches the endpoint", async || {
            let id = self.post_event(event.clone()).await;
            // Once the event's message has left the queue, its deliveries are what they are.
            self.wait_until(&format!("/v1/events/{id}"), |_| true).await;
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            let path = format!("/v1/endpoints/{endpoint}/deliveries");
            let log = self.get(&path).await;
            let found = log["data"].as_array().expect("a list").iter().any(|delivery| {
                delivery["event_id"] == json!(id) && delivery["status"] != "cancelled"
            });
            if found { Ok(id) } else { Err(log.to_string()) }
        })
        .await
    }
}
