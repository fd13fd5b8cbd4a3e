//! Web pages that are open in a browser beside the stack.

use posthorn_end_to_end::{AwsRequest, Client, Stack, portal_link};
use serde_json::{Value, json};

const EVIL: (&str, &str) = ("host", "evil.example");

#[tokio::test]
async fn a_name_that_leads_here_all_of_a_sudden_is_refused_on_both_ports() {
    let stack = Stack::start().await;
    let nobody = Client::new(&stack.api_url, "");
    for (name, host) in [EVIL, ("host", "127.0.0.1.nip.io"), ("host", "localhost.evil.example:80")]
    {
        for path in ["/healthz", "/v1/accounts", "/portal/platform", "/docs", "/nothing"] {
            let answer = nobody.request("GET", path, &[(name, host)], "").await;
            assert_eq!(answer.status, 403, "{host} {path}: {}", answer.text);
            assert_eq!(answer.headers["content-type"], "application/problem+json");
            assert!(answer.text.contains("POSTHORN_HOSTS"), "{}", answer.text);
        }
        // A key makes no difference.
        let answer = stack.admin().request("GET", "/v1/accounts", &[(name, host)], "").await;
        assert_eq!(answer.status, 403, "{}", answer.text);
    }
    // Signed for the name that it is sent to.
    let mut named = stack.aws();
    named.url = "http://evil.example".to_owned();
    let list = AwsRequest::operation("AmazonSQS.ListQueues", "{}").signed(&named);
    let answer = list.clone().header(EVIL.0, EVIL.1).send(&stack.aws()).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    assert!(answer.text.contains("POSTHORN_HOSTS"), "{}", answer.text);
    let meter = AwsRequest::rest("GET", "/_posthorn/meter", &Value::Null)
        .header("authorization", &format!("Bearer {}", stack.aws_key.secret()));
    assert_eq!(meter.send(&stack.aws()).await.status, 200);
    assert_eq!(meter.header(EVIL.0, EVIL.1).send(&stack.aws()).await.status, 403);
}

#[tokio::test]
async fn names_of_this_machine_are_set() {
    let environment = vec![
        ("POSTHORN_HOSTS", "hooks.example.com, posthorn".to_owned()),
        ("POSTHORN_PUBLIC_URL", "https://public.example.com/".to_owned()),
    ];
    let stack = Stack::with_environment(1.0, environment).await;
    stack.account("acme").await;
    let nobody = Client::new(&stack.api_url, "");
    for host in ["hooks.example.com", "posthorn:8080", "public.example.com", "localhost"] {
        let answer = nobody.request("GET", "/healthz", &[("host", host)], "").await;
        assert_eq!(answer.status, 200, "{host}: {}", answer.text);
        let mut named = stack.aws();
        named.url = format!("http://{host}");
        let list = AwsRequest::operation("AmazonSQS.ListQueues", "{}").signed(&named);
        let answer = list.header("host", host).send(&stack.aws()).await;
        assert_eq!(answer.status, 200, "{host}: {}", answer.text);
    }
    assert_eq!(nobody.request("GET", "/healthz", &[EVIL], "").await.status, 403);
    let link = portal_link(&stack, "acme", json!({})).await;
    assert!(link.starts_with("https://public.example.com/portal"), "{link}");
}

/// What browsers send without asking first; and, were there no key in the way, what they would.
#[tokio::test]
async fn another_sites_page_changes_nothing_at_the_aws_port() {
    let stack = Stack::start().await;
    let aws = stack.aws();
    let reset = AwsRequest::rest("POST", "/_posthorn/meter/reset", &Value::Null);
    let group = AwsRequest::rest("POST", "/schedule-groups/evil", &json!({}));
    let secret = format!("Bearer {}", stack.aws_key.secret());
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1:8080"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        for request in [reset.clone(), group.clone()] {
            let simple = request.header("content-type", "text/plain").header(name, value);
            assert_eq!(simple.send(&aws).await.status, 403, "{name}: {value}");
            let signed = simple.signed(&aws).send(&aws).await;
            assert_eq!(signed.status, 403, "{name}: {value}: {}", signed.text);
        }
        let bearing = reset.clone().header("authorization", &secret).header(name, value);
        assert_eq!(bearing.send(&aws).await.status, 403, "{name}: {value}");
    }
    let meter = Client::new(&stack.aws_url, stack.aws_key.secret()).get("/_posthorn/meter").await;
    assert!(meter["calls"]["dynamodb"]["CreateTable"].is_object(), "not reset: {meter}");
    let path = "/schedule-groups/evil";
    let found = AwsRequest::rest("GET", path, &Value::Null).signed(&aws).send(&aws).await;
    assert_eq!(found.status, 404, "{}", found.text);
    // A person who types the address is not a page.
    let typed = reset.header("authorization", &secret).header("sec-fetch-site", "none");
    assert_eq!(typed.send(&aws).await.status, 204);
}
