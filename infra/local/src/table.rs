//! Creates the table as the template describes it.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
};

use crate::template::{Keys, Table};

/// Creates the table, unless it is there.
///
/// # Errors
/// When DynamoDB refuses.
pub async fn create(dynamodb: &Client, table: &Table) -> Result<()> {
    let mut names: Vec<&str> = Vec::new();
    for key in std::iter::once(&table.key).chain(table.indexes.iter().map(|index| &index.key)) {
        names.extend([key.hash.as_str(), key.range.as_str()]);
    }
    let mut create = dynamodb
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(schema(&table.key)?));
    for name in names {
        let attribute = AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build()?;
        create = create.attribute_definitions(attribute);
    }
    for index in &table.indexes {
        let projection = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
        let index = GlobalSecondaryIndex::builder()
            .index_name(&index.name)
            .set_key_schema(Some(schema(&index.key)?))
            .projection(projection)
            .build()?;
        create = create.global_secondary_indexes(index);
    }
    match create.send().await {
        Ok(_) => {}
        Err(error)
            if error.as_service_error().is_some_and(|e| e.is_resource_in_use_exception()) =>
        {
            return Ok(());
        }
        Err(error) => return Err(error).context("can't create the table"),
    }
    let ttl = TimeToLiveSpecification::builder()
        .attribute_name(&table.ttl_attribute)
        .enabled(true)
        .build()?;
    dynamodb
        .update_time_to_live()
        .table_name(&table.name)
        .time_to_live_specification(ttl)
        .send()
        .await
        .context("can't turn on the table's TTL")?;
    Ok(())
}

fn schema(keys: &Keys) -> Result<Vec<KeySchemaElement>> {
    [(&keys.hash, KeyType::Hash), (&keys.range, KeyType::Range)]
        .into_iter()
        .map(|(name, kind)| {
            Ok(KeySchemaElement::builder().attribute_name(name).key_type(kind).build()?)
        })
        .collect()
}
