//! All transactions of a log, and what is wrong with them at a horizon.
//!
//! A transaction that is over, and all of whose participants ended as was decided, is *settled*: its
//! participants are forgotten, but for how long they were held. Only one that ends the other way
//! afterwards is still told.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use crate::absent::Absent;
use crate::definition::log::Order;
use crate::definition::saga::EventPattern;
use crate::definition::transaction::Transaction;
use crate::event::{Position, Span, Timestamp};
use crate::texts::{Keys, Texts, room};
use crate::transaction::note::{Meaning, Note};
use crate::transaction::state::{Happening, Participant, step};

/// A transaction with more participants is not settled: its id tells no transactions apart, and
/// looking at all of them after each event would cost the square of their number.
const MOST: usize = 1000;

/// An event and its time.
type At = (Position, Timestamp);

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
struct Entry {
    members: BTreeMap<Box<str>, Member>,
    /// How many of them have not ended.
    open: usize,
    commit: Option<At>,
    abort: Option<At>,
    /// Hashes of the names of participants that ended as was decided and are forgotten otherwise.
    ended: HashSet<u64, FixedState>,
    /// Its beginning is in the log.
    begun: bool,
    /// An event of it cannot be told.
    doubt: bool,
}

/// Follows transactions.
#[derive(Debug, Default)]
pub struct Ledger {
    definitions: Vec<Arc<Transaction>>,
    order: Option<Order>,
    books: Vec<Book>,
}

/// The transactions of one definition.
#[derive(Debug, Default)]
struct Book {
    ids: Keys,
    /// By the number of the id.
    entries: Vec<Entry>,
    astray: u64,
    /// How long the participants of settled transactions were held.
    held: Vec<Span>,
}

/// What is wrong with a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// Participants prepared, and nothing is decided.
    InDoubt,
    /// Participants ended differently, or against the decision.
    Mixed,
    /// Decided to commit and to abort.
    Torn,
    /// Commit was decided without everybody's yes.
    WithoutVotes,
    /// Decided, and participants never got to know.
    Undelivered,
}

/// A transaction with something wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The transaction's id.
    pub id: String,
    /// What is wrong.
    pub what: What,
    /// The participants that it is about.
    pub participants: Vec<String>,
    /// Another participant that has ended already, and how: whoever waits has to follow it.
    pub ended: Option<(String, Participant)>,
    /// The events that show it, in order.
    pub evidence: Vec<Position>,
    /// Since when.
    pub since: Timestamp,
}

/// What was found of one definition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conclusion {
    /// What is wrong, by transaction in the order of first events.
    pub faults: Vec<Fault>,
    /// Transactions looked at.
    pub transactions: u64,
    /// Of them, those of which it cannot be told.
    pub unknown: u64,
    /// What would be wrong with further ones, unless a row that is not judged is what they lack.
    pub hidden: Vec<What>,
    /// Events of which the transaction cannot be told.
    pub astray: u64,
    /// How long participants were held from their vote to their end, ascending.
    pub held: Vec<Span>,
}

impl Conclusion {
    /// Adds what was found of other transactions of the definition.
    pub fn add(&mut self, other: Conclusion) {
        self.transactions += other.transactions;
        self.unknown += other.unknown;
        self.astray += other.astray;
        self.faults.extend(other.faults);
        self.hidden.extend(other.hidden);
        self.held.extend(other.held);
        self.held.sort_unstable();
    }
}

/// What is wrong, with whom, by which events, since when.
type Found<'m> = (What, Vec<Named<'m>>, Vec<At>, Timestamp);

/// A participant and its name.
type Named<'m> = (&'m str, &'m Member);

impl Ledger {
    /// A ledger for these definitions in a log of this order; by position where it is not declared.
    pub fn new(definitions: &[Arc<Transaction>], order: Option<Order>) -> Ledger {
        Ledger {
            definitions: definitions.to_vec(),
            order,
            books: definitions.iter().map(|_| Default::default()).collect(),
        }
    }

