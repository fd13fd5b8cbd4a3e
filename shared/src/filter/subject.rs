//! An event that filters are held against. What one filter had to sort, the next one finds sorted.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde_json::Value;

use super::column::Column;
use super::pattern::{Field, FieldPattern, LeafPattern};
use super::steps::{LEAF, NEW, Steps, TooExpensive, VISIT};

/// Objects of a list that are worth being looked at alone: fewer than this part of them.
const FEW: usize = 4;

/// An event, `{"id", "type", "timestamp", "data"}`, and the steps that its filters may still take.
#[derive(Debug)]
pub struct Subject<'a> {
    pub(super) event: &'a Value,
    pub(super) steps: Steps,
    limit: u64,
    /// What paths lead to from a list, by its place in memory.
    columns: HashMap<(usize, &'a [String]), Column<'a>>,
}

impl<'a> Subject<'a> {
    /// An event whose filters may take so many steps, all of them together.
    pub fn new(event: &'a Value, steps: u64) -> Self {
        Self { event, steps: Steps::new(steps), limit: steps, columns: HashMap::new() }
    }

    /// Steps that its filters have taken.
    pub fn spent(&self) -> u64 {
        self.limit - self.steps.left()
    }

    /// Whether the leaf wants one of the values that the path leads to.
    pub(super) fn satisfies(
        &mut self,
        leaf: &LeafPattern,
        value: Option<&'a Value>,
        path: &'a [String],
    ) -> Result<bool, TooExpensive> {
        self.steps.spend(LEAF)?;
        if let Some(list @ Value::Array(_)) = value {
            let (column, steps) = self.column(list, path)?;
            return leaf.matches(column, steps);
        }
        let column = Column::along(value, path, &self.steps)?;
        leaf.matches(&column, &self.steps)
    }

    /// The objects of a list that may satisfy these fields, where a few are known to be all.
    pub(super) fn candidates(
        &mut self,
        fields: &'a [Field],
        list: &'a Value,
    ) -> Result<Option<Vec<&'a Value>>, TooExpensive> {
        let mut fewest: Option<Vec<&'a Value>> = None;
        for field in fields {
            let FieldPattern::Leaf(leaf) = &field.pattern else {
                continue;
            };
            let Some(texts) = leaf.few_texts() else {
                continue;
            };
            let (column, steps) = self.column(list, &field.path)?;
            let rows = texts.map(|(text, whole)| column.rows_of(text, whole, steps));
            let rows = rows.collect::<Result<Vec<_>, _>>()?;
            let count: usize = rows.iter().map(ExactSizeIterator::len).sum();
            let most = fewest.as_ref().map_or(column.objects.len() / FEW, Vec::len);
            if count < most {
                steps.spend(VISIT * count)?;
                fewest = Some(rows.into_iter().flat_map(|rows| column.at(rows)).collect());
            }
        }
        Ok(fewest)
    }

    fn column(
        &mut self,
        list: &'a Value,
        path: &'a [String],
    ) -> Result<(&Column<'a>, &Steps), TooExpensive> {
        self.steps.spend(NEW + path.iter().map(String::len).sum::<usize>())?;
        let place = std::ptr::from_ref(list).addr();
        let column = match self.columns.entry((place, path)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Column::along(Some(list), path, &self.steps)?),
        };
        Ok((column, &self.steps))
    }
}
