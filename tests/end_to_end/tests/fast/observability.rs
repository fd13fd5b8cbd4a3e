//! What an operator sees: metrics that agree with what was delivered, and logs that lead from a
//! request to the attempts it caused.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use posthorn_end_to_end::{Receiver, Reply, Stack, closed_port_url, eventually};
use posthorn_shared::ids::EventKey;
use prost::Message;
use serde_json::{Value, json};

/// The metric lines printed so far.
fn lines(stack: &Stack) -> Vec<Value> {
    let printed = stack.printed();
    let parsed = printed.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    parsed.filter(|line| line["_aws"]["CloudWatchMetrics"].is_array()).collect()
}

/// A count, summed over all lines of a dialect; with no name, of those that have none.
fn sum(lines: &[Value], dialect: Option<&str>, name: &str) -> u64 {
    let of_dialect = lines.iter().filter(|line| line["Dialect"].as_str() == dialect);
    of_dialect.filter_map(|line| line[name].as_u64()).sum()
}

async fn counted(stack: &Stack, dialect: Option<&str>, expected: &[(&str, u64)]) -> Vec<Value> {
    eventually("the metrics", async || {
        let lines = lines(stack);
        let seen = expected.iter().map(|(name, _)| (*name, sum(&lines, dialect, name)));
        let seen: Vec<(&str, u64)> = seen.collect();
        if seen == expected { Ok(lines) } else { Err(format!("{dialect:?}: {seen:?}")) }
    })
    .await
}

#[tokio::test]
async fn metrics_agree_with_what_was_delivered() {
    let environment = vec![("POSTHORN_METRICS", "test".to_owned())];
    let stack = Stack::with_environment(60.0, environment).await;
    let receiver = Receiver::start().await;
    let acme = stack.account("acme").await;
    let fltr = stack.account_speaking("vaults", "fltr").await;
    fltr.endpoint(json!({ "url": receiver.url("/fltr") })).await;
    let schedule = json!({ "schedule": ["5s", "5s"] });
    receiver.replies("/second", vec![Reply::status(500), Reply::status(200)]);
    receiver.reply("/never", Reply::after(Duration::from_millis(50), 503));
    for path in ["/first", "/second", "/never"] {
        acme.endpoint(json!({ "url": receiver.url(path), "retry": schedule })).await;
    }
    acme.post_event(json!({ "type": "a.b", "data": {} })).await;
    for _ in 0..3 {
        fltr.post_event(json!({ "type": "vault.created", "data": {} })).await;
    }
    let no_event = stack.sqs().await.send_message().message_body("no event");
    no_event.queue_url(stack.events_queue_url()).send().await.expect("it is taken");

    // 1 attempt, 2 attempts, 3 attempts.
    let counts =
        [("Attempts", 6), ("FailedAttempts", 4), ("Delivered", 2), ("Failed", 1), ("Retried", 3)];
    let lines = counted(&stack, Some("standard"), &counts).await;
    assert_eq!(sum(&lines, Some("standard"), "Accepted"), 1);
    counted(&stack, Some("fltr"), &[("Accepted", 3), ("Delivered", 3), ("Failed", 0)]).await;
    counted(&stack, None, &[("Rejected", 1)]).await;

    let (mut attempts, mut first) = (0, 0);
    for line in lines.iter().filter(|line| line["Dialect"] == "standard") {
        assert_eq!(line["Deployment"], "test");
        let sets = &line["_aws"]["CloudWatchMetrics"][0]["Dimensions"];
        assert_eq!(*sets, json!([["Deployment"], ["Deployment", "Dialect"]]));
        let count = |name: &str| match &line[name] {
            Value::Null => 0,
            Value::Number(_) => 1,
            many => many["Counts"]
                .as_array()
                .map_or(0, |counts| counts.iter().filter_map(Value::as_u64).sum()),
        };
        attempts += count("AttemptDuration");
        first += count("DeliveryLag");
    }
    assert_eq!((attempts, first), (6, 3), "{lines:#?}");
}

