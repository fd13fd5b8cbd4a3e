//! An account that was deleted, and another that is created with its id: they share nothing.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::MessageAttributeValue;
use jiff::{SignedDuration, Timestamp};
use posthorn_end_to_end::{
    ADMIN_KEY, Account, Browser, Client, Receiver, Reply, Stack, eventually, portal_token, runtime,
    store, tenant,
};
use posthorn_shared::digest::sha256_hex;
use posthorn_shared::event_type::{CatalogOwner, EventType};
use posthorn_shared::ids::{EventKey, PortalSessionId};
use posthorn_shared::store::Created;
use serde_json::{Value, json};

async fn status(client: &Client, path: &str) -> u16 {
    client.request("GET", path, &[], "").await.status
}

/// Deletes the account, and creates another with its id.
async fn made_again(stack: &Stack, former: &Account) -> Account {
    stack.admin().delete(&format!("/v1/accounts/{}", former.id)).await;
    stack.account(&former.id).await
}

/// Waits for so many dead letters.
async fn dead_letters(stack: &Stack, count: usize) {
    eventually("dead letters", async || match stack.queue_depth("events-dlq").await {
        depth if depth == count => Ok(()),
        depth => Err(format!("{depth} of {count}")),
    })
    .await;
}

fn text(value: &str) -> MessageAttributeValue {
    let value = MessageAttributeValue::builder().data_type("String").string_value(value);
    value.build().expect("an attribute")
}

#[tokio::test]
async fn its_sessions_links_and_keys_open_nothing() {
    let stack = Stack::start().await;
    let former = stack.account("acme").await;
    let session = Browser::of(&stack, "acme").await;
    let unopened = portal_token(&stack, "acme").await;
    assert_eq!(session.get("/portal/endpoints").await.status, 200);
    let acme = made_again(&stack, &former).await;

    assert_eq!(session.get("/portal/endpoints").await.status, 401);
    assert_eq!(Browser::new(&stack).get(&format!("/portal?session={unopened}")).await.status, 410);
    assert_eq!(Browser::new(&stack).enter(&unopened).await.status, 410);
    assert_eq!(status(&former, "/v1/endpoints").await, 401);
    let keys = stack.admin().get("/v1/accounts/acme/keys").await;
    assert_eq!(keys["data"].as_array().expect("a list").len(), 1, "{keys}");
    let sessions = stack.admin().get("/v1/accounts/acme/portal-sessions").await;
    assert_eq!(sessions["data"], json!([]));
    // What there is of the new one works.
    assert_eq!(status(&acme, "/v1/endpoints").await, 200);
    assert_eq!(Browser::of(&stack, "acme").await.get("/portal/endpoints").await.status, 200);
}

#[tokio::test]
async fn nothing_is_written_below_an_account_that_is_deleted() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let former = stack.account("acme").await;
    // This process knows the key, and the account, for a second.
    former.get("/v1/endpoints").await;
    let event = json!({ "type": "a.b", "data": {} });
    former.post_event(event.clone()).await;
    stack.wait_until_idle().await;
    let since = std::time::Instant::now();
    stack.admin().delete("/v1/accounts/acme").await;
    let mut asked = 0;
    while since.elapsed().as_millis() < 1_500 {
        let hook = json!({ "url": receiver.url("/former") });
        for (path, body) in
            [("/v1/endpoints", hook.clone()), ("/v1/event-types", json!({ "name": "a.b" }))]
        {
            let answer = former.post(path, body).await;
            assert!([401, 404].contains(&answer.status), "{path}: {}", answer.text);
            asked += 1;
        }
    }
    assert!(asked > 0);
    let admin = stack.admin();
    for path in ["/v1/accounts/acme/keys", "/v1/accounts/acme/portal-sessions"] {
        let key = json!({ "name": "late", "scopes": ["manage"] });
        assert_eq!(admin.post(path, key).await.status, 404, "{path}");
    }

    let acme = stack.account("acme").await;
    assert_eq!(acme.get("/v1/endpoints").await["data"], json!([]));
    let own = acme.endpoint(json!({ "url": receiver.url("/own") })).await;
    let id = acme.post_event(event).await;
    acme.delivery(&id, &own, "delivered").await;
    stack.wait_until_idle().await;
    assert_eq!((receiver.count("/own"), receiver.count("/former")), (1, 0));
}

