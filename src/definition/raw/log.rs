//! The `log:` document as written.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::definition::raw::shape::{OneOrMany, Short, ShortForm};
use crate::definition::raw::written::{Name, Text, Written};
use crate::event::Span;

/// A recorded event log: where it is and what its rows mean.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "log")]
pub(crate) struct Log {
    /// The log's name in reports.
    pub(crate) log: Text<Name>,
    /// The SQLite or JSON Lines file, relative to this one. `--log` overrides it.
    pub(crate) database: Option<Text<Name>>,
    /// The known writer of this log, whose mapping is used for what `events` does not say.
    pub(crate) preset: Option<Text<Name>>,
    /// The tables or queries that hold the events. Without it they are recognised in the file.
    pub(crate) events: Option<OneOrMany<Source>>,
    /// How several sources become one log: by `time` (the default) or by a shared `position`.
    pub(crate) merge: Option<Merge>,
    /// The log's beginning was removed, so streams and instances may start later.
    #[serde(default)]
    pub(crate) cut: bool,
    /// What counts as before: `position` (the default), or `{ time: { skew: 0s, lateness: 5m } }`.
    pub(crate) order: Option<Short<Order>>,
    /// What the system itself says about its sagas.
    pub(crate) claims: Option<OneOrMany<Claims>>,
    /// How far a time may lie ahead of all that follow it and still move the horizon; default `1h`.
    pub(crate) future_tolerance: Option<Text<Span>>,
    /// Event types that stand for removed events of a stream.
    pub(crate) tombstones: Option<OneOrMany<Text<Name>>>,
}

/// How several sources become one log.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "merge")]
pub(crate) enum Merge {
    /// By time, within a source by its position.
    Time,
    /// By a position that the sources share.
    Position,
}

/// An order by time, for logs into which several services write on their own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "order")]
pub(crate) struct Order {
    /// Events are ordered by time within an instance.
    #[schemars(with = "OrderByTime")]
    pub(crate) time: Option<OrderByTime>,
}

impl ShortForm for Order {
    fn from_word(word: &str) -> Result<Order, String> {
        match word {
            "position" => Ok(Order { time: None }),
            _ => Err("only `position` is a word here".to_owned()),
        }
    }

    fn word_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "const": "position" })
    }
}

/// The tolerances of an order by time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "order-by-time")]
pub(crate) struct OrderByTime {
    /// Times closer than this are concurrent; default `0s`.
    pub(crate) skew: Option<Text<Span>>,
    /// An event arrives at most this long after younger ones; default `0s`.
    pub(crate) lateness: Option<Text<Span>>,
}

/// One table or query that holds events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "source")]
pub(crate) struct Source {
    /// The known writer whose mapping this one starts from.
    pub(crate) preset: Option<Text<Name>>,
    /// The table or view with the events.
    pub(crate) table: Option<Text<Name>>,
    /// A read-only query that gives the events, instead of a table.
    pub(crate) query: Option<String>,
    /// Another SQLite file that holds the table, relative to this one.
    pub(crate) attach: Option<Text<Name>>,
    /// The column that orders the rows; `rowid` where there is none.
    pub(crate) position: Option<Short<Field>>,
    /// When it happened: a column, or `{ column: …, unit: ms }`; the unit defaults to `rfc3339`.
    pub(crate) time: Option<Short<Time>>,
    /// The event type: a column, or `{ column: topic, last-segment: ":" }`.
    pub(crate) r#type: Option<Short<Type>>,
    /// Recorded event types and the names that definitions use for them.
    #[serde(default)]
    pub(crate) types: BTreeMap<String, Text<Name>>,
    /// The aggregate's stream, for example `order-1007`.
    pub(crate) stream: Option<Short<Field>>,
    /// The event's number within its stream.
    pub(crate) version: Option<Short<Field>>,
    /// The event's own id.
    pub(crate) id: Option<Short<Field>>,
    /// What ties the events of one saga instance together: a column, or a path into JSON.
    pub(crate) correlation: Option<Short<Field>>,
    /// The id of the event that caused this one.
    pub(crate) causation: Option<Short<Field>>,
    /// The idempotency key that the event was sent with.
    pub(crate) idempotency: Option<Short<Field>>,
    /// The payload: JSON as TEXT, BLOB or JSONB.
    pub(crate) data: Option<Short<Field>>,
    /// The headers, JSON too.
    pub(crate) metadata: Option<Short<Field>>,
}

