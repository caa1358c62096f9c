//! The JSON Schema of a case: what editors complete by, and what every case is checked against.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::finding::Severity;
use crate::saga::Outcome;

static SCHEMA: LazyLock<Value> = LazyLock::new(make);

/// The JSON Schema (draft 2020-12) of one YAML document of a case file.
pub fn schema() -> &'static Value {
    &SCHEMA
}

fn make() -> Value {
    let severities: Vec<&str> = Severity::ALL
        .iter()
        .map(|severity| severity.label())
        .collect();
    let outcomes: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.label()).collect();
    // An id may look like a number.
    let id = |about: &str| json!({ "description": about, "anyOf": [{ "type": "string" }, { "type": "integer" }] });
    let texts = |about: &str| {
        json!({
            "description": about,
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }]
        })
    };
    let rows = json!({ "type": "array", "items": { "type": "array", "minItems": 2 } });
    let stored_rows = json!({
        "description": "Rows, each a mapping from column to value; a column left out is null.",
        "type": "array",
        "items": { "type": "object", "additionalProperties": {} }
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sagactl case",
        "$ref": "#/$defs/case",
        "$defs": {
            "case": {
                "description": "Events and the exact findings that must come of them.",
                "type": "object",
                "additionalProperties": false,
                "required": ["events", "expect"],
                "properties": {
                    "about": { "description": "The story, for people.", "type": "string" },
                    "as-of": {
                        "description": "The horizon: an RFC 3339 instant, or `end`. Times like `-5m` count from it.",
                        "type": "string"
                    },
                    "definitions": texts("Definition files or folders, relative to this file."),
                    "define": {
                        "description": "Definitions written here: YAML documents in a block (`define: |`).",
                        "type": "string"
                    },
                    "events": {
                        "description": "The log, in order: `[time, correlation, type, data]` or a mapping.",
                        "type": "array",
                        "items": { "anyOf": [
                            { "type": "array", "minItems": 3, "maxItems": 4 },
                            { "$ref": "#/$defs/event" }
                        ] }
                    },
                    "claims": {
                        "description": "The status table: `[[id, status], …]`, by saga where there are several.",
                        "anyOf": [rows, { "type": "object", "additionalProperties": rows }]
                    },
                    "stored": {
                        "description": "What is stored, by projection; those not named are not compared.",
                        "type": "object",
                        "additionalProperties": { "anyOf": [stored_rows, { "$ref": "#/$defs/read-model" }] }
                    },
                    "rules": texts("Judge by these rules only; `*` stands for anything."),
                    "expect": {
                        "description": "Every finding that must come of it, and no other. `[]` is nothing.",
                        "type": "array",
                        "items": { "$ref": "#/$defs/expectation" }
                    },
                    "outcomes": {
                        "description": "What must become of instances, by id.",
                        "type": "object",
                        "additionalProperties": { "enum": outcomes }
                    },
                    "unknown": {
                        "description": "Of how many subjects each rule must not be able to tell; rules not named, of none.",
                        "type": "object",
                        "additionalProperties": { "type": "integer", "minimum": 0 }
                    }
                }
            },
            "read-model": {
                "description": "The rows of a projection, and how far its consumer says that it has come.",
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "rows": stored_rows,
                    "checkpoint": { "description": "What stands in the checkpoint's column; left out, no row is there." },
                    "dead-letters": { "description": "What stands in the column of the dead letters.", "type": "array" }
                }
            },
            "event": {
                "description": "An event with more than time, correlation, type and data.",
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "time": { "description": "RFC 3339, or like `-5m`, counted from `as-of`.", "type": "string" },
                    "correlation": id("What ties the events of one instance together."),
                    "type": { "description": "The event type.", "type": "string" },
                    "stream": id("The aggregate's stream."),
                    "version": { "description": "The number within the stream.", "type": "integer" },
                    "id": id("The event's id."),
                    "causation": id("The id of the event that caused it."),
                    "key": id("The idempotency key."),
                    "data": { "description": "The payload." },
                    "metadata": { "description": "The headers." },
                    "position": { "description": "Its place in the log, instead of its number here.", "type": "integer" },
                    "raw": {
                        "description": "Columns to write as they stand here, broken or null.",
                        "$ref": "#/$defs/raw"
                    }
                }
            },
            "raw": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "position": {}, "time": {}, "type": {}, "stream": {}, "version": {}, "id": {},
                    "correlation": {}, "causation": {}, "key": {}, "data": {}, "metadata": {}
                }
            },
            "expectation": {
                "description": "One finding: the rule, one subject, the step and the evidence.",
                "type": "object",
                "additionalProperties": false,
                "required": ["rule"],
                "properties": {
                    "rule": { "description": "The rule's name.", "type": "string" },
                    "instance": id("The saga instance it is about."),
                    "stream": id("The stream it is about."),
                    "event": id("The position of the event it is about."),
                    "key": id("The projection's key that it is about."),
                    "group": id("The group of an invariant or reaction that it is about."),
                    "idempotency-key": id("The idempotency key that it is about."),
                    "transaction": id("The two-phase transaction that it is about."),
                    "log": id("The log it is about."),
                    "definition": id("The definition it is about."),
                    "saga": { "description": "The saga, where several know the id.", "type": "string" },
                    "step": { "description": "The step; left out, there is none.", "type": "string" },
                    "severity": { "description": "Its severity, where that matters.", "enum": severities },
                    "evidence": {
                        "description": "The positions that show it; left out, there are none.",
                        "type": "array",
                        "items": { "type": "integer" }
                    }
                }
            }
        }
    })
}
