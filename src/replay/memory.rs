//! How much a pass keeps, and whether it may.
//!
//! What is counted is what grows with the keys of a log: by the room that its tables have, and of
//! texts and lists in states by their length. What the rows on their way to the judge take, a few
//! megabytes, is not; nor is what findings take, which grow with what is wrong.

use crate::replay::gathered::Gathered;

/// A look at everything costs time in proportion to it, so there is one whenever so many rows more
/// were read, or an eighth more of them.
const ROWS: u64 = 1 << 13;

/// Which of what is kept can be divided into shares of its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Divisible {
    /// Saga instances, and the reactions that may name them.
    pub instances: bool,
    /// States of projections, with what they have to keep.
    pub states: bool,
}

/// Bytes kept, as far as they are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// By what can be divided.
    pub divided: u64,
    /// By what cannot.
    pub whole: u64,
}

/// How much a pass may keep.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    bytes: u64,
    divisible: Divisible,
    /// What is kept beside what is gathered.
    beside: Held,
    /// The most that was seen.
    held: Held,
    /// The number of rows from which on to look again.
    next: u64,
    rows: u64,
}

impl Held {
    /// All of it.
    pub const fn total(self) -> u64 {
        self.divided.saturating_add(self.whole)
    }
}

impl Limit {
    /// A limit of so many bytes. An eighth of them is left to shares that turn out larger than the
    /// first.
    pub const fn new(bytes: u64, divisible: Divisible) -> Limit {
        Limit {
            bytes: bytes - bytes / 8,
            divisible,
            beside: Held {
                divided: 0,
                whole: 0,
            },
            held: Held {
                divided: 0,
                whole: 0,
            },
            next: ROWS,
            rows: 0,
        }
    }

    /// The same, where this is kept besides.
    pub const fn beside(self, beside: Held) -> Limit {
        Limit { beside, ..self }
    }

    /// What was kept when it was looked at last.
    pub const fn held(&self) -> Held {
        self.held
    }

    /// How many rows had been read then.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// The bytes that what can be divided may take beside so many that cannot: what they leave, and
    /// a quarter of all whatever they leave.
    pub const fn room(&self, whole: u64) -> u64 {
        let left = self.bytes.saturating_sub(whole);
        if left > self.bytes / 4 {
            left
        } else {
            self.bytes / 4
        }
    }

    /// Whether what can be divided has outgrown its room.
    pub const fn is_passed(&self) -> bool {
        self.held.divided > self.room(self.held.whole)
    }

    /// Looks at what is kept after so many rows, unless that was done not long ago.
    pub(super) fn look(&mut self, rows: u64, gathered: &Gathered) {
        if rows >= self.next {
            self.next = rows + ROWS.max(rows / 8);
            self.look_now(rows, gathered);
        }
    }

    /// Looks at what is kept after so many rows.
    pub(super) fn look_now(&mut self, rows: u64, gathered: &Gathered) {
        self.rows = rows;
        let Held { divided, whole } = gathered.held(self.divisible);
        self.held = Held {
            divided: divided + self.beside.divided,
            whole: whole + self.beside.whole,
        };
    }
}
