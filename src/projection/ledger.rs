//! The states of all keys, folded in position order. Nothing is kept per event.

use std::hint::black_box;
use std::num::NonZeroU64;
use std::ops::BitXor;
use std::sync::Arc;

use crate::definition::projection::{Key, Projection};
use crate::event::{Position, Timestamp};
use crate::projection::fold::{Fold, Touch};
use crate::projection::note::{Event, Note};
use crate::projection::state::State;
use crate::texts::{Keys, Text, Texts, room};

/// The states of all keys of all projections.
#[derive(Debug, Default)]
pub struct Ledger {
    folds: Vec<Arc<Fold>>,
    books: Vec<Book>,
    assembly: Assembly,
    /// The number of the key of the event that is being put together, where it is known.
    number: Option<u32>,
}

/// The keys of one projection.
#[derive(Debug, Default)]
struct Book {
    keys: Keys,
    /// By the number of the key.
    entries: Vec<Entry>,
    keyless: Keyless,
}

/// What is kept of one key.
#[derive(Debug)]
pub struct Entry {
    /// What its events made of it.
    pub state: State,
    /// Its last event.
    pub last: Position,
    /// The version of that.
    pub version: Option<i64>,
    /// How many events it has.
    pub events: u32,
    /// Where in its stream its events begin.
    pub begun: Begun,
}

/// Where in its stream the events of a key begin: where the log's beginning was removed, that tells
/// whether some of its events were removed with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// With version 0 or below: there is nothing before it.
    AtZero,
    /// With version 1: there is nothing before it, unless the log counts from 0.
    AtOne,
    /// Later, or nobody knows where: events of whichever stream may have its key.
    Untold,
}

/// An event that changed the state of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The projection's index.
    pub projection: usize,
    /// The key's number.
    pub number: u32,
    /// Where the event stands.
    pub position: Position,
    /// When it happened.
    pub time: Timestamp,
}

/// Events of which the key could not be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keyless {
    /// How many.
    pub count: u64,
    /// Of them, those that cannot be read: they may be events of any key.
    pub unread: u64,
    /// Of these, those of types that the projection names.
    pub unread_named: u64,
    /// The first one, and why.
    pub first: Option<(Position, String)>,
}

impl Ledger {
    /// The names of the keys, by the index of the projection.
    pub fn names(&self) -> impl Iterator<Item = &Keys> {
        self.books.iter().map(|book| &book.keys)
    }

    /// A ledger of these projections, in which nothing happened yet.
    pub fn new(projections: &[Arc<Projection>]) -> Ledger {
        Ledger {
            folds: Fold::all(projections),
            books: projections.iter().map(|_| Book::default()).collect(),
            assembly: Assembly::default(),
            number: None,
        }
    }

    /// The numbers of the keys of many events, some of which are those of texts with a number
    /// elsewhere, see [`Keys::numbers_in`]; `found` is replaced. Each is to be given to
    /// [`Ledger::take_numbered`] with its note, in the same order.
    pub fn numbers(
        &mut self,
        notes: &[Note],
        texts: &Texts,
        named: &[(Text, u32)],
        found: &mut Vec<u32>,
    ) {
        let wanted = notes.iter().map(|note| match note {
            Note::Event(event) => Some((event.projection, event.hash, texts.kept(event.key))),
            Note::Stream(_) | Note::Given(_) | Note::Keyless { .. } => None,
        });
        let books = &mut self.books;
        Keys::numbers_in(books, |book| &mut book.keys, wanted, named, found);
        let looks = notes.iter().zip(&*found).filter_map(|(note, number)| {
            let Note::Event(event) = note else {
                return None;
            };
            let entries = &self.books[usize::from(event.projection)].entries;
            let entry = entries.get(*number as usize)?;
            Some(entry.state.fetch() ^ (entry.events == 0))
        });
        black_box(looks.fold(false, bool::bitxor));
    }

    /// As [`Ledger::take`], given the number of the event's key.
    pub fn take_numbered(&mut self, note: &Note, number: u32, texts: &Texts) -> Option<Applied> {
        if matches!(note, Note::Event(_)) {
            self.number = Some(number);
        }
        self.take(note, texts).map(|(applied, _)| applied)
    }

    /// What the event did by which a state was changed last.
    pub fn touch(&self) -> &Touch {
        &self.assembly.touch
    }

    /// The state of the key of this number in a projection.
    pub fn state(&self, projection: usize, number: u32) -> &State {
        let book = self.books.get(projection);
        let entry = book.and_then(|book| book.entries.get(number as usize));
        entry.map_or(&State::NONE, |entry| &entry.state)
    }

