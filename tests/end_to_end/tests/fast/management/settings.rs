//! Limits of accounts, settings of endpoints, statistics, dialects, portal links.

use std::time::Duration;

use posthorn_end_to_end::{Receiver, Reply, Stack, eventually};
use serde_json::{Value, json};

use super::pointers;

#[tokio::test]
async fn limits_of_an_account_hold_and_can_be_raised() {
    let stack = Stack::start().await;
    let admin = stack.admin();
    let account = stack.account("acme").await;
    assert_eq!(admin.get("/v1/accounts/acme").await["limits"]["endpoints"], 500);
    let patched =
        admin.patch("/v1/accounts/acme", json!({ "limits": { "endpoints": 1, "event_types": 1 } }));
    let limits = |endpoints| json!({ "endpoints": endpoints, "event_types": 1, "per_second": null, "per_hour": null, "requests_per_second": 10_000 });
    assert_eq!(patched.await["limits"], limits(1));
    for (path, body) in [
        ("/v1/endpoints", json!({ "url": "https://example.com/" })),
        ("/v1/event-types", json!({ "name": "a" })),
    ] {
        eventually("the limit", async || {
            let answer = account.post(path, body.clone()).await;
            if answer.status == 409 && answer.text.contains("limits") {
                Ok(())
            } else {
                Err(answer.text)
            }
        })
        .await;
    }
    let patched = admin.patch("/v1/accounts/acme", json!({ "limits": { "endpoints": 500 } })).await;
    assert_eq!(patched["limits"], limits(500));
    eventually("the higher limit", async || {
        let answer = account.post("/v1/endpoints", json!({ "url": "https://example.com/" })).await;
        if answer.status == 201 { Ok(()) } else { Err(answer.text) }
    })
    .await;
    let wrong = json!({ "limits": { "endpoints": 10_001 } }).to_string();
    let answer = admin.request("PATCH", "/v1/accounts/acme", &[], wrong).await;
    assert_eq!(pointers(&answer), ["/limits/endpoints"], "{}", answer.text);
    let wrong = json!({ "limits": { "endpoint": 1 } }).to_string();
    let answer = admin.request("PATCH", "/v1/accounts/acme", &[], wrong).await;
    assert_eq!(pointers(&answer), ["/limits"], "{}", answer.text);
}

#[tokio::test]
async fn a_rate_limit_is_read_back_and_checked() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let limit = json!({ "per_second": 10, "per_hour": 1000 });
    let endpoint = json!({ "url": "https://example.com/", "rate_limit": limit });
    let id = account.endpoint(endpoint).await;
    let path = format!("/v1/endpoints/{id}");
    assert_eq!(account.get(&path).await["rate_limit"], limit);
    let patched = account.patch(&path, json!({ "rate_limit": { "per_hour": 5 } })).await;
    assert_eq!(patched["rate_limit"], json!({ "per_hour": 5 }));
    assert_eq!(
        account.patch(&path, json!({ "rate_limit": null })).await["rate_limit"],
        Value::Null
    );
    let patched = account.patch(&path, json!({ "rate_limit": { "per_second": 5.0 } })).await;
    assert_eq!(
        patched["rate_limit"],
        json!({ "per_second": 5 }),
        "a whole number, however written"
    );
    for (limit, pointer) in [
        (json!({}), "/rate_limit"),
        (json!({ "per_second": 0 }), "/rate_limit/per_second"),
        (json!({ "per_minute": 1 }), "/rate_limit"),
        (json!(10), "/rate_limit"),
        (json!([10, 1000]), "/rate_limit"),
    ] {
        let patch = json!({ "rate_limit": limit }).to_string();
        let answer = account.request("PATCH", &path, &[], patch).await;
        assert_eq!(pointers(&answer), [pointer], "{}", answer.text);
    }
}

#[tokio::test]
async fn statistics_count_what_became_of_deliveries() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let policy = json!({ "schedule": ["1s"] });
    let endpoint = account.endpoint(json!({ "url": receiver.url("/hook"), "retry": policy })).await;
    let statuses = [200, 500, 500, 200, 200];
    receiver.replies("/hook", statuses[1..3].iter().map(|s| Reply::status(*s)).collect());
    let event = json!({ "type": "a.b", "data": {} });
    let failed = account.post_event(event.clone()).await;
    account.delivery(&failed, &endpoint, "failed").await;
    for _ in 0..3 {
        let id = account.post_event(event.clone()).await;
        account.delivery(&id, &endpoint, "delivered").await;
    }
    let sample = json!({ "event_type": "a.b", "data": {} });
    let test = account.post(&format!("/v1/endpoints/{endpoint}/test"), sample).await;
    let test = test.json["event_id"].as_str().expect("an id").to_owned();
    account.delivery(&test, &endpoint, "delivered").await;

    let path = format!("/v1/endpoints/{endpoint}/stats");
    let stats = account.wait_until(&path, |stats| stats["total"]["delivered"] == 3).await;
    let total = &stats["total"];
    assert_eq!(total["attempts"], 5, "{stats}");
    assert_eq!(total["failed_attempts"], 2, "{stats}");
    assert_eq!(total["failed"], 1, "{stats}");
    assert_eq!(total["success_rate"], 0.75, "{stats}");
    assert!(total["latency_ms"]["p99"].is_u64(), "{stats}");
    let hours = stats["hours"].as_array().expect("hours");
    assert!((1..=2).contains(&hours.len()), "{stats}");

    // A replay that succeeds counts as delivered.
    let replay = format!("/v1/events/{failed}/deliveries/{endpoint}/replay");
    assert_eq!(account.post(&replay, json!({})).await.status, 202);
    account.wait_until(&path, |stats| stats["total"]["delivered"] == 4).await;

    let none = account.get(&format!("{path}?until=2001-01-01T00:00:00Z")).await;
    assert_eq!(none["total"]["success_rate"], Value::Null);
    assert_eq!(none["hours"], json!([]));
    for query in [
        "since=2001-01-01T00:00:00Z",
        "since=2001-01-02T00:00:00Z&until=2001-01-01T00:00:00Z",
        "since=yesterday",
    ] {
        let answer = account.request("GET", &format!("{path}?{query}"), &[], "").await;
        assert_eq!((answer.status, pointers(&answer)), (422, vec!["/since"]), "{}", answer.text);
    }
}

