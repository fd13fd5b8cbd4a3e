//! A browser without a screen: it keeps the cookie and sends forms.

use posthorn_end_to_end::{Answer, Client, Stack};
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

/// Somebody at the portal.
pub struct Browser {
    client: Client,
    pub cookie: String,
}

impl Browser {
    /// Before any link is opened.
    pub fn new(stack: &Stack) -> Self {
        Self { client: Client::new(&stack.api_url, ""), cookie: String::new() }
    }

    /// In the portal of this account.
    pub async fn of(stack: &Stack, account: &str) -> Self {
        let mut browser = Self::new(stack);
        let token = token(stack, account).await;
        let answer = browser.enter(&token).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        browser
    }

    /// Sends the form behind a link.
    pub async fn enter(&mut self, token: &str) -> Answer {
        let answer = self.send("/portal/enter", &[("session", token)], &[]).await;
        if let Some(cookie) = answer.headers.get("set-cookie") {
            let cookie = cookie.to_str().expect("a text");
            self.cookie = cookie.split(';').next().expect("a pair").to_owned();
        }
        answer
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.client.request("GET", path, &[("cookie", &self.cookie)], "").await
    }

    /// A form that a page of the portal would send; fields on top of what every form carries.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf().await;
        let fields = [&[("csrf", csrf.as_str())], fields].concat();
        self.send(path, &fields, &[("sec-fetch-site", "same-origin")]).await
    }

    /// Any form at all.
    pub async fn send(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let body = Serializer::new(String::new()).extend_pairs(fields).finish();
        let content = ("content-type", "application/x-www-form-urlencoded");
        let headers = [&[("cookie", self.cookie.as_str()), content], headers].concat();
        self.client.request("POST", path, &headers, body).await
    }

    /// What the forms of this session carry.
    pub async fn csrf(&self) -> String {
        let page = self.get("/portal/endpoints").await;
        let (_, rest) = page.text.split_once("name=\"csrf\" value=\"").expect("a form");
        rest.split('"').next().expect("its end").to_owned()
    }
}

/// A link's token.
pub async fn token(stack: &Stack, account: &str) -> String {
    let link = link(stack, account, json!({})).await;
    link.split_once("session=").expect("a token").1.to_owned()
}

/// A link.
pub async fn link(stack: &Stack, account: &str, wish: Value) -> String {
    let path = format!("/v1/accounts/{account}/portal-sessions");
    let answer = stack.admin().post(&path, wish).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json["url"].as_str().expect("a link").to_owned()
}
