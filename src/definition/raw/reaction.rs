//! The `reaction:` document as written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::definition::raw::saga::EventPattern;
use crate::definition::raw::shape::{OneOrMany, Short, ShortForm};
use crate::definition::raw::written::{By, Misread, Name, Text, Written};
use crate::event::Span;
use crate::expression::Expression;

/// A reaction: what one aggregate does has to bring something about in another.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "reaction")]
pub(crate) struct Reaction {
    /// The reaction's name.
    pub(crate) reaction: Text<Name>,
    /// What it is for.
    pub(crate) about: Option<String>,
    /// Only events for which this holds count, on both sides.
    pub(crate) r#where: Option<Text<Expression>>,
    /// What has to be reacted to.
    pub(crate) when: OneOrMany<Short<EventPattern>>,
    /// What counts as the reaction: any of these.
    pub(crate) then: OneOrMany<Short<EventPattern>>,
    /// What both have in common: `correlation` (the default), `causation`, or an expression; or a
    /// mapping from event type to one, with `"*"` for all other types.
    pub(crate) r#match: Option<Short<Match>>,
    /// How long the reaction may take.
    pub(crate) within: Text<Span>,
    /// How many reactions a trigger calls for: `at-least-once` (the default), `once`, or `per` item
    /// of something.
    pub(crate) count: Option<Short<Count>>,
}

/// What events are matched by, by event type.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(rename = "match")]
pub(crate) struct Match(pub(crate) BTreeMap<String, Text<Matched>>);

/// The type that stands for all types.
pub(crate) const EVERY: &str = "*";

impl ShortForm for Match {
    fn from_word(word: &str) -> Result<Match, String> {
        let by = Matched::read(word).map_err(|misread| misread.message)?;
        Ok(Match(BTreeMap::from([(EVERY.to_owned(), Text(by))])))
    }

    fn word_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Text<Matched>>()
    }
}

/// What an event is matched by.
#[derive(Debug, Clone)]
pub(crate) enum Matched {
    /// The trigger's id, and the causation id of what follows from it.
    Causation,
    /// The log's correlation field, or an expression.
    By(By),
}

impl Written for Matched {
    const FORMAT: &'static str = "match";

    fn read(text: &str) -> Result<Matched, Misread> {
        match text {
            "causation" => Ok(Matched::Causation),
            other => By::read(other).map(Matched::By),
        }
    }
}

/// How many reactions a trigger calls for.
#[derive(Debug, Deserialize)]
#[serde(from = "Per")]
pub(crate) enum Count {
    /// One or more.
    AtLeastOnce,
    /// Exactly one.
    Once,
    /// As many as this says.
    Per(Expression),
}

/// A reaction for each of something.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "per")]
pub(crate) struct Per {
    /// As many as this number says, or as the list that this is has items.
    per: Text<Expression>,
}

impl From<Per> for Count {
    fn from(raw: Per) -> Count {
        Count::Per(raw.per.0)
    }
}

impl JsonSchema for Count {
    fn schema_name() -> Cow<'static, str> {
        Per::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Per::json_schema(generator)
    }
}

const AT_LEAST_ONCE: &str = "at-least-once";
const ONCE: &str = "once";

impl ShortForm for Count {
    fn from_word(word: &str) -> Result<Count, String> {
        match word {
            AT_LEAST_ONCE => Ok(Count::AtLeastOnce),
            ONCE => Ok(Count::Once),
            other => Err(format!("`{other}` is not a count")),
        }
    }

    fn word_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": [AT_LEAST_ONCE, ONCE] })
    }
}
