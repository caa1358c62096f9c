//! Whether events can be appended to a log, found out before anything is sent: an effect whose event the
//! log does not take is done, and cannot be taken back.
//!
//! A dry run writes nothing, so it has the schema alone to go by. With a permit one event of each type
//! is inserted and rolled back, which a trigger or a condition sees as it will see the real one; of a
//! rollback the database keeps nothing, in whatever journal mode it is.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::{Connection, MAIN_DB, TransactionBehavior, ffi};

use crate::definition::log::LogDefinition;
use crate::log::Database;
use crate::recovery::permit::Permit;
use crate::recovery::record::table::Table;
use crate::recovery::record::versions::Look;
use crate::recovery::record::{Entry, RecordError, Versions, open};

/// Whether events can be appended to the table of a log, as far as its schema and its file tell.
/// Nothing is written.
///
/// # Errors
/// See [`RecordError`].
pub(in crate::recovery) fn check(
    definition: &LogDefinition,
    log: &Path,
) -> Result<(), RecordError> {
    let database = Database::open(log)?;
    let table = Table::read(definition, database.connection())?;
    table.check(database.connection())?;
    database.verify()?;
    // Where it cannot be opened for writing SQLite opens it for reading alone.
    if open(log)?.is_readonly(MAIN_DB)? {
        let why = "its file can only be read";
        return Err(RecordError::Table(why.to_owned()));
    }
    Ok(())
}

/// Tries what will be appended, and takes it back: one event of each type, and for every other the
/// version that it would have. What moved since it was planned is passed over.
///
/// # Errors
/// When it would not be taken.
pub(in crate::recovery) fn rehearse<'e>(
    permit: &Permit,
    definition: &LogDefinition,
    log: &Path,
    entries: impl IntoIterator<Item = Entry<'e>>,
    versions: &Versions<'_>,
) -> Result<(), RecordError> {
    let mut connection = open(log)?;
    let table = Table::read(definition, &connection)?;
    let by = (&*definition.name, versions);
    let (mut kinds, mut places) = (HashSet::new(), HashSet::new());
    for entry in entries {
        versions.go_on()?;
        let is_tried = kinds.contains(entry.kind);
        if is_tried && !places.insert(entry.beside) {
            continue;
        }
        let tried = if is_tried {
            next_version(&table, &connection, by, entry)
        } else {
            insert(&table, permit, &mut connection, by, entry)
        };
        match tried {
            Err(RecordError::Sqlite(rusqlite::Error::QueryReturnedNoRows)) => continue,
            Err(RecordError::Sqlite(error)) if stands_there(&error) => {}
            tried => tried?,
        }
        kinds.insert(entry.kind);
    }
    versions.keep_open(connection);
    Ok(())
}

/// Whether a stream's version has a next; not asked where each answer would be a scan.
fn next_version(
    table: &Table<'_>,
    connection: &Connection,
    by: (&str, &Versions<'_>),
    entry: Entry<'_>,
) -> Result<(), RecordError> {
    if !table.is_numbered {
        return Ok(());
    }
    let known = table.known(connection, by, (entry, Look::Before))?;
    let stream = table.beside(connection, table.source.stream.as_ref(), entry)?;
    table.version(connection, &stream, known).map(drop)
}

/// An insertion that is rolled back.
fn insert(
    table: &Table<'_>,
    permit: &Permit,
    connection: &mut Connection,
    by: (&str, &Versions<'_>),
    entry: Entry<'_>,
) -> Result<(), RecordError> {
    let known = table.known(connection, by, (entry, Look::Before))?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    table.insert(permit, &transaction, entry, known)?;
    Ok(transaction.rollback()?)
}

/// Whether an insertion failed because the row is there: an action that was done before.
fn stands_there(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(
        code,
        Some(ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY)
    )
}
