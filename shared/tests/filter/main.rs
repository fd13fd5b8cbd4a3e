//! Content filters: which are understood, which events they match, and what is said of the others.

mod accepted;
mod agreement;
mod cost;
mod reference;
mod refused;

use posthorn_shared::filter::{Filter, MAX_STEPS, Subject};
use proptest::prelude::*;
use serde_json::{Value, json};

fn matches(pattern: &str, event: &Value) -> bool {
    ask(&Filter::parse(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}")), event)
}

fn ask(filter: &Filter, event: &Value) -> bool {
    filter.matches(&mut Subject::new(event, MAX_STEPS)).expect("an answer within the budget")
}

#[test]
fn what_is_no_event_matches_nothing() {
    for event in [json!(null), json!([]), json!("x"), json!({}), json!({"data": null})] {
        assert!(!matches(r#"{"data": {"a": [{"anything-but": "x"}]}}"#, &event));
        assert!(matches(r#"{"data": {"a": [{"exists": false}]}}"#, &event));
    }
}

/// Any JSON, of names and values that patterns are made of.
fn jsons() -> impl Strategy<Value = Value> {
    let word = || {
        prop::sample::select(vec![
            "$or",
            "prefix",
            "suffix",
            "anything-but",
            "numeric",
            "exists",
            "wildcard",
            "cidr",
            "equals-ignore-case",
            "data",
            "type",
            "a",
            "",
            ">",
            "<=",
            "=",
            "a*b",
            "*\\",
            "10.0.0.0/8",
            "É",
        ])
    };
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-3i64..4).prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..3).prop_map(|fields| Value::Object(
                fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_panics(pattern in jsons(), event in jsons(), text in any::<String>()) {
        let _ = Filter::parse(&text);
        for pattern in [pattern.clone(), json!({"data": {"a": [pattern]}}), json!({"data": pattern})] {
            match Filter::parse(&pattern.to_string()) {
                Ok(filter) => {
                    ask(&filter, &event);
                    ask(&filter, &json!({"type": event, "data": {"a": event}}));
                    ask(&filter, &json!({"data": event}));
                }
                Err(error) => prop_assert!(!error.problems.is_empty()),
            }
        }
    }

    /// A list of plain values matches exactly the values in it.
    #[test]
    fn plain_values_match_themselves(values in prop::collection::vec(-5i64..5, 1..5), value in -5i64..5) {
        let pattern = json!({"data": {"a": values}}).to_string();
        prop_assert_eq!(matches(&pattern, &json!({"data": {"a": value}})), values.contains(&value));
        let but = json!({"data": {"a": [{"anything-but": values}]}}).to_string();
        prop_assert_eq!(matches(&but, &json!({"data": {"a": value}})), !values.contains(&value));
    }

    /// `*a*b*` is what its definition says, tried the slow way.
    #[test]
    fn wildcards_agree_with_their_definition(pattern in "[ab*]{1,8}", text in "[ab]{0,10}") {
        let pattern_json = json!({"data": {"a": [{"wildcard": pattern}]}}).to_string();
        if let Ok(filter) = Filter::parse(&pattern_json) {
            let event = json!({"data": {"a": text}});
            prop_assert_eq!(ask(&filter, &event), slowly(pattern.as_bytes(), text.as_bytes()));
        }
    }
}

fn slowly(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|skip| slowly(rest, &text[skip..])),
        Some((c, rest)) => text.first() == Some(c) && slowly(rest, &text[1..]),
    }
}
