//! One key, one effect: what became of the idempotency keys of a log.
//!
//! A key is *used* by every event that carries it, effects and attempts alike. Of each event type a
//! key has a first use; whatever follows under the same type is a repeat:
//!
//! - with the same event id as a use before it, it is one event delivered twice, which is the
//!   business of `log/duplicate-id`;
//! - with another fingerprint than the first use that tells its own, it is a *conflict*: the key was
//!   given to two different things;
//! - an effect, or any attempt under a key that was used before, later than the retention after the
//!   key's first use, is *expired*: the receiver had forgotten the key;
//! - an effect otherwise is a *double* effect, though its fingerprint may be untellable: whether it
//!   is the same thing twice or two things, one key had two effects;
//! - an attempt otherwise is a healthy repeat, and so is any number of attempts that had no effect.
//!
//! One fault, one finding: the first of these that fits is what is reported, once per key and type.
//!
//! Where a condition or a fingerprint cannot be evaluated, the key is *unknown*; an event that may
//! or may not use the key is no use that a later one repeats. An event whose key cannot be found, or is
//! empty, has none.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::definition::idempotency::Idempotency;
use crate::event::{Position, Timestamp};
use crate::expression::{Expression, Scope};
use crate::json;
use crate::log::Fields;
use crate::share::Share;
use crate::texts::{Keys, Text, Texts, room};

/// How an event uses a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Effect,
    Attempt,
}

/// An event that uses a key, or should.
#[derive(Debug, Clone, Copy)]
pub struct Note {
    /// Index of the rule.
    rule: u16,
    /// Index of the event type within the rule: effects first, then attempts.
    kind: u16,
    /// How it uses the key; `None` where a condition cannot tell.
    used: Option<Use>,
    key: Option<(u64, Text)>,
    /// Hash of what has to be the same; `None` where that cannot be told.
    fingerprint: Option<u64>,
    /// Hash of the event's id; 0 for none.
    id: u64,
    position: Position,
    time: Timestamp,
}

/// What an event type is in one rule.
#[derive(Debug, Clone)]
struct Candidate {
    rule: u16,
    kind: u16,
    used: Use,
    when: Option<Expression>,
    /// `None` for all data.
    fingerprint: Option<Vec<Expression>>,
}

/// The rules that an event type concerns.
#[derive(Debug, Clone, Default)]
pub struct Route(Vec<Candidate>);

impl Route {
    /// Whether it concerns none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads keys out of events.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    rules: Vec<Arc<Idempotency>>,
    share: Share,
}

impl Reader {
    /// A reader for these rules.
    pub fn new(rules: &[Arc<Idempotency>]) -> Reader {
        Reader {
            rules: rules.to_vec(),
            share: Share::WHOLE,
        }
    }

    /// The same for the keys of one share.
    pub fn of_share(&self, share: Share) -> Reader {
        Reader {
            share,
            ..self.clone()
        }
    }

    /// The columns that it needs.
    pub fn fields(&self) -> Fields {
        let any = !self.rules.is_empty();
        let compares_all = |rule: &Arc<Idempotency>| rule.fingerprint.default.is_none();
        let own = Fields {
            time: any,
            id: any,
            key: self.rules.iter().any(|rule| rule.key.is_none()),
            data: self.rules.iter().any(compares_all),
            ..Fields::default()
        };
        own.with(Fields::of(self.rules.iter().flat_map(|rule| {
            let patterns = rule.effects.iter().chain(&rule.attempts);
            let fingerprint = &rule.fingerprint;
            let fields = fingerprint
                .default
                .iter()
                .chain(fingerprint.by_type.values());
            patterns
                .filter_map(|pattern| pattern.when.as_ref())
                .chain(fields.flatten())
                .chain(&rule.key)
                .chain(&rule.narrow)
        })))
    }

