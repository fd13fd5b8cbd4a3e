//! Filters that compare every value of a large event with every operator.

use futures::future::join_all;
use serde_json::{Value, json};

use super::{Scene, ask, expect};

/// Endpoints with each filter.
const ENDPOINTS: usize = 5;
/// Operators of a filter; it may have 100, in 4,096 bytes.
const OPERATORS: usize = 99;
/// Bytes of an event's data.
const DATA: usize = 258_000;

/// The values of a filter's field.
fn of(operator: impl Fn(usize) -> Value, count: usize) -> Value {
    json!((0..count).map(operator).collect::<Vec<_>>())
}

/// Filters of one operator each, and values that take it long and do not match.
fn bombs() -> Vec<(&'static str, Value, Value)> {
    vec![
        ("wildcard", of(|_| json!({ "wildcard": "*a*a*a*ab*" }), OPERATORS), json!("aaa")),
        (
            "cidr",
            of(|at| json!({ "cidr": format!("10.{at}.0.0/16") }), OPERATORS),
            json!("1.2.3.4"),
        ),
        ("numeric", of(|at| json!({ "numeric": [">", at, "<", 99999] }), OPERATORS), json!(1e300)),
        (
            "equals-ignore-case",
            of(|at| json!({ "equals-ignore-case": format!("A{at}") }), OPERATORS),
            json!("\u{130}\u{130}"),
        ),
        (
            "prefix",
            of(|at| json!({ "prefix": format!("aaaaaaaa{at}") }), OPERATORS),
            json!("aaaaaaaa"),
        ),
        (
            "suffix",
            of(|at| json!({ "suffix": format!("{at}aaaaaaaa") }), OPERATORS),
            json!("aaaaaaaa"),
        ),
        (
            "prefix in any case",
            of(|at| json!({ "prefix": { "equals-ignore-case": format!("A{at}") } }), 80),
            json!("aa"),
        ),
        (
            "anything-but",
            json!([{ "anything-but": { "wildcard": of(|_| json!("*a*a*a*ab*"), OPERATORS) } }]),
            json!("aaa"),
        ),
    ]
}

/// Conjunctions that multiply, each over the whole list.
fn alternatives() -> Value {
    let field = |name: &str| json!({ name: [{ "wildcard": "*a*a*ab" }] });
    let or: Vec<Value> = (0..9).map(|at| field(&format!("f{at}"))).collect();
    json!({ "data": { "a": { "$or": or.clone(), "b": { "$or": or.clone(), "c": { "$or": or } } } } })
}

fn filled(value: &Value) -> Value {
    let count = DATA / (value.to_string().len() + 1);
    json!({ "a": vec![value; count] })
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_of_every_operator() {
    let mut scene = Scene::set("filters").await;
    scene.sink.watch("mallory");
    let mut filters: Vec<(&str, Value, Value)> = bombs()
        .into_iter()
        .map(|(name, values, value)| (name, json!({ "data": { "a": values } }), filled(&value)))
        .collect();
    let element =
        json!({ "f0": "aaa", "f8": "aaa", "b": [{ "f0": "aaa", "c": [{ "f0": "aaa" }] }] });
    filters.push(("alternatives", alternatives(), filled(&element)));
    for (name, filter, _) in &filters {
        for _ in 0..ENDPOINTS {
            let hook = json!({
                "url": scene.sink.url("mallory"), "filter": filter, "retry": { "schedule": [] },
            });
            let made = ask(&scene.mallory, "POST", "/v1/endpoints", hook.to_string()).await;
            assert!([201, 422].contains(&made.status), "{name}: {}", made.text);
        }
    }
    while scene.goes_on() {
        let mut ids = Vec::new();
        for (_, _, data) in &filters {
            let event = json!({ "type": "a.b", "data": data }).to_string();
            let sent = ask(&scene.mallory, "POST", "/v1/events", event).await;
            expect(&sent, &[202, 422, 429]);
            ids.extend(sent.json["id"].as_str().map(str::to_owned));
        }
        scene.dispatched().await;
        // Where it went, which asks the filters again.
        let paths: Vec<String> =
            ids.iter().map(|id| format!("/v1/events/{id}/deliveries")).collect();
        let asked = paths.iter().map(|path| ask(&scene.mallory, "GET", path, ""));
        for answer in join_all(asked).await {
            expect(&answer, &[200, 429, 503]);
        }
    }
    scene.close().await;
}
