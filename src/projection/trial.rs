//! What the columns of a table make of values, asked of SQLite itself: a table with columns of the
//! same types, in memory, in which they are tried. Nothing of what somebody else wrote runs there.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

use crate::log::{Demands, LogError};
use crate::projection::compare::Raw;
use crate::projection::stored;

/// A table of one row.
#[derive(Debug)]
pub(super) struct Trial {
    connection: Connection,
    /// By the names of columns, in small letters, how many come before.
    places: BTreeMap<String, usize>,
}

impl Trial {
    /// With the columns of a table.
    ///
    /// # Errors
    /// When SQLite makes none.
    pub(super) fn of(demands: &Demands) -> Result<Trial, LogError> {
        let columns = demands.columns.iter().enumerate();
        let columns: Vec<String> = columns
            .map(|(at, field)| match () {
                () if field.is_rowid => format!("c{at} INTEGER PRIMARY KEY"),
                () if demands.is_strict => format!("c{at} {}", in_strict(&field.declared)),
                () => format!("c{at} {}", field.affinity()),
            })
            .collect();
        let names = demands.columns.iter().map(|field| &field.name);
        let places = names.enumerate();
        let places = places.map(|(at, name)| (name.to_ascii_lowercase(), at));
        let made = Connection::open_in_memory().and_then(|connection| {
            if !columns.is_empty() {
                connection.execute_batch(&format!(
                    "CREATE TABLE t ({}) {}; INSERT INTO t DEFAULT VALUES;",
                    columns.join(", "),
                    if demands.is_strict { "STRICT" } else { "" }
                ))?;
            }
            Ok(connection)
        });
        Ok(Trial {
            connection: made.map_err(|error| {
                LogError::new(format!("what a table holds cannot be tried: {error}"))
            })?,
            places: places.collect(),
        })
    }

    /// What a column holds after this was put there; `None` where it does not take it. A column that
    /// the table does not have holds what it is given.
    pub(super) fn held(&self, column: &str, value: &Raw) -> Option<Raw> {
        let Some(at) = self.places.get(&column.to_ascii_lowercase()) else {
            return Some(value.clone());
        };
        let tried = || {
            let put = format!("UPDATE t SET c{at} = ?1");
            let mut put = self.connection.prepare_cached(&put)?;
            put.execute([Bound(value)])?;
            let get = format!("SELECT c{at} FROM t");
            let mut get = self.connection.prepare_cached(&get)?;
            get.query_row([], |row| row.get_ref(0).map(stored::raw))
        };
        tried().ok()
    }
}

/// The types that a strict table knows; what else a later version may know holds anything here.
fn in_strict(declared: &str) -> &str {
    match declared {
        "INT" | "INTEGER" | "REAL" | "TEXT" | "BLOB" => declared,
        _ => "ANY",
    }
}

/// A value that is given to SQLite as what it is.
struct Bound<'a>(&'a Raw);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Raw::Null => ValueRef::Null,
            Raw::Integer(number) => ValueRef::Integer(*number),
            Raw::Real(number) => ValueRef::Real(*number),
            Raw::Text(text) => ValueRef::Text(text.as_bytes()),
            Raw::Garbled(bytes) => ValueRef::Text(bytes),
            Raw::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
