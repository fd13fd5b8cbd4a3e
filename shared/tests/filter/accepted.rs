//! Patterns that are understood, over one event. The operators' rows follow the examples of
//! EventBridge's user guide ("Comparison operators for use in event patterns").

use serde_json::Value;

use super::matches;

const EVENT: &str = r#"{
    "id": "ord_4711",
    "type": "instance.state-changed",
    "timestamp": "2026-10-02T18:43:48Z",
    "data": {
        "Location": "New York", "Day": "Monday", "LastName": "", "UserID": null, "Name": "Alice",
        "state": "running", "Region": "eu-central-1", "service": "EventBridge",
        "FileName": "dir/sub/report.png", "FilePath": "/usr/lib/x.so", "star": "a*b\\c",
        "Price": 100, "c-count": 5, "d-count": 3, "x-limit": 301.8, "zero": 0, "neg": -2.5,
        "big": 12345678901234567890, "whole": 1.0, "text5": "5", "yes": true, "no": false,
        "source-ip": "10.0.0.33", "ip6": "fd12:3456::7", "PaymentType": "Debit",
        "city": "ÉVRY", "tags": ["a", "b"], "mixed": [1, "x", null, [2, ["deep"]]], "none": [],
        "customer": {"tier": "gold", "address": {"country": "DE"}}, "empty": {},
        "items": [{"sku": "A1", "qty": 2}, {"sku": "B2", "qty": 9, "gift": true}],
        "a/b~c": "odd name", "$ref": "x"
    }
}"#;

