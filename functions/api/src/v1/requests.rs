//! The bodies of requests, as the API's description shows them. They are read field by field (see
//! [`crate::fields`]), so that everything that is wrong with one is told at once; the tests hold
//! the description to what is read.
#![expect(dead_code, reason = "these types describe, nothing is made of them")]

use std::collections::BTreeMap;

use jiff::Timestamp;
use posthorn_shared::account::Limits;
use posthorn_shared::api_key::Scope;
use posthorn_shared::header_rules::PLAIN;
use posthorn_shared::ids::{AccountId, EventTypeName, ProducerEventId};
use posthorn_shared::portal_settings::PortalSettings;
use posthorn_shared::rate_limit::RateLimit;
use posthorn_shared::retry_policy::RetryPolicy;
use posthorn_shared::subscription::Subscription;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, Ref, SchemaType, Type,
};
use utoipa::openapi::{RefOr, Schema};

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "id": "acme", "name": "Acme Ltd" }))]
pub struct NewAccount {
    /// Made up where none is given.
    id: Option<AccountId>,
    #[schema(min_length = 1, max_length = 256)]
    name: String,
    /// How its deliveries look and behave: a name from `GET /v1/dialects`, where those of the
    /// deployment's own stand, too.
    #[schema(schema_with = dialect_name)]
    dialect: Option<String>,
    limits: Option<Limits>,
    /// In the dialect's place, for endpoints that have none of their own.
    retry: Option<RetryPolicy>,
    /// In the dialect's place, for endpoints that have none of their own.
    #[schema(minimum = 1, maximum = 30)]
    timeout_seconds: Option<u64>,
    portal: Option<PortalSettings>,
}

/// What changes of an account; the rest stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Acme plc" }))]
pub struct AccountPatch {
    #[schema(min_length = 1, max_length = 256)]
    name: Option<String>,
    #[schema(schema_with = dialect_name)]
    dialect: Option<String>,
    limits: Option<Limits>,
    /// In the dialect's place; null: the dialect's again.
    retry: Option<RetryPolicy>,
    /// In the dialect's place; null: the dialect's again.
    #[schema(minimum = 1, maximum = 30)]
    timeout_seconds: Option<u64>,
    /// `null`: the portal is shown in no frame.
    portal: Option<PortalSettings>,
}

/// A new API key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "ingest", "scopes": ["publish"] }))]
pub struct NewKey {
    /// What people call it.
    #[schema(min_length = 1, max_length = 256)]
    name: String,
    /// `manage` includes the other two.
    #[schema(min_items = 1, max_items = 3)]
    scopes: Vec<Scope>,
}

/// A link that opens the portal.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "expires_in": 3600 }))]
pub struct NewPortalSession {
    /// Seconds; an hour where nothing is said.
    #[schema(minimum = 60, maximum = 604_800)]
    expires_in: Option<u32>,
}

/// A new event type.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "vault.created",
    "description": "A vault was created",
    "schema": { "type": "object", "required": ["vaultId"],
        "properties": { "vaultId": { "type": "string" } } },
    "example": { "vaultId": "vault_xyz789" }
}))]
pub struct NewEventType {
    name: EventTypeName,
    #[schema(max_length = 1024)]
    description: Option<String>,
    #[schema(schema_with = json_schema)]
    schema: Option<Value>,
    /// Data of such an event, at most 16 KiB; valid by the schema.
    example: Option<Map<String, Value>>,
}

/// What changes of an event type. Schema and example are replaced, not merged into.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "description": "A vault was created, or restored" }))]
pub struct EventTypePatch {
    #[schema(max_length = 1024)]
    description: Option<String>,
    #[schema(schema_with = json_schema)]
    schema: Option<Value>,
    example: Option<Map<String, Value>>,
}

