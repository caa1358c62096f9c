//! The open log and what can be asked of it.

use std::collections::VecDeque;
use std::io::ErrorKind::NotFound;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::cell::not_json;
use super::claims;
use super::error::LogError;
use super::mapping::{self, Plan};
use super::open::Database;
use super::reader::{self, Origin, Sources};
use super::types::Interner;
use super::{BadId, BadRow, ClaimRow, Fields, Filter, OpenOptions, Row, SourceFacts, TypeId};
use super::{jsonl, presets, recognise};
use crate::definition::log::{Claims, LogDefinition, Merge, is_json_lines};
use crate::event::{Event, Position, Timestamp};

/// An open log: one read transaction for each of its files.
///
/// It can be moved to another thread, but not be used from two at once.
#[derive(Debug)]
pub struct Log {
    pub(super) path: PathBuf,
    pub(super) remarks: Vec<String>,
    pub(super) databases: Vec<Database>,
    pub(super) plans: Vec<Plan>,
    pub(super) facts: Vec<SourceFacts>,
    pub(super) merge: Merge,
    pub(super) claims: Vec<Claims>,
    pub(super) interner: Interner,
}

impl Log {
    /// Opens the log, resolves its mapping and begins the one read transaction.
    ///
    /// # Errors
    /// When the file is missing, is no database, is encrypted or truncated, needs recovery, or
    /// lacks a table or column that the mapping names.
    pub fn open(definition: &LogDefinition, options: &OpenOptions) -> Result<Log, LogError> {
        let path = options
            .path
            .as_ref()
            .or(definition.database.as_ref())
            .ok_or_else(|| {
                LogError::new(format!(
                    "log `{}` names no `database:`; add it, or name the file with --log FILE",
                    definition.name
                ))
            })?;
        if options.path.is_none() && path.metadata().is_err_and(|it| it.kind() == NotFound) {
            let LogError { message, .. } = LogError::no_file(path);
            let cure = "check `database:`, or name the log with --log FILE";
            return Err(LogError::new(format!("{message}; {cure}")));
        }
        if is_json_lines(path) {
            let databases = vec![jsonl::load(path)?];
            let plans = vec![jsonl::plan(&databases[0], definition.sources.first())?];
            return Ok(Log::assemble(path, databases, plans, definition));
        }
        let mut databases = vec![Database::open(path)?];
        let recognised;
        let sources = match definition.sources.as_slice() {
            [] => {
                recognised = recognise::in_database(&databases[0])?.1.sources;
                recognised.as_slice()
            }
            declared => declared,
        };
        let (mut plans, mut errors) = (Vec::new(), Vec::new());
        for source in sources {
            let database = match &source.attach {
                Some(path) => opened(&mut databases, path)?,
                None => 0,
            };
            for source in presets::complete(&databases[database], source)? {
                match mapping::resolve(&databases[database], database, &source) {
                    Ok(plan) => plans.push(plan),
                    Err(error) => errors.push(error),
                }
            }
        }
        if !errors.is_empty() {
            return Err(LogError::all(errors));
        }
        Ok(Log::assemble(path, databases, plans, definition))
    }

    fn assemble(
        path: &Path,
        databases: Vec<Database>,
        plans: Vec<Plan>,
        definition: &LogDefinition,
    ) -> Log {
        let remarks = databases
            .iter()
            .filter_map(Database::remark)
            .chain(plans.iter().filter_map(|plan| plan.remark.as_deref()))
            .map(str::to_owned)
            .collect();
        Log {
            path: path.to_owned(),
            remarks,
            facts: plans.iter().map(|plan| plan.facts.clone()).collect(),
            databases,
            plans,
            merge: definition.merge,
            claims: definition.claims.clone(),
            interner: Interner::default(),
        }
    }

