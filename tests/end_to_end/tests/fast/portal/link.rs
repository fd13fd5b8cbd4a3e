//! A link opens the portal of one account, once, for a time.

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use posthorn_end_to_end::{Browser, Stack, portal_token, store};
use posthorn_shared::digest::sha256_hex;
use posthorn_shared::ids::PortalSessionId;
use posthorn_shared::store::Opened;
use serde_json::{Value, json};

#[tokio::test]
async fn a_link_is_used_up_by_its_form_and_not_by_looking_at_it() {
    let stack = Stack::start().await;
    stack.account("acme").await;
    let token = portal_token(&stack, "acme").await;
    let mut browser = Browser::new(&stack);
    for _ in 0..3 {
        let page = browser.get(&format!("/portal?session={token}")).await;
        assert_eq!(page.status, 200);
        assert!(!page.headers.contains_key("set-cookie"));
    }
    let entered = browser.enter(&token).await;
    assert_eq!(entered.status, 303, "{}", entered.text);
    assert_eq!(entered.headers["location"], "/portal/endpoints");
    let cookie = entered.headers["set-cookie"].to_str().unwrap();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/portal", "Max-Age="] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains(token.as_str()), "the session's token is one of its own");
    assert_eq!(browser.get("/portal/endpoints").await.status, 200);

    // Somebody else finds it used up, and is told what to do; whoever used it just goes on.
    let other = Browser::new(&stack).enter(&token).await;
    assert_eq!(other.status, 410);
    assert!(other.text.contains("used already"), "{}", other.text);
    assert_eq!(browser.enter(&token).await.status, 303);
}

#[tokio::test]
async fn of_many_at_once_a_single_one_gets_in() {
    let stack = Stack::start().await;
    stack.account("acme").await;
    let token = portal_token(&stack, "acme").await;
    let entered = join_all((0..12).map(|_| async {
        let mut browser = Browser::new(&stack);
        browser.enter(&token).await.status
    }));
    let statuses = entered.await;
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [303, 410].contains(status)), "{statuses:?}");
}

#[tokio::test]
async fn links_and_sessions_end() {
    let stack = Stack::start().await;
    stack.account("acme").await;
    let store = store(&stack).await;
    let past = Timestamp::now().checked_sub(SignedDuration::from_secs(1)).unwrap();
    let acme = store.account(&"acme".parse().unwrap()).await.unwrap().unwrap().tenant();
    let id = PortalSessionId::new(past, 1);
    let made = store.create_portal_link(&acme, &sha256_hex("phs_over"), id, past).await.unwrap();
    assert!(made.is_some());
    let late = Browser::new(&stack).enter("phs_over").await;
    assert_eq!(late.status, 410);
    assert!(late.text.contains("no longer valid"), "{}", late.text);
    assert_eq!(Browser::new(&stack).enter("phs_unknown").await.status, 410);

    // A session whose link would be over by now: its item is still there, as TTL deletes late.
    let long_ago = past.checked_sub(SignedDuration::from_secs(60)).unwrap();
    let opened = store
        .open_portal_link(&sha256_hex("phs_over"), &sha256_hex("pht_over"), long_ago)
        .await
        .unwrap();
    assert!(matches!(opened, Opened::Now(_)));
    let mut browser = Browser::new(&stack);
    browser.cookie = "posthorn-portal=pht_over".to_owned();
    let page = browser.get("/portal/endpoints").await;
    assert_eq!(page.status, 401);
    assert!(page.text.contains("Your session is over"), "{}", page.text);
}

