//! What can go wrong with a recorded run.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use sagactl::definition::saga::Saga;

use super::runs::{SECOND, event, renumber};
use super::sagas::meanings;
use super::{Meaning, OracleEvent};

/// One thing that went wrong.
#[derive(Debug, Clone)]
pub(crate) enum Mutation {
    Lose(Index),
    /// The log ends here.
    Stop(Index),
    Repeat {
        from: Index,
        to: Index,
    },
    Swap(Index, Index),
    SwapNeighbours(Index),
    /// This event and all after it happened later, or earlier.
    Delay(Index, i64),
    /// This event's clock was wrong.
    Shift(Index, i64),
    Insert {
        to: Index,
        meaning: Index,
    },
    /// A step, or a compensation, is attempted and fails so many times more.
    Fail {
        to: Index,
        meaning: Index,
        times: u8,
    },
    SameKey(Index, Index),
    NoKey(Index),
    Error(Index, u8),
}

/// Any of them.
pub(crate) fn mutation() -> impl Strategy<Value = Mutation> {
    let offset = || {
        select(vec![
            -3 * SECOND,
            -1,
            1,
            SECOND,
            2 * SECOND,
            5 * SECOND,
            11 * SECOND,
            70 * SECOND,
        ])
    };
    prop_oneof![
        4 => any::<Index>().prop_map(Mutation::Lose),
        4 => any::<Index>().prop_map(Mutation::Stop),
        3 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Mutation::Repeat { from, to }),
        2 => (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Mutation::Swap(one, other)),
        3 => any::<Index>().prop_map(Mutation::SwapNeighbours),
        3 => (any::<Index>(), offset()).prop_map(|(at, by)| Mutation::Delay(at, by)),
        1 => (any::<Index>(), offset()).prop_map(|(at, by)| Mutation::Shift(at, by)),
        4 => (any::<Index>(), any::<Index>()).prop_map(|(to, meaning)| Mutation::Insert { to, meaning }),
        4 => (any::<Index>(), any::<Index>(), 1..5_u8)
            .prop_map(|(to, meaning, times)| Mutation::Fail { to, meaning, times }),
        2 => (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Mutation::SameKey(one, other)),
        1 => any::<Index>().prop_map(Mutation::NoKey),
        1 => (any::<Index>(), 0..2_u8).prop_map(|(at, error)| Mutation::Error(at, error)),
    ]
}

/// The begin of the attempt that ends with this failure.
fn begin_of(failure: Meaning) -> Option<Meaning> {
    match failure {
        Meaning::Failure(step) => Some(Meaning::Begin(step)),
        Meaning::UndoFailure(step) => Some(Meaning::UndoBegin(step)),
        _ => None,
    }
}

/// A step, or a compensation, is attempted and fails `times` times more, before the event `to`.
pub(crate) fn fail(
    saga: &Saga,
    events: &mut Vec<OracleEvent>,
    to: usize,
    meaning: Index,
    times: u8,
) {
    let all = meanings(saga);
    let failures: Vec<Meaning> = all
        .iter()
        .copied()
        .filter(|meaning| begin_of(*meaning).is_some())
        .collect();
    if failures.is_empty() {
        return;
    }
    let failure = failures[meaning.index(failures.len())];
    let begin = begin_of(failure).filter(|begin| all.contains(begin));
    let time = events[to.saturating_sub(1)].time;
    let len = events.len();
    let attempt = |attempt: u8| {
        let key = Some(format!("f{len}.{attempt}"));
        begin
            .into_iter()
            .chain([failure])
            .map(move |meaning| event(0, time, meaning, key.clone()))
    };
    events.splice(to..to, (0..times).flat_map(attempt));
    renumber(events);
}

/// Exchanges two events of which each undid a step, if there are two.
pub(crate) fn swap_undos(events: &mut [OracleEvent], one: Index, other: Index) {
    let undid = |at: &usize| matches!(events[*at].meaning, Meaning::UndoSuccess(_));
    let undos: Vec<usize> = (0..events.len()).filter(undid).collect();
    if !undos.is_empty() {
        swap(
            events,
            undos[one.index(undos.len())],
            undos[other.index(undos.len())],
        );
        renumber(events);
    }
}

/// Exchanges two events; the times stay where they are.
fn swap(events: &mut [OracleEvent], one: usize, other: usize) {
    let (of_one, of_other) = (events[one].time, events[other].time);
    events.swap(one, other);
    events[one].time = of_one;
    events[other].time = of_other;
}

/// Applies one mutation; a run without events stays as it is.
pub(crate) fn mutate(saga: &Saga, events: &mut Vec<OracleEvent>, mutation: &Mutation) {
    if events.is_empty() {
        return;
    }
    let len = events.len();
    match mutation {
        Mutation::Stop(at) => events.truncate(at.index(len) + 1),
        Mutation::Lose(at) => drop(events.remove(at.index(len))),
        Mutation::Repeat { from, to } => {
            let copy = events[from.index(len)].clone();
            events.insert(to.index(len + 1), copy);
        }
        Mutation::Swap(one, other) => swap(events, one.index(len), other.index(len)),
        Mutation::SwapNeighbours(at) => {
            swap(events, at.index(len), (at.index(len) + 1).min(len - 1))
        }
        Mutation::Delay(at, by) => events[at.index(len)..]
            .iter_mut()
            .for_each(|event| event.time += by),
        Mutation::Shift(at, by) => events[at.index(len)].time += by,
        Mutation::Insert { to, meaning } => {
            let to = to.index(len + 1);
            let time = events[to.min(len - 1)].time;
            let all = meanings(saga);
            events.insert(
                to,
                event(
                    0,
                    time,
                    all[meaning.index(all.len())],
                    Some(format!("i{len}")),
                ),
            );
        }
        Mutation::Fail { to, meaning, times } => {
            fail(saga, events, to.index(len + 1), *meaning, *times)
        }
        Mutation::SameKey(one, other) => {
            events[one.index(len)].key = events[other.index(len)].key.clone();
        }
        Mutation::NoKey(at) => events[at.index(len)].key = None,
        Mutation::Error(at, error) => events[at.index(len)].error = Some(format!("error {error}")),
    }
    renumber(events);
}
