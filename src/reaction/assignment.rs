//! Which effect answers which trigger, as judged with all of them at hand.
//!
//! An effect *reaches* every trigger up to a moment: its own time, or some time after that, since
//! causes may arrive after their effects. It answers in time those that are no further back than the
//! reaction may take. So, by the triggers' times, what an effect answers in time is an interval, and
//! taking the triggers by time, each with the effect whose reach ends first, leaves as few as can be
//! without an answer in time (F. Glover, "Maximum matching in a convex bipartite graph", 1967). What is
//! left of both is then joined, oldest first: these answers are late. No answer in time has to be given
//! up for them, as long as no effect reaches further than another that happened after it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::event::{Position, Span, Timestamp};

/// Where an event stands and when it happened.
pub(super) type At = (Position, Timestamp);

/// What calls for effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trigger {
    pub(super) at: At,
    pub(super) of: u32,
}

/// What may answer triggers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Effect {
    pub(super) at: At,
    /// The time of the youngest trigger that it may answer.
    pub(super) reach: Timestamp,
}

/// An effect, by its index, answers a trigger, by its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) trigger: usize,
    pub(super) effect: usize,
    /// How long after its time; zero where it came in time.
    pub(super) late: Span,
}

/// Who answers whom.
#[derive(Debug, Default)]
pub(super) struct Assignment {
    pub(super) answers: Vec<Answer>,
    /// How many effects each trigger still lacks.
    pub(super) owed: Vec<u32>,
    /// The effects that answer nothing, by index.
    pub(super) spare: Vec<usize>,
    /// Another one may leave less missing or late: the search for it was given up.
    pub(super) is_given_up: bool,
}

/// The effects that answer a trigger in time, the one whose reach ends first on top.
type Ready = BinaryHeap<Reverse<(Timestamp, Position, usize)>>;

impl Assignment {
    /// Gives each effect to one trigger. Both are sorted by time and position.
    pub(super) fn of_one_each(
        triggers: &[Trigger],
        effects: &[Effect],
        within: Span,
    ) -> Assignment {
        let mut assignment = Assignment::empty(triggers);
        let mut is_spare = vec![true; effects.len()];
        let mut sweep = Sweep::new(effects, within);
        for (index, trigger) in triggers.iter().enumerate() {
            sweep.reach(trigger);
            while assignment.owed[index] > 0
                && let Some(effect) = sweep.take(trigger)
            {
                is_spare[effect] = false;
                assignment.answer(index, effect, Span::ZERO);
            }
        }
        let mut left: Vec<usize> = (0..effects.len()).filter(|at| is_spare[*at]).collect();
        left.sort_by_key(|at| (effects[*at].reach, effects[*at].at.0));
        let mut waiting: VecDeque<usize> = (0..triggers.len())
            .filter(|at| assignment.owed[*at] > 0)
            .collect();
        for effect in left {
            let Effect { at, reach } = effects[effect];
            // No event answers itself.
            let place = waiting
                .iter()
                .take(2)
                .position(|one| triggers[*one].at.0 != at.0);
            let Some(place) = place.filter(|place| triggers[waiting[*place]].at.1 <= reach) else {
                continue;
            };
            let trigger = waiting[place];
            is_spare[effect] = false;
            let due = triggers[trigger].at.1.after(within);
            assignment.answer(trigger, effect, lateness(at.1, due));
            if assignment.owed[trigger] == 0 {
                waiting.remove(place);
            }
        }
        assignment.spare = (0..effects.len()).filter(|at| is_spare[*at]).collect();
        assignment
    }

    /// Lets each effect answer all that it can; what is spare is not told. Both are sorted by time and
    /// position. Of a trigger and of how many of the first effects do not reach it, `earlier` tells one
    /// of these that may answer it all the same.
    pub(super) fn of_many(
        triggers: &[Trigger],
        effects: &[Effect],
        within: Span,
        earlier: impl Fn(&Trigger, usize) -> Option<usize>,
    ) -> Assignment {
        let mut assignment = Assignment::empty(triggers);
        for (index, trigger) in triggers.iter().enumerate() {
            let before = effects.partition_point(|effect| effect.reach < trigger.at.1);
            let first = effects.get(before);
            // No event answers itself.
            let next = before + usize::from(first.is_some_and(|one| one.at.0 == trigger.at.0));
            let effect = earlier(trigger, before).unwrap_or(next);
            if let (Some(by), 1..) = (effects.get(effect), trigger.of) {
                let due = trigger.at.1.after(within);
                assignment.answer(index, effect, lateness(by.at.1, due));
                assignment.owed[index] = 0;
            }
        }
        assignment
    }

    /// How many effects are missing, and how many come late.
    pub(super) fn cost(&self) -> (u64, usize) {
        let missing = self.owed.iter().map(|owed| u64::from(*owed)).sum();
        let late = self.answers.iter().filter(|one| one.late > Span::ZERO);
        (missing, late.count())
    }

    pub(super) fn empty(triggers: &[Trigger]) -> Assignment {
        Assignment {
            owed: triggers.iter().map(|trigger| trigger.of).collect(),
            ..Assignment::default()
        }
    }

    pub(super) fn answer(&mut self, trigger: usize, effect: usize, late: Span) {
        self.owed[trigger] -= 1;
        self.answers.push(Answer {
            trigger,
            effect,
            late,
        });
    }
}

/// How long after its due time something came.
pub(super) fn lateness(time: Timestamp, due: Timestamp) -> Span {
    if time > due {
        time.since(due)
    } else {
        Span::ZERO
    }
}

/// Goes over the triggers by time, with the effects that answer them in time.
#[derive(Debug)]
struct Sweep<'a> {
    effects: &'a [Effect],
    within: Span,
    next: usize,
    ready: Ready,
}

impl<'a> Sweep<'a> {
    fn new(effects: &'a [Effect], within: Span) -> Sweep<'a> {
        Sweep {
            effects,
            within,
            next: 0,
            ready: Ready::new(),
        }
    }

    /// Goes on to the next trigger.
    fn reach(&mut self, trigger: &Trigger) {
        let due = trigger.at.1.after(self.within);
        while let Some(effect) = self.effects.get(self.next).filter(|one| one.at.1 <= due) {
            let one = (effect.reach, effect.at.0, self.next);
            self.ready.push(Reverse(one));
            self.next += 1;
        }
        let is_over = |ready: &Ready| matches!(ready.peek(), Some(Reverse((reach, ..))) if *reach < trigger.at.1);
        while is_over(&self.ready) {
            self.ready.pop();
        }
    }

    /// Takes an effect for the trigger, not the trigger itself.
    fn take(&mut self, trigger: &Trigger) -> Option<usize> {
        let Reverse(first) = self.ready.pop()?;
        if first.1 != trigger.at.0 {
            return Some(first.2);
        }
        let second = self.ready.pop();
        self.ready.push(Reverse(first));
        second.map(|Reverse((_, _, effect))| effect)
    }
}
