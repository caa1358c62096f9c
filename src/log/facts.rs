//! What is known of a source before its rows are read.

use super::SourceFacts;
use super::error::LogError;
use super::mapping::{Numbering, Slot};
use super::open::Database;
use super::schema::{self, Index, Kind, Shape, quote};

/// What the schema tells of a source.
pub(crate) fn of(
    database: &Database,
    shape: &Shape,
    indexes: &[Index],
    numbering: &Numbering,
    id: Option<&Slot>,
    correlation: Option<&Slot>,
) -> Result<SourceFacts, LogError> {
    let named = |slot: &Slot, column: &Option<String>| {
        slot.is_plain()
            && column
                .as_deref()
                .is_some_and(|column| quote(column) == slot.column)
    };
    let is_rowid = |slot: &Slot| {
        slot.is_plain()
            && shape
                .rowid_alias()
                .is_some_and(|alias| quote(&alias.name) == slot.column)
    };
    let by_rowid = match numbering {
        Numbering::Column { column, .. } => {
            Some(column.as_str()) == shape.rowid()
                || shape
                    .rowid_alias()
                    .is_some_and(|alias| quote(&alias.name) == *column)
        }
        Numbering::Running { .. } => false,
    };
    let autoincrement = shape.kind == Kind::Table && schema::says_autoincrement(&shape.sql);
    let sequence = match autoincrement {
        true => database
            .connection()
            .prepare("SELECT seq FROM sqlite_sequence WHERE name = ?1")
            .and_then(|mut statement| {
                let mut rows = statement.query([&shape.name])?;
                rows.next()?.map(|row| row.get(0)).transpose()
            })
            .map_err(|error| database.failure(&error))?,
        false => None,
    };
    let greatest = match autoincrement {
        true => database
            .connection()
            .query_row(
                &format!("SELECT max(rowid) FROM {}", quote(&shape.name)),
                [],
                |row| row.get(0),
            )
            .map_err(|error| database.failure(&error))?,
        false => None,
    };
    Ok(SourceFacts {
        name: shape.name.clone(),
        greatest,
        position_reuse: by_rowid && shape.kind == Kind::Table && !autoincrement,
        sequence,
        unique_id: id.is_some_and(|id| {
            is_rowid(id)
                || indexes.iter().any(|index| {
                    index.unique
                        && !index.partial
                        && matches!(index.columns.as_slice(), [only] if named(id, only))
                })
        }),
        indexed_correlation: correlation.is_some_and(|slot| {
            is_rowid(slot)
                || indexes.iter().any(|index| {
                    !index.partial
                        && index
                            .columns
                            .first()
                            .is_some_and(|first| named(slot, first))
                })
        }),
    })
}

/// The number of rows, guessed without reading them.
pub(crate) fn rows(database: &Database, shape: &Shape) -> Result<u64, LogError> {
    if shape.kind != Kind::Table {
        return Ok(0);
    }
    let from = &shape.from;
    let (least, greatest): (Option<i64>, Option<i64>) = database
        .connection()
        .query_row(
            &format!("SELECT (SELECT min(rowid) FROM {from}), (SELECT max(rowid) FROM {from})"),
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .map_err(|error| database.failure(&error))?;
    Ok(match (least, greatest) {
        (Some(least), Some(greatest)) => greatest.abs_diff(least).saturating_add(1),
        _ => 0,
    })
}
