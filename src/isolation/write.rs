//! How events write to fields.

use crate::definition::projection::Operation;
use crate::projection::{Fold, Number, Touch, Value};

/// How a field is written.
#[derive(Debug, Clone)]
pub(super) enum Write {
    /// Something is added; `None` where it cannot be told what.
    Sum(Option<Number>),
    /// An item is appended; `None` where it cannot be told which.
    Append(Option<String>),
    /// An item is removed if it is there; `None` where it cannot be told which.
    Remove(Option<String>),
    /// It becomes what the event says.
    Set,
    /// It becomes what is calculated from the state, or something that cannot be told.
    Calculated,
}

/// How a field is written, whatever is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Sum,
    List,
    Set,
}

impl Shape {
    pub(super) const COUNT: usize = 3;
    pub(super) const ALL: [Shape; Shape::COUNT] = [Shape::Sum, Shape::List, Shape::Set];

    /// Whether two writes to one field give the same, whichever comes last.
    pub(super) fn commutes(self, other: Shape) -> bool {
        self == other && self != Shape::Set
    }
}

impl Write {
    /// How it writes.
    pub(super) const fn shape(&self) -> Shape {
        match self {
            Write::Sum(_) => Shape::Sum,
            Write::Append(_) | Write::Remove(_) => Shape::List,
            Write::Set | Write::Calculated => Shape::Set,
        }
    }
}

/// How an event writes to the fields of its key, apart from what every event does.
pub(super) fn writes(fold: &Fold, touch: &Touch) -> Vec<(usize, Write)> {
    let Some(changes) = fold.own(touch) else {
        let fields = 0..fold.definition().fields.len();
        return fields.map(|field| (field, Write::Set)).collect();
    };
    let number = |value: Option<Value>| value.and_then(|value| value.number());
    let item = |value: Option<Value>| value.map(|value| value.to_string());
    let write = |operation, value: Option<Value>| match operation {
        Operation::Set if value.is_some() => Write::Set,
        Operation::Set => Write::Calculated,
        Operation::Add => Write::Sum(number(value)),
        Operation::Subtract => Write::Sum(number(value).map(Number::negated)),
        Operation::Append => Write::Append(item(value)),
        Operation::Remove => Write::Remove(item(value)),
    };
    changes
        .map(|(field, operation, value)| (field, write(operation, value)))
        .collect()
}
