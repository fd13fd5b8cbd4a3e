//! Where a behaviour is tried: SDK clients for one implementation of AWS.

use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use posthorn::aws::{DataDir, LocalAws};

/// Clients for one implementation. Names made with it collide with nobody's.
#[derive(Clone)]
pub struct Endpoint {
    pub sqs: aws_sdk_sqs::Client,
    pub scheduler: aws_sdk_scheduler::Client,
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub url: String,
}

/// A fresh stack of ours on a free loopback port; it ends with the test's runtime.
pub async fn ours() -> Endpoint {
    let aws = LocalAws::open(DataDir::Memory).expect("a stack in memory");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move { axum::serve(listener, aws.router()).await });
    at(&format!("http://{address}"))
}

/// The implementations that the environment names.
pub fn others() -> Vec<(String, String)> {
    let list = std::env::var("POSTHORN_CONFORMANCE_ENDPOINTS").unwrap_or_default();
    list.split(',')
        .filter(|entry| !entry.is_empty())
        .map(|entry| entry.split_once('=').expect("POSTHORN_CONFORMANCE_ENDPOINTS: name=url,…"))
        .map(|(name, url)| (name.to_owned(), url.to_owned()))
        .collect()
}

/// Clients for the implementation at this URL.
pub fn at(url: &str) -> Endpoint {
    let config = aws_config::SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(aws_sdk_sqs::config::SharedCredentialsProvider::new(
            Credentials::new("test", "test", None, None, "test"),
        ))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(url)
        .build();
    Endpoint {
        sqs: aws_sdk_sqs::Client::new(&config),
        scheduler: aws_sdk_scheduler::Client::new(&config),
        dynamodb: aws_sdk_dynamodb::Client::new(&config),
        url: url.to_owned(),
    }
}

impl Endpoint {
    /// A name that nobody has used at this endpoint.
    pub fn name(&self, about: &str) -> String {
        static NAMES: AtomicU32 = AtomicU32::new(0);
        let number = NAMES.fetch_add(1, Ordering::Relaxed);
        // The process id keeps runs against one long-lived emulator apart.
        format!("{about}-{}-{number}", std::process::id())
    }

    /// The URL of a new queue with AWS's defaults.
    pub async fn queue(&self) -> String {
        let created = self.sqs.create_queue().queue_name(self.name("queue")).send().await;
        created.expect("a queue").queue_url.expect("its URL")
    }
}

/// GETs JSON from a path of the endpoint.
pub async fn get(endpoint: &Endpoint, path: &str) -> serde_json::Value {
    let request = http::Request::get(format!("{}{path}", endpoint.url));
    let (_, body) = exchange(request, String::new()).await;
    serde_json::from_str(&body).expect("JSON")
}

/// POSTs a body as it is. Returns status and body.
pub async fn post(endpoint: &Endpoint, path: &str, target: &str, body: &str) -> (u16, String) {
    let request = http::Request::post(format!("{}{path}", endpoint.url));
    exchange(request.header("x-amz-target", target), body.to_owned()).await
}

async fn exchange(request: http::request::Builder, body: String) -> (u16, String) {
    use http_body_util::BodyExt;
    let executor = hyper_util::rt::TokioExecutor::new();
    let client = hyper_util::client::legacy::Client::builder(executor).build_http::<String>();
    let answer = client.request(request.body(body).expect("a request")).await.expect("an answer");
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}
