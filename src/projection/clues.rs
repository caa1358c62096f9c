//! What beside a key's own events speaks for one edit of them rather than another.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::event::Position;
use crate::projection::fold::Touch;

/// Events that a consumer gave up on.
#[derive(Debug, Clone, Default)]
pub struct DeadLetters {
    positions: HashSet<i64, FixedState>,
    /// Hashes of ids, see [`Keys::hash`](crate::texts::Keys::hash).
    ids: HashSet<u64, FixedState>,
    /// Rows that name no event.
    pub unreadable: u64,
    /// Why none could be read, where that is so.
    pub silent: Option<String>,
}

/// Events that share their id with another one, and the position of that.
#[derive(Debug, Clone, Default)]
pub struct Repeats(HashMap<Position, Position, FixedState>);

/// What is known of the events of one projection.
#[derive(Debug, Clone, Default)]
pub struct Clues {
    letters: DeadLetters,
    repeats: Arc<Repeats>,
}

impl DeadLetters {
    /// Adds the event at a position.
    pub(super) fn add_position(&mut self, position: i64) {
        self.positions.insert(position);
    }

    /// Adds the event with an id of this hash.
    pub(super) fn add_id(&mut self, id: u64) {
        self.ids.insert(id);
    }

    fn holds(&self, touch: &Touch) -> bool {
        self.positions.contains(&touch.position.0)
            || touch.id.is_some_and(|id| self.ids.contains(&id))
    }
}

impl Repeats {
    /// Of pairs of positions with one id: the first one with it, and a later one.
    pub fn of(pairs: &[(Position, Position)]) -> Repeats {
        let mut repeats = Repeats::default();
        for &(first, again) in pairs {
            repeats.0.insert(again, first);
            repeats.0.entry(first).or_insert(again);
        }
        repeats
    }
}

impl Clues {
    pub(super) const fn new(letters: DeadLetters, repeats: Arc<Repeats>) -> Clues {
        Clues { letters, repeats }
    }

    /// Whether the consumer gave up on an event.
    pub(super) fn is_dead_letter(&self, touch: &Touch) -> bool {
        self.letters.holds(touch)
    }

    /// Where another event with the id of this one stands.
    pub(super) fn repeated_at(&self, touch: &Touch) -> Option<Position> {
        self.repeats.0.get(&touch.position).copied()
    }
}
