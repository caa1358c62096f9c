//! What became of reactions at the horizon.

use std::hint::black_box;
use std::ops::BitXor;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::absent::Absent;
use crate::definition::log::Order;
use crate::definition::reaction::{Matching, Reaction};
use crate::event::{Position, Span, Timestamp};
use crate::reaction::assignment::{Answer, At, Trigger};
use crate::reaction::entry::Entry;
use crate::reaction::judged::{Doubtful, Judged};
use crate::reaction::note::{Note, Role, Sight};
use crate::reaction::terms::Terms;
use crate::texts::{Keys, Text, Texts, room};

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
    /// Triggers, those without a match value among them.
    pub triggers: u64,
    /// Effects, those without a match value among them.
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
    /// Match values of which a row cannot be judged; they are unknown.
    pub hidden: u64,
    /// Match values whose clocks contradict the log's order, with too many events to find who answers
    /// whom; but for their orphans they are unknown.
    pub given_up: u64,
    /// Effects that may answer what was cut off, or what is later than the horizon.
    pub unseen: u64,
    /// Triggers and effects without a match value; they are unknown.
    pub astray: u64,
    /// Triggers among them that cannot be read: they may be of any match value.
    pub damaged_triggers: u64,
    /// Such effects.
    pub damaged_effects: u64,
}

impl Conclusion {
    /// What is to be said where all these are without a match value.
    pub fn unmatched(self) -> Conclusion {
        Conclusion {
            triggers: self.triggers,
            effects: self.effects,
            unknown_missing: self.triggers,
            unknown_late: self.triggers,
            unknown_orphans: self.effects,
            unknown_doubles: self.effects,
            astray: self.triggers + self.effects,
            damaged_triggers: self.damaged_triggers,
            damaged_effects: self.damaged_effects,
            ..Conclusion::default()
        }
    }

    /// Adds what became of other match values of the reaction.
    pub fn add(&mut self, other: Conclusion) {
        self.triggers += other.triggers;
        self.effects += other.effects;
        self.pending += other.pending;
        self.unknown_missing += other.unknown_missing;
        self.unknown_late += other.unknown_late;
        self.unknown_orphans += other.unknown_orphans;
        self.unknown_doubles += other.unknown_doubles;
        self.hidden += other.hidden;
        self.given_up += other.given_up;
        self.unseen += other.unseen;
        self.astray += other.astray;
        self.damaged_triggers += other.damaged_triggers;
        self.damaged_effects += other.damaged_effects;
        self.faults.extend(other.faults);
        self.sort();
    }

    fn sort(&mut self) {
        self.faults.sort_by(|one, other| {
            let [one, other] = [one, other].map(|fault| (fault.at, fault.wrong, &fault.value));
            one.cmp(&other)
        });
    }
}

/// Events without a match value.
#[derive(Debug, Clone, Copy, Default)]
struct Astray {
    all: u64,
    /// Of them, those that cannot be read.
    damaged: u64,
}

impl Astray {
    fn take(&mut self, sight: Sight) {
        self.all += 1;
        self.damaged += u64::from(sight == Sight::Damaged);
    }
}

#[derive(Debug, Default)]
struct Book {
    keys: Keys,
    /// By the number of the match value.
    entries: Vec<Entry>,
    /// By the same, the position of the first trigger later than the horizon, and the time of the
    /// oldest.
    later: HashMap<u32, At, FixedState>,
    triggers_astray: Astray,
    effects_astray: Astray,
}

/// What of a log is not seen.
#[derive(Debug, Clone, Copy)]
pub struct Unseen<'a> {
    /// Its beginning was cut off.
    pub is_cut: bool,
    /// Rows that cannot be judged.
    pub absent: &'a Absent,
}

