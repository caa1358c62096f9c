//! Follows triggers and effects, in the log's order.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::definition::reaction::{Count, Reaction};
use crate::event::{Position, Span, Timestamp};
use crate::reaction::note::{Note, Role};
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
    /// Effects of which it cannot be told where they come from.
    pub unknown_effects: u64,
    /// Events without a match value.
    pub astray: u64,
}

/// A trigger that waits.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    at: (Position, Timestamp),
    owed: u32,
    of: u32,
}

/// An effect that answered nothing before it.
#[derive(Debug, Clone, Copy)]
struct Spare {
    at: (Position, Timestamp),
    /// The last trigger before it.
    after: Option<Position>,
    /// It answered something after it, and may do so again.
    is_used: bool,
}

/// How many events back a second delivery of one match value is known.
const REMEMBERED: usize = 16;

/// Everything of one match value.
#[derive(Debug, Default)]
struct Entry {
    /// In the order of their arrival.
    waiting: VecDeque<Waiting>,
    /// Those that no effect could answer in time any more when one came.
    overdue: VecDeque<Waiting>,
    /// Effects that answered nothing before them.
    spare: Vec<Spare>,
    /// The triggers that were answered late: trigger, effect, and how late.
    late: Vec<(Position, (Position, Timestamp), Span)>,
    /// The last events: role, hash of the id, and place.
    played: VecDeque<(u8, u64, Position)>,
    /// The youngest effect, where one may answer several triggers.
    recent: Option<(Position, Timestamp)>,
    last_trigger: Option<Position>,
    triggers: u32,
    effects: u32,
    is_unknown: bool,
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
        let entry = &mut book.entries[number];
        let role = match note.role {
            None => 0,
            Some(Role::Effect) => 1,
            Some(Role::Trigger(_)) => 2,
        };
        // One event by one pattern or by two, once or twice: it plays each role once.
        let is_same = |(known, id, position): &(u8, u64, Position)| {
            *known == role && (*position == note.position || note.id != 0 && *id == note.id)
        };
        if entry.played.iter().any(is_same) {
            return;
        }
        entry.played.push_back((role, note.id, note.position));
        if entry.played.len() > REMEMBERED {
            entry.played.pop_front();
        }
        let at = (note.position, note.time);
        match note.role {
            None => entry.is_unknown = true,
            Some(Role::Trigger(owed)) => entry.trigger(at, owed, reaction),
            Some(Role::Effect) => entry.effect(at, reaction),
        }
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
                    let value = book.keys.text(number as u32);
                    let one = One {
                        reaction,
                        index,
                        value,
                    };
                    one.conclude(entry, horizon, has_hidden, &mut conclusion);
                }
                conclusion
                    .faults
                    .sort_by_key(|fault| (fault.at, fault.wrong));
                conclusion
            })
            .collect()
    }
}

impl Entry {
    fn trigger(&mut self, at: (Position, Timestamp), owed: Option<u32>, reaction: &Reaction) {
        self.triggers += 1;
        self.last_trigger = Some(at.0);
        let Some(of) = owed else {
            self.is_unknown = true;
            return;
        };
        let mut owed = of;
        let reaches = |effect: (Position, Timestamp)| {
            effect.0 != at.0 && effect.1.after(reaction.within) >= at.1
        };
        let is_early = |spare: &Spare| reaches(spare.at);
        while let (1.., Some(early)) = (owed, self.spare.iter().position(is_early)) {
            owed -= 1;
            if is_shared(reaction) {
                self.spare[early].is_used = true;
            } else {
                self.spare.remove(early);
            }
        }
        // Of effects that have answered others the youngest may answer this one too.
        let is_younger = |effect: (Position, Timestamp)| effect.1 >= at.1 && effect.0 != at.0;
        if is_shared(reaction) && self.recent.is_some_and(is_younger) {
            owed = 0;
        }
        if owed > 0 {
            self.waiting.push_back(Waiting { at, owed, of });
        }
    }

    fn effect(&mut self, at: (Position, Timestamp), reaction: &Reaction) {
        self.effects += 1;
        let within = reaction.within;
        let spare = Spare {
            at,
            after: self.last_trigger,
            is_used: false,
        };
        if is_shared(reaction) {
            self.recent = Some(at);
            if self.triggers == 0 {
                self.spare.push(spare);
            }
            for waiting in std::mem::take(&mut self.waiting) {
                self.answer(waiting, at, within);
            }
            return;
        }
        let is_over = |waiting: &mut Waiting| at.1 > waiting.at.1.after(within);
        while let Some(over) = self.waiting.pop_front_if(is_over) {
            self.overdue.push_back(over);
        }
        let queue = match self.waiting.is_empty() {
            true => &mut self.overdue,
            false => &mut self.waiting,
        };
        let Some(waiting) = queue.front_mut() else {
            self.spare.push(spare);
            return;
        };
        waiting.owed -= 1;
        let answered = *waiting;
        if answered.owed == 0 {
            queue.pop_front();
        }
        self.answer(answered, at, within);
    }

    fn answer(&mut self, waiting: Waiting, at: (Position, Timestamp), within: Span) {
        let due = waiting.at.1.after(within);
        if at.1 > due {
            self.late.push((waiting.at.0, at, at.1.since(due)));
        }
    }
}

/// Whether one effect may answer several triggers.
fn is_shared(reaction: &Reaction) -> bool {
    matches!(reaction.count, Count::AtLeastOnce)
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
        entry: &Entry,
        horizon: Timestamp,
        has_hidden: bool,
        conclusion: &mut Conclusion,
    ) {
        conclusion.triggers += u64::from(entry.triggers);
        conclusion.effects += u64::from(entry.effects);
        if entry.is_unknown {
            conclusion.unknown += u64::from(entry.triggers).max(1);
            if entry.triggers == 0 {
                conclusion.unknown_effects += u64::from(entry.effects);
            }
            return;
        }
        let within = self.reaction.within;
        for (trigger, effect, lateness) in &entry.late {
            let evidence = vec![*trigger, effect.0];
            conclusion.faults.push(self.fault(
                Wrong::Late(*lateness),
                *trigger,
                evidence,
                effect.1,
            ));
        }
        for waiting in entry.overdue.iter().chain(&entry.waiting) {
            let due = waiting.at.1.after(within);
            if horizon >= due {
                let missing = Wrong::Missing {
                    missing: waiting.owed,
                    of: waiting.of,
                };
                let at = waiting.at.0;
                conclusion
                    .faults
                    .push(self.fault(missing, at, vec![at], due));
            } else {
                conclusion.pending += 1;
            }
        }
        for spare in entry.spare.iter().filter(|spare| !spare.is_used) {
            let (position, time) = spare.at;
            let (wrong, evidence) = match spare.after {
                Some(trigger) => (Wrong::Double, vec![trigger, position]),
                None if has_hidden => {
                    conclusion.unknown_effects += 1;
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
