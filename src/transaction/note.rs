//! What an event says of a transaction.

use std::borrow::Cow;
use std::sync::Arc;

use crate::absent::{Hint, Of, Parts};
use crate::definition::saga::EventPattern;
use crate::definition::transaction::Transaction;
use crate::event::{Position, Timestamp};
use crate::expression::{Expression, Scope};
use crate::log::{BadRow, Fields};
use crate::reader::{self, Looks};
use crate::texts::{Desk, Keys, Text};
use crate::transaction::state::Happening;

/// What an event means in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The coordinator decides to commit.
    Commit,
    /// The coordinator decides to abort.
    Abort,
    /// Something about a participant.
    Of(Happening),
}

impl Meaning {
    /// What it is to a transaction.
    pub(super) const fn part(self) -> Parts {
        match self {
            Meaning::Commit => Parts::COMMIT,
            Meaning::Abort => Parts::ABORT,
            Meaning::Of(happening) => match happening {
                Happening::Joins => Parts::JOIN,
                Happening::Prepares => Parts::YES,
                Happening::Refuses => Parts::NO,
                Happening::Commits => Parts::COMMITTED,
                Happening::Aborts => Parts::ABORTED,
            },
        }
    }
}

/// What an event says.
#[derive(Debug, Clone, Copy)]
pub struct Note {
    pub(super) definition: u16,
    /// The transaction and its hash; `None` where it cannot be told.
    pub(super) id: Option<(u64, Text)>,
    /// `None` where a condition cannot tell.
    pub(super) meaning: Option<Meaning>,
    /// What it may mean.
    pub(super) may_be: Parts,
    pub(super) participant: Option<Text>,
    /// What it says cannot be read, so that it may be of any transaction where it tells none.
    pub(super) is_bad: bool,
    pub(super) position: Position,
    pub(super) time: Timestamp,
}

/// What an event type means in one definition.
#[derive(Debug, Clone)]
pub struct Candidate {
    meaning: Meaning,
    when: Option<Expression>,
}

/// The definitions that an event type concerns.
pub type Route = reader::Route<Candidate>;

/// Reads transactions out of events.
pub type Reader = reader::Reader<Transaction>;

/// Every pattern of a definition with its meaning.
fn patterns(of: &Transaction) -> impl Iterator<Item = (&EventPattern, Meaning)> {
    let all = [
        (&of.begins, Meaning::Of(Happening::Joins)),
        (&of.prepares, Meaning::Of(Happening::Prepares)),
        (&of.refuses, Meaning::Of(Happening::Refuses)),
        (&of.commits, Meaning::Commit),
        (&of.aborts, Meaning::Abort),
        (&of.committed, Meaning::Of(Happening::Commits)),
        (&of.aborted, Meaning::Of(Happening::Aborts)),
    ];
    all.into_iter()
        .flat_map(|(patterns, meaning)| patterns.iter().map(move |pattern| (pattern, meaning)))
}

/// Every event type that a definition names.
pub fn named_types(of: &Transaction) -> impl Iterator<Item = &Arc<str>> {
    patterns(of).map(|(pattern, _)| &pattern.kind)
}

/// The meanings of a type; conditions are tried first.
fn candidates(of: &Transaction, kind: &str) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = patterns(of)
        .filter(|(pattern, _)| &*pattern.kind == kind)
        .map(|(pattern, meaning)| Candidate {
            meaning,
            when: pattern.when.clone(),
        })
        .collect();
    found.sort_by_key(|candidate| candidate.when.is_none());
    found
}

/// What an event is that has one of these meanings.
fn parts(meanings: &[Meaning]) -> Parts {
    let each = meanings.iter().map(|meaning| meaning.part());
    each.fold(Parts::NONE, Parts::or)
}

