//! Events that cause themselves, by way of others.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::causation::{Known, Note};

/// The circles of causes that were found so far. Of events that share an id the first one counts.
/// Each event is walked over once, however many lead to it.
#[derive(Debug)]
pub(super) struct Circles<'a> {
    known: &'a Known<'a>,
    /// The events that were walked over, by id, with how many others their circle has.
    walked: HashMap<u64, Option<u32>, FixedState>,
}

impl<'a> Circles<'a> {
    pub(super) fn new(known: &'a Known<'a>) -> Circles<'a> {
        Circles {
            known,
            walked: HashMap::default(),
        }
    }

    /// By way of how many other events an event causes itself, if it does.
    pub(super) fn others(&mut self, effect: &Note) -> Option<u32> {
        if effect.id == 0 || self.known.first(effect.id) != Some(effect) {
            return None;
        }
        let mut walk = Vec::new();
        let mut at = effect.id;
        while let Some(note) = self.known.first(at)
            && !self.walked.contains_key(&at)
        {
            self.walked.insert(at, None);
            walk.push(at);
            at = note.cause;
        }
        if let Some(start) = walk.iter().position(|id| *id == at) {
            let circle = &walk[start..];
            let others = circle.len() as u32 - 1;
            self.walked
                .extend(circle.iter().map(|id| (*id, Some(others))));
        }
        self.walked.get(&effect.id).copied().flatten()
    }
}
