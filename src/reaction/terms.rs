//! Who may answer whom, by where and when events stand.

use crate::definition::log::Order;
use crate::definition::reaction::{Count, Matching, Reaction};
use crate::event::Timestamp;
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
            _ if self.is_named() => true,
            Order::Position => trigger.0 < effect.0,
            Order::Time { skew, .. } => trigger.1 <= effect.1.after(skew),
        }
    }

    /// Whether an effect names its trigger: then it is one, whatever their clocks and places say.
    pub(super) fn is_named(self) -> bool {
        matches!(self.reaction.matching, Matching::Causation)
    }

    /// Whether an effect may answer what stands before it, whatever their clocks say.
    pub(super) fn counts_places(self) -> bool {
        self.order == Order::Position && !self.is_named()
    }

    /// Whether an effect may answer a trigger. No event answers itself.
    pub(super) fn may_answer(self, effect: At, trigger: At) -> bool {
        let is_placed = self.counts_places() && trigger.0 < effect.0;
        trigger.0 != effect.0 && (is_placed || trigger.1 <= self.reach(effect))
    }

    /// The time of the youngest trigger that an effect may answer by their clocks.
    pub(super) fn reach(self, effect: At) -> Timestamp {
        match self.order {
            _ if self.is_named() => Timestamp::MAX,
            Order::Position => effect.1,
            Order::Time { skew, .. } => effect.1.after(skew),
        }
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
