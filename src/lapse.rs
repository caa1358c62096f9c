//! What has to hold and did not: the first time, and since when it does not now.
//!
//! What is tolerated for a while counts from the youngest event on. One whose time lies beyond the
//! horizon tells of nothing that happened, so that it moves nothing; but where the horizon is shows
//! at the end only. Times that lie further above others than the log tolerates may be of that kind,
//! all of them or none: until then both is kept in mind, once.

use crate::event::{Position, Span, Timestamp};

/// An event and its time.
pub type At = (Position, Timestamp);

/// The greatest of some times, and what it is without those that may lie beyond the horizon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Youngest {
    greatest: Timestamp,
    below: Option<Timestamp>,
}

impl Youngest {
    /// Of one time.
    pub const fn of(time: Timestamp) -> Youngest {
        Youngest {
            greatest: time,
            below: None,
        }
    }

    /// The greatest, wherever the horizon is.
    pub const fn greatest(self) -> Timestamp {
        self.greatest
    }

    /// The times that stand for all of them.
    fn times(self) -> impl Iterator<Item = Timestamp> {
        self.below.into_iter().chain([self.greatest])
    }

    /// Takes one more; only those that are further apart than the `tolerance` may lie on two sides
    /// of the horizon.
    pub fn take(&mut self, time: Timestamp, tolerance: Span) {
        if time > self.greatest {
            if time > self.greatest.after(tolerance) {
                self.below = Some(self.greatest);
            }
            self.greatest = time;
        } else if time.after(tolerance) < self.greatest {
            self.below = self.below.max(Some(time));
        }
    }

    /// Takes all that another one has taken.
    pub fn join(&mut self, other: Youngest, tolerance: Span) {
        other.times().for_each(|time| self.take(time, tolerance));
    }

    /// Whether that is not longer ago than is tolerated.
    pub fn is_tolerated(self, grace: Option<Span>, horizon: Timestamp) -> bool {
        let youngest = self.at(horizon);
        grace.is_some_and(|grace| horizon < youngest.after(grace))
    }

    /// The greatest of them where this time and what is near it lie beyond the horizon.
    fn without(self, far: Timestamp, tolerance: Span) -> Option<Timestamp> {
        match self.greatest.after(tolerance) < far {
            true => Some(self.greatest),
            false => self.below,
        }
    }

    /// The greatest that is not beyond the horizon; the horizon, where it is not known which that is.
    fn at(self, horizon: Timestamp) -> Timestamp {
        if self.greatest <= horizon {
            return self.greatest;
        }
        self.below.map_or(horizon, |below| below.min(horizon))
    }
}

/// How long something was left as it was, and when it did not hold for too long.
#[derive(Debug, Clone)]
pub struct Quiet<V> {
    greatest: Timestamp,
    lapses: Lapses<V>,
    otherwise: Option<Box<Otherwise<V>>>,
}

/// The same where the greatest time lies beyond the horizon.
#[derive(Debug, Clone)]
struct Otherwise<V> {
    youngest: Timestamp,
    lapses: Lapses<V>,
}

impl<V: Clone> Quiet<V> {
    /// Of something that an event did first.
    pub const fn since(time: Timestamp) -> Quiet<V> {
        Quiet {
            greatest: time,
            lapses: Lapses(None),
            otherwise: None,
        }
    }

    /// The youngest of its events.
    pub fn youngest(&self) -> Youngest {
        Youngest {
            greatest: self.greatest,
            below: self.otherwise.as_ref().map(|it| it.youngest),
        }
    }

    /// Takes the time of an event.
    pub fn take(&mut self, time: Timestamp, tolerance: Span) {
        let mut youngest = self.youngest();
        youngest.take(time, tolerance);
        let is_far = self.greatest.after(tolerance) < time;
        self.greatest = youngest.greatest;
        let Some(youngest) = youngest.below else {
            return;
        };
        match &mut self.otherwise {
            Some(otherwise) if !is_far => otherwise.youngest = youngest,
            otherwise => {
                let lapses = match is_far {
                    true => self.lapses.clone(),
                    false => Lapses(None),
                };
                *otherwise = Some(Box::new(Otherwise { youngest, lapses }));
            }
        }
    }

