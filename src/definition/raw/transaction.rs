//! The `transaction:` document as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::definition::raw::saga::EventPattern;
use crate::definition::raw::shape::{OneOrMany, Short};
use crate::definition::raw::written::{By, Name, Text};
use crate::event::Span;
use crate::expression::Expression;

/// A two-phase transaction: who takes part, who votes, what is decided and what came of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "transaction")]
pub(crate) struct Transaction {
    /// The transaction's name.
    pub(crate) transaction: Text<Name>,
    /// What it is for.
    pub(crate) about: Option<String>,
    /// Only events for which this holds belong to it.
    pub(crate) r#where: Option<Text<Expression>>,
    /// What tells the transaction of an event: `correlation` or an expression.
    pub(crate) id: Text<By>,
    /// What tells the participant that an event is about.
    pub(crate) participant: Text<Expression>,
    /// The transaction begins, or a participant joins it.
    #[serde(default)]
    pub(crate) begins: OneOrMany<Short<EventPattern>>,
    /// A participant votes yes: from here on it holds its locks.
    pub(crate) prepares: OneOrMany<Short<EventPattern>>,
    /// A participant votes no.
    #[serde(default)]
    pub(crate) refuses: OneOrMany<Short<EventPattern>>,
    /// What the coordinator decides.
    pub(crate) decides: Decides,
    /// What became of a participant.
    pub(crate) ends: Ends,
    /// How long a participant may wait for the decision, and for its delivery.
    pub(crate) in_doubt_after: Text<Span>,
}

/// What the coordinator decides.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "decides")]
pub(crate) struct Decides {
    /// To commit.
    pub(crate) commit: OneOrMany<Short<EventPattern>>,
    /// To abort.
    #[serde(default)]
    pub(crate) abort: OneOrMany<Short<EventPattern>>,
}

/// What became of a participant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "ends")]
pub(crate) struct Ends {
    /// It has committed.
    pub(crate) committed: OneOrMany<Short<EventPattern>>,
    /// It has aborted.
    #[serde(default)]
    pub(crate) aborted: OneOrMany<Short<EventPattern>>,
}
