//! The event catalogs: an account's own, and that of all accounts, which shows through where the
//! account has no entry of the same name.

use posthorn_shared::dialect::BuiltInType;
use posthorn_shared::event_type::{CatalogOwner, EventType};
use posthorn_shared::ids::EventTypeName;
use posthorn_shared::operational;
use posthorn_shared::problem::Problem;
use posthorn_shared::schema::{MAX_SCHEMA_BYTES, Schema};
use posthorn_shared::store::{Created, Page};
use posthorn_shared::tenant::Tenant;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::fields::Fields;
use crate::operations::endpoints;
use crate::problem::Refusal;
use crate::state::ApiState;

/// Bytes of an example.
const MAX_EXAMPLE_BYTES: usize = 16 * 1024;
const MAX_DESCRIPTION: usize = 1_024;

/// An event type, and where it comes from.
pub struct Entry {
    pub event_type: EventType,
    pub origin: Origin,
}

/// Where an event type comes from; the first goes before the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The account's own.
    Account,
    /// The catalog of all accounts.
    AllAccounts,
    /// The account's dialect brings it along.
    Dialect,
}

impl From<&CatalogOwner> for Origin {
    fn from(owner: &CatalogOwner) -> Self {
        match owner {
            CatalogOwner::Account(_) => Self::Account,
            CatalogOwner::Everyone => Self::AllAccounts,
        }
    }
}

/// What is decided about an event type.
struct Wish {
    description: String,
    schema: Option<Value>,
    example: Option<Value>,
}

/// Adds an event type.
pub async fn create(
    state: &ApiState,
    owner: CatalogOwner,
    mut fields: Fields,
) -> Result<Entry, Refusal> {
    let name: Option<EventTypeName> = fields.required_parsed("name");
    if name.as_ref().is_some_and(operational::is_operational) {
        fields.problem("/name", "begins otherwise: posthorn. is for Posthorn's own events");
    }
    let Wish { description, schema, example } = read(state, &owner, fields).await?;
    let Some(name) = name else {
        return Err(Refusal::Fault);
    };
    let limit = match &owner {
        CatalogOwner::Account(account) => {
            endpoints::dialect(state, account).await?.limits.max_event_types()
        }
        CatalogOwner::Everyone => u32::MAX,
    };
    let now = state.runtime.clock.now();
    let event_type =
        EventType { name, description, schema, example, created_at: now, updated_at: now };
    match state.store.create_event_type(&owner, &event_type, limit).await? {
        Created::Done => Ok(Entry { event_type, origin: Origin::from(&owner) }),
        Created::NoAccount => Err(Refusal::Unknown("account")),
        Created::Taken => {
            Err(Refusal::Conflict(format!("the catalog has {} already", event_type.name)))
        }
        Created::Full => Err(Refusal::Conflict(format!(
            "the catalog has its {limit} event types; delete one, or have limits.event_types raised"
        ))),
    }
}

/// Changes an event type by a JSON Merge Patch. Schema and example are values of their own: they
/// are replaced, not merged into.
pub async fn change(
    state: &ApiState,
    owner: CatalogOwner,
    name: &str,
    patch: &Map<String, Value>,
) -> Result<Entry, Refusal> {
    let name: EventTypeName = name.parse().map_err(|_| unknown())?;
    let now = state.runtime.clock.now();
    let whose = &owner;
    let change = |known: EventType| {
        let mut merged = Map::new();
        merged.insert("description".to_owned(), json!(known.description));
        merged.insert("schema".to_owned(), json!(known.schema));
        merged.insert("example".to_owned(), json!(known.example));
        merged.extend(patch.clone());
        async move {
            let wish = read(state, whose, Fields::of(merged)).await?;
            let Wish { description, schema, example } = wish;
            Ok::<_, Refusal>(EventType { description, schema, example, updated_at: now, ..known })
        }
    };
    let changed = state.store.change_event_type(&owner, &name, change).await?;
    match Refusal::of_change(changed, "event type") {
        Ok(event_type) => Ok(Entry { event_type, origin: Origin::from(&owner) }),
        Err(refusal) => Err(not_the_accounts(state, &owner, &name).await?.unwrap_or(refusal)),
    }
}

/// Removes an event type.
pub async fn remove(state: &ApiState, owner: CatalogOwner, name: &str) -> Result<(), Refusal> {
    let name: EventTypeName = name.parse().map_err(|_| unknown())?;
    if state.store.event_type(&owner, &name).await?.is_none() {
        return Err(not_the_accounts(state, &owner, &name).await?.unwrap_or_else(unknown));
    }
    Ok(state.store.delete_event_type(&owner, &name).await?)
}

/// The event type, as it counts for the owner.
pub async fn find(state: &ApiState, owner: CatalogOwner, name: &str) -> Result<Entry, Refusal> {
    let name: EventTypeName = name.parse().map_err(|_| unknown())?;
    first_of(state, owner, &name).await?.ok_or_else(unknown)
}

/// The entry that counts for an account's events of this type.
pub async fn known(
    state: &ApiState,
    account: &Tenant,
    name: &EventTypeName,
) -> Result<Option<Entry>, Refusal> {
    first_of(state, CatalogOwner::Account(account.clone()), name).await
}

