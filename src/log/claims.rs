//! What status columns say of saga instances.

use rusqlite::types::ValueRef;

use super::error::LogError;
use super::open::Database;
use super::schema::{Shape, quote};
use super::{ClaimRow, value};
use crate::definition::log::Claims;

/// The rows of one claims document; a row without an id or a status claims nothing.
pub(crate) fn read(database: &Database, claims: &Claims) -> Result<Vec<ClaimRow>, LogError> {
    let file = database.path().display();
    let shape = Shape::of(database, &claims.relation)?;
    let column = |key: &str, name: &str| match shape.column(name) {
        Some(column) => Ok(quote(&column.name)),
        None => Err(LogError::new(format!(
            "{file}: {} (for `{key}` of the claims about `{}`, {}:{}:{})",
            shape.no_column(name),
            claims.saga,
            claims.place.file.display(),
            claims.place.line,
            claims.place.column
        ))),
    };
    let id = column("id", &claims.id)?;
    let status = column("status", &claims.status)?;
    let sql = format!("SELECT {id}, {status} FROM {}", shape.from);
    let failure = |error| {
        LogError::new(format!(
            "{}; reading the claims in `{}`",
            database.failure(&error),
            shape.name
        ))
    };
    let mut statement = database.connection().prepare(&sql).map_err(failure)?;
    let mut rows = statement.query([]).map_err(failure)?;
    let _watch = database.pulse().watch();
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failure)? {
        database.pulse().beat();
        let text = |index| -> Result<Option<String>, LogError> {
            let mut scratch = String::new();
            let value: ValueRef<'_> = row.get_ref(index).map_err(failure)?;
            Ok(value::text(value, &mut scratch).map(str::to_owned))
        };
        if let (Some(id), Some(status)) = (text(0)?, text(1)?) {
            found.push(ClaimRow { id, status });
        }
    }
    drop(rows);
    drop(statement);
    database.verify()?;
    Ok(found)
}
