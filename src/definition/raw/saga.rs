//! The `saga:` document as written.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::Value;
use wildmatch::WildMatch;

use crate::definition::raw::shape::{OneOrMany, Short, ShortForm};
use crate::definition::raw::written::{By, Name, Text, Written};
use crate::event::Span;
use crate::expression::Expression;

/// A saga: steps that belong together, and how each is undone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "saga")]
pub(crate) struct Saga {
    /// The saga's name.
    pub(crate) saga: Text<Name>,
    /// What it is for.
    pub(crate) about: Option<String>,
    /// What ties an instance's events together: `correlation` (the default), an expression, or a
    /// mapping from event type to either, with `"*"` for all other types.
    pub(crate) correlate: Option<Short<Correlate>>,
    /// Only events for which this holds belong to the saga.
    pub(crate) r#where: Option<Text<Expression>>,
    /// The events that start an instance.
    pub(crate) starts: OneOrMany<Short<EventPattern>>,
    /// How long an instance may take from start to end.
    pub(crate) deadline: Option<Text<Span>>,
    /// The steps; each comes after the one above it unless `after` says otherwise.
    #[schemars(length(min = 1))]
    pub(crate) steps: Vec<Step>,
    /// The saga says: all done. Without it, it is over when every required step succeeded.
    #[serde(default)]
    pub(crate) completes: OneOrMany<Short<EventPattern>>,
    /// The decision to go back; compensation is owed from here.
    #[serde(default)]
    pub(crate) aborts: OneOrMany<Short<EventPattern>>,
    /// The saga says: all undone, over.
    #[serde(default)]
    pub(crate) compensated: OneOrMany<Short<EventPattern>>,
    /// The saga says: given up, a person must act.
    #[serde(default)]
    pub(crate) abandons: OneOrMany<Short<EventPattern>>,
    /// A step begun without an outcome may have had its effect: undo it too.
    #[serde(default = "yes")]
    pub(crate) undo_ambiguous: bool,
    /// A step that failed may have had its effect: undo it too.
    #[serde(default)]
    pub(crate) undo_failed: bool,
    /// Compensations must run in the exact reverse of the order in which the steps succeeded.
    #[serde(default)]
    pub(crate) strict_reverse: bool,
    /// Compensating a step that never began is legal.
    #[serde(default)]
    pub(crate) null_compensation: bool,
    /// How many times the same error makes a step wedged.
    #[serde(default = "three")]
    #[schemars(range(min = 1))]
    pub(crate) wedged_after: u32,
    /// Patterns of event types that must have a place in this saga.
    #[serde(default)]
    pub(crate) namespace: OneOrMany<Text<WildMatch>>,
}

fn yes() -> bool {
    true
}

fn three() -> u32 {
    3
}

/// What ties events together, by event type.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(rename = "correlate")]
pub(crate) struct Correlate(pub(crate) BTreeMap<String, Text<By>>);

impl ShortForm for Correlate {
    fn from_word(word: &str) -> Result<Correlate, String> {
        let by = By::read(word).map_err(|misread| misread.message)?;
        Ok(Correlate(BTreeMap::from([("*".to_owned(), Text(by))])))
    }

    fn word_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Text<By>>()
    }
}

/// An event type and, where the type alone does not tell, a condition.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "event")]
pub(crate) struct EventPattern {
    /// The event type.
    pub(crate) event: Text<Name>,
    /// Only events for which this holds are meant.
    pub(crate) when: Option<Text<Expression>>,
}

/// An event type that reports a failure.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "failure-event")]
pub(crate) struct FailurePattern {
    /// The event type.
    pub(crate) event: Text<Name>,
    /// Only events for which this holds are meant.
    pub(crate) when: Option<Text<Expression>>,
    /// What names the error.
    pub(crate) error: Option<Text<Expression>>,
}

impl ShortForm for EventPattern {
    fn from_word(word: &str) -> Result<EventPattern, String> {
        let event = Name::read(word).map_err(|misread| misread.message)?;
        Ok(EventPattern {
            event: Text(event),
            when: None,
        })
    }

    fn word_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Text<Name>>()
    }
}

impl ShortForm for FailurePattern {
    fn from_word(word: &str) -> Result<FailurePattern, String> {
        let event = Name::read(word).map_err(|misread| misread.message)?;
        Ok(FailurePattern {
            event: Text(event),
            when: None,
            error: None,
        })
    }

    fn word_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Text<Name>>()
    }
}

