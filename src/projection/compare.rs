//! A state against a stored row.

use std::sync::{Arc, OnceLock};

use serde_json::Value as Json;

use crate::definition::projection::{Blank, Column, Operand, Operation, Projection};
use crate::log::spelled;
use crate::projection::number::Number;
use crate::projection::state::{Cell, State};
use crate::projection::value::Value;

/// A stored row.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its key.
    pub key: Raw,
    /// What the row says of how far it has come; `Err` where that is no number, and what it is.
    pub version: Option<Result<i64, String>>,
    /// What stands in the column of that, where it is one that is read.
    pub stamp: Option<Raw>,
    /// Its values, in the order of the definition's columns.
    pub values: Vec<Raw>,
    /// What JSON its values are, where that was worth remembering.
    pub known: Known,
}

/// The JSON of values that are compared with many states, by column: parsed once, when it is first
/// asked for. Without columns nothing is remembered.
#[derive(Debug, Clone, Default)]
pub struct Known {
    jsons: Vec<OnceLock<Option<Value>>>,
    /// By column, what adding up floating point numbers may have lost.
    noise: Vec<f64>,
}

impl Known {
    fn json(&self, column: usize, raw: &Raw) -> Option<Value> {
        match self.jsons.get(column) {
            Some(known) => known.get_or_init(|| raw.json()).clone(),
            None => raw.json(),
        }
    }
}

impl Row {
    /// Bytes kept.
    pub(super) fn bytes(&self) -> usize {
        let beside = self.values.iter().map(|raw| size_of::<Raw>() + raw.bytes());
        size_of::<Row>() + self.key.bytes() + beside.sum::<usize>()
    }

    /// The same row, to be compared with many states.
    pub(super) fn remembered(mut self) -> Row {
        self.known
            .jsons
            .resize_with(self.values.len(), OnceLock::new);
        self
    }

    /// Takes note of what adding up floating point numbers may have lost in each column.
    pub(super) fn learn(&mut self, noise: Vec<f64>) {
        self.known.noise = noise;
    }
}

/// A stored value.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// A floating point number.
    Real(f64),
    /// Text.
    Text(String),
    /// Text that is not UTF-8.
    Garbled(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

/// What a comparison comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Likeness {
    /// Every column holds what it should.
    Same,
    /// Some column holds something else.
    Different,
    /// Some column holds what cannot be compared.
    Unreadable(Clash),
    /// No column is known to differ, but not all can be told: why.
    Unknown(String),
}

/// A column that holds what cannot be compared with what it should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// Which, and why.
    pub reason: String,
    /// Whether there is no event with which it could be compared, whatever that says.
    pub is_final: bool,
}

/// A column that does not hold what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field.
    pub field: Arc<str>,
    /// The column that should hold it.
    pub column: String,
    /// What it should hold, as the column writes it.
    pub expected: String,
    /// What it holds.
    pub stored: String,
}

/// Compares the declared columns.
pub fn compare(definition: &Projection, state: &State, row: &Row) -> Likeness {
    if let Some(doubt) = state.doubt() {
        return Likeness::Unknown(doubt.to_owned());
    }
    let mut likeness = Likeness::Same;
    let mut clashes = Vec::new();
    for compared in columns(definition, row) {
        match compared.with(state) {
            Likeness::Same => {}
            Likeness::Different => likeness = Likeness::Different,
            Likeness::Unreadable(clash) => clashes.push(clash),
            Likeness::Unknown(reason) => {
                if likeness == Likeness::Same {
                    likeness = Likeness::Unknown(reason);
                }
            }
        }
    }
    Clash::worst(clashes).map_or(likeness, Likeness::Unreadable)
}

/// How each of the declared columns compares, in their order.
pub(super) fn likenesses<'a>(
    definition: &'a Projection,
    state: &'a State,
    row: &'a Row,
) -> impl Iterator<Item = Likeness> + 'a {
    columns(definition, row).map(move |compared| compared.with(state))
}

/// The columns that do not hold what they should.
pub fn differences(definition: &Projection, state: &State, row: &Row) -> Vec<Difference> {
    columns(definition, row)
        .filter(|compared| {
            let likeness = compared.with(state);
            matches!(likeness, Likeness::Different | Likeness::Unreadable(_))
        })
        .map(|Compared { column, raw, .. }| Difference {
            field: Arc::clone(&definition.fields[column.field].name),
            column: column.name.clone(),
            expected: expected(state.cell(column.field), column.scale),
            stored: raw.to_string(),
        })
        .collect()
}