    /// Takes a note, in position order; answers whose state has changed, and by what, if the event
    /// is complete with it.
    pub fn take(&mut self, note: &Note, texts: &Texts) -> Option<(Applied, &Touch)> {
        let Some((event, touch)) = self.assembly.take(note, texts) else {
            if let Note::Keyless {
                projection,
                position,
                is_named,
                is_bad,
                reason,
            } = note
                && let Some(book) = self.books.get_mut(usize::from(*projection))
            {
                let keyless = &mut book.keyless;
                keyless.unread_named += u64::from(*is_named && *is_bad);
                keyless.add((*position, *is_bad), texts.get(*reason));
            }
            return None;
        };
        let projection = usize::from(event.projection);
        let fold = self.folds.get(projection)?;
        let book = self.books.get_mut(projection)?;
        let number = match self.number.take() {
            Some(number) => number,
            None => book.keys.number(event.hash, texts.get(event.key)),
        };
        if book.entries.len() == number as usize {
            book.entries.push(Entry {
                state: State::NONE,
                last: event.position,
                version: event.version,
                events: 0,
                begun: Begun::of(fold.definition(), event.version),
            });
        }
        let entry = book.entries.get_mut(number as usize)?;
        fold.apply(&mut entry.state, touch);
        entry.last = event.position;
        entry.version = event.version;
        entry.events = entry.events.saturating_add(1);
        let applied = Applied {
            projection,
            number,
            position: event.position,
            time: event.time,
        };
        Some((applied, touch))
    }

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        let own = |book: &Book| {
            let states = book.entries.iter().map(|entry| entry.state.bytes());
            book.keys.bytes() + room(&book.entries) + states.sum::<usize>()
        };
        self.books.iter().map(own).sum()
    }

    /// The folds, by the projections' indices.
    pub fn folds(&self) -> &[Arc<Fold>] {
        &self.folds
    }

    /// The key of this number in a projection, with its text.
    pub fn entry(&self, projection: usize, number: u32) -> Option<(&str, &Entry)> {
        let book = self.books.get(projection)?;
        let entry = book.entries.get(number as usize)?;
        Some((book.keys.text(number), entry))
    }

    /// The number of a key in a projection.
    pub fn find(&self, projection: usize, key: &str) -> Option<u32> {
        let book = self.books.get(projection)?;
        book.keys.find(Keys::hash(key), key)
    }

    /// Every key of a projection with its text, by number.
    pub fn entries(&self, projection: usize) -> impl Iterator<Item = (&str, &Entry)> {
        let book = self.books.get(projection);
        book.into_iter().flat_map(|book| {
            let entries = book.entries.iter().enumerate();
            entries.map(|(number, entry)| (book.keys.text(number as u32), entry))
        })
    }

    /// The events of a projection of which the key could not be told.
    pub fn keyless(&self, projection: usize) -> Option<&Keyless> {
        self.books.get(projection).map(|book| &book.keyless)
    }
}

impl Begun {
    fn of(projection: &Projection, version: Option<i64>) -> Begun {
        match (&projection.key, version) {
            (Key::Stream { .. }, Some(..=0)) => Begun::AtZero,
            (Key::Stream { .. }, Some(1)) => Begun::AtOne,
            (Key::Stream { .. } | Key::Expression(_), _) => Begun::Untold,
        }
    }
}

impl Entry {
    /// Whether none of its events can be missing where the beginning of a log was removed that counts
    /// from 0, or from 1.
    pub const fn is_whole(&self, counts_from_zero: bool) -> bool {
        match self.begun {
            Begun::AtZero => true,
            Begun::AtOne => !counts_from_zero,
            Begun::Untold => false,
        }
    }
}

impl Keyless {
    fn add(&mut self, (position, is_bad): (Position, bool), reason: &str) {
        self.count += 1;
        self.unread += u64::from(is_bad);
        self.first
            .get_or_insert_with(|| (position, reason.to_owned()));
    }
}

/// Puts an event and the inputs that follow it together.
#[derive(Debug)]
pub(super) struct Assembly {
    /// The stream of the event that is to come.
    stream: Option<NonZeroU64>,
    event: Option<Event>,
    touch: Touch,
}

impl Default for Assembly {
    fn default() -> Assembly {
        Assembly {
            stream: None,
            event: None,
            touch: Touch {
                position: Position(0),
                time: Timestamp::from_nanos(0),
                version: None,
                id: None,
                stream: None,
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
                self.touch.id = event.id.map(NonZeroU64::get);
                self.touch.stream = self.stream.take();
                self.touch.effect = event.effect;
                self.touch.inputs.clear();
                self.touch.doubt = event.doubt.map(|doubt| texts.get(doubt).into());
            }
            Note::Given(given) => self.touch.inputs.push(given.input(texts)),
            Note::Stream(stream) => {
                self.stream = Some(*stream);
                return None;
            }
            Note::Keyless { .. } => return None,
        }
        let event = self
            .event
            .filter(|event| usize::from(event.inputs) == self.touch.inputs.len())?;
        self.event = None;
        Some((event, &self.touch))
    }
}