impl Unseen<'_> {
    /// Whether no row that cannot be judged is known to be of a match value of a reaction.
    fn hides_none_of(&self, index: usize) -> bool {
        let absent = self.absent;
        let strays = [
            absent.of_triggers(index),
            absent.of_effects(index),
            absent.of_reaction(index),
        ];
        strays.iter().all(|strays| strays.known() == 0)
    }
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
    /// The names of the match values, by the index of the reaction.
    pub fn names(&self) -> impl Iterator<Item = &Keys> {
        self.books.iter().map(|book| &book.keys)
    }

    /// A ledger for these reactions in a log of this order, if there is a log.
    pub fn new(reactions: &[Arc<Reaction>], order: Option<Order>) -> Ledger {
        Ledger {
            reactions: reactions.to_vec(),
            order,
            books: reactions.iter().map(|_| Book::default()).collect(),
            found: Vec::new(),
        }
    }

    /// Takes the next events in the log's order; the match values of some have a number elsewhere, see
    /// [`Keys::numbers_in`].
    pub fn take(&mut self, notes: &[Note], texts: &Texts, named: &[(Text, u32)]) {
        let wanted = notes.iter().map(|note| {
            let (hash, value) = note.value?;
            Some((note.reaction, hash, texts.kept(value)))
        });
        let Ledger {
            reactions,
            order,
            books,
            found,
        } = self;
        let order = order.unwrap_or(Order::Position);
        Keys::numbers_in(books, |book| &mut book.keys, wanted, named, found);
        let looks = notes.iter().zip(&*found).filter_map(|(note, number)| {
            let entries = &books[usize::from(note.reaction)].entries;
            entries.get(*number as usize).map(Entry::fetch)
        });
        black_box(looks.fold(0, i64::bitxor));
        for (note, number) in notes.iter().zip(found) {
            let book = &mut books[usize::from(note.reaction)];
            if note.value.is_some() {
                let reaction = &reactions[usize::from(note.reaction)];
                book.take(*number, note, Terms { reaction, order });
            } else if note.sight != Sight::Later {
                let astray = match note.role {
                    Role::Trigger(_) => &mut book.triggers_astray,
                    Role::Effect => &mut book.effects_astray,
                };
                astray.take(note.sight);
            }
        }
    }

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        let own = |book: &Book| {
            let events = book.entries.iter().map(Entry::bytes);
            let later = book.later.capacity() * size_of::<(u32, At)>();
            book.keys.bytes() + room(&book.entries) + later + events.sum::<usize>()
        };
        self.books.iter().map(own).sum()
    }

    /// What became of the reactions at the horizon, in a log with these rows that are not judged.
    pub fn conclude(&self, horizon: Timestamp, unseen: Unseen<'_>) -> Vec<Conclusion> {
        let order = self.order.unwrap_or(Order::Position);
        let books = self.reactions.iter().zip(&self.books).enumerate();
        books
            .map(|(index, (reaction, book))| {
                let mut conclusion = book.of_astray();
                let terms = Terms { reaction, order };
                let is_all_seen = unseen.hides_none_of(index);
                for (number, entry) in (0..).zip(&book.entries) {
                    if is_all_seen && entry.is_plainly_answered(terms, horizon) {
                        conclusion.triggers += 1;
                        conclusion.effects += 1;
                        continue;
                    }
                    let one = One {
                        terms,
                        index,
                        value: book.keys.text(number),
                        later: book.later.get(&number).copied(),
                        unseen,
                    };
                    one.conclude(&entry.judge(terms), horizon, &mut conclusion);
                }
                conclusion.sort();
                conclusion
            })
            .collect()
    }
}

impl Book {
    /// Takes an event whose match value has this number.
    fn take(&mut self, number: u32, note: &Note, terms: Terms<'_>) {
        let place = number as usize;
        if place == self.entries.len() {
            self.entries.push(Entry::default());
        }
        if note.sight != Sight::Later {
            self.entries[place].take(note, terms);
            return;
        }
        let at = (note.position, note.time);
        let first = self.later.entry(number).or_insert(at);
        *first = (first.0.min(at.0), first.1.min(at.1));
    }

    /// What became of the events without a match value.
    fn of_astray(&self) -> Conclusion {
        let (triggers, effects) = (self.triggers_astray, self.effects_astray);
        let own = Conclusion {
            triggers: triggers.all,
            effects: effects.all,
            damaged_triggers: triggers.damaged,
            damaged_effects: effects.damaged,
            ..Conclusion::default()
        };
        own.unmatched()
    }
}

/// One match value of one reaction.
struct One<'a> {
    terms: Terms<'a>,
    index: usize,
    value: &'a str,
    /// Where the first trigger later than the horizon stands, and when the oldest happened.
    later: Option<At>,
    unseen: Unseen<'a>,
}

