use proptest::prelude::*;
use serde_json::{Map, json};

use super::check::Outcome;
use super::*;

fn compiled(schema: &Value) -> Schema {
    Schema::compile(schema).unwrap_or_else(|problems| panic!("{schema}: {problems:?}"))
}

fn refusal(schema: &Value) -> String {
    let problems = Schema::compile(schema).map(|_| ()).expect_err("a refusal");
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

/// What came of a check with all steps.
fn outcome(schema: &Value, value: &Value) -> Outcome {
    Run::check(&compiled(schema), value, FULL)
}

#[test]
fn points_at_everything_that_is_wrong_and_shows_no_value() {
    let schema = compiled(&json!({
        "type": "object",
        "required": ["vaultId"],
        "properties": {
            "vaultId": true,
            "size": { "type": "integer" },
            "tags": { "items": { "type": "string" }, "maxItems": 2 },
            "state": { "enum": ["open", "closed", null] },
            "at": { "pattern": "^\\d{4}$", "maxLength": 4 },
        },
        "additionalProperties": false,
    }));
    assert!(schema.problems(&json!({ "vaultId": "v", "size": 3.0 })).is_empty());
    let wrong = json!({
        "size": "hunter2", "tags": ["a", 7.5, "hunter3"], "state": "hunter4", "at": "hunter5",
        "a/b": "hunter6",
    });
    let problems: Vec<_> = schema.problems(&wrong).iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "has the property vaultId",
            "/size: is of type integer",
            "/tags: has at most 2 items",
            "/tags/1: is of type string",
            r#"/state: is one of "open", "closed", null"#,
            r"/at: matches ^\d{4}$",
            "/at: has at most 4 characters",
            "/a~1b: is not allowed",
        ]
    );
}

#[test]
fn the_first_problems_are_told_and_the_rest_is_not_looked_at() {
    let schema = json!({ "items": { "type": "string" } });
    let outcome = outcome(&schema, &json!(vec![0; 10_000]));
    assert_eq!(outcome.problems.len(), 20);
    assert!(outcome.steps < 100, "{}", outcome.steps);
}

#[test]
fn what_is_no_schema_is_refused_where_it_is_wrong() {
    for (schema, pointer) in [
        (json!({ "type": "strnig" }), "/type"),
        (json!({ "type": ["null", "null"] }), "/type"),
        (json!({ "properties": { "a": { "minimum": "1" } } }), "/properties/a/minimum"),
        (json!({ "properties": { "a": 1 } }), "/properties/a"),
        (json!({ "properties": [] }), "/properties"),
        (json!({ "items": [{}] }), "/items"),
        (json!({ "prefixItems": {} }), "/prefixItems"),
        (json!({ "allOf": [] }), "/allOf"),
        (json!({ "anyOf": [{}, { "not": [] }] }), "/anyOf/1/not"),
        (json!({ "maxLength": -1 }), "/maxLength"),
        (json!({ "maxItems": 1.5 }), "/maxItems"),
        (json!({ "minContains": "1" }), "/minContains"),
        (json!({ "contains": {}, "maxContains": -1 }), "/maxContains"),
        (json!({ "multipleOf": 0 }), "/multipleOf"),
        (json!({ "uniqueItems": 1 }), "/uniqueItems"),
        (json!({ "required": ["a", "a"] }), "/required"),
        (json!({ "dependentRequired": { "a": "b" } }), "/dependentRequired"),
        (json!({ "dependencies": { "a": 1 } }), "/dependencies/a"),
        (json!({ "dependencies": { "a": [1] } }), "/dependencies"),
        (json!({ "enum": "a" }), "/enum"),
        (json!({ "title": 1 }), "/title"),
        (json!({ "examples": {} }), "/examples"),
        (json!({ "readOnly": "yes" }), "/readOnly"),
        (json!({ "$defs": { "a": { "type": 1 } } }), "/$defs/a/type"),
        (json!({ "$defs": [] }), "/$defs"),
        (json!({ "$schema": "http://json-schema.org/draft-07/schema#" }), "/$schema"),
        (json!({ "$id": "#a" }), "/$id"),
        (json!({ "$anchor": "1" }), "/$anchor"),
        (
            json!({ "$defs": { "a": { "$anchor": "x" }, "b": { "$anchor": "x" } } }),
            "/$defs/b/$anchor",
        ),
        (json!({ "pattern": "(" }), "/pattern"),
        (json!({ "pattern": "(?=a)" }), "/pattern"),
        (json!({ "patternProperties": { "(": {} } }), "/patternProperties/("),
        (json!({ "$ref": "https://example.com/schema.json" }), "/$ref"),
        (json!({ "$ref": "#/$defs/missing" }), "/$ref"),
        (json!({ "$ref": "#missing" }), "/$ref"),
        (json!({ "$dynamicRef": "#missing" }), "/$dynamicRef"),
        (json!({ "$ref": "#" }), ""),
        (
            json!({ "$ref": "#/$defs/a", "$defs": { "a": { "allOf": [true, { "$ref": "#" }] } } }),
            "/$defs/a/allOf/1",
        ),
        (json!(7), ""),
    ] {
        let problems = Schema::compile(&schema).map(|_| ()).expect_err("a refusal");
        assert_eq!(problems[0].pointer, pointer, "{schema}: {problems:?}");
    }
    let mut all: Map<String, Value> = Map::new();
    all.insert("properties".to_owned(), (0..100).map(|n| (n.to_string(), json!(n))).collect());
    let problems = Schema::compile(&Value::Object(all)).map(|_| ()).expect_err("a refusal");
    assert_eq!(problems.len(), 32);
}

