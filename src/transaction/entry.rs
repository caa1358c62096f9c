//! One transaction: its participants, what was decided, and what is wrong with that.

use std::collections::BTreeMap;

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use crate::definition::log::Order;
use crate::definition::transaction::Transaction;
use crate::event::{Span, Timestamp};
use crate::texts::Keys;
use crate::transaction::ledger::{Fault, What};
use crate::transaction::order::{At, Doubt, Reading, first, keep_first};
use crate::transaction::state::{Happening, Participant, step};

/// A transaction with more participants is not settled: its id tells no transactions apart, and
/// looking at all of them after each event would cost the square of their number.
const MOST: usize = 1000;

/// One participant of one transaction.
#[derive(Debug, Clone, Copy, Default)]
struct Member {
    state: Participant,
    /// That it takes part is in the log.
    joined: bool,
    prepared: Option<At>,
    refused: Option<At>,
    committed: Option<At>,
    aborted: Option<At>,
}

/// One transaction.
#[derive(Debug, Default)]
pub(super) struct Entry {
    members: BTreeMap<Box<str>, Member>,
    /// How many of them have not ended.
    open: usize,
    pub(super) commit: Option<At>,
    pub(super) abort: Option<At>,
    /// Hashes of the names of participants that ended as was decided and are forgotten otherwise.
    ended: HashSet<u64, FixedState>,
    /// Its beginning is in the log.
    pub(super) begun: bool,
    /// An event of it cannot be told.
    pub(super) doubt: bool,
}

/// What is wrong, with whom, by which events, since when.
type Found<'m> = (What, Vec<Named<'m>>, Vec<At>, Timestamp);

/// A participant and its name.
type Named<'m> = (&'m str, &'m Member);

impl Entry {
    /// Bytes kept beside its own.
    pub(super) fn bytes(&self) -> usize {
        let names: usize = self.members.keys().map(|name| name.len()).sum();
        let each = size_of::<(Box<str>, Member)>();
        names + self.members.len() * each + self.ended.capacity() * size_of::<u64>()
    }

    /// Something happens to a participant.
    pub(super) fn happen(&mut self, name: &str, happening: Happening, at: At, order: Order) {
        if !self.members.contains_key(name) {
            let had_ended = self.ended.contains(&Keys::hash(name));
            if had_ended && !self.contradicts(happening) {
                return;
            }
            let member = match had_ended {
                true => self.forgotten(),
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
    fn forgotten(&self) -> Member {
        Member {
            state: match self.commit {
                Some(_) => Participant::Committed,
                None => Participant::Aborted,
            },
            joined: true,
            prepared: self.commit,
            refused: None,
            committed: self.commit,
            aborted: self.abort,
        }
    }

    /// Forgets participants that ended as was decided.
    pub(super) fn settle(&mut self) {
        let names = self.members.keys();
        self.ended.extend(names.map(|name| Keys::hash(name)));
        self.members.clear();
    }

    /// Whether a participant ends otherwise than all others did.
    fn contradicts(&self, happening: Happening) -> bool {
        match happening {
            Happening::Commits => self.commit.is_none(),
            Happening::Aborts => self.abort.is_none(),
            Happening::Joins | Happening::Prepares | Happening::Refuses => false,
        }
    }

    /// Whether it is over, with every participant where it was decided to be. Where time orders, what
    /// arrives after that may have happened before it.
    pub(super) fn may_settle(&self, order: Order) -> bool {
        let decided = self.commit.is_some() != self.abort.is_some();
        let size = self.members.len();
        let is_over = self.open == 0 && decided && !self.doubt;
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
        });
        let since = waiting.into_iter().filter_map(|(_, one)| one.prepared);
        since.map(move |at| horizon.since(at.1))
    }

    fn all(&self) -> impl Iterator<Item = Named<'_>> {
        self.members.iter().map(|(name, member)| (&**name, member))
    }

