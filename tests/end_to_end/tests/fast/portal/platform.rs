//! The platform team's pages: who gets in, what they show, and the way into an account's portal.

use jiff::{SignedDuration, Timestamp};
use posthorn_end_to_end::{
    ADMIN_KEY, Answer, Browser, Client, Receiver, Reply, Stack, eventually, store,
};
use posthorn_shared::digest::sha256_hex;
use posthorn_shared::store::PlatformSession;
use serde_json::json;

const OVERVIEW: &str = "/portal/platform";
const ACCOUNTS: &str = "/portal/platform/accounts";
const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'";

async fn sign_in(browser: &Browser, key: &str) -> Answer {
    browser.send("/portal/platform/enter", &[("key", key)], &[]).await
}

/// What an answer sets, as it is sent back.
fn cookie(answer: &Answer) -> String {
    let cookie = answer.headers["set-cookie"].to_str().expect("a text");
    cookie.split(';').next().expect("a pair").to_owned()
}

/// Somebody who has signed in with this key.
async fn operator_with(stack: &Stack, key: &str) -> Browser {
    let mut browser = Browser::new(stack);
    let entered = sign_in(&browser, key).await;
    assert_eq!(entered.status, 303, "{}", entered.text);
    browser.cookie = cookie(&entered);
    browser
}

async fn operator(stack: &Stack) -> Browser {
    operator_with(stack, ADMIN_KEY).await
}

/// A page that is there.
async fn page(browser: &Browser, path: &str) -> String {
    let answer = browser.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.text
}

/// What the forms of a page carry.
async fn csrf(browser: &Browser, path: &str) -> String {
    let page = page(browser, path).await;
    let (_, rest) = page.split_once("name=\"csrf\" value=\"").expect("a form");
    rest.split('"').next().expect("its end").to_owned()
}

/// A form as one of these pages sends it.
async fn post(browser: &Browser, path: &str) -> Answer {
    let csrf = csrf(browser, OVERVIEW).await;
    browser.send(path, &[("csrf", &csrf)], &[("sec-fetch-site", "same-origin")]).await
}

async fn push(stack: &Stack, queue: &str, body: &str) {
    let sent = stack.sqs().await.send_message().queue_url(stack.queue_url(queue));
    sent.message_body(body).send().await.expect("sent");
}

#[tokio::test]
async fn an_admin_key_opens_them_and_nothing_else_does() {
    let stack = Stack::start().await;
    let acme = stack.account("acme").await;
    let nobody = Browser::new(&stack);
    let door = nobody.get(OVERVIEW).await;
    assert_eq!(door.status, 200);
    assert!(door.text.contains("autocomplete=\"current-password\""), "{}", door.text);
    assert!(!door.text.contains("posthorn-events"), "{}", door.text);
    for path in [ACCOUNTS, "/portal/platform/accounts/acme"] {
        let answer = nobody.get(path).await;
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.text.contains("current-password"), "{path}: {}", answer.text);
        assert!(!answer.text.contains("acme"), "{path}: {}", answer.text);
    }
    for wrong in ["", "wrong", acme.key.as_str(), "php_00000000000000000000000000"] {
        let refused = sign_in(&nobody, wrong).await;
        assert_eq!(refused.status, 401, "{wrong}");
        assert!(refused.text.contains("This is no admin key"), "{}", refused.text);
        assert!(!refused.headers.contains_key("set-cookie"), "{wrong}");
        assert!(!refused.text.contains(&acme.key), "{}", refused.text);
    }
    // Nobody is signed in by a page of somebody else's.
    let forced = [("sec-fetch-site", "cross-site")];
    let forced = nobody.send("/portal/platform/enter", &[("key", ADMIN_KEY)], &forced).await;
    assert_eq!(forced.status, 403, "{}", forced.text);

    let entered = sign_in(&nobody, ADMIN_KEY).await;
    assert_eq!((entered.status, &entered.headers["location"]), (303, &OVERVIEW.parse().unwrap()));
    let set = entered.headers["set-cookie"].to_str().unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/portal/platform;", "Max-Age=28800"] {
        assert!(set.contains(part), "{set}");
    }
    let https = [("x-forwarded-proto", "https")];
    let entered = nobody.send("/portal/platform/enter", &[("key", ADMIN_KEY)], &https).await;
    assert!(entered.headers["set-cookie"].to_str().unwrap().ends_with("; Secure"));

    let operator = operator(&stack).await;
    let overview = operator.get(OVERVIEW).await;
    assert_eq!(overview.status, 200, "{}", overview.text);
    for queue in ["events", "deliveries", "tasks"] {
        assert!(overview.text.contains(&format!(">posthorn-{queue}<")), "{}", overview.text);
        assert!(overview.text.contains(&format!(">posthorn-{queue}-dlq<")), "{}", overview.text);
    }
    assert!(overview.text.contains("No dead letters"), "{}", overview.text);
    let policy = overview.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(overview.headers["x-frame-options"], "DENY");
    assert_eq!(overview.headers["cache-control"], "no-store");
    for inline in [" style=", "<style", " onclick=", "javascript:"] {
        assert!(!overview.text.contains(inline), "{inline}");
    }
    for nowhere in ["/portal/platform/nowhere", "/portal/platform/accounts/none.such"] {
        assert_eq!(operator.get(nowhere).await.status, 404, "{nowhere}");
    }
}