#[test]
fn references_lead_anywhere_in_the_schema_and_nowhere_else() {
    let schema = json!({
        "$id": "https://example.com/order",
        "properties": {
            "pointer": { "$ref": "#/$defs/a~1b%25" },
            "anchor": { "$ref": "#money" },
            "absolute": { "$ref": "https://example.com/order#money" },
            "inner": { "$ref": "item" },
            "inside": { "$ref": "item#/properties/n" },
            "older": { "$ref": "#/definitions/text" },
            "unknown": { "$ref": "#/x-parts/0/yes" },
            "tree": { "$ref": "#/$defs/tree" },
        },
        "$defs": {
            "a/b%": { "type": "string" },
            "m": { "$anchor": "money", "type": "integer" },
            "i": { "$id": "item", "properties": { "n": { "$ref": "#/$defs/n" } }, "$defs": { "n": { "const": 1 } } },
            "tree": { "properties": { "n": { "type": "integer" }, "below": { "items": { "$ref": "#/$defs/tree" } } } },
        },
        "definitions": { "text": { "type": "string" } },
        "x-parts": [{ "yes": { "const": true } }],
    });
    let schema = compiled(&schema);
    for (name, valid, invalid) in [
        ("pointer", json!("a"), json!(1)),
        ("anchor", json!(1), json!("a")),
        ("absolute", json!(1), json!("a")),
        ("inner", json!({ "n": 1 }), json!({ "n": 2 })),
        ("inside", json!(1), json!(2)),
        ("older", json!("a"), json!(1)),
        ("unknown", json!(true), json!(false)),
        (
            "tree",
            json!({ "n": 1, "below": [{ "below": [{ "n": 2 }] }] }),
            json!({ "n": 1, "below": [{ "below": [{ "n": "2" }] }] }),
        ),
    ] {
        assert_eq!(schema.problems(&json!({ name: valid })), [], "{name}");
        assert_eq!(schema.problems(&json!({ name: invalid })).len(), 1, "{name}");
    }
}

