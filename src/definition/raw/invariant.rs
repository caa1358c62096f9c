//! The `invariant:` document with a `total`, as written.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use crate::definition::raw::shape::{OneOrMany, Short, ShortForm, TextOrNumber};
use crate::definition::raw::written::{Amount, By, Name, Text, Written};
use crate::event::Span;
use crate::expression::Expression;

/// An invariant: what has to hold across aggregates.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "invariant")]
pub(crate) struct Invariant {
    /// The invariant's name.
    pub(crate) invariant: Text<Name>,
    /// What it is for.
    pub(crate) about: Option<String>,
    /// Only events for which this holds count.
    pub(crate) r#where: Option<Text<Expression>>,
    /// What is added up.
    pub(crate) total: Total,
    /// What each group's total has to be; default 0.
    pub(crate) equals: Option<TextOrNumber>,
    /// How long a group has to be quiet before its total has to be right. Without it, it has to be
    /// right after each event.
    pub(crate) grace: Option<Text<Span>>,
}

/// Amounts of events, added up per group.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "total")]
pub(crate) struct Total {
    /// The amount of an event: an expression, or a mapping from event type to one.
    pub(crate) of: Short<Amounts>,
    /// The event types that count; with a mapping in `of`, those of the mapping.
    #[serde(default)]
    pub(crate) over: OneOrMany<Text<Name>>,
    /// What tells the group of an event: `correlation` or an expression.
    pub(crate) per: Text<By>,
}

/// Amounts by event type.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(rename = "amounts")]
pub(crate) struct Amounts(pub(crate) BTreeMap<String, Text<Amount>>);

/// An invariant over states: what those of a projection's keys have to add up to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "invariant-over-states")]
pub(crate) struct OverStates {
    /// The invariant's name.
    pub(crate) invariant: Text<Name>,
    /// What it is for.
    pub(crate) about: Option<String>,
    /// Only keys for whose state this expression holds count.
    pub(crate) r#where: Option<String>,
    /// What is added up.
    pub(crate) total: TotalOfStates,
    /// What each group's total has to be; default 0.
    pub(crate) equals: Option<TextOrNumber>,
    /// How long a group has to be quiet before its total has to be right. Without it, it has to be
    /// right after each event.
    pub(crate) grace: Option<Text<Span>>,
}

/// Amounts of states, added up per group. `state` is a key's state, `key` the key itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "total-of-states")]
pub(crate) struct TotalOfStates {
    /// The amount of a key: an expression.
    pub(crate) of: String,
    /// The projection whose keys count.
    pub(crate) states_of: Text<Name>,
    /// What tells the group of a key: an expression. Without it, all keys are one group.
    pub(crate) per: Option<String>,
}

/// The type that stands for all types.
pub(crate) const EVERY: &str = "*";

impl ShortForm for Amounts {
    fn from_word(word: &str) -> Result<Amounts, String> {
        let amount = Amount::read(word).map_err(|misread| misread.message)?;
        Ok(Amounts(BTreeMap::from([(EVERY.to_owned(), Text(amount))])))
    }

    fn word_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Text<Amount>>()
    }
}
