//! One key: its uses, and what is wrong with one more of them.

use crate::definition::idempotency::Idempotency;
use crate::event::{Position, Timestamp};
use crate::idempotency::ledger::Wrong;
use crate::idempotency::note::Use;
use crate::texts::room;

/// What is wrong with a use, and since which event and when.
pub(super) type Told = (Position, Timestamp, Wrong);

/// The first use of a key by one event type.
#[derive(Debug, Clone, Copy)]
pub(super) struct First {
    kind: u16,
    position: Position,
    time: Timestamp,
    /// The first fingerprint of this type that could be told in that term, and where.
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
pub(super) struct Single {
    pub(super) kind: u16,
    pub(super) position: Position,
    pub(super) time: Timestamp,
    pub(super) thing: Option<u64>,
    pub(super) id: u64,
}

/// What is kept of a key. Nearly all are used once, and there may be as many as events.
#[derive(Debug, Default)]
pub(super) struct Key {
    pub(super) once: Option<Single>,
    /// All its uses, where there is more to be told than one.
    often: Option<Box<Uses>>,
}

/// The uses of a key.
#[derive(Debug, Default)]
pub(super) struct Uses {
    first: Option<First>,
    /// First uses by other types.
    others: Vec<First>,
    term: Term,
    /// The greatest time of a use.
    greatest: Option<Timestamp>,
    has_unknown_use: bool,
    has_unknown_thing: bool,
    /// An effect came again in another term, if it was one.
    has_late_effect: bool,
    /// Something came again in another term that was not, or may not have been, the same.
    has_late_thing: bool,
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
    pub(super) const fn is_new(&self) -> bool {
        self.once.is_none() && self.often.is_none()
    }

    /// Its uses, with room for more of them.
    pub(super) fn uses(&mut self) -> &mut Uses {
        let once = self.once.take();
        let uses = || Box::new(once.map_or_else(Uses::default, Uses::of));
        self.often.get_or_insert_with(uses)
    }

    /// Whether its receiver may keep it since another use than is known.
    pub(super) fn may_be_renewed(&self, horizon: Timestamp) -> bool {
        let is_ahead = |once: Single| once.time > horizon;
        let may = |uses: &Uses| uses.may_be_renewed(horizon);
        self.once.is_some_and(is_ahead) || self.often.as_deref().is_some_and(may)
    }

    /// Whether it cannot be told which effects it had while its receiver kept it.
    pub(super) fn has_unknown_use(&self, horizon: Timestamp) -> bool {
        let is_unknown = |uses: &Uses| {
            uses.has_unknown_use || uses.has_late_effect && uses.may_be_renewed(horizon)
        };
        self.often.as_deref().is_some_and(is_unknown)
    }

    /// Whether it cannot be told what it was used for while its receiver kept it.
    pub(super) fn has_unknown_thing(&self, horizon: Timestamp) -> bool {
        let is_unknown = |uses: &Uses| {
            uses.has_unknown_use
                || uses.has_unknown_thing
                || uses.has_late_thing && uses.may_be_renewed(horizon)
        };
        self.often.as_deref().is_some_and(is_unknown)
    }

    /// Bytes kept beside its own.
    pub(super) fn bytes(&self) -> usize {
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

    fn may_be_renewed(&self, horizon: Timestamp) -> bool {
        self.has_unknown_use || self.greatest > Some(horizon)
    }

    /// Takes note of a use that may be one.
    pub(super) const fn doubt(&mut self) {
        self.has_unknown_use = true;
    }

    /// Takes the next use, as the first by its type; answers that, unless it is the first of all.
    pub(super) fn take(&mut self, single: Single) -> Option<First> {
        self.greatest = self.greatest.max(Some(single.time));
        let own = single.in_term(self.term.number);
        if self.first.is_some() {
            return Some(own);
        }
        self.first = Some(own);
        self.term.start = Some((single.position, single.time));
        None
    }

    /// Whether this is the id of the first use by a type; `None` where there is none.
    pub(super) fn is_first(&mut self, kind: u16, id: u64) -> Option<bool> {
        self.first_of(kind).map(|first| first.id == id)
    }

    /// The first use by this type.
    fn first_of(&mut self, kind: u16) -> Option<&mut First> {
        let mut firsts = self.first.iter_mut().chain(&mut self.others);
        firsts.find(|first| first.kind == kind)
    }

    /// What is wrong with one more use of a key, and since which event and when; the first use by its
    /// type is kept, and so are other things than the first of its term, with those of other keys.
    pub(super) fn judge(
        &mut self,
        rule: &Idempotency,
        used: Use,
        own: &First,
        off: &[Wrong],
        again: impl FnOnce(u64, u32) -> Option<Position>,
    ) -> [Option<Told>; 2] {
        let Some((start, since)) = self.term.start else {
            return [None; 2];
        };
        let is_over = rule
            .retention
            .is_some_and(|retention| own.time > since.after(retention));
        if is_over {
            self.begin(own);
        }
        let term = self.term.number;
        let is_on = |wrong: &Wrong| !off.contains(wrong);
        let Some(first) = self.first_of(own.kind) else {
            self.others.push(First {
                term: (term, own.position),
                ..*own
            });
            let is_told = is_over && used == Use::Attempt && is_on(&Wrong::Expired);
            return [is_told.then_some((start, since, Wrong::Expired)), None];
        };
        let before = *first;
        let is_kept = before.term.0 == term;
        *first = match is_kept {
            true => First {
                thing: before.thing.or(own.thing),
                ..before
            },
            false => First {
                thing: own.thing,
                term: (term, own.position),
                ..before
            },
        };
        let is_effect = used == Use::Effect;
        let other = match (before.thing, own.thing) {
            (Some((one, told)), Some((other, _))) => (one != other).then_some((told, other)),
            _ => None,
        };
        let is_untold = before.thing.is_none() || own.thing.is_none();
        if is_kept {
            self.has_unknown_thing |= is_untold;
        } else {
            self.has_late_effect |= is_effect;
            self.has_late_thing |= is_untold || other.is_some();
            let expired = match is_over {
                true => Some((start, since)),
                false => is_effect.then_some((before.position, before.time)),
            };
            let Some((from, since)) = expired else {
                return [None; 2];
            };
            if is_on(&Wrong::Expired) {
                return [Some((from, since, Wrong::Expired)), None];
            }
        }
        let conflict = other.filter(|_| is_on(&Wrong::Conflict));
        let conflict = conflict.map(|(told, _)| (told, since, Wrong::Conflict));
        let same = match other.filter(|_| is_effect) {
            Some((_, thing)) => again(thing, term),
            None => before.thing.filter(|_| !is_untold).map(|(_, told)| told),
        };
        // Whether it is the same thing twice or two things, a key had two effects.
        let same = same.or(conflict.is_none().then_some(before.term.1));
        let double = same.filter(|_| is_effect && is_on(&Wrong::Double));
        [conflict, double.map(|from| (from, since, Wrong::Double))]
    }

    /// The receiver had forgotten the key, and keeps it from this use on.
    fn begin(&mut self, own: &First) {
        self.term = Term {
            number: self.term.number + 1,
            start: Some((own.position, own.time)),
        };
    }
}