#[tokio::test]
async fn what_a_framed_account_says_is_nothing_to_them() {
    let stack = Stack::start().await;
    stack.account("acme").await;
    let framed = json!({ "portal": { "frame_ancestors": ["https://app.example.com"] } });
    stack.admin().patch("/v1/accounts/acme", framed).await;
    let mut both = operator(&stack).await;
    let visitor = Browser::of(&stack, "acme").await;
    both.cookie = format!("{}; {}", both.cookie, visitor.cookie);
    for path in [OVERVIEW, ACCOUNTS, "/portal/platform/accounts/acme"] {
        let answer = both.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn neither_session_opens_anything_of_the_other() {
    let stack = Stack::start().await;
    stack.account("acme").await;
    let visitor = Browser::of(&stack, "acme").await;
    let operator = operator(&stack).await;
    let token = |browser: &Browser| browser.cookie.split_once('=').expect("a pair").1.to_owned();
    let mut forged = Browser::new(&stack);
    for cookie in [visitor.cookie.clone(), format!("posthorn-platform={}", token(&visitor))] {
        forged.cookie = cookie;
        assert!(forged.get(OVERVIEW).await.text.contains("current-password"));
        for path in [ACCOUNTS, "/portal/platform/accounts/acme"] {
            assert_eq!(forged.get(path).await.status, 401, "{}: {path}", forged.cookie);
        }
        let opened = forged.send("/portal/platform/accounts/acme/portal", &[], &[]).await;
        assert_eq!(opened.status, 401, "{}", forged.cookie);
    }
    for cookie in [operator.cookie.clone(), format!("posthorn-portal={}", token(&operator))] {
        forged.cookie = cookie;
        for path in ["/portal", "/portal/endpoints", "/portal/events"] {
            assert_eq!(forged.get(path).await.status, 401, "{}: {path}", forged.cookie);
        }
    }
    // Nor is either a key of the API.
    let client = Client::new(&stack.api_url, &token(&operator));
    assert_eq!(client.request("GET", "/v1/accounts", &[], "").await.status, 401);
}

#[tokio::test]
async fn a_form_is_taken_from_a_page_of_the_session_only() {
    let stack = Stack::start().await;
    stack.account("acme").await;
    let (one, other) = (operator(&stack).await, operator(&stack).await);
    let visitor = Browser::of(&stack, "acme").await;
    let (mine, theirs) = (csrf(&one, OVERVIEW).await, csrf(&other, OVERVIEW).await);
    let accounts = csrf(&visitor, "/portal/endpoints").await;
    let same = ("sec-fetch-site", "same-origin");
    let end = "/portal/platform/accounts/acme/portal-sessions/ps_01h455vb4pex5vsknk084sn02q/end";
    for path in ["/portal/platform/accounts/acme/portal", end, "/portal/platform/leave"] {
        for (fields, header) in [
            (vec![], same),
            (vec![("csrf", "guessed")], same),
            (vec![("csrf", theirs.as_str())], same),
            (vec![("csrf", accounts.as_str())], same),
            (vec![("csrf", mine.as_str())], ("sec-fetch-site", "cross-site")),
            (vec![("csrf", mine.as_str())], ("origin", "https://evil.example")),
        ] {
            let answer = one.send(path, &fields, &[header]).await;
            assert_eq!(answer.status, 403, "{path} {fields:?} {header:?}");
        }
    }
    assert_eq!(one.get(ACCOUNTS).await.status, 200);
}

#[tokio::test]
async fn an_account_that_fails_is_seen_and_one_that_does_not() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    receiver.reply("/broken", Reply::status(500));
    let acme = stack.account("acme").await;
    let well = stack.account("well").await;
    stack.account("quiet").await;
    stack.admin().patch("/v1/accounts/acme", json!({ "name": HOSTILE })).await;
    let broken = json!({
        "url": receiver.url("/broken"), "description": HOSTILE, "retry": { "schedule": [] },
    });
    let broken = acme.endpoint(broken).await;
    let off = json!({ "url": receiver.url("/off"), "active": false });
    acme.endpoint(off).await;
    let fine = well.endpoint(json!({ "url": receiver.url("/fine") })).await;
    let event = json!({ "type": "a.b", "data": {} });
    let failed = acme.post_until_known(event.clone(), &broken).await;
    acme.delivery(&failed, &broken, "failed").await;
    let arrived = well.post_until_known(event, &fine).await;
    well.delivery(&arrived, &fine, "delivered").await;

    let operator = operator(&stack).await;
    // Statistics are written beside the deliveries.
    let accounts = eventually("the numbers of both", async || {
        let accounts = page(&operator, ACCOUNTS).await;
        let seen = [">Failing<", ">Healthy<"].iter().all(|word| accounts.contains(word));
        if seen { Ok(accounts) } else { Err(accounts) }
    })
    .await;
    for said in [">Idle<", "1 active, 1 switched off", "0 %", "100 %", "standard"] {
        assert!(accounts.contains(said), "{said}: {accounts}");
    }
    let overview = page(&operator, OVERVIEW).await;
    assert!(overview.contains("Of all accounts and all their endpoints."), "{overview}");
    assert!(overview.contains("href=\"/portal/platform/accounts/acme\""), "{overview}");
    assert!(overview.contains("/broken") && !overview.contains("/fine"), "{overview}");
    let account = page(&operator, "/portal/platform/accounts/acme").await;
    let order = ["/broken", "/off"].map(|path| account.find(path).expect("both are there"));
    assert!(order[0] < order[1], "what fails comes first: {account}");
    assert!(account.contains("Switched off") && account.contains("Open its portal"), "{account}");
    assert!(account.contains("2 of 500"), "{account}");
    for page in [&accounts, &overview, &account] {
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
        assert!(!page.contains("<script>") && !page.contains("<img"), "{page}");
    }
}

#[tokio::test]
async fn what_fails_is_seen_whoever_it_is_of() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    for path in ["/broken", "/gone"] {
        receiver.reply(path, Reply::status(500));
    }
    let oldest = stack.account("oldest").await;
    let broken = json!({ "url": receiver.url("/broken"), "retry": { "schedule": [] } });
    let broken = oldest.endpoint(broken).await;
    let gone = json!({ "url": receiver.url("/gone"), "retry": { "schedule": [] } });
    let gone = oldest.endpoint(gone).await;
    let event = oldest.post_until_known(json!({ "type": "a.b", "data": {} }), &gone).await;
    oldest.delivery(&event, &broken, "failed").await;
    oldest.delivery(&event, &gone, "failed").await;
    // More than the survey of the newest looks at.
    for number in 0..51 {
        let account = json!({ "id": format!("a{number}"), "name": "Newer" });
        assert_eq!(stack.admin().post("/v1/accounts", account).await.status, 201);
    }

    let operator = operator(&stack).await;
    eventually("both among those that fail", async || {
        let overview = page(&operator, OVERVIEW).await;
        let seen = ["/broken<", "/gone<", "Of all accounts.", "accounts/oldest"];
        if seen.iter().all(|part| overview.contains(part)) { Ok(()) } else { Err(overview) }
    })
    .await;
    assert!(!page(&operator, ACCOUNTS).await.contains("accounts/oldest"), "it is not of that page");
    oldest.delete(&format!("/v1/endpoints/{gone}")).await;
    let overview = page(&operator, OVERVIEW).await;
    assert!(overview.contains("/broken<") && !overview.contains("/gone<"), "{overview}");
}

