//! The tables and columns that a file really has.

use rusqlite::Connection;

use super::error::{LogError, said};
use super::open::Database;
use crate::definition::log::Relation;

/// A column as the table declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) declared: String,
    /// Its place in the primary key, from 1; 0 outside of it.
    pub(crate) key: i64,
    pub(crate) gives: Gives,
    /// Whether it has to hold something.
    pub(crate) required: bool,
}

/// What a column holds that nothing was put into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gives {
    /// Nothing.
    Null,
    /// A value of its own.
    Default,
    /// What it is calculated from; nothing can be put there.
    Calculated,
}

/// A table, a view or a query, with its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    /// For messages and labels: the table's name, or `query`.
    pub(crate) name: String,
    /// What stands after FROM.
    pub(crate) from: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) kind: Kind,
    /// The statement that made it; empty for a query.
    pub(crate) sql: String,
}

/// What the rows of a shape are numbered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Table,
    WithoutRowid,
    View,
    Query,
}

impl Shape {
    /// Finds the relation in the file.
    pub(crate) fn of(database: &Database, relation: &Relation) -> Result<Shape, LogError> {
        match relation {
            Relation::Table(name) => Shape::table(database, name),
            Relation::Query(sql) => Shape::query(database, sql),
        }
    }

    fn table(database: &Database, wanted: &str) -> Result<Shape, LogError> {
        let failure = |error| database.failure(&error);
        let connection = database.connection();
        let found = connection
            .prepare(
                "SELECT name, type, coalesce(sql, '') FROM sqlite_schema \
                 WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE \
                 ORDER BY name = ?1 DESC LIMIT 1",
            )
            .and_then(|mut statement| {
                statement
                    .query_map([wanted], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                    .collect::<Result<Vec<(String, String, String)>, _>>()
            })
            .map_err(failure)?;
        let Some((name, kind, sql)) = found.into_iter().next() else {
            return Err(no_table(database, wanted)?);
        };
        let kind = if kind == "view" {
            Kind::View
        } else if without_rowid(connection, &name).map_err(failure)? {
            Kind::WithoutRowid
        } else {
            Kind::Table
        };
        let columns = columns(connection, &name).map_err(|error| {
            LogError::new(format!(
                "{}: `{name}` cannot be read: {}",
                database.path().display(),
                said(&error)
            ))
        })?;
        Ok(Shape {
            from: quote(&name),
            name,
            columns,
            kind,
            sql,
        })
    }

    fn query(database: &Database, sql: &str) -> Result<Shape, LogError> {
        let file = database.path().display();
        let statement = database
            .connection()
            .prepare(sql)
            .map_err(|error| match error {
                rusqlite::Error::MultipleStatement => LogError::new(format!(
                    "{file}: the `query:` holds several statements; write one SELECT"
                )),
                error
                    if super::error::extended_code(&error) & 0xff
                        == rusqlite::ffi::SQLITE_ERROR =>
                {
                    LogError::new(format!(
                        "{file}: the `query:` does not work: {}",
                        said(&error)
                    ))
                }
                error => database.failure(&error),
            })?;
        if statement.column_count() == 0 {
            return Err(LogError::new(format!(
                "{file}: the `query:` gives no columns; write one SELECT"
            )));
        }
        let sql = &sql[..statement_end(sql)];
        let columns = statement
            .column_names()
            .map(|name| Column {
                name: name.to_owned(),
                declared: String::new(),
                key: 0,
                gives: Gives::Null,
                required: false,
            })
            .collect();
        Ok(Shape {
            name: "query".to_owned(),
            // The line break ends a comment at the query's end.
            from: format!("({sql}\n)"),
            columns,
            kind: Kind::Query,
            sql: String::new(),
        })
    }

    /// The column of this name; one that differs in case only where there is no exact one.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .find(|column| column.name == name)
            .or_else(|| {
                self.columns
                    .iter()
                    .find(|column| column.name.eq_ignore_ascii_case(name))
            })
    }

    /// The name under which the rowid can be reached, where no column hides it.
    pub(crate) fn rowid(&self) -> Option<&'static str> {
        let hidden = |name: &str| {
            self.columns
                .iter()
                .any(|column| column.name.eq_ignore_ascii_case(name))
        };
        match self.kind {
            Kind::Table => ["rowid", "_rowid_", "oid"]
                .into_iter()
                .find(|name| !hidden(name)),
            _ => None,
        }
    }

    /// The column that is another name of the rowid.
    pub(crate) fn rowid_alias(&self) -> Option<&Column> {
        let mut keys = self.columns.iter().filter(|column| column.key > 0);
        match (self.kind, keys.next(), keys.next()) {
            (Kind::Table, Some(only), None) if only.declared.eq_ignore_ascii_case("integer") => {
                Some(only)
            }
            _ => None,
        }
    }

    /// The columns for a message: the nearest first said, then all.
    pub(crate) fn no_column(&self, wanted: &str) -> String {
        let names: Vec<&str> = self
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        format!(
            "`{}` has no column `{wanted}`{}",
            self.name,
            nearest(wanted, &names)
        )
    }
}

