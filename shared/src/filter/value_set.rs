//! The values that one field's list describes.

use std::cmp::Ordering;

use ipnet::IpNet;

use super::column::Column;
use super::letter_case::Folded;
use super::number::{Exact, Range};
use super::steps::{GLANCE, NEW, Steps, TooExpensive};
use super::wildcard::Wildcard;

/// Texts by which it is worth to look up where they are.
const FEW_TEXTS: usize = 20;

/// Plain values and operators.
#[derive(Debug, Clone, Default)]
pub struct ValueSet {
    pub texts: Vec<String>,
    pub numbers: Vec<Exact>,
    pub null: bool,
    pub yes: bool,
    pub no: bool,
    pub operators: Vec<Operator>,
}

/// An operator over values. All but `AnythingBut` match texts only, `Numeric` numbers only.
#[derive(Debug, Clone)]
pub enum Operator {
    Prefix(String),
    PrefixIgnoreCase(Folded),
    Suffix(String),
    SuffixIgnoreCase(Folded),
    EqualsIgnoreCase(Folded),
    Wildcard(Wildcard),
    Cidr(IpNet),
    Numeric(Range),
    /// Any value, of whatever type, outside the set.
    AnythingBut(ValueSet),
}

impl ValueSet {
    /// Makes it ready for look-ups; call it once after filling.
    pub fn sort(&mut self) {
        self.texts.sort_unstable();
        self.texts.dedup();
        self.numbers.sort_unstable();
        self.numbers.dedup();
    }

    /// Whether one of the column's values is in the set.
    pub fn have_any(&self, column: &Column<'_>, steps: &Steps) -> Result<bool, TooExpensive> {
        let plain = (self.null && column.null)
            || (self.yes && column.yes)
            || (self.no && column.no)
            || share(&self.texts, &column.texts, |ours, theirs| ours.as_str().cmp(theirs), steps)?
            || share(&self.numbers, &column.numbers, Ord::cmp, steps)?;
        if plain {
            return Ok(true);
        }
        any(&self.operators, |operator| operator.matches_any(column, steps))
    }

    /// The texts of which a value has to be one (`true`) or start with one (`false`), if that is all
    /// that there is in the set, and they are few.
    pub fn few_texts(&self) -> Option<impl Iterator<Item = (&str, bool)>> {
        let other = self.null || self.yes || self.no || !self.numbers.is_empty();
        if other || self.texts.len() + self.operators.len() > FEW_TEXTS {
            return None;
        }
        let prefixes = self.operators.iter().map(|operator| match operator {
            Operator::Prefix(prefix) => Some((prefix.as_str(), false)),
            _ => None,
        });
        let texts = self.texts.iter().map(|text| Some((text.as_str(), true)));
        texts.chain(prefixes).collect::<Option<Vec<_>>>().map(Vec::into_iter)
    }

    /// Whether one of the column's values is not in the set.
    fn lack_any(&self, column: &Column<'_>, steps: &Steps) -> Result<bool, TooExpensive> {
        if (column.null && !self.null) || (column.yes && !self.yes) || (column.no && !self.no) {
            return Ok(true);
        }
        let lacks_number = any(column.numbers.iter(), |number| {
            steps.look_up(self.numbers.len())?;
            Ok(self.numbers.binary_search(number).is_err())
        })?;
        if lacks_number {
            return Ok(true);
        }
        any(column.texts.iter(), |text| {
            steps.look_up(self.texts.len())?;
            if self.texts.binary_search_by(|ours| ours.as_str().cmp(text)).is_ok() {
                return Ok(false);
            }
            if self.operators.is_empty() {
                return Ok(true);
            }
            steps.spend(NEW)?;
            let alone = Column::of_text(text);
            any(&self.operators, |operator| operator.matches_any(&alone, steps)).map(|is| !is)
        })
    }
}

impl Operator {
    /// Whether it matches one of the column's values.
    fn matches_any(&self, column: &Column<'_>, steps: &Steps) -> Result<bool, TooExpensive> {
        let texts = &column.texts;
        match self {
            Self::AnythingBut(set) => return set.lack_any(column, steps),
            Self::Numeric(range) => {
                steps.look_up(column.numbers.len())?;
                return Ok(range.holds_any(&column.numbers));
            }
            _ if texts.is_empty() => return Ok(false),
            _ => steps.look_up(texts.len())?,
        }
        match self {
            Self::Prefix(prefix) => Ok(column.starting_with(prefix).next().is_some()),
            Self::Suffix(suffix) => {
                steps.spend(GLANCE * texts.len())?;
                Ok(texts.iter().any(|text| text.ends_with(suffix)))
            }
            Self::PrefixIgnoreCase(prefix) => prefix.starts_any(column, steps),
            Self::SuffixIgnoreCase(suffix) => suffix.ends_any(column, steps),
            Self::EqualsIgnoreCase(text) => text.equals_any(column, steps),
            Self::Wildcard(wildcard) => wildcard.matches_any(column, steps),
            Self::Cidr(network) => {
                let addresses = column.addresses(steps)?;
                let first = addresses.partition_point(|address| *address < network.network());
                Ok(addresses.get(first).is_some_and(|address| network.contains(address)))
            }
            Self::Numeric(_) | Self::AnythingBut(_) => Ok(false),
        }
    }
}

/// Whether the answer is yes for any of them.
fn any<T>(
    items: impl IntoIterator<Item = T>,
    mut ask: impl FnMut(T) -> Result<bool, TooExpensive>,
) -> Result<bool, TooExpensive> {
    for item in items {
        if ask(item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether two lists, both in order, have a value in common: each of the shorter one is looked up in
/// the longer one.
fn share<A, B>(
    ours: &[A],
    theirs: &[B],
    compare: impl Fn(&A, &B) -> Ordering,
    steps: &Steps,
) -> Result<bool, TooExpensive> {
    if ours.len() <= theirs.len() {
        return any(ours, |one| {
            steps.look_up(theirs.len())?;
            Ok(theirs.binary_search_by(|other| compare(one, other).reverse()).is_ok())
        });
    }
    any(theirs, |other| {
        steps.look_up(ours.len())?;
        Ok(ours.binary_search_by(|one| compare(one, other)).is_ok())
    })
}
