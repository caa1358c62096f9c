//! The triggers and effects of one match value.
//!
//! Most match values have a few events, and all of them are kept until the end. Of one with many,
//! triggers that were answered in time are *settled* together with their answers, once younger events
//! show that nothing is to come that could answer or call for them: only their ids are kept, so that
//! a second delivery is known however late it comes.

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use crate::definition::reaction::{Count, Reaction};
use crate::event::{Position, Span, Timestamp};
use crate::reaction::assignment::{Assignment, At, Effect, Trigger};
use crate::reaction::note::{Note, Role};
use crate::texts::room;

/// With so many events a match value is looked at for some that can be settled.
const MANY: usize = 64;

/// What tells an event from others: its role, and its id or else its place.
type Identity = (bool, u64, Option<Position>);

/// An event in one of its roles.
#[derive(Debug, Clone, Copy)]
struct Event {
    at: At,
    /// Hash of its id; 0 for none.
    id: u64,
    /// How many effects it calls for; `None` for an effect.
    calls: Option<u32>,
}

/// What is known of events that are not kept.
#[derive(Debug, Default)]
struct Settled {
    ids: HashSet<(bool, u64), FixedState>,
    triggers: u64,
    effects: u64,
    /// The first and the last trigger.
    ends: Option<(Position, Position)>,
}

/// Everything of one match value.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// In the order of their arrival, some of them perhaps delivered twice.
    events: Vec<Event>,
    settled: Option<Box<Settled>>,
    /// How many events there may be before some are settled; 0 for [`MANY`].
    room: usize,
    is_unknown: bool,
    /// A trigger is certain to be one, whatever it calls for.
    has_trigger: bool,
}

/// What became of a match value.
#[derive(Debug)]
pub(super) struct Judged {
    /// Triggers, those that are not kept among them.
    pub(super) triggers: u64,
    /// Effects, those that are not kept among them.
    pub(super) effects: u64,
    /// A condition or a count cannot be told.
    pub(super) is_unknown: bool,
    /// A trigger is certain to be one, whatever it calls for.
    pub(super) has_trigger: bool,
    /// The triggers that the assignment is about, by time.
    pub(super) waited: Vec<Trigger>,
    /// The effects that it is about, by time.
    pub(super) answered: Vec<Effect>,
    pub(super) assignment: Assignment,
    /// Where triggers stand, ascending.
    places: Vec<Position>,
}

impl Judged {
    /// The last trigger before an event, as far as it is kept.
    pub(super) fn trigger_before(&self, effect: Position) -> Option<Position> {
        let before = self.places.partition_point(|place| *place < effect);
        before.checked_sub(1).map(|last| self.places[last])
    }
}

impl Event {
    fn identity(&self) -> Identity {
        let place = (self.id == 0).then_some(self.at.0);
        (self.calls.is_some(), self.id, place)
    }
}

impl Entry {
    /// Bytes kept beside its own.
    pub(super) fn bytes(&self) -> usize {
        let ids = self.settled.as_deref().map_or(0, |settled| {
            size_of::<Settled>() + settled.ids.capacity() * size_of::<(bool, u64)>()
        });
        room(&self.events) + ids
    }

    /// Takes the next event in the log's order.
    pub(super) fn take(&mut self, note: &Note, reaction: &Reaction) {
        let calls = match note.role {
            Role::Effect => None,
            Role::Trigger(owed) => Some(owed.unwrap_or(0)),
        };
        self.is_unknown |= note.is_doubtful || note.role == Role::Trigger(None);
        self.has_trigger |= note.role != Role::Effect && !note.is_doubtful;
        let event = Event {
            at: (note.position, note.time),
            id: note.id,
            calls,
        };
        let is_known = |settled: &Settled| settled.ids.contains(&(calls.is_some(), event.id));
        if event.id != 0 && self.settled.as_deref().is_some_and(is_known) {
            return;
        }
        // Of one event all roles are taken before anything is settled.
        let is_next = self
            .events
            .last()
            .is_some_and(|last| last.at.0 != event.at.0);
        if is_next && self.events.len() >= self.room.max(MANY) {
            self.settle(reaction);
        }
        self.events.push(event);
    }

    /// What became of it.
    pub(super) fn judge(&self, reaction: &Reaction) -> Judged {
        let mut events = self.events.clone();
        forget_repeats(&mut events);
        self.judge_all(&events, reaction)
    }

