//! Queues and messages in SQLite.
//!
//! A message's row never changes except that a redrive moves it; what receiving changes is a
//! small row of its own, so that a large body is written once. Row ids grow with the time of
//! sending, which makes retention a range of the primary key.

use std::collections::BTreeMap;

use anyhow::Context;
use rusqlite::{Connection, OptionalExtension, params};

use super::error::SqsError;
use super::index::{MessageKey, Millis};
use super::message::{MessageAttribute, NewMessage};
use super::queue::{Extras, Queue, QueueSpec};
use crate::aws::{DataDir, sqlite};

const SCHEMA: &str = "
    CREATE TABLE queues (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        spec TEXT NOT NULL,
        extras TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        modified_at INTEGER NOT NULL
    );
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY,
        queue INTEGER NOT NULL,
        visible_at INTEGER NOT NULL,
        message_group TEXT,
        message_id TEXT NOT NULL,
        source_queue TEXT,
        trace TEXT,
        attributes TEXT,
        body TEXT NOT NULL
    );
    CREATE TABLE receives (
        id INTEGER PRIMARY KEY,
        count INTEGER NOT NULL,
        first_at INTEGER NOT NULL,
        visible_at INTEGER NOT NULL,
        in_process INTEGER NOT NULL
    );";

/// Row ids are milliseconds since the epoch with this many bits of a counter below them.
const COUNTER_BITS: u32 = 20;

/// The database. Writes go into one transaction until [`Store::commit`].
pub struct Store {
    connection: Connection,
    in_transaction: bool,
    last_key: MessageKey,
}

/// A message as a receive finds it.
pub struct StoredMessage {
    pub message_id: String,
    pub group: String,
    /// The queue a redrive moved it from.
    pub source_queue: Option<String>,
    pub trace: Option<String>,
    /// JSON.
    pub attributes: Option<String>,
    pub body: String,
    /// Receives before this one.
    pub count: u32,
    pub first_at: Option<Millis>,
}

/// What the index needs to know of a message after a start.
pub struct Position {
    pub key: MessageKey,
    pub queue: i64,
    pub group: String,
    pub visible_at: Millis,
    /// Receive count of the handle that holds it.
    pub held: Option<u32>,
}

/// One receive, as it is recorded.
pub struct Receive {
    pub key: MessageKey,
    pub count: u32,
    pub first_at: Millis,
    pub visible_at: Millis,
    /// Whether the receiver lives in this process, and dies with it.
    pub in_process: bool,
}

impl Store {
    pub fn open(data_dir: &DataDir) -> anyhow::Result<Self> {
        let connection = sqlite::open(data_dir, "sqs.sqlite", 1, SCHEMA)?;
        // Whoever received these from within the process died with it: they are visible
        // again, with their count kept.
        connection
            .execute("UPDATE receives SET visible_at = 0, in_process = 0 WHERE in_process", [])
            .context("releasing the messages of the last run")?;
        let last_key: Option<MessageKey> =
            connection.query_row("SELECT max(id) FROM messages", [], |row| row.get(0))?;
        Ok(Self { connection, in_transaction: false, last_key: last_key.unwrap_or(0) })
    }

    /// When a message was sent.
    pub fn sent_at(key: MessageKey) -> Millis {
        key >> COUNTER_BITS
    }

    /// The smallest key of a message sent at this time.
    pub fn first_key_at(time: Millis) -> MessageKey {
        time << COUNTER_BITS
    }

    fn begin(&mut self) -> rusqlite::Result<()> {
        if !self.in_transaction {
            self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            self.in_transaction = true;
        }
        Ok(())
    }

    /// Makes everything since the last commit durable.
    pub fn commit(&mut self) -> rusqlite::Result<()> {
        if self.in_transaction {
            self.connection.prepare_cached("COMMIT")?.execute([])?;
            self.in_transaction = false;
        }
        Ok(())
    }

    /// Undoes everything since the last commit.
    pub fn roll_back(&mut self) {
        if self.in_transaction {
            // SQLite may have rolled back by itself (disk full): then this fails, as it should.
            let _ = self.connection.execute_batch("ROLLBACK");
            self.in_transaction = false;
        }
    }

