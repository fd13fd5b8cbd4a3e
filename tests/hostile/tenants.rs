//! The accounts: some that are attacked, and some that attack. All have the same things, and each has
//! marks: texts that no answer to anybody else may contain.

use std::sync::{Arc, Mutex};

use posthorn_end_to_end::{Account, Browser, Stack, portal_token};
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::sink::Sink;

/// What each account calls its event type and one of its events: the same name in all of them.
pub const EVENT_TYPE: &str = "kept.secret";
pub const OWN_ID: &str = "order-1";

/// Attacked: the native API, and one of the products'.
const ATTACKED: [(&str, &str); 2] = [("acme", "standard"), ("northwind", "filedgr")];
/// Attacking: every shape of the API, and the dialects whose bodies are the data alone.
const ATTACKING: [(&str, &str); 5] = [
    ("mallory", "standard"),
    ("mallory-camel", "filedgr"),
    ("mallory-snake", "fltr"),
    ("mallory-json-api", "beltic"),
    ("mallory-flat", "flowcode"),
];
/// Endpoints and event types of an attacking account: few, so that deliveries are.
const FEW: u32 = 20;

/// An account with everything that a path can name.
pub struct Tenant {
    pub id: String,
    /// Whether strangers act with its keys and sessions. Of one that is attacked they have a key that
    /// may only read.
    pub attacks: bool,
    pub marks: Vec<String>,
    pub manage: Account,
    pub publish: String,
    pub read: String,
    /// Of a portal session, with what its forms carry.
    pub cookie: String,
    pub csrf: String,
    things: Mutex<Arc<Things>>,
}

/// Ids of an account's things.
#[derive(Debug, Clone, Default)]
pub struct Things {
    pub endpoint: String,
    pub event: String,
    pub task: String,
    pub key: String,
    /// The token of a portal link that was used.
    pub link: String,
}

/// All accounts of a run.
pub struct Tenants {
    pub all: Vec<Tenant>,
    /// A key of an account that was deleted.
    pub deleted_key: String,
}

impl Tenants {
    /// Creates them all.
    pub async fn settle(stack: &Stack, sink: &Sink, seed: u64) -> Self {
        let mut all = Vec::new();
        let accounts = ATTACKED.map(|it| (it, false)).into_iter();
        for ((id, dialect), attacks) in accounts.chain(ATTACKING.map(|it| (it, true))) {
            let mark = Chance::of(seed, u64::MAX - all.len() as u64).number();
            let mark = format!("mark-{mark:016x}");
            all.push(Tenant::settle(stack, sink, (id, dialect), attacks, mark).await);
        }
        let deleted = stack.account("gone").await;
        stack.admin().delete("/v1/accounts/gone").await;
        posthorn_end_to_end::eventually("the end of a deleted key", async || {
            match deleted.request("GET", "/v1/endpoints", &[], "").await.status {
                401 => Ok(()),
                other => Err(other.to_string()),
            }
        })
        .await;
        Self { all, deleted_key: deleted.key }
    }

    /// Everything that the attacked accounts can see of themselves.
    pub async fn picture(&self, stack: &Stack) -> Vec<(String, Value)> {
        let mut seen = Vec::new();
        for tenant in self.all.iter().filter(|tenant| !tenant.attacks) {
            let things = tenant.things();
            let Things { endpoint, event, task, .. } = &*things;
            for path in [
                "/v1/endpoints".to_owned(),
                format!("/v1/endpoints/{endpoint}/secret"),
                format!("/v1/endpoints/{endpoint}/deliveries"),
                "/v1/event-types".to_owned(),
                format!("/v1/event-types/{EVENT_TYPE}"),
                "/v1/events".to_owned(),
                format!("/v1/events/{event}"),
                format!("/v1/events/{OWN_ID}"),
                format!("/v1/events/{event}/deliveries"),
                format!("/v1/tasks/{task}"),
            ] {
                seen.push((format!("{} {path}", tenant.id), tenant.manage.get(&path).await));
            }
            for path in ["", "/keys"] {
                let path = format!("/v1/accounts/{}{path}", tenant.id);
                let value = stack.admin().get(&path).await;
                seen.push((path, value));
            }
        }
        seen
    }

