//! Bodies of requests: what a route takes, the same with something wrong in it, and what no route takes.

use serde_json::{Map, Value, json};

use crate::chance::Chance;

/// Bytes of a request's body that the API reads.
pub const MAX_BODY: usize = 4 * 1024 * 1024;

/// One in so many bodies is as large as a body may be, or larger.
const LARGE: usize = 25;

/// Texts and ids that may stand anywhere: the sender's own, and those of other accounts.
pub struct Words {
    /// Where deliveries of the sender may go.
    pub url: String,
    pub ids: Vec<String>,
}

/// A body of JSON, or what pretends to be one.
pub fn json_body(chance: &mut Chance, examples: &[Value], words: &Words) -> Vec<u8> {
    if chance.one_in(LARGE) {
        return large(chance);
    }
    let valid = if examples.is_empty() { json!({}) } else { chance.among(examples).clone() };
    let valid = reachable(valid, words);
    match chance.below(16) {
        0 | 1 => valid.to_string().into_bytes(),
        2..=6 => with_fields(chance, valid, words).to_string().into_bytes(),
        7 => Vec::new(),
        8 => {
            let length = chance.below(2_000);
            chance.bytes(length)
        }
        9 => {
            let mut text = valid.to_string().into_bytes();
            text.truncate(chance.below(text.len() + 1));
            text
        }
        10 => {
            let mut text = valid.to_string().into_bytes();
            for _ in 0..=chance.below(4) {
                let at = chance.below(text.len());
                text[at] = chance.number() as u8;
            }
            text
        }
        11 => nested(chance).into_bytes(),
        12 => twice(chance, &valid),
        13 => chance.pick(&NO_OBJECTS).to_vec(),
        14 => odd_texts(chance),
        _ => b"a=b&c=%00&csrf=&url=https%3A%2F%2Fexample.com".to_vec(),
    }
}

/// Documents that are no objects, or hardly JSON.
const NO_OBJECTS: [&[u8]; 12] = [
    b"null",
    b"true",
    b"[]",
    b"[[]]",
    b"\"text\"",
    b"{}",
    b"1e999999",
    b"{\"data\":1e999999,\"type\":\"a.b\"}",
    b"\xef\xbb\xbf{}",
    b"{\"a\":1}{\"a\":2}",
    b"{\"events\":[{},{},{}]}",
    b"{\"$serde_json::private::RawValue\":\"[1]\"}",
];

/// Bodies at the limit and over it.
fn large(chance: &mut Chance) -> Vec<u8> {
    let bytes = chance.pick(&[64 * 1024, 300 * 1024, MAX_BODY - 64, MAX_BODY + 1, 6_000_000]);
    let field = chance.pick(&["url", "data", "event_types", "filter", "headers", "schema", "x"]);
    let filled = |piece: &str| {
        let mut text = format!("{{\"{field}\":");
        text.push_str(&piece.repeat(bytes.saturating_sub(text.len()) / piece.len()));
        text.into_bytes()
    };
    let listed = |piece: &str| {
        let count = bytes / (piece.len() + 1);
        format!("{{\"{field}\":[{}]}}", vec![piece; count].join(",")).into_bytes()
    };
    match chance.below(8) {
        0 => listed("0"),
        1 => listed("[0]"),
        2 => listed("{\"a\":0}"),
        3 => listed("\"*\""),
        // Names that no route knows, each another one.
        4 => {
            let members: Vec<String> =
                (0..bytes / 12).map(|number| format!("\"f{number:06}\":0")).collect();
            format!("{{{}}}", members.join(",")).into_bytes()
        }
        // One long name over a list.
        5 => {
            let (name, zeros) = ("n".repeat(bytes / 2), ",0".repeat(bytes / 4));
            format!("{{\"{name}\":[0{zeros}]}}").into_bytes()
        }
        6 => filled("{\"a\":"),
        _ => format!("{{\"{field}\":\"{}\"}}", "x".repeat(bytes)).into_bytes(),
    }
}

/// Lists or objects inside one another.
fn nested(chance: &mut Chance) -> String {
    let depth = chance.pick(&[60, 119, 127, 128, 1_000, 20_000]);
    let (open, close) = chance.pick(&[("[", "]"), ("{\"a\":", "}"), ("[{\"\":", "}]")]);
    let inside = format!("{}0{}", open.repeat(depth), close.repeat(depth));
    match chance.below(3) {
        0 => inside,
        1 => format!("{{\"type\":\"kept.secret\",\"data\":{{\"a\":{inside}}}}}"),
        _ => format!("{{\"filter\":{inside},\"schema\":{inside},\"example\":{inside}}}"),
    }
}