#[tokio::test]
async fn accounts_come_by_the_page() {
    let stack = Stack::start().await;
    let admin = stack.admin();
    for number in 0..52 {
        let account = json!({ "id": format!("a{number}"), "name": "One of many" });
        assert_eq!(admin.post("/v1/accounts", account).await.status, 201);
    }
    let operator = operator(&stack).await;
    let first = page(&operator, ACCOUNTS).await;
    assert!(first.contains("Of the newest accounts, 50 of them"), "{first}");
    let (_, link) = first.split_once("href=\"/portal/platform/accounts?cursor=").expect("a link");
    let cursor = link.split('"').next().expect("its end");
    let second = page(&operator, &format!("{ACCOUNTS}?cursor={cursor}")).await;
    let shown = |page: &str| page.matches("One of many").count();
    assert_eq!((shown(&first), shown(&second)), (50, 2));
    assert!(!second.contains("?cursor="), "{second}");
    assert_eq!(operator.get(&format!("{ACCOUNTS}?cursor=%21")).await.status, 422);
}

#[tokio::test]
async fn dead_letters_are_counted_and_come_with_what_to_do() {
    let stack = Stack::start().await;
    let operator = operator(&stack).await;
    assert!(!page(&operator, OVERVIEW).await.contains("posthorn dlq"));
    push(&stack, "deliveries-dlq", "no delivery").await;
    let overview = page(&operator, OVERVIEW).await;
    for said in [
        "1 dead letter",
        "posthorn dlq list",
        "posthorn dlq show deliveries<",
        "posthorn dlq redrive deliveries<",
    ] {
        assert!(overview.contains(said), "{said}: {overview}");
    }
    assert!(!overview.contains("posthorn dlq show events"), "{overview}");
}

