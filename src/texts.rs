//! Texts stored end to end, so that what is kept of a row is plain data and costs no allocation of
//! its own.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Where a text stands in the [`Texts`] that gave it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    start: u32,
    length: u32,
}

/// Many texts in one piece of memory.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    all: String,
}

impl Texts {
    /// Keeps a copy of a text. One that no longer fits (the whole is 4 GiB) is kept empty, so
    /// whoever fills it asks [`Texts::len`] before that.
    pub fn keep(&mut self, text: &str) -> Text {
        let start = u32::try_from(self.all.len());
        match (start, u32::try_from(self.all.len() + text.len())) {
            (Ok(start), Ok(end)) => {
                self.all.push_str(text);
                Text {
                    start,
                    length: end - start,
                }
            }
            _ => Text {
                start: 0,
                length: 0,
            },
        }
    }

    /// A text that this gave out.
    pub fn get(&self, text: Text) -> &str {
        &self.all[text.start as usize..text.start as usize + text.length as usize]
    }

    /// Bytes kept.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Forgets every text; keeps no more than `most` bytes of memory.
    pub fn clear(&mut self, most: usize) {
        self.all.clear();
        self.all.shrink_to(most);
    }
}

/// Texts that stand for something each, numbered from 0 in the order in which they were met.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// The hash stands beside the number, so that a growing table need not look at the texts.
    index: HashTable<(u64, u32)>,
    /// Where each text ends.
    ends: Vec<usize>,
    all: String,
}

impl Keys {
    /// What a text is looked up by. Computed apart from the look-up, so that those of many rows
    /// overlap in the machine.
    pub fn hash(text: &str) -> u64 {
        FixedState::default().hash_one(text.as_bytes())
    }

    /// The number of a text with this hash, a new one if it was not met before.
    pub fn number(&mut self, hash: u64, text: &str) -> u32 {
        if let Some(known) = self.find(hash, text) {
            return known;
        }
        let number = self.ends.len() as u32;
        self.all.push_str(text);
        self.ends.push(self.all.len());
        self.index
            .insert_unique(hash, (hash, number), |(hash, _)| *hash);
        number
    }

    /// The number of a text with this hash, if it was met.
    pub fn find(&self, hash: u64, text: &str) -> Option<u32> {
        let same = |(known, number): &(u64, u32)| *known == hash && self.text(*number) == text;
        self.index.find(hash, same).map(|(_, number)| *number)
    }

    /// The text with this number.
    pub fn text(&self, number: u32) -> &str {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.all[start..self.ends[number]]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}
