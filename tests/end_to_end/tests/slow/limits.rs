//! Events at each limit and just over it, by both roads: what fits arrives byte for byte, what does
//! not is refused with the limit named, and takes nothing else along.

use std::collections::BTreeMap;

use posthorn_end_to_end::{Account, Receiver, Stack};
use serde_json::{Value, json};

/// Limits of the public contract (docs/openapi.json), on purpose not taken from the code.
const DATA_BYTES: usize = 262_144;
const DATA_DEPTH: usize = 120;
const ID: usize = 64;
const EVENT_TYPE: usize = 128;
const EVENTS_OF_A_REQUEST: usize = 100;
const REQUEST_BYTES: usize = 4 * 1024 * 1024;
/// Of an SQS message, with its attributes.
const MESSAGE_BYTES: usize = 1_048_576;

/// Data of so many bytes, whose content tells whether it is whole.
fn data_of(bytes: usize) -> String {
    let text: String = (0..bytes - 8).map(|n| char::from(b'a' + (n % 23) as u8)).collect();
    let data = format!("{{\"a\":\"{text}\"}}");
    assert_eq!(data.len(), bytes);
    data
}

fn nested(levels: usize) -> String {
    format!("{}{}", "{\"a\":".repeat(levels - 1) + "{}", "}".repeat(levels - 1))
}

struct Case {
    name: String,
    id: String,
    event_type: String,
    data: String,
    /// What the refusal says, if it is over a limit.
    refused: Option<&'static str>,
}

impl Case {
    fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let (id, event_type) = (name.clone(), "a.b".to_owned());
        Self { name, id, event_type, data: "{}".to_owned(), refused: None }
    }

    fn data(self, data: String) -> Self {
        Self { data, ..self }
    }

    fn refused(self, reason: &'static str) -> Self {
        Self { refused: Some(reason), ..self }
    }

    fn body(&self, account: Option<&str>) -> String {
        let account = account.map(|id| format!("\"account\":\"{id}\",")).unwrap_or_default();
        let Self { id, event_type, data, .. } = self;
        format!("{{{account}\"id\":\"{id}\",\"type\":\"{event_type}\",\"data\":{data}}}")
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    // Around the size up to which a payload rides in its message (what is around the data counts).
    let inline = (6_300..=6_520).step_by(20);
    let powers = [2_usize.pow(12), 2_usize.pow(16), 2_usize.pow(17)];
    for bytes in inline.chain(powers).chain([8, DATA_BYTES - 1, DATA_BYTES]) {
        cases.push(Case::new(format!("{bytes}-bytes")).data(data_of(bytes)));
    }
    for bytes in [DATA_BYTES + 1, 2 * DATA_BYTES, 1_000_000] {
        let case = Case::new(format!("{bytes}-bytes")).data(data_of(bytes));
        cases.push(case.refused("at most 262144"));
    }
    cases.push(Case::new("depth").data(nested(DATA_DEPTH)));
    cases.push(Case::new("too-deep").data(nested(DATA_DEPTH + 1)).refused("120 levels"));
    cases.push(Case { id: "i".repeat(ID), ..Case::new("id") });
    cases.push(Case { id: "i".repeat(ID + 1), ..Case::new("long-id").refused("64") });
    cases.push(Case { event_type: "t".repeat(EVENT_TYPE), ..Case::new("type") });
    let long = Case { event_type: "t".repeat(EVENT_TYPE + 1), ..Case::new("long-type") };
    cases.push(long.refused("128"));
    cases
}

/// Everything that fits has arrived once, byte for byte, and nothing else.
async fn check_arrived(receiver: &Receiver, cases: &[Case]) {
    let fitting: BTreeMap<&str, &Case> =
        cases.iter().filter(|c| c.refused.is_none()).map(|c| (c.id.as_str(), c)).collect();
    let requests = receiver.wait_for("/hook", fitting.len()).await;
    assert_eq!(requests.len(), fitting.len());
    for request in requests {
        let case = fitting[request.header("webhook-id")];
        let body = request.text();
        let kept = body.ends_with(&format!("\"data\":{}}}", case.data));
        assert!(kept, "{}: {body:.300}", case.name);
    }
}

async fn stack_with_hook() -> (Stack, Receiver, Account) {
    let (stack, receiver) = (Stack::start().await, Receiver::start().await);
    let account = stack.account("acme").await;
    account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    (stack, receiver, account)
}

