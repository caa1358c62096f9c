//! Who answers whom where the clocks contradict the log's order.
//!
//! Where the position is the order, an effect may answer the triggers that stand before it and those
//! that are no later than it by their clocks. As long as no clock runs backwards the first are among
//! the second, and the triggers' times tell all. Otherwise an effect may answer one trigger and none
//! of those that happened a little earlier.
//!
//! Then it is tried first what is known without a search. If each effect reached only as far as it and
//! all that happened after it may answer everything, what is found could be so; if each reached as far
//! as it or one that happened before it may answer anything, no less could be missing or late. Where
//! both find the same, nothing else could be better. Where not, more and more effects are given a
//! trigger, each along the way that makes the fewest of them late (R. Busacker and P. Gowen, "A
//! procedure for determining a family of minimum-cost network flow patterns", 1960).

use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;

use crate::event::{Span, Timestamp};
use crate::reaction::assignment::{Assignment, Effect, Trigger, lateness};

/// So many pairs of an effect and a trigger are looked at for one match value, a few milliseconds'
/// worth; then the search is given up.
const BUDGET: usize = 1 << 22;

/// Lets each effect answer all that it can. Both are sorted by time and position.
pub(super) fn of_many(triggers: &[Trigger], effects: &[Effect], within: Span) -> Assignment {
    // Of the effects up to each, by time, the one that stands last.
    let mut last: Vec<usize> = Vec::with_capacity(effects.len());
    for (index, effect) in effects.iter().enumerate() {
        let before = last.last().copied();
        let further = before.filter(|before| effects[*before].at.0 > effect.at.0);
        last.push(further.unwrap_or(index));
    }
    Assignment::of_many(triggers, effects, within, |trigger, earlier| {
        let last = *last.get(earlier.checked_sub(1)?)?;
        (effects[last].at.0 > trigger.at.0).then_some(last)
    })
}

/// Gives each effect to one trigger. Both are sorted by time and position, and each effect reaches as
/// far as its own clock says.
pub(super) fn of_one_each(triggers: &[Trigger], effects: &[Effect], within: Span) -> Assignment {
    let [surely, at_most] = reaches(triggers, effects);
    let could_be = Assignment::of_one_each(triggers, &surely, within);
    let at_best = Assignment::of_one_each(triggers, &at_most, within);
    let cost = could_be.cost();
    if cost == (0, 0) || cost == at_best.cost() && !has_one_of_both(triggers, effects) {
        return could_be;
    }
    Search::new(triggers, effects, within, Places::Count).from(&could_be)
}

/// The same where the clocks contradict nothing: a search is of use only where an event is both trigger
/// and effect, of which the sweep knows too late that it does not answer itself.
pub(super) fn of_one_each_in_order(
    triggers: &[Trigger],
    effects: &[Effect],
    within: Span,
) -> Assignment {
    let swept = Assignment::of_one_each(triggers, effects, within);
    if swept.cost() == (0, 0) || !has_one_of_both(triggers, effects) {
        return swept;
    }
    Search::new(triggers, effects, within, Places::DoNot).from(&swept)
}

/// Whether an effect may answer a trigger for standing after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Places {
    Count,
    DoNot,
}

/// Whether an event is both a trigger and an effect: it does not answer itself, which is not looked at
/// when it is told what could be at best.
fn has_one_of_both(triggers: &[Trigger], effects: &[Effect]) -> bool {
    let sorted = |mut positions: Vec<_>| {
        positions.sort_unstable();
        positions
    };
    let effects = sorted(effects.iter().map(|one| one.at.0).collect());
    let mut triggers = triggers.iter();
    triggers.any(|one| effects.binary_search(&one.at.0).is_ok())
}

