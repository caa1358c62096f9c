//! The `projection:` document as written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::definition::raw::shape::{OneOrMany, Short, ShortForm};
use crate::definition::raw::written::{Name, Pattern, Text, Written};
use crate::event::Span;
use crate::expression::Expression;

/// Decimal places beyond which no amount is kept.
pub(crate) const MOST_PLACES: u32 = 18;

/// A projection: a fold of events into a state per key, and where that state is stored.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "projection")]
pub(crate) struct Projection {
    /// The projection's name.
    pub(crate) projection: Text<Name>,
    /// What it is for.
    pub(crate) about: Option<String>,
    /// The streams whose events are folded; the key is a part of their name.
    pub(crate) from: Option<From>,
    /// What gives an event's key, instead of `from`.
    pub(crate) key: Option<Text<Expression>>,
    /// Only events for which this holds belong to the projection.
    pub(crate) r#where: Option<Text<Expression>>,
    /// What an event does, by its type: `delete`, or a mapping. `"*"` is done by every event of a
    /// key, after the entry of its own type.
    pub(crate) on: BTreeMap<String, Short<Effect>>,
    /// How long the stored row may lag behind the events; default `0s`.
    pub(crate) within: Option<Text<Span>>,
    /// Where the state of each key is stored.
    pub(crate) stored: Option<Stored>,
}

/// The streams whose events are folded.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "from")]
pub(crate) struct From {
    /// The pattern of their names, for example `order-{key}`.
    pub(crate) stream: Text<Pattern>,
}

/// What an event does to fields of the state. Texts that begin with `=` are expressions over
/// `event`, `data`, `metadata` and `state`; anything else is literal.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "effect")]
pub(crate) struct Effect {
    /// Fields and what they become.
    #[serde(default)]
    pub(crate) set: BTreeMap<String, Operand>,
    /// Fields and what is added to them.
    #[serde(default)]
    pub(crate) add: BTreeMap<String, Operand>,
    /// Fields and what is taken from them.
    #[serde(default)]
    pub(crate) subtract: BTreeMap<String, Operand>,
    /// Lists and the item that is added to their end.
    #[serde(default)]
    pub(crate) append: BTreeMap<String, Operand>,
    /// Lists and the item that is taken out, where it stands first.
    #[serde(default)]
    pub(crate) remove: BTreeMap<String, Operand>,
    /// The state ceases to exist.
    #[serde(skip)]
    pub(crate) delete: bool,
}

impl ShortForm for Effect {
    fn from_word(word: &str) -> Result<Effect, String> {
        match word {
            "delete" => Ok(Effect {
                delete: true,
                ..Effect::default()
            }),
            _ => Err("only `delete` is a word here".to_owned()),
        }
    }

    fn word_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "const": "delete" })
    }
}

/// A literal, or `=` and an expression.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Operand(pub(crate) Value);

impl JsonSchema for Operand {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "operand".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A literal, or `=` and an expression." })
    }
}

/// Where the state of each key is stored.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "read-model")]
pub(crate) struct Stored {
    /// The table or view with a row per key.
    pub(crate) table: Option<Text<Name>>,
    /// A read-only query that gives the rows, instead of a table.
    pub(crate) query: Option<String>,
    /// Another SQLite file than the log's, relative to this one.
    pub(crate) database: Option<Text<Name>>,
    /// The column with the key.
    pub(crate) key: Text<Name>,
    /// Fields of the state and the columns that hold them: a column, or
    /// `{ column: total_cents, scale: 2 }`. Without it every field has a column of its name.
    pub(crate) columns: Option<BTreeMap<String, Short<Column>>>,
    /// Columns that cannot be derived from the events.
    #[serde(default)]
    pub(crate) ignore: OneOrMany<Text<Name>>,
    /// The column that says up to which event the row was folded.
    pub(crate) version: Option<Short<RowVersion>>,
    /// How far floating point numbers may lie apart, relative to the greater one; default `1e-9`.
    pub(crate) tolerance: Option<Fraction>,
    /// How far the consumer says that it has come: a row of a table, or a position.
    pub(crate) checkpoint: Option<CheckpointOrPosition>,
    /// Where the consumer puts events that it gave up on.
    pub(crate) dead_letters: Option<DeadLetters>,
}

