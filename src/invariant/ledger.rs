//! All groups of a log, and whose total is not what it has to be at a horizon.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::absent::Absent;
use crate::definition::invariant::Invariant;
use crate::definition::log::{LogDefinition, Order};
use crate::event::{Position, Span, Timestamp};
use crate::invariant::note::Note;
use crate::lapse::{At, Lapsed, Now, Quiet};
use crate::projection::exact_sum;
use crate::texts::{Keys, Texts, room};

/// A group whose total is not what it has to be, or was not for too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Index of the invariant.
    pub invariant: usize,
    /// The group.
    pub group: String,
    /// When the total was wrong, and what it is now.
    pub lapsed: Lapsed<Decimal>,
}

/// What became of the groups of one invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Groups looked at.
    pub groups: u64,
    /// Of them, those of which it cannot be told, since an amount of theirs cannot be added up.
    pub unknown: u64,
    /// Those of which a row cannot be judged.
    pub hidden: u64,
    /// Those that are not right, but whose beginning may have been cut off.
    pub cut: u64,
    /// Those that are right or wrong by the order of events of which nobody knows the order.
    pub concurrent: u64,
    /// Those that are not right, but not quiet for long enough either.
    pub pending: u64,
    /// Events whose group cannot be told.
    pub astray: u64,
    /// Of them, those that cannot be read: they may be of any group.
    pub unread: u64,
}

impl Count {
    /// Adds what became of other groups.
    pub fn add(&mut self, other: Count) {
        self.groups += other.groups;
        self.unknown += other.unknown;
        self.hidden += other.hidden;
        self.cut += other.cut;
        self.concurrent += other.concurrent;
        self.pending += other.pending;
        self.astray += other.astray;
        self.unread += other.unread;
    }

    /// Groups of which it cannot be told.
    pub const fn untold(&self) -> u64 {
        self.unknown + self.hidden + self.cut + self.concurrent
    }
}

#[derive(Debug, Clone)]
struct Group {
    /// `None` where it cannot be told.
    total: Option<Decimal>,
    last: At,
    quiet: Quiet<Decimal>,
    /// It was wrong in one order of concurrent events and may not have been in another.
    is_concurrent: bool,
}

/// An event of a group, to be put into the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Timed {
    group: u32,
    time: Timestamp,
    position: Position,
    amount: Option<Decimal>,
}

#[derive(Debug, Default)]
struct Groups {
    keys: Keys,
    groups: Vec<Group>,
    /// In a log that is ordered by time, the events instead of the groups.
    timed: Vec<Timed>,
    astray: u64,
    unread: u64,
}

/// Adds up.
#[derive(Debug, Default)]
pub struct Ledger {
    invariants: Vec<Arc<Invariant>>,
    groups: Vec<Groups>,
    /// How far a time may lie above those that follow it, where there is a log.
    tolerance: Option<Span>,
    /// In a log that is ordered by time, how far apart two times have to be to tell an order.
    skew: Option<Span>,
}

impl Ledger {
    /// Whether an event is of this group.
    pub fn knows(&self, group: &str) -> bool {
        let hash = Keys::hash(group);
        let mut groups = self.groups.iter();
        groups.any(|groups| groups.keys.find(hash, group).is_some())
    }

    /// A ledger for these invariants of a log, all groups empty.
    pub fn new(invariants: &[Arc<Invariant>], log: Option<&LogDefinition>) -> Ledger {
        Ledger {
            invariants: invariants.to_vec(),
            groups: invariants.iter().map(|_| Groups::default()).collect(),
            tolerance: log.map(|log| log.future_tolerance),
            skew: match log.map(|log| log.order) {
                Some(Order::Time { skew, .. }) => Some(skew),
                Some(Order::Position) | None => None,
            },
        }
    }

