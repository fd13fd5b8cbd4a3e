//! The values that a path leads to in an event; many, if there is a list on the way. They are sorted
//! once, so that whatever a filter asks of them is a search, not a walk.

use std::cell::OnceCell;
use std::net::IpAddr;
use std::ops::Range;

use serde_json::Value;

use super::letter_case::fold;
use super::needle::Needle;
use super::number::Exact;
use super::sorted::Sorted;
use super::steps::{ADDRESS, FIELD, FOLD, NEW, SKIPPED, Steps, TooExpensive, VISIT};

/// What a path leads to.
#[derive(Debug, Default)]
pub struct Column<'e> {
    /// Somewhere there is no value: a field is missing, is an object, or is a list without values.
    pub lacking: bool,
    pub null: bool,
    pub yes: bool,
    pub no: bool,
    pub texts: Sorted<&'e str>,
    pub numbers: Sorted<Exact>,
    /// The objects of the list that the path begins with.
    pub objects: Vec<&'e Value>,
    /// Their texts, each with its object's number.
    rows: Vec<(&'e str, usize)>,
    folded: OnceCell<Vec<String>>,
    addresses: OnceCell<Vec<IpAddr>>,
    joined: OnceCell<Joined>,
}

/// Texts one after the other, so that one search looks into all of them.
#[derive(Debug, Default)]
struct Joined {
    /// Each text with a byte after it that is in none.
    bytes: Vec<u8>,
    /// Where they end.
    ends: Vec<usize>,
}

/// A byte that UTF-8 has not.
const NO_TEXT: u8 = 0xff;

impl<'e> Column<'e> {
    /// Gathers the values.
    ///
    /// # Errors
    /// When that takes too many steps.
    pub fn along(
        value: Option<&'e Value>,
        path: &[String],
        steps: &Steps,
    ) -> Result<Self, TooExpensive> {
        let mut column = Self::default();
        match value {
            Some(Value::Array(items)) if !path.is_empty() => {
                column.follow_objects(items, path, steps)?;
                steps.sort(column.rows.len())?;
                column.rows.sort_unstable();
                column.texts = column.rows.iter().map(|(text, _)| *text).collect();
            }
            _ => {
                column.follow(value, path, steps)?;
                steps.sort(column.texts.len())?;
            }
        }
        steps.sort(column.numbers.len())?;
        column.texts.sort();
        column.numbers.sort();
        Ok(column)
    }

    /// One text alone.
    pub fn of_text(text: &'e str) -> Self {
        Self { texts: Sorted::One(text), ..Self::default() }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        let any = self.null || self.yes || self.no;
        !any && self.texts.is_empty() && self.numbers.is_empty()
    }

