//! Texts stored end to end, so that what is kept of a row is plain data and costs no allocation of
//! its own.

mod index;

use std::hash::BuildHasher;
use std::hint::black_box;
use std::ops::BitXor;
use std::slice;

use foldhash::fast::FixedState;

pub use index::Index;

/// Where a text stands in the [`Texts`] that gave it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    start: u32,
    length: u32,
}

/// A text where it is kept: to hand it on costs nothing, and looks at nothing of it.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'t> {
    texts: &'t Texts,
    text: Text,
}

impl<'t> Kept<'t> {
    /// The text.
    pub fn get(self) -> &'t str {
        self.texts.get(self.text)
    }
}

/// A text that names something: a blank one, which many programs write where there is nothing, names
/// nothing.
#[inline(always)]
pub fn named<T: AsRef<str>>(text: Option<T>) -> Option<T> {
    text.filter(|text| {
        let text = text.as_ref();
        let is_plain = text.as_bytes().first().is_some_and(u8::is_ascii_graphic);
        is_plain || !text.trim_start().is_empty()
    })
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

    /// A text that this gave out, to be looked at later.
    pub const fn kept(&self, text: Text) -> Kept<'_> {
        Kept { texts: self, text }
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

/// The bytes that a list has room for.
pub const fn room<T>(list: &Vec<T>) -> usize {
    list.capacity() * size_of::<T>()
}

/// Texts that stand for something each, numbered from 0 in the order in which they were met.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    index: Index,
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

    /// The hash of what something is named; 0 for nothing, which is no name's.
    pub fn hash_of_name(text: Option<&str>) -> u64 {
        named(text).map_or(0, |text| Keys::hash(text) | 1)
    }

    /// The numbers of many texts in several lists, each given by its list, its hash and itself;
    /// `found` is replaced. Where there is no text there is [`Index::NONE`].
    ///
    /// Each step goes over all of them before the next one, so that the machine fetches what the
    /// many need at the same time instead of one after the other.
    pub fn numbers_in<'t, B>(
        books: &mut [B],
        keys: impl Fn(&mut B) -> &mut Keys,
        wanted: impl Iterator<Item = Option<(u16, u64, Kept<'t>)>> + Clone,
        found: &mut Vec<u32>,
    ) {
        let fetch = |one: Option<(u16, u64, Kept<'_>)>| {
            one.map_or(0, |(book, hash, _)| {
                keys(&mut books[usize::from(book)]).index.fetch(hash)
            })
        };
        black_box(wanted.clone().map(fetch).fold(0, u32::bitxor));
        let likely = |one: Option<(u16, u64, Kept<'_>)>| match one {
            Some((book, hash, _)) => keys(&mut books[usize::from(book)]).index.likely(hash),
            None => Index::NONE,
        };
        found.clear();
        found.extend(wanted.clone().map(likely));
        let first = |(one, number): (Option<(u16, u64, Kept<'_>)>, &u32)| {
            one.map_or(0, |(book, ..)| {
                keys(&mut books[usize::from(book)]).first_byte(*number)
            })
        };
        black_box(wanted.clone().zip(&*found).map(first).fold(0, u8::bitxor));
        for (number, one) in found.iter_mut().zip(wanted) {
            let Some((book, hash, text)) = one else {
                continue;
            };
            let (keys, text) = (keys(&mut books[usize::from(book)]), text.get());
            if *number == Index::NONE || keys.text(*number) != text {
                *number = keys.number(hash, text);
            }
        }
    }

    /// The number of a text with this hash, a new one if it was not met before.
    pub fn number(&mut self, hash: u64, text: &str) -> u32 {
        if let Some(known) = self.find(hash, text) {
            return known;
        }
        let number = self.ends.len() as u32;
        self.all.push_str(text);
        self.ends.push(self.all.len());
        self.index.insert(hash, number);
        number
    }

    /// The numbers of many texts of this list, each with its hash; see [`Keys::numbers_in`].
    pub fn numbers<'t, I>(&mut self, wanted: I, found: &mut Vec<u32>)
    where
        I: Iterator<Item = (u64, Kept<'t>)> + Clone,
    {
        let wanted = wanted.map(|(hash, text)| Some((0, hash, text)));
        Keys::numbers_in(slice::from_mut(self), |keys| keys, wanted, found);
    }

    /// The first byte of the text with this number, if there is one. Whoever looks at those of many
    /// texts before any is compared waits for memory once; one after the other each would.
    fn first_byte(&self, number: u32) -> u8 {
        let start = match number {
            0 => 0,
            Index::NONE => return 0,
            number => self.ends[number as usize - 1],
        };
        self.all.as_bytes().get(start).copied().unwrap_or(0)
    }

    /// The number of a text with this hash, if it was met.
    pub fn find(&self, hash: u64, text: &str) -> Option<u32> {
        self.index.find(hash, |number| self.text(number) == text)
    }

    /// Whether a text with this hash was met; very rarely another one has it, too.
    pub fn has_like(&self, hash: u64) -> bool {
        self.index.likely(hash) != Index::NONE
    }

    /// The text with this number.
    pub fn text(&self, number: u32) -> &str {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.all[start..self.ends[number]]
    }

    /// Bytes of its tables and texts.
    pub fn bytes(&self) -> usize {
        self.index.bytes() + room(&self.ends) + self.all.capacity()
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
