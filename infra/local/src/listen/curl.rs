//! The command that sends a delivery again. It is pasted into shells, and what it is made of came
//! from strangers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

/// What curl says itself, or must not be told.
const LEFT_OUT: [&str; 9] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "accept",
    "accept-encoding",
    "expect",
    "te",
    "upgrade",
];

/// A command for POSIX shells.
pub fn command(url: &str, headers: &HeaderMap, body: &[u8]) -> String {
    let text = std::str::from_utf8(body).ok().filter(|text| !text.chars().any(is_unsafe));
    let mut command = String::new();
    if text.is_none() {
        // Other bytes would not survive a terminal.
        let encoded = STANDARD.encode(body);
        command.push_str(&format!("printf %s {} | base64 -d | ", quoted(&encoded)));
    }
    // Without -g curl would take brackets for patterns.
    command.push_str(&format!("curl -sS -i -g {}", quoted(url)));
    for (name, value) in headers {
        let Ok(value) = value.to_str() else { continue };
        if LEFT_OUT.contains(&name.as_str()) || value.chars().any(is_unsafe) {
            continue;
        }
        // A header without a value ends with a semicolon, or curl takes it away.
        let header = match value {
            "" => format!("{name};"),
            value => format!("{name}: {value}"),
        };
        command.push_str(&format!(" \\\n  -H {}", quoted(&header)));
    }
    match text {
        // Raw: a body that begins with @ is no file.
        Some(text) => command.push_str(&format!(" \\\n  --data-raw {}", quoted(text))),
        None => command.push_str(" \\\n  --data-binary @-"),
    }
    command
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What a terminal would act on even between quotes, or show as something else.
fn is_unsafe(c: char) -> bool {
    c != '\n' && crate::plain_text::is_odd(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn says_what_came() {
        let headers = headers(&[
            ("host", "localhost:9000"),
            ("content-type", "application/json"),
            ("webhook-id", "evt_1"),
            ("content-length", "2"),
            ("x-empty", ""),
        ]);
        assert_eq!(
            command("http://127.0.0.1:9000/hook?a[]=1", &headers, b"{}"),
            r"curl -sS -i -g 'http://127.0.0.1:9000/hook?a[]=1' \
  -H 'content-type: application/json' \
  -H 'webhook-id: evt_1' \
  -H 'x-empty;' \
  --data-raw '{}'"
        );
    }

    #[test]
    fn nothing_breaks_out_of_its_quotes() {
        let odd = headers(&[("x-odd", "'; touch /tmp/x; '")]);
        let command = |body: &[u8]| command("http://127.0.0.1:9000/'$(id)'", &odd, body);
        let said = command(b"'; rm -rf /; '\n$(id) `id` !x");
        let expected = r"curl -sS -i -g 'http://127.0.0.1:9000/'\''$(id)'\''' \
  -H 'x-odd: '\''; touch /tmp/x; '\''' \
  --data-raw ''\''; rm -rf /; '\''
$(id) `id` !x'";
        assert_eq!(said, expected);
        for body in [&b"\x1b[201~\rid\r"[..], b"\xff", b"\0", b"a\tb", "\u{202e}".as_bytes()] {
            let said = command(body);
            assert!(
                said.starts_with("printf %s '") && said.ends_with("--data-binary @-"),
                "{said}"
            );
            assert!(said.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
        }
        assert!(command(b"@/etc/passwd").contains("--data-raw '@/etc/passwd'"));
    }
}