    pub fn queues(&self) -> Result<Vec<Queue>, SqsError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, spec, extras, created_at, modified_at FROM queues ORDER BY name",
        )?;
        let rows = statement.query_map([], |row| {
            let (spec, extras): (String, String) = (row.get(1)?, row.get(2)?);
            Ok((row.get(0)?, spec, extras, row.get(3)?, row.get(4)?))
        })?;
        rows.map(|row| {
            let (id, spec, extras, created_at, modified_at) = row?;
            let spec: QueueSpec = serde_json::from_str(&spec).map_err(unreadable)?;
            let extras: Extras = serde_json::from_str(&extras).map_err(unreadable)?;
            Ok(Queue { id, spec, extras, created_at, modified_at })
        })
        .collect()
    }

    /// Inserts a queue, or replaces the description of the one with its name. Returns its id.
    pub fn put_queue(
        &mut self,
        spec: &QueueSpec,
        extras: &Extras,
        now: Millis,
    ) -> Result<i64, SqsError> {
        self.begin()?;
        let seconds = now / 1_000;
        let spec_text = serde_json::to_string(spec).map_err(unreadable)?;
        let extras_text = serde_json::to_string(extras).map_err(unreadable)?;
        let id = self
            .connection
            .prepare_cached(
                "INSERT INTO queues (name, spec, extras, created_at, modified_at)
                 VALUES (?1, ?2, ?3, ?4, ?4)
                 ON CONFLICT (name) DO UPDATE
                 SET spec = excluded.spec, extras = excluded.extras,
                     modified_at = excluded.modified_at
                 RETURNING id",
            )?
            .query_row(params![spec.name, spec_text, extras_text, seconds], |row| row.get(0))?;
        Ok(id)
    }

    pub fn delete_queue(&mut self, queue: i64) -> Result<(), SqsError> {
        self.purge(queue)?;
        self.connection.prepare_cached("DELETE FROM queues WHERE id = ?1")?.execute([queue])?;
        Ok(())
    }

    /// Deletes every message of a queue.
    pub fn purge(&mut self, queue: i64) -> Result<(), SqsError> {
        self.begin()?;
        self.connection
            .prepare_cached(
                "DELETE FROM receives WHERE id IN (SELECT id FROM messages WHERE queue = ?1)",
            )?
            .execute([queue])?;
        self.connection
            .prepare_cached("DELETE FROM messages WHERE queue = ?1")?
            .execute([queue])?;
        Ok(())
    }

    /// Stores a message and returns its key.
    pub fn insert(
        &mut self,
        queue: i64,
        message: &NewMessage,
        visible_at: Millis,
        now: Millis,
    ) -> Result<MessageKey, SqsError> {
        self.begin()?;
        let key = Self::first_key_at(now).max(self.last_key + 1);
        let attributes = match message.attributes.is_empty() {
            true => None,
            false => Some(serde_json::to_string(&message.attributes).map_err(unreadable)?),
        };
        let group = Some(message.group.as_str()).filter(|group| !group.is_empty());
        self.connection
            .prepare_cached(
                "INSERT INTO messages
                     (id, queue, visible_at, message_group, message_id, trace, attributes, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                key,
                queue,
                visible_at,
                group,
                message.id,
                message.trace,
                attributes,
                message.body
            ])?;
        self.last_key = key;
        Ok(key)
    }

    pub fn read(&self, key: MessageKey) -> Result<Option<StoredMessage>, SqsError> {
        let message = self
            .connection
            .prepare_cached(
                "SELECT m.message_id, m.message_group, m.source_queue, m.trace, m.attributes,
                        m.body, r.count, r.first_at
                 FROM messages m LEFT JOIN receives r ON r.id = m.id WHERE m.id = ?1",
            )?
            .query_row([key], |row| {
                Ok(StoredMessage {
                    message_id: row.get(0)?,
                    group: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
                    source_queue: row.get(2)?,
                    trace: row.get(3)?,
                    attributes: row.get(4)?,
                    body: row.get(5)?,
                    count: row.get::<_, Option<u32>>(6)?.unwrap_or(0),
                    first_at: row.get(7)?,
                })
            })
            .optional()?;
        Ok(message)
    }

    pub fn record_receive(&mut self, receive: &Receive) -> Result<(), SqsError> {
        self.begin()?;
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO receives (id, count, first_at, visible_at, in_process)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                receive.key,
                receive.count,
                receive.first_at,
                receive.visible_at,
                receive.in_process
            ])?;
        Ok(())
    }

    /// The count and the last due time of a message of this queue that was received before.
    pub fn last_receive(
        &self,
        queue: i64,
        key: MessageKey,
    ) -> Result<Option<(u32, Millis)>, SqsError> {
        let receive = self
            .connection
            .prepare_cached(
                "SELECT r.count, r.visible_at FROM receives r JOIN messages m ON m.id = r.id
                 WHERE r.id = ?1 AND m.queue = ?2",
            )?
            .query_row([key, queue], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        Ok(receive)
    }

    pub fn set_visible_at(&mut self, key: MessageKey, at: Millis) -> Result<(), SqsError> {
        self.begin()?;
        self.connection
            .prepare_cached("UPDATE receives SET visible_at = ?2 WHERE id = ?1")?
            .execute([key, at])?;
        Ok(())
    }

    pub fn delete(&mut self, key: MessageKey) -> Result<(), SqsError> {
        self.begin()?;
        self.connection.prepare_cached("DELETE FROM messages WHERE id = ?1")?.execute([key])?;
        self.connection.prepare_cached("DELETE FROM receives WHERE id = ?1")?.execute([key])?;
        Ok(())
    }

    /// Moves a message to its dead-letter queue, where it is visible at once.
    pub fn redrive(&mut self, key: MessageKey, to: i64, source: &str) -> Result<(), SqsError> {
        self.begin()?;
        self.connection
            .prepare_cached(
                "UPDATE messages SET queue = ?2, source_queue = ?3, visible_at = 0 WHERE id = ?1",
            )?
            .execute(params![key, to, source])?;
        self.connection
            .prepare_cached("UPDATE receives SET visible_at = 0, in_process = 0 WHERE id = ?1")?
            .execute([key])?;
        Ok(())
    }

    /// Up to `limit` messages of a queue that were sent before the one with this key.
    pub fn sent_before(
        &self,
        queue: i64,
        key: MessageKey,
        limit: usize,
    ) -> Result<Vec<(MessageKey, Millis)>, SqsError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self.connection.prepare_cached(
            "SELECT id, visible_at FROM messages WHERE id < ?1 AND queue = ?2 LIMIT ?3",
        )?;
        let rows = statement
            .query_map(params![key, queue, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.map(|row| row.map_err(SqsError::from)).collect()
    }

    /// Every message's place, in the order they were sent.
    pub fn positions(&self, now: Millis, mut each: impl FnMut(Position)) -> Result<(), SqsError> {
        let mut statement = self.connection.prepare(
            "SELECT m.id, m.queue, m.message_group, coalesce(r.visible_at, m.visible_at), r.count
             FROM messages m LEFT JOIN receives r ON r.id = m.id ORDER BY m.id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let visible_at: Millis = row.get(3)?;
            let count: Option<u32> = row.get(4)?;
            each(Position {
                key: row.get(0)?,
                queue: row.get(1)?,
                group: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
                visible_at,
                held: count.filter(|_| visible_at > now),
            });
        }
        Ok(())
    }
}

/// The attributes of a stored message.
pub fn attributes_of(
    message: &StoredMessage,
) -> Result<BTreeMap<String, MessageAttribute>, SqsError> {
    match &message.attributes {
        None => Ok(BTreeMap::new()),
        Some(json) => serde_json::from_str(json).map_err(unreadable),
    }
}

fn unreadable(error: serde_json::Error) -> SqsError {
    SqsError::Internal(format!("the queue database holds what can't be read: {error}"))
}
