//! The state of one key.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::definition::projection::Field;
use crate::projection::value::Value;

/// What events made of one key.
#[derive(Debug, Clone)]
pub struct State {
    /// `None` before its first event, and after one that deleted it.
    cells: Option<Box<[Cell]>>,
    /// Why it cannot be told which events belong to it, where that is so.
    doubt: Option<Arc<str>>,
}

/// One field of a state.
#[derive(Debug, Clone)]
pub enum Cell {
    /// Nothing was done to it yet.
    Blank,
    /// This.
    Known(Value),
    /// Something that cannot be told, and why.
    Unknown(Arc<str>),
}

impl fmt::Display for Cell {
    /// As JSON, but with every digit of a number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Blank => f.write_str("null"),
            Cell::Unknown(reason) => write!(f, "unknown: {reason}"),
            Cell::Known(value) => value.fmt(f),
        }
    }
}

impl Cell {
    /// Feeds what the field holds into a hasher: values that are equal to the last digit give the
    /// same.
    pub fn digest(&self, hasher: &mut impl Hasher) {
        match self {
            Cell::Blank => 0_u8.hash(hasher),
            Cell::Unknown(reason) => (1_u8, reason).hash(hasher),
            Cell::Known(value) => value.digest(hasher),
        }
    }
}

impl State {
    /// The state of a key of which nothing was heard.
    pub const NONE: State = State {
        cells: None,
        doubt: None,
    };

    /// Bytes kept beside its own, with what its values share with nobody.
    pub fn bytes(&self) -> usize {
        let own = |cell: &Cell| match cell {
            Cell::Blank | Cell::Unknown(_) => size_of::<Cell>(),
            Cell::Known(value) => size_of::<Cell>() + value.bytes(),
        };
        self.cells.iter().flatten().map(own).sum()
    }

    /// Whether there is a state: a stored row has to be there for it.
    pub fn is_alive(&self) -> bool {
        self.cells.is_some()
    }

    /// Why it cannot be told which events belong to it.
    pub fn doubt(&self) -> Option<&str> {
        self.doubt.as_deref()
    }

    /// The field with this index; blank where there is no state.
    pub fn cell(&self, field: usize) -> &Cell {
        self.cells
            .as_ref()
            .and_then(|cells| cells.get(field))
            .unwrap_or(&Cell::Blank)
    }

    /// Whether just one of its first and its last field is known to be blank. Asked for many states
    /// before any is changed, so that the machine fetches all of them at the same time.
    pub(super) fn fetch(&self) -> bool {
        let is_blank = |cell: Option<&Cell>| matches!(cell, Some(Cell::Blank));
        let ends = |cells: &[Cell]| is_blank(cells.first()) ^ is_blank(cells.last());
        self.cells.as_deref().is_some_and(ends)
    }

    /// Whether it is known to hold the same as another one, to the last digit.
    pub(super) fn is(&self, other: &State) -> bool {
        let cells = |state: &State| state.cells.as_ref().map_or(0, |cells| cells.len());
        let mut fields = 0..cells(self);
        let same = |field| match (self.cell(field), other.cell(field)) {
            (Cell::Blank, Cell::Blank) => true,
            (Cell::Known(one), Cell::Known(other)) => one.equals(other, 0.0),
            _ => false,
        };
        let is_told = self.doubt.is_none() && other.doubt.is_none();
        is_told && cells(self) == cells(other) && fields.all(same)
    }

    /// Those of the `wanted` fields that are known, as expressions see them.
    pub fn known(&self, fields: &[Field], wanted: &[usize]) -> Map<String, Json> {
        let known = wanted.iter().filter_map(|index| match self.cell(*index) {
            Cell::Known(value) => Some((fields[*index].name.to_string(), value.to_json())),
            Cell::Blank | Cell::Unknown(_) => None,
        });
        known.collect()
    }

    /// The fields, blank ones where there was no state before.
    pub(super) fn begin(&mut self, fields: usize) -> &mut [Cell] {
        self.cells
            .get_or_insert_with(|| vec![Cell::Blank; fields].into())
    }

    /// The state ceases to exist; a doubt stays.
    pub(super) fn delete(&mut self) {
        self.cells = None;
    }

    /// From here on nothing can be told.
    pub(super) fn doubted(&mut self, reason: &Arc<str>) {
        self.doubt.get_or_insert_with(|| Arc::clone(reason));
    }
}
