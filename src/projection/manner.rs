//! How the columns of a table write what they hold, told by the rows that hold what they should.

use crate::definition::projection::Projection;
use crate::projection::compare::{Raw, Row};
use crate::projection::state::{Cell, State};
use crate::projection::value::Value;

/// How a column writes values of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// As numbers.
    Number,
    /// As text.
    Text,
    /// As the bytes of the text.
    Bytes,
    /// As the bytes that the text spells in hexadecimal digits.
    Spelled,
}

impl Manner {
    /// How values like this one are written where a column holds this.
    pub(super) fn of(value: &Value, raw: &Raw) -> Option<Manner> {
        match (raw, value) {
            (Raw::Integer(_) | Raw::Real(_), _) => Some(Manner::Number),
            (Raw::Text(_), Value::Bool(_)) if raw.number().is_some() => Some(Manner::Number),
            (Raw::Text(_), _) => Some(Manner::Text),
            (Raw::Blob(bytes), Value::Text(text)) if !bytes.is_empty() => {
                let is_text = bytes == text.as_bytes();
                Some(if is_text {
                    Manner::Bytes
                } else {
                    Manner::Spelled
                })
            }
            (Raw::Null | Raw::Garbled(_) | Raw::Blob(_), _) => None,
        }
    }
}

/// What is known of each column, by the kind of the value.
#[derive(Debug, Clone, Default)]
pub struct Manners(Vec<[Option<Manner>; 3]>);

impl Manners {
    /// Takes note of a row that holds what it should.
    pub(super) fn learn(&mut self, definition: &Projection, state: &State, row: &Row) {
        let columns = definition.stored.iter().flat_map(|stored| &stored.columns);
        self.0.resize(row.values.len(), [None; 3]);
        for ((column, raw), known) in columns.zip(&row.values).zip(&mut self.0) {
            let Cell::Known(value) = state.cell(column.field) else {
                continue;
            };
            if let Some(known) = kind(value).and_then(|kind| known.get_mut(kind))
                && known.is_none()
            {
                *known = Manner::of(value, raw);
            }
        }
    }

    /// How a column, by its number, writes values like this one.
    pub(super) fn of(&self, column: usize, value: &Value) -> Option<Manner> {
        *self.0.get(column)?.get(kind(value)?)?
    }
}

fn kind(value: &Value) -> Option<usize> {
    match value {
        Value::Number(_) => Some(0),
        Value::Bool(_) => Some(1),
        Value::Text(_) => Some(2),
        Value::Null | Value::List(_) | Value::Object(_) => None,
    }
}