/// The example of the specification, appendix C: a tree that is extended without being copied.
#[test]
fn dynamic_references_lead_to_the_outermost_schema_that_is_named() {
    let schema = compiled(&json!({
        "$id": "https://example.com/strict-tree",
        "$dynamicAnchor": "node",
        "$ref": "tree",
        "unevaluatedProperties": false,
        "$defs": {
            "tree": {
                "$id": "tree",
                "$dynamicAnchor": "node",
                "type": "object",
                "properties": {
                    "data": true,
                    "children": { "type": "array", "items": { "$dynamicRef": "#node" } },
                },
            },
        },
    }));
    assert_eq!(schema.problems(&json!({ "children": [{ "data": 1, "children": [] }] })), []);
    let problems = schema.problems(&json!({ "children": [{ "daat": 1 }] }));
    assert_eq!(problems[0].pointer, "/children/0/daat");
}

#[test]
fn what_was_looked_at_counts_through_references_and_branches_that_hold() {
    let schema = compiled(&json!({
        "allOf": [{ "$ref": "#/$defs/a" }],
        "anyOf": [
            { "properties": { "b": { "const": 1 } }, "required": ["b"] },
            { "properties": { "c": { "const": 1 } }, "required": ["c"] },
            true,
        ],
        "if": { "properties": { "d": true }, "required": ["d"] },
        "then": { "properties": { "e": true } },
        "unevaluatedProperties": { "type": "null" },
        "$defs": { "a": { "properties": { "a": true }, "patternProperties": { "^x-": true } } },
    }));
    for (value, valid) in [
        (json!({ "a": 1, "x-y": 1 }), true),
        (json!({ "b": 1, "c": 1 }), true),
        // Its schema does not hold, so nothing has looked at it.
        (json!({ "c": 2 }), false),
        (json!({ "d": 1, "e": 1 }), true),
        (json!({ "e": 1 }), false),
        (json!({ "other": null }), true),
    ] {
        assert_eq!(schema.problems(&value).is_empty(), valid, "{value}");
    }
    let schema = compiled(&json!({
        "prefixItems": [true],
        "contains": { "type": "string" },
        "unevaluatedItems": false,
    }));
    assert_eq!(schema.problems(&json!([1, "a", "b"])), []);
    assert_eq!(schema.problems(&json!([1, "a", 2]))[0].pointer, "/2");
}

/// 64 definitions, each of which refers to the next one twice.
fn doubling(keyword: &str) -> Value {
    let next = |n: u32| json!({ "$ref": format!("#/$defs/d{}", n + 1) });
    let pair = |n: u32| match keyword {
        "properties" => json!({ "properties": { "a": next(n), "b": next(n) } }),
        "items" => json!({ "items": next(n), "contains": next(n) }),
        "patternProperties" => json!({ "patternProperties": { "a": next(n), "^a": next(n) } }),
        "unevaluatedProperties" => json!({ "allOf": [next(n)], "unevaluatedProperties": next(n) }),
        _ => json!({ keyword: [next(n), next(n)] }),
    };
    let mut defs: Map<String, Value> = (0..64).map(|n| (format!("d{n}"), pair(n))).collect();
    defs.insert("d64".to_owned(), json!({ "type": "string" }));
    json!({ "$ref": "#/$defs/d0", "$defs": defs })
}

#[test]
fn schemas_that_multiply_are_refused() {
    for keyword in [
        "allOf",
        "anyOf",
        "oneOf",
        "properties",
        "items",
        "patternProperties",
        "unevaluatedProperties",
    ] {
        let refusal = refusal(&doubling(keyword));
        assert_eq!(
            refusal,
            "has 18446744073709551615 schemas when its references are followed, of at most 10000; \
             refer to large schemas from fewer places, or leave parts of it open\n",
            "{keyword}"
        );
    }
    let flat = json!({ "allOf": vec![json!({}); 10_000] });
    assert!(refusal(&flat).starts_with("has 10001 schemas"), "{}", refusal(&flat));
    compiled(&json!({ "allOf": vec![json!({}); 9_999] }));
}

