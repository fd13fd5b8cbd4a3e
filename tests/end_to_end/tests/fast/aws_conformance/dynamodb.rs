//! DynamoDB: only what lies between the wire and the library, which has its own conformance
//! suite against AWS, and the meter.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, ConditionCheck, KeySchemaElement, KeyType,
    Put, PutRequest, ReturnConsumedCapacity, ScalarAttributeType, TransactWriteItem, Update,
    WriteRequest,
};
use serde_json::json;

use super::endpoint::{Endpoint, ours, own_routes, post};

async fn table(endpoint: &Endpoint) {
    let key = |name: &str, kind| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("a key")
    };
    let text = |name: &str| {
        let definition = AttributeDefinition::builder().attribute_name(name);
        definition.attribute_type(ScalarAttributeType::S).build().expect("a definition")
    };
    let create = endpoint.dynamodb.create_table().table_name("table");
    let create = create.billing_mode(BillingMode::PayPerRequest);
    let create = create.key_schema(key("pk", KeyType::Hash)).key_schema(key("sk", KeyType::Range));
    let create = create.attribute_definitions(text("pk")).attribute_definitions(text("sk"));
    create.send().await.expect("a table");
}

fn put(sk: &str) -> WriteRequest {
    let put = PutRequest::builder()
        .item("pk", AttributeValue::S("p".to_owned()))
        .item("sk", AttributeValue::S(sk.to_owned()))
        .build()
        .expect("a put");
    WriteRequest::builder().put_request(put).build()
}

#[tokio::test]
async fn units_are_metered_and_shown_to_those_who_ask() {
    let endpoint = ours().await;
    table(&endpoint).await;
    let batch = || {
        let items = (0..10).map(|sk| put(&sk.to_string())).collect();
        endpoint.dynamodb.batch_write_item().request_items("table", items)
    };
    let silent = batch().send().await.expect("a batch");
    assert!(silent.consumed_capacity().is_empty());
    let open = batch().return_consumed_capacity(ReturnConsumedCapacity::Total);
    let open = open.send().await.expect("a batch");
    assert_eq!(open.consumed_capacity()[0].capacity_units(), Some(10.0));
    let query = endpoint.dynamodb.query().table_name("table").key_condition_expression("pk = :p");
    let query = query.expression_attribute_values(":p", AttributeValue::S("p".to_owned()));
    assert_eq!(query.send().await.expect("a query").items().len(), 10);

    let meter = own_routes(&endpoint).get("/_posthorn/meter").await;
    assert_eq!(meter["dynamodb"]["write_units"], 20.0);
    assert_eq!(meter["dynamodb"]["read_units"], 0.5);
    assert_eq!(meter["calls"]["dynamodb"]["BatchWriteItem"]["calls"], 2);
    own_routes(&endpoint).post("/_posthorn/meter/reset", json!({})).await;
    let meter = own_routes(&endpoint).get("/_posthorn/meter").await;
    assert_eq!(meter["calls"], json!({}));
}

#[tokio::test]
async fn a_condition_that_fails_is_told_apart() {
    let endpoint = ours().await;
    table(&endpoint).await;
    let put = || {
        endpoint
            .dynamodb
            .put_item()
            .table_name("table")
            .item("pk", AttributeValue::S("p".to_owned()))
            .item("sk", AttributeValue::S("s".to_owned()))
            .condition_expression("attribute_not_exists(pk)")
            .send()
    };
    put().await.expect("the first");
    let error = put().await.expect_err("the second");
    assert!(error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()));
    let missing = endpoint.dynamodb.get_item().table_name("missing");
    let missing = missing.key("pk", AttributeValue::S("p".to_owned())).send().await;
    let code = missing.expect_err("no table").code().map(str::to_owned);
    assert_eq!(code.as_deref(), Some("ResourceNotFoundException"));
}