    /// Takes the times of several events.
    pub fn join(&mut self, other: Youngest, tolerance: Span) {
        other.times().for_each(|time| self.take(time, tolerance));
    }

    /// It did not hold, as an event had left it, until something else came: that counts if it was
    /// longer than is tolerated, or at all where nothing is.
    pub fn rest(&mut self, value: V, at: At, grace: Option<Span>, until: Timestamp) {
        let left = Left {
            value,
            at,
            ground: 0,
        };
        self.rest_since((self.youngest(), Span::ZERO), left, grace, (at.0, until));
    }

    /// The same, where of the times that were taken only these count by now.
    pub fn rest_since(
        &mut self,
        (youngest, tolerance): (Youngest, Span),
        left: Left<V>,
        grace: Option<Span>,
        until: At,
    ) {
        let judge = |lapses: &mut Lapses<V>, youngest: Option<Timestamp>, left| {
            let due = grace.map(|grace| youngest.map(|youngest| youngest.after(grace)));
            match due {
                None => lapses.lapse(left, None),
                Some(Some(due)) if until.1 > due => lapses.lapse(left, Some(until)),
                // Where there is no time, nobody knows since when.
                Some(_) => {}
            }
        };
        if let Some(otherwise) = &mut self.otherwise {
            let without = youngest.without(self.greatest, tolerance);
            judge(&mut otherwise.lapses, without, left.clone());
        }
        judge(&mut self.lapses, Some(youngest.greatest), left);
    }

    /// It holds again.
    pub fn mend(&mut self) {
        self.lapses.mend();
        if let Some(otherwise) = &mut self.otherwise {
            otherwise.lapses.mend();
        }
    }

    /// Whether it did not hold for too long, and does not since, as far as is known before the
    /// horizon is.
    pub fn is_lapsed(&self) -> bool {
        let otherwise = self.otherwise.as_ref().map(|it| &it.lapses);
        let mut both = otherwise.into_iter().chain([&self.lapses]);
        both.any(Lapses::goes_on)
    }

    /// Whether its youngest event is not longer ago than is tolerated.
    pub fn is_tolerated(&self, grace: Option<Span>, horizon: Timestamp) -> bool {
        self.youngest().is_tolerated(grace, horizon)
    }

    /// What is to be told at the horizon, given how it stands then.
    pub fn conclude(&self, now: Now<V>, horizon: Timestamp) -> Option<Lapsed<V>> {
        self.conclude_of(now, horizon, &|_| true)
    }

    /// The same of what is sure alone.
    pub fn conclude_of(
        &self,
        now: Now<V>,
        horizon: Timestamp,
        is_sure: &dyn Fn(Shown) -> bool,
    ) -> Option<Lapsed<V>> {
        match &self.otherwise {
            Some(otherwise) if self.greatest > horizon => {
                otherwise.lapses.conclude(now, horizon, is_sure)
            }
            _ => self.lapses.conclude(now, horizon, is_sure),
        }
    }
}

/// How an event left something.
#[derive(Debug, Clone, Copy)]
pub struct Left<V> {
    /// What it was.
    pub value: V,
    /// The event.
    pub at: At,
    /// Which of the things it stood on that it did not hold, counted by whoever knows them.
    pub ground: u32,
}

/// What shows that something lasted too long.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// What it stood on that it did not hold.
    pub ground: u32,
    /// The last event that it takes to know that.
    pub position: Position,
}

/// How many lapses are kept for what they stood on. Where none of them is sure, none is told.
const GROUNDS: usize = 64;

/// When something did not hold, as far as that is known before the horizon is.
#[derive(Debug, Clone)]
struct Lapses<V>(Option<Box<Known<V>>>);

#[derive(Debug, Clone)]
struct Known<V> {
    first: Firsts<V>,
    /// That which goes on.
    current: Option<Firsts<()>>,
}

/// The first lapse, wherever the horizon is.
#[derive(Debug, Clone)]
struct Firsts<V> {
    first: Lapse<V>,
    /// Later ones, each of which was seen to be over earlier than those ahead of it, or stood on
    /// something else; of the latter the first [`GROUNDS`].
    others: Vec<Lapse<V>>,
}

#[derive(Debug, Clone, Copy)]
struct Lapse<V> {
    left: Left<V>,
    /// What came and shows that it lasted too long, where anything is tolerated.
    until: Option<At>,
}

