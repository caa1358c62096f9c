//! Which columns a scan selects from one source, and how each row of them is read.
//!
//! Everything that can be decided once is decided here; reading a row allocates nothing beyond
//! buffers that are used again, but for the first row of each type.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use rusqlite::Row as SqlRow;
use rusqlite::types::ValueRef;

use super::mapping::{Naming, Numbering, Plan, Slot};
use super::types::Interner;
use super::unpack::{Unpacked, get};
use super::{BadId, BadRow, Fields, Row, TypeId, json, time, value};
use crate::definition::log::TimeUnit;
use crate::event::{Position, Timestamp};
use crate::json::find;

/// The reading of one source in one scan.
#[derive(Debug)]
pub(crate) struct Layout<'p> {
    columns: Vec<String>,
    position: Option<usize>,
    fault: Option<usize>,
    unpacked: Vec<Unpacked>,
    trouble: Option<String>,
    time: Option<Cell>,
    unit: TimeUnit,
    judges_time: bool,
    kind: Cell,
    naming: &'p Naming,
    types: HashMap<Box<[u8]>, TypeId, FixedState>,
    stream: Option<Cell>,
    version: Option<Cell>,
    id: Option<Cell>,
    correlation: Option<Cell>,
    causation: Option<Cell>,
    key: Option<Cell>,
    data: Option<Document>,
    metadata: Option<Document>,
}

/// Where a single value is among the selected columns.
#[derive(Debug)]
enum Place {
    Column(usize),
    Json { unpacked: usize, path: Vec<String> },
}

/// A single value and the buffers that it may need.
#[derive(Debug)]
struct Cell {
    place: Place,
    name: String,
    text: String,
    unescaped: String,
}

/// A JSON text.
#[derive(Debug)]
struct Document {
    unpacked: usize,
    path: Vec<String>,
    name: String,
}

impl<'p> Layout<'p> {
    /// `times`: read times even where `fields` does not ask for them, since the order needs them.
    pub(crate) fn new(plan: &'p Plan, fields: Fields, times: bool) -> Layout<'p> {
        let mut columns = Columns::default();
        let position = match &plan.numbering {
            Numbering::Column { column, .. } => Some(columns.add(column)),
            Numbering::Running { .. } => None,
        };
        let kind = columns.cell(&plan.kind);
        let mut cell = |wanted: bool, slot: &Option<Slot>| match slot {
            Some(slot) if wanted => Some(columns.cell(slot)),
            _ => None,
        };
        let stream = cell(fields.stream, &plan.stream);
        let version = cell(fields.stream, &plan.version);
        let id = cell(fields.id, &plan.id);
        let correlation = cell(fields.correlation, &plan.correlation);
        let causation = cell(fields.causation, &plan.causation);
        let key = cell(fields.key, &plan.key);
        let time = (fields.time || times).then(|| columns.cell(&plan.time));
        let mut document = |wanted: bool, slot: &Option<Slot>| match slot {
            Some(slot) if wanted => Some(columns.document(slot)),
            _ => None,
        };
        let data = document(fields.data, &plan.data);
        let metadata = document(fields.metadata, &plan.metadata);
        let fault = plan.fault.as_ref().map(|slot| columns.add(&slot.column));
        Layout {
            columns: columns.names,
            position,
            fault,
            unpacked: columns.unpacked,
            trouble: None,
            time,
            unit: plan.unit,
            judges_time: fields.time,
            kind,
            naming: &plan.naming,
            types: HashMap::default(),
            stream,
            version,
            id,
            correlation,
            causation,
            key,
            data,
            metadata,
        }
    }

    /// What stands after SELECT.
    pub(crate) fn selected(&self) -> String {
        self.columns.join(", ")
    }

    /// Unpacks what the row has packed; once for each row, before anything else is read of it.
    #[inline]
    pub(crate) fn load(&mut self, row: &SqlRow<'_>) {
        self.trouble = None;
        for unpacked in &mut self.unpacked {
            if let Err(reason) = unpacked.load(row) {
                self.trouble.get_or_insert(reason);
            }
        }
    }

    /// The row's position in its own source; `None` where it has none or none that can be read.
    pub(crate) fn position(&self, row: &SqlRow<'_>) -> Option<i64> {
        value::integer(get(row, self.position?)).ok().flatten()
    }

    /// The row's time; `None` where it cannot be read or is not selected.
    pub(crate) fn time(&mut self, row: &SqlRow<'_>) -> Option<Timestamp> {
        let cell = self.time.as_mut()?;
        time::read(cell.value(row, &self.unpacked).ok()?, self.unit).ok()
    }

    /// Reads a row. `number` stands for the position where the log counts its rows; where `wanted`
    /// is given, rows of another correlation, or of one that cannot be read, are `Ok(None)`.
    #[inline(always)]
    pub(crate) fn read<'a>(
        &'a mut self,
        row: &'a SqlRow<'_>,
        number: Option<i64>,
        wanted: Option<&str>,
        interner: &Interner,
    ) -> Result<Option<Row<'a>>, BadRow> {
        let own = match number {
            Some(number) => Ok(number),
            None => self.own_position(row),
        };
        let position = own.as_ref().ok().copied().map(Position);
        let unpacked = self.unpacked.as_slice();
        let id = text(&mut self.id, row, unpacked);
        let correlation = match &mut self.correlation {
            Some(cell) => cell.text(row, unpacked),
            None => Ok(None),
        };
        if wanted.is_some() && correlation.as_ref().ok().copied().flatten() != wanted {
            return Ok(None);
        }
        let kind = kind(
            &mut self.kind,
            &mut self.types,
            self.naming,
            row,
            unpacked,
            interner,
        );
        let bad = |reason: String| BadRow {
            position,
            reason,
            id: match &id {
                Ok(id) => BadId::from(*id),
                Err(_) => BadId::Unreadable,
            },
            kind: kind.as_ref().ok().copied(),
            correlation: correlation
                .as_ref()
                .ok()
                .copied()
                .flatten()
                .map(str::to_owned),
        };
        let correlation = match &correlation {
            Ok(correlation) => *correlation,
            Err(reason) => {
                return Err(bad(self.trouble.take().unwrap_or_else(|| reason.clone())));
            }
        };
        let fault = match self.fault {
            Some(column) => get(row, column),
            None => ValueRef::Null,
        };
        if let ValueRef::Text(reason) = fault {
            return Err(bad(String::from_utf8_lossy(reason).into_owned()));
        }
        let position = own.map_err(bad).map(Position)?;
        if let Some(reason) = &self.trouble {
            return Err(bad(reason.clone()));
        }
        let kind = match &kind {
            Ok(kind) => *kind,
            Err(reason) => return Err(bad(reason.clone())),
        };
        let time = match &mut self.time {
            Some(cell) if self.judges_time => {
                let value = cell.value(row, unpacked).map_err(bad)?;
                time::read(value, self.unit).map_err(bad)?
            }
            _ => Timestamp::from_nanos(0),
        };
        let version = match &mut self.version {
            Some(cell) => {
                let value = cell.value(row, unpacked).map_err(bad)?;
                value::integer(value)
                    .map_err(|raw| bad(format!("version {raw} is not a whole number")))?
            }
            None => None,
        };
        Ok(Some(Row {
            position,
            kind,
            time,
            stream: text(&mut self.stream, row, unpacked).map_err(bad)?,
            version,
            id: match &id {
                Ok(id) => *id,
                Err(reason) => return Err(bad(reason.clone())),
            },
            correlation,
            causation: text(&mut self.causation, row, unpacked).map_err(bad)?,
            key: text(&mut self.key, row, unpacked).map_err(bad)?,
            data: document(&self.data, row, unpacked).map_err(bad)?,
            metadata: document(&self.metadata, row, unpacked).map_err(bad)?,
        }))
    }

    #[inline]
    fn own_position(&self, row: &SqlRow<'_>) -> Result<i64, String> {
        let Some(column) = self.position else {
            return Ok(0);
        };
        match value::integer(get(row, column)) {
            Ok(Some(number)) => Ok(number),
            Ok(None) => Err("position is null".to_owned()),
            Err(raw) => Err(format!("position {raw} is not a whole number")),
        }
    }
}

