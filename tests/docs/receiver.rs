
// What is around the check in the document: a server that takes one request per connection.
fn main() {
    use std::io::{BufRead, BufReader, Read, Write};

    let secret = std::env::var("WEBHOOK_SECRET").expect("WEBHOOK_SECRET");
    let port = std::env::var("PORT").expect("PORT");
    let listener = std::net::TcpListener::bind(format!("127.0.0.1:{port}")).expect("a free port");
    let mut seen = std::collections::HashSet::new();
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        let (mut headers, mut line) = (std::collections::HashMap::new(), String::new());
        let mut reader = BufReader::new(&stream);
        while reader.read_line(&mut line).is_ok_and(|bytes| bytes > 0) && !line.trim_end().is_empty() {
            if let Some((name, value)) = line.trim_end().split_once(':') {
                headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            }
            line.clear();
        }
        let header = |name: &str| headers.get(name).map(String::as_str).unwrap_or_default();
        let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
        if reader.read_exact(&mut body).is_err() {
            continue;
        }
        let (id, sent, signatures) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
        let genuine = is_genuine(&secret, id, sent, signatures, &body);
        if genuine && seen.insert(id.to_owned()) {
            println!("{id} {}", String::from_utf8_lossy(&body));
        }
        let status = if genuine { "204 No Content" } else { "401 Unauthorized" };
        let _ = write!(stream, "HTTP/1.1 {status}\r\nconnection: close\r\n\r\n");
    }
}
