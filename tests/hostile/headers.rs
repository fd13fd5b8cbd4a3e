//! Headers that strangers add. None of them shows a valid key: they take rights away, or nothing.

use crate::bodies::Words;
use crate::chance::Chance;

/// Adds one to three.
pub fn add(chance: &mut Chance, fields: &mut Vec<(&'static str, String)>, words: &Words) {
    for _ in 0..=chance.below(2) {
        let id = chance.among(&words.ids).clone();
        let long = "v".repeat(chance.pick(&[100, 5_000, 20_000]));
        let (name, value): (&'static str, &str) = match chance.below(12) {
            0 => ("posthorn-account", &id),
            1 => ("posthorn-account", chance.pick(&["", "*", "../acme", "\u{e9}", "acme,mallory"])),
            2 => ("idempotency-key", chance.pick(&["one", "two", "", "with space", &long])),
            3 => ("x-api-key", chance.pick(&["", "phk_unknown", &long])),
            4 => ("authorization", chance.pick(&["Basic YTpi", "Bearer", "Bearer  ", &long])),
            5 => (
                "cookie",
                chance.pick(&["posthorn-portal=pht_x", "posthorn-platform=php_x", &long]),
            ),
            6 => ("content-type", chance.pick(&CONTENT_TYPES)),
            7 => ("content-encoding", chance.pick(&["gzip", "br", "identity, gzip"])),
            8 => chance.pick(&HOP_BY_HOP),
            9 => chance.pick(&PROXIES),
            10 => chance.pick(&BROWSERS),
            _ => ("x-long", &long),
        };
        fields.push((name, value.to_owned()));
    }
    if chance.one_in(30) {
        for _ in 0..chance.below(300) {
            fields.push(("x-many", "v".to_owned()));
        }
    }
}

const CONTENT_TYPES: [&str; 7] = [
    "text/plain",
    "application/xml",
    "application/json; charset=utf-16",
    "application/vnd.api+json",
    "multipart/form-data; boundary=x",
    "",
    "\u{e9}",
];

const HOP_BY_HOP: [(&str, &str); 6] = [
    ("connection", "upgrade, authorization"),
    ("upgrade", "h2c"),
    ("te", "trailers"),
    ("trailer", "authorization"),
    ("keep-alive", "timeout=99999999999"),
    ("expect", "100-continue"),
];

const PROXIES: [(&str, &str); 7] = [
    ("x-forwarded-for", "127.0.0.1"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "evil.example"),
    ("forwarded", "for=127.0.0.1;host=evil.example"),
    ("x-http-method-override", "DELETE"),
    ("x-original-url", "/v1/accounts"),
    ("x-amzn-trace-id", "\u{1}"),
];

const BROWSERS: [(&str, &str); 6] = [
    ("origin", "null"),
    ("referer", "https://evil.example/"),
    ("hx-request", "true"),
    ("range", "bytes=0-0,1-1,2-2"),
    ("if-none-match", "*"),
    ("accept", "text/html"),
];
