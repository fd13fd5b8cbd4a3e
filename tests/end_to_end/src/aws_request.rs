//! Requests to the AWS port as they are on the wire, signed or not.

use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use posthorn_shared::aws_endpoint::AwsEndpoint;
use serde_json::Value;

use crate::client::{Answer, Client};

/// A request that can be changed after it was signed.
#[derive(Debug, Clone)]
pub struct AwsRequest {
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl AwsRequest {
    /// An operation of DynamoDB or SQS, like `AmazonSQS.SendMessage`.
    pub fn operation(target: &str, body: impl Into<String>) -> Self {
        let headers = [("x-amz-target", target), ("content-type", "application/x-amz-json-1.0")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { method: "POST", path: "/".to_owned(), headers: headers.into(), body: body.into() }
    }

    /// A request of Scheduler.
    pub fn rest(method: &'static str, path: &str, body: &Value) -> Self {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Self { method, path: path.to_owned(), headers: Vec::new(), body }
    }

    /// With one header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a signature of all that it has so far.
    ///
    /// # Panics
    /// When it can't be signed.
    #[must_use]
    pub fn signed(self, aws: &AwsEndpoint) -> Self {
        self.signed_at(aws, SystemTime::now())
    }

    /// The same at another time.
    ///
    /// # Panics
    /// When it can't be signed.
    #[must_use]
    pub fn signed_at(mut self, aws: &AwsEndpoint, at: SystemTime) -> Self {
        let identity = aws.key.credentials().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("posthorn")
            .time(at)
            .settings(SigningSettings::default())
            .build()
            .expect("parameters");
        let host = ("host", aws.url.trim_start_matches("http://"));
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let body = SignableBody::Bytes(self.body.as_bytes());
        let request = SignableRequest::new(self.method, &self.path, headers.chain([host]), body);
        let signed = sign(request.expect("a request"), &parameters.into()).expect("a signature");
        let (instructions, _) = signed.into_parts();
        let headers = instructions.headers().map(|(n, v)| (n.to_owned(), v.to_owned()));
        self.headers.extend(headers);
        self
    }

    /// Sends it.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn send(&self, aws: &AwsEndpoint) -> Answer {
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let headers: Vec<_> = headers.collect();
        let client = Client::new(&aws.url, "");
        client.request(self.method, &self.path, &headers, self.body.clone()).await
    }
}
