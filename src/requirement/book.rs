//! One invariant: its subjects, what each of them looks at, and whether it holds for them.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::absent::Absent;
use crate::definition::requirement::{KEY, Requirement, STATE};
use crate::event::Timestamp;
use crate::lapse::{At, Lapses, Now};
use crate::projection::{self, Applied, Cell};
use crate::requirement::look::{self, Held, State, digest, judge};
use crate::texts::Keys;

/// How many subjects may look at one key for its events to be followed.
pub const MOST: usize = 1000;

#[derive(Debug)]
pub(super) struct Subject {
    pub(super) held: Held,
    /// The last event of anything that it looks at.
    pub(super) last: At,
    /// The greatest time of such an event.
    pub(super) youngest: Timestamp,
    pub(super) lapses: Lapses<Arc<str>>,
    /// The keys that it looks at, by look-up: numbers in [`Watched`].
    pub(super) looks_at: Vec<Option<u32>>,
    /// Digest of the fields that the invariant looks at.
    pub(super) seen: u64,
}

/// The keys of one look-up that somebody looks at.
#[derive(Debug, Default)]
pub(super) struct Watched {
    pub(super) keys: Keys,
    pub(super) by: Vec<Onlookers>,
}

#[derive(Debug, Default)]
pub(super) struct Onlookers {
    pub(super) subjects: Vec<u32>,
    /// There were too many of them once, so that none is followed.
    pub(super) is_coarse: bool,
    pub(super) last: Option<At>,
    /// Digest of the fields that the invariant looks at.
    pub(super) seen: u64,
}

#[derive(Debug)]
pub(super) struct Book {
    pub(super) requirement: Arc<Requirement>,
    /// The log's beginning was removed.
    pub(super) cut: bool,
    /// Indices of the projections: its own, and one per look-up.
    pub(super) each: usize,
    pub(super) looked_up: Vec<usize>,
    /// The fields of its own projection that it looks at, and those of each look-up.
    pub(super) fields: Vec<usize>,
    pub(super) looked_fields: Vec<Vec<usize>>,
    /// By the number of the key in its projection.
    pub(super) subjects: Vec<Option<Subject>>,
    /// By look-up.
    pub(super) watched: Vec<Watched>,
}

impl Book {
    /// Takes an event that changed the state of a key.
    pub(super) fn take(&mut self, applied: Applied, states: &projection::Ledger) {
        let at = (applied.position, applied.time);
        let number = applied.number as usize;
        if self.each == applied.projection {
            let own = Some(applied.number);
            let seen = digest(&self.fields, applied.projection, own, states);
            let known = self.subjects.get(number).and_then(Option::as_ref);
            if known.map(|subject| subject.seen) != Some(seen) {
                self.touch(applied.number, at, states);
                if let Some(Some(subject)) = self.subjects.get_mut(number) {
                    subject.seen = seen;
                }
            }
        }
        for subject in self.onlookers(applied, states) {
            self.touch(subject, at, states);
        }
    }

    /// Until when something that was left as it is at this time is tolerated.
    fn due(&self, youngest: Timestamp) -> Option<Timestamp> {
        self.requirement.grace.map(|grace| youngest.after(grace))
    }

    /// How a subject stands at the horizon, which was left so by this event.
    pub(super) fn now(
        &self,
        held: &Held,
        last: At,
        youngest: Timestamp,
        horizon: Timestamp,
    ) -> Now<Arc<str>> {
        let is_pending = self.due(youngest).is_some_and(|due| horizon < due);
        match held {
            Held::Exempt | Held::Yes => Now::Right,
            Held::Unknown(_) => Now::Unknown,
            Held::No(values) if is_pending => Now::Pending(values.clone()),
            Held::No(values) => Now::Wrong(values.clone(), last),
        }
    }

    /// How many events of its own projection tell no key and cannot be read, and of those looked up.
    pub(super) fn unread(&self, states: &projection::Ledger) -> [u64; 2] {
        let of = |projection: &usize| states.keyless(*projection).map_or(0, |it| it.unread);
        let mut looked_up = self.looked_up.clone();
        looked_up.sort_unstable();
        looked_up.dedup();
        let own = match looked_up.contains(&self.each) {
            true => 0,
            false => of(&self.each),
        };
        [own, looked_up.iter().map(of).sum()]
    }

    /// Whether a row that cannot be judged is an event of something that a subject looks at.
    pub(super) fn may_lack(&self, key: &str, subject: &Subject, absent: &Absent) -> bool {
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
            if onlookers.is_coarse {
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
    fn touch(&mut self, number: u32, at: At, states: &projection::Ledger) {
        let place = number as usize;
        if self.subjects.len() <= place {
            self.subjects.resize_with(place + 1, || None);
        }
        let followed = self.subjects[place].as_ref();
        let due = followed.filter(|subject| !self.is_coarse(subject));
        let due = due.map(|subject| self.due(subject.youngest));
        if let (Some(subject), Some(due)) = (&mut self.subjects[place], due) {
            subject.rest(due, at.1);
        }
        let (held, keys) = self.look(number, states);
        let subject = self.subjects[place].get_or_insert_with(|| Subject {
            held: Held::Exempt,
            last: at,
            youngest: at.1,
            lapses: Lapses::default(),
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
                    is_coarse,
                    seen,
                    ..
                } = &mut watched.by[now as usize];
                if *seen == 0 {
                    let projection = self.looked_up[lookup];
                    let there = states.find(projection, watched.keys.text(now));
                    *seen = digest(&self.looked_fields[lookup], projection, there, states);
                }
                if subject.looks_at[lookup] != Some(now) && !*is_coarse {
                    onlookers.push(number);
                    if onlookers.len() > MOST {
                        *is_coarse = true;
                        *onlookers = Vec::new();
                    }
                }
            }
            subject.looks_at[lookup] = now;
        }
        if matches!(held, Held::Yes | Held::Exempt) {
            subject.lapses.mend();
        }
        subject.held = held;
        subject.last = at;
        subject.youngest = subject.youngest.max(at.1);
    }

    /// Whether the invariant holds for a subject at the horizon, the last event of what it looks
    /// at, and when the youngest happened.
    pub(super) fn finally(
        &self,
        number: u32,
        subject: &Subject,
        states: &projection::Ledger,
    ) -> (Held, At, Timestamp) {
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
    pub(super) fn is_coarse(&self, subject: &Subject) -> bool {
        let mut looked_at = subject.looks_at.iter().zip(&self.watched);
        looked_at.any(|(number, watched)| {
            let onlookers = number.and_then(|number| watched.by.get(number as usize));
            onlookers.is_some_and(|onlookers| onlookers.is_coarse)
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
    /// Holds what was found last against the invariant, now that something else comes.
    fn rest(&mut self, due: Option<Timestamp>, now: Timestamp) {
        if let Held::No(values) = &self.held
            && due.is_none_or(|due| now > due)
        {
            self.lapses.lapse(values.clone(), self.last, due);
        }
    }
}
