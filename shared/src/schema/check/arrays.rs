//! Checks that are about lists.

use serde_json::Value;

use super::seen::Seen;
use super::{Part, Place, Run, Stop};
use crate::schema::equality::{self, all_different};
use crate::schema::node::{Check, Contains, Elements, NodeId};

impl<'s> Run<'s> {
    pub(super) fn check_array(
        &mut self,
        check: &'s Check,
        items: &[Value],
        at: &Place<'_>,
        seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        match check {
            Check::MinItems(min) => {
                let enough = items.len() as u64 >= *min;
                self.hold(enough, at, || format!("has at least {min} items"))
            }
            Check::MaxItems(max) => {
                let fits = items.len() as u64 <= *max;
                self.hold(fits, at, || format!("has at most {max} items"))
            }
            Check::UniqueItems => {
                // Hashing a value is some four times the work of comparing it.
                self.steps.spend(items.iter().map(equality::steps).sum::<u64>() * 4)?;
                self.hold(all_different(items), at, || "has no item twice".to_owned())
            }
            Check::Elements(elements) => self.elements(elements, items, at, seen),
            Check::Contains(contains) => self.contains(contains, items, at, seen),
            Check::UnevaluatedItems(node) => self.unevaluated_items(*node, items, at, seen),
            _ => Ok(true),
        }
    }

    fn elements(
        &mut self,
        elements: &Elements,
        items: &[Value],
        at: &Place<'_>,
        mut seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        let mut valid = true;
        for (index, item) in items.iter().enumerate() {
            let Some(node) = elements.first.get(index).copied().or(elements.others) else {
                break;
            };
            let place = Place { parent: Some(at), part: Part::Element(index) };
            valid &= self.apply(node, item, &place, None)?;
            if let Some(seen) = seen.as_deref_mut() {
                seen.mark(index);
            }
            if !valid && self.quiet {
                break;
            }
        }
        Ok(valid)
    }

    fn contains(
        &mut self,
        contains: &Contains,
        items: &[Value],
        at: &Place<'_>,
        mut seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        let Contains { node, min, max } = *contains;
        let mut number = 0;
        for (index, item) in items.iter().enumerate() {
            let place = Place { parent: Some(at), part: Part::Element(index) };
            if self.quietly(|run| run.apply(node, item, &place, None))? {
                number += 1;
                if let Some(seen) = seen.as_deref_mut() {
                    seen.mark(index);
                }
            }
            let decided = max.map_or(number >= min, |max| number > max);
            if decided && seen.is_none() {
                break;
            }
        }
        let enough = self.hold(number >= min, at, || {
            format!("has at least {min} items that are valid by contains")
        })?;
        let fits = self.hold(max.is_none_or(|max| number <= max), at, || {
            format!("has at most {} items that are valid by contains", max.unwrap_or_default())
        })?;
        Ok(enough && fits)
    }

    fn unevaluated_items(
        &mut self,
        node: NodeId,
        items: &[Value],
        at: &Place<'_>,
        seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        let Some(seen) = seen else {
            return Ok(true);
        };
        self.steps.spend(items.len() as u64)?;
        let mut valid = true;
        for (index, item) in items.iter().enumerate() {
            if !seen.has(index) {
                let place = Place { parent: Some(at), part: Part::Element(index) };
                valid &= self.apply(node, item, &place, None)?;
                seen.mark(index);
            }
            if !valid && self.quiet {
                break;
            }
        }
        Ok(valid)
    }
}
