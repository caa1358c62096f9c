//! Rows that may be events of any instance of a saga, since they do not tell of which.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::event::Position;
use crate::replay::instances::Doubt;
use crate::saga::Meaning;

/// More such rows of one saga than this are not told apart.
const MOST: usize = 1024;

/// Such rows, by the index of the saga.
#[derive(Debug, Default)]
pub struct Astray(HashMap<u16, OfAny, FixedState>);

/// Those of one saga.
#[derive(Debug, Default)]
pub struct OfAny {
    /// How many there are.
    pub rows: u64,
    /// How many of them are not among the rows that are not judged.
    pub judged: u64,
    /// How many of them may have a place in the saga, and so make an instance.
    pub placed: u64,
    /// The first and the last position at which one stands, where one tells.
    pub positions: Option<(Position, Position)>,
    /// What each may be, nothing among it; where there are too many, the last of them does not show
    /// where it stands.
    pub doubts: Vec<Doubt>,
}

impl Astray {
    /// Those that may be of this saga, if there are any.
    pub fn of(&self, saga: u16) -> Option<&OfAny> {
        self.0.get(&saga)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes one more.
    pub(super) fn take(&mut self, saga: u16, mut doubt: Doubt, is_hidden: bool) {
        let own = self.0.entry(saga).or_default();
        own.rows += 1;
        own.judged += u64::from(!is_hidden);
        let mut meanings = doubt.options.iter().flatten();
        own.placed += u64::from(meanings.any(|meaning| *meaning != Meaning::Stray));
        if !doubt.blank.position {
            let place = doubt.moment.position;
            let (first, last) = own.positions.unwrap_or((place, place));
            own.positions = Some((first.min(place), last.max(place)));
        }
        if !doubt.options.contains(&None) {
            doubt.options.push(None);
        }
        match own.doubts.len() {
            MOST => own.doubts[MOST - 1].blank.position = true,
            _ => own.doubts.push(doubt),
        }
    }
}