    /// Whether it has lines that are no events at all, and tell nothing: no index leads to them.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn has_broken_lines(&self) -> Result<bool, LogError> {
        for plan in &self.plans {
            let Some(fault) = &plan.fault else { continue };
            let database = &self.databases[plan.database];
            let sql = format!(
                "SELECT EXISTS (SELECT 1 FROM {} WHERE {} IS NOT NULL)",
                plan.from, fault.column
            );
            let has_some = database.connection().query_row(&sql, [], |row| row.get(0));
            if has_some.map_err(|error| database.failure(&error))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The file it was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the reader should know about how it was opened, for example that a private snapshot
    /// is read; lower-case fragments.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Reads rows in the log's order and hands each to `visit` until it breaks.
    ///
    /// `visit` may ask the log for type names, and may scan again.
    ///
    /// # Errors
    /// When SQLite itself fails in the middle (a damaged page); the message says at which position.
    /// When the file was written to while it was read without locks.
    pub fn scan(
        &self,
        fields: Fields,
        filter: Filter<'_>,
        visit: &mut impl FnMut(Result<Row<'_>, BadRow>) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        let mut visit = |_: Origin, row: Result<Row<'_>, BadRow>| visit(row);
        reader::walk(self.sources(), fields, filter, &mut visit)
    }

    /// The name of a type met so far.
    pub fn type_name(&self, kind: TypeId) -> Arc<str> {
        self.interner.name(kind)
    }

    /// Every type met or asked for so far, in the order of the ids.
    pub fn types(&self) -> Vec<(TypeId, Arc<str>)> {
        self.interner.all()
    }

    /// The id under which rows of this type will be handed out; known types can be asked for
    /// before the scan.
    pub fn intern(&self, name: &str) -> TypeId {
        self.interner.intern(name)
    }

    /// Full events for people: all rows that `filter` lets through, in order, with all fields.
    ///
    /// An event whose data or headers are not JSON is handed out without them, and stands among
    /// the bad rows as well.
    ///
    /// # Errors
    /// As [`Log::scan`].
    pub fn events(&self, filter: Filter<'_>) -> Result<(Vec<Event>, Vec<BadRow>), LogError> {
        self.some_events(filter, usize::MAX)
    }

    /// As [`Log::events`], but no more than the first `count`.
    ///
    /// # Errors
    /// As [`Log::scan`].
    pub fn some_events(
        &self,
        filter: Filter<'_>,
        count: usize,
    ) -> Result<(Vec<Event>, Vec<BadRow>), LogError> {
        let mut events = Vec::new();
        let mut bad_rows = Vec::new();
        let mut visit = |origin: Origin, row: Result<Row<'_>, BadRow>| {
            match row {
                Ok(row) => events.push(self.event(origin, &row, &mut bad_rows)),
                Err(bad) => {
                    // One reason is enough.
                    let event = bad.event();
                    events.extend(event.map(|row| self.event(origin, &row, &mut Vec::new())));
                    bad_rows.push(bad);
                }
            }
            if events.len() < count {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        reader::walk(self.sources(), self.maps(), filter, &mut visit)?;
        Ok((events, bad_rows))
    }

    /// The rows of the status table that the `index`-th claims document of the definition names, or
    /// those of one instance; none where there is no such document.
    ///
    /// # Errors
    /// When its table or columns do not exist or cannot be read.
    pub fn claims(
        &self,
        index: usize,
        only: Option<&str>,
        visit: &mut dyn FnMut(ClaimRow),
    ) -> Result<(), LogError> {
        match self.claims.get(index) {
            Some(claims) => claims::read(&self.databases[0], claims, only, visit),
            None => Ok(()),
        }
    }

    /// What the schema tells of each source.
    pub fn facts(&self) -> &[SourceFacts] {
        &self.facts
    }

    /// How many rows there are to read, roughly (from the greatest rowid); for progress only, and
    /// 0 where a query or view cannot tell.
    pub fn estimate(&self) -> u64 {
        self.plans
            .iter()
            .fold(0, |sum, plan| sum.saturating_add(plan.rows))
    }

    /// The event times of the last `count` rows by position, for a horizon without a full scan:
    /// `(position, time)` ascending by position; bad rows are left out.
    ///
    /// # Errors
    /// As [`Log::scan`].
    pub fn tail(&self, count: usize) -> Result<Vec<(Position, Timestamp)>, LogError> {
        let mut last = VecDeque::new();
        // Counted here and not by LIMIT, since bad rows do not count.
        let is_read = reader::backwards(self.sources(), &mut |row| {
            if last.len() == count {
                return ControlFlow::Break(());
            }
            last.extend(row.ok().map(|row| (row.position, row.time)));
            ControlFlow::Continue(())
        })?;
        if is_read {
            return Ok(last.into_iter().rev().collect());
        }
        let fields = Fields {
            time: true,
            ..Fields::default()
        };
        self.scan(fields, Filter::All, &mut |row| {
            if let Ok(row) = row {
                last.push_back((row.position, row.time));
                if last.len() > count {
                    last.pop_front();
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(last.into())
    }

    /// The last position at which a row stands, be it bad; `None` where none tells.
    ///
    /// # Errors
    /// As [`Log::scan`].
    pub fn head(&self) -> Result<Option<Position>, LogError> {
        let mut head = None;
        let place = |row: Result<Row<'_>, BadRow>| match row {
            Ok(row) => Some(row.position),
            Err(bad) => bad.position,
        };
        let is_read = reader::backwards(self.sources(), &mut |row| {
            head = place(row);
            match head {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            }
        })?;
        if !is_read {
            self.scan(Fields::default(), Filter::All, &mut |row| {
                head = head.max(place(row));
                ControlFlow::Continue(())
            })?;
        }
        Ok(head)
    }

    /// Which of these fields the mapping gives at all.
    pub fn maps(&self) -> Fields {
        let any = |field: fn(&Plan) -> bool| self.plans.iter().any(field);
        Fields {
            time: true,
            stream: any(|plan| plan.stream.is_some()),
            version: any(|plan| plan.version.is_some()),
            id: any(|plan| plan.id.is_some()),
            correlation: any(|plan| plan.correlation.is_some()),
            causation: any(|plan| plan.causation.is_some()),
            key: any(|plan| plan.key.is_some()),
            data: any(|plan| plan.data.is_some()),
            metadata: any(|plan| plan.metadata.is_some()),
        }
    }

    #[cfg(test)]
    pub(super) fn plans(&self) -> &[Plan] {
        &self.plans
    }

    fn sources(&self) -> Sources<'_> {
        Sources {
            databases: &self.databases,
            plans: &self.plans,
            merge: self.merge,
            interner: &self.interner,
        }
    }

    fn event(&self, origin: Origin, row: &Row<'_>, bad_rows: &mut Vec<BadRow>) -> Event {
        let mut json = |name: &str, bytes: Option<&[u8]>| {
            let bytes = bytes?;
            match serde_json::from_slice::<Value>(bytes) {
                Ok(value) => Some(value),
                Err(error) => {
                    let reason = not_json(name, bytes, &error.to_string());
                    bad_rows.push(BadRow {
                        position: Some(row.position),
                        reason,
                        id: BadId::from(row.id),
                        kind: Some(row.kind),
                        correlation: row.correlation.map(str::to_owned),
                        rest: Box::default(),
                    });
                    None
                }
            }
        };
        let source = match (self.plans.as_slice(), origin.position) {
            ([_], _) => None,
            (plans, Some(position)) => Some(format!("{}:{position}", plans[origin.source].name)),
            (plans, None) => Some(plans[origin.source].name.clone()),
        };
        Event {
            position: row.position,
            source,
            id: row.id.map(str::to_owned),
            stream: row.stream.map(str::to_owned),
            version: row.version,
            kind: self.type_name(row.kind).to_string(),
            time: row.time,
            correlation: row.correlation.map(str::to_owned),
            causation: row.causation.map(str::to_owned),
            key: row.key.map(str::to_owned),
            data: json("data", row.data),
            metadata: json("metadata", row.metadata),
        }
    }
}

/// The number of the file at `path` among those that are open, opened if it is not yet.
fn opened(databases: &mut Vec<Database>, path: &Path) -> Result<usize, LogError> {
    let real = std::fs::canonicalize(path).ok();
    let known = databases
        .iter()
        .position(|open| Some(open.real()) == real.as_deref());
    match known {
        Some(index) => Ok(index),
        None => {
            databases.push(Database::open(path)?);
            Ok(databases.len() - 1)
        }
    }
}
