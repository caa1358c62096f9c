//! What reads notes out of rows, for every family whose notes are told by a row alone.
//!
//! A family adds what it reads: which columns (`fields`), what an event type concerns (`route`), what
//! a row says (`note`) and what one that cannot be judged may say (`missed`).

use std::sync::Arc;

use crate::share::Share;

/// Reads what concerns these definitions, whose indices the notes use. Threads share it and run
/// beside each other.
#[derive(Debug)]
pub struct Reader<D> {
    pub(crate) of: Vec<Arc<D>>,
    pub(crate) share: Share,
}

/// What an event type is in the definitions that it concerns.
#[derive(Debug, Clone)]
pub struct Route<C>(pub(crate) Vec<C>);

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
