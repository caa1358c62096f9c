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
        );
    }
    ledger
        .conclude(at(1_000_000), unseen(&Absent::default()))
        .remove(0)
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
