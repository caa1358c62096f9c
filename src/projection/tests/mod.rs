//! Projections over real SQLite files: the events of a log, the rows of a read model beside them.

mod claims;
mod cut;
mod explanations;
mod folds;
mod keys;
mod oracle;
mod readmodels;
mod verdicts;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use serde_json::Value as Json;
use tempfile::TempDir;

use super::{Audit, Conclusion, Ledger, Note, ReadModels, Reader, Repeats, Standing, Unseen};
use crate::absent::Absent;
use crate::definition;
use crate::definition::log::LogDefinition;
use crate::definition::projection::Projection;
use crate::event::{Position, Timestamp};
use crate::log::record::{self, Cell, Record};
use crate::log::{Fields, Filter, Log, LogError, OpenOptions};
use crate::share::Share;
use crate::texts::{Desk, Texts};

fn counts_from_zero(log: &Log) -> bool {
    let fields = Fields {
        version: true,
        ..Fields::default()
    };
    let mut found = false;
    log.scan(fields, Filter::All, &mut |row| {
        found |= row.unwrap().version == Some(0);
        ControlFlow::Continue(())
    })
    .unwrap();
    found
}

/// A log, a read model and a projection over them.
struct Bench {
    _folder: TempDir,
    path: PathBuf,
    definition: LogDefinition,
    projections: Vec<Arc<Projection>>,
}

/// An event: seconds after the epoch, type, stream, version, data.
type Told<'a> = (i64, &'a str, &'a str, i64, &'a str);

impl Bench {
    /// Writes the events, numbered from 1, runs the SQL beside them and compiles the projections.
    fn new(projections: &str, events: &[Told<'_>], sql: &str) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        let records: Vec<Record> = events
            .iter()
            .enumerate()
            .map(|(index, (seconds, kind, stream, version, data))| {
                let text = |text: &str| Cell::Text(text.to_owned());
                [
                    Cell::Integer(index as i64 + 1),
                    Cell::Integer(seconds * 1_000_000_000),
                    text(kind),
                    text(stream),
                    Cell::Integer(*version),
                    Cell::Null,
                    Cell::Null,
                    Cell::Null,
                    Cell::Null,
                    text(data),
                    Cell::Null,
                ]
            })
            .collect();
        record::write(&path, &records, &[]).unwrap();
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let definitions = definition::load_text(&folder.path().join("p.yaml"), projections, &[])
            .unwrap_or_else(|unusable| panic!("{:?}", unusable.faults));
        let projections = definitions.scopes[0].projections.clone();
        let definition = LogDefinition {
            database: Some(path.clone()),
            sources: vec![record::source()],
            ..LogDefinition::undeclared("test")
        };
        Bench {
            _folder: folder,
            path,
            definition,
            projections,
        }
    }

    fn log(&self) -> Log {
        Log::open(&self.definition, &OpenOptions::default()).unwrap()
    }

    /// One pass over the log.
    fn pass(&self, log: &Log, take: &mut dyn FnMut(&Note, &Texts)) {
        let reader = Reader::new(&self.projections, false).of_histories();
        self.read(log, &reader, take);
    }

    fn read(&self, log: &Log, reader: &Reader, take: &mut dyn FnMut(&Note, &Texts)) {
        let mut texts = Texts::default();
        let mut notes = Vec::new();
        log.scan(reader.fields(), Filter::All, &mut |row| {
            let row = row.unwrap();
            let kind = log.type_name(row.kind);
            let route = reader.route(&kind);
            let mut desk = Desk::new(std::mem::take(&mut texts), row.correlation, row.id);
            reader.note(&route, &row.scope(&kind), &mut desk, &mut notes);
            texts = desk.close();
            for note in notes.drain(..) {
                take(&note, &texts);
            }
            texts.clear(1 << 10);
            ControlFlow::Continue(())
        })
        .unwrap();
    }

    fn ledger(&self, log: &Log) -> Ledger {
        self.ledger_of(log, Share::WHOLE)
    }

    fn ledger_of(&self, log: &Log, share: Share) -> Ledger {
        let mut ledger = Ledger::new(&self.projections);
        let reader = Reader::new(&self.projections, false).of_share(share);
        self.read(log, &reader, &mut |note, texts| {
            ledger.take(note, texts);
        });
        ledger
    }

    fn try_audit(&self, horizon: i64, cut: bool) -> Result<Conclusion, LogError> {
        self.audit_in(1, horizon, cut)
    }

    /// An audit in so many passes.
    fn audit_in(&self, shares: u32, horizon: i64, cut: bool) -> Result<Conclusion, LogError> {
        let models = ReadModels::open(&self.projections)?;
        let log = self.log();
        let ledger = self.ledger(&log);
        let mut audit = Audit::new(ledger.folds(), &models, &log)?;
        let absent = &Absent::default();
        let head = log.tail(1).unwrap().last().map(|(position, _)| *position);
        let unseen = Unseen {
            is_cut: cut,
            counts_from_zero: counts_from_zero(&log),
            absent,
            head,
        };
        let mut share = Some(Share::first(shares));
        while let Some(own) = share {
            let ledger = self.ledger_of(&log, own);
            audit.read(&ledger, &models, &log, unseen, own)?;
            share = own.after();
        }
        if let Some(suspects) = audit.suspects() {
            self.pass(&log, &mut |note, texts| suspects.take(note, texts));
            if let Some(mut versions) = suspects.overtaken() {
                let fields = Fields {
                    stream: true,
                    version: true,
                    ..Fields::default()
                };
                log.scan(fields, Filter::All, &mut |row| {
                    versions.see(row.as_ref());
                    ControlFlow::Continue(())
                })
                .unwrap();
                suspects.learn(&versions);
            }
        }
        let horizon = Timestamp::from_nanos(horizon * 1_000_000_000);
        let conclusions = audit.conclude(horizon, head, absent, Repeats::default());
        Ok(conclusions.into_iter().next().unwrap())
    }

    fn audit(&self, horizon: i64) -> Conclusion {
        self.try_audit(horizon, false).unwrap()
    }

    /// The state of a key of the first projection, as JSON; `None` where there is none.
    fn state(&self, key: &str) -> Option<Json> {
        let log = self.log();
        let ledger = self.ledger(&log);
        let (_, entry) = ledger.entry(0, ledger.find(0, key)?)?;
        if let Some(doubt) = entry.state.doubt() {
            return Some(format!("doubt: {doubt}").into());
        }
        let fields = self.projections[0].fields.iter().enumerate();
        let values = fields.map(|(index, field)| {
            let value = match entry.state.cell(index) {
                super::Cell::Blank => Json::from("blank"),
                super::Cell::Unknown(reason) => format!("unknown: {reason}").into(),
                super::Cell::Known(value) => value.to_json(),
            };
            (field.name.to_string(), value)
        });
        entry.state.is_alive().then(|| values.collect())
    }
}

/// Each key that is not exact: its verdict, evidence, and reason where there is one.
fn told(conclusion: &Conclusion) -> Vec<String> {
    let line = |standing: &Standing| {
        let evidence: Vec<String> = standing
            .evidence
            .iter()
            .map(|Position(position)| position.to_string())
            .collect();
        let mut line = format!(
            "{} {} [{}]",
            standing.key,
            standing.verdict.label(),
            evidence.join(" ")
        );
        if let Some(reason) = &standing.reason {
            line.push_str(&format!(" ({reason})"));
        }
        line
    };
    conclusion.standings.iter().map(line).collect()
}

/// Where a definition in a test stands.
fn beside(bench: &Bench, name: &str) -> PathBuf {
    bench.path.parent().unwrap_or(Path::new("")).join(name)
}
