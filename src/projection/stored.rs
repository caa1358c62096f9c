//! The stored rows of a projection, and how far their consumer says that it has come.
//!
//! They are read through the log's own opening, so that a read model in the log's file is seen at
//! the instant at which the events are. One in another file has to be opened before the log: then
//! it can be behind the events, and never ahead of them.

use std::path::Path;
use std::sync::Arc;

use rusqlite::types::ValueRef;

use crate::definition::fault::Place;
use crate::definition::projection::{Checkpoint, Counts, Letter, Picked, Projection, Stored};
use crate::event::Position;
use crate::log::{Beside, Demands, Log, LogError, MOST_ROWS, Snapshot, Wanted, column_text};
use crate::projection::clues::DeadLetters;
use crate::projection::compare::{Known, Raw, Row};
use crate::texts::Keys;

/// Why nothing that stands beside a log can be a position of it.
const NO_POSITIONS: &str =
    "the log has no positions of its own that a checkpoint or dead letter could be";

/// The databases of read models that stand beside the log.
#[derive(Debug, Default)]
pub struct ReadModels {
    open: Vec<(std::path::PathBuf, Beside)>,
}

/// How far a consumer says that it has come with the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// The definition does not say where to look.
    Undeclared,
    /// Up to this position.
    At(i64),
    /// Where the definition looks, nothing stands.
    Absent(String),
    /// What stands there is no position.
    Unreadable(String),
}

impl Mark {
    /// The position up to which it says so, where that is beyond the head of the log.
    pub(super) fn beyond(&self, head: Option<Position>) -> Option<i64> {
        match self {
            Mark::At(claimed) if *claimed > head.map_or(0, |head| head.0) => Some(*claimed),
            Mark::At(_) | Mark::Undeclared | Mark::Absent(_) | Mark::Unreadable(_) => None,
        }
    }

    /// Whether it is told in positions that the log has, wherever it stands.
    pub(super) fn is_of_positions(&self) -> bool {
        !matches!(self, Mark::Absent(reason) if reason == NO_POSITIONS)
    }
}

