//! The decision to go back: who took it, and when it does not stand after all.

use crate::definition::saga::Saga;
use crate::saga::instance::{At, Instance, Irregularity};
use crate::saga::standing::earlier;
use crate::saga::state::{Exhaustion, Forward};

/// Why an instance goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// An `aborts` event.
    Decision,
    /// This step failed with no attempts left.
    Exhausted(usize),
    /// This step was rejected.
    Rejected(usize),
    /// This step's compensation was the first sign.
    Undo(usize),
}

/// The decision to go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abort {
    /// The event.
    pub at: At,
    /// What it was.
    pub cause: Cause,
    /// Somebody acted on it; a derived abort that nobody acted on can still be void.
    pub confirmed: bool,
}

impl Instance {
    pub(super) fn decide(&mut self, at: At, cause: Cause) {
        match &mut self.abort {
            Some(abort) => abort.confirmed = true,
            None => {
                self.abort = Some(Abort {
                    at,
                    cause,
                    confirmed: true,
                })
            }
        }
    }

    /// Takes a derived abort back that nobody acted on: the failed step itself goes on, or one after
    /// it does.
    pub(super) fn void(&mut self, saga: &Saga, step: usize) {
        while let Some(abort) = self.abort.filter(|abort| !abort.confirmed) {
            match abort.cause {
                Cause::Exhausted(failed) if failed == step => {}
                Cause::Exhausted(failed) | Cause::Rejected(failed)
                    if saga.steps[step].before.contains(failed) =>
                {
                    self.swallowed.insert(failed);
                }
                _ => return,
            }
            self.revoke(saga);
        }
    }

    /// Takes a derived abort back; another exhausted step may still stand for one.
    fn revoke(&mut self, saga: &Saga) {
        let revoked = self.abort.take();
        let swallowed = self.swallowed;
        let Some(revoked) = revoked else { return };
        let terminal = earlier(self.completes, self.compensated);
        self.anomalies.retain_mut(|anomaly| {
            if anomaly.what != Irregularity::AfterEnd(revoked.at) {
                return true;
            }
            let Some(end) = terminal.filter(|end| end.index < anomaly.at.index) else {
                return false;
            };
            anomaly.what = Irregularity::AfterEnd(end);
            true
        });
        let other = self
            .steps
            .iter()
            .enumerate()
            .filter(|(step, _)| {
                !saga.steps[*step].optional
                    && !swallowed.contains(*step)
                    && !matches!(revoked.cause, Cause::Exhausted(s) | Cause::Rejected(s) if s == *step)
            })
            .filter_map(|(step, record)| match (record.forward, record.since) {
                (Forward::Exhausted(_, Exhaustion::Failures), Some(at)) => Some((at, Cause::Exhausted(step))),
                (Forward::Exhausted(_, Exhaustion::Rejection), Some(at)) => Some((at, Cause::Rejected(step))),
                _ => None,
            })
            .min_by_key(|(at, _)| at.index);
        self.abort = other.map(|(at, cause)| Abort {
            at,
            cause,
            confirmed: false,
        });
        let done = match (self.all_succeeded, self.completes) {
            (Some(done), Some(said)) if said.index > done.index => Some(said),
            (done, _) => done,
        };
        if let Some(done) = done {
            self.complete(saga, done);
        }
    }
}
