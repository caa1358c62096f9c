//! What the drivers of one apply share: the queue, the rate, the count of failures.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::recovery::action;
use crate::recovery::apply::Pace;
use crate::recovery::item::Outcome;
use crate::recovery::watch::{Progress, Stops, Watch};

/// What is shared; one instance is handed to one driver.
pub(super) struct Shared<'a> {
    pace: Pace,
    watch: Watch<'a>,
    instances: usize,
    handed_out: AtomicUsize,
    finished: AtomicUsize,
    done: AtomicUsize,
    other: AtomicUsize,
    failures: AtomicUsize,
    is_halted: AtomicBool,
    last_start: Mutex<Option<Instant>>,
}

/// The right to start one action. Nobody else starts one while it is held; it is given back unused
/// by dropping it.
pub(super) struct Turn<'a>(Option<MutexGuard<'a, Option<Instant>>>);

impl Turn<'_> {
    /// The action starts: the next turn comes after the pause that the rate asks for.
    pub(super) fn start(mut self) {
        if let Some(last_start) = &mut self.0 {
            **last_start = Some(Instant::now());
        }
    }
}

impl<'a> Shared<'a> {
    pub(super) fn new(instances: usize, pace: Pace, watch: Watch<'a>) -> Shared<'a> {
        Shared {
            pace,
            watch,
            instances,
            handed_out: AtomicUsize::new(0),
            finished: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            other: AtomicUsize::new(0),
            failures: AtomicUsize::new(0),
            is_halted: AtomicBool::new(false),
            last_start: Mutex::new(None),
        }
    }

    /// The number of the next instance to drive.
    pub(super) fn next(&self) -> Option<usize> {
        if self.is_over() {
            return None;
        }
        let number = self.handed_out.fetch_add(1, Ordering::Relaxed);
        (number < self.instances).then_some(number)
    }

    /// Whether no further action may start.
    pub(super) fn is_over(&self) -> bool {
        let most = self.pace.stop_after;
        self.is_halted.load(Ordering::Relaxed)
            || (self.watch.stops)()
            || most.is_some_and(|most| self.failures.load(Ordering::Relaxed) >= most)
    }

    /// Whether the user wants it to stop.
    pub(super) fn stops(&self) -> Stops<'a> {
        self.watch.stops
    }

    /// Counts an action that was settled.
    pub(super) fn settled(&self, outcome: Outcome) {
        let counter = if outcome == Outcome::Done {
            &self.done
        } else {
            &self.other
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.tell();
    }

    /// Counts an instance that was seen to.
    pub(super) fn finished(&self) {
        self.finished.fetch_add(1, Ordering::Relaxed);
        self.tell();
    }

    fn tell(&self) {
        (self.watch.told)(Progress {
            instances: self.finished.load(Ordering::Relaxed),
            of: self.instances,
            done: self.done.load(Ordering::Relaxed),
            other: self.other.load(Ordering::Relaxed),
        });
    }

    /// Counts a failure.
    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Lets no further action start.
    pub(super) fn halt(&self) {
        self.is_halted.store(true, Ordering::Relaxed);
    }

    /// How many drivers there is work for.
    pub(super) fn drivers(&self) -> usize {
        self.pace.drivers.get().min(self.instances).max(1)
    }

    /// How long a turn may be in coming, where there is a rate.
    pub(super) fn longest_wait(&self) -> Duration {
        let drivers = u32::try_from(self.drivers()).unwrap_or(u32::MAX);
        self.pace.every.saturating_mul(drivers)
    }

    /// Waits for a turn; `None` where it is over before one comes.
    ///
    /// Where there is a rate the turn is held alone until the action starts, so that what is read
    /// under it is still true then, and no two turns come closer than the rate allows.
    pub(super) fn turn(&self) -> Option<Turn<'_>> {
        if self.pace.every.is_zero() {
            return (!self.is_over()).then_some(Turn(None));
        }
        // An instant is never half written, so a driver that panicked left a good one.
        let last_start = self.last_start.lock();
        let last_start = last_start.unwrap_or_else(PoisonError::into_inner);
        let since = last_start.map(|last| last.elapsed());
        let rest = since.map_or(Duration::ZERO, |since| {
            self.pace.every.saturating_sub(since)
        });
        action::waited(rest, &|| self.is_over()).then_some(Turn(Some(last_start)))
    }
}
