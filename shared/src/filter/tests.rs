//! Tables of what matches, what does not, and what is refused.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn event() -> Value {
    json!({
        "id": "evt_1",
        "type": "vault.data_updated",
        "timestamp": "2026-11-21T10:00:00Z",
        "data": {
            "vaultId": "vault_xyz789",
            "fileName": "Quality-Certificate.PDF",
            "size": 245760,
            "ratio": 0.5,
            "price": 1.0,
            "big": 12345678901234567890u64,
            "negative": -7,
            "deleted": false,
            "owner": null,
            "empty": "",
            "ip": "10.0.0.17",
            "tags": ["iso", "quality"],
            "numbers": [1, 20],
            "none": [],
            "metadata": {"type": "certificate", "category": "quality", "level": {"n": 3}},
            "items": [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}],
            "a.b": "dot",
            "über": "Grüße",
        }
    })
}

fn matches(pattern: &str) -> bool {
    Filter::parse(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}")).matches(&event())
}

#[test]
fn what_matches() {
    for pattern in [
        r#"{"type": ["vault.data_updated"]}"#,
        r#"{"type": ["other", "vault.data_updated"]}"#,
        r#"{"id": [{"prefix": "evt_"}], "type": [{"prefix": "vault."}]}"#,
        r#"{"data": {"vaultId": ["vault_xyz789"]}}"#,
        r#"{"data": {"vaultId": [{"prefix": "vault_"}]}}"#,
        r#"{"data": {"vaultId": [{"prefix": ""}]}}"#,
        r#"{"data": {"vaultId": [{"prefix": {"equals-ignore-case": "VAULT_"}}]}}"#,
        r#"{"data": {"fileName": [{"suffix": ".PDF"}]}}"#,
        r#"{"data": {"fileName": [{"suffix": {"equals-ignore-case": ".pdf"}}]}}"#,
        r#"{"data": {"fileName": [{"equals-ignore-case": "quality-certificate.pdf"}]}}"#,
        r#"{"data": {"über": [{"equals-ignore-case": "GRÜßE"}]}}"#,
        r#"{"data": {"fileName": [{"wildcard": "Q*-*.PDF"}]}}"#,
        r#"{"data": {"fileName": [{"wildcard": "*"}]}}"#,
        r#"{"data": {"empty": [""]}}"#,
        r#"{"data": {"empty": [{"wildcard": "*"}]}}"#,
        r#"{"data": {"deleted": [false]}}"#,
        r#"{"data": {"owner": [null]}}"#,
        r#"{"data": {"size": [245760]}}"#,
        r#"{"data": {"size": [245760.0]}}"#,
        r#"{"data": {"size": [2.4576e5]}}"#,
        r#"{"data": {"price": [1]}}"#,
        r#"{"data": {"big": [12345678901234567890]}}"#,
        r#"{"data": {"size": [{"numeric": [">", 100000]}]}}"#,
        r#"{"data": {"size": [{"numeric": [">=", 245760]}]}}"#,
        r#"{"data": {"size": [{"numeric": ["<=", 245760]}]}}"#,
        r#"{"data": {"size": [{"numeric": ["=", 245760]}]}}"#,
        r#"{"data": {"ratio": [{"numeric": [">", 0, "<", 1]}]}}"#,
        r#"{"data": {"negative": [{"numeric": ["<", 0]}]}}"#,
        r#"{"data": {"negative": [{"numeric": [">=", -7, "<=", -6.5]}]}}"#,
        r#"{"data": {"tags": ["iso"]}}"#,
        r#"{"data": {"tags": ["quality", "other"]}}"#,
        r#"{"data": {"tags": [{"prefix": "qual"}]}}"#,
        r#"{"data": {"tags": [{"anything-but": "iso"}]}}"#,
        r#"{"data": {"numbers": [{"numeric": [">", 10]}]}}"#,
        r#"{"data": {"vaultId": [{"anything-but": "vault_other"}]}}"#,
        r#"{"data": {"vaultId": [{"anything-but": ["vault_a", "vault_b"]}]}}"#,
        r#"{"data": {"size": [{"anything-but": 5}]}}"#,
        r#"{"data": {"size": [{"anything-but": [5, "x"]}]}}"#,
        r#"{"data": {"vaultId": [{"anything-but": {"prefix": "tree_"}}]}}"#,
        r#"{"data": {"vaultId": [{"anything-but": {"prefix": ["tree_", "bush_"]}}]}}"#,
        r#"{"data": {"fileName": [{"anything-but": {"suffix": ".txt"}}]}}"#,
        r#"{"data": {"fileName": [{"anything-but": {"equals-ignore-case": "x.pdf"}}]}}"#,
        r#"{"data": {"fileName": [{"anything-but": {"wildcard": "*.txt"}}]}}"#,
        r#"{"data": {"size": [{"anything-but": {"prefix": "2"}}]}}"#,
        r#"{"data": {"vaultId": [{"exists": true}]}}"#,
        r#"{"data": {"owner": [{"exists": true}]}}"#,
        r#"{"data": {"metadata": [{"exists": true}]}}"#,
        r#"{"data": {"none": [{"exists": true}]}}"#,
        r#"{"data": {"missing": [{"exists": false}]}}"#,
        r#"{"data": {"missing": {"deep": [{"exists": false}]}}}"#,
        r#"{"data": {"metadata": {"type": ["certificate"], "category": ["quality"]}}}"#,
        r#"{"data": {"metadata": {"level": {"n": [{"numeric": ["=", 3]}]}}}}"#,
        r#"{"data": {"items": {"sku": ["b"]}}}"#,
        r#"{"data": {"items": {"sku": ["b"], "n": [2]}}}"#,
        r#"{"data": {"a.b": ["dot"]}}"#,
        r#"{"data": {"ip": [{"cidr": "10.0.0.0/24"}]}}"#,
        r#"{"$or": [{"id": ["x"]}, {"type": ["vault.data_updated"]}]}"#,
        r#"{"data": {"$or": [{"size": [1]}, {"ratio": [0.5]}]}}"#,
        r#"{"id": ["evt_1"], "$or": [{"type": ["x"]}, {"data": {"size": [245760]}}]}"#,
        r#"{"$or": [{"id": ["x"]}, {"$or": [{"id": ["y"]}, {"id": ["evt_1"]}]}]}"#,
        r#"{"data": {"items": {"$or": [{"sku": ["z"]}, {"n": [2]}]}}}"#,
        r#"{"data": {"owner": [{"exists": false}, null]}}"#,
    ] {
        assert!(matches(pattern), "{pattern}");
    }
}

