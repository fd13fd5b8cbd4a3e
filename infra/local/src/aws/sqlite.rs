//! How the stack opens its SQLite databases.

use anyhow::Context;
use rusqlite::Connection;

use super::DataDir;

/// Opens `<data directory>/<file>` (or a database in memory) and brings it to `schema`.
///
/// A write-ahead log with `synchronous=NORMAL`: a commit is a write to the log, not an fsync,
/// which survives a killed process (see the module's introduction).
///
/// # Errors
/// When the file can't be opened, is no SQLite database, or was made by a later version.
pub fn open(
    data_dir: &DataDir,
    file: &str,
    version: i32,
    schema: &str,
) -> anyhow::Result<Connection> {
    let connection = match data_dir {
        DataDir::Memory => Connection::open_in_memory().context("opening a database in memory")?,
        DataDir::Path(directory) => {
            let path = directory.join(file);
            Connection::open(&path).with_context(|| format!("opening {}", path.display()))?
        }
    };
    prepare(&connection, version, schema).with_context(|| format!("preparing {file}"))?;
    Ok(connection)
}

fn prepare(connection: &Connection, version: i32, schema: &str) -> anyhow::Result<()> {
    // 4,000 pages of 4 KiB: a checkpoint (the only place that calls fsync) every 16 MB.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = NORMAL;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -8000;",
    )?;
    connection.set_prepared_statement_cache_capacity(64);
    let found: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    anyhow::ensure!(
        found <= version,
        "the data was written by a later version of this program (format {found}, known is {version})"
    );
    if found == 0 {
        connection
            .execute_batch(&format!("BEGIN; {schema} PRAGMA user_version = {version}; COMMIT;"))?;
    }
    Ok(())
}
