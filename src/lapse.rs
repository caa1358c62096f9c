//! What has to hold and did not: the first time, and since when it does not now.

use crate::event::{Position, Timestamp};

/// An event and its time.
pub type At = (Position, Timestamp);

/// When something did not hold, as far as that is known before the horizon is.
#[derive(Debug, Clone)]
pub struct Lapses<V>(Option<Box<Known<V>>>);

#[derive(Debug, Clone)]
struct Known<V> {
    first: Lapse<V>,
    /// That which goes on.
    current: Option<Lapse<()>>,
}

#[derive(Debug, Clone, Copy)]
struct Lapse<V> {
    value: V,
    /// The event that left it so.
    at: At,
    /// Until when that was tolerated.
    due: Option<Timestamp>,
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

impl<V> Default for Lapses<V> {
    fn default() -> Lapses<V> {
        Lapses(None)
    }
}

impl<V> Lapses<V> {
    /// It was left so by an event, for longer than until `due`, or at all where nothing is tolerated.
    pub fn lapse(&mut self, value: V, at: At, due: Option<Timestamp>) {
        let current = Lapse { value: (), at, due };
        match &mut self.0 {
            Some(known) => _ = known.current.get_or_insert(current),
            None => {
                self.0 = Some(Box::new(Known {
                    first: Lapse { value, at, due },
                    current: Some(current),
                }));
            }
        }
    }

    /// It holds again.
    pub fn mend(&mut self) {
        if let Some(known) = &mut self.0 {
            known.current = None;
        }
    }
}

impl<V: Clone> Lapses<V> {
    /// What is to be told at the horizon, given how it stands then. An event later than the horizon
    /// shows nothing of how long something lasted before.
    pub fn conclude(&self, now: Now<V>, horizon: Timestamp) -> Option<Lapsed<V>> {
        let known = self.0.as_deref();
        let known = known.filter(|known| known.first.is_over(horizon));
        match (known, now) {
            (None, Now::Wrong(value, at)) => Some(Lapsed {
                first: (value.clone(), at),
                now: Now::Wrong(value, at),
            }),
            (None, Now::Right | Now::Pending(_) | Now::Unknown) => None,
            (Some(known), now) => Some(Lapsed {
                first: (known.first.value.clone(), known.first.at),
                now: match (now, &known.current) {
                    (Now::Wrong(value, _), Some(current)) if current.is_over(horizon) => {
                        Now::Wrong(value, current.at)
                    }
                    (now, _) => now,
                },
            }),
        }
    }
}

impl<V> Lapse<V> {
    fn is_over(&self, horizon: Timestamp) -> bool {
        self.due.is_none_or(|due| due <= horizon)
    }
}
