//! What one event adds to the totals over events, told from its row alone.

use std::borrow::Cow;

use rust_decimal::Decimal;

use crate::absent::Of;
use crate::definition::invariant::{Invariant, OfEvents, Total};
use crate::event::{Position, Timestamp};
use crate::expression::{Expression, Scope};
use crate::invariant::amount;
use crate::log::{BadRow, Fields};
use crate::reader::{self, Looks};
use crate::texts::{Desk, Keys, Text};

/// What an event adds to one group.
#[derive(Debug, Clone, Copy)]
pub struct Note {
    /// Index of the invariant.
    pub(super) invariant: u16,
    /// The group and its hash; `None` where it cannot be told.
    pub(super) group: Option<(u64, Text)>,
    /// The amount; `None` where it cannot be told.
    pub(super) amount: Option<Decimal>,
    /// It tells no group, and what it says cannot be read: it may be of any.
    pub(super) is_bad: bool,
    pub(super) position: Position,
    pub(super) time: Timestamp,
}

/// What an event amounts to.
#[derive(Debug, Clone)]
pub struct Amount {
    whole: Expression,
    /// What follows its sign, where it begins with a minus.
    negated: Option<Expression>,
}

/// The invariants that an event type concerns, with its amount in each.
pub type Route = reader::Route<Amount>;

/// Reads amounts out of events.
pub type Reader = reader::Reader<Invariant>;

impl Looks for Invariant {
    fn fields(&self) -> Fields {
        let Total::Events(total) = &self.total else {
            return Fields::default();
        };
        let own = Fields {
            time: true,
            correlation: total.per.is_none(),
            ..Fields::default()
        };
        let expressions = total.of.values().chain(&total.per).chain(&total.narrow);
        own.with(Fields::of(expressions))
    }
}

impl Reader {
    /// The totals over events, by the indices of their invariants.
    fn totals(&self) -> impl Iterator<Item = (u16, &OfEvents)> {
        (0..)
            .zip(&self.of)
            .filter_map(|(index, one)| match &one.total {
                Total::Events(total) => Some((index, total)),
                Total::States(_) => None,
            })
    }

    /// What an event type concerns.
    pub fn route(&self, kind: &str) -> Route {
        let uses = self.totals().filter_map(|(index, total)| {
            let whole = total.of.get(kind)?.clone();
            let positive = whole.source().trim().strip_prefix('-');
            let negated = positive.and_then(|positive| Expression::parse(positive).ok());
            Some((index, Amount { whole, negated }))
        });
        reader::Route(uses.collect())
    }

    /// Adds what an event of this type says.
    pub fn note(&self, route: &Route, row: &Scope<'_>, desk: &mut Desk<'_>, notes: &mut Vec<Note>) {
        for (index, amount) in &route.0 {
            let Total::Events(total) = &self.of[usize::from(*index)].total else {
                continue;
            };
            let inside = total.narrow.as_ref().map(|narrow| narrow.holds(row));
            if inside == Some(Ok(false)) {
                continue;
            }
            let group = match &total.per {
                None => row.correlation.map(Cow::Borrowed),
                Some(per) => per.text(row).ok().flatten(),
            };
            let hash = group.as_deref().map(|group| desk.hash(group));
            if !self.share.takes(hash) {
                continue;
            }
            let amount = match inside {
                Some(Err(_)) => None,
                _ => exact(amount, row),
            };
            notes.push(Note {
                is_bad: hash.is_none() && !row.is_sound(),
                invariant: *index,
                group: hash.zip(group.map(|group| desk.keep(&group))),
                amount,
                position: row.position,
                time: row.time.unwrap_or(Timestamp::MIN),
            });
        }
    }

    /// Adds what a row that cannot be judged may be an event of, with its group where that can be
    /// told.
    pub fn missed(&self, bad: &BadRow, kind: Option<&str>, of: &mut Vec<(Of, Option<u64>)>) {
        for (index, invariant) in self.losing(bad) {
            let Total::Events(total) = &invariant.total else {
                continue;
            };
            if kind.is_some_and(|kind| !total.of.contains_key(kind)) {
                continue;
            }
            let mut narrow = total.narrow.iter();
            if narrow.any(|narrow| bad.rules_out(narrow, kind)) {
                continue;
            }
            let group = match &total.per {
                None => bad.correlation.as_deref().map(Keys::hash),
                Some(per) => bad.hash_of(per, kind),
            };
            of.push((Of::Total(index), group));
        }
    }
}

/// A number, or a text that is one, with all its digits: also of a field behind a minus, which the
/// engine would compute as a floating-point number.
fn exact(amount: &Amount, row: &Scope<'_>) -> Option<Decimal> {
    let recorded = |field: &Expression| {
        let recorded = field.recorded(row)?.ok();
        Some(recorded.and_then(|text| amount::parse(text.trim_matches('"'))))
    };
    if let Some(known) = recorded(&amount.whole) {
        return known;
    }
    if let Some(known) = amount.negated.as_ref().and_then(recorded) {
        return known.map(|positive| -positive);
    }
    amount::calculated(amount.whole.evaluate(row).ok()?, amount.whole.source())
}
