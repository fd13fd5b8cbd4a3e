//! What matching may cost. Filters and events are strangers' texts, and the work that they make is
//! their product: it is counted, and it ends.

use std::cell::Cell;

/// Steps that the filters of all endpoints may take for one event. A step is about a nanosecond of one
/// core at most, so this is 10 ms of it, and 70 ms of the seventh of a core that a function with
/// 256 MB has. `shared/tests/filter/cost.rs` shows what fits.
pub const MAX_STEPS: u64 = 10_000_000;

/// An element of a list, or an object.
pub(super) const VISIT: usize = 12;
/// A field of an object, looked up by its name.
pub(super) const FIELD: usize = 40;
/// A pattern of one field, held against values.
pub(super) const LEAF: usize = 80;
/// Two values compared.
pub(super) const COMPARE: usize = 10;
/// The same while values are sorted.
pub(super) const SORT: usize = 7;
/// The end of a text compared, one text after the other.
pub(super) const GLANCE: usize = 5;
/// An allocation.
pub(super) const NEW: usize = 40;
/// A text read as an IP address.
pub(super) const ADDRESS: usize = 80;
/// A byte of a text that is put into lower case.
pub(super) const FOLD: usize = 6;
/// A text held against a wildcard, beside the search for its parts.
pub(super) const WILDCARD: usize = 40;
/// A text searched for another one, beside its bytes.
pub(super) const SEARCH: usize = 20;
/// A place in a text where another one may be.
pub(super) const CANDIDATE: usize = 15;
/// Bytes that are skipped with one step.
pub(super) const SKIPPED: usize = 8;

/// The steps that are left.
#[derive(Debug)]
pub struct Steps(Cell<u64>);

/// The steps are spent, and the answer is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the filter takes too many steps for this event")]
pub struct TooExpensive;

impl Steps {
    pub(super) fn new(steps: u64) -> Self {
        Self(Cell::new(steps))
    }

    pub(super) fn left(&self) -> u64 {
        self.0.get()
    }

    /// Takes so many.
    ///
    /// # Errors
    /// When fewer are left. Then none is.
    pub(super) fn spend(&self, steps: usize) -> Result<(), TooExpensive> {
        let left = self.0.get().checked_sub(steps as u64);
        self.0.set(left.unwrap_or(0));
        left.map(drop).ok_or(TooExpensive)
    }

    /// Takes those of looking something up in a sorted list.
    pub(super) fn look_up(&self, length: usize) -> Result<(), TooExpensive> {
        self.spend(COMPARE * depth(length))
    }

    /// Takes those of sorting.
    pub(super) fn sort(&self, length: usize) -> Result<(), TooExpensive> {
        if length < 2 { Ok(()) } else { self.spend(SORT * length * depth(length)) }
    }
}

/// How often a list is halved until one element is left, and once more.
fn depth(length: usize) -> usize {
    (usize::BITS - length.leading_zeros()) as usize + 1
}
