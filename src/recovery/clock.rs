//! The time while acting: the clock was read once, in `main`; from there on it is counted.

use std::time::Instant;

use crate::event::{Span, Timestamp};

/// Tells the time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Timestamp,
    counted_from: Instant,
}

impl Clock {
    /// A clock that shows `now`.
    pub fn starting(now: Timestamp) -> Clock {
        Clock {
            start: now,
            counted_from: Instant::now(),
        }
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        let passed = self.counted_from.elapsed().as_nanos();
        self.start
            .after(Span::from_nanos(i64::try_from(passed).unwrap_or(i64::MAX)))
    }
}
