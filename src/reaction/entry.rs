//! The triggers and effects of one match value.
//!
//! Most match values have a few events, and all of them are kept until the end. Of one with many, in a
//! log whose events arrive no later than it declares, triggers that were answered in time are *settled*
//! together with their answers, once nothing is to come that could answer or call for them: only their
//! ids are kept, so that a second delivery is known however late it comes. What arrives later than
//! declared all the same may concern what was settled, so nothing can be told of its match value any
//! more.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::definition::log::Order;
use crate::event::{Position, Span, Timestamp};
use crate::reaction::assignment::{Assignment, At, Effect, Trigger};
use crate::reaction::note::{Note, Role};
use crate::reaction::terms::Terms;
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
#[derive(Debug)]
struct Settled {
    ids: HashSet<(bool, u64), FixedState>,
    triggers: u64,
    effects: u64,
    /// The two oldest triggers.
    oldest: Vec<At>,
    /// The youngest trigger.
    youngest: Option<At>,
    /// Of effects that answer nothing, by their positions, the trigger that they might have answered.
    near: HashMap<Position, Position, FixedState>,
    /// So new were the events that had come; a few may have been newer, since there are strays whose
    /// times lie in the future.
    newest: Timestamp,
}

/// Everything of one match value.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// In the order of their arrival, some of them perhaps delivered twice.
    events: Vec<Event>,
    settled: Option<Box<Settled>>,
    /// How many events there may be before some are settled; 0 for [`MANY`].
    room: usize,
    /// One arrived too late to be judged with what was settled.
    is_unknown: bool,
    doubtful: Doubtful,
    /// A trigger is certain to be one, whatever it calls for.
    has_trigger: bool,
}

/// Events of which it cannot be told whether they count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Doubtful {
    pub(super) triggers: u64,
    pub(super) effects: u64,
    /// Triggers that count, and of which it cannot be told for how many effects they call.
    pub(super) calls: u64,
}

/// What became of a match value.
#[derive(Debug)]
pub(super) struct Judged {
    /// Triggers, those that are not kept among them.
    pub(super) triggers: u64,
    /// Effects, those that are not kept among them.
    pub(super) effects: u64,
    /// What of it can be told was settled before all was known.
    pub(super) is_unknown: bool,
    /// They are among the triggers and effects; those that may not count are in no assignment.
    pub(super) doubtful: Doubtful,
    /// A trigger is certain to be one, whatever it calls for.
    pub(super) has_trigger: bool,
    /// The triggers that the assignment is about, by time.
    pub(super) waited: Vec<Trigger>,
    /// The effects that it is about, by time.
    pub(super) answered: Vec<Effect>,
    pub(super) assignment: Assignment,
    /// Triggers in the log's order, as far as they are kept.
    triggers_in_order: Vec<At>,
    /// The two oldest triggers.
    oldest: Vec<At>,
    /// Of effects that answered nothing when others were settled, the trigger that was told then.
    near: HashMap<Position, Position, FixedState>,
}

impl Judged {
    /// A trigger that an effect may answer: the last one before it, else the oldest.
    pub(super) fn trigger_of(&self, effect: &Effect, terms: Terms<'_>) -> Option<Position> {
        if let Some(trigger) = self.near.get(&effect.at.0) {
            return Some(*trigger);
        }
        let triggers = &self.triggers_in_order;
        let before = triggers.partition_point(|one| terms.is_before(*one, effect.at));
        let before = triggers[..before].iter().rev().take(2);
        let reached = before
            .chain(&self.oldest)
            .find(|trigger| effect.reaches(**trigger));
        reached.map(|trigger| trigger.0)
    }
}

impl Event {
    fn identity(&self) -> Identity {
        let place = (self.id == 0).then_some(self.at.0);
        (self.calls.is_some(), self.id, place)
    }
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

    /// Bytes kept beside its own.
    pub(super) fn bytes(&self) -> usize {
        let ids = self.settled.as_deref().map_or(0, |settled| {
            size_of::<Settled>() + settled.ids.capacity() * size_of::<(bool, u64)>()
        });
        room(&self.events) + ids
    }

    /// Takes the next event in the log's order.
    pub(super) fn take(&mut self, note: &Note, terms: Terms<'_>) {
        self.has_trigger |= note.role.is_trigger() && !note.is_doubtful;
        let calls = match note.role {
            Role::Effect if note.is_doubtful => {
                self.doubtful.effects += 1;
                return;
            }
            Role::Trigger(_) if note.is_doubtful => {
                self.doubtful.triggers += 1;
                return;
            }
            Role::Effect => None,
            Role::Trigger(owed) => {
                self.doubtful.calls += u64::from(owed.is_none());
                Some(owed.unwrap_or(0))
            }
        };
        let event = Event {
            at: (note.position, note.time),
            id: note.id,
            calls,
        };
        // Of one event all roles are taken before anything is settled.
        let is_next = self
            .events
            .last()
            .is_some_and(|last| last.at.0 != event.at.0);
        if is_next && self.events.len() >= self.room.max(MANY) {
            self.make_room(terms);
        }
        if let Some(settled) = self.settled.as_deref() {
            if event.id != 0 && settled.ids.contains(&(calls.is_some(), event.id)) {
                return;
            }
            self.is_unknown |= terms.is_over(event.at.1, settled.newest);
        }
        self.events.push(event);
    }

    /// What became of it.
    pub(super) fn judge(&self, terms: Terms<'_>) -> Judged {
        let mut events = self.events.clone();
        forget_repeats(&mut events);
        self.judge_all(&events, terms)
    }

