//! What became of a match value: who answers whom, and what of it may be otherwise.

use crate::definition::log::Order;
use crate::event::{Position, Timestamp};
use crate::reaction::assignment::{Assignment, At, Effect, Trigger};
use crate::reaction::disorder;
use crate::reaction::event::{Event, Part};
use crate::reaction::settled::{Near, Settled, oldest};
use crate::reaction::terms::Terms;

/// Events of which it cannot be told whether they count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Doubtful {
    pub(super) triggers: u64,
    pub(super) effects: u64,
    /// Effects among them that no trigger is known to call for.
    pub(super) orphans: u64,
    /// Triggers that count, and of which it cannot be told for how many effects they call.
    pub(super) calls: u64,
}

/// What became of a match value.
#[derive(Debug)]
pub(super) struct Judged<'a> {
    /// Triggers, those that are not kept among them.
    pub(super) triggers: u64,
    /// Effects, those that are not kept among them.
    pub(super) effects: u64,
    /// What of it can be told was settled before all was known.
    pub(super) is_unknown: bool,
    /// They are among the triggers and effects; those that may not count are in no assignment.
    pub(super) doubtful: Doubtful,
    /// The triggers that the assignment is about, by time.
    pub(super) waited: Vec<Trigger>,
    /// The effects that it is about, by time.
    pub(super) answered: Vec<Effect>,
    pub(super) assignment: Assignment,
    /// The assignment if all effects counted of which that cannot be told, and there are such.
    at_best: Option<Assignment>,
    known: Known<'a>,
}

/// The triggers of a match value, as far as they are known.
#[derive(Debug)]
struct Known<'a> {
    /// Those that are kept and a few others, in the log's order.
    in_order: Vec<At>,
    /// The two oldest.
    oldest: Vec<At>,
    /// Of effects that answered nothing when others were settled, the trigger that was told then.
    near: Option<&'a Near>,
}

/// Whether the clocks of a match value contradict the order of its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clocks {
    Agree,
    /// A trigger stands before an effect and is later by its clock.
    Disagree,
}

impl<'a> Judged<'a> {
    /// The events given are in the order of their arrival, each once.
    pub(super) fn of(
        events: &[Event],
        settled: Option<&'a Settled>,
        terms: Terms<'_>,
    ) -> Judged<'a> {
        let mut doubtful = settled.map_or(Doubtful::default(), |settled| settled.doubtful);
        let (mut waited, mut answered, mut maybe) = (Vec::new(), Vec::new(), Vec::new());
        for event in events {
            let at = event.at;
            let reach = terms.reach(at);
            match event.part {
                Part::Trigger(of) => waited.push(Trigger { at, of }),
                Part::Vague => {
                    doubtful.calls += 1;
                    waited.push(Trigger { at, of: 0 });
                }
                Part::Effect => answered.push(Effect { at, reach }),
                Part::MaybeTrigger => doubtful.triggers += 1,
                Part::MaybeEffect => maybe.push(Effect { at, reach }),
            }
        }
        doubtful.effects += maybe.len() as u64;
        let triggers = settled.map_or(0, |settled| settled.triggers) + waited.len() as u64;
        let effects = settled.map_or(0, |settled| settled.effects) + answered.len() as u64;
        waited.sort_unstable_by_key(|one| (one.at.1, one.at.0));
        answered.sort_unstable_by_key(|one| (one.at.1, one.at.0));
        let known = Known::of(&waited, settled, terms);
        let orphans = maybe
            .iter()
            .filter(|one| known.of_effect(one.at, terms).is_none());
        doubtful.orphans = orphans.count() as u64;
        let clocks = Clocks::of(events, terms);
        let assignment = assign(&waited, &answered, clocks, &known, terms);
        let at_best = (!maybe.is_empty()).then(|| {
            maybe.extend(&answered);
            maybe.sort_unstable_by_key(|one| (one.at.1, one.at.0));
            assign(&waited, &maybe, clocks, &known, terms)
        });
        Judged {
            triggers: triggers + doubtful.triggers,
            effects: effects + doubtful.effects,
            is_unknown: false,
            doubtful,
            waited,
            answered,
            assignment,
            at_best,
            known,
        }
    }

    /// Whether a trigger is certain to be one, whatever it calls for.
    pub(super) fn has_trigger(&self) -> bool {
        !self.known.in_order.is_empty()
    }

    /// A trigger that an effect may answer: the last one before it, else the oldest.
    pub(super) fn trigger_of(&self, effect: &Effect, terms: Terms<'_>) -> Option<Position> {
        self.known.of_effect(effect.at, terms)
    }

    /// Whether the search for the assignment was given up.
    pub(super) fn is_given_up(&self) -> bool {
        let mut assignments = [&self.assignment].into_iter().chain(&self.at_best);
        assignments.any(|one| one.is_given_up)
    }

    /// How many effects each trigger lacks whichever of them count.
    pub(super) fn lacking(&self) -> &[u32] {
        &self.at_best.as_ref().unwrap_or(&self.assignment).owed
    }
}

impl<'a> Known<'a> {
    /// Those that are kept are given by time.
    fn of(waited: &[Trigger], settled: Option<&'a Settled>, terms: Terms<'_>) -> Known<'a> {
        let mut in_order = settled.map_or(Vec::new(), Settled::known);
        let first = waited.iter().take(2).map(|one| one.at);
        let oldest = oldest(in_order.iter().copied().chain(first));
        in_order.extend(waited.iter().map(|trigger| trigger.at));
        match terms.order {
            Order::Position => in_order.sort_unstable(),
            Order::Time { .. } => in_order.sort_unstable_by_key(|one| (one.1, one.0)),
        }
        Known {
            in_order,
            oldest,
            near: settled.map(|settled| &settled.near),
        }
    }

    /// One that an effect may answer: the last one before it, else the oldest.
    fn of_effect(&self, effect: At, terms: Terms<'_>) -> Option<Position> {
        if let Some(trigger) = self.near.and_then(|near| near.get(&effect.0)) {
            return Some(*trigger);
        }
        let before = self
            .in_order
            .partition_point(|one| terms.is_before(*one, effect));
        let before = self.in_order[..before].iter().rev().take(2);
        let reached = before
            .chain(&self.oldest)
            .find(|trigger| terms.may_answer(effect, **trigger));
        reached.map(|trigger| trigger.0)
    }
}

impl Clocks {
    fn of(events: &[Event], terms: Terms<'_>) -> Clocks {
        if !terms.counts_places() {
            return Clocks::Agree;
        }
        let mut youngest = Timestamp::MIN;
        for event in events {
            if event.is_trigger() {
                youngest = youngest.max(event.at.1);
            } else if event.at.1 < youngest {
                return Clocks::Disagree;
            }
        }
        Clocks::Agree
    }
}

/// Who answers whom; both are sorted by time and position.
fn assign(
    waited: &[Trigger],
    answered: &[Effect],
    clocks: Clocks,
    known: &Known<'_>,
    terms: Terms<'_>,
) -> Assignment {
    let within = terms.reaction.within;
    if !terms.is_shared() {
        return match clocks {
            Clocks::Agree => disorder::of_one_each_in_order(waited, answered, within),
            Clocks::Disagree => disorder::of_one_each(waited, answered, within),
        };
    }
    let mut assignment = match clocks {
        Clocks::Agree => Assignment::of_many(waited, answered, within, |_, _| None),
        Clocks::Disagree => disorder::of_many(waited, answered, within),
    };
    let is_spare = |effect: &usize| known.of_effect(answered[*effect].at, terms).is_none();
    assignment.spare = (0..answered.len()).filter(is_spare).collect();
    assignment
}