/// How something that has to hold stands at the horizon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Now<V> {
    /// It holds.
    Right,
    /// It does not: what it is instead, and the event that left it so.
    Wrong(V, At),
    /// It does not, but is tolerated still: what it is.
    Pending(V),
    /// That cannot be told.
    Unknown,
}

impl<V> Lapsed<V> {
    /// Whether it is wrong now.
    pub const fn is_wrong(&self) -> bool {
        matches!(self.now, Now::Wrong(..))
    }
}

/// Something that does not hold, or did not for too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lapsed<V> {
    /// What it was the first time, and the event that left it so.
    pub first: (V, At),
    /// How it stands now; where it is wrong, with the event since which it is.
    pub now: Now<V>,
}

impl<V> Lapses<V> {
    /// It was left so by an event until this, for too long, or at all where nothing is tolerated.
    fn lapse(&mut self, left: Left<V>, until: Option<At>) {
        let current = Lapse {
            left: Left {
                value: (),
                at: left.at,
                ground: left.ground,
            },
            until,
        };
        let lapse = Lapse { left, until };
        let Some(known) = &mut self.0 else {
            self.0 = Some(Box::new(Known {
                first: Firsts::of(lapse),
                current: Some(Firsts::of(current)),
            }));
            return;
        };
        known.first.add(lapse);
        match &mut known.current {
            Some(firsts) => firsts.add(current),
            none => *none = Some(Firsts::of(current)),
        }
    }

    fn goes_on(&self) -> bool {
        let known = self.0.as_deref();
        known.is_some_and(|known| known.current.is_some())
    }

    /// It holds again.
    fn mend(&mut self) {
        if let Some(known) = &mut self.0 {
            known.current = None;
        }
    }
}

impl<V: Clone> Lapses<V> {
    /// What is to be told at the horizon, given how it stands then. An event later than the horizon
    /// shows nothing of how long something lasted before.
    fn conclude(
        &self,
        now: Now<V>,
        horizon: Timestamp,
        is_sure: &dyn Fn(Shown) -> bool,
    ) -> Option<Lapsed<V>> {
        let known = self.0.as_deref();
        let known =
            known.and_then(|known| Some((known.first.at(horizon, is_sure)?, &known.current)));
        match (known, now) {
            (None, Now::Wrong(value, at)) => Some(Lapsed {
                first: (value.clone(), at),
                now: Now::Wrong(value, at),
            }),
            (None, Now::Right | Now::Pending(_) | Now::Unknown) => None,
            (Some((first, current)), now) => Some(Lapsed {
                first: (first.left.value.clone(), first.left.at),
                now: match (now, current.as_ref().and_then(|it| it.at(horizon, is_sure))) {
                    (Now::Wrong(value, _), Some(current)) => Now::Wrong(value, current.left.at),
                    (now, _) => now,
                },
            }),
        }
    }
}

impl<V> Firsts<V> {
    const fn of(lapse: Lapse<V>) -> Firsts<V> {
        Firsts {
            first: lapse,
            others: Vec::new(),
        }
    }

    /// Takes the next one.
    fn add(&mut self, lapse: Lapse<V>) {
        let last = self.others.last().unwrap_or(&self.first);
        let time = |lapse: &Lapse<V>| lapse.until.map(|(_, time)| time);
        let is_elsewhere = lapse.left.ground != last.left.ground && self.others.len() < GROUNDS;
        if time(&lapse) < time(last) || is_elsewhere {
            self.others.push(lapse);
        }
    }

    /// The first sure one that what is not beyond the horizon shows.
    fn at(&self, horizon: Timestamp, is_sure: &dyn Fn(Shown) -> bool) -> Option<&Lapse<V>> {
        let mut all = std::iter::once(&self.first).chain(&self.others);
        all.find(|lapse| lapse.is_shown(horizon) && is_sure(lapse.shown()))
    }
}

impl<V> Lapse<V> {
    fn is_shown(&self, horizon: Timestamp) -> bool {
        self.until.is_none_or(|(_, until)| until <= horizon)
    }

    fn shown(&self) -> Shown {
        Shown {
            ground: self.left.ground,
            position: self.until.unwrap_or(self.left.at).0,
        }
    }
}

#[cfg(test)]
mod tests;
