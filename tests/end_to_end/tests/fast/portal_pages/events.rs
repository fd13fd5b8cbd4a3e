//! Events and where they went.

use posthorn_end_to_end::{Receiver, Stack};
use serde_json::json;

use super::visitor::Visitor;

#[tokio::test]
async fn an_event_shows_what_it_holds_and_where_it_went() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let acme = stack.account("acme").await;
    let endpoint = acme.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let event = json!({ "id": "order-1", "type": "order.paid", "data": { "total": 12.50, "lines": [{ "sku": "a" }] } });
    acme.post_until_known(json!({ "type": "order.seen", "data": {} }), &endpoint).await;
    acme.post_event(event).await;
    acme.delivery("order-1", &endpoint, "delivered").await;

    let visitor = Visitor::of(&stack, "acme").await;
    let list = visitor.page("/events").await;
    assert!(list.contains("href=\"/portal/events/order-1\""), "{list}");
    let narrowed = visitor.page("/events?type=order.paid").await;
    assert!(narrowed.contains("order-1") && !narrowed.contains(">order.seen</a>"), "{narrowed}");
    assert!(!visitor.page("/events?until=2020-01-01T00:00").await.contains("order-1"));
    let odd = visitor.page("/events?since=yesterday").await;
    assert!(odd.contains("is a time like"), "{odd}");

    let found = visitor.get("/events?id=order-1").await;
    assert_eq!(
        (found.status, &found.headers["location"]),
        (303, &"/portal/events/order-1".parse().unwrap())
    );
    let none = visitor.page("/events?id=%3Cscript%3E").await;
    assert!(
        none.contains("There is no event with this id") && !none.contains("<script>\""),
        "{none}"
    );

    let page = visitor.page("/events/order-1").await;
    assert!(page.contains(&format!("/portal/endpoints/{endpoint}/deliveries/order-1")), "{page}");
    assert!(page.contains("Delivered") && page.contains("  &quot;total&quot;: 12.5"), "{page}");
}

#[tokio::test]
async fn nobody_sees_anothers_events() {
    let stack = Stack::start().await;
    let (acme, other) = (stack.account("acme").await, stack.account("other").await);
    let id = acme.post_event(json!({ "type": "order.paid", "data": {} })).await;
    acme.post_event(json!({ "id": "mine", "type": "order.paid", "data": {} })).await;
    for id in [id.as_str(), "mine"] {
        acme.wait_until(&format!("/v1/events/{id}"), |_| true).await;
    }
    let own = json!({ "name": "secret.type" });
    assert_eq!(acme.post("/v1/event-types", own).await.status, 201);

    let visitor = Visitor::of(&stack, &other.id).await;
    assert!(!visitor.page("/events").await.contains(&id));
    let unknown = visitor.missing("/events/evt_01h455vb4pex5vsknk084sn02q").await;
    for theirs in [format!("/events/{id}"), "/events/mine".to_owned()] {
        let csrf = |page: &str| page.split("name=\"csrf\"").count();
        let seen = visitor.missing(&theirs).await;
        assert_eq!(seen, unknown, "{theirs}");
        assert_eq!(csrf(&seen), 2);
    }
    assert!(!visitor.page("/event-types").await.contains("secret.type"));
    visitor.missing("/event-types/secret.type").await;
}

#[tokio::test]
async fn what_an_event_holds_does_nothing_to_its_page() {
    let stack = Stack::start().await;
    let acme = stack.account("acme").await;
    let hostile = r#"</pre><script>alert(1)</script><img src=x onerror=alert(2)>"'&"#;
    let id = acme.post_event(json!({ "type": "a.b", "data": { hostile: hostile } })).await;
    acme.wait_until(&format!("/v1/events/{id}"), |_| true).await;
    let endpoint = json!({ "url": "http://127.0.0.1:9/?<script>", "description": hostile });
    acme.post("/v1/endpoints", endpoint).await;
    let described = json!({
        "name": "a.b",
        "description": hostile,
        "schema": { "description": hostile, "properties": { hostile: { "enum": [hostile], "pattern": "<i>|img" } } },
        "example": { hostile: hostile },
    });
    let answer = acme.post("/v1/event-types", described).await;
    assert_eq!(answer.status, 201, "{}", answer.text);

    let visitor = Visitor::of(&stack, "acme").await;
    for path in [
        format!("/events/{id}"),
        "/event-types/a.b".to_owned(),
        "/event-types".to_owned(),
        "/events".to_owned(),
    ] {
        let page = visitor.page(&path).await;
        let scripts = page.matches("<script").count();
        assert_eq!(
            (scripts, page.contains("<img"), page.contains("<i>")),
            (2, false, false),
            "{path}: {page}"
        );
        assert!(!page.contains(" style="), "{path}");
    }
    assert!(
        visitor
            .page(&format!("/events/{id}"))
            .await
            .contains("&lt;script&gt;alert(1)&lt;/script&gt;")
    );
}

#[tokio::test]
async fn an_address_that_cant_be_read_is_explained_by_a_page() {
    let stack = Stack::start().await;
    stack.account("acme").await;
    let visitor = Visitor::of(&stack, "acme").await;
    for path in ["/events?since=a&since=b", "/events/%FF", "/endpoints/%FF", "/verify?in=a&in=b"] {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
        assert!(answer.text.starts_with("<!DOCTYPE html>"), "{path}: {}", answer.text);
        assert!(answer.text.contains("can't be read"), "{path}: {}", answer.text);
    }
}