#[tokio::test]
async fn an_open_circuit_and_refused_calls_are_counted() {
    let environment = vec![("POSTHORN_METRICS", "test".to_owned())];
    let mut stack = Stack::with_environment(60.0, environment).await;
    let account = stack.account("acme").await;
    account.endpoint(json!({ "url": closed_port_url() })).await;
    // From now on; what it takes to begin is not refused.
    stack.options.environment.push(("POSTHORN_AWS_THROTTLE", "0.2".to_owned()));
    stack.kill9().await;
    stack.restart().await;
    let account = stack.account_with_key("acme", &account.key);
    eventually("a circuit that opens", async || {
        let event = json!({ "type": "a.b", "data": {} });
        let _ = account.try_request("POST", "/v1/events", &[], event.to_string()).await;
        let lines = lines(&stack);
        match sum(&lines, Some("standard"), "CircuitsOpened") {
            0 => Err(format!("{} lines", lines.len())),
            _ => Ok(()),
        }
    })
    .await;
    assert!(sum(&lines(&stack), None, "Throttles") > 0);
}

#[tokio::test]
async fn nothing_is_printed_where_metrics_are_off() {
    let mut stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoint = account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let event = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    account.delivery(&event, &endpoint, "delivered").await;
    assert_eq!(stack.interrupt().await, Some(0));
    assert_eq!(lines(&stack), Vec::<Value>::new());
}

