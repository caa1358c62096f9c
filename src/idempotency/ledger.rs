//! All keys of a log, and what is wrong with them.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::absent::{Absent, Of};
use crate::definition::idempotency::Idempotency;
use crate::definition::log::Order;
use crate::event::{Position, Timestamp};
use crate::idempotency::note::{Lack, Note, Use};
use crate::idempotency::uses::{Key, Single};
use crate::texts::{Keys, Text, Texts, room};

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// Two effects of one type.
    Double,
    /// Given to two different things.
    Conflict,
    /// Used again after it was forgotten.
    Expired,
}

impl Wrong {
    /// Everything that can be wrong with a key.
    pub const ALL: [Wrong; 3] = [Wrong::Double, Wrong::Conflict, Wrong::Expired];
}

/// A key that was misused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misuse {
    /// Index of the rule.
    pub rule: usize,
    /// The key.
    pub key: String,
    /// What is wrong with it.
    pub wrong: Wrong,
    /// The event type that repeats, or that came after the retention.
    pub kind: Arc<str>,
    /// The first use and the repeats, in order.
    pub evidence: Vec<Position>,
    /// When the first repeat happened.
    pub since: Timestamp,
    /// When the receiver began to keep the key before that.
    pub first: Timestamp,
}

/// An effect without a key where one is required.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyless {
    /// Index of the rule.
    pub rule: usize,
    /// The effect's type.
    pub kind: Arc<str>,
    /// Where it stands.
    pub position: Position,
    /// When it happened.
    pub time: Timestamp,
}

/// What became of the keys of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Keys looked at.
    pub keys: u64,
    /// Of them, those with an event of which it cannot be told whether it uses the key, or whose row
    /// cannot be judged.
    pub unknown_use: u64,
    /// Of them, those of which it cannot be told whether they were used after they were forgotten.
    pub unknown_term: u64,
    /// Of them, those of which it cannot be told whether they were used for one thing only.
    pub unknown_thing: u64,
    /// Of them, those of which a row cannot be judged.
    pub hidden: u64,
    /// Events of which the key cannot be computed.
    pub untold: u64,
    /// Of them, those that cannot be read: they may use any key.
    pub unread: u64,
    /// Effects looked at; those of which it can be told whether they have a key.
    pub effects: u64,
    /// Events of which it cannot be told whether they are effects without a key.
    pub unknown_effects: u64,
}

impl Count {
    /// Adds what became of other keys.
    pub fn add(&mut self, other: Count) {
        self.keys += other.keys;
        self.unknown_use += other.unknown_use;
        self.unknown_term += other.unknown_term;
        self.unknown_thing += other.unknown_thing;
        self.hidden += other.hidden;
        self.untold += other.untold;
        self.unread += other.unread;
        self.effects += other.effects;
        self.unknown_effects += other.unknown_effects;
    }
}

/// Follows the keys.
#[derive(Debug, Default)]
pub struct Ledger {
    rules: Vec<Arc<Idempotency>>,
    keys: Vec<(Keys, Vec<Key>)>,
    order: Option<Order>,
    /// Uses of keys by their numbers, where time orders them.
    kept: Vec<(Note, u32)>,
    /// By rule; of keys, nothing.
    counts: Vec<Count>,
    misuses: Vec<Misuse>,
    known: HashMap<(u16, u32, u16, Wrong), usize, FixedState>,
    /// The ids of repeats, by rule, key and type.
    repeats: HashSet<(u16, u32, u16, u64), FixedState>,
    /// Other things than the first of a term for which keys were used, by rule, key, type and
    /// fingerprint: the last such term, and where it was so first.
    things: HashMap<(u16, u32, u16, u64), (u32, Position), FixedState>,
    keyless: Vec<Keyless>,
    found: Vec<u32>,
    /// What nobody wants to hear of, so that it hides nothing else.
    off: Vec<Wrong>,
}

impl Ledger {
    /// The names of the keys, by the index of the rule.
    pub fn names(&self) -> impl Iterator<Item = &Keys> {
        self.keys.iter().map(|(names, _)| names)
    }

    /// A ledger for these rules in a log of this order; by position where it is not declared.
    pub fn new(rules: &[Arc<Idempotency>], order: Option<Order>) -> Ledger {
        Ledger {
            rules: rules.to_vec(),
            keys: rules.iter().map(|_| Default::default()).collect(),
            order,
            counts: vec![Count::default(); rules.len()],
            ..Ledger::default()
        }
    }

    /// The same, which does not look for what is `off`.
    pub fn without(self, off: Vec<Wrong>) -> Ledger {
        Ledger { off, ..self }
    }

    /// Takes the next events in the log's order; the keys of some have a number elsewhere, see
    /// [`Keys::numbers_in`].
    pub fn take(&mut self, notes: &[Note], texts: &Texts, named: &[(Text, u32)]) {
        let mut found = std::mem::take(&mut self.found);
        let wanted = notes.iter().map(|note| {
            let (hash, key) = note.key?;
            Some((note.rule, hash, texts.kept(key)))
        });
        Keys::numbers_in(
            &mut self.keys,
            |book| &mut book.0,
            wanted,
            named,
            &mut found,
        );
        let numbered = notes.iter().zip(&found);
        match self.order {
            Some(Order::Time { .. }) => self.kept.extend(numbered.map(|(one, at)| (*one, *at))),
            _ => numbered.for_each(|(note, number)| self.take_one(note, *number)),
        }
        self.found = found;
    }

