//! Who may answer whom, by where and when events stand.

use crate::definition::log::Order;
use crate::definition::reaction::{Count, Reaction};
use crate::event::{Span, Timestamp};
use crate::reaction::assignment::At;

/// A reaction in a log of some order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) reaction: &'a Reaction,
    pub(super) order: Order,
}

impl Terms<'_> {
    /// Whether one effect may answer several triggers.
    pub(super) fn is_shared(self) -> bool {
        matches!(self.reaction.count, Count::AtLeastOnce)
    }

    /// Whether a trigger is before an effect, or may be.
    pub(super) fn is_before(self, trigger: At, effect: At) -> bool {
        match self.order {
            Order::Position => trigger.0 < effect.0,
            Order::Time { skew, .. } => trigger.1 <= effect.1.after(skew),
        }
    }

    /// The time of the youngest trigger that an effect may answer, given that of the youngest before
    /// it. One that may answer several has answered what is before it, and nothing else.
    pub(super) fn reach(self, effect: At, before: Option<Timestamp>) -> Timestamp {
        let skew = match self.order {
            Order::Position => Span::ZERO,
            Order::Time { skew, .. } => skew,
        };
        let ahead = match before {
            Some(_) if self.is_shared() => skew,
            _ => skew.max(self.reaction.within),
        };
        effect.1.after(ahead).max(before.unwrap_or(Timestamp::MIN))
    }

    /// Whether everything that is yet to come after an event of this time is younger than some
    /// moment. Where the position is the order, an event may have any time.
    pub(super) fn is_over(self, moment: Timestamp, newest: Timestamp) -> bool {
        match self.order {
            Order::Position => false,
            Order::Time { skew, lateness } => moment.after(lateness).after(skew) < newest,
        }
    }
}
