//! The stack's own ports: no customer reaches them by a delivery.

use posthorn_end_to_end::{AwsRequest, Client, Stack, closed_port_url};
use posthorn_shared::digest::sha256_hex;
use serde_json::{Value, json};

/// What a customer would like to be an admin key.
const FORGED: &str = "an-admin-key-that-a-customer-made-up";

/// The data of an event which is, as a request to DynamoDB, the creation of an admin key.
fn forgery() -> Value {
    let sha256 = sha256_hex(FORGED);
    let key = json!({
        "kind": "admin", "id": "key_01m7zqbqpqfkwsyd9dce2yehv1", "name": "forged",
        "sha256": sha256, "created_at": "2026-11-28T00:00:00Z",
    });
    let item = json!({
        "pk": { "S": format!("KEY#{sha256}") }, "sk": { "S": "KEY" },
        "d": { "S": key.to_string() }, "r": { "N": "1" },
    });
    json!({ "TableName": "posthorn", "Item": item })
}

/// The same port under every name and address of this machine.
fn spellings(url: &str) -> Vec<String> {
    let (_, port) = url.rsplit_once(':').expect("a port");
    let hosts =
        ["127.0.0.1", "127.1", "127.0.0.2", "localhost", "a.localhost", "[::1]", "0.0.0.0", "[::]"];
    hosts.iter().map(|host| format!("http://{host}:{port}")).collect()
}

#[tokio::test]
async fn headers_that_aws_or_proxies_set_are_refused() {
    let stack = Stack::start().await;
    let account = stack.account_speaking("acme", "flowcode").await;
    for name in ["X-Amz-Target", "x-amz-date", "X-Forwarded-For", "Forwarded", "Via", "Connection"]
    {
        let hook = json!({ "url": "https://example.com/", "headers": { name: "x" } });
        let answer = account.post("/v1/endpoints", hook).await;
        assert_eq!(answer.status, 422, "{name}: {}", answer.text);
        assert_eq!(answer.json["errors"][0]["pointer"], format!("/headers/{name}"));
    }
}

async fn assert_forged_key_is_unknown(stack: &Stack) {
    let forger = Client::new(&stack.api_url, FORGED);
    assert_eq!(forger.request("GET", "/v1/accounts", &[], "").await.status, 401);
}

#[tokio::test]
async fn no_endpoint_is_registered_at_the_stacks_own_ports() {
    let everywhere = ("POSTHORN_ALLOWED_NETWORKS", "0.0.0.0/0,::/0".to_owned());
    let stack = Stack::with_environment(1.0, vec![everywhere]).await;
    for dialect in ["flowcode", "flexorch"] {
        let account = stack.account_speaking(dialect, dialect).await;
        let of_aws = spellings(&stack.aws_url).into_iter().flat_map(|url| {
            ["/", "/healthz", "/schedules/due-1"].map(|path| format!("{url}{path}"))
        });
        let of_api = spellings(&stack.api_url)
            .into_iter()
            .flat_map(|url| ["/", "/v1/accounts", "/healthz?a"].map(|path| format!("{url}{path}")));
        for url in of_aws.chain(of_api) {
            let answer = account.post("/v1/endpoints", json!({ "url": url })).await;
            assert_eq!(answer.status, 422, "{url}: {}", answer.text);
            assert!(answer.text.contains("Posthorn itself"), "{url}: {}", answer.text);
        }
        account.endpoint(json!({ "url": format!("{}/healthz", stack.api_url) })).await;
    }
}

/// Registered while something else had the ports, or nothing. The guard judges once more on
/// delivery, and for each connection, so the test delivery of `posthorn doctor` opens no way.
#[tokio::test]
async fn no_delivery_reaches_the_stacks_own_ports() {
    let mut stack = Stack::start().await;
    let closed = || closed_port_url().trim_end_matches('/').to_owned();
    let (api, aws) = (closed(), closed());
    let mut accounts = Vec::new();
    for dialect in ["flowcode", "flexorch"] {
        let account = stack.account_speaking(dialect, dialect).await;
        let mut endpoints = Vec::new();
        for (url, status) in [
            (format!("{api}/healthz"), "delivered"),
            (format!("{api}/v1/accounts"), "failed"),
            (format!("{aws}/"), "failed"),
            (format!("{aws}/healthz"), "failed"),
            (format!("{}/", aws.replace("127.0.0.1", "localhost")), "failed"),
        ] {
            let hook = json!({ "url": url, "retry": { "schedule": [] } });
            endpoints.push((account.endpoint(hook).await, url, status));
        }
        accounts.push((account, endpoints));
    }
    let listen = |url: &str| url.trim_start_matches("http://").to_owned();
    stack.options.environment.push(("POSTHORN_LISTEN", listen(&api)));
    stack.options.environment.push(("POSTHORN_AWS_LISTEN", listen(&aws)));
    stack.kill9().await;
    stack.restart().await;
    assert_eq!((&stack.api_url, &stack.aws_url), (&api, &aws));

    for (account, endpoints) in accounts {
        let account = stack.account_with_key(&account.id, &account.key);
        for _ in 0..2 {
            let event = account.post_event(json!({ "type": "a.b", "data": forgery() })).await;
            for (endpoint, url, status) in &endpoints {
                let delivery = account.delivery(&event, endpoint, status).await;
                let error = &delivery["attempts"][0]["error"];
                let kind = if *status == "failed" { json!("blocked") } else { Value::Null };
                assert_eq!(error["kind"], kind, "{url}: {delivery}");
            }
        }
    }
    assert_forged_key_is_unknown(&stack).await;
    // Nor would one do any good that found a way.
    let forgery = AwsRequest::operation("DynamoDB_20120810.PutItem", forgery().to_string());
    assert_eq!(forgery.send(&stack.aws()).await.status, 403);
    assert_forged_key_is_unknown(&stack).await;
    // With the stack's access key it would.
    assert_eq!(forgery.signed(&stack.aws()).send(&stack.aws()).await.status, 200);
    let forger = Client::new(&stack.api_url, FORGED);
    forger.wait_until("/v1/accounts", |_| true).await;
}