impl ReadModels {
    /// Opens the databases that projections name beside the log's; to be called before the log is
    /// opened.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub fn open(projections: &[Arc<Projection>]) -> Result<ReadModels, LogError> {
        let mut models = ReadModels::default();
        for projection in projections {
            if let Some(stored) = &projection.stored
                && let Some(path) = &stored.database
                && models.find(path).is_none()
            {
                let beside = Beside::open(path)
                    .map_err(|error| error.wanted_for(about(projection, &stored.place)))?;
                models.open.push((path.clone(), beside));
            }
        }
        Ok(models)
    }

    fn find(&self, path: &Path) -> Option<Snapshot<'_>> {
        let named = |(known, _): &&(std::path::PathBuf, Beside)| known == path;
        self.open
            .iter()
            .find(named)
            .map(|(_, beside)| beside.snapshot())
    }

    /// Where the rows of a read model are.
    fn snapshot<'a>(&'a self, stored: &Stored, log: &'a Log) -> Result<Snapshot<'a>, LogError> {
        let Some(path) = &stored.database else {
            return Ok(log.snapshot());
        };
        log.snapshot_of(path)
            .or_else(|| self.find(path))
            .ok_or_else(|| {
                LogError::new(format!("{} was not opened before the log", path.display()))
            })
    }

    /// Hands out every stored row with its key, to one who says how many bytes of it are kept; a row
    /// without a key has `None`. A query may give `most` rows.
    ///
    /// # Errors
    /// When the table or a column does not exist, or they cannot be read.
    pub fn rows(
        &self,
        projection: &Projection,
        log: &Log,
        most: u64,
        visit: &mut dyn FnMut(Option<&str>, Row) -> u64,
    ) -> Result<(), LogError> {
        let Some(stored) = &projection.stored else {
            return Ok(());
        };
        let about = about(projection, &stored.place);
        let mut columns = vec![("key", stored.key.as_str())];
        columns.extend(
            stored
                .columns
                .iter()
                .map(|column| ("columns", column.name.as_str())),
        );
        if let Some(version) = &stored.version {
            columns.push(("version", &version.column));
        }
        let wanted = Wanted {
            relation: &stored.relation,
            condition: None,
            among: None,
            columns: &columns,
            most,
            about: &about,
        };
        let numbered = log.has_recorded_positions();
        let mut scratch = String::new();
        self.snapshot(stored, log)?.rows(wanted, &mut |row| {
            let compared = 1..=stored.columns.len();
            let values = compared
                .map(|at| row.get_ref(at).map(raw))
                .collect::<Result<_, _>>()?;
            let stamp = match &stored.version {
                Some(version) if version.counts == Counts::Position && !numbered => None,
                Some(_) => Some(raw(row.get_ref(stored.columns.len() + 1)?)),
                None => None,
            };
            let version = match &stamp {
                None | Some(Raw::Null) => None,
                Some(stamp) => Some(position(stamp)),
            };
            let key = raw(row.get_ref(0)?);
            Ok(visit(
                column_text(row.get_ref(0)?, &mut scratch),
                Row {
                    key,
                    version,
                    stamp,
                    values,
                    known: Known::default(),
                },
            ))
        })
    }

    /// What the table of a projection demands of its rows.
    ///
    /// # Errors
    /// When it does not exist.
    pub(super) fn demands(&self, projection: &Projection, log: &Log) -> Result<Demands, LogError> {
        match &projection.stored {
            Some(stored) => {
                let snapshot = self.snapshot(stored, log)?;
                snapshot.demands(&stored.relation, &stored.key)
            }
            None => Ok(Demands::default()),
        }
    }

    /// How far the consumer of a projection says that it has come.
    ///
    /// # Errors
    /// When the table or the column does not exist, or they cannot be read.
    pub fn mark(&self, projection: &Projection, log: &Log) -> Result<Mark, LogError> {
        let Some(stored) = &projection.stored else {
            return Ok(Mark::Undeclared);
        };
        let picked = match &stored.checkpoint {
            None => return Ok(Mark::Undeclared),
            Some(_) if !log.has_recorded_positions() => {
                return Ok(Mark::Absent(NO_POSITIONS.to_owned()));
            }
            Some(Checkpoint::Literal(position)) => return Ok(Mark::At(*position)),
            Some(Checkpoint::Row(picked)) => picked,
        };
        let column = &picked.column;
        let mut found: Vec<Raw> = Vec::new();
        let mut rows = 0_u64;
        self.column(
            projection,
            stored,
            log,
            ("checkpoint", picked),
            &mut |value| {
                rows += 1;
                if rows <= 2 {
                    found.push(raw(value));
                }
            },
        )?;
        Ok(match found.as_slice() {
            [] => Mark::Absent("no row is the consumer's".to_owned()),
            [Raw::Null] => Mark::Absent(format!("`{column}` is null")),
            [only] => match position(only) {
                Ok(position) => Mark::At(position),
                Err(found) => Mark::Unreadable(format!("`{column}` holds {found}")),
            },
            _ => Mark::Unreadable(format!("{rows} rows might be the consumer's")),
        })
    }

    /// The events that the consumer of a projection gave up on.
    ///
    /// # Errors
    /// When the table or the column does not exist, or they cannot be read.
    pub fn dead_letters(
        &self,
        projection: &Projection,
        log: &Log,
    ) -> Result<DeadLetters, LogError> {
        let mut letters = DeadLetters::default();
        let stored = projection.stored.as_ref();
        let declared = stored.and_then(|stored| Some((stored, stored.dead_letters.as_ref()?)));
        let Some((stored, declared)) = declared else {
            return Ok(letters);
        };
        if declared.holds == Letter::Position && !log.has_recorded_positions() {
            letters.silent = Some(NO_POSITIONS.to_owned());
            return Ok(letters);
        }
        if declared.holds == Letter::Id && !log.maps().id {
            letters.silent = Some("the log's mapping names no event id".to_owned());
            return Ok(letters);
        }
        let mut scratch = String::new();
        let key = match declared.holds {
            Letter::Position => "position",
            Letter::Id => "id",
        };
        let picked = (key, &declared.picked);
        self.column(
            projection,
            stored,
            log,
            picked,
            &mut |value| match declared.holds {
                Letter::Position => match position(&raw(value)) {
                    Ok(position) => letters.add_position(position),
                    Err(_) => letters.unreadable += 1,
                },
                Letter::Id => match column_text(value, &mut scratch) {
                    Some(id) => letters.add_id(Keys::hash(id)),
                    None => letters.unreadable += 1,
                },
            },
        )?;
        Ok(letters)
    }

    /// Hands out one column of some rows beside the stored ones.
    fn column(
        &self,
        projection: &Projection,
        stored: &Stored,
        log: &Log,
        (key, picked): (&str, &Picked),
        visit: &mut dyn FnMut(ValueRef<'_>),
    ) -> Result<(), LogError> {
        let about = about(projection, &picked.place);
        let wanted = Wanted {
            relation: &picked.relation,
            condition: picked.condition.as_deref(),
            among: None,
            columns: &[(key, &picked.column)],
            most: MOST_ROWS,
            about: &about,
        };
        self.snapshot(stored, log)?.rows(wanted, &mut |row| {
            visit(row.get_ref(0)?);
            Ok(0)
        })
    }

    /// What the reader should know of the columns: those that nothing is compared with.
    ///
    /// # Errors
    /// When the table does not exist, or `ignore` names a column that is not there.
    pub fn uncompared(&self, projection: &Projection, log: &Log) -> Result<Vec<String>, LogError> {
        let Some(stored) = &projection.stored else {
            return Ok(Vec::new());
        };
        let about = about(projection, &stored.place);
        let columns = self.snapshot(stored, log)?.columns(&stored.relation);
        let columns = columns.map_err(|error| error.wanted_for(&about))?;
        let there = |name: &str| {
            columns
                .iter()
                .any(|column| column.eq_ignore_ascii_case(name))
        };
        if let Some(unknown) = stored.ignore.iter().find(|name| !there(name)) {
            return Err(LogError::new(format!(
                "there is no column `{unknown}` to ignore in {about}; take it out of `ignore`"
            )));
        }
        let mut named: Vec<&str> = stored.ignore.iter().map(String::as_str).collect();
        named.push(&stored.key);
        named.extend(stored.columns.iter().map(|column| column.name.as_str()));
        named.extend(stored.version.iter().map(|version| version.column.as_str()));
        Ok(columns
            .into_iter()
            .filter(|column| !named.iter().any(|name| name.eq_ignore_ascii_case(column)))
            .collect())
    }
}

