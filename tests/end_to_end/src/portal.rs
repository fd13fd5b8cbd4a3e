//! The portal as a program uses it: a browser without a screen, which keeps the cookie and sends forms.

use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use crate::client::{Answer, Client};
use crate::stack::Stack;

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

    /// Signed in to the portal of this account.
    ///
    /// # Panics
    /// When the link is refused.
    pub async fn of(stack: &Stack, account: &str) -> Self {
        let mut browser = Self::new(stack);
        let token = portal_token(stack, account).await;
        let answer = browser.enter(&token).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        browser
    }

    /// Sends the form behind a link.
    ///
    /// # Panics
    /// When the cookie is not text.
    pub async fn enter(&mut self, token: &str) -> Answer {
        let answer = self.send("/portal/enter", &[("session", token)], &[]).await;
        if let Some(cookie) = answer.headers.get_all("set-cookie").iter().next_back() {
            let cookie = cookie.to_str().expect("a text");
            self.cookie = cookie.split(';').next().expect("a pair").to_owned();
        }
        answer
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    /// The same with more headers.
    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let headers = [&[("cookie", self.cookie.as_str())], headers].concat();
        self.client.request("GET", path, &headers, "").await
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
    ///
    /// # Panics
    /// When the page has no form.
    pub async fn csrf(&self) -> String {
        let page = self.get("/portal/endpoints").await;
        let (_, rest) = page.text.split_once("name=\"csrf\" value=\"").expect("a form");
        rest.split('"').next().expect("its end").to_owned()
    }
}

/// A new portal link's token.
///
/// # Panics
/// When the link is refused.
pub async fn portal_token(stack: &Stack, account: &str) -> String {
    let link = portal_link(stack, account, json!({})).await;
    link.split_once("session=").expect("a token").1.to_owned()
}

/// A new portal link of an account, with the settings that the API takes.
///
/// # Panics
/// When it is refused.
pub async fn portal_link(stack: &Stack, account: &str, wish: Value) -> String {
    let path = format!("/v1/accounts/{account}/portal-sessions");
    let answer = stack.admin().post(&path, wish).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json["url"].as_str().expect("a link").to_owned()
}