#[inline(always)]
fn text<'a>(
    cell: &'a mut Option<Cell>,
    row: &'a SqlRow<'_>,
    unpacked: &'a [Unpacked],
) -> Result<Option<&'a str>, String> {
    match cell {
        Some(cell) => cell.text(row, unpacked),
        None => Ok(None),
    }
}

#[inline(always)]
fn document<'a>(
    document: &Option<Document>,
    row: &'a SqlRow<'_>,
    unpacked: &'a [Unpacked],
) -> Result<Option<&'a [u8]>, String> {
    match document {
        Some(document) => document.bytes(row, unpacked),
        None => Ok(None),
    }
}

impl Document {
    fn bytes<'a>(
        &self,
        row: &'a SqlRow<'_>,
        unpacked: &'a [Unpacked],
    ) -> Result<Option<&'a [u8]>, String> {
        let Some(bytes) = unpacked[self.unpacked].bytes(row) else {
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

#[inline]
fn kind(
    cell: &mut Cell,
    types: &mut HashMap<Box<[u8]>, TypeId, FixedState>,
    naming: &Naming,
    row: &SqlRow<'_>,
    unpacked: &[Unpacked],
    interner: &Interner,
) -> Result<TypeId, String> {
    if let Place::Column(column) = cell.place
        && let ValueRef::Text(bytes) = get(row, column)
        && let Some(id) = types.get(bytes)
    {
        return Ok(*id);
    }
    let Some(recorded) = cell.text(row, unpacked)? else {
        return Err("type is null".to_owned());
    };
    let id = interner.intern(naming.apply(recorded));
    types.insert(recorded.as_bytes().into(), id);
    Ok(id)
}

impl Cell {
    #[inline]
    fn value<'a>(
        &'a mut self,
        row: &'a SqlRow<'_>,
        unpacked: &'a [Unpacked],
    ) -> Result<ValueRef<'a>, String> {
        match self.place {
            Place::Column(column) => Ok(get(row, column)),
            Place::Json { .. } => {
                in_json(&self.place, &self.name, &mut self.unescaped, row, unpacked)
            }
        }
    }

    #[inline]
    fn text<'a>(
        &'a mut self,
        row: &'a SqlRow<'_>,
        unpacked: &'a [Unpacked],
    ) -> Result<Option<&'a str>, String> {
        let Cell {
            place,
            name,
            text,
            unescaped,
        } = self;
        let value = match place {
            Place::Column(column) => get(row, *column),
            Place::Json { .. } => in_json(place, name, unescaped, row, unpacked)?,
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
    row: &'a SqlRow<'_>,
    unpacked: &'a [Unpacked],
) -> Result<ValueRef<'a>, String> {
    match place {
        Place::Column(column) => Ok(get(row, *column)),
        Place::Json {
            unpacked: index,
            path,
        } => match unpacked[*index].bytes(row) {
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
struct Columns {
    names: Vec<String>,
    unpacked: Vec<Unpacked>,
}

impl Columns {
    fn add(&mut self, column: &str) -> usize {
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

    fn cell(&mut self, slot: &Slot) -> Cell {
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

    fn document(&mut self, slot: &Slot) -> Document {
        Document {
            unpacked: self.unpack(slot),
            path: slot.path.clone(),
            name: slot.name.clone(),
        }
    }
}