/// A column, or a path into a JSON column.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "field")]
pub(crate) struct Field {
    /// The column or path.
    pub(crate) column: Text<Name>,
    /// How the column's bytes are packed; default `plain`.
    pub(crate) encoding: Option<Encoding>,
}

/// How a column's bytes are packed.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "encoding")]
pub(crate) enum Encoding {
    /// Not at all.
    Plain,
    /// Compressed with zlib; a value that is not compressed is taken as it is.
    Zlib,
}

/// Where the time is and how it is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "time")]
pub(crate) struct Time {
    /// The column or path.
    pub(crate) column: Text<Name>,
    /// How its values are to be read; default `rfc3339`.
    pub(crate) unit: Option<Unit>,
}

/// How a recorded time is written.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "time-unit")]
pub(crate) enum Unit {
    /// Seconds since 1970, whole or with a fraction.
    S,
    /// Milliseconds since 1970.
    Ms,
    /// Microseconds since 1970.
    Us,
    /// Nanoseconds since 1970.
    Ns,
    /// RFC 3339 text; without an offset it is UTC.
    Rfc3339,
    /// What SQLite's date functions write: `2024-06-02 11:02:00` in UTC, or a Julian day.
    Sqlite,
}

/// Where the event type is and which part of it counts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "event-type")]
pub(crate) struct Type {
    /// The column or path.
    pub(crate) column: Text<Name>,
    /// Only what stands after the last of these counts.
    pub(crate) last_segment: Option<Text<Name>>,
}

/// A status table that says where each instance of a saga is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "claims")]
pub(crate) struct Claims {
    /// The saga it speaks of.
    pub(crate) saga: Text<Name>,
    /// The table or view with a row per instance.
    pub(crate) table: Option<Text<Name>>,
    /// A read-only query that gives the rows, instead of a table.
    pub(crate) query: Option<String>,
    /// The column with the correlation value.
    pub(crate) id: Text<Name>,
    /// The column with the status, and what its values claim.
    pub(crate) status: Status,
}

/// A status column and what its values claim.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "status")]
pub(crate) struct Status {
    /// The column.
    pub(crate) column: Text<Name>,
    /// Values that claim completion.
    #[serde(default)]
    pub(crate) completed: OneOrMany<String>,
    /// Values that claim that all was undone.
    #[serde(default)]
    pub(crate) compensated: OneOrMany<String>,
    /// Values that claim that it is still going on.
    #[serde(default)]
    pub(crate) running: OneOrMany<String>,
}

/// A column can be written as its name alone.
fn column(word: &str) -> Result<Text<Name>, String> {
    Name::read(word)
        .map(Text)
        .map_err(|misread| misread.message)
}

impl ShortForm for Field {
    fn from_word(word: &str) -> Result<Field, String> {
        Ok(Field {
            column: column(word)?,
            encoding: None,
        })
    }

    fn word_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Text<Name>>()
    }
}

impl ShortForm for Time {
    fn from_word(word: &str) -> Result<Time, String> {
        Ok(Time {
            column: column(word)?,
            unit: None,
        })
    }

    fn word_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Text<Name>>()
    }
}

impl ShortForm for Type {
    fn from_word(word: &str) -> Result<Type, String> {
        Ok(Type {
            column: column(word)?,
            last_segment: None,
        })
    }

    fn word_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Text<Name>>()
    }
}