    /// The events given are in the order of their arrival, each once.
    fn judge_all(&self, events: &[Event], reaction: &Reaction) -> Judged {
        let is_shared = matches!(reaction.count, Count::AtLeastOnce);
        let settled = self.settled.as_deref();
        let ends = settled.and_then(|settled| settled.ends);
        let mut youngest: Option<Timestamp> = None;
        let mut judged = Judged {
            triggers: settled.map_or(0, |settled| settled.triggers),
            effects: settled.map_or(0, |settled| settled.effects),
            is_unknown: self.is_unknown,
            has_trigger: self.has_trigger,
            waited: Vec::new(),
            answered: Vec::new(),
            assignment: Assignment::default(),
            places: ends.map_or(Vec::new(), |(first, last)| vec![first, last]),
        };
        for event in events {
            let at = event.at;
            let Some(of) = event.calls else {
                // One that may answer several has answered what stands before it.
                let is_first = youngest.is_none() && ends.is_none();
                let ahead = match is_shared && !is_first {
                    true => Span::ZERO,
                    false => reaction.within,
                };
                let reach = at.1.after(ahead).max(youngest.unwrap_or(Timestamp::MIN));
                judged.answered.push(Effect { at, reach });
                continue;
            };
            youngest = Some(youngest.map_or(at.1, |youngest| youngest.max(at.1)));
            judged.places.push(at.0);
            judged.waited.push(Trigger { at, of });
        }
        judged.triggers += judged.waited.len() as u64;
        judged.effects += judged.answered.len() as u64;
        judged.places.sort_unstable();
        judged
            .waited
            .sort_unstable_by_key(|one| (one.at.1, one.at.0));
        judged
            .answered
            .sort_unstable_by_key(|one| (one.at.1, one.at.0));
        let assign = match is_shared {
            true => Assignment::of_many,
            false => Assignment::of_one_each,
        };
        judged.assignment = assign(&judged.waited, &judged.answered, reaction.within);
        judged
    }

    /// Forgets the triggers that were answered in time, with their answers, unless events that arrive
    /// no more than the reaction's time after younger ones could change that.
    fn settle(&mut self, reaction: &Reaction) {
        forget_repeats(&mut self.events);
        let judged = self.judge_all(&self.events, reaction);
        let within = reaction.within;
        let newest = self.events.iter().map(|event| event.at.1).max();
        let is_old =
            |at: At| newest.is_some_and(|newest| at.1.after(within).after(within) < newest);
        let mut is_open: Vec<bool> = (judged.waited.iter().zip(&judged.assignment.owed))
            .map(|(trigger, owed)| *owed > 0 || !is_old(trigger.at))
            .collect();
        for answer in &judged.assignment.answers {
            let is_sound = answer.late == Span::ZERO && is_old(judged.answered[answer.effect].at);
            is_open[answer.trigger] |= !is_sound;
        }
        let mut kept: HashSet<(bool, Position), FixedState> = HashSet::default();
        let waited = judged.waited.iter().zip(&is_open);
        kept.extend(
            waited
                .filter(|(_, open)| **open)
                .map(|(one, _)| (true, one.at.0)),
        );
        let answers = judged.assignment.answers.iter();
        let needed = answers.filter(|answer| is_open[answer.trigger]);
        let needed = needed.map(|answer| answer.effect);
        let needed = needed.chain(judged.assignment.spare.iter().copied());
        kept.extend(needed.map(|effect| (false, judged.answered[effect].at.0)));
        let mut settled = self.settled.take().unwrap_or_default();
        self.events.retain(|event| {
            let is_kept = kept.contains(&(event.calls.is_some(), event.at.0)) || !is_old(event.at);
            if !is_kept {
                settled.take(event);
            }
            is_kept
        });
        self.settled = Some(settled);
        self.room = self.events.len() * 2;
    }
}

impl Settled {
    fn take(&mut self, event: &Event) {
        if event.id != 0 {
            self.ids.insert((event.calls.is_some(), event.id));
        }
        if event.calls.is_none() {
            self.effects += 1;
            return;
        }
        self.triggers += 1;
        let place = event.at.0;
        let (first, last) = self.ends.unwrap_or((place, place));
        self.ends = Some((first.min(place), last.max(place)));
    }
}

/// One event by one pattern or by two, once or twice: it plays each role once, where it came first.
fn forget_repeats(events: &mut Vec<Event>) {
    if events.len() < 2 {
        return;
    }
    let mut seen: HashSet<Identity, FixedState> = HashSet::default();
    events.retain(|event| seen.insert(event.identity()));
}
