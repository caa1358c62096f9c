//! Many sagas on one key.

use super::effects::{Doing, Effects};
use super::left::Around;
use super::write::Write;
use super::{Act, Deed};
use crate::event::{Position, Timestamp};
use crate::projection::{Number, State};

const MANY: u32 = 20_000;
const KEY: (u16, u32) = (0, 0);

fn deed(instance: u32, act: Act) -> Deed {
    Deed {
        position: Position(i64::from(instance) * 2 + i64::from(act == Act::Undone)),
        time: Timestamp::MIN,
        instance,
        step: 0,
        act,
    }
}

fn writes(write: &Write) -> Vec<(usize, Write)> {
    vec![(0, write.clone())]
}

fn sum(amount: i64) -> Write {
    Write::Sum(Some(Number::Integer(amount)))
}

fn doing(writes: &[(usize, Write)]) -> Doing<'_> {
    Doing {
        key: KEY,
        writes,
        around: Around {
            before: &[],
            after: &State::NONE,
        },
    }
}

/// A step of this instance writes, after which its effect may be that of others too.
fn happens(effects: &mut Effects, instance: u32, write: &Write) {
    let deed = deed(instance, Act::Done);
    let writes = writes(write);
    effects.write(doing(&writes), &[deed], deed.position);
    effects.done(doing(&writes), &deed, None);
}

fn is_undone(effects: &mut Effects, instance: u32, write: &Write) {
    let deed = deed(instance, Act::Undone);
    let writes = writes(write);
    effects.write(doing(&writes), &[deed], deed.position);
    effects.undo(doing(&writes), &deed);
    effects.close(&deed);
}

#[test]
fn many_sagas_that_add_to_one_key_leave_each_other_alone() {
    let mut effects = Effects::default();
    (0..MANY).for_each(|instance| happens(&mut effects, instance, &sum(-2)));
    assert_eq!(effects.iter().filter(|one| one.dirty.is_some()).count(), 0);
    (0..MANY / 2).for_each(|instance| is_undone(&mut effects, instance, &sum(2)));
    (MANY / 2..MANY).for_each(|instance| is_undone(&mut effects, instance, &sum(1)));
    assert_eq!(effects.iter().count(), MANY as usize / 2);
    // Whoever counts the stock anew wipes out what was left.
    let writes = writes(&Write::Set);
    effects.write(doing(&writes), &[], Position(1_000_000));
    assert_eq!(effects.iter().count(), 0);
    assert!(!effects.has(KEY));
}

#[test]
fn many_sagas_that_set_one_key_are_each_dirty_by_the_next() {
    let mut effects = Effects::default();
    (0..MANY).for_each(|instance| happens(&mut effects, instance, &Write::Set));
    let by = effects
        .iter()
        .filter_map(|one| Some((one.instance, one.dirty?.other)));
    assert_eq!(
        by.filter(|(own, other)| other - own == 1).count(),
        MANY as usize - 1
    );
    (0..MANY).for_each(|instance| effects.commit(instance));
    assert_eq!(effects.iter().count(), 0);
}

#[test]
fn an_effect_that_left_nothing_is_the_same_one_when_more_is_given_back() {
    let mut effects = Effects::default();
    happens(&mut effects, 1, &sum(-2));
    is_undone(&mut effects, 1, &sum(2));
    assert_eq!((effects.iter().count(), effects.over().count()), (0, 1));
    is_undone(&mut effects, 1, &sum(1));
    assert_eq!((effects.iter().count(), effects.over().count()), (1, 0));
    let done = effects.iter().filter_map(|one| one.done);
    assert_eq!(done.collect::<Vec<_>>(), [(Position(2), Timestamp::MIN)]);
    // It is in force once more, and certain then: nothing of it is undone.
    happens(&mut effects, 1, &sum(-3));
    effects.commit(1);
    assert_eq!((effects.iter().count(), effects.over().count()), (0, 0));
}

#[test]
fn what_an_instance_left_on_other_keys_costs_nothing_more() {
    let mut effects = Effects::default();
    let (taken, given) = (writes(&sum(-2)), writes(&sum(1)));
    let (done, undone) = (deed(1, Act::Done), deed(1, Act::Undone));
    for key in 0..MANY {
        let on = |writes| Doing {
            key: (0, key),
            ..doing(writes)
        };
        effects.done(on(&taken), &done, None);
        assert!(effects.is_open(&undone));
        effects.undo(on(&given), &undone);
        effects.close(&undone);
        assert!(!effects.is_open(&undone));
    }
    assert_eq!(effects.iter().count(), MANY as usize);
    let on = |key| Doing {
        key: (0, key),
        ..doing(&given)
    };
    (0..MANY).for_each(|key| effects.undo(on(key), &undone));
    assert_eq!(
        (effects.iter().count(), effects.over().count()),
        (0, MANY as usize)
    );
}
