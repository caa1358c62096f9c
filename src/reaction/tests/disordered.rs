//! Clocks that contradict the order of the log.

use super::*;

/// Events whose clocks say anything.
fn disordered(owed: std::ops::Range<u32>) -> impl Strategy<Value = Vec<Told>> {
    let role = prop_oneof![
        owed.prop_map(|owed| Role::Trigger(Some(owed))),
        Just(Role::Effect),
    ];
    prop::collection::vec((role, 0..20_i64), 0..9)
}

/// What is missing, late and an orphan where each effect answers all that it may.
fn slowly_shared(told: &[Told]) -> (u32, u32, u32, u32) {
    let [triggers, effects] = sides(told);
    let order = Order::Position;
    let first = triggers.iter().map(|trigger| {
        let answers = effects
            .iter()
            .filter(|one| may_answer(order, **one, *trigger));
        let first = answers.map(|effect| effect.1).min();
        first.map(|first| first > trigger.1 + 5)
    });
    let first: Vec<Option<bool>> = first.collect();
    let number = |what| first.iter().filter(|one| **one == what).count() as u32;
    let orphans = orphans(told, order);
    (number(None), number(Some(true)), orphans, orphans)
}

proptest! {
    #![proptest_config(sampled(4000))]
    #[test]
    fn clocks_that_run_backwards_let_an_effect_answer_what_it_may_and_no_more(
        told in disordered(1..3),
    ) {
        let counts = count(quickly(&reaction("{ per: data.n }"), Order::Position, &told, 100));
        prop_assert_eq!(counts, slowly(&told, Order::Position));
    }

    #[test]
    fn so_they_do_where_each_trigger_has_an_effect_of_its_own(told in disordered(1..2)) {
        let counts = count(quickly(&reaction("once"), Order::Position, &told, 100));
        prop_assert_eq!(counts, slowly(&told, Order::Position));
    }

    #[test]
    fn so_they_do_where_an_effect_may_answer_several_triggers(told in disordered(1..2)) {
        let counts = count(quickly(&reaction("at-least-once"), Order::Position, &told, 100));
        prop_assert_eq!(counts, slowly_shared(&told));
    }
}

#[test]
fn an_effect_does_not_answer_what_is_after_it_by_place_and_by_clock() {
    // The second trigger is older than the first, and younger than the effect between them.
    let events = [(A, 10), (B, 5), (A, 8)];
    for count in ["once", "at-least-once"] {
        assert_eq!(told(count, &events, 100), [(MISSING, 3)]);
    }
    // Each effect could answer one that the other could not.
    let events = [(B, 3), (A, 10), (B, 5), (A, 8)];
    let wrong = [(Wrong::Orphan, 1), (MISSING, 4)];
    assert_eq!(told("once", &events, 100), wrong);
}

#[test]
fn as_few_as_can_be_are_unanswered_though_more_are_late() {
    // The last effect and the second could answer in time, and nothing then the trigger before the last.
    let events = [(B, -4), (A, 10), (B, -10), (A, -10), (A, 0), (B, 10)];
    let late = |seconds| late(1, 1, seconds);
    assert_eq!(told("once", &events, 100), [(late(1), 4), (late(5), 5)]);
}

/// Pairs of a trigger and an effect, each with a clock of its own that is wrong by up to so many
/// seconds.
fn pairs(number: i64, wrong: i64) -> Vec<Told> {
    let clock = |of: i64| of * 7_919 % (2 * wrong + 1) - wrong;
    let pair = |at: i64| {
        [
            (A, at * 10 + clock(at)),
            (B, at * 10 + 1 + clock(at * 31 + 7)),
        ]
    };
    (0..number).flat_map(pair).collect()
}

#[test]
fn a_value_with_many_events_is_judged_wherever_its_clocks_are_right_but_for_little() {
    let mut events = pairs(MANY, 4);
    events[501] = (A, 2_490);
    let conclusion = conclude(&reaction("once"), Order::Position, &events, 1_000_000);
    assert_eq!(conclusion.given_up, 0);
    let missing = conclusion.faults.iter().map(|fault| match fault.wrong {
        Wrong::Missing { missing, .. } => missing,
        _ => 0,
    });
    assert_eq!(missing.sum::<u32>(), 2);
}

#[test]
fn what_takes_too_long_to_find_out_is_unknown_but_for_the_orphans() {
    let mut events = pairs(MANY, 60_000);
    events.insert(0, (B, -100_000));
    let conclusion = conclude(&reaction("once"), Order::Position, &events, 1_000_000);
    assert_eq!(conclusion.given_up, 1);
    assert_eq!(conclusion.unknown_missing, conclusion.triggers);
    assert_eq!(conclusion.unknown_late, conclusion.triggers);
    assert_eq!(conclusion.unknown_doubles, conclusion.effects);
    let wrong: Vec<(Wrong, i64)> = (conclusion.faults.iter())
        .map(|fault| (fault.wrong, fault.at.0))
        .collect();
    assert_eq!(wrong, [(Wrong::Orphan, 1)]);
}