#[tokio::test]
async fn its_events_ids_and_tasks_are_not_the_new_ones() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let former = stack.account("acme").await;
    let theirs = former.endpoint(json!({ "url": receiver.url("/former") })).await;
    let order = |of: &str| json!({ "id": "order-1", "type": "a.b", "data": { "of": of } });
    former.post_event(order("former")).await;
    former.delivery("order-1", &theirs, "delivered").await;
    let unnamed = former.post_event(json!({ "type": "a.b", "data": {} })).await;
    former.delivery(&unnamed, &theirs, "delivered").await;
    let window = json!({ "since": "2026-01-01T00:00:00Z" });
    let task = former.post(&format!("/v1/endpoints/{theirs}/recover"), window.clone()).await;
    let task = task.json["task_id"].as_str().expect("an id").to_owned();
    former.wait_until(&format!("/v1/tasks/{task}"), |task| task["status"] == "completed").await;

    let acme = made_again(&stack, &former).await;
    let own = acme.endpoint(json!({ "url": receiver.url("/own") })).await;
    for path in [
        "/v1/events/order-1".to_owned(),
        format!("/v1/events/{unnamed}"),
        format!("/v1/events/order-1/deliveries/{theirs}"),
        format!("/v1/events/order-1/deliveries/{own}"),
        format!("/v1/endpoints/{theirs}/deliveries"),
        format!("/v1/tasks/{task}"),
    ] {
        assert_eq!(status(&acme, &path).await, 404, "{path}");
    }
    assert_eq!(acme.get("/v1/events").await["data"], json!([]));
    let missed = acme.post(&format!("/v1/endpoints/{own}/replay-missing"), window).await;
    let missed = format!("/v1/tasks/{}", missed.json["task_id"].as_str().expect("an id"));
    let missed = acme.wait_until(&missed, |task| task["status"] == "completed").await;
    assert_eq!(missed["sent"], 0, "{missed}");

    // An id counts once for each of them.
    for _ in 0..2 {
        acme.post_event(order("new")).await;
        acme.delivery("order-1", &own, "delivered").await;
        stack.wait_until_idle().await;
    }
    let requests = receiver.requests("/own");
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].json()["data"], json!({ "of": "new" }));
    assert_eq!(acme.get("/v1/events/order-1").await["data"], json!({ "of": "new" }));
    assert_eq!(receiver.count("/former"), 2);
}

#[tokio::test]
async fn what_was_on_its_way_to_it_ends() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let former = stack.account("acme").await;
    receiver.reply("/former", Reply::status(500));
    let retry = json!({ "schedule": ["6s"] });
    let hook = json!({ "url": receiver.url("/former"), "retry": retry });
    let theirs = former.endpoint(hook).await;
    let event = former.post_event(json!({ "type": "a.b", "data": {} })).await;
    former.delivery(&event, &theirs, "retrying").await;

    let acme = made_again(&stack, &former).await;
    let attempts = receiver.count("/former");
    let own = acme.endpoint(json!({ "url": receiver.url("/own") })).await;
    // The retry is a message that is delayed.
    stack.wait_until_idle().await;
    assert_eq!((receiver.count("/former"), receiver.count("/own")), (attempts, 0));
    assert_eq!(acme.get("/v1/events").await["data"], json!([]));
    let log = acme.get(&format!("/v1/endpoints/{own}/deliveries")).await;
    assert_eq!(log["data"], json!([]));
    assert_eq!(status(&acme, &format!("/v1/events/{event}/deliveries")).await, 404);
}

/// Hosts that refused something are remembered by account.
#[tokio::test]
async fn its_failures_slow_no_endpoint_of_the_new_one_down() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let former = stack.account("acme").await;
    receiver.reply("/former", Reply::status(500));
    let hook = json!({ "url": receiver.url("/former"), "retry": { "schedule": ["1h"] } });
    let theirs = former.endpoint(hook).await;
    let event = former.post_event(json!({ "type": "a.b", "data": {} })).await;
    former.delivery(&event, &theirs, "retrying").await;

    let acme = made_again(&stack, &former).await;
    let own = acme.endpoint(json!({ "url": receiver.url("/own") })).await;
    let event = acme.post_event(json!({ "type": "a.b", "data": {} })).await;
    acme.delivery(&event, &own, "delivered").await;
    let table = runtime(&stack).await.dynamodb;
    let scan = table.scan().table_name("posthorn").filter_expression("begins_with(pk, :room)");
    let room = AttributeValue::S("RL#new#acme".to_owned());
    let asked = scan.expression_attribute_values(":room", room).send().await.expect("an answer");
    assert_eq!(asked.items(), [], "nobody has asked for room");
}