#[test]
fn schemas_that_are_nested_deeply_are_refused() {
    let chain = |length: usize| {
        let next = |n: usize| json!({ "$ref": format!("#/$defs/d{}", n + 1) });
        let mut defs: Map<String, Value> =
            (0..length).map(|n| (format!("d{n}"), next(n))).collect();
        defs.insert(format!("d{length}"), json!(true));
        json!({ "$ref": "#/$defs/d0", "$defs": defs })
    };
    compiled(&chain(198));
    assert!(refusal(&chain(199)).starts_with("has 201 schemas inside one another"));
    // Longer than a thread's stack would be.
    assert!(refusal(&chain(20_000)).contains("of at most 200"));
}

#[test]
fn patterns_are_bounded_in_number_text_and_bytes() {
    let patterns = |number: usize, pattern: &dyn Fn(usize) -> String| {
        let property = |n: usize| (n.to_string(), json!({ "pattern": pattern(n) }));
        json!({ "properties": (0..number).map(property).collect::<Map<_, _>>() })
    };
    let many = refusal(&patterns(1_290, &|n| format!("(\\w{{10}}|\\p{{Greek}}{{10}}){{20}}{n}")));
    assert!(
        many.contains("takes more than 262144 bytes when compiled; repeat less")
            && many.contains("has 1290 patterns, of at most 50; use fewer, or enum"),
        "{many}"
    );
    compiled(&patterns(1_290, &|_| "^[a-z]+$".to_owned()));
    compiled(&patterns(50, &|n| format!("^a{n}")));
    assert!(refusal(&patterns(51, &|n| format!("^a{n}"))).starts_with("has 51 patterns"));
    let long = refusal(&patterns(5, &|n| format!("{n}{}", "a".repeat(2_000))));
    assert!(long.starts_with("has 10005 bytes of patterns, of at most 8192"), "{long}");
    // Each is below the limit of one.
    let large = refusal(&patterns(50, &|n| format!("\\p{{L}}{{9}}{n}")));
    assert!(large.contains("bytes when compiled"), "{large}");
    let choices: Vec<usize> = (0..32_000).collect();
    let large = refusal(&json!({ "enum": choices }));
    assert!(large.contains("bytes when compiled, of at most 2097152"), "{large}");
}

