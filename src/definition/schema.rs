//! The JSON Schema of the definitions: generated once from the raw types, used to check every
//! document and printed for editors.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::definition::raw;

static SCHEMA: LazyLock<Value> = LazyLock::new(generate);

/// The JSON Schema (draft 2020-12) of one YAML document of definitions.
pub fn schema() -> &'static Value {
    &SCHEMA
}

fn generate() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let kinds = [
        generator.subschema_for::<raw::log::Log>(),
        generator.subschema_for::<raw::saga::Saga>(),
        generator.subschema_for::<raw::projection::Projection>(),
        generator.subschema_for::<raw::invariant::Invariant>(),
        generator.subschema_for::<raw::invariant::OverStates>(),
        generator.subschema_for::<raw::requirement::Requirement>(),
        generator.subschema_for::<raw::reaction::Reaction>(),
        generator.subschema_for::<raw::idempotency::Idempotency>(),
        generator.subschema_for::<raw::transaction::Transaction>(),
        generator.subschema_for::<raw::settings::Document>(),
    ];
    let mut definitions = Value::Object(generator.take_definitions(true));
    without_null(&mut definitions);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sagactl definitions",
        "description": "One document of definitions; its first key says what it defines.",
        "oneOf": kinds,
        "$defs": definitions,
    })
}

/// A key that may be left out may not be written without a value, so `null` is taken out of what
/// optional fields accept.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Object(keys) => {
            keys.values_mut().for_each(without_null);
            if let Some(Value::Array(types)) = keys.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    keys.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = keys.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
                if let [Value::Object(only)] = choices.as_slice() {
                    let only: Map<String, Value> = only.clone();
                    keys.remove("anyOf");
                    only.into_iter().for_each(|(key, value)| {
                        keys.entry(key).or_insert(value);
                    });
                }
            }
            keys.retain(|key, value| key != "default" || !value.is_null());
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
