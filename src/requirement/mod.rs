//! Invariants over folded states: what one aggregate says has to agree with what others say.
//!
//! A *subject* is a key of the projection that an invariant is for. It is held against the invariant
//! after each event that changed a field that the invariant looks at, of the subject or of a key that
//! it looks up. With a `grace` that counts only if none of these fields changes for that long: at the
//! horizon, and in the past wherever the next change came later than that; times may run backwards,
//! and the youngest change counts. The first time that it
//! did not hold is what is reported.
//!
//! A key that does not exist, or a field that nothing was done to, is missing. Where the invariant
//! cannot be told without it, the subject is *unknown*: not right, and not wrong.
//!
//! Where the log's beginning was cut off, so is that of a key whose first event is not the first of its
//! stream. A subject is unknown, too, where a row that cannot be judged is an event of something that
//! it looks at; rows of which not even the key can be told are counted by whoever reports.
//!
//! A key that more than [`MOST`] subjects look at is not followed event by event, which would cost
//! the product of the two: those subjects are judged at the horizon only.

mod found;
mod look;
mod sharing;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::absent::Absent;
use crate::definition::projection::Projection;
use crate::definition::requirement::{KEY, Requirement, STATE};
use crate::event::{Position, Span, Timestamp};
use crate::projection::{self, Applied, Cell};
use crate::texts::{Keys, room};
pub use found::{Breach, Count, Untold};
use look::{Held, State, digest, judge, looked_at};
use sharing::Sharing;

/// How many subjects may look at one key for its events to be followed.
pub const MOST: usize = 1000;

#[derive(Debug)]
struct Subject {
    held: Held,
    /// The last event of anything that it looks at.
    last: (Position, Timestamp),
    /// The greatest time of such an event.
    youngest: Timestamp,
    breach: Option<(Box<str>, (Position, Timestamp))>,
    /// The keys that it looks at, by look-up: numbers in [`Watched`].
    looks_at: Vec<Option<u32>>,
    /// Digest of the fields that the invariant looks at.
    seen: u64,
}

/// The keys of one look-up that somebody looks at.
#[derive(Debug, Default)]
struct Watched {
    keys: Keys,
    by: Vec<Onlookers>,
}

#[derive(Debug, Default)]
struct Onlookers {
    subjects: Vec<u32>,
    last: Option<(Position, Timestamp)>,
    /// Digest of the fields that the invariant looks at.
    seen: u64,
}

#[derive(Debug)]
struct Book {
    requirement: Arc<Requirement>,
    /// The log's beginning was removed.
    cut: bool,
    /// Indices of the projections: its own, and one per look-up.
    each: usize,
    looked_up: Vec<usize>,
    /// The fields of its own projection that it looks at, and those of each look-up.
    fields: Vec<usize>,
    looked_fields: Vec<Vec<usize>>,
    /// By the number of the key in its projection.
    subjects: Vec<Option<Subject>>,
    /// By look-up.
    watched: Vec<Watched>,
}

/// Holds states against invariants as they change.
#[derive(Debug, Default)]
pub struct Ledger {
    books: Vec<Book>,
}

