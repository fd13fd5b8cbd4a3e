//! `?limit=` and `?cursor=`, and the shape of lists.

use std::io;
use std::str::FromStr;

use axum::Json;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use posthorn_shared::delivery::Status;
use posthorn_shared::ids::EventTypeName;
use posthorn_shared::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::openapi::Schema;
use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Refusal;

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 250;

/// The query parameters of every list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many to answer at the most; 50 where nothing is said.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 250, nullable = false)]
    limit: Option<String>,
    /// The `next_cursor` of the page before; empty: the first page.
    #[param(schema_with = cursor)]
    cursor: Option<String>,
}

/// A cursor, for the description.
pub fn cursor() -> Schema {
    let format = SchemaFormat::Custom("cursor".to_owned());
    ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
}

/// `{"data": […], "next_cursor": "…" | null}`
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    data: Vec<T>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

impl PageQuery {
    /// For lists that have parameters of their own as well.
    pub fn new(limit: Option<String>, cursor: Option<String>) -> Self {
        Self { limit, cursor }
    }

    /// Items to answer, 1–250, 50 where nothing is said.
    pub fn limit(&self) -> Result<usize, Refusal> {
        let Some(text) = &self.limit else {
            return Ok(DEFAULT_LIMIT);
        };
        text.parse()
            .ok()
            .filter(|limit| (1..=MAX_LIMIT).contains(limit))
            .ok_or_else(|| Refusal::field("/limit", format!("is a number from 1 to {MAX_LIMIT}")))
    }

    /// Where the page before ended.
    pub fn after(&self) -> Result<Option<String>, Refusal> {
        // An empty one is what a client has that puts the last `next_cursor` in whatever it was.
        let Some(cursor) = self.cursor.as_ref().filter(|cursor| !cursor.is_empty()) else {
            return Ok(None);
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        // Only what a cursor of ours can hold gets near a key.
        text.filter(|text| text.len() <= 160 && text.bytes().all(|b| b.is_ascii_graphic()))
            .map(Some)
            .ok_or_else(broken_cursor)
    }

    /// The same where a cursor is more than text.
    pub fn after_parsed<T: FromStr>(&self) -> Result<Option<T>, Refusal> {
        self.after()?.map(|text| text.parse().map_err(|_| broken_cursor())).transpose()
    }
}

/// The query parameters that narrow a list, collecting everything that is wrong with them.
#[derive(Default)]
pub struct Narrowing {
    problems: Vec<Problem>,
}

impl Narrowing {
    /// Notes what is wrong.
    pub fn problem(&mut self, pointer: &str, detail: &str) {
        self.problems.push(Problem::new(pointer, detail));
    }

    /// A parameter that parses from text; `expected` says what it is.
    pub fn parsed<T: FromStr>(
        &mut self,
        pointer: &str,
        text: Option<String>,
        expected: &str,
    ) -> Option<T> {
        let parsed = text?.parse().ok();
        if parsed.is_none() {
            let (pointer, detail) = (pointer.to_owned(), format!("is {expected}"));
            self.problems.push(Problem { pointer, detail });
        }
        parsed
    }

    /// An event type.
    pub fn event_type(&mut self, pointer: &str, text: Option<String>) -> Option<EventTypeName> {
        self.parsed(pointer, text, "an event type like vault.created")
    }

    /// Where a delivery stands.
    pub fn status(&mut self, pointer: &str, text: Option<String>) -> Option<Status> {
        self.parsed(pointer, text, "pending, retrying, delivered, failed or cancelled")
    }

    /// A point in time.
    pub fn time(&mut self, pointer: &str, text: Option<String>) -> Option<Timestamp> {
        self.parsed(pointer, text, "a time like 2026-11-21T10:00:00Z")
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn finish(self) -> Result<(), Refusal> {
        if self.problems.is_empty() { Ok(()) } else { Err(Refusal::Invalid(self.problems)) }
    }
}

/// The refusal of a cursor that we did not make.
pub fn broken_cursor() -> Refusal {
    Refusal::field("/cursor", "is not a next_cursor of this list; start without one")
}

/// What is left of the bytes that a page's items may have together.
pub struct Room {
    left: usize,
    is_empty: bool,
}

impl Room {
    /// Lambda answers with 6 MB at the most, and what stands in the text of such an answer may take
    /// twice its bytes there.
    const MAX: usize = 3_000_000;

    pub fn new() -> Self {
        Self { left: Self::MAX, is_empty: true }
    }

    /// Whether one more item goes in. The first one always does.
    pub fn takes(&mut self, item: &impl Serialize) -> bool {
        let mut bytes = Counted(0);
        // Counting does not fail; what is no JSON fails where it is written.
        let _ = serde_json::to_writer(&mut bytes, item);
        let fits = self.is_empty || bytes.0 <= self.left;
        self.left = self.left.saturating_sub(bytes.0);
        self.is_empty = false;
        fits
    }
}

/// How many bytes were written.
struct Counted(usize);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes as many of a page's items, each with its cursor, as have room. Answers them and where the
/// next page begins, which is `next` where all had room.
pub fn with_room<T: Serialize, C>(
    items: impl IntoIterator<Item = (T, C)>,
    next: Option<C>,
) -> (Vec<T>, Option<C>) {
    let (mut room, mut taken, mut last) = (Room::new(), Vec::new(), None);
    for (item, cursor) in items {
        if !room.takes(&item) {
            return (taken, last);
        }
        taken.push(item);
        last = Some(cursor);
    }
    (taken, next)
}

/// Makes a page's answer.
pub fn list<T>(data: Vec<T>, next: Option<&str>) -> Json<List<T>> {
    Json(List { data, next_cursor: next.map(encode) })
}

/// A cursor as it is shown.
pub fn encode(cursor: &str) -> String {
    URL_SAFE_NO_PAD.encode(cursor)
}
