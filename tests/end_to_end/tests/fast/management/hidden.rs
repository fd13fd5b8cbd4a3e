//! What may be a secret is not shown again: values of an endpoint's headers, and of its URL's query.

use posthorn_end_to_end::{Account, Browser, Receiver, Reply, Stack, eventually};
use serde_json::{Value, json};

use super::pointers;

/// Names that tell of a secret, and names that don't.
const NAMES: [&str; 12] = [
    "Authorization",
    "X-Auth",
    "X-Key",
    "X-Access-Key",
    "X-Passphrase",
    "X-Shared-Key",
    "Ocp-Apim-Subscription-Key",
    "X-Auth-Key",
    "X-Webhook-Pin",
    "X-Api-Key",
    "X-Signature",
    "X-Custom-Header",
];
const TOKEN: &str = "hush-hush-url";

fn hushed(name: &str) -> String {
    format!("hush-hush-{name}")
}

/// Headers of these names, and one whose value is no secret.
fn headers() -> Value {
    let mut headers: serde_json::Map<String, Value> =
        NAMES.iter().map(|name| ((*name).to_owned(), json!(hushed(name)))).collect();
    headers.insert("X-Environment".to_owned(), json!("staging"));
    Value::Object(headers)
}

/// A key of the account that may read.
async fn reader(stack: &Stack, account: &str) -> Account {
    let key = json!({ "name": "looks", "scopes": ["read"] });
    let key = stack.admin().post(&format!("/v1/accounts/{account}/keys"), key).await;
    stack.account_with_key(account, key.json["key"].as_str().expect("a key"))
}

async fn shown(account: &Account, path: &str) -> String {
    let answer = account.request("GET", path, &[], "").await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.text
}

#[tokio::test]
async fn a_key_that_may_read_sees_no_secret_of_an_endpoint() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    for dialect in ["standard", "fltr", "filedgr", "beltic"] {
        let account = stack.account_speaking(dialect, dialect).await;
        let reader = reader(&stack, dialect).await;
        let path = format!("/{dialect}");
        let url = receiver.url(&format!("{path}?token={TOKEN}&v=2"));
        let endpoint = account.endpoint(json!({ "url": url, "headers": headers() })).await;
        let event = account.post_event(json!({ "type": "a.b", "data": {} })).await;
        account.delivery(&event, &endpoint, "delivered").await;
        let request = receiver.wait_for(&path, 1).await.remove(0);
        for name in NAMES {
            assert_eq!(request.header(name), hushed(name));
        }

        let masked = receiver.url(&format!("{path}?token=***&v=***"));
        let mut pages = vec![
            "/v1/endpoints".to_owned(),
            format!("/v1/endpoints/{endpoint}"),
            format!("/v1/endpoints/{endpoint}/deliveries"),
            format!("/v1/events/{event}/deliveries"),
            format!("/v1/events/{event}/deliveries/{endpoint}"),
        ];
        if dialect != "standard" {
            pages.push("/v1/webhooks".to_owned());
            pages.push(format!("/v1/webhooks/{endpoint}"));
            pages.push(format!("/v1/webhooks/{endpoint}/logs"));
        }
        for page in pages {
            let (read, managed) = (shown(&reader, &page).await, shown(&account, &page).await);
            for name in NAMES {
                assert!(!read.contains(&hushed(name)), "{dialect} {page}: {name} in {read}");
                assert!(!managed.contains(&hushed(name)), "{dialect} {page}: {name} in {managed}");
            }
            assert!(!read.contains(TOKEN), "{dialect} {page}: {read}");
            // The logs of two shapes have no URL.
            if managed.contains(&receiver.url("/")) {
                assert!(managed.contains(&url), "{dialect} {page}: {managed}");
                assert!(read.contains(&masked), "{dialect} {page}: {read}");
                assert!(read.contains("staging"), "{dialect} {page}: {read}");
            }
        }
        // Nor the people at the portal, who see the URL.
        let browser = Browser::of(&stack, dialect).await;
        for page in ["/settings", "/edit", &format!("/deliveries/{event}")] {
            let page = browser.get(&format!("/portal/endpoints/{endpoint}{page}")).await;
            assert_eq!(page.status, 200, "{}", page.text);
            assert!(page.text.contains(TOKEN) && page.text.contains("staging"), "{}", page.text);
            assert!(!NAMES.iter().any(|name| page.text.contains(&hushed(name))), "{}", page.text);
        }
        // What a key that may read was shown, and one that may manage sends back, changes nothing.
        let path = format!("/v1/endpoints/{endpoint}");
        let read = reader.get(&path).await;
        let sent_back = json!({ "url": read["url"], "headers": read["headers"] });
        assert_eq!(account.patch(&path, sent_back).await["url"], json!(url));
        let event = account.post_event(json!({ "type": "a.b", "data": {} })).await;
        account.delivery(&event, &endpoint, "delivered").await;
        let request = receiver.requests(&format!("/{dialect}")).pop().expect("a request");
        assert_eq!(request.header("X-Webhook-Pin"), hushed("X-Webhook-Pin"));
    }
}

#[tokio::test]
async fn operational_events_tell_no_secret_of_the_url() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let listener = json!({ "url": receiver.url("/ops"), "event_types": ["posthorn.*"] });
    account.endpoint(listener).await;
    let url = receiver.url(&format!("/gone?token={TOKEN}"));
    let gone = account.endpoint(json!({ "url": url, "event_types": ["a.b"] })).await;
    receiver.reply("/gone", Reply::status(410));
    account.post_until_known(json!({ "type": "a.b", "data": {} }), &gone).await;
    let told = receiver.wait_for("/ops", 1).await.remove(0);
    assert_eq!(told.json()["data"]["url"], json!(receiver.url("/gone?token=***")));
    assert!(!told.text().contains(TOKEN), "{}", told.text());
}

