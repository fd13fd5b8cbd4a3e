//! The matcher and the reference give the same answers, whatever filter and event they get.

use std::ops::Range;

use posthorn_shared::filter::{Filter, MAX_STEPS, Subject};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use serde_json::{Value, json};

use super::reference;

/// Few, so that filters and events meet.
const NAMES: [&str; 3] = ["a", "b", "c"];

fn text() -> impl Strategy<Value = String> {
    let odd = ["", "É", "é", "ß", "İ", "Σς", "10.0.0.7", "10.255.0.1", "10.0.0", "::1", "fd00::7"];
    prop_oneof![3 => "[abA]{0,3}", 1 => select(odd.to_vec()).prop_map(str::to_owned)]
}

fn number() -> impl Strategy<Value = Value> {
    let odd = ["-0.0", "0.5", "1.0", "1e0", "1e300", "9007199254740993", "18446744073709551615"];
    let odd = odd.map(|text| text.parse::<Value>().expect("a number"));
    prop_oneof![3 => (-3..4).prop_map(Value::from), 1 => select(odd.to_vec())]
}

fn plain() -> impl Strategy<Value = Value> {
    let other = [Value::Null, json!(true), json!(false)];
    prop_oneof![4 => text().prop_map(Value::from), 2 => number(), 1 => select(other.to_vec())]
}

fn object(
    value: impl Strategy<Value = Value>,
    fields: Range<usize>,
) -> impl Strategy<Value = Value> {
    let field = (select(NAMES.to_vec()), value);
    prop::collection::vec(field, fields).prop_map(|fields| {
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
        Value::Object(fields.collect())
    })
}

/// Values of an event's fields: lists in lists, and objects in those, too.
fn value() -> impl Strategy<Value = Value> {
    plain().prop_recursive(4, 64, 12, |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 0..12).prop_map(Value::from),
            1 => prop::collection::vec(object(inner.clone(), 1..5), 1..6).prop_map(Value::from),
            2 => object(inner, 0..5),
            // Enough of them that those with a certain text are looked up.
            1 => prop::collection::vec(object(plain(), 1..5), 8..24).prop_map(Value::from),
        ]
    })
}

fn numeric() -> impl Strategy<Value = Value> {
    let sign = select(vec!["=", "<", "<=", ">", ">="]);
    let (from, to) = (select(vec![">", ">="]), select(vec!["<", "<="]));
    prop_oneof![
        (sign, number()).prop_map(|(sign, at)| json!([sign, at])),
        (from, number(), to, number())
            .prop_map(|(from, low, to, high)| json!([from, low, to, high])),
    ]
}

/// An operator, or a value that stands for itself.
fn wanted() -> impl Strategy<Value = Value> {
    let wildcard = || r"[abA]{0,2}(\*[abA]{1,2}){0,3}\*?".prop_map(Value::from);
    let texts = || prop::collection::vec(text(), 1..4);
    let some = || prop::collection::vec("[abA]{1,2}", 1..4);
    let numbers = prop::collection::vec(number(), 1..4);
    let network = select(vec!["10.0.0.0/8", "10.0.0.7/32", "::/0", "fd00::/8", "0.0.0.0/0"]);
    let ignoring_case = || text().prop_map(|text| json!({ "equals-ignore-case": text }));
    let operator = |name: &'static str| move |argument| json!({ name: argument });
    let excluded = prop_oneof![
        text().prop_map(Value::from),
        number(),
        texts().prop_map(Value::from),
        numbers.prop_map(Value::from),
        some().prop_map(|texts| json!({ "prefix": texts })),
        some().prop_map(|texts| json!({ "suffix": texts })),
        ignoring_case().prop_map(|text| json!({ "suffix": text })),
        texts().prop_map(|texts| json!({ "equals-ignore-case": texts })),
        prop::collection::vec(wildcard(), 1..3).prop_map(|texts| json!({ "wildcard": texts })),
    ];
    prop_oneof![
        4 => plain(),
        1 => any::<bool>().prop_map(|exists| json!({ "exists": exists })),
        1 => text().prop_map(Value::from).prop_map(operator("prefix")),
        1 => text().prop_map(Value::from).prop_map(operator("suffix")),
        1 => ignoring_case().prop_map(operator("prefix")),
        1 => ignoring_case().prop_map(operator("suffix")),
        1 => ignoring_case(),
        1 => wildcard().prop_map(operator("wildcard")),
        1 => network.prop_map(|network| json!({ "cidr": network })),
        2 => numeric().prop_map(operator("numeric")),
        2 => excluded.prop_map(operator("anything-but")),
    ]
}

/// What a filter says of an object.
fn pattern() -> impl Strategy<Value = Value> {
    let leaf = prop::collection::vec(wanted(), 1..7).prop_map(Value::from).boxed();
    let deeper = leaf.clone().prop_recursive(3, 24, 3, |inner| {
        let alternatives = prop::collection::vec(object(inner.clone(), 1..3), 2..4);
        (object(inner, 1..3), prop::option::weighted(0.2, alternatives)).prop_map(
            |(mut all, or)| {
                if let (Value::Object(fields), Some(or)) = (&mut all, or) {
                    fields.insert("$or".to_owned(), or.into());
                }
                all
            },
        )
    });
    object(prop_oneof![2 => leaf, 1 => deeper], 1..3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Several filters ask the same event, so that one finds what another has sorted.
    #[test]
    fn the_matcher_agrees_with_the_reference(
        patterns in prop::collection::vec(pattern(), 1..6),
        data in object(value(), 2..5),
    ) {
        let event = json!({ "id": "a", "type": "a.b", "timestamp": "b", "data": data });
        let written: Vec<Value> = patterns.into_iter().map(|data| json!({ "data": data })).collect();
        let parsed = written.iter().filter_map(|written| {
            Some((written, Filter::parse(&written.to_string()).ok()?))
        });
        let parsed: Vec<_> = parsed.collect();
        let mut subject = Subject::new(&event, MAX_STEPS);
        for (written, filter) in parsed.iter().chain(&parsed) {
            let expected = reference::matches(written, &event);
            prop_assert_eq!(filter.matches(&mut subject), Ok(expected), "{} {}", written, event);
        }
    }
}

/// The generated filters and events are worth something: most filters are understood, and each answer
/// is given often.
#[test]
fn both_answers_are_common() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut understood, mut matched) = (0, 0);
    for _ in 0..500 {
        let mut new = |strategy: &BoxedStrategy<Value>| {
            strategy.new_tree(&mut runner).expect("a value").current()
        };
        let (data, pattern) = (new(&object(value(), 2..5).boxed()), new(&pattern().boxed()));
        let (event, pattern) = (json!({ "data": data }), json!({ "data": pattern }));
        if Filter::parse(&pattern.to_string()).is_ok() {
            understood += 1;
            matched += usize::from(reference::matches(&pattern, &event));
        }
    }
    assert!(understood > 250, "{understood} of 500 filters are understood");
    let few = understood / 20;
    assert!((few..understood - few).contains(&matched), "{matched} of {understood} match");
}