    /// What is wrong with it, whatever way its order is read, and what may be. What is `off` is not
    /// told, and excuses nothing.
    pub(super) fn judge(
        &self,
        of: &Transaction,
        id: &str,
        order: Order,
        (horizon, off): (Timestamp, &[What]),
    ) -> (Vec<Fault>, Vec<What>) {
        let read = |doubt| self.read(of.in_doubt_after, Reading { order, doubt }, horizon, off);
        let found = read(Doubt::For);
        let (found, doubtful) = match order {
            Order::Position => (found, Vec::new()),
            Order::Time { .. } => {
                let other = read(Doubt::Against);
                let is_in = |what, all: &[Found<'_>]| all.iter().any(|found| found.0 == what);
                let (sure, some): (Vec<Found<'_>>, Vec<Found<'_>>) =
                    found.into_iter().partition(|one| is_in(one.0, &other));
                let more = other.into_iter().filter(|one| !is_in(one.0, &sure));
                let mut doubtful: Vec<What> =
                    some.into_iter().chain(more).map(|one| one.0).collect();
                doubtful.dedup();
                (sure, doubtful)
            }
        };
        // Either they voted, and then may not end differently, or commit was decided without them.
        let is_either = |what: &What| matches!(what, What::Mixed | What::WithoutVotes);
        let unexcused = self.mixed(&[]);
        let (mut found, mut doubtful) = (found, doubtful);
        let is_told = found.iter().any(|one| is_either(&one.0));
        if let Some(unexcused) = &unexcused
            && !is_told
            && doubtful.contains(&What::WithoutVotes)
        {
            doubtful.retain(|what| !is_either(what));
            found.insert(0, unexcused.clone());
        }
        let ended = self.ended();
        let has_refused = |(_, member): &Named<'_>| {
            let reading = Reading {
                order,
                doubt: Doubt::For,
            };
            let votes = member.refused.zip(self.commit);
            votes.is_some_and(|(no, decided)| reading.is_before(no, decided, Doubt::Against))
        };
        let fault = |(what, members, mut shown, since): Found<'_>| {
            shown.sort_unstable();
            shown.dedup();
            Fault {
                id: id.to_owned(),
                what,
                is_certain: match what {
                    What::Mixed | What::Torn => true,
                    What::WithoutVotes => members.iter().any(has_refused),
                    What::InDoubt | What::Undelivered => false,
                },
                participants: members.iter().map(|(name, _)| (*name).to_owned()).collect(),
                ended: ended.clone(),
                since,
                evidence: shown.into_iter().map(|at| at.0).collect(),
                instead: None,
            }
        };
        let is_mixed = found.iter().any(|one| one.0 == What::Mixed);
        let mut faults: Vec<Fault> = found.into_iter().map(fault).collect();
        let mut without = faults.iter_mut();
        if let Some(without) = without.find(|one| one.what == What::WithoutVotes)
            && !is_mixed
        {
            without.instead = unexcused.map(|one| Box::new(fault(one)));
        }
        (faults, doubtful)
    }

    fn read(
        &self,
        limit: Span,
        reading: Reading,
        horizon: Timestamp,
        off: &[What],
    ) -> Vec<Found<'_>> {
        let silent = match off.contains(&What::WithoutVotes) {
            true => Vec::new(),
            false => self.silent(reading),
        };
        let found = [
            self.mixed(&silent),
            self.without_votes(silent),
            self.in_doubt(limit, reading, horizon),
            self.undelivered(limit, reading, horizon),
        ];
        found.into_iter().flatten().collect()
    }

    /// Participants ended differently, or against the decision. That commit was decided without the
    /// yes of the `silent` ones is told of itself, and they may abort then.
    fn mixed(&self, silent: &[Named<'_>]) -> Option<Found<'_>> {
        let is_silent = |name: &str| silent.binary_search_by_key(&name, |one| one.0).is_ok();
        let committed: Vec<(Named<'_>, At)> = (self.all())
            .filter_map(|named| Some((named, named.1.committed?)))
            .collect();
        let aborted: Vec<(Named<'_>, At)> = (self.all())
            .filter(|(name, member)| member.state == Participant::Torn || !is_silent(name))
            .filter_map(|named| Some((named, named.1.aborted?)))
            .collect();
        let against =
            |ended: &[(Named<'_>, At)], decision: Option<At>| Some((ended.first()?.1, decision?));
        let (what, one, other) = match (self.commit, self.abort) {
            (Some(commit), Some(abort)) => (What::Torn, commit, abort),
            (commit, abort) => {
                let clash = match (committed.first(), aborted.first()) {
                    (Some((_, one)), Some((_, other))) => Some((*one, *other)),
                    _ => against(&committed, abort).or_else(|| against(&aborted, commit)),
                };
                let (one, other) = clash?;
                (What::Mixed, one, other)
            }
        };
        let mut members: Vec<Named<'_>> = committed
            .iter()
            .chain(&aborted)
            .map(|(named, _)| *named)
            .collect();
        members.sort_by_key(|(name, _)| *name);
        members.dedup_by_key(|(name, _)| *name);
        let since = one.1.max(other.1);
        Some((what, members, vec![one, other], since))
    }

    /// Whose yes was not there when commit was decided. One no is enough, whatever the same
    /// participant said before or after it. Who decided both ways did not count votes.
    fn silent(&self, reading: Reading) -> Vec<Named<'_>> {
        let Some(decided) = self.commit.filter(|_| self.abort.is_none()) else {
            return Vec::new();
        };
        let came = |vote: Option<At>, so| vote.is_some_and(|at| reading.is_before(at, decided, so));
        let is_silent = |(_, member): &Named<'_>| {
            !came(member.prepared, Doubt::For) || came(member.refused, Doubt::Against)
        };
        self.all().filter(is_silent).collect()
    }

    fn without_votes<'m>(&'m self, silent: Vec<Named<'m>>) -> Option<Found<'m>> {
        let decided = self.commit.filter(|_| !silent.is_empty())?;
        let votes = silent.iter();
        let votes = votes.filter_map(|(_, member)| member.refused.or(member.prepared));
        let shown = [decided].into_iter().chain(votes).collect();
        Some((What::WithoutVotes, silent, shown, decided.1))
    }

    /// A participant that has ended, one that has committed before any other.
    fn ended(&self) -> Option<(String, Participant)> {
        let ended = |wanted| self.all().find(move |(_, member)| member.state == wanted);
        let (name, member) =
            ended(Participant::Committed).or_else(|| ended(Participant::Aborted))?;
        Some((name.to_owned(), member.state))
    }

    fn waiting(&self, reading: Reading) -> Vec<Named<'_>> {
        let waits = |(_, member): &Named<'_>| match (member.prepared, member.refused) {
            (Some(yes), Some(no)) => member.is_open() && reading.is_before(yes, no, Doubt::Against),
            _ => member.state == Participant::Prepared,
        };
        self.all().filter(waits).collect()
    }

    fn in_doubt(&self, limit: Span, reading: Reading, horizon: Timestamp) -> Option<Found<'_>> {
        if self.commit.is_some() || self.abort.is_some() {
            return None;
        }
        let is_over = |(_, member): &Named<'_>| {
            let prepared = member.prepared.map(|at| at.1.after(limit));
            prepared.is_some_and(|limit| horizon >= limit)
        };
        let members: Vec<Named<'_>> = self.waiting(reading).into_iter().filter(is_over).collect();
        let shown: Vec<At> = members
            .iter()
            .filter_map(|(_, member)| member.prepared)
            .collect();
        let since = shown.iter().map(|at| at.1).min()?;
        Some((What::InDoubt, members, shown, since))
    }

    /// Who waits for a decision waits since it was made; who voted after it, since then.
    fn undelivered(&self, limit: Span, reading: Reading, horizon: Timestamp) -> Option<Found<'_>> {
        let decided = first(reading.order, self.commit, self.abort)?;
        let since = |member: &Member| Some(member.prepared?.1.max(decided.1));
        let is_over = |(_, member): &Named<'_>| {
            since(member).is_some_and(|since| horizon >= since.after(limit))
        };
        let members: Vec<Named<'_>> = self.waiting(reading).into_iter().filter(is_over).collect();
        let mut shown = vec![decided];
        shown.extend(members.iter().filter_map(|(_, member)| member.prepared));
        let since = members
            .iter()
            .filter_map(|(_, member)| since(member))
            .min()?;
        Some((What::Undelivered, members, shown, since))
    }
}

impl Member {
    /// Whether it has not ended.
    fn is_open(&self) -> bool {
        use Participant::{Joined, Prepared, Refused};
        matches!(self.state, Joined | Prepared | Refused)
    }
}
