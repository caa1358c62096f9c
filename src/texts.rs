//! Texts stored end to end, so that what is kept of a row is plain data and costs no allocation of
//! its own.

mod desk;
mod index;

use std::hash::BuildHasher;
use std::hint::black_box;
use std::ops::{BitXor, Range};

use foldhash::fast::FixedState;

pub use desk::Desk;
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
    /// Numbers by those that their texts have elsewhere.
    by_namesake: Vec<u32>,
}

/// Of so many texts with numbers elsewhere one at least is to be a key, for those to be kept.
const SPARSE: usize = 16;

/// Texts with numbers elsewhere, in the order in which they were kept.
struct Namesakes<'n>(&'n [(Text, u32)]);

/// A text that is being looked up.
struct Open<'t> {
    /// Which one of those that are wanted it is.
    at: usize,
    book: u16,
    hash: u64,
    text: Kept<'t>,
    namesake: u32,
    number: u32,
}

impl Namesakes<'_> {
    /// The number that a text has elsewhere, or [`Index::NONE`]; asked in the order in which the
    /// texts were kept, or some are missed.
    fn find(&mut self, text: Text) -> u32 {
        while let Some(((other, number), rest)) = self.0.split_first() {
            if other.start >= text.start {
                return if *other == text { *number } else { Index::NONE };
            }
            self.0 = rest;
        }
        Index::NONE
    }
}

/// Where the text with this number stands among those that end there.
fn span(ends: &[usize], number: u32) -> Range<usize> {
    let number = number as usize;
    let start = number.checked_sub(1).map_or(0, |before| ends[before]);
    start..ends[number]
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
    /// Some of them may have a number `elsewhere`, always the same one, in the order in which they
    /// were kept. By that a text is found without a look at it once it was met.
    ///
    /// Each step goes over all of them before the next one, so that the machine fetches what the
    /// many need at the same time instead of one after the other.
    pub fn numbers_in<'t, B>(
        books: &mut [B],
        keys: impl Fn(&mut B) -> &mut Keys,
        wanted: impl Iterator<Item = Option<(u16, u64, Kept<'t>)>>,
        elsewhere: &[(Text, u32)],
        found: &mut Vec<u32>,
    ) {
        let mut namesakes = Namesakes(elsewhere);
        let mut open = Vec::new();
        found.clear();
        for one in wanted {
            let Some((book, hash, text)) = one else {
                found.push(Index::NONE);
                continue;
            };
            let namesake = namesakes.find(text.text);
            let number = keys(&mut books[usize::from(book)]).by_namesake(namesake);
            if number == Index::NONE {
                open.push(Open {
                    at: found.len(),
                    book,
                    hash,
                    text,
                    namesake,
                    number,
                });
            }
            found.push(number);
        }
        let fetched = open.iter().map(|one| {
            let keys = keys(&mut books[usize::from(one.book)]);
            keys.index.fetch(one.hash)
        });
        black_box(fetched.fold(0, u32::bitxor));
        for one in &mut open {
            let keys = keys(&mut books[usize::from(one.book)]);
            one.number = keys.index.likely(one.hash);
        }
        let first = open.iter().map(|one| {
            let keys = keys(&mut books[usize::from(one.book)]);
            keys.first_byte(one.number)
        });
        black_box(first.fold(0, u8::bitxor));
        for one in open {
            let keys = keys(&mut books[usize::from(one.book)]);
            let text = one.text.get();
            let number = match one.number {
                Index::NONE => keys.number(one.hash, text),
                likely if keys.text(likely) == text => likely,
                _ => keys.number(one.hash, text),
            };
            keys.meet(one.namesake, number);
            found[one.at] = number;
        }
    }

    /// The number of the text that has this number elsewhere, if that was met.
    fn by_namesake(&self, namesake: u32) -> u32 {
        let number = self.by_namesake.get(namesake as usize);
        number.copied().unwrap_or(Index::NONE)
    }

    /// Takes note of the number that a text has elsewhere, if it has one.
    fn meet(&mut self, namesake: u32, number: u32) {
        let place = namesake as usize;
        // What few keys of very many have another number is not worth a place for each of these.
        if namesake == Index::NONE || place / SPARSE > self.ends.len() + SPARSE {
            return;
        }
        if place >= self.by_namesake.len() {
            self.by_namesake.resize(place + 1, Index::NONE);
        }
        self.by_namesake[place] = number;
    }

    /// The number of a text with this hash, a new one if it was not met before.
    pub fn number(&mut self, hash: u64, text: &str) -> u32 {
        let Keys {
            index, ends, all, ..
        } = self;
        let number = ends.len() as u32;
        let is_it = |number: u32| all[span(ends, number)] == *text;
        if let Some(known) = index.find_or_add(hash, number, is_it) {
            return known;
        }
        all.push_str(text);
        ends.push(all.len());
        number
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
        &self.all[span(&self.ends, number)]
    }

    /// Bytes of its tables and texts.
    pub fn bytes(&self) -> usize {
        let tables = self.index.bytes() + room(&self.ends) + room(&self.by_namesake);
        tables + self.all.capacity()
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::iter;

    use proptest::prelude::*;

    use super::*;
    use crate::sampling::sampled;

    /// A row: the number of its id, the list in which that is looked up, if any, and another text with
    /// the list in which that is.
    type Row = (u8, Option<u16>, Option<(u8, u16)>);

    const BOOKS: usize = 2;

    fn rows() -> impl Strategy<Value = Vec<Vec<Row>>> {
        let book = || 0..BOOKS as u16;
        let row = (
            0..6_u8,
            prop::option::of(book()),
            prop::option::of((0..6_u8, book())),
        );
        let batch = prop::collection::vec(row, 0..6);
        prop::collection::vec(batch, 0..6)
    }

    proptest! {
        #![proptest_config(sampled(256))]
        #[test]
        fn a_text_has_one_number_in_each_list_whichever_way_it_is_found(batches in rows()) {
            let mut books: Vec<Keys> = vec![Keys::default(); BOOKS];
            let mut known: HashMap<(u16, String), u32> = HashMap::new();
            let mut found = Vec::new();
            for batch in batches {
                let mut texts = Texts::default();
                let (mut ids, mut wanted) = (Vec::new(), Vec::new());
                for (id, book, other) in batch {
                    let id_text = format!("id-{id}");
                    // An id that nobody shares stands beside those that are shared.
                    let kept = texts.keep(&id_text);
                    wanted.extend(book.map(|book| (book, id_text, kept)));
                    if let Some((other, book)) = other {
                        let text = format!("id-{other}");
                        let kept = texts.keep(&text);
                        wanted.push((book, text, kept));
                    }
                    ids.push((kept, u32::from(id) * 3));
                }
                let asked = wanted.iter().map(|(book, text, kept)| {
                    Some((*book, Keys::hash(text), texts.kept(*kept)))
                });
                let asked = iter::once(None).chain(asked);
                Keys::numbers_in(&mut books, |keys| keys, asked, &ids, &mut found);
                prop_assert_eq!(found.len(), wanted.len() + 1);
                prop_assert_eq!(found[0], Index::NONE);
                for ((book, text, _), number) in wanted.into_iter().zip(&found[1..]) {
                    let keys = &books[usize::from(book)];
                    prop_assert_eq!(keys.text(*number), text.as_str());
                    let first = *known.entry((book, text)).or_insert(*number);
                    prop_assert_eq!(*number, first);
                }
            }
            let all = books.iter().map(Keys::len).sum::<usize>();
            prop_assert_eq!(all, known.len());
        }
    }
}
