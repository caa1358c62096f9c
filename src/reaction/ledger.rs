//! What became of reactions at the horizon.

use std::sync::Arc;

use crate::definition::reaction::Reaction;
use crate::event::{Position, Span, Timestamp};
use crate::reaction::assignment::Answer;
use crate::reaction::entry::{Entry, Judged};
use crate::reaction::note::Note;
use crate::texts::{Keys, Texts};

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
    /// An effect followed, so long after its time.
    Late(Span),
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
    /// The trigger and the effect, as far as there are such.
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
    /// Triggers of which nothing can be told.
    pub unknown: u64,
    /// Effects of which it cannot be told whether anything called for them.
    pub unknown_orphans: u64,
    /// Effects of which it cannot be told whether they are one too many.
    pub unknown_doubles: u64,
    /// Events without a match value.
    pub astray: u64,
}

#[derive(Debug, Default)]
struct Book {
    keys: Keys,
    /// By the number of the match value.
    entries: Vec<Entry>,
    astray: u64,
}

/// Follows reactions.
#[derive(Debug, Default)]
pub struct Ledger {
    reactions: Vec<Arc<Reaction>>,
    books: Vec<Book>,
}

impl Ledger {
    /// A ledger for these reactions.
    pub fn new(reactions: &[Arc<Reaction>]) -> Ledger {
        Ledger {
            reactions: reactions.to_vec(),
            books: reactions.iter().map(|_| Book::default()).collect(),
        }
    }

    /// Takes the next event in the log's order.
    pub fn take(&mut self, note: &Note, texts: &Texts) {
        let reaction = &self.reactions[usize::from(note.reaction)];
        let book = &mut self.books[usize::from(note.reaction)];
        let Some((hash, value)) = note.value else {
            book.astray += 1;
            return;
        };
        let number = book.keys.number(hash, texts.get(value)) as usize;
        if number == book.entries.len() {
            book.entries.push(Entry::default());
        }
        book.entries[number].take(note, reaction);
    }

    /// What became of the reactions at the horizon. Where rows of the log are hidden, an effect may
    /// come from one of them.
    pub fn conclude(&self, horizon: Timestamp, has_hidden: bool) -> Vec<Conclusion> {
        let books = self.reactions.iter().zip(&self.books).enumerate();
        books
            .map(|(index, (reaction, book))| {
                let mut conclusion = Conclusion {
                    astray: book.astray,
                    ..Conclusion::default()
                };
                for (number, entry) in book.entries.iter().enumerate() {
                    let one = One {
                        reaction,
                        index,
                        value: book.keys.text(number as u32),
                    };
                    one.conclude(&entry.judge(reaction), horizon, has_hidden, &mut conclusion);
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
    reaction: &'a Reaction,
    index: usize,
    value: &'a str,
}

impl One<'_> {
    fn conclude(
        &self,
        judged: &Judged,
        horizon: Timestamp,
        has_hidden: bool,
        conclusion: &mut Conclusion,
    ) {
        conclusion.triggers += judged.triggers;
        conclusion.effects += judged.effects;
        if judged.is_unknown {
            conclusion.unknown += judged.triggers;
            if !judged.has_trigger {
                conclusion.unknown_orphans += judged.effects;
            }
            conclusion.unknown_doubles += judged.effects;
            return;
        }
        self.late(judged, conclusion);
        self.missing(judged, horizon, conclusion);
        self.spare(judged, has_hidden, conclusion);
    }

    fn late(&self, judged: &Judged, conclusion: &mut Conclusion) {
        let late = |answer: &&Answer| answer.late > Span::ZERO;
        for answer in judged.assignment.answers.iter().filter(late) {
            let trigger = judged.waited[answer.trigger].at.0;
            let (position, time) = judged.answered[answer.effect].at;
            let wrong = Wrong::Late(answer.late);
            conclusion
                .faults
                .push(self.fault(wrong, trigger, vec![trigger, position], time));
        }
    }

    fn missing(&self, judged: &Judged, horizon: Timestamp, conclusion: &mut Conclusion) {
        let waiting = judged.waited.iter().zip(&judged.assignment.owed);
        for (trigger, missing) in waiting.filter(|(_, owed)| **owed > 0) {
            let (at, time) = trigger.at;
            let due = time.after(self.reaction.within);
            if horizon < due {
                conclusion.pending += 1;
                continue;
            }
            let wrong = Wrong::Missing {
                missing: *missing,
                of: trigger.of,
            };
            conclusion.faults.push(self.fault(wrong, at, vec![at], due));
        }
    }

    fn spare(&self, judged: &Judged, has_hidden: bool, conclusion: &mut Conclusion) {
        for spare in &judged.assignment.spare {
            let (position, time) = judged.answered[*spare].at;
            let (wrong, evidence) = match judged.trigger_before(position) {
                Some(trigger) => (Wrong::Double, vec![trigger, position]),
                None if has_hidden => {
                    conclusion.unknown_orphans += 1;
                    continue;
                }
                None => (Wrong::Orphan, vec![position]),
            };
            conclusion
                .faults
                .push(self.fault(wrong, position, evidence, time));
        }
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
