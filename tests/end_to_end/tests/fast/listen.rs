//! `posthorn listen`: by itself, and registered with the stack of this machine.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use posthorn_end_to_end::{ADMIN_KEY, Listening, Stack, closed_port_url};
use posthorn_shared::secret::Secret;
use posthorn_shared::signing::standard_webhooks;
use serde_json::{Value, json};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODY: &str =
    r#"{"type":"vault.created","timestamp":"2026-11-21T10:00:00Z","data":{"n":1.50}}"#;

/// The headers of a delivery of this body, signed at this time.
fn signed(id: &str, body: &str, unix: i64) -> Vec<(&'static str, String)> {
    let secret: Secret = SECRET.parse().expect("a secret");
    vec![
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", unix.to_string()),
        ("webhook-signature", standard_webhooks(&secret, id, unix, body.as_bytes())),
    ]
}

fn now() -> i64 {
    Timestamp::now().as_second()
}

/// Sends a delivery; answers its status.
async fn send(listening: &Listening, headers: &[(&'static str, String)], body: &str) -> u16 {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    listening.client.request("POST", "/hook?x=1", &headers, body.to_owned()).await.status
}

#[tokio::test]
async fn it_registers_verifies_shows_and_leaves_nothing_behind() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let mut listening = Listening::start(&[
        "--register",
        "--api",
        &stack.api_url,
        "--key",
        &account.key,
        "--events",
        "vault.*",
    ])
    .await;
    let told = listening.follow().await;
    let start = told.wait_for("start", |_| true).await;
    let endpoint = start["endpoint"].as_str().expect("an endpoint").to_owned();
    assert!(listening.printed().contains(&endpoint), "{}", listening.printed());
    let shown = account.get(&format!("/v1/endpoints/{endpoint}")).await;
    assert_eq!(shown["url"], format!("{}/", listening.url));
    assert_eq!(shown["event_types"], json!(["vault.*"]));

    account.post_event(json!({ "type": "other.created", "data": {} })).await;
    let event =
        json!({ "type": "vault.created", "data": { "n": 1.5, "x": "<script>alert(1)</script>" } });
    let id = account.post_until_known(event, &endpoint).await;
    account.delivery(&id, &endpoint, "delivered").await;
    let is_it =
        |delivery: &Value| delivery["event_id"] == json!(id) && delivery["outcome"] == "answered";
    let delivery = told.wait_for("delivery", is_it).await;
    assert_eq!(delivery["event_type"], "vault.created");
    let verified = format!("verified with the secret of {endpoint}");
    assert_eq!(delivery["verdict"], json!({ "state": "verified", "headline": verified }));
    assert_eq!(delivery["answer"]["status"], 200);
    listening.wait_for_printed(&format!("vault.created  {id}  /  {verified}, answered 200")).await;
    for delivery in listening.wait_for(1).await {
        assert_eq!(delivery["event_type"], "vault.created", "it subscribed to no other");
    }
    let detail = listening.detail(delivery["number"].as_u64().expect("a number")).await;
    let laid_out = detail["body"]["laid_out"].as_str().expect("JSON");
    assert!(laid_out.contains("\n  \"data\": {\n    \"n\": 1.5,\n"), "{laid_out}");

    assert_eq!(listening.interrupt().await, Some(0));
    assert!(listening.printed().ends_with(&format!("endpoint {endpoint} deleted")));
    assert_eq!(account.get("/v1/endpoints").await["data"], json!([]));
}

#[tokio::test]
async fn an_admin_key_learns_the_dialect_and_every_dialect_verifies() {
    let stack = Stack::start().await;
    for dialect in ["standard", "fltr", "filedgr", "flowcode", "beltic", "flexorch"] {
        let account = stack.account_speaking(dialect, dialect).await;
        let mut listening = Listening::start(&[
            "--register",
            "--api",
            &stack.api_url,
            "--key",
            ADMIN_KEY,
            "--account",
            dialect,
            "--keep",
        ])
        .await;
        let endpoints = account.get("/v1/endpoints").await;
        let endpoint = endpoints["data"][0]["id"].as_str().expect("an endpoint").to_owned();
        let event = json!({ "type": "job.completed", "data": { "a": "ü" } });
        account.post_until_known(event, &endpoint).await;
        let came = listening.wait_for(1).await.remove(0);
        assert_eq!(came["verdict"]["state"], "verified", "{dialect}: {came}");
        assert!(came["event_id"].is_string(), "{dialect}: {came}");
        let number = came["number"].as_u64().expect("a number");
        // Forged: the same but for a byte.
        let detail = listening.detail(number).await;
        let headers: Vec<(String, String)> =
            serde_json::from_value(detail["headers"].clone()).expect("headers");
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .filter(|(name, _)| !["host", "content-length"].contains(&name.as_str()))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let body = detail["body"]["text"].as_str().expect("a body");
        let resent = listening.client.request("POST", "/", &headers, body.to_owned()).await;
        assert_eq!(resent.status, 200, "{dialect}");
        let forged = body.replace('ü', "ö");
        let forged = listening.client.request("POST", "/", &headers, forged).await;
        assert_eq!(forged.status, 401, "{dialect}");
        assert!(forged.text.contains("signature differs"), "{dialect}: {}", forged.text);
        assert_eq!(listening.interrupt().await, Some(0));
        let kept = account.get(&format!("/v1/endpoints/{endpoint}")).await;
        assert_eq!(kept["active"], true, "--keep");
    }
}

#[tokio::test]
async fn retries_and_duplicates_are_recognised() {
    let stack = Stack::with_time_scale(60.0).await;
    let account = stack.account("acme").await;
    let listening = Listening::start(&[
        "--register",
        "--api",
        &stack.api_url,
        "--key",
        &account.key,
        "--status",
        "503",
    ])
    .await;
    let endpoints = account.get("/v1/endpoints").await;
    let endpoint = endpoints["data"][0]["id"].as_str().expect("an endpoint").to_owned();
    let event = json!({ "type": "a.b", "data": {} });
    let id = account.post_until_known(event, &endpoint).await;
    let first = listening.wait_for(1).await.remove(0);
    assert_eq!(
        (&first["repeat"]["kind"], &first["answer"]["status"]),
        (&json!("first"), &json!(503))
    );
    let mut answers = listening.client.get("/_posthorn/answers").await;
    answers["status"] = json!(204);
    let json_type = [("content-type", "application/json")];
    let put = async |answers: &Value| {
        let body = answers.to_string();
        listening.client.request("PUT", "/_posthorn/answers", &json_type, body).await.status
    };
    assert_eq!(put(&answers).await, 200);
    account.delivery(&id, &endpoint, "delivered").await;
    let replay = format!("/v1/events/{id}/deliveries/{endpoint}/replay");
    assert_eq!(account.post(&replay, json!({})).await.status, 202);
    let mine = |all: Vec<Value>| -> Vec<Value> {
        all.into_iter()
            .filter(|it| it["event_id"] == json!(id))
            .map(|it| it["repeat"].clone())
            .collect()
    };
    let repeats = posthorn_end_to_end::eventually("a replay", async || {
        let repeats = mine(listening.wait_for(1).await);
        let is_there = repeats.last().is_some_and(|it| it["kind"] == "duplicate");
        if is_there { Ok(repeats) } else { Err(format!("{repeats:?}")) }
    })
    .await;
    assert_eq!(repeats[1], json!({ "kind": "retry", "time": 2 }));
    assert_eq!(repeats.last().expect("one")["time"], repeats.len());
    listening.wait_for_printed("retry (time 2), answered").await;
    listening.wait_for_printed("it was answered 2xx)").await;
    for (field, bad) in [("status", json!(99)), ("delay_ms", json!(-1)), ("fail_rate", json!(2))] {
        let mut wrong = answers.clone();
        wrong[field] = bad;
        assert!([400, 422].contains(&put(&wrong).await), "{wrong}");
    }
}

#[tokio::test]
async fn what_does_not_verify_is_refused_and_explained() {
    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let listening = Listening::start(&["--secret", other, "--secret", SECRET]).await;
    assert_eq!(send(&listening, &signed("evt-1", BODY, now()), BODY).await, 200);
    let mut unsigned = signed("evt-1", BODY, now());
    unsigned.pop();
    let mut fltr = unsigned.clone();
    fltr.push(("x-fltr-signature", "00".repeat(32)));
    let mut stranger = signed("evt-1", BODY, now());
    stranger[3].1 = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned();
    let spaced = BODY.replace("\":", "\": ");
    for (headers, body, said, advice) in [
        (signed("evt-1", BODY, now() - 363), BODY, "timestamp too old: signed 6 min", "clock"),
        (signed("evt-1", BODY, now() + 400), BODY, "timestamp too new: 6 min", "clock"),
        (signed("evt-2", BODY, now()), "{}", "signature differs", "another endpoint"),
        (
            signed("evt-1", BODY, now()),
            spaced.as_str(),
            "rewritten on its way",
            "Pass the bytes on",
        ),
        (stranger, BODY, "signature differs", "rotated"),
        (unsigned, BODY, "header missing: webhook-signature", "--dialect"),
        (fltr, BODY, "header missing: webhook-signature", "--dialect fltr"),
        (Vec::new(), BODY, "header missing: webhook-signature", "does not sign"),
    ] {
        assert_eq!(send(&listening, &headers, body).await, 401, "{said}");
        let newest = listening.wait_for(1).await.pop().expect("one");
        let detail = listening.detail(newest["number"].as_u64().expect("a number")).await;
        let verdict = &detail["verdict"];
        assert_eq!(verdict["state"], "refused", "{said}");
        assert!(verdict["headline"].as_str().expect("words").contains(said), "{verdict}");
        assert!(verdict["advice"].to_string().contains(advice), "{verdict}");
        listening.wait_for_printed(said).await;
    }
    let first = listening.wait_for(1).await.remove(0);
    assert_eq!(first["verdict"]["headline"], "verified with --secret 2");

    let lenient = Listening::start(&["--secret", other, "--accept-all", "--status", "202"]).await;
    assert_eq!(send(&lenient, &signed("evt-1", BODY, now()), BODY).await, 202);
    assert_eq!(lenient.wait_for(1).await[0]["verdict"]["state"], "refused");
    let unchecked = Listening::start(&[]).await;
    assert_eq!(send(&unchecked, &[], "hello").await, 200);
    assert_eq!(unchecked.wait_for(1).await[0]["verdict"]["state"], "unchecked");
    assert!(unchecked.printed().contains("--secret"), "{}", unchecked.printed());
}

#[tokio::test]
async fn it_answers_as_it_is_told() {
    let listening = Listening::start(&["--status", "503", "--delay", "400ms"]).await;
    let began = Instant::now();
    assert_eq!(send(&listening, &[], BODY).await, 503);
    assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
    let always = Listening::start(&["--fail-rate", "1", "--fail-status", "429"]).await;
    assert_eq!(send(&always, &[], BODY).await, 429);
    let half = Listening::start(&["--fail-rate", "0.5"]).await;
    let mut counts = [0, 0];
    while counts.contains(&0) {
        counts[usize::from(send(&half, &[], BODY).await == 500)] += 1;
        assert!(counts[0] + counts[1] < 200, "{counts:?}");
    }

    // A sender that does not wait.
    let slow = Listening::start(&["--delay", "5m"]).await;
    let told = slow.follow().await;
    let gone = tokio::time::timeout(Duration::from_millis(500), send(&slow, &[], BODY));
    gone.await.expect_err("no answer that soon");
    told.wait_for("delivery", |delivery| delivery["outcome"] == "hung_up").await;
    slow.wait_for_printed("the sender hung up after").await;
}

#[tokio::test]
async fn the_page_takes_nothing_that_came_for_a_part_of_it() {
    let listening = Listening::start(&[]).await;
    let hostile =
        r#"{"type":"<img src=x onerror=alert(1)>","x":"</pre><script>alert(1)</script>"}"#;
    let headers = [("webhook-id", "<b>".to_owned()), ("x-odd", "'\"><script>".to_owned())];
    assert_eq!(send(&listening, &headers, hostile).await, 200);
    let large = "x".repeat(1024 * 1024 + 1);
    assert_eq!(send(&listening, &[], &large).await, 413);
    assert_eq!(send(&listening, &[], "\u{1b}]0;owned\u{7}").await, 200);
    let page = listening.client.request("GET", "/_posthorn/", &[], "").await;
    let policy = page.headers["content-security-policy"].to_str().expect("text");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe") && policy.contains("require-trusted-types-for 'script'"));
    for inline in ["onclick", "<style", "style=", "<script>", "javascript:"] {
        assert!(!page.text.contains(inline), "{inline}");
    }
    for file in ["page.js", "page.css", "icon.svg"] {
        let answer = listening.client.request("GET", &format!("/_posthorn/{file}"), &[], "").await;
        assert_eq!(answer.status, 200, "{file}");
        for dangerous in ["innerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!answer.text.contains(dangerous), "{file}: {dangerous}");
        }
    }
    let cut = listening.detail(2).await;
    assert_eq!((&cut["body"]["is_cut"], &cut["curl"]), (&json!(true), &Value::Null));
    assert_eq!(cut["body_bytes"], 1024 * 1024);
    assert!(!listening.printed().contains('\u{7}'), "nothing for a terminal to obey");
    let escape = listening.detail(3).await;
    assert!(escape["curl"].as_str().expect("a command").starts_with("printf %s '"), "{escape}");
}

#[tokio::test]
async fn the_page_is_for_this_machine_alone() {
    let listening = Listening::start(&[]).await;
    let ask = async |method: &str, path: &str, headers: &[(&str, &str)]| {
        listening.client.request(method, path, headers, "{}").await
    };
    let entrance = ask("GET", "/", &[]).await;
    assert_eq!(
        (entrance.status, &entrance.headers["location"]),
        (307, &"/_posthorn/".parse().unwrap())
    );
    assert_eq!(ask("GET", "/hook", &[]).await.status, 405);
    assert_eq!(ask("GET", "/_posthorn/nothing", &[]).await.status, 404);
    assert_eq!(ask("POST", "/_posthorn/hook", &[]).await.status, 403, "no delivery, either");
    for path in ["/_posthorn/", "/_posthorn/stream", "/_posthorn/deliveries", "/_posthorn/answers"]
    {
        assert_eq!(ask("GET", path, &[("host", "evil.example")]).await.status, 403, "{path}");
        assert_eq!(ask("GET", path, &[("x-forwarded-for", "1.2.3.4")]).await.status, 403, "{path}");
    }
    let json_type = ("content-type", "application/json");
    for headers in [
        vec![],
        vec![("content-type", "text/plain")],
        vec![json_type, ("origin", "http://evil.example")],
        vec![json_type, ("origin", "null")],
    ] {
        assert_eq!(ask("PUT", "/_posthorn/answers", &headers).await.status, 403, "{headers:?}");
    }
    let hidden = Listening::start(&["--no-page"]).await;
    assert_eq!(hidden.client.request("GET", "/_posthorn/", &[], "").await.status, 405);
    assert_eq!(hidden.client.request("POST", "/_posthorn/", &[], "{}").await.status, 200);
}

#[tokio::test]
async fn what_can_not_be_is_said_in_a_line() {
    let ends = async |exit_code: i32, arguments: &[&str]| {
        let failure = Listening::try_start(arguments).await.err().expect("a start that fails");
        assert_eq!(failure.exit_code, Some(exit_code), "{}", failure.stderr);
        assert_eq!(failure.stderr.trim_end().lines().count(), 1, "{}", failure.stderr);
        failure.stderr
    };
    let refusal = async |arguments: &[&str]| ends(1, arguments).await;
    let wrong_usage = async |arguments: &[&str]| ends(2, arguments).await;
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let said = refusal(&["--port", &held.local_addr().unwrap().port().to_string()]).await;
    assert!(said.contains("--port") && said.contains("in use"), "{said}");
    let said = wrong_usage(&["--secret", "hunter2hunter2hunter2"]).await;
    assert!(said.contains("whsec_<base64") && said.contains("--dialect"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    let said = wrong_usage(&["--dialect", "fltr", "--secret", "short"]).await;
    assert!(said.contains("16 to 256"), "{said}");
    let said = wrong_usage(&["--dialect", "klingon"]).await;
    assert!(said.contains("beltic, filedgr"), "{said}");
    assert!(wrong_usage(&["--status", "700"]).await.contains("200 to 599"));
    assert!(wrong_usage(&["--fail-rate", "30"]).await.contains("--fail-rate"));

    let nobody = closed_port_url();
    let said = refusal(&["--register", "--api", &nobody, "--key", "any"]).await;
    assert!(said.contains("no answer from the API") && said.contains("--api"), "{said}");
    assert!(wrong_usage(&["--register"]).await.contains("POSTHORN_API_KEY"));
    let stack = Stack::start().await;
    let with = ["--register", "--api", &stack.api_url, "--key"];
    let with = async |more: &[&str]| refusal(&[&with[..], more].concat()).await;
    let said = with(&["wrong"]).await;
    assert!(said.contains("refuses the key"), "{said}");
    let said = with(&[ADMIN_KEY]).await;
    assert!(said.contains("--account"), "{said}");
    assert!(with(&[ADMIN_KEY, "--account", "nobody"]).await.contains("account"));
    let account = stack.account_speaking("fltr", "fltr").await;
    let said = with(&[&account.key]).await;
    assert!(said.contains("--dialect (beltic"), "{said}");
    assert_eq!(account.get("/v1/endpoints").await["data"], json!([]), "it was deleted again");
    let url = ["--url", "http://10.0.0.1/"];
    let said = with(&[&account.key, "--dialect", "fltr", url[0], url[1]]).await;
    assert!(said.contains("/url"), "{said}");
}