#[tokio::test]
async fn what_was_set_for_one_host_goes_to_no_other() {
    let stack = Stack::start().await;
    let (one, other) = (Receiver::start().await, Receiver::start().await);
    let account = stack.account("acme").await;
    let headers =
        json!({ "Authorization": "Bearer of one", "X-Own": "of one", "X-Team": "growth" });
    let endpoint = account.endpoint(json!({ "url": one.url("/hook"), "headers": headers })).await;
    let path = format!("/v1/endpoints/{endpoint}");

    // Elsewhere on the same host, they stay.
    let moved = account.patch(&path, json!({ "url": one.url("/moved") })).await;
    assert_eq!(moved["dropped_headers"], Value::Null);
    let shown = json!({ "Authorization": "***", "X-Own": "***", "X-Team": "growth" });
    assert_eq!(moved["headers"], shown);

    // On another one, what is set in the same request does.
    let patch = json!({ "url": other.url("/hook"), "headers": { "X-Own": "of the other" } });
    let moved = account.patch(&path, patch).await;
    assert_eq!(moved["dropped_headers"], json!(["Authorization"]));
    assert_eq!(moved["headers"], json!({ "X-Own": "***", "X-Team": "growth" }));
    eventually("a request at the other host", async || {
        account.post_event(json!({ "type": "a.b", "data": {} })).await;
        stack.wait_until_idle().await;
        if other.count("/hook") > 0 { Ok(()) } else { Err("none".to_owned()) }
    })
    .await;
    for request in other.requests("/hook") {
        assert_eq!((request.header("x-own"), request.header("x-team")), ("of the other", "growth"));
        assert!(request.headers.get("authorization").is_none(), "{request:?}");
    }
    // What stands for a value is none.
    let patch = json!({ "url": one.url("/hook"), "headers": { "X-Own": "***" } });
    let moved = account.patch(&path, patch).await;
    assert_eq!(moved["dropped_headers"], json!(["X-Own"]));
    assert_eq!(moved["headers"], json!({ "X-Team": "growth" }));
    assert_eq!(account.get(&path).await["dropped_headers"], Value::Null);
}

#[tokio::test]
async fn the_webhooks_apis_and_the_portal_say_which_headers_were_dropped() {
    let stack = Stack::start().await;
    for (dialect, url, dropped) in [
        ("filedgr", "/url", "/droppedHeaders"),
        ("fltr", "/url", "/dropped_headers"),
        ("beltic", "/data/attributes/url", "/data/attributes/dropped_headers"),
    ] {
        let account = stack.account_speaking(dialect, dialect).await;
        let headers = json!({ "Authorization": "Bearer x", "X-Team": "growth" });
        let hook = json!({ "url": "https://example.com/hook", "headers": headers });
        let endpoint = account.endpoint(hook).await;
        let path = format!("/v1/webhooks/{endpoint}");
        // As clients do: what they got, with one change.
        let mut webhook = account.get(&path).await;
        *webhook.pointer_mut(url).expect("a URL") = json!("https://example.org/hook");
        let changed = account.request("PUT", &path, &[], webhook.to_string()).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        assert_eq!(changed.json.pointer(dropped), Some(&json!(["Authorization"])));
        let again = account.request("PUT", &path, &[], changed.text).await;
        assert_eq!(again.status, 200, "{}", again.text);
        assert_eq!(again.json.pointer(dropped), None);
    }

    let account = stack.account("acme").await;
    let hook = json!({ "url": "https://example.com/", "headers": { "X-Own": "mine" } });
    let endpoint = account.endpoint(hook).await;
    let browser = Browser::of(&stack, "acme").await;
    let edit = format!("/portal/endpoints/{endpoint}/edit");
    let form = |url: &'static str| {
        [("url", url), ("events", "all"), ("header_name", "X-Own"), ("header_value", "***")]
    };
    let saved = browser.post(&edit, &form("https://example.com/moved")).await;
    let location = saved.headers["location"].to_str().expect("a text");
    assert!(location.ends_with("?done=saved"), "{location}");
    let saved = browser.post(&edit, &form("https://example.org/")).await;
    let page = browser.get(saved.headers["location"].to_str().expect("a text")).await;
    assert!(page.text.contains("Headers whose values are not shown were removed"), "{}", page.text);
    let known = account.get(&format!("/v1/endpoints/{endpoint}")).await;
    assert_eq!(known["headers"], json!({}));
}

#[tokio::test]
async fn what_stands_for_a_value_is_no_value() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let hook = json!({ "url": "https://example.com/", "headers": { "X-Own": "***" } });
    let refused = account.post("/v1/endpoints", hook).await;
    assert_eq!((refused.status, pointers(&refused)), (422, vec!["/headers/X-Own"]));
    let endpoint = account.endpoint(json!({ "url": "https://example.com/" })).await;
    let patch = json!({ "headers": { "X-Own": "***" } }).to_string();
    let path = format!("/v1/endpoints/{endpoint}");
    let refused = account.request("PATCH", &path, &[], patch).await;
    assert_eq!((refused.status, pointers(&refused)), (422, vec!["/headers/X-Own"]));
}