impl Clash {
    /// The first one that no event could mend, or else the first one.
    pub(super) fn worst(clashes: impl IntoIterator<Item = Clash>) -> Option<Clash> {
        clashes.into_iter().reduce(|worst, other| {
            let is_worse = other.is_final && !worst.is_final;
            if is_worse { other } else { worst }
        })
    }
}

/// A column of a row, with what tells how it is compared.
struct Compared<'a> {
    at: usize,
    definition: &'a Projection,
    column: &'a Column,
    row: &'a Row,
    raw: &'a Raw,
    tolerance: f64,
}

fn columns<'a>(definition: &'a Projection, row: &'a Row) -> impl Iterator<Item = Compared<'a>> {
    let stored = definition.stored.as_ref();
    let tolerance = stored.map_or(0.0, |stored| stored.tolerance);
    let columns = stored.into_iter().flat_map(|stored| &stored.columns);
    let columns = columns.zip(&row.values).enumerate();
    columns.map(move |(at, (column, raw))| Compared {
        at,
        definition,
        column,
        row,
        raw,
        tolerance,
    })
}

/// What a column should hold, as it writes it.
fn expected(cell: &Cell, scale: u32) -> String {
    match cell {
        Cell::Blank | Cell::Unknown(_) => cell.to_string(),
        Cell::Known(value) => match value.number().map(|number| number.scaled(scale)) {
            Some(Some(scaled)) if scale > 0 => scaled.to_string(),
            _ => value.to_string(),
        },
    }
}

impl Compared<'_> {
    fn with(&self, state: &State) -> Likeness {
        let Compared { column, raw, .. } = *self;
        let value = match state.cell(column.field) {
            Cell::Unknown(reason) => return Likeness::Unknown(reason.to_string()),
            Cell::Blank => return same(self.is_blank()),
            Cell::Known(value) => value,
        };
        self.hold(value).unwrap_or_else(|wanted| {
            Likeness::Unreadable(Clash {
                reason: format!("`{}` holds {raw} where {wanted} is expected", column.name),
                is_final: !self.may_be_set(),
            })
        })
    }

    /// Whether some event may set what can be compared with the stored value. What is added to or
    /// appended to stays a number, or a list.
    fn may_be_set(&self) -> bool {
        let mut operands = self.definition.operands(self.column.field, Operation::Set);
        operands.any(|operand| match operand {
            Operand::Expression(_) => true,
            Operand::Literal(literal) => self.hold(&Value::written(literal)).is_ok(),
        })
    }

    /// Holds the stored value against one of the state; `Err` where it is of another kind, and of
    /// which it should be.
    fn hold(&self, value: &Value) -> Result<Likeness, &'static str> {
        let Compared { raw, tolerance, .. } = *self;
        Ok(match (value, raw) {
            (Value::Null, raw) => same(*raw == Raw::Null),
            (_, Raw::Null) => Likeness::Different,
            (Value::Bool(truth), raw) => match raw.truth() {
                Some(stored) => same(stored == *truth),
                None => return Err("a truth value"),
            },
            (Value::Number(number), raw) => match raw.number() {
                Some(stored) => self.numbers(*number, stored),
                None => return Err("a number"),
            },
            (Value::Text(text), raw) if self.is_numeric() || raw.is_number() => {
                match (value.number(), raw.number()) {
                    (Some(number), Some(stored)) => self.numbers(number, stored),
                    (None, _) if raw.is_number() => return Err("text"),
                    (None, _) => same(raw.is_text(text)),
                    (Some(_), None) if raw.is_text(text) => Likeness::Same,
                    (Some(_), None) => return Err("a number"),
                }
            }
            (Value::Text(text), raw) => same(raw.is_text(text)),
            (Value::List(_) | Value::Object(_), _) => match self.json() {
                Some(stored) => same(value.equals(&stored, tolerance)),
                None => return Err("JSON"),
            },
        })
    }

    /// Whether the field is a number however it is written: it is scaled, or something is added to it.
    fn is_numeric(&self) -> bool {
        self.column.scale > 0 || self.blank() == Blank::Zero
    }

    fn blank(&self) -> Blank {
        self.definition.fields[self.column.field].blank
    }

    /// A field to which nothing was done yet may be stored as nothing, zero or the empty list.
    fn is_blank(&self) -> bool {
        match (self.raw, self.blank()) {
            (Raw::Null, _) => true,
            (_, Blank::Nothing) => false,
            (raw, Blank::Zero) => raw.number().is_some_and(Number::is_zero),
            (_, Blank::Empty) => {
                matches!(self.json(), Some(Value::List(items)) if items.is_empty())
            }
        }
    }

    fn numbers(&self, number: Number, stored: Number) -> Likeness {
        let noise = self.row.known.noise.get(self.at).copied().unwrap_or(0.0);
        let scaled = number.scaled(self.column.scale);
        let is_near =
            |noise| scaled.is_some_and(|scaled| scaled.is_near(stored, self.tolerance, noise));
        match (is_near(0.0), is_near(noise)) {
            (true, _) => Likeness::Same,
            (false, true) => Likeness::Unknown(format!(
                "`{}` differs by no more than adding up floating point numbers may lose",
                self.column.name
            )),
            (false, false) => Likeness::Different,
        }
    }

    fn json(&self) -> Option<Value> {
        self.row.known.json(self.at, self.raw)
    }
}

