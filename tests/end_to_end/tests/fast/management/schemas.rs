//! Schemas as people write them: they are taken, and hold from the moment that they are confirmed.

use posthorn_end_to_end::{Receiver, Stack, eventually, repository};
use serde_json::{Map, Value, json};

use super::pointers;

fn file(name: &str) -> Value {
    let path = repository("tests/end_to_end/schemas").join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).expect("a file");
    serde_json::from_str(&text).expect("JSON")
}

/// A schema as a program writes it: 500 properties in 60 KB.
fn generated() -> Value {
    let property = |n: usize| {
        let schema = match n % 4 {
            0 => {
                json!({ "type": "string", "maxLength": 200, "description": "A text of the record." })
            }
            1 => {
                json!({ "type": ["integer", "null"], "minimum": 0, "description": "A number of it." })
            }
            2 => json!({ "type": "array", "items": { "$ref": "#/$defs/entry" }, "maxItems": 100 }),
            _ => {
                json!({ "enum": ["draft", "active", "archived"], "default": "draft", "title": "State" })
            }
        };
        (format!("generated_property_number_{n:03}"), schema)
    };
    json!({
        "type": "object",
        "properties": (0..500).map(property).collect::<Map<_, _>>(),
        "required": ["generated_property_number_000"],
        "additionalProperties": false,
        "$comment": "x".repeat(13_000),
        "$defs": { "entry": { "type": "object", "properties": {
            "key": { "type": "string", "pattern": "^[a-z][a-z0-9_]*$" }, "value": {},
        } } },
    })
}

#[tokio::test]
async fn schemas_as_people_write_them_are_taken() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let record = json!({
        "generated_property_number_000": "a", "generated_property_number_001": null,
        "generated_property_number_002": [{ "key": "a_1", "value": 1 }],
        "generated_property_number_003": "active",
    });
    let generated = generated();
    assert!((55_000..65_536).contains(&generated.to_string().len()));
    for (name, schema, example, wrong, pointer) in [
        (
            "order.placed",
            file("order"),
            file("order.example"),
            ("/lines/1/unitPrice/amount", json!(7.505)),
            "/data/lines/1/unitPrice/amount",
        ),
        (
            "tree.changed",
            file("tree"),
            file("tree.example"),
            ("/children/0/children/0/children/0/name", json!("")),
            "/data/children/0/children/0/children/0/name",
        ),
        (
            "cloud.event",
            file("cloudevent"),
            file("cloudevent.example"),
            ("/source", json!("")),
            "/data/source",
        ),
        (
            "record.written",
            generated,
            record,
            ("/generated_property_number_002/0/key", json!("A")),
            "/data/generated_property_number_002/0/key",
        ),
    ] {
        let event_type = json!({ "name": name, "schema": schema, "example": example });
        let created = account.post("/v1/event-types", event_type).await;
        assert_eq!(created.status, 201, "{name}: {}", created.text);
        account.post_event(json!({ "type": name, "data": example })).await;
        let mut data = example;
        *data.pointer_mut(wrong.0).expect("a place") = wrong.1;
        let answer = account.post("/v1/events", json!({ "type": name, "data": data })).await;
        assert_eq!((answer.status, pointers(&answer)), (422, vec![pointer]), "{}", answer.text);
    }
}

/// As large as an event may be, by a schema that looks at each of its values.
#[tokio::test]
async fn an_event_of_a_quarter_of_a_megabyte_is_checked_and_delivered() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let event_type = json!({ "name": "order.placed", "schema": file("order") });
    assert_eq!(account.post("/v1/event-types", event_type).await.status, 201);
    let mut data = file("order.example");
    let price = json!({ "amount": 19.99, "currency": "EUR" });
    let line = json!({
        "sku": "TEA-100-XL", "description": "y".repeat(90), "quantity": 3, "unitPrice": price, "tax": price,
    });
    data["lines"] = json!(vec![line; 1_000]);
    assert!((200_000..262_144).contains(&data.to_string().len()), "{}", data.to_string().len());
    account.post_event(json!({ "type": "order.placed", "data": data })).await;
    assert_eq!(receiver.wait_for("/hook", 1).await[0].json()["data"], data);
    data["lines"][999]["quantity"] = json!(0);
    let answer = account.post("/v1/events", json!({ "type": "order.placed", "data": data })).await;
    assert_eq!(pointers(&answer), ["/data/lines/999/quantity"], "{}", answer.text);
}

#[tokio::test]
async fn what_is_confirmed_holds_for_the_next_event() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let (account, admin) = (stack.account("acme").await, stack.admin());
    let post = async |data: Value| {
        account.post("/v1/events", json!({ "type": "vault.created", "data": data })).await.status
    };
    let schema = |number: u32| json!({ "schema": { "properties": { "n": { "const": number } } } });
    // Read before anything is in the catalog, so that there is something to forget.
    assert_eq!(post(json!({ "n": 0 })).await, 202);
    let event_type = json!({ "name": "vault.created", "schema": { "required": ["n"] } });
    assert_eq!(account.post("/v1/event-types", event_type).await.status, 201);
    assert_eq!(post(json!({})).await, 422);
    for number in 1..20 {
        account.patch("/v1/event-types/vault.created", schema(number)).await;
        assert_eq!(post(json!({ "n": number })).await, 202, "{number}");
        assert_eq!(post(json!({ "n": number - 1 })).await, 422, "{number}");
    }
    account.delete("/v1/event-types/vault.created").await;
    assert_eq!(post(json!({})).await, 202);
    // The catalog of all accounts.
    let event_type = json!({ "name": "vault.created", "schema": { "required": ["m"] } });
    assert_eq!(admin.post("/v1/event-types", event_type).await.status, 201);
    assert_eq!(post(json!({})).await, 422);
    admin.delete("/v1/event-types/vault.created").await;
    assert_eq!(post(json!({})).await, 202);

    // Endpoints: each event reaches those that were there when it was sent, and perhaps the next one.
    stack.wait_until_idle().await;
    for number in 0..5 {
        account.endpoint(json!({ "url": receiver.url(&format!("/hook/{number}")) })).await;
        assert_eq!(post(json!({ "of": number })).await, 202);
    }
    for number in 0..5 {
        let path = format!("/hook/{number}");
        eventually(&format!("its events at {path}"), async || {
            let requests = receiver.requests(&path);
            let events: Vec<_> =
                requests.iter().map(|request| request.json()["data"]["of"].as_u64()).collect();
            match (number..5).all(|of| events.contains(&Some(of))) {
                true => Ok(()),
                false => Err(format!("{events:?}")),
            }
        })
        .await;
    }
}