impl Ledger {
    /// A ledger for these invariants over these projections, in which nothing happened yet.
    pub fn new(
        requirements: &[Arc<Requirement>],
        projections: &[Arc<Projection>],
        cut: bool,
    ) -> Ledger {
        let index = |name: &str| {
            let found = projections.iter().position(|one| *one.name == *name);
            found.unwrap_or(usize::MAX)
        };
        let fields = |requirement: &Requirement, name: &str, projection: usize| {
            let projection = projections.get(projection);
            projection.map_or_else(Vec::new, |projection| {
                looked_at(requirement, name, projection)
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
            requirement: Arc::clone(requirement),
            cut,
        };
        Ledger {
            books: requirements.iter().map(book).collect(),
        }
    }

    /// Takes an event that has just changed the state of a key.
    pub fn take(&mut self, applied: Applied, states: &projection::Ledger) {
        let at = (applied.position, applied.time);
        for book in &mut self.books {
            if book.each == applied.projection {
                let seen = digest(
                    &book.fields,
                    applied.projection,
                    Some(applied.number),
                    states,
                );
                let known = book.subjects.get(applied.number as usize);
                let known = known.and_then(Option::as_ref).map(|subject| subject.seen);
                if known != Some(seen) {
                    book.touch(applied.number, at, states);
                    if let Some(Some(subject)) = book.subjects.get_mut(applied.number as usize) {
                        subject.seen = seen;
                    }
                }
            }
            for subject in book.onlookers(applied, states) {
                book.touch(subject, at, states);
            }
        }
    }

    /// Bytes kept; of the values that were found, none.
    pub fn bytes(&self) -> usize {
        let looks_at = |subject: &Subject| room(&subject.looks_at);
        let watched = |one: &Watched| {
            let onlookers = one.by.iter().map(|one| room(&one.subjects));
            one.keys.bytes() + room(&one.by) + onlookers.sum::<usize>()
        };
        let own = |book: &Book| {
            let subjects = book.subjects.iter().flatten().map(looks_at);
            let watched = book.watched.iter().map(watched);
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
        absent: &Absent,
    ) -> (Vec<Breach>, Vec<Untold>, Vec<Count>) {
        let (mut breaches, mut untold, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        for (index, book) in self.books.iter().enumerate() {
            let mut count = Count::default();
            let mut sharing = Sharing::of(book.watched.iter().map(|one| one.keys.len()));
            for (number, subject) in book.subjects.iter().enumerate() {
                let Some(subject) = subject else {
                    continue;
                };
                let (held, last, youngest) = book.finally(number as u32, subject, states);
                let is_over = horizon >= youngest.after(book.quiet());
                let breach = match (&subject.breach, &held) {
                    (Some(breach), _) => Some(breach.clone()),
                    (None, Held::No(values)) if is_over => Some((values.clone(), last)),
                    _ => None,
                };
                if held == Held::Exempt && breach.is_none() {
                    continue;
                }
                count.keys += 1;
                count.coarse += u64::from(book.is_coarse(subject));
                let key = states
                    .entry(book.each, number as u32)
                    .map(|(key, _)| key.to_owned())
                    .unwrap_or_default();
                if book.may_lack(&key, subject, absent) {
                    count.unknown += 1;
                    untold.push(Untold {
                        requirement: index,
                        key,
                        reason:
                            "an event of what it looks at stands in a row that cannot be judged"
                                .to_owned(),
                        at: last,
                    });
                    continue;
                }
                match (breach, held) {
                    (Some((values, at)), held) => {
                        sharing.add(&subject.looks_at);
                        breaches.push(Breach {
                            requirement: index,
                            key,
                            values: values.into(),
                            at,
                            healed: !matches!(held, Held::No(_)),
                        });
                    }
                    (None, Held::Unknown(reason)) => {
                        count.unknown += 1;
                        untold.push(Untold {
                            requirement: index,
                            key,
                            reason: reason.into(),
                            at: last,
                        });
                    }
                    (None, Held::No(_)) => count.pending += 1,
                    (None, Held::Yes) if book.is_coarse(subject) => count.unknown += 1,
                    (None, Held::Yes | Held::Exempt) => {}
                }
            }
            count.sharing = sharing.most();
            count.unread = book.unread(states);
            counts.push(count);
        }
        (breaches, untold, counts)
    }
}

impl Book {
    fn quiet(&self) -> Span {
        self.requirement.grace.unwrap_or(Span::ZERO)
    }

    /// How many events of what it looks at cannot be read and tell no key.
    fn unread(&self, states: &projection::Ledger) -> u64 {
        let mut projections = self.looked_up.clone();
        projections.push(self.each);
        projections.sort_unstable();
        projections.dedup();
        let keyless = projections.iter().filter_map(|at| states.keyless(*at));
        keyless.map(|keyless| keyless.unread).sum()
    }

    /// Whether a row that cannot be judged is an event of something that a subject looks at.
    fn may_lack(&self, key: &str, subject: &Subject, absent: &Absent) -> bool {
        let mut looked_at = subject
            .looks_at
            .iter()
            .zip(&self.watched)
            .zip(&self.looked_up);
        absent.of_state(self.each).has(key)
            || looked_at.any(|((number, watched), projection)| {
                number.is_some_and(|number| {
                    let strays = absent.of_state(*projection);
                    strays.has(watched.keys.text(number))
                })
            })
    }

    /// The subjects that look at a key and are followed, each once.
    fn onlookers(&mut self, applied: Applied, states: &projection::Ledger) -> Vec<u32> {
        let mut all = Vec::new();
        let lookups = self.looked_up.iter().enumerate();
        for (lookup, _) in lookups.filter(|(_, projection)| **projection == applied.projection) {
            let Some((key, _)) = states.entry(applied.projection, applied.number) else {
                continue;
            };
            let watched = &mut self.watched[lookup];
            let Some(number) = watched.keys.find(Keys::hash(key), key) else {
                continue;
            };
            let onlookers = &mut watched.by[number as usize];
            let seen = digest(
                &self.looked_fields[lookup],
                applied.projection,
                Some(applied.number),
                states,
            );
            if std::mem::replace(&mut onlookers.seen, seen) == seen {
                continue;
            }
            onlookers.last = Some((applied.position, applied.time));
            if onlookers.subjects.len() > MOST {
                continue;
            }
            let subjects = &self.subjects;
            onlookers.subjects.retain(|subject| {
                let subject = subjects.get(*subject as usize).and_then(Option::as_ref);
                subject.is_some_and(|subject| subject.looks_at[lookup] == Some(number))
            });
            all.extend_from_slice(&onlookers.subjects);
        }
        all.sort_unstable();
        all.dedup();
        if let Ok(own) = all.binary_search(&applied.number)
            && self.each == applied.projection
        {
            all.remove(own);
        }
        all
    }

    /// Something that a subject looks at has changed: judges what was, and looks at what is.
    fn touch(&mut self, number: u32, at: (Position, Timestamp), states: &projection::Ledger) {
        let place = number as usize;
        if self.subjects.len() <= place {
            self.subjects.resize_with(place + 1, || None);
        }
        let quiet = self.quiet();
        let followed = self.subjects[place].as_ref();
        let is_followed = followed.is_some_and(|subject| !self.is_coarse(subject));
        if let Some(subject) = self.subjects[place].as_mut().filter(|_| is_followed) {
            subject.rest(quiet, at.1);
        }
        let (held, keys) = self.look(number, states);
        let subject = self.subjects[place].get_or_insert_with(|| Subject {
            held: Held::Exempt,
            last: at,
            youngest: at.1,
            breach: None,
            looks_at: vec![None; keys.len()],
            seen: 0,
        });
        for (lookup, key) in keys.into_iter().enumerate() {
            let watched = &mut self.watched[lookup];
            let now = key.map(|key| watched.keys.number(Keys::hash(&key), &key));
            watched
                .by
                .resize_with(watched.keys.len(), Onlookers::default);
            if let Some(before) = subject.looks_at[lookup].filter(|before| Some(*before) != now) {
                let onlookers = &mut watched.by[before as usize].subjects;
                onlookers.retain(|one| *one != number);
            }
            if let Some(now) = now {
                let Onlookers {
                    subjects: onlookers,
                    seen,
                    ..
                } = &mut watched.by[now as usize];
                if *seen == 0 {
                    let projection = self.looked_up[lookup];
                    let there = states.find(projection, watched.keys.text(now));
                    *seen = digest(&self.looked_fields[lookup], projection, there, states);
                }
                if subject.looks_at[lookup] != Some(now) && onlookers.len() <= MOST {
                    onlookers.push(number);
                }
            }
            subject.looks_at[lookup] = now;
        }
        subject.held = held;
        subject.last = at;
        subject.youngest = subject.youngest.max(at.1);
        if self.requirement.grace.is_none() {
            subject.rest(quiet, subject.youngest);
        }
    }

    /// Whether the invariant holds for a subject at the horizon, the last event of what it looks
    /// at, and when the youngest happened.
    fn finally(
        &self,
        number: u32,
        subject: &Subject,
        states: &projection::Ledger,
    ) -> (Held, (Position, Timestamp), Timestamp) {
        if !self.is_coarse(subject) {
            return (subject.held.clone(), subject.last, subject.youngest);
        }
        let looked_at = subject.looks_at.iter().zip(&self.watched);
        let others =
            looked_at.filter_map(|(number, watched)| watched.by.get((*number)? as usize)?.last);
        let own = (subject.last, subject.youngest);
        let (last, youngest) = others.fold(own, |(last, youngest), other| {
            let later = if other.0 > last.0 { other } else { last };
            (later, youngest.max(other.1))
        });
        (self.look(number, states).0, last, youngest)
    }

    /// Whether a subject looks at a key that is not followed.
    fn is_coarse(&self, subject: &Subject) -> bool {
        let mut looked_at = subject.looks_at.iter().zip(&self.watched);
        looked_at.any(|(number, watched)| {
            let onlookers = number.and_then(|number| watched.by.get(number as usize));
            onlookers.is_some_and(|onlookers| onlookers.subjects.len() > MOST)
        })
    }

    /// Whether the invariant holds for a subject as things stand, and the keys that it looks at.
    fn look(&self, number: u32, states: &projection::Ledger) -> (Held, Vec<Option<String>>) {
        let requirement = &self.requirement;
        let none = || vec![None; requirement.lookups.len()];
        let Some((key, state)) = self.known((STATE, &self.fields), self.each, number, states)
        else {
            return (Held::Exempt, none());
        };
        let state = match state {
            Ok(state) => state,
            Err(doubt) => return (Held::Unknown(doubt), none()),
        };
        let mut values = Map::new();
        values.insert(STATE.to_owned(), Value::Object(state));
        values.insert(KEY.to_owned(), key.into());
        let mut keys = Vec::new();
        let mut doubt = None;
        let mut found = Vec::new();
        let looked_up = self.looked_up.iter().zip(&self.looked_fields);
        for (lookup, (projection, fields)) in requirement.lookups.iter().zip(looked_up) {
            let key = look::looked_up(lookup, &values);
            if let Some(key) = &key
                && let Some(number) = states.find(*projection, key)
                && let Some((_, state)) =
                    self.known((&lookup.name, fields), *projection, number, states)
            {
                match state {
                    Ok(state) => found.push((lookup.name.clone(), Value::Object(state))),
                    Err(reason) => doubt = Some(reason),
                }
            }
            keys.push(key);
        }
        values.extend(found);
        let held = match judge(requirement, &values) {
            Held::Exempt => Held::Exempt,
            judged => doubt.map_or(judged, Held::Unknown),
        };
        (held, keys)
    }

    /// The state of a key that exists, which has this name in formulas; or why it cannot be told
    /// which events belong to it, or what one of the fields is that formulas look at.
    fn known<'s>(
        &self,
        (name, fields): (&str, &[usize]),
        projection: usize,
        number: u32,
        states: &'s projection::Ledger,
    ) -> Option<(&'s str, State)> {
        let (key, entry) = states.entry(projection, number)?;
        if let Some(doubt) = entry.state.doubt() {
            return Some((key, Err(doubt.into())));
        }
        if self.cut && !entry.is_whole {
            return Some((key, Err("its first events may have been cut off".into())));
        }
        let definition = states.folds().get(projection)?.definition();
        let mut state = Map::new();
        let mut untold: Option<Box<str>> = None;
        for (field, cell) in fields.iter().map(|at| (*at, entry.state.cell(*at))) {
            let field = &definition.fields[field].name;
            match cell {
                Cell::Blank => {}
                Cell::Known(value) => drop(state.insert(field.to_string(), value.to_json())),
                Cell::Unknown(reason) => {
                    untold.get_or_insert_with(|| format!("`{name}.{field}`: {reason}").into());
                }
            }
        }
        let state = entry.state.is_alive().then_some(state)?;
        Some((key, untold.map_or(Ok(state), Err)))
    }
}

impl Subject {
    /// Holds what was found last against the invariant if nothing changed until `now` for long
    /// enough.
    fn rest(&mut self, quiet: Span, now: Timestamp) {
        if let Held::No(values) = &self.held
            && self.breach.is_none()
            && now >= self.youngest.after(quiet)
        {
            self.breach = Some((values.clone(), self.last));
        }
    }
}
