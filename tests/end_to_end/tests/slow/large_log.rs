//! With 100,000 deliveries in the log the pages answer in under 200 ms.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use posthorn_end_to_end::{Browser, Receiver, Stack, store};
use posthorn_shared::delivery::{
    Attempt, AttemptError, Delivery, ErrorKind, SentRequest, Status, Trigger,
};
use posthorn_shared::ids::{EndpointId, EventKey};
use serde_json::json;

const DELIVERIES: u32 = 100_000;
const LIMIT: Duration = Duration::from_millis(200);

fn delivery(endpoint: &EndpointId, received: Timestamp, number: u32) -> Delivery {
    let failed = number.is_multiple_of(50);
    let event_type = if number.is_multiple_of(2) { "a.even" } else { "a.odd" };
    let error = AttemptError { kind: ErrorKind::Status, detail: "500".to_owned() };
    Delivery {
        endpoint: endpoint.clone(),
        key: EventKey::new(received, u128::from(number) << 64 | u128::from(number)),
        event_id: None,
        event_type: event_type.parse().expect("an event type"),
        status: if failed { Status::Failed } else { Status::Delivered },
        next_attempt_at: None,
        attempts: vec![Attempt {
            number: 1,
            trigger: Trigger::Automatic,
            started_at: received,
            duration_ms: 12,
            status_code: Some(if failed { 500 } else { 200 }),
            error: failed.then_some(error),
            request: SentRequest { url: "https://example.com/".to_owned(), headers: Vec::new() },
            response: None,
        }],
    }
}

#[tokio::test]
async fn pages_stay_fast_over_a_hundred_thousand_deliveries() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let acme = stack.account("acme").await;
    let id = acme.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let endpoint: EndpointId = id.parse().unwrap();
    let store = store(&stack).await;
    let now = Timestamp::now();
    let all: Vec<Delivery> = (0..DELIVERIES)
        .map(|number| {
            let ago = SignedDuration::from_secs(i64::from(number) * 20);
            delivery(&endpoint, now.checked_sub(ago).unwrap(), number)
        })
        .collect();
    for chunk in all.chunks(2_000) {
        let (written, _) = store.put_deliveries(chunk, &[], 1.0).await;
        assert!(written.iter().all(Result::is_ok));
    }

    let browser = Browser::of(&stack, "acme").await;
    let base = format!("/portal/endpoints/{id}");
    let since = now.checked_sub(SignedDuration::from_hours(24 * 10)).unwrap();
    for page in [
        "/portal/endpoints".to_owned(),
        base.clone(),
        format!("{base}?status=failed"),
        format!("{base}?event_type=a.odd"),
        format!("{base}?event_type=a.odd&until={since}"),
        format!("{base}?status=cancelled"),
        format!("{base}/log"),
        format!("{base}/settings"),
        format!("{base}/again"),
        format!("{base}/test"),
    ] {
        // The best of ten: what is measured is the page, not what else the machine does.
        let mut best = Duration::MAX;
        for _ in 0..10 {
            let began = Instant::now();
            let answer = browser.get(&page).await;
            best = best.min(began.elapsed());
            assert_eq!(answer.status, 200, "{page}");
        }
        println!("{page}: {best:?}");
        assert!(best < LIMIT, "{page} took {best:?}");
        // A session may ask a hundred times in a second.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}
