//! A change of the contract is seen in review: the description is committed.

use std::fs;

use posthorn_end_to_end::{Client, Stack, repository};
use posthorn_shared::digest::sha256_hex;

#[tokio::test]
async fn the_description_is_the_one_that_is_committed() {
    let stack = Stack::start().await;
    let served = Client::new(&stack.api_url, "").request("GET", "/v1/openapi.json", &[], "").await;
    assert_eq!(served.status, 200);
    let path = repository("docs/openapi.json");
    if std::env::var("POSTHORN_UPDATE").is_ok() {
        fs::write(&path, format!("{}\n", served.text)).expect("the file is written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let first = served.text.lines().zip(committed.lines()).position(|(a, b)| a != b);
    assert_eq!(
        first.map(|line| (line + 1, served.text.lines().nth(line))),
        None,
        "docs/openapi.json is not what is served; if that is meant: POSTHORN_UPDATE=1, and commit it"
    );
    assert_eq!(served.text.lines().count(), committed.lines().count());
}

#[tokio::test]
async fn the_reference_page_needs_nothing_from_elsewhere() {
    let stack = Stack::start().await;
    let client = Client::new(&stack.api_url, "");
    let page = client.request("GET", "/docs", &[], "").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("script-src 'self'"), "{policy}");
    assert!(!page.text.contains("://"), "{}", page.text);
    // Its address changes with the script, so that a browser fetches its megabyte once.
    let (_, script) = page.text.split_once("<script src=\"docs/redoc-").expect("the script");
    let (digest, _) = script.split_once(".js\"").expect("its digest");
    let script = client.request("GET", &format!("/docs/redoc-{digest}.js"), &[], "").await;
    assert_eq!(script.status, 200);
    assert!(script.text.len() > 500_000);
    assert!(sha256_hex(&script.text).starts_with(digest));
    assert_eq!(script.headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(script.headers["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(client.request("GET", "/docs/redoc-0.js", &[], "").await.status, 404);
}

#[tokio::test]
async fn nothing_is_taken_for_what_it_does_not_say() {
    let stack = Stack::start().await;
    let client = Client::new(&stack.api_url, "");
    for path in
        ["/healthz", "/docs", "/v1/openapi.json", "/v1/endpoints", "/nowhere", "/portal/endpoints"]
    {
        let answer = client.request("GET", path, &[], "").await;
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
    }
}