/// What was sent to it and is read when another has its id.
#[tokio::test]
async fn messages_for_it_are_dead_letters_and_stay_so() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let former = stack.account("acme").await;
    let then = tenant(&stack, "acme").await;
    let acme = made_again(&stack, &former).await;
    let now = tenant(&stack, "acme").await;
    assert!(then.generation() < now.generation());
    acme.endpoint(json!({ "url": receiver.url("/hook") })).await;

    let sqs = stack.sqs().await;
    let push = async |name: &str, attribute: Option<(&str, String)>| {
        let event = json!({ "account": "acme", "id": name, "type": "a.b", "data": {} });
        let mut send = sqs.send_message().queue_url(stack.events_queue_url());
        if let Some((name, value)) = attribute {
            send = send.message_attributes(name, text(&value));
        }
        send.message_body(event.to_string()).send().await.expect("sent");
    };
    // As the API sends it, and as a letter comes back that a producer sent long ago.
    push("accepted-then", Some(("posthorn-generation", then.generation().to_string()))).await;
    let long_ago = then.created_at.checked_add(SignedDuration::from_millis(1)).unwrap();
    push("pushed-then", Some(("posthorn-key", EventKey::new(long_ago, 7).to_string()))).await;
    push("pushed-now", None).await;
    push("accepted-now", Some(("posthorn-generation", now.generation().to_string()))).await;
    push("of-nobody", Some(("posthorn-generation", "the first".to_owned()))).await;
    receiver.wait_for("/hook", 2).await;
    dead_letters(&stack, 3).await;
    // Sent back, they are still not the new account's.
    let redriven = stack.command(&["dlq", "redrive", "events"]).await.expect("success");
    assert!(redriven.contains("3 sent back"), "{redriven}");
    dead_letters(&stack, 3).await;
    let letters = stack.drain("events-dlq").await.into_iter();
    let attributes = letters.flat_map(|(_, attributes)| attributes);
    let reasons = attributes.filter(|(name, _)| name == "reason").map(|(_, reason)| reason);
    let reasons: Vec<String> = reasons.collect();
    let deleted = "/account: the account acme that it was sent to has been deleted";
    assert_eq!(reasons.iter().filter(|it| it.starts_with(deleted)).count(), 2, "{reasons:?}");
    assert_eq!(
        reasons.iter().filter(|it| it.contains("not a generation")).count(),
        1,
        "{reasons:?}"
    );
    stack.wait_until_idle().await;
    let ids: Vec<String> = receiver
        .requests("/hook")
        .iter()
        .map(|request| request.header("webhook-id").to_owned())
        .collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert!(ids.iter().all(|id| id.ends_with("-now")), "{ids:?}");
}

#[tokio::test]
async fn answers_that_were_kept_for_it_are_not_given_again() {
    let stack = Stack::start().await;
    let former = stack.account("acme").await;
    let admin = Client::new(&stack.api_url, ADMIN_KEY);
    let create = async || {
        let headers = [("posthorn-account", "acme"), ("idempotency-key", "the-endpoint")];
        let hook = json!({ "url": "https://example.com/" }).to_string();
        let answer = admin.request("POST", "/v1/endpoints", &headers, hook).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let replayed = answer.headers.contains_key("idempotency-replayed");
        (answer.json["id"].as_str().expect("an id").to_owned(), replayed)
    };
    let (theirs, _) = create().await;
    assert_eq!(create().await, (theirs.clone(), true));
    // The path names the account, too.
    let key = async || {
        let key = json!({ "name": "tests", "scopes": ["manage"] }).to_string();
        let headers = [("idempotency-key", "the-key")];
        let answer = admin.request("POST", "/v1/accounts/acme/keys", &headers, key).await;
        stack.account_with_key("acme", answer.json["key"].as_str().expect("a key")).client
    };
    let theirs_too = key().await;
    assert_eq!(status(&theirs_too, "/v1/endpoints").await, 200);
    let acme = made_again(&stack, &former).await;
    assert_eq!(status(&theirs_too, "/v1/endpoints").await, 401);
    assert_eq!(status(&key().await, "/v1/endpoints").await, 200);
    let (own, replayed) = create().await;
    assert!(own != theirs && !replayed);
    assert_eq!(create().await, (own.clone(), true));
    let endpoints = acme.get("/v1/endpoints").await;
    assert_eq!(endpoints["data"].as_array().expect("a list").len(), 1);
    assert_eq!(endpoints["data"][0]["id"], own);
}