    /// What an event type concerns.
    pub fn route(&self, kind: &str) -> Route {
        let mut candidates = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            let effects = rule.effects.iter().map(|pattern| (pattern, Use::Effect));
            let attempts = rule.attempts.iter().map(|pattern| (pattern, Use::Attempt));
            for (number, (pattern, used)) in effects.chain(attempts).enumerate() {
                if &*pattern.kind == kind {
                    let fingerprint = &rule.fingerprint;
                    candidates.push(Candidate {
                        rule: index as u16,
                        kind: number as u16,
                        used,
                        when: pattern.when.clone(),
                        fingerprint: match fingerprint.by_type.get(kind) {
                            Some(own) => Some(own.clone()),
                            None => fingerprint.default.clone(),
                        },
                    });
                }
            }
        }
        Route(candidates)
    }

    /// Adds what an event of this type says.
    pub fn note(&self, route: &Route, row: &Scope<'_>, texts: &mut Texts, notes: &mut Vec<Note>) {
        for candidate in &route.0 {
            let rule = &self.rules[usize::from(candidate.rule)];
            let conditions = rule.narrow.iter().chain(&candidate.when);
            let Some(used) = used(conditions, candidate.used, row) else {
                continue;
            };
            let computed;
            let key = match &rule.key {
                None => row.key.map(Into::into),
                Some(key) => {
                    computed = key.evaluate(row).ok();
                    computed.as_ref().and_then(json::text)
                }
            };
            let key = key.filter(|key| !key.trim().is_empty());
            let hash = key.as_deref().map(Keys::hash);
            if !self.share.takes(hash) {
                continue;
            }
            notes.push(Note {
                rule: candidate.rule,
                kind: candidate.kind,
                used,
                key: hash.zip(key.map(|key| texts.keep(&key))),
                fingerprint: fingerprint(candidate, row),
                id: row.id.map_or(0, |id| Keys::hash(id) | 1),
                position: row.position,
                time: row.time.unwrap_or(Timestamp::MIN),
            });
        }
    }
}

/// How an event uses a key if all of these hold, which one that does not hold settles whatever the
/// others are: `Some(None)` where it cannot be told, and `None` where it uses none.
fn used<'a>(
    conditions: impl Iterator<Item = &'a Expression>,
    used: Use,
    row: &Scope<'_>,
) -> Option<Option<Use>> {
    let mut all = Some(used);
    for condition in conditions {
        match condition.holds(row) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(_) => all = None,
        }
    }
    Some(all)
}

/// A digest of what has to be the same: of values with all their digits, not of how they are
/// written.
fn fingerprint(candidate: &Candidate, row: &Scope<'_>) -> Option<u64> {
    let hash = |json: &[u8]| {
        let text = json::canonical(json).ok()?;
        Some(FixedState::default().hash_one(text))
    };
    match &candidate.fingerprint {
        None => row.data.map_or(Some(0), hash),
        Some(fields) => fields.iter().try_fold(0_u64, |all, field| {
            let own = match field.recorded(row) {
                Some(recorded) => hash(recorded.ok()?.as_bytes()),
                None => hash(field.evaluate(row).ok()?.to_string().as_bytes()),
            };
            Some(all.rotate_left(7) ^ own?)
        }),
    }
}

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
    /// When the key was first used.
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
    /// Of them, those with an event of which it cannot be told whether it uses the key.
    pub unknown_use: u64,
    /// Of them, those of which it cannot be told whether they were used for one thing only.
    pub unknown_thing: u64,
    /// Effects looked at.
    pub effects: u64,
    /// Events without a key of which it cannot be told whether they are effects.
    pub unknown_effects: u64,
}

impl Count {
    /// Adds what became of other keys.
    pub fn add(&mut self, other: Count) {
        self.keys += other.keys;
        self.unknown_use += other.unknown_use;
        self.unknown_thing += other.unknown_thing;
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
}

#[derive(Debug, Default)]
struct Key {
    first: Option<First>,
    /// First uses by other types.
    others: Vec<First>,
    has_unknown_use: bool,
    has_unknown_thing: bool,
}

/// Follows the keys.
#[derive(Debug, Default)]
pub struct Ledger {
    rules: Vec<Arc<Idempotency>>,
    keys: Vec<(Keys, Vec<Key>)>,
    /// By rule, those that are effects and those that may be, without a key.
    effects: Vec<(u64, u64)>,
    misuses: Vec<Misuse>,
    known: HashMap<(u16, u32, u16, Wrong), usize, FixedState>,
    /// The ids of repeats, by rule, key and type.
    repeats: HashSet<(u16, u32, u16, u64), FixedState>,
    keyless: Vec<Keyless>,
    found: Vec<u32>,
}

impl Ledger {
    /// A ledger for these rules.
    pub fn new(rules: &[Arc<Idempotency>]) -> Ledger {
        Ledger {
            rules: rules.to_vec(),
            keys: rules.iter().map(|_| Default::default()).collect(),
            effects: vec![(0, 0); rules.len()],
            ..Ledger::default()
        }
    }

