//! Causes, circles and repeated ids, by hand and against a slow look at every pair.

use proptest::prelude::*;

use super::*;
use crate::event::Span;
use crate::sampling::sampled;

/// Events as `(id, cause, correlation, time)`, at the positions 1, 2, 3 …
fn conclude(events: &[(u64, u64, u64, i64)], order: Order) -> Conclusion {
    let hash = |id: &u64| if *id == 0 { 0 } else { id << 1 | 1 };
    let mut register = Register::default();
    for (index, (id, cause, correlation, time)) in events.iter().enumerate() {
        register.take(Note {
            id: hash(id),
            cause: hash(cause),
            correlation: *correlation,
            position: Position(index as i64 + 1),
            time: Timestamp::from_nanos(*time),
        });
    }
    register.conclude(order, Share::WHOLE, 2)
}

fn faults(events: &[(u64, u64, u64, i64)], order: Order) -> Vec<(What, i64, Option<i64>)> {
    let found = conclude(events, order).faults;
    let flat = |fault: Fault| (fault.what, fault.effect.0, fault.cause.map(|cause| cause.0));
    found.into_iter().map(flat).collect()
}

const BY_TIME: Order = Order::Time {
    skew: Span::from_nanos(2),
    lateness: Span::ZERO,
};

#[test]
fn a_chain_in_order_is_sound_and_one_that_leads_nowhere_is_not() {
    let chain = [(1, 0, 9, 0), (2, 1, 9, 1), (3, 2, 9, 2)];
    assert_eq!(faults(&chain, Order::Position), []);
    let cut = [(2, 1, 9, 1), (3, 2, 9, 2)];
    assert_eq!(faults(&cut, Order::Position), [(What::Dangling, 1, None)]);
}

#[test]
fn a_cause_after_its_effect_is_later_in_position_order_and_sound_in_time_order() {
    let events = [(2, 1, 9, 5), (1, 0, 9, 4)];
    assert_eq!(
        faults(&events, Order::Position),
        [(What::Later, 1, Some(2))]
    );
    assert_eq!(faults(&events, BY_TIME), []);
}

#[test]
fn circles_are_told_from_causes_that_are_only_late() {
    assert_eq!(
        faults(&[(1, 1, 9, 0)], Order::Position),
        [(What::Cycle(0), 1, Some(1))]
    );
    let three = [(1, 3, 9, 0), (2, 1, 9, 1), (3, 2, 9, 2)];
    assert_eq!(
        faults(&three, Order::Position),
        [(What::Cycle(2), 1, Some(3))]
    );
}

#[test]
fn an_event_without_an_id_is_nobodys_cause() {
    let events = [(1, 2, 9, 0), (2, 0, 9, 1), (0, 1, 9, 2)];
    assert_eq!(
        faults(&events, Order::Position),
        [(What::Later, 1, Some(2))]
    );
}

#[test]
fn a_cause_in_a_row_that_is_not_judged_is_no_dangling_one() {
    let told = |hidden: &[Hidden]| {
        let mut register = Register::default();
        hidden.iter().for_each(|row| register.hide(*row));
        register.take(Note {
            id: 3,
            cause: 1,
            correlation: 0,
            position: Position(5),
            time: Timestamp::MIN,
        });
        let conclusion = register.conclude(Order::Position, Share::WHOLE, 2);
        (conclusion.faults.len(), conclusion.hidden)
    };
    assert_eq!(told(&[]), (1, 0));
    assert_eq!(told(&[Hidden::Id(7)]), (1, 0));
    assert_eq!(told(&[Hidden::Id(7), Hidden::Id(1)]), (0, 1));
    assert_eq!(told(&[Hidden::Nameless]), (0, 1));
}

#[test]
fn a_circle_is_certain_unless_a_row_that_is_not_judged_may_be_one_of_the_causes() {
    let told = |hidden: u64, order| {
        let mut register = Register::default();
        register.hide(Hidden::Id(hidden));
        for (position, (id, cause)) in (1..).zip([(1, 5), (3, 1), (5, 3)]) {
            register.take(Note {
                id,
                cause,
                correlation: 0,
                position: Position(position),
                time: Timestamp::MIN,
            });
        }
        let conclusion = register.conclude(order, Share::WHOLE, 2);
        let faults = conclusion.faults.iter().map(|fault| fault.what);
        (faults.collect::<Vec<What>>(), conclusion.hidden)
    };
    for order in [Order::Position, BY_TIME] {
        assert_eq!(told(7, order), (vec![What::Cycle(2)], 0), "{order:?}");
        // What is caused by the hidden row, and what would go in circles.
        let expected = match order {
            Order::Position => (vec![What::Later], 1),
            Order::Time { .. } => (vec![], 2),
        };
        assert_eq!(told(1, order), expected, "{order:?}");
    }
    // The first one's own cause may be the hidden row.
    assert_eq!(told(5, Order::Position), (vec![], 1));
}

#[test]
fn a_circle_is_found_whatever_leads_into_it_and_however_long_it_is() {
    let length = 30_000_u64;
    let ring = (1..=length).map(|id| (id, id % length + 1, 9, 0));
    let into = (length + 1..length + 5).map(|id| (id, id + 1, 9, 0));
    let last = (length + 5, 1, 9, 0);
    let events: Vec<_> = ring.chain(into).chain([last]).collect();
    let found = faults(&events, Order::Position);
    let circles = |fault: &&(What, i64, Option<i64>)| fault.0 == What::Cycle(length as u32 - 1);
    assert_eq!(found.iter().filter(circles).count(), 1);
    assert_eq!(found.len(), 1 + 4);
}