/// A new endpoint.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "url": "https://example.com/hooks",
    "event_types": ["vault.*"],
    "filter": { "data": { "vaultId": ["vault_xyz789"] } }
}))]
pub struct NewEndpoint {
    #[schema(schema_with = endpoint_url)]
    url: String,
    #[schema(max_length = 1024)]
    description: Option<String>,
    /// At most 50 keys of at most 64 bytes; values of at most 500 bytes.
    metadata: Option<BTreeMap<String, String>>,
    /// Empty or absent: all.
    #[schema(max_items = 100)]
    event_types: Option<Vec<Subscription>>,
    #[schema(schema_with = filter)]
    filter: Option<Value>,
    #[schema(schema_with = headers)]
    headers: Option<BTreeMap<String, String>>,
    /// `whsec_<base64 of 24 to 64 bytes>`, or `whsk_<base64 of an Ed25519 private key>`; made up
    /// where none is given.
    #[schema(schema_with = secret)]
    secret: Option<String>,
    /// How long an attempt may take; the dialect says where nothing is said.
    #[schema(minimum = 1, maximum = 30)]
    timeout_seconds: Option<u64>,
    /// The dialect's where nothing is said.
    retry: Option<RetryPolicy>,
    rate_limit: Option<RateLimit>,
    /// Off: no new deliveries, retries are cancelled.
    active: Option<bool>,
}

/// What changes of an endpoint: `headers` and `metadata` are merged into, everything else is
/// replaced. The secret is replaced by a rotation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "active": false }))]
pub struct EndpointPatch {
    #[schema(schema_with = endpoint_url)]
    url: Option<String>,
    #[schema(max_length = 1024)]
    description: Option<String>,
    /// `null` removes a key.
    metadata: Option<BTreeMap<String, Option<String>>>,
    #[schema(max_items = 100)]
    event_types: Option<Vec<Subscription>>,
    #[schema(schema_with = filter)]
    filter: Option<Value>,
    /// `null` removes a header; `"***"`, as it is shown, keeps its value. When the URL goes to another
    /// scheme, host or port, a header that reads `***` is removed unless its value is set.
    #[schema(schema_with = headers)]
    headers: Option<BTreeMap<String, String>>,
    #[schema(minimum = 1, maximum = 30)]
    timeout_seconds: Option<u64>,
    retry: Option<RetryPolicy>,
    rate_limit: Option<RateLimit>,
    active: Option<bool>,
}

/// How to replace a secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "overlap_seconds": 86_400 }))]
pub struct Rotation {
    /// Made up where none is given.
    #[schema(schema_with = secret)]
    secret: Option<String>,
    /// Seconds that the former secret goes on signing beside the new one; a day where nothing is
    /// said.
    #[schema(maximum = 604_800)]
    overlap_seconds: Option<u32>,
}

/// A test send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "event_type": "vault.created", "data": { "vaultId": "vault_1" } }))]
pub struct TestSend {
    event_type: EventTypeName,
    /// The catalog's example where none is given.
    data: Option<Map<String, Value>>,
}

/// A window of time.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "since": "2026-11-20T00:00:00Z" }))]
pub struct Window {
    /// Events received at or after.
    since: Timestamp,
    /// Events received before; now where nothing is said.
    until: Option<Timestamp>,
}

/// An event.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "type": "vault.created", "data": { "vaultId": "vault_xyz789" } }))]
pub struct NewEvent {
    /// The producer's own, by which it can send the event again without its becoming two.
    id: Option<ProducerEventId>,
    r#type: EventTypeName,
    /// Now, where nothing is said.
    timestamp: Option<Timestamp>,
    /// At most 256 KiB, 120 levels deep. Receivers get it byte for byte.
    data: Map<String, Value>,
}

/// Several events.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "events": [
    { "type": "vault.created", "data": { "vaultId": "vault_1" } },
    { "type": "vault.created", "data": { "vaultId": "vault_2" } }
] }))]
pub struct NewEvents {
    #[schema(min_items = 1, max_items = 100)]
    events: Vec<NewEvent>,
}

/// One event, or several.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub enum OneOrMoreEvents {
    One(NewEvent),
    More(NewEvents),
}

fn nullable(kind: Type) -> SchemaType {
    SchemaType::Array(vec![kind, Type::Null])
}

fn dialect_name() -> Schema {
    ObjectBuilder::new()
        .schema_type(nullable(Type::String))
        .enum_values(Some([
            json!("standard"),
            json!("beltic"),
            json!("filedgr"),
            json!("flexorch"),
            json!("flowcode"),
            json!("fltr"),
            Value::Null,
        ]))
        .into()
}

