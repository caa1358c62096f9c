//! A checked invariant over several aggregates: a total per group, of events or of states.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::definition::fault::Place;
use crate::event::Span;
use crate::expression::{Expression, Formula};

/// An invariant definition.
#[derive(Debug, Clone)]
pub struct Invariant {
    /// Its name, unique within its log.
    pub name: Arc<str>,
    /// What it is for, in its author's words.
    pub about: Option<String>,
    /// Where it is defined.
    pub place: Place,
    /// What is added up.
    pub total: Total,
    /// What the total has to be.
    pub equals: Decimal,
    /// How long a group has to be quiet before its total has to be right; `None` where it has to be
    /// right after each event.
    pub grace: Option<Span>,
}

/// What is added up per group.
#[derive(Debug, Clone)]
pub enum Total {
    /// Amounts that events give.
    Events(OfEvents),
    /// Amounts that keys of a projection hold.
    States(OfStates),
}

/// Amounts of events.
#[derive(Debug, Clone)]
pub struct OfEvents {
    /// Narrows the events that count.
    pub narrow: Option<Expression>,
    /// The amount of an event, by its type: exactly the types that count.
    pub of: BTreeMap<Arc<str>, Expression>,
    /// What tells the group of an event; `None` for the log's correlation field.
    pub per: Option<Expression>,
}

/// Amounts of the states of a projection's keys.
#[derive(Debug, Clone)]
pub struct OfStates {
    /// The projection; one of its log.
    pub projection: Arc<str>,
    /// Where the definition names that.
    pub projection_place: Place,
    /// Narrows the keys that count.
    pub narrow: Option<Formula>,
    /// The amount of a key.
    pub of: Formula,
    /// What tells the group of a key; `None` where all keys are one.
    pub per: Option<Formula>,
    /// Where these stand, in this order, as far as they are there.
    pub places: Vec<Place>,
}

impl OfStates {
    /// Every formula: what narrows, the amount, the group.
    pub fn formulas(&self) -> impl Iterator<Item = &Formula> {
        self.narrow.iter().chain([&self.of]).chain(&self.per)
    }
}
