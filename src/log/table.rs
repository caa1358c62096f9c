//! Tables that stand beside the events: what the system itself keeps of its sagas and projections.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use super::error::LogError;
use super::mapping::{Numbering, Plan};
use super::open::Database;
use super::opened::Log;
use super::schema::{Kind, Shape, quote};
use crate::brief;
use crate::definition::log::{Merge, Relation};

/// A database other than the log's, in one read transaction from its opening on.
///
/// What it holds can be older than the log's newest events, never younger, if it is opened first.
#[derive(Debug)]
pub struct Beside(Database);

/// The one instant at which a database is read.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a>(&'a Database);

/// How many rows a query or view may give where nobody knows how many it should.
pub(crate) const MOST_ROWS: u64 = 10_000_000;

/// How many bytes of what a query or view gives may be kept.
const MOST_KEPT: u64 = 1 << 30;

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
    /// How many rows a query or view may give: what goes on for longer than anybody means has no end. A
    /// table has as many as it has.
    pub most: u64,
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

    /// Hands out the wanted columns of each row to one who says how many bytes of it are kept.
    ///
    /// # Errors
    /// When the table or a column does not exist, or they cannot be read.
    pub(crate) fn rows(
        self,
        wanted: Wanted<'_>,
        visit: &mut dyn FnMut(&Row<'_>) -> rusqlite::Result<u64>,
    ) -> Result<(), LogError> {
        read(self.0, wanted, visit)
    }
}

/// Hands out the wanted columns of each row to one who says how many bytes of it are kept.
pub(super) fn read(
    database: &Database,
    wanted: Wanted<'_>,
    visit: &mut dyn FnMut(&Row<'_>) -> rusqlite::Result<u64>,
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
    let (most, most_kept) = match shape.kind {
        Kind::Query | Kind::View => (wanted.most, MOST_KEPT),
        Kind::Table | Kind::WithoutRowid => (u64::MAX, u64::MAX),
    };
    let endless = |what: &str| {
        LogError::new(format!(
            "{file}: `{}` gives {what} for {}; see that it ends",
            shape.name, wanted.about
        ))
    };
    let (mut given, mut kept) = (0, 0_u64);
    let mut statement = database.connection().prepare(&sql).map_err(failure)?;
    let mut rows = statement.query(params_from_iter(values)).map_err(failure)?;
    let _watch = database.pulse().watch();
    while let Some(row) = rows.next().map_err(failure)? {
        database.pulse().beat();
        given += 1;
        if given > most {
            let most = brief::grouped(most);
            return Err(endless(&format!(
                "more than {most} rows, the most there can be"
            )));
        }
        kept = kept.saturating_add(visit(row).map_err(failure)?);
        if kept > most_kept {
            return Err(endless("more than 1 GiB that would have to be kept"));
        }
    }
    drop(rows);
    drop(statement);
    database.verify()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::testing::Bench;

    #[test]
    fn rows_without_end_are_counted_where_a_query_gives_them_and_not_where_a_table_has_them() {
        const ENDLESS: &str =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
        let bench = Bench::new(&format!(
            "CREATE TABLE rows (i); INSERT INTO rows VALUES (1), (2), (3), (4);
             CREATE VIEW endless AS {ENDLESS};"
        ));
        let database = Database::open(&bench.path).expect("opens");
        let given = |relation: Relation, most: u64, kept: u64| {
            let wanted = Wanted {
                relation: &relation,
                condition: None,
                among: None,
                columns: &[("key", "i")],
                most,
                about: "a test",
            };
            let mut rows = 0;
            let read = read(&database, wanted, &mut |_| {
                rows += 1;
                Ok(kept)
            });
            (rows, read.err().map(|error| error.message))
        };
        let query = || Relation::Query(ENDLESS.to_owned());
        let (rows, error) = given(query(), 3, 0);
        assert_eq!(rows, 3);
        let error = error.expect("it has no end");
        assert!(
            error.ends_with(
                "`query` gives more than 3 rows, the most there can be for a test; see that it ends"
            ),
            "{error}"
        );
        let (_, error) = given(Relation::Table("endless".into()), 3, 0);
        assert!(error.is_some_and(|it| it.contains("`endless` gives more than 3 rows")));
        let (rows, error) = given(query(), u64::MAX, MOST_KEPT / 4);
        assert_eq!(rows, 5);
        assert!(error.is_some_and(|it| it.contains("more than 1 GiB that would have to be kept")));
        assert_eq!(
            given(Relation::Table("rows".into()), 3, MOST_KEPT),
            (4, None)
        );
        let four = Relation::Query("SELECT i FROM rows".to_owned());
        assert_eq!(given(four, 4, 0), (4, None));
    }
}
