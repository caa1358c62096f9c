//! The recorded log: opened read-only, its mapping resolved against the columns that are really
//! there, its rows handed out one by one without copying.
//!
//! A row that cannot be read is handed out as a [`BadRow`]; it never ends the scan.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::event::{Position, Timestamp};
use crate::expression::{Expression, FoldExpression, Scope};
use crate::texts::Keys;

mod cell;
mod claims;
mod demands;
mod describe;
mod error;
mod facts;
mod garbled;
mod guard;
mod guess;
mod json;
mod jsonb;
mod jsonl;
mod layout;
mod mapping;
mod open;
mod opened;
mod presets;
mod reader;
mod recognise;
pub mod record;
mod schema;
mod snapshot;
mod split;
mod table;
#[cfg(test)]
mod testing;
mod time;
mod types;
mod unpack;
mod value;
mod yaml;

pub use demands::{Demands, Field, Unique};
pub use describe::{Description, describe};
pub use error::LogError;
pub(crate) use garbled::{has_mark, spelled};
pub(crate) use open::Database;
pub use opened::Log;
pub use recognise::{Recognised, recognise};
pub use schema::Gives;
pub(crate) use snapshot::copy as private_copy;
pub(crate) use table::MOST_ROWS;
pub use table::{Beside, Snapshot, Wanted};
pub(crate) use value::text as column_text;

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
    /// [`Row::stream`]
    pub stream: bool,
    /// [`Row::version`]
    pub version: bool,
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

impl Fields {
    /// What these expressions look at.
    pub fn of<'e>(expressions: impl IntoIterator<Item = &'e Expression>) -> Fields {
        let each = expressions.into_iter().map(|expression| {
            let documents = [expression.reads_data(), expression.reads_metadata()];
            Fields::read_by(|field| expression.reads_event(field), documents)
        });
        each.fold(Fields::default(), Fields::with)
    }

    /// What these expressions of folds look at.
    pub fn of_folds<'e>(expressions: impl IntoIterator<Item = &'e FoldExpression>) -> Fields {
        let each = expressions.into_iter().map(|expression| {
            let documents = [expression.reads_data(), expression.reads_metadata()];
            Fields::read_by(|field| expression.reads_event(field), documents)
        });
        each.fold(Fields::default(), Fields::with)
    }

    fn read_by(event: impl Fn(&str) -> bool, [data, metadata]: [bool; 2]) -> Fields {
        Fields {
            time: event("time"),
            stream: event("stream"),
            version: event("version"),
            id: event("id"),
            correlation: event("correlation"),
            causation: event("causation"),
            key: event("key"),
            data,
            metadata,
        }
    }

    /// Everything.
    pub const ALL: Fields = Fields {
        time: true,
        stream: true,
        version: true,
        id: true,
        correlation: true,
        causation: true,
        key: true,
        data: true,
        metadata: true,
    };

    /// Whether some of these are among the others.
    pub fn meets(self, other: Fields) -> bool {
        self.time && other.time
            || self.stream && other.stream
            || self.version && other.version
            || self.id && other.id
            || self.correlation && other.correlation
            || self.causation && other.causation
            || self.key && other.key
            || self.data && other.data
            || self.metadata && other.metadata
    }

    /// These and the others.
    pub fn with(self, other: Fields) -> Fields {
        Fields {
            time: self.time || other.time,
            stream: self.stream || other.stream,
            version: self.version || other.version,
            id: self.id || other.id,
            correlation: self.correlation || other.correlation,
            causation: self.causation || other.causation,
            key: self.key || other.key,
            data: self.data || other.data,
            metadata: self.metadata || other.metadata,
        }
    }
}

/// One row on its way past; everything borrows from the reader until the next row.
///
/// Ids are UTF-8: bytes that are not are spelled in place, `o-�'ff'`, and no sound text is spelled so;
/// numbers are written in decimal, a BLOB of 16 bytes as a hyphenated UUID, any other as hexadecimal
/// digits. A blank id, correlation or cause is none.
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

impl<'a> Row<'a> {
    /// What an expression sees of it, given the name of its type.
    pub fn scope(&self, kind: &'a str) -> Scope<'a> {
        Scope {
            position: self.position,
            kind,
            time: Some(self.time),
            stream: self.stream,
            version: self.version,
            id: self.id,
            correlation: self.correlation,
            causation: self.causation,
            key: self.key,
            data: self.data,
            metadata: self.metadata,
        }
    }
}

/// A row of which something cannot be read. Whoever does not look at that can judge it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Its position; `None` where that is what cannot be read.
    pub position: Option<Position>,
    /// What is wrong and the raw text that stands there (cut, and saying so, if long): a
    /// lower-case fragment.
    pub reason: String,
    /// Its event id.
    pub id: BadId,
    /// Its type, where that can be read.
    pub kind: Option<TypeId>,
    /// What ties its saga instance together, where it has that and it can be read.
    pub correlation: Option<String>,
    /// What else it tells.
    pub rest: Box<Rest>,
}