    /// Gives attacking accounts what they have deleted of their own.
    pub async fn refurnish(&self, sink: &Sink) {
        for tenant in self.all.iter().filter(|tenant| tenant.attacks) {
            let former = tenant.things();
            let path = format!("/v1/endpoints/{}", former.endpoint);
            let found = tenant.manage.try_request("GET", &path, &[], "").await;
            if !found.is_ok_and(|answer| answer.status == 404) {
                continue;
            }
            if let Some((things, _)) = furnish(&tenant.manage, sink, &tenant.marks[0]).await {
                let (key, link) = (former.key.clone(), former.link.clone());
                let things = Arc::new(Things { key, link, ..things });
                *tenant.things.lock().expect("no panic while it was held") = things;
            }
        }
    }
}

impl Tenant {
    /// Its things as they are now.
    pub fn things(&self) -> Arc<Things> {
        Arc::clone(&self.things.lock().expect("no panic while it was held"))
    }

    async fn settle(
        stack: &Stack,
        sink: &Sink,
        (id, dialect): (&str, &str),
        attacks: bool,
        mark: String,
    ) -> Self {
        let manage = stack.account_speaking(id, dialect).await;
        let admin = stack.admin();
        let mut changes = json!({ "name": mark });
        if attacks {
            changes["limits"] = json!({ "endpoints": FEW, "event_types": FEW });
        } else {
            sink.watch(id);
        }
        admin.patch(&format!("/v1/accounts/{id}"), changes).await;
        sink.mark(id, &mark);
        let keys = format!("/v1/accounts/{id}/keys");
        let key_for = async |scope: &str| {
            let answer = admin.post(&keys, json!({ "name": mark, "scopes": [scope] })).await;
            assert_eq!(answer.status, 201, "{}", answer.text);
            answer.json["key"].as_str().expect("a key").to_owned()
        };
        let (publish, read) = (key_for("publish").await, key_for("read").await);
        let listed = admin.get(&keys).await;
        let key = listed["data"][0]["id"].as_str().expect("an id").to_owned();
        let link = portal_token(stack, id).await;
        let mut browser = Browser::new(stack);
        let entered = browser.enter(&link).await;
        assert_eq!(entered.status, 303, "{}", entered.text);
        let csrf = browser.csrf().await;

        let furnished = furnish(&manage, sink, &mark).await;
        let (things, secret) = furnished.expect("a new account takes everything");
        if !attacks {
            manage.delivery(&things.event, &things.endpoint, "delivered").await;
            manage.delivery(OWN_ID, &things.endpoint, "delivered").await;
            let task = format!("/v1/tasks/{}", things.task);
            manage.wait_until(&task, |task| task["status"] == "completed").await;
        }
        let things = Mutex::new(Arc::new(Things { key, link, ..things }));
        let (id, cookie, marks) = (id.to_owned(), browser.cookie, vec![mark, secret]);
        Self { id, attacks, marks, manage, publish, read, cookie, csrf, things }
    }
}

/// Makes an endpoint, an event type, events and a task; answers them and the endpoint's secret. `None`:
/// the account is full.
async fn furnish(account: &Account, sink: &Sink, mark: &str) -> Option<(Things, String)> {
    let endpoint = json!({
        "url": sink.url(&account.id), "description": mark, "metadata": { "of": mark },
        "headers": { "X-Note": mark }, "filter": { "data": { "of": [{ "exists": true }] } },
    });
    let made = account.post("/v1/endpoints", endpoint).await;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let (endpoint, secret) = (text(&made.json["id"])?, text(&made.json["secret"])?);
    let event_type = json!({ "name": EVENT_TYPE, "description": mark, "example": { "of": mark } });
    account.post("/v1/event-types", event_type).await;
    let event = json!({ "type": EVENT_TYPE, "data": { "of": mark } });
    let posted = account.post("/v1/events", event.clone()).await;
    let mut own = event;
    own["id"] = json!(OWN_ID);
    account.post("/v1/events", own).await;
    let window = json!({ "since": "2026-01-01T00:00:00Z" });
    let task = account.post(&format!("/v1/endpoints/{endpoint}/recover"), window).await;
    let things = Things {
        event: text(&posted.json["id"])?,
        task: text(&task.json["task_id"]).unwrap_or_default(),
        endpoint,
        ..Things::default()
    };
    Some((things, secret))
}
