//! A link opens the portal of one account, once, for a time.

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use posthorn_end_to_end::{Browser, Stack, portal_token, store};
use posthorn_shared::digest::sha256_hex;
use posthorn_shared::store::{Opened, PortalSession};

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
    let account = "acme".parse().unwrap();
    let over = PortalSession { account, expires_at: past, used_at: None };
    store.create_portal_link(&sha256_hex("phs_over"), &over).await.unwrap();
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
