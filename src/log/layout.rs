//! Which columns a scan selects from one source, and how each row of them is read.
//!
//! Everything that can be decided once is decided here; reading a row allocates nothing beyond
//! buffers that are used again, but for the first row of each type. What a row that cannot be read
//! still tells of itself is looked up apart, so that a sound row pays nothing for it.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use rusqlite::Row as SqlRow;
use rusqlite::types::ValueRef;

use super::cell::{Cell, Columns, Document};
use super::mapping::{Naming, Numbering, Plan, Slot};
use super::types::Interner;
use super::unpack::{Open, Unpacked, get};
use super::{BadId, BadRow, Fields, Rest, Row, TypeId, time, value};
use crate::definition::log::TimeUnit;
use crate::event::{Position, Timestamp};
use crate::texts::named;

/// How many types can be found without a hash at once.
const LIKELY: usize = 32;

/// The reading of one source in one scan.
#[derive(Debug)]
pub(crate) struct Layout<'p> {
    columns: Vec<String>,
    unpacked: Vec<Unpacked>,
    trouble: Option<String>,
    parts: Parts<'p>,
    remains: Remains<'p>,
}

/// The parts of a row.
#[derive(Debug)]
struct Parts<'p> {
    position: Option<usize>,
    fault: Option<usize>,
    time: Option<Cell>,
    unit: TimeUnit,
    judges_time: bool,
    kind: Cell,
    naming: &'p Naming,
    types: Types,
    stream: Option<Cell>,
    version: Option<Cell>,
    id: Option<Cell>,
    correlation: Option<Cell>,
    causation: Option<Cell>,
    key: Option<Cell>,
    data: Option<Document>,
    metadata: Option<Document>,
}

/// The recorded types that were met.
#[derive(Debug, Default)]
struct Types {
    met: Vec<(Box<[u8]>, TypeId)>,
    /// Where each is among those.
    all: HashMap<Box<[u8]>, usize, FixedState>,
    /// The same of the last one of those with the same length and last byte, or nearly: a log has few
    /// types, so that most are found without a hash.
    likely: [usize; LIKELY],
}

/// What is told of a row that cannot be read, each part on its own.
#[derive(Debug)]
struct Remains<'p> {
    position: Option<usize>,
    fault: Option<usize>,
    time: Option<Cell>,
    unit: TimeUnit,
    stream: Option<Cell>,
    version: Option<Cell>,
    id: Option<Cell>,
    correlation: Option<Cell>,
    causation: Option<Cell>,
    key: Option<Cell>,
    data: Option<Document>,
    metadata: Option<Document>,
    kind: Cell,
    naming: &'p Naming,
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
        let version = cell(fields.version, &plan.version);
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
            unpacked: columns.unpacked,
            trouble: None,
            remains: Remains {
                position,
                fault,
                time: time.clone(),
                unit: plan.unit,
                stream: stream.clone(),
                version: version.clone(),
                id: id.clone(),
                correlation: correlation.clone(),
                causation: causation.clone(),
                key: key.clone(),
                data: data.clone(),
                metadata: metadata.clone(),
                kind: kind.clone(),
                naming: &plan.naming,
            },
            parts: Parts {
                position,
                fault,
                time,
                unit: plan.unit,
                judges_time: fields.time,
                kind,
                naming: &plan.naming,
                types: Types::default(),
                stream,
                version,
                id,
                correlation,
                causation,
                key,
                data,
                metadata,
            },
        }
    }

    /// What stands after SELECT.
    pub(crate) fn selected(&self) -> String {
        self.columns.join(", ")
    }

    /// The row's position in its own source; `None` where it has none or none that can be read.
    pub(crate) fn position(&self, row: &SqlRow<'_>) -> Option<i64> {
        value::integer(get(row, self.parts.position?))
            .ok()
            .flatten()
    }

    /// Unpacks what a row has packed, for [`Layout::time`] and [`Layout::read_again`].
    pub(crate) fn open(&mut self, row: &SqlRow<'_>) {
        (_, self.trouble) = Open::new(row, &mut self.unpacked);
    }

    /// The time of the row that was opened; `None` where it cannot be read or is not selected.
    pub(crate) fn time(&mut self, row: &SqlRow<'_>) -> Option<Timestamp> {
        let open = Open::again(row, &self.unpacked);
        let cell = self.parts.time.as_mut()?;
        time::read(cell.value(&open).ok()?, self.parts.unit).ok()
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
        let Layout {
            unpacked,
            parts,
            remains,
            ..
        } = self;
        let (open, trouble) = Open::new(row, unpacked);
        parts
            .read(&open, number, wanted, trouble.as_deref(), interner)
            .map_err(|reason| remains.tell(reason, &open, number, interner))
    }

    /// Reads the row that was opened.
    pub(crate) fn read_again<'a>(
        &'a mut self,
        row: &'a SqlRow<'_>,
        number: Option<i64>,
        wanted: Option<&str>,
        interner: &Interner,
    ) -> Result<Option<Row<'a>>, BadRow> {
        let Layout {
            unpacked,
            trouble,
            parts,
            remains,
            ..
        } = self;
        let open = Open::again(row, unpacked);
        parts
            .read(&open, number, wanted, trouble.as_deref(), interner)
            .map_err(|reason| remains.tell(reason, &open, number, interner))
    }
}

