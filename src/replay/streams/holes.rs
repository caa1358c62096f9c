//! Versions that are missing in streams, as far as it is known now.

use std::collections::BTreeMap;

use crate::event::Position;

/// Versions of a stream that were not seen, though some were beyond them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hole {
    pub(super) to: i64,
    /// The event before it, where that and its place are known.
    pub(super) before: Option<Position>,
    pub(super) after: Position,
    /// No version of the stream was seen before it.
    pub(super) is_first: bool,
    /// A tombstone right after it stands for the events.
    pub(super) is_meant: bool,
}

/// The holes of all streams, by the stream's number and their first version. Few streams have any.
#[derive(Debug, Default)]
pub(super) struct Holes(pub(super) BTreeMap<(u32, i64), Hole>);

impl Hole {
    /// How many versions are missing, given the first of them.
    pub(super) fn len(&self, from: i64) -> u64 {
        self.to.abs_diff(from).saturating_add(1)
    }
}

impl Holes {
    /// Takes a version of a stream that is not above all that were seen, the lowest of which, or 1
    /// where that is higher, was this, and where it stands, if that is known; whether it is new.
    pub(super) fn fill(
        &mut self,
        (number, version): (u32, i64),
        lowest: i64,
        at: Option<Position>,
        is_tombstone: bool,
    ) -> bool {
        let Holes(holes) = self;
        let mut below = holes.range_mut((number, i64::MIN)..=(number, version));
        match below.next_back() {
            Some(((_, from), hole)) if hole.to >= version => {
                let (from, hole) = (*from, *hole);
                holes.remove(&(number, from));
                if from < version {
                    let lower = Hole {
                        to: version - 1,
                        after: at.unwrap_or(hole.after),
                        // What is between negative ones nobody counts.
                        is_meant: is_tombstone || hole.is_meant && hole.to < 1,
                        ..hole
                    };
                    holes.insert((number, from), lower);
                }
                if version < hole.to {
                    let upper = Hole {
                        before: at.or(hole.before),
                        is_first: false,
                        ..hole
                    };
                    holes.insert((number, version + 1), upper);
                }
                true
            }
            Some((_, hole)) if version >= lowest => {
                hole.is_meant |= is_tombstone && hole.to == version - 1;
                false
            }
            _ if version >= lowest => false,
            // It stands below 1. What is between negative ones nobody counts.
            _ => {
                let first = holes.get(&(number, 1)).copied();
                let first = first.filter(|hole| hole.is_first);
                if first.is_some() {
                    holes.remove(&(number, 1));
                }
                let next = match first {
                    Some(hole) => Some(Hole {
                        before: at,
                        is_first: false,
                        ..hole
                    }),
                    None => (version + 1 < lowest).then_some(Hole {
                        to: lowest - 1,
                        before: at,
                        after: at.unwrap_or(Position(0)),
                        is_first: false,
                        is_meant: true,
                    }),
                };
                holes.extend(next.map(|hole| ((number, version + 1), hole)));
                true
            }
        }
    }
}
