//! Accounts that speak a dialect: what their receivers get, verified by code that was written from
//! the products' own descriptions, in Python and Node.js.

use std::fs;

use posthorn_end_to_end::{
    Client, Receiver, Reply, Request, Stack, StackOptions, python, verdicts,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The dialects that sign with a plain text, and the header of their signature.
const SIGNED_BY_TEXT: [(&str, &str); 4] = [
    ("beltic", "x-webhook-signature"),
    ("filedgr", "x-filedgr-signature"),
    ("flexorch", "x-flexorch-signature"),
    ("fltr", "x-fltr-signature"),
];
/// As it stands on a seed's page.
const GIVEN: &str = "your-webhook-secret-key";
const GITHUB: &str = r#"
name = "github"
title = "GitHub"
timeout_seconds = 10
body = "${data}"
retry = { schedule = [] }
secret = { form = "text" }
header = [
    { name = "X-GitHub-Event", value = "${type}" },
    { name = "X-GitHub-Delivery", value = "${id}" },
]
[[signature]]
header = "X-Hub-Signature-256"
content = "${body}"
encoding = "hex"
each = "sha256=${signature}"
"#;
const STRIPE: &str = r#"
name = "stripe"
title = "Stripe"
timeout_seconds = 20
body = '{"id":${id},"object":"event","type":${type},"data":{"object":${data}}}'
retry = { schedule = ["1h"] }
secret = { form = "text" }
[[signature]]
header = "Stripe-Signature"
content = "${unix}.${body}"
encoding = "hex"
each = "v1=${signature}"
separator = ","
value = "t=${unix},${signatures}"
"#;

/// A delivery as the verifiers read it, and three forgeries of it.
fn with_forgeries(dialect: &str, header: &str, secret: &str, request: &Request) -> Vec<Value> {
    let genuine = json!({
        "dialect": dialect,
        "secret": secret,
        "signature": request.header(header),
        "body": String::from_utf8(request.body.to_vec()).expect("text"),
    });
    let mut flipped = genuine.clone();
    flipped["body"] = json!(genuine["body"].as_str().expect("text").replace("1.50", "1.51"));
    let mut stranger = genuine.clone();
    stranger["secret"] = json!("somebody-elses-secret");
    let mut other = genuine.clone();
    other["signature"] = json!(request.header(header).replace(['0', '1', '2'], "3"));
    vec![genuine, flipped, stranger, other]
}

#[tokio::test]
async fn receivers_written_from_the_pages_accept_deliveries_and_refuse_forgeries() {
    let folder = TempDir::new().expect("a temporary directory");
    fs::write(folder.path().join("github.toml"), GITHUB).expect("a file");
    fs::write(folder.path().join("stripe.toml"), STRIPE).expect("a file");
    let environment =
        vec![("POSTHORN_DIALECTS_DIR", folder.path().to_str().expect("a path").to_owned())];
    let stack = Stack::with_environment(1.0, environment).await;
    let receiver = Receiver::start().await;
    let more = [("github", "x-hub-signature-256"), ("stripe", "stripe-signature")];
    let mut deliveries = Vec::new();
    for (dialect, header) in SIGNED_BY_TEXT.into_iter().chain(more) {
        let account = stack.account_speaking(dialect, dialect).await;
        let (given, made) = (format!("/{dialect}/given"), format!("/{dialect}/made"));
        let endpoint = json!({ "url": receiver.url(&given), "secret": GIVEN });
        let (_, shown) = account.endpoint_with_secret(endpoint).await;
        assert_eq!(shown, GIVEN);
        let (_, secret) = account.endpoint_with_secret(json!({ "url": receiver.url(&made) })).await;
        assert_eq!(secret.len(), 64, "{secret}");
        account.post_text(r#"{"type":"vault.created","data":{"n":1.50,"u":"\u00e9 ü"}}"#).await;
        for (path, secret) in [(&given, GIVEN), (&made, secret.as_str())] {
            let request = receiver.wait_for(path, 1).await.remove(0);
            deliveries.extend(with_forgeries(dialect, header, secret, &request));
        }
    }
    let expected: Vec<String> = (0..deliveries.len())
        .map(|n| if n % 4 == 0 { "accepted" } else { "refused" }.to_owned())
        .collect();
    assert_eq!(verdicts(&python(), "dialects.py", &deliveries).await, expected);
    assert_eq!(verdicts("node", "dialects.mjs", &deliveries).await, expected);
}

/// The head of the first request that comes, byte for byte.
async fn first_head(listener: TcpListener) -> String {
    let (mut stream, _) = listener.accept().await.expect("a connection");
    let mut read = Vec::new();
    while !read.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.expect("bytes");
        assert!(count > 0, "it ends early");
        read.extend_from_slice(&buffer[..count]);
    }
    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("an answer");
    let end = read.windows(4).position(|window| window == b"\r\n\r\n").expect("an end");
    String::from_utf8(read[..end].to_vec()).expect("text")
}

#[tokio::test]
async fn headers_are_spelled_on_the_wire_as_the_pages_spell_them() {
    let stack = Stack::start().await;
    let promised: [(&str, &[&str]); 6] = [
        ("beltic", &["X-Webhook-Token", "X-Webhook-Signature"]),
        ("filedgr", &["X-Filedgr-Event-Type", "X-Filedgr-Event-ID", "X-Filedgr-Signature"]),
        ("flexorch", &["X-Flexorch-Event", "X-Flexorch-Delivery", "X-Flexorch-Signature"]),
        ("flowcode", &["webhook-id", "webhook-timestamp", "webhook-signature"]),
        ("fltr", &["X-FLTR-Event", "X-FLTR-Event-Id", "X-FLTR-Timestamp", "X-FLTR-Signature"]),
        ("standard", &["webhook-id", "webhook-timestamp", "webhook-signature"]),
    ];
    for (dialect, names) in promised {
        let account = stack.account_speaking(dialect, dialect).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let own = json!({ "X-CuStom-Header": "custom-value" });
        let endpoint = account.endpoint(json!({ "url": url, "headers": own })).await;
        let id = account.post_event(json!({ "type": "vault.created", "data": {} })).await;
        let head = first_head(listener).await;
        for name in names.iter().chain(&["X-CuStom-Header", "content-type", "user-agent"]) {
            let found = head.lines().filter(|line| line.starts_with(&format!("{name}: "))).count();
            assert_eq!(found, 1, "{dialect}: {name} in\n{head}");
        }
        assert!(head.contains(&id) || dialect == "beltic", "{dialect}: {head}");
        let described = account.get(&format!("/v1/dialects/{dialect}")).await;
        let headers = described["headers"].as_object().expect("an object").keys().cloned();
        let signatures = described["signatures"].as_array().expect("a list").iter();
        let signatures = signatures.map(|s| s["header"].as_str().expect("a name").to_owned());
        let mut all: Vec<String> = headers.chain(signatures).collect();
        all.sort_unstable();
        let mut names = names.to_vec();
        names.sort_unstable();
        assert_eq!(all, names);
        account.delivery(&id, &endpoint, "delivered").await;
    }
}

#[tokio::test]
async fn bodies_have_the_shape_that_the_pages_show() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let time = "2024-01-15T10:30:00Z";
    let shapes = [
        (
            "beltic",
            json!({ "data": { "type": "webhook-event", "id": "evt-1", "attributes": {
            "event": "job.completed", "occurred_at": time, "job_id": "job_abc123", "grade": "A" } } }),
        ),
        (
            "filedgr",
            json!({ "eventType": "job.completed", "eventId": "evt-1", "timestamp": time,
            "data": { "job_id": "job_abc123", "grade": "A" } }),
        ),
        (
            "flexorch",
            json!({ "event": "job.completed", "job_id": "job_abc123", "grade": "A",
            "timestamp": time }),
        ),
        ("flowcode", json!({ "job_id": "job_abc123", "grade": "A" })),
        (
            "fltr",
            json!({ "id": "evt-1", "type": "job.completed", "timestamp": time,
            "data": { "job_id": "job_abc123", "grade": "A" } }),
        ),
        (
            "standard",
            json!({ "type": "job.completed", "timestamp": time,
            "data": { "job_id": "job_abc123", "grade": "A" } }),
        ),
    ];
    for (dialect, expected) in shapes {
        let account = stack.account_speaking(dialect, dialect).await;
        let path = format!("/{dialect}");
        account.endpoint(json!({ "url": receiver.url(&path) })).await;
        let data = json!({ "job_id": "job_abc123", "grade": "A" });
        let event =
            json!({ "id": "evt-1", "type": "job.completed", "timestamp": time, "data": data });
        account.post_event(event).await;
        let request = receiver.wait_for(&path, 1).await.remove(0);
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        // The order, too.
        assert_eq!(body, expected.to_string(), "{dialect}");
    }
}

