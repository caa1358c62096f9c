//! Two definitions of one projection: the first event at which what they fold parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::definition::Definitions;
use crate::definition::projection::Projection;
use crate::event::{Position, Timestamp};
use crate::inspect::run::Run;
use crate::inspect::{Options, RunError, Watch, filter, unjudged};
use crate::projection::{self, Cell, State};
use crate::report::LogSummary;

/// How far two calculated numbers may lie apart, relative to the greater one, and be the same.
const TOLERANCE: f64 = 1e-9;

/// Where two definitions part.
#[derive(Debug, Clone)]
pub struct Parting {
    /// The log that both fold.
    pub log: LogSummary,
    /// The definition that is compared with the other one.
    pub projection: Arc<Projection>,
    /// Keys that either of them has.
    pub keys: u64,
    /// Every key of which the two folds are different after some event: in the order of those
    /// events.
    pub parted: Vec<Parted>,
    /// Every other key of which that cannot be told, in the order of the events since which it
    /// cannot.
    pub untold: Vec<Untold>,
    /// What neither of them has in any state, so that it cannot be told what it would come to.
    pub unread: Vec<String>,
}

impl Parting {
    /// Whether both are known to give the same.
    pub fn is_none(&self) -> bool {
        self.parted.is_empty() && self.untold.is_empty() && self.unread.is_empty()
    }
}

/// A key of which it cannot be told whether two folds are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// The key.
    pub key: String,
    /// The first event after which it cannot be told.
    pub position: Position,
    /// When it happened.
    pub time: Timestamp,
    /// Why: a lower-case fragment.
    pub reason: String,
}

/// A key of which two folds part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parted {
    /// The key.
    pub key: String,
    /// The first event after which they are different.
    pub position: Position,
    /// When it happened.
    pub time: Timestamp,
    /// The fields that differ: what the one gives, and what the other.
    pub fields: Vec<(Arc<str>, String, String)>,
    /// They agree again at the end of the log.
    pub agrees_again: bool,
}

/// Folds the log with the projection of this name and with the one of the same name in other
/// definitions.
///
/// # Errors
/// See [`RunError`]. When either of them has no such projection.
pub fn against(
    definitions: &Definitions,
    other: &Definitions,
    name: &str,
    options: &Options,
    watch: Watch<'_>,
) -> Result<Vec<Parting>, RunError> {
    let mut others = other.scopes.iter().flat_map(|scope| &scope.projections);
    let Some(other) = others.find(|projection| &*projection.name == name) else {
        let names = other.scopes.iter().flat_map(|scope| &scope.projections);
        let names: Vec<&str> = names.map(|projection| &*projection.name).collect();
        let message = filter::unknown("projection", name, &names);
        return Err(RunError::Filter(format!(
            "in the other definitions, {message}"
        )));
    };
    let mut found = Vec::new();
    for mut scope in filter::projected(definitions, name, options)? {
        scope.projections.push(Arc::clone(other));
        for projection in &mut scope.projections {
            Arc::make_mut(projection).stored = None;
        }
        let mut run = Run::open(&mut scope, options, &[])?;
        run.only_projections();
        run.pass(watch)?;
        let mut race = Race::new(&run.scope.projections);
        run.follow(watch, &mut |note, texts| race.take(note, texts))?;
        let keyless = [0, 1].map(|side| {
            let keyless = race.ledger.keyless(side)?;
            unjudged::in_words(keyless)
        });
        let strays = [0, 1].map(|side| run.strays(side));
        let (keys, parted, untold) = race.finish();
        found.push(Parting {
            log: run.summary(),
            projection: Arc::clone(&scope.projections[0]),
            keys,
            parted,
            untold,
            unread: [strays, keyless].into_iter().flat_map(by_side).collect(),
        });
    }
    Ok(found)
}

/// What is said of each side; once where both say the same.
fn by_side(said: [Option<String>; 2]) -> Vec<String> {
    match said {
        [Some(here), Some(there)] if here == there => vec![here],
        [here, there] => {
            let here = here.map(|here| format!("here, {here}"));
            let there = there.map(|there| format!("there, {there}"));
            here.into_iter().chain(there).collect()
        }
    }
}

/// How two folds of a key compare after an event.
enum Likeness {
    Same,
    Untold(String),
    /// In these fields.
    Different(Fields),
}

/// Fields that differ: what the one gives, and what the other.
type Fields = Vec<(Arc<str>, String, String)>;

/// Both folds, side by side.
struct Race {
    ledger: projection::Ledger,
    parted: BTreeMap<String, Parted>,
    untold: BTreeMap<String, Untold>,
    /// The keys that the current event touches.
    touched: Vec<String>,
    now: Option<(Position, Timestamp)>,
}

