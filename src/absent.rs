//! Rows that are in the log and are not judged, as far as they tell what they may be.
//!
//! That something is *not* in the log is said in earnest only where no such row may be it. A row
//! whose type can be read may be an event of that type only, and where its correlation value can be
//! read too, of that value only. One that tells neither may be anything.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::event::Position;
use crate::texts::Keys;

/// Rows that are not judged.
#[derive(Debug, Clone, Default)]
pub struct Absent {
    /// By type; `None` where that cannot be read.
    rows: HashMap<Option<Arc<str>>, Rows, FixedState>,
    strays: HashMap<Of, Strays, FixedState>,
}

/// Something declared that a row may be an event of: its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Of {
    /// A saga, whose keys are the correlation values of its instances.
    Saga(u16),
    /// A total.
    Total(u16),
    /// A projection.
    State(u16),
    /// A reaction, whatever it is to it.
    Reaction(u16),
    /// A reaction that it calls for.
    Trigger(u16),
    /// A reaction that it is.
    Effect(u16),
    /// An idempotency rule: an event that may use a key.
    Key(u16),
    /// An idempotency rule that requires keys: an effect that may have none.
    Keyless(u16),
    /// A transaction, and what the row tells of its event there.
    Transaction(u16, Hint),
}

/// What an event may be to a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Parts(u8);

impl Parts {
    /// Nothing.
    pub const NONE: Parts = Parts(0);
    /// Somebody joins.
    pub const JOIN: Parts = Parts(1);
    /// A participant votes yes.
    pub const YES: Parts = Parts(1 << 1);
    /// A participant votes no.
    pub const NO: Parts = Parts(1 << 2);
    /// The coordinator decides to commit.
    pub const COMMIT: Parts = Parts(1 << 3);
    /// The coordinator decides to abort.
    pub const ABORT: Parts = Parts(1 << 4);
    /// A participant has committed.
    pub const COMMITTED: Parts = Parts(1 << 5);
    /// A participant has aborted.
    pub const ABORTED: Parts = Parts(1 << 6);
    /// Each of them.
    pub const ANY: Parts = Parts((1 << 7) - 1);

    /// What is of one or the other.
    pub const fn or(self, other: Parts) -> Parts {
        Parts(self.0 | other.0)
    }

    /// Whether one of the others is among them.
    pub const fn meets(self, others: Parts) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether it is one only.
    pub const fn is_one(self) -> bool {
        self.0.is_power_of_two()
    }
}

/// What is known of an event of a transaction of which something cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hint {
    /// What it may be.
    pub may_be: Parts,
    /// The hash of the participant's name by [`Keys::hash`]; `None` where it cannot be told.
    pub who: Option<u64>,
    /// It happened by the horizon, and is nothing else than one of these.
    pub is_sure: bool,
}

/// The rows that are not judged and may be events of one thing declared.
#[derive(Debug, Clone, Default)]
pub struct Strays {
    /// By the hashes of the keys that are known to be theirs.
    keys: HashMap<u64, OfKey, FixedState>,
    /// How many there are whose key cannot be told.
    pub keyless: u64,
}

/// Those of one key.
#[derive(Debug, Clone, Copy)]
struct OfKey {
    count: u64,
    /// Where the first of them stands; before all events where that is not known of one.
    first: Position,
}

impl Strays {
    /// None.
    pub const NONE: &'static Strays = &Strays {
        keys: HashMap::with_hasher(FixedState::with_seed(0)),
        keyless: 0,
    };

    /// Whether one of them is known to be of this key.
    pub fn has(&self, key: &str) -> bool {
        self.of_key(key) > 0
    }

    /// How many of them are known to be of this key.
    pub fn of_key(&self, key: &str) -> u64 {
        self.on(key).map_or(0, |own| own.count)
    }

    /// Whether one of them is known to be of this key and may stand at this position or before it.
    pub fn has_until(&self, key: &str, position: Position) -> bool {
        self.on(key).is_some_and(|own| own.first <= position)
    }

    fn on(&self, key: &str) -> Option<&OfKey> {
        if self.keys.is_empty() {
            return None;
        }
        self.keys.get(&Keys::hash(key))
    }

    /// How many of them are known to be of some key.
    pub fn keyed(&self) -> u64 {
        self.keys.values().map(|own| own.count).sum()
    }

    /// How many keys are known to have one.
    pub fn known(&self) -> usize {
        self.keys.len()
    }

    /// The hashes of the keys that are known to be theirs, and how many are of each.
    pub fn keys(&self) -> impl Iterator<Item = (u64, u64)> {
        self.keys.iter().map(|(key, own)| (*key, own.count))
    }

    fn take(&mut self, key: Option<u64>, position: Option<Position>) {
        let Some(key) = key else {
            self.keyless += 1;
            return;
        };
        let first = position.unwrap_or(Position(i64::MIN));
        let own = self.keys.entry(key).or_insert(OfKey { count: 0, first });
        own.count += 1;
        own.first = own.first.min(first);
    }
}

/// Such rows of one type.
#[derive(Debug, Clone, Default)]
struct Rows {
    /// Hashes of their correlation values.
    values: HashSet<u64, FixedState>,
    /// How many have one.
    named: u64,
    /// How many have none, or none that can be read.
    nameless: u64,
}