#[test]
fn what_does_not_match() {
    for pattern in [
        r#"{"type": ["vault.created"]}"#,
        r#"{"type": ["VAULT.DATA_UPDATED"]}"#,
        r#"{"data": {"vaultId": ["vault_xyz78"]}}"#,
        r#"{"data": {"vaultId": ["vault_xyz789"], "size": [1]}}"#,
        r#"{"data": {"vaultId": [{"prefix": "xyz"}]}}"#,
        r#"{"data": {"fileName": [{"suffix": ".pdf"}]}}"#,
        r#"{"data": {"fileName": [{"wildcard": "*.txt"}]}}"#,
        r#"{"data": {"fileName": [{"wildcard": "Quality\\*"}]}}"#,
        r#"{"data": {"deleted": ["false"]}}"#,
        r#"{"data": {"size": ["245760"]}}"#,
        r#"{"data": {"big": [12345678901234567891]}}"#,
        r#"{"data": {"owner": [""]}}"#,
        r#"{"data": {"size": [{"prefix": "24"}]}}"#,
        r#"{"data": {"size": [{"numeric": ["<", 245760]}]}}"#,
        r#"{"data": {"vaultId": [{"numeric": [">", 0]}]}}"#,
        r#"{"data": {"vaultId": [{"anything-but": "vault_xyz789"}]}}"#,
        r#"{"data": {"vaultId": [{"anything-but": {"prefix": ["a", "vault"]}}]}}"#,
        r#"{"data": {"missing": [{"anything-but": "x"}]}}"#,
        r#"{"data": {"missing": [{"exists": true}]}}"#,
        r#"{"data": {"vaultId": [{"exists": false}]}}"#,
        r#"{"data": {"missing": ["x"]}}"#,
        r#"{"data": {"missing": [null]}}"#,
        r#"{"data": {"none": ["x"]}}"#,
        r#"{"data": {"metadata": ["certificate"]}}"#,
        r#"{"data": {"metadata": {"type": ["certificate"], "category": ["other"]}}}"#,
        r#"{"data": {"items": {"sku": ["a"], "n": [2]}}}"#,
        r#"{"data": {"vaultId": {"deep": ["x"]}}}"#,
        r#"{"data": {"ip": [{"cidr": "10.0.1.0/24"}]}}"#,
        r#"{"$or": [{"id": ["x"]}, {"type": ["y"]}]}"#,
        r#"{"id": ["x"], "$or": [{"type": ["vault.data_updated"]}, {"type": ["y"]}]}"#,
        r#"{"data": {"tags": [{"anything-but": ["iso", "quality"]}]}}"#,
    ] {
        assert!(!matches(pattern), "{pattern}");
    }
}

