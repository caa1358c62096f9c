//! The keys that subjects look at, and what changes of them.

use crate::event::{Position, Span};
use crate::lapse::{At, Youngest};
use crate::requirement::book::Clocks;
use crate::texts::{Keys, room};

/// How many subjects may look at one key for its events to be followed.
pub const MOST: usize = 1000;

/// The keys of one look-up that somebody looks at, and what changed of its projection.
#[derive(Debug, Default)]
pub(super) struct Watched {
    pub(super) keys: Keys,
    pub(super) by: Vec<Onlookers>,
    /// By the number of the key in its projection.
    changed: Vec<Option<Changed>>,
}

/// What changed of a key, as far as an invariant looks at it.
#[derive(Debug, Clone, Copy)]
struct Changed {
    /// Digest of the fields that it looks at.
    seen: u64,
    youngest: Youngest,
}

#[derive(Debug, Default)]
pub(super) struct Onlookers {
    pub(super) subjects: Vec<u32>,
    /// What changed since there were too many of them, of whom none is followed.
    pub(super) coarse: Option<Box<Changes>>,
}

/// The changes of a key since it is not followed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Each with the youngest until then.
    all: Vec<(At, Youngest)>,
    /// Those before which the key was left as it was for longer than is tolerated.
    late: Vec<At>,
}

/// Changes that a subject was not held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missed {
    pub(super) first: At,
    pub(super) last: At,
    /// The last of those after the first before which their key had not changed for long.
    pub(super) late: Option<At>,
    pub(super) youngest: Youngest,
}

impl Watched {
    /// Bytes kept.
    pub(super) fn bytes(&self) -> usize {
        let own = |one: &Onlookers| {
            let coarse = one.coarse.as_deref();
            room(&one.subjects) + coarse.map_or(0, |it| room(&it.all) + room(&it.late))
        };
        let onlookers: usize = self.by.iter().map(own).sum();
        self.keys.bytes() + room(&self.by) + room(&self.changed) + onlookers
    }

    /// Takes note that a key, of which nothing was known before its first event, has this digest
    /// now; answers whether that is another one.
    pub(super) fn change(
        &mut self,
        number: u32,
        [nothing, seen]: [u64; 2],
        at: At,
        tolerance: Span,
    ) -> bool {
        let place = number as usize;
        if self.changed.len() <= place {
            self.changed.resize(place + 1, None);
        }
        match &mut self.changed[place] {
            Some(changed) if changed.seen == seen => return false,
            Some(changed) => {
                changed.seen = seen;
                changed.youngest.take(at.1, tolerance);
            }
            None if seen == nothing => return false,
            none => {
                let youngest = Youngest::of(at.1);
                *none = Some(Changed { seen, youngest });
            }
        }
        true
    }

    /// The youngest change of a key.
    pub(super) fn youngest(&self, number: u32) -> Option<Youngest> {
        let changed = self.changed.get(number as usize)?;
        changed.map(|changed| changed.youngest)
    }

    /// Whoever looks at a key, of which something changed.
    pub(super) fn onlookers(&mut self, key: &str) -> Option<(u32, &mut Onlookers)> {
        let number = self.keys.find(Keys::hash(key), key)?;
        Some((number, &mut self.by[number as usize]))
    }

    /// Puts a subject among those that look at a key instead of among those of another one.
    pub(super) fn look(
        &mut self,
        subject: u32,
        before: Option<u32>,
        key: Option<&str>,
    ) -> Option<u32> {
        let now = key.map(|key| self.keys.number(Keys::hash(key), key));
        self.by.resize_with(self.keys.len(), Onlookers::default);
        if before == now {
            return now;
        }
        if let Some(before) = before {
            let onlookers = &mut self.by[before as usize].subjects;
            onlookers.retain(|one| *one != subject);
        }
        if let Some(now) = now {
            let Onlookers { subjects, coarse } = &mut self.by[now as usize];
            if coarse.is_none() {
                subjects.push(subject);
                if subjects.len() > MOST {
                    *coarse = Some(Box::default());
                    *subjects = Vec::new();
                }
            }
        }
        now
    }

    /// What a subject missed of a key that it looks at since an event.
    pub(super) fn missed(&self, number: u32, since: Position) -> Option<Missed> {
        let changes = self.by.get(number as usize)?.coarse.as_deref()?;
        let first = changes.all.partition_point(|((at, _), _)| *at <= since);
        let (first, _) = *changes.all.get(first)?;
        let (last, youngest) = *changes.all.last()?;
        let late = changes.late.last().copied();
        Some(Missed {
            first,
            last,
            late: late.filter(|late| late.0 > first.0),
            youngest,
        })
    }
}

impl Changes {
    /// Takes one more.
    pub(super) fn push(&mut self, at: At, clocks: Clocks) {
        let mut youngest = match self.all.last() {
            Some((_, youngest)) => *youngest,
            None => Youngest::of(at.1),
        };
        let grace = clocks.grace;
        if grace.is_some_and(|grace| at.1 > youngest.greatest().after(grace)) {
            self.late.push(at);
        }
        youngest.take(at.1, clocks.tolerance);
        self.all.push((at, youngest));
    }
}

impl Missed {
    /// What was missed of two keys.
    pub(super) fn and(self, other: Missed, tolerance: Span) -> Missed {
        let first = self.first.min(other.first);
        let mut youngest = self.youngest;
        youngest.join(other.youngest, tolerance);
        let firsts = [self.first, other.first].into_iter();
        let late = firsts.chain(self.late).chain(other.late);
        let late = late.filter(|late| late.0 > first.0);
        Missed {
            first,
            last: self.last.max(other.last),
            late: late.max_by_key(|(_, time)| *time),
            youngest,
        }
    }
}
