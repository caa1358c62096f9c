//! A trigger or an effect, as it is kept.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::event::Position;
use crate::reaction::assignment::At;
use crate::reaction::note::{Note, Role};

/// What tells an event from others: its role, and its id or else its place.
type Identity = (bool, u64, Option<Position>);

/// An event in one of its roles.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    pub(super) at: At,
    /// Hash of its id; 0 for none.
    pub(super) id: u64,
    pub(super) part: Part,
}

/// The part that an event plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// It calls for so many effects.
    Trigger(u32),
    /// It calls for effects, and it cannot be told for how many.
    Vague,
    Effect,
    /// It cannot be told whether it is a trigger.
    MaybeTrigger,
    /// It cannot be told whether it is an effect.
    MaybeEffect,
}

impl Event {
    pub(super) fn of(note: &Note) -> Event {
        Event {
            at: (note.position, note.time),
            id: note.id,
            part: match (note.role, note.is_doubtful) {
                (Role::Trigger(_), true) => Part::MaybeTrigger,
                (Role::Trigger(None), false) => Part::Vague,
                (Role::Trigger(Some(owed)), false) => Part::Trigger(owed),
                (Role::Effect, true) => Part::MaybeEffect,
                (Role::Effect, false) => Part::Effect,
            },
        }
    }

    /// Whether it is on the side of the triggers.
    pub(super) const fn is_trigger(&self) -> bool {
        matches!(
            self.part,
            Part::Trigger(_) | Part::Vague | Part::MaybeTrigger
        )
    }

    const fn is_doubtful(&self) -> bool {
        matches!(self.part, Part::MaybeTrigger | Part::MaybeEffect)
    }

    fn identity(&self) -> Identity {
        let place = (self.id == 0).then_some(self.at.0);
        (self.is_trigger(), self.id, place)
    }
}

/// One event by one pattern or by two, once or twice: it plays each role once, where it came first. One
/// that is certain to play it once plays it there; answers whether it may have come before that, too.
pub(super) fn forget_repeats(events: &mut Vec<Event>) -> bool {
    if events.len() < 2 {
        return false;
    }
    let mut may_be_earlier = false;
    if events.iter().any(Event::is_doubtful) {
        let certain = events.iter().filter(|event| !event.is_doubtful());
        let mut first: HashMap<Identity, At, FixedState> = HashMap::default();
        for event in certain {
            first.entry(event.identity()).or_insert(event.at);
        }
        let is_between = |one: At, other: At| {
            let mut places = events.iter().map(|event| event.at.0);
            places.any(|place| one.0 < place && place < other.0)
        };
        let again = |event: &Event| first.get(&event.identity()).filter(|_| event.is_doubtful());
        may_be_earlier = events.iter().any(|event| {
            let again = again(event).filter(|again| event.at.0 < again.0);
            again.is_some_and(|again| event.at.1 != again.1 || is_between(event.at, *again))
        });
        events.retain(|event| again(event).is_none());
    }
    let mut seen: HashSet<Identity, FixedState> = HashSet::default();
    events.retain(|event| seen.insert(event.identity()));
    may_be_earlier
}
