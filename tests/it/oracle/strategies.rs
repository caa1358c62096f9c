//! Random cases: legal, mutated and random runs of random sagas, judged at interesting instants.
//!
//! Everything is made from short lists of small numbers, so that a failing case shrinks to a
//! short run of a small saga.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use sagactl::definition::saga::Saga;
use sagactl::event::Span;

use super::{Claim, OracleEvent};

use super::mutations::{Mutation, fail, mutate, mutation, swap_undos};
pub(crate) use super::runs::legal;
use super::runs::{EPOCH, SECOND, event, renumber};
use super::sagas::{meanings, saga};

/// What one judgement needs.
#[derive(Debug, Clone)]
pub(crate) struct OracleCase {
    pub(crate) saga: Saga,
    pub(crate) cut: bool,
    pub(crate) events: Vec<OracleEvent>,
    pub(crate) claim: Option<Claim>,
    /// In nanoseconds.
    pub(crate) horizon: i64,
}

/// Events in any order, with keys that repeat and a clock that mostly goes forward.
pub(crate) fn noise(saga: &Saga) -> impl Strategy<Value = Vec<OracleEvent>> + use<> {
    let one = (
        select(meanings(saga)),
        -1..6_i64,
        prop::option::of(0..4_u8),
        prop::option::of(0..2_u8),
    );
    vec(one, 1..18).prop_map(|drawn| {
        let mut time = EPOCH;
        let mut events = Vec::new();
        for (meaning, seconds, key, error) in drawn {
            time += seconds * SECOND / 2;
            let mut event = event(0, time, meaning, key.map(|key| format!("k{key}")));
            event.error = error.map(|error| format!("error {error}"));
            events.push(event);
        }
        renumber(&mut events);
        events
    })
}

fn history() -> impl Strategy<Value = (Saga, Vec<OracleEvent>)> {
    let mutated = (legal(), vec(mutation(), 1..4)).prop_map(|((saga, mut events), mutations)| {
        mutations
            .iter()
            .for_each(|mutation| mutate(&saga, &mut events, mutation));
        (saga, events)
    });
    let stalled = (
        legal(),
        any::<Index>(),
        any::<Index>(),
        1..5_u8,
        prop::option::of(mutation()),
    )
        .prop_map(|((saga, mut events), at, meaning, times, mutation)| {
            mutate(&saga, &mut events, &Mutation::Stop(at));
            let end = events.len();
            fail(&saga, &mut events, end, meaning, times);
            mutation
                .iter()
                .for_each(|mutation| mutate(&saga, &mut events, mutation));
            (saga, events)
        });
    let undone =
        (legal(), any::<Index>(), any::<Index>()).prop_map(|((saga, mut events), one, other)| {
            swap_undos(&mut events, one, other);
            (saga, events)
        });
    let random = saga().prop_flat_map(|saga| {
        let events = noise(&saga);
        (Just(saga), events)
    });
    prop_oneof![2 => legal(), 7 => mutated, 3 => stalled, 2 => undone, 2 => random]
}

/// The instants at which some limit of the saga passes, counted from any event, and the ends of
/// the log.
pub(crate) fn instants(saga: &Saga, events: &[OracleEvent]) -> Vec<i64> {
    let undo_limits = saga
        .steps
        .iter()
        .filter_map(|step| step.compensation.as_ref()?.timeout);
    let limits: Vec<i64> = saga
        .steps
        .iter()
        .filter_map(|step| step.timeout)
        .chain(undo_limits)
        .chain(saga.deadline)
        .map(Span::as_nanos)
        .chain([0])
        .collect();
    let last = events.iter().map(|event| event.time).max().unwrap_or(EPOCH);
    let mut all: Vec<i64> = events
        .iter()
        .flat_map(|event| limits.iter().map(|limit| event.time + limit))
        .collect();
    all.extend([last, last + 3600 * SECOND]);
    all.sort_unstable();
    all.dedup();
    all
}

/// Everything at once: legal, mutated and random runs, claims, and horizons at, just before and
/// just after the instants at which a verdict may change. Mostly not before the last event.
pub(crate) fn case() -> impl Strategy<Value = OracleCase> {
    let claim = select(vec![
        None,
        None,
        None,
        None,
        None,
        None,
        Some(Claim::Completed),
        Some(Claim::Compensated),
        Some(Claim::Running),
    ]);
    let horizon = (any::<Index>(), -1..=1_i64, prop::bool::weighted(0.1));
    (history(), claim, horizon, prop::bool::weighted(0.15)).prop_map(
        |((saga, events), claim, horizon, cut)| {
            let (index, nudge, early) = horizon;
            let all = instants(&saga, &events);
            let last = events.iter().map(|event| event.time).max().unwrap_or(EPOCH);
            let usable: Vec<i64> = all
                .into_iter()
                .filter(|instant| early || *instant > last)
                .collect();
            let horizon = usable[index.index(usable.len())] + nudge;
            OracleCase {
                saga,
                cut,
                events,
                claim,
                horizon,
            }
        },
    )
}