/// `; did you mean …? it has …`
pub(crate) fn nearest(wanted: &str, names: &[&str]) -> String {
    let lower = wanted.to_lowercase();
    let best = names
        .iter()
        .map(|name| (strsim::jaro_winkler(&lower, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let mut text = match best {
        Some((_, name)) => format!("; did you mean `{name}`?"),
        None => ";".to_owned(),
    };
    let list: Vec<String> = names
        .iter()
        .take(30)
        .map(|name| format!("`{name}`"))
        .collect();
    text.push_str(" it has ");
    text.push_str(&if list.is_empty() {
        "none".to_owned()
    } else {
        list.join(", ")
    });
    if names.len() > 30 {
        text.push_str(&format!(" and {} more", names.len() - 30));
    }
    text
}

fn no_table(database: &Database, wanted: &str) -> Result<LogError, LogError> {
    let names = tables(database)?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let file = database.path().display();
    Ok(LogError::new(if names.is_empty() {
        format!("{file} has no table `{wanted}`; it has no tables at all")
    } else {
        format!("{file} has no table `{wanted}`{}", nearest(wanted, &names))
    }))
}

/// The names of all tables and views, SQLite's own left out.
pub(crate) fn tables(database: &Database) -> Result<Vec<String>, LogError> {
    database
        .connection()
        .prepare(
            "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') \
             AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, rowid",
        )
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .map_err(|error| database.failure(&error))
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Column>> {
    connection
        .prepare(
            "SELECT name, type, pk, hidden IN (2, 3), \
             coalesce(dflt_value, 'NULL') <> 'NULL' COLLATE NOCASE, \"notnull\" \
             FROM pragma_table_xinfo(?1, 'main') WHERE hidden <> 1",
        )?
        .query_map([table], |row| {
            Ok(Column {
                name: row.get(0)?,
                declared: row.get(1)?,
                key: row.get(2)?,
                gives: match (row.get(3)?, row.get(4)?) {
                    (true, _) => Gives::Calculated,
                    (false, true) => Gives::Default,
                    (false, false) => Gives::Null,
                },
                required: row.get(5)?,
            })
        })?
        .collect()
}

fn without_rowid(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND name = ?1 AND wr = 1",
        [table],
        |row| row.get::<_, i64>(0).map(|count| count > 0),
    )
}

/// Whether every column of a table holds values of its type only.
pub(crate) fn is_strict(database: &Database, shape: &Shape) -> Result<bool, LogError> {
    let read = || {
        let sql = "SELECT count(*) FROM pragma_table_list \
                   WHERE schema = 'main' AND name = ?1 COLLATE NOCASE AND strict = 1";
        let connection = database.connection();
        connection.query_row(sql, [&shape.name], |row| row.get::<_, i64>(0))
    };
    let is_table = matches!(shape.kind, Kind::Table | Kind::WithoutRowid);
    let found = is_table.then(read).transpose();
    let found = found.map_err(|error| database.failure(&error))?;
    Ok(found.is_some_and(|found| found > 0))
}

/// Whether the primary key of a table has an index of its own, which that of the rowid needs not.
pub(crate) fn has_key_index(database: &Database, shape: &Shape) -> Result<bool, LogError> {
    let sql = "SELECT count(*) FROM pragma_index_list(?1, 'main') WHERE origin = 'pk'";
    let connection = database.connection();
    let found = connection.query_row(sql, [&shape.name], |row| row.get::<_, i64>(0));
    found
        .map(|found| found > 0)
        .map_err(|error| database.failure(&error))
}

/// By which collations no two rows of a table may hold the same in a column.
pub(crate) fn unique_collations(
    database: &Database,
    shape: &Shape,
    column: &str,
) -> Result<Vec<String>, LogError> {
    if matches!(shape.kind, Kind::View | Kind::Query) {
        return Ok(Vec::new());
    }
    let sql = "SELECT DISTINCT part.coll FROM pragma_index_list(?1, 'main') AS list, \
               pragma_index_xinfo(list.name, 'main') AS part \
               WHERE list.\"unique\" AND NOT list.partial AND part.key \
               AND part.name = ?2 COLLATE NOCASE \
               AND (SELECT count(*) FROM pragma_index_xinfo(list.name, 'main') WHERE key) = 1";
    let read = || -> rusqlite::Result<Vec<String>> {
        let mut statement = database.connection().prepare(sql)?;
        let found = statement.query_map([shape.name.as_str(), column], |row| row.get(0))?;
        found.collect()
    };
    read().map_err(|error| database.failure(&error))
}

/// An index over plain columns of a table, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) unique: bool,
    /// It covers only some rows.
    pub(crate) partial: bool,
    /// `None` where it is over an expression or the rowid.
    pub(crate) columns: Vec<Option<String>>,
}

/// The indexes of a table; none for views and queries.
pub(crate) fn indexes(database: &Database, shape: &Shape) -> Result<Vec<Index>, LogError> {
    if matches!(shape.kind, Kind::View | Kind::Query) {
        return Ok(Vec::new());
    }
    let connection = database.connection();
    let read = || -> rusqlite::Result<Vec<Index>> {
        let mut list = connection
            .prepare("SELECT name, \"unique\", partial FROM pragma_index_list(?1, 'main')")?;
        let mut parts = connection.prepare(
            "SELECT name FROM pragma_index_xinfo(?1, 'main') WHERE key = 1 ORDER BY seqno",
        )?;
        let names: Vec<(String, bool, bool)> = list
            .query_map([&shape.name], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect::<Result<_, _>>()?;
        names
            .into_iter()
            .map(|(name, unique, partial)| {
                let columns = parts
                    .query_map([name], |row| row.get(0))?
                    .collect::<Result<_, _>>()?;
                Ok(Index {
                    unique,
                    partial,
                    columns,
                })
            })
            .collect()
    };
    read().map_err(|error| database.failure(&error))
}

/// A name as an SQL identifier, whatever stands in it.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether the statement that made a table says AUTOINCREMENT, outside of names and comments.
pub(crate) fn says_autoincrement(sql: &str) -> bool {
    tokens(sql).any(|(_, token)| token.eq_ignore_ascii_case("autoincrement"))
}

/// Whether the statement that made a table says CHECK, outside of names and comments.
pub(crate) fn says_check(sql: &str) -> bool {
    tokens(sql).any(|(_, token)| token.eq_ignore_ascii_case("check"))
}

/// By which conflict clause a table lets something else become of a row than it is told: one that
/// replaces or ignores.
pub(crate) fn gives_way(sql: &str) -> Option<&'static str> {
    let is_said = |(_, token): &(usize, &str)| {
        !token.trim().is_empty() && !token.starts_with("--") && !token.starts_with("/*")
    };
    let words: Vec<&str> = tokens(sql)
        .filter(is_said)
        .map(|(_, token)| token)
        .collect();
    words.windows(3).find_map(|words| {
        let says = |at: usize, word: &str| words[at].eq_ignore_ascii_case(word);
        let is_clause = says(0, "on") && says(1, "conflict");
        match () {
            () if is_clause && says(2, "replace") => Some("ON CONFLICT REPLACE"),
            () if is_clause && says(2, "ignore") => Some("ON CONFLICT IGNORE"),
            () => None,
        }
    })
}

/// The triggers of a table or view.
pub(crate) fn triggers(database: &Database, shape: &Shape) -> Result<Vec<String>, LogError> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'trigger' \
               AND tbl_name = ?1 COLLATE NOCASE ORDER BY name";
    let read = || -> rusqlite::Result<Vec<String>> {
        let mut statement = database.connection().prepare(sql)?;
        let found = statement.query_map([&shape.name], |row| row.get(0))?;
        found.collect()
    };
    read().map_err(|error| database.failure(&error))
}

/// Where a statement's semicolon stands, or its end.
fn statement_end(sql: &str) -> usize {
    tokens(sql)
        .find(|(_, token)| *token == ";")
        .map_or(sql.len(), |(at, _)| at)
}

/// Words, quoted texts, comments and single characters, each with where it begins.
fn tokens(sql: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &sql[at..];
        let first = rest.chars().next()?;
        let end = match first {
            '"' | '\'' | '`' => rest[1..].find(first).map(|end| end + 2),
            '[' => rest.find(']').map(|end| end + 1),
            '-' if rest.starts_with("--") => rest.find('\n'),
            '/' if rest.starts_with("/*") => rest.find("*/").map(|end| end + 2),
            _ if is_word(first) => rest.find(|c| !is_word(c)),
            _ => Some(first.len_utf8()),
        };
        let token = &rest[..end.unwrap_or(rest.len())];
        let begin = at;
        at += token.len();
        Some((begin, token))
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
