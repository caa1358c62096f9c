//! A checked saga: what the replay and the rules work with. Nothing in here can be inconsistent,
//! since only `validate` makes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use wildmatch::WildMatch;

use crate::definition::action::Action;
use crate::definition::fault::Place;
use crate::event::Span;
use crate::expression::Expression;

/// A set of steps of one saga, by index. A saga has at most [`StepSet::CAPACITY`] steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct StepSet(u64);

impl StepSet {
    /// How many steps one saga may have.
    pub const CAPACITY: usize = 64;

    /// The set without members.
    pub const EMPTY: StepSet = StepSet(0);

    /// Adds the step with this index.
    pub fn insert(&mut self, step: usize) {
        self.0 |= 1 << step;
    }

    /// Takes the step with this index out.
    pub fn remove(&mut self, step: usize) {
        self.0 &= !(1 << step);
    }

    /// Whether the step with this index is in the set.
    pub const fn contains(self, step: usize) -> bool {
        self.0 >> step & 1 == 1
    }

    /// Whether the set has no members.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many members it has.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The members of either set.
    pub const fn union(self, other: StepSet) -> StepSet {
        StepSet(self.0 | other.0)
    }

    /// The members that are in both sets.
    pub const fn intersection(self, other: StepSet) -> StepSet {
        StepSet(self.0 & other.0)
    }

    /// The members that are not in `other`.
    pub const fn without(self, other: StepSet) -> StepSet {
        StepSet(self.0 & !other.0)
    }

    /// The members in ascending order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = usize> {
        let end = u64::BITS - self.0.leading_zeros();
        (self.0.trailing_zeros() as usize..end as usize).filter(move |step| self.contains(*step))
    }
}

impl FromIterator<usize> for StepSet {
    fn from_iter<I: IntoIterator<Item = usize>>(steps: I) -> StepSet {
        let mut set = StepSet::EMPTY;
        steps.into_iter().for_each(|step| set.insert(step));
        set
    }
}

/// Which events mean something: a type and, where the type alone does not tell, a condition.
#[derive(Debug, Clone)]
pub struct EventPattern {
    /// The event type after the log's renames.
    pub kind: Arc<str>,
    /// Holds for the events that are meant; where it cannot be evaluated, the meaning is unknown.
    pub when: Option<Expression>,
    /// What names the error of a failure.
    pub error: Option<Expression>,
}

/// Where the value that ties an instance's events together is found.
#[derive(Debug, Clone, Default)]
pub struct Correlate {
    /// For types that have no entry of their own; `None` is the log's correlation field.
    pub default: Option<Expression>,
    /// For the types named here.
    pub by_type: BTreeMap<Arc<str>, Expression>,
}

/// A saga definition.
#[derive(Debug, Clone)]
pub struct Saga {
    /// Its name, unique within its log.
    pub name: Arc<str>,
    /// What it is for, in its author's words.
    pub about: Option<String>,
    /// Where it is defined.
    pub place: Place,
    /// How its events find their instance.
    pub correlate: Correlate,
    /// Narrows the events that belong to this saga.
    pub narrow: Option<Expression>,
    /// The events that start an instance.
    pub starts: Vec<EventPattern>,
    /// From the start to the end.
    pub deadline: Option<Span>,
    /// The forward steps, as declared; at least one, at most [`StepSet::CAPACITY`].
    pub steps: Vec<Step>,
    /// The saga says: all done. Empty where completion is every required step's success.
    pub completes: Vec<EventPattern>,
    /// The decision to go back.
    pub aborts: Vec<EventPattern>,
    /// The saga says: all undone, over.
    pub compensated: Vec<EventPattern>,
    /// The saga says: given up, a person must act.
    pub abandons: Vec<EventPattern>,
    /// A step begun without an outcome may have had its effect: it is in force after an abort.
    pub undo_ambiguous: bool,
    /// A step that failed may have had its effect: it is in force after an abort.
    pub undo_failed: bool,
    /// Compensations must run in the exact reverse of the observed order, parallel steps too.
    pub strict_reverse: bool,
    /// Compensating a step that never began is legal.
    pub null_compensation: bool,
    /// How many times the same error in a row makes a step wedged; at least 1.
    pub wedged_after: u32,
    /// Types that must have a place in this saga; empty where that is not demanded.
    pub namespace: Vec<WildMatch>,
    /// The steps of whose begins or successes an idempotency rule of the same log speaks, by the
    /// log's own key.
    pub keyed: StepSet,
    /// Of them, those of which such a rule requires a key.
    pub must_have_key: StepSet,
}

