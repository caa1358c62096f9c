//! Every invariant over states of a log, and what is wrong with it at a horizon.

use std::sync::Arc;

use crate::definition::log::{LogDefinition, Order};
use crate::definition::projection::Projection;
use crate::definition::requirement::{KEY, Requirement, STATE};
use crate::event::{Span, Timestamp};
use crate::lapse::{Lapsed, Now};
use crate::projection::{self, Applied, Unseen};
use crate::requirement::book::{Book, Clocks};
use crate::requirement::found::{Breach, Count, Untold};
use crate::requirement::lack::Sight;
use crate::requirement::look::Held;
use crate::requirement::sharing::Sharing;
use crate::requirement::subject::Subject;
use crate::requirement::watched::Watched;
use crate::texts::room;

/// Holds states against invariants as they change.
#[derive(Debug, Default)]
pub struct Ledger {
    books: Vec<Book>,
    /// The log is ordered by time, and states are folded as events arrive.
    by_time: bool,
}

impl Ledger {
    /// A ledger for these invariants over these projections of a log, in which nothing happened yet.
    pub fn new(
        requirements: &[Arc<Requirement>],
        projections: &[Arc<Projection>],
        log: Option<&LogDefinition>,
    ) -> Ledger {
        let cut = log.is_some_and(|log| log.cut);
        let index = |name: &str| {
            let found = projections.iter().position(|one| *one.name == *name);
            found.unwrap_or(usize::MAX)
        };
        let fields = |requirement: &Requirement, name: &str, projection: usize| {
            let projection = projections.get(projection);
            projection.map_or_else(Vec::new, |projection| {
                let formulas = requirement.formulas().map(|(formula, _)| formula);
                projection.looked_at(name, formulas)
            })
        };
        let book = |requirement: &Arc<Requirement>| Book {
            fields: fields(requirement, STATE, index(&requirement.each)),
            looked_fields: requirement
                .lookups
                .iter()
                .map(|lookup| fields(requirement, &lookup.name, index(&lookup.projection)))
                .collect(),
            each: index(&requirement.each),
            looked_up: requirement
                .lookups
                .iter()
                .map(|lookup| index(&lookup.projection))
                .collect(),
            subjects: Vec::new(),
            watched: requirement
                .lookups
                .iter()
                .map(|_| Watched::default())
                .collect(),
            exempts_alone: requirement.narrow.as_ref().is_none_or(|narrow| {
                let mut names = narrow.references().map(|reference| reference.name);
                names.all(|name| name == STATE || name == KEY)
            }),
            clocks: Clocks {
                grace: requirement.grace,
                tolerance: log.map_or(Span::ZERO, |log| log.future_tolerance),
            },
            requirement: Arc::clone(requirement),
            cut,
        };
        Ledger {
            books: requirements.iter().map(book).collect(),
            by_time: log.is_some_and(|log| log.order != Order::Position),
        }
    }

    /// Takes what one event changed, once all of it is changed.
    pub fn take(&mut self, applied: &[Applied], states: &projection::Ledger) {
        for book in &mut self.books {
            book.take(applied, states);
        }
    }

    /// Bytes kept; of the values that were found, none.
    pub fn bytes(&self) -> usize {
        let beside = |subject: &Subject| room(&subject.looks_at) + room(&subject.past);
        let own = |book: &Book| {
            let subjects = book.subjects.iter().flatten().map(beside);
            let watched = book.watched.iter().map(Watched::bytes);
            room(&book.subjects) + subjects.sum::<usize>() + watched.sum::<usize>()
        };
        self.books.iter().map(own).sum()
    }

    /// What is wrong at the horizon, and what was before; of what it cannot be told; and what was
    /// looked at. In the order of the keys' first events.
    pub fn conclude(
        &self,
        horizon: Timestamp,
        states: &projection::Ledger,
        unseen: Unseen<'_>,
    ) -> (Vec<Breach>, Vec<Untold>, Vec<Count>) {
        let (mut breaches, mut untold, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        for (index, book) in self.books.iter().enumerate() {
            let mut count = Count::default();
            let mut sharing = Sharing::of(book.watched.iter().map(|one| one.keys.len()));
            for (number, subject) in book.subjects.iter().enumerate() {
                let Some(subject) = subject else {
                    continue;
                };
                let subject = book.finally(number as u32, subject, states);
                let is_unwatched = subject.is_unwatched(horizon);
                let is_exempt = !subject.was_bound && !is_unwatched;
                let entry = states.entry(book.each, number as u32);
                let key = entry.map_or("", |(key, _)| key);
                // A row that cannot be judged may have made it one that is not exempt.
                if is_exempt && !unseen.absent.of_state(book.each).has(key) {
                    continue;
                }
                count.keys += 1;
                count.coarse += u64::from(is_unwatched);
                let sight = Sight {
                    book,
                    own: (number as u32, key),
                    subject: &subject,
                    states,
                    unseen,
                    by_time: self.by_time,
                };
                let lack = sight.lack();
                let now = match lack {
                    Some(_) => Now::Unknown,
                    None => subject.now(book.clocks, horizon),
                };
                let maybe = subject.quiet.conclude(now.clone(), horizon);
                let is_sure = |shown| sight.is_sure(shown);
                let lapsed = maybe
                    .as_ref()
                    .and_then(|_| subject.quiet.conclude_of(now, horizon, &is_sure));
                let is_certain = |lapsed: &Lapsed<_>| !self.by_time || lapsed.is_wrong();
                let key = key.to_owned();
                if !lapsed.as_ref().is_some_and(is_certain)
                    && let Some(reason) = lack.or_else(|| sight.lacked())
                {
                    count.unknown += 1;
                    // What never looked wrong need not have depended on what it looked at then.
                    if lack.is_some() || maybe.is_some() {
                        untold.push(Untold {
                            requirement: index,
                            key,
                            reason: reason.to_owned(),
                            at: maybe.map_or(subject.last, |maybe| maybe.first.1),
                        });
                    }
                    continue;
                }
                let is_tolerated = subject.is_tolerated(book.clocks, horizon);
                match (lapsed, &subject.held) {
                    // What arrived late may have come before, so that only what stands is certain.
                    (Some(lapsed), _) if !is_certain(&lapsed) => {
                        count.concurrent += 1;
                        count.unknown += 1;
                    }
                    (Some(lapsed), _) => {
                        // What it looked at when it was wrong may be another key by now.
                        match lapsed.is_wrong() {
                            true => sharing.add(&subject.looks_at),
                            false => sharing.add_any(),
                        }
                        breaches.push(Breach {
                            requirement: index,
                            key,
                            is_unwatched: is_unwatched
                                || lapsed.is_wrong() && subject.may_have_held(),
                            lapsed,
                        });
                    }
                    (None, Held::Unknown(_)) if is_tolerated && !is_unwatched => count.early += 1,
                    (None, Held::Unknown(reason)) => {
                        count.unknown += 1;
                        untold.push(Untold {
                            requirement: index,
                            key,
                            reason: reason.to_string(),
                            at: subject.last,
                        });
                    }
                    (None, _) if is_unwatched => count.unknown += 1,
                    (None, Held::No(_)) => count.pending += 1,
                    (None, Held::Yes | Held::Exempt) => {}
                }
            }
            count.sharing = sharing.most();
            count.unread = book.unread(states);
            count.astray = book.astray(states);
            counts.push(count);
        }
        (breaches, untold, counts)
    }
}
