//! A great many retries that are due in the same minute.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use posthorn_end_to_end::Reply;
use serde_json::json;

use crate::world::{Seed, World};

/// Rows in the small form; `POSTHORN_DUE_ROWS` makes it more.
const ROWS: usize = 1_000;

#[tokio::test]
async fn a_minute_full_of_due_retries() {
    let rows = std::env::var("POSTHORN_DUE_ROWS");
    let rows: usize = rows.map_or(ROWS, |text| text.parse().expect("a number"));
    let mut world = World::create(Seed::take()).await;
    let hook = json!({ "url": world.receiver.url("/hook"), "retry": { "schedule": ["20m"] } });
    world.post("/v1/endpoints", hook).await;
    // It has worked before: what fails from the beginning would be slowed down.
    world.post("/v1/events", json!({ "type": "a.b", "data": {} })).await;
    world.settle().await;
    assert_eq!(world.receiver.count("/hook"), 1);
    // Asked to come again at the same second, all of them do.
    let again = world.now() + SignedDuration::from_mins(40);
    let again = again.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let busy = Reply::status(500).header("retry-after", again);
    world.receiver.replies("/hook", vec![busy; rows]);
    let mut left = rows;
    while left > 0 {
        // Other processes make the second half of the attempts: they know of no schedules.
        if left <= rows / 2 && left + 100 > rows / 2 {
            world.work_off().await;
            world.begin(None);
        }
        let size = left.min(100);
        let event = json!({ "type": "a.b", "data": { "text": "x".repeat(500) } });
        world.post("/v1/events", json!({ "events": vec![event; size] })).await;
        left -= size;
    }
    world.work_off().await;
    assert_eq!(world.receiver.count("/hook"), 1 + rows, "each was attempted once");
    assert_eq!(world.wake_ups().await.len(), rows.min(4), "one schedule for each shard");

    world.pass(Duration::from_secs(41 * 60));
    let began = Instant::now();
    let slowest = world.work_off().await;
    println!(
        "{rows} retries of one minute: all sent in {:.1} s, the slowest call of the retry function \
         took {:.1} s",
        began.elapsed().as_secs_f64(),
        slowest.as_secs_f64()
    );
    assert_eq!(world.receiver.count("/hook"), 1 + 2 * rows, "and once more");
    world.settle().await;
    assert_eq!(world.leftovers().await, Vec::<String>::new());
    assert_eq!(world.receiver.count("/hook"), 1 + 2 * rows);
}
