//! What is quiet for how long, against a look at every event that knows the horizon.

use super::*;
use crate::sampling::sampled;

const GRACE: Span = Span::from_nanos(5);
const TOLERANCE: Span = Span::from_nanos(100);
const HORIZON: Timestamp = Timestamp::from_nanos(60);

/// Times, and whether something holds after each.
type Events = Vec<(i64, bool)>;

/// The first time that it did not hold for too long, and since when it does not now.
type Told = Option<(At, Option<At>)>;

fn at(index: usize, time: i64) -> At {
    (Position(index as i64), Timestamp::from_nanos(time))
}

fn quickly(events: &Events) -> Told {
    let mut quiet = Quiet::since(Timestamp::from_nanos(events[0].0));
    let mut wrong = None;
    for (index, (time, holds)) in events.iter().enumerate() {
        let at = at(index, *time);
        if let Some(last) = wrong {
            quiet.rest((), last, Some(GRACE), at.1);
        }
        quiet.take(at.1, TOLERANCE);
        if *holds {
            quiet.mend();
        }
        wrong = (!holds).then_some(at);
    }
    told(&quiet, wrong, quiet.is_tolerated(Some(GRACE), HORIZON))
}

/// What is told of something that is wrong since an event, if at all.
fn told(quiet: &Quiet<()>, wrong: Option<At>, is_tolerated: bool) -> Told {
    let now = match wrong {
        None => Now::Right,
        Some(_) if is_tolerated => Now::Pending(()),
        Some(last) => Now::Wrong((), last),
    };
    let lapsed = quiet.conclude(now, HORIZON)?;
    let since = match lapsed.now {
        Now::Wrong((), since) => Some(since),
        Now::Right | Now::Pending(()) | Now::Unknown => None,
    };
    Some((lapsed.first.1, since))
}

fn slowly(events: &Events) -> Told {
    let (mut first, mut current, mut wrong) = (None, None, None);
    let mut due: Option<Timestamp> = None;
    for (index, (time, holds)) in events.iter().enumerate() {
        let at = at(index, *time);
        let is_over = at.1 <= HORIZON && due.is_some_and(|due| at.1 > due);
        if let Some(last) = wrong.filter(|_| is_over) {
            first.get_or_insert(last);
            current.get_or_insert(last);
        }
        if at.1 <= HORIZON {
            due = due.max(Some(at.1.after(GRACE)));
        }
        if *holds {
            current = None;
        }
        wrong = (!holds).then_some(at);
    }
    let is_over = due.is_some_and(|due| due <= HORIZON);
    let wrong = wrong.filter(|_| is_over);
    let since = wrong.map(|last| current.unwrap_or(last));
    Some((first.or(wrong)?, since))
}

proptest::proptest! {
    #![proptest_config(sampled(256))]
    #[test]
    fn what_is_beyond_the_horizon_makes_nothing_less_quiet(
        events in proptest::collection::vec(
            (proptest::prop_oneof![4 => 0..61_i64, 1 => 1000..1010_i64], proptest::bool::ANY),
            1..9
        )
    ) {
        proptest::prop_assert_eq!(quickly(&events), slowly(&events));
    }
}

#[test]
fn the_youngest_of_several_that_are_joined_is_that_of_all() {
    let mut one = Youngest::of(Timestamp::from_nanos(1000));
    let mut other = Youngest::of(Timestamp::from_nanos(7));
    other.take(Timestamp::from_nanos(1005), TOLERANCE);
    assert_eq!(one.at(HORIZON), HORIZON);
    one.join(other, TOLERANCE);
    assert_eq!(one.greatest(), Timestamp::from_nanos(1005));
    assert_eq!(one.at(HORIZON), Timestamp::from_nanos(7));
    assert_eq!(one.at(Timestamp::MAX), Timestamp::from_nanos(1005));
}

/// When which of two keys changed, at which one looks since then, and whether something holds after.
type Looks = Vec<((i64, usize), usize, bool)>;

fn quickly_of_keys(looks: &Looks) -> Told {
    let mut keys: [Option<Youngest>; 2] = [None; 2];
    let mut quiet: Option<Quiet<()>> = None;
    let (mut wrong, mut seen): (Option<At>, Option<Youngest>) = (None, None);
    for (index, ((time, changed), looked_at, holds)) in looks.iter().enumerate() {
        let at = at(index, *time);
        let quiet = quiet.get_or_insert_with(|| Quiet::since(at.1));
        if let (Some(last), Some(youngest)) = (wrong, seen) {
            let left = Left {
                value: (),
                at: last,
                ground: 0,
            };
            quiet.rest_since((youngest, TOLERANCE), left, Some(GRACE), at);
        }
        keys[*changed]
            .get_or_insert(Youngest::of(at.1))
            .take(at.1, TOLERANCE);
        // The event itself is one of those that it looks at.
        let mut youngest = keys[*changed].expect("it just changed");
        if let Some(other) = keys[*looked_at] {
            youngest = other;
        }
        quiet.join(Youngest::of(at.1), TOLERANCE);
        quiet.join(youngest, TOLERANCE);
        if *holds {
            quiet.mend();
        }
        (wrong, seen) = ((!holds).then_some(at), Some(youngest));
    }
    told(&quiet?, wrong, seen?.is_tolerated(Some(GRACE), HORIZON))
}

fn slowly_of_keys(looks: &Looks) -> Told {
    let (mut first, mut current, mut wrong) = (None, None, None);
    let mut due: Option<Timestamp> = None;
    for (index, ((time, _), looked_at, holds)) in looks.iter().enumerate() {
        let at = at(index, *time);
        let is_over = at.1 <= HORIZON && due.is_some_and(|due| at.1 > due);
        if let Some(last) = wrong.filter(|_| is_over) {
            first.get_or_insert(last);
            current.get_or_insert(last);
        }
        let until_now = &looks[..=index];
        let of = |key| {
            until_now
                .iter()
                .filter(move |((_, changed), _, _)| *changed == key)
        };
        let of = match of(*looked_at).count() {
            0 => of(1 - looked_at),
            _ => of(*looked_at),
        };
        let times = of.map(|((time, _), _, _)| Timestamp::from_nanos(*time));
        let youngest = times.filter(|time| *time <= HORIZON).max();
        due = youngest.map(|youngest| youngest.after(GRACE));
        if *holds {
            current = None;
        }
        wrong = (!holds).then_some(at);
    }
    let is_over = due.is_some_and(|due| due <= HORIZON);
    let wrong = wrong.filter(|_| is_over);
    let since = wrong.map(|last| current.unwrap_or(last));
    Some((first.or(wrong)?, since))
}

proptest::proptest! {
    #![proptest_config(sampled(256))]
    #[test]
    fn only_what_is_looked_at_by_then_makes_something_less_quiet(
        looks in proptest::collection::vec(
            (
                (proptest::prop_oneof![4 => 0..61_i64, 1 => 1000..1010_i64], 0..2_usize),
                0..2_usize,
                proptest::bool::ANY,
            ),
            1..9
        )
    ) {
        proptest::prop_assert_eq!(quickly_of_keys(&looks), slowly_of_keys(&looks));
    }
}
