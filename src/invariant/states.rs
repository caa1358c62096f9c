//! What becomes of the amounts of keys as their states change: each change of one is an event of the
//! groups that it leaves and comes to, and goes into the ledger of all totals.
//!
//! What changes neither a key's amount nor its group is no event of a group, so that it does not make
//! that less quiet.
//!
//! An event that leaves nobody knows what of a key's group may have moved its amount to any one
//! group. The key stays where it was known to be, with an amount that cannot be told.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashSet;
use rust_decimal::Decimal;

use crate::absent::Absent;
use crate::definition::invariant::{Invariant, Total};
use crate::definition::projection::Projection;
use crate::invariant::ledger::{Change, Ledger, Way};
use crate::invariant::sight::{Reach, Seen, Sight};
use crate::lapse::At;
use crate::projection::{self, Applied};
use crate::texts::room;

/// The totals over states of a log.
#[derive(Debug, Default)]
pub struct States {
    totals: Vec<Tracked>,
    /// What the event that is being taken does to the groups of one of them.
    changes: Vec<Change>,
}

/// One total.
#[derive(Debug)]
struct Tracked {
    /// The index of its invariant.
    invariant: u16,
    /// The index of its projection.
    projection: usize,
    sight: Sight,
    /// By the number of the key in its projection.
    keys: Vec<Kept>,
    /// How many keys are in each group.
    members: Vec<u32>,
    /// How many keys count and tell no group.
    nowhere: u64,
    /// Events that left a key of which the group cannot be read.
    anywhere: u64,
}

/// What is kept of a key.
#[derive(Debug, Clone, Copy)]
struct Kept {
    holding: Holding,
    /// How often it left a group.
    left: u32,
}

/// What a key was when it was looked at last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holding {
    Out,
    Nowhere,
    In { group: u32, amount: Option<Decimal> },
}

/// What of a total over states nobody sees at the end of a log.
#[derive(Debug)]
pub struct Unseen {
    /// The index of the invariant.
    pub(super) invariant: usize,
    /// The groups of which a row that cannot be judged is known to change a key.
    pub(super) hidden: HashSet<u32, FixedState>,
    /// Rows that may change any group.
    pub(super) rows: u64,
    /// How many groups may be other than they look for them, at most.
    most: u64,
    /// Events that can be read and tell no key.
    pub(super) astray: u64,
    /// Keys that count and tell no group.
    pub(super) nowhere: u64,
}

impl States {
    /// The totals over states among these invariants, of keys of which nothing was heard yet.
    pub fn new(invariants: &[Arc<Invariant>], projections: &[Arc<Projection>]) -> States {
        let totals = (0..).zip(invariants).filter_map(|(invariant, one)| {
            let Total::States(total) = &one.total else {
                return None;
            };
            let mut named = projections.iter();
            let projection = named.position(|one| one.name == total.projection)?;
            Some(Tracked {
                invariant,
                projection,
                sight: Sight::new(total, &projections[projection]),
                keys: Vec::new(),
                members: Vec::new(),
                nowhere: 0,
                anywhere: 0,
            })
        });
        States {
            totals: totals.collect(),
            changes: Vec::new(),
        }
    }

    /// Takes what one event changed, once all of it is changed.
    pub fn take(&mut self, applied: &[Applied], states: &projection::Ledger, ledger: &mut Ledger) {
        let Some(first) = applied.first().filter(|_| !self.totals.is_empty()) else {
            return;
        };
        let at = (first.position, first.time);
        for total in &mut self.totals {
            self.changes.clear();
            for one in applied {
                if one.projection == total.projection {
                    total.look(one.number, at, states, ledger, &mut self.changes);
                }
            }
            if !total.sight.is_whole() {
                for change in &mut self.changes {
                    change.is_void = total.members[change.group as usize] == 0;
                }
            }
            ledger.change(total.invariant, &mut self.changes, at);
        }
    }

    /// Bytes kept, apart from those of the groups.
    pub fn bytes(&self) -> usize {
        let own = |total: &Tracked| room(&total.keys) + room(&total.members);
        self.totals.iter().map(own).sum()
    }

    /// What nobody sees of each total, where these rows cannot be judged.
    pub fn unseen(&self, states: &projection::Ledger, absent: &Absent) -> Vec<Unseen> {
        let each = self.totals.iter();
        each.map(|total| total.unseen(states, absent)).collect()
    }
}

