//! One invariant: its subjects, what each of them looks at, and whether it holds for them.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::definition::requirement::{KEY, Requirement, STATE};
use crate::event::Span;
use crate::expression::Reference;
use crate::lapse::At;
use crate::projection::{self, Applied, Cell};
use crate::requirement::look::{self, Held, State, digest, judge};
use crate::requirement::subject::{Past, Subject};
use crate::requirement::watched::{Missed, Watched};

#[derive(Debug)]
pub(super) struct Book {
    pub(super) requirement: Arc<Requirement>,
    /// The log's beginning was removed.
    pub(super) cut: bool,
    pub(super) clocks: Clocks,
    /// Whether a key is exempt or not whatever it looks at.
    pub(super) exempts_alone: bool,
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

/// What is tolerated for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    /// Something that does not hold.
    pub(super) grace: Option<Span>,
    /// How far the time of an event may lie above those that follow it.
    pub(super) tolerance: Span,
}

/// A key that is looked up, and its number where it exists.
type LookedUp = Option<(String, Option<u32>)>;

impl Book {
    /// Takes what one event changed.
    pub(super) fn take(&mut self, applied: &[Applied], states: &projection::Ledger) {
        let mut touched = Vec::new();
        let mut own = Vec::new();
        for one in applied {
            self.onlookers(*one, states, &mut touched);
        }
        for one in applied.iter().filter(|one| one.projection == self.each) {
            let seen = digest(&self.fields, self.each, Some(one.number), states);
            let known = self.subjects.get(one.number as usize);
            let before = match known.and_then(Option::as_ref) {
                Some(subject) => subject.seen,
                None => digest(&self.fields, self.each, None, states),
            };
            if before != seen {
                own.push((one.number, seen));
                touched.push(one.number);
            }
        }
        touched.sort_unstable();
        touched.dedup();
        let Some(first) = applied.first().filter(|_| !touched.is_empty()) else {
            return;
        };
        let at = (first.position, first.time);
        for subject in touched {
            let mut own = own.iter();
            let seen = own.find(|(number, _)| *number == subject);
            self.touch(subject, at, seen.map(|(_, seen)| *seen), states);
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

    /// How many events of its own projection can be read and tell no key, and of others that are
    /// looked up.
    pub(super) fn astray(&self, states: &projection::Ledger) -> [u64; 2] {
        let of = |projection: usize| {
            states
                .keyless(projection)
                .map_or(0, |it| it.count - it.unread)
        };
        let mut others = self.looked_up.clone();
        others.sort_unstable();
        others.dedup();
        let others = others.into_iter().filter(|other| *other != self.each);
        [of(self.each), others.map(of).sum()]
    }

    /// Takes note of what changed of a key that subjects may look at; adds those who do and are
    /// followed.
    fn onlookers(&mut self, one: Applied, states: &projection::Ledger, all: &mut Vec<u32>) {
        let at = (one.position, one.time);
        let lookups = self.looked_up.iter().enumerate();
        for (lookup, _) in lookups.filter(|(_, projection)| **projection == one.projection) {
            let Some((key, _)) = states.entry(one.projection, one.number) else {
                continue;
            };
            let fields = &self.looked_fields[lookup];
            let seen = [None, Some(one.number)]
                .map(|number| digest(fields, one.projection, number, states));
            let watched = &mut self.watched[lookup];
            if !watched.change(one.number, seen, at, self.clocks.tolerance) {
                continue;
            }
            let Some((number, onlookers)) = watched.onlookers(key) else {
                continue;
            };
            if let Some(changes) = &mut onlookers.coarse {
                changes.push(at, self.clocks);
                continue;
            }
            let subjects = &self.subjects;
            onlookers.subjects.retain(|subject| {
                let subject = subjects.get(*subject as usize).and_then(Option::as_ref);
                subject.is_some_and(|subject| subject.looks_at[lookup] == Some(number))
            });
            all.extend_from_slice(&onlookers.subjects);
        }
    }

    /// Something that a subject looks at has changed, its own key to this digest if that did: judges
    /// what was, and looks at what is.
    fn touch(&mut self, number: u32, at: At, seen: Option<u64>, states: &projection::Ledger) {
        let place = number as usize;
        if self.subjects.len() <= place {
            self.subjects.resize_with(place + 1, || None);
        }
        let mut before = self.subjects[place].take();
        if let Some(subject) = &mut before {
            let missed = self.missed(subject);
            subject.rest(Some(at), missed, self.is_free(subject), self.clocks);
        }
        let (held, looked_up) = self.look(number, states);
        let mut subject = before.unwrap_or_else(|| Subject::new(at, looked_up.len()));
        if let Some(seen) = seen {
            subject.seen = seen;
            subject.own.take(at.1, self.clocks.tolerance);
        }
        let mut youngest = subject.own;
        let looks_at = subject.looks_at.iter_mut().zip(&mut self.watched);
        for (lookup, ((looks_at, watched), key)) in (0..).zip(looks_at.zip(looked_up)) {
            let there = key.as_ref().and_then(|(_, there)| *there);
            if let Some(other) = there.and_then(|there| watched.youngest(there)) {
                youngest.join(other, self.clocks.tolerance);
            }
            let key = key.as_ref().map(|(key, _)| key.as_str());
            let now = watched.look(number, *looks_at, key);
            if now != *looks_at && subject.was_bound {
                subject.past.push(Past {
                    lookup,
                    key: *looks_at,
                    until: at.0,
                });
            }
            *looks_at = now;
        }
        subject.renew(youngest, self.clocks.tolerance);
        subject.found(held, at);
        self.subjects[place] = Some(subject);
    }

    /// What a subject missed of keys that are not followed, since it was looked at.
    fn missed(&self, subject: &Subject) -> Option<Missed> {
        let looks_at = subject.looks_at.iter().zip(&self.watched);
        let missed = looks_at.filter_map(|(key, watched)| watched.missed((*key)?, subject.last.0));
        missed.reduce(|one, other| one.and(other, self.clocks.tolerance))
    }

    /// Whether a subject need not keep the invariant whatever it looks at.
    fn is_free(&self, subject: &Subject) -> bool {
        subject.held == Held::Exempt && self.exempts_alone
    }

    /// A subject as it stands at the end of the log.
    pub(super) fn finally<'s>(
        &self,
        number: u32,
        subject: &'s Subject,
        states: &projection::Ledger,
    ) -> Cow<'s, Subject> {
        let Some(missed) = self.missed(subject) else {
            return Cow::Borrowed(subject);
        };
        let mut subject = subject.clone();
        let is_free = self.is_free(&subject);
        subject.rest(None, Some(missed), is_free, self.clocks);
        subject.found(self.look(number, states).0, missed.last);
        let mut youngest = subject.youngest;
        youngest.join(missed.youngest, self.clocks.tolerance);
        subject.renew(youngest, self.clocks.tolerance);
        Cow::Owned(subject)
    }

