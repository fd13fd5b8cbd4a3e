//! Compiled schemas that a process keeps.

use std::sync::Arc;

use moka::sync::Cache;

use super::Schema;
use super::limits::KEPT_BYTES;

/// What a stored schema came to.
#[derive(Debug, Clone)]
pub enum Kept {
    Schema(Arc<Schema>),
    /// It does not compile: it was stored when more was allowed.
    Unusable,
}

/// Schemas that were compiled lately, by their fingerprint. Weighed in bytes: one may take a
/// thousand times what another does.
#[derive(Clone)]
pub struct Schemas(Cache<String, Kept>);

impl Schemas {
    #[expect(clippy::new_without_default, reason = "nothing about it is a default")]
    pub fn new() -> Self {
        Self(Cache::builder().max_capacity(KEPT_BYTES).weigher(weight).build())
    }

    /// What the schema with this fingerprint came to, if it was compiled lately.
    pub fn get(&self, fingerprint: &str) -> Option<Kept> {
        self.0.get(fingerprint)
    }

    /// Keeps what a schema came to.
    pub fn keep(&self, fingerprint: String, kept: Kept) {
        self.0.insert(fingerprint, kept);
    }
}

/// Bytes of an entry.
#[expect(clippy::ptr_arg, reason = "the cache asks for a reference to its key")]
fn weight(fingerprint: &String, kept: &Kept) -> u32 {
    /// The cache's own, by its documentation and the fields of its entries.
    const ENTRY: usize = 200;
    let schema = match kept {
        Kept::Schema(schema) => schema.bytes(),
        Kept::Unusable => 0,
    };
    u32::try_from(ENTRY + fingerprint.len() + schema).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_are_kept_up_to_a_number_of_bytes() {
        let choices: Vec<u32> = (0..9_000).collect();
        let schema = Schema::compile(&json!({ "enum": choices })).unwrap();
        let schema = Kept::Schema(Arc::new(schema));
        let weight = u64::from(weight(&String::new(), &schema));
        assert!(weight > 9_000 * 32, "{weight}");
        let schemas = Schemas::new();
        let several = KEPT_BYTES / weight * 3;
        for number in 0..several {
            schemas.keep(format!("{number}"), schema.clone());
        }
        schemas.0.run_pending_tasks();
        let kept = (0..several).filter(|number| schemas.get(&number.to_string()).is_some()).count();
        let bytes = kept as u64 * weight;
        assert!((KEPT_BYTES / 2..=KEPT_BYTES).contains(&bytes), "{kept} of {weight} bytes");
    }
}