impl Tracked {
    /// Looks at a key that an event has changed, and adds what that does to groups.
    fn look(
        &mut self,
        number: u32,
        at: At,
        states: &projection::Ledger,
        ledger: &mut Ledger,
        changes: &mut Vec<Change>,
    ) {
        let Some((key, entry)) = states.entry(self.projection, number) else {
            return;
        };
        let place = number as usize;
        if self.keys.len() <= place {
            self.keys.resize(place + 1, Kept::NONE);
        }
        let before = self.keys[place].holding;
        let definition = states.folds()[self.projection].definition();
        let after = match self.sight.see(key, entry, definition) {
            Seen::Out => Holding::Out,
            Seen::Nowhere => Holding::Nowhere,
            Seen::In(group, amount) => Holding::In {
                group: ledger.number(self.invariant, &group, at),
                amount,
            },
            Seen::Anywhere => {
                self.anywhere += 1;
                match before {
                    Holding::In { group, .. } => Holding::In {
                        group,
                        amount: None,
                    },
                    Holding::Out | Holding::Nowhere => Holding::Out,
                }
            }
        };
        if before == after {
            return;
        }
        self.nowhere -= u64::from(before == Holding::Nowhere);
        self.nowhere += u64::from(after == Holding::Nowhere);
        if let Holding::In { group, amount } = before {
            self.members[group as usize] -= 1;
            changes.push(Change::new(group, amount, Way::Out));
        }
        if let Holding::In { group, amount } = after {
            let group_place = group as usize;
            if self.members.len() <= group_place {
                self.members.resize(group_place + 1, 0);
            }
            self.members[group_place] += 1;
            changes.push(Change::new(group, amount, Way::In));
        }
        let kept = &mut self.keys[place];
        kept.left += u32::from(before.group().is_some() && before.group() != after.group());
        kept.holding = after;
    }

    fn unseen(&self, states: &projection::Ledger, absent: &Absent) -> Unseen {
        let keyless = states.keyless(self.projection);
        let mut unseen = Unseen {
            invariant: self.invariant.into(),
            hidden: HashSet::default(),
            rows: self.anywhere,
            most: self.anywhere,
            astray: keyless.map_or(0, |it| it.count - it.unread),
            nowhere: self.nowhere,
        };
        let strays = absent.of_state(self.projection);
        let keyless = strays.keyless + keyless.map_or(0, |it| it.unread);
        let (mut others, mut rows_of_others) = (0, strays.keyed());
        if rows_of_others + keyless > 0 {
            for ((key, entry), kept) in states.entries(self.projection).zip(&self.keys) {
                let visited = self.visited(*kept, entry.events);
                others = visited.max(others);
                let rows = strays.of_key(key);
                rows_of_others = rows_of_others.saturating_sub(rows);
                if rows > 0 && !self.sight.is_whole() {
                    unseen.hidden.extend(kept.holding.group());
                    if self.sight.reach != Reach::One || kept.holding.group().is_none() {
                        unseen.add(rows, visited + rows);
                    }
                }
            }
        }
        if self.sight.is_whole() && strays.keyed() > 0 {
            unseen.hidden.insert(0);
        } else {
            unseen.add(rows_of_others, rows_of_others);
        }
        let reach = match self.sight.reach {
            Reach::One => 1,
            // Its own, those that it was in, and the one that it is in instead.
            Reach::Visited | Reach::Any => others + 2,
        };
        unseen.add(keyless, keyless.saturating_mul(reach));
        unseen
    }

    /// How many groups beside its own a key may have been in, at most.
    fn visited(&self, kept: Kept, events: u32) -> u64 {
        match self.sight.reach {
            Reach::One => 0,
            Reach::Visited => kept.left.into(),
            Reach::Any => u64::from(events) * 2,
        }
    }
}

impl Kept {
    const NONE: Kept = Kept {
        holding: Holding::Out,
        left: 0,
    };
}

impl Holding {
    const fn group(self) -> Option<u32> {
        match self {
            Holding::In { group, .. } => Some(group),
            Holding::Out | Holding::Nowhere => None,
        }
    }
}

impl Unseen {
    fn add(&mut self, rows: u64, most: u64) {
        self.rows += rows;
        self.most = self.most.saturating_add(most);
    }

    /// How many more groups than there are rows may be other than they look for them.
    pub(super) fn spread(&self) -> u64 {
        self.most.saturating_sub(self.rows)
    }
}
