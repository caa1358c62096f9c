//! Runs in which nothing is wrong, of any saga: straight through, with retries, and back again in
//! every order that the definition allows.

use std::collections::{HashSet, VecDeque};

use crate::definition::saga::{Saga, StepSet};
use crate::generate::choice::{Choice, Listed};
use crate::generate::random::Random;
use crate::generate::walk::{DraftEvent, Happening, Role, Stage, Walk};

/// How many failures of one action a run shows before it succeeds.
const FAILURES: u32 = 2;

/// One legal run, drawn at random: mostly straight through.
pub fn legal_run(saga: &Saga, random: Random) -> Vec<DraftEvent> {
    let mut walk = Walk::start(saga, Choice::Drawn(random));
    walk.go();
    walk.events
}

/// Up to `limit` different legal runs, those with the fewest detours first.
///
/// The first run takes every decision in the usual way; then come all that differ from it in one
/// decision, then in two, and so on (delay-bounded exploration). Every prefix of such a run is one
/// of a system that is still at work or has just crashed.
pub fn legal_runs(saga: &Saga, limit: usize) -> Vec<Vec<DraftEvent>> {
    let mut runs = Vec::new();
    let mut seen: HashSet<Vec<Role>> = HashSet::new();
    let mut queue = VecDeque::from([Vec::new()]);
    while let (Some(deviations), true) = (queue.pop_front(), runs.len() < limit) {
        let listed = Listed {
            deviations,
            met: Vec::new(),
        };
        let mut walk = Walk::start(saga, Choice::Listed(listed));
        walk.go();
        let Choice::Listed(listed) = walk.choice else {
            break;
        };
        let from = listed.deviations.last().map_or(0, |(at, _)| at + 1);
        for (at, options) in listed.met.iter().enumerate().skip(from) {
            for option in 1..*options {
                let mut next = listed.deviations.clone();
                next.push((at, option));
                queue.push_back(next);
            }
        }
        if seen.insert(walk.events.iter().map(|event| event.role).collect()) {
            runs.push(walk.events);
        }
    }
    runs
}

/// What an attempt comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Succeed,
    Fail,
    Reject,
    FailForGood,
    Repeat,
    Decide,
}

