//! What reads notes out of rows, for every family whose notes are told by a row alone.
//!
//! A family adds what it reads: which columns ([`Looks`]), what an event type concerns (`route`), what
//! a row says (`note`) and what one that cannot be judged may say (`missed`).
//!
//! Of a row of which something cannot be read, each definition judges what it looks at: what one
//! finds does not depend on which others are there.

use std::sync::Arc;

use crate::log::{BadRow, Fields};
use crate::share::Share;

/// Reads what concerns these definitions, whose indices the notes use. Threads share it and run
/// beside each other.
#[derive(Debug)]
pub struct Reader<D> {
    pub(crate) of: Vec<Arc<D>>,
    pub(crate) share: Share,
}

/// A definition that looks at some columns, and at no others.
pub trait Looks {
    /// These columns.
    fn fields(&self) -> Fields;
}

/// What an event type is in the definitions that it concerns, by their indices.
#[derive(Debug, Clone)]
pub struct Route<C>(pub(crate) Vec<(u16, C)>);

impl<D> Reader<D> {
    /// A reader for these definitions and all keys.
    pub fn new(of: &[Arc<D>]) -> Reader<D> {
        Reader {
            of: of.to_vec(),
            share: Share::WHOLE,
        }
    }

    /// The same for the keys of one share.
    pub fn of_share(&self, share: Share) -> Reader<D> {
        Reader {
            share,
            ..Reader::new(&self.of)
        }
    }
}

impl<D: Looks> Reader<D> {
    /// The columns that it needs.
    pub fn fields(&self) -> Fields {
        let each = self.of.iter().map(|one| one.fields());
        each.fold(Fields::default(), Fields::with)
    }

    /// The definitions that cannot judge a row of which something cannot be read.
    pub(crate) fn losing(&self, bad: &BadRow) -> impl Iterator<Item = (u16, &D)> {
        let each = (0_u16..).zip(&self.of).map(|(index, one)| (index, &**one));
        each.filter(|(_, one)| bad.is_lost_to(one.fields()))
    }

    /// Of a route what concerns definitions that do not look at these columns.
    pub fn without<C: Clone>(&self, route: &Route<C>, unread: Fields) -> Route<C> {
        let looks_away = |index: &u16| !self.of[usize::from(*index)].fields().meets(unread);
        let kept = route.0.iter().filter(|(index, _)| looks_away(index));
        Route(kept.cloned().collect())
    }
}

impl<D> Clone for Reader<D> {
    fn clone(&self) -> Reader<D> {
        self.of_share(self.share)
    }
}

impl<D> Default for Reader<D> {
    fn default() -> Reader<D> {
        Reader::new(&[])
    }
}

impl<C> Route<C> {
    /// Whether it concerns none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<C> Default for Route<C> {
    fn default() -> Route<C> {
        Route(Vec::new())
    }
}
