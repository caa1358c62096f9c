//! All groups of a log, and whose total is not what it has to be at a horizon.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::absent::Absent;
use crate::definition::invariant::{Invariant, Total};
use crate::definition::log::{LogDefinition, Order};
use crate::event::{Position, Span, Timestamp};
use crate::invariant::group::Group;
use crate::invariant::note::Note;
use crate::invariant::states::Unseen;
use crate::lapse::{At, Lapsed};
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
    /// Events whose group cannot be told; of a total over states, events whose key cannot.
    pub astray: u64,
    /// Keys that tell no group.
    pub nowhere: u64,
    /// Events that cannot be read and may be of any group.
    pub unread: u64,
    /// How many more groups than there are such events may be other than they look for them.
    pub spread: u64,
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
        self.nowhere += other.nowhere;
        self.unread += other.unread;
        self.spread = self.spread.saturating_add(other.spread);
    }

    /// Groups of which it cannot be told.
    pub const fn untold(&self) -> u64 {
        self.unknown + self.hidden + self.cut + self.concurrent
    }
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

/// What an event does to a group of a total over states.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    /// The group's number.
    pub(super) group: u32,
    /// The amount that it is about; `None` where it cannot be told.
    pub(super) amount: Option<Decimal>,
    /// Where that goes.
    pub(super) way: Way,
    /// The event leaves nothing in the group.
    pub(super) is_void: bool,
}

impl Change {
    /// An amount that goes this way, of a group that is not left empty.
    pub(super) const fn new(group: u32, amount: Option<Decimal>, way: Way) -> Change {
        Change {
            group,
            amount,
            way,
            is_void: false,
        }
    }
}

/// Where an amount goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
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
    /// The names of the groups, by the index of the invariant.
    pub fn names(&self) -> impl Iterator<Item = &Keys> {
        self.groups.iter().map(|groups| &groups.keys)
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
        groups.add(number, note.amount, at, invariant, [tolerance, Span::ZERO]);
    }

    /// The number of a group of a total over states, of which this may be the first event.
    pub(super) fn number(&mut self, invariant: u16, group: &str, at: At) -> u32 {
        let groups = &mut self.groups[usize::from(invariant)];
        let number = groups.keys.number(Keys::hash(group), group);
        groups.group(number, at);
        number
    }

    /// Takes all that one event did to the groups of a total over states, in the log's order.
    pub(super) fn change(&mut self, invariant: u16, changes: &mut [Change], at: At) {
        let (invariant, groups) = (
            &self.invariants[usize::from(invariant)],
            &mut self.groups[usize::from(invariant)],
        );
        let tolerance = self.tolerance.unwrap_or(Span::ZERO);
        changes.sort_by_key(|change| change.group);
        for changes in changes.chunk_by(|one, other| one.group == other.group) {
            let Some(last) = changes.last() else {
                continue;
            };
            let group = groups.group(last.group, at);
            group.rest(at.1, invariant, Span::ZERO);
            for change in changes {
                match change.way {
                    Way::In => group.add(change.amount),
                    Way::Out => group.subtract(change.amount),
                }
            }
            group.settle(at, invariant, tolerance, last.is_void);
        }
    }

    /// Bytes kept of totals over events, and of those over states.
    pub fn bytes(&self) -> [usize; 2] {
        let mut bytes = [0; 2];
        for (invariant, groups) in self.invariants.iter().zip(&self.groups) {
            let own = groups.keys.bytes() + room(&groups.groups) + room(&groups.timed);
            bytes[usize::from(matches!(invariant.total, Total::States(_)))] += own;
        }
        bytes
    }

    /// What is wrong at the horizon, and what was before, in the order of the groups' first events.
    /// What is not right is unknown where the log was `cut`, since a group may have begun before it;
    /// so is a group of which an `absent` row is an event, whatever its total, or whose states are
    /// `unseen`.
    pub fn conclude(
        &mut self,
        horizon: Timestamp,
        cut: bool,
        absent: &Absent,
        unseen: &[Unseen],
    ) -> (Vec<Breach>, Vec<Count>) {
        let mut breaches = Vec::new();
        let mut counts = Vec::new();
        for (index, (invariant, groups)) in self.invariants.iter().zip(&mut self.groups).enumerate()
        {
            if let Some(skew) = self.skew {
                let tolerance = self.tolerance.unwrap_or(Span::ZERO);
                groups.put_in_order(invariant, [tolerance, skew]);
            }
            let unseen = unseen.iter().find(|one| one.invariant == index);
            let mut count = Count {
                groups: groups.keys.len() as u64,
                astray: groups.astray + unseen.map_or(0, |it| it.astray),
                nowhere: unseen.map_or(0, |it| it.nowhere),
                unread: groups.unread + unseen.map_or(0, |it| it.rows),
                spread: unseen.map_or(0, Unseen::spread),
                ..Count::default()
            };
            let strays = absent.of_total(index);
            let hides = |number: u32| unseen.is_some_and(|it| it.hidden.contains(&number));
            // States are folded as events arrive, which may be late.
            let is_as_arrived = self.skew.is_some() && matches!(invariant.total, Total::States(_));
            for (number, group) in groups.groups.iter().enumerate() {
                let name = groups.keys.text(number as u32);
                match group.conclude(invariant, horizon) {
                    _ if strays.has(name) || hides(number as u32) => count.hidden += 1,
                    Some(_) if cut => count.cut += 1,
                    Some(_) if is_as_arrived => match group.stands(invariant, horizon) {
                        None => count.concurrent += 1,
                        Some(lapsed) => breaches.push(Breach {
                            invariant: index,
                            group: name.to_owned(),
                            lapsed,
                        }),
                    },
                    Some(lapsed) => breaches.push(Breach {
                        invariant: index,
                        group: name.to_owned(),
                        lapsed,
                    }),
                    None if group.total().is_none() => count.unknown += 1,
                    None if group.is_concurrent => count.concurrent += 1,
                    None if !group.is_right(invariant) => count.pending += 1,
                    None => {}
                }
            }
            counts.push(count);
        }
        (breaches, counts)
    }
}

impl Groups {
    /// The group of this number, which may be the next one, with this as its first event.
    fn group(&mut self, number: u32, at: At) -> &mut Group {
        let number = number as usize;
        if number >= self.groups.len() {
            self.groups.push(Group::new(at));
        }
        &mut self.groups[number]
    }

    /// Adds an amount that an event gives.
    fn add(
        &mut self,
        number: u32,
        amount: Option<Decimal>,
        at: At,
        invariant: &Invariant,
        [tolerance, skew]: [Span; 2],
    ) {
        let group = self.group(number, at);
        group.rest(at.1, invariant, skew);
        group.add(amount);
        group.settle(at, invariant, tolerance, false);
    }

    /// Adds up what was put off, in the order of time.
    fn put_in_order(&mut self, invariant: &Invariant, clocks: [Span; 2]) {
        self.timed.sort_unstable();
        for event in std::mem::take(&mut self.timed) {
            let at = (event.position, event.time);
            self.add(event.group, event.amount, at, invariant, clocks);
        }
    }
}