impl Looks for Transaction {
    fn fields(&self) -> Fields {
        let own = Fields {
            time: true,
            correlation: self.id.is_none(),
            ..Fields::default()
        };
        let conditions = patterns(self).filter_map(|(pattern, _)| pattern.when.as_ref());
        own.with(Fields::of(
            conditions
                .chain(&self.id)
                .chain(&self.narrow)
                .chain([&self.participant]),
        ))
    }
}

impl Reader {
    /// What an event type concerns.
    pub fn route(&self, kind: &str) -> Route {
        let each = (0_u16..).zip(&self.of);
        let found = each.flat_map(|(index, one)| {
            let own = candidates(one, kind).into_iter();
            own.map(move |candidate| (index, candidate))
        });
        reader::Route(found.collect())
    }

    /// Adds what an event of this type says.
    pub fn note(&self, route: &Route, row: &Scope<'_>, desk: &mut Desk<'_>, notes: &mut Vec<Note>) {
        for candidates in route.0.chunk_by(|one, other| one.0 == other.0) {
            let index = candidates[0].0;
            let definition = &self.of[usize::from(index)];
            let mut may_be: Vec<Meaning> = Vec::new();
            let mut is_certain = false;
            for (_, candidate) in candidates {
                let conditions = definition.narrow.iter().chain(&candidate.when);
                match Expression::all_hold(conditions, row) {
                    Ok(false) => continue,
                    Ok(true) => is_certain = true,
                    Err(_) => {}
                }
                may_be.push(candidate.meaning);
                if is_certain {
                    break;
                }
            }
            let Some(first) = may_be.first().copied() else {
                continue;
            };
            is_certain &= may_be.iter().all(|meaning| *meaning == first);
            let meaning = is_certain.then_some(first);
            let id = match &definition.id {
                None => row.correlation.map(Cow::Borrowed),
                Some(id) => id.name(row),
            };
            let hash = id.as_deref().map(|id| desk.hash(id));
            if !self.share.takes(hash) {
                continue;
            }
            let participant = definition.participant.name(row);
            notes.push(Note {
                definition: index,
                id: hash.zip(id.map(|id| desk.keep(&id))),
                meaning,
                may_be: parts(&may_be),
                is_bad: hash.is_none() && !row.is_sound(),
                participant: participant.map(|participant| desk.keep(&participant)),
                position: row.position,
                time: row.time.unwrap_or(Timestamp::MIN),
            });
        }
    }

    /// Adds what a row that cannot be judged may be an event of, with its transaction where that can be
    /// told.
    pub fn missed(&self, bad: &BadRow, kind: Option<&str>, of: &mut Vec<(Of, Option<u64>)>) {
        let of_kind = |condition: &Expression| bad.settles(condition, kind);
        for (index, definition) in self.losing(bad) {
            let narrow = definition.narrow.as_ref().map_or(Some(true), of_kind);
            if narrow == Some(false) {
                continue;
            }
            let (may_be, is_sure) = match kind {
                None => (Parts::ANY, false),
                Some(kind) => {
                    let mut may_be = Vec::new();
                    let mut is_met = false;
                    for candidate in candidates(definition, kind) {
                        let holds = candidate.when.as_ref().map_or(Some(true), of_kind);
                        if holds != Some(false) {
                            may_be.push(candidate.meaning);
                        }
                        if holds == Some(true) {
                            is_met = true;
                            break;
                        }
                    }
                    if may_be.is_empty() {
                        continue;
                    }
                    (parts(&may_be), is_met && narrow == Some(true))
                }
            };
            let id = match &definition.id {
                None => bad.correlation.as_deref().map(Keys::hash),
                Some(id) => bad.hash_of(id, kind),
            };
            // Where the transaction is not known, it does not matter who it was.
            let who = id.and_then(|_| bad.name_of(&definition.participant, kind));
            let hint = Hint {
                may_be,
                who: who.as_deref().map(Keys::hash),
                is_sure: is_sure && id.is_some(),
            };
            of.push((Of::Transaction(index, hint), id));
        }
    }
}
