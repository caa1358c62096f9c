//! A checked two-phase transaction: who takes part, who votes, what is decided and what came of it.

use std::sync::Arc;

use crate::definition::fault::Place;
use crate::definition::saga::EventPattern;
use crate::event::Span;
use crate::expression::Expression;

/// A transaction definition.
#[derive(Debug, Clone)]
pub struct Transaction {
    /// Its name, unique within its log.
    pub name: Arc<str>,
    /// What it is for, in its author's words.
    pub about: Option<String>,
    /// Where it is defined.
    pub place: Place,
    /// Narrows the events that belong to it.
    pub narrow: Option<Expression>,
    /// What tells the transaction of an event; `None` for the log's correlation field.
    pub id: Option<Expression>,
    /// What tells the participant that an event is about.
    pub participant: Expression,
    /// The transaction begins, or a participant joins it.
    pub begins: Vec<EventPattern>,
    /// A participant votes yes: from here on it holds its locks.
    pub prepares: Vec<EventPattern>,
    /// A participant votes no.
    pub refuses: Vec<EventPattern>,
    /// The coordinator decides to commit.
    pub commits: Vec<EventPattern>,
    /// The coordinator decides to abort.
    pub aborts: Vec<EventPattern>,
    /// A participant has committed.
    pub committed: Vec<EventPattern>,
    /// A participant has aborted.
    pub aborted: Vec<EventPattern>,
    /// How long a participant may wait for the decision, and for its delivery.
    pub in_doubt_after: Span,
}
