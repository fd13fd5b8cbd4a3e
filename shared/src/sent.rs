//! Requests to AWS, sent by functions that are compiled here.
//!
//! The SDK's `send` is an `async fn`, and what is awaited is compiled by whoever awaits it: each of the functions
//! would compile the SDK's machinery for every operation again, half a minute of each build.

use aws_sdk_dynamodb::error::SdkError;
use futures::future::BoxFuture;

/// A request that can be sent.
pub(crate) trait Sent {
    type Answer;
    type Error;

    /// As the SDK's `send`, boxed.
    fn sent(self) -> BoxFuture<'static, Result<Self::Answer, SdkError<Self::Error>>>;
}

macro_rules! sent {
    ($($sdk:ident :: $operation:ident :: { $builder:ident, $answer:ident, $error:ident },)*) => {
        $(impl Sent for $sdk::operation::$operation::builders::$builder {
            type Answer = $sdk::operation::$operation::$answer;
            type Error = $sdk::operation::$operation::$error;

            #[inline(never)]
            fn sent(self) -> BoxFuture<'static, Result<Self::Answer, SdkError<Self::Error>>> {
                Box::pin(self.send())
            }
        })*
    };
}

sent! {
    aws_sdk_dynamodb::batch_get_item::{BatchGetItemFluentBuilder, BatchGetItemOutput, BatchGetItemError},
    aws_sdk_dynamodb::batch_write_item::{BatchWriteItemFluentBuilder, BatchWriteItemOutput, BatchWriteItemError},
    aws_sdk_dynamodb::delete_item::{DeleteItemFluentBuilder, DeleteItemOutput, DeleteItemError},
    aws_sdk_dynamodb::get_item::{GetItemFluentBuilder, GetItemOutput, GetItemError},
    aws_sdk_dynamodb::put_item::{PutItemFluentBuilder, PutItemOutput, PutItemError},
    aws_sdk_dynamodb::query::{QueryFluentBuilder, QueryOutput, QueryError},
    aws_sdk_dynamodb::transact_write_items::{TransactWriteItemsFluentBuilder, TransactWriteItemsOutput, TransactWriteItemsError},
    aws_sdk_dynamodb::update_item::{UpdateItemFluentBuilder, UpdateItemOutput, UpdateItemError},
    aws_sdk_scheduler::create_schedule::{CreateScheduleFluentBuilder, CreateScheduleOutput, CreateScheduleError},
    aws_sdk_secretsmanager::get_secret_value::{GetSecretValueFluentBuilder, GetSecretValueOutput, GetSecretValueError},
    aws_sdk_secretsmanager::put_secret_value::{PutSecretValueFluentBuilder, PutSecretValueOutput, PutSecretValueError},
    aws_sdk_sqs::send_message_batch::{SendMessageBatchFluentBuilder, SendMessageBatchOutput, SendMessageBatchError},
}