/// A request that began before the deletion and goes on after it, on another machine, say.
#[tokio::test]
async fn a_request_of_it_that_comes_late_sees_and_changes_nothing() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let former = stack.account("acme").await;
    let late = tenant(&stack, "acme").await;
    let acme = made_again(&stack, &former).await;
    assert_eq!(acme.post("/v1/event-types", json!({ "name": "a.b" })).await.status, 201);
    let own = acme.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let event = json!({ "id": "order-1", "type": "a.b", "data": {} });
    acme.post_event(event).await;
    acme.delivery("order-1", &own, "delivered").await;
    let stored = acme.get("/v1/events").await;

    let store = store(&stack).await;
    let order = "order-1".parse().unwrap();
    assert_eq!(store.key_of_event_id(&late, &order).await.unwrap(), None);
    let now = tenant(&stack, "acme").await;
    let key = store.key_of_event_id(&now, &order).await.unwrap().expect("its key");
    assert_eq!(store.event(&late, &key).await.unwrap(), None);
    assert!(store.event(&now, &key).await.unwrap().is_some());
    assert_eq!(store.endpoint_outlines(&late, 10).await.unwrap().items, []);
    assert_eq!(store.api_keys(&late, 10, None).await.unwrap().items, []);
    let catalog = CatalogOwner::Account(late.clone());
    assert_eq!(store.event_type(&catalog, &"a.b".parse().unwrap()).await.unwrap(), None);

    let at = Timestamp::now();
    let new = EventType {
        name: "c.d".parse().unwrap(),
        description: String::new(),
        schema: None,
        example: None,
        created_at: at,
        updated_at: at,
    };
    assert_eq!(store.create_event_type(&catalog, &new, 9).await.unwrap(), Created::NoAccount);
    store.delete_event_type(&catalog, &"a.b".parse().unwrap()).await.unwrap();
    store.delete_endpoint(&late, &own.parse().unwrap()).await.unwrap();
    let id = PortalSessionId::new(at, 1);
    let link = store.create_portal_link(&late, &sha256_hex("phs_late"), id, at).await.unwrap();
    assert_eq!(link, None);
    assert_eq!(acme.get("/v1/event-types").await["data"][0]["name"], "a.b");
    assert_eq!(acme.get("/v1/endpoints").await["data"][0]["id"], own);
    assert_eq!(acme.get("/v1/events").await, stored);
}

/// Items as the release before wrote them, which name an account by its id alone.
#[tokio::test]
async fn sessions_that_name_no_account_for_good_open_one_that_is_the_first() {
    let stack = Stack::start().await;
    let former = stack.account("acme").await;
    stack.account("other").await;
    made_again(&stack, &former).await;
    let runtime = runtime(&stack).await;
    let put = async |pk: String, sk: &str, document: Value| {
        let text = |text: String| AttributeValue::S(text);
        let put = runtime.dynamodb.put_item().table_name("posthorn");
        let put = put.item("pk", text(pk)).item("sk", text(sk.to_owned()));
        let put = put.item("d", text(document.to_string()));
        put.item("r", AttributeValue::N("1".to_owned())).send().await.expect("put");
    };
    for (account, of_session, of_link) in [("acme", 401, 410), ("other", 200, 303)] {
        let document = json!({ "account": account, "expires_at": "2099-01-01T00:00:00Z" });
        let hash = |token: &str| sha256_hex(&format!("{token}_{account}"));
        put(format!("PO#{}", hash("pht")), "PO", document.clone()).await;
        put(format!("PS#{}", hash("phs")), "PS", document).await;
        let mut browser = Browser::new(&stack);
        browser.cookie = format!("posthorn-portal=pht_{account}");
        assert_eq!(browser.get("/portal/endpoints").await.status, of_session, "{account}");
        let entered = Browser::new(&stack).enter(&format!("phs_{account}")).await;
        assert_eq!(entered.status, of_link, "{account}");
    }
}
