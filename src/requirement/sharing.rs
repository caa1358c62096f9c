//! How many subjects have one key in common.

/// How many subjects look at each key, and at most at one.
#[derive(Debug)]
pub(super) struct Sharing {
    /// By look-up and key.
    by: Vec<Vec<u64>>,
    most: u64,
    any: u64,
}

impl Sharing {
    /// Of look-ups with so many keys each, at which nobody looks yet.
    pub(super) fn of(keys: impl Iterator<Item = usize>) -> Sharing {
        Sharing {
            by: keys.map(|keys| vec![0; keys]).collect(),
            most: 0,
            any: 0,
        }
    }

    /// Adds a subject that looks at these keys.
    pub(super) fn add(&mut self, looks_at: &[Option<u32>]) {
        self.most = self.most.max(1);
        for (number, by) in looks_at.iter().zip(&mut self.by) {
            if let Some(own) = number.and_then(|number| by.get_mut(number as usize)) {
                *own += 1;
                self.most = self.most.max(*own);
            }
        }
    }

    /// Adds a subject of which it is not known at which keys it looks: it may be any.
    pub(super) fn add_any(&mut self) {
        self.any += 1;
    }

    /// How many look at one key, at most.
    pub(super) const fn most(&self) -> u64 {
        self.most + self.any
    }
}
