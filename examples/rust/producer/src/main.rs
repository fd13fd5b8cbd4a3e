use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn post(url: &str, key: &str, event: &Value) -> Result<(StatusCode, Bytes), Failure> {
    let https =
        HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(https);
    let request = Request::post(format!("{url}/v1/events"))
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .body(Full::from(event.to_string()))?;
    let answer = tokio::time::timeout(Duration::from_secs(30), client.request(request)).await??;
    Ok((answer.status(), answer.into_body().collect().await?.to_bytes()))
}

async fn send(url: &str, key: &str, event: &Value) -> Result<String, Failure> {
    let mut pauses = [1, 2, 4, 8, 16].into_iter();
    loop {
        let failure = match post(url, key, event).await {
            Ok((StatusCode::ACCEPTED, body)) => return Ok(text(&body)),
            Ok((status, body)) => {
                if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
                    return Err(text(&body).into());
                }
                text(&body).into()
            }
            Err(failure) => failure, // no answer: it may have been taken, and its id counts once
        };
        let Some(pause) = pauses.next() else { return Err(failure) };
        tokio::time::sleep(Duration::from_secs(pause)).await;
    }
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into()
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let (url, key) = (std::env::var("POSTHORN_URL")?, std::env::var("POSTHORN_KEY")?);
    let order = 4751;
    let id = format!("order-{order}.shipped");
    let event = json!({ "id": id, "type": "order.shipped", "data": { "order": order } });
    println!("{}", send(&url, &key, &event).await?);
    Ok(())
}