impl Walk<'_> {
    /// Goes on to a legal end.
    fn go(&mut self) {
        let mut repeated = false;
        while self.aborted.is_none() {
            let ready = self.ready(StepSet::EMPTY);
            let is_done = self.missing().is_empty();
            let ends = usize::from(is_done && !self.completed);
            let Some(last) = (ready.len() + ends).checked_sub(1) else {
                return;
            };
            let chosen = self.choice.pick_of(last + 1);
            match ready.get(chosen) {
                Some(step) if is_done && self.completed && self.choice.pick(&[1, 1]) == 1 => {
                    debug_assert!(
                        self.saga.steps[*step].optional,
                        "only optional steps are left"
                    );
                    return;
                }
                Some(step) => self.attempt(*step, &mut repeated),
                None if self.completes() => {}
                None => return,
            }
        }
        self.go_back();
    }

    /// The steps that can go on now, without those held back.
    pub(super) fn ready(&self, held: StepSet) -> Vec<usize> {
        let goes_on = |step: &usize| {
            !held.contains(*step)
                && match self.forward[*step].stage {
                    Stage::Idle => self.enabled(*step).is_some(),
                    Stage::Running | Stage::Failed => true,
                    Stage::Done | Stage::Dead => false,
                }
        };
        (0..self.saga.steps.len()).filter(goes_on).collect()
    }

    /// Says that all is done; false where the saga has no word for it.
    pub(super) fn completes(&mut self) -> bool {
        let says_so = !self.saga.completes.is_empty();
        if says_so {
            self.tell(Role::Completes);
        }
        says_so
    }

    fn attempt(&mut self, step: usize, repeated: &mut bool) {
        let definition = &self.saga.steps[step];
        let track = self.forward[step];
        if !definition.begins.is_empty() && track.stage != Stage::Running {
            self.tell(Role::Step(step, Happening::Begin));
            return;
        }
        let made = if definition.begins.is_empty() {
            track.attempts + 1
        } else {
            track.attempts
        };
        let is_last = definition.retries.is_some_and(|retries| made > retries);
        let may_go_back =
            !definition.optional && !self.is_past_pivot() && !self.other_pivot_is_open(step);
        let enough = FAILURES.min(self.saga.wedged_after.saturating_sub(1));
        let mut turns = vec![(Turn::Succeed, 900)];
        if !definition.fails.is_empty() && !is_last && track.failures < enough {
            turns.push((Turn::Fail, 40));
        }
        if !definition.rejects.is_empty() && may_go_back {
            turns.push((Turn::Reject, 25));
        }
        if may_go_back && self.can_fail_for_good(step) {
            turns.push((Turn::FailForGood, 8));
        }
        if track.stage == Stage::Running && !*repeated {
            turns.push((Turn::Repeat, 20));
        }
        if may_go_back && !definition.pivot && !self.saga.aborts.is_empty() {
            turns.push((Turn::Decide, 5));
        }
        let weights: Vec<u32> = turns.iter().map(|(_, weight)| *weight).collect();
        match turns[self.choice.pick(&weights)].0 {
            Turn::Succeed => self.tell(Role::Step(step, Happening::Success)),
            Turn::Fail => self.tell(Role::Step(step, Happening::Failure)),
            Turn::Reject => self.tell(Role::Step(step, Happening::Rejection)),
            Turn::FailForGood => self.fail_for_good(step),
            Turn::Repeat => {
                *repeated = true;
                self.tell(Role::Step(step, Happening::Begin));
            }
            Turn::Decide => self.tell(Role::Aborts),
        }
    }

    /// A pivot other than `step` may be taking effect just now, so that going back is no option.
    fn other_pivot_is_open(&self, step: usize) -> bool {
        self.saga
            .steps
            .iter()
            .enumerate()
            .any(|(pivot, definition)| {
                pivot != step
                    && definition.pivot
                    && match self.forward[pivot].stage {
                        Stage::Running | Stage::Failed => true,
                        Stage::Idle => {
                            definition.begins.is_empty() && self.enabled(pivot).is_some()
                        }
                        Stage::Done | Stage::Dead => false,
                    }
            })
    }

    /// Whether the attempts of `step` can be used up without looking wedged on the way, and with
    /// something left to say that the run goes back.
    fn can_fail_for_good(&self, step: usize) -> bool {
        let definition = &self.saga.steps[step];
        let Some(retries) = definition.retries else {
            return false;
        };
        let names_errors = definition
            .fails
            .first()
            .is_some_and(|pattern| pattern.error.is_some());
        let has_words = !self.saga.aborts.is_empty() || !self.saga.compensated.is_empty();
        !definition.fails.is_empty()
            && (names_errors || retries < self.saga.wedged_after)
            && (has_words || !self.standing().is_empty())
    }

    /// Uses up all attempts of `step`.
    pub(super) fn fail_for_good(&mut self, step: usize) {
        while self.forward[step].stage != Stage::Dead {
            let needs_begin = !self.saga.steps[step].begins.is_empty()
                && self.forward[step].stage != Stage::Running;
            if needs_begin {
                self.tell(Role::Step(step, Happening::Begin));
            }
            self.tell(Role::Step(step, Happening::Failure));
        }
    }

    /// From the decision to go back to the end.
    fn go_back(&mut self) {
        let has_decided = self
            .events
            .last()
            .is_some_and(|event| event.role == Role::Aborts);
        let must_say =
            self.saga.compensated.is_empty() && !self.confirmed && self.standing().is_empty();
        if !self.saga.aborts.is_empty()
            && !has_decided
            && (must_say || self.choice.pick(&[5, 1]) == 0)
        {
            self.tell(Role::Aborts);
        }
        self.land();
        self.undo_all(StepSet::EMPTY);
        self.say_compensated();
    }

    /// What was in flight at the abort comes to an end, or is never heard of again.
    fn land(&mut self) {
        let in_flight: Vec<usize> = (0..self.saga.steps.len())
            .filter(|step| {
                let definition = &self.saga.steps[*step];
                let (track, aborted) = (self.forward[*step], self.aborted.unwrap_or(0));
                !definition.pivot
                    && definition.compensation.is_some()
                    && match track.stage {
                        Stage::Running => true,
                        Stage::Idle | Stage::Failed => {
                            definition.begins.is_empty()
                                && self.enabled(*step).is_some_and(|from| from < aborted)
                        }
                        Stage::Done | Stage::Dead => false,
                    }
            })
            .collect();
        for step in in_flight {
            let is_running = self.forward[step].stage == Stage::Running;
            let weights: &[u32] = if is_running { &[6, 2, 2] } else { &[1, 4, 0] };
            let weights = if self.saga.steps[step].fails.is_empty() {
                &weights[..2]
            } else {
                weights
            };
            match (self.choice.pick(weights), is_running) {
                (0, _) => self.tell(Role::Step(step, Happening::Success)),
                (2, true) => self.tell(Role::Step(step, Happening::Failure)),
                _ => {}
            }
        }
    }

    /// Undoes what stands, in a legal order, with now and then a failed attempt; what is held
    /// back, and what has to wait for it, stays.
    pub(super) fn undo_all(&mut self, held: StepSet) {
        loop {
            let first = self.undo_first(self.standing());
            let open: Vec<usize> = first
                .into_iter()
                .filter(|step| !held.contains(*step))
                .collect();
            if open.is_empty() {
                return;
            }
            let step = open[self.choice.pick_of(open.len())];
            let Some(undo) = &self.saga.steps[step].compensation else {
                return;
            };
            let track = self.undo[step];
            if !undo.begins.is_empty() && track.stage != Stage::Running {
                self.tell(Role::Undo(step, Happening::Begin));
                continue;
            }
            let made = if undo.begins.is_empty() {
                track.attempts + 1
            } else {
                track.attempts
            };
            let is_last = undo.retries.is_some_and(|retries| made > retries);
            let may_fail = !undo.fails.is_empty() && !is_last && track.failures < FAILURES;
            let weights: &[u32] = if may_fail { &[9, 1] } else { &[1] };
            let happening = if self.choice.pick(weights) == 0 {
                Happening::Success
            } else {
                Happening::Failure
            };
            self.tell(Role::Undo(step, happening));
        }
    }

    /// Says that all is undone, or, more rarely, that a person must look at it.
    fn say_compensated(&mut self) {
        let words: Vec<(Role, u32)> = [
            (Role::Compensated, 12, self.saga.compensated.is_empty()),
            (Role::Abandons, 1, self.saga.abandons.is_empty()),
        ]
        .into_iter()
        .filter_map(|(role, weight, is_unknown)| (!is_unknown).then_some((role, weight)))
        .collect();
        if words.is_empty() {
            return;
        }
        let weights: Vec<u32> = words.iter().map(|(_, weight)| *weight).collect();
        let word = words[self.choice.pick(&weights)].0;
        self.tell(word);
    }
}
