//! All transactions of a log, and what is wrong with them at a horizon.

use std::sync::Arc;

use crate::definition::transaction::Transaction;
use crate::event::{Position, Span, Timestamp};
use crate::texts::{Keys, Texts};
use crate::transaction::note::{Meaning, Note};
use crate::transaction::state::{Happening, Participant, step};

/// An event and its time.
type At = (Position, Timestamp);

/// One participant of one transaction.
#[derive(Debug, Clone)]
struct Member {
    name: Box<str>,
    state: Participant,
    prepared: Option<At>,
    refused: Option<At>,
    committed: Option<At>,
    aborted: Option<At>,
}

/// One transaction.
#[derive(Debug, Default)]
struct Entry {
    members: Vec<Member>,
    commit: Option<At>,
    abort: Option<At>,
    /// Its beginning is in the log.
    begun: bool,
    /// An event of it cannot be told.
    doubt: bool,
}

/// Follows transactions.
#[derive(Debug, Default)]
pub struct Ledger {
    definitions: Vec<Arc<Transaction>>,
    books: Vec<(Keys, Vec<Entry>, u64)>,
}

/// What is wrong with a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// Participants prepared, and nothing is decided.
    InDoubt,
    /// Participants ended differently, or against the decision.
    Mixed,
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
    /// Events of which the transaction cannot be told.
    pub astray: u64,
    /// How long participants were held from their vote to their end, ascending.
    pub held: Vec<Span>,
}

/// What is wrong, with whom, by which events, since when.
type Found<'m> = (What, Vec<&'m Member>, Vec<At>, Timestamp);

impl Ledger {
    /// A ledger for these definitions.
    pub fn new(definitions: &[Arc<Transaction>]) -> Ledger {
        Ledger {
            definitions: definitions.to_vec(),
            books: definitions.iter().map(|_| Default::default()).collect(),
        }
    }

    /// Takes the next event in the log's order.
    pub fn take(&mut self, note: &Note, texts: &Texts) {
        let (ids, entries, astray) = &mut self.books[usize::from(note.definition)];
        let Some((hash, id)) = note.id else {
            *astray += 1;
            return;
        };
        let number = ids.number(hash, texts.get(id)) as usize;
        if number == entries.len() {
            entries.push(Entry::default());
        }
        let entry = &mut entries[number];
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
    }

    /// What is wrong at the horizon. In a log that was `cut`, a transaction whose beginning is not in
    /// it may have been voted on before.
    pub fn conclude(&self, horizon: Timestamp, cut: bool) -> Vec<Conclusion> {
        let each = self.definitions.iter().zip(&self.books);
        each.map(|(definition, (ids, entries, astray))| {
            let mut conclusion = Conclusion {
                transactions: ids.len() as u64,
                astray: *astray,
                ..Conclusion::default()
            };
            for (number, entry) in entries.iter().enumerate() {
                conclusion.held.extend(entry.held());
                if entry.doubt || (cut && !entry.begun) {
                    conclusion.unknown += 1;
                    continue;
                }
                let id = ids.text(number as u32);
                conclusion
                    .faults
                    .extend(entry.judge(definition, id, horizon));
            }
            conclusion.held.sort_unstable();
            conclusion
        })
        .collect()
    }
}

impl Entry {
    fn happen(&mut self, name: &str, happening: Happening, at: At) {
        let known = self.members.iter().position(|member| &*member.name == name);
        let index = known.unwrap_or_else(|| {
            self.members.push(Member {
                name: name.into(),
                state: Participant::Joined,
                prepared: None,
                refused: None,
                committed: None,
                aborted: None,
            });
            self.members.len() - 1
        });
        let member = &mut self.members[index];
        member.state = step(member.state, happening);
        let place = match happening {
            Happening::Joins => return,
            Happening::Prepares => &mut member.prepared,
            Happening::Refuses => &mut member.refused,
            Happening::Commits => &mut member.committed,
            Happening::Aborts => &mut member.aborted,
        };
        place.get_or_insert(at);
    }