impl Parts<'_> {
    #[inline(always)]
    fn read<'a>(
        &'a mut self,
        row: &Open<'a>,
        number: Option<i64>,
        wanted: Option<&str>,
        trouble: Option<&str>,
        interner: &Interner,
    ) -> Result<Option<Row<'a>>, String> {
        let correlation = match text(&mut self.correlation, row).map(named) {
            Ok(correlation) if wanted.is_some() && correlation != wanted => return Ok(None),
            Ok(correlation) => correlation,
            Err(_) if wanted.is_some() => return Ok(None),
            Err(reason) => return Err(trouble.map_or(reason, str::to_owned)),
        };
        if let Some(column) = self.fault
            && let ValueRef::Text(reason) = row.get(column)
        {
            return Err(String::from_utf8_lossy(reason).into_owned());
        }
        let position = Position(match (number, self.position) {
            (Some(number), _) => number,
            (None, Some(column)) => position(row.get(column))?,
            (None, None) => 0,
        });
        if let Some(reason) = trouble {
            return Err(reason.to_owned());
        }
        let kind = kind(&mut self.kind, &mut self.types, self.naming, row, interner)?;
        let time = match &mut self.time {
            Some(cell) if self.judges_time => time::read(cell.value(row)?, self.unit)?,
            _ => Timestamp::from_nanos(0),
        };
        let version = match &mut self.version {
            Some(cell) => value::integer(cell.value(row)?)
                .map_err(|raw| format!("version {raw} is not a whole number"))?,
            None => None,
        };
        Ok(Some(Row {
            position,
            kind,
            time,
            stream: text(&mut self.stream, row)?,
            version,
            id: named(text(&mut self.id, row)?),
            correlation,
            causation: named(text(&mut self.causation, row)?),
            key: text(&mut self.key, row)?,
            data: document(&self.data, row)?,
            metadata: document(&self.metadata, row)?,
        }))
    }
}

