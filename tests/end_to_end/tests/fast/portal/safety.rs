//! What keeps the pages safe: one account sees nothing of another, forms are taken from pages of the
//! session only, nothing of anybody else's runs on a page, and who may frame one is the account's to say.

use posthorn_end_to_end::{Browser, Receiver, Stack, portal_link, portal_token};
use serde_json::json;

#[tokio::test]
async fn one_account_opens_nothing_of_another() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let acme = stack.account("acme").await;
    stack.account("other").await;
    let endpoint = acme.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let event = acme.post_event(json!({ "type": "a.b", "data": {} })).await;
    acme.delivery(&event, &endpoint, "delivered").await;

    let mine = Browser::of(&stack, "acme").await;
    let theirs = Browser::of(&stack, "other").await;
    let base = format!("/portal/endpoints/{endpoint}");
    let delivery = format!("{base}/deliveries/{event}");
    for page in [
        base.clone(),
        format!("{base}/log"),
        format!("{base}/settings"),
        format!("{base}/secret"),
        format!("{base}/edit"),
        format!("{base}/test"),
        format!("{base}/again"),
        delivery.clone(),
        format!("{delivery}/attempts"),
    ] {
        assert_eq!(mine.get(&page).await.status, 200, "{page}");
        let answer = theirs.get(&page).await;
        assert_eq!(answer.status, 404, "{page}");
        assert!(!answer.text.contains("/hook"), "{page}: {}", answer.text);
        // Without a session there is nothing at all.
        assert_eq!(Browser::new(&stack).get(&page).await.status, 401, "{page}");
    }
    for form in
        ["disable", "enable", "delete", "rotate", "recover", "replay-missing", "edit", "test"]
    {
        let fields = [("since", "2026-01-01T00:00"), ("event_type", "a.b"), ("data", "{}")];
        let answer = theirs.post(&format!("{base}/{form}"), &fields).await;
        assert_eq!(answer.status, 404, "{form}: {}", answer.text);
    }
    assert_eq!(theirs.post(&format!("{delivery}/replay"), &[]).await.status, 404);
    assert!(!theirs.get("/portal/endpoints").await.text.contains("/hook"));
    assert_eq!(acme.get(&format!("/v1/endpoints/{endpoint}")).await["active"], true);
}

#[tokio::test]
async fn a_form_is_taken_from_a_page_of_the_session_only() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let acme = stack.account("acme").await;
    let endpoint = acme.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let browser = Browser::of(&stack, "acme").await;
    let stranger = Browser::of(&stack, "acme").await;
    let csrf = browser.csrf().await;
    let path = format!("/portal/endpoints/{endpoint}/delete");
    let same = ("sec-fetch-site", "same-origin");
    for (fields, headers) in [
        (vec![], vec![same]),
        (vec![("csrf", "")], vec![same]),
        (vec![("csrf", "guessed")], vec![same]),
        (vec![("csrf", csrf.as_str())], vec![("sec-fetch-site", "cross-site")]),
        (vec![("csrf", csrf.as_str())], vec![("sec-fetch-site", "same-site")]),
        (vec![("csrf", csrf.as_str())], vec![("origin", "https://evil.example")]),
        (vec![("csrf", csrf.as_str())], vec![("origin", "null")]),
    ] {
        let answer = browser.send(&path, &fields, &headers).await;
        assert_eq!(answer.status, 403, "{fields:?} {headers:?}");
    }
    // Another session of the same account has another token.
    assert_eq!(stranger.send(&path, &[("csrf", &csrf)], &[same]).await.status, 403);
    // Nobody is signed in by a page of somebody else's.
    let token = portal_token(&stack, "acme").await;
    let forced = stranger
        .send("/portal/enter", &[("session", &token)], &[("sec-fetch-site", "cross-site")])
        .await;
    assert_eq!(forced.status, 403);
    assert_eq!(acme.get(&format!("/v1/endpoints/{endpoint}")).await["active"], true);
    assert_eq!(browser.send(&path, &[("csrf", &csrf)], &[same]).await.status, 303);
}

#[tokio::test]
async fn a_page_runs_nothing_but_the_portals_own_files() {
    let stack = Stack::start().await;
    stack.account("acme").await;
    let browser = Browser::of(&stack, "acme").await;
    for page in ["/portal/endpoints", "/portal/endpoints/new", "/portal/nowhere"] {
        let answer = browser.get(page).await;
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["referrer-policy"], "same-origin");
        for inline in [" style=", "<style", " onclick=", " onload=", "javascript:"] {
            assert!(!answer.text.contains(inline), "{page}: {inline}");
        }
    }
    // Its files are the same for everybody, and kept for good.
    let page = browser.get("/portal/endpoints").await.text;
    let mut weight = page.len();
    for (before, after) in [
        ("href=\"/portal/assets/", ".css\""),
        ("src=\"/portal/assets/portal-", ".js\""),
        ("src=\"/portal/assets/htmx-", ".js\""),
    ] {
        let from = page.find(before).unwrap() + before.find('/').unwrap();
        let path = &page[from..from + page[from..].find(after).unwrap() + after.len() - 1];
        let file = Browser::new(&stack).get(path).await;
        assert_eq!(file.status, 200, "{path}");
        assert!(file.headers["cache-control"].to_str().unwrap().contains("immutable"));
        weight += file.text.len();
    }
    assert!(weight < 150_000, "{weight} bytes");
}

