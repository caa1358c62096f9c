//! The recorded log: opened read-only, its mapping resolved against the columns that are really
//! there, its rows handed out one by one without copying.
//!
//! A row that cannot be read is handed out as a [`BadRow`]; it never ends the scan.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::definition::log::LogDefinition;
use crate::event::{Event, Position, Timestamp};

/// A recorded event type, interned by the log that it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u32);

/// Which parts of a row a scan needs; what is not asked for is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a set of columns, not a state"
)]
pub struct Fields {
    /// [`Row::time`]
    pub time: bool,
    /// [`Row::stream`] and [`Row::version`]
    pub stream: bool,
    /// [`Row::id`]
    pub id: bool,
    /// [`Row::correlation`]
    pub correlation: bool,
    /// [`Row::causation`]
    pub causation: bool,
    /// [`Row::key`]
    pub key: bool,
    /// [`Row::data`]
    pub data: bool,
    /// [`Row::metadata`]
    pub metadata: bool,
}

/// One row on its way past; everything borrows from the reader until the next row.
///
/// Ids are UTF-8 (invalid bytes replaced); numbers are written in decimal, a BLOB of 16 bytes as a
/// hyphenated UUID, any other as hexadecimal digits.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Its place in the log.
    pub position: Position,
    /// Its type, see [`Log::type_name`].
    pub kind: TypeId,
    /// When it happened; the epoch where the scan did not ask for it.
    pub time: Timestamp,
    /// The aggregate's stream.
    pub stream: Option<&'a str>,
    /// The number within the stream.
    pub version: Option<i64>,
    /// The event's id.
    pub id: Option<&'a str>,
    /// What ties a saga instance together.
    pub correlation: Option<&'a str>,
    /// The id of the causing event.
    pub causation: Option<&'a str>,
    /// The idempotency key.
    pub key: Option<&'a str>,
    /// The payload's JSON text, unpacked but not validated.
    pub data: Option<&'a [u8]>,
    /// The headers' JSON text, not validated.
    pub metadata: Option<&'a [u8]>,
}

/// A row that cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Its position; `None` where that is what cannot be read.
    pub position: Option<Position>,
    /// What is wrong and the raw text that stands there (cut, and saying so, if long): a
    /// lower-case fragment.
    pub reason: String,
}

/// Which rows a scan hands out.
#[derive(Debug, Clone, Copy)]
pub enum Filter<'a> {
    /// Every row, in the log's order.
    All,
    /// Only rows whose mapped correlation field is this value. Uses an index where there is one.
    Correlation(&'a str),
    /// Only rows at these positions, ascending.
    Positions(&'a [Position]),
}

/// How to open a log.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// Instead of the file that the definition names.
    pub path: Option<PathBuf>,
}

/// An open log: one read transaction over one or several files.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
}

/// Why a log cannot be read: a lower-case fragment that names the file, table or column and what
/// was found there, with the cure.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct LogError {
    /// The whole message.
    pub message: String,
}

/// What a status column says of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRow {
    /// The correlation value.
    pub id: String,
    /// The raw status.
    pub status: String,
}

/// What is known of a source's schema without reading its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFacts {
    /// The table's name, or `query`.
    pub name: String,
    /// A position can be given again after its row was deleted: the table has no AUTOINCREMENT.
    pub position_reuse: bool,
    /// `sqlite_sequence` for the table, where it is kept.
    pub sequence: Option<i64>,
    /// A UNIQUE index proves that no two rows share an id.
    pub unique_id: bool,
    /// The correlation field is a column with an index whose first column it is.
    pub indexed_correlation: bool,
}

impl Log {
    /// Opens the log, resolves its mapping and begins the one read transaction.
    ///
    /// # Errors
    /// When the file is missing, is no database, is encrypted or truncated, needs recovery, or
    /// lacks a table or column that the mapping names.
    pub fn open(_definition: &LogDefinition, _options: &OpenOptions) -> Result<Log, LogError> {
        unimplemented!()
    }

    /// The file it was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the reader should know about how it was opened, for example that a private snapshot
    /// is read; lower-case fragments.
    pub fn remarks(&self) -> &[String] {
        &[]
    }

    /// Reads rows in the log's order and hands each to `visit` until it breaks.
    ///
    /// # Errors
    /// When SQLite itself fails in the middle (a damaged page); the message says at which position.
    pub fn scan(
        &self,
        _fields: Fields,
        _filter: Filter<'_>,
        _visit: &mut dyn FnMut(Result<Row<'_>, BadRow>) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        unimplemented!()
    }

    /// The name of a type met so far.
    pub fn type_name(&self, _kind: TypeId) -> Arc<str> {
        unimplemented!()
    }

    /// The id under which rows of this type will be handed out; known types can be asked for
    /// before the scan.
    pub fn intern(&self, _name: &str) -> TypeId {
        unimplemented!()
    }

    /// Full events for people: all rows that `filter` lets through, in order, with all fields.
    ///
    /// # Errors
    /// As [`Log::scan`].
    pub fn events(&self, _filter: Filter<'_>) -> Result<(Vec<Event>, Vec<BadRow>), LogError> {
        unimplemented!()
    }

    /// The rows of the status table that the `index`-th claims document of the definition names.
    ///
    /// # Errors
    /// When its table or columns do not exist or cannot be read.
    pub fn claims(&self, _index: usize) -> Result<Vec<ClaimRow>, LogError> {
        unimplemented!()
    }

    /// What the schema tells of each source.
    pub fn facts(&self) -> &[SourceFacts] {
        &[]
    }

    /// How many rows there are to read, roughly (the greatest rowid); for progress only.
    pub fn estimate(&self) -> u64 {
        0
    }

    /// The greatest event times among the last `count` rows by position, for a horizon without a
    /// full scan: `(position, time)` ascending by position.
    ///
    /// # Errors
    /// As [`Log::scan`].
    pub fn tail(&self, _count: usize) -> Result<Vec<(Position, Timestamp)>, LogError> {
        unimplemented!()
    }

    /// Which of these fields the mapping gives at all.
    pub fn maps(&self) -> Fields {
        Fields::default()
    }
}
