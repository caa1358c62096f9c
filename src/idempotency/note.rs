//! What an event says of idempotency keys.

use std::borrow::Cow;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use crate::absent::Of;
use crate::definition::idempotency::Idempotency;
use crate::definition::saga::EventPattern;
use crate::event::{Position, Timestamp};
use crate::expression::{Expression, Scope};
use crate::json;
use crate::log::{BadRow, Fields};
use crate::reader::{self, Looks};
use crate::texts::{Desk, Keys, Text, named};

/// How an event uses a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Effect,
    Attempt,
}

/// Why an event has no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lack {
    /// It has none.
    None,
    /// The field that it is is not there, so that it has none, unless the field is named otherwise.
    Absent,
    /// It cannot be computed.
    Untold,
    /// It cannot be computed, since what the event says cannot be read.
    Unread,
}

/// An event that uses a key, or should.
#[derive(Debug, Clone, Copy)]
pub struct Note {
    /// Index of the rule.
    pub(super) rule: u16,
    /// Index of the first pattern of the event type within the rule: effects first, then attempts.
    pub(super) kind: u16,
    /// How it uses the key; `None` where a condition cannot tell.
    pub(super) used: Option<Use>,
    /// `None` where it has none, or none that can be told.
    pub(super) key: Option<(u64, Text)>,
    pub(super) lack: Lack,
    /// Hash of what has to be the same; `None` where that cannot be told.
    pub(super) fingerprint: Option<u64>,
    /// Hash of the event's id; 0 for none.
    pub(super) id: u64,
    pub(super) position: Position,
    pub(super) time: Timestamp,
}

/// What an event type is in one rule.
#[derive(Debug, Clone)]
pub struct Candidate {
    kind: u16,
    used: Use,
    when: Option<Expression>,
    /// `None` for all data.
    fingerprint: Option<Vec<Expression>>,
}

/// The rules that an event type concerns.
pub type Route = reader::Route<Candidate>;

/// Reads keys out of events.
pub type Reader = reader::Reader<Idempotency>;

impl Looks for Idempotency {
    fn fields(&self) -> Fields {
        let own = Fields {
            time: true,
            id: true,
            key: self.key.is_none(),
            data: self.fingerprint.default.is_none(),
            ..Fields::default()
        };
        let patterns = self.effects.iter().chain(&self.attempts);
        let fingerprint = &self.fingerprint;
        let fields = fingerprint
            .default
            .iter()
            .chain(fingerprint.by_type.values());
        own.with(Fields::of(
            patterns
                .filter_map(|pattern| pattern.when.as_ref())
                .chain(fields.flatten())
                .chain(&self.key)
                .chain(&self.narrow),
        ))
    }
}

impl Reader {
    /// What an event type concerns.
    pub fn route(&self, kind: &str) -> Route {
        let mut candidates = Vec::new();
        for (index, rule) in (0_u16..).zip(&self.of) {
            let effects = rule.effects.iter().map(|pattern| (pattern, Use::Effect));
            let attempts = rule.attempts.iter().map(|pattern| (pattern, Use::Attempt));
            let mut firsts: [Option<u16>; 2] = [None; 2];
            for (number, (pattern, used)) in (0..).zip(effects.chain(attempts)) {
                if &*pattern.kind == kind {
                    let fingerprint = &rule.fingerprint;
                    let candidate = Candidate {
                        kind: *firsts[used as usize].get_or_insert(number),
                        used,
                        when: pattern.when.clone(),
                        fingerprint: match fingerprint.by_type.get(kind) {
                            Some(own) => Some(own.clone()),
                            None => fingerprint.default.clone(),
                        },
                    };
                    candidates.push((index, candidate));
                }
            }
        }
        reader::Route(candidates)
    }

    /// Adds what an event of this type says.
    pub fn note(&self, route: &Route, row: &Scope<'_>, desk: &mut Desk<'_>, notes: &mut Vec<Note>) {
        let from = notes.len();
        for (index, candidate) in &route.0 {
            let rule = &self.of[usize::from(*index)];
            let conditions = rule.narrow.iter().chain(&candidate.when);
            let used = match Expression::all_hold(conditions, row) {
                Ok(false) => continue,
                Ok(true) => Some(candidate.used),
                Err(_) => None,
            };
            let is_same = |note: &Note| (note.rule, note.kind) == (*index, candidate.kind);
            if let Some(note) = notes[from..].iter_mut().find(|note| is_same(note)) {
                note.used = note.used.or(used);
                continue;
            }
            let told = match &rule.key {
                None => Ok(row.key.map(Cow::Borrowed)),
                Some(key) => key.text(row),
            };
            let lack = match told {
                Ok(_) => Lack::None,
                Err(_) if row.is_sound() => match rule.key.as_ref().map(|key| key.recorded(row)) {
                    Some(Some(_)) => Lack::Absent,
                    _ => Lack::Untold,
                },
                Err(_) => Lack::Unread,
            };
            let key = named(told.ok().flatten());
            let hash = key.as_deref().map(|key| desk.hash(key));
            if !self.share.takes(hash) {
                continue;
            }
            let fingerprint = fingerprint(candidate, row);
            if candidate.fingerprint.is_none() && fingerprint.is_some() {
                desk.has_read_data();
            }
            notes.push(Note {
                rule: *index,
                kind: candidate.kind,
                used,
                key: hash.zip(key.map(|key| desk.keep(&key))),
                lack,
                fingerprint,
                id: desk.hash_of_name(row.id),
                position: row.position,
                time: row.time.unwrap_or(Timestamp::MIN),
            });
        }
    }

    /// Adds what a row that cannot be judged may be an event of, with its key where that can be told.
    pub fn missed(&self, bad: &BadRow, kind: Option<&str>, of: &mut Vec<(Of, Option<u64>)>) {
        let row = bad.scope(kind);
        for (index, rule) in self.losing(bad) {
            let may_be = |when: Option<&Expression>| {
                let mut conditions = rule.narrow.iter().chain(when);
                !conditions.any(|condition| bad.rules_out(condition, kind))
            };
            let is_among = |patterns: &[EventPattern]| {
                let mut own = patterns.iter();
                own.any(|one| {
                    kind.is_none_or(|kind| &*one.kind == kind) && may_be(one.when.as_ref())
                })
            };
            let is_effect = is_among(&rule.effects);
            if !is_effect && !is_among(&rule.attempts) {
                continue;
            }
            let key = match &rule.key {
                None if bad.rest.unread.key => Err(()),
                None => Ok(bad.rest.key.as_deref().map(Into::into)),
                Some(key) if bad.tells(key, kind.is_some()) => {
                    let value = key.evaluate(&row).map_err(drop);
                    value.map(|value| json::text(&value).map(Cow::into_owned))
                }
                Some(_) => Err(()),
            };
            let key: Result<Option<String>, ()> = key;
            let key = key.map(named);
            let hash = |key: String| Keys::hash(&key);
            if rule.required && is_effect && !matches!(key, Ok(Some(_))) {
                of.push((Of::Keyless(index), None));
            }
            match key {
                Ok(None) => {}
                Ok(Some(key)) => of.push((Of::Key(index), Some(hash(key)))),
                Err(()) => of.push((Of::Key(index), None)),
            }
        }
    }
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
