//! A checked log document: where the events are and how its columns are to be read. Whether those
//! columns exist is only known once the database is open; `log::mapping` resolves it there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::definition::fault::Place;
use crate::event::Span;
use crate::finding::LogName;

/// Where a log is and what its rows mean.
#[derive(Debug, Clone)]
pub struct LogDefinition {
    /// Its name in reports.
    pub name: Arc<str>,
    /// What tells it from others of its name, see [`LogName::apart`].
    pub apart: Option<Arc<str>>,
    /// Where it is declared; `None` where no document declares it and only `--log` names it.
    pub place: Option<Place>,
    /// The SQLite or JSON Lines file, as opened from here; `None` where only `--log` can tell.
    pub database: Option<PathBuf>,
    /// The tables and queries that hold the events. Empty: recognise them in the file.
    pub sources: Vec<Source>,
    /// How several sources become one log.
    pub merge: Merge,
    /// The log's beginning was removed, so streams and instances may start later.
    pub cut: bool,
    /// What counts as before.
    pub order: Order,
    /// How far a time may lie ahead of all that follow it and still move the horizon.
    pub future_tolerance: Span,
    /// Event types that stand for removed events of a stream: a hole right before one is no gap.
    pub tombstones: Vec<Arc<str>>,
    /// What the system itself says about its sagas.
    pub claims: Vec<Claims>,
    /// No source of it maps an idempotency key. Only an open log tells for certain: until then, one may.
    pub names_no_key: bool,
}

impl LogDefinition {
    /// What it is called among others.
    pub fn full_name(&self) -> LogName {
        LogName {
            name: Arc::clone(&self.name),
            apart: self.apart.clone(),
        }
    }

    /// Whether the document alone tells which fields the log has: each source names its own, and none
    /// has them from a preset, nor the file from JSON Lines, where they have names of their own.
    pub fn tells_its_fields(&self) -> bool {
        let is_json_lines = self.database.as_deref().is_some_and(is_json_lines);
        let mut sources = self.sources.iter();
        !is_json_lines && !self.sources.is_empty() && sources.all(|one| one.preset.is_none())
    }

    /// A log that no document declares: its mapping has to be recognised in the file, or given.
    pub fn undeclared(name: &str) -> LogDefinition {
        LogDefinition {
            name: name.into(),
            apart: None,
            place: None,
            database: None,
            sources: Vec::new(),
            merge: Merge::Time,
            cut: false,
            order: Order::Position,
            future_tolerance: Span::from_secs(3600),
            tombstones: Vec::new(),
            claims: Vec::new(),
            names_no_key: false,
        }
    }
}

/// Whether a file's name says that it is JSON Lines.
pub fn is_json_lines(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        extension.eq_ignore_ascii_case("jsonl") || extension.eq_ignore_ascii_case("ndjson")
    })
}

/// What counts as *before* among the events of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The position: an event store with one global order.
    Position,
    /// The recorded time: several services write on their own, arrival is not causal.
    Time {
        /// Times closer than this are concurrent.
        skew: Span,
        /// An event arrives at most this long after younger ones.
        lateness: Span,
    },
}

impl Order {
    /// How long after younger events one may arrive; `None` where arrival is the order.
    pub const fn lateness(self) -> Option<Span> {
        match self {
            Order::Position => None,
            Order::Time { lateness, .. } => Some(lateness),
        }
    }
}

/// How the events of several sources are put into one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// By time; within a source by its position. Positions become running numbers.
    Time,
    /// By a position that the sources share.
    Position,
}