#[tokio::test]
async fn events_at_the_limits_are_taken_by_post_and_those_over_them_refused() {
    let (stack, receiver, account) = stack_with_hook().await;
    let cases = cases();
    for case in &cases {
        let answer = account.request("POST", "/v1/events", &[], case.body(None)).await;
        match case.refused {
            None => assert_eq!(answer.status, 202, "{}: {:.300}", case.name, answer.text),
            Some(reason) => {
                let status = if case.data.len() > DATA_BYTES { 413 } else { 422 };
                assert_eq!(answer.status, status, "{}: {}", case.name, answer.text);
                assert!(answer.text.contains(reason), "{}: {}", case.name, answer.text);
                assert!(answer.text.len() < 2_000, "{}: does not echo it all", case.name);
            }
        }
    }
    check_arrived(&receiver, &cases).await;
    stack.wait_until_idle().await;
    assert_eq!(receiver.count("/hook"), cases.iter().filter(|c| c.refused.is_none()).count());
}

#[tokio::test]
async fn events_at_the_limits_are_taken_by_sqs_and_those_over_them_are_dead_letters() {
    let (stack, receiver, _) = stack_with_hook().await;
    let (sqs, url) = (stack.sqs().await, stack.events_queue_url());
    let mut cases = cases();
    // As large as SQS takes: there is no room left for a reason beside it.
    let around = Case::new("largest").data(String::new()).body(Some("acme")).len();
    cases.push(Case::new("largest").data(data_of(MESSAGE_BYTES - around)).refused(""));
    for case in &cases {
        let body = case.body(Some("acme"));
        sqs.send_message().queue_url(&url).message_body(body).send().await.expect("sent");
    }
    check_arrived(&receiver, &cases).await;
    stack.wait_until_idle().await;
    let letters = stack.drain("events-dlq").await;
    let refused: Vec<&Case> = cases.iter().filter(|case| case.refused.is_some()).collect();
    assert_eq!(letters.len(), refused.len());
    for case in refused {
        let body = case.body(Some("acme"));
        let letter = letters.iter().find(|(letter, _)| *letter == body);
        let (_, attributes) = letter.unwrap_or_else(|| panic!("{} is not there", case.name));
        let reason = attributes.iter().find(|(name, _)| name == "reason");
        let reason = reason.map(|(_, reason)| reason.as_str()).unwrap_or_default();
        let expected = case.refused.unwrap_or_default();
        assert!(reason.contains(expected), "{}: {reason}", case.name);
    }
}

#[tokio::test]
async fn a_request_holds_a_hundred_events_and_four_mebibytes() {
    let (_stack, receiver, account) = stack_with_hook().await;
    let many = |events: usize, data: &str| {
        let event = |n| format!("{{\"id\":\"{n}\",\"type\":\"a.b\",\"data\":{data}}}");
        let events: Vec<String> = (0..events).map(event).collect();
        format!("{{\"events\":[{}]}}", events.join(","))
    };
    // White space counts as well.
    let padded = |body: String, bytes: usize| format!("{body}{}", " ".repeat(bytes - body.len()));
    let small = many(EVENTS_OF_A_REQUEST, "{}");
    let statuses = [
        (padded(small.clone(), REQUEST_BYTES), 202),
        (padded(small, REQUEST_BYTES + 1), 413),
        (many(EVENTS_OF_A_REQUEST + 1, "{}"), 422),
        (many(0, "{}"), 422),
        (many(15, &data_of(DATA_BYTES)), 202),
        (many(17, &data_of(DATA_BYTES)), 413),
    ];
    for (body, status) in statuses {
        let bytes = body.len();
        let answer = account.request("POST", "/v1/events", &[], body).await;
        assert_eq!(answer.status, status, "{bytes} bytes: {:.300}", answer.text);
    }
    // The second request has ids of the first: an id counts once.
    let requests = receiver.wait_for("/hook", EVENTS_OF_A_REQUEST).await;
    assert!(requests.iter().all(|request| request.json()["data"] == json!({})));
    let told: Value = account.get("/v1/events?limit=250").await;
    assert_eq!(told["data"].as_array().map(Vec::len), Some(EVENTS_OF_A_REQUEST), "{told:.300}");
}