impl One<'_> {
    fn conclude(&self, judged: &Judged<'_>, horizon: Timestamp, conclusion: &mut Conclusion) {
        conclusion.triggers += judged.triggers;
        conclusion.effects += judged.effects;
        let absent = self.unseen.absent;
        let may_lack_trigger = absent.of_triggers(self.index).has(self.value);
        let may_lack_effect = absent.of_effects(self.index).has(self.value);
        let may_lack = absent.of_reaction(self.index).has(self.value);
        conclusion.hidden += u64::from(may_lack && judged.triggers + judged.effects > 0);
        let Doubtful {
            triggers,
            effects,
            orphans,
            calls,
        } = judged.doubtful;
        let is_given_up = judged.is_given_up();
        conclusion.given_up += u64::from(is_given_up);
        let is_untold = judged.is_unknown || is_given_up;
        // What one more trigger calls for may be an answer that another one had; one more effect may be
        // an answer that is missing. Neither makes right what is wrong with it, and either may be wrong.
        let has_more_triggers = judged.is_unknown || may_lack_trigger || triggers + calls > 0;
        let assignment = &judged.assignment;
        let lacking = assignment.owed.iter().filter(|owed| **owed > 0).count() as u64;
        conclusion.unknown_missing += match (is_untold || may_lack_effect, may_lack_trigger) {
            (true, _) => judged.triggers,
            (false, true) => judged.triggers - self.missing(judged, horizon, conclusion),
            (false, false) => {
                let told = self.missing(judged, horizon, conclusion);
                triggers + calls + lacking.saturating_sub(told)
            }
        };
        // Where all is answered in time, one more effect answers nothing that matters.
        let may_be_in_time = effects > 0 && assignment.cost() != (0, 0);
        match is_untold || may_lack_effect || may_be_in_time || has_more_triggers {
            true => conclusion.unknown_late += judged.triggers,
            false => self.late(judged, horizon, conclusion),
        }
        let spare = assignment.spare.len() as u64;
        conclusion.unknown_doubles += match (has_more_triggers || is_untold, may_lack_effect) {
            (true, _) => judged.effects,
            (false, true) => judged.effects - spare,
            (false, false) => effects,
        };
        if has_more_triggers && !judged.has_trigger() {
            conclusion.unknown_orphans += judged.effects;
            return;
        }
        conclusion.unknown_orphans += orphans;
        for effect in judged
            .assignment
            .spare
            .iter()
            .map(|at| judged.answered[*at])
        {
            let trigger = judged.trigger_of(&effect, self.terms);
            let may_be_answer = self.may_answer_unseen(judged, effect.at);
            match trigger {
                Some(_) if has_more_triggers || is_untold => {}
                None if has_more_triggers => conclusion.unknown_orphans += 1,
                _ if may_be_answer => {
                    conclusion.unseen += 1;
                    conclusion.unknown_doubles += u64::from(trigger.is_some());
                    conclusion.unknown_orphans += u64::from(trigger.is_none());
                }
                _ => conclusion.faults.push(self.spare(effect.at, trigger)),
            }
        }
    }

    /// Tells which answers came late. A clock that is ahead of the horizon tells nothing of that.
    fn late(&self, judged: &Judged<'_>, horizon: Timestamp, conclusion: &mut Conclusion) {
        let waited = judged.waited.iter().zip(&judged.assignment.owed);
        let is_untold = |(trigger, owed): &(&Trigger, &u32)| {
            trigger.at.1 > horizon && trigger.of > 0 && **owed == 0
        };
        conclusion.unknown_late += waited.filter(is_untold).count() as u64;
        let late = |answer: &&Answer| answer.late > Span::ZERO;
        let mut late: Vec<&Answer> = judged.assignment.answers.iter().filter(late).collect();
        late.sort_by_key(|answer| (answer.trigger, answer.late));
        for answers in late.chunk_by(|one, other| one.trigger == other.trigger) {
            // The latest of them come last.
            let is_told = |answer: &&Answer| judged.answered[answer.effect].at.1 <= horizon;
            let answers = &answers[..answers.partition_point(is_told)];
            let (Some(first), Some(last)) = (answers.first(), answers.last()) else {
                conclusion.unknown_late += 1;
                continue;
            };
            let trigger = judged.waited[first.trigger];
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

    /// Tells what is missing; of how many triggers, those included that still wait.
    fn missing(&self, judged: &Judged<'_>, horizon: Timestamp, conclusion: &mut Conclusion) -> u64 {
        let before = conclusion.faults.len() as u64 + conclusion.pending;
        let waiting = judged.waited.iter().zip(judged.lacking());
        for (trigger, missing) in waiting.filter(|(_, owed)| **owed > 0) {
            let (at, time) = trigger.at;
            let due = time.after(self.terms.reaction.within);
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
        conclusion.faults.len() as u64 + conclusion.pending - before
    }

    /// An effect that answers nothing, with a trigger that it might have answered.
    fn spare(&self, (position, time): At, trigger: Option<Position>) -> Fault {
        let wrong = match trigger {
            Some(_) => Wrong::Double,
            None => Wrong::Orphan,
        };
        let evidence = trigger.into_iter().chain([position]).collect();
        self.fault(wrong, position, evidence, time)
    }

    /// Whether an effect may answer a trigger that was cut off, or one that is before it and later than
    /// the horizon all the same.
    fn may_answer_unseen(&self, judged: &Judged<'_>, effect: At) -> bool {
        // No other event has the id of one that is there.
        let is_only_one = matches!(self.terms.reaction.matching, Matching::Causation);
        let is_before = |first: At| self.terms.is_before(first, effect);
        !(is_only_one && judged.has_trigger())
            && (self.unseen.is_cut || self.later.is_some_and(is_before))
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