async fn first_of(
    state: &ApiState,
    owner: CatalogOwner,
    name: &EventTypeName,
) -> Result<Option<Entry>, Refusal> {
    for owner in [&owner, &CatalogOwner::Everyone] {
        if let Some(event_type) = state.store.event_type(owner, name).await? {
            return Ok(Some(Entry { event_type, origin: Origin::from(owner) }));
        }
    }
    let built_in = built_in(state, &owner).await?;
    Ok(built_in.into_iter().find(|entry| entry.event_type.name == *name))
}

/// What the account's dialect brings along.
async fn built_in(state: &ApiState, owner: &CatalogOwner) -> Result<Vec<Entry>, Refusal> {
    let CatalogOwner::Account(account) = owner else {
        return Ok(Vec::new());
    };
    let dialect = endpoints::dialect(state, account).await?;
    let entry = |known: &BuiltInType| Entry {
        event_type: known.event_type.clone(),
        origin: Origin::Dialect,
    };
    Ok(dialect.event_types().iter().map(entry).collect())
}

/// The event types that count for the owner, by name.
pub async fn list(
    state: &ApiState,
    owner: &CatalogOwner,
    limit: usize,
    after: Option<&str>,
) -> Result<Page<Entry>, Refusal> {
    let owners = match owner {
        CatalogOwner::Everyone => vec![owner],
        CatalogOwner::Account(_) => vec![owner, &CatalogOwner::Everyone],
    };
    let mut items = Vec::new();
    // Up to which name all of them are known: a page may end before its limit.
    let mut known_to: Option<String> = None;
    for owner in owners {
        let page = state.store.event_types(owner, limit, after).await?;
        if let Some(next) = page.next {
            known_to = Some(known_to.map_or(next.clone(), |known| known.min(next)));
        }
        let entries = page.items.into_iter();
        let origin = Origin::from(owner);
        items.extend(entries.map(|event_type| Entry { event_type, origin }));
    }
    let built_in = built_in(state, owner).await?.into_iter();
    items.extend(
        built_in.filter(|entry| after.is_none_or(|after| entry.event_type.name.as_str() > after)),
    );
    // Stable: an account's own entry stays before everyone's, and goes in its place.
    items.sort_by(|a, b| a.event_type.name.cmp(&b.event_type.name));
    items.dedup_by(|later, first| later.event_type.name == first.event_type.name);
    let more = items.len() > limit || known_to.is_some();
    if let Some(known) = known_to {
        items.retain(|entry| entry.event_type.name.as_str() <= known.as_str());
    }
    items.truncate(limit);
    let last = items.last().map(|entry| entry.event_type.name.to_string());
    Ok(Page { items, next: last.filter(|_| more) })
}

fn unknown() -> Refusal {
    Refusal::Unknown("event type")
}

/// The refusal to change what is not the account's own.
async fn not_the_accounts(
    state: &ApiState,
    owner: &CatalogOwner,
    name: &EventTypeName,
) -> Result<Option<Refusal>, Refusal> {
    if *owner == CatalogOwner::Everyone {
        return Ok(None);
    }
    let whose = match first_of(state, owner.clone(), name).await? {
        None | Some(Entry { origin: Origin::Account, .. }) => return Ok(None),
        Some(Entry { origin: Origin::Dialect, .. }) => "is part of the account's dialect",
        Some(Entry { origin: Origin::AllAccounts, .. }) => {
            "belongs to all accounts: the platform team changes it"
        }
    };
    Ok(Some(Refusal::Forbidden(format!(
        "this event type {whose}; an entry of the account's own, with the same name, goes before it"
    ))))
}

async fn read(state: &ApiState, owner: &CatalogOwner, mut fields: Fields) -> Result<Wish, Refusal> {
    let description = fields.text_or_empty("description", MAX_DESCRIPTION).unwrap_or_default();
    let (schema, example) = (fields.take("schema"), fields.take("example"));
    let look = move || (check(schema.as_ref(), example.as_ref()), schema, example);
    let (problems, schema, example) = state.accounts.heavy_work().run(owner, look).await;
    fields.problems(problems.into_iter());
    fields.finish()?;
    Ok(Wish { description, schema, example })
}

/// What is wrong with a schema and an example of it.
fn check(schema: Option<&Value>, example: Option<&Value>) -> Vec<Problem> {
    let below = |problems: Vec<Problem>, pointer: &str| -> Vec<Problem> {
        problems.iter().map(|problem| problem.below(pointer)).collect()
    };
    let (compiled, mut problems) = match schema.map(compile) {
        None => (None, Vec::new()),
        Some(Ok(compiled)) => (Some(compiled), Vec::new()),
        Some(Err(problems)) => (None, below(problems, "/schema")),
    };
    match example {
        None => {}
        Some(example) if !example.is_object() => {
            problems.push(Problem::new("/example", "is a JSON object: the data of an event"));
        }
        Some(example) if example.to_string().len() > MAX_EXAMPLE_BYTES => {
            let detail = format!("has at most {MAX_EXAMPLE_BYTES} bytes");
            problems.push(Problem::new("/example", detail));
        }
        Some(example) => {
            let found = compiled.map(|schema| schema.problems(example)).unwrap_or_default();
            problems.extend(below(found, "/example"));
        }
    }
    problems
}

fn compile(schema: &Value) -> Result<Schema, Vec<Problem>> {
    let bytes = schema.to_string().len();
    if bytes > MAX_SCHEMA_BYTES {
        let detail = format!("has {bytes} bytes, of at most {MAX_SCHEMA_BYTES}");
        return Err(vec![Problem::new("", detail)]);
    }
    Schema::compile(schema)
}
