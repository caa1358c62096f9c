//! One transaction: its participants, what was decided, and what is wrong with that.

use std::borrow::Cow;
use std::collections::BTreeMap;

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use crate::definition::log::Order;
use crate::event::{Span, Timestamp};
use crate::texts::Keys;
use crate::transaction::maybe::Maybe;
use crate::transaction::order::{At, Doubt, Reading, keep_first};
use crate::transaction::state::{Happening, Participant, step};

/// A transaction with more participants is not settled: its id tells no transactions apart, and
/// looking at all of them after each event would cost the square of their number.
const MOST: usize = 1000;

/// One participant of one transaction.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Member {
    pub(super) state: Participant,
    /// That it takes part is in the log.
    pub(super) joined: bool,
    pub(super) prepared: Option<At>,
    pub(super) refused: Option<At>,
    pub(super) committed: Option<At>,
    pub(super) aborted: Option<At>,
}

/// One transaction.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) members: BTreeMap<Box<str>, Member>,
    /// How many of them have not ended.
    open: usize,
    pub(super) commit: Option<At>,
    pub(super) abort: Option<At>,
    /// Hashes of the names of participants that ended as was decided and are forgotten otherwise.
    ended: HashSet<u64, FixedState>,
    /// How these ended, and when the first of them did.
    pub(super) settled: Option<(Participant, At)>,
    /// Its beginning is in the log.
    pub(super) begun: bool,
    /// Events of which something cannot be told.
    maybe: Option<Box<Maybe>>,
}

/// A participant and its name.
pub(super) type Named<'m> = (&'m str, &'m Member);

impl Entry {
    /// Bytes kept beside its own.
    pub(super) fn bytes(&self) -> usize {
        let names: usize = self.members.keys().map(|name| name.len()).sum();
        let each = size_of::<(Box<str>, Member)>();
        let maybe = self.maybe.as_ref();
        let maybe = maybe.map_or(0, |maybe| size_of::<Maybe>() + maybe.bytes());
        names + self.members.len() * each + self.ended.capacity() * size_of::<u64>() + maybe
    }

    /// Its events of which something cannot be told.
    pub(super) fn maybe(&mut self) -> &mut Maybe {
        self.maybe.get_or_insert_default()
    }

    /// Whether there is one.
    pub(super) fn has_doubt(&self) -> bool {
        self.maybe.is_some()
    }

