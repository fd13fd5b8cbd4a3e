//! Nobody is led from one account into another, or signed in by a neighbour's cookie, unasked.

use posthorn_end_to_end::{Answer, Browser, Client, Stack, eventually, portal_token};
use serde_json::json;

const SENDS_ITSELF: &str = "data-sends-itself";

/// The page of a link, as a browser with these headers gets it.
async fn door(stack: &Stack, token: &str, headers: &[(&str, &str)]) -> String {
    let client = Client::new(&stack.api_url, "");
    let page = client.request("GET", &format!("/portal?session={token}"), headers, "").await;
    assert_eq!(page.status, 200, "{}", page.text);
    page.text
}

fn cookies(answer: &Answer) -> Vec<String> {
    let set = answer.headers.get_all("set-cookie").iter();
    set.map(|cookie| cookie.to_str().expect("a text").to_owned()).collect()
}

#[tokio::test]
async fn a_link_asks_before_it_leads_into_another_account() {
    let stack = Stack::start().await;
    for (id, name) in [("acme", "Acme Ltd"), ("other", "Other <b>& Sons")] {
        stack.account(id).await;
        stack.admin().patch(&format!("/v1/accounts/{id}"), json!({ "name": name })).await;
    }
    let mut acme = Browser::of(&stack, "acme").await;
    let token = portal_token(&stack, "other").await;
    let cross_site = ("sec-fetch-site", "cross-site");
    let cookie = acme.cookie.clone();
    let cookie = ("cookie", cookie.as_str());
    // Names are known everywhere within a second.
    eventually("the accounts' names", async || {
        let page = door(&stack, &token, &[cookie]).await;
        let both = page.contains("Acme Ltd") && page.contains("Other &lt;b&gt;&amp; Sons");
        if both { Ok(()) } else { Err(page) }
    })
    .await;
    // A product's page leads to a link of its own.
    for headers in [vec![], vec![cross_site]] {
        let page = door(&stack, &token, &headers).await;
        assert!(page.contains(SENDS_ITSELF), "{page}");
        assert!(page.contains("Other &lt;b&gt;&amp; Sons"), "{page}");
    }
    for headers in [vec![cookie], vec![cookie, cross_site]] {
        let page = door(&stack, &token, &headers).await;
        assert!(!page.contains(SENDS_ITSELF), "{page}");
        for part in ["<code>other</code>", "Stay with", ">Continue<"] {
            assert!(page.contains(part), "{part} in {page}");
        }
    }
    assert!(acme.get("/portal/endpoints").await.text.contains("Acme Ltd"), "still there");
    // By the button.
    assert_eq!(acme.enter(&token).await.status, 303);
    let page = acme.get("/portal/endpoints").await.text;
    assert!(page.contains("Other &lt;b&gt;") && !page.contains("Acme Ltd"), "{page}");
}

#[tokio::test]
async fn a_link_of_the_same_account_asks_only_where_another_site_led_to_it() {
    let stack = Stack::start().await;
    stack.account("acme").await;
    let browser = Browser::of(&stack, "acme").await;
    let token = portal_token(&stack, "acme").await;
    let cookie = ("cookie", browser.cookie.as_str());
    for (from, waits) in [("none", false), ("same-origin", false), ("cross-site", true)] {
        let page = door(&stack, &token, &[cookie, ("sec-fetch-site", from)]).await;
        assert_eq!(page.contains(SENDS_ITSELF), !waits, "{from}: {page}");
        assert!(!page.contains("Stay with"), "{from}: {page}");
    }
    // A session that has ended keeps nobody waiting.
    browser.post("/portal/leave", &[]).await;
    let page = door(&stack, &token, &[cookie, ("sec-fetch-site", "cross-site")]).await;
    assert!(page.contains(SENDS_ITSELF), "{page}");
}

#[tokio::test]
async fn two_cookies_are_none() {
    let stack = Stack::start().await;
    stack.account("acme").await;
    stack.account("other").await;
    let (acme, other) = (Browser::of(&stack, "acme").await, Browser::of(&stack, "other").await);
    let csrf = acme.csrf().await;
    let mut both = Browser::new(&stack);
    for cookies in [[&acme, &other], [&other, &acme], [&acme, &acme]] {
        both.cookie = cookies.map(|browser| browser.cookie.clone()).join("; ");
        assert_eq!(both.get("/portal/endpoints").await.status, 401, "{}", both.cookie);
        let form = [("csrf", csrf.as_str()), ("url", "https://example.com/")];
        let sent = both.send("/portal/endpoints", &form, &[]).await;
        assert_eq!(sent.status, 401, "{}", sent.text);
        // Who is there can't be told: they are asked.
        let token = portal_token(&stack, "other").await;
        let page = door(&stack, &token, &[("cookie", both.cookie.as_str())]).await;
        assert!(!page.contains(SENDS_ITSELF), "{page}");
    }
    assert_eq!(acme.get("/portal/endpoints").await.status, 200);
}

#[tokio::test]
async fn by_https_the_cookie_is_this_hosts_alone() {
    let stack = Stack::start().await;
    stack.account("acme").await;
    let token = portal_token(&stack, "acme").await;
    let browser = Browser::new(&stack);
    let https = ("x-forwarded-proto", "https");
    let entered = browser.send("/portal/enter", &[("session", &token)], &[https]).await;
    assert_eq!(entered.status, 303, "{}", entered.text);
    let set = cookies(&entered);
    // What was set for a frame would be a second one: it is taken away.
    assert_eq!(set.len(), 2, "{set:?}");
    assert!(set[0].contains("Max-Age=0") && set[0].contains("Partitioned"), "{set:?}");
    assert!(!set[1].contains("Partitioned"), "{set:?}");
    for cookie in &set {
        assert!(cookie.starts_with("__Host-posthorn-portal="), "{cookie}");
        assert!(cookie.contains("; Path=/;") && cookie.contains("; Secure"), "{cookie}");
    }
    let cookie = set[1].split(';').next().expect("a pair");
    let get = async |cookie: &str, headers: &[(&str, &str)]| {
        let mut browser = Browser::new(&stack);
        cookie.clone_into(&mut browser.cookie);
        browser.get_with("/portal/endpoints", headers).await.status
    };
    assert_eq!(get(cookie, &[https]).await, 200);
    assert_eq!(get(cookie, &[]).await, 401);
    // The name that a neighbour can set.
    let plain = cookie.trim_start_matches("__Host-");
    assert_eq!(get(plain, &[https]).await, 401);
    assert_eq!(get(&format!("{plain}; {cookie}"), &[https]).await, 200);
}
