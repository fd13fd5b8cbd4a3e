//! Lists of an account in which little happens: they cost little, and miss nothing.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use posthorn_end_to_end::{Account, Receiver, Stack, store, tenant};
use posthorn_shared::account;
use posthorn_shared::due::Bucket;
use posthorn_shared::ids::EventKey;
use posthorn_shared::store::{Store, SweepCursor};
use posthorn_shared::stored_event::StoredEvent;
use serde_json::{Value, json};

/// Reads of the table that a page may cost.
const MOST: u64 = 50;

fn ago(hours: i64) -> Timestamp {
    Timestamp::now().checked_sub(SignedDuration::from_hours(hours)).expect("a time")
}

/// An account that was created so many hours ago.
async fn account(stack: &Stack, store: &Store, hours: i64) -> Account {
    let created = account::Account {
        id: "quiet".parse().expect("an id"),
        name: "Quiet".to_owned(),
        dialect: "standard".to_owned(),
        limits: account::Limits::default(),
        retry: None,
        timeout_seconds: None,
        portal: Default::default(),
        created_at: ago(hours),
        updated_at: ago(hours),
        former_deleted_at: None,
        deleted_at: None,
    };
    assert!(store.create_account(&created).await.expect("it is written"));
    let key = json!({ "name": "tests", "scopes": ["read", "publish"] });
    let answer = stack.admin().post("/v1/accounts/quiet/keys", key).await;
    stack.account_with_key("quiet", answer.json["key"].as_str().expect("a key"))
}

/// Events that were received so many hours ago; their ids, as they were given.
async fn events(store: &Store, hours: &[i64]) -> Vec<String> {
    let quiet = store.account(&"quiet".parse().expect("an id")).await.expect("an answer");
    let quiet = quiet.expect("an account").tenant();
    let events: Vec<StoredEvent> = hours
        .iter()
        .zip(1u128..)
        .map(|(hours, number)| StoredEvent {
            account: "quiet".parse().expect("an id"),
            key: EventKey::new(ago(*hours), number << 64 | number),
            id: None,
            event_type: "a.b".parse().expect("an event type"),
            timestamp: ago(*hours),
            data: "{}".to_owned(),
            test: false,
        })
        .collect();
    let stored = store.put_events(events.iter().map(|event| (&quiet, event))).await;
    assert!(stored.iter().all(Result::is_ok), "{stored:?}");
    events.iter().map(|event| event.key.to_string()).collect()
}

/// Since when hours have marks. The sweep's cursor is so many hours ahead: the stack's own sweeps have
/// nothing to read.
async fn marked_from(store: &Store, from: Option<Timestamp>, ahead: i64) {
    let cursor = SweepCursor { bucket: Bucket::of(ago(-ahead), 1.0), events_marked_from: from };
    store.move_sweep_cursor(cursor).await.expect("a cursor");
}

fn ids(page: &Value) -> Vec<String> {
    let events = page["data"].as_array().expect("a list").iter();
    events.map(|event| event["id"].as_str().expect("an id").to_owned()).collect()
}

/// All pages of a list, each of which costs no more than it may; how many there were.
async fn walk(stack: &Stack, account: &Account, list: &str) -> (Vec<String>, usize) {
    let (mut found, mut path, mut pages) = (Vec::new(), list.to_owned(), 0);
    loop {
        let before = stack.calls("dynamodb", "Query").await;
        let page = account.get(&path).await;
        let reads = stack.calls("dynamodb", "Query").await - before;
        assert!(reads <= MOST, "{reads} reads for {path}");
        found.extend(ids(&page));
        pages += 1;
        let Some(cursor) = page["next_cursor"].as_str() else { return (found, pages) };
        path = format!("{list}&cursor={cursor}");
    }
}

