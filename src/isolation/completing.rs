//! Which instances complete, where no pivot tells.
//!
//! That an instance says that it is complete commits nothing while a step is missing. Where a step
//! that has to succeed is the pivot, that one has committed whoever is complete, and nothing is kept.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::definition::saga::{Saga, Step, StepSet};
use crate::saga::{Meaning, StepEvent};

/// The steps that have succeeded and are not undone, of instances that are not complete.
#[derive(Debug, Default)]
pub(super) struct Completing {
    succeeded: HashMap<u32, StepSet, FixedState>,
}

impl Completing {
    /// Bytes kept, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.succeeded.capacity() * size_of::<(u32, StepSet)>()
    }

    /// Takes what an event means to an instance; answers whether that completes it.
    pub(super) fn take(&mut self, saga: &Saga, instance: u32, meaning: Meaning) -> bool {
        let is_decided = |step: &Step| step.pivot && !step.optional;
        if saga.completes.is_empty() || saga.steps.iter().any(is_decided) {
            return false;
        }
        match meaning {
            Meaning::Step(step, StepEvent::Success) => {
                let own = self.succeeded.entry(instance).or_default();
                own.insert(usize::from(step));
            }
            Meaning::Undo(step, StepEvent::Success) => {
                if let Some(own) = self.succeeded.get_mut(&instance) {
                    own.remove(usize::from(step));
                }
            }
            Meaning::Completes => {
                let own = self.succeeded.get(&instance).copied().unwrap_or_default();
                let mut steps = saga.steps.iter().enumerate();
                let is_complete = steps.all(|(step, it)| it.optional || own.contains(step));
                if is_complete {
                    self.succeeded.remove(&instance);
                }
                return is_complete;
            }
            _ => {}
        }
        false
    }
}