    /// The text, if there is one alone.
    pub fn only_text(&self) -> Option<&'e str> {
        match self.texts[..] {
            [text] => Some(text),
            _ => None,
        }
    }

    /// The texts that start with this one.
    pub fn starting_with(&self, prefix: &str) -> impl Iterator<Item = &'e str> {
        let first = self.texts.partition_point(|text| *text < prefix);
        self.texts[first..].iter().copied().take_while(move |text| text.starts_with(prefix))
    }

    /// Where [`Self::objects`] have this text, or texts that start with it: what [`Self::at`] takes.
    ///
    /// # Errors
    /// When that takes too many steps.
    pub fn rows_of(
        &self,
        text: &str,
        whole: bool,
        steps: &Steps,
    ) -> Result<Range<usize>, TooExpensive> {
        steps.look_up(self.rows.len())?;
        steps.look_up(self.rows.len())?;
        let first = self.rows.partition_point(|(other, _)| *other < text);
        let is_meant = |other: &str| if whole { other == text } else { other.starts_with(text) };
        let count = self.rows[first..].partition_point(|(other, _)| is_meant(other));
        Ok(first..first + count)
    }

    /// The objects of these rows.
    pub fn at(&self, rows: Range<usize>) -> impl Iterator<Item = &'e Value> {
        self.rows[rows].iter().map(|(_, object)| self.objects[*object])
    }

    /// The texts in lower case, in order.
    ///
    /// # Errors
    /// When that takes too many steps.
    pub fn folded(&self, steps: &Steps) -> Result<&[String], TooExpensive> {
        if self.folded.get().is_none() {
            let bytes: usize = self.texts.iter().map(|text| text.len()).sum();
            steps.spend(FOLD * bytes + NEW * self.texts.len())?;
            steps.sort(self.texts.len())?;
        }
        Ok(self.folded.get_or_init(|| {
            let mut folded: Vec<String> = self.texts.iter().map(|text| fold(text)).collect();
            folded.sort_unstable();
            folded
        }))
    }

    /// Those of the texts that are IP addresses, in order.
    ///
    /// # Errors
    /// When that takes too many steps.
    pub fn addresses(&self, steps: &Steps) -> Result<&[IpAddr], TooExpensive> {
        if self.addresses.get().is_none() {
            steps.spend(ADDRESS * self.texts.len())?;
            steps.sort(self.texts.len())?;
        }
        Ok(self.addresses.get_or_init(|| {
            let parsed = self.texts.iter().filter_map(|text| text.parse().ok());
            let mut addresses: Vec<IpAddr> = parsed.collect();
            addresses.sort_unstable();
            addresses
        }))
    }

    /// Whether the answer is yes for one of the texts that contain this one.
    ///
    /// # Errors
    /// When that takes too many steps.
    pub fn any_containing(
        &self,
        part: &Needle,
        steps: &Steps,
        mut ask: impl FnMut(&'e str) -> Result<bool, TooExpensive>,
    ) -> Result<bool, TooExpensive> {
        let Joined { bytes, ends } = self.joined(steps)?;
        let mut begin = 0;
        while let Some(at) = part.find(&bytes[begin..], steps)? {
            steps.look_up(ends.len())?;
            let index = ends.partition_point(|end| *end <= begin + at);
            if ask(self.texts[index])? {
                return Ok(true);
            }
            begin = ends[index];
        }
        Ok(false)
    }

    fn joined(&self, steps: &Steps) -> Result<&Joined, TooExpensive> {
        if self.joined.get().is_none() {
            let bytes: usize = self.texts.iter().map(|text| text.len()).sum();
            steps.spend(VISIT * self.texts.len() + bytes / SKIPPED)?;
        }
        Ok(self.joined.get_or_init(|| {
            let mut joined = Joined::default();
            for text in self.texts.iter() {
                joined.bytes.extend_from_slice(text.as_bytes());
                joined.bytes.push(NO_TEXT);
                joined.ends.push(joined.bytes.len());
            }
            joined
        }))
    }

    /// Follows the path from each object of a list, and notes which of them has which texts.
    fn follow_objects(
        &mut self,
        items: &'e [Value],
        path: &[String],
        steps: &Steps,
    ) -> Result<(), TooExpensive> {
        gather_objects(items, &mut self.objects, steps)?;
        self.lacking = self.objects.is_empty();
        for row in 0..self.objects.len() {
            self.follow(Some(self.objects[row]), path, steps)?;
            let texts = std::mem::take(&mut self.texts);
            self.rows.extend(texts.iter().map(|text| (*text, row)));
        }
        Ok(())
    }

    fn follow(
        &mut self,
        value: Option<&'e Value>,
        path: &[String],
        steps: &Steps,
    ) -> Result<(), TooExpensive> {
        match (value, path) {
            (Some(Value::Array(items)), _) => {
                self.lacking |= !self.follow_each(items, path, steps)?;
            }
            (Some(Value::Object(object)), [name, rest @ ..]) => {
                steps.spend(FIELD + name.len())?;
                self.follow(object.get(name), rest, steps)?;
            }
            (None | Some(Value::Object(_)), []) | (_, [_, ..]) => self.lacking = true,
            (Some(leaf), []) => self.add(leaf),
        }
        Ok(())
    }

    /// Answers whether the path goes on from any element: whether there are objects, or values where
    /// the path ends. A list without them is like a field that is missing.
    fn follow_each(
        &mut self,
        items: &'e [Value],
        path: &[String],
        steps: &Steps,
    ) -> Result<bool, TooExpensive> {
        let mut found = false;
        for item in items {
            steps.spend(VISIT)?;
            match item {
                Value::Array(inner) => found |= self.follow_each(inner, path, steps)?,
                // An object at the end, or a value before it.
                other if other.is_object() == path.is_empty() => {}
                other => {
                    self.follow(Some(other), path, steps)?;
                    found = true;
                }
            }
        }
        Ok(found)
    }

    fn add(&mut self, leaf: &'e Value) {
        match leaf {
            Value::Null => self.null = true,
            Value::Bool(true) => self.yes = true,
            Value::Bool(false) => self.no = true,
            Value::Number(number) => self.numbers.push(number.into()),
            Value::String(text) => self.texts.push(text),
            Value::Array(_) | Value::Object(_) => {}
        }
    }
}

/// The objects of a list and of lists in it.
fn gather_objects<'e>(
    items: &'e [Value],
    objects: &mut Vec<&'e Value>,
    steps: &Steps,
) -> Result<(), TooExpensive> {
    for item in items {
        steps.spend(VISIT)?;
        match item {
            Value::Object(_) => objects.push(item),
            Value::Array(inner) => gather_objects(inner, objects, steps)?,
            _ => {}
        }
    }
    Ok(())
}
