//! Which instances complete, where no pivot tells.
//!
//! That an instance says that it is complete commits nothing while a step is missing. Where a step
//! that has to succeed is the pivot, that one has committed whoever is complete, and nothing is kept.

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
    /// The steps that have succeeded and are not undone.
    succeeded: StepSet,
    /// It says that it is complete.
    claims: bool,
}

impl Completing {
    /// Bytes kept, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.open.capacity() * size_of::<(u32, Open)>()
    }

    /// Takes what an event means to an instance; answers whether that completes it.
    pub(super) fn take(&mut self, saga: &Saga, instance: u32, meaning: Meaning) -> bool {
        let is_decided = |step: &Step| step.pivot && !step.optional;
        if saga.completes.is_empty() || saga.steps.iter().any(is_decided) {
            return false;
        }
        let tells = matches!(
            meaning,
            Meaning::Step(_, StepEvent::Success)
                | Meaning::Undo(_, StepEvent::Success)
                | Meaning::Completes
        );
        if !tells {
            return false;
        }
        let own = self.open.entry(instance).or_default();
        match meaning {
            Meaning::Step(step, StepEvent::Success) => own.succeeded.insert(usize::from(step)),
            Meaning::Undo(step, StepEvent::Success) => own.succeeded.remove(usize::from(step)),
            Meaning::Completes => own.claims = true,
            _ => {}
        }
        let mut steps = saga.steps.iter().enumerate();
        let is_complete =
            own.claims && steps.all(|(step, it)| it.optional || own.succeeded.contains(step));
        if is_complete {
            self.open.remove(&instance);
        }
        is_complete
    }
}
