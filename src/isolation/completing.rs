//! Which instances complete, and with which event, where no pivot tells.
//!
//! That an instance says that it is complete commits nothing while a step is missing, and neither does
//! anything once it goes back. Where a step that has to succeed is the pivot, that one has committed
//! whoever is complete, and nothing is kept.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::definition::saga::{Saga, Step, StepSet};
use crate::saga::{Meaning, StepEvent};

/// How far instances are that are not complete.
#[derive(Debug, Default)]
pub(super) struct Completing {
    open: HashMap<u32, Open, FixedState>,
}

#[derive(Debug, Default)]
struct Open {
    /// The steps that have succeeded.
    succeeded: StepSet,
    /// It says that it is complete.
    claims: bool,
    /// Somebody decided to go back, or acted on that.
    goes_back: bool,
    /// A step that has to succeed was rejected.
    was_rejected: bool,
}

/// Whether an event completes its instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completes {
    /// No.
    No,
    /// Yes.
    Yes,
    /// If it has gone on past a step that was rejected, which takes all of its events to tell.
    IfItWentOn,
}

impl Completing {
    /// Bytes kept, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.open.capacity() * size_of::<(u32, Open)>()
    }

    /// Takes what an event means to an instance that is not complete.
    pub(super) fn take(&mut self, saga: &Saga, instance: u32, meaning: Meaning) -> Completes {
        let is_decided = |step: &Step| step.pivot && !step.optional;
        if saga.steps.iter().any(is_decided) {
            return Completes::No;
        }
        let own = match meaning {
            Meaning::Start | Meaning::Abandons | Meaning::Stray => return Completes::No,
            // These complete nothing, unless they tell that it goes on.
            Meaning::Step(_, StepEvent::Begin | StepEvent::Failure) => {
                match self.open.get_mut(&instance) {
                    Some(own) if own.was_rejected => own,
                    _ => return Completes::No,
                }
            }
            _ => self.open.entry(instance).or_default(),
        };
        own.take(saga, meaning);
        let completes = own.completes(saga);
        if completes == Completes::Yes {
            self.open.remove(&instance);
        }
        completes
    }
}

impl Open {
    fn take(&mut self, saga: &Saga, meaning: Meaning) {
        match meaning {
            Meaning::Step(step, StepEvent::Success) => self.succeeded.insert(usize::from(step)),
            Meaning::Step(step, StepEvent::Rejection) => {
                self.was_rejected |= !saga.steps[usize::from(step)].optional;
            }
            Meaning::Completes => self.claims = true,
            Meaning::Undo(..) | Meaning::Aborts | Meaning::Compensated => self.goes_back = true,
            Meaning::Step(_, StepEvent::Begin | StepEvent::Failure) => {}
            Meaning::Start | Meaning::Abandons | Meaning::Stray => {}
        }
    }

    fn completes(&self, saga: &Saga) -> Completes {
        let is_said = self.claims || saga.completes.is_empty();
        let mut steps = saga.steps.iter().enumerate();
        let is_done = is_said
            && !self.goes_back
            && !self.succeeded.is_empty()
            && steps.all(|(step, it)| it.optional || self.succeeded.contains(step));
        match is_done {
            false => Completes::No,
            true if self.was_rejected => Completes::IfItWentOn,
            true => Completes::Yes,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::definition;
    use crate::event::{Position, Timestamp};
    use crate::saga::{Instance, Moment};
    use crate::sampling::sampled;

    fn saga(completes: &str) -> Saga {
        let text = format!(
            "log: test\n---\nsaga: trip\nstarts: Asked\n{completes}aborts: Refused\ncompensated: Back\n\
             steps:\n\
             - {{ step: one, begins: B1, succeeds: S1, fails: F1, rejects: R1, retries: 1, \
               compensation: {{ begins: U1, succeeds: D1 }} }}\n\
             - {{ step: two, succeeds: S2, rejects: R2, compensation: {{ succeeds: D2 }} }}\n\
             - {{ step: more, begins: B3, succeeds: S3, optional: true }}\n"
        );
        let definitions = definition::load_text("test.yaml".as_ref(), &text, &[]);
        let definitions = definitions.unwrap_or_else(|faulty| panic!("{:?}", faulty.faults));
        Saga::clone(&definitions.scopes[0].sagas[0])
    }

    fn meanings() -> impl Strategy<Value = Vec<Meaning>> {
        use StepEvent::{Begin, Failure, Rejection, Success};
        let forward = prop::sample::select(vec![
            Meaning::Start,
            Meaning::Step(0, Begin),
            Meaning::Step(0, Success),
            Meaning::Step(0, Success),
            Meaning::Step(0, Failure),
            Meaning::Step(0, Rejection),
            Meaning::Step(1, Success),
            Meaning::Step(1, Success),
            Meaning::Step(1, Rejection),
            Meaning::Step(2, Begin),
            Meaning::Step(2, Success),
            Meaning::Completes,
            Meaning::Abandons,
        ]);
        let back = prop::sample::select(vec![
            Meaning::Undo(0, Begin),
            Meaning::Undo(1, Success),
            Meaning::Aborts,
            Meaning::Compensated,
        ]);
        prop::collection::vec(prop_oneof![12 => forward, 1 => back], 1..12)
    }

    /// With how many events an instance has completed, as far as it can be told by all of them.
    fn slowly(saga: &Saga, moments: &[Moment]) -> Option<usize> {
        let mut instance = Instance::default();
        (1..=moments.len()).find(|events| {
            instance.replay(saga, &moments[..*events]);
            instance.completion.is_some()
        })
    }

    proptest! {
        #![proptest_config(sampled(1000))]
        #[test]
        fn an_instance_completes_with_the_event_with_which_its_replay_has(meanings in meanings()) {
            let moment = |(index, meaning): (usize, &Meaning)| Moment {
                position: Position(index as i64),
                time: Timestamp::MIN,
                key: 0,
                detail: 0,
                meaning: *meaning,
            };
            let moments: Vec<Moment> = meanings.iter().enumerate().map(moment).collect();
            for saga in [saga(""), saga("completes: Done\n")] {
                let mut completing = Completing::default();
                let slowly = slowly(&saga, &moments);
                for (index, moment) in moments.iter().enumerate().take(slowly.unwrap_or(12)) {
                    let completes = completing.take(&saga, 7, moment.meaning);
                    let has = slowly == Some(index + 1);
                    let was_rejected = moments[..=index].iter().any(|moment| {
                        matches!(moment.meaning, Meaning::Step(_, StepEvent::Rejection))
                    });
                    match completes {
                        Completes::IfItWentOn => prop_assert!(was_rejected),
                        told => prop_assert_eq!(told == Completes::Yes, has, "{}", index),
                    }
                }
            }
        }
    }
}
