//! Bad input has a clear error, and loses nothing.

use posthorn_end_to_end::{Answer, Receiver, Stack};
use serde_json::json;

fn pointers(answer: &Answer) -> Vec<&str> {
    let errors = answer.json["errors"].as_array();
    errors
        .into_iter()
        .flatten()
        .map(|error| error["pointer"].as_str().expect("a pointer"))
        .collect()
}

fn check(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.json["status"], status);
    assert!(answer.json["detail"].is_string());
}

#[tokio::test]
async fn events_by_rest() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let post = async |body: String| account.request("POST", "/v1/events", &[], body).await;

    check(&post("{".into()).await, 400);
    check(&post("[]".into()).await, 400);
    let answer = account.request("POST", "/v1/events", &[], vec![b'{', 0xff, b'}']).await;
    check(&answer, 400);

    let answer = post(r#"{"type": "a..b", "data": 1, "extra": true, "id": "a b"}"#.into()).await;
    check(&answer, 422);
    assert_eq!(pointers(&answer), ["/id", "/type", "/data", "/extra"]);

    let event = |bytes: usize| {
        let filling = "x".repeat(bytes - r#"{"a":""}"#.len());
        format!(r#"{{"type":"a.b","data":{{"a":"{filling}"}}}}"#)
    };
    assert_eq!(post(event(256 * 1024)).await.status, 202);
    check(&post(event(256 * 1024 + 1)).await, 413);
    check(&post("x".repeat(5 * 1024 * 1024)).await, 413);

    let answer = post(json!({ "events": [] }).to_string()).await;
    check(&answer, 422);
    let good = json!({ "type": "a.b", "data": {} });
    let answer = post(json!({ "events": vec![good.clone(); 101] }).to_string()).await;
    check(&answer, 422);
    let answer = post(json!({ "events": [good, { "type": "a.b" }] }).to_string()).await;
    check(&answer, 422);
    assert_eq!(pointers(&answer), ["/events/1/data"]);
}

#[tokio::test]
async fn the_catalog_refuses_types_that_it_lacks() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let created = account.post("/v1/event-types", json!({ "name": "vault.created" })).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let post = async |event_type: &str| {
        account.post("/v1/events", json!({ "type": event_type, "data": {} })).await
    };
    let answer = posthorn_end_to_end::eventually("the catalog to be known", async || {
        let answer = post("vault.destroyed").await;
        if answer.status == 422 { Ok(answer) } else { Err(answer.text) }
    })
    .await;
    assert_eq!(pointers(&answer), ["/type"]);
    assert_eq!(post("vault.created").await.status, 202);
}

#[tokio::test]
async fn endpoints() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let refused = [
        (json!({}), "/url"),
        (json!({ "url": "not a url" }), "/url"),
        (json!({ "url": "ftp://example.com/" }), "/url"),
        (json!({ "url": "http://example.com/" }), "/url"),
        (json!({ "url": "https://10.0.0.1/" }), "/url"),
        (json!({ "url": "https://169.254.169.254/" }), "/url"),
        (json!({ "url": "https://user:pass@example.com/" }), "/url"),
        (json!({ "url": "https://example.com/", "event_types": ["a..b"] }), "/event_types/0"),
        (json!({ "url": "https://example.com/", "event_types": ["*"] }), "/event_types/0"),
        (
            json!({ "url": "https://example.com/", "filter": { "data": { "a": "x" } } }),
            "/filter/data/a",
        ),
        (
            json!({ "url": "https://example.com/", "filter": { "data": { "a": [{ "oops": 1 }] } } }),
            "/filter/data/a/0/oops",
        ),
        (json!({ "url": "https://example.com/", "headers": { "Host": "x" } }), "/headers/Host"),
        (
            json!({ "url": "https://example.com/", "headers": { "Webhook-Id": "x" } }),
            "/headers/Webhook-Id",
        ),
        (json!({ "url": "https://example.com/", "headers": { "X": "a\nb" } }), "/headers/X"),
        (json!({ "url": "https://example.com/", "timeout_seconds": 31 }), "/timeout_seconds"),
        (json!({ "url": "https://example.com/", "timeout_seconds": "5" }), "/timeout_seconds"),
        (
            json!({ "url": "https://example.com/", "retry": { "schedule": ["25h"] } }),
            "/retry/schedule/0",
        ),
        (
            json!({ "url": "https://example.com/", "retry": { "count": 20, "delay_seconds": 5 } }),
            "/retry",
        ),
        (json!({ "url": "https://example.com/", "retry": "often" }), "/retry"),
        (json!({ "url": "https://example.com/", "secret": "short" }), "/secret"),
        (json!({ "url": "https://example.com/", "colour": "red" }), "/colour"),
    ];
    for (body, pointer) in refused {
        let answer = account.post("/v1/endpoints", body.clone()).await;
        check(&answer, 422);
        assert!(
            pointers(&answer).iter().any(|found| found.starts_with(pointer)),
            "{body}: {}",
            answer.text
        );
    }
    assert_eq!(account.get("/v1/endpoints").await["data"], json!([]));
}

