//! What matching costs, in steps: filters and events that were made to cost much, and such as are
//! common. Steps are counted, so the same filters and event always take as many.

use std::time::Instant;

use posthorn_shared::filter::{Filter, MAX_STEPS, Subject, TooExpensive};
use serde_json::{Value, json};

use super::ask;

/// Endpoints of an account.
const ENDPOINTS: usize = 500;
/// Almost all that an event's data may have.
const DATA_BYTES: usize = 258_000;

fn event(data: Value) -> Value {
    let bytes = data.to_string().len();
    assert!(bytes <= posthorn_shared::event::MAX_DATA_BYTES, "{bytes} bytes");
    json!({ "id": "evt_1", "type": "order.paid", "timestamp": "2026-11-28T00:00:00Z", "data": data })
}

/// As many items as an event has place for.
fn filled(item: impl Fn(usize) -> Value) -> Vec<Value> {
    let mut bytes = 0;
    let items = (0..).map(item).take_while(|item| {
        bytes += item.to_string().len() + 1;
        bytes < DATA_BYTES
    });
    items.collect()
}

/// What the filters of all endpoints come to.
struct Outcome {
    matching: usize,
    undecided: usize,
    steps: u64,
}

fn ask_all(name: &str, filter: impl Fn(usize) -> Value, event: &Value) -> Outcome {
    let filters: Vec<Filter> = (0..ENDPOINTS)
        .map(|endpoint| {
            let text = filter(endpoint).to_string();
            Filter::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
        })
        .collect();
    let begun = Instant::now();
    let mut subject = Subject::new(event, MAX_STEPS);
    let answers: Vec<_> = filters.iter().map(|filter| filter.matches(&mut subject)).collect();
    let millis = begun.elapsed().as_secs_f64() * 1e3;
    let count = |wanted| answers.iter().filter(|answer| **answer == wanted).count();
    let (matching, undecided, steps) = (count(Ok(true)), count(Err(TooExpensive)), subject.spent());
    assert!(steps <= MAX_STEPS);
    let mut again = Subject::new(event, MAX_STEPS);
    assert!(filters.iter().map(|filter| filter.matches(&mut again)).eq(answers), "{name}");
    assert_eq!(again.spent(), steps, "{name} takes as many steps again");
    let decided = ENDPOINTS - undecided;
    println!("{name}: {decided} decided, {matching} match, {steps} steps, {millis:.2} ms");
    Outcome { matching, undecided, steps }
}

/// A list of so many operators.
fn operators(count: usize, operator: impl Fn(usize) -> Value) -> Value {
    json!({ "data": { "a": (0..count).map(operator).collect::<Vec<_>>() } })
}

/// While operators were tried one by one, each of these took 70 to 880 ms for one endpoint.
#[test]
fn many_operators_over_one_list_are_decided_for_many_endpoints() {
    let wildcard = |_| json!({ "wildcard": "*a*a*a*ab*" });
    let wildcards = |_| operators(99, wildcard);
    let same = event(json!({ "a": filled(|_| json!("aaa")) }));
    let addresses =
        event(json!({ "a": filled(|n| json!(format!("10.0.{}.{}", n / 256, n % 256))) }));
    let numbers = event(json!({ "a": filled(|n| json!(n)) }));
    let texts = event(json!({ "a": filled(|n| json!(format!("{n:x}"))) }));
    let outcomes = [
        ask_all("wildcards, one value", wildcards, &same),
        ask_all(
            "networks",
            |e| operators(90, |n| json!({ "cidr": format!("172.{}.{n}.0/24", e % 200) })),
            &addresses,
        ),
        ask_all(
            "ranges",
            |e| operators(90, |n| json!({ "numeric": [">", e * n + 1_000_000, "<", 9e9] })),
            &numbers,
        ),
        ask_all("prefixes", |e| operators(90, |n| json!({ "prefix": format!("x{e}{n}") })), &texts),
        ask_all(
            "plain values",
            |e| json!({ "data": { "a": (0..300).map(|n| format!("x{e}{n}")).collect::<Vec<_>>() } }),
            &texts,
        ),
    ];
    for Outcome { matching, undecided, .. } in outcomes {
        assert!(matching == 0 && undecided < ENDPOINTS - 50, "{undecided} are undecided");
    }
}

