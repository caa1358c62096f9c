//! One group: its total, and when that was not right.

use rust_decimal::Decimal;

use crate::definition::invariant::Invariant;
use crate::event::{Span, Timestamp};
use crate::lapse::{At, Lapsed, Now, Quiet};
use crate::projection::exact_sum;

/// Stands for more amounts than can be counted, or a sum with more digits than can be held: both stay.
const LOST: u32 = u32::MAX;

#[derive(Debug, Clone)]
pub(super) struct Group {
    /// The sum of the amounts that can be told.
    sum: Decimal,
    /// How many cannot.
    untold: u32,
    /// Nothing is in it that could have a total.
    is_void: bool,
    /// It was wrong in one order of concurrent events and may not have been in another.
    pub(super) is_concurrent: bool,
    /// The event that left it so.
    last: At,
    quiet: Quiet<Decimal>,
}

impl Group {
    /// A group whose first event this is, without an amount yet.
    pub(super) fn new(at: At) -> Group {
        Group {
            sum: Decimal::ZERO,
            untold: 0,
            is_void: true,
            is_concurrent: false,
            last: at,
            quiet: Quiet::since(at.1),
        }
    }

    /// The total, where it can be told.
    pub(super) fn total(&self) -> Option<Decimal> {
        (self.untold == 0).then_some(self.sum)
    }

    /// Whether nothing is wrong with it as it is.
    pub(super) fn is_right(&self, invariant: &Invariant) -> bool {
        self.is_void || self.total() == Some(invariant.equals)
    }

    /// Holds it against the invariant as it stood until an event. The time of that may lie so far above
    /// those that follow it; and events whose times are less than a `skew` apart may have happened in
    /// the other order.
    pub(super) fn rest(&mut self, until: Timestamp, invariant: &Invariant, skew: Span) {
        let grace = invariant.grace;
        if self.is_right(invariant) {
            return;
        }
        let Some(total) = self.total() else {
            return;
        };
        let youngest = self.quiet.youngest().greatest();
        let is_over = grace.is_none_or(|grace| until > youngest.after(grace));
        match is_over && until < youngest.after(skew) && skew > Span::ZERO {
            true => self.is_concurrent = true,
            false => self.quiet.rest(total, self.last, grace, until),
        }
    }

    /// An amount comes to it.
    pub(super) fn add(&mut self, amount: Option<Decimal>) {
        match amount.map(|amount| exact_sum(self.sum, amount)) {
            Some(Some(sum)) => self.sum = sum,
            Some(None) => self.untold = LOST,
            None => self.untold = self.untold.saturating_add(1),
        }
    }

    /// An amount that came to it leaves it.
    pub(super) fn subtract(&mut self, amount: Option<Decimal>) {
        match amount {
            Some(amount) => self.add(Some(-amount)),
            None if self.untold == LOST => {}
            None => self.untold = self.untold.saturating_sub(1),
        }
    }

    /// All that an event does to it is done; whether it leaves nothing in it.
    pub(super) fn settle(&mut self, at: At, invariant: &Invariant, tolerance: Span, is_void: bool) {
        self.is_void = is_void;
        if is_void {
            (self.sum, self.untold) = (Decimal::ZERO, 0);
        }
        self.last = at;
        self.quiet.take(at.1, tolerance);
        if self.is_right(invariant) {
            self.quiet.mend();
        }
    }

    /// What is to be told of it at the horizon, where events arrive in another order than they happened:
    /// that it is wrong since its last one, and nothing of what was before.
    pub(super) fn stands(
        &self,
        invariant: &Invariant,
        horizon: Timestamp,
    ) -> Option<Lapsed<Decimal>> {
        let total = self.total().filter(|_| !self.is_right(invariant))?;
        let is_tolerated = self.quiet.is_tolerated(invariant.grace, horizon);
        (!is_tolerated).then_some(Lapsed {
            first: (total, self.last),
            now: Now::Wrong(total, self.last),
        })
    }

    /// What is to be told of it at the horizon.
    pub(super) fn conclude(
        &self,
        invariant: &Invariant,
        horizon: Timestamp,
    ) -> Option<Lapsed<Decimal>> {
        let now = match self.total() {
            _ if self.is_right(invariant) => Now::Right,
            None => Now::Unknown,
            Some(total) if self.quiet.is_tolerated(invariant.grace, horizon) => Now::Pending(total),
            Some(total) => Now::Wrong(total, self.last),
        };
        self.quiet.conclude(now, horizon)
    }
}