/// Which conditions of a transaction did not hold is told step by step, and nothing was done.
#[tokio::test]
async fn a_transaction_says_which_of_its_conditions_failed() {
    let endpoint = ours().await;
    table(&endpoint).await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: u32| AttributeValue::N(number.to_string());
    let transact = async |there: &str, limit: u32, new: &str| {
        let check = ConditionCheck::builder().table_name("table").key("pk", text(there));
        let check = check.key("sk", text("s")).condition_expression("attribute_exists(pk)");
        let update = Update::builder().table_name("table").key("pk", text("counter"));
        let update = update.key("sk", text("s")).update_expression("ADD n :n, r :n SET u = :n");
        let update = update.condition_expression("attribute_not_exists(n) OR n < :limit");
        let update = update.expression_attribute_values(":limit", number(limit));
        let update = update.expression_attribute_values(":n", number(1));
        let put = Put::builder().table_name("table").item("pk", text(new)).item("sk", text("s"));
        let put = put.condition_expression("attribute_not_exists(pk)");
        let step = TransactWriteItem::builder;
        let answer = endpoint
            .dynamodb
            .transact_write_items()
            .transact_items(step().condition_check(check.build().expect("a check")).build())
            .transact_items(step().update(update.build().expect("an update")).build())
            .transact_items(step().put(put.build().expect("a put")).build())
            .send()
            .await;
        let Err(error) = answer else { return Vec::new() };
        match error.into_service_error() {
            TransactWriteItemsError::TransactionCanceledException(error) => {
                let reasons = error.cancellation_reasons().iter();
                reasons.map(|reason| reason.code().unwrap_or_default().to_owned()).collect()
            }
            other => panic!("{other:?}"),
        }
    };
    let (failed, held) = ("ConditionalCheckFailed", "None");
    assert_eq!(transact("nobody", 2, "a").await, [failed, held, held]);
    let put = endpoint.dynamodb.put_item().table_name("table");
    put.item("pk", text("account")).item("sk", text("s")).send().await.expect("a put");
    assert_eq!(transact("account", 2, "a").await, Vec::<String>::new());
    assert_eq!(transact("account", 2, "a").await, [held, held, failed]);
    assert_eq!(transact("account", 2, "b").await, Vec::<String>::new());
    assert_eq!(transact("account", 2, "c").await, [held, failed, held]);
    let get = endpoint.dynamodb.get_item().table_name("table").key("pk", text("counter"));
    let counter =
        get.key("sk", text("s")).send().await.expect("an item").item.expect("it is there");
    assert_eq!(counter["n"], number(2));
}

#[tokio::test]
async fn malformed_requests_get_an_error_in_the_shape_of_aws() {
    let endpoint = ours().await;
    for (target, body) in [
        ("DynamoDB_20120810.PutItem", "{"),
        ("DynamoDB_20120810.PutItem", "[]"),
        ("DynamoDB_20120810.PutItem", ""),
        ("DynamoDB_20120810.PutItem", r#"{"TableName":"table","Item":{"pk":{"S":1}}}"#),
        ("DynamoDB_20120810.PutItem", r#"{"TableName":"table","Item":{"pk":{"NULL":false}}}"#),
        ("DynamoDB_20120810.Nonsense", "{}"),
        ("AmazonSQS.SendMessage", "{"),
        ("AmazonSQS.SendMessage", "\u{7f}"),
        ("AmazonSQS.SendMessage", "{}"),
        ("AmazonSQS.SendMessageBatch", r#"{"QueueUrl":"q","Entries":1}"#),
        ("AmazonSQS.Nonsense", "{}"),
        ("", ""),
    ] {
        let (status, answer) = post(&endpoint, "/", target, body).await;
        assert!((400..500).contains(&status), "{target} {body}: {status}");
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        assert!(answer["__type"].is_string(), "{target} {body}: {answer}");
        assert!(!answer.to_string().contains("VALIDATION"), "{answer}");
    }
    let (status, answer) = post(&endpoint, "/schedules/s", "", "{").await;
    assert_eq!(status, 400, "{answer}");
}