#[tokio::test]
async fn a_queue_that_cant_be_read_hides_nothing_else() {
    let stack = Stack::start().await;
    stack.account("acme").await;
    let operator = operator(&stack).await;
    let delete = stack.sqs().await.delete_queue().queue_url(stack.queue_url("tasks-dlq"));
    delete.send().await.expect("deleted");
    let overview = page(&operator, OVERVIEW).await;
    assert_eq!(overview.matches("It can't be read").count(), 1, "{overview}");
    assert_eq!(overview.matches(">No dead letters<").count(), 2, "{overview}");
    assert!(overview.contains("Endpoints that fail most"), "{overview}");
}

#[tokio::test]
async fn its_portal_opens_once_and_for_this_account() {
    let stack = Stack::start().await;
    let acme = stack.account("acme").await;
    stack.account("other").await;
    let endpoint = acme.endpoint(json!({ "url": "http://127.0.0.1:9/of-acme" })).await;
    let operator = operator(&stack).await;
    let opened = post(&operator, "/portal/platform/accounts/acme/portal").await;
    assert_eq!(opened.status, 303, "{}", opened.text);
    let link = opened.headers["location"].to_str().unwrap();
    let token = link.strip_prefix("/portal?session=").expect("a link");
    assert_eq!(Browser::new(&stack).get(link).await.status, 200);
    let mut visitor = Browser::new(&stack);
    assert_eq!(visitor.enter(token).await.status, 303);
    let list = page(&visitor, "/portal/endpoints").await;
    assert!(list.contains("/of-acme"), "{list}");
    assert_eq!(visitor.get(&format!("/portal/endpoints/{endpoint}")).await.status, 200);
    assert_eq!(Browser::new(&stack).enter(token).await.status, 410, "a link opens once");
    let missing = post(&operator, "/portal/platform/accounts/none.such/portal").await;
    assert_eq!(missing.status, 404, "{}", missing.text);
}

