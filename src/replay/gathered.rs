//! What a pass looks at and what it learned.

use std::sync::Arc;

use crate::absent::Absent;
use crate::causation::Register;
use crate::event::{Position, Timestamp};
use crate::log::BadRow;
use crate::projection::Unseen;
use crate::replay::astray::Astray;
use crate::replay::families::Ledgers;
use crate::replay::horizon::Late;
use crate::replay::instances::Instances;
use crate::replay::memory::{Divisible, Held};
use crate::replay::streams::Streams;
use crate::saga::Names;

/// How many bad or late rows are kept one by one; beyond that they are only counted.
const LISTED: usize = 10_000;

/// What a pass looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a set of things to look at, not a state"
)]
pub struct Selection {
    /// Saga instances.
    pub sagas: bool,
    /// The versions and times of streams.
    pub streams: bool,
    /// Whether event ids repeat, and what refers to them.
    pub ids: bool,
    /// Which event caused which.
    pub causes: bool,
    /// Whether every row's data is JSON.
    pub data: bool,
    /// The definitions beside sagas.
    pub families: bool,
}

impl Selection {
    /// Saga instances and nothing else.
    pub const SAGAS: Selection = Selection {
        sagas: true,
        streams: false,
        ids: false,
        causes: false,
        data: false,
        families: false,
    };

    /// Ids and causes and nothing else.
    pub const IDS: Selection = Selection {
        sagas: false,
        streams: false,
        ids: true,
        causes: true,
        data: false,
        families: false,
    };

    /// The definitions beside sagas and nothing else.
    pub const FAMILIES: Selection = Selection {
        sagas: false,
        streams: false,
        ids: false,
        causes: false,
        data: false,
        families: true,
    };
}

/// Rows counted, the first of them kept.
#[derive(Debug, Clone)]
pub struct Cut<T> {
    /// The first ten thousand.
    pub listed: Vec<T>,
    /// All of them.
    pub total: u64,
}

impl<T> Default for Cut<T> {
    fn default() -> Cut<T> {
        Cut {
            listed: Vec::new(),
            total: 0,
        }
    }
}

impl<T> Cut<T> {
    /// Whether further ones are only counted.
    pub(super) const fn is_full(&self) -> bool {
        self.listed.len() >= LISTED
    }

    pub(super) fn push(&mut self, item: T) {
        self.total += 1;
        if self.listed.len() < LISTED {
            self.listed.push(item);
        }
    }
}

impl<T: Ord> Cut<T> {
    /// Takes the other's items, too, and puts all in order.
    pub(super) fn append(&mut self, other: Cut<T>) {
        self.total += other.total;
        if !other.listed.is_empty() {
            self.listed.extend(other.listed);
            self.listed.sort_unstable();
            self.listed.truncate(LISTED);
        }
    }
}

impl Gathered {
    /// Bytes kept by what grows with the keys of a log.
    pub(super) fn held(&self, divisible: Divisible) -> Held {
        let (states, instances) = (self.ledgers.of_states(), self.instances.bytes());
        let reactions = self.ledgers.reactions.bytes();
        let parts = [
            (true, self.streams.bytes()),
            (true, self.register.bytes()),
            (true, self.ledgers.of_keys()),
            (divisible.instances, instances + reactions),
            (divisible.states, states),
        ];
        let sum = |wanted: bool| {
            let own = parts.iter().filter(|(divided, _)| *divided == wanted);
            own.map(|(_, bytes)| *bytes as u64).sum()
        };
        Held {
            divided: sum(true),
            whole: sum(false),
        }
    }

    /// What states do not show of a log whose beginning was removed, or of any.
    pub fn unseen(&self, is_cut: bool) -> Unseen<'_> {
        Unseen {
            is_cut,
            counts_from_zero: self.counts_from_zero,
            absent: &self.absent,
            head: self.head,
        }
    }

    /// What is the same for every share of the keys, and nothing of any.
    pub(super) fn emptied(self) -> Gathered {
        Gathered {
            register: self.register.emptied(),
            streams: Streams::default(),
            instances: Instances::default(),
            ledgers: Ledgers::default(),
            names: Names::default(),
            astray: Astray::default(),
            ..self
        }
    }
}

/// Everything a pass learned.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Rows that could be read and lie within the horizon.
    pub events: u64,
    /// Rows that some saga knows.
    pub matched: u64,
    /// Rows later than the horizon that was asked for.
    pub beyond: u64,
    /// Rows of sagas without a correlation value.
    pub unattributed: u64,
    /// Some stream has a version 0, or one below it.
    pub counts_from_zero: bool,
    /// The first and last position read.
    pub positions: Option<(Position, Position)>,
    /// The greatest position read, that of a row which cannot be judged included.
    pub head: Option<Position>,
    /// The greatest time, strays left out.
    pub end: Option<Timestamp>,
    /// Strays: events too far in the future to move the end.
    pub future: Cut<(Position, Timestamp)>,
    /// Rows that cannot be judged.
    pub bad: Cut<BadRow>,
    /// How many of them are events all the same.
    pub partial: u64,
    /// What those rows may be.
    pub absent: Absent,
    /// Those of them that may be of any instance of a saga, as the pass met them.
    pub astray: Astray,
    /// Rows later than the declared lateness; strays delay nothing.
    pub too_late: Cut<Late>,
    /// Ids and causes.
    pub register: Register,
    /// The streams.
    pub streams: Streams,
    /// Rows that cannot be judged and may be of any stream.
    pub streamless: u64,
    /// The instances.
    pub instances: Instances,
    /// What the definitions beside sagas keep.
    pub ledgers: Ledgers,
    /// Names of errors and stray types.
    pub names: Names,
    /// The event types met, in order of appearance.
    pub types: Vec<Arc<str>>,
}
