//! Patterns that are refused: where, and with what words.

use posthorn_shared::filter::{Filter, MAX_BYTES, MAX_COMBINATIONS, MAX_OPERATORS};
use serde_json::json;

use super::matches;

/// (whole pattern, pointer to what is wrong, a word of what would be right)
#[rustfmt::skip] // a table reads better with one row a line
const REFUSED: &[(&str, &str, &str)] = &[
    ("", "", "JSON"),
    ("nonsense", "", "JSON"),
    (r#"{"data": {"a": ["b"]}"#, "", "JSON"),
    (r#"{"data": {"a": ["b"]}} {}"#, "", "JSON"),
    (r#"{"data": {"a": [1e999]}}"#, "", "out of range"),
    ("[]", "", "object"),
    ("\"x\"", "", "object"),
    ("null", "", "object"),
    ("{}", "", "empty"),
    (r#"{"data": {}}"#, "/data", "empty"),
    (r#"{"data": {"a": {}}}"#, "/data/a", "empty"),
    (r#"{"data": {"a": []}}"#, "/data/a", "empty list"),
    (r#"{"data": {"a": "b"}}"#, "/data/a", "list"),
    (r#"{"data": {"a": 1}}"#, "/data/a", "list"),
    (r#"{"data": {"a": null}}"#, "/data/a", "list"),
    (r#"{"data": {"a": {"prefix": "x"}}}"#, "/data/a/prefix", "[{\"prefix\""),
    (r#"{"data": {"a": [["b"]]}}"#, "/data/a/0", "inside a list"),
    (r#"{"data": ["b"]}"#, "/data", "name its fields"),
    (r#"{"data": "b"}"#, "/data", "list"),
    (r#"{"type": "vault.created"}"#, "/type", "list"),
    (r#"{"type": {"name": ["x"]}}"#, "/type", "text"),
    (r#"{"detail": {"a": ["b"]}}"#, "/detail", "id, type, timestamp and data"),
    (r#"{"vaultId": ["b"]}"#, "/vaultId", "id, type, timestamp and data"),
    (r#"{"data": {"a": ["b"], "a": ["c"]}}"#, "/data/a", "twice"),
    (r#"{"data": {"a/b~c": 1}}"#, "/data/a~1b~0c", "list"),
    // Operators
    (r#"{"data": {"a": [{}]}}"#, "/data/a/0", "one field"),
    (r#"{"data": {"a": ["x", {"prefix": "a", "suffix": "b"}]}}"#, "/data/a/1", "one field"),
    (r#"{"data": {"a": [{"startsWith": "b"}]}}"#, "/data/a/0/startsWith", "unknown operator"),
    (r#"{"data": {"a": [{"Prefix": "b"}]}}"#, "/data/a/0/Prefix", "unknown operator"),
    (r#"{"data": {"a": [{"prefix": 1}]}}"#, "/data/a/0/prefix", "text"),
    (r#"{"data": {"a": [{"prefix": ["b"]}]}}"#, "/data/a/0/prefix", "text"),
    (r#"{"data": {"a": [{"prefix": {"suffix": "b"}}]}}"#, "/data/a/0/prefix", "equals-ignore-case"),
    (r#"{"data": {"a": [{"suffix": {"equals-ignore-case": 1}}]}}"#, "/data/a/0/suffix", "text"),
    (r#"{"data": {"a": [{"suffix": null}]}}"#, "/data/a/0/suffix", "text"),
    (r#"{"data": {"a": [{"equals-ignore-case": true}]}}"#, "/data/a/0/equals-ignore-case", "text"),
    (r#"{"data": {"a": [{"equals-ignore-case": ["b"]}]}}"#, "/data/a/0/equals-ignore-case", "text"),
    (r#"{"data": {"a": [{"wildcard": "a**b"}]}}"#, "/data/a/0/wildcard", "two *"),
    (r#"{"data": {"a": [{"wildcard": "a\\b"}]}}"#, "/data/a/0/wildcard", "only before"),
    (r#"{"data": {"a": [{"wildcard": "a\\"}]}}"#, "/data/a/0/wildcard", "only before"),
    (r#"{"data": {"a": [{"wildcard": "*a*a*a*a*a*"}]}}"#, "/data/a/0/wildcard", "at most 5"),
    (r#"{"data": {"a": [{"wildcard": 1}]}}"#, "/data/a/0/wildcard", "text"),
    (r#"{"data": {"a": [{"exists": "true"}]}}"#, "/data/a/0/exists", "true or false"),
    (r#"{"data": {"a": [{"exists": 1}]}}"#, "/data/a/0/exists", "true or false"),
    (r#"{"data": {"a": [{"cidr": "10.0.0.0/33"}]}}"#, "/data/a/0/cidr", "network"),
    (r#"{"data": {"a": [{"cidr": "10.0.0.0"}]}}"#, "/data/a/0/cidr", "network"),
    // Anything but
    (r#"{"data": {"a": [{"anything-but": []}]}}"#, "/data/a/0/anything-but", "only numbers"),
    (r#"{"data": {"a": [{"anything-but": ["x", 1]}]}}"#, "/data/a/0/anything-but", "only numbers"),
    (r#"{"data": {"a": [{"anything-but": null}]}}"#, "/data/a/0/anything-but", "text"),
    (r#"{"data": {"a": [{"anything-but": [true]}]}}"#, "/data/a/0/anything-but", "text"),
    (r#"{"data": {"a": [{"anything-but": {"numeric": ["=", 1]}}]}}"#, "/data/a/0/anything-but", "prefix"),
    (r#"{"data": {"a": [{"anything-but": {"prefix": []}}]}}"#, "/data/a/0/anything-but", "prefix"),
    (r#"{"data": {"a": [{"anything-but": {"prefix": ""}}]}}"#, "/data/a/0/anything-but/prefix", "not empty"),
    (r#"{"data": {"a": [{"anything-but": {"suffix": 1}}]}}"#, "/data/a/0/anything-but/suffix", "text"),
    (r#"{"data": {"a": [{"anything-but": {"wildcard": "**"}}]}}"#, "/data/a/0/anything-but/wildcard", "two *"),
    // Numbers
    (r#"{"data": {"a": [{"numeric": 5}]}}"#, "/data/a/0/numeric", "comparison"),
    (r#"{"data": {"a": [{"numeric": []}]}}"#, "/data/a/0/numeric", "comparison"),
    (r#"{"data": {"a": [{"numeric": [">"]}]}}"#, "/data/a/0/numeric", "comparison"),
    (r#"{"data": {"a": [{"numeric": [5, ">"]}]}}"#, "/data/a/0/numeric", "comparison"),
    (r#"{"data": {"a": [{"numeric": ["!=", 5]}]}}"#, "/data/a/0/numeric", "comparison"),
    (r#"{"data": {"a": [{"numeric": [">", "5"]}]}}"#, "/data/a/0/numeric", "comparison"),
    (r#"{"data": {"a": [{"numeric": [">", 1, ">", 2]}]}}"#, "/data/a/0/numeric", "comparison"),
    (r#"{"data": {"a": [{"numeric": ["=", 1, "<", 2]}]}}"#, "/data/a/0/numeric", "comparison"),
    (r#"{"data": {"a": [{"numeric": [">", 1, "<", 2, "<", 3]}]}}"#, "/data/a/0/numeric", "comparison"),
    (r#"{"data": {"a": [{"numeric": [">", 5, "<", 5]}]}}"#, "/data/a/0/numeric", "no number"),
    (r#"{"data": {"a": [{"numeric": [">=", 6, "<=", 5]}]}}"#, "/data/a/0/numeric", "no number"),
    // $or
    (r#"{"$or": []}"#, "/$or", "two or more"),
    (r#"{"$or": [{"type": ["a"]}]}"#, "/$or", "two or more"),
    (r#"{"$or": {"type": ["a"]}}"#, "/$or", "two or more"),
    (r#"{"data": {"$or": ["a", "b"]}}"#, "/data/$or/0", "object"),
    (r#"{"data": {"$or": [{"a": ["b"]}, {}]}}"#, "/data/$or/1", "empty"),
    (r#"{"$or": [{"type": ["a"]}, {"state": ["b"]}]}"#, "/$or/1/state", "id, type"),
    (r#"{"data": {"$or": [{"a": [{"prefix": "x"}]}, {"prefix": "x"}]}}"#, "/data/$or/1/prefix", "list"),
];

#[test]
fn refused_patterns_say_where_and_what() {
    for (pattern, pointer, word) in REFUSED {
        let error = Filter::parse(pattern).expect_err(pattern);
        let problem = &error.problems[0];
        assert_eq!(problem.pointer, *pointer, "{pattern}: {error}");
        assert!(problem.detail.contains(word), "{pattern}: {error}");
    }
}

#[test]
fn all_problems_are_named() {
    let error = Filter::parse(
        r#"{"type": 1, "state": ["x"], "data": {"a": [{"prefix": 1}, {"exists": 2}], "b": []}}"#,
    )
    .unwrap_err();
    let pointers: Vec<_> = error.problems.iter().map(|p| p.pointer.as_str()).collect();
    assert_eq!(pointers, ["/type", "/state", "/data/a/0/prefix", "/data/a/1/exists", "/data/b"]);
}

#[test]
fn limits_are_named() {
    let refusal = |pattern: String| Filter::parse(&pattern).unwrap_err().to_string();
    let over = |data: String| format!(r#"{{"data":{{{data}}}}}"#);
    let list =
        |n: usize, item: &dyn Fn(usize) -> String| (0..n).map(item).collect::<Vec<_>>().join(",");

    let exactly = |bytes: usize| over(format!(r#""a":["{}"]"#, "x".repeat(bytes - 19)));
    assert_eq!(exactly(MAX_BYTES).len(), MAX_BYTES);
    assert!(Filter::parse(&exactly(MAX_BYTES)).is_ok());
    assert!(refusal(exactly(MAX_BYTES + 1)).contains("at most 4096 bytes"));

    let nested = |depth: usize| format!("{}[1]{}", r#"{"data":"#.repeat(depth), "}".repeat(depth));
    assert!(Filter::parse(&nested(16)).is_ok());
    assert!(refusal(nested(17)).contains("deeper than 16"));
    assert!(refusal(nested(400)).contains("recursion limit"));

    let fields = |n| over(list(n, &|i| format!(r#""f{i}":[1]"#)));
    assert!(Filter::parse(&fields(100)).is_ok());
    assert!(refusal(fields(101)).contains("at most 100 fields"));

    let prefixes = |n| over(format!(r#""a":[{}]"#, list(n, &|i| format!(r#"{{"prefix":"{i}"}}"#))));
    assert!(Filter::parse(&prefixes(MAX_OPERATORS)).is_ok());
    assert!(refusal(prefixes(MAX_OPERATORS + 1)).contains("with operators"));

    // 10 alternatives in each of three places multiply to 1,000, four to 10,000.
    let or = |n: usize| {
        let ten = list(10, &|i| format!(r#"{{"x":[{i}]}}"#));
        over(list(n, &|i| format!(r#""o{i}":{{"$or":[{ten}]}}"#)))
    };
    assert!(Filter::parse(&or(3)).is_ok());
    assert!(refusal(or(4)).contains(&MAX_COMBINATIONS.to_string()));

    // Plain values are free.
    let values = over(format!(r#""a":[{}]"#, list(700, &|i| i.to_string())));
    assert!(matches(&values, &json!({"data": {"a": 699}})));
}