/// How many rows a query may give for so many keys. A read model has no more than one for each, and
/// some that are of none: of these all are kept.
pub(super) fn most_rows(keys: u64) -> u64 {
    const SPARE: u64 = 4_000_000;
    keys.saturating_mul(4).saturating_add(SPARE)
}

fn about(projection: &Projection, place: &Place) -> String {
    format!("the projection `{}`, {place}", projection.name)
}

pub(super) fn raw(value: ValueRef<'_>) -> Raw {
    match value {
        ValueRef::Null => Raw::Null,
        ValueRef::Integer(number) => Raw::Integer(number),
        ValueRef::Real(number) => Raw::Real(number),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Raw::Text(text.to_owned()),
            Err(_) => Raw::Garbled(bytes.to_owned()),
        },
        ValueRef::Blob(bytes) => Raw::Blob(bytes.to_owned()),
    }
}

/// A position or version: a whole number, or the text of one, which may begin with zeros; `Err`
/// with what stands there otherwise.
fn position(raw: &Raw) -> Result<i64, String> {
    let number = match raw {
        Raw::Integer(number) => Some(*number),
        Raw::Text(text) => text.trim().parse().ok(),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only taken where it is exact"
        )]
        Raw::Real(number) if number.fract() == 0.0 && number.abs() < 9e15 => Some(*number as i64),
        Raw::Null | Raw::Real(_) | Raw::Garbled(_) | Raw::Blob(_) => None,
    };
    number.ok_or_else(|| raw.to_string())
}
