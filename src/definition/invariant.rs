//! A checked invariant over several aggregates: a total per group of events.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::definition::fault::Place;
use crate::event::Span;
use crate::expression::Expression;

/// An invariant definition.
#[derive(Debug, Clone)]
pub struct Invariant {
    /// Its name, unique within its log.
    pub name: Arc<str>,
    /// What it is for, in its author's words.
    pub about: Option<String>,
    /// Where it is defined.
    pub place: Place,
    /// Narrows the events that count.
    pub narrow: Option<Expression>,
    /// What is added up.
    pub total: Total,
    /// What the total has to be.
    pub equals: Decimal,
    /// How long a group has to be quiet before its total has to be right; `None` where it has to be
    /// right after each event.
    pub grace: Option<Span>,
}

/// Amounts of events, added up per group.
#[derive(Debug, Clone)]
pub struct Total {
    /// The amount of an event, by its type: exactly the types that count.
    pub of: BTreeMap<Arc<str>, Expression>,
    /// What tells the group of an event; `None` for the log's correlation field.
    pub per: Option<Expression>,
}
