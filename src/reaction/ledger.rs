//! What became of reactions at the horizon.

use std::sync::Arc;

use crate::absent::Absent;
use crate::definition::log::Order;
use crate::definition::reaction::{Matching, Reaction};
use crate::definition::saga::EventPattern;
use crate::event::{Position, Span, Timestamp};
use crate::reaction::assignment::Answer;
use crate::reaction::entry::{Entry, Judged};
use crate::reaction::note::Note;
use crate::reaction::terms::Terms;
use crate::texts::{Keys, Texts, room};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// So many of the effects that a trigger calls for did not follow in time.
    Missing {
        /// How many are missing.
        missing: u32,
        /// How many it calls for.
        of: u32,
    },
    /// So many effects followed, but after their time.
    Late {
        /// How many are late.
        late: u32,
        /// How many it calls for.
        of: u32,
        /// How long after their time the last one came.
        by: Span,
    },
    /// An effect more than was called for.
    Double,
    /// An effect of nothing.
    Orphan,
}

/// A trigger or an effect with something wrong about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Index of the reaction.
    pub reaction: usize,
    /// The match value.
    pub value: String,
    /// What is wrong.
    pub wrong: Wrong,
    /// The event that it is about: the trigger, unless there is an effect too many.
    pub at: Position,
    /// The trigger and the effects, as far as there are such.
    pub evidence: Vec<Position>,
    /// When the reaction was due, or the effect too many happened.
    pub since: Timestamp,
}

/// What became of one reaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conclusion {
    /// In position order.
    pub faults: Vec<Fault>,
    /// Triggers.
    pub triggers: u64,
    /// Effects.
    pub effects: u64,
    /// Triggers that still wait, within their time.
    pub pending: u64,
    /// Triggers of which it cannot be told whether they were answered.
    pub unknown_missing: u64,
    /// Triggers of which it cannot be told whether they were answered late.
    pub unknown_late: u64,
    /// Effects of which it cannot be told whether anything called for them.
    pub unknown_orphans: u64,
    /// Effects of which it cannot be told whether they are one too many.
    pub unknown_doubles: u64,
    /// Events without a match value.
    pub astray: u64,
}

impl Conclusion {
    /// Adds what became of other match values of the reaction.
    pub fn add(&mut self, other: Conclusion) {
        self.triggers += other.triggers;
        self.effects += other.effects;
        self.pending += other.pending;
        self.unknown_missing += other.unknown_missing;
        self.unknown_late += other.unknown_late;
        self.unknown_orphans += other.unknown_orphans;
        self.unknown_doubles += other.unknown_doubles;
        self.astray += other.astray;
        self.faults.extend(other.faults);
        self.faults.sort_by_key(|fault| (fault.at, fault.wrong));
    }
}

#[derive(Debug, Default)]
struct Book {
    keys: Keys,
    /// By the number of the match value.
    entries: Vec<Entry>,
    astray: u64,
}

/// What of a log is not seen.
#[derive(Debug, Clone, Copy)]
pub struct Unseen<'a> {
    /// Its beginning was cut off.
    pub is_cut: bool,
    /// Rows that cannot be judged.
    pub absent: &'a Absent,
    /// Rows later than the horizon.
    pub later: &'a Absent,
}

/// Follows reactions.
#[derive(Debug, Default)]
pub struct Ledger {
    reactions: Vec<Arc<Reaction>>,
    order: Option<Order>,
    books: Vec<Book>,
    found: Vec<u32>,
}

impl Ledger {
    /// A ledger for these reactions in a log of this order, if there is a log.
    pub fn new(reactions: &[Arc<Reaction>], order: Option<Order>) -> Ledger {
        Ledger {
            reactions: reactions.to_vec(),
            order,
            books: reactions.iter().map(|_| Book::default()).collect(),
            found: Vec::new(),
        }
    }

    /// Takes the next events in the log's order.
    pub fn take(&mut self, notes: &[Note], texts: &Texts) {
        let wanted = notes.iter().map(|note| {
            let (hash, value) = note.value?;
            Some((note.reaction, hash, texts.get(value)))
        });
        let Ledger {
            reactions,
            order,
            books,
            found,
        } = self;
        let order = order.unwrap_or(Order::Position);
        Keys::numbers_in(books, |book| &mut book.keys, wanted, found);
        for (note, number) in notes.iter().zip(found) {
            let book = &mut books[usize::from(note.reaction)];
            if note.value.is_none() {
                book.astray += 1;
                continue;
            }
            let number = *number as usize;
            if number == book.entries.len() {
                book.entries.push(Entry::default());
            }
            let reaction = &reactions[usize::from(note.reaction)];
            book.entries[number].take(note, Terms { reaction, order });
        }
    }

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        let own = |book: &Book| {
            let events = book.entries.iter().map(Entry::bytes);
            book.keys.bytes() + room(&book.entries) + events.sum::<usize>()
        };
        self.books.iter().map(own).sum()
    }

    /// What became of the reactions at the horizon, in a log with these rows that are not judged.
    pub fn conclude(&self, horizon: Timestamp, unseen: Unseen<'_>) -> Vec<Conclusion> {
        let order = self.order.unwrap_or(Order::Position);
        let books = self.reactions.iter().zip(&self.books).enumerate();
        books
            .map(|(index, (reaction, book))| {
                let mut conclusion = Conclusion {
                    astray: book.astray,
                    ..Conclusion::default()
                };
                for (number, entry) in book.entries.iter().enumerate() {
                    let terms = Terms { reaction, order };
                    let one = One {
                        terms,
                        index,
                        value: book.keys.text(number as u32),
                        unseen,
                    };
                    one.conclude(&entry.judge(terms), horizon, &mut conclusion);
                }
                conclusion
                    .faults
                    .sort_by_key(|fault| (fault.at, fault.wrong));
                conclusion
            })
            .collect()
    }
}

