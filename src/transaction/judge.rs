//! What is wrong with one transaction.

use crate::absent::Parts;
use crate::definition::log::Order;
use crate::definition::transaction::Transaction;
use crate::event::{Span, Timestamp};
use crate::transaction::entry::{Entry, Member, Named};
use crate::transaction::fault::{Did, Fault, What};
use crate::transaction::maybe::Maybe;
use crate::transaction::order::{At, Doubt, Reading, first};
use crate::transaction::state::Participant;

/// What is wrong.
#[derive(Debug, Clone)]
struct Found<'m> {
    what: What,
    /// With whom, by name, and what each did.
    members: Vec<(Named<'m>, Did)>,
    /// With how many of them at least.
    at_least: usize,
    /// How many more committed and aborted.
    nameless: [usize; 2],
    shown: Vec<At>,
    since: Timestamp,
}

impl Entry {
    /// What is wrong with it, whatever way its order is read and whatever those of its events are of
    /// which something cannot be told, and what may be. What is `off` is not told, and excuses nothing.
    pub(super) fn judge(
        &self,
        of: &Transaction,
        id: &str,
        order: Order,
        (horizon, off): (Timestamp, &[What]),
        maybe: &Maybe,
    ) -> (Vec<Fault>, Vec<What>) {
        let reading = |doubt| Reading {
            order,
            doubt,
            maybe,
        };
        let read = |doubt| self.read(of.in_doubt_after, reading(doubt), horizon, off);
        let found = read(Doubt::For);
        let other = match order {
            Order::Position if maybe.is_empty() => found.clone(),
            _ => read(Doubt::Against),
        };
        let is_in = |what, all: &[Found<'_>]| all.iter().any(|found| found.what == what);
        let (mut found, some): (Vec<Found<'_>>, Vec<Found<'_>>) =
            found.into_iter().partition(|one| is_in(one.what, &other));
        let more = other.into_iter().filter(|one| !is_in(one.what, &found));
        let mut doubtful: Vec<What> = some.into_iter().chain(more).map(|one| one.what).collect();
        doubtful.dedup();
        // Either they voted, and then may not end differently, or commit was decided without them.
        let is_either = |what: &What| matches!(what, What::Mixed | What::WithoutVotes);
        let unexcused = self.mixed(&[], reading(Doubt::For));
        let is_told = found.iter().any(|one| is_either(&one.what));
        if let Some(unexcused) = &unexcused
            && !is_told
            && doubtful.contains(&What::WithoutVotes)
        {
            doubtful.retain(|what| !is_either(what));
            found.insert(0, unexcused.clone());
        }
        let is_mixed = is_in(What::Mixed, &found);
        let fault = |found| self.fault(id, found, reading(Doubt::For));
        let mut faults: Vec<Fault> = found.into_iter().map(fault).collect();
        let mut without = faults.iter_mut();
        if let Some(without) = without.find(|one| one.what == What::WithoutVotes)
            && !is_mixed
        {
            without.instead = unexcused.map(|one| Box::new(fault(one)));
        }
        (faults, doubtful)
    }

    fn fault(&self, id: &str, found: Found<'_>, reading: Reading<'_>) -> Fault {
        let Found {
            what,
            members,
            at_least,
            nameless,
            mut shown,
            since,
        } = found;
        let ended = match what {
            What::InDoubt => self.ended(),
            _ => None,
        };
        shown.extend(ended.map(|(.., at)| at));
        shown.sort_unstable();
        shown.dedup();
        let has_refused = |one: &(Named<'_>, Did)| self.had_refused(one.0.1, reading);
        Fault {
            id: id.to_owned(),
            what,
            is_certain: match what {
                What::Mixed | What::Torn => true,
                What::WithoutVotes => members.iter().any(has_refused),
                What::InDoubt | What::Undelivered => false,
            },
            at_least,
            nameless,
            decided: match (what, self.commit, self.abort) {
                (What::Mixed, Some(_), _) => Some(Participant::Committed),
                (What::Mixed, _, Some(_)) => Some(Participant::Aborted),
                _ => None,
            },
            participants: members
                .iter()
                .map(|((name, _), did)| ((*name).to_owned(), *did))
                .collect(),
            ended: ended.map(|(name, state, _)| (name.to_owned(), state)),
            since,
            evidence: shown.into_iter().map(|at| at.0).collect(),
            instead: None,
        }
    }

    fn read(
        &self,
        limit: Span,
        reading: Reading<'_>,
        horizon: Timestamp,
        off: &[What],
    ) -> Vec<Found<'_>> {
        let silent = match off.contains(&What::WithoutVotes) {
            true => Vec::new(),
            false => self.silent(reading),
        };
        let found = [
            self.mixed(&silent, reading),
            self.without_votes(silent, reading),
            self.in_doubt(limit, reading, horizon),
            self.undelivered(limit, reading, horizon),
        ];
        found.into_iter().flatten().collect()
    }

    /// Participants ended differently, or against the decision. That commit was decided without the
    /// yes of the `silent` ones is told of itself, and they may abort then.
    fn mixed(&self, silent: &[Named<'_>], reading: Reading<'_>) -> Option<Found<'_>> {
        let Reading { order, maybe, .. } = reading;
        let is_silent = |name: &str| silent.binary_search_by_key(&name, |one| one.0).is_ok();
        let did = |(name, member): Named<'_>| {
            let has = |at: Option<At>, part| at.is_some() || maybe.is_of(name, part);
            let committed = has(member.committed, Parts::COMMITTED);
            let may_abort = is_silent(name) && !committed;
            let aborted = has(member.aborted, Parts::ABORTED) && !may_abort;
            match (committed, aborted) {
                (true, true) => Some(Did::Both),
                (true, false) => Some(Did::Commit),
                (false, true) => Some(Did::Abort),
                (false, false) => None,
            }
        };
        let members: Vec<(Named<'_>, Did)> = self
            .all()
            .filter_map(|named| Some((named, did(named)?)))
            .collect();
        let settled = |wanted| {
            let settled = self.settled.filter(|(state, _)| *state == wanted);
            settled.map(|(_, at)| at)
        };
        let earlier = |one, other| first(order, one, other);
        // Whoever is not known may be one who never voted.
        let is_blamed = silent.is_empty();
        let commits = members.iter().filter_map(|((_, one), _)| one.committed);
        let committed = commits
            .chain(settled(Participant::Committed))
            .chain(maybe.committed)
            .map(Some)
            .fold(None, earlier);
        let aborts = members.iter().filter(|(_, did)| *did != Did::Commit);
        let aborted = aborts
            .filter_map(|((_, one), _)| one.aborted)
            .chain(settled(Participant::Aborted))
            .chain(maybe.aborted.filter(|_| is_blamed))
            .map(Some)
            .fold(None, earlier);
        let is_sure = |at: Option<At>, part| at.is_some() || maybe.sure.meets(part);
        let has_committed = is_sure(committed, Parts::COMMITTED);
        let has_aborted = aborted.is_some()
            || members.iter().any(|(_, did)| *did != Did::Commit)
            || maybe
                .who_is(Parts::ABORTED)
                .any(|who| self.has_settled(who))
            || (is_blamed && maybe.sure.meets(Parts::ABORTED));
        let commit_decided = is_sure(self.commit, Parts::COMMIT);
        let abort_decided = is_sure(self.abort, Parts::ABORT);
        let (what, shown) = match (commit_decided, abort_decided) {
            (true, true) => (What::Torn, [self.commit, self.abort]),
            _ if has_committed && has_aborted => (
                What::Mixed,
                [committed.or(self.commit), aborted.or(self.abort)],
            ),
            (_, true) if has_committed => (What::Mixed, [committed, self.abort]),
            (true, _) if has_aborted => (What::Mixed, [self.commit, aborted]),
            _ => return None,
        };
        let shown: Vec<At> = shown.into_iter().flatten().collect();
        let since = shown.iter().map(|at| at.1).max()?;
        let nameless = |wanted, other, has| {
            let is_settled = self.settled.is_some_and(|(state, _)| state == wanted);
            let forgotten = if is_settled { self.forgotten() } else { 0 };
            let is_named = members.iter().any(|(_, did)| *did != other);
            forgotten.max(usize::from(has && !is_named))
        };
        let nameless = [
            nameless(Participant::Committed, Did::Abort, has_committed),
            nameless(Participant::Aborted, Did::Commit, has_aborted),
        ];
        Some(Found {
            what,
            at_least: members.len(),
            members,
            nameless,
            shown,
            since,
        })
    }

    /// Whether a participant had refused before commit was decided.
    fn had_refused(&self, member: &Member, reading: Reading<'_>) -> bool {
        let votes = member.refused.zip(self.commit);
        votes.is_some_and(|(no, decided)| reading.is_before(no, decided, Doubt::Against))
    }

    /// Whose yes was not there when commit was decided. One no is enough, whatever the same
    /// participant said before or after it. Who decided both ways did not count votes.
    pub(super) fn silent(&self, reading: Reading<'_>) -> Vec<Named<'_>> {
        let is_torn = self.abort.is_some() || reading.maybe.sure.meets(Parts::ABORT);
        let Some(decided) = self.commit.filter(|_| !is_torn) else {
            return Vec::new();
        };
        let has_agreed = |(name, member): Named<'_>| {
            let came = |vote| reading.is_before(vote, decided, Doubt::For);
            member.prepared.is_some_and(came) || reading.allows_of(name, Parts::YES)
        };
        let has_refused = |named: &Named<'_>| self.had_refused(named.1, reading);
        let silent = self
            .all()
            .filter(|one| has_refused(one) || !has_agreed(*one));
        let mut silent: Vec<Named<'_>> = silent.collect();
        let refused = silent.iter().filter(|one| has_refused(one)).count();
        if silent.len() - refused <= reading.allows_for(Parts::YES) {
            silent.retain(has_refused);
        }
        silent
    }

    fn without_votes<'m>(
        &'m self,
        silent: Vec<Named<'m>>,
        reading: Reading<'_>,
    ) -> Option<Found<'m>> {
        let decided = self.commit.filter(|_| !silent.is_empty())?;
        let votes = silent.iter();
        let votes = votes.filter_map(|(_, member)| member.refused.or(member.prepared));
        let shown = [decided].into_iter().chain(votes).collect();
        let did = |(_, member): &Named<'_>| match (member.refused, member.prepared) {
            _ if self.had_refused(member, reading) => Did::Refused,
            (None, None) => Did::Nothing,
            _ => Did::VotedLate,
        };
        let members: Vec<(Named<'_>, Did)> =
            silent.into_iter().map(|one| (one, did(&one))).collect();
        let all_refused = members.iter().all(|(_, did)| *did == Did::Refused);
        let excused = match all_refused {
            true => 0,
            false => reading.allows_for(Parts::YES),
        };
        Some(Found {
            what: What::WithoutVotes,
            at_least: members.len() - excused,
            members,
            nameless: [0; 2],
            shown,
            since: decided.1,
        })
    }

    /// A participant that has ended, one that has committed before any other.
    fn ended(&self) -> Option<(&str, Participant, At)> {
        let ended = |wanted| self.all().find(move |(_, member)| member.state == wanted);
        let (name, member) =
            ended(Participant::Committed).or_else(|| ended(Participant::Aborted))?;
        Some((name, member.state, member.committed.or(member.aborted)?))
    }

    pub(super) fn waiting(&self, reading: Reading<'_>) -> Vec<Named<'_>> {
        let waits = |(_, member): &Named<'_>| match (member.prepared, member.refused) {
            (Some(yes), Some(no)) => member.is_open() && reading.is_before(yes, no, Doubt::Against),
            _ => member.state == Participant::Prepared,
        };
        self.all().filter(waits).collect()
    }

    fn in_doubt(&self, limit: Span, reading: Reading<'_>, horizon: Timestamp) -> Option<Found<'_>> {
        let (decision, _) = What::InDoubt.mended_by();
        if self.commit.is_some() || self.abort.is_some() || reading.allows(decision) {
            return None;
        }
        let since = |member: &Member| Some(member.prepared?.1);
        self.held_up(What::InDoubt, since, (limit, horizon), reading)
    }

    /// Who waits for a decision waits since it was made; who voted after it, since then.
    fn undelivered(
        &self,
        limit: Span,
        reading: Reading<'_>,
        horizon: Timestamp,
    ) -> Option<Found<'_>> {
        let decided = first(reading.order, self.commit, self.abort)?;
        let since = |member: &Member| Some(member.prepared?.1.max(decided.1));
        let mut found = self.held_up(What::Undelivered, since, (limit, horizon), reading)?;
        found.shown.push(decided);
        Some(found)
    }

    /// Who waits for longer than the limit, for all that may have let it go. Where nobody knows whom
    /// something let go, it was who has waited for longest.
    fn held_up(
        &self,
        what: What,
        since: impl Fn(&Member) -> Option<Timestamp>,
        (limit, horizon): (Span, Timestamp),
        reading: Reading<'_>,
    ) -> Option<Found<'_>> {
        let (_, end) = what.mended_by();
        let is_over = |(name, member): &Named<'_>| {
            !reading.allows_of(name, end)
                && since(member).is_some_and(|since| horizon >= since.after(limit))
        };
        let waiting = self.waiting(reading).into_iter().filter(is_over);
        let members: Vec<(Named<'_>, Did)> = waiting.map(|one| (one, Did::Waits)).collect();
        let mut times: Vec<Timestamp> = members
            .iter()
            .filter_map(|((_, member), _)| since(member))
            .collect();
        times.sort_unstable();
        let let_go = reading.allows_for(end);
        Some(Found {
            what,
            since: *times.get(let_go)?,
            at_least: members.len() - let_go,
            nameless: [0; 2],
            shown: members
                .iter()
                .filter_map(|((_, member), _)| member.prepared)
                .collect(),
            members,
        })
    }
}
