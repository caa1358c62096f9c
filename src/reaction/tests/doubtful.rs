//! Events of which it cannot be told whether they count, and events that come again.

use super::*;

/// An event that says whether it is doubtful.
type Maybe = (Role, i64, bool);

/// What becomes of events of one match value, with the id of each.
fn conclude_maybe(
    reaction: &Arc<Reaction>,
    order: Order,
    events: impl IntoIterator<Item = (Maybe, u64)>,
) -> Conclusion {
    let mut ledger = Ledger::new(std::slice::from_ref(reaction), Some(order));
    let mut texts = Texts::default();
    let value = Some((Keys::hash("x"), texts.keep("x")));
    for (index, ((role, seconds, is_doubtful), id)) in events.into_iter().enumerate() {
        let note = note(index, role, seconds, id, value);
        ledger.take(
            &[Note {
                is_doubtful,
                ..note
            }],
            &texts,
            &[],
        );
    }
    ledger
        .conclude(at(1_000_000), unseen(&Absent::default()))
        .remove(0)
}

fn of_different_ids(events: &[Maybe]) -> impl Iterator<Item = (Maybe, u64)> {
    events.iter().copied().zip(1..)
}

/// What becomes of them in a log by position, if each trigger calls for an effect of its own.
fn once(events: &[Maybe]) -> Conclusion {
    let events = of_different_ids(events);
    conclude_maybe(&reaction("once"), Order::Position, events)
}

fn wrong(conclusion: &Conclusion) -> Vec<(Wrong, i64)> {
    let faults = conclusion.faults.iter();
    faults.map(|fault| (fault.wrong, fault.at.0)).collect()
}

/// Events at any time of which some effects are doubtful.
fn logs_with_doubt() -> impl Strategy<Value = Vec<Maybe>> {
    let event = prop_oneof![
        (1..3_u32).prop_map(|owed| (Role::Trigger(Some(owed)), false)),
        Just((B, false)),
        Just((B, true)),
    ];
    let event = (event, 0..20_i64).prop_map(|((role, doubt), seconds)| (role, seconds, doubt));
    prop::collection::vec(event, 0..8)
}

/// What is missing, late and left over if so many of the doubtful effects count, by the bits of it.
fn world(events: &[Maybe], order: Order, counting: usize) -> (u32, u32, u32, u32) {
    let mut doubtful = 0;
    let mut told: Vec<Told> = Vec::new();
    for (role, seconds, is_doubtful) in events {
        let counts = !is_doubtful || counting & (1 << doubtful) != 0;
        doubtful += usize::from(*is_doubtful);
        // What does not count keeps its place all the same.
        let role = if counts {
            *role
        } else {
            Role::Trigger(Some(0))
        };
        told.push((role, *seconds));
    }
    slowly(&told, order)
}

proptest! {
    #![proptest_config(sampled(3000))]
    #[test]
    fn what_is_missing_in_any_case_is_told_and_the_rest_is_unknown(
        events in logs_with_doubt(),
        by_time: bool,
    ) {
        let order = if by_time { BY_TIME } else { Order::Position };
        let reaction = reaction("{ per: data.n }");
        let conclusion = conclude_maybe(&reaction, order, of_different_ids(&events));
        let (missing, _, left, orphans) = count(wrong(&conclusion));
        let doubtful = events.iter().filter(|event| event.2).count();
        let worlds: Vec<_> = (0..1_usize << doubtful)
            .map(|counting| world(&events, order, counting))
            .collect();
        prop_assert_eq!(Some(missing), worlds.iter().map(|world| world.0).min());
        let may_differ = worlds.iter().any(|world| world.0 != missing);
        if !may_differ {
            prop_assert_eq!(conclusion.unknown_missing, 0);
        }
        // With none of them as much is left over as with any; with all of them orphans are the most.
        let (first, last) = (worlds[0], worlds[worlds.len() - 1]);
        prop_assert_eq!((left, orphans), (first.2, first.3));
        prop_assert_eq!(conclusion.unknown_orphans, u64::from(last.3 - first.3));
    }
}

