//! One event of a case: the compact row, the full form, and cells written as they stand.

use serde_json::{Map, Number, Value};

use crate::casefile::load::text;
use crate::definition::fault::{self, Fault};
use crate::definition::file::SourceFile;
use crate::definition::marked::{Kind, Node};
use crate::definition::scalar::Meaning;
use crate::event::{Span, Timestamp};
use crate::log::record::{COLUMNS, Cell, Record};

/// The row of the log that an item of `events` describes; its position is its number, from 1,
/// where it gives none.
pub(super) fn record(
    file: &SourceFile,
    item: &Node,
    number: usize,
    horizon: Option<Timestamp>,
) -> Result<Record, Box<Fault>> {
    let mut record: Record = [const { Cell::Null }; COLUMNS.len()];
    set(
        &mut record,
        "position",
        Cell::Integer(i64::try_from(number + 1).unwrap_or(i64::MAX)),
    );
    match &item.kind {
        Kind::List(cells) => {
            if !(3..=4).contains(&cells.len()) {
                let place = file.place(item.span.clone());
                let message = format!("a row of {} values is no event", cells.len());
                return Err(Fault::fatal(fault::BAD_VALUE, place, message)
                    .label("three or four are wanted")
                    .help(
                        "write `[time, correlation, type]` or `[time, correlation, type, data]`"
                            .to_owned(),
                    )
                    .into());
            }
            for (column, cell) in ["time", "correlation", "type", "data"]
                .into_iter()
                .zip(cells)
            {
                set(&mut record, column, cell_of(file, column, cell, horizon)?);
            }
        }
        Kind::Map(entries) => {
            let raw = item
                .entry("raw")
                .map(|entry| entry.value.entries())
                .unwrap_or_default();
            for needed in ["time", "type"] {
                let given = entries
                    .iter()
                    .chain(raw)
                    .any(|entry| entry.key.text == needed);
                if !given {
                    let place = file.place(item.span.clone());
                    let message = format!("`{needed}` is missing in this event");
                    return Err(Fault::fatal(fault::MISSING_KEY, place, message)
                        .label("in this event")
                        .help(format!(
                            "to write a row without, say `raw: {{{needed}: null}}`"
                        ))
                        .into());
                }
            }
            for entry in entries.iter().filter(|entry| entry.key.text != "raw") {
                let column = entry.key.text.as_str();
                set(
                    &mut record,
                    column,
                    cell_of(file, column, &entry.value, horizon)?,
                );
            }
            for entry in raw {
                set(&mut record, &entry.key.text, raw_cell(&entry.value));
            }
        }
        Kind::Scalar(_) => {}
    }
    Ok(record)
}

fn set(record: &mut Record, column: &str, cell: Cell) {
    if let Some(at) = COLUMNS.iter().position(|name| *name == column) {
        record[at] = cell;
    }
}

fn cell_of(
    file: &SourceFile,
    column: &str,
    node: &Node,
    horizon: Option<Timestamp>,
) -> Result<Cell, Box<Fault>> {
    let scalar = match &node.kind {
        Kind::Scalar(scalar) => Some(scalar),
        Kind::List(_) | Kind::Map(_) => None,
    };
    let nothing = scalar.is_some_and(|scalar| scalar.meaning == Meaning::Null);
    match column {
        "time" => time(file, node, horizon).map(Cell::Integer),
        "data" | "metadata" if nothing => Ok(Cell::Null),
        "data" | "metadata" => Ok(Cell::Text(json(node).to_string())),
        "correlation" if nothing => Ok(Cell::Null),
        "position" | "version" => Ok(raw_cell(node)),
        _ if scalar.is_some() && !nothing => Ok(Cell::Text(text(node).to_owned())),
        _ => {
            let place = file.place(node.span.clone());
            Err(Fault::fatal(
                fault::WRONG_TYPE,
                place,
                format!("the {column} must be text"),
            )
            .label("text is wanted")
            .help(format!(
                "to write a broken one, say `raw: {{{column}: …}}` in a mapping"
            ))
            .into())
        }
    }
}

/// Nanoseconds since the epoch: an instant, or a length of time before or after the horizon.
fn time(file: &SourceFile, node: &Node, horizon: Option<Timestamp>) -> Result<i64, Box<Fault>> {
    let written = text(node);
    let bad = |message: String, help: &str| {
        let place = file.place(node.span.clone());
        let fault = Fault::fatal(fault::BAD_VALUE, place, message).label("a time is wanted");
        Box::new(fault.help(help.to_owned()))
    };
    let offset = match written.split_at_checked(1) {
        Some(("-", span)) => span.parse().ok().map(|span: Span| -span.as_nanos()),
        Some(("+", span)) => span.parse().ok().map(|span: Span| span.as_nanos()),
        _ => None,
    };
    match (offset, horizon) {
        (Some(offset), Some(horizon)) => horizon.as_nanos().checked_add(offset).ok_or_else(|| {
            bad(
                format!("`{written}` lies outside the years 1677 to 2262"),
                "write a nearer time",
            )
        }),
        (Some(_), None) => Err(bad(
            format!("`{written}` counts from `as-of`, which is no instant here"),
            "add `as-of: 2026-03-01T12:00:00Z`, or write the instant itself",
        )),
        (None, _) => written
            .parse::<Timestamp>()
            .map(Timestamp::as_nanos)
            .map_err(|_| {
                bad(
                    format!("`{written}` is no time"),
                    "write `-5m`, counted from `as-of`, or an RFC 3339 instant",
                )
            }),
    }
}

/// A cell as it stands: a number, text or nothing.
fn raw_cell(node: &Node) -> Cell {
    match &node.kind {
        Kind::Scalar(scalar) => match scalar.meaning {
            Meaning::Null => Cell::Null,
            Meaning::Integer(number) => match i64::try_from(number) {
                Ok(number) => Cell::Integer(number),
                Err(_) => Cell::Text(scalar.text.clone()),
            },
            Meaning::Bool(_) | Meaning::Float(_) | Meaning::Text => Cell::Text(scalar.text.clone()),
        },
        Kind::List(_) | Kind::Map(_) => Cell::Text(json(node).to_string()),
    }
}

/// A cell of a read model: a number, a truth value as SQL has it, text, JSON text or nothing.
pub(super) fn stored_cell(node: &Node) -> Cell {
    match &node.kind {
        Kind::Scalar(scalar) => match scalar.meaning {
            Meaning::Float(number) => Cell::Real(number),
            Meaning::Bool(truth) => Cell::Integer(i64::from(truth)),
            Meaning::Null | Meaning::Integer(_) | Meaning::Text => raw_cell(node),
        },
        Kind::List(_) | Kind::Map(_) => raw_cell(node),
    }
}

/// A payload.
fn json(node: &Node) -> Value {
    match &node.kind {
        Kind::Scalar(scalar) => match scalar.meaning {
            Meaning::Null => Value::Null,
            Meaning::Bool(truth) => Value::Bool(truth),
            Meaning::Integer(number) => Number::from_i128(number)
                .map_or_else(|| Value::String(scalar.text.clone()), Value::Number),
            Meaning::Float(number) => Number::from_f64(number)
                .map_or_else(|| Value::String(scalar.text.clone()), Value::Number),
            Meaning::Text => Value::String(scalar.text.clone()),
        },
        Kind::List(items) => Value::Array(items.iter().map(json).collect()),
        Kind::Map(entries) => {
            let pairs = entries
                .iter()
                .map(|entry| (entry.key.text.clone(), json(&entry.value)));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
    }
}
