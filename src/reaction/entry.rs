//! The triggers and effects of one match value.
//!
//! Most match values have a few events, and all of them are kept until the end. Of one with many, in a
//! log whose events arrive no later than it declares, triggers that were answered in time are *settled*
//! together with their answers, once nothing is to come that could answer or call for them: only their
//! ids are kept, so that a second delivery is known however late it comes. What arrives later than
//! declared all the same may concern what was settled, so nothing can be told of its match value any
//! more. Nothing is settled once there is an effect of which it cannot be told whether it counts: it
//! may answer a trigger whose answer another one then has.

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use crate::definition::log::Order;
use crate::event::{Position, Span, Timestamp};
use crate::reaction::assignment::Trigger;
use crate::reaction::event::{Event, Part, forget_repeats};
use crate::reaction::judged::Judged;
use crate::reaction::note::Note;
use crate::reaction::settled::Settled;
use crate::reaction::terms::Terms;
use crate::texts::room;

/// Most match values have a trigger and its effect.
const FIRST: usize = 2;
/// With so many events a match value is looked at for some that can be settled.
const MANY: usize = 64;

/// Everything of one match value.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// In the order of their arrival, some of them perhaps delivered twice.
    events: Vec<Event>,
    settled: Option<Box<Settled>>,
    /// How many events there may be before some are settled; 0 for [`MANY`].
    room: usize,
    /// One had arrived too late to be judged with what was settled when more was settled.
    is_unknown: bool,
}

impl Entry {
    /// One that keeps so many events before it looks for some that can be settled.
    #[cfg(test)]
    pub(super) fn with_room(room: usize) -> Entry {
        Entry {
            room,
            ..Entry::default()
        }
    }

    /// Where its last event stands; asked for many before anything is added, so that the machine
    /// fetches all of them at the same time.
    pub(super) fn fetch(&self) -> i64 {
        self.events.last().map_or(0, |last| last.at.0.0)
    }

    /// Bytes kept beside its own.
    pub(super) fn bytes(&self) -> usize {
        room(&self.events) + self.settled.as_deref().map_or(0, Settled::bytes)
    }

    /// Takes the next event in the log's order.
    pub(super) fn take(&mut self, note: &Note, terms: Terms<'_>) {
        let event = Event::of(note);
        // Of one event all roles are taken before anything is settled.
        let is_next = self
            .events
            .last()
            .is_some_and(|last| last.at.0 != event.at.0);
        if is_next && self.events.len() >= self.room.max(MANY) {
            self.make_room(terms);
        }
        if self
            .settled
            .as_deref()
            .is_none_or(|settled| !settled.has(&event))
        {
            if self.events.capacity() == 0 {
                self.events.reserve_exact(FIRST);
            }
            self.events.push(event);
        }
    }

    /// Whether one effect that is called for once followed in time, by place and by a clock that is
    /// not ahead of the horizon, and nothing else happened. So it is nearly always, and there is
    /// nothing to be told of it.
    pub(super) fn is_plainly_answered(&self, terms: Terms<'_>, horizon: Timestamp) -> bool {
        let [trigger, effect] = self.events.as_slice() else {
            return false;
        };
        let is_in_time = trigger.at.0 < effect.at.0
            && trigger.at.1 <= effect.at.1
            && effect.at.1 <= trigger.at.1.after(terms.reaction.within)
            && effect.at.1 <= horizon;
        let parts = (trigger.part, effect.part) == (Part::Trigger(1), Part::Effect);
        parts && is_in_time && self.settled.is_none() && !self.is_unknown
    }

    /// What became of it.
    pub(super) fn judge(&self, terms: Terms<'_>) -> Judged<'_> {
        let mut events = self.events.clone();
        let may_be_earlier = forget_repeats(&mut events);
        let settled = self.settled.as_deref();
        let mut judged = Judged::of(&events, settled, terms);
        let is_unknown = self.is_unknown || may_be_earlier;
        judged.is_unknown = is_unknown || came_too_late(&events, settled, terms);
        judged
    }

    /// Forgets what was delivered twice, and settles what can be.
    fn make_room(&mut self, terms: Terms<'_>) {
        self.is_unknown |= forget_repeats(&mut self.events);
        let is_open = |event: &Event| event.part == Part::MaybeEffect;
        if terms.order != Order::Position && !self.events.iter().any(is_open) {
            self.settle(terms);
        }
        self.room = self.events.len() * 2;
    }

    /// Forgets the triggers that were answered in time, with their answers, where nothing that is yet
    /// to come could change that.
    fn settle(&mut self, terms: Terms<'_>) {
        let mut settled = self.settled.take().unwrap_or_else(Settled::none);
        self.is_unknown |= came_too_late(&self.events, Some(&*settled), terms);
        let mut times: Vec<Timestamp> = self.events.iter().map(|event| event.at.1).collect();
        let middle = times.len() / 2;
        let (_, middle, _) = times.select_nth_unstable(middle);
        settled.newest = settled.newest.max(*middle);
        let judged = Judged::of(&self.events, Some(&*settled), terms);
        let is_over = |moment| terms.is_over(moment, settled.newest);
        let due = |trigger: &Trigger| trigger.at.1.after(terms.reaction.within);
        let is_open = |effect: usize| !is_over(judged.answered[effect].reach);
        let mut waits: Vec<bool> = (judged.waited.iter().zip(&judged.assignment.owed))
            .map(|(trigger, owed)| *owed > 0 || !is_over(due(trigger)))
            .collect();
        for answer in &judged.assignment.answers {
            waits[answer.trigger] |= answer.late > Span::ZERO || is_open(answer.effect);
        }
        let waited = judged.waited.iter().zip(&waits);
        let waiting = waited.filter(|(_, waits)| **waits);
        let answers = judged.assignment.answers.iter();
        let needed = answers.filter(|answer| waits[answer.trigger]);
        let needed = needed.map(|answer| answer.effect);
        let spare = judged.assignment.spare.iter().copied();
        let told = spare.clone().filter(|effect| !is_open(*effect));
        let near = told.filter_map(|effect| {
            let effect = &judged.answered[effect];
            Some((effect.at.0, judged.trigger_of(effect, terms)?))
        });
        let near: Vec<(Position, Position)> = near.collect();
        let open = (0..judged.answered.len()).filter(|effect| is_open(*effect));
        let effects = needed.chain(spare).chain(open);
        let mut kept: HashSet<(bool, Position), FixedState> = HashSet::default();
        kept.extend(waiting.map(|(trigger, _)| (true, trigger.at.0)));
        kept.extend(effects.map(|effect| (false, judged.answered[effect].at.0)));
        settled.near.extend(near);
        self.events.retain(|event| {
            let is_kept = kept.contains(&(event.is_trigger(), event.at.0));
            if !is_kept {
                settled.take(event);
            }
            is_kept
        });
        settled.kept = self.events.len();
        self.settled = Some(settled);
    }
}

/// Whether one of these events, each of which is there once, came too late to be judged with what was
/// settled. A trigger that may be none is judged with nothing.
fn came_too_late(events: &[Event], settled: Option<&Settled>, terms: Terms<'_>) -> bool {
    settled.is_some_and(|settled| {
        let since = events[settled.kept..].iter();
        let mut judged = since.filter(|event| event.part != Part::MaybeTrigger);
        judged.any(|event| terms.is_over(event.at.1, settled.newest))
    })
}
