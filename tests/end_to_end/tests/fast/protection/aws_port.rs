//! The AWS port of the one-machine stack: for those who have its access key.

use std::process::Stdio;
use std::time::{Duration, SystemTime};

use posthorn_end_to_end::{Answer, AwsRequest, Client, Program, Stack, python};
use posthorn_shared::aws_endpoint::{AwsEndpoint, AwsKey};
use serde_json::{Value, json};
use tokio::process::Command;

/// What would leave something behind, by the service.
fn requests(stack: &Stack) -> Vec<AwsRequest> {
    let queue = stack.queue_url("operations");
    let item = json!({ "pk": { "S": "forged" }, "sk": { "S": "forged" } });
    let table = json!({ "TableName": "posthorn", "Item": item });
    let message = json!({ "QueueUrl": queue, "MessageBody": "forged" });
    let batch = json!([{ "Id": "1", "MessageBody": "forged" }]);
    let batch = json!({ "QueueUrl": queue, "Entries": batch });
    let target = json!({
        "Arn": "arn:aws:lambda:us-east-1:000000000000:function:forged",
        "RoleArn": "arn:aws:iam::000000000000:role/forged",
    });
    let schedule = json!({
        "GroupName": "posthorn",
        "ScheduleExpression": "rate(1 hour)",
        "FlexibleTimeWindow": { "Mode": "OFF" },
        "Target": target,
    });
    vec![
        AwsRequest::operation("DynamoDB_20120810.PutItem", table.to_string()),
        AwsRequest::operation("AmazonSQS.SendMessage", message.to_string()),
        AwsRequest::operation("AmazonSQS.SendMessageBatch", batch.to_string()),
        AwsRequest::rest("POST", "/schedules/forged", &schedule),
        AwsRequest::rest("POST", "/schedule-groups/forged", &json!({})),
        AwsRequest::rest("POST", "/_posthorn/meter/reset", &Value::Null),
    ]
}

async fn meter(stack: &Stack) -> Value {
    Client::new(&stack.aws_url, stack.aws_key.secret()).get("/_posthorn/meter").await
}

async fn assert_nothing_was_done(stack: &Stack) {
    let aws = stack.aws();
    let key = json!({ "pk": { "S": "forged" }, "sk": { "S": "forged" } });
    let get = json!({ "TableName": "posthorn", "Key": key });
    let get = AwsRequest::operation("DynamoDB_20120810.GetItem", get.to_string());
    let found = get.signed(&aws).send(&aws).await;
    assert_eq!((found.status, &found.json["Item"]), (200, &Value::Null), "{}", found.text);
    assert_eq!(stack.queue_depth("operations").await, 0);
    for path in ["/schedules/forged?groupName=posthorn", "/schedule-groups/forged"] {
        let found = AwsRequest::rest("GET", path, &Value::Null).signed(&aws).send(&aws).await;
        assert_eq!(found.status, 404, "{path}: {}", found.text);
    }
    assert!(meter(stack).await["calls"]["dynamodb"]["CreateTable"].is_object(), "the meter");
}

/// The name of the error, where the service that was asked writes it.
fn error(answer: &Answer) -> &str {
    let header = answer.headers.get("x-amzn-errortype").map(|name| name.to_str().expect("text"));
    let name = header.or_else(|| answer.json["__type"].as_str()).expect("an error");
    name.rsplit('#').next().expect("a name")
}

async fn assert_refused(stack: &Stack, request: &AwsRequest, expected: &str) {
    let answer = request.send(&stack.aws()).await;
    assert_eq!(answer.status, 403, "{request:?}: {}", answer.text);
    assert_eq!(error(&answer), expected, "{request:?}: {}", answer.text);
    let message = answer.json["message"].as_str().or_else(|| answer.json["Message"].as_str());
    assert!(message.is_some_and(|text| text.len() > 20), "{request:?}: {}", answer.text);
}

fn with(stack: &Stack, id: &str, secret: &str) -> AwsEndpoint {
    let key = format!("{id}:{secret}").parse().expect("an access key");
    AwsEndpoint { key, ..stack.aws() }
}

#[tokio::test]
async fn requests_without_the_access_key_are_refused_and_change_nothing() {
    let stack = Stack::start().await;
    let own = stack.aws();
    let other_secret = with(&stack, own.key.id(), "a-secret-that-no-stack-has");
    let other_key = with(&stack, "local", "a-secret-that-no-stack-has");
    // The id is not the secret, nor the other way round.
    let swapped = with(&stack, own.key.secret(), &own.key.id().repeat(2));
    for request in requests(&stack) {
        assert_refused(&stack, &request, "MissingAuthenticationTokenException").await;
        for (aws, expected) in [
            (&other_key, "UnrecognizedClientException"),
            (&swapped, "UnrecognizedClientException"),
            (&other_secret, "InvalidSignatureException"),
        ] {
            assert_refused(&stack, &request.clone().signed(aws), expected).await;
        }
        for token in ["", own.key.id(), "a-secret-that-no-stack-has"] {
            let bearer = request.clone().header("authorization", &format!("Bearer {token}"));
            assert_refused(&stack, &bearer, "IncompleteSignatureException").await;
        }
    }
    // The secret by itself is for the stack's own routes alone.
    let bearer = format!("Bearer {}", own.key.secret());
    for request in requests(&stack).iter().filter(|one| !one.path.starts_with("/_posthorn/")) {
        let request = request.clone().header("authorization", &bearer);
        assert_refused(&stack, &request, "IncompleteSignatureException").await;
    }
    assert_nothing_was_done(&stack).await;
}