#[tokio::test]
async fn a_token_comes_with_every_request_and_is_shown_once() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account_speaking("acme", "beltic").await;
    let created = account.post("/v1/endpoints", json!({ "url": receiver.url("/hook") })).await;
    let token = created.json["token"].as_str().expect("a token").to_owned();
    let id = created.json["id"].as_str().expect("an id");
    let path = format!("/v1/endpoints/{id}");
    let patched = account.patch(&path, json!({ "description": "x" })).await;
    assert_eq!(
        (&patched["token"], &account.get(&path).await["token"]),
        (&Value::Null, &Value::Null)
    );
    let event = account.post_event(json!({ "type": "processed", "data": {} })).await;
    let request = receiver.wait_for("/hook", 1).await.remove(0);
    assert_eq!(request.header("x-webhook-token"), token);
    let delivery = account.delivery(&event, id, "delivered").await;
    assert_eq!(delivery["attempts"][0]["request"]["headers"]["X-Webhook-Token"], "***");
    let refused = json!({ "url": receiver.url("/hook"), "headers": { "X-Webhook-Token": "mine" } });
    assert_eq!(account.post("/v1/endpoints", refused).await.status, 422);
}

#[tokio::test]
async fn fltr_gives_up_at_4xx_and_retries_the_rest() {
    let stack = Stack::with_time_scale(60.0).await;
    let receiver = Receiver::start().await;
    let account = stack.account_speaking("acme", "fltr").await;
    let endpoint = account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let post =
        async || account.post_event(json!({ "type": "document.uploaded", "data": {} })).await;
    receiver.replies("/hook", vec![Reply::status(404)]);
    let id = post().await;
    let failed = account.delivery(&id, &endpoint, "failed").await;
    assert_eq!(failed["attempt_count"], 1);
    receiver.replies("/hook", vec![Reply::status(500), Reply::status(503)]);
    let id = post().await;
    let delivered = account.delivery(&id, &endpoint, "delivered").await;
    assert_eq!(delivered["attempt_count"], 3);
}

