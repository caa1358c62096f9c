//! A set that mostly has one member or none, and may have very many.

use std::collections::BTreeSet;
use std::{iter, option};

/// Members in order. One alone takes no memory of its own.
#[derive(Debug, Clone, Default)]
pub(super) enum Few<T> {
    #[default]
    Nothing,
    One(T),
    Many(BTreeSet<T>),
}

impl<T: Copy + Ord> Few<T> {
    /// Whether there are no members.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Few::Nothing => true,
            Few::One(_) => false,
            Few::Many(all) => all.is_empty(),
        }
    }

    /// Adds a member, unless it is there.
    pub(super) fn insert(&mut self, new: T) {
        match self {
            Few::Nothing => *self = Few::One(new),
            Few::One(one) if *one == new => {}
            Few::One(one) => *self = Few::Many(BTreeSet::from([*one, new])),
            Few::Many(all) => _ = all.insert(new),
        }
    }

    /// Takes a member out, if it is there.
    pub(super) fn remove(&mut self, gone: &T) {
        match self {
            Few::One(one) if one == gone => *self = Few::Nothing,
            Few::Nothing | Few::One(_) => {}
            Few::Many(all) => _ = all.remove(gone),
        }
    }

    /// Keeps those members that are wanted.
    pub(super) fn retain(&mut self, mut is_wanted: impl FnMut(&T) -> bool) {
        match self {
            Few::One(one) if !is_wanted(one) => *self = Few::Nothing,
            Few::Nothing | Few::One(_) => {}
            Few::Many(all) => all.retain(is_wanted),
        }
    }

    /// The members from the first of these bounds to the last.
    pub(super) fn between(&self, first: T, last: T) -> impl Iterator<Item = T> {
        let (one, all) = self.parts();
        let one = one.filter(|one| first <= **one && **one <= last);
        let all = all.map(|all| all.range(first..=last));
        one.into_iter().chain(all.into_iter().flatten()).copied()
    }

    /// The members.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        let (one, all) = self.parts();
        one.into_iter().chain(all.into_iter().flatten())
    }

    /// The only member, or all of many.
    const fn parts(&self) -> (Option<&T>, Option<&BTreeSet<T>>) {
        match self {
            Few::Nothing => (None, None),
            Few::One(one) => (Some(one), None),
            Few::Many(all) => (None, Some(all)),
        }
    }
}

impl<T> IntoIterator for Few<T> {
    type Item = T;
    type IntoIter = iter::Chain<option::IntoIter<T>, iter::Flatten<option::IntoIter<BTreeSet<T>>>>;

    fn into_iter(self) -> Self::IntoIter {
        let (one, all) = match self {
            Few::Nothing => (None, None),
            Few::One(one) => (Some(one), None),
            Few::Many(all) => (None, Some(all)),
        };
        one.into_iter().chain(all.into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sampling::sampled;

    #[derive(Debug, Clone, Copy)]
    enum Change {
        Insert(u8),
        Remove(u8),
        Retain(u8),
    }

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let change = (0..4_u8, 0..8_u8).prop_map(|(what, value)| match what {
            0 => Change::Remove(value),
            1 => Change::Retain(value),
            _ => Change::Insert(value),
        });
        prop::collection::vec(change, 0..12)
    }

    proptest! {
        #![proptest_config(sampled(256))]
        #[test]
        fn it_is_what_a_tree_is(changes in changes(), first in 0..8_u8, more in 0..8_u8) {
            let (mut few, mut all) = (Few::default(), BTreeSet::new());
            for change in changes {
                match change {
                    Change::Insert(value) => {
                        few.insert(value);
                        all.insert(value);
                    }
                    Change::Remove(value) => {
                        few.remove(&value);
                        all.remove(&value);
                    }
                    Change::Retain(least) => {
                        few.retain(|value| *value >= least);
                        all.retain(|value| *value >= least);
                    }
                }
                prop_assert_eq!(few.is_empty(), all.is_empty());
                prop_assert!(few.iter().eq(all.iter()));
                let between = all.range(first..=first + more).copied();
                prop_assert!(few.between(first, first + more).eq(between));
                prop_assert!(few.clone().into_iter().eq(all.iter().copied()));
            }
        }
    }
}
