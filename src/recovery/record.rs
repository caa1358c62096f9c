//! Appends the event of an action that is done to the log itself, where its definition asks for it.
//!
//! The event's id is made from the action's key, so that it stands there once however often it is
//! asked for. It goes in only if no other event of the instance came since the log was last read;
//! its version is the next of its stream, as it is within the same transaction. The journal is another
//! file, so its entry is no part of that transaction: it comes first, and what is missing in the log
//! after a crash is appended when the plan is resumed.

mod versions;

use std::path::Path;
use std::time::Duration;

use rusqlite::types::Value as Cell;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params_from_iter};
use serde_json::json;

use crate::definition::log::{Field, LogDefinition, Relation, Source, TimeUnit};
use crate::event::{Event, Position, Timestamp};
use crate::recovery::action::outbox::quoted;
use crate::recovery::permit::Permit;
use versions::{Greatest, Place};

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

/// The log's table, open to be written to.
struct Table<'d> {
    connection: Connection,
    source: &'d Source,
    name: &'d str,
    columns: Vec<Column>,
    /// Positions are given by SQLite.
    is_numbered: bool,
}

struct Column {
    name: String,
    is_needed: bool,
}

/// Whether events can be appended to the table of a log, as far as its schema tells.
///
/// # Errors
/// See [`RecordError`].
pub(super) fn check(definition: &LogDefinition, log: &Path) -> Result<(), RecordError> {
    let table = Table::open(definition, log)?;
    if table.source.position.is_none() {
        let rowid = format!("SELECT rowid FROM {} LIMIT 0", quoted(table.name));
        table.connection.prepare(&rowid)?;
    }
    let given: Vec<&str> = table.mapped().map(|(field, _)| &*field.name).collect();
    let is_given = |column: &Column| {
        given
            .iter()
            .any(|name| name.eq_ignore_ascii_case(&column.name))
    };
    match table
        .columns
        .iter()
        .find(|column| column.is_needed && !is_given(column))
    {
        None => Ok(()),
        Some(column) => Err(RecordError::Table(format!(
            "`{}` needs a value for `{}`, which the definition does not map",
            table.name, column.name
        ))),
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
    let mut table = Table::open(definition, log)?;
    table
        .connection
        .pragma_update(None, "synchronous", "EXTRA")?;
    table.append(permit, (&definition.name, versions), entry)
}

/// What a column of an event holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Position,
    Time,
    Kind,
    Stream,
    Version,
    Id,
    Correlation,
    Key,
    Data,
    Metadata,
}