#[tokio::test]
async fn dialects_describe_themselves() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let list = account.get("/v1/dialects").await;
    let standard = account.get("/v1/dialects/standard").await;
    assert!(list["data"].as_array().expect("a list").contains(&standard), "{list}");
    assert_eq!(standard["timeout_seconds"], 15);
    assert_eq!(standard["retry"]["schedule"].as_array().expect("a schedule").len(), 7);
    assert_eq!(account.request("GET", "/v1/dialects/klingon", &[], "").await.status, 404);
}

#[tokio::test]
async fn a_portal_link_is_made_for_an_account_by_the_platform_team() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let path = "/v1/accounts/acme/portal-sessions";
    let answer = stack.admin().post(path, json!({ "expires_in": 600 })).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let url = answer.json["url"].as_str().expect("a link");
    assert!(url.starts_with(&format!("{}/portal?session=phs_", stack.api_url)), "{url}");
    let expires: jiff::Timestamp = answer.json["expires_at"].as_str().unwrap().parse().unwrap();
    let left = expires.duration_since(jiff::Timestamp::now()).as_secs();
    assert!((500..=600).contains(&left), "{left} s");
    let answer = stack.admin().post(path, json!({ "expires_in": 1 })).await;
    assert_eq!(pointers(&answer), ["/expires_in"], "{}", answer.text);
    assert_eq!(account.post(path, json!({})).await.status, 403);
    let nobody = "/v1/accounts/nobody/portal-sessions";
    assert_eq!(stack.admin().post(nobody, json!({})).await.status, 404);
}

#[tokio::test]
async fn an_account_puts_its_own_values_in_the_dialects_place() {
    let stack = Stack::with_time_scale(10.0).await;
    let (admin, receiver) = (stack.admin(), Receiver::start().await);
    let own = json!({
        "id": "acme", "name": "Acme", "dialect": "fltr",
        "limits": { "endpoints": 2, "per_second": 50 },
        "retry": { "schedule": ["10s"] }, "timeout_seconds": 1,
    });
    let created = admin.post("/v1/accounts", own).await;
    assert_eq!(created.status, 201, "{}", created.text);
    // What it does not say is the dialect's; what nobody says is everybody's.
    let limits = json!({ "endpoints": 2, "event_types": 500, "per_second": 50, "per_hour": 1000, "requests_per_second": 10_000 });
    assert_eq!(created.json["limits"], limits);
    let key = json!({ "name": "k", "scopes": ["manage", "publish", "read"] });
    let key = admin.post("/v1/accounts/acme/keys", key).await;
    let acme = stack.account_with_key("acme", key.json["key"].as_str().unwrap());
    let endpoint = acme.endpoint(json!({ "url": receiver.url("/hook") })).await;
    receiver.replies("/hook", vec![Reply::after(Duration::from_secs(10), 200), Reply::status(500)]);
    let event = acme.post_event(json!({ "type": "dataset.created", "data": {} })).await;
    let failed = acme.delivery(&event, &endpoint, "failed").await;
    assert_eq!(failed["attempt_count"], 2, "{failed}");
    assert_eq!(failed["attempts"][0]["error"]["kind"], "timeout");

    let patch = json!({ "limits": { "endpoints": null }, "retry": null, "timeout_seconds": null });
    let changed = admin.patch("/v1/accounts/acme", patch).await;
    assert_eq!(changed["limits"]["endpoints"], 100);
    assert_eq!(changed["limits"]["per_second"], 50);
    assert_eq!((&changed["retry"], &changed["timeout_seconds"]), (&json!(null), &json!(null)));
    let changed = admin.patch("/v1/accounts/acme", json!({ "limits": null })).await;
    assert_eq!(changed["limits"]["per_second"], Value::Null);
    let wrong = json!({ "limits": { "per_hour": 0, "endpoints": 10_001 }, "timeout_seconds": 31 });
    let refused = admin.request("PATCH", "/v1/accounts/acme", &[], wrong.to_string()).await;
    assert_eq!(
        pointers(&refused),
        ["/limits/endpoints", "/limits/per_hour", "/timeout_seconds"],
        "{}",
        refused.text
    );
}
