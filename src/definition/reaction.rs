//! A checked reaction: what one aggregate does has to bring something about in another.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::definition::fault::Place;
use crate::definition::saga::EventPattern;
use crate::event::Span;
use crate::expression::Expression;

/// A reaction definition.
#[derive(Debug, Clone)]
pub struct Reaction {
    /// Its name, unique within its log.
    pub name: Arc<str>,
    /// What it is for, in its author's words.
    pub about: Option<String>,
    /// Where it is defined.
    pub place: Place,
    /// Narrows the events that count, on both sides.
    pub narrow: Option<Expression>,
    /// What has to be reacted to; at least one.
    pub triggers: Vec<EventPattern>,
    /// What counts as the reaction; at least one.
    pub effects: Vec<EventPattern>,
    /// What a trigger and its reaction have in common.
    pub matching: Matching,
    /// How long the reaction may take.
    pub within: Span,
    /// How many reactions a trigger calls for.
    pub count: Count,
}

/// What a trigger and its reaction have in common.
#[derive(Debug, Clone)]
pub enum Matching {
    /// The trigger's event id is the reaction's causation id.
    Causation,
    /// A value that stands in both.
    Value {
        /// For types that have no entry of their own; `None` is the log's correlation field.
        default: Option<Expression>,
        /// For the types named here.
        by_type: BTreeMap<Arc<str>, Option<Expression>>,
    },
}

/// How many reactions a trigger calls for.
#[derive(Debug, Clone)]
pub enum Count {
    /// One or more; one may answer several triggers.
    AtLeastOnce,
    /// Exactly one of its own.
    Once,
    /// As many as this number says, or as the list that this is has items.
    Per(Expression),
}

impl Reaction {
    /// Every expression that looks at events.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let patterns = self.triggers.iter().chain(&self.effects);
        let matching = match &self.matching {
            Matching::Causation => (None, None),
            Matching::Value { default, by_type } => {
                (default.as_ref(), Some(by_type.values().flatten()))
            }
        };
        let per = match &self.count {
            Count::Per(expression) => Some(expression),
            Count::AtLeastOnce | Count::Once => None,
        };
        patterns
            .filter_map(|pattern| pattern.when.as_ref())
            .chain(matching.0)
            .chain(matching.1.into_iter().flatten())
            .chain(per)
            .chain(&self.narrow)
    }
}
