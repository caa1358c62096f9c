//! A table from hashes to numbers, laid out for logs with millions of keys.
//!
//! Half the bits of a hash are kept, beside the number; whoever asks tells apart what has the same.
//! A slot is 8 bytes, and a look-up walks along the slots from the one that its half points at, so
//! that it waits for memory once, and what is added afterwards is at the same place. (A table that
//! keeps its marks apart from its slots, as general ones do, waits twice.) The halves stand in the
//! table in about their own order: a table that grows is gone through from one end to the other, and
//! so is the one that it grows into.

use std::mem;

/// The slots of the smallest table.
const FEWEST: usize = 16;

/// Half a hash above a number, which is [`Index::NONE`] where the slot is free. (Were it 0, a new table
/// would be memory that is read before it is written to, so that each page of it is mapped twice.)
type Slot = u64;

const FREE: Slot = Index::NONE as Slot;

/// Numbers by hash.
#[derive(Debug, Clone, Default)]
pub struct Index {
    slots: Vec<Slot>,
    taken: usize,
}

impl Index {
    /// No number.
    pub const NONE: u32 = u32::MAX;

    /// What stands where a look-up begins. Whoever asks for many of them before any is looked up waits
    /// for memory once: nothing here depends on what is found.
    #[inline]
    pub fn fetch(&self, hash: u64) -> u32 {
        let home = home(half(hash), self.slots.len());
        self.slots.get(home).map_or(0, |slot| number(*slot))
    }

    /// A number that has this hash, or [`Index::NONE`].
    #[inline]
    pub fn likely(&self, hash: u64) -> u32 {
        self.find(hash, |_| true).unwrap_or(Index::NONE)
    }

    /// Bytes of its table.
    pub fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }

    /// The number with this hash that `is` the wanted one.
    #[inline]
    pub fn find(&self, hash: u64, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        let half = half(hash);
        let (before, after) = self.slots.split_at(home(half, self.slots.len()));
        for slot in after.iter().chain(before) {
            if number(*slot) == Index::NONE {
                return None;
            }
            if half_of(*slot) == half && is(number(*slot)) {
                return Some(number(*slot));
            }
        }
        None
    }

    /// The number with this hash that `is` the wanted one; where there is none, `new` is added.
    #[inline]
    pub fn find_or_add(
        &mut self,
        hash: u64,
        new: u32,
        mut is: impl FnMut(u32) -> bool,
    ) -> Option<u32> {
        // Two thirds: in a fuller table the walks get long.
        if (self.taken + 1) * 3 > self.slots.len() * 2 {
            self.grow();
        }
        let half = half(hash);
        let home = home(half, self.slots.len());
        let (before, after) = self.slots.split_at_mut(home);
        for slot in after.iter_mut().chain(before) {
            if number(*slot) == Index::NONE {
                *slot = u64::from(half) << u32::BITS | u64::from(new);
                self.taken += 1;
                return None;
            }
            if half_of(*slot) == half && is(number(*slot)) {
                return Some(number(*slot));
            }
        }
        None
    }

    #[cold]
    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(FEWEST);
        let old = mem::replace(&mut self.slots, vec![FREE; size]);
        let taken = old.iter().filter(|slot| **slot != FREE);
        taken.for_each(|slot| put(&mut self.slots, *slot));
    }
}

#[expect(clippy::cast_possible_truncation, reason = "half of it is kept")]
const fn half(hash: u64) -> u32 {
    hash as u32
}

const fn half_of(slot: Slot) -> u32 {
    (slot >> u32::BITS) as u32
}

/// The number in a slot; [`Index::NONE`] in a free one.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the other half is the hash's"
)]
const fn number(slot: Slot) -> u32 {
    slot as u32
}

/// The slot at which a look-up begins, of so many.
const fn home(half: u32, slots: usize) -> usize {
    ((half as u64 * slots as u64) >> u32::BITS) as usize
}

/// Takes the first free slot for it; there is one.
fn put(slots: &mut [Slot], taken: Slot) {
    let (before, after) = slots.split_at_mut(home(half_of(taken), slots.len()));
    let mut walk = after.iter_mut().chain(before);
    if let Some(free) = walk.find(|slot| **slot == FREE) {
        *free = taken;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::sampling::sampled;

    /// Hashes of which many have the same half, or stand next to each other at either end.
    fn hashes() -> impl Strategy<Value = Vec<u64>> {
        let near = (0_u64..40, any::<bool>()).prop_map(|(low, high)| {
            let end = u64::from(u32::MAX);
            if high { end - low } else { low }
        });
        let alike = (0_u64..4, 0_u64..8).prop_map(|(high, low)| high << 32 | low << 28);
        let hash = prop_oneof![near, alike, any::<u64>()];
        proptest::collection::vec(hash, 0..300)
    }

    proptest! {
        #![proptest_config(sampled(256))]
        #[test]
        fn every_number_is_found_by_its_hash_and_no_other_is(
            hashes in hashes(), strangers in hashes()
        ) {
            let mut index = Index::default();
            let mut known: HashMap<u64, u32> = HashMap::new();
            let mut all = Vec::new();
            for hash in hashes {
                let number = all.len() as u32;
                let is = |number: u32| all[number as usize] == hash;
                prop_assert_eq!(index.find(hash, is), known.get(&hash).copied());
                prop_assert_eq!(index.find_or_add(hash, number, is), known.get(&hash).copied());
                known.entry(hash).or_insert_with(|| {
                    all.push(hash);
                    number
                });
            }
            for hash in strangers.iter().chain(&all) {
                let is = |number: u32| all[number as usize] == *hash;
                prop_assert_eq!(index.find(*hash, is), known.get(hash).copied());
                let likely = index.likely(*hash);
                let halves = all.iter().any(|other| half(*other) == half(*hash));
                prop_assert_eq!(likely != Index::NONE, halves);
                if halves {
                    prop_assert_eq!(half(all[likely as usize]), half(*hash));
                }
            }
        }
    }
}