/// The effects, once each reaching only as far as it and all later ones may answer everything, once as
/// far as it or an earlier one may answer anything.
fn reaches(triggers: &[Trigger], effects: &[Effect]) -> [Vec<Effect>; 2] {
    let mut by_place: Vec<&Trigger> = triggers.iter().collect();
    by_place.sort_unstable_by_key(|one| one.at.0);
    let mut order: Vec<usize> = (0..effects.len()).collect();
    order.sort_unstable_by_key(|effect| effects[*effect].at.0);

    let mut at_most = effects.to_vec();
    let (mut next, mut youngest) = (0, Timestamp::MIN);
    for effect in &order {
        let effect = &mut at_most[*effect];
        while let Some(trigger) = by_place.get(next).filter(|one| one.at.0 < effect.at.0) {
            youngest = youngest.max(trigger.at.1);
            next += 1;
        }
        effect.reach = effect.reach.max(youngest);
    }
    let mut furthest = Timestamp::MIN;
    for effect in &mut at_most {
        furthest = furthest.max(effect.reach);
        effect.reach = furthest;
    }

    let mut surely = effects.to_vec();
    let mut after: BTreeSet<Timestamp> = BTreeSet::new();
    for effect in order.iter().rev() {
        let effect = &mut surely[*effect];
        while let Some(trigger) = by_place.pop_if(|one| one.at.0 >= effect.at.0) {
            after.insert(trigger.at.1);
        }
        let later = (Bound::Excluded(effect.reach), Bound::Unbounded);
        let first = after.range(later).next();
        let before = first.map(|first| triggers.partition_point(|one| one.at.1 < *first));
        effect.reach = match before {
            None => Timestamp::MAX,
            Some(0) => effect.reach,
            Some(before) => effect.reach.max(triggers[before - 1].at.1),
        };
    }
    let mut nearest = Timestamp::MAX;
    for effect in surely.iter_mut().rev() {
        nearest = nearest.min(effect.reach);
        effect.reach = nearest;
    }
    [surely, at_most]
}

/// How one effect more gets a trigger: the effect from which each trigger was come to, and the trigger
/// that lacks an effect.
#[derive(Debug)]
struct Way {
    from: Vec<usize>,
    to: usize,
    /// How many answers more are late.
    cost: i64,
}

/// What a search for a way comes to.
#[derive(Debug)]
enum Found {
    Way(Way),
    Nothing,
    /// Too much had been looked at.
    GivenUp,
}

/// A search in progress. What is joined is at all times as few late as so many can be.
#[derive(Debug)]
struct Search<'a> {
    triggers: &'a [Trigger],
    effects: &'a [Effect],
    within: Span,
    places: Places,
    /// By effect, the trigger that it answers.
    answered: Vec<Option<usize>>,
    /// By trigger, the effects that answer it.
    answering: Vec<Vec<usize>>,
    /// By trigger, how many it lacks.
    owed: Vec<u32>,
    /// So many pairs may be looked at yet.
    budget: usize,
    is_given_up: bool,
}

