//! How many endpoints and event types an account may have, however many are asked for at once.

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use posthorn_end_to_end::{Account, Stack, runtime};
use serde_json::{Value, json};

const AT_ONCE: usize = 40;
const LIMIT: usize = 3;

/// What is limited: its path, the limit's name, and one of them.
const LIMITED: [(&str, &str); 2] =
    [("/v1/endpoints", "endpoints"), ("/v1/event-types", "event_types")];

fn one(path: &str, number: usize) -> Value {
    match path {
        "/v1/endpoints" => json!({ "url": format!("https://example.com/{number}") }),
        _ => json!({ "name": format!("a.n{number}") }),
    }
}

async fn limited(stack: &Stack, limit: usize) -> Account {
    let account = stack.account("acme").await;
    let limits = json!({ "limits": { "endpoints": limit, "event_types": limit } });
    stack.admin().patch("/v1/accounts/acme", limits).await;
    account
}

/// Asks for so many at once; answers how many there are to be had.
async fn ask(account: &Account, path: &str, limit: &str, numbers: std::ops::Range<usize>) -> usize {
    let asked = numbers.map(|number| account.post(path, one(path, number)));
    let answers = join_all(asked).await;
    let (made, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 201);
    for answer in refused {
        assert_eq!(answer.status, 409, "{path}: {}", answer.text);
        assert!(answer.text.contains(&format!("limits.{limit}")), "{path}: {}", answer.text);
    }
    made.len()
}

/// The path of one that there is.
async fn any(account: &Account, path: &str) -> String {
    let list = account.get(path).await;
    let name = if path == "/v1/endpoints" { "id" } else { "name" };
    format!("{path}/{}", list["data"][0][name].as_str().expect("a text"))
}

async fn count(account: &Account, path: &str) -> usize {
    account.get(path).await["data"].as_array().expect("a list").len()
}

#[tokio::test]
async fn of_many_at_once_as_many_succeed_as_the_limit_allows() {
    let stack = Stack::start().await;
    let account = limited(&stack, LIMIT).await;
    for (path, limit) in LIMITED {
        assert_eq!(ask(&account, path, limit, 0..AT_ONCE).await, LIMIT, "{path}");
        assert_eq!(count(&account, path).await, LIMIT, "{path}");
        // What is deleted is given back, once for each.
        let one = any(&account, path).await;
        account.delete(&one).await;
        let again = account.request("DELETE", &one, &[], "").await;
        assert_eq!(again.status, 404, "{path}: {}", again.text);
        assert_eq!(ask(&account, path, limit, AT_ONCE..2 * AT_ONCE).await, 1, "{path}");
        assert_eq!(count(&account, path).await, LIMIT, "{path}");
    }
}

#[tokio::test]
async fn of_many_at_once_all_succeed_where_the_limit_allows_it() {
    let stack = Stack::start().await;
    let account = limited(&stack, AT_ONCE).await;
    for (path, limit) in LIMITED {
        assert_eq!(ask(&account, path, limit, 0..AT_ONCE).await, AT_ONCE, "{path}");
        assert_eq!(ask(&account, path, limit, AT_ONCE..AT_ONCE + 1).await, 0, "{path}");
    }
}

/// Deletions at once give back what they delete, and no more.
#[tokio::test]
async fn of_many_deletions_of_one_a_single_one_counts() {
    let stack = Stack::start().await;
    let account = limited(&stack, LIMIT).await;
    for (path, limit) in LIMITED {
        assert_eq!(ask(&account, path, limit, 0..AT_ONCE).await, LIMIT, "{path}");
        let one = any(&account, path).await;
        let deleted = (0..AT_ONCE).map(|_| account.request("DELETE", &one, &[], ""));
        for answer in join_all(deleted).await {
            assert!([204, 404].contains(&answer.status), "{path}: {}", answer.text);
        }
        assert_eq!(ask(&account, path, limit, AT_ONCE..2 * AT_ONCE).await, 1, "{path}");
    }
}

/// As after a release that knows of no counters, or one that was rolled back.
#[tokio::test]
async fn a_counter_that_is_missing_or_old_is_made_by_counting() {
    let stack = Stack::start().await;
    let account = limited(&stack, LIMIT).await;
    let runtime = runtime(&stack).await;
    for (path, limit, counter) in [
        ("/v1/endpoints", "endpoints", "#COUNT#EP#"),
        ("/v1/event-types", "event_types", "#COUNT#TYPE#"),
    ] {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let number = |number: i64| AttributeValue::N(number.to_string());
        assert_eq!(ask(&account, path, limit, 0..LIMIT - 1).await, LIMIT - 1, "{path}");
        let delete = runtime.dynamodb.delete_item().table_name("posthorn");
        let deleted = delete.key("pk", text("A#acme")).key("sk", text(counter));
        let deleted = deleted.return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld);
        let deleted = deleted.send().await.expect("deleted").attributes.expect("a counter");
        assert_eq!(deleted["n"], number(LIMIT as i64 - 1), "{path}");
        assert_eq!(ask(&account, path, limit, LIMIT..LIMIT + AT_ONCE).await, 1, "{path}");

        for said in [0, 99] {
            let put = runtime.dynamodb.put_item().table_name("posthorn");
            let put = put.item("pk", text("A#acme")).item("sk", text(counter));
            let put = put.item("n", number(said)).item("r", number(7)).item("u", number(1));
            put.send().await.expect("put");
            let one = any(&account, path).await;
            account.delete(&one).await;
            let numbers = 100 * (said as usize + 1)..100 * (said as usize + 1) + AT_ONCE;
            assert_eq!(ask(&account, path, limit, numbers).await, 1, "{path} after {said}");
            assert_eq!(count(&account, path).await, LIMIT, "{path} after {said}");
        }
    }
}