/// A forward action and how it is undone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "step")]
pub(crate) struct Step {
    /// The step's name.
    pub(crate) step: Text<Name>,
    /// The steps it comes after; by default the one above it, `[]` for none.
    pub(crate) after: Option<OneOrMany<Text<Name>>>,
    /// After it succeeded there is no way back: forward recovery only.
    #[serde(default)]
    pub(crate) pivot: bool,
    /// It is retried until it succeeds.
    #[serde(default)]
    pub(crate) retriable: bool,
    /// The saga completes without it.
    #[serde(default)]
    pub(crate) optional: bool,
    /// An attempt starts.
    #[serde(default)]
    pub(crate) begins: OneOrMany<Short<EventPattern>>,
    /// The step took effect.
    pub(crate) succeeds: OneOrMany<Short<EventPattern>>,
    /// An attempt failed; `{ event: …, error: data.reason }` names the error.
    #[serde(default)]
    pub(crate) fails: OneOrMany<Short<FailurePattern>>,
    /// Failed for good: no attempt follows, the saga aborts.
    #[serde(default)]
    pub(crate) rejects: OneOrMany<Short<FailurePattern>>,
    /// How long one attempt, or the wait for it, may take.
    pub(crate) timeout: Option<Text<Span>>,
    /// Attempts after the first; 0 makes the first failure final.
    pub(crate) retries: Option<u32>,
    /// How sagactl can drive it.
    pub(crate) action: Option<Action>,
    /// How it is undone.
    pub(crate) compensation: Option<Compensation>,
}

/// The action that undoes a step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "compensation")]
pub(crate) struct Compensation {
    /// An attempt to undo starts.
    #[serde(default)]
    pub(crate) begins: OneOrMany<Short<EventPattern>>,
    /// The step is undone.
    pub(crate) succeeds: OneOrMany<Short<EventPattern>>,
    /// An attempt to undo failed.
    #[serde(default)]
    pub(crate) fails: OneOrMany<Short<FailurePattern>>,
    /// How long one attempt, or the wait for it, may take.
    pub(crate) timeout: Option<Text<Span>>,
    /// Attempts after the first; 0 makes the first failure final.
    pub(crate) retries: Option<u32>,
    /// How sagactl can drive it.
    pub(crate) action: Option<Action>,
}

/// How sagactl can drive a step or compensation: exactly one of `http`, `exec` and `outbox`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "action")]
pub(crate) struct Action {
    /// Sends an HTTP request.
    pub(crate) http: Option<Http>,
    /// Runs a program: its path and arguments; no shell.
    pub(crate) exec: Option<Vec<String>>,
    /// Inserts a row into an SQLite table.
    pub(crate) outbox: Option<Outbox>,
    /// How long one attempt may take.
    pub(crate) timeout: Option<Text<Span>>,
    /// How many times it is tried in one recovery.
    #[schemars(range(min = 1))]
    pub(crate) attempts: Option<u32>,
    /// The pause before the second attempt; it doubles from then on.
    pub(crate) backoff: Option<Text<Span>>,
    /// Sending it twice under one key has one effect.
    #[serde(default)]
    pub(crate) idempotent: bool,
    /// Who records that it is done; without it the service does.
    pub(crate) record: Option<Record>,
}

/// Who records that an action is done.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "record")]
pub(crate) enum Record {
    /// sagactl appends the event of the step's success to the log itself.
    Append,
}

/// An HTTP request; texts may hold `{{ }}`, texts of the body that begin with `=` are expressions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "http-action")]
pub(crate) struct Http {
    /// The method; default `POST`.
    pub(crate) method: Option<Method>,
    /// Where to.
    pub(crate) url: Text<Name>,
    /// Headers beside the idempotency key's.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// The JSON body.
    pub(crate) body: Option<Value>,
}

/// An HTTP method that changes something.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(rename = "method")]
pub(crate) enum Method {
    /// The usual one.
    Post,
    /// Replaces.
    Put,
    /// Changes a part.
    Patch,
    /// Removes.
    Delete,
}

/// A row for an SQLite table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "outbox-action")]
pub(crate) struct Outbox {
    /// The database, relative to this file; default: the log's own.
    pub(crate) database: Option<Text<Name>>,
    /// The table.
    pub(crate) table: Text<Name>,
    /// Its columns' values; texts that begin with `=` are expressions.
    pub(crate) columns: BTreeMap<String, Value>,
}
