//! Small databases for the tests of this room.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::definition::log::{
    Encoding, Field, LogDefinition, Merge, Order, Relation, Source, TimeField, TimeUnit, TypeField,
};
use crate::event::{Event, Span};
use crate::log::{BadRow, Filter, Log, OpenOptions};

/// A folder of its own with a database in it.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) path: PathBuf,
}

impl Bench {
    pub(crate) fn new(sql: &str) -> Bench {
        let bench = Bench::empty();
        let connection = bench.writer();
        connection.execute_batch(sql).expect("the test's SQL works");
        drop(connection);
        bench
    }

    pub(crate) fn empty() -> Bench {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("log.db");
        Bench { folder, path }
    }

    pub(crate) fn writer(&self) -> Connection {
        let connection = Connection::open(&self.path).expect("a database");
        connection
            .pragma_update(None, "synchronous", "OFF")
            .expect("a pragma");
        connection
    }

    /// Names and bytes of everything in the folder.
    pub(crate) fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = std::fs::read_dir(self.folder.path())
            .expect("the folder")
            .map(|entry| {
                let path = entry.expect("an entry").path();
                let name = path
                    .file_name()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned();
                (name, std::fs::read(&path).expect("a file"))
            })
            .collect();
        files.sort();
        files
    }
}

pub(crate) const EVENTS: &str = "CREATE TABLE events (
    position INTEGER PRIMARY KEY, event_id TEXT UNIQUE, stream TEXT, version INTEGER, type TEXT,
    occurred_at INTEGER, saga_id TEXT, cause TEXT, idem TEXT, payload TEXT, headers TEXT);";

pub(crate) fn field(name: &str) -> Field {
    Field {
        name: name.to_owned(),
        encoding: Encoding::Plain,
        place: None,
    }
}

pub(crate) fn time(name: &str, unit: TimeUnit) -> Option<TimeField> {
    Some(TimeField {
        field: field(name),
        unit,
    })
}

pub(crate) fn kind(name: &str) -> Option<TypeField> {
    Some(TypeField {
        field: Some(field(name)),
        last_segment: None,
        renames: Default::default(),
    })
}

/// Nothing but a table, a type and a time in milliseconds.
pub(crate) fn bare(relation: Relation) -> Source {
    Source {
        relation: Some(relation),
        time: time("time", TimeUnit::Milliseconds),
        kind: kind("type"),
        ..Source::blank()
    }
}

pub(crate) fn table(name: &str) -> Source {
    bare(Relation::Table(name.to_owned()))
}

/// The mapping of [`EVENTS`].
pub(crate) fn events() -> Source {
    Source {
        position: Some(field("position")),
        time: time("occurred_at", TimeUnit::Milliseconds),
        stream: Some(field("stream")),
        version: Some(field("version")),
        id: Some(field("event_id")),
        correlation: Some(field("saga_id")),
        causation: Some(field("cause")),
        key: Some(field("idem")),
        data: Some(field("payload")),
        metadata: Some(field("headers")),
        ..table("events")
    }
}

pub(crate) fn definition(path: &Path, sources: Vec<Source>) -> LogDefinition {
    LogDefinition {
        name: Arc::from("test"),
        apart: None,
        place: None,
        database: Some(path.to_owned()),
        sources,
        merge: Merge::Time,
        cut: false,
        order: Order::Position,
        future_tolerance: Span::from_secs(3600),
        tombstones: Vec::new(),
        claims: Vec::new(),
        names_no_key: false,
    }
}

pub(crate) fn open(bench: &Bench, sources: Vec<Source>) -> Log {
    opened(&definition(&bench.path, sources))
}

pub(crate) fn opened(definition: &LogDefinition) -> Log {
    match Log::open(definition, &OpenOptions::default()) {
        Ok(log) => log,
        Err(error) => panic!("{error}"),
    }
}

pub(crate) fn refusal(bench: &Bench, source: Source) -> String {
    match Log::open(
        &definition(&bench.path, vec![source]),
        &OpenOptions::default(),
    ) {
        Ok(_) => panic!("it should not open"),
        Err(error) => error
            .message
            .replace(&bench.path.display().to_string(), "log.db"),
    }
}

pub(crate) fn all(log: &Log) -> (Vec<Event>, Vec<BadRow>) {
    log.events(Filter::All).expect("the log can be read")
}

pub(crate) fn positions(events: &[Event]) -> Vec<i64> {
    events.iter().map(|event| event.position.0).collect()
}
