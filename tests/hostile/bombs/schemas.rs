//! Schemas whose text is small and whose check, or compiled form, is not.

use posthorn_end_to_end::Browser;
use serde_json::{Map, Value, json};

use super::{Scene, ask, expect};

/// A schema, and data that takes it long.
struct Bomb {
    schema: Value,
    data: Value,
}

/// `d0` asks for `d1` twice, and so on: as many steps as two to the power of `count`.
fn doubling(keyword: &str, count: usize, last: Value) -> Value {
    let mut all = Map::new();
    for number in 0..count {
        let next = json!({ "$ref": format!("#/$defs/d{}", number + 1) });
        all.insert(format!("d{number}"), json!({ keyword: [next, next] }));
    }
    all.insert(format!("d{count}"), last);
    json!({ "$defs": all, "$ref": "#/$defs/d0" })
}

/// The same by the depth of the data: a schema of a line, which asks for itself twice at each level.
fn by_depth(keyword: &str, innermost: &str) -> Bomb {
    let inside = json!({ "additionalProperties": { "$ref": "#" } });
    let data = (0..100).fold(json!({}), |inner, _| json!({ "a": inner }));
    Bomb { schema: json!({ keyword: [inside, inside], innermost: 1 }), data }
}

fn slow() -> Vec<Bomb> {
    let small = json!({ "a": 1 });
    let list = |count: usize, value: fn(usize) -> Value| json!({ "a": (0..count).map(value).collect::<Vec<_>>() });
    let of_a = |schema: Value| json!({ "properties": { "a": schema } });
    let texts: Vec<String> = (0..4_000).map(|number| format!("value-{number}")).collect();
    let patterns: Map<String, Value> =
        (0..1_500).map(|number| (format!("^(a|b)*c{number}$"), json!(false))).collect();
    let names: Map<String, Value> =
        (0..15_000).map(|number| (format!("aaaaaa{number}"), json!(1))).collect();
    let lengths: Vec<Value> =
        (0..2_000).map(|most| json!({ "maxLength": 300_000 + most })).collect();
    let long = json!({ "a": "x".repeat(250_000) });
    let bombs = vec![
        Bomb { schema: doubling("allOf", 64, json!(true)), data: small.clone() },
        Bomb { schema: doubling("anyOf", 64, json!(false)), data: small.clone() },
        Bomb { schema: doubling("oneOf", 64, json!(true)), data: small.clone() },
        by_depth("allOf", "maxProperties"),
        // The innermost object fails, so that every branch is tried.
        by_depth("anyOf", "minProperties"),
        Bomb {
            schema: json!({
                "$dynamicAnchor": "n",
                "not": { "additionalProperties": { "$dynamicRef": "#n" } },
                "if": { "additionalProperties": { "$dynamicRef": "#n" } },
            }),
            data: by_depth("allOf", "maxProperties").data,
        },
        Bomb {
            schema: of_a(json!({ "uniqueItems": true })),
            data: list(15_000, |number| json!({ "b": [number] })),
        },
        Bomb {
            schema: of_a(json!({ "items": { "enum": texts } })),
            data: list(60_000, |_| json!("z")),
        },
        Bomb {
            schema: of_a(json!({ "contains": { "enum": texts }, "minContains": 100_000 })),
            data: list(60_000, |_| json!("z")),
        },
        Bomb { schema: json!({ "patternProperties": patterns }), data: Value::Object(names) },
        Bomb { schema: of_a(json!({ "allOf": lengths })), data: long.clone() },
        Bomb { schema: of_a(json!({ "pattern": "(x+x+)+y|(\\w{1,9}){1,9}z" })), data: long },
        Bomb { schema: of_a(json!({ "multipleOf": 1e-300 })), data: json!({ "a": 1e300 }) },
    ];
    for bomb in &bombs {
        assert!(bomb.schema.to_string().len() <= 65_536, "a schema that would be taken");
    }
    bombs
}

/// Creates the type, with the data as its example, and without if that is refused; then sends events
/// of it, at once, and looks at it in the portal.
async fn throw(scene: &Scene, name: &str, bomb: &Bomb) {
    let Bomb { schema, data } = bomb;
    let with_example = json!({ "name": name, "schema": schema, "example": data }).to_string();
    let made = ask(&scene.mallory, "POST", "/v1/event-types", with_example).await;
    expect(&made, &[201, 422]);
    if made.status == 422 {
        let without = json!({ "name": name, "schema": schema }).to_string();
        let made = ask(&scene.mallory, "POST", "/v1/event-types", without).await;
        expect(&made, &[201, 422]);
        if made.status == 422 {
            return;
        }
    }
    let events = json!({ "events": vec![json!({ "type": name, "data": data }); 3] }).to_string();
    expect(&ask(&scene.mallory, "POST", "/v1/events", events).await, &[202, 413, 422, 429]);
    let browser = Browser::of(&scene.stack, "mallory").await;
    expect(&browser.get(&format!("/portal/event-types/{name}")).await, &[200, 404, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_that_take_long() {
    let mut scene = Scene::set("schemas that take long").await;
    let bombs = slow();
    while scene.goes_on() {
        for (number, bomb) in bombs.iter().enumerate() {
            let name = format!("slow.s{number}-{}", scene.time());
            throw(&scene, &name, bomb).await;
            let removed =
                ask(&scene.mallory, "DELETE", &format!("/v1/event-types/{name}"), "").await;
            expect(&removed, &[204, 404]);
        }
        scene.dispatched().await;
    }
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_that_compile_to_much() {
    let mut scene = Scene::set("schemas that compile to much").await;
    let pattern = r"(\w{10}|\p{Greek}{10}){20}";
    while scene.goes_on() {
        for number in 0..3 {
            let patterns: Vec<Value> =
                (0..1_200).map(|count| json!({ "pattern": format!("{pattern}{count}") })).collect();
            // No two of them the same, so that none is compiled already.
            let schema = json!({
                "title": format!("{number} {}", scene.time()),
                "properties": { "a": { "anyOf": patterns } },
            });
            let bomb = Bomb { schema, data: json!({ "a": "x" }) };
            throw(&scene, &format!("large.s{number}-{}", scene.time()), &bomb).await;
        }
        scene.dispatched().await;
    }
    scene.close().await;
}