/// A member that is there twice.
fn twice(chance: &mut Chance, example: &Value) -> Vec<u8> {
    let text = example.to_string();
    let name = example.as_object().and_then(|object| object.keys().next().cloned());
    let name = name.unwrap_or_else(|| "type".to_owned());
    let inner = text.trim_start_matches('{').trim_end_matches('}');
    let again = chance.pick(&["1", "null", "\"a.b\"", "{}"]);
    format!("{{{inner},\"{name}\":{again}}}").into_bytes()
}

/// Texts that are no UTF-8, or no characters.
fn odd_texts(chance: &mut Chance) -> Vec<u8> {
    let text = chance.pick(&[
        b"\xff\xfe\xfd".as_slice(),
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xef\xbf\xbe",
        b"\xef\xbf\xbf",
        b"\\ud800",
        b"\\udc00\\ud800",
        b"\\u0000",
        b"\\uFFFE",
        b"\x00",
        b"\x1b[2J",
        b"\xf4\x90\x80\x80",
    ]);
    let field = chance.pick(&["type", "url", "description", "name", "id", "event_type"]);
    let mut body = b"{\"data\":{\"a\":\"".to_vec();
    body.extend_from_slice(text);
    body.extend_from_slice(format!("\"}},\"{field}\":\"a.b").as_bytes());
    body.extend_from_slice(text);
    body.extend_from_slice(b"\"}");
    body
}

/// The same with URLs on this machine: no test sends anything off it.
fn reachable(mut body: Value, words: &Words) -> Value {
    for place in ["/url", "/data/attributes/url"] {
        if let Some(url) = body.pointer_mut(place) {
            *url = json!(words.url);
        }
    }
    body
}

/// The body with one to four fields that some route knows, as it expects them or not.
fn with_fields(chance: &mut Chance, mut body: Value, words: &Words) -> Value {
    let inner = match body.pointer("/data/attributes") {
        Some(_) => body.pointer_mut("/data/attributes"),
        None => Some(&mut body),
    };
    if let Some(Value::Object(fields)) = inner {
        for _ in 0..=chance.below(3) {
            change(chance, fields, words);
        }
    }
    body
}

fn change(chance: &mut Chance, fields: &mut Map<String, Value>, words: &Words) {
    let name = chance.pick(&FIELDS);
    let value = match chance.below(4) {
        0 => anything(chance, words),
        _ => value_for(chance, name, words),
    };
    if chance.one_in(12) {
        fields.remove(name);
    } else {
        fields.insert(name.to_owned(), value);
    }
}

/// Fields of all bodies.
const FIELDS: [&str; 34] = [
    "url",
    "description",
    "metadata",
    "event_types",
    "events",
    "filter",
    "filters",
    "headers",
    "secret",
    "timeout_seconds",
    "timeout",
    "retry",
    "retryCount",
    "rate_limit",
    "rateLimit",
    "active",
    "name",
    "scopes",
    "limits",
    "dialect",
    "portal",
    "schema",
    "example",
    "type",
    "id",
    "timestamp",
    "data",
    "event_type",
    "eventId",
    "since",
    "until",
    "overlap_seconds",
    "account",
    "expires_in",
];

/// Something that the field may hold, or nearly.
fn value_for(chance: &mut Chance, name: &str, words: &Words) -> Value {
    match name {
        "url" => json!(url(chance, words)),
        "filter" | "filters" => filter(chance),
        "schema" => schema(chance),
        "headers" => headers(chance),
        "event_types" | "events" | "scopes" => {
            let all = ["*", "kept.*", "kept.secret", "posthorn.*", "", "a..b", "manage", "admin"];
            json!((0..chance.below(120)).map(|_| chance.pick(&all)).collect::<Vec<_>>())
        }
        "retry" => {
            let delay = chance.pick(&["1s", "0s", "25h", "-1s", "1e9s", "", "5m"]);
            json!({ "schedule": vec![delay; chance.below(40)] })
        }
        "rate_limit" | "rateLimit" | "limits" => {
            let number = number(chance);
            json!({ "per_second": number, "per_hour": number, "endpoints": number })
        }
        "timeout" | "timeout_seconds" | "overlap_seconds" | "retryCount" | "expires_in" => {
            number(chance)
        }
        "since" | "until" | "timestamp" => json!(chance.pick(&TIMES)),
        "data" | "example" => json!({ "of": anything(chance, words) }),
        "type" | "event_type" | "name" => {
            json!(chance.pick(&["kept.secret", "posthorn.x", "a", "../x", "a b", ""]))
        }
        _ => anything(chance, words),
    }
}

