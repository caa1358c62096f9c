//! What an event says of a reaction.

use std::sync::Arc;

use serde_json::Value;

use crate::definition::reaction::{Count, Matching, Reaction};
use crate::event::{Position, Timestamp};
use crate::expression::{Expression, Scope};
use crate::json;
use crate::log::Fields;
use crate::share::Share;
use crate::texts::{Keys, Text, Texts};

/// What an event is to a reaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Calls for so many effects; `None` where it cannot be told for how many.
    Trigger(Option<u32>),
    Effect,
}

/// What an event says.
#[derive(Debug, Clone, Copy)]
pub struct Note {
    /// Index of the reaction.
    pub(super) reaction: u16,
    pub(super) role: Role,
    /// A condition cannot tell whether it is that.
    pub(super) is_doubtful: bool,
    /// The match value and its hash; `None` where the event has none.
    pub(super) value: Option<(u64, Text)>,
    /// Hash of the event's id; 0 for none.
    pub(super) id: u64,
    pub(super) position: Position,
    pub(super) time: Timestamp,
}

/// What an event type is in one reaction.
#[derive(Debug, Clone)]
struct Candidate {
    reaction: u16,
    is_trigger: bool,
    when: Option<Expression>,
    value: By,
}

/// Where a match value is found.
#[derive(Debug, Clone)]
enum By {
    Id,
    Cause,
    Correlation,
    Expression(Expression),
}

/// The reactions that an event type concerns.
#[derive(Debug, Clone, Default)]
pub struct Route(Vec<Candidate>);

impl Route {
    /// Whether it concerns none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads triggers and effects out of events.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    reactions: Vec<Arc<Reaction>>,
    share: Share,
}

impl Reader {
    /// A reader for these reactions.
    pub fn new(reactions: &[Arc<Reaction>]) -> Reader {
        Reader {
            reactions: reactions.to_vec(),
            share: Share::WHOLE,
        }
    }

    /// The same for the keys of one share.
    pub fn of_share(&self, share: Share) -> Reader {
        Reader {
            share,
            ..self.clone()
        }
    }

    /// The columns that it needs.
    pub fn fields(&self) -> Fields {
        let any = |is: fn(&Matching) -> bool| self.reactions.iter().any(|one| is(&one.matching));
        let own = Fields {
            time: !self.reactions.is_empty(),
            id: !self.reactions.is_empty(),
            causation: any(|matching| matches!(matching, Matching::Causation)),
            correlation: any(|matching| match matching {
                Matching::Causation => false,
                Matching::Value { default, by_type } => {
                    default.is_none() || by_type.values().any(Option::is_none)
                }
            }),
            ..Fields::default()
        };
        own.with(Fields::of(
            self.reactions.iter().flat_map(|one| one.expressions()),
        ))
    }

    /// What an event type concerns.
    pub fn route(&self, kind: &str) -> Route {
        let mut candidates = Vec::new();
        for (index, reaction) in self.reactions.iter().enumerate() {
            let triggers = reaction.triggers.iter().map(|pattern| (pattern, true));
            let effects = reaction.effects.iter().map(|pattern| (pattern, false));
            let own = effects
                .chain(triggers)
                .filter(|(pattern, _)| &*pattern.kind == kind);
            candidates.extend(own.map(|(pattern, is_trigger)| Candidate {
                reaction: index as u16,
                is_trigger,
                when: pattern.when.clone(),
                value: match &reaction.matching {
                    Matching::Causation if is_trigger => By::Id,
                    Matching::Causation => By::Cause,
                    Matching::Value { default, by_type } => {
                        let by = by_type.get(kind).unwrap_or(default);
                        by.clone().map_or(By::Correlation, By::Expression)
                    }
                },
            }));
        }
        Route(candidates)
    }

    /// Adds what an event of this type says.
    pub fn note(&self, route: &Route, row: &Scope<'_>, texts: &mut Texts, notes: &mut Vec<Note>) {
        for candidate in &route.0 {
            let reaction = &self.reactions[usize::from(candidate.reaction)];
            let conditions = reaction.narrow.iter().chain(&candidate.when);
            let mut held = conditions.map(|condition| condition.holds(row));
            let is_meant = held.try_fold(true, |all, holds| holds.map(|holds| all && holds));
            if let Ok(false) = is_meant {
                continue;
            }
            let computed;
            let value = match &candidate.value {
                By::Id => row.id.map(Into::into),
                By::Cause => row.causation.map(Into::into),
                By::Correlation => row.correlation.map(Into::into),
                By::Expression(expression) => {
                    computed = expression.evaluate(row).ok();
                    computed.as_ref().and_then(json::text)
                }
            };
            let hash = value.as_deref().map(Keys::hash);
            if !self.share.takes(hash) {
                continue;
            }
            let role = match candidate.is_trigger {
                true => Role::Trigger(owed(reaction, row)),
                false => Role::Effect,
            };
            notes.push(Note {
                reaction: candidate.reaction,
                role,
                is_doubtful: is_meant.is_err(),
                value: hash.zip(value.map(|value| texts.keep(&value))),
                id: row.id.map_or(0, |id| Keys::hash(id) | 1),
                position: row.position,
                time: row.time.unwrap_or(Timestamp::MIN),
            });
        }
    }
}

/// How many effects a trigger calls for.
fn owed(reaction: &Reaction, row: &Scope<'_>) -> Option<u32> {
    match &reaction.count {
        Count::AtLeastOnce | Count::Once => Some(1),
        Count::Per(expression) => match expression.evaluate(row).ok()? {
            Value::Array(items) => u32::try_from(items.len()).ok(),
            Value::Number(number) => u32::try_from(number.as_u64()?).ok(),
            _ => None,
        },
    }
}
