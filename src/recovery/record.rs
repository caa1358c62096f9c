//! Appends the event of an action that is done to the log itself, where its definition asks for it.
//!
//! The event's id is made from the action's key, so that it stands there once however often it is
//! asked for. It goes in only if no other event of the instance came since the log was last read;
//! its version is the next of its stream, as it is within the same transaction. The journal is another
//! file, so its entry is no part of that transaction: it comes first, and what is missing in the log
//! after a crash is appended when the plan is resumed.

mod table;
mod trial;
mod versions;

use std::path::Path;
use std::time::Duration;

use rusqlite::types::Value as Cell;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params_from_iter};
use serde_json::json;

use crate::definition::log::{Field, LogDefinition, TimeUnit};
use crate::event::{Event, Position, Timestamp};
use crate::log::LogError;
use crate::recovery::action::outbox::quoted;
use crate::recovery::permit::Permit;
use table::{Part, Table};
use versions::{Greatest, Place};

pub(super) use trial::{check, rehearse};
pub(super) use versions::Versions;

/// How long a write waits for another process's.
const PATIENCE: Duration = Duration::from_secs(10);

/// The event to append.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    /// Its type, as definitions name it.
    pub(super) kind: &'a str,
    /// The action's key.
    pub(super) key: &'a str,
    /// An event of the same instance and stream. Theirs are copied as they stand there: a number or
    /// a BLOB is not found by its text.
    pub(super) beside: Position,
    /// The log's last position when it was read.
    pub(super) head: Option<Position>,
    /// When it is appended.
    pub(super) at: Timestamp,
    /// The tool that appends it.
    pub(super) tool: &'a str,
    /// The plan's digest.
    pub(super) plan: &'a str,
}

/// What came of appending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recorded {
    /// It stands at this position.
    At(i64),
    /// The instance has events that were not read; nothing is written.
    Moved,
}

/// Why an event cannot be appended.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// SQLite said so.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// It cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// No definition says what its table is.
    #[error("it is not declared as one table")]
    Undeclared,
    /// The table is not what the definition takes it for.
    #[error("{0}")]
    Table(String),
}

impl Entry<'_> {
    /// The id of the event.
    pub(super) fn id(&self) -> String {
        format!("sagactl-{}", self.key)
    }

    /// Whether an event is the one to append.
    pub(super) fn is(&self, event: &Event) -> bool {
        let is_same = |known: &Option<String>, own: &str| known.as_deref() == Some(own);
        event.kind == self.kind && (is_same(&event.id, &self.id()) || is_same(&event.key, self.key))
    }
}

/// Appends an event.
///
/// # Errors
/// When the table cannot be written to, or is not what the definition takes it for.
pub(super) fn append(
    permit: &Permit,
    definition: &LogDefinition,
    log: &Path,
    entry: Entry<'_>,
    versions: &Versions,
) -> Result<Recorded, RecordError> {
    let mut connection = open(log)?;
    connection.pragma_update(None, "synchronous", "EXTRA")?;
    let table = Table::read(definition, &connection)?;
    let known = table.known(&connection, (&definition.name, versions), entry)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let recorded = table.insert(permit, &transaction, entry, known)?;
    if matches!(recorded, Recorded::At(_)) {
        transaction.commit()?;
    }
    Ok(recorded)
}

fn open(log: &Path) -> Result<Connection, RecordError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(log, flags)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

/// The greatest version of a stream, and the position up to which that is known; `None` where it is
/// looked up when it is needed.
type Known = Option<(i64, Greatest)>;

