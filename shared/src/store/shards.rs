//! Reading what is spread over shards in one order.

use crate::ids::EventKey;

/// What was read of one shard, newest first.
pub struct ShardPage<T> {
    pub items: Vec<T>,
    /// Whether there is nothing older.
    pub complete: bool,
}

/// Merges pages, newest first: as many items as are certain to be the newest, given that each shard
/// was read only so far. Empty only when all shards are.
pub fn merge<T>(pages: Vec<ShardPage<T>>, key: impl Fn(&T) -> &EventKey) -> Vec<T> {
    // A shard that was not read to its end hides items below its last one.
    let horizon = pages
        .iter()
        .filter(|page| !page.complete)
        .filter_map(|page| page.items.last().map(|item| key(item).clone()))
        .max();
    let mut merged: Vec<T> = pages.into_iter().flat_map(|page| page.items).collect();
    merged.sort_by(|a, b| key(b).cmp(key(a)));
    if let Some(horizon) = horizon {
        merged.retain(|item| *key(item) >= horizon);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_unread_rest_could_precede_is_held_back() {
        let key = |ms| EventKey::new(jiff::Timestamp::from_millisecond(ms).unwrap(), 0);
        let page = |ms: &[i64], complete| ShardPage {
            items: ms.iter().map(|ms| key(*ms)).collect(),
            complete,
        };
        let merged = merge(vec![page(&[9, 5], false), page(&[8, 2], true)], |key| key);
        assert_eq!(merged, [9, 8, 5].map(key));
        let merged = merge(vec![page(&[9, 5], true), page(&[8, 2], true)], |key| key);
        assert_eq!(merged, [9, 8, 5, 2].map(key));
        assert!(merge(vec![page(&[], true)], |key| key).is_empty());
    }
}
