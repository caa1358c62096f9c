//! The `idempotency:` document as written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::definition::raw::saga::EventPattern;
use crate::definition::raw::shape::{OneOrMany, Short};
use crate::definition::raw::written::{Key, Name, Text, Written};
use crate::event::Span;
use crate::expression::Expression;

/// An idempotency rule: which effects one key may have.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "idempotency")]
pub(crate) struct Idempotency {
    /// The rule's name.
    pub(crate) idempotency: Text<Name>,
    /// What it is for.
    pub(crate) about: Option<String>,
    /// Only events for which this holds count.
    pub(crate) r#where: Option<Text<Expression>>,
    /// The effects: a key may have one of each type.
    pub(crate) effects: OneOrMany<Short<EventPattern>>,
    /// What carries a key legally, without being an effect.
    #[serde(default)]
    pub(crate) attempts: OneOrMany<Short<EventPattern>>,
    /// What an event's key is: `idempotency`, the log's field (the default), or an expression.
    pub(crate) key: Option<Text<Key>>,
    /// What has to be the same whenever a key is used again: a list of expressions, or a mapping
    /// from event type to such a list, with `"*"` for all other types. By default, all data.
    pub(crate) fingerprint: Option<Fingerprint>,
    /// An effect without a key is a fault.
    #[serde(default)]
    pub(crate) required: bool,
    /// How long the receiver remembers a key.
    pub(crate) retention: Option<Text<Span>>,
}

/// Expressions by event type.
#[derive(Debug)]
pub(crate) struct Fingerprint(pub(crate) BTreeMap<String, OneOrMany<Text<Expression>>>);

/// The type that stands for all types.
pub(crate) const EVERY: &str = "*";

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fingerprint, D::Error> {
        struct Spelling;

        impl Spelling {
            fn every(fields: Vec<Text<Expression>>) -> Fingerprint {
                Fingerprint(BTreeMap::from([(EVERY.to_owned(), OneOrMany(fields))]))
            }
        }

        impl<'de> Visitor<'de> for Spelling {
            type Value = Fingerprint;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an expression, a list of them, or a mapping by event type")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Fingerprint, E> {
                let field = Expression::read(text).map_err(|misread| E::custom(misread.message))?;
                Ok(Spelling::every(vec![Text(field)]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Fingerprint, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(items)).map(Spelling::every)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Fingerprint, A::Error> {
                BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(Fingerprint)
            }
        }

        deserializer.deserialize_any(Spelling)
    }
}

impl JsonSchema for Fingerprint {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "fingerprint".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let field = generator.subschema_for::<Text<Expression>>();
        let fields = generator.subschema_for::<OneOrMany<Text<Expression>>>();
        json_schema!({ "anyOf": [
            field,
            { "type": "array", "items": field },
            { "type": "object", "additionalProperties": fields },
        ] })
    }
}