#[test]
fn a_check_ends_when_its_steps_are_used_up() {
    let numbers: Vec<u32> = (0..40_000).collect();
    let objects: Vec<Value> = (0..20_000).map(|n| json!({ "a": n })).collect();
    let wide: Vec<Value> = (0..4_000).map(|n| json!({ "const": n })).collect();
    let names: Vec<String> = (0..4_000).map(|n| format!("n{n}")).collect();
    let long_name = "n".repeat(60_000);
    for (what, schema, value) in [
        ("wide anyOf", json!({ "items": { "anyOf": wide.clone() } }), json!(numbers)),
        ("wide oneOf", json!({ "items": { "oneOf": wide.clone() } }), json!(numbers)),
        (
            "wide allOf",
            json!({ "items": { "allOf": vec![json!({ "minimum": 0 }); 4_000] } }),
            json!(numbers),
        ),
        (
            "large enum",
            json!({ "items": { "not": { "enum": numbers[..4_000] } } }),
            json!(numbers[4_000..]),
        ),
        ("many names", json!({ "items": { "not": { "required": names } } }), json!(objects)),
        ("a long name", json!({ "items": { "not": { "required": [long_name] } } }), json!(objects)),
        (
            "lists by lists",
            json!({ "items": { "not": { "const": vec![0; 10_000] } } }),
            json!(vec![json!(vec![0; 10]); 10_000]),
        ),
        (
            "the same list again and again",
            json!({ "allOf": vec![json!({ "uniqueItems": true }); 100] }),
            json!(numbers),
        ),
        (
            "contains in contains",
            json!({ "allOf": vec![json!({ "contains": { "const": -1 }, "minContains": 0, "maxContains": 1 }); 100] }),
            json!(numbers),
        ),
        (
            "unevaluated again and again",
            json!({ "allOf": vec![json!({ "allOf": [{ "items": true }], "unevaluatedItems": false }); 500] }),
            json!(numbers),
        ),
        (
            "small units",
            json!({ "items": { "allOf": vec![json!({ "not": { "multipleOf": 1.1e-300 } }); 100] } }),
            json!(vec![1e308; 40_000]),
        ),
        (
            "a large pattern on a long text",
            json!({ "pattern": "(a?){1000}(a?){1000}b" }),
            json!("a".repeat(200_000)),
        ),
        (
            "a pattern on many names",
            json!({ "patternProperties": { "(x+x+)+y": true } }),
            Value::Object(
                (0..3_000).map(|n| (format!("{}{n}", "x".repeat(110)), json!(0))).collect(),
            ),
        ),
        (
            "one of a recursion",
            json!({
                "$ref": "#/$defs/a",
                "$defs": { "a": { "patternProperties": { "a": { "$ref": "#/$defs/b" }, "^a": { "$ref": "#/$defs/b" } } },
                           "b": { "patternProperties": { "a": { "$ref": "#/$defs/a" }, "^a": { "$ref": "#/$defs/a" } } } },
            }),
            (0..100).fold(json!(1), |inside, _| json!({ "a": inside })),
        ),
    ] {
        let schema = compiled(&schema);
        let outcome = Run::check(&schema, &value, FULL);
        assert_eq!(outcome.stop, Some(Stop::OutOfSteps), "{what}: {} steps", outcome.steps);
        assert!(outcome.steps <= FULL.steps);
        let problems = schema.problems(&value);
        assert_eq!(
            problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["takes more than 2000000 steps to check by its schema; send less in one event, or \
              have the schema simplified"],
            "{what}"
        );
        assert_eq!(schema.quick_problems(&value.to_string()), None, "{what}");
    }
}

#[test]
fn a_check_goes_as_deep_as_a_thread_has_room() {
    let in_place =
        (0..40).fold(json!({ "$ref": "#/$defs/tree" }), |inside, _| json!({ "allOf": [inside] }));
    let schema = compiled(&json!({
        "$ref": "#/$defs/tree",
        "$defs": { "tree": { "properties": { "a": in_place } } },
    }));
    let nested = |levels: usize| (0..levels).fold(json!(1), |inside, _| json!({ "a": inside }));
    assert_eq!(schema.problems(&nested(11)), []);
    let problems = schema.problems(&nested(100));
    assert_eq!(problems.len(), 1);
    assert!(problems[0].detail.starts_with("leads through more than 500 schemas"), "{problems:?}");
    // As deep as an event's data may be, by a tree as people write them.
    let tree = compiled(&json!({
        "$ref": "#/$defs/tree",
        "$defs": { "tree": { "allOf": [{ "$ref": "#/$defs/node" }], "unevaluatedProperties": false },
                   "node": { "properties": { "a": { "$ref": "#/$defs/tree" } } } },
    }));
    assert_eq!(tree.problems(&nested(119)), []);
}

