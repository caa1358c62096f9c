//! A checked invariant over folded states: what has to hold for each key of a projection.

use std::sync::Arc;

use crate::definition::fault::Place;
use crate::event::Span;
use crate::expression::Formula;

/// The name that the state of the key itself has in formulas.
pub const STATE: &str = "state";
/// The name that the key itself has.
pub const KEY: &str = "key";

/// An invariant over folded states.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// Its name, unique among the invariants of its log.
    pub name: Arc<str>,
    /// What it is for, in its author's words.
    pub about: Option<String>,
    /// Where it is defined.
    pub place: Place,
    /// The projection whose keys have to keep it; one of its log.
    pub each: Arc<str>,
    /// Where the definition names that.
    pub each_place: Place,
    /// Narrows the keys that have to keep it.
    pub narrow: Option<Formula>,
    /// What else it looks at.
    pub lookups: Vec<Lookup>,
    /// What has to hold.
    pub require: Formula,
    /// How long everything that it looks at has to be quiet before it has to hold; `None` where it
    /// has to hold after each event.
    pub grace: Option<Span>,
}

/// The state of a key of another projection, or of another key.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// What formulas call it.
    pub name: String,
    /// The projection; one of its log.
    pub projection: Arc<str>,
    /// Which key of it.
    pub key: Formula,
    /// Where it is declared.
    pub place: Place,
}

impl Requirement {
    /// Every formula, with where it stands.
    pub fn formulas(&self) -> impl Iterator<Item = (&Formula, &Place)> {
        let keys = self.lookups.iter().map(|one| (&one.key, &one.place));
        let own = self.narrow.iter().chain([&self.require]);
        own.map(|formula| (formula, &self.place)).chain(keys)
    }

    /// The projection whose state has this name in formulas.
    pub fn projection(&self, name: &str) -> Option<&Arc<str>> {
        if name == STATE {
            return Some(&self.each);
        }
        let looked_up = self.lookups.iter().find(|lookup| lookup.name == name);
        looked_up.map(|lookup| &lookup.projection)
    }
}
