//! Schedules and their groups in SQLite.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::definition::Definition;
use super::error::SchedulerError;
use crate::aws::{DataDir, sqlite};

const SCHEMA: &str = "
    CREATE TABLE groups (
        name TEXT PRIMARY KEY,
        created_at INTEGER NOT NULL
    ) WITHOUT ROWID;
    INSERT INTO groups (name, created_at) VALUES ('default', 0);
    CREATE TABLE schedules (
        group_name TEXT NOT NULL,
        name TEXT NOT NULL,
        definition TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        modified_at INTEGER NOT NULL,
        -- When it fires next, and when that is tried; NULL when it never does.
        due_at INTEGER,
        try_at INTEGER,
        failures INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (group_name, name)
    ) WITHOUT ROWID;
    CREATE INDEX schedules_by_try ON schedules (try_at) WHERE try_at IS NOT NULL;";

const COLUMNS: &str = "group_name, name, definition, created_at, modified_at, due_at, failures";

/// The database. Every method is one transaction.
pub struct Store {
    connection: Connection,
}

/// A schedule's row.
pub struct Schedule {
    pub group: String,
    pub name: String,
    pub definition: Definition,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    pub due_at: Option<Timestamp>,
    /// Failed attempts at the firing that is due.
    pub failures: i64,
}

impl Store {
    pub fn open(data_dir: &DataDir) -> anyhow::Result<Self> {
        let connection = sqlite::open(data_dir, "scheduler.sqlite", 1, SCHEMA)?;
        Ok(Self { connection })
    }

    /// Returns false when there is one with this name.
    pub fn create_group(&self, name: &str, now: Timestamp) -> Result<bool, SchedulerError> {
        let inserted = self
            .connection
            .prepare_cached("INSERT OR IGNORE INTO groups (name, created_at) VALUES (?1, ?2)")?
            .execute(params![name, now.as_millisecond()])?;
        Ok(inserted == 1)
    }

    pub fn groups(&self) -> Result<Vec<(String, Timestamp)>, SchedulerError> {
        let mut statement =
            self.connection.prepare_cached("SELECT name, created_at FROM groups ORDER BY name")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, time(row.get(1)?))))?;
        rows.map(|row| row.map_err(SchedulerError::from)).collect()
    }

    /// Deletes a group and its schedules. Returns whether there was one.
    pub fn delete_group(&mut self, name: &str) -> Result<bool, SchedulerError> {
        let transaction = self.connection.transaction()?;
        transaction.execute("DELETE FROM schedules WHERE group_name = ?1", [name])?;
        let deleted = transaction.execute("DELETE FROM groups WHERE name = ?1", [name])?;
        transaction.commit()?;
        Ok(deleted == 1)
    }

    pub fn get(&self, group: &str, name: &str) -> Result<Option<Schedule>, SchedulerError> {
        let sql = format!("SELECT {COLUMNS} FROM schedules WHERE group_name = ?1 AND name = ?2");
        let row =
            self.connection.prepare_cached(&sql)?.query_row([group, name], columns).optional()?;
        row.map(schedule).transpose()
    }

    /// Inserts a schedule, or replaces the one with its name.
    pub fn put(
        &self,
        name: &str,
        definition: &Definition,
        due_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), SchedulerError> {
        let due_at = due_at.map(Timestamp::as_millisecond);
        self.connection
            .prepare_cached(
                "INSERT INTO schedules
                     (group_name, name, definition, created_at, modified_at, due_at, try_at)
                 VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?5)
                 ON CONFLICT (group_name, name) DO UPDATE
                 SET definition = excluded.definition, modified_at = excluded.modified_at,
                     due_at = excluded.due_at, try_at = excluded.try_at, failures = 0",
            )?
            .execute(params![
                definition.group(),
                name,
                serde_json::to_string(definition)?,
                now.as_millisecond(),
                due_at
            ])?;
        Ok(())
    }

    /// Returns whether there was one.
    pub fn delete(&self, group: &str, name: &str) -> Result<bool, SchedulerError> {
        let deleted = self
            .connection
            .prepare_cached("DELETE FROM schedules WHERE group_name = ?1 AND name = ?2")?
            .execute([group, name])?;
        Ok(deleted == 1)
    }

    /// Sets when a schedule fires next; never, if `None`.
    pub fn set_due(
        &self,
        group: &str,
        name: &str,
        due_at: Option<Timestamp>,
    ) -> Result<(), SchedulerError> {
        self.connection
            .prepare_cached(
                "UPDATE schedules SET due_at = ?3, try_at = ?3, failures = 0
                 WHERE group_name = ?1 AND name = ?2",
            )?
            .execute(params![group, name, due_at.map(Timestamp::as_millisecond)])?;
        Ok(())
    }

    pub fn set_retry(
        &self,
        group: &str,
        name: &str,
        failures: i64,
        try_at: Timestamp,
    ) -> Result<(), SchedulerError> {
        self.connection
            .prepare_cached(
                "UPDATE schedules SET failures = ?3, try_at = ?4
                 WHERE group_name = ?1 AND name = ?2",
            )?
            .execute(params![group, name, failures, try_at.as_millisecond()])?;
        Ok(())
    }

    /// Up to `limit` schedules to try by now, the most overdue first.
    pub fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Schedule>, SchedulerError> {
        let sql =
            format!("SELECT {COLUMNS} FROM schedules WHERE try_at <= ?1 ORDER BY try_at LIMIT ?2");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map([now.as_millisecond(), limit], columns)?;
        rows.map(|row| schedule(row?)).collect()
    }

    /// Schedules by group and name after a given one.
    pub fn list(
        &self,
        group: Option<&str>,
        prefix: &str,
        after: (&str, &str),
        limit: usize,
    ) -> Result<Vec<Schedule>, SchedulerError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM schedules
             WHERE (?1 IS NULL OR group_name = ?1) AND substr(name, 1, length(?2)) = ?2
               AND (group_name, name) > (?3, ?4)
             ORDER BY group_name, name LIMIT ?5"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![group, prefix, after.0, after.1, limit], columns)?;
        rows.map(|row| schedule(row?)).collect()
    }
}

type Columns = (String, String, String, i64, i64, Option<i64>, i64);

fn columns(row: &Row<'_>) -> rusqlite::Result<Columns> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
}

fn schedule(columns: Columns) -> Result<Schedule, SchedulerError> {
    let (group, name, definition, created_at, modified_at, due_at, failures) = columns;
    Ok(Schedule {
        group,
        name,
        definition: serde_json::from_str(&definition)?,
        created_at: time(created_at),
        modified_at: time(modified_at),
        due_at: due_at.map(time),
        failures,
    })
}

fn time(millisecond: i64) -> Timestamp {
    Timestamp::from_millisecond(millisecond).unwrap_or(Timestamp::UNIX_EPOCH)
}