    /// The events given are in the order of their arrival, each once.
    fn judge_all(&self, events: &[Event], terms: Terms<'_>) -> Judged {
        let settled = self.settled.as_deref();
        let waited = events.iter().filter_map(|event| {
            let at = event.at;
            event.calls.map(|of| Trigger { at, of })
        });
        let mut waited: Vec<Trigger> = waited.collect();
        let kept = settled.map_or(Vec::new(), Settled::kept);
        let mut triggers = kept.clone();
        triggers.extend(waited.iter().map(|trigger| trigger.at));
        waited.sort_unstable_by_key(|one| (one.at.1, one.at.0));
        let first = waited.iter().take(2).map(|one| one.at);
        let oldest = oldest(kept.into_iter().chain(first));
        let mut answered = answered(events, terms);
        answered.sort_unstable_by_key(|one| (one.at.1, one.at.0));
        reach_as_far(&mut answered);
        let within = terms.reaction.within;
        let assignment = match terms.is_shared() {
            true => Assignment::of_many(&waited, &answered, within, &oldest),
            false => Assignment::of_one_each(&waited, &answered, within),
        };
        match terms.order {
            Order::Position => triggers.sort_unstable(),
            Order::Time { .. } => triggers.sort_unstable_by_key(|one| (one.1, one.0)),
        }
        Judged {
            triggers: settled.map_or(0, |settled| settled.triggers)
                + waited.len() as u64
                + self.doubtful.triggers,
            effects: settled.map_or(0, |settled| settled.effects)
                + answered.len() as u64
                + self.doubtful.effects,
            is_unknown: self.is_unknown,
            doubtful: self.doubtful,
            has_trigger: self.has_trigger,
            waited,
            answered,
            assignment,
            triggers_in_order: triggers,
            oldest,
            near: settled.map_or_else(HashMap::default, |settled| settled.near.clone()),
        }
    }

    /// Forgets what was delivered twice, and settles what can be.
    fn make_room(&mut self, terms: Terms<'_>) {
        forget_repeats(&mut self.events);
        if terms.order != Order::Position {
            self.settle(terms);
        }
        self.room = self.events.len() * 2;
    }

    /// Forgets the triggers that were answered in time, with their answers, where nothing that is yet
    /// to come could change that.
    fn settle(&mut self, terms: Terms<'_>) {
        let judged = self.judge_all(&self.events, terms);
        let mut settled = self.settled.take().unwrap_or_else(Settled::none);
        let mut times: Vec<Timestamp> = self.events.iter().map(|event| event.at.1).collect();
        let middle = times.len() / 2;
        let (_, middle, _) = times.select_nth_unstable(middle);
        settled.newest = settled.newest.max(*middle);
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
        settled.near.extend(told.filter_map(|effect| {
            let effect = &judged.answered[effect];
            Some((effect.at.0, judged.trigger_of(effect, terms)?))
        }));
        let open = (0..judged.answered.len()).filter(|effect| is_open(*effect));
        let effects = needed.chain(spare).chain(open);
        let mut kept: HashSet<(bool, Position), FixedState> = HashSet::default();
        kept.extend(waiting.map(|(trigger, _)| (true, trigger.at.0)));
        kept.extend(effects.map(|effect| (false, judged.answered[effect].at.0)));
        self.events.retain(|event| {
            let is_kept = kept.contains(&(event.calls.is_some(), event.at.0));
            if !is_kept {
                settled.take(event);
            }
            is_kept
        });
        self.settled = Some(settled);
    }
}

/// The effects among events that are in the order of their arrival.
fn answered(events: &[Event], terms: Terms<'_>) -> Vec<Effect> {
    let mut youngest: Option<Timestamp> = None;
    let mut answered = Vec::new();
    for event in events {
        let at = event.at;
        if event.calls.is_none() {
            let reach = terms.reach(at, youngest);
            answered.push(Effect { at, reach });
        } else if terms.order == Order::Position {
            youngest = Some(youngest.map_or(at.1, |youngest| youngest.max(at.1)));
        }
    }
    answered
}

/// Lets each effect, given by time, reach as far as those that happened before it: where the position
/// is the order, clocks may contradict it, and then nobody knows better.
fn reach_as_far(answered: &mut [Effect]) {
    let mut furthest = Timestamp::MIN;
    for effect in answered {
        furthest = furthest.max(effect.reach);
        effect.reach = furthest;
    }
}

/// The two oldest of these.
fn oldest(triggers: impl Iterator<Item = At>) -> Vec<At> {
    let mut oldest: Vec<At> = triggers.collect();
    oldest.sort_unstable_by_key(|one| (one.1, one.0));
    oldest.dedup();
    oldest.truncate(2);
    oldest
}

impl Settled {
    fn none() -> Box<Settled> {
        Box::new(Settled {
            ids: HashSet::default(),
            triggers: 0,
            effects: 0,
            oldest: Vec::new(),
            youngest: None,
            near: HashMap::default(),
            newest: Timestamp::MIN,
        })
    }

    fn take(&mut self, event: &Event) {
        if event.id != 0 {
            self.ids.insert((event.calls.is_some(), event.id));
        }
        if event.calls.is_none() {
            self.effects += 1;
            return;
        }
        self.triggers += 1;
        let at = event.at;
        let younger = self.youngest.is_none_or(|youngest| youngest.1 < at.1);
        self.youngest = if younger { Some(at) } else { self.youngest };
        self.oldest = oldest(self.oldest.drain(..).chain([at]));
    }

    /// The triggers that are known.
    fn kept(&self) -> Vec<At> {
        let mut kept = self.oldest.clone();
        kept.extend(self.youngest.filter(|one| !kept.contains(one)));
        kept
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