/// What such a row tells all the same, as far as it was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rest {
    /// When it happened.
    pub time: Option<Timestamp>,
    /// The aggregate's stream.
    pub stream: Option<String>,
    /// The number within the stream.
    pub version: Option<i64>,
    /// The id of the causing event.
    pub causation: Option<String>,
    /// The idempotency key.
    pub key: Option<String>,
    /// The payload's text, not validated.
    pub data: Option<Vec<u8>>,
    /// The headers' text, not validated.
    pub metadata: Option<Vec<u8>>,
    /// What was asked for and cannot be read.
    pub unread: Fields,
}

impl BadRow {
    /// What can be judged of it all the same: its type, its place and its time are known. What cannot
    /// be read of it is left blank, and named by [`Rest::unread`].
    pub fn event(&self) -> Option<Row<'_>> {
        let Rest {
            time: Some(time),
            unread,
            ..
        } = &*self.rest
        else {
            return None;
        };
        if *unread == Fields::ALL {
            return None;
        }
        let kind = self.kind?;
        let Scope {
            position,
            stream,
            version,
            id,
            correlation,
            causation,
            key,
            data,
            metadata,
            ..
        } = self.scope(None);
        self.position.map(|_| Row {
            position,
            kind,
            time: *time,
            stream,
            version,
            id,
            correlation,
            causation,
            key,
            data,
            metadata,
        })
    }

    /// Whether what looks at these columns cannot judge it.
    pub fn is_lost_to(&self, fields: Fields) -> bool {
        self.event().is_none() || fields.meets(self.rest.unread)
    }

    /// What it tells, given the name of its type, to expressions that look at nothing which it does
    /// not tell; see [`BadRow::tells`].
    pub fn scope<'a>(&'a self, kind: Option<&'a str>) -> Scope<'a> {
        let Rest {
            time,
            stream,
            version,
            causation,
            key,
            data,
            metadata,
            ..
        } = &*self.rest;
        Scope {
            position: self.position.unwrap_or(Position(0)),
            kind: kind.unwrap_or_default(),
            time: *time,
            stream: stream.as_deref(),
            version: *version,
            id: match &self.id {
                BadId::Known(id) => Some(id),
                BadId::None | BadId::Unreadable => None,
            },
            correlation: self.correlation.as_deref(),
            causation: causation.as_deref(),
            key: key.as_deref(),
            data: data.as_deref(),
            metadata: metadata.as_deref(),
        }
    }

    /// Whether it tells everything that an expression looks at; `has_kind` is whether its type is
    /// known.
    pub fn tells(&self, expression: &Expression, has_kind: bool) -> bool {
        let wants = Fields::of([expression]);
        let is_told = !wants.meets(self.rest.unread);
        is_told
            && (self.position.is_some() || !expression.reads_event("position"))
            && (has_kind || !expression.reads_event("type"))
    }

    /// Whether a condition holds for it; `None` where it does not tell.
    pub fn settles(&self, condition: &Expression, kind: Option<&str>) -> Option<bool> {
        let is_told = self.tells(condition, kind.is_some());
        let holds = is_told.then(|| condition.holds(&self.scope(kind)));
        holds.and_then(Result::ok)
    }

    /// Whether it tells that a condition does not hold for it.
    pub fn rules_out(&self, condition: &Expression, kind: Option<&str>) -> bool {
        self.settles(condition, kind) == Some(false)
    }

    /// Whether it tells that a condition holds for it.
    pub fn affirms(&self, condition: &Expression, kind: Option<&str>) -> bool {
        self.tells(condition, kind.is_some()) && condition.holds(&self.scope(kind)) == Ok(true)
    }

    /// The hash by [`Keys::hash`] of the text that an expression has for it, where it tells one.
    pub fn hash_of(&self, expression: &Expression, kind: Option<&str>) -> Option<u64> {
        if !self.tells(expression, kind.is_some()) {
            return None;
        }
        let text = expression.text(&self.scope(kind)).ok().flatten()?;
        Some(Keys::hash(&text))
    }

    /// The name that an expression has for it, where it tells one.
    pub fn name_of(&self, expression: &Expression, kind: Option<&str>) -> Option<String> {
        let is_told = self.tells(expression, kind.is_some());
        let name = is_told.then(|| expression.name(&self.scope(kind)));
        name.flatten().map(Cow::into_owned)
    }
}

/// The event id of a row that cannot be judged: others may name it as their cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadId {
    /// It has none, or none was asked for.
    None,
    /// It can be read.
    Known(String),
    /// It cannot be read either.
    Unreadable,
}

impl From<Option<&str>> for BadId {
    fn from(id: Option<&str>) -> BadId {
        id.map_or(BadId::None, |id| BadId::Known(id.to_owned()))
    }
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
    /// Only rows from the first to the last of these positions, in a log that [`Log::parts`]
    /// divides.
    Range(Position, Position),
}

/// How to open a log.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// Instead of the file that the definition names.
    pub path: Option<PathBuf>,
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
    /// The greatest rowid in the table, where the sequence is kept.
    pub greatest: Option<i64>,
    /// A UNIQUE index proves that no two rows share an id.
    pub unique_id: bool,
    /// The correlation field is a column with an index whose first column it is.
    pub indexed_correlation: bool,
}
