//! How events write to fields.

use std::collections::BTreeMap;

use crate::definition::projection::Operation;
use crate::projection::{Fold, Number, Touch, Value};

/// How a field is written.
#[derive(Debug, Clone)]
pub(super) enum Write {
    /// Something is added; `None` where it cannot be told what.
    Sum(Option<Number>),
    /// So many of these items are appended; removed, where it is negative.
    List(BTreeMap<String, i64>),
    Set,
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
            Write::List(_) => Shape::List,
            Write::Set => Shape::Set,
        }
    }

    /// Whether nothing is added or appended after all.
    pub(super) fn is_nothing(&self) -> bool {
        match self {
            Write::Sum(sum) => sum.is_some_and(Number::is_zero),
            Write::List(items) => items.is_empty(),
            Write::Set => false,
        }
    }

    /// What is left after another write of the same saga; `None` where the field is as it was, as
    /// far as can be told.
    pub(super) fn and(self, other: Write) -> Option<Write> {
        match (self, other) {
            (Write::Sum(one), Write::Sum(other)) => {
                let sum = one.zip(other).and_then(|(one, other)| one.plus(other));
                Some(Write::Sum(sum))
            }
            (Write::List(mut one), Write::List(other)) => {
                for (item, count) in other {
                    *one.entry(item).or_default() += count;
                }
                // Removing what is not there does nothing.
                one.retain(|_, count| *count > 0);
                Some(Write::List(one))
            }
            _ => None,
        }
    }
}

/// How an event writes to the fields of its key, apart from what every event does.
pub(super) fn writes(fold: &Fold, touch: &Touch) -> Vec<(usize, Write)> {
    let Some(changes) = fold.own(touch) else {
        let fields = 0..fold.definition().fields.len();
        return fields.map(|field| (field, Write::Set)).collect();
    };
    let write = |operation, value: Option<Value>| match operation {
        Operation::Set => Write::Set,
        Operation::Add => Write::Sum(value.and_then(|value| value.number())),
        Operation::Subtract => {
            Write::Sum(value.and_then(|value| value.number()).map(Number::negated))
        }
        Operation::Append | Operation::Remove => {
            let count = if operation == Operation::Append {
                1
            } else {
                -1
            };
            let items = value.map(|value| (value.to_string(), count));
            Write::List(items.into_iter().collect())
        }
    };
    changes
        .map(|(field, operation, value)| (field, write(operation, value)))
        .collect()
}

/// What is left of a write, for people.
pub(super) fn told(field: &str, write: &Write) -> String {
    match write {
        Write::Set => format!("`{field}` as the step set it"),
        Write::Sum(sum) => {
            let sum = sum.unwrap_or(Number::Integer(0));
            let sign = if sum.to_string().starts_with('-') {
                ""
            } else {
                "+"
            };
            format!("`{field}` {sign}{sum}")
        }
        Write::List(items) => {
            let items: Vec<&str> = items.keys().map(String::as_str).collect();
            format!("`{field}` with {}", items.join(", "))
        }
    }
}