/// What does not multiply takes a few steps for each of the data's values.
#[test]
fn ordinary_checks_take_few_steps() {
    let order = json!({ "items": {
        "type": "object",
        "required": ["sku", "quantity", "price"],
        "properties": {
            "sku": { "type": "string", "pattern": "^[A-Z]{3}-[0-9]{6}$" },
            "quantity": { "type": "integer", "minimum": 1 },
            "price": { "type": "number", "multipleOf": 0.01 },
            "currency": { "enum": ["EUR", "USD", "GBP"] },
        },
        "additionalProperties": false,
    } });
    let line = json!({ "sku": "ABC-123456", "quantity": 2, "price": 19.99, "currency": "EUR" });
    let one = outcome(&order, &json!([line]));
    assert_eq!(one.problems, []);
    assert!(one.steps < 150, "{}", one.steps);
    // A quarter of a megabyte of it.
    let many = outcome(&order, &json!(vec![line; 3_500]));
    assert_eq!((many.problems, many.stop), (vec![], None));
    assert!(many.steps < FULL.steps / 3, "{}", many.steps);
    // The longest text, by a pattern that looks at each of its bytes.
    let text = outcome(&json!({ "pattern": "^[^<>]*$" }), &json!("a".repeat(262_000)));
    assert_eq!((text.problems, text.stop), (vec![], None), "{}", text.steps);
}

#[test]
fn what_a_schema_takes_grows_with_what_is_in_it() {
    let bytes = |schema: Value| compiled(&schema).bytes();
    let empty = bytes(json!({}));
    assert!(empty < 500, "{empty}");
    let names: Vec<String> = (0..1_000).map(|n| format!("name{n}")).collect();
    let properties: Map<String, Value> =
        names.iter().map(|name| (name.clone(), json!({ "type": "string" }))).collect();
    let large = bytes(json!({ "required": names, "properties": properties }));
    assert!((100_000..400_000).contains(&large), "{large}");
    let pattern = bytes(json!({ "pattern": "^\\p{L}{4}$" }));
    assert!((20_000..250_000).contains(&pattern), "{pattern}");
}

/// Schemas over a few names, with all keywords.
fn schemas() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        Just(json!(true)),
        Just(json!(false)),
        prop::sample::subsequence(
            vec!["null", "boolean", "object", "array", "number", "string", "integer"],
            1..4
        )
        .prop_map(|types| json!({ "type": types })),
        prop::collection::vec(values(), 1..4).prop_map(|values| json!({ "enum": values })),
        values().prop_map(|value| json!({ "const": value })),
        prop::sample::select(vec!["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"])
            .prop_flat_map(|keyword| numbers().prop_map(move |n| json!({ keyword: n }))),
        // Not 3: beyond 2^53 the library goes by the double, we by the decimal, in which 1e300 is no
        // multiple of it.
        prop::sample::select(vec![json!(2), json!(0.5), json!(0.1), json!(2.0), json!(1e-8)])
            .prop_map(|unit| json!({ "multipleOf": unit })),
        (
            prop::sample::select(vec![
                "minLength",
                "maxLength",
                "minItems",
                "maxItems",
                "minProperties",
                "maxProperties",
            ]),
            0..3_u64
        )
            .prop_map(|(keyword, n)| json!({ keyword: n })),
        Just(json!({ "uniqueItems": true })),
        prop::sample::select(vec!["^a", "b$", "^[ab]+$", "\\d", "^$", "a|é", "^\\w{2}", "\\s"])
            .prop_map(|pattern| json!({ "pattern": pattern })),
        prop::sample::subsequence(vec!["a", "b", "c"], 1..3)
            .prop_map(|names| json!({ "required": names })),
        prop::sample::select(vec!["a", "b", "c"])
            .prop_map(|name| json!({ "dependentRequired": { name: ["a"] } })),
        Just(json!({ "dependencies": { "a": ["b"], "b": { "minProperties": 3 } } })),
        prop::sample::select(vec!["a", "b", "c"])
            .prop_map(|name| json!({ "$ref": format!("#/$defs/{name}") })),
        Just(json!({ "$dynamicRef": "#node" })),
    ];
    let merged = |parts: Vec<Value>| {
        let members = |part| match part {
            Value::Object(members) => members,
            truth => Map::from_iter([("not".to_owned(), json!({ "not": truth }))]),
        };
        Value::Object(parts.into_iter().flat_map(members).collect())
    };
    plain.prop_recursive(4, 32, 4, move |inner| {
        let applied = prop_oneof![
            (prop::sample::select(vec!["allOf", "anyOf", "oneOf", "prefixItems"]),
             prop::collection::vec(inner.clone(), 1..4))
                .prop_map(|(keyword, schemas)| json!({ keyword: schemas })),
            (prop::sample::select(vec!["not", "items", "contains", "additionalProperties",
                "propertyNames", "unevaluatedProperties", "unevaluatedItems"]), inner.clone())
                .prop_map(|(keyword, schema)| json!({ keyword: schema })),
            (prop::sample::select(vec!["properties", "dependentSchemas"]),
             prop::sample::select(vec!["a", "b", "c"]), inner.clone())
                .prop_map(|(keyword, name, schema)| json!({ keyword: { name: schema } })),
            (prop::sample::select(vec!["^a", "b", "."]), inner.clone())
                .prop_map(|(name, schema)| json!({ "patternProperties": { name: schema } })),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| json!({ "if": a, "then": b, "else": c })),
            (inner.clone(), 0..3_u64, 0..3_u64)
                .prop_map(|(schema, min, max)| json!({ "contains": schema, "minContains": min, "maxContains": max })),
            inner.clone(),
        ];
        prop::collection::vec(applied, 1..4).prop_map(merged)
    })
}