#[test]
fn one_doubtful_effect_answers_one_trigger_at_most() {
    let conclusion = once(&[(A, 0, false), (A, 1, false), (A, 2, false), (B, 3, true)]);
    assert_eq!(wrong(&conclusion), [(MISSING, 2), (MISSING, 3)]);
    assert_eq!(
        (conclusion.unknown_missing, conclusion.unknown_late),
        (1, 3)
    );
    // What came before the trigger by place and by clock answers nothing.
    let conclusion = once(&[(B, 0, true), (A, 10, false)]);
    assert_eq!(wrong(&conclusion), [(MISSING, 2)]);
    assert_eq!(conclusion.unknown_missing, 0);
    assert_eq!(conclusion.unknown_orphans, 1);
    // Of three that are called for one may be there.
    let three = Role::Trigger(Some(3));
    let events = [(three, 0, false), (B, 1, true)];
    let per = reaction("{ per: data.n }");
    let conclusion = conclude_maybe(&per, Order::Position, of_different_ids(&events));
    let missing = Wrong::Missing { missing: 2, of: 3 };
    assert_eq!(wrong(&conclusion), [(missing, 1)]);
    assert_eq!(conclusion.unknown_missing, 0);
}

#[test]
fn where_one_effect_may_answer_several_triggers_a_doubtful_one_may_too() {
    let events = [(A, 0, false), (A, 1, false), (B, 3, true), (A, 9, false)];
    let events = of_different_ids(&events);
    let conclusion = conclude_maybe(&reaction("at-least-once"), Order::Position, events);
    assert_eq!(wrong(&conclusion), [(MISSING, 4)]);
    assert_eq!(conclusion.unknown_missing, 2);
}

#[test]
fn a_doubtful_effect_changes_nothing_where_all_is_answered_in_time() {
    let conclusion = once(&[(A, 0, false), (B, 1, false), (B, 2, true)]);
    assert_eq!(conclusion.faults, []);
    assert_eq!(
        (conclusion.unknown_missing, conclusion.unknown_late),
        (0, 0)
    );
    assert_eq!(
        (conclusion.unknown_doubles, conclusion.unknown_orphans),
        (1, 0)
    );
}

#[test]
fn a_doubtful_event_that_comes_again_is_one() {
    let reaction = reaction("once");
    let vague = (Role::Trigger(None), 2, false);
    for event in [(A, 2, true), (B, 2, true), vague] {
        let first = [((A, 0, false), 1), ((A, 1, false), 2), (event, 3)];
        let again = [(event, 3), (event, 3)];
        let one = conclude_maybe(&reaction, Order::Position, first);
        let all = first.into_iter().chain(again);
        assert_eq!(conclude_maybe(&reaction, Order::Position, all), one);
    }
}

#[test]
fn an_event_that_is_certain_when_it_comes_again_is_certain() {
    let events = [((A, 0, false), 1), ((B, 1, true), 2), ((B, 1, false), 2)];
    let conclusion = conclude_maybe(&reaction("once"), Order::Position, events);
    assert_eq!(conclusion.faults, []);
    assert_eq!((conclusion.effects, conclusion.unknown_missing), (1, 0));
}

#[test]
fn what_comes_again_is_known_though_its_match_value_settled_without_it() {
    let pairs = (0..400).flat_map(|second| {
        let id = second as u64 * 2 + 10;
        [
            ((A, second * 100, false), id),
            ((B, second * 100 + 1, false), id + 1),
        ]
    });
    // What was answered late is kept with its answer; and one may count and may not.
    let kept = [((A, 40, false), 1), ((B, 1_050, false), 2)];
    let doubtful = ((A, 1_060, true), 3);
    for doubtful in [None, Some(doubtful)] {
        let first = || pairs.clone().take(30).chain(kept).chain(doubtful);
        let events = || first().chain(pairs.clone().skip(30));
        let reaction = reaction("once");
        let one = conclude_maybe(&reaction, BY_TIME, events());
        assert_eq!(one.unknown_missing, u64::from(doubtful.is_some()));
        let again = events().chain(kept).chain(doubtful);
        assert_eq!(conclude_maybe(&reaction, BY_TIME, again), one);
    }
}

#[test]
fn what_is_told_of_spare_effects_is_counted_among_the_bytes() {
    const EVENTS: usize = 4_096;
    let reaction = reaction("once");
    let order = BY_TIME;
    let terms = Terms {
        reaction: &reaction,
        order,
    };
    let value = Some((Keys::hash("x"), Texts::default().keep("x")));
    let mut entry = Entry::with_room(0);
    for index in 0..EVENTS {
        let role = if index == 0 { A } else { B };
        entry.take(&note(index, role, index as i64 * 100, 0, value), terms);
    }
    // All but two are kept, and of at least a quarter of them the trigger that they might have answered.
    assert_eq!(entry.judge(terms).assignment.spare.len(), EVENTS - 2);
    assert!(entry.bytes() > EVENTS * 32 + EVENTS / 4 * 16);
}
