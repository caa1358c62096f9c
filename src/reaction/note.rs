//! What an event says of a reaction.

use std::borrow::Cow;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;

use crate::absent::Of;
use crate::definition::reaction::{Count, Matching, Reaction};
use crate::definition::saga::EventPattern;
use crate::event::{Position, Timestamp};
use crate::expression::{Expression, Scope};
use crate::log::{BadId, BadRow, Fields};
use crate::reader::{self, Looks};
use crate::texts::{Desk, Keys, Text};

/// What an event is to a reaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Calls for so many effects; `None` where it cannot be told for how many.
    Trigger(Option<u32>),
    Effect,
}

impl Role {
    /// Whether it is that of a trigger.
    pub(super) const fn is_trigger(self) -> bool {
        matches!(self, Role::Trigger(_))
    }
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
    pub(super) sight: Sight,
}

/// How an event is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// It can be read.
    Clear,
    /// What it says cannot be read, so that it may be of any match value.
    Damaged,
    /// It is later than the horizon, so that it is not judged.
    Later,
}

/// What an event type is in one reaction.
#[derive(Debug, Clone)]
pub struct Candidate {
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

impl By {
    fn of(reaction: &Reaction, kind: &str, is_trigger: bool) -> By {
        match &reaction.matching {
            Matching::Causation if is_trigger => By::Id,
            Matching::Causation => By::Cause,
            Matching::Value { default, by_type } => {
                let by = by_type.get(kind).unwrap_or(default);
                by.clone().map_or(By::Correlation, By::Expression)
            }
        }
    }
}

/// The reactions that an event type concerns.
pub type Route = reader::Route<Candidate>;

/// Reads triggers and effects out of events.
pub type Reader = reader::Reader<Reaction>;

impl Looks for Reaction {
    fn fields(&self) -> Fields {
        let own = Fields {
            time: true,
            id: true,
            causation: matches!(self.matching, Matching::Causation),
            correlation: match &self.matching {
                Matching::Causation => false,
                Matching::Value { default, by_type } => {
                    default.is_none() || by_type.values().any(Option::is_none)
                }
            },
            ..Fields::default()
        };
        own.with(Fields::of(self.expressions()))
    }
}

impl Reader {
    /// What an event type concerns.
    pub fn route(&self, kind: &str) -> Route {
        let mut candidates = Vec::new();
        for (index, reaction) in (0_u16..).zip(&self.of) {
            let triggers = reaction.triggers.iter().map(|pattern| (pattern, true));
            let effects = reaction.effects.iter().map(|pattern| (pattern, false));
            let own = effects
                .chain(triggers)
                .filter(|(pattern, _)| &*pattern.kind == kind);
            candidates.extend(own.map(|(pattern, is_trigger)| {
                let candidate = Candidate {
                    is_trigger,
                    when: pattern.when.clone(),
                    value: By::of(reaction, kind, is_trigger),
                };
                (index, candidate)
            }));
        }
        reader::Route(candidates)
    }

    /// Adds what an event of this type says.
    pub fn note(&self, route: &Route, row: &Scope<'_>, desk: &mut Desk<'_>, notes: &mut Vec<Note>) {
        let from = notes.len();
        for (index, candidate) in &route.0 {
            let Some(note) = self.read(*index, candidate, row, desk) else {
                continue;
            };
            let is_same = |one: &&mut Note| {
                one.reaction == note.reaction && one.role.is_trigger() == note.role.is_trigger()
            };
            match notes[from..].iter_mut().find(is_same) {
                Some(known) if known.is_doubtful => *known = note,
                Some(_) => {}
                None => notes.push(note),
            }
        }
    }

    /// Adds what an event of this type calls for that is later than the horizon: what happened before
    /// it may be called for by it all the same, where time is not what orders the log.
    pub fn note_later(
        &self,
        route: &Route,
        row: &Scope<'_>,
        desk: &mut Desk<'_>,
        notes: &mut Vec<Note>,
    ) {
        for (index, candidate) in route.0.iter().filter(|(_, it)| it.is_trigger) {
            let sight = Sight::Later;
            let note = self.read(*index, candidate, row, desk);
            notes.extend(note.map(|note| Note { sight, ..note }));
        }
    }

