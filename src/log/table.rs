//! Tables that stand beside the events: what the system itself keeps of its sagas and projections.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use super::error::LogError;
use super::mapping::{Numbering, Plan};
use super::open::Database;
use super::opened::Log;
use super::schema::{Shape, quote};
use crate::definition::log::{Merge, Relation};

/// A database other than the log's, in one read transaction from its opening on.
///
/// What it holds can be older than the log's newest events, never younger, if it is opened first.
#[derive(Debug)]
pub struct Beside(Database);

/// The one instant at which a database is read.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a>(&'a Database);

/// What is wanted of a table.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The table or query.
    pub relation: &'a Relation,
    /// An SQL condition that picks rows.
    pub condition: Option<&'a str>,
    /// Only rows that hold one of these values in the column at this place of `columns`.
    pub among: Option<(usize, &'a [Value])>,
    /// The key of the definition that names a column, and the column.
    pub columns: &'a [(&'a str, &'a str)],
    /// For messages: whose columns they are, and where that is declared.
    pub about: &'a str,
}

impl Beside {
    /// Opens a database beside the log.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open(path: &Path) -> Result<Beside, LogError> {
        Database::open(path).map(Beside)
    }

    /// What it holds.
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot(&self.0)
    }
}

impl Log {
    /// What stands in the log's own file beside the events, at the instant at which they are read.
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot(&self.databases[0])
    }

    /// The same of another file, where the log has it open already.
    pub fn snapshot_of(&self, path: &Path) -> Option<Snapshot<'_>> {
        let real = std::fs::canonicalize(path).ok()?;
        let same = |database: &&Database| database.real() == real;
        self.databases.iter().find(same).map(Snapshot)
    }
}

impl Log {
    /// Whether positions are those that stand in the log, and not running numbers of its rows, so
    /// that others can have recorded them too.
    pub fn has_recorded_positions(&self) -> bool {
        let by_column = |plan: &Plan| matches!(plan.numbering, Numbering::Column { .. });
        let is_one = self.plans.len() == 1 || self.merge == Merge::Position;
        is_one && self.plans.iter().all(by_column)
    }
}

impl<'a> Snapshot<'a> {
    /// Where it is read.
    pub(super) fn database(self) -> &'a Database {
        self.0
    }

    /// The columns of a table or query.
    ///
    /// # Errors
    /// When there is no such table, or the query does not work.
    pub fn columns(self, relation: &Relation) -> Result<Vec<String>, LogError> {
        let shape = Shape::of(self.0, relation)?;
        Ok(shape.columns.into_iter().map(|it| it.name).collect())
    }

    /// Hands out the wanted columns of each row.
    ///
    /// # Errors
    /// When the table or a column does not exist, or they cannot be read.
    pub(crate) fn rows(
        self,
        wanted: Wanted<'_>,
        visit: &mut dyn FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), LogError> {
        read(self.0, wanted, visit)
    }
}

/// Hands out the wanted columns of each row.
pub(super) fn read(
    database: &Database,
    wanted: Wanted<'_>,
    visit: &mut dyn FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> Result<(), LogError> {
    let file = database.path().display();
    let shape = Shape::of(database, wanted.relation);
    let shape = shape.map_err(|error| error.wanted_for(wanted.about))?;
    let (mut columns, mut errors) = (Vec::new(), Vec::new());
    for (key, name) in wanted.columns {
        match shape.column(name) {
            Some(column) => columns.push(quote(&column.name)),
            None => errors.push(
                LogError::new(format!("{file}: {}", shape.no_column(name)))
                    .wanted_for(format_args!("`{key}` of {}", wanted.about)),
            ),
        }
    }
    if !errors.is_empty() {
        return Err(LogError::all(errors));
    }
    let mut conditions = Vec::new();
    if let Some(condition) = wanted.condition {
        // The line break ends a comment at the condition's end.
        conditions.push(format!("({condition}\n)"));
    }
    let mut values: &[Value] = &[];
    if let Some((place, among)) = wanted.among {
        let marks = vec!["?"; among.len()].join(", ");
        conditions.push(format!("{} IN ({marks})", columns[place]));
        values = among;
    }
    let mut sql = format!("SELECT {} FROM {}", columns.join(", "), shape.from);
    if !conditions.is_empty() {
        sql.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
    }
    let failure = |error| {
        LogError::new(format!(
            "{}; reading `{}` for {}",
            database.failure(&error),
            shape.name,
            wanted.about
        ))
    };
    let mut statement = database.connection().prepare(&sql).map_err(failure)?;
    let mut rows = statement.query(params_from_iter(values)).map_err(failure)?;
    let _watch = database.pulse().watch();
    while let Some(row) = rows.next().map_err(failure)? {
        database.pulse().beat();
        visit(row).map_err(failure)?;
    }
    drop(rows);
    drop(statement);
    database.verify()
}
