//! What a file is recognised as, the mapping to start from, and a few events as it reads them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::event::{Event, Position, Timestamp};
use crate::log::{
    BadRow, Fields, Filter, Log, LogError, OpenOptions, Recognised, SourceFacts, recognise,
};

/// How many unreadable rows are shown; all are counted.
const BAD_ROWS_SHOWN: usize = 5;

/// What is known of a file.
#[derive(Debug)]
pub struct Description {
    /// The file.
    pub path: PathBuf,
    /// What it was recognised as and why.
    pub recognised: Recognised,
    /// How it was opened, where that is worth knowing.
    pub remarks: Vec<String>,
    /// What its schema tells.
    pub sources: Vec<SourceFacts>,
    /// Rows that can be read as events.
    pub events: u64,
    /// Rows that cannot.
    pub bad_rows: u64,
    /// The first and last position; `None` without events.
    pub positions: Option<(Position, Position)>,
    /// The least and greatest time; `None` without events.
    pub times: Option<(Timestamp, Timestamp)>,
    /// How many events each type has, the most frequent first.
    pub types: Vec<(Arc<str>, u64)>,
    /// The first events.
    pub first: Vec<Event>,
    /// The first rows that cannot be read.
    pub first_bad: Vec<BadRow>,
}

impl Description {
    /// The mapping as a `log:` document to start from.
    pub fn yaml(&self) -> String {
        self.recognised.yaml()
    }
}

/// Looks at the file and reads it through once; `shown` is how many of its first events are kept.
///
/// # Errors
/// When it cannot be opened or read, or no table in it looks like an event log.
pub fn describe(path: &Path, shown: usize) -> Result<Description, LogError> {
    let recognised = recognise(path)?;
    let log = Log::open(&recognised.definition, &OpenOptions::default())?;
    let mut counts = BTreeMap::new();
    let mut description = Description {
        path: path.to_owned(),
        recognised,
        remarks: log.remarks().to_vec(),
        sources: log.facts().to_vec(),
        events: 0,
        bad_rows: 0,
        positions: None,
        times: None,
        types: Vec::new(),
        first: log.some_events(Filter::All, shown)?.0,
        first_bad: Vec::new(),
    };
    let fields = Fields {
        time: true,
        ..Fields::default()
    };
    log.scan(fields, Filter::All, &mut |row| {
        match row {
            Ok(row) => {
                description.events += 1;
                *counts.entry(row.kind).or_insert(0) += 1;
                let (first, _) = description
                    .positions
                    .unwrap_or((row.position, row.position));
                description.positions = Some((first, row.position));
                let (least, greatest) = description.times.unwrap_or((row.time, row.time));
                description.times = Some((least.min(row.time), greatest.max(row.time)));
            }
            Err(bad) => {
                description.bad_rows += 1;
                if description.first_bad.len() < BAD_ROWS_SHOWN {
                    description.first_bad.push(bad);
                }
            }
        }
        ControlFlow::Continue(())
    })?;
    description.types = counts
        .into_iter()
        .map(|(kind, count)| (log.type_name(kind), count))
        .collect();
    description
        .types
        .sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(description)
}