#[tokio::test]
async fn who_may_frame_the_portal_is_the_accounts_to_say() {
    let stack = Stack::start().await;
    stack.account("acme").await;
    let admin = stack.admin();
    for wrong in
        ["app.example.com", "https://app.example.com/x", "*", "https://a.example; script-src *"]
    {
        let patch = json!({ "portal": { "frame_ancestors": [wrong] } }).to_string();
        let answer = admin.request("PATCH", "/v1/accounts/acme", &[], patch).await;
        assert_eq!(answer.status, 422, "{wrong}");
        assert_eq!(answer.json["errors"][0]["pointer"], "/portal/frame_ancestors/0");
    }
    let origins = json!(["https://app.example.com", "http://localhost:3000"]);
    let patch = json!({ "portal": { "frame_ancestors": origins } });
    let changed = admin.patch("/v1/accounts/acme", patch).await;
    assert_eq!(changed["portal"]["frame_ancestors"], origins);
    // What says nothing of it changes nothing of it.
    let changed = admin.patch("/v1/accounts/acme", json!({ "name": "Acme", "portal": {} })).await;
    assert_eq!(changed["portal"]["frame_ancestors"], origins);

    let framed = "frame-ancestors https://app.example.com http://localhost:3000";
    let link = portal_link(&stack, "acme", json!({})).await;
    let token = link.split_once("session=").unwrap().1;
    let mut browser = Browser::new(&stack);
    posthorn_end_to_end::eventually("the account's new settings", async || {
        let page = browser.get(&format!("/portal?session={token}")).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap().to_owned();
        if policy.contains(framed) { Ok(()) } else { Err(policy) }
    })
    .await;
    let https = [("x-forwarded-proto", "https")];
    let entered = browser.send("/portal/enter", &[("session", token)], &https).await;
    let cookies = entered.headers.get_all("set-cookie").iter();
    let cookies: Vec<&str> = cookies.map(|cookie| cookie.to_str().unwrap()).collect();
    let [other, cookie] = cookies[..] else { panic!("{cookies:?}") };
    assert!(other.contains("Max-Age=0") && other.contains("SameSite=Lax"), "{other}");
    for part in ["SameSite=None", "Secure", "Partitioned", "HttpOnly"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    browser.cookie = cookie.split(';').next().unwrap().to_owned();
    let page = browser.get_with("/portal/endpoints", &https).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.headers["content-security-policy"].to_str().unwrap().contains(framed));

    let none = admin.patch("/v1/accounts/acme", json!({ "portal": null })).await;
    assert_eq!(none["portal"]["frame_ancestors"], json!([]));
}

#[tokio::test]
async fn what_is_hostile_is_shown_as_text() {
    const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'";
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let reply = posthorn_end_to_end::Reply::status(500).body(HOSTILE).header("x-hostile", HOSTILE);
    receiver.reply("/hook", reply);
    let acme = stack.account("acme").await;
    stack.admin().patch("/v1/accounts/acme", json!({ "name": HOSTILE })).await;
    let example = json!({ HOSTILE: HOSTILE });
    let event_type = json!({ "name": "a.b", "description": HOSTILE, "example": example });
    assert_eq!(acme.post("/v1/event-types", event_type).await.status, 201);
    let endpoint = json!({
        "url": receiver.url("/hook"), "description": HOSTILE, "metadata": { HOSTILE: HOSTILE },
        "headers": { "X-Hostile": HOSTILE }, "filter": { "data": { "exists": [{ "exists": false }, HOSTILE] } },
    });
    let endpoint = acme.endpoint(endpoint).await;
    let data = json!({ HOSTILE: [HOSTILE, { "</pre>": "</textarea>" }] });
    let event = acme.post_until_known(json!({ "type": "a.b", "data": data }), &endpoint).await;
    let browser = Browser::of(&stack, "acme").await;
    let base = format!("/portal/endpoints/{endpoint}");
    for page in [
        "/portal/endpoints".to_owned(),
        "/portal/endpoints/new".to_owned(),
        base.clone(),
        format!("{base}/settings"),
        format!("{base}/edit"),
        format!("{base}/test"),
        format!("{base}/deliveries/{event}"),
        format!("{base}?event_type=%3Cscript%3E&since=%22%3E%3Cscript%3E"),
    ] {
        let answer = browser.get(&page).await;
        assert_eq!(answer.status, 200, "{page}");
        for raw in ["<script>", "<img src=x", "</textarea>\"", "</pre>\""] {
            assert!(!answer.text.contains(raw), "{page} has {raw}");
        }
    }
}
