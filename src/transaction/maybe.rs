//! Events of one transaction of which something cannot be told: what they are, whose, or when.
//!
//! Each may be what one participant lacks, or a decision that all of them lack. Some are certain to be
//! one thing, and then what can be told of them counts as well.

use std::collections::BTreeMap;

use crate::absent::{Hint, Parts};
use crate::definition::log::Order;
use crate::texts::Keys;
use crate::transaction::order::{At, first, keep_first};

/// Events of one transaction of which something cannot be told.
#[derive(Debug, Clone, Default)]
pub(super) struct Maybe {
    /// What the events of a participant may be, and what some of them are, by the hash of its name.
    named: BTreeMap<u64, [Parts; 2]>,
    /// How many of nobody knows whom there are, by what they may be.
    nameless: BTreeMap<Parts, u64>,
    /// What any of them may be.
    all: Parts,
    /// What some of them are, whose time or participant is not known.
    pub(super) sure: Parts,
    /// Nobody knows who committed here.
    pub(super) committed: Option<At>,
    /// Nobody knows who aborted here.
    pub(super) aborted: Option<At>,
}

impl Maybe {
    /// None.
    pub(super) const NONE: &'static Maybe = &Maybe {
        named: BTreeMap::new(),
        nameless: BTreeMap::new(),
        all: Parts::NONE,
        sure: Parts::NONE,
        committed: None,
        aborted: None,
    };

    /// Takes so many events of which the same is known.
    pub(super) fn take(&mut self, hint: Hint, count: u64) {
        let may_be = hint.may_be;
        let is = match hint.is_sure && may_be.is_one() {
            true => may_be,
            false => Parts::NONE,
        };
        match hint.who {
            Some(who) => {
                let [own_may_be, own_is] = self.named.entry(who).or_default();
                (*own_may_be, *own_is) = (own_may_be.or(may_be), own_is.or(is));
            }
            None => *self.nameless.entry(may_be).or_default() += count,
        }
        (self.all, self.sure) = (self.all.or(may_be), self.sure.or(is));
    }

    /// Takes an event of a participant that it does not name.
    pub(super) fn take_nameless(&mut self, is: Parts, at: At, order: Order) {
        let hint = Hint {
            may_be: is,
            who: None,
            is_sure: true,
        };
        self.take(hint, 1);
        let place = match is {
            Parts::COMMITTED => &mut self.committed,
            Parts::ABORTED => &mut self.aborted,
            _ => return,
        };
        keep_first(order, place, at);
    }

    /// Adds others of the same transaction.
    pub(super) fn add(&mut self, other: &Maybe, order: Order) {
        for (who, [may_be, is]) in &other.named {
            let [own_may_be, own_is] = self.named.entry(*who).or_default();
            (*own_may_be, *own_is) = (own_may_be.or(*may_be), own_is.or(*is));
        }
        for (parts, count) in &other.nameless {
            *self.nameless.entry(*parts).or_default() += count;
        }
        self.all = self.all.or(other.all);
        self.sure = self.sure.or(other.sure);
        self.committed = first(order, self.committed, other.committed);
        self.aborted = first(order, self.aborted, other.aborted);
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.all == Parts::NONE
    }

    /// Whether one of them may be one of these.
    pub(super) fn may_be(&self, parts: Parts) -> bool {
        self.all.meets(parts)
    }

    /// Whether one of them that is known to be this participant's may be one of these.
    pub(super) fn may_be_of(&self, name: &str, parts: Parts) -> bool {
        self.of(name)[0].meets(parts)
    }

    /// Whether one of them that is known to be this participant's is one of these.
    pub(super) fn is_of(&self, name: &str, parts: Parts) -> bool {
        self.of(name)[1].meets(parts)
    }

    /// The hashes of the participants of whom it is known that this happened to them.
    pub(super) fn who_is(&self, part: Parts) -> impl Iterator<Item = u64> {
        let own = self.named.iter().filter(move |(_, [_, is])| is.meets(part));
        own.map(|(who, _)| *who)
    }

    fn of(&self, name: &str) -> [Parts; 2] {
        if self.named.is_empty() {
            return [Parts::NONE; 2];
        }
        self.named
            .get(&Keys::hash(name))
            .copied()
            .unwrap_or_default()
    }

    /// How many of nobody knows whom may be one of these.
    pub(super) fn nameless(&self, parts: Parts) -> usize {
        let own = self.nameless.iter().filter(|(own, _)| own.meets(parts));
        own.map(|(_, count)| *count as usize).sum()
    }

    /// Bytes kept beside its own.
    pub(super) fn bytes(&self) -> usize {
        self.named.len() * size_of::<(u64, [Parts; 2])>()
            + self.nameless.len() * size_of::<(Parts, u64)>()
    }
}