fn endpoint_url() -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(
            "https; without user name and password, without fragment, not a private address",
        ))
        .pattern(Some("^https://"))
        .max_length(Some(2048))
        .examples(["https://example.com/hooks"])
        .into()
}

fn secret() -> Schema {
    ObjectBuilder::new()
        .schema_type(nullable(Type::String))
        // 24 to 63 bytes of base64 without padding.
        .pattern(Some("^whsec_([A-Za-z0-9+/]{4}){8,21}$"))
        .examples(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
        .into()
}

fn headers() -> Schema {
    let value = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[!-~]([ -~]{0,500}[!-~])?$"))
        .max_length(Some(4096));
    let name =
        ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[Xx]-[a-z0-9-]{1,60}$"));
    ObjectBuilder::new()
        .schema_type(nullable(Type::Object))
        .description(Some(format!(
            "Extra request headers, at most 20: of any name but those that HTTP or the signature \
             needs. Values are not shown again and read ***, except for the names {}.",
            PLAIN.join(", ")
        )))
        .property_names(Some(name))
        .additional_properties(Some(AdditionalProperties::RefOr(RefOr::T(value.into()))))
        .max_properties(Some(20))
        .examples([json!({ "X-Environment": "staging" })])
        .into()
}

fn json_schema() -> Schema {
    const DESCRIPTION: &str = "JSON Schema 2020-12 of the events' data, at most 64 KiB. It refers to \
        nothing outside itself. `format` is an annotation, as the specification has it. With \
        references followed it has at most 10,000 schemas, 200 of them inside one another. It has at \
        most 50 patterns (8,192 bytes in all; no look-around, no back-references), each of at most \
        256 KiB when compiled, and all of it has at most 2 MiB. An event whose check would take more \
        than 2,000,000 steps is refused as one that does not match.";
    ObjectBuilder::new()
        .schema_type(SchemaType::Array(vec![Type::Object, Type::Boolean, Type::Null]))
        .description(Some(DESCRIPTION))
        .examples([json!({ "type": "object", "required": ["vaultId"] })])
        .into()
}

fn filter() -> Schema {
    OneOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .item(Ref::from_schema_name("Filter"))
        .into()
}

/// A content filter in EventBridge pattern syntax over the event, at most 4 KiB: values in a list
/// are alternatives, fields beside one another must all match. `prefix`, `suffix`, `anything-but`,
/// `numeric`, `exists`, `equals-ignore-case`, `cidr`, `wildcard` and `$or` are known.
pub struct Filter;

impl utoipa::PartialSchema for Filter {
    fn schema() -> RefOr<Schema> {
        let text = || ObjectBuilder::new().schema_type(Type::String).max_length(Some(100));
        let operator = |name: &str, value: ObjectBuilder| {
            ObjectBuilder::new()
                .schema_type(Type::Object)
                .property(name, value)
                .required(name)
                .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
        };
        let alternative = OneOfBuilder::new()
            .item(text())
            .item(
                ObjectBuilder::new()
                    .schema_type(SchemaType::Array(vec![Type::Boolean, Type::Null])),
            )
            .item(operator("prefix", text().min_length(Some(1))))
            .item(operator("suffix", text().min_length(Some(1))))
            .item(operator("exists", ObjectBuilder::new().schema_type(Type::Boolean)));
        let alternatives =
            ArrayBuilder::new().items(alternative).min_items(Some(1)).max_items(Some(5));
        let field = OneOfBuilder::new().item(alternatives).item(Ref::from_schema_name("Filter"));
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(
                "A content filter in EventBridge pattern syntax over the event, at most 4 KiB: \
                 values in a list are alternatives, fields beside one another must all match. \
                 Besides what is described here, anything-but, numeric, equals-ignore-case, \
                 cidr, wildcard and $or are known, as in EventBridge. All filters of an account \
                 together may take 10,000,000 steps for one event; of an endpoint for which these \
                 are not enough, the delivery fails with the error filter.",
            ))
            .property_names(Some(
                ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[A-Za-z_]{1,40}$")),
            ))
            .additional_properties(Some(AdditionalProperties::RefOr(RefOr::T(Schema::from(field)))))
            .min_properties(Some(1))
            .max_properties(Some(4))
            .examples([json!({ "data": { "vaultId": ["vault_xyz789"] } })])
            .into()
    }
}

impl ToSchema for Filter {}
