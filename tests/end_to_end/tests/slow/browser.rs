//! The pages in Chromium: `tests/portal` goes through every flow of the portal, with keyboard and mouse,
//! in both themes and three widths, and reads the page of `posthorn listen`. Screenshots are kept in
//! `target/tmp/portal` and `target/tmp/listen`.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use posthorn_end_to_end::{
    ADMIN_KEY, Listening, Receiver, Reply, Stack, portal_link, run_node, store,
};
use posthorn_shared::ids::EndpointId;
use posthorn_shared::secret::Secret;
use posthorn_shared::signing::standard_webhooks;
use posthorn_shared::stats::{Counters, Hour};
use posthorn_shared::store::Store;
use serde_json::json;

#[tokio::test]
async fn people_can_use_the_portal() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    receiver
        .reply("/hook", Reply::status(200).body(r#"{"taken":true,"ref":12345678901234567890}"#));
    receiver.reply("/broken", Reply::status(500).body("<script>window.hacked = true</script>"));
    let product = stack.account_speaking("northwind", "filedgr").await;
    stack.admin().patch("/v1/accounts/northwind", json!({ "name": "Northwind Trading" })).await;
    let busy = json!({ "url": receiver.url("/hook"), "description": "Orders, into the warehouse" });
    let busy = product.endpoint(busy).await;
    let off = json!({ "url": receiver.url("/old"), "active": false, "event_types": ["vault.*"] });
    product.endpoint(off).await;
    product
        .post(
            "/v1/event-types",
            json!({
                "name": "described.thing",
                "description": "<img src=x onerror='window.hacked = true'>",
                "schema": {
                    "type": "object",
                    "required": ["address"],
                    "properties": {
                        "address": {
                            "type": "object",
                            "description": "<img src=x onerror='window.hacked = true'>",
                            "required": ["city"],
                            "properties": { "city": { "type": "string" }, "street": { "type": "string" } },
                        },
                    },
                },
            }),
        )
        .await;
    past_day(&store(&stack).await, &busy.parse().unwrap()).await;
    stack.account("plain").await;

    let screenshots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("portal");
    let input = json!({
        "api": stack.api_url,
        "link": portal_link(&stack, "northwind", json!({})).await,
        "plain_link": portal_link(&stack, "plain", json!({})).await,
        "key": product.key,
        "account": "northwind",
        "account_name": "Northwind Trading",
        "admin_key": ADMIN_KEY,
        "busy": busy,
        "hook": receiver.url("/hook"),
        "broken": receiver.url("/broken"),
        "screenshots": screenshots,
    });
    run_node("tests/portal/flows.mjs", &input).await;
}

#[tokio::test]
async fn people_can_read_the_page_of_listen() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let listening = Listening::start(&["--secret", secret]).await;
    let body = r#"{"type":"vault.created","data":{"x":"<script>window.hacked = true</script>"}}"#;
    let now = Timestamp::now().as_second();
    let secret: Secret = secret.parse().expect("a secret");
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", "evt_1".to_owned()),
        ("webhook-timestamp", now.to_string()),
        ("webhook-signature", standard_webhooks(&secret, "evt_1", now, body.as_bytes())),
    ];
    let sent: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let forged = body.replace("vault", "fault");
    for (body, status) in [(body, 200), (&forged, 401)] {
        let answer = listening.client.request("POST", "/hook?x=1", &sent, body.to_owned()).await;
        assert_eq!(answer.status, status);
    }
    let screenshots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("listen");
    let input = json!({
        "url": format!("{}/", listening.url),
        "headers": headers.into_iter().collect::<HashMap<_, _>>(),
        "body": body,
        "screenshots": screenshots,
    });
    run_node("tests/portal/listen.mjs", &input).await;
}

/// A day as a busy endpoint has it, for the charts.
async fn past_day(store: &Store, endpoint: &EndpointId) {
    let now = Hour::of(Timestamp::now());
    for ago in 0..24_u64 {
        let mut counters = Counters {
            delivered: 120 + 90 * ((ago * 7) % 11),
            failed: if ago % 9 == 4 { 60 + ago } else { ago % 3 },
            ..Counters::default()
        };
        counters.attempts = counters.delivered + counters.failed;
        for attempt in 0..counters.attempts {
            let slow = if attempt % 40 == 0 { 900 } else { 0 };
            counters.took(Duration::from_millis(20 + (attempt * 13 + ago * 11) % 140 + slow));
        }
        let ago = i64::try_from(ago).expect("a small number");
        store.count(endpoint, Hour(now.0 - ago), &counters).await.expect("it is written");
    }
}
