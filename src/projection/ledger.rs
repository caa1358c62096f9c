//! The states of all keys, folded in position order. Nothing is kept per event.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::event::{Position, Timestamp};
use crate::projection::fold::{Fold, Touch};
use crate::projection::note::{Event, Note};
use crate::projection::state::State;
use crate::texts::{Text, Texts};

/// A text is kept only while all of them fit; no key may be lost to that.
const MOST_TEXT: usize = u32::MAX as usize;

/// The states of all keys of all projections.
#[derive(Debug, Default)]
pub struct Ledger {
    folds: Vec<Arc<Fold>>,
    books: Vec<Book>,
    assembly: Assembly,
}

/// The keys of one projection.
#[derive(Debug, Default)]
struct Book {
    index: HashTable<u32>,
    entries: Vec<Entry>,
    keys: Texts,
    hasher: FixedState,
    keyless: Keyless,
}

/// What is kept of one key.
#[derive(Debug)]
pub struct Entry {
    key: Text,
    /// What its events made of it.
    pub state: State,
    /// Its last event.
    pub last: Position,
    /// The version of that.
    pub version: Option<i64>,
    /// How many events it has.
    pub events: u32,
    /// Its first event is the first of its stream, so that none can have been cut off before it.
    pub is_whole: bool,
}

/// Events of which the key could not be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keyless {
    /// How many.
    pub count: u64,
    /// The first one, and why.
    pub first: Option<(Position, String)>,
}

impl Ledger {
    /// A ledger of these folds, in which nothing happened yet.
    pub fn new(folds: &[Arc<Fold>]) -> Ledger {
        Ledger {
            folds: folds.to_vec(),
            books: folds.iter().map(|_| Book::default()).collect(),
            assembly: Assembly::default(),
        }
    }

    /// Takes a note, in position order.
    pub fn take(&mut self, note: &Note, texts: &Texts) {
        let Some((event, touch)) = self.assembly.take(note, texts) else {
            if let Note::Keyless {
                projection,
                position,
                reason,
            } = note
                && let Some(book) = self.books.get_mut(usize::from(*projection))
            {
                book.keyless.add(*position, texts.get(*reason));
            }
            return;
        };
        let projection = usize::from(event.projection);
        let (Some(fold), Some(book)) = (self.folds.get(projection), self.books.get_mut(projection))
        else {
            return;
        };
        let key = texts.get(event.key);
        match book.entry(key) {
            Some((entry, is_new)) => {
                if is_new {
                    entry.is_whole = event.version.is_some_and(|version| version <= 1);
                }
                fold.apply(&mut entry.state, touch);
                entry.last = event.position;
                entry.version = event.version;
                entry.events = entry.events.saturating_add(1);
            }
            None => book
                .keyless
                .add(event.position, "there are more keys than can be held"),
        }
    }

    /// The folds, by the projections' indices.
    pub fn folds(&self) -> &[Arc<Fold>] {
        &self.folds
    }

    /// The key of this number in a projection, with its text.
    pub fn entry(&self, projection: usize, number: u32) -> Option<(&str, &Entry)> {
        let book = self.books.get(projection)?;
        let entry = book.entries.get(number as usize)?;
        Some((book.keys.get(entry.key), entry))
    }

    /// The number of a key in a projection.
    pub fn find(&self, projection: usize, key: &str) -> Option<u32> {
        self.books.get(projection)?.find(key)
    }

    /// Every key of a projection with its text, by number.
    pub fn entries(&self, projection: usize) -> impl Iterator<Item = (&str, &Entry)> {
        let book = self.books.get(projection);
        book.into_iter().flat_map(|book| {
            let entries = book.entries.iter();
            entries.map(|entry| (book.keys.get(entry.key), entry))
        })
    }

    /// The events of a projection of which the key could not be told.
    pub fn keyless(&self, projection: usize) -> Option<&Keyless> {
        self.books.get(projection).map(|book| &book.keyless)
    }
}

impl Book {
    fn find(&self, key: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(key);
        let Book { entries, keys, .. } = self;
        let is_it = |number: &u32| keys.get(entries[*number as usize].key) == key;
        self.index.find(hash, is_it).copied()
    }

    /// The entry of a key and whether it is new; `None` where there is no room.
    fn entry(&mut self, key: &str) -> Option<(&mut Entry, bool)> {
        let known = self.find(key);
        let number = match known {
            Some(number) => number,
            None => {
                let number = u32::try_from(self.entries.len()).ok()?;
                if self.keys.len() + key.len() > MOST_TEXT {
                    return None;
                }
                self.entries.push(Entry {
                    key: self.keys.keep(key),
                    state: State::NONE,
                    last: Position(0),
                    version: None,
                    events: 0,
                    is_whole: false,
                });
                let Book {
                    index,
                    entries,
                    keys,
                    hasher,
                    ..
                } = self;
                let rehash =
                    |number: &u32| hasher.hash_one(keys.get(entries[*number as usize].key));
                index.insert_unique(hasher.hash_one(key), number, rehash);
                number
            }
        };
        let entry = self.entries.get_mut(number as usize)?;
        Some((entry, known.is_none()))
    }
}

impl Keyless {
    fn add(&mut self, position: Position, reason: &str) {
        self.count += 1;
        self.first
            .get_or_insert_with(|| (position, reason.to_owned()));
    }
}

/// Puts an event and the inputs that follow it together.
#[derive(Debug)]
pub(super) struct Assembly {
    event: Option<Event>,
    touch: Touch,
}

impl Default for Assembly {
    fn default() -> Assembly {
        Assembly {
            event: None,
            touch: Touch {
                position: Position(0),
                time: Timestamp::from_nanos(0),
                version: None,
                effect: 0,
                inputs: Vec::new(),
                doubt: None,
            },
        }
    }
}

impl Assembly {
    /// The event that is complete with this note, if one is.
    pub(super) fn take(&mut self, note: &Note, texts: &Texts) -> Option<(Event, &Touch)> {
        match note {
            Note::Event(event) => {
                self.event = Some(*event);
                self.touch.position = event.position;
                self.touch.time = event.time;
                self.touch.version = event.version;
                self.touch.effect = event.effect;
                self.touch.inputs.clear();
                self.touch.doubt = event.doubt.map(|doubt| texts.get(doubt).into());
            }
            Note::Given(given) => self.touch.inputs.push(given.input(texts)),
            Note::Keyless { .. } => return None,
        }
        let event = self
            .event
            .filter(|event| usize::from(event.inputs) == self.touch.inputs.len())?;
        self.event = None;
        Some((event, &self.touch))
    }
}