/// What is not decided within the steps is not decided, and nothing more is spent on it.
#[test]
fn what_costs_too_much_is_cut_off() {
    let long = event(json!({ "a": "ab".repeat(DATA_BYTES / 2) }));
    let texts = event(json!({ "a": filled(|n| json!(format!("aaaa{n}"))) }));
    let objects = event(json!({ "a": filled(|_| json!({})) }));
    let nested = event(json!({ "a": filled(|_| json!([[]])) }));
    let names = |endpoint: usize, wanted: Value| {
        let fields = (0..99).map(|n| (format!("f{endpoint}_{n}"), wanted.clone()));
        Value::Object(fields.collect())
    };
    let exists = |exists: bool| json!([{ "exists": exists }]);
    let bombs = [
        ask_all(
            "wildcards, many values",
            |e| operators(99, |n| json!({ "wildcard": format!("*a*a*{n}*{e}b*") })),
            &texts,
        ),
        ask_all(
            "wildcards, one long text",
            |e| operators(99, |n| json!({ "wildcard": format!("*{}*{e}x{n}*", "ab".repeat(4)) })),
            &long,
        ),
        ask_all(
            "anything but wildcards",
            |e| {
                let wildcards: Vec<_> = (0..90).map(|n| format!("*{e}b{n}*")).collect();
                let mut all = vec!["*".to_owned()];
                all.splice(0..0, wildcards);
                json!({ "data": { "a": [{ "anything-but": { "wildcard": all } }] } })
            },
            &texts,
        ),
        ask_all(
            "any case",
            |e| {
                operators(80, |n| json!({ "suffix": { "equals-ignore-case": format!("x{e}{n}") } }))
            },
            &texts,
        ),
        ask_all("suffixes", |e| operators(90, |n| json!({ "suffix": format!("x{e}{n}") })), &texts),
        ask_all("columns", |e| json!({ "data": { "a": names(e, exists(true)) } }), &objects),
        ask_all("objects", |e| json!({ "data": { "a": names(e, exists(false)) } }), &objects),
        ask_all(
            "alternatives",
            |e| {
                let alternatives = (0..99).map(|n| json!({ format!("f{n}"): [e], "b": [n] }));
                json!({ "data": { "a": { "$or": alternatives.take(49).collect::<Vec<_>>() } } })
            },
            &objects,
        ),
        ask_all("lists in lists", |e| json!({ "data": { "a": names(e, json!([e])) } }), &nested),
    ];
    for bomb in bombs {
        assert!(bomb.undecided > 0);
    }
}

/// 500 endpoints, each with a filter such as people write, and the largest event: that fits many times.
#[test]
fn ordinary_filters_fit_many_times() {
    let order = |items: usize| {
        let item = |n: usize| {
            json!({
                "sku": format!("SKU-{n:06}"), "name": format!("Article number {n} of the catalog"),
                "qty": n % 7 + 1, "price": 9.99, "tags": ["blue", "large"], "warehouse": n % 12,
            })
        };
        json!({
            "id": "order_1", "state": "paid", "total": 1234.5, "currency": "EUR",
            "customer": { "id": "cus_1", "tier": "gold", "email": "Someone@Example.com", "country": "DE" },
            "ip": "198.51.100.7", "note": "x".repeat(20_000),
            "items": (0..items).map(item).collect::<Vec<_>>(),
        })
    };
    let large = event(order(1_950));
    assert!(large.to_string().len() > 240_000, "{} bytes", large.to_string().len());
    let filter = |e: usize| match e % 8 {
        0 => {
            json!({ "type": [{ "prefix": "order." }], "data": { "customer": { "id": [format!("cus_{e}")] } } })
        }
        1 => {
            json!({ "data": { "state": ["paid", "refunded"], "total": [{ "numeric": [">", e] }] } })
        }
        2 => {
            json!({ "data": { "items": { "sku": [format!("SKU-{e:06}"), { "prefix": "GIFT-" }] } } })
        }
        3 => {
            json!({ "data": { "items": { "sku": [{ "prefix": format!("SKU-{e:06}") }], "qty": [{ "numeric": [">", 3] }] } } })
        }
        4 => {
            json!({ "data": { "customer": { "email": [{ "suffix": { "equals-ignore-case": "@example.com" } }] } } })
        }
        5 => {
            json!({ "data": { "ip": [{ "cidr": "203.0.113.0/24" }, { "cidr": format!("198.51.{}.0/24", e % 200) }] } })
        }
        6 => json!({ "data": { "items": { "name": [{ "wildcard": format!("*number {e} *") }] } } }),
        _ => json!({ "data": { "$or": [
            { "currency": [{ "anything-but": ["EUR", "USD"] }] },
            { "items": { "tags": ["fragile"], "warehouse": [e % 12] } },
            { "customer": { "tier": ["gold"], "country": ["DE", "AT", "CH"] } },
        ] } }),
    };
    let outcome = ask_all("ordinary filters", filter, &large);
    assert_eq!(outcome.undecided, 0);
    assert!(outcome.matching > 100);
    assert!(outcome.steps * 4 < MAX_STEPS, "{} steps", outcome.steps);
    let small = ask_all("ordinary filters, small event", filter, &event(order(3)));
    assert_eq!(small.undecided, 0);
    assert!(small.steps * 40 < MAX_STEPS, "{} steps", small.steps);
}

/// Long texts are looked at as far as a filter reaches.
#[test]
fn a_long_text_costs_no_more_than_a_short_one() {
    let pattern =
        r#"{"data":{"a":["x",{"prefix":"y"},{"suffix":"z"},{"equals-ignore-case":"AB"}]}}"#;
    let filter = Filter::parse(pattern).expect("a filter");
    let steps = |text: String| {
        let event = event(json!({ "a": text }));
        assert!(!ask(&filter, &event));
        let mut subject = Subject::new(&event, MAX_STEPS);
        filter.matches(&mut subject).expect("an answer");
        subject.spent()
    };
    assert_eq!(steps("abc".to_owned()), steps("abc".repeat(50_000)));
}