/// One match value of one reaction.
struct One<'a> {
    terms: Terms<'a>,
    index: usize,
    value: &'a str,
    unseen: Unseen<'a>,
}

impl One<'_> {
    fn conclude(&self, judged: &Judged, horizon: Timestamp, conclusion: &mut Conclusion) {
        conclusion.triggers += judged.triggers;
        conclusion.effects += judged.effects;
        if judged.is_unknown {
            conclusion.unknown_missing += judged.triggers;
            conclusion.unknown_late += judged.triggers;
            if !judged.has_trigger {
                conclusion.unknown_orphans += judged.effects;
            }
            conclusion.unknown_doubles += judged.effects;
            return;
        }
        self.late(judged, conclusion);
        self.missing(judged, horizon, conclusion);
        self.spare(judged, conclusion);
    }

    fn late(&self, judged: &Judged, conclusion: &mut Conclusion) {
        let late = |answer: &&Answer| answer.late > Span::ZERO;
        let mut late: Vec<&Answer> = judged.assignment.answers.iter().filter(late).collect();
        late.sort_by_key(|answer| (answer.trigger, answer.late));
        for answers in late.chunk_by(|one, other| one.trigger == other.trigger) {
            let (Some(first), Some(last)) = (answers.first(), answers.last()) else {
                continue;
            };
            let trigger = judged.waited[first.trigger];
            if self.may_hide_effect() {
                conclusion.unknown_late += 1;
                continue;
            }
            let effects = answers.iter().map(|one| judged.answered[one.effect].at.0);
            let wrong = Wrong::Late {
                late: answers.len() as u32,
                of: trigger.of,
                by: last.late,
            };
            let at = trigger.at.0;
            let evidence = [at].into_iter().chain(effects).collect();
            let since = judged.answered[first.effect].at.1;
            conclusion
                .faults
                .push(self.fault(wrong, at, evidence, since));
        }
    }

    fn missing(&self, judged: &Judged, horizon: Timestamp, conclusion: &mut Conclusion) {
        let waiting = judged.waited.iter().zip(&judged.assignment.owed);
        for (trigger, missing) in waiting.filter(|(_, owed)| **owed > 0) {
            let (at, time) = trigger.at;
            let due = time.after(self.terms.reaction.within);
            if horizon < due {
                conclusion.pending += 1;
                continue;
            }
            if self.may_hide_effect() {
                conclusion.unknown_missing += 1;
                conclusion.unknown_late += 1;
                continue;
            }
            let wrong = Wrong::Missing {
                missing: *missing,
                of: trigger.of,
            };
            conclusion.faults.push(self.fault(wrong, at, vec![at], due));
        }
    }

    fn spare(&self, judged: &Judged, conclusion: &mut Conclusion) {
        for spare in &judged.assignment.spare {
            let effect = &judged.answered[*spare];
            let (position, time) = effect.at;
            let before = judged.trigger_of(effect, self.terms);
            if self.may_hide_trigger() || before.is_none() && self.unseen.is_cut {
                conclusion.unknown_doubles += u64::from(before.is_some());
                conclusion.unknown_orphans += u64::from(before.is_none());
                continue;
            }
            let (wrong, evidence) = match before {
                Some(trigger) => (Wrong::Double, vec![trigger, position]),
                None => (Wrong::Orphan, vec![position]),
            };
            conclusion
                .faults
                .push(self.fault(wrong, position, evidence, time));
        }
    }

    /// Whether a row that is not judged may be an effect of this match value.
    fn may_hide_effect(&self) -> bool {
        self.may_be(self.unseen.absent, &self.terms.reaction.effects)
    }

    /// Whether a row that is not judged, or stands after the horizon, may be a trigger of this match
    /// value.
    fn may_hide_trigger(&self) -> bool {
        let triggers = &self.terms.reaction.triggers;
        self.may_be(self.unseen.absent, triggers) || self.may_be(self.unseen.later, triggers)
    }

    fn may_be(&self, absent: &Absent, patterns: &[EventPattern]) -> bool {
        patterns.iter().any(|pattern| {
            let is_correlation = match &self.terms.reaction.matching {
                Matching::Causation => false,
                Matching::Value { default, by_type } => {
                    by_type.get(&pattern.kind).unwrap_or(default).is_none()
                }
            };
            absent.may_be(&pattern.kind, is_correlation.then_some(self.value))
        })
    }

    fn fault(
        &self,
        wrong: Wrong,
        at: Position,
        evidence: Vec<Position>,
        since: Timestamp,
    ) -> Fault {
        Fault {
            reaction: self.index,
            value: self.value.to_owned(),
            wrong,
            at,
            evidence,
            since,
        }
    }
}
