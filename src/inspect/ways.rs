//! Every way to read an instance: the orders that its log leaves open, and what its doubtful events
//! may be.
//!
//! An event of which the time cannot be read happened between its neighbours. It is tried at both ends,
//! and wherever a limit of the saga between it and another event begins or ceases to hold: in between
//! nothing changes.

use crate::definition::log::Order;
use crate::definition::saga::Saga;
use crate::event::{Span, Timestamp};
use crate::inspect::judge::Evidence;
use crate::inspect::orders::orders;
use crate::replay::{Doubt, Link};
use crate::saga::{Meaning, Moment, StepEvent};

/// How many ways to read one instance are tried. Beyond that, orders are sampled, the same ones in
/// every run; an instance with too many doubtful events, or with some and too many orders, is not judged.
const WAYS: usize = 128;

/// An idempotency key that no other event has.
const OTHER_KEY: u64 = u64::MAX;

/// An event, and what orders it where its position does not.
type Linked = (Moment, Option<Link>);

/// The ways, the most plausible first; `None` where there are too many doubtful events, or too many
/// orders beside them.
pub(super) fn ways(
    saga: &Saga,
    evidence: &Evidence<'_>,
    order: Order,
    horizon: Timestamp,
) -> Option<Vec<Vec<Moment>>> {
    let moments = evidence.moments.iter().enumerate();
    let mut readings: Vec<Vec<Linked>> = vec![
        moments
            .map(|(index, moment)| (*moment, evidence.links.get(index).copied()))
            .collect(),
    ];
    for doubt in evidence.doubts {
        let variants = variants(doubt, evidence)?;
        let most = WAYS / (readings.len() * variants.len());
        if most == 0 {
            return None;
        }
        let mut ways = Vec::new();
        for reading in &readings {
            for variant in &variants {
                let Some(moment) = *variant else {
                    ways.push(reading.clone());
                    continue;
                };
                let place = reading.partition_point(|(other, _)| other.position < moment.position);
                let times = match doubt.blank.time {
                    true => times(saga, reading, place, order, horizon),
                    false => vec![moment.time],
                };
                if times.len() > most {
                    return None;
                }
                ways.extend(times.into_iter().map(|time| {
                    let mut way = reading.clone();
                    way.insert(place, (Moment { time, ..moment }, Some(doubt.link)));
                    way
                }));
            }
        }
        readings = ways;
    }
    let most = (WAYS / readings.len()).max(1);
    let is_doubtful = readings.len() > 1;
    let mut ways = Vec::new();
    for reading in readings {
        match order {
            Order::Position => ways.push(reading.into_iter().map(|(moment, _)| moment).collect()),
            Order::Time { skew, .. } if is_doubtful => {
                // Of no more than half of so many none is sampled.
                let orders = orders(&reading, skew, 2 * most + 2);
                if orders.len() > most {
                    return None;
                }
                ways.extend(orders);
            }
            Order::Time { skew, .. } => ways.extend(orders(&reading, skew, most)),
        }
    }
    Some(ways)
}

/// Everything that a doubtful event may be, apart from its time; `None` where its place is not known.
fn variants(doubt: &Doubt, evidence: &Evidence<'_>) -> Option<Vec<Option<Moment>>> {
    let blank = doubt.blank;
    if blank.position || blank.order {
        return None;
    }
    let mut variants: Vec<Option<Moment>> = Vec::new();
    for option in &doubt.options {
        let Some(meaning) = *option else {
            variants.push(None);
            continue;
        };
        let keys = match blank.key {
            true => others(evidence, &[0, OTHER_KEY], |moment| moment.key),
            false => vec![doubt.moment.key],
        };
        let has_error = matches!(
            meaning,
            Meaning::Step(_, StepEvent::Failure) | Meaning::Undo(_, StepEvent::Failure)
        );
        let own = doubt.moment.detail;
        let details = match blank.error && has_error {
            true => others(evidence, &[own], |moment| moment.detail),
            false => vec![own],
        };
        for detail in details {
            variants.extend(keys.iter().map(|key| {
                Some(Moment {
                    key: *key,
                    detail,
                    meaning,
                    ..doubt.moment
                })
            }));
        }
    }
    Some(variants)
}

/// What may stand where something of an event cannot be read: one of these, or what another event of
/// the instance has.
fn others<T: Ord + Copy>(evidence: &Evidence<'_>, own: &[T], of: impl Fn(&Moment) -> T) -> Vec<T> {
    let others = evidence.moments.iter().map(of);
    let mut others: Vec<T> = others.chain(own.iter().copied()).collect();
    others.sort_unstable();
    others.dedup();
    others
}

/// When an event at this place of a reading may have happened, the earliest first. Where time orders,
/// that does not depend on its place.
fn times(
    saga: &Saga,
    reading: &[Linked],
    place: usize,
    order: Order,
    horizon: Timestamp,
) -> Vec<Timestamp> {
    let (before, after) = reading.split_at(place);
    let (last, next, skew) = match order {
        Order::Position => (before.last(), after.first(), None),
        Order::Time { skew, .. } => (None, None, Some(skew)),
    };
    let last = last.map_or(Timestamp::MIN, |(last, _)| last.time);
    let next = next.map_or(horizon, |(next, _)| next.time);
    let undos = saga
        .steps
        .iter()
        .filter_map(|step| step.compensation.as_ref());
    let limits: Vec<Span> = (saga.deadline.into_iter())
        .chain(saga.steps.iter().filter_map(|step| step.timeout))
        .chain(undos.filter_map(|undo| undo.timeout))
        .chain(skew.into_iter().flat_map(|skew| [Span::ZERO, skew]))
        .collect();
    let others = reading.iter().map(|(moment, _)| moment.time);
    let mut between: Vec<Timestamp> = others
        .chain([horizon])
        .flat_map(|time| limits.iter().flat_map(move |limit| around(time, *limit)))
        .filter(|time| last < *time && *time < next)
        .collect();
    between.extend([last, next]);
    between.sort_unstable();
    between.dedup();
    between
}

/// The instants at which a limit between an event and another one begins or ceases to hold.
fn around(time: Timestamp, limit: Span) -> [Timestamp; 6] {
    let [time, limit] = [time.as_nanos(), limit.as_nanos()];
    let [until, from] = [time.saturating_add(limit), time.saturating_sub(limit)];
    [
        until.saturating_sub(1),
        until,
        until.saturating_add(1),
        from.saturating_sub(1),
        from,
        from.saturating_add(1),
    ]
    .map(Timestamp::from_nanos)
}