#[test]
fn causes_of_another_correlation_and_repeated_ids_are_told() {
    let events = [(1, 0, 8, 0), (2, 1, 9, 1), (3, 1, 0, 2), (1, 0, 8, 3)];
    assert_eq!(
        faults(&events, Order::Position),
        [(What::OtherCorrelation, 2, Some(1))]
    );
    let same = conclude(&events, Order::Position).same_id;
    assert_eq!(same, [(Position(1), Position(4))]);
}

/// Every pair of events is looked at, and every circle walked by its definition.
fn slowly(events: &[(u64, u64, u64, i64)]) -> Vec<(What, i64, Option<i64>)> {
    let first = |id: u64| events.iter().position(|event| event.0 == id);
    let mut found = Vec::new();
    for (at, (id, cause, correlation, _)) in events.iter().enumerate() {
        if *cause == 0 {
            continue;
        }
        let Some(origin) = first(*cause) else {
            found.push((What::Dangling, at as i64 + 1, None));
            continue;
        };
        let mut place = (What::Later, at as i64 + 1, Some(origin as i64 + 1));
        if id == cause {
            found.push((What::Cycle(0), place.1, place.2));
        } else if origin > at {
            let mut next = origin;
            let mut earliest = at;
            for others in 1..events.len() as u32 + 1 {
                earliest = earliest.min(next);
                if events[next].1 == *id && *id != 0 {
                    place.0 = What::Cycle(others);
                    break;
                }
                match first(events[next].1) {
                    Some(after) if events[next].1 != 0 => next = after,
                    _ => break,
                }
            }
            if place.0 == What::Later || earliest == at {
                found.push(place);
            }
        }
        let other = events[origin].2;
        if other != 0 && *correlation != 0 && other != *correlation {
            found.push((
                What::OtherCorrelation,
                at as i64 + 1,
                Some(origin as i64 + 1),
            ));
        }
    }
    found.sort_by_key(|(what, at, _)| (*at, *what));
    found
}

proptest! {
    #![proptest_config(sampled(256))]
    #[test]
    fn what_is_found_is_what_a_slow_look_finds(
        causes in proptest::collection::vec((0..12_u64, 0..4_u64), 0..12)
    ) {
        let events: Vec<(u64, u64, u64, i64)> = causes
            .iter()
            .enumerate()
            .map(|(at, (cause, correlation))| (at as u64 + 1, *cause, *correlation, at as i64))
            .collect();
        prop_assert_eq!(faults(&events, Order::Position), slowly(&events));
    }
}

proptest! {
    #![proptest_config(sampled(256))]
    #[test]
    fn what_is_seen_to_be_sound_changes_nothing_of_what_is_told(
        events in proptest::collection::vec((0..8_u64, 0..8_u64, 0..3_u64), 0..16),
        hidden in proptest::collection::btree_set(1..8_u64, 0..2),
        is_nameless in any::<bool>(), is_by_time in any::<bool>(), shares in 1..4_u32,
    ) {
        let hash = |id: u64| if id == 0 { 0 } else { id << 60 | id << 1 | 1 };
        let order = if is_by_time { BY_TIME } else { Order::Position };
        let mut share = Some(Share::first(shares));
        while let Some(own) = share {
            let (mut quick, mut slow) = (Register::default(), Register::default());
            let rows = hidden.iter().map(|id| Hidden::Id(hash(*id)));
            for row in rows.chain(is_nameless.then_some(Hidden::Nameless)) {
                quick.hide(row);
                slow.hide(row);
            }
            for (position, (id, cause, correlation)) in (1..).zip(&events) {
                let note = Note {
                    id: hash(*id),
                    cause: hash(*cause),
                    correlation: *correlation,
                    position: Position(position),
                    time: Timestamp::from_nanos(position / 3),
                };
                let is_own = |hash: u64| hash != 0 && own.has(hash);
                if is_own(note.id) || is_own(note.cause) {
                    quick.take(note);
                    slow.shelves[shelf(note.id)].push(note.into());
                    if note.cause != 0 {
                        slow.effects[shelf(note.cause)].push(note);
                    }
                }
            }
            prop_assert_eq!(quick.conclude(order, own, 2), slow.conclude(order, own, 1));
            share = own.after();
        }
    }
}

proptest! {
    #![proptest_config(sampled(256))]
    #[test]
    fn ids_that_stand_again_are_found_among_many_that_do_not(
        ids in proptest::collection::vec(prop_oneof![0_u64..30, any::<u64>()], 0..400),
        high in any::<bool>(),
    ) {
        let hash = |id: u64| if high { id.rotate_right(5) | 1 } else { id | 1 };
        let mut register = Register::default();
        let mut first: std::collections::HashMap<u64, Position> = Default::default();
        let mut again = Vec::new();
        for (position, id) in (1..).map(Position).zip(&ids) {
            register.take_id(hash(*id), position);
            let known = *first.entry(hash(*id)).or_insert(position);
            again.extend((known != position).then_some((known, position)));
        }
        let conclusion = register.conclude(Order::Position, Share::WHOLE, 2);
        prop_assert_eq!(conclusion.with_id, ids.len() as u64);
        prop_assert_eq!(conclusion.same_id, again);
    }
}