#[tokio::test]
async fn a_signature_is_good_for_one_request_and_for_minutes() {
    let stack = Stack::start().await;
    let own = stack.aws();
    for request in requests(&stack) {
        for distance in [Duration::from_secs(3_600), Duration::from_secs(86_400)] {
            let now = SystemTime::now();
            for at in [now - distance, now + distance] {
                let request = request.clone().signed_at(&own, at);
                assert_refused(&stack, &request, "InvalidSignatureException").await;
            }
        }
        let signed = request.signed(&own);
        let changed = AwsRequest { body: format!("{} ", signed.body), ..signed.clone() };
        assert_refused(&stack, &changed, "InvalidSignatureException").await;
        let changed = AwsRequest { path: format!("{}?a=b", signed.path), ..signed.clone() };
        assert_refused(&stack, &changed, "InvalidSignatureException").await;
        let mut changed = signed.clone();
        for (name, value) in &mut changed.headers {
            if name == "x-amz-target" {
                *value = "AmazonSQS.PurgeQueue".to_owned();
            }
        }
        if changed.headers != signed.headers {
            assert_refused(&stack, &changed, "InvalidSignatureException").await;
        }
        // Not among the headers that are signed.
        let added = signed.clone().header("x-amz-security-token", "any");
        assert_refused(&stack, &added, "IncompleteSignatureException").await;
    }
    assert_nothing_was_done(&stack).await;
}

#[tokio::test]
async fn sqs_names_a_refusal_in_its_older_words_too() {
    let stack = Stack::start().await;
    let request = AwsRequest::operation("AmazonSQS.ListQueues", "{}");
    let other = with(&stack, "local", "a-secret-that-no-stack-has");
    let answer = request.signed(&other).send(&other).await;
    assert_eq!(answer.headers["x-amzn-query-error"], "InvalidClientTokenId;Sender");
    let config = stack.aws_config_with(&other.key).await;
    let refused = aws_sdk_sqs::Client::new(&config).list_queues().send().await;
    let refused = refused.expect_err("another key");
    assert_eq!(refused.raw_response().map(|answer| answer.status().as_u16()), Some(403));
}

#[tokio::test]
async fn signed_requests_do_what_they_say() {
    let stack = Stack::start().await;
    let aws = stack.aws();
    for request in requests(&stack) {
        let answer = request.signed(&aws).send(&aws).await;
        assert!((200..300).contains(&answer.status), "{}", answer.text);
    }
    assert_eq!(stack.queue_depth("operations").await, 2);
}

/// As it is in the README: nothing but the file.
#[tokio::test]
async fn boto_works_with_the_credentials_file() {
    let stack = Stack::start().await;
    let script = "
import sys, boto3
url, queue = sys.argv[1:]
client = lambda name: boto3.client(name, endpoint_url=url)
client('sqs').send_message(QueueUrl=queue, MessageBody='a message')
messages = client('sqs').receive_message(QueueUrl=queue)['Messages']
client('scheduler').create_schedule_group(Name='a-group_.x')
groups = client('scheduler').list_schedule_groups(NamePrefix='a-group_.x')['ScheduleGroups']
tables = client('dynamodb').list_tables()['TableNames']
print(messages[0]['Body'], any(group['Name'] == 'a-group_.x' for group in groups), tables)
";
    let mut command = Command::new(python());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(&name);
        }
    }
    let output = command
        .args(["-c", script, &stack.aws_url, &stack.queue_url("operations")])
        .env("AWS_SHARED_CREDENTIALS_FILE", stack.options.data_dir.join("aws-credentials"))
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("no_proxy", "127.0.0.1")
        .stderr(Stdio::inherit())
        .output()
        .await
        .expect("Python runs");
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).expect("text");
    assert_eq!(printed, "a message True ['posthorn']\n");
}

#[tokio::test]
async fn the_access_key_is_kept_or_given() {
    let mut stack = Stack::start().await;
    let first = stack.aws_key.clone();
    stack.kill9().await;
    stack.restart().await;
    assert_eq!((stack.aws_key.id(), stack.aws_key.secret()), (first.id(), first.secret()));

    let given = "given:the-secret-that-was-given";
    stack.options.environment.push(("POSTHORN_AWS_KEY", given.to_owned()));
    stack.kill9().await;
    stack.restart().await;
    let key: AwsKey = given.parse().expect("an access key");
    assert_eq!(stack.aws_key.id(), key.id());
    assert_eq!(stack.queue_depth("events").await, 0);
    stack.command(&["dlq", "list"]).await.expect("the key that was given");
    let former = AwsEndpoint { key: first, ..stack.aws() };
    let list = AwsRequest::operation("AmazonSQS.ListQueues", "{}").signed(&former);
    assert_refused(&stack, &list, "UnrecognizedClientException").await;

    // A file that holds something else is not replaced without being told.
    stack.options.environment.clear();
    stack.kill9().await;
    let data_dir = stack.options.data_dir.clone();
    std::fs::write(data_dir.join("aws-credentials"), "nothing").expect("a file");
    let ended = Program::new(&["serve"]).env("POSTHORN_DATA_DIR", &data_dir.to_string_lossy());
    let ended = ended.run().await;
    assert_eq!(ended.exit_code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("aws-credentials"), "{ended:?}");
}
