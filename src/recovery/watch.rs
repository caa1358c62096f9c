//! How far the work on a plan's instances has come, and whether it shall go on.

use crate::inspect::Go;

/// Whether no further action shall start; asked often.
pub type Stops<'a> = &'a (dyn Fn() -> bool + Sync);

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The instances that were seen to.
    pub instances: usize,
    /// The instances of the plan.
    pub of: usize,
    /// The actions that are done.
    pub done: usize,
    /// The actions that were settled in any other way.
    pub other: usize,
}

/// The ear and the mouth of whoever waits for the work; several threads may use it.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Asked before each piece of work.
    pub stops: Stops<'a>,
    /// Told after each.
    pub told: &'a (dyn Fn(Progress) + Sync),
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl Watch<'_> {
    /// Tells that so many of the plan's instances were looked at.
    pub(super) fn looked(self, instances: usize, of: usize) {
        (self.told)(Progress {
            instances,
            of,
            done: 0,
            other: 0,
        });
    }

    /// Whether a read of the log shall go on.
    pub(super) fn go(self) -> Go {
        if (self.stops)() { Go::Stop } else { Go::On }
    }
}
