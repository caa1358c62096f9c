//! Many sagas on one key.

use super::effects::{Effect, Effects};
use super::write::Write;
use super::{Act, Deed};
use crate::event::{Position, Timestamp};
use crate::projection::Number;

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

/// A step of this instance writes, after which its effect may be that of others too.
fn happens(effects: &mut Effects, instance: u32, write: &Write) {
    let deed = deed(instance, Act::Done);
    effects.write(KEY, &writes(write), &[deed], deed.position);
    effects.push(Effect {
        instance,
        step: 0,
        key: KEY,
        done: (deed.position, deed.time),
        writes: writes(write).into_iter().collect(),
        dirty: None,
        undone: None,
        is_repeated: false,
    });
}

fn is_undone(effects: &mut Effects, instance: u32, write: &Write) {
    let deed = deed(instance, Act::Undone);
    effects.write(KEY, &writes(write), &[deed], deed.position);
    effects.undo(KEY, &writes(write), &deed);
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
    effects.write(KEY, &writes(&Write::Set), &[], Position(1_000_000));
    assert_eq!(effects.iter().count(), 0);
    assert!(!effects.has(KEY));
}

#[test]
fn many_sagas_that_set_one_key_are_each_dirty_by_the_next() {
    let mut effects = Effects::default();
    (0..MANY).for_each(|instance| happens(&mut effects, instance, &Write::Set));
    let by = effects
        .iter()
        .filter_map(|one| Some((one.instance, one.dirty?.0)));
    assert_eq!(
        by.filter(|(own, other)| other - own == 1).count(),
        MANY as usize - 1
    );
    (0..MANY).for_each(|instance| effects.commit(instance));
    assert_eq!(effects.iter().count(), 0);
}
