//! Where a behaviour is tried: SDK clients for one implementation of AWS.

use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_sqs::config::{BehaviorVersion, Region, SharedCredentialsProvider};
use posthorn::aws::{DataDir, LocalAws};
use posthorn::door::Hosts;
use posthorn_end_to_end::{AwsRequest, Client};
use posthorn_shared::aws_endpoint::{AwsEndpoint, AwsKey};

/// Other implementations take any.
const KEY: &str = "conformance:the-secret-of-these-tests";

/// Clients for one implementation. Names made with it collide with nobody's.
#[derive(Clone)]
pub struct Endpoint {
    pub sqs: aws_sdk_sqs::Client,
    pub scheduler: aws_sdk_scheduler::Client,
    pub dynamodb: aws_sdk_dynamodb::Client,
    aws: AwsEndpoint,
}

/// A fresh stack of ours on a free loopback port; it ends with the test's runtime.
pub async fn ours() -> Endpoint {
    let aws = LocalAws::open(DataDir::Memory).expect("a stack in memory");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let router = aws.router(key(), Hosts::default());
    tokio::spawn(async move { axum::serve(listener, router).await });
    at(&format!("http://{address}"))
}

fn key() -> AwsKey {
    KEY.parse().expect("an access key")
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
        .credentials_provider(SharedCredentialsProvider::new(key().credentials()))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(url)
        .build();
    Endpoint {
        sqs: aws_sdk_sqs::Client::new(&config),
        scheduler: aws_sdk_scheduler::Client::new(&config),
        dynamodb: aws_sdk_dynamodb::Client::new(&config),
        aws: AwsEndpoint { url: url.to_owned(), key: key() },
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

/// A client of the endpoint's routes that AWS does not have.
pub fn own_routes(endpoint: &Endpoint) -> Client {
    Client::new(&endpoint.aws.url, endpoint.aws.key.secret())
}

/// POSTs a body as it is. Returns status and body.
pub async fn post(endpoint: &Endpoint, path: &str, target: &str, body: &str) -> (u16, String) {
    let request = AwsRequest::operation(target, body);
    let request = AwsRequest { path: path.to_owned(), ..request }.signed(&endpoint.aws);
    let answer = request.send(&endpoint.aws).await;
    (answer.status, answer.text)
}