impl Table<'_> {
    /// The position as SQL.
    fn position(&self) -> String {
        let position = self.source.position.as_ref();
        position.map_or_else(|| "rowid".to_owned(), |field| quoted(&field.name))
    }

    /// What a column holds in the row that an entry stands beside.
    fn beside(
        &self,
        connection: &Connection,
        field: Option<&Field>,
        entry: Entry<'_>,
    ) -> rusqlite::Result<Cell> {
        let Some(field) = field else {
            return Ok(Cell::Null);
        };
        let sql = format!(
            "SELECT {} FROM {} WHERE {} = ?1",
            quoted(&field.name),
            quoted(self.name),
            self.position()
        );
        connection.query_row(&sql, [entry.beside.0], |row| row.get(0))
    }

    /// What is known of the version of an entry's stream, found out before a transaction begins.
    fn known(
        &self,
        connection: &Connection,
        (log, versions): (&str, &Versions),
        entry: Entry<'_>,
    ) -> Result<Known, RecordError> {
        let source = self.source;
        let column = |field: &Option<Field>| field.as_ref().map(|field| quoted(&field.name));
        let columns = (
            column(&source.correlation),
            column(&source.stream),
            column(&source.version),
        );
        let (Some(correlation), Some(by), Some(version)) = &columns else {
            return Ok(None);
        };
        let place = Place {
            log,
            table: &quoted(self.name),
            position: &self.position(),
            correlation,
            stream: by,
            version,
        };
        let stream = self.beside(connection, source.stream.as_ref(), entry)?;
        Ok(versions.of(connection, place, &stream)?)
    }

    /// The next version of a stream; `NULL` where events have none.
    fn version(
        &self,
        connection: &Connection,
        stream: &Cell,
        known: Known,
    ) -> Result<Cell, RecordError> {
        let (Some(by), Some(version)) = (&self.source.stream, &self.source.version) else {
            return Ok(Cell::Null);
        };
        if *stream == Cell::Null {
            return Ok(Cell::Null);
        }
        let (by, version) = (quoted(&by.name), quoted(&version.name));
        match known {
            None => {
                let narrowed = format!("WHERE {by} = ?1");
                self.next(
                    connection,
                    &version,
                    (&narrowed, &[stream]),
                    Greatest::Absent,
                )
            }
            Some((seen, known)) => {
                let narrowed = format!("WHERE {by} = ?1 AND {} > ?2", self.position());
                let seen = Cell::Integer(seen);
                self.next(connection, &version, (&narrowed, &[stream, &seen]), known)
            }
        }
    }

    /// The number after the greatest of a column, among the rows of a condition and those known.
    fn next(
        &self,
        connection: &Connection,
        column: &str,
        (narrowed, by): (&str, &[&Cell]),
        known: Greatest,
    ) -> Result<Cell, RecordError> {
        let sql = format!("SELECT max({column}) FROM {} {narrowed}", quoted(self.name));
        let found = connection.query_row(&sql, params_from_iter(by), |row| {
            Ok(Greatest::from(row.get_ref(0)?))
        })?;
        match found.max(known) {
            Greatest::Absent => Ok(Cell::Integer(1)),
            Greatest::Number(greatest) if greatest < i64::MAX => Ok(Cell::Integer(greatest + 1)),
            Greatest::Number(_) => Err(RecordError::Table(format!(
                "the last {column} of `{}` is the greatest that there is",
                self.name
            ))),
            Greatest::Other => Err(RecordError::Table(format!(
                "the last {column} of `{}` is no whole number, so the next is not known",
                self.name
            ))),
        }
    }

    /// Inserts an event, unless its instance has events that were not read.
    fn insert(
        &self,
        permit: &Permit,
        transaction: &Connection,
        entry: Entry<'_>,
        known: Known,
    ) -> Result<Recorded, RecordError> {
        let (source, table, position) = (self.source, quoted(self.name), self.position());
        let correlation = self.beside(transaction, source.correlation.as_ref(), entry)?;
        let stream = self.beside(transaction, source.stream.as_ref(), entry)?;
        if let Some(field) = &source.correlation {
            let since = format!(
                "SELECT EXISTS (SELECT 1 FROM {table} WHERE {position} > ?1 AND {} = ?2)",
                quoted(&field.name)
            );
            let head = entry.head.map_or(i64::MIN, |head| head.0);
            if transaction.query_row(&since, (head, &correlation), |row| row.get(0))? {
                return Ok(Recorded::Moved);
            }
        }
        let has_metadata = source.metadata.is_some();
        let mark = json!({ "sagactl": {
            "tool": entry.tool, "actor": permit.actor(), "reason": permit.reason(),
            "plan": entry.plan, "key": entry.key,
        } });
        let text = |text: &str| Cell::Text(text.to_owned());
        let (mut names, mut cells) = (Vec::new(), Vec::new());
        for (field, part) in self.mapped() {
            names.push(quoted(&field.name));
            cells.push(match part {
                Part::Position => self.next(transaction, &position, ("", &[]), Greatest::Absent)?,
                Part::Time => source
                    .time
                    .as_ref()
                    .map_or(Cell::Null, |time| instant(entry.at, time.unit)),
                Part::Kind => {
                    let names = source.kind.as_ref();
                    names
                        .and_then(|names| names.recorded(entry.kind))
                        .map_or(Cell::Null, text)
                }
                Part::Stream => stream.clone(),
                Part::Version => self.version(transaction, &stream, known)?,
                Part::Id => Cell::Text(entry.id()),
                Part::Correlation => correlation.clone(),
                Part::Key => text(entry.key),
                Part::Data if has_metadata => text("{}"),
                Part::Data | Part::Metadata => Cell::Text(mark.to_string()),
            });
        }
        let places = vec!["?"; names.len()].join(", ");
        let insert = format!(
            "INSERT INTO {table} ({}) VALUES ({places}) RETURNING {position}",
            names.join(", ")
        );
        let at = transaction.query_row(&insert, params_from_iter(cells), |row| row.get(0))?;
        Ok(Recorded::At(at))
    }
}

/// An instant as the log's clock writes it.
fn instant(at: Timestamp, unit: TimeUnit) -> Cell {
    let nanos = at.as_nanos();
    match unit {
        TimeUnit::Seconds => Cell::Integer(nanos.div_euclid(1_000_000_000)),
        TimeUnit::Milliseconds => Cell::Integer(nanos.div_euclid(1_000_000)),
        TimeUnit::Microseconds => Cell::Integer(nanos.div_euclid(1_000)),
        TimeUnit::Nanoseconds => Cell::Integer(nanos),
        TimeUnit::Rfc3339 => Cell::Text(at.to_string()),
        TimeUnit::Sqlite => {
            let millis = nanos.div_euclid(1_000_000).saturating_mul(1_000_000);
            let text = Timestamp::from_nanos(millis).to_string();
            Cell::Text(text.replace('T', " ").trim_end_matches('Z').to_owned())
        }
    }
}
