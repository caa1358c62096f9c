//! Two definitions of one projection: the first event at which what they fold parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::definition::Definitions;
use crate::definition::projection::Projection;
use crate::event::{Position, Timestamp};
use crate::inspect::run::Run;
use crate::inspect::{Options, RunError, Watch, filter};
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
        let mut run = Run::open(&scope, options, &[])?;
        run.only_projections();
        run.pass(watch)?;
        let mut race = Race::new(&scope.projections);
        run.follow(watch, &mut |note, texts| race.take(note, texts))?;
        let (keys, parted) = race.finish();
        found.push(Parting {
            log: run.summary(),
            projection: Arc::clone(&scope.projections[0]),
            keys,
            parted,
        });
    }
    Ok(found)
}

/// Both folds, side by side.
struct Race {
    ledger: projection::Ledger,
    parted: BTreeMap<String, Parted>,
    /// The keys that the current event touches.
    touched: Vec<String>,
    now: Option<(Position, Timestamp)>,
}

impl Race {
    fn new(projections: &[Arc<Projection>]) -> Race {
        Race {
            ledger: projection::Ledger::new(projections),
            parted: BTreeMap::new(),
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
            let fields = self.differences(&key);
            match self.parted.get_mut(&key) {
                Some(parted) => parted.agrees_again = fields.is_empty(),
                None if fields.is_empty() => {}
                None => {
                    let parted = Parted {
                        key: key.clone(),
                        position,
                        time,
                        fields,
                        agrees_again: false,
                    };
                    self.parted.insert(key, parted);
                }
            }
        }
    }

    fn finish(mut self) -> (u64, Vec<Parted>) {
        self.compare();
        let mut parted: Vec<Parted> = self.parted.into_values().collect();
        parted.sort_by(|one, other| (one.position, &one.key).cmp(&(other.position, &other.key)));
        let own = self.ledger.entries(0).count();
        let only = |(key, _): &(&str, _)| self.ledger.find(0, key).is_none();
        let others = self.ledger.entries(1).filter(only).count();
        ((own + others) as u64, parted)
    }

    fn side(&self, side: usize, key: &str) -> Option<&State> {
        let (_, entry) = self.ledger.entry(side, self.ledger.find(side, key)?)?;
        entry.state.is_alive().then_some(&entry.state)
    }

    /// The fields of a key in which the two folds differ. A field that only one of them has is
    /// blank in the other.
    fn differences(&self, key: &str) -> Vec<(Arc<str>, String, String)> {
        let states = [self.side(0, key), self.side(1, key)];
        if let [None, Some(_)] | [Some(_), None] = states {
            let told = |state: Option<&State>| if state.is_some() { "a state" } else { "none" };
            return vec![(
                "".into(),
                told(states[0]).to_owned(),
                told(states[1]).to_owned(),
            )];
        }
        let folds = self.ledger.folds();
        let mut cells: BTreeMap<&Arc<str>, [&Cell; 2]> = BTreeMap::new();
        for (side, state) in states.iter().enumerate() {
            let Some(state) = state else { continue };
            for (index, field) in folds[side].definition().fields.iter().enumerate() {
                cells.entry(&field.name).or_insert([&Cell::Blank; 2])[side] = state.cell(index);
            }
        }
        cells
            .into_iter()
            .filter(|(_, [one, other])| !is_same(one, other))
            .map(|(name, [one, other])| (Arc::clone(name), one.to_string(), other.to_string()))
            .collect()
    }
}

fn is_same(one: &Cell, other: &Cell) -> bool {
    match (one, other) {
        (Cell::Blank, Cell::Blank) | (Cell::Unknown(_), Cell::Unknown(_)) => true,
        (Cell::Known(one), Cell::Known(other)) => one.equals(other, TOLERANCE),
        _ => false,
    }
}
