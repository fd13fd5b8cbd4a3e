use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn pointers(result: Result<IncomingEvent, InvalidEvent>) -> Vec<String> {
    let error = result.expect_err("was taken");
    error.problems().iter().map(|p| p.pointer.clone()).collect()
}

#[test]
fn the_native_form_keeps_data_as_written() {
    let data =
        r#"{ "z": 1.50, "a": 12345678901234567890123, "e": "\u00e9\/", "n":-0.0e1 , "a":[] }"#;
    let event = parse_queue_body(&format!(
        r#" {{"data": {data}, "type":"vault.created","account":"acme","id":"ord_1:a.b-c",
            "timestamp":"2026-11-21T11:00:00.5+01:00"}} "#
    ))
    .unwrap();
    assert_eq!(event.data.get(), data);
    assert_eq!(event.account.unwrap().as_str(), "acme");
    assert_eq!(event.id.unwrap().as_str(), "ord_1:a.b-c");
    assert_eq!(event.event_type.as_str(), "vault.created");
    assert_eq!(event.timestamp.unwrap().to_string(), "2026-11-21T10:00:00.5Z");
}

#[test]
fn id_and_timestamp_are_optional() {
    for body in [
        r#"{"type":"a","data":{}}"#,
        r#"{"type":"a","data":{},"id":null,"timestamp":null}"#,
        r#"{"\u0074ype":"\u0061","data":{}}"#,
    ] {
        let event = parse_native(body).unwrap();
        assert_eq!(event.event_type.as_str(), "a");
        assert!(event.account.is_none() && event.id.is_none() && event.timestamp.is_none());
    }
}

#[test]
fn what_is_no_json_object_is_malformed() {
    for body in [
        "",
        "nonsense",
        "[]",
        "1",
        "null",
        "\"x\"",
        "{",
        r#"{"type":"a","data":{}"#,
        r#"{"type":"a","data":{}} x"#,
        r#"{"type":"a","data":{}}{}"#,
        r#"{"type":"a","data":{"a":01}}"#,
        r#"{"type":"a","data":{"a":"\x"}}"#,
        r#"{"type":"a","data":{"a":'b'}}"#,
        r#"{"type":"a","data":{"a":NaN}}"#,
        r#"{"type":"a","data":{},}"#,
        "\u{feff}{\"type\":\"a\",\"data\":{}}",
    ] {
        let error = parse_native(body).unwrap_err();
        assert!(matches!(error, InvalidEvent::Malformed(_)), "{body}: {error}");
    }
}

#[test]
fn all_problems_are_named() {
    let all = parse_queue_body(
        r#"{"account":"a b","id":"","type":"Order Placed","timestamp":"yesterday","data":[],"time/stamp":1}"#,
    );
    let expected = ["/account", "/id", "/type", "/timestamp", "/data", "/time~1stamp"];
    assert_eq!(pointers(all), expected);
    assert_eq!(pointers(parse_queue_body("{}")), ["/account", "/type", "/data"]);
    assert_eq!(pointers(parse_native("{}")), ["/type", "/data"]);
}