    /// These with those that rows tell of which cannot be judged.
    pub(super) fn maybe_with<'m>(
        &'m self,
        rows: Option<&'m Maybe>,
        order: Order,
    ) -> Cow<'m, Maybe> {
        match (self.maybe.as_deref(), rows) {
            (None, None) => Cow::Borrowed(Maybe::NONE),
            (Some(one), None) | (None, Some(one)) => Cow::Borrowed(one),
            (Some(one), Some(rows)) => {
                let mut all = one.clone();
                all.add(rows, order);
                Cow::Owned(all)
            }
        }
    }

    /// Something happens to a participant.
    pub(super) fn happen(&mut self, name: &str, happening: Happening, at: At, order: Order) {
        if !self.members.contains_key(name) {
            let had_ended = self.ended.contains(&Keys::hash(name));
            if had_ended && !self.contradicts(happening) {
                return;
            }
            let member = match had_ended {
                true => self.restored(),
                false => Member::default(),
            };
            self.open += usize::from(member.is_open());
            self.members.insert(name.into(), member);
        }
        let Some(member) = self.members.get_mut(name) else {
            return;
        };
        let was_open = member.is_open();
        member.state = step(member.state, happening);
        self.open -= usize::from(was_open && !member.is_open());
        member.joined |= happening == Happening::Joins;
        let place = match happening {
            Happening::Joins => return,
            Happening::Prepares => &mut member.prepared,
            Happening::Refuses => &mut member.refused,
            Happening::Commits => &mut member.committed,
            Happening::Aborts => &mut member.aborted,
        };
        keep_first(order, place, at);
    }

    /// A participant that had ended as was decided.
    fn restored(&self) -> Member {
        let end = |wanted| self.settled.filter(|(state, _)| *state == wanted);
        let [committed, aborted] = [Participant::Committed, Participant::Aborted].map(end);
        Member {
            state: match committed {
                Some(_) => Participant::Committed,
                None => Participant::Aborted,
            },
            joined: true,
            prepared: self.commit,
            refused: None,
            committed: committed.map(|(_, at)| at),
            aborted: aborted.map(|(_, at)| at),
        }
    }

    /// How many participants ended as was decided and are forgotten.
    pub(super) fn forgotten(&self) -> usize {
        let names = self.members.keys();
        let known = names.filter(|name| self.ended.contains(&Keys::hash(name)));
        self.ended.len() - known.count()
    }

    /// Whether the participant with this hash is one that ended as was decided.
    pub(super) fn has_settled(&self, who: u64) -> bool {
        self.ended.contains(&who)
    }

    /// Forgets participants that ended as was decided.
    pub(super) fn settle(&mut self) {
        let ends = self.members.values().filter_map(|member| {
            let ended = match member.state {
                Participant::Committed => member.committed,
                _ => member.aborted,
            };
            Some((member.state, ended?))
        });
        self.settled = ends.chain(self.settled).min_by_key(|(_, at)| *at);
        let names = self.members.keys();
        self.ended.extend(names.map(|name| Keys::hash(name)));
        self.members.clear();
    }

    /// Whether a participant ends otherwise than all others did.
    fn contradicts(&self, happening: Happening) -> bool {
        let settled = self.settled.map(|(state, _)| state);
        match happening {
            Happening::Commits => settled == Some(Participant::Aborted),
            Happening::Aborts => settled == Some(Participant::Committed),
            Happening::Joins | Happening::Prepares | Happening::Refuses => false,
        }
    }

    /// Whether it is over, with every participant where it was decided to be. Where time orders, what
    /// arrives after that may have happened before it.
    pub(super) fn may_settle(&self, order: Order) -> bool {
        let decided = self.commit.is_some() != self.abort.is_some();
        let size = self.members.len();
        let is_over = self.open == 0 && decided && self.maybe.is_none();
        if !is_over || order != Order::Position || !(1..=MOST).contains(&size) {
            return false;
        }
        let as_decided = match self.commit {
            Some(_) => Participant::Committed,
            None => Participant::Aborted,
        };
        let by_position = Reading {
            order,
            doubt: Doubt::Against,
            maybe: Maybe::NONE,
        };
        self.members
            .values()
            .all(|member| member.state == as_decided)
            && self.silent(by_position).is_empty()
    }

    /// Whether the log tells how it began, for all of its participants.
    pub(super) fn has_beginning(&self) -> bool {
        self.begun && self.members.values().all(|one| one.joined)
    }

    /// How long each participant was held that is not any more.
    pub(super) fn held(&self) -> impl Iterator<Item = Span> {
        self.members.values().filter_map(|member| {
            let ended = match member.state {
                Participant::Committed => member.committed,
                Participant::Aborted => member.aborted,
                _ => None,
            };
            Some(ended?.1.since(member.prepared?.1))
        })
    }

    /// How long each participant has been held that still is.
    pub(super) fn holding(&self, order: Order, horizon: Timestamp) -> impl Iterator<Item = Span> {
        let waiting = self.waiting(Reading {
            order,
            doubt: Doubt::For,
            maybe: Maybe::NONE,
        });
        let since = waiting.into_iter().filter_map(|(_, one)| one.prepared);
        since.map(move |at| horizon.since(at.1))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Named<'_>> {
        self.members.iter().map(|(name, member)| (&**name, member))
    }
}

impl Member {
    /// Whether it has not ended.
    pub(super) fn is_open(&self) -> bool {
        use Participant::{Joined, Prepared, Refused};
        matches!(self.state, Joined | Prepared | Refused)
    }
}