    /// Takes the next event in the log's order.
    pub fn take(&mut self, note: &Note, texts: &Texts) {
        let order = self.order.unwrap_or(Order::Position);
        let book = &mut self.books[usize::from(note.definition)];
        let Some((hash, id)) = note.id else {
            book.astray += 1;
            return;
        };
        let number = book.ids.number(hash, texts.get(id)) as usize;
        if number == book.entries.len() {
            book.entries.push(Entry::default());
        }
        let entry = &mut book.entries[number];
        let at = (note.position, note.time);
        match note.meaning {
            None => entry.doubt = true,
            Some(Meaning::Commit) => _ = entry.commit.get_or_insert(at),
            Some(Meaning::Abort) => _ = entry.abort.get_or_insert(at),
            Some(Meaning::Of(happening)) => {
                entry.begun |= happening == Happening::Joins;
                match note.participant {
                    Some(name) => entry.happen(texts.get(name), happening, at),
                    // A transaction may begin before anybody takes part.
                    None => entry.doubt |= happening != Happening::Joins,
                }
            }
        }
        if entry.may_settle(order) {
            book.held.extend(entry.held());
            entry.settle();
        }
    }

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        let own = |book: &Book| {
            let entries = book.entries.iter().map(Entry::bytes);
            let tables = book.ids.bytes() + room(&book.entries) + room(&book.held);
            tables + entries.sum::<usize>()
        };
        self.books.iter().map(own).sum()
    }

    /// What is wrong at the horizon. In a log that was `cut`, a transaction whose beginning is not in
    /// it may have been voted on before.
    pub fn conclude(&self, horizon: Timestamp, cut: bool, absent: &Absent) -> Vec<Conclusion> {
        let order = self.order.unwrap_or(Order::Position);
        let each = self.definitions.iter().zip(&self.books);
        each.map(|(definition, book)| {
            let mut conclusion = Conclusion {
                transactions: book.ids.len() as u64,
                astray: book.astray,
                held: book.held.clone(),
                ..Conclusion::default()
            };
            for (number, entry) in book.entries.iter().enumerate() {
                let is_headless = !entry.begun || entry.members.values().any(|one| !one.joined);
                if entry.doubt || (cut && is_headless) {
                    conclusion.unknown += 1;
                    continue;
                }
                conclusion.held.extend(entry.held());
                let id = book.ids.text(number as u32);
                let faults = entry.judge(definition, id, order, horizon);
                for fault in faults {
                    match may_be_lacking(definition, absent, entry, &fault) {
                        true => conclusion.hidden.push(fault.what),
                        false => conclusion.faults.push(fault),
                    }
                }
            }
            conclusion.held.sort_unstable();
            conclusion
        })
        .collect()
    }
}

/// Whether what a transaction lacks may be a row that is not judged.
fn may_be_lacking(of: &Transaction, absent: &Absent, entry: &Entry, fault: &Fault) -> bool {
    let (votes, decisions, ends) = (
        [&of.prepares, &of.refuses],
        [&of.commits, &of.aborts],
        [&of.committed, &of.aborted],
    );
    let has_refused = entry.members.values().any(|one| one.refused.is_some());
    let lacking: Vec<&Vec<EventPattern>> = match fault.what {
        What::InDoubt => [decisions, ends].concat(),
        What::Undelivered => ends.to_vec(),
        What::WithoutVotes if !has_refused => votes.to_vec(),
        What::WithoutVotes | What::Mixed | What::Torn => Vec::new(),
    };
    let value = of.id.is_none().then_some(&*fault.id);
    let mut patterns = lacking.into_iter().flatten();
    patterns.any(|pattern| absent.may_be(&pattern.kind, value))
}

/// Whether one event came after another for certain: a vote after the decision was none.
fn is_after(order: Order, one: At, other: At) -> bool {
    match order {
        Order::Position => one.0 > other.0,
        Order::Time { skew, .. } => one.1 > other.1.after(skew),
    }
}

impl Entry {
    /// Bytes kept beside its own.
    fn bytes(&self) -> usize {
        let names: usize = self.members.keys().map(|name| name.len()).sum();
        let each = size_of::<(Box<str>, Member)>();
        names + self.members.len() * each + self.ended.capacity() * size_of::<u64>()
    }