#[tokio::test]
async fn a_list_skips_the_hours_in_which_nothing_happened() {
    let stack = Stack::start().await;
    let store = store(&stack).await;
    let account = account(&stack, &store, 29 * 24).await;
    marked_from(&store, Some(ago(40 * 24)), 1).await;
    let hours: Vec<i64> = (0..28).rev().map(|day| day * 24 + day % 7).collect();
    let mut posted = events(&store, &hours).await;
    // By the way that events take.
    posted.push(account.post_event(json!({ "type": "a.b", "data": {} })).await);
    stack.wait_until_idle().await;
    posted.reverse();

    assert_eq!(walk(&stack, &account, "/v1/events?limit=250").await, (posted.clone(), 1));
    assert_eq!(walk(&stack, &account, "/v1/events?limit=250&type=a.b").await, (posted.clone(), 1));
    let none = walk(&stack, &account, "/v1/events?limit=250&type=x.y").await;
    assert_eq!(none, (Vec::new(), 1));
    let (all, pages) = walk(&stack, &account, "/v1/events?limit=10").await;
    assert_eq!(all, posted);
    assert!(pages <= 4, "{pages}");
    let (since, until) = (ago(10 * 24), ago(5 * 24));
    let (window, _) =
        walk(&stack, &account, &format!("/v1/events?since={since}&until={until}")).await;
    assert!(!window.is_empty() && window.iter().all(|id| posted.contains(id)), "{window:?}");
}

#[tokio::test]
async fn the_hours_of_an_account_that_had_the_id_before_are_not_looked_into() {
    let stack = Stack::start().await;
    marked_from(&store(&stack).await, Some(ago(24)), 1).await;
    let former = stack.account("quiet").await;
    for _ in 0..20 {
        former.post_event(json!({ "type": "a.b", "data": {} })).await;
    }
    stack.wait_until_idle().await;
    assert!(walk(&stack, &former, "/v1/events?limit=250").await.0.len() == 20);
    stack.admin().delete("/v1/accounts/quiet").await;
    let account = stack.account("quiet").await;
    let before = stack.calls("dynamodb", "Query").await;
    assert_eq!(account.get("/v1/events").await["data"], json!([]));
    assert_eq!(stack.calls("dynamodb", "Query").await - before, 1, "the marks, and nothing else");
}

/// As the release before has left it: nothing says which hours have events.
#[tokio::test]
async fn what_was_stored_before_there_were_marks_is_found() {
    let stack = Stack::start().await;
    let store = store(&stack).await;
    let account = account(&stack, &store, 3 * 24).await;
    marked_from(&store, None, 1).await;
    let mut posted = events(&store, &[70, 69, 41, 40, 5]).await;
    let table = aws_sdk_dynamodb::Client::new(&stack.aws_config().await);
    let generation = tenant(&stack, "quiet").await.generation();
    let marks = table
        .query()
        .table_name("posthorn")
        .key_condition_expression("pk = :p")
        .expression_attribute_values(":p", AttributeValue::S(format!("EH#quiet#{generation}")));
    let marks = marks.send().await.expect("an answer").items.unwrap_or_default();
    assert_eq!(marks.len(), 5);
    for mark in marks {
        let key = mark.into_iter().filter(|(name, _)| name == "pk" || name == "sk").collect();
        let delete = table.delete_item().table_name("posthorn").set_key(Some(key));
        delete.send().await.expect("it is deleted");
    }
    posted.reverse();
    let (found, pages) = walk(&stack, &account, "/v1/events?limit=250").await;
    assert_eq!(found, posted);
    assert!(pages <= 3 * 24 / 4, "{pages}");
    marked_from(&store, Some(ago(30)), 2).await;
    let (found, fewer) = walk(&stack, &account, "/v1/events?limit=250").await;
    assert_eq!(found, posted[1..], "what has no mark is not looked for where marks are complete");
    assert!(fewer < pages, "{fewer}, {pages}");
}

#[tokio::test]
async fn a_filter_that_drops_everything_ends_a_page_of_the_log() {
    let stack = Stack::start().await;
    marked_from(&store(&stack).await, None, 1).await;
    let receiver = Receiver::start().await;
    let account = stack.account("busy").await;
    let endpoint = account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    for _ in 0..30 {
        let events = json!({ "events": vec![json!({ "type": "a.b", "data": {} }); 100] });
        assert_eq!(account.post("/v1/events", events).await.status, 202);
    }
    receiver.wait_for("/hook", 3_000).await;
    stack.wait_until_idle().await;
    let log = format!("/v1/endpoints/{endpoint}/deliveries?event_type=x.y&limit=250");
    let (found, pages) = walk(&stack, &account, &log).await;
    assert_eq!(found, Vec::<String>::new());
    assert!(pages > 1, "2,000 and some more are looked through for a page");
}