/// One table or query that holds events. What is `None` is not mapped, or is the preset's.
#[derive(Debug, Clone)]
pub struct Source {
    /// Where it is declared.
    pub place: Option<Place>,
    /// The known writer whose mapping it starts from.
    pub preset: Option<String>,
    /// Where the rows come from; `None` only with a preset that knows.
    pub relation: Option<Relation>,
    /// Another SQLite file that holds the relation.
    pub attach: Option<PathBuf>,
    /// The column that orders the rows; `rowid` where there is none.
    pub position: Option<Field>,
    /// When it happened.
    pub time: Option<TimeField>,
    /// The event type.
    pub kind: Option<TypeField>,
    /// The aggregate's stream.
    pub stream: Option<Field>,
    /// The number within the stream.
    pub version: Option<Field>,
    /// The event's id.
    pub id: Option<Field>,
    /// What ties the events of one saga instance together.
    pub correlation: Option<Field>,
    /// The id of the causing event.
    pub causation: Option<Field>,
    /// The idempotency key.
    pub key: Option<Field>,
    /// The payload.
    pub data: Option<Field>,
    /// The headers.
    pub metadata: Option<Field>,
}

impl Source {
    /// A source that says nothing at all.
    pub const fn blank() -> Source {
        Source {
            place: None,
            preset: None,
            relation: None,
            attach: None,
            position: None,
            time: None,
            kind: None,
            stream: None,
            version: None,
            id: None,
            correlation: None,
            causation: None,
            key: None,
            data: None,
            metadata: None,
        }
    }
}

/// Where rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relation {
    /// A table or view.
    Table(String),
    /// A read-only query.
    Query(String),
}

/// A column, or a path into a JSON column: `payload`, `metadata.correlationId`,
/// `data.transfer_id._data_`.
///
/// A column of exactly this name wins; otherwise the first segment is `data`, `metadata` or a
/// column, and the rest is the way into its JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// As written.
    pub name: String,
    /// How the column's bytes are packed.
    pub encoding: Encoding,
    /// Where it is declared, for messages about columns that do not exist.
    pub place: Option<Place>,
}

/// How a column's bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// JSON as text, as a BLOB of text, or SQLite's JSONB.
    Plain,
    /// JSON compressed with zlib; a value that is not compressed is taken as it is.
    Zlib,
}

/// Where the time is and in which unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeField {
    /// The column or path.
    pub field: Field,
    /// How its values are to be read.
    pub unit: TimeUnit,
}

/// How a recorded time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds since the Unix epoch, whole or with a fraction.
    Seconds,
    /// Milliseconds since the epoch.
    Milliseconds,
    /// Microseconds since the epoch.
    Microseconds,
    /// Nanoseconds since the epoch.
    Nanoseconds,
    /// RFC 3339 text; without an offset it is taken as UTC.
    Rfc3339,
    /// What SQLite's date functions write: `2024-06-02 11:02:00`, UTC, or a Julian day number.
    Sqlite,
}

/// Where the event type is and how it becomes the name that definitions use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeField {
    /// The column or path; `None` with a preset that knows.
    pub field: Option<Field>,
    /// Only what stands after the last of these counts.
    pub last_segment: Option<String>,
    /// Recorded name to name in definitions.
    pub renames: BTreeMap<String, Arc<str>>,
}

impl TypeField {
    /// How a type that definitions name stands in the log; `None` where that cannot be told.
    pub fn recorded<'k>(&'k self, kind: &'k str) -> Option<&'k str> {
        if self.last_segment.is_some() {
            return None;
        }
        let mut renamed = self.renames.iter().filter(|(_, name)| ***name == *kind);
        match (renamed.next(), renamed.next()) {
            (Some((recorded, _)), None) => Some(recorded),
            // Written as it is, it would be read as another.
            (None, _) if self.renames.contains_key(kind) => None,
            (None, _) => Some(kind),
            (Some(_), Some(_)) => None,
        }
    }
}

/// A status column that says where each saga instance is.
#[derive(Debug, Clone)]
pub struct Claims {
    /// Where it is declared.
    pub place: Place,
    /// The saga it speaks of.
    pub saga: Arc<str>,
    /// The table or query.
    pub relation: Relation,
    /// The column with the correlation value.
    pub id: String,
    /// The column with the status.
    pub status: String,
    /// Status values that claim completion.
    pub completed: Vec<String>,
    /// Status values that claim that all was undone.
    pub compensated: Vec<String>,
    /// Status values that claim that it is still going on.
    pub running: Vec<String>,
}
