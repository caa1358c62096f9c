//! Rows that are kept by the whole names of their streams, where the definition takes the keys out of
//! these.

use std::collections::BTreeSet;

use crate::definition::projection::Key;
use crate::projection::held::Held;

/// What tells that no row has a key as the definition has them, since all have whole streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// How many rows would have the key of events.
    pub meets: u64,
    /// Of so many.
    pub rows: u64,
    /// A stored key of which this is so.
    pub stored: String,
    /// The key in it.
    pub key: String,
    /// The pattern that it is taken out by.
    pub pattern: String,
}

impl Whole {
    /// What is so of a table: no row has the key of events, and the pattern takes keys of events that
    /// have no row out of the keys of some. Others may be of other kinds of streams.
    pub(super) fn of(held: &Held) -> Option<Whole> {
        let Key::Stream { before, after } = &held.fold.definition().key else {
            return None;
        };
        if held.is_met || before.is_empty() && after.is_empty() {
            return None;
        }
        let strangers: BTreeSet<&str> = held.strangers.iter().map(|it| it.key()).collect();
        let keys = held.standings.iter().map(|it| it.key.as_str());
        let rowless: BTreeSet<&str> = keys.filter(|key| !strangers.contains(key)).collect();
        let within = |stored: &'_ str| {
            let key = stored.strip_prefix(before.as_str())?;
            key.strip_suffix(after.as_str()).map(str::to_owned)
        };
        let mut meets = 0;
        let mut first = None;
        for stored in &strangers {
            let Some(key) = within(stored) else {
                continue;
            };
            if rowless.contains(key.as_str()) {
                meets += 1;
                first.get_or_insert_with(|| ((*stored).to_owned(), key));
            }
        }
        let (stored, key) = first?;
        Some(Whole {
            meets,
            rows: strangers.len() as u64,
            stored,
            key,
            pattern: format!("{before}{{key}}{after}"),
        })
    }
}