    /// Takes an event whose key, if it has one, has this number.
    fn take_one(&mut self, note: &Note, number: u32) {
        let rule = &self.rules[usize::from(note.rule)];
        let count = &mut self.counts[usize::from(note.rule)];
        let is_told = note.key.is_some() || matches!(note.lack, Lack::None | Lack::Absent);
        count.effects += u64::from(note.used == Some(Use::Effect) && is_told);
        if note.key.is_none() {
            let may_be_effect = usize::from(note.kind) < rule.effects.len();
            let is_unknown = note.used.is_none() || !is_told;
            count.unknown_effects += u64::from(is_unknown && may_be_effect);
            count.untold += u64::from(note.lack != Lack::None);
            count.unread += u64::from(note.lack == Lack::Unread);
            if rule.required && note.used == Some(Use::Effect) && is_told {
                self.keyless.push(Keyless {
                    rule: usize::from(note.rule),
                    kind: kind(rule, note.kind),
                    position: note.position,
                    time: note.time,
                });
            }
            return;
        }
        let (names, keys) = &mut self.keys[usize::from(note.rule)];
        if number as usize >= keys.len() {
            keys.resize_with(number as usize + 1, Key::default);
        }
        let key = &mut keys[number as usize];
        let Some(used) = note.used else {
            key.uses().doubt();
            return;
        };
        let single = Single {
            kind: note.kind,
            position: note.position,
            time: note.time,
            thing: note.fingerprint,
            id: note.id,
        };
        if key.is_new() {
            key.once = Some(single);
            return;
        }
        let uses = key.uses();
        let Some(own) = uses.take(single) else {
            return;
        };
        if note.id != 0
            && let Some(is_first) = uses.is_first(note.kind, note.id)
        {
            let repeat = (note.rule, number, note.kind, note.id);
            if is_first || !self.repeats.insert(repeat) {
                return;
            }
        }
        let things = &mut self.things;
        let again = |thing, term| {
            let place = (note.rule, number, note.kind, thing);
            if let Some((known, position)) = things.get(&place)
                && *known == term
            {
                return Some(*position);
            }
            things.insert(place, (term, note.position));
            None
        };
        let wrong = uses.judge(rule, used, &own, &self.off, again);
        let misuses = &mut self.misuses;
        for (from, since, wrong) in wrong.into_iter().flatten() {
            let place = (note.rule, number, note.kind, wrong);
            let at = *self.known.entry(place).or_insert_with(|| {
                misuses.push(Misuse {
                    rule: usize::from(note.rule),
                    key: names.text(number).to_owned(),
                    wrong,
                    kind: kind(rule, note.kind),
                    evidence: vec![from],
                    since: note.time,
                    first: since,
                });
                misuses.len() - 1
            });
            misuses[at].evidence.push(note.position);
        }
    }

    /// Bytes kept; of misuses, none.
    pub fn bytes(&self) -> usize {
        let own = |(names, keys): &(Keys, Vec<Key>)| {
            let beside = keys.iter().map(Key::bytes);
            names.bytes() + room(keys) + beside.sum::<usize>()
        };
        self.keys.iter().map(own).sum::<usize>() + room(&self.kept)
    }

    /// What is wrong, in the order in which it came to light, and what was looked at.
    ///
    /// A use of which it cannot be told whether it is one, or when it was, may have begun a new term of
    /// its key: whether another one came after the retention is unknown then.
    pub fn conclude(
        &mut self,
        horizon: Timestamp,
        absent: &Absent,
    ) -> (Vec<Misuse>, &[Keyless], Vec<Count>) {
        let mut kept = std::mem::take(&mut self.kept);
        kept.sort_unstable_by_key(|(note, _)| (note.time, note.position, note.rule, note.kind));
        for (note, number) in kept {
            self.take_one(&note, number);
        }
        let each = self.keys.iter().zip(&self.counts).enumerate();
        let counts = each.map(|(index, ((names, keys), count))| {
            let strays = absent.of(Of::Key(index as u16));
            let mut count = Count {
                keys: names.len() as u64,
                ..*count
            };
            for (number, key) in keys.iter().enumerate() {
                let is_hidden = strays.has(names.text(number as u32));
                count.unknown_term += u64::from(is_hidden || key.may_be_renewed(horizon));
                count.hidden += u64::from(is_hidden);
                count.unknown_use += u64::from(is_hidden || key.has_unknown_use(horizon));
                count.unknown_thing += u64::from(is_hidden || key.has_unknown_thing(horizon));
            }
            count
        });
        let counts = counts.collect();
        let is_told = |(rule, number, _, wrong): &(u16, u32, u16, Wrong)| {
            let (names, keys) = &self.keys[usize::from(*rule)];
            let strays = absent.of(Of::Key(*rule));
            let is_open = || {
                strays.has(names.text(*number)) || keys[*number as usize].may_be_renewed(horizon)
            };
            *wrong != Wrong::Expired || !is_open()
        };
        let told = self.known.iter().filter(|(place, _)| is_told(place));
        let mut told: Vec<usize> = told.map(|(_, at)| *at).collect();
        told.sort_unstable();
        let misuses = told.into_iter().map(|at| self.misuses[at].clone());
        (misuses.collect(), &self.keyless, counts)
    }
}

/// The type of the event with this number in a rule.
fn kind(rule: &Idempotency, number: u16) -> Arc<str> {
    let mut patterns = rule.effects.iter().chain(&rule.attempts);
    let pattern = patterns.nth(usize::from(number));
    pattern.map_or_else(|| "".into(), |pattern| Arc::clone(&pattern.kind))
}
