//! The stack's AWS port: one keep-alive connection, whose requests are signed.

use std::fmt::Write;

use anyhow::Result;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::http::Connection;

const KEY_ID: &str = "bench";
/// The secret of the stacks' access key, which the meter takes as it is.
pub const SECRET: &str = "the-aws-secret-of-the-benchmark";
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
const SIGNED_HEADERS: &str = "content-type;host;x-amz-date;x-amz-target";
/// Region and service of every signature, and its end.
const SCOPE: [&str; 3] = ["us-east-1", "sqs", "aws4_request"];

/// The setting of a stack that takes these signatures.
pub fn key() -> String {
    format!("{KEY_ID}:{SECRET}")
}

/// A connection to SQS.
pub struct Sqs {
    connection: Connection,
    url: String,
}

impl Sqs {
    /// Connects to the SQS of the stack whose AWS port is at this URL.
    pub async fn open(url: &str) -> Result<Self> {
        Ok(Self { connection: Connection::open(url).await?, url: url.to_owned() })
    }

    /// Does an operation, like `SendMessage`, on the stack's queue of this name.
    pub async fn call(&mut self, operation: &str, queue: &str, mut body: Value) -> Result<Value> {
        body["QueueUrl"] = json!(format!("{}/000000000000/posthorn-{queue}", self.url));
        let body = body.to_string();
        let target = format!("AmazonSQS.{operation}");
        let date = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let host = self.url.trim_start_matches("http://");
        let authorization = authorization(host, &target, &date, &body);
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", CONTENT_TYPE),
            ("x-amz-date", &date),
            ("x-amz-target", &target),
        ];
        self.connection.json("POST", "/", &headers, &body, 200).await
    }
}

/// Signature Version 4.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
fn authorization(host: &str, target: &str, date: &str, body: &str) -> String {
    let payload = hex(&Sha256::digest(body));
    let request = format!(
        "POST\n/\n\ncontent-type:{CONTENT_TYPE}\nhost:{host}\nx-amz-date:{date}\n\
         x-amz-target:{target}\n\n{SIGNED_HEADERS}\n{payload}"
    );
    let day = &date[..8];
    let scope = format!("{day}/{}", SCOPE.join("/"));
    let request = hex(&Sha256::digest(request));
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{request}");
    let key = format!("AWS4{SECRET}").into_bytes();
    let key = [day].into_iter().chain(SCOPE).fold(key, |key, part| hmac(&key, part));
    let signature = hex(&hmac(&key, &text));
    format!(
        "AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={SIGNED_HEADERS}, \
         Signature={signature}"
    )
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!());
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