impl<'a> Search<'a> {
    fn new(
        triggers: &'a [Trigger],
        effects: &'a [Effect],
        within: Span,
        places: Places,
    ) -> Search<'a> {
        Search {
            triggers,
            effects,
            within,
            places,
            answered: vec![None; effects.len()],
            answering: vec![Vec::new(); triggers.len()],
            owed: triggers.iter().map(|trigger| trigger.of).collect(),
            budget: BUDGET,
            is_given_up: false,
        }
    }

    /// Whether an effect may answer a trigger.
    fn may_join(&self, effect: usize, trigger: usize) -> bool {
        let (effect, trigger) = (&self.effects[effect], &self.triggers[trigger]);
        let is_before = self.places == Places::Count && trigger.at.0 < effect.at.0;
        let is_reached = trigger.at.1 <= effect.reach && trigger.at.0 != effect.at.0;
        is_before || is_reached
    }

    fn is_late(&self, effect: usize, trigger: usize) -> bool {
        self.effects[effect].at.1 > self.triggers[trigger].at.1.after(self.within)
    }

    fn join(&mut self, effect: usize, trigger: usize) {
        self.answered[effect] = Some(trigger);
        self.answering[trigger].push(effect);
        self.owed[trigger] -= 1;
    }

    /// What is best, begun with those answers of another assignment that are in time.
    fn from(mut self, known: &Assignment) -> Assignment {
        for answer in &known.answers {
            if answer.late == Span::ZERO {
                self.join(answer.effect, answer.trigger);
            }
        }
        self.run();
        self.assignment()
    }

    /// Joins as many as can be, and as few of them late.
    fn run(&mut self) {
        let mut is_filled = false;
        loop {
            match self.cheapest() {
                Found::Way(way) if way.cost > 0 && !is_filled => {
                    is_filled = true;
                    self.fill();
                }
                Found::Way(way) => self.go(&way),
                Found::Nothing => return,
                Found::GivenUp => {
                    self.is_given_up = true;
                    return;
                }
            }
        }
    }

    /// The way that makes the fewest late, to the oldest trigger of those that have one.
    fn cheapest(&mut self) -> Found {
        const FAR: i64 = i64::MAX;
        let mut to_effect = vec![FAR; self.effects.len()];
        let mut to_trigger = vec![FAR; self.triggers.len()];
        let mut from = vec![0; self.triggers.len()];
        let free = (0..self.effects.len()).filter(|effect| self.answered[*effect].is_none());
        let mut queue: VecDeque<usize> = free.collect();
        let mut is_queued = vec![false; self.effects.len()];
        for effect in &queue {
            to_effect[*effect] = 0;
            is_queued[*effect] = true;
        }
        while let Some(effect) = queue.pop_front() {
            is_queued[effect] = false;
            let Some(left) = self.budget.checked_sub(self.triggers.len()) else {
                return Found::GivenUp;
            };
            self.budget = left;
            for trigger in 0..self.triggers.len() {
                let cost = to_effect[effect] + i64::from(self.is_late(effect, trigger));
                if cost >= to_trigger[trigger]
                    || self.answered[effect] == Some(trigger)
                    || !self.may_join(effect, trigger)
                {
                    continue;
                }
                to_trigger[trigger] = cost;
                from[trigger] = effect;
                for other in &self.answering[trigger] {
                    let cost = cost - i64::from(self.is_late(*other, trigger));
                    if cost < to_effect[*other] {
                        to_effect[*other] = cost;
                        if !is_queued[*other] {
                            is_queued[*other] = true;
                            queue.push_back(*other);
                        }
                    }
                }
            }
        }
        let lacking = (0..self.triggers.len()).filter(|trigger| self.owed[*trigger] > 0);
        let reached = lacking.filter(|trigger| to_trigger[*trigger] < FAR);
        let nearest = reached.min_by_key(|trigger| to_trigger[*trigger]);
        nearest.map_or(Found::Nothing, |to| {
            let cost = to_trigger[to];
            Found::Way(Way { from, to, cost })
        })
    }

    /// Gives each effect on the way the trigger that it leads to, in place of the one it answered.
    fn go(&mut self, way: &Way) {
        let mut trigger = way.to;
        self.owed[trigger] -= 1;
        loop {
            let effect = way.from[trigger];
            let left = self.answered[effect].replace(trigger);
            self.answering[trigger].push(effect);
            let Some(left) = left else {
                return;
            };
            self.answering[left].retain(|one| *one != effect);
            trigger = left;
        }
    }

    /// Joins the oldest of what is left of both, where no more can be in time: these answers are late.
    fn fill(&mut self) {
        let mut trigger = 0;
        for effect in 0..self.effects.len() {
            while self.owed.get(trigger) == Some(&0) {
                trigger += 1;
            }
            if trigger == self.triggers.len() {
                return;
            }
            if self.answered[effect].is_none() && self.is_late(effect, trigger) {
                self.join(effect, trigger);
            }
        }
    }

    fn assignment(self) -> Assignment {
        let mut assignment = Assignment::empty(self.triggers);
        for (effect, answered) in self.answered.iter().enumerate() {
            let Some(trigger) = *answered else {
                assignment.spare.push(effect);
                continue;
            };
            let due = self.triggers[trigger].at.1.after(self.within);
            assignment.answer(trigger, effect, lateness(self.effects[effect].at.1, due));
        }
        assignment.is_given_up = self.is_given_up;
        assignment
    }
}
