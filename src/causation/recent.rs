//! The events that came last, among which most causes are found.

use crate::causation::Note;
use crate::event::Position;

/// How many events are looked at for the causes of those that follow: 1.5 MB.
const PLACES: usize = 1 << 16;

/// Events with an id, each at the place that its hash says until another one takes it; no places before
/// the first.
#[derive(Debug, Default)]
pub(super) struct Recent(Vec<Event>);

/// An event that others may name as their cause.
#[derive(Debug, Clone, Copy)]
struct Event {
    /// 0 where there was none yet.
    id: u64,
    correlation: u64,
    position: Position,
}

impl Recent {
    /// Takes the next event, if it has an id.
    pub(super) fn take(&mut self, note: &Note) {
        if note.id == 0 {
            return;
        }
        if self.0.is_empty() {
            let none = Event {
                id: 0,
                correlation: 0,
                position: Position(0),
            };
            self.0 = vec![none; PLACES];
        }
        self.0[place(note.id)] = Event {
            id: note.id,
            correlation: note.correlation,
            position: note.position,
        };
    }

    /// Whether nothing can be wrong with the cause of an event: one of these has that id, and is another
    /// one that stands before it and agrees with it.
    pub(super) fn has_sound_cause_of(&self, note: &Note) -> bool {
        let cause = self.0.get(place(note.cause));
        let Some(cause) = cause.filter(|cause| cause.id == note.cause) else {
            return false;
        };
        let may_agree = note.correlation == 0 || cause.correlation == 0;
        note.id != note.cause
            && cause.position < note.position
            && (may_agree || cause.correlation == note.correlation)
    }
}

/// Where an event with this id stands.
const fn place(id: u64) -> usize {
    (id >> 1) as usize % PLACES
}
