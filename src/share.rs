//! A part of all keys, for a log that is read in several passes.
//!
//! What is kept of a log grows with its keys: instances, states, groups, streams. Where that is more
//! than may be held, the log is read once for each share of them, and what the shares tell is added
//! up. A key belongs to a share by its hash, so that what is known by one text under several names
//! (an instance, and the match value of a reaction) is in one share.

use crate::texts::Keys;

/// One of so many shares of all keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    index: u32,
    of: u32,
}

impl Default for Share {
    fn default() -> Share {
        Share::WHOLE
    }
}

impl Share {
    /// All keys.
    pub const WHOLE: Share = Share { index: 0, of: 1 };

    /// The first of so many shares; of at least one.
    pub fn first(of: u32) -> Share {
        Share {
            index: 0,
            of: of.max(1),
        }
    }

    /// The share after this one.
    pub fn after(self) -> Option<Share> {
        let index = self.index + 1;
        (index < self.of).then_some(Share { index, ..self })
    }

    /// How many shares come before it.
    pub const fn index(self) -> u32 {
        self.index
    }

    /// How many shares there are.
    pub const fn of(self) -> u32 {
        self.of
    }

    /// Whether it is the first one, to which everything belongs that has no key.
    pub const fn is_first(self) -> bool {
        self.index == 0
    }

    /// Whether none comes after it.
    pub const fn is_last(self) -> bool {
        self.index + 1 == self.of
    }

    /// What of it there is of something that may not be divisible: that is read as a whole with the
    /// first share, and not at all with the others.
    pub const fn of_something(self, is_divisible: bool) -> Option<Share> {
        match (is_divisible, self.is_first()) {
            (true, _) => Some(self),
            (false, true) => Some(Share::WHOLE),
            (false, false) => None,
        }
    }

    /// Whether a key with this hash, see [`Keys::hash`], belongs to it.
    pub const fn has(self, hash: u64) -> bool {
        // The tables look at the lower half.
        self.of == 1 || ((hash >> 32) * self.of as u64) >> 32 == self.index as u64
    }

    /// Whether something that may have no key belongs to it.
    pub fn takes(self, hash: Option<u64>) -> bool {
        hash.map_or(self.is_first(), |hash| self.has(hash))
    }

    /// Whether a key belongs to it.
    pub fn has_key(self, key: &str) -> bool {
        self.of == 1 || self.has(Keys::hash(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(of: u32) -> Vec<Share> {
        std::iter::successors(Some(Share::first(of)), |share| share.after()).collect()
    }

    #[test]
    fn every_key_belongs_to_one_share_and_shares_are_about_even() {
        for of in [1, 2, 3, 7, 64] {
            let shares = all(of);
            assert_eq!(shares.len(), of as usize);
            let mut sizes = vec![0_u32; shares.len()];
            for key in 0..6400 {
                let key = format!("order-{key}");
                let own: Vec<usize> = (0..shares.len())
                    .filter(|at| shares[*at].has_key(&key))
                    .collect();
                assert_eq!(own.len(), 1, "{key} of {of}");
                sizes[own[0]] += 1;
            }
            let fair = 6400 / of;
            assert!(
                sizes
                    .iter()
                    .all(|size| (fair / 2..=fair * 2).contains(size)),
                "{sizes:?}"
            );
        }
    }

    #[test]
    fn what_has_no_key_belongs_to_the_first_share() {
        let takes: Vec<bool> = all(3).iter().map(|share| share.takes(None)).collect();
        assert_eq!(takes, [true, false, false]);
        for hash in [0, 1 << 31, u64::MAX] {
            let taken = all(3)
                .iter()
                .filter(|share| share.takes(Some(hash)))
                .count();
            assert_eq!(taken, 1);
        }
    }
}