#[tokio::test]
async fn a_requests_id_leads_to_the_attempts_it_caused() {
    let environment = vec![("POSTHORN_LOG_LEVEL", "info".to_owned())];
    let stack = Stack::with_environment(1.0, environment).await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoint = account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let event = json!({ "type": "a.b", "data": {} });
    let answer = account.request("POST", "/v1/events", &[], event.to_string()).await;
    let request = answer.headers["x-request-id"].to_str().expect("text").to_owned();
    let event = answer.json["id"].as_str().expect("an id").to_owned();
    account.delivery(&event, &endpoint, "delivered").await;

    stack.wait_for_log(1, &[&request, &event, "accepted"]).await;
    let answered = [&request, "answered", "POST", "/v1/events", "202", "acme"];
    stack.wait_for_log(1, &answered).await;
    stack.wait_for_log(1, &[&event, "attempt", &endpoint, "200", "acme"]).await;

    // Where it came from is what the connection says, not the client.
    let claimed = [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=203.0.113.9")];
    let answer = account.request("GET", "/healthz", &claimed, "").await;
    let request = answer.headers["x-request-id"].to_str().expect("text");
    stack.wait_for_log(1, &[request, "answered", "127.0.0.1"]).await;
    assert!(!stack.log().iter().any(|line| line.contains("203.0.113.9")));
    // As does whoever tries keys on the platform team's pages.
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let tried = account.request("POST", "/portal/platform/enter", &form, "key=guess").await;
    assert_eq!(tried.status, 401, "{}", tried.text);
    stack.wait_for_log(1, &["not signed in", "127.0.0.1"]).await;

    // What is refused has an id, too, and each its own.
    let refused = account.request("GET", "/v1/nothing", &[], "").await;
    let other = refused.headers["x-request-id"].to_str().expect("text").to_owned();
    assert_ne!(other, request);
    stack.wait_for_log(1, &[&other, "404"]).await;
}

#[tokio::test]
async fn a_sweep_that_came_to_its_end_is_counted() {
    let environment = vec![("POSTHORN_METRICS", "test".to_owned())];
    let stack = Stack::with_environment(1.0, environment).await;
    stack.call_retry(r#"{"sweep":true}"#).await;
    counted(&stack, None, &[("Sweeps", 1), ("OverdueRetries", 0)]).await;
}

/// The spans of all requests to a collector's path so far, with the service that sent them.
fn spans(collector: &Receiver) -> Vec<(String, Span)> {
    let mut spans = Vec::new();
    for request in collector.requests("/v1/traces") {
        assert_eq!(request.header("content-type"), "application/x-protobuf");
        let sent = ExportTraceServiceRequest::decode(request.body).expect("OTLP");
        for of_resource in sent.resource_spans {
            let attributes = of_resource.resource.unwrap_or_default().attributes;
            let service = attribute(&attributes, "service.name");
            let found = of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.extend(found.map(|span| (service.clone(), span)));
        }
    }
    spans
}

/// An attribute as text; empty where there is none.
fn attribute(attributes: &[KeyValue], name: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == name);
    match found.and_then(|found| found.value.as_ref()?.value.as_ref()) {
        None => String::new(),
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        Some(other) => format!("{other:?}"),
    }
}

#[tokio::test]
async fn an_event_is_a_trace() {
    let collector = Receiver::start().await;
    let environment = vec![("POSTHORN_TRACES_COLLECTOR", collector.url("/"))];
    let stack = Stack::with_environment(60.0, environment).await;
    let receiver = Receiver::start().await;
    receiver.replies("/hook", vec![Reply::status(500)]);
    let account = stack.account("acme").await;
    let hook = json!({ "url": receiver.url("/hook?secret=x"), "retry": { "schedule": ["5s"] } });
    let endpoint = account.endpoint(hook).await;
    let event = account.post_event(json!({ "type": "a.b", "data": { "private": 1 } })).await;
    account.delivery(&event, &endpoint, "delivered").await;

    let key: EventKey = event.parse().expect("a key");
    let found = eventually("four spans", async || {
        let found = spans(&collector);
        if found.len() == 4 { Ok(found) } else { Err(format!("{found:#?}")) }
    })
    .await;
    // Its id is the event's: whoever has the one can look for the other.
    assert!(found.iter().all(|(_, span)| span.trace_id == key.bits().to_be_bytes()));
    assert!(found.iter().all(|(service, _)| service == "posthorn"));
    let named = |name: &str| {
        let named = found.iter().filter(|(_, span)| span.name == name);
        named.map(|(_, span)| span).collect::<Vec<_>>()
    };
    let [root] = named("event")[..] else { panic!("{found:#?}") };
    assert_eq!(root.parent_span_id, Vec::<u8>::new());
    assert_eq!(attribute(&root.attributes, "posthorn.event_id"), event);
    assert_eq!(attribute(&root.attributes, "posthorn.deliveries"), "1");
    let [accept] = named("accept")[..] else { panic!("{found:#?}") };
    let attempts = named("attempt");
    let outcomes: Vec<_> = attempts
        .iter()
        .map(|span| {
            assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
            assert_eq!(attribute(&span.attributes, "posthorn.endpoint"), endpoint);
            assert_eq!(attribute(&span.attributes, "server.address"), "127.0.0.1");
            let status = attribute(&span.attributes, "http.response.status_code");
            (attribute(&span.attributes, "posthorn.attempt"), status)
        })
        .collect();
    let outcomes: Vec<_> =
        outcomes.iter().map(|(n, status)| (n.as_str(), status.as_str())).collect();
    assert_eq!(outcomes, [("1", "500"), ("2", "200")]);
    assert_eq!(attribute(&attempts[0].attributes, "error.type"), "status");
    for child in [accept, attempts[0], attempts[1]] {
        assert_eq!(child.parent_span_id, root.span_id);
    }
    // What is the customer's stays out.
    let all = format!("{found:?}");
    assert!(!all.contains("secret=x") && !all.contains("private"), "{all}");
}

#[tokio::test]
async fn a_collector_that_is_away_is_no_deliverys_business() {
    let environment = vec![("POSTHORN_TRACES_COLLECTOR", closed_port_url())];
    let stack = Stack::with_environment(1.0, environment).await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoint = account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let event = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    account.delivery(&event, &endpoint, "delivered").await;
    eventually("a complaint", async || {
        let log = stack.log();
        let complains = log.iter().any(|line| line.contains("traces not sent"));
        if complains { Ok(()) } else { Err(log.join("\n")) }
    })
    .await;
}