impl Remains<'_> {
    #[cold]
    fn tell(
        &mut self,
        reason: String,
        row: &Open<'_>,
        number: Option<i64>,
        interner: &Interner,
    ) -> BadRow {
        let own = match (number, self.position) {
            (Some(number), _) => Some(number),
            (None, Some(column)) => position(row.get(column)).ok(),
            (None, None) => Some(0),
        };
        let rest = self.rest(row);
        let hides_id = rest.unread == Fields::ALL && self.id.is_some();
        let recorded = match self.kind.is_broken(row) {
            true => None,
            false => self.kind.text(row).ok().flatten(),
        };
        let correlation = sound_text(&mut self.correlation, row);
        BadRow {
            position: own.map(Position),
            reason,
            id: match sound_text(&mut self.id, row) {
                Ok(None) if hides_id => BadId::Unreadable,
                Ok(id) => BadId::from(named(id)),
                Err(_) => BadId::Unreadable,
            },
            kind: recorded.map(|recorded| interner.intern(self.naming.apply(recorded))),
            correlation: named(correlation.ok().flatten()).map(str::to_owned),
            rest: Box::new(rest),
        }
    }

    fn rest(&mut self, row: &Open<'_>) -> Rest {
        let is_fault = self
            .fault
            .is_some_and(|column| matches!(row.get(column), ValueRef::Text(_)));
        if is_fault && matches!(self.kind.plain(row), Some(ValueRef::Null)) {
            return Rest {
                unread: Fields::ALL,
                ..Rest::default()
            };
        }
        let mut unread = Fields::default();
        let read_time = |cell: &mut Cell| {
            if cell.is_broken(row) {
                return None;
            }
            let value = cell.value(row).ok()?;
            time::read(value, self.unit).ok()
        };
        let time = self.time.as_mut().map(read_time);
        unread.time = time == Some(None);
        let read_version = |cell: &mut Cell| {
            if cell.is_broken(row) {
                return None;
            }
            let value = cell.value(row).ok()?;
            value::integer(value).ok()
        };
        let version = self.version.as_mut().map(read_version);
        unread.version = version == Some(None);
        let is_unread = |cell: &mut Option<Cell>| sound_text(cell, row).is_err();
        unread.id = is_unread(&mut self.id);
        unread.correlation = is_unread(&mut self.correlation);
        let owned = |cell: &mut Option<Cell>, unread: &mut bool| match sound_text(cell, row) {
            Ok(text) => text.map(str::to_owned),
            Err(_) => {
                *unread = true;
                None
            }
        };
        let is_broken = |slot: &Option<Document>| slot.as_ref().is_some_and(|it| it.is_broken(row));
        let bytes = |slot: &Option<Document>, unread: &mut bool| match document(slot, row) {
            Ok(_) if is_broken(slot) => {
                *unread = true;
                None
            }
            Ok(bytes) => bytes.map(<[u8]>::to_owned),
            Err(_) => {
                *unread = true;
                None
            }
        };
        Rest {
            time: time.flatten(),
            stream: owned(&mut self.stream, &mut unread.stream),
            version: version.flatten().flatten(),
            causation: named(owned(&mut self.causation, &mut unread.causation)),
            key: owned(&mut self.key, &mut unread.key),
            data: bytes(&self.data, &mut unread.data),
            metadata: bytes(&self.metadata, &mut unread.metadata),
            unread,
        }
    }
}

#[inline(always)]
fn position(value: ValueRef<'_>) -> Result<i64, String> {
    if let ValueRef::Integer(number) = value {
        return Ok(number);
    }
    match value::integer(value) {
        Ok(Some(number)) => Ok(number),
        Ok(None) => Err("position is null".to_owned()),
        Err(raw) => Err(format!("position {raw} is not a whole number")),
    }
}

#[inline(always)]
fn text<'a>(cell: &'a mut Option<Cell>, row: &Open<'a>) -> Result<Option<&'a str>, String> {
    match cell {
        Some(cell) => cell.text(row),
        None => Ok(None),
    }
}

/// The same of what could be unpacked.
fn sound_text<'a>(cell: &'a mut Option<Cell>, row: &Open<'a>) -> Result<Option<&'a str>, String> {
    match cell {
        Some(cell) if cell.is_broken(row) => Err("it cannot be unpacked".to_owned()),
        cell => text(cell, row),
    }
}

#[inline(always)]
fn document<'a>(document: &Option<Document>, row: &Open<'a>) -> Result<Option<&'a [u8]>, String> {
    match document {
        Some(document) => document.bytes(row),
        None => Ok(None),
    }
}

#[inline]
fn kind(
    cell: &mut Cell,
    types: &mut Types,
    naming: &Naming,
    row: &Open<'_>,
    interner: &Interner,
) -> Result<TypeId, String> {
    let plain = match cell.plain(row) {
        Some(ValueRef::Text(bytes)) => Some(bytes),
        _ => None,
    };
    if let Some(id) = plain.and_then(|bytes| types.find(bytes)) {
        return Ok(id);
    }
    let Some(recorded) = cell.text(row)? else {
        return Err("type is null".to_owned());
    };
    let id = interner.intern(naming.apply(recorded));
    if let Some(bytes) = plain {
        types.insert(bytes, id);
    }
    Ok(id)
}

impl Types {
    #[inline]
    fn find(&mut self, recorded: &[u8]) -> Option<TypeId> {
        let last = recorded.last().copied().unwrap_or(0);
        let likely = &mut self.likely[(recorded.len() + usize::from(last)) % LIKELY];
        if let Some((known, id)) = self.met.get(*likely)
            && **known == *recorded
        {
            return Some(*id);
        }
        *likely = *self.all.get(recorded)?;
        Some(self.met[*likely].1)
    }

    fn insert(&mut self, recorded: &[u8], id: TypeId) {
        self.all.insert(recorded.into(), self.met.len());
        self.met.push((recorded.into(), id));
    }
}
