//! What became of invariants over states.

use std::sync::Arc;

use crate::event::{Position, Timestamp};
use crate::lapse::Lapsed;

/// A key for which an invariant does not hold, or did not for too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Index of the invariant.
    pub requirement: usize,
    /// The key.
    pub key: String,
    /// When it did not hold, and how it stands now: what the invariant looked at, as
    /// `state.status = "paid"`.
    pub lapsed: Lapsed<Arc<str>>,
    /// Something that it looks at was not followed: it may have been wrong before, or right in
    /// between.
    pub is_unwatched: bool,
}

/// A key of which it cannot be told whether an invariant holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// Index of the invariant.
    pub requirement: usize,
    /// The key.
    pub key: String,
    /// Why.
    pub reason: String,
    /// The event that left it wrong, if that is what may be otherwise, else the last one of what it looks
    /// at; and when.
    pub at: (Position, Timestamp),
}

/// What became of the keys of one invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Keys that have to keep it, or had to after some event: a fault outlives its key, and so does
    /// that there was none.
    pub keys: u64,
    /// Of them, those of which it cannot be told.
    pub unknown: u64,
    /// Those for which it does not hold, but that are not quiet for long enough either.
    pub pending: u64,
    /// Those of which it cannot be told yet, but that are not quiet for long enough either.
    pub early: u64,
    /// Those that were not followed through everything that they look at.
    pub coarse: u64,
    /// Those that did not keep it in the order in which events arrived, and may have in that of time.
    pub concurrent: u64,
    /// How many of those for which it does not hold look at one key, at most.
    pub sharing: u64,
    /// Events of its own projection that tell no key and cannot be read, and of those looked up.
    pub unread: [u64; 2],
    /// Events of its own projection that tell no key, and of others that are looked up.
    pub astray: [u64; 2],
}

impl Count {
    /// Adds what became of other keys.
    pub fn add(&mut self, other: Count) {
        self.keys += other.keys;
        self.unknown += other.unknown;
        self.pending += other.pending;
        self.early += other.early;
        self.coarse += other.coarse;
        self.concurrent += other.concurrent;
        self.sharing = self.sharing.max(other.sharing);
        let both = [
            (&mut self.unread, other.unread),
            (&mut self.astray, other.astray),
        ];
        for (own, other) in both {
            own.iter_mut()
                .zip(other)
                .for_each(|(one, other)| *one += other);
        }
    }
}
