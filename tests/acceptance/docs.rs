//! The receivers in `docs/dialects.md`, in Python and Node.js: each is started as it stands there,
//! gets deliveries, and has to accept them and refuse a forgery.

use std::net::TcpListener;
use std::process::Stdio;

use posthorn_end_to_end::{Client, Stack, eventually, python};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/dialects.md");

/// The code of a language in a section.
fn example(section: &str, language: &str) -> String {
    let text = std::fs::read_to_string(DOCS).expect("the page");
    let (_, section) = text.split_once(&format!("\n## {section}\n")).expect("the section");
    let section = section.split("\n## ").next().expect("its text");
    let (_, code) = section.split_once(&format!("```{language}\n")).expect("an example");
    code.split("```").next().expect("its end").to_owned()
}

fn start(language: &str, code: &str, folder: &TempDir, environment: &[(&str, String)]) -> Child {
    let (program, name) = match language {
        "python" => (python(), "receiver.py"),
        _ => ("node".to_owned(), "receiver.mjs"),
    };
    let file = folder.path().join(name);
    std::fs::write(&file, code).expect("a file");
    let mut command = Command::new(program);
    command.arg(file).envs(environment.iter().map(|(name, value)| (name, value)));
    command.stdout(Stdio::null()).kill_on_drop(true).spawn().expect("it starts")
}

/// What a receiver says to a forgery whose headers are no ASCII, and whose digits are none.
async fn odd_forgery(port: u16) -> String {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    let standard = ["webhook-timestamp", "webhook-signature"];
    let others = ["FLTR-Signature", "Filedgr-Signature", "Webhook-Signature", "Flexorch-Signature"];
    let others = others.into_iter().chain(["Webhook-Token"]).map(|name| format!("X-{name}"));
    let names = standard.into_iter().map(str::to_owned).chain(others);
    let mut request = b"POST / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n".to_vec();
    for name in names {
        request.extend_from_slice(format!("{name}: ").as_bytes());
        // ² and é in Latin-1.
        request.extend_from_slice(if name.ends_with("stamp") {
            b"\xb2\r\n"
        } else {
            b"v1,\xe9\r\n"
        });
    }
    request.extend_from_slice(b"Content-Length: 2\r\n\r\n{}");
    connection.write_all(&request).await.expect("it is sent");
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.expect("it is answered");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn receivers_of(section: &str, dialect: &str, event_type: &str, data: Value) {
    let stack = Stack::start().await;
    for language in ["js", "python"] {
        let account = stack.account_speaking(language, dialect).await;
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            listener.local_addr().expect("its address").port()
        };
        let url = format!("http://127.0.0.1:{port}/");
        let created = account.post("/v1/endpoints", json!({ "url": url })).await.json;
        let text = |name: &str| created[name].as_str().unwrap_or_default().to_owned();
        let environment = [
            ("PORT", port.to_string()),
            ("WEBHOOK_SECRET", text("secret")),
            ("WEBHOOK_TOKEN", text("token")),
        ];
        let folder = TempDir::new().expect("a temporary directory");
        let _receiver = start(language, &example(section, language), &folder, &environment);
        let stranger = Client::new(&format!("http://127.0.0.1:{port}"), "");
        // A forgery, once it listens.
        let refused = eventually("the receiver", async || {
            let headers = [("content-type", "application/json")];
            stranger.try_request("POST", "/", &headers, r#"{"data":{}}"#).await
        })
        .await;
        assert_eq!(refused.status, 401, "{dialect} {language}");
        let answer = odd_forgery(port).await;
        assert!(answer.starts_with("HTTP/1.") && answer[8..].starts_with(" 401"), "{answer}");
        let event = json!({ "type": event_type, "data": data });
        let event = account.post_event(event).await;
        let delivery = account.delivery(&event, &text("id"), "delivered").await;
        assert_eq!(delivery["attempt_count"], 1, "{dialect} {language}: {delivery}");
    }
}

#[tokio::test]
async fn fltr() {
    receivers_of("FLTR", "fltr", "document.processed", json!({ "name": "Zürich" })).await;
}

#[tokio::test]
async fn filedgr() {
    receivers_of("Filedgr", "filedgr", "vault.created", json!({ "name": "Zürich" })).await;
}

#[tokio::test]
async fn flowcode() {
    receivers_of("Flowcode", "flowcode", "code.scanned", json!({ "name": "Zürich" })).await;
}

#[tokio::test]
async fn beltic() {
    receivers_of("Beltic", "beltic", "processed", json!({ "name": "Zürich" })).await;
}

#[tokio::test]
async fn flexorch() {
    receivers_of("FlexOrch", "flexorch", "job.completed", json!({ "job_id": "Zürich" })).await;
}

#[tokio::test]
async fn standard() {
    receivers_of("Standard Webhooks", "standard", "vault.created", json!({ "n": 1.50 })).await;
}

#[tokio::test]
async fn a_dialect_of_ones_own() {
    let folder = TempDir::new().expect("a temporary directory");
    let file = example("A dialect of your own", "toml");
    std::fs::write(folder.path().join("acme.toml"), file).expect("a file");
    let directory = folder.path().to_str().expect("a path").to_owned();
    let stack = Stack::with_environment(1.0, vec![("POSTHORN_DIALECTS_DIR", directory)]).await;
    let account = stack.account_speaking("customer", "acme").await;
    let created = account.post("/webhooks", json!({ "url": "https://example.com/" })).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let event_types = account.get("/v1/event-types").await;
    assert_eq!(event_types["data"][0]["name"], "order.paid");
}
