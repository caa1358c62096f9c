//! What became of a match value: who answers whom.

use crate::definition::log::Order;
use crate::event::{Position, Timestamp};
use crate::reaction::assignment::{Assignment, At, Effect, Trigger};
use crate::reaction::event::{Event, Part};
use crate::reaction::settled::{Near, Settled, oldest};
use crate::reaction::terms::Terms;

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

impl<'a> Judged<'a> {
    /// The events given are in the order of their arrival, each once.
    pub(super) fn of(
        events: &[Event],
        settled: Option<&'a Settled>,
        terms: Terms<'_>,
    ) -> Judged<'a> {
        let mut doubtful = settled.map_or(Doubtful::default(), |settled| settled.doubtful);
        let (mut waited, mut answered) = (Vec::new(), Vec::new());
        let mut youngest: Option<Timestamp> = None;
        for event in events {
            let at = event.at;
            if matches!(event.part, Part::Trigger(_) | Part::Vague)
                && terms.order == Order::Position
            {
                youngest = Some(youngest.map_or(at.1, |youngest| youngest.max(at.1)));
            }
            match event.part {
                Part::Trigger(of) => waited.push(Trigger { at, of }),
                Part::Vague => {
                    doubtful.calls += 1;
                    waited.push(Trigger { at, of: 0 });
                }
                Part::Effect => {
                    let reach = terms.reach(at, youngest);
                    answered.push(Effect { at, reach });
                }
                Part::MaybeTrigger => doubtful.triggers += 1,
                Part::MaybeEffect => doubtful.effects += 1,
            }
        }
        let triggers = settled.map_or(0, |settled| settled.triggers) + waited.len() as u64;
        let effects = settled.map_or(0, |settled| settled.effects) + answered.len() as u64;
        waited.sort_unstable_by_key(|one| (one.at.1, one.at.0));
        answered.sort_unstable_by_key(|one| (one.at.1, one.at.0));
        reach_as_far(&mut answered);
        let known = Known::of(&waited, settled, terms);
        let within = terms.reaction.within;
        let assignment = match terms.is_shared() {
            true => Assignment::of_many(&waited, &answered, within, &known.oldest),
            false => Assignment::of_one_each(&waited, &answered, within),
        };
        Judged {
            triggers: triggers + doubtful.triggers,
            effects: effects + doubtful.effects,
            is_unknown: false,
            doubtful,
            waited,
            answered,
            assignment,
            known,
        }
    }

    /// Whether a trigger is certain to be one, whatever it calls for.
    pub(super) fn has_trigger(&self) -> bool {
        !self.known.in_order.is_empty()
    }

    /// A trigger that an effect may answer: the last one before it, else the oldest.
    pub(super) fn trigger_of(&self, effect: &Effect, terms: Terms<'_>) -> Option<Position> {
        self.known.of_effect(effect, terms)
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
    fn of_effect(&self, effect: &Effect, terms: Terms<'_>) -> Option<Position> {
        if let Some(trigger) = self.near.and_then(|near| near.get(&effect.at.0)) {
            return Some(*trigger);
        }
        let before = self
            .in_order
            .partition_point(|one| terms.is_before(*one, effect.at));
        let before = self.in_order[..before].iter().rev().take(2);
        let reached = before
            .chain(&self.oldest)
            .find(|trigger| effect.reaches(**trigger));
        reached.map(|trigger| trigger.0)
    }
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