    fn read(
        &self,
        index: u16,
        candidate: &Candidate,
        row: &Scope<'_>,
        desk: &mut Desk<'_>,
    ) -> Option<Note> {
        let reaction = &self.of[usize::from(index)];
        let conditions = reaction.narrow.iter().chain(&candidate.when);
        let is_meant = Expression::all_hold(conditions, row);
        if let Ok(false) = is_meant {
            return None;
        }
        let value = match &candidate.value {
            By::Id => row.id.map(Cow::Borrowed),
            By::Cause => row.causation.map(Cow::Borrowed),
            By::Correlation => row.correlation.map(Cow::Borrowed),
            By::Expression(expression) => expression.name(row),
        };
        let hash = value.as_deref().map(|value| desk.hash(value));
        if !self.share.takes(hash) {
            return None;
        }
        let role = match candidate.is_trigger {
            true => Role::Trigger(owed(reaction, row)),
            false => Role::Effect,
        };
        Some(Note {
            reaction: index,
            role,
            is_doubtful: is_meant.is_err(),
            value: hash.zip(value.map(|value| desk.keep(&value))),
            id: desk.hash_of_name(row.id),
            position: row.position,
            time: row.time.unwrap_or(Timestamp::MIN),
            sight: match hash.is_some() || row.is_sound() {
                true => Sight::Clear,
                false => Sight::Damaged,
            },
        })
    }

    /// Adds what a row that cannot be judged may be in which reactions, with its match value where
    /// that can be told.
    pub fn missed(&self, bad: &BadRow, kind: Option<&str>, of: &mut Vec<(Of, Option<u64>)>) {
        for (index, reaction) in self.losing(bad) {
            let known = of.len();
            let roles = [
                (Of::Trigger(index), &reaction.triggers),
                (Of::Effect(index), &reaction.effects),
            ];
            for (role, patterns) in roles {
                let is_trigger = matches!(role, Of::Trigger(_));
                let may_be = |pattern: &&EventPattern| may_be(bad, kind, reaction, pattern);
                let patterns = patterns.iter().filter(may_be);
                let mut values = patterns
                    .filter_map(|one| told(bad, kind, &By::of(reaction, &one.kind, is_trigger)));
                let Some(first) = values.next() else {
                    continue;
                };
                let is_one = values.all(|value| value == first);
                of.push((role, first.filter(|_| is_one)));
            }
            let mut values: Vec<Option<u64>> =
                of[known..].iter().map(|(_, value)| *value).collect();
            values.dedup();
            let whole = Of::Reaction(index);
            of.extend(values.into_iter().map(|value| (whole, value)));
        }
    }
}

/// Whether a row that cannot be judged may be an event that a pattern of a reaction means.
fn may_be(bad: &BadRow, kind: Option<&str>, reaction: &Reaction, pattern: &EventPattern) -> bool {
    if kind.is_some_and(|kind| kind != &*pattern.kind) {
        return false;
    }
    let mut conditions = reaction.narrow.iter().chain(&pattern.when);
    !conditions.any(|condition| bad.rules_out(condition, kind))
}

/// The match value of a row that cannot be judged; `Some(None)` where that cannot be told, and `None`
/// where it has none.
fn told(bad: &BadRow, kind: Option<&str>, by: &By) -> Option<Option<u64>> {
    let unread = bad.rest.unread;
    let read = |value: Option<&str>, is_unread: bool| match value {
        Some(value) => Some(Some(Keys::hash(value))),
        None => is_unread.then_some(None),
    };
    match by {
        By::Id => match &bad.id {
            BadId::Known(id) => Some(Some(Keys::hash(id))),
            BadId::None => None,
            BadId::Unreadable => Some(None),
        },
        By::Cause => read(bad.rest.causation.as_deref(), unread.causation),
        By::Correlation => read(bad.correlation.as_deref(), unread.correlation),
        By::Expression(expression) => Some(bad.hash_of(expression, kind)),
    }
}

/// How many effects a trigger calls for.
fn owed(reaction: &Reaction, row: &Scope<'_>) -> Option<u32> {
    match &reaction.count {
        Count::AtLeastOnce | Count::Once => Some(1),
        Count::Per(expression) => match expression.evaluate(row).ok()? {
            Value::Array(items) => u32::try_from(items.len()).ok(),
            Value::Number(number) => {
                let exact = Decimal::from_str_exact(&number.to_string()).ok()?;
                exact.is_integer().then(|| exact.to_u32())?
            }
            _ => None,
        },
    }
}
