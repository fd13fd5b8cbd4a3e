use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_types::SdkConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Secrets Manager with one secret.
struct Secrets {
    text: Mutex<String>,
    reads: AtomicUsize,
}

impl Secrets {
    async fn serve() -> (Arc<Self>, SdkConfig) {
        let text = Mutex::new(value('a'));
        let secrets = Arc::new(Self { text, reads: AtomicUsize::new(0) });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = Arc::clone(&secrets);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                served.answer(stream).await;
            }
        });
        let credentials = Credentials::new("any", "any", None, None, "tests");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(crate::runtime::http_client())
            .endpoint_url(url)
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        (secrets, config)
    }

    async fn answer(&self, mut stream: TcpStream) {
        let mut request = Vec::new();
        let (head, body) = loop {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "a whole request");
            let text = String::from_utf8(request.clone()).unwrap();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let head = head.to_ascii_lowercase();
            let length = head.split_once("content-length: ").unwrap().1;
            if body.len() == length.split("\r\n").next().unwrap().parse::<usize>().unwrap() {
                break (head, body.to_owned());
            }
        };
        let answer = if head.contains("secretsmanager.getsecretvalue") {
            self.reads.fetch_add(1, Ordering::Relaxed);
            json!({ "Name": "key", "SecretString": *self.text.lock().unwrap() })
        } else {
            assert!(head.contains("secretsmanager.putsecretvalue"), "{head}");
            let put: Value = serde_json::from_str(&body).unwrap();
            *self.text.lock().unwrap() = put["SecretString"].as_str().unwrap().to_owned();
            json!({ "Name": "key" })
        };
        let answer = answer.to_string();
        let length = answer.len();
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        stream.write_all((head + &answer).as_bytes()).await.unwrap();
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

fn value(letter: char) -> String {
    letter.to_string().repeat(52)
}

/// A clock that goes on when it is told to, and how to tell it: seconds.
fn clock() -> (Clock, impl Fn(i64)) {
    let time = Arc::new(AtomicI64::new(0));
    let shown = Arc::clone(&time);
    let now = move || Timestamp::from_second(shown.load(Ordering::Relaxed)).unwrap();
    let pass = move |seconds| {
        time.fetch_add(seconds, Ordering::Relaxed);
    };
    (Clock::fixed(now, || 7), pass)
}

#[tokio::test]
async fn a_process_learns_a_key_when_it_meets_what_that_sealed() {
    let (secrets, config) = Secrets::serve().await;
    let (clock, _) = clock();
    let warm = DeploymentKey::fetch(&config, "key", clock.now()).await.unwrap();
    let operator = DeploymentKey::fetch(&config, "key", clock.now()).await.unwrap();
    let (first, by_the_first) = warm.seal("one", "here", &clock).await.unwrap();
    assert_eq!((first, secrets.reads()), (1, 2));

    let announcing = operator.ring().announcing(&value('b'), clock.now()).unwrap();
    operator.replace(announcing, clock.now()).await.unwrap();
    operator.replace(operator.ring().taken_over(clock.now()), clock.now()).await.unwrap();
    let (second, by_the_second) = operator.seal("two", "here", &clock).await.unwrap();
    assert_eq!(second, 2);

    // Once for all that is met at once, and never again.
    let opened = futures::future::join_all(
        (0..20).map(|_| warm.open(second, &by_the_second, "here", &clock)),
    );
    assert!(opened.await.iter().all(|opened| opened.as_deref() == Ok("two")));
    assert_eq!(warm.open(first, &by_the_first, "here", &clock).await.as_deref(), Ok("one"));
    assert_eq!(secrets.reads(), 3);
    // What it knows by now, it seals with.
    assert_eq!(warm.seal("three", "here", &clock).await.unwrap().0, 2);
    assert_eq!(secrets.reads(), 3);
}

#[tokio::test]
async fn a_key_that_is_not_there_is_looked_for_now_and_then() {
    let (secrets, config) = Secrets::serve().await;
    let (clock, pass) = clock();
    let key = DeploymentKey::fetch(&config, "key", clock.now()).await.unwrap();
    let unknown = Err(OpenError::CantOpen(CantOpen::UnknownKey(9)));
    for _ in 0..20 {
        assert_eq!(key.open(9, "sealed", "here", &clock).await, unknown);
    }
    assert_eq!(secrets.reads(), 2);
    pass(9);
    assert_eq!(key.open(9, "sealed", "here", &clock).await, unknown);
    assert_eq!(secrets.reads(), 2);
    pass(1);
    assert_eq!(key.open(9, "sealed", "here", &clock).await, unknown);
    assert_eq!(secrets.reads(), 3);
}

#[tokio::test]
async fn looks_for_a_key_that_was_dropped_hide_no_new_one() {
    let (secrets, config) = Secrets::serve().await;
    let (clock, pass) = clock();
    let operator = DeploymentKey::fetch(&config, "key", clock.now()).await.unwrap();
    let (_, by_the_first) = operator.seal("one", "here", &clock).await.unwrap();
    let before = operator.ring();
    let both = before.announcing(&value('b'), clock.now()).unwrap().taken_over(clock.now());
    operator.replace(both.without_former(clock.now()), clock.now()).await.unwrap();
    let warm = DeploymentKey::fetch(&config, "key", clock.now()).await.unwrap();
    let dropped = Err(OpenError::CantOpen(CantOpen::UnknownKey(1)));
    for _ in 0..20 {
        assert_eq!(warm.open(1, &by_the_first, "here", &clock).await, dropped);
    }
    assert_eq!(secrets.reads(), 3);
    // The next rotation, at once.
    let third = operator.ring().announcing(&value('c'), clock.now()).unwrap();
    operator.replace(third.taken_over(clock.now()), clock.now()).await.unwrap();
    let (number, by_the_third) = operator.seal("three", "here", &clock).await.unwrap();
    assert_eq!(warm.open(number, &by_the_third, "here", &clock).await.as_deref(), Ok("three"));
    // Somebody puts the first one back, to open what came from a backup.
    operator.replace(both, clock.now()).await.unwrap();
    assert_eq!(warm.open(1, &by_the_first, "here", &clock).await, dropped);
    pass(10);
    assert_eq!(warm.open(1, &by_the_first, "here", &clock).await.as_deref(), Ok("one"));
}

#[tokio::test]
async fn nothing_is_sealed_with_a_key_that_was_read_long_ago() {
    let (secrets, config) = Secrets::serve().await;
    let (clock, pass) = clock();
    let warm = DeploymentKey::fetch(&config, "key", clock.now()).await.unwrap();
    let operator = DeploymentKey::fetch(&config, "key", clock.now()).await.unwrap();
    let announcing = operator.ring().announcing(&value('b'), clock.now()).unwrap();
    operator.replace(announcing.taken_over(clock.now()), clock.now()).await.unwrap();
    pass(59);
    assert_eq!(warm.seal("text", "here", &clock).await.unwrap().0, 1);
    assert_eq!(secrets.reads(), 2);
    pass(1);
    assert_eq!(warm.seal("text", "here", &clock).await.unwrap().0, 2);
    assert_eq!(secrets.reads(), 3);
    // Nobody who seals that much later is left when the former value is dropped.
    assert!(warm.until_former_is_unused() > SignedDuration::from_secs(60 + 60));
    *secrets.text.lock().unwrap() = "short".to_owned();
    pass(60);
    let refused = warm.seal("text", "here", &clock).await;
    assert_eq!(refused, Err(NoDeploymentKey::Invalid(InvalidKeyRing::Short)));
}
