//! What is known of the events of a match value that are not kept.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::event::{Position, Timestamp};
use crate::reaction::assignment::At;
use crate::reaction::event::{Event, Part};
use crate::reaction::judged::Doubtful;
use crate::texts::room;

/// Of effects that answer nothing, by their positions, the trigger that they might have answered.
pub(super) type Near = HashMap<Position, Position, FixedState>;

/// What is known of events that are not kept.
#[derive(Debug)]
pub(super) struct Settled {
    ids: HashSet<(bool, u64), FixedState>,
    pub(super) triggers: u64,
    pub(super) effects: u64,
    pub(super) doubtful: Doubtful,
    /// The two oldest triggers.
    oldest: Vec<At>,
    /// The youngest trigger.
    youngest: Option<At>,
    pub(super) near: Near,
    /// So new were the events that had come; a few may have been newer, since there are strays whose
    /// times lie in the future.
    pub(super) newest: Timestamp,
    /// So many events were kept when it was settled, the first of those that are kept now.
    pub(super) kept: usize,
}

impl Settled {
    pub(super) fn none() -> Box<Settled> {
        Box::new(Settled {
            ids: HashSet::default(),
            triggers: 0,
            effects: 0,
            doubtful: Doubtful::default(),
            oldest: Vec::new(),
            youngest: None,
            near: Near::default(),
            newest: Timestamp::MIN,
            kept: 0,
        })
    }

    /// Bytes kept, its own among them.
    pub(super) fn bytes(&self) -> usize {
        // A table keeps one byte more for each entry.
        let ids = self.ids.capacity() * (size_of::<(bool, u64)>() + 1);
        let near = self.near.capacity() * (size_of::<(Position, Position)>() + 1);
        size_of::<Settled>() + ids + near + room(&self.oldest)
    }

    /// Whether it was this event, which is delivered again.
    pub(super) fn has(&self, event: &Event) -> bool {
        event.id != 0 && self.ids.contains(&(event.is_trigger(), event.id))
    }

    /// Takes an event that is not to be kept.
    pub(super) fn take(&mut self, event: &Event) {
        if event.id != 0 {
            self.ids.insert((event.is_trigger(), event.id));
        }
        match event.part {
            Part::Effect => self.effects += 1,
            Part::MaybeEffect => self.doubtful.effects += 1,
            Part::MaybeTrigger => self.doubtful.triggers += 1,
            Part::Trigger(_) => self.take_trigger(event.at),
            Part::Vague => {
                self.doubtful.calls += 1;
                self.take_trigger(event.at);
            }
        }
    }

    fn take_trigger(&mut self, at: At) {
        self.triggers += 1;
        let younger = self.youngest.is_none_or(|youngest| youngest.1 < at.1);
        self.youngest = if younger { Some(at) } else { self.youngest };
        self.oldest = oldest(self.oldest.drain(..).chain([at]));
    }

    /// The triggers that are known.
    pub(super) fn known(&self) -> Vec<At> {
        let mut known = self.oldest.clone();
        known.extend(self.youngest.filter(|one| !known.contains(one)));
        known
    }
}

/// The two oldest of these.
pub(super) fn oldest(triggers: impl Iterator<Item = At>) -> Vec<At> {
    let mut oldest: Vec<At> = triggers.collect();
    oldest.sort_unstable_by_key(|one| (one.1, one.0));
    oldest.dedup();
    oldest.truncate(2);
    oldest
}