#[tokio::test]
async fn bodies() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let deep = format!(r#"{{"filter":{}"#, "[".repeat(100_000));
    let bodies: [(&[u8], u16); 6] = [
        (b"", 400),
        (b"[]", 400),
        (b"{\"url\":\"https://example.com/\xff\"}", 400),
        (deep.as_bytes(), 400),
        (br#"{"url":"https://a.example/","url":"https://b.example/"}"#, 422),
        (br#"{"url":"https://a.example/","metadata":{"k":"1","k":"2"}}"#, 422),
    ];
    for path in ["/v1/endpoints", "/v1/event-types", "/v1/events"] {
        for (body, status) in &bodies {
            let answer = account.request("POST", path, &[], body.to_vec()).await;
            // What an event takes for malformed is its own affair; it is refused all the same.
            let status =
                if path == "/v1/events" && *status == 422 { answer.status } else { *status };
            check(&answer, status);
            assert!((400..500).contains(&answer.status), "{path}: {}", answer.text);
        }
    }
    let twice = account.request("POST", "/v1/endpoints", &[], bodies[5].0.to_vec()).await;
    assert_eq!(twice.json["errors"][0]["pointer"], "/metadata/k", "{}", twice.text);
    assert_eq!(account.get("/v1/endpoints").await["data"], json!([]));
}

#[tokio::test]
async fn keys_accounts_and_routes() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let other = stack.account("other").await;
    let endpoint = account.endpoint(json!({ "url": "https://example.com/" })).await;

    let nobody = posthorn_end_to_end::Client::new(&stack.api_url, "");
    check(&nobody.request("GET", "/v1/endpoints", &[], "").await, 401);
    let stranger = posthorn_end_to_end::Client::new(&stack.api_url, "phk_unknown");
    check(&stranger.request("GET", "/v1/endpoints", &[], "").await, 401);
    check(&account.request("GET", "/v1/accounts", &[], "").await, 403);
    let header = [("posthorn-account", "other")];
    check(&account.request("GET", "/v1/endpoints", &header, "").await, 404);
    check(&stack.admin().request("GET", "/v1/endpoints", &[], "").await, 400);
    let header = [("posthorn-account", "nobody")];
    check(&stack.admin().request("GET", "/v1/endpoints", &header, "").await, 404);

    // What is another account's looks like what does not exist.
    let path = format!("/v1/endpoints/{endpoint}");
    let theirs = other.request("GET", &path, &[], "").await;
    let none = other.request("GET", "/v1/endpoints/ep_01h455vb4pex5vsknk084sn02q", &[], "").await;
    check(&theirs, 404);
    assert_eq!(theirs.text, none.text);
    for (method, body) in [("PATCH", r#"{"active":false}"#), ("DELETE", "")] {
        check(&other.request(method, &path, &[], body).await, 404);
    }
    assert_eq!(account.get(&path).await["active"], true);

    check(&account.request("GET", "/v1/nothing", &[], "").await, 404);
    check(&account.request("PUT", "/v1/endpoints", &[], "").await, 405);
    check(&account.request("GET", "/v1/endpoints?limit=0", &[], "").await, 422);
    check(&account.request("GET", "/v1/endpoints?cursor=!", &[], "").await, 422);

    let again = json!({ "id": "acme", "name": "Acme" });
    check(&stack.admin().post("/v1/accounts", again).await, 409);
    for scopes in [json!([]), json!(["write"]), json!(["read", "manage", "manage", "manage"])] {
        let key = json!({ "name": "reader", "scopes": scopes });
        check(&stack.admin().post("/v1/accounts/acme/keys", key).await, 422);
    }
    let read_only = json!({ "name": "reader", "scopes": ["read"] });
    let answer = stack.admin().post("/v1/accounts/acme/keys", read_only).await;
    let reader = stack.account_with_key("acme", answer.json["key"].as_str().unwrap());
    assert_eq!(reader.get(&path).await["id"], json!(endpoint));
    check(&reader.post("/v1/events", json!({ "type": "a.b", "data": {} })).await, 403);
    check(&reader.request("GET", &format!("{path}/secret"), &[], "").await, 403);
}

#[tokio::test]
async fn events_by_sqs_go_to_the_dead_letter_queue_with_the_reason_and_block_nobody() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let (sqs, url) = (stack.sqs().await, stack.events_queue_url());
    let large =
        format!(r#"{{"account":"acme","type":"a.b","data":{{"a":"{}"}}}}"#, "x".repeat(300_000));
    let bad = [
        ("not json".to_owned(), "JSON"),
        (r#"{"type":"a.b","data":{}}"#.to_owned(), "account"),
        (r#"{"account":"nobody","type":"a.b","data":{}}"#.to_owned(), "nobody"),
        (r#"{"account":"acme","type":"a b","data":{}}"#.to_owned(), "type"),
        (r#"{"account":"acme","type":"a.b","data":{},"extra":1}"#.to_owned(), "extra"),
        (large, "262144"),
    ];
    for (body, _) in &bad {
        let good = json!({ "account": "acme", "type": "a.b", "data": {} }).to_string();
        for body in [body.clone(), good] {
            sqs.send_message().queue_url(&url).message_body(body).send().await.unwrap();
        }
    }
    receiver.wait_for("/hook", bad.len()).await;
    stack.wait_until_idle().await;
    let letters = stack.drain("events-dlq").await;
    assert_eq!(letters.len(), bad.len());
    for (body, word) in &bad {
        let letter = letters.iter().find(|(letter, _)| letter == body);
        let (_, attributes) = letter.unwrap_or_else(|| panic!("{body:.80} is not there"));
        let reason = attributes.iter().find(|(name, _)| name == "reason");
        let (_, reason) = reason.expect("a reason");
        assert!(reason.contains(word), "{body:.80}: {reason}");
    }
}