impl Race {
    fn new(projections: &[Arc<Projection>]) -> Race {
        Race {
            ledger: projection::Ledger::new(projections),
            parted: BTreeMap::new(),
            untold: BTreeMap::new(),
            touched: Vec::new(),
            now: None,
        }
    }

    fn take(&mut self, note: &projection::Note, texts: &crate::texts::Texts) {
        if let projection::Note::Event(event) = note
            && self
                .now
                .is_some_and(|(position, _)| position != event.position)
        {
            self.compare();
        }
        let Some((applied, _)) = self.ledger.take(note, texts) else {
            return;
        };
        self.now = Some((applied.position, applied.time));
        if let Some((key, _)) = self.ledger.entry(applied.projection, applied.number) {
            let key = key.to_owned();
            if !self.touched.contains(&key) {
                self.touched.push(key);
            }
        }
    }

    /// Compares what the last event touched.
    fn compare(&mut self) {
        let Some((position, time)) = self.now else {
            return;
        };
        for key in std::mem::take(&mut self.touched) {
            let likeness = self.likeness(&key);
            if let Some(parted) = self.parted.get_mut(&key) {
                parted.agrees_again = matches!(likeness, Likeness::Same);
                continue;
            }
            match likeness {
                Likeness::Same => {}
                Likeness::Untold(reason) => {
                    let untold = || Untold {
                        key: key.clone(),
                        position,
                        time,
                        reason,
                    };
                    self.untold.entry(key.clone()).or_insert_with(untold);
                }
                Likeness::Different(fields) => {
                    let parted = Parted {
                        key: key.clone(),
                        position,
                        time,
                        fields,
                        agrees_again: false,
                    };
                    self.untold.remove(&key);
                    self.parted.insert(key, parted);
                }
            }
        }
    }

    fn finish(mut self) -> (u64, Vec<Parted>, Vec<Untold>) {
        self.compare();
        let mut parted: Vec<Parted> = self.parted.into_values().collect();
        parted.sort_by(|one, other| (one.position, &one.key).cmp(&(other.position, &other.key)));
        let mut untold: Vec<Untold> = self.untold.into_values().collect();
        untold.sort_by(|one, other| (one.position, &one.key).cmp(&(other.position, &other.key)));
        let own = self.ledger.entries(0).count();
        let only = |(key, _): &(&str, _)| self.ledger.find(0, key).is_none();
        let others = self.ledger.entries(1).filter(only).count();
        ((own + others) as u64, parted, untold)
    }

    fn entry(&self, side: usize, key: &str) -> Option<&State> {
        let (_, entry) = self.ledger.entry(side, self.ledger.find(side, key)?)?;
        Some(&entry.state)
    }

    /// How the two folds of a key compare. A field that only one of them has is blank in the other.
    fn likeness(&self, key: &str) -> Likeness {
        let states = [self.entry(0, key), self.entry(1, key)];
        let mut doubts = states.iter().flatten().filter_map(|state| state.doubt());
        if let Some(doubt) = doubts.next() {
            let reason = format!("which events belong to it cannot be told: {doubt}");
            return Likeness::Untold(reason);
        }
        let states = states.map(|state| state.filter(|state| state.is_alive()));
        if let [None, Some(_)] | [Some(_), None] = states {
            let told = |state: Option<&State>| if state.is_some() { "a state" } else { "none" };
            let [one, other] = states.map(|state| told(state).to_owned());
            return Likeness::Different(vec![("".into(), one, other)]);
        }
        let folds = self.ledger.folds();
        let mut cells: BTreeMap<&Arc<str>, [&Cell; 2]> = BTreeMap::new();
        for (side, state) in states.iter().enumerate() {
            let Some(state) = state else { continue };
            for (index, field) in folds[side].definition().fields.iter().enumerate() {
                cells.entry(&field.name).or_insert([&Cell::Blank; 2])[side] = state.cell(index);
            }
        }
        let mut different = Fields::new();
        let mut untold = None;
        for (name, [one, other]) in cells {
            match (one, other) {
                (Cell::Unknown(reason), Cell::Unknown(_)) => {
                    untold.get_or_insert_with(|| format!("`{name}` cannot be told: {reason}"));
                }
                (one, other) if is_same(one, other) => {}
                (one, other) => {
                    different.push((Arc::clone(name), one.to_string(), other.to_string()));
                }
            }
        }
        match untold {
            _ if !different.is_empty() => Likeness::Different(different),
            Some(reason) => Likeness::Untold(reason),
            None => Likeness::Same,
        }
    }
}

fn is_same(one: &Cell, other: &Cell) -> bool {
    match (one, other) {
        (Cell::Blank, Cell::Blank) => true,
        (Cell::Known(one), Cell::Known(other)) => one.equals(other, TOLERANCE),
        _ => false,
    }
}