pub const TIMES: [&str; 9] = [
    "2026-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "-009999-01-01T00:00:00Z",
    "1970-01-01T00:00:00+23:59",
    "2026-02-30T00:00:00Z",
    "2026-01-01",
    "now",
    "0",
    "",
];

fn number(chance: &mut Chance) -> Value {
    chance
        .among(&[
            json!(0),
            json!(1),
            json!(-1),
            json!(30),
            json!(10_000),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(1.5),
            json!(1e308),
            json!("1"),
        ])
        .clone()
}

fn anything(chance: &mut Chance, words: &Words) -> Value {
    match chance.below(10) {
        0 => Value::Null,
        1 => json!(chance.one_in(2)),
        2 => number(chance),
        3 => json!("x".repeat(chance.pick(&[1, 64, 257, 5_000, 70_000]))),
        4 => json!("\u{0}\u{fffe}\u{202e}\u{feff}\r\n<script>alert(1)</script>'\""),
        5 => json!(vec![json!("a"); chance.below(300)]),
        6 => json!({ "a": { "b": { "c": {} } } }),
        7 => json!([]),
        8 => json!({}),
        _ => json!(chance.among(&words.ids)),
    }
}

/// None that leads off this machine: what is public is refused for its port.
fn url(chance: &mut Chance, words: &Words) -> String {
    let elsewhere = chance.pick(&[
        "https://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://127.0.0.1:4566/",
        "http://2130706433/",
        "http://0x7f.1/",
        "https://user:password@127.0.0.1/",
        "https://10.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "https://\u{2460}27.0.0.1/",
        "http://127.0.0.1\\@example.invalid/",
        "",
    ]);
    match chance.below(3) {
        0 => elsewhere.to_owned(),
        1 => words.url.clone(),
        _ => format!("{}?{}", words.url, "q".repeat(chance.below(2_500))),
    }
}

fn filter(chance: &mut Chance) -> Value {
    let operator = chance
        .among(&[
            json!({ "wildcard": "*a*a*a*ab*" }),
            json!({ "prefix": { "equals-ignore-case": "AA" } }),
            json!({ "suffix": "b" }),
            json!({ "cidr": "10.0.0.0/8" }),
            json!({ "numeric": [">", 0, "<=", 1e300] }),
            json!({ "anything-but": { "wildcard": ["*a*", "*b*"] } }),
            json!({ "exists": false }),
            json!({ "equals-ignore-case": "\u{130}" }),
            json!({ "unknown": 1 }),
        ])
        .clone();
    let values = vec![operator; 1 + chance.below(101)];
    match chance.below(3) {
        0 => json!({ "data": { "of": values } }),
        1 => json!({ "$or": vec![json!({ "data": { "of": values } }); 2] }),
        _ => json!({ "data": { "a": { "b": { "c": values } } }, "type": ["kept.secret"] }),
    }
}

fn schema(chance: &mut Chance) -> Value {
    let doubled = |count: usize| {
        let mut all = Map::new();
        for number in 0..count {
            let next = json!({ "$ref": format!("#/$defs/d{}", number + 1) });
            all.insert(format!("d{number}"), json!({ "allOf": [next, next] }));
        }
        all.insert(format!("d{count}"), json!(true));
        json!({ "$defs": all, "$ref": "#/$defs/d0" })
    };
    match chance.below(7) {
        0 => doubled(chance.pick(&[8, 16, 64])),
        1 => json!({ "properties": { "of": { "pattern": "(\\w{10}|\\p{Greek}{10}){20}" } } }),
        2 => json!({ "$ref": "#" }),
        3 => json!({ "$ref": "https://127.0.0.1/schema.json" }),
        4 => json!({ "items": { "uniqueItems": true, "contains": { "const": 1 } } }),
        5 => json!({ "$dynamicRef": "#x", "$dynamicAnchor": "x", "not": { "$dynamicRef": "#x" } }),
        _ => json!({ "type": "object", "properties": { "of": { "type": "string" } } }),
    }
}

fn headers(chance: &mut Chance) -> Value {
    let mut headers = Map::new();
    for number in 0..chance.below(25) {
        let name = match chance.below(8) {
            0 => "Authorization".to_owned(),
            1 => "X-Amz-Target".to_owned(),
            2 => "Transfer-Encoding".to_owned(),
            3 => "bad name".to_owned(),
            4 => format!("X-{}", "N".repeat(chance.below(13_000))),
            _ => format!("X-Header-{number}"),
        };
        let value = chance.pick(&["v", "a\r\nb: c", "\u{e9}", "", "***"]);
        headers.insert(name, json!(value.repeat(1 + chance.below(40))));
    }
    Value::Object(headers)
}