#[tokio::test]
async fn who_is_in_its_portal_is_seen_and_signed_out() {
    let stack = Stack::start().await;
    stack.account("acme").await;
    let operator = operator(&stack).await;
    let account = "/portal/platform/accounts/acme";
    assert!(page(&operator, account).await.contains("There are none."));
    let visitor = Browser::of(&stack, "acme").await;
    let shown = page(&operator, account).await;
    let (_, rest) = shown.split_once("/portal-sessions/").expect("a form");
    let id = rest.split('/').next().expect("its end");
    assert!(id.starts_with("ps_") && !shown.contains("Not yet"), "{shown}");
    let token = visitor.cookie.split_once('=').expect("a pair").1;
    assert!(!shown.contains(token), "{shown}");
    let end = format!("{account}/portal-sessions/{id}/end");
    let ended = post(&operator, &end).await;
    assert_eq!((ended.status, &ended.headers["location"]), (303, &account.parse().unwrap()));
    assert_eq!(visitor.get("/portal/endpoints").await.status, 401);
    assert_eq!(post(&operator, &end).await.status, 404);
    assert!(page(&operator, account).await.contains("There are none."));
}

#[tokio::test]
async fn a_session_ends_by_signing_out_with_its_time_and_with_its_key() {
    let stack = Stack::start().await;
    let browser = operator(&stack).await;
    let left = post(&browser, "/portal/platform/leave").await;
    assert_eq!(left.status, 200, "{}", left.text);
    let set = left.headers["set-cookie"].to_str().unwrap();
    for part in ["posthorn-platform=;", "Max-Age=0", "Path=/portal/platform;"] {
        assert!(set.contains(part), "{set}");
    }
    // The cookie is worth nothing any more, whoever has kept it.
    assert_eq!(browser.get(ACCOUNTS).await.status, 401);

    let past = Timestamp::now().checked_sub(SignedDuration::from_secs(1)).unwrap();
    let over = PlatformSession { key_sha256: sha256_hex(ADMIN_KEY), expires_at: past };
    let store = store(&stack).await;
    store.create_platform_session(&sha256_hex("php_over"), &over).await.unwrap();
    let mut late = Browser::new(&stack);
    late.cookie = "posthorn-platform=php_over".to_owned();
    for path in [OVERVIEW, ACCOUNTS] {
        let answer = late.get(path).await;
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.text.contains("Your session is over"), "{}", answer.text);
    }

    let made = stack.command(&["admin", "create-key", "--name", "leaver"]).await.unwrap();
    let key = made.strip_prefix("admin key: ").unwrap().split(' ').next().unwrap();
    let leaver = operator_with(&stack, key).await;
    assert_eq!(leaver.get(ACCOUNTS).await.status, 200);
    let listed = stack.command(&["admin", "list-keys"]).await.unwrap();
    let id = listed.split(' ').next().unwrap();
    stack.command(&["admin", "delete-key", id]).await.unwrap();
    eventually("the end of the session", async || match leaver.get(ACCOUNTS).await.status {
        401 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
}

#[tokio::test]
async fn the_table_holds_no_key_and_no_cookie() {
    let stack = Stack::start().await;
    let browser = operator(&stack).await;
    let (_, session) = browser.cookie.split_once('=').unwrap();
    for file in std::fs::read_dir(&stack.options.data_dir).unwrap() {
        let file = file.unwrap().path();
        let Ok(content) = std::fs::read(&file) else { continue };
        for secret in [session, ADMIN_KEY] {
            let found = content.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!found, "{} holds {secret}", file.display());
        }
    }
}