#[test]
fn each_rule_has_its_pointer() {
    let table = [
        (r#"{"type":"a","data":{},"account":"acme"}"#, "/account"),
        (r#"{"type":"a","data":{},"timestmp":"x"}"#, "/timestmp"),
        (r#"{"type":"a","data":{},"id":42}"#, "/id"),
        (r#"{"type":"a","data":{},"id":"a/b"}"#, "/id"),
        (r#"{"type":"a","data":{},"id":"\ud800"}"#, "/id"),
        (r#"{"type":7,"data":{}}"#, "/type"),
        (r#"{"type":null,"data":{}}"#, "/type"),
        (r#"{"type":"vault.*","data":{}}"#, "/type"),
        (r#"{"type":"a","data":{},"timestamp":1700000000}"#, "/timestamp"),
        (r#"{"type":"a","data":{},"timestamp":"2026-11-21"}"#, "/timestamp"),
        (r#"{"type":"a","data":{},"timestamp":"2026-11-21T10:00:00"}"#, "/timestamp"),
        (r#"{"type":"a","data":{},"timestamp":"+002026-11-21T10:00:00Z"}"#, "/timestamp"),
        (r#"{"type":"a","data":null}"#, "/data"),
        (r#"{"type":"a","data":"{}"}"#, "/data"),
        (r#"{"type":"a","data":[{}]}"#, "/data"),
        (r#"{"type":"a","data":{},"type":"b"}"#, "/type"),
        (r#"{"type":"a","data":{},"\u0064ata":{}}"#, "/data"),
        (r#"{"type":"a","data":{"x":1e309}}"#, "/data"),
        (r#"{"type":"a","data":{"x":"\udc00"}}"#, "/data"),
        (r#"{"type":"a","data":{"\ud800\ud800":0}}"#, "/data"),
        (r#"{"type":"a","data":{"x":"\ud83dx"}}"#, "/data"),
    ];
    for (body, pointer) in table {
        assert_eq!(pointers(parse_native(body)), [pointer], "{body}");
    }
}

#[test]
fn data_has_limits() {
    let event = |data: &str| parse_native(&format!(r#"{{"type":"a","data":{data}}}"#));
    let sized = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
    assert!(event(&sized(MAX_DATA_BYTES)).is_ok());
    assert!(event(&sized(MAX_DATA_BYTES + 1)).unwrap_err().is_too_large());

    let nested =
        |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert!(event(&nested(MAX_DATA_DEPTH)).is_ok());
    let too_deep = event(&nested(MAX_DATA_DEPTH + 1)).unwrap_err();
    assert!(too_deep.to_string().contains("nested deeper"), "{too_deep}");
    assert!(event(&nested(100_000)).is_err());

    assert!(event(&format!(r#"{{"a":{}}}"#, "9".repeat(308))).is_ok());
    assert!(event(&format!(r#"{{"a":{}}}"#, "9".repeat(400))).is_err());
    assert!(event(r#"{"a":1.7e308,"b":-1E-400,"c":"\ud83d\ude00","d":"[[[\"{"}"#).is_ok());
}

#[test]
fn many_fields_are_refused_without_looking_at_each() {
    let fields: Vec<String> = (0..50_000).map(|n| format!(r#""f{n}":{n}"#)).collect();
    let error = parse_queue_body(&format!("{{{}}}", fields.join(","))).unwrap_err();
    assert_eq!(error.problems().len(), 32);
    let twice = r#""type":"a","#.repeat(50_000);
    let error = parse_native(&format!(r#"{{{twice}"data":{{}}}}"#)).unwrap_err();
    assert_eq!(error.problems().len(), 32);
    let broken = format!("{{{},}}", fields.join(","));
    assert!(matches!(parse_queue_body(&broken), Err(InvalidEvent::Malformed(_))));
}

#[test]
fn cloud_events_are_taken() {
    let base64 = "eyJhIjogMS41MH0="; // {"a": 1.50}
    for body in [
        r#"{"specversion":"1.0","id":"1","source":"/shop","type":"com.example.order.placed",
            "posthornaccount":"acme","time":"2026-11-21T10:00:00Z","subject":"42","traceparent":"00-x",
            "datacontenttype":"application/json; charset=utf-8","data":{"a": 1.50}}"#
            .to_owned(),
        r#"{"specversion":"1.0","id":"1","source":"s","type":"com.example.order.placed","account":"acme",
            "time":"2026-11-21T10:00:00Z","datacontenttype":"application/vnd.x+json","data":{"a": 1.50}}"#
            .to_owned(),
        format!(
            r#"{{"specversion":"1.0","id":"1","source":"s","type":"com.example.order.placed",
            "time":"2026-11-21T10:00:00Z","account":"acme","posthornaccount":"acme","data_base64":"{base64}"}}"#
        ),
    ] {
        let event = parse_queue_body(&body).unwrap_or_else(|e| panic!("{body}: {e}"));
        assert_eq!(event.account.unwrap().as_str(), "acme");
        assert_eq!(event.id.unwrap().as_str(), "1");
        assert_eq!(event.event_type.as_str(), "com.example.order.placed");
        assert_eq!(event.timestamp.unwrap().to_string(), "2026-11-21T10:00:00Z");
        assert_eq!(event.data.get(), r#"{"a": 1.50}"#);
    }
}

#[test]
fn cloud_events_have_rules_of_their_own() {
    let with = |changes: &[(&str, &str)]| {
        let mut fields = vec![
            ("specversion", r#""1.0""#),
            ("id", r#""1""#),
            ("source", r#""s""#),
            ("type", r#""order.placed""#),
            ("posthornaccount", r#""acme""#),
            ("data", "{}"),
        ];
        for (name, value) in changes {
            fields.retain(|(field, _)| field != name);
            if !value.is_empty() {
                fields.push((name, value));
            }
        }
        let fields: Vec<_> = fields.iter().map(|(n, v)| format!("\"{n}\":{v}")).collect();
        parse_queue_body(&format!("{{{}}}", fields.join(",")))
    };
    assert!(with(&[]).is_ok());
    let table: [(&[(&str, &str)], &str); 14] = [
        (&[("specversion", r#""0.3""#)], "/specversion"),
        (&[("specversion", "1.0")], "/specversion"),
        (&[("specversion", "null")], "/specversion"),
        (&[("id", "")], "/id"),
        (&[("id", r#""""#)], "/id"),
        (&[("source", "")], "/source"),
        (&[("type", "")], "/type"),
        (&[("posthornaccount", "")], "/posthornaccount"),
        (&[("account", r#""other""#)], "/account"),
        (&[("datacontenttype", r#""application/xml""#)], "/datacontenttype"),
        (&[("data", r#""<x/>""#)], "/data"),
        (&[("data", "")], "/data"),
        (&[("data", ""), ("data_base64", r#""PHgvPg==""#)], "/data_base64"),
        (&[("data_base64", r#""e30=""#)], "/data_base64"),
    ];
    for (changes, pointer) in table {
        assert_eq!(pointers(with(changes)), [pointer], "{changes:?}");
    }
}

#[test]
fn event_bridge_envelopes_are_taken() {
    let envelope = |resources: &str, detail: &str| {
        parse_queue_body(&format!(
            r#"{{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","detail-type":"order.placed",
            "source":"shop","account":"111122223333","time":"2026-11-21T10:00:00Z","region":"us-east-1",
            "resources":{resources},"detail":{detail}}}"#
        ))
    };
    let detail = r#"{"total": 1.50, "account":"x"}"#;
    let wrapped = format!(r#"{{"posthorn_account":"acme","data":{detail}}}"#);
    for event in [
        envelope(r#"["arn:aws:s3:::b","posthorn:account:acme"]"#, detail),
        envelope("[]", &wrapped),
        envelope("null", &wrapped),
    ] {
        let event = event.unwrap();
        assert_eq!(event.account.unwrap().as_str(), "acme");
        assert_eq!(event.id.unwrap().as_str(), "6a7e8feb-b491-4cf7-a9f1-bf3703467718");
        assert_eq!(event.event_type.as_str(), "order.placed");
        assert_eq!(event.timestamp.unwrap().to_string(), "2026-11-21T10:00:00Z");
        assert_eq!(event.data.get(), detail);
    }
    let table = [
        (envelope("[]", detail), "/resources"),
        (envelope("[]", r#"{"posthorn_account":"acme","data":{},"more":1}"#), "/resources"),
        (envelope("7", detail), "/resources"),
        (envelope(r#"["posthorn:account:a b"]"#, detail), "/resources/0"),
        (envelope(r#"["posthorn:account:a","posthorn:account:b"]"#, detail), "/resources/1"),
        (envelope(r#"["posthorn:account:a"]"#, "[]"), "/detail"),
        (envelope("[]", r#"{"posthorn_account":"a","data":1}"#), "/detail/data"),
        (envelope("[]", r#"{"posthorn_account":1,"data":{}}"#), "/detail/posthorn_account"),
    ];
    for (result, pointer) in table {
        assert_eq!(pointers(result), [pointer]);
    }
    let spaced = parse_queue_body(
        r#"{"detail-type":"Order Placed","resources":["posthorn:account:a"],"detail":{}}"#,
    );
    assert_eq!(pointers(spaced), ["/detail-type"]);
}

/// JSON-like text, so that the interesting paths are reached often.
fn json_like() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\"a\"",
        "\"data\":",
        "\"type\":\"a\"",
        "1e999",
        "-0",
        "1.5",
        "null",
        "true",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud83d\\ude00\"",
        "\"é\"",
        " ",
        "{}",
        "\"account\":\"a\"",
        "\"specversion\":\"1.0\"",
        "\"detail-type\":\"x\"",
        "\"detail\":",
        "\"\\u12",
    ]);
    prop::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat())
}

/// Random JSON objects, numbers and escapes of all kinds among them.
fn data() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "-?(0|[1-9][0-9]{0,400})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?",
        r#""(\\u[0-9a-fD][0-9a-f]{3}|\\ud83d\\ude00|\\["\\/bfnrt]|[a-z{}\[\] ])*""#,
        Just("null".to_owned()),
    ];
    let value = leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|v| format!("[{}]", v.join(","))),
            prop::collection::vec(inner, 0..6).prop_map(|values| {
                let fields: Vec<_> =
                    values.iter().enumerate().map(|(n, v)| format!("\"f{n}\" :{v}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    });
    value.prop_map(|value| format!(r#"{{"v":{value}}}"#))
}

proptest! {
    #[test]
    fn nothing_panics(text in prop_oneof![json_like(), any::<String>()]) {
        let _ = parse_native(&text);
        let _ = parse_queue_body(&text);
        let _ = parse_native(&format!(r#"{{"type":"a","data":{text}}}"#));
        let _ = parse_queue_body(&format!(r#"{{"account":"a","type":"a","data":{{{text}}}}}"#));
    }

    /// The promise to whoever parses an accepted event's data: it parses. And nothing else is
    /// refused.
    #[test]
    fn data_is_taken_exactly_if_it_parses(data in data()) {
        let taken = parse_native(&format!(r#"{{"type":"a","data":{data}}}"#));
        prop_assert_eq!(taken.is_ok(), serde_json::from_str::<Value>(&data).is_ok());
        if let Ok(event) = taken {
            prop_assert_eq!(event.data.get(), data);
        }
    }
}
