//! Notes in blocks: where there are more of them, none is copied, and no memory is touched for room that
//! is given up again.

use std::mem;

use crate::texts::room;

/// How many notes a block has.
const BLOCK: usize = 512;

/// Notes in the order in which they came.
#[derive(Debug, Clone)]
pub(super) struct Shelf<T> {
    full: Vec<Vec<T>>,
    open: Vec<T>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Shelf<T> {
        Shelf {
            full: Vec::new(),
            open: Vec::new(),
        }
    }
}

impl<T> Shelf<T> {
    /// Takes the next one.
    pub(super) fn push(&mut self, note: T) {
        if self.open.len() == BLOCK {
            self.begin();
        }
        self.open.push(note);
    }

    #[cold]
    fn begin(&mut self) {
        let full = mem::replace(&mut self.open, Vec::with_capacity(BLOCK));
        self.full.push(full);
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.full.iter().chain([&self.open]).flatten()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.full.len() * BLOCK + self.open.len()
    }

    /// Bytes kept.
    pub(super) fn bytes(&self) -> usize {
        let blocks = self.full.iter().chain([&self.open]);
        room(&self.full) + blocks.map(room).sum::<usize>()
    }
}