/// (part of the pattern below `data`, whether it matches)
#[rustfmt::skip] // a table reads better with one row a line
const OVER_DATA: &[(&str, bool)] = &[
    // And, or
    (r#"{"Location": ["New York"], "Day": ["Monday"]}"#, true),
    (r#"{"Location": ["New York"], "Day": ["Sunday"]}"#, false),
    (r#"{"PaymentType": ["Credit", "Debit"]}"#, true),
    (r#"{"PaymentType": ["Credit", "Cash"]}"#, false),
    (r#"{"$or": [{"Location": ["New York"]}, {"Day": ["Sunday"]}]}"#, true),
    (r#"{"$or": [{"Location": ["Paris"]}, {"Day": ["Sunday"]}]}"#, false),
    (r#"{"$or": [{"Location": ["Paris"]}, {"Day": ["Monday"]}], "state": ["running"]}"#, true),
    (r#"{"$or": [{"Location": ["Paris"]}, {"Day": ["Monday"]}], "state": ["stopped"]}"#, false),
    (r#"{"$or": [{"c-count": [{"numeric": [">", 9]}]}, {"d-count": [{"numeric": ["<", 8]}]}, {"x-limit": [0]}]}"#, true),
    (r#"{"$or": [{"state": ["x"]}, {"state": ["running"], "$or": [{"Day": ["x"]}, {"Name": ["Alice"]}]}]}"#, true),
    (r#"{"customer": {"$or": [{"tier": ["gold"]}, {"tier": ["silver"]}]}}"#, true),
    // Exact
    (r#"{"Name": ["Alice"]}"#, true),
    (r#"{"Name": ["alice"]}"#, false),
    (r#"{"LastName": [""]}"#, true),
    (r#"{"UserID": [null]}"#, true),
    (r#"{"UserID": ["null"]}"#, false),
    (r#"{"LastName": [null]}"#, false),
    (r#"{"missing": [null]}"#, false),
    (r#"{"yes": [true], "no": [false]}"#, true),
    (r#"{"yes": [false]}"#, false),
    (r#"{"yes": ["true"]}"#, false),
    (r#"{"Price": [100]}"#, true),
    (r#"{"Price": [1e2]}"#, true),
    (r#"{"Price": [100.0]}"#, true),
    (r#"{"Price": ["100"]}"#, false),
    (r#"{"text5": [5]}"#, false),
    (r#"{"whole": [1]}"#, true),
    (r#"{"zero": [-0.0]}"#, true),
    (r#"{"x-limit": [3.018e2]}"#, true),
    (r#"{"big": [12345678901234567890]}"#, true),
    (r#"{"big": [12345678901234567891]}"#, false),
    (r#"{"a/b~c": ["odd name"], "$ref": ["x"]}"#, true),
    // Prefix, suffix
    (r#"{"Region": [{"prefix": "eu-"}]}"#, true),
    (r#"{"Region": [{"prefix": "us-"}]}"#, false),
    (r#"{"Region": [{"prefix": "EU-"}]}"#, false),
    (r#"{"Region": [{"prefix": ""}]}"#, true),
    (r#"{"Price": [{"prefix": "1"}]}"#, false),
    (r#"{"service": [{"prefix": {"equals-ignore-case": "eventb"}}]}"#, true),
    (r#"{"service": [{"prefix": {"equals-ignore-case": "bridge"}}]}"#, false),
    (r#"{"FileName": [{"suffix": ".png"}]}"#, true),
    (r#"{"FileName": [{"suffix": ".PNG"}]}"#, false),
    (r#"{"service": [{"suffix": {"equals-ignore-case": "tBridge"}}]}"#, true),
    (r#"{"service": [{"suffix": {"equals-ignore-case": "xEventBridge"}}]}"#, false),
    // Ignoring case
    (r#"{"Name": [{"equals-ignore-case": "aLICE"}]}"#, true),
    (r#"{"Name": [{"equals-ignore-case": "aLICEs"}]}"#, false),
    (r#"{"city": [{"equals-ignore-case": "évry"}]}"#, true),
    // Wildcards
    (r#"{"FileName": [{"wildcard": "dir/*.png"}]}"#, true),
    (r#"{"FileName": [{"wildcard": "*/sub/*"}]}"#, true),
    (r#"{"FileName": [{"wildcard": "*/other/*"}]}"#, false),
    (r#"{"FileName": [{"wildcard": "sub*"}]}"#, false),
    (r#"{"star": [{"wildcard": "a\\*b\\\\c"}]}"#, true),
    (r#"{"Name": [{"wildcard": "Alice"}]}"#, true),
    (r#"{"Price": [{"wildcard": "1*"}]}"#, false),
    // Anything but
    (r#"{"state": [{"anything-but": "initializing"}]}"#, true),
    (r#"{"state": [{"anything-but": "running"}]}"#, false),
    (r#"{"x-limit": [{"anything-but": 123}]}"#, true),
    (r#"{"x-limit": [{"anything-but": 301.80}]}"#, false),
    (r#"{"state": [{"anything-but": ["stopped", "overloaded"]}]}"#, true),
    (r#"{"state": [{"anything-but": ["stopped", "running"]}]}"#, false),
    (r#"{"x-limit": [{"anything-but": [100, 200, 300]}]}"#, true),
    (r#"{"c-count": [{"anything-but": [300, 5, 100]}]}"#, false),
    (r#"{"Price": [{"anything-but": "100"}]}"#, true),
    (r#"{"UserID": [{"anything-but": "x"}]}"#, true),
    (r#"{"yes": [{"anything-but": 1}]}"#, true),
    (r#"{"missing": [{"anything-but": "x"}]}"#, false),
    (r#"{"Region": [{"anything-but": {"prefix": "us-"}}]}"#, true),
    (r#"{"Region": [{"anything-but": {"prefix": "eu-"}}]}"#, false),
    (r#"{"Region": [{"anything-but": {"prefix": ["us-", "eu-"]}}]}"#, false),
    (r#"{"FileName": [{"anything-but": {"suffix": ".png"}}]}"#, false),
    (r#"{"FileName": [{"anything-but": {"suffix": [".gif", ".jpg"]}}]}"#, true),
    (r#"{"state": [{"anything-but": {"equals-ignore-case": "INITIALIZING"}}]}"#, true),
    (r#"{"state": [{"anything-but": {"equals-ignore-case": ["stopped", "RUNNING"]}}]}"#, false),
    (r#"{"FilePath": [{"anything-but": {"wildcard": "*/lib/*"}}]}"#, false),
    (r#"{"FilePath": [{"anything-but": {"wildcard": ["*/bin/*", "/opt*"]}}]}"#, true),
    (r#"{"Price": [{"anything-but": {"prefix": "1"}}]}"#, true),
    (r#"{"state": ["stopped", {"anything-but": "initializing"}]}"#, true),
    // Numbers
    (r#"{"c-count": [{"numeric": [">", 0, "<=", 5]}]}"#, true),
    (r#"{"c-count": [{"numeric": [">", 0, "<", 5]}]}"#, false),
    (r#"{"c-count": [{"numeric": ["<=", 5, ">", 0]}]}"#, true),
    (r#"{"d-count": [{"numeric": ["<", 10]}]}"#, true),
    (r#"{"x-limit": [{"numeric": ["=", 3.018e2]}]}"#, true),
    (r#"{"Price": [{"numeric": ["=", 100]}]}"#, true),
    (r#"{"Price": [{"numeric": [">", 10, "<=", 20]}]}"#, false),
    (r#"{"neg": [{"numeric": [">=", -2.5]}]}"#, true),
    (r#"{"neg": [{"numeric": ["<", -2.5]}]}"#, false),
    (r#"{"big": [{"numeric": [">", 12345678901234567889, "<", 12345678901234567891]}]}"#, true),
    (r#"{"big": [{"numeric": [">", 12345678901234567890]}]}"#, false),
    (r#"{"text5": [{"numeric": ["=", 5]}]}"#, false),
    (r#"{"missing": [{"numeric": ["<", 5]}]}"#, false),
    // Networks
    (r#"{"source-ip": [{"cidr": "10.0.0.0/24"}]}"#, true),
    (r#"{"source-ip": [{"cidr": "10.0.1.0/24"}]}"#, false),
    (r#"{"ip6": [{"cidr": "fd12:3456::/32"}]}"#, true),
    (r#"{"state": [{"cidr": "0.0.0.0/0"}]}"#, false),
    // Exists: leaves only
    (r#"{"c-count": [{"exists": true}]}"#, true),
    (r#"{"c-count": [{"exists": false}]}"#, false),
    (r#"{"missing": [{"exists": false}]}"#, true),
    (r#"{"missing": [{"exists": true}]}"#, false),
    (r#"{"UserID": [{"exists": true}]}"#, true),
    (r#"{"LastName": [{"exists": true}]}"#, true),
    (r#"{"customer": [{"exists": true}]}"#, false),
    (r#"{"customer": [{"exists": false}]}"#, true),
    (r#"{"none": [{"exists": true}]}"#, false),
    (r#"{"none": [{"exists": false}]}"#, true),
    (r#"{"tags": [{"exists": true}]}"#, true),
    (r#"{"nowhere": {"at": {"all": [{"exists": false}]}}}"#, true),
    (r#"{"nowhere": {"at": {"all": ["x"]}}}"#, false),
    (r#"{"state": {"code": [{"exists": false}]}}"#, true),
    (r#"{"missing": ["x", {"exists": false}]}"#, true),
    (r#"{"state": ["x", {"exists": false}]}"#, false),
    // Nested objects
    (r#"{"customer": {"tier": ["gold"], "address": {"country": [{"prefix": "D"}]}}}"#, true),
    (r#"{"customer": {"tier": ["gold"], "address": {"country": ["FR"]}}}"#, false),
    (r#"{"customer": ["gold"]}"#, false),
    (r#"{"state": {"name": ["running"]}}"#, false),
    (r#"{"empty": {"x": [{"exists": false}]}}"#, true),
    // Lists
    (r#"{"tags": ["b", "z"]}"#, true),
    (r#"{"tags": ["z"]}"#, false),
    (r#"{"tags": [{"anything-but": "a"}]}"#, true),
    (r#"{"tags": [{"anything-but": ["a", "b"]}]}"#, false),
    (r#"{"mixed": [null]}"#, true),
    (r#"{"mixed": [{"prefix": "de"}]}"#, true),
    (r#"{"mixed": [{"numeric": ["=", 2]}]}"#, true),
    (r#"{"none": ["a"]}"#, false),
    (r#"{"none": [{"anything-but": "a"}]}"#, false),
    (r#"{"items": {"sku": ["B2"]}}"#, true),
    (r#"{"items": {"sku": ["B2"], "qty": [9]}}"#, true),
    (r#"{"items": {"sku": ["A1"], "qty": [9]}}"#, false),
    (r#"{"items": {"gift": [{"exists": false}], "sku": ["A1"]}}"#, true),
    (r#"{"items": {"gift": [{"exists": false}], "sku": ["B2"]}}"#, false),
    (r#"{"tags": {"x": [{"exists": false}]}}"#, true),
];

/// (whole pattern, whether it matches)
#[rustfmt::skip] // a table reads better with one row a line
const WHOLE: &[(&str, bool)] = &[
    (r#"{"timestamp": [{"prefix": "2026-10-02"}]}"#, true),
    (r#"{"timestamp": [{"prefix": "2017-10-02"}]}"#, false),
    (r#"{"type": [{"prefix": "instance."}], "data": {"state": ["running"]}}"#, true),
    (r#"{"type": ["instance.terminated"], "data": {"state": ["running"]}}"#, false),
    (r#"{"id": ["ord_4711", "ord_4712"]}"#, true),
    (r#"{"id": [{"wildcard": "ord_*"}], "$or": [{"type": ["x"]}, {"data": {"no": [false]}}]}"#, true),
    (r#"{"$or": [{"id": ["x"]}, {"data": {"$or": [{"state": ["x"]}, {"Day": ["y"]}]}}]}"#, false),
];

#[test]
fn accepted_patterns_match_as_they_should() {
    let event: Value = serde_json::from_str(EVENT).unwrap();
    for (pattern, expected) in OVER_DATA {
        let pattern = format!(r#"{{"data": {pattern}}}"#);
        assert_eq!(matches(&pattern, &event), *expected, "{pattern}");
    }
    for (pattern, expected) in WHOLE {
        assert_eq!(matches(pattern, &event), *expected, "{pattern}");
    }
}
