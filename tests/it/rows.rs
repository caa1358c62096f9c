//! Small logs made row by row, and what an audit says of them.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use sagactl::definition::settings::AsOf;
use sagactl::definition::{self, Definitions};
use sagactl::event::Timestamp;
use sagactl::inspect::{self, Go, Options};
use sagactl::report::Report;
use sagactl::rules;
use tempfile::TempDir;

/// The log's document, for definitions of such a log.
pub const LOG: &str = "log: rows
database: rows.db
events: { table: events, position: position, time: { column: time, unit: s }, type: type, stream: stream, id: id, correlation: correlation, idempotency: key, data: data }
---
";

/// A row as it stands in the table; a missing time or data that is no JSON makes it a bad one.
#[derive(Debug, Clone, Default)]
pub struct Row {
    pub time: Option<i64>,
    pub kind: &'static str,
    pub id: Option<String>,
    pub correlation: Option<String>,
    pub key: Option<String>,
    pub data: String,
}

/// A row of an instance that says nothing more.
pub fn row(correlation: &str, kind: &'static str, time: Option<i64>) -> Row {
    Row {
        time,
        kind,
        correlation: Some(correlation.to_owned()),
        data: "{}".to_owned(),
        ..Row::default()
    }
}

/// A log on disk; it goes when this does.
pub struct Log {
    pub connection: Connection,
    path: PathBuf,
    folder: TempDir,
}

impl Log {
    /// A log of these rows, at positions from 1.
    pub fn new(rows: &[Row]) -> Log {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;
                 CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER, type TEXT, \
                 stream TEXT, id TEXT, correlation TEXT, key TEXT, data TEXT);
                 BEGIN",
            )
            .unwrap();
        for row in rows {
            let Row {
                time,
                kind,
                id,
                correlation,
                key,
                data,
            } = row;
            connection
                .execute(
                    "INSERT INTO events (time, type, id, correlation, key, data) VALUES (?, ?, ?, ?, ?, ?)",
                    params![time, kind, id, correlation, key, data],
                )
                .unwrap();
        }
        connection.execute_batch("COMMIT").unwrap();
        Log {
            connection,
            path,
            folder,
        }
    }

    /// Where it stands.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What is found in it as it stood at this second.
    pub fn audit(&self, definitions: &Definitions, horizon: i64) -> Report {
        self.audit_within(definitions, horizon, None)
    }

    /// The same within a cap of so many bytes.
    pub fn audit_within(
        &self,
        definitions: &Definitions,
        horizon: i64,
        memory: Option<u64>,
    ) -> Report {
        let options = Options {
            memory,
            ..Options::new(at(1_000_000))
        };
        self.audit_with(definitions, horizon, options)
    }

    /// What is found of this instance alone.
    pub fn audit_of(&self, definitions: &Definitions, horizon: i64, id: &str) -> Report {
        let options = Options {
            instances: vec![id.to_owned()],
            ..Options::new(at(1_000_000))
        };
        self.audit_with(definitions, horizon, options)
    }

    fn audit_with(&self, definitions: &Definitions, horizon: i64, options: Options) -> Report {
        let options = Options {
            log: Some(self.path.clone()),
            as_of: Some(AsOf::Instant(at(horizon))),
            ..options
        };
        inspect::audit(definitions, &options, &|_| Go::On).unwrap()
    }
}

/// Definitions of such a log.
pub fn definitions(text: &str) -> Definitions {
    load(LOG, text)
}

/// The same where time orders the log.
pub fn by_time(text: &str) -> Definitions {
    load(&ordered_by_time(LOG), text)
}

/// A log's document with time for its order.
pub fn ordered_by_time(log: &str) -> String {
    let order = "order: { time: { skew: 0s, lateness: 10m } }\n---\n";
    log.replace("---\n", order)
}

/// Definitions of a log with this document.
pub fn load(log: &str, text: &str) -> Definitions {
    let text = format!("{log}{text}");
    definition::load_text("rows.yaml".as_ref(), &text, &rules::names()).unwrap()
}

/// How many subjects a rule looked at, and of how many it could not tell.
pub fn looked_at(report: &Report, rule: &str) -> (u64, u64) {
    let count = report.rules.iter().find(|count| count.rule == rule);
    count.map_or((0, 0), |count| (count.checked, count.unknown))
}

/// A total that was not what it has to be: the invariant, the group, the event that left it so, and
/// whether it is right again.
pub type Breach = (String, String, i64, bool);

/// What was found of totals, sorted.
pub fn breaches(report: &Report) -> Vec<Breach> {
    let own = report.findings.iter();
    let own = own.filter(|finding| finding.rule == "invariant/violated");
    let mut found: Vec<Breach> = own
        .map(|finding| {
            (
                finding.subject.definition.to_string(),
                finding.subject.id.clone(),
                finding.evidence[0].0,
                finding.message.contains("it is right again"),
            )
        })
        .collect();
    found.sort();
    found
}

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}
