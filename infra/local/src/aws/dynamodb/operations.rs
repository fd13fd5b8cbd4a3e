//! DynamoDB's operations by name.

use bytes::Bytes;
use dynoxide::Database;
use dynoxide::actions::{
    batch_execute_statement, batch_get_item, batch_write_item, delete_item, execute_statement,
    execute_transaction, get_item, put_item, query, scan, transact_get_items, transact_write_items,
    update_item,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::capacity::{AsksCapacity, ReportsCapacity, force_report};
use super::puts::{Puts, Written};
use super::{DynamoDb, Work, failure};
use crate::aws::http::Answer;
use crate::aws::meter::Capacity;

/// The answer to a batch of which nothing is left.
const ALL_PROCESSED: &[u8] = br#"{"UnprocessedItems":{}}"#;

/// Which of the two units an operation consumes.
#[derive(Clone, Copy)]
enum Unit {
    Read,
    Write,
}

macro_rules! report_capacity {
    ($($module:ident :: $request:ident -> $response:ident;)*) => {$(
        impl AsksCapacity for $module::$request {
            fn mode(&mut self) -> &mut Option<String> {
                &mut self.return_consumed_capacity
            }
        }
        impl ReportsCapacity for $module::$response {
            fn take_units(&mut self, keep: bool) -> f64 {
                self.consumed_capacity.take_units(keep)
            }
        }
    )*};
}

report_capacity! {
    batch_execute_statement::BatchExecuteStatementRequest -> BatchExecuteStatementResponse;
    batch_get_item::BatchGetItemRequest -> BatchGetItemResponse;
    batch_write_item::BatchWriteItemRequest -> BatchWriteItemResponse;
    delete_item::DeleteItemRequest -> DeleteItemResponse;
    execute_statement::ExecuteStatementRequest -> ExecuteStatementResponse;
    execute_transaction::ExecuteTransactionRequest -> ExecuteTransactionResponse;
    get_item::GetItemRequest -> GetItemResponse;
    put_item::PutItemRequest -> PutItemResponse;
    query::QueryRequest -> QueryResponse;
    scan::ScanRequest -> ScanResponse;
    transact_get_items::TransactGetItemsRequest -> TransactGetItemsResponse;
    transact_write_items::TransactWriteItemsRequest -> TransactWriteItemsResponse;
    update_item::UpdateItemRequest -> UpdateItemResponse;
}

impl DynamoDb {
    /// Does one operation and answers as DynamoDB does.
    pub async fn answer(&self, operation: &str, body: Bytes) -> Answer {
        use Unit::{Read, Write};
        let result = match operation {
            "BatchGetItem" => self.metered(Read, &body, Database::batch_get_item).await,
            "BatchWriteItem" => self.batch_write_item(&body).await,
            "DeleteItem" => self.metered(Write, &body, Database::delete_item).await,
            "GetItem" => self.metered(Read, &body, Database::get_item).await,
            "PutItem" => self.metered(Write, &body, Database::put_item).await,
            "Query" => self.metered(Read, &body, Database::query).await,
            "Scan" => self.metered(Read, &body, Database::scan).await,
            "TransactGetItems" => self.metered(Read, &body, Database::transact_get_items).await,
            "TransactWriteItems" => {
                self.metered(Write, &body, Database::transact_write_items).await
            }
            "UpdateItem" => self.metered(Write, &body, Database::update_item).await,
            // PartiQL may read or write; Posthorn does not use it, so one unit is as good as another.
            "BatchExecuteStatement" => {
                self.metered(Write, &body, Database::batch_execute_statement).await
            }
            "ExecuteStatement" => self.metered(Write, &body, Database::execute_statement).await,
            "ExecuteTransaction" => self.metered(Write, &body, Database::execute_transaction).await,
            "CreateTable" => self.plain(&body, Database::create_table).await,
            "DeleteTable" => self.plain(&body, Database::delete_table).await,
            "DescribeTable" => self.plain(&body, Database::describe_table).await,
            "DescribeTimeToLive" => self.plain(&body, Database::describe_time_to_live).await,
            "ListTables" => self.plain(&body, Database::list_tables).await,
            "ListTagsOfResource" => self.plain(&body, Database::list_tags_of_resource).await,
            "TagResource" => self.plain(&body, Database::tag_resource).await,
            "UntagResource" => self.plain(&body, Database::untag_resource).await,
            "UpdateTable" => self.plain(&body, Database::update_table).await,
            "UpdateTimeToLive" => self.plain(&body, Database::update_time_to_live).await,
            "DescribeStream" => self.plain(&body, Database::describe_stream).await,
            "GetRecords" => self.plain(&body, Database::get_records).await,
            "GetShardIterator" => self.plain(&body, Database::get_shard_iterator).await,
            "ListStreams" => self.plain(&body, Database::list_streams).await,
            _ => return failure::unknown_operation(),
        };
        self.inner.meter.call("dynamodb", operation);
        match result {
            Ok(body) => Answer::json(200, body),
            Err(error) => {
                self.inner.meter.error("dynamodb", operation);
                failure::answer(operation, error)
            }
        }
    }

    async fn batch_write_item(&self, body: &Bytes) -> dynoxide::Result<Vec<u8>> {
        if let Some((puts, written)) = Puts::read(body)
            && self.inner.work.send(Work::Puts(puts)).is_ok()
            && let Ok(Written::Units(units)) = written.await
        {
            self.inner.meter.dynamodb_units(Capacity { read_units: 0.0, write_units: units });
            return Ok(ALL_PROCESSED.to_vec());
        }
        self.metered(Unit::Write, body, Database::batch_write_item).await
    }

    async fn metered<Request, Response>(
        &self,
        unit: Unit,
        body: &[u8],
        operation: fn(&Database, Request) -> dynoxide::Result<Response>,
    ) -> dynoxide::Result<Vec<u8>>
    where
        Request: DeserializeOwned + AsksCapacity + Send + 'static,
        Response: Serialize + ReportsCapacity + Send + 'static,
    {
        let mut request: Request = parse(body)?;
        let wanted = force_report(&mut request);
        let mut response = self.run(move |database| operation(database, request)).await?;
        let units = response.take_units(wanted);
        self.inner.meter.dynamodb_units(match unit {
            Unit::Read => Capacity { read_units: units, write_units: 0.0 },
            Unit::Write => Capacity { read_units: 0.0, write_units: units },
        });
        render(&response)
    }

    async fn plain<Request, Response>(
        &self,
        body: &[u8],
        operation: fn(&Database, Request) -> dynoxide::Result<Response>,
    ) -> dynoxide::Result<Vec<u8>>
    where
        Request: DeserializeOwned + Send + 'static,
        Response: Serialize + Send + 'static,
    {
        let request: Request = parse(body)?;
        render(&self.run(move |database| operation(database, request)).await?)
    }
}

pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> dynoxide::Result<T> {
    serde_json::from_slice(body).map_err(|error| failure::unreadable(&error))
}

fn render<T: Serialize>(response: &T) -> dynoxide::Result<Vec<u8>> {
    serde_json::to_vec(response)
        .map_err(|error| dynoxide::DynoxideError::InternalServerError(error.to_string()))
}