    /// Whether the invariant holds for a subject as things stand, and the keys that it looks at.
    fn look(&self, number: u32, states: &projection::Ledger) -> (Held, Vec<LookedUp>) {
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
            let key = look::looked_up(lookup, &values).map(|key| {
                let there = states.find(*projection, &key);
                (key, there)
            });
            if self.cut && matches!(key, Some((_, None))) {
                let name = &lookup.name;
                doubt = Some(format!("`{name}`: its events may have been cut off").into());
            }
            if let Some((_, Some(number))) = key
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
        let exact = |reference: &Reference<'_>| self.exact(reference, number, &keys, states);
        let held = match judge(requirement, &values, &exact) {
            Held::Exempt => Held::Exempt,
            judged => doubt.map_or(judged, Held::Unknown),
        };
        (held, keys)
    }

    /// What a formula refers to in the state of a subject or of a key that it looks at, with every
    /// digit: formulas themselves see some numbers as floating point.
    fn exact(
        &self,
        reference: &Reference<'_>,
        number: u32,
        keys: &[LookedUp],
        states: &projection::Ledger,
    ) -> Option<String> {
        let (projection, number) = match reference.name {
            STATE => (self.each, number),
            name => {
                let lookups = &self.requirement.lookups;
                let at = lookups.iter().position(|lookup| &*lookup.name == name)?;
                (*self.looked_up.get(at)?, keys.get(at)?.as_ref()?.1?)
            }
        };
        let (field, inner) = reference.keys.split_first()?;
        let (_, entry) = states.entry(projection, number)?;
        let field = states.folds().get(projection)?.definition().field(field)?;
        match entry.state.cell(field) {
            Cell::Known(value) => Some(value.at(inner)?.to_string()),
            Cell::Blank | Cell::Unknown(_) => None,
        }
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
        // Whether the log counts from 0 is known in the end.
        if self.cut && !entry.is_whole(false) {
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
