//! The SQLite file: the events table, the status table, nothing else.

use std::path::{Path, PathBuf};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql};

/// How the file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a set of properties of a file, not a state"
)]
pub struct Layout {
    /// Left in write-ahead mode.
    pub wal: bool,
    /// Positions are never given again (AUTOINCREMENT).
    pub autoincrement: bool,
    /// A UNIQUE index on the ids.
    pub unique_ids: bool,
    /// An index on the correlation column.
    pub indexed: bool,
}

impl Layout {
    /// A closed database that holds to all that a sound log does.
    pub const SOUND: Layout = Layout {
        wal: false,
        autoincrement: true,
        unique_ids: true,
        indexed: true,
    };
}

/// A recorded time, or what stands there instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// Milliseconds since the epoch.
    Millis(i64),
    /// A text that is no time.
    Text(&'static str),
}

/// One row of the events table.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// `position`
    pub position: i64,
    /// `event_id`
    pub id: &'a str,
    /// `stream`
    pub stream: Option<&'a str>,
    /// `version`
    pub version: Option<i64>,
    /// `type`
    pub kind: Option<&'a str>,
    /// `occurred_at`
    pub time: Time,
    /// `saga_id`
    pub correlation: Option<&'a str>,
    /// `causation_id`
    pub causation: Option<&'a str>,
    /// `idempotency_key`
    pub key: Option<&'a str>,
    /// `payload`
    pub payload: &'a str,
    /// `headers`
    pub headers: Option<&'a str>,
}

impl ToSql for Time {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Time::Millis(millis) => ToSqlOutput::from(*millis),
            Time::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

/// A log being written. It is not there under its name until [`LogFile::finish`].
#[derive(Debug)]
pub struct LogFile {
    connection: Connection,
    path: PathBuf,
    draft: PathBuf,
    layout: Layout,
}

impl LogFile {
    /// Begins a log that will stand at `path`; what stands there now is replaced at the end.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn create(path: &Path, layout: Layout) -> Result<LogFile, WriteError> {
        let mut draft = path.as_os_str().to_owned();
        draft.push(".new");
        let draft = PathBuf::from(draft);
        remove(&draft)?;
        let connection = Connection::open(&draft)?;
        connection.execute_batch("pragma journal_mode = off; pragma synchronous = off; begin")?;
        let autoincrement = if layout.autoincrement {
            " AUTOINCREMENT"
        } else {
            ""
        };
        let unique = if layout.unique_ids { " UNIQUE" } else { "" };
        connection.execute_batch(&format!(
            "create table events (
                position INTEGER PRIMARY KEY{autoincrement},
                event_id TEXT{unique},
                stream TEXT,
                version INTEGER,
                type TEXT,
                occurred_at INTEGER,
                saga_id TEXT,
                causation_id TEXT,
                idempotency_key TEXT,
                payload TEXT,
                headers TEXT
            );
            create table saga_status (saga_id TEXT PRIMARY KEY, state TEXT NOT NULL) without rowid"
        ))?;
        Ok(LogFile {
            connection,
            path: path.to_owned(),
            draft,
            layout,
        })
    }

    /// The statements that [`Insert::event`] runs.
    ///
    /// # Errors
    /// When SQLite does not prepare it.
    pub fn insert(&self) -> Result<Insert<'_>, WriteError> {
        let event = self.connection.prepare_cached(
            "insert into events values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?;
        let status = self
            .connection
            .prepare_cached("insert into saga_status values (?1, ?2)")?;
        Ok(Insert { event, status })
    }

    /// Runs a statement beside the events: tables that others keep.
    ///
    /// # Errors
    /// When SQLite refuses it.
    pub fn execute(&self, sql: &str, values: impl rusqlite::Params) -> Result<(), WriteError> {
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Makes the log durable and puts it in its place.
    ///
    /// # Errors
    /// When it cannot be written or moved.
    pub fn finish(self) -> Result<(), WriteError> {
        if self.layout.indexed {
            self.connection
                .execute_batch("create index events_by_saga on events (saga_id)")?;
        }
        self.connection.execute_batch("commit")?;
        let mode = if self.layout.wal { "wal" } else { "delete" };
        self.connection.pragma_update(None, "journal_mode", mode)?;
        self.connection.close().map_err(|(_, error)| error)?;
        for suffix in ["-wal", "-shm", "-journal"] {
            let mut beside = self.path.as_os_str().to_owned();
            beside.push(suffix);
            remove(Path::new(&beside))?;
        }
        std::fs::rename(&self.draft, &self.path).map_err(|source| WriteError::File {
            path: self.path.clone(),
            source,
        })
    }
}

/// Puts rows into a log.
pub struct Insert<'a> {
    event: CachedStatement<'a>,
    status: CachedStatement<'a>,
}

impl Insert<'_> {
    /// Adds an event.
    ///
    /// # Errors
    /// When SQLite refuses it: the disk is full, or an id is there twice and must not be.
    pub fn event(&mut self, row: &Row<'_>) -> Result<(), WriteError> {
        self.event.execute(rusqlite::params![
            row.position,
            row.id,
            row.stream,
            row.version,
            row.kind,
            row.time,
            row.correlation,
            row.causation,
            row.key,
            row.payload,
            row.headers,
        ])?;
        Ok(())
    }

    /// Adds what the system says of an instance.
    ///
    /// # Errors
    /// As [`Insert::event`].
    pub fn status(&mut self, id: &str, state: &str) -> Result<(), WriteError> {
        self.status.execute(rusqlite::params![id, state])?;
        Ok(())
    }
}

fn remove(path: &Path) -> Result<(), WriteError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(WriteError::File {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// Why a log could not be written: a lower-case fragment.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// SQLite says so.
    #[error("the log cannot be written: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file system says so.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What it says.
        source: std::io::Error,
    },
    /// A fault was asked for that no saga here can have.
    #[error("no saga here can have the fault {0}")]
    Impossible(String),
}