/// A column that is compared with a field.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "column")]
pub(crate) struct Column {
    /// The column.
    pub(crate) column: Text<Name>,
    /// The column holds the value × 10 to the power of this: 2 for cents.
    #[serde(default)]
    #[schemars(range(max = MOST_PLACES))]
    pub(crate) scale: u32,
}

impl ShortForm for Column {
    fn from_word(word: &str) -> Result<Column, String> {
        Ok(Column {
            column: column(word)?,
            scale: 0,
        })
    }

    fn word_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Text<Name>>()
    }
}

/// A column that says up to which event its row was folded.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "row-version")]
pub(crate) struct RowVersion {
    /// The column.
    pub(crate) column: Text<Name>,
    /// What it holds: the `version` of the last event in its stream (the default), or its
    /// `position` in the log.
    pub(crate) counts: Option<Counts>,
}

/// What the version of a row holds.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "counts")]
pub(crate) enum Counts {
    /// The version of the last event in its stream.
    Version,
    /// The position of the last event in the log.
    Position,
}

impl ShortForm for RowVersion {
    fn from_word(word: &str) -> Result<RowVersion, String> {
        Ok(RowVersion {
            column: column(word)?,
            counts: None,
        })
    }

    fn word_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Text<Name>>()
    }
}

fn column(word: &str) -> Result<Text<Name>, String> {
    Name::read(word)
        .map(Text)
        .map_err(|misread| misread.message)
}

/// A number from 0 to 1, written as one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fraction(pub(crate) f64);

impl<'de> Deserialize<'de> for Fraction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fraction, D::Error> {
        f64::deserialize(deserializer).map(Fraction)
    }
}

impl JsonSchema for Fraction {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "fraction".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

/// Where the consumer's checkpoint is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "checkpoint")]
pub(crate) struct Checkpoint {
    /// The table or view with the checkpoints.
    pub(crate) table: Option<Text<Name>>,
    /// A read-only query that gives the row, instead of a table.
    pub(crate) query: Option<String>,
    /// An SQL condition that picks the consumer's row, for example `name = 'order_view'`.
    pub(crate) r#where: Option<String>,
    /// The column with the position.
    pub(crate) column: Text<Name>,
}

/// Where the consumer puts events that it gave up on: a table with a row for each.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "dead-letter-table")]
pub(crate) struct DeadLetters {
    /// The table or view with the dead letters.
    pub(crate) table: Option<Text<Name>>,
    /// A read-only query that gives the rows, instead of a table.
    pub(crate) query: Option<String>,
    /// An SQL condition that picks the consumer's rows, for example `consumer = 'order_view'`.
    pub(crate) r#where: Option<String>,
    /// The column with the position of each event.
    pub(crate) position: Option<Text<Name>>,
    /// The column with the id of each event, instead of `position`.
    pub(crate) id: Option<Text<Name>>,
}

/// A checkpoint's row, or the position itself.
#[derive(Debug)]
pub(crate) enum CheckpointOrPosition {
    Row(Checkpoint),
    Position(i64),
}

impl<'de> Deserialize<'de> for CheckpointOrPosition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Spelling;

        impl<'de> Visitor<'de> for Spelling {
            type Value = CheckpointOrPosition;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a position or a mapping")
            }

            fn visit_i64<E: de::Error>(self, position: i64) -> Result<Self::Value, E> {
                Ok(CheckpointOrPosition::Position(position))
            }

            fn visit_u64<E: de::Error>(self, position: u64) -> Result<Self::Value, E> {
                i64::try_from(position)
                    .map(CheckpointOrPosition::Position)
                    .map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Checkpoint::deserialize(MapAccessDeserializer::new(map))
                    .map(CheckpointOrPosition::Row)
            }
        }

        deserializer.deserialize_any(Spelling)
    }
}

impl JsonSchema for CheckpointOrPosition {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "checkpoint-or-position".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let row = generator.subschema_for::<Checkpoint>();
        json_schema!({ "anyOf": [{ "type": "integer" }, row] })
    }
}
