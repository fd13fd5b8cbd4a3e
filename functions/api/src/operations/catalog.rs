//! The event catalogs: an account's own, and that of all accounts, which shows through where the
//! account has no entry of the same name.

use posthorn_shared::event_type::{CatalogOwner, EventType};
use posthorn_shared::ids::{AccountId, EventTypeName};
use posthorn_shared::problem::Problem;
use posthorn_shared::schema::{MAX_SCHEMA_BYTES, Schema};
use posthorn_shared::store::Page;
use serde_json::{Map, Value, json};

use crate::fields::Fields;
use crate::problem::Refusal;
use crate::state::ApiState;

/// Bytes of an example.
const MAX_EXAMPLE_BYTES: usize = 16 * 1024;
const MAX_DESCRIPTION: usize = 1_024;

/// An event type, and whose it is.
pub struct Entry {
    pub event_type: EventType,
    pub owner: CatalogOwner,
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
    let Wish { description, schema, example } = read(fields)?;
    let Some(name) = name else {
        return Err(Refusal::Fault);
    };
    if let CatalogOwner::Account(account) = &owner {
        refuse_over_limit(state, account, &owner).await?;
    }
    let now = state.runtime.clock.now();
    let event_type =
        EventType { name, description, schema, example, created_at: now, updated_at: now };
    if !state.store.create_event_type(&owner, &event_type).await? {
        return Err(Refusal::Conflict(format!("the catalog has {} already", event_type.name)));
    }
    Ok(Entry { event_type, owner })
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
    let changed = state
        .store
        .change_event_type(&owner, &name, |known| {
            let mut merged = Map::new();
            merged.insert("description".to_owned(), json!(known.description));
            merged.insert("schema".to_owned(), json!(known.schema));
            merged.insert("example".to_owned(), json!(known.example));
            merged.extend(patch.clone());
            let Wish { description, schema, example } = read(Fields::of(merged))?;
            Ok(EventType { description, schema, example, updated_at: now, ..known })
        })
        .await?;
    match Refusal::of_change(changed, "event type") {
        Ok(event_type) => Ok(Entry { event_type, owner }),
        Err(refusal) => Err(only_everyones(state, &owner, &name).await?.unwrap_or(refusal)),
    }
}

/// Removes an event type.
pub async fn remove(state: &ApiState, owner: CatalogOwner, name: &str) -> Result<(), Refusal> {
    let name: EventTypeName = name.parse().map_err(|_| unknown())?;
    if state.store.event_type(&owner, &name).await?.is_none() {
        return Err(only_everyones(state, &owner, &name).await?.unwrap_or_else(unknown));
    }
    Ok(state.store.delete_event_type(&owner, &name).await?)
}

/// The event type, as it counts for the owner.
pub async fn find(state: &ApiState, owner: CatalogOwner, name: &str) -> Result<Entry, Refusal> {
    let name: EventTypeName = name.parse().map_err(|_| unknown())?;
    first_of(state, [owner, CatalogOwner::Everyone], &name).await?.ok_or_else(unknown)
}

/// The entry that counts for an account's events of this type.
pub async fn known(
    state: &ApiState,
    account: &AccountId,
    name: &EventTypeName,
) -> Result<Option<Entry>, Refusal> {
    let owners = [CatalogOwner::Account(account.clone()), CatalogOwner::Everyone];
    first_of(state, owners, name).await
}

async fn first_of(
    state: &ApiState,
    owners: [CatalogOwner; 2],
    name: &EventTypeName,
) -> Result<Option<Entry>, Refusal> {
    for owner in owners {
        if let Some(event_type) = state.store.event_type(&owner, name).await? {
            return Ok(Some(Entry { event_type, owner }));
        }
    }
    Ok(None)
}

/// The event types that count for the owner, by name.
pub async fn list(
    state: &ApiState,
    owner: &CatalogOwner,
    limit: usize,
    after: Option<&str>,
) -> Result<Page<Entry>, Refusal> {
    let owners = match owner {
        CatalogOwner::Everyone => vec![CatalogOwner::Everyone],
        CatalogOwner::Account(_) => vec![owner.clone(), CatalogOwner::Everyone],
    };
    let (mut items, mut more) = (Vec::new(), false);
    for owner in owners {
        let page = state.store.event_types(&owner, limit, after).await?;
        more |= page.next.is_some();
        let entries = page.items.into_iter();
        items.extend(entries.map(|event_type| Entry { event_type, owner: owner.clone() }));
    }
    // Stable: an account's own entry stays before everyone's, and goes in its place.
    items.sort_by(|a, b| a.event_type.name.cmp(&b.event_type.name));
    items.dedup_by(|later, first| later.event_type.name == first.event_type.name);
    more |= items.len() > limit;
    items.truncate(limit);
    let last = items.last().map(|entry| entry.event_type.name.to_string());
    Ok(Page { items, next: last.filter(|_| more) })
}

fn unknown() -> Refusal {
    Refusal::Unknown("event type")
}

/// The refusal to change what belongs to all accounts.
async fn only_everyones(
    state: &ApiState,
    owner: &CatalogOwner,
    name: &EventTypeName,
) -> Result<Option<Refusal>, Refusal> {
    if *owner == CatalogOwner::Everyone
        || state.store.event_type(&CatalogOwner::Everyone, name).await?.is_none()
    {
        return Ok(None);
    }
    Ok(Some(Refusal::Forbidden(
        "this event type belongs to all accounts: the platform team changes it; an entry of the \
         account's own, with the same name, goes before it"
            .to_owned(),
    )))
}

async fn refuse_over_limit(
    state: &ApiState,
    account: &AccountId,
    owner: &CatalogOwner,
) -> Result<(), Refusal> {
    let view = state.accounts.get(account).await?.ok_or(Refusal::Unknown("account"))?;
    let limit = view.account.limits.event_types;
    if state.store.count_event_types(owner).await? < limit as usize {
        return Ok(());
    }
    Err(Refusal::Conflict(format!(
        "the catalog has its {limit} event types; delete one, or have limits.event_types raised"
    )))
}

fn read(mut fields: Fields) -> Result<Wish, Refusal> {
    let description = fields.text_or_empty("description", MAX_DESCRIPTION).unwrap_or_default();
    let schema = fields.take("schema");
    let compiled = schema.as_ref().and_then(|schema| {
        let problems = match compile(schema) {
            Ok(compiled) => return Some(compiled),
            Err(problems) => problems,
        };
        fields.problems(problems.iter().map(|problem| problem.below("/schema")));
        None
    });
    let example = fields.take("example");
    if let Some(example) = &example {
        if !example.is_object() {
            fields.problem("/example", "is a JSON object: the data of an event");
        } else if example.to_string().len() > MAX_EXAMPLE_BYTES {
            fields.problem("/example", format!("has at most {MAX_EXAMPLE_BYTES} bytes"));
        } else if let Some(schema) = compiled {
            let problems = schema.problems(example);
            fields.problems(problems.iter().map(|problem| problem.below("/example")));
        }
    }
    fields.finish()?;
    Ok(Wish { description, schema, example })
}

fn compile(schema: &Value) -> Result<Schema, Vec<Problem>> {
    if schema.to_string().len() > MAX_SCHEMA_BYTES {
        return Err(vec![Problem::new("", format!("has at most {MAX_SCHEMA_BYTES} bytes"))]);
    }
    Schema::compile(schema)
}
