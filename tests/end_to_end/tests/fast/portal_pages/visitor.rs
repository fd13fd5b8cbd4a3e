//! Somebody of an account, by a link and the cookie that came of it.

use posthorn_end_to_end::{Answer, Client, Stack};
use serde_json::json;

pub const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A browser that is signed in.
pub struct Visitor {
    pub client: Client,
    pub cookie: String,
}

impl Visitor {
    pub async fn of(stack: &Stack, account: &str) -> Self {
        let path = format!("/v1/accounts/{account}/portal-sessions");
        let link = stack.admin().post(&path, json!({})).await;
        let url = link.json["url"].as_str().expect("a link");
        let (_, token) = url.split_once("session=").expect("a token");
        let client = Client::new(&stack.api_url, "");
        let form = format!("session={token}");
        let answer = client.request("POST", "/portal/enter", &[FORM], form).await;
        Self { client, cookie: cookie(&answer) }
    }

    pub async fn get(&self, path: &str) -> Answer {
        let path = format!("/portal{path}");
        self.client.request("GET", &path, &[("cookie", &self.cookie)], "").await
    }

    /// A page that is there.
    pub async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.text
    }

    /// The page that something is missing.
    pub async fn missing(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
        answer.text
    }
}

/// What an answer sets, as it is sent back.
pub fn cookie(answer: &Answer) -> String {
    let cookie = answer.headers.get("set-cookie").expect("a cookie").to_str().expect("a text");
    cookie.split(';').next().expect("a pair").to_owned()
}