#[test]
fn what_is_refused_and_where() {
    let long = format!(r#"{{"a": ["{}"]}}"#, "x".repeat(MAX_LENGTH));
    let deep = format!(r#"{}["x"]{}"#, r#"{"a":"#.repeat(20), "}".repeat(20));
    for (pattern, pointer) in [
        ("", ""),
        ("x", ""),
        ("[]", ""),
        ("\"x\"", ""),
        ("{}", ""),
        (long.as_str(), ""),
        (deep.as_str(), "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a"),
        (r#"{"a": "x"}"#, "/a"),
        (r#"{"a": 1}"#, "/a"),
        (r#"{"a": null}"#, "/a"),
        (r#"{"a": {}}"#, "/a"),
        (r#"{"a": []}"#, "/a"),
        (r#"{"a": [["x"]]}"#, "/a/0"),
        (r#"{"a": ["x", []]}"#, "/a/1"),
        (r#"{"a/b": "x"}"#, "/a~1b"),
        (r#"{"a~b": "x"}"#, "/a~0b"),
        (r#"{"a": [{}]}"#, "/a/0"),
        (r#"{"a": [{"prefix": "x", "suffix": "y"}]}"#, "/a/0"),
        (r#"{"a": [{"starts-with": "x"}]}"#, "/a/0/starts-with"),
        (r#"{"a": [{"prefix": 1}]}"#, "/a/0/prefix"),
        (r#"{"a": [{"prefix": ["x"]}]}"#, "/a/0/prefix"),
        (r#"{"a": [{"prefix": {"x": "y"}}]}"#, "/a/0/prefix"),
        (r#"{"a": [{"suffix": null}]}"#, "/a/0/suffix"),
        (r#"{"a": [{"equals-ignore-case": 1}]}"#, "/a/0/equals-ignore-case"),
        (r#"{"a": [{"wildcard": "a**b"}]}"#, "/a/0/wildcard"),
        (r#"{"a": [{"wildcard": "a\\b"}]}"#, "/a/0/wildcard"),
        (r#"{"a": [{"wildcard": 1}]}"#, "/a/0/wildcard"),
        (r#"{"a": [{"exists": "yes"}]}"#, "/a/0/exists"),
        (r#"{"a": [{"cidr": "10.0.0.0"}]}"#, "/a/0/cidr"),
        (r#"{"a": [{"cidr": "10.0.0.0/64"}]}"#, "/a/0/cidr"),
        (r#"{"a": [{"numeric": 5}]}"#, "/a/0/numeric"),
        (r#"{"a": [{"numeric": []}]}"#, "/a/0/numeric"),
        (r#"{"a": [{"numeric": [">"]}]}"#, "/a/0/numeric"),
        (r#"{"a": [{"numeric": [">", "5"]}]}"#, "/a/0/numeric"),
        (r#"{"a": [{"numeric": ["!=", 5]}]}"#, "/a/0/numeric"),
        (r#"{"a": [{"numeric": ["<", 5, ">", 0]}]}"#, "/a/0/numeric"),
        (r#"{"a": [{"numeric": [">", 5, "<", 5]}]}"#, "/a/0/numeric"),
        (r#"{"a": [{"numeric": [">", 0, "<", 5, "=", 3]}]}"#, "/a/0/numeric"),
        (r#"{"a": [{"anything-but": []}]}"#, "/a/0/anything-but"),
        (r#"{"a": [{"anything-but": [null]}]}"#, "/a/0/anything-but"),
        (r#"{"a": [{"anything-but": true}]}"#, "/a/0/anything-but"),
        (r#"{"a": [{"anything-but": {}}]}"#, "/a/0/anything-but"),
        (r#"{"a": [{"anything-but": {"numeric": [">", 1]}}]}"#, "/a/0/anything-but/numeric"),
        (r#"{"$or": {"a": ["x"]}}"#, "/$or"),
        (r#"{"$or": [{"a": ["x"]}]}"#, "/$or"),
        (r#"{"$or": [{"a": ["x"]}, "y"]}"#, "/$or/1"),
        (r#"{"$or": [{"a": ["x"]}, {}]}"#, "/$or/1"),
    ] {
        let error = Filter::parse(pattern).expect_err(pattern);
        assert_eq!(error.problems[0].pointer, pointer, "{pattern}");
        assert_eq!(error.problems.len(), 1, "{pattern}: {error}");
    }
}

#[test]
fn tells_everything_at_once() {
    let error = Filter::parse(r#"{"a": 1, "b": [{"x": 1}], "c": [{"exists": 1}]}"#).unwrap_err();
    let pointers: Vec<_> = error.problems.iter().map(|p| p.pointer.as_str()).collect();
    assert_eq!(pointers, ["/a", "/b/0/x", "/c/0/exists"]);
}

#[test]
fn wildcards_take_no_time_to_speak_of() {
    let pattern = format!(r#"{{"a": [{{"wildcard": "{}b"}}]}}"#, "*a".repeat(500));
    let filter = Filter::parse(&pattern).unwrap();
    assert!(!filter.matches(&json!({"a": "a".repeat(200_000)})));
}

proptest! {
    #[test]
    fn never_panics(text in r#"[\{\}\[\]":,a-c$or*\\0-9 ]{0,80}"#) {
        if let Ok(filter) = Filter::parse(&text) {
            filter.matches(&event());
        }
    }
}
