//! A checked idempotency rule: which effects one key may have.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::definition::fault::Place;
use crate::definition::saga::EventPattern;
use crate::event::Span;
use crate::expression::Expression;

/// An idempotency definition.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// Its name, unique within its log.
    pub name: Arc<str>,
    /// What it is for, in its author's words.
    pub about: Option<String>,
    /// Where it is defined.
    pub place: Place,
    /// Narrows the events that count.
    pub narrow: Option<Expression>,
    /// The effects: a key may have one of each type. At least one.
    pub effects: Vec<EventPattern>,
    /// What carries a key legally without being an effect.
    pub attempts: Vec<EventPattern>,
    /// What an event's key is; `None` for the log's idempotency key.
    pub key: Option<Expression>,
    /// What has to be the same whenever a key is used again.
    pub fingerprint: Fingerprint,
    /// An effect without a key is a fault.
    pub required: bool,
    /// How long the receiver remembers a key.
    pub retention: Option<Span>,
}

/// What has to be the same whenever a key is used again for the same type of event.
#[derive(Debug, Clone, Default)]
pub struct Fingerprint {
    /// For types that have no entry of their own; `None` is all data.
    pub default: Option<Vec<Expression>>,
    /// For the types named here.
    pub by_type: BTreeMap<Arc<str>, Vec<Expression>>,
}

impl Idempotency {
    /// Whether it speaks of events of this type.
    pub fn concerns(&self, kind: &str) -> bool {
        let mut patterns = self.effects.iter().chain(&self.attempts);
        patterns.any(|pattern| &*pattern.kind == kind)
    }

    /// Whether it speaks of every event of this type, whatever that holds.
    pub fn always_concerns(&self, kind: &str) -> bool {
        let mut patterns = self.effects.iter().chain(&self.attempts);
        self.narrow.is_none()
            && patterns.any(|pattern| &*pattern.kind == kind && pattern.when.is_none())
    }
}