    fn happen(&mut self, name: &str, happening: Happening, at: At) {
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
        place.get_or_insert(at);
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
    fn settle(&mut self) {
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

    /// Whether it is over, with every participant where it was decided to be.
    fn may_settle(&self, order: Order) -> bool {
        let decided = self.commit.is_some() != self.abort.is_some();
        let size = self.members.len();
        if self.open > 0 || !decided || self.doubt || !(1..=MOST).contains(&size) {
            return false;
        }
        let as_decided = match self.commit {
            Some(_) => Participant::Committed,
            None => Participant::Aborted,
        };
        self.members
            .values()
            .all(|member| member.state == as_decided)
            && self.without_votes(order).is_none()
    }

    /// How long each participant was held that is not any more.
    fn held(&self) -> impl Iterator<Item = Span> {
        self.members.values().filter_map(|member| {
            let ended = match member.state {
                Participant::Committed => member.committed,
                Participant::Aborted => member.aborted,
                _ => None,
            };
            Some(ended?.1.since(member.prepared?.1))
        })
    }

    fn all(&self) -> impl Iterator<Item = Named<'_>> {
        self.members.iter().map(|(name, member)| (&**name, member))
    }

    fn judge(&self, of: &Transaction, id: &str, order: Order, horizon: Timestamp) -> Vec<Fault> {
        let found = [
            self.mixed(),
            self.without_votes(order),
            self.in_doubt(of.in_doubt_after, horizon),
            self.undelivered(of.in_doubt_after, horizon),
        ];
        found
            .into_iter()
            .flatten()
            .map(|(what, members, mut shown, since)| {
                shown.sort_unstable();
                shown.dedup();
                Fault {
                    id: id.to_owned(),
                    what,
                    participants: members.iter().map(|(name, _)| (*name).to_owned()).collect(),
                    ended: self.ended(),
                    since,
                    evidence: shown.into_iter().map(|at| at.0).collect(),
                }
            })
            .collect()
    }

    /// Who had voted yes or committed counts; whoever refused may abort whatever the others do.
    fn mixed(&self) -> Option<Found<'_>> {
        let voted = |member: &Member| member.prepared.is_some() && member.refused.is_none();
        let committed: Vec<(Named<'_>, At)> = (self.all())
            .filter_map(|named| Some((named, named.1.committed?)))
            .collect();
        let aborted: Vec<(Named<'_>, At)> = (self.all())
            .filter(|(_, member)| voted(member) || member.state == Participant::Torn)
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
        members.dedup_by_key(|(name, _)| *name);
        let since = one.1.max(other.1);
        Some((what, members, vec![one, other], since))
    }

    fn without_votes(&self, order: Order) -> Option<Found<'_>> {
        // Who decided both ways did not count votes.
        let decided = self.commit.filter(|_| self.abort.is_none())?;
        // One no is enough, whatever the same participant said before or after it.
        let refused = |member: &Member| {
            member
                .refused
                .is_some_and(|at| !is_after(order, at, decided))
        };
        let in_time = |member: &Member| {
            member
                .prepared
                .is_some_and(|at| !is_after(order, at, decided))
        };
        let silent: Vec<Named<'_>> = (self.all())
            .filter(|(_, member)| {
                !in_time(member) || member.state == Participant::Refused || refused(member)
            })
            .collect();
        let mut shown = vec![decided];
        shown.extend(
            silent
                .iter()
                .filter_map(|(_, member)| member.refused.or(member.prepared)),
        );
        (!silent.is_empty()).then_some((What::WithoutVotes, silent, shown, decided.1))
    }

    /// A participant that has ended, one that has committed before any other.
    fn ended(&self) -> Option<(String, Participant)> {
        let ended = |wanted| self.all().find(move |(_, member)| member.state == wanted);
        let (name, member) =
            ended(Participant::Committed).or_else(|| ended(Participant::Aborted))?;
        Some((name.to_owned(), member.state))
    }

    fn waiting(&self) -> Vec<Named<'_>> {
        let waits = |(_, member): &Named<'_>| member.state == Participant::Prepared;
        self.all().filter(waits).collect()
    }

    fn in_doubt(&self, limit: Span, horizon: Timestamp) -> Option<Found<'_>> {
        if self.commit.is_some() || self.abort.is_some() {
            return None;
        }
        let is_over = |(_, member): &Named<'_>| {
            let prepared = member.prepared.map(|at| at.1.after(limit));
            prepared.is_some_and(|limit| horizon >= limit)
        };
        let members: Vec<Named<'_>> = self.waiting().into_iter().filter(is_over).collect();
        let shown: Vec<At> = members
            .iter()
            .filter_map(|(_, member)| member.prepared)
            .collect();
        let since = shown.iter().map(|at| at.1).min()?;
        Some((What::InDoubt, members, shown, since))
    }

    fn undelivered(&self, limit: Span, horizon: Timestamp) -> Option<Found<'_>> {
        let decided = match (self.commit, self.abort) {
            (Some(commit), Some(abort)) => commit.min(abort),
            (decided, other) => decided.or(other)?,
        };
        let members = self.waiting();
        if members.is_empty() || horizon < decided.1.after(limit) {
            return None;
        }
        let mut shown = vec![decided];
        shown.extend(members.iter().filter_map(|(_, member)| member.prepared));
        Some((What::Undelivered, members, shown, decided.1))
    }
}

impl Member {
    /// Whether it has not ended.
    fn is_open(&self) -> bool {
        use Participant::{Joined, Prepared, Refused};
        matches!(self.state, Joined | Prepared | Refused)
    }
}