    /// Takes the next event in the log's order.
    pub fn take(&mut self, note: &Note, texts: &Texts) {
        let invariant = &self.invariants[usize::from(note.invariant)];
        let groups = &mut self.groups[usize::from(note.invariant)];
        let Some((hash, group)) = note.group else {
            groups.astray += 1;
            groups.unread += u64::from(note.is_bad);
            return;
        };
        let tolerance = self.tolerance.unwrap_or(Span::ZERO);
        let number = groups.keys.number(hash, texts.get(group));
        let at = (note.position, note.time);
        if self.skew.is_some() {
            groups.timed.push(Timed {
                group: number,
                time: note.time,
                position: note.position,
                amount: note.amount,
            });
            return;
        }
        match groups.groups.get_mut(number as usize) {
            Some(group) => group.add(note.amount, at, invariant, [tolerance, Span::ZERO]),
            None => groups.groups.push(Group::of(note.amount, at)),
        }
    }

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        let own =
            |groups: &Groups| groups.keys.bytes() + room(&groups.groups) + room(&groups.timed);
        self.groups.iter().map(own).sum()
    }

    /// What is wrong at the horizon, and what was before, in the order of the groups' first events.
    /// What is not right is unknown where the log was `cut`, since a group may have begun before it;
    /// so is a group of which an `absent` row is an event, whatever its total.
    pub fn conclude(
        &mut self,
        horizon: Timestamp,
        cut: bool,
        absent: &Absent,
    ) -> (Vec<Breach>, Vec<Count>) {
        let mut breaches = Vec::new();
        let mut counts = Vec::new();
        for (index, (invariant, groups)) in self.invariants.iter().zip(&mut self.groups).enumerate()
        {
            if let Some(skew) = self.skew {
                let tolerance = self.tolerance.unwrap_or(Span::ZERO);
                groups.put_in_order(invariant, [tolerance, skew]);
            }
            let mut count = Count {
                groups: groups.keys.len() as u64,
                astray: groups.astray,
                unread: groups.unread,
                ..Count::default()
            };
            let strays = absent.of_total(index);
            for (number, group) in groups.groups.iter().enumerate() {
                let name = groups.keys.text(number as u32);
                let now = group.now(invariant, horizon);
                match group.quiet.conclude(now, horizon) {
                    _ if strays.has(name) => count.hidden += 1,
                    Some(_) if cut => count.cut += 1,
                    Some(lapsed) => breaches.push(Breach {
                        invariant: index,
                        group: name.to_owned(),
                        lapsed,
                    }),
                    None if group.total.is_none() => count.unknown += 1,
                    None if group.is_concurrent => count.concurrent += 1,
                    None if group.total != Some(invariant.equals) => count.pending += 1,
                    None => {}
                }
            }
            counts.push(count);
        }
        (breaches, counts)
    }
}

impl Groups {
    /// Adds up what was put off, in the order of time.
    fn put_in_order(&mut self, invariant: &Invariant, clocks: [Span; 2]) {
        self.timed.sort_unstable();
        for event in std::mem::take(&mut self.timed) {
            let at = (event.position, event.time);
            match self.groups.get_mut(event.group as usize) {
                Some(group) => group.add(event.amount, at, invariant, clocks),
                None => self.groups.push(Group::of(event.amount, at)),
            }
        }
    }
}

impl Group {
    fn of(amount: Option<Decimal>, at: At) -> Group {
        Group {
            total: amount,
            last: at,
            quiet: Quiet::since(at.1),
            is_concurrent: false,
        }
    }

    /// Adds an event, after the total was held against the invariant as it stood until then. Its
    /// time may lie so far above those that follow it; and events whose times are less than a `skew`
    /// apart may have happened in the other order.
    fn add(
        &mut self,
        amount: Option<Decimal>,
        at: At,
        invariant: &Invariant,
        [tolerance, skew]: [Span; 2],
    ) {
        let grace = invariant.grace;
        if let Some(total) = self.total.filter(|total| *total != invariant.equals) {
            let youngest = self.quiet.youngest().greatest();
            let is_over = grace.is_none_or(|grace| at.1 > youngest.after(grace));
            match is_over && at.1 < youngest.after(skew) && skew > Span::ZERO {
                true => self.is_concurrent = true,
                false => self.quiet.rest(total, self.last, grace, at.1),
            }
        }
        self.total = self
            .total
            .zip(amount)
            .and_then(|(total, amount)| exact_sum(total, amount));
        self.last = at;
        self.quiet.take(at.1, tolerance);
        if self.total == Some(invariant.equals) {
            self.quiet.mend();
        }
    }

    /// How the total stands at the horizon.
    fn now(&self, invariant: &Invariant, horizon: Timestamp) -> Now<Decimal> {
        match self.total {
            None => Now::Unknown,
            Some(total) if total == invariant.equals => Now::Right,
            Some(total) if self.quiet.is_tolerated(invariant.grace, horizon) => Now::Pending(total),
            Some(total) => Now::Wrong(total, self.last),
        }
    }
}
