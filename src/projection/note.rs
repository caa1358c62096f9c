//! What a reader hands on of a row that concerns a projection: plain data.

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::Value as Json;

use crate::event::{Position, Timestamp};
use crate::expression::{Expression, FoldExpression, Scope, Undetermined};
use crate::projection::fold::Input;
use crate::projection::number::{Great, Number};
use crate::projection::value::Value;
use crate::texts::{Desk, Text, Texts};

/// A part of what a row means to a projection. A [`Note::Event`] is followed by its inputs.
#[derive(Debug, Clone, Copy)]
pub enum Note {
    /// An event of a key.
    Event(Event),
    /// The hash of the stream of the event after it, where a reader was asked for that, see
    /// [`Keys::hash`](crate::texts::Keys::hash).
    Stream(NonZeroU64),
    /// An input of the event before it.
    Given(Given),
    /// An event whose key cannot be told: one of a type that the projection names, or one that
    /// cannot be read.
    Keyless {
        /// The projection's index.
        projection: u16,
        /// Where it stands.
        position: Position,
        /// The projection names its type.
        is_named: bool,
        /// What it says cannot be read.
        is_bad: bool,
        /// Why its key cannot be told.
        reason: Text,
    },
}

/// An event of a key.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// The projection's index.
    pub projection: u16,
    /// What it does, see [`Fold::effect`](crate::projection::Fold::effect).
    pub effect: u16,
    /// How many inputs follow.
    pub inputs: u16,
    /// Its key.
    pub key: Text,
    /// The hash of that, see [`Keys::hash`](crate::texts::Keys::hash).
    pub hash: u64,
    /// Its place in the log.
    pub position: Position,
    /// When it happened; the epoch where that cannot be read.
    pub time: Timestamp,
    /// Its number within its stream.
    pub version: Option<i64>,
    /// The hash of its id, where a reader was asked for it.
    pub id: Option<NonZeroU64>,
    /// Why it cannot be told whether it belongs to the projection.
    pub doubt: Option<Text>,
}

/// What an event gives to an operand.
#[derive(Debug, Clone, Copy)]
pub enum Given {
    /// Nothing, on purpose.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A decimal.
    Decimal(Decimal),
    /// A whole number that is no decimal.
    Great(Great),
    /// A floating point number.
    Float(f64),
    /// Text.
    Text(Text),
    /// The JSON text of a list or a mapping.
    Json(Text),
    /// The JSON text of what an expression over the state needs of the event.
    Gathered(Text),
    /// Nothing, for this reason.
    Unknown(Text),
}

impl Given {
    /// What an event gives to an operand.
    pub(super) fn by(expression: &FoldExpression, row: &Scope<'_>, desk: &mut Desk<'_>) -> Given {
        let given = match expression {
            FoldExpression::Event(expression) => Given::of_event(expression, row, desk),
            FoldExpression::State(expression) => expression
                .gather(row)
                .map(|gathered| Given::Gathered(desk.keep(&gathered.to_string()))),
        };
        given.unwrap_or_else(|undetermined| Given::Unknown(desk.keep(&undetermined.0)))
    }

    fn of_event(
        expression: &Expression,
        row: &Scope<'_>,
        desk: &mut Desk<'_>,
    ) -> Result<Given, Undetermined> {
        match expression.recorded(row) {
            Some(recorded) => recorded.map(|text| {
                if expression.reads_data() {
                    desk.has_read_data();
                }
                Given::recorded(text, desk)
            }),
            None => expression
                .evaluate(row)
                .map(|value| Given::calculated(&value, desk)),
        }
    }

    /// A JSON text as it stands in a row.
    fn recorded(text: &str, desk: &mut Desk<'_>) -> Given {
        if let Some(plain) = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .filter(|plain| !plain.contains('\\'))
        {
            return Given::Text(desk.keep(plain));
        }
        if let Some(number) = Number::parse(text) {
            return Given::number(number);
        }
        match serde_json::from_str::<Json>(text) {
            Ok(Json::Array(_) | Json::Object(_)) => Given::Json(desk.keep(text)),
            Ok(value) => Given::calculated(&value, desk),
            Err(_) if text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
                Given::Unknown(desk.keep("the number is greater than can be held"))
            }
            Err(_) => Given::Unknown(desk.keep("the value is not JSON")),
        }
    }

    fn calculated(value: &Json, desk: &mut Desk<'_>) -> Given {
        match Value::calculated(value) {
            Value::Null => Given::Null,
            Value::Bool(truth) => Given::Bool(truth),
            Value::Number(number) => Given::number(number),
            Value::Text(text) => Given::Text(desk.keep(&text)),
            Value::List(_) | Value::Object(_) => Given::Json(desk.keep(&value.to_string())),
        }
    }

    fn number(number: Number) -> Given {
        match number {
            Number::Integer(number) => Given::Integer(number),
            Number::Decimal(number) => Given::Decimal(number),
            Number::Great(number) => Given::Great(number),
            Number::Float(number) => Given::Float(number),
        }
    }

    /// The input that it is.
    pub(super) fn input(self, texts: &Texts) -> Input {
        let parsed = |text: Text| serde_json::from_str::<Json>(texts.get(text));
        Input::Value(match self {
            Given::Null => Value::Null,
            Given::Bool(truth) => Value::Bool(truth),
            Given::Integer(number) => Value::Number(Number::Integer(number)),
            Given::Decimal(number) => Value::Number(Number::Decimal(number)),
            Given::Great(number) => Value::Number(Number::Great(number)),
            Given::Float(number) => Value::Number(Number::Float(number)),
            Given::Text(text) => Value::Text(texts.get(text).into()),
            Given::Json(text) => match Value::parse(texts.get(text)) {
                Some(value) => value,
                None => return Input::Unknown("the value is not JSON".into()),
            },
            Given::Gathered(text) => {
                return match parsed(text) {
                    Ok(gathered) => Input::Gathered(gathered),
                    Err(_) => Input::Unknown("the value is not JSON".into()),
                };
            }
            Given::Unknown(reason) => return Input::Unknown(Arc::from(texts.get(reason))),
        })
    }
}

/// The key of an event; `Err` where the event has none, and why.
pub(super) fn key<'s>(expression: &Expression, row: &Scope<'s>) -> Result<Cow<'s, str>, String> {
    let told = |undetermined: Undetermined| undetermined.0;
    match expression.text(row).map_err(told)? {
        Some(key) => Ok(key),
        None => {
            let value = expression.evaluate(row).map_err(told)?;
            Err(format!("`{}` is {value}", expression.source()))
        }
    }
}
