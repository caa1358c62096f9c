//! The Python library `eventsourcing` with its SQLite recorder: a table
//! `(originator_id, originator_version, topic, state)` for each application, whose rowid is the
//! notification id.
//!
//! The state is JSON, perhaps compressed; an encrypted one stays unreadable. Which saga an event
//! belongs to is not recorded: the aggregate's id is taken, which is right where the saga is an
//! aggregate itself.

use rusqlite::types::ValueRef;

use super::{Preset, field, filled, kind, time};
use crate::definition::log::{Encoding, Field, Relation, Source, TimeUnit};
use crate::json::find;
use crate::log::error::LogError;
use crate::log::open::Database;
use crate::log::recognise::Evidence;
use crate::log::schema::{self, Shape};
use crate::log::unpack;

pub(super) const PRESET: Preset = Preset {
    name: "eventsourcing",
    complete,
    recognise,
};

const COLUMNS: [&str; 4] = ["originator_id", "originator_version", "topic", "state"];

fn complete(database: &Database, source: &Source) -> Result<Vec<Source>, LogError> {
    let relations = match &source.relation {
        Some(relation) => vec![relation.clone()],
        None => tables(database)?.into_iter().map(Relation::Table).collect(),
    };
    if relations.is_empty() {
        return Err(LogError::new(format!(
            "{} has no table with the columns {} of the preset `eventsourcing`; name the table \
             and its columns",
            database.path().display(),
            COLUMNS.join(", ")
        )));
    }
    relations
        .into_iter()
        .map(|relation| {
            let sample = Sample::of(database, &relation)?;
            let known = Source {
                relation: Some(relation),
                time: time(sample.time, TimeUnit::Rfc3339),
                kind: kind("topic", Some(":")),
                stream: Some(field("originator_id")),
                version: Some(field("originator_version")),
                correlation: Some(field("originator_id")),
                data: Some(Field {
                    encoding: sample.encoding,
                    ..field("state")
                }),
                ..Source::blank()
            };
            Ok(filled(source, known))
        })
        .collect()
}

fn recognise(database: &Database) -> Result<Option<Evidence>, LogError> {
    let tables = tables(database)?;
    if tables.is_empty() {
        return Ok(None);
    }
    let reasons = tables
        .iter()
        .map(|table| format!("table `{table}` has the columns {}", COLUMNS.join(", ")))
        .collect();
    Ok(Some(Evidence {
        reasons,
        sources: complete(database, &Source::blank())?,
    }))
}

/// The event tables; snapshots have the same columns and are no events.
fn tables(database: &Database) -> Result<Vec<String>, LogError> {
    let mut found = Vec::new();
    for table in schema::tables(database)? {
        let shape = Shape::of(database, &Relation::Table(table.clone()))?;
        let whole = COLUMNS.iter().all(|column| shape.column(column).is_some());
        if whole && shape.rowid().is_some() && !table.contains("snapshots") {
            found.push(table);
        }
    }
    Ok(found)
}

/// How the states of a table are written, seen from its first row.
struct Sample {
    encoding: Encoding,
    time: &'static str,
}

impl Sample {
    fn of(database: &Database, relation: &Relation) -> Result<Sample, LogError> {
        let usual = Sample {
            encoding: Encoding::Plain,
            time: "state.timestamp._data_",
        };
        let shape = Shape::of(database, relation)?;
        if shape.column("state").is_none() {
            return Ok(usual);
        }
        let failure = |error| database.failure(&error);
        let mut statement = database
            .connection()
            .prepare(&format!("SELECT \"state\" FROM {} LIMIT 1", shape.from))
            .map_err(failure)?;
        let mut rows = statement.query([]).map_err(failure)?;
        let Some(row) = rows.next().map_err(failure)? else {
            return Ok(usual);
        };
        let encoding = match row.get_ref(0).map_err(failure)? {
            ValueRef::Blob(bytes) | ValueRef::Text(bytes) if unpack::is_zlib(bytes) => {
                Encoding::Zlib
            }
            _ => Encoding::Plain,
        };
        let mut state = [unpack::Unpacked::new(0, encoding)];
        let (state, trouble) = unpack::Open::new(row, &mut state);
        let wrapped = ["timestamp".to_owned(), "_data_".to_owned()];
        let is_bare = trouble.is_none()
            && state.json(0).is_some_and(|bytes| {
                matches!(find(bytes, &wrapped), Ok(None))
                    && matches!(find(bytes, &wrapped[..1]), Ok(Some(_)))
            });
        let time = if is_bare {
            "state.timestamp"
        } else {
            usual.time
        };
        Ok(Sample { encoding, time })
    }
}
