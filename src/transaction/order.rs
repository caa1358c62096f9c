//! Which of two events of a transaction came first, as far as the log's order tells.

use std::cmp::Ordering;

use crate::absent::Parts;
use crate::definition::log::Order;
use crate::event::{Position, Timestamp};
use crate::transaction::maybe::Maybe;

/// An event and its time.
pub(super) type At = (Position, Timestamp);

/// How what is left open by the order is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// So that as little is wrong with votes as may be.
    For,
    /// So that as much is wrong with them as may be.
    Against,
}

/// A log's order, and the events of which something cannot be told, read with doubts taken in one way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) order: Order,
    pub(super) doubt: Doubt,
    pub(super) maybe: &'a Maybe,
}

impl Reading<'_> {
    /// Whether one event came before another, or is the same. Where the order leaves that open, it did
    /// where doubts are taken `so`.
    pub(super) fn is_before(self, one: At, other: At, so: Doubt) -> bool {
        is_before(self.order, one, other).unwrap_or(self.doubt == so)
    }

    /// Whether one of these may have happened, and is taken to have.
    pub(super) fn allows(self, parts: Parts) -> bool {
        self.doubt == Doubt::For && self.maybe.may_be(parts)
    }

    /// The same of a participant.
    pub(super) fn allows_of(self, name: &str, parts: Parts) -> bool {
        self.doubt == Doubt::For && self.maybe.may_be_of(name, parts)
    }

    /// To how many participants one of these may have happened, of nobody knows which.
    pub(super) fn allows_for(self, parts: Parts) -> usize {
        match self.doubt {
            Doubt::For => self.maybe.nameless(parts),
            Doubt::Against => 0,
        }
    }
}

/// Whether one event came before another; `None` where the two are concurrent.
fn is_before(order: Order, one: At, other: At) -> Option<bool> {
    match order {
        Order::Position => Some(one.0 <= other.0),
        Order::Time { skew, .. } => {
            let apart = one.1.since(other.1).max(other.1.since(one.1));
            (apart >= skew).then(|| by_time(&one, &other).is_le())
        }
    }
}

/// Which came first by their times; by position where these are the same.
fn by_time(one: &At, other: &At) -> Ordering {
    one.1.cmp(&other.1).then(one.0.cmp(&other.0))
}

/// Keeps the first of the events that say the same.
pub(super) fn keep_first(order: Order, place: &mut Option<At>, at: At) {
    let is_first = match (order, &place) {
        (_, None) => true,
        (Order::Position, Some(_)) => false,
        (Order::Time { .. }, Some(known)) => by_time(&at, known).is_lt(),
    };
    if is_first {
        *place = Some(at);
    }
}

/// The first of two events, of which there may be one only.
pub(super) fn first(order: Order, one: Option<At>, other: Option<At>) -> Option<At> {
    let mut place = one;
    if let Some(other) = other {
        match order {
            Order::Position => place = Some(place.map_or(other, |one| one.min(other))),
            Order::Time { .. } => keep_first(order, &mut place, other),
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Span;

    fn told(order: Order, one: (i64, i64), other: (i64, i64)) -> Option<bool> {
        let at = |(position, time)| (Position(position), Timestamp::from_nanos(time));
        is_before(order, at(one), at(other))
    }

    #[test]
    fn positions_always_tell_and_times_from_the_skew_on() {
        let skew = |nanos| Order::Time {
            skew: Span::from_nanos(nanos),
            lateness: Span::ZERO,
        };
        assert_eq!(told(Order::Position, (1, 9), (2, 3)), Some(true));
        assert_eq!(told(skew(2), (1, 9), (2, 3)), Some(false));
        assert_eq!(told(skew(2), (1, 9), (2, 8)), None);
        assert_eq!(told(skew(2), (1, 9), (2, 7)), Some(false));
        assert_eq!(told(skew(0), (1, 9), (2, 9)), Some(true));
        assert_eq!(told(skew(0), (2, 9), (1, 9)), Some(false));
    }
}