#[tokio::test]
async fn a_session_ends_by_signing_out_and_with_its_account() {
    let stack = Stack::start().await;
    for account in ["acme", "gone"] {
        stack.account(account).await;
    }
    let browser = Browser::of(&stack, "acme").await;
    let left = browser.post("/portal/leave", &[]).await;
    assert_eq!(left.status, 200);
    assert!(left.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(browser.get("/portal/endpoints").await.status, 401);

    let browser = Browser::of(&stack, "gone").await;
    stack.admin().delete("/v1/accounts/gone").await;
    posthorn_end_to_end::eventually("the end of the session", async || {
        match browser.get("/portal/endpoints").await.status {
            401 => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
}

/// The ids of an account's links and sessions as they are listed, and whether each has been opened.
async fn listed(stack: &Stack, account: &str) -> Vec<(String, bool)> {
    let path = format!("/v1/accounts/{account}/portal-sessions");
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = stack.admin().get(&format!("{path}?limit=1&cursor={cursor}")).await;
        for one in page["data"].as_array().expect("a list") {
            let members: Vec<&String> = one.as_object().expect("an object").keys().collect();
            assert_eq!(members, ["id", "created_at", "opened_at", "expires_at"]);
            let id = one["id"].as_str().expect("an id").to_owned();
            all.push((id, one["opened_at"] != Value::Null));
        }
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return all,
        }
    }
}

#[tokio::test]
async fn links_and_sessions_are_listed_and_ended_by_the_platform_team() {
    let stack = Stack::start().await;
    for account in ["acme", "other"] {
        stack.account(account).await;
    }
    let admin = stack.admin();
    let make = async || {
        let answer = admin.post("/v1/accounts/acme/portal-sessions", json!({})).await;
        let text = |name: &str| answer.json[name].as_str().expect("a text").to_owned();
        let token = text("url").split_once("session=").expect("a token").1.to_owned();
        (text("id"), token)
    };
    let (opened, token) = make().await;
    let mut visitor = Browser::new(&stack);
    assert_eq!(visitor.enter(&token).await.status, 303);
    let (unopened, unused) = make().await;
    let (third, used) = make().await;
    let mut leaver = Browser::new(&stack);
    leaver.enter(&used).await;
    let all = [(third.clone(), true), (unopened.clone(), false), (opened.clone(), true)];
    assert_eq!(listed(&stack, "acme").await, all);
    assert!(listed(&stack, "other").await.is_empty());

    // Who signs out is not listed any more, and the link stays used.
    leaver.post("/portal/leave", &[]).await;
    let over = Browser::new(&stack).enter(&used).await;
    assert_eq!(over.status, 410);
    assert!(over.text.contains("used already"), "{}", over.text);
    assert_eq!(listed(&stack, "acme").await, all[1..]);
    for path in [
        format!("/v1/accounts/other/portal-sessions/{opened}"),
        format!("/v1/accounts/acme/portal-sessions/{third}"),
        "/v1/accounts/acme/portal-sessions/nonsense".to_owned(),
    ] {
        assert_eq!(admin.request("DELETE", &path, &[], "").await.status, 404, "{path}");
    }
    assert_eq!(visitor.get("/portal/endpoints").await.status, 200);
    admin.delete(&format!("/v1/accounts/acme/portal-sessions/{opened}")).await;
    assert_eq!(visitor.get("/portal/endpoints").await.status, 401);
    admin.delete(&format!("/v1/accounts/acme/portal-sessions/{unopened}")).await;
    assert_eq!(Browser::new(&stack).get(&format!("/portal?session={unused}")).await.status, 410);
    assert_eq!(Browser::new(&stack).enter(&unused).await.status, 410);
    assert!(listed(&stack, "acme").await.is_empty());
}

#[tokio::test]
async fn a_link_that_is_ended_while_it_is_opened_leaves_no_session() {
    let stack = Stack::start().await;
    stack.account("acme").await;
    let admin = stack.admin();
    for _ in 0..20 {
        let made = admin.post("/v1/accounts/acme/portal-sessions", json!({})).await.json;
        let token = made["url"].as_str().unwrap().split_once("session=").unwrap().1.to_owned();
        let path = format!("/v1/accounts/acme/portal-sessions/{}", made["id"].as_str().unwrap());
        let mut browser = Browser::new(&stack);
        let end = admin.request("DELETE", &path, &[], "");
        let (entered, ended) = futures::future::join(browser.enter(&token), end).await;
        assert_eq!(ended.status, 204, "{}", ended.text);
        assert!([303, 410].contains(&entered.status), "{}", entered.text);
        assert_eq!(browser.get("/portal/endpoints").await.status, 401);
    }
    assert!(listed(&stack, "acme").await.is_empty());
}

#[tokio::test]
async fn the_table_holds_hashes_only() {
    let stack = Stack::start().await;
    stack.account("acme").await;
    let token = portal_token(&stack, "acme").await;
    let mut browser = Browser::new(&stack);
    browser.enter(&token).await;
    let (_, session) = browser.cookie.split_once('=').unwrap();
    let path = stack.options.data_dir.clone();
    for file in std::fs::read_dir(&path).unwrap() {
        let file = file.unwrap().path();
        let Ok(content) = std::fs::read(&file) else { continue };
        for secret in [token.as_str(), session] {
            let found = content.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!found, "{} holds a token", file.display());
        }
    }
}
