//! A key that an invariant is for.

use std::sync::Arc;

use crate::event::{Position, Span, Timestamp};
use crate::lapse::{At, Left, Now, Quiet, Youngest};
use crate::requirement::book::Clocks;
use crate::requirement::look::Held;
use crate::requirement::watched::Missed;

/// A key that a subject looked at, or that it looked at none, until it looked at another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Past {
    pub(super) lookup: u32,
    pub(super) key: Option<u32>,
    /// The event that ended that.
    pub(super) until: Position,
}

#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) held: Held,
    /// The last event of anything that it looks at.
    pub(super) last: At,
    /// The youngest change of its own key.
    pub(super) own: Youngest,
    /// That of all that it looks at now.
    pub(super) youngest: Youngest,
    pub(super) quiet: Quiet<Arc<str>>,
    /// The keys that it looks at, by look-up: numbers in
    /// [`Watched`](crate::requirement::watched::Watched).
    pub(super) looks_at: Vec<Option<u32>>,
    /// What it looks at no more, since it first had to keep the invariant. How many there are of these
    /// tells apart what it stood on when it did not.
    pub(super) past: Vec<Past>,
    /// Digest of the fields that the invariant looks at.
    pub(super) seen: u64,
    /// It had to keep the invariant after some event.
    pub(super) was_bound: bool,
    /// It may have been wrong for too long while nobody looked.
    is_unwatched: bool,
    /// It was wrong for too long, and may have been right since while nobody looked.
    may_have_held: bool,
    /// Where the horizon lies before this time, it may have been, too.
    relies_on: Timestamp,
}

impl Subject {
    /// One of which this is the first event.
    pub(super) fn new(at: At, lookups: usize) -> Subject {
        Subject {
            held: Held::Exempt,
            last: at,
            own: Youngest::of(at.1),
            youngest: Youngest::of(at.1),
            quiet: Quiet::since(at.1),
            looks_at: vec![None; lookups],
            past: Vec::new(),
            seen: 0,
            was_bound: false,
            is_unwatched: false,
            may_have_held: false,
            relies_on: Timestamp::MIN,
        }
    }

    /// The keys that it looked at, by look-up, when it had left so many others behind.
    pub(super) fn looked_at(&self, ground: u32) -> Vec<Option<u32>> {
        let later = self.past.get(ground as usize..).unwrap_or_default();
        let of = |(lookup, now): (u32, &Option<u32>)| {
            let left = later.iter().find(|past| past.lookup == lookup);
            left.map_or(*now, |past| past.key)
        };
        (0..).zip(&self.looks_at).map(of).collect()
    }

    /// Takes what was found after the last event of what it looks at.
    pub(super) fn found(&mut self, held: Held, last: At) {
        self.was_bound |= held != Held::Exempt;
        if matches!(held, Held::Yes | Held::Exempt) {
            self.mend();
        }
        (self.held, self.last) = (held, last);
    }

    /// Holds what was found last against the invariant, now that something else comes, and there
    /// may be something that was missed until then; it is the horizon that comes where there is no
    /// time. It may be exempt whatever it looks at.
    pub(super) fn rest(
        &mut self,
        until: Option<At>,
        missed: Option<Missed>,
        is_free: bool,
        clocks: Clocks,
    ) {
        let next = missed.map(|missed| missed.first).or(until);
        if let (Held::No(values), Some(next)) = (&self.held, next) {
            let left = Left {
                value: values.clone(),
                at: self.last,
                ground: self.past.len() as u32,
            };
            let youngest = (self.youngest, clocks.tolerance);
            self.quiet.rest_since(youngest, left, clocks.grace, next);
        }
        if let Some(missed) = missed.filter(|_| !is_free) {
            self.miss(until.map(|(_, time)| time), missed, clocks);
        }
    }

    fn miss(&mut self, until: Option<Timestamp>, missed: Missed, clocks: Clocks) {
        // What a single change came to is seen at the end.
        let is_unseen = until.is_some() || missed.last != missed.first;
        self.may_have_held |= is_unseen && self.quiet.is_lapsed();
        self.is_unwatched |= match clocks.grace {
            None => is_unseen,
            Some(grace) => {
                let own = self.youngest.greatest().max(missed.first.1);
                let all = own.max(missed.youngest.greatest());
                self.relies_on = self.relies_on.max(all);
                missed.late.is_some_and(|(_, late)| late > own.after(grace))
                    || until.is_some_and(|until| until > all.after(grace))
            }
        };
    }

    /// The youngest change of all that it looks at is this by now.
    pub(super) fn renew(&mut self, youngest: Youngest, tolerance: Span) {
        self.youngest = youngest;
        self.quiet.join(youngest, tolerance);
    }

    /// Whether what it looks at is not left alone for longer than is tolerated.
    pub(super) fn is_tolerated(&self, clocks: Clocks, horizon: Timestamp) -> bool {
        self.youngest.is_tolerated(clocks.grace, horizon)
    }

    /// It holds again.
    fn mend(&mut self) {
        self.quiet.mend();
        self.may_have_held = false;
    }

    /// Whether it may have been right since when it is said to be wrong.
    pub(super) const fn may_have_held(&self) -> bool {
        self.may_have_held
    }

    /// Whether it may have been wrong for too long while nobody looked.
    pub(super) fn is_unwatched(&self, horizon: Timestamp) -> bool {
        self.is_unwatched || self.relies_on > horizon
    }

    /// How it stands at the horizon.
    pub(super) fn now(&self, clocks: Clocks, horizon: Timestamp) -> Now<Arc<str>> {
        match &self.held {
            Held::Exempt | Held::Yes => Now::Right,
            Held::Unknown(_) => Now::Unknown,
            Held::No(values) if self.is_tolerated(clocks, horizon) => Now::Pending(values.clone()),
            Held::No(values) => Now::Wrong(values.clone(), self.last),
        }
    }
}