impl<'d> Table<'d> {
    fn open(definition: &'d LogDefinition, log: &Path) -> Result<Table<'d>, RecordError> {
        let source = definition.sources.first();
        let Some((source, Relation::Table(name))) =
            source.and_then(|source| Some((source, source.relation.as_ref()?)))
        else {
            return Err(RecordError::Undeclared);
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(log, flags)?;
        connection.busy_timeout(PATIENCE)?;
        let sql: Option<String> = connection
            .query_row(
                "SELECT upper(sql) FROM sqlite_schema WHERE type = 'table' AND lower(name) = lower(?1)",
                [name],
                |row| row.get(0),
            )
            .optional()?;
        let Some(sql) = sql.filter(|sql| !sql.starts_with("CREATE VIRTUAL")) else {
            let message = format!("`{name}` is no table that can be written to");
            return Err(RecordError::Table(message));
        };
        let mut keys = Vec::new();
        let mut columns = Vec::new();
        connection.pragma(None, "table_info", name, |row| {
            let column: String = row.get("name")?;
            let declared: String = row.get("type")?;
            let has_default = row.get::<_, Option<String>>("dflt_value")?.is_some();
            let is_key = row.get::<_, i64>("pk")? > 0;
            if is_key {
                keys.push((column.clone(), declared.eq_ignore_ascii_case("integer")));
            }
            columns.push(Column {
                name: column,
                is_needed: row.get::<_, bool>("notnull")? && !has_default && !is_key,
            });
            Ok(())
        })?;
        let position = source.position.as_ref();
        let is_numbered = match (position, keys.as_slice()) {
            (None, _) => true,
            (Some(field), [(key, true)]) => {
                field.name.eq_ignore_ascii_case(key) && !sql.contains("WITHOUT ROWID")
            }
            (Some(field), _) => field.name.eq_ignore_ascii_case("rowid"),
        };
        Ok(Table {
            connection,
            source,
            name,
            columns,
            is_numbered,
        })
    }

    /// The columns that an event fills; no column twice.
    fn mapped(&self) -> impl Iterator<Item = (&'d Field, Part)> {
        let source = self.source;
        let kind = source.kind.as_ref().and_then(|kind| kind.field.as_ref());
        let time = source.time.as_ref().map(|time| &time.field);
        let position = source.position.as_ref().filter(|_| !self.is_numbered);
        let is_position = |field: &&Field| {
            let position = source.position.as_ref();
            position.is_some_and(|position| position.name == field.name)
        };
        [
            (position, Part::Position),
            (time, Part::Time),
            (kind, Part::Kind),
            (source.stream.as_ref(), Part::Stream),
            (source.version.as_ref(), Part::Version),
            (
                source.id.as_ref().filter(|field| !is_position(field)),
                Part::Id,
            ),
            (source.correlation.as_ref(), Part::Correlation),
            (source.key.as_ref(), Part::Key),
            (source.data.as_ref(), Part::Data),
            (source.metadata.as_ref(), Part::Metadata),
        ]
        .into_iter()
        .filter_map(|(field, part)| Some((field?, part)))
    }

    fn append(
        &mut self,
        permit: &Permit,
        (log, versions): (&str, &Versions),
        entry: Entry<'_>,
    ) -> Result<Recorded, RecordError> {
        let parts: Vec<(&Field, Part)> = self.mapped().collect();
        let source = self.source;
        let table = quoted(self.name);
        let position = source
            .position
            .as_ref()
            .map_or_else(|| "rowid".to_owned(), |field| quoted(&field.name));
        let beside = |connection: &Connection, field: &Option<Field>| match field {
            None => Ok(Cell::Null),
            Some(field) => {
                let column = quoted(&field.name);
                let sql = format!("SELECT {column} FROM {table} WHERE {position} = ?1");
                connection.query_row(&sql, [entry.beside.0], |row| row.get::<_, Cell>(0))
            }
        };
        let column = |field: &Option<Field>| field.as_ref().map(|field| quoted(&field.name));
        let streams = (
            column(&source.correlation),
            column(&source.stream),
            column(&source.version),
        );
        let mut known = None;
        if let (Some(correlation), Some(by), Some(version)) = &streams {
            let place = Place {
                log,
                table: &table,
                position: &position,
                correlation,
                stream: by,
                version,
            };
            let stream = beside(&self.connection, &source.stream)?;
            known = versions.of(&self.connection, place, &stream)?;
        }
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let correlation = beside(&transaction, &source.correlation)?;
        let stream = beside(&transaction, &source.stream)?;
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
        let next = |column: &str, narrowed: &str, by: &[&Cell], known: Greatest| {
            let sql = format!("SELECT max({column}) FROM {table} {narrowed}");
            let found = transaction.query_row(&sql, params_from_iter(by), |row| {
                Ok(Greatest::from(row.get_ref(0)?))
            })?;
            match found.max(known) {
                Greatest::Absent => Ok(1),
                Greatest::Number(greatest) if greatest < i64::MAX => Ok(greatest + 1),
                Greatest::Number(_) => Err(RecordError::Table(format!(
                    "the last {column} of `{}` is the greatest that there is",
                    self.name
                ))),
                Greatest::Other => Err(RecordError::Table(format!(
                    "the last {column} of `{}` is no whole number, so the next is not known",
                    self.name
                ))),
            }
        };
        let has_metadata = source.metadata.is_some();
        let mark = json!({ "sagactl": {
            "tool": entry.tool, "actor": permit.actor(), "reason": permit.reason(),
            "plan": entry.plan, "key": entry.key,
        } });
        let text = |text: &str| Cell::Text(text.to_owned());
        let mut cells = Vec::new();
        for (field, part) in &parts {
            cells.push(match part {
                Part::Position => Cell::Integer(next(&position, "", &[], Greatest::Absent)?),
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
                Part::Version => match &source.stream {
                    Some(column) if stream != Cell::Null => {
                        let (version, by) = (quoted(&field.name), quoted(&column.name));
                        let version = match known {
                            None => {
                                let narrowed = format!("WHERE {by} = ?1");
                                next(&version, &narrowed, &[&stream], Greatest::Absent)?
                            }
                            Some((seen, known)) => {
                                let narrowed = format!("WHERE {by} = ?1 AND {position} > ?2");
                                let seen = Cell::Integer(seen);
                                next(&version, &narrowed, &[&stream, &seen], known)?
                            }
                        };
                        Cell::Integer(version)
                    }
                    _ => Cell::Null,
                },
                Part::Id => Cell::Text(entry.id()),
                Part::Correlation => correlation.clone(),
                Part::Key => text(entry.key),
                Part::Data if has_metadata => text("{}"),
                Part::Data | Part::Metadata => Cell::Text(mark.to_string()),
            });
        }
        let names: Vec<String> = parts.iter().map(|(field, _)| quoted(&field.name)).collect();
        let places = vec!["?"; names.len()].join(", ");
        let insert = format!(
            "INSERT INTO {table} ({}) VALUES ({places}) RETURNING {position}",
            names.join(", ")
        );
        let at = transaction.query_row(&insert, params_from_iter(cells), |row| row.get(0))?;
        transaction.commit()?;
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