    /// Takes the next events in the log's order.
    pub fn take(&mut self, notes: &[Note], texts: &Texts) {
        let mut found = std::mem::take(&mut self.found);
        let wanted = notes.iter().map(|note| {
            let (hash, key) = note.key?;
            Some((note.rule, hash, texts.get(key)))
        });
        Keys::numbers_in(&mut self.keys, |book| &mut book.0, wanted, &mut found);
        for (note, number) in notes.iter().zip(&found) {
            self.take_one(note, *number);
        }
        self.found = found;
    }

    /// Takes an event whose key, if it has one, has this number.
    fn take_one(&mut self, note: &Note, number: u32) {
        let rule = &self.rules[usize::from(note.rule)];
        let (effects, unknown) = &mut self.effects[usize::from(note.rule)];
        *effects += u64::from(note.used == Some(Use::Effect));
        if note.key.is_none() {
            let may_be_effect = usize::from(note.kind) < rule.effects.len();
            *unknown += u64::from(note.used.is_none() && may_be_effect);
            if rule.required && note.used == Some(Use::Effect) {
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
        if number as usize == keys.len() {
            keys.push(Key::default());
        }
        let entry = &mut keys[number as usize];
        let Some(used) = note.used else {
            entry.has_unknown_use = true;
            return;
        };
        let own = First {
            kind: note.kind,
            position: note.position,
            time: note.time,
            thing: note.fingerprint.map(|thing| (thing, note.position)),
            id: note.id,
        };
        let Some(first) = entry.first else {
            entry.first = Some(own);
            return;
        };
        if let Some(first) = entry.first_of(note.kind)
            && note.id != 0
        {
            let repeat = (note.rule, number, note.kind, note.id);
            if first.id == note.id || !self.repeats.insert(repeat) {
                return;
            }
        }
        let Some((from, wrong)) = entry.judge(rule, used, &first, &own) else {
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
                first: first.time,
            });
            misuses.len() - 1
        });
        misuses[at].evidence.push(note.position);
    }

    /// Bytes kept; of misuses, none.
    pub fn bytes(&self) -> usize {
        let own = |(names, keys): &(Keys, Vec<Key>)| {
            let others = keys.iter().map(|key| room(&key.others));
            names.bytes() + room(keys) + others.sum::<usize>()
        };
        self.keys.iter().map(own).sum()
    }

    /// What is wrong, in the order in which it came to light, and what was looked at.
    pub fn conclude(&self) -> (&[Misuse], &[Keyless], Vec<Count>) {
        let counts = self
            .keys
            .iter()
            .zip(&self.effects)
            .map(|((names, keys), effects)| Count {
                keys: names.len() as u64,
                unknown_use: keys.iter().filter(|key| key.has_unknown_use).count() as u64,
                unknown_thing: keys.iter().filter(|key| key.is_doubtful()).count() as u64,
                effects: effects.0,
                unknown_effects: effects.1,
            });
        (&self.misuses, &self.keyless, counts.collect())
    }
}

/// The type of the event with this number in a rule.
fn kind(rule: &Idempotency, number: u16) -> Arc<str> {
    let mut patterns = rule.effects.iter().chain(&rule.attempts);
    let pattern = patterns.nth(usize::from(number));
    pattern.map_or_else(|| "".into(), |pattern| Arc::clone(&pattern.kind))
}

impl Key {
    fn is_doubtful(&self) -> bool {
        self.has_unknown_use || self.has_unknown_thing
    }

    /// The first use by this type.
    fn first_of(&mut self, kind: u16) -> Option<&mut First> {
        let mut firsts = self.first.iter_mut().chain(&mut self.others);
        firsts.find(|first| first.kind == kind)
    }

    /// What is wrong with one more use of a key after the earliest, and since which event; the
    /// first use by its type is kept.
    fn judge(
        &mut self,
        rule: &Idempotency,
        used: Use,
        earliest: &First,
        own: &First,
    ) -> Option<(Position, Wrong)> {
        let is_expired = rule
            .retention
            .is_some_and(|retention| own.time > earliest.time.after(retention));
        let Some(first) = self.first_of(own.kind) else {
            self.others.push(*own);
            let is_late = is_expired && used == Use::Attempt;
            return is_late.then_some((earliest.position, Wrong::Expired));
        };
        let (from, thing) = (first.position, first.thing);
        first.thing = thing.or(own.thing);
        self.has_unknown_thing |= thing.is_none() || own.thing.is_none();
        match (thing, own.thing) {
            (Some((one, told)), Some((other, _))) if one != other => Some((told, Wrong::Conflict)),
            _ if is_expired => Some((earliest.position, Wrong::Expired)),
            _ => (used == Use::Effect).then_some((from, Wrong::Double)),
        }
    }
}