/// One such row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hidden {
    /// Where it stands, where that can be read.
    pub position: Option<Position>,
    /// Its type, and the hash of its correlation value by [`Keys::hash`], each where it can be read;
    /// `None` where every saga and every projection that knows its type can judge it, or `of` tells
    /// all there is to it.
    pub row: Option<(Option<Arc<str>>, Option<u64>)>,
    /// What it may be an event of that no note tells of, with the hash of its key there, where that
    /// can be told.
    pub of: Vec<(Of, Option<u64>)>,
}

impl Absent {
    /// Takes a row that is not judged.
    pub fn take(&mut self, row: Hidden) {
        if let Some((kind, correlation)) = row.row {
            let rows = self.rows.entry(kind).or_default();
            match correlation {
                Some(value) => {
                    rows.named += 1;
                    rows.values.insert(value);
                }
                None => rows.nameless += 1,
            }
        }
        for (of, key) in row.of {
            self.strays.entry(of).or_default().take(key, row.position);
        }
    }

    /// Those that may be of something declared.
    pub fn of(&self, of: Of) -> &Strays {
        self.strays.get(&of).unwrap_or(Strays::NONE)
    }

    /// What they are known to be of, with the hash of the key there.
    pub fn told(&self) -> impl Iterator<Item = (Of, u64)> {
        let strays = self.strays.iter();
        strays.flat_map(|(of, strays)| strays.keys.keys().map(|key| (*of, *key)))
    }

    /// Whether one of them is known to be of something with this key.
    pub fn has_key(&self, key: &str) -> bool {
        self.strays.values().any(|strays| strays.has(key))
    }

    /// Those that may be of transactions of the definition with this index.
    pub fn of_transactions(&self, index: u16) -> impl Iterator<Item = (Hint, &Strays)> {
        self.strays.iter().filter_map(move |(of, strays)| match of {
            Of::Transaction(of, hint) if *of == index => Some((*hint, strays)),
            _ => None,
        })
    }

    /// Those that may be of a total.
    pub fn of_total(&self, index: usize) -> &Strays {
        self.of(Of::Total(index as u16))
    }

    /// Those that may be of a projection.
    pub fn of_state(&self, index: usize) -> &Strays {
        self.of(Of::State(index as u16))
    }

    /// Those that may be of a reaction.
    pub fn of_reaction(&self, index: usize) -> &Strays {
        self.of(Of::Reaction(index as u16))
    }

    /// Those that may be triggers of a reaction.
    pub fn of_triggers(&self, index: usize) -> &Strays {
        self.of(Of::Trigger(index as u16))
    }

    /// Those that may be effects of a reaction.
    pub fn of_effects(&self, index: usize) -> &Strays {
        self.of(Of::Effect(index as u16))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether one of these rows is known to have this correlation value, and may be an event of
    /// this type.
    pub fn is_of(&self, kind: &Arc<str>, correlation: &str) -> bool {
        if self.is_empty() {
            return false;
        }
        let of_kind = [Some(Arc::clone(kind)), None];
        let mut of_kind = of_kind.iter().filter_map(|kind| self.rows.get(kind));
        of_kind.any(|rows| rows.values.contains(&Keys::hash(correlation)))
    }

    /// How many of these rows are of this type, or of one that cannot be read, with a correlation
    /// value that can be, and without.
    pub fn count(&self, kind: Option<&Arc<str>>) -> [u64; 2] {
        let rows = self.rows.get(&kind.cloned());
        rows.map_or([0, 0], |rows| [rows.named, rows.nameless])
    }

    /// Whether one of these rows may be an event of this type, with this correlation value where one
    /// is given.
    pub fn may_be(&self, kind: &str, correlation: Option<&str>) -> bool {
        if self.is_empty() {
            return false;
        }
        let may_be = |rows: &Rows| {
            rows.nameless > 0
                || correlation.is_none_or(|value| rows.values.contains(&Keys::hash(value)))
        };
        let of_kind = [Some(Arc::from(kind)), None];
        of_kind
            .iter()
            .filter_map(|kind| self.rows.get(kind))
            .any(may_be)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn absent(kind: Option<&str>, correlation: Option<&str>) -> Absent {
        let mut absent = Absent::default();
        absent.take(Hidden {
            position: None,
            row: Some((kind.map(Arc::from), correlation.map(Keys::hash))),
            of: Vec::new(),
        });
        absent
    }

    #[test]
    fn a_row_may_be_what_nothing_that_it_tells_speaks_against() {
        let told = |kind, correlation| {
            let absent = absent(kind, correlation);
            [
                absent.may_be("A", Some("x")),
                absent.may_be("A", Some("y")),
                absent.may_be("A", None),
                absent.may_be("B", Some("x")),
            ]
        };
        assert_eq!(told(None, None), [true, true, true, true]);
        assert_eq!(told(Some("A"), None), [true, true, true, false]);
        assert_eq!(told(Some("A"), Some("x")), [true, false, true, false]);
        assert_eq!(told(None, Some("x")), [true, false, true, true]);
        assert!(!Absent::default().may_be("A", None));
    }
}
