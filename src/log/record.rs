//! Writes a small log of the generic layout: the events of a case file, who wants them read by the
//! real reader. Any cell can hold anything, so that damaged rows can be written too.

use std::path::Path;

use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, ToSql, params, params_from_iter};

use super::LogError;
use super::presets::field;
use super::schema::quote;
use crate::definition::log::{Claims, Relation, Source, TimeField, TimeUnit, TypeField};

/// The columns, in the order of a [`Record`].
pub const COLUMNS: [&str; 11] = [
    "position",
    "time",
    "type",
    "stream",
    "version",
    "id",
    "correlation",
    "causation",
    "key",
    "data",
    "metadata",
];

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// A floating point number.
    Real(f64),
    /// Text.
    Text(String),
}

/// One row, in the order of [`COLUMNS`].
pub type Record = [Cell; COLUMNS.len()];

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Cell::Null => ToSqlOutput::Owned(Value::Null),
            Cell::Integer(number) => ToSqlOutput::from(*number),
            Cell::Real(number) => ToSqlOutput::from(*number),
            Cell::Text(text) => ToSqlOutput::from(text.as_str()),
        })
    }
}

/// Writes a new database: the events, and a status table per list of `(id, status)`.
///
/// # Errors
/// When the file cannot be written.
pub fn write(
    path: &Path,
    records: &[Record],
    statuses: &[Vec<(String, String)>],
) -> Result<(), LogError> {
    attempt(path, records, statuses)
        .map_err(|error| LogError::new(format!("cannot write `{}`: {error}", path.display())))
}

fn attempt(
    path: &Path,
    records: &[Record],
    statuses: &[Vec<(String, String)>],
) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    let transaction = connection.transaction()?;
    // Without types, since a type would bend what is written.
    transaction.execute_batch(&format!("CREATE TABLE events ({})", quoted(&COLUMNS)))?;
    let places = vec!["?"; COLUMNS.len()].join(", ");
    let mut insert = transaction.prepare(&format!("INSERT INTO events VALUES ({places})"))?;
    for record in records {
        insert.execute(params_from_iter(record))?;
    }
    drop(insert);
    for (number, rows) in statuses.iter().enumerate() {
        let table = status_table(number);
        transaction.execute_batch(&format!("CREATE TABLE {table} (id TEXT, status TEXT)"))?;
        let mut insert = transaction.prepare(&format!("INSERT INTO {table} VALUES (?, ?)"))?;
        for (id, status) in rows {
            insert.execute(params![id, status])?;
        }
    }
    transaction.commit()
}

/// A table beside the events.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns; at least one.
    pub columns: Vec<String>,
    /// Its rows, each with a cell per column.
    pub rows: Vec<Vec<Cell>>,
}

/// Adds tables to a database that [`write()`] made.
///
/// # Errors
/// When the file cannot be written.
pub fn add(path: &Path, tables: &[Table]) -> Result<(), LogError> {
    attempt_tables(path, tables)
        .map_err(|error| LogError::new(format!("cannot write `{}`: {error}", path.display())))
}

fn attempt_tables(path: &Path, tables: &[Table]) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    let transaction = connection.transaction()?;
    for table in tables {
        let columns: Vec<&str> = table.columns.iter().map(String::as_str).collect();
        let (name, columns) = (quoted(&[&table.name]), quoted(&columns));
        transaction.execute_batch(&format!("CREATE TABLE {name} ({columns})"))?;
        let places = vec!["?"; table.columns.len()].join(", ");
        let mut insert = transaction.prepare(&format!("INSERT INTO {name} VALUES ({places})"))?;
        for row in &table.rows {
            insert.execute(params_from_iter(row))?;
        }
    }
    transaction.commit()
}

fn quoted(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| quote(name))
        .collect::<Vec<_>>()
        .join(", ")
}

fn status_table(number: usize) -> String {
    format!("status_{number}")
}

/// How the events table is to be read; times are nanoseconds.
pub fn source() -> Source {
    Source {
        relation: Some(Relation::Table("events".to_owned())),
        position: Some(field("position")),
        time: Some(TimeField {
            field: field("time"),
            unit: TimeUnit::Nanoseconds,
        }),
        kind: Some(TypeField {
            field: Some(field("type")),
            last_segment: None,
            renames: Default::default(),
        }),
        stream: Some(field("stream")),
        version: Some(field("version")),
        id: Some(field("id")),
        correlation: Some(field("correlation")),
        causation: Some(field("causation")),
        key: Some(field("key")),
        data: Some(field("data")),
        metadata: Some(field("metadata")),
        ..Source::blank()
    }
}

/// Claims as declared, but read from the status table with this number.
pub fn claims(declared: &Claims, number: usize) -> Claims {
    Claims {
        relation: Relation::Table(status_table(number)),
        id: "id".to_owned(),
        status: "status".to_owned(),
        ..declared.clone()
    }
}