fn numbers() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!(0),
        json!(1),
        json!(1.0),
        json!(-1),
        json!(2),
        json!(2.5),
        json!(0.3),
        json!(1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(9_007_199_254_740_993_u64),
    ])
}

fn values() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|truth| json!(truth)),
        numbers(),
        prop::sample::select(vec!["", "a", "ab", "b", "bé", "12", "a b"])
            .prop_map(|text| json!(text)),
    ];
    plain.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(vec!["a", "ab", "b", "c"]), inner), 0..4)
                .prop_map(|members| {
                    Value::Object(members.into_iter().map(|(n, v)| (n.to_owned(), v)).collect())
                }),
        ]
    })
}

proptest! {
    /// A library for JSON Schema that passes the specification's own tests says the same.
    #[test]
    fn verdicts_are_those_of_the_specification(
        root in schemas(),
        defs in prop::collection::vec(schemas(), 3),
        values in prop::collection::vec(values(), 1..8),
    ) {
        let Value::Object(mut schema) = json!({ "allOf": [root] }) else { unreachable!() };
        let names = ["a", "b", "c"].map(str::to_owned);
        let mut defs: Map<String, Value> = names.into_iter().zip(defs).collect();
        defs.insert("node".to_owned(), json!({ "$dynamicAnchor": "node", "type": ["array", "string", "null"] }));
        schema.insert("$defs".to_owned(), Value::Object(defs));
        let schema = Value::Object(schema);
        let ours = match Schema::compile(&schema) {
            Ok(ours) => ours,
            // The specification leaves open what becomes of it.
            Err(problems) => {
                prop_assert!(problems[0].detail.starts_with("leads back to itself"), "{problems:?}");
                return Ok(());
            }
        };
        let theirs = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .with_pattern_options(jsonschema::PatternOptions::regex())
            .build(&schema)
            .expect("a schema");
        for value in values {
            let problems = ours.problems(&value);
            prop_assert_eq!(
                problems.is_empty(), theirs.is_valid(&value), "{} {} {:?}", schema, value, problems
            );
        }
    }

    /// Whatever a text says, reading it ends, and so does checking by it.
    #[test]
    fn nothing_panics(schema in schemas(), value in values(), junk in values()) {
        if let Ok(schema) = Schema::compile(&schema) {
            let _ = schema.problems(&value);
        }
        let _ = Schema::compile(&junk);
        for keyword in ["type", "enum", "properties", "items", "allOf", "$ref", "$id", "pattern",
                        "required", "contains", "$defs", "$dynamicAnchor", "dependentSchemas"] {
            let _ = Schema::compile(&json!({ keyword: junk }));
        }
    }
}
