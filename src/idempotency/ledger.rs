//! All keys of a log, and what is wrong with them.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::absent::{Absent, Of};
use crate::definition::idempotency::Idempotency;
use crate::definition::log::Order;
use crate::event::{Position, Timestamp};
use crate::idempotency::note::{Lack, Note, Use};
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

/// The first use of a key by one event type.
#[derive(Debug, Clone, Copy)]
struct First {
    kind: u16,
    position: Position,
    time: Timestamp,
    /// The first fingerprint of this type that could be told, and where.
    thing: Option<(u64, Position)>,
    id: u64,
    /// The last term of the key in which this type used it, and where it did so first.
    term: (u32, Position),
}

/// Since when the receiver keeps a key: from its first use, or from one after it was forgotten.
#[derive(Debug, Clone, Copy, Default)]
struct Term {
    number: u32,
    start: Option<(Position, Timestamp)>,
}

/// The only use of a key.
#[derive(Debug, Clone, Copy)]
struct Single {
    kind: u16,
    position: Position,
    time: Timestamp,
    thing: Option<u64>,
    id: u64,
}

/// What is kept of a key. Nearly all are used once, and there may be as many as events.
#[derive(Debug, Default)]
struct Key {
    once: Option<Single>,
    /// All its uses, where there is more to be told than one.
    often: Option<Box<Uses>>,
}

/// The uses of a key.
#[derive(Debug, Default)]
struct Uses {
    first: Option<First>,
    /// First uses by other types.
    others: Vec<First>,
    term: Term,
    /// The greatest time of a use.
    greatest: Option<Timestamp>,
    has_unknown_use: bool,
    has_unknown_thing: bool,
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
            key.uses().has_unknown_use = true;
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
        let entry = key.uses();
        entry.greatest = entry.greatest.max(Some(note.time));
        let own = single.in_term(entry.term.number);
        if entry.first.is_none() {
            entry.first = Some(own);
            entry.term.start = Some((note.position, note.time));
            return;
        }
        if let Some(first) = entry.first_of(note.kind)
            && note.id != 0
        {
            let repeat = (note.rule, number, note.kind, note.id);
            if first.id == note.id || !self.repeats.insert(repeat) {
                return;
            }
        }
        let Some((from, since, wrong)) = entry.judge(rule, used, &own, &self.off) else {
            return;
        };
        let misuses = &mut self.misuses;
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
                count.unknown_use += u64::from(is_hidden || key.has_unknown_use());
                count.unknown_thing += u64::from(is_hidden || key.is_doubtful());
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

impl Single {
    /// As the first use by its type, in this term of the key.
    fn in_term(self, number: u32) -> First {
        First {
            kind: self.kind,
            position: self.position,
            time: self.time,
            thing: self.thing.map(|thing| (thing, self.position)),
            id: self.id,
            term: (number, self.position),
        }
    }
}

impl Key {
    const fn is_new(&self) -> bool {
        self.once.is_none() && self.often.is_none()
    }

    /// Its uses, with room for more of them.
    fn uses(&mut self) -> &mut Uses {
        let once = self.once.take();
        let uses = || Box::new(once.map_or_else(Uses::default, Uses::of));
        self.often.get_or_insert_with(uses)
    }

    fn has_unknown_use(&self) -> bool {
        self.often
            .as_deref()
            .is_some_and(|uses| uses.has_unknown_use)
    }

    /// Whether its receiver may keep it since another use than is known.
    fn may_be_renewed(&self, horizon: Timestamp) -> bool {
        let may = |uses: &Uses| uses.has_unknown_use || uses.greatest > Some(horizon);
        let is_ahead = |once: Single| once.time > horizon;
        self.once.is_some_and(is_ahead) || self.often.as_deref().is_some_and(may)
    }

    fn is_doubtful(&self) -> bool {
        let is_doubtful = |uses: &Uses| uses.has_unknown_use || uses.has_unknown_thing;
        self.often.as_deref().is_some_and(is_doubtful)
    }

    /// Bytes kept beside its own.
    fn bytes(&self) -> usize {
        let bytes = |uses: &Uses| size_of::<Uses>() + room(&uses.others);
        self.often.as_deref().map_or(0, bytes)
    }
}

impl Uses {
    /// Those of a key that was used once.
    fn of(single: Single) -> Uses {
        Uses {
            first: Some(single.in_term(0)),
            term: Term {
                number: 0,
                start: Some((single.position, single.time)),
            },
            greatest: Some(single.time),
            ..Uses::default()
        }
    }

    /// The first use by this type.
    fn first_of(&mut self, kind: u16) -> Option<&mut First> {
        let mut firsts = self.first.iter_mut().chain(&mut self.others);
        firsts.find(|first| first.kind == kind)
    }

    /// What is wrong with one more use of a key, and since which event and when; the first use by its
    /// type is kept.
    fn judge(
        &mut self,
        rule: &Idempotency,
        used: Use,
        own: &First,
        off: &[Wrong],
    ) -> Option<(Position, Timestamp, Wrong)> {
        let (start, since) = self.term.start?;
        let is_over = rule
            .retention
            .is_some_and(|retention| own.time > since.after(retention));
        let term = self.term.number;
        let Some(first) = self.first_of(own.kind) else {
            let is_late = is_over && used == Use::Attempt;
            let number = if is_over { self.begin(own) } else { term };
            self.others.push(First {
                term: (number, own.position),
                ..*own
            });
            let is_told = is_late && !off.contains(&Wrong::Expired);
            return is_told.then_some((start, since, Wrong::Expired));
        };
        let (begin, thing) = (*first, first.thing);
        first.thing = thing.or(own.thing);
        if first.term.0 != term {
            first.term = (term, own.position);
        }
        self.has_unknown_thing |= thing.is_none() || own.thing.is_none();
        let is_forgotten = begin.term.0 != term && used == Use::Effect;
        let conflict = match (thing, own.thing) {
            (Some((one, told)), Some((other, _))) if one != other => Some(told),
            _ => None,
        };
        let is_repeat = used == Use::Effect;
        let wrong = [
            conflict.map(|told| (told, since, Wrong::Conflict)),
            is_over.then_some((start, since, Wrong::Expired)),
            is_forgotten.then_some((begin.position, begin.time, Wrong::Expired)),
            is_repeat.then_some((begin.term.1, since, Wrong::Double)),
        ];
        let mut wrong = wrong.into_iter().flatten();
        let wrong = wrong.find(|(_, _, wrong)| !off.contains(wrong));
        if is_over {
            let number = self.begin(own);
            if let Some(first) = self.first_of(own.kind) {
                first.term = (number, own.position);
            }
        }
        wrong
    }

    /// The receiver had forgotten the key, and keeps it from this use on.
    fn begin(&mut self, own: &First) -> u32 {
        self.term = Term {
            number: self.term.number + 1,
            start: Some((own.position, own.time)),
        };
        self.term.number
    }
}
