//! An account that is deleted and made again under the same id: nothing of the former one is left to
//! whoever had it, or gets in the way of the new one.

use std::time::Duration;

use futures::future::join_all;
use posthorn_end_to_end::{Browser, Receiver, Stack, portal_token};
use serde_json::json;

/// Requests with the former key while the account goes and comes.
const LATE: usize = 60;
/// A key that was deleted works for a second at the most.
const FORGOTTEN: Duration = Duration::from_millis(1_500);

#[tokio::test(flavor = "multi_thread")]
async fn an_account_made_again_has_nothing_of_the_former_one() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let former = stack.account("acme").await;
    former.endpoint(json!({ "url": receiver.url("/former") })).await;
    let secret = json!({ "id": "order-1", "type": "a.b", "data": { "of": "the former" } });
    former.post_event(secret).await;
    receiver.wait_for("/former", 1).await;
    let visitor = Browser::of(&stack, "acme").await;
    let unused = portal_token(&stack, "acme").await;

    stack.admin().delete("/v1/accounts/acme").await;
    // With a key that is known for another second.
    let late = (0..LATE).map(|number| {
        let hook = json!({ "url": receiver.url("/late") }).to_string();
        let (client, wait) = (former.client.clone(), Duration::from_millis(20 * number as u64));
        async move {
            tokio::time::sleep(wait).await;
            client.request("POST", "/v1/endpoints", &[], hook).await.status
        }
    });
    let again = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let again = json!({ "id": "acme", "name": "again" });
        stack.admin().post("/v1/accounts", again).await
    };
    let (late, mut again) = tokio::join!(join_all(late), again);
    assert!(late.iter().all(|status| [201, 401, 404, 409].contains(status)), "{late:?}");
    tokio::time::sleep(FORGOTTEN).await;
    assert_eq!(visitor.get("/portal/endpoints").await.status, 401, "the former session");
    if again.status == 409 {
        // Perhaps the id is only kept back until the former key is forgotten.
        again = stack.admin().post("/v1/accounts", json!({ "id": "acme", "name": "again" })).await;
    }
    if again.status == 409 {
        // An id that is not given again harms nobody.
        return;
    }
    assert_eq!(again.status, 201, "{}", again.text);

    let key = json!({ "name": "tests", "scopes": ["manage"] });
    let key = stack.admin().post("/v1/accounts/acme/keys", key).await;
    let acme = stack.account_with_key("acme", key.json["key"].as_str().expect("a key"));
    assert_eq!(visitor.get("/portal/endpoints").await.status, 401, "the former session");
    assert_eq!(Browser::new(&stack).enter(&unused).await.status, 410, "the former link");
    assert_eq!(former.request("GET", "/v1/endpoints", &[], "").await.status, 401);
    assert_eq!(acme.request("GET", "/v1/events/order-1", &[], "").await.status, 404);
    assert_eq!(acme.get("/v1/events").await["data"], json!([]), "the former events");
    assert_eq!(acme.get("/v1/endpoints").await["data"], json!([]), "made with the former key");

    let own = acme.endpoint(json!({ "url": receiver.url("/own") })).await;
    acme.post_until_known(json!({ "type": "a.b", "data": {} }), &own).await;
    let event = json!({ "id": "order-1", "type": "a.b", "data": { "of": "the new one" } });
    acme.post_event(event).await;
    // Not a duplicate of the former one's.
    acme.delivery("order-1", &own, "delivered").await;
    assert_eq!(receiver.count("/former"), 1, "nothing of the new one's");
    assert_eq!(receiver.count("/late"), 0, "nothing of the new one's");
}