    /// How long each participant was held that is not any more.
    fn held(&self) -> impl Iterator<Item = Span> {
        self.members.iter().filter_map(|member| {
            let ended = member.committed.or(member.aborted)?;
            Some(ended.1.since(member.prepared?.1))
        })
    }

    fn judge(&self, of: &Transaction, id: &str, horizon: Timestamp) -> Vec<Fault> {
        let found = [
            self.mixed(),
            self.without_votes(),
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
                    participants: members
                        .iter()
                        .map(|member| member.name.to_string())
                        .collect(),
                    ended: self.ended(),
                    since,
                    evidence: shown.into_iter().map(|at| at.0).collect(),
                }
            })
            .collect()
    }

    /// Who had voted yes or committed counts; whoever refused may abort whatever the others do.
    fn mixed(&self) -> Option<Found<'_>> {
        let voted = |member: &&Member| member.prepared.is_some();
        let committed: Vec<(&Member, At)> = (self.members.iter())
            .filter_map(|member| Some((member, member.committed?)))
            .collect();
        let aborted: Vec<(&Member, At)> = (self.members.iter())
            .filter(|member| voted(member) || member.state == Participant::Torn)
            .filter_map(|member| Some((member, member.aborted?)))
            .collect();
        let against =
            |ended: &[(&Member, At)], decision: Option<At>| Some((ended.first()?.1, decision?));
        let clash = match (committed.first(), aborted.first()) {
            (Some((_, one)), Some((_, other))) => Some((*one, *other)),
            _ => against(&committed, self.abort.filter(|_| self.commit.is_none()))
                .or_else(|| against(&aborted, self.commit.filter(|_| self.abort.is_none())))
                .or_else(|| Some((self.commit?, self.abort?))),
        };
        let (one, other) = clash?;
        let members = committed.iter().chain(&aborted).map(|(member, _)| *member);
        let since = one.1.max(other.1);
        Some((What::Mixed, members.collect(), vec![one, other], since))
    }

    fn without_votes(&self) -> Option<Found<'_>> {
        let decided = self.commit?;
        // One no is enough, whatever the same participant said before or after it.
        let refused = |member: &Member| member.refused.is_some_and(|at| at < decided);
        let silent: Vec<&Member> = (self.members.iter())
            .filter(|member| {
                member.prepared.is_none() || member.state == Participant::Refused || refused(member)
            })
            .collect();
        let mut shown = vec![decided];
        shown.extend(silent.iter().filter_map(|member| member.refused));
        (!silent.is_empty()).then_some((What::WithoutVotes, silent, shown, decided.1))
    }

    /// A participant that has ended, one that has committed before any other.
    fn ended(&self) -> Option<(String, Participant)> {
        let ended = |wanted| {
            self.members
                .iter()
                .find(move |member| member.state == wanted)
        };
        let member = ended(Participant::Committed).or_else(|| ended(Participant::Aborted))?;
        Some((member.name.to_string(), member.state))
    }

    fn waiting(&self) -> Vec<&Member> {
        let waits = |member: &&Member| member.state == Participant::Prepared;
        self.members.iter().filter(waits).collect()
    }

    fn in_doubt(&self, limit: Span, horizon: Timestamp) -> Option<Found<'_>> {
        if self.commit.is_some() || self.abort.is_some() {
            return None;
        }
        let is_over = |member: &&Member| {
            let prepared = member.prepared.map(|at| at.1.after(limit));
            prepared.is_some_and(|limit| horizon >= limit)
        };
        let members: Vec<&Member> = self.waiting().into_iter().filter(is_over).collect();
        let shown: Vec<At> = members
            .iter()
            .filter_map(|member| member.prepared)
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
        shown.extend(members.iter().filter_map(|member| member.prepared));
        Some((What::Undelivered, members, shown, decided.1))
    }
}
