//! Events that cause themselves, by way of others.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::causation::{Kept, Known, Note};
use crate::event::Position;

/// Events of which each is the cause of the next, and the last one of the first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circle {
    /// How many others there are beside each.
    pub(super) others: u32,
    /// Where the one stands that comes first in the log.
    pub(super) first: Position,
    /// No row that is not judged has the id of one of them, so that none may be another's cause instead.
    pub(super) is_sure: bool,
}

/// The circles of causes that were found so far. Of events that share an id the first one counts.
/// Each event is walked over once, however many lead to it.
#[derive(Debug)]
pub(super) struct Circles<'k, 'a> {
    known: &'k Known<'a>,
    /// The events that were walked over, by id, with their circle.
    walked: HashMap<u64, Option<Circle>, FixedState>,
}

impl<'k, 'a> Circles<'k, 'a> {
    pub(super) const fn new(known: &'k Known<'a>) -> Circles<'k, 'a> {
        Circles {
            known,
            walked: HashMap::with_hasher(FixedState::with_seed(0)),
        }
    }

    /// The circle by way of which an event causes itself, if it does.
    pub(super) fn of(&mut self, effect: &Note) -> Option<Circle> {
        if effect.id == 0 || self.known.first(effect.id) != Some(&Kept::from(*effect)) {
            return None;
        }
        let mut walk = Vec::new();
        let mut at = effect.id;
        while let Some(note) = self.known.first(at)
            && !self.walked.contains_key(&at)
        {
            self.walked.insert(at, None);
            walk.push((at, note.position));
            at = note.cause;
        }
        if let Some(start) = walk.iter().position(|(id, _)| *id == at) {
            let own = &walk[start..];
            let circle = Circle {
                others: own.len() as u32 - 1,
                first: own.iter().fold(own[0].1, |first, (_, at)| first.min(*at)),
                is_sure: own.iter().all(|(id, _)| !self.known.is_hidden(*id)),
            };
            self.walked
                .extend(own.iter().map(|(id, _)| (*id, Some(circle))));
        }
        self.walked.get(&effect.id).copied().flatten()
    }
}
