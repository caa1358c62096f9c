//! Single values and JSON texts of a row: which column each is in, and how it is read from there.

use rusqlite::types::ValueRef;

use super::mapping::Slot;
use super::unpack::{Open, Unpacked};
use super::{json, value};
use crate::json::find;

/// Where a single value is among the selected columns.
#[derive(Debug, Clone)]
enum Place {
    Column(usize),
    Json { unpacked: usize, path: Vec<String> },
}

/// A single value and the buffers that it may need.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    place: Place,
    name: String,
    text: String,
    unescaped: String,
}

/// A JSON text.
#[derive(Debug, Clone)]
pub(super) struct Document {
    unpacked: usize,
    path: Vec<String>,
    name: String,
}

impl Document {
    /// Whether what it stands in could not be unpacked.
    pub(super) fn is_broken(&self, row: &Open<'_>) -> bool {
        row.is_broken(self.unpacked)
    }

    pub(super) fn bytes<'a>(&self, row: &Open<'a>) -> Result<Option<&'a [u8]>, String> {
        let Some(bytes) = row.json(self.unpacked) else {
            return Ok(None);
        };
        if self.path.is_empty() {
            return Ok(Some(bytes));
        }
        let found = find(bytes, &self.path)
            .map_err(|error| not_json(&self.name, bytes, &error.to_string()))?;
        Ok(found.map(str::as_bytes))
    }
}

/// A message that shows the raw text.
pub(crate) fn not_json(name: &str, bytes: &[u8], error: &str) -> String {
    format!(
        "{name} {} is not JSON: {error}",
        value::excerpt(ValueRef::Blob(bytes))
    )
}

impl Cell {
    /// Whether what it stands in could not be unpacked.
    pub(super) fn is_broken(&self, row: &Open<'_>) -> bool {
        match &self.place {
            Place::Column(_) => false,
            Place::Json { unpacked, .. } => row.is_broken(*unpacked),
        }
    }

    /// The value, where it is a column's own.
    #[inline]
    pub(super) fn plain<'a>(&self, row: &Open<'a>) -> Option<ValueRef<'a>> {
        match self.place {
            Place::Column(column) => Some(row.get(column)),
            Place::Json { .. } => None,
        }
    }

    #[inline]
    pub(super) fn value<'a>(&'a mut self, row: &Open<'a>) -> Result<ValueRef<'a>, String> {
        match self.place {
            Place::Column(column) => Ok(row.get(column)),
            Place::Json { .. } => in_json(&self.place, &self.name, &mut self.unescaped, row),
        }
    }

    #[inline]
    pub(super) fn text<'a>(&'a mut self, row: &Open<'a>) -> Result<Option<&'a str>, String> {
        let Cell {
            place,
            name,
            text,
            unescaped,
        } = self;
        let value = match place {
            Place::Column(column) => row.get(*column),
            Place::Json { .. } => in_json(place, name, unescaped, row)?,
        };
        Ok(value::text(value, text))
    }
}

/// Never inlined, so that the reading of plain columns stays small.
#[inline(never)]
fn in_json<'a>(
    place: &Place,
    name: &str,
    unescaped: &'a mut String,
    row: &Open<'a>,
) -> Result<ValueRef<'a>, String> {
    match place {
        Place::Column(column) => Ok(row.get(*column)),
        Place::Json {
            unpacked: index,
            path,
        } => match row.json(*index) {
            Some(bytes) => {
                let found =
                    find(bytes, path).map_err(|error| not_json(name, bytes, &error.to_string()))?;
                Ok(json::scalar(found, unescaped))
            }
            None => Ok(ValueRef::Null),
        },
    }
}

/// The columns selected so far, each once.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub(super) names: Vec<String>,
    pub(super) unpacked: Vec<Unpacked>,
}

impl Columns {
    pub(super) fn add(&mut self, column: &str) -> usize {
        match self.names.iter().position(|name| name == column) {
            Some(index) => index,
            None => {
                self.names.push(column.to_owned());
                self.names.len() - 1
            }
        }
    }

    fn unpack(&mut self, slot: &Slot) -> usize {
        let column = self.add(&slot.column);
        match self
            .unpacked
            .iter()
            .position(|unpacked| unpacked.is(column, slot.encoding))
        {
            Some(index) => index,
            None => {
                self.unpacked.push(Unpacked::new(column, slot.encoding));
                self.unpacked.len() - 1
            }
        }
    }

    pub(super) fn cell(&mut self, slot: &Slot) -> Cell {
        let place = if slot.is_plain() {
            Place::Column(self.add(&slot.column))
        } else {
            Place::Json {
                unpacked: self.unpack(slot),
                path: slot.path.clone(),
            }
        };
        Cell {
            place,
            name: slot.name.clone(),
            text: String::new(),
            unescaped: String::new(),
        }
    }

    pub(super) fn document(&mut self, slot: &Slot) -> Document {
        Document {
            unpacked: self.unpack(slot),
            path: slot.path.clone(),
            name: slot.name.clone(),
        }
    }
}