impl Saga {
    /// The index of the step with this name.
    pub fn step(&self, name: &str) -> Option<usize> {
        self.steps.iter().position(|step| &*step.name == name)
    }

    /// Every event type that it names.
    pub fn types(&self) -> impl Iterator<Item = &Arc<str>> {
        let whole = [
            &self.starts,
            &self.completes,
            &self.aborts,
            &self.compensated,
            &self.abandons,
        ];
        let steps = self.steps.iter().flat_map(|step| {
            let undo = step.compensation.iter();
            let undo = undo.flat_map(|undo| [&undo.begins, &undo.succeeds, &undo.fails]);
            let forward = [&step.begins, &step.succeeds, &step.fails, &step.rejects];
            forward.into_iter().chain(undo)
        });
        let patterns = whole.into_iter().chain(steps).flatten();
        patterns.map(|pattern| &pattern.kind)
    }

    /// Every declared action, forward and undo.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.steps.iter().flat_map(|step| {
            let undo = step.compensation.as_ref();
            let undo = undo.and_then(|compensation| compensation.action.as_ref());
            step.action.iter().chain(undo)
        })
    }

    /// Whether this step is a pivot that nothing undoes.
    pub fn is_final(&self, step: usize) -> bool {
        let own = &self.steps[step];
        own.pivot && own.compensation.is_none()
    }

    /// Every step, as a set.
    pub fn all_steps(&self) -> StepSet {
        (0..self.steps.len()).collect()
    }
}

/// A forward action and how it is undone.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its name, unique within the saga.
    pub name: Arc<str>,
    /// Where it is defined.
    pub place: Place,
    /// After it succeeded there is no way back.
    pub pivot: bool,
    /// Declared to be retried until it succeeds.
    pub retriable: bool,
    /// The saga completes without it.
    pub optional: bool,
    /// The steps it directly comes after.
    pub after: StepSet,
    /// Every step before it in the partial order (the transitive closure of `after`).
    pub before: StepSet,
    /// The required steps that must have succeeded before it may begin: `after`, with each
    /// optional step replaced by what that one requires.
    pub requires: StepSet,
    /// An attempt starts; empty where the log records outcomes only.
    pub begins: Vec<EventPattern>,
    /// The step took effect.
    pub succeeds: Vec<EventPattern>,
    /// An attempt failed.
    pub fails: Vec<EventPattern>,
    /// Failed for good: no attempt follows.
    pub rejects: Vec<EventPattern>,
    /// How long one attempt, or the wait for it, may take.
    pub timeout: Option<Span>,
    /// Attempts after the first; `None` where there is no limit.
    pub retries: Option<u32>,
    /// How the tool itself could drive it.
    pub action: Option<Action>,
    /// How it is undone.
    pub compensation: Option<Compensation>,
}

/// The action that undoes a step.
#[derive(Debug, Clone)]
pub struct Compensation {
    /// An attempt to undo starts.
    pub begins: Vec<EventPattern>,
    /// The step is undone.
    pub succeeds: Vec<EventPattern>,
    /// An attempt to undo failed.
    pub fails: Vec<EventPattern>,
    /// How long one attempt, or the wait for it, may take.
    pub timeout: Option<Span>,
    /// Attempts after the first; `None` where there is no limit.
    pub retries: Option<u32>,
    /// How the tool itself could drive it.
    pub action: Option<Action>,
}