fn same(is: bool) -> Likeness {
    if is {
        Likeness::Same
    } else {
        Likeness::Different
    }
}

impl Raw {
    fn is_number(&self) -> bool {
        matches!(self, Raw::Integer(_) | Raw::Real(_))
    }

    /// Bytes kept beside itself.
    fn bytes(&self) -> usize {
        match self {
            Raw::Null | Raw::Integer(_) | Raw::Real(_) => 0,
            Raw::Text(text) => text.len(),
            Raw::Garbled(bytes) | Raw::Blob(bytes) => bytes.len(),
        }
    }

    pub(super) fn number(&self) -> Option<Number> {
        match self {
            Raw::Integer(number) => Some(Number::Integer(*number)),
            Raw::Real(number) => Some(Number::Float(*number)),
            Raw::Text(text) => Number::parse(text.trim()),
            Raw::Null | Raw::Garbled(_) | Raw::Blob(_) => None,
        }
    }

    fn truth(&self) -> Option<bool> {
        match self {
            Raw::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Raw::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            raw => {
                let number = raw.number()?;
                let is = |whole| number.equals(Number::Integer(whole), 0.0);
                (is(0) || is(1)).then(|| is(1))
            }
        }
    }

    fn is_text(&self, text: &str) -> bool {
        match self {
            Raw::Text(stored) => stored == text,
            Raw::Blob(bytes) => bytes == text.as_bytes() || is_hexadecimal(bytes, text),
            Raw::Garbled(bytes) => spelled(bytes) == text,
            Raw::Null | Raw::Integer(_) | Raw::Real(_) => false,
        }
    }

    fn json(&self) -> Option<Value> {
        match self {
            Raw::Text(text) => Value::parse(text),
            Raw::Blob(bytes) => Value::parse(std::str::from_utf8(bytes).ok()?),
            Raw::Null | Raw::Integer(_) | Raw::Real(_) | Raw::Garbled(_) => None,
        }
    }
}

/// Whether a text writes these bytes in hexadecimal digits, as UUIDs are written.
fn is_hexadecimal(bytes: &[u8], text: &str) -> bool {
    let digits = text.chars().filter(|letter| *letter != '-');
    let written = bytes.iter().flat_map(|byte| {
        [byte >> 4, byte & 15].map(|half| char::from_digit(u32::from(half), 16).unwrap_or('?'))
    });
    digits.map(|digit| digit.to_ascii_lowercase()).eq(written)
}

impl std::fmt::Display for Raw {
    /// As JSON; bytes as SQL writes them, cut where there are many.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const MOST: usize = 20;
        match self {
            Raw::Null => f.write_str("null"),
            Raw::Integer(number) => number.fmt(f),
            Raw::Real(number) => write!(f, "{number:?}"),
            Raw::Text(text) => Json::from(text.as_str()).fmt(f),
            Raw::Blob(bytes) | Raw::Garbled(bytes) => {
                f.write_str("x'")?;
                for byte in bytes.iter().take(MOST) {
                    write!(f, "{byte:02x}")?;
                }
                f.write_str(if bytes.len() > MOST { "…'" } else { "'" })
            }
        }
    }
}