#[tokio::test]
async fn a_file_that_is_no_dialect_stops_the_start_with_the_place() {
    let folder = TempDir::new().expect("a temporary directory");
    let good = GITHUB.replace("timeout_seconds = 10", "timeout_seconds = \"10\"");
    fs::write(folder.path().join("github.toml"), good).expect("a file");
    let options = StackOptions {
        time_scale: 1.0,
        data_dir: folder.path().join("data"),
        environment: vec![(
            "POSTHORN_DIALECTS_DIR",
            folder.path().to_str().expect("a path").to_owned(),
        )],
    };
    let Err(failure) = Stack::try_start(options).await else { panic!("it starts") };
    for part in ["POSTHORN_DIALECTS_DIR", "github.toml", "line 4"] {
        assert!(failure.stderr.contains(part), "{}", failure.stderr);
    }
}

#[tokio::test]
async fn webhooks_of_another_account_do_not_exist() {
    let stack = Stack::start().await;
    for dialect in ["filedgr", "flexorch", "beltic"] {
        let owner = stack.account_speaking(&format!("{dialect}-owner"), dialect).await;
        let other = stack.account_speaking(&format!("{dialect}-other"), dialect).await;
        let id = owner.endpoint(json!({ "url": "https://example.com/" })).await;
        let nobodys = "ep_01h455vb4pex5vsknk084sn02q";
        for (method, rest, body) in [
            ("GET", "", ""),
            ("PUT", "", "{}"),
            ("PATCH", "", r#"{"data":{"attributes":{}}}"#),
            ("DELETE", "", ""),
            ("GET", "/logs", ""),
            ("POST", "/resend", ""),
            ("POST", "/rotate-secret", ""),
        ] {
            let ask = async |id: &str| {
                let answer =
                    other.request(method, &format!("/webhooks/{id}{rest}"), &[], body).await;
                (answer.status, answer.text)
            };
            assert_eq!(ask(&id).await, ask(nobodys).await, "{dialect} {method} {rest}");
            assert_eq!(ask(&id).await.0, 404, "{dialect} {method} {rest}");
        }
        assert!(!other.get("/webhooks").await.to_string().contains(&id));
    }
}

#[tokio::test]
async fn accounts_of_other_dialects_have_no_webhooks_api_and_are_told() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let answer = account.request("GET", "/v1/webhooks", &[], "").await;
    assert_eq!(answer.status, 404);
    assert!(answer.text.contains("/v1/endpoints"), "{}", answer.text);
    let nobody = Client::new(&stack.api_url, "");
    assert_eq!(nobody.request("GET", "/webhooks", &[], "").await.status, 401);
    let filedgr = stack.account_speaking("filedgr", "filedgr").await;
    for (body, status) in [("{", 400), ("[]", 400), (r#"{"url":1,"url":2}"#, 422)] {
        let answer = filedgr.request("POST", "/webhooks", &[], body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
    }
}
