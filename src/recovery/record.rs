//! Appends the event of an action that is done to the log itself, where its definition asks for it.
//!
//! The event's id is made from the action's key, so that it stands there once however often it is
//! asked for. It goes in only if nobody else wrote to the log since it was last read; where somebody
//! did, other writers are kept out while it is read once more, so that this always comes to an end.
//! Its version is the next of its stream, as it is within the same transaction. The journal is another
//! file, so its entry is no part of that transaction: it comes first, and what is missing in the log
//! after a crash is appended when the plan is resumed.

mod table;
mod trial;
mod versions;

use std::path::Path;
use std::time::Duration;

use rusqlite::types::Value as Cell;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use serde_json::json;

use crate::definition::log::{Field, LogDefinition, TimeUnit};
use crate::event::{Event, Position, Timestamp};
use crate::log::LogError;
use crate::recovery::action::outbox::quoted;
use crate::recovery::permit::Permit;
use table::{Part, Table};
use versions::{Greatest, Look, Place};

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
    /// Somebody wrote to the log since it was opened. Nothing is written; what is read now is true
    /// until the writer is dropped.
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
    /// The user interrupted a scan.
    #[error("interrupted; it is when the plan is resumed")]
    Interrupted,
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

/// A log open to be written to, by one who reads it meanwhile.
pub(super) struct Writer<'d> {
    connection: Connection,
    table: Table<'d>,
    log: &'d str,
    /// What tells that others wrote since.
    others: i64,
    is_alone: bool,
}

impl<'d> Writer<'d> {
    /// Opens a log, before what is to be appended is decided by reading it.
    ///
    /// # Errors
    /// When the table cannot be written to, or is not what the definition takes it for.
    pub(super) fn open(
        _: &Permit,
        definition: &'d LogDefinition,
        log: &Path,
    ) -> Result<Writer<'d>, RecordError> {
        let connection = open(log)?;
        connection.pragma_update(None, "synchronous", "EXTRA")?;
        Ok(Writer {
            table: Table::read(definition, &connection)?,
            log: &definition.name,
            others: others(&connection)?,
            is_alone: false,
            connection,
        })
    }

    /// Appends an event, if nobody else wrote since the log was opened, or was kept out.
    ///
    /// # Errors
    /// As [`Writer::open`].
    pub(super) fn append(
        &mut self,
        permit: &Permit,
        entry: Entry<'_>,
        versions: &Versions<'_>,
    ) -> Result<Recorded, RecordError> {
        let by = (self.log, versions);
        let asked = (entry, Look::Now);
        let known = self.table.known(&self.connection, by, asked)?;
        if !self.is_alone {
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
            self.is_alone = true;
            if others(&self.connection)? != self.others {
                return Ok(Recorded::Moved);
            }
        }
        let at = self.table.insert(permit, &self.connection, entry, known)?;
        self.connection.execute_batch("COMMIT")?;
        self.is_alone = false;
        Ok(Recorded::At(at))
    }
}

/// A number that another connection's commit changes, and one of this connection does not.
fn others(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "data_version", |row| row.get(0))
}

fn open(log: &Path) -> Result<Connection, RecordError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(log, flags)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

/// The greatest version of a stream; `None` where it is looked up when it is needed.
type Known = Option<Greatest>;

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

    /// What is known of the version of an entry's stream.
    fn known(
        &self,
        connection: &Connection,
        (log, versions): (&str, &Versions<'_>),
        (entry, look): (Entry<'_>, Look),
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
        if !self.is_numbered {
            return Ok(None);
        }
        let place = Place {
            log,
            table: &quoted(self.name),
            position: &self.position(),
            correlation,
            stream: by,
            version,
        };
        let stream = self.beside(connection, source.stream.as_ref(), entry)?;
        versions.of(connection, place, (&stream, look))
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
        let greatest = match known {
            Some(known) => known,
            None => self.greatest(connection, &version, Some((&*by, stream)))?,
        };
        self.after(&version, greatest)
    }

    /// The greatest value of a column, of all rows or of those that hold this value in that one.
    fn greatest(
        &self,
        connection: &Connection,
        column: &str,
        narrowed: Option<(&str, &Cell)>,
    ) -> rusqlite::Result<Greatest> {
        let by = narrowed.map_or_else(String::new, |(by, _)| format!(" WHERE {by} = ?1"));
        let sql = format!("SELECT max({column}) FROM {}{by}", quoted(self.name));
        let value = narrowed.map(|(_, value)| value);
        connection.query_row(&sql, params_from_iter(value), |row| {
            Ok(Greatest::from(row.get_ref(0)?))
        })
    }

    /// The number after the greatest of a column.
    fn after(&self, column: &str, greatest: Greatest) -> Result<Cell, RecordError> {
        match greatest {
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

    /// Inserts an event; answers its position.
    fn insert(
        &self,
        permit: &Permit,
        connection: &Connection,
        entry: Entry<'_>,
        known: Known,
    ) -> Result<i64, RecordError> {
        let (source, table, position) = (self.source, quoted(self.name), self.position());
        let correlation = self.beside(connection, source.correlation.as_ref(), entry)?;
        let stream = self.beside(connection, source.stream.as_ref(), entry)?;
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
                Part::Position => {
                    let last = self.greatest(connection, &position, None)?;
                    self.after(&position, last)?
                }
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
                Part::Version => self.version(connection, &stream, known)?,
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
        Ok(connection.query_row(&insert, params_from_iter(cells), |row| row.get(0))?)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::log::{Encoding, Relation, Source};
    use crate::recovery::permit::{Answer, Wish};

    fn definition() -> LogDefinition {
        let field = |name: &str| {
            Some(Field {
                name: name.to_owned(),
                encoding: Encoding::Plain,
                place: None,
            })
        };
        LogDefinition {
            sources: vec![Source {
                relation: Some(Relation::Table("events".to_owned())),
                position: field("position"),
                correlation: field("saga"),
                ..Source::blank()
            }],
            ..LogDefinition::undeclared("shop")
        }
    }

    #[test]
    fn whoever_wrote_meanwhile_is_seen_and_then_kept_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.db");
        let other = Connection::open(&path).unwrap();
        other.busy_timeout(Duration::ZERO).unwrap();
        let table = "CREATE TABLE events (position INTEGER PRIMARY KEY, saga)";
        other.execute_batch(table).unwrap();
        let write =
            |position: i64| other.execute("INSERT INTO events VALUES (?1, 'o-1')", [position]);
        write(5).unwrap();
        let wish = Wish {
            write: true,
            yes: true,
            reason: Some("INC-1"),
            actor: "ann",
        };
        let permit = Permit::grant(wish, || Answer::No).unwrap().unwrap();
        let (definition, versions) = (definition(), Versions::new([], &|| false));
        let entry = Entry {
            kind: "Done",
            key: "k",
            beside: Position(5),
            at: Timestamp::from_nanos(0),
            tool: "",
            plan: "",
        };
        let mut writer = Writer::open(&permit, &definition, &path).unwrap();
        let mut append = || writer.append(&permit, entry, &versions).unwrap();
        assert_eq!(append(), Recorded::At(6), "nobody came between");
        write(1).unwrap();
        assert_eq!(append(), Recorded::Moved, "further up, too");
        assert!(write(2).is_err(), "it has the log alone now");
        assert_eq!(append(), Recorded::At(7));
        write(8).unwrap();
    }
}
