//! What the five products' pages promise, promise by promise: one test each, with the page and line
//! that it comes from. `tests/acceptance/table` prints what became of all of them.
//!
//! A page is named by its product; its lines are those of the text that was taken from it.

mod beltic;
mod docs;
mod filedgr;
mod flexorch;
mod flowcode;
mod fltr;

use std::fs;
use std::path::Path;

use posthorn_end_to_end::{Account, Answer, Receiver, Request, Stack, python, verdicts};
use serde_json::{Value, json};

/// Notes what became of a promise when its test ends, whichever way.
struct Promise {
    test: String,
    page: &'static str,
    text: &'static str,
}

impl Promise {
    /// `place`: the name of something inside the test's function.
    fn new(place: &str, page: &'static str, text: &'static str) -> Self {
        let place = place.trim_end_matches("::{{closure}}");
        let (_, test) = place.split_once("::").expect("a path");
        Self { test: test.to_owned(), page, text }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("acceptance");
        let kept = if std::thread::panicking() { "BROKEN" } else { "kept" };
        let line = format!("{}\t{}\t{}\t{kept}\n", self.page, self.text, self.test);
        let written = fs::create_dir_all(&folder)
            .and_then(|()| fs::write(folder.join(self.test.replace("::", ".")), line));
        written.expect("the result can be written");
    }
}

/// The promise that the test around it is about.
macro_rules! promise {
    ($page:literal, $text:literal) => {
        let _promise = crate::Promise::new(std::any::type_name_of_val(&|| {}), $page, $text);
    };
}
use promise;

/// A stack, a receiver, and an account that speaks a dialect.
struct Stage {
    stack: Stack,
    receiver: Receiver,
    account: Account,
}

impl Stage {
    async fn of(dialect: &str) -> Self {
        Self::at(dialect, 1.0).await
    }

    /// Where time runs faster.
    async fn at(dialect: &str, time_scale: f64) -> Self {
        let stack = Stack::with_time_scale(time_scale).await;
        let receiver = Receiver::start().await;
        let account = stack.account_speaking("customer", dialect).await;
        Self { stack, receiver, account }
    }

    fn hook(&self) -> String {
        self.receiver.url("/hook")
    }

    /// Creates a webhook the product's own way.
    async fn webhook(&self, body: Value) -> Value {
        let answer = self.account.post("/v1/webhooks", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json
    }

    /// Creates an endpoint at the receiver and answers its id.
    async fn endpoint(&self) -> String {
        self.account.endpoint(json!({ "url": self.hook() })).await
    }

    async fn event(&self, event_type: &str, data: Value) -> String {
        self.account.post_event(json!({ "type": event_type, "data": data })).await
    }

    /// The next delivery.
    async fn delivery(&self) -> Request {
        self.receiver.wait_for("/hook", 1).await.remove(0)
    }

    async fn send(&self, method: &str, path: &str, body: Value) -> Answer {
        self.account.request(method, path, &[], body.to_string()).await
    }
}

/// The catalog's event types, each with its example.
async fn catalog(account: &Account) -> Vec<(String, Value)> {
    let page = account.get("/v1/event-types").await;
    let entries = page["data"].as_array().expect("a list").iter();
    entries
        .map(|entry| (entry["name"].as_str().expect("a name").to_owned(), entry["example"].clone()))
        .collect()
}

/// Checks a delivery with the receivers' code in Python and Node.js, and that forgeries of it are
/// refused: a bit flipped, somebody else's secret.
async fn assert_signed(dialect: &str, header: &str, secret: &str, request: &Request) {
    let genuine = json!({
        "dialect": dialect, "secret": secret, "signature": request.header(header),
        "body": String::from_utf8(request.body.to_vec()).expect("text"),
    });
    let mut flipped = genuine.clone();
    let mut body = request.body.to_vec();
    let last = body.iter().rposition(u8::is_ascii_alphanumeric).expect("a letter");
    body[last] ^= 1;
    flipped["body"] = json!(String::from_utf8(body).expect("text"));
    let mut stranger = genuine.clone();
    stranger["secret"] = json!("somebody-elses-secret");
    let all = [genuine, flipped, stranger];
    for (program, script) in [(python().as_str(), "dialects.py"), ("node", "dialects.mjs")] {
        let verdicts = verdicts(program, script, &all).await;
        assert_eq!(verdicts, ["accepted", "refused", "refused"], "{script}");
    }
}

/// Seconds of a schedule between attempts, as they were planned: the jitter and what SQS rounds up
/// aside, no attempt came earlier.
fn assert_not_earlier(delivery: &Value, schedule: &[f64], time_scale: f64) {
    let started = |index: usize| -> jiff::Timestamp {
        let text = delivery["attempts"][index]["started_at"].as_str().expect("a time");
        text.parse().expect("a time")
    };
    assert_eq!(delivery["attempt_count"], json!(schedule.len() + 1), "{delivery}");
    for (index, seconds) in schedule.iter().enumerate() {
        let gap = started(index + 1).duration_since(started(index)).as_secs_f64();
        // A tenth is jitter; times are kept to the millisecond.
        let least = seconds * 0.9 / time_scale - 0.002;
        assert!(gap >= least, "attempt {} came after {gap} s, not {least} s", index + 2);
    }
}
