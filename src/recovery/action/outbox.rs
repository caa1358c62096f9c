//! Inserts one row into a table that somebody else reads, in one transaction.
//!
//! A column that holds the idempotency key makes it safe to send again: a row with that key is
//! there already, or it is not. That, and not a transaction that spans both files, is what an
//! interrupted insertion is settled by: the journal takes no tables of others, and a transaction over
//! two databases survives a crash as a whole only where neither is in WAL mode.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::Value as Cell;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, params_from_iter};
use serde_json::Value;

use crate::recovery::action::{Attempt, Order, duration};

/// Inserts the row.
pub(super) fn insert(
    order: Order<'_>,
    database: &Path,
    table: &str,
    columns: &BTreeMap<String, Value>,
) -> Attempt {
    match try_insert(order, database, table, columns) {
        Ok(true) => Attempt::Done("one row inserted".to_owned()),
        Ok(false) => Attempt::Done("the row was there already".to_owned()),
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Attempt::Again {
                why: error.to_string(),
                pause: None,
            },
            Some(ErrorCode::SystemIoFailure) => Attempt::Unknown(error.to_string()),
            _ => Attempt::Failed(error.to_string()),
        },
    }
}

fn try_insert(
    order: Order<'_>,
    database: &Path,
    table: &str,
    columns: &BTreeMap<String, Value>,
) -> Result<bool, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(duration(order.action.timeout))?;
    connection.pragma_update(None, "synchronous", "EXTRA")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let key = Value::from(order.planned.key.as_str());
    if let Some((column, _)) = columns.iter().find(|(_, value)| **value == key) {
        let there = format!(
            "SELECT EXISTS (SELECT 1 FROM {} WHERE {} = ?1)",
            quoted(table),
            quoted(column)
        );
        if transaction.query_row(&there, [&order.planned.key], |row| row.get(0))? {
            return Ok(false);
        }
    }
    let names: Vec<String> = columns.keys().map(|name| quoted(name)).collect();
    let places = vec!["?"; names.len()];
    let inserted = transaction.execute(
        &format!(
            "INSERT INTO {} ({}) VALUES ({})",
            quoted(table),
            names.join(", "),
            places.join(", ")
        ),
        params_from_iter(columns.values().map(cell)),
    )?;
    if inserted != 1 {
        return Err(rusqlite::Error::StatementChangedRows(inserted));
    }
    transaction.commit()?;
    Ok(true)
}

/// A name as SQL writes it.
pub(in crate::recovery) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A JSON value as a cell; lists and mappings are written as JSON text.
fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(truth) => Cell::Integer(i64::from(*truth)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Cell::Integer(whole),
            (None, Some(real)) => Cell::Real(real),
            (None, None) => Cell::Text(number.to_string()),
        },
        Value::String(text) => Cell::Text(text.clone()),
        Value::Array(_) | Value::Object(_) => Cell::Text(value.to_string()),
    }
}
