//! One key of a projection: what its events make of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::definition::Definitions;
use crate::definition::projection::Projection;
use crate::event::{Position, Timestamp};
use crate::inspect::run::Run;
use crate::inspect::{Options, RunError, Watch, filter};
use crate::log::Filter;
use crate::projection::{Cell, Fold, History, State, Suspects, Touch};
use crate::report::LogSummary;

/// Up to where a key is folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// All of its events.
    End,
    /// Those up to this position.
    Position(Position),
    /// Those that happened up to this instant.
    Instant(Timestamp),
}

/// What events make of one key.
#[derive(Debug, Clone)]
pub struct Told {
    /// The log it is folded from.
    pub log: LogSummary,
    /// The projection.
    pub projection: Arc<Projection>,
    /// The key.
    pub key: String,
    /// Each event of the key with what it made of it, in order, up to where it was asked for.
    pub steps: Vec<Step>,
    /// How many events the key has beyond that.
    pub later: usize,
}

/// An event of a key, and the state after it.
#[derive(Debug, Clone)]
pub struct Step {
    /// Where it stands.
    pub position: Position,
    /// When it happened.
    pub time: Timestamp,
    /// Its type.
    pub kind: String,
    /// The fields afterwards; `None` where it deleted the key.
    pub state: Option<Vec<(Arc<str>, Cell)>>,
    /// Why it cannot be told whether it belongs to the key.
    pub doubt: Option<String>,
}

/// Folds one key of the projection of this name, in every log that has it.
///
/// # Errors
/// See [`RunError`]. When there is no such projection.
pub fn state(
    definitions: &Definitions,
    (name, key): (&str, &str),
    at: At,
    options: &Options,
    watch: Watch<'_>,
) -> Result<Vec<Told>, RunError> {
    let mut told = Vec::new();
    for mut scope in filter::projected(definitions, name, options)? {
        let projection = Arc::clone(&scope.projections[0]);
        // Nothing is compared, so no read model has to be there.
        Arc::make_mut(&mut scope.projections[0]).stored = None;
        let mut run = Run::open(&scope, options, &[])?;
        run.only_projections();
        run.pass(watch)?;
        let fold = Arc::new(Fold::new(&projection));
        let mut suspects = Suspects::of(&fold, key);
        run.follow(watch, &mut |note, texts| suspects.take(note, texts))?;
        let history = suspects.histories().first();
        let all = history.map_or(0, |history| history.touches().len());
        let steps = history.map_or_else(Vec::new, |history| steps(history, at));
        told.push(Told {
            log: run.summary(),
            key: key.to_owned(),
            later: all - steps.len(),
            steps: run.named(steps)?,
            projection,
        });
    }
    Ok(told)
}

/// Each event of a history with the state after it; its type is still to be looked up.
fn steps(history: &History, until: At) -> Vec<Step> {
    let mut state = State::NONE;
    let fields = &history.definition().fields;
    let after = |touch: &Touch| {
        history.apply(&mut state, touch);
        let cells = fields.iter().enumerate();
        let cells =
            cells.map(|(index, field)| (Arc::clone(&field.name), state.cell(index).clone()));
        Step {
            position: touch.position,
            time: touch.time,
            kind: String::new(),
            state: state.is_alive().then(|| cells.collect()),
            doubt: touch.doubt.as_deref().map(str::to_owned),
        }
    };
    let counts = |touch: &&Touch| match until {
        At::End => true,
        At::Position(position) => touch.position <= position,
        At::Instant(instant) => touch.time <= instant,
    };
    history.touches().iter().filter(counts).map(after).collect()
}

impl Run<'_> {
    /// The same with the types of the events.
    fn named(&self, mut steps: Vec<Step>) -> Result<Vec<Step>, RunError> {
        let mut positions: Vec<Position> = steps.iter().map(|step| step.position).collect();
        positions.sort_unstable();
        positions.dedup();
        if positions.is_empty() {
            return Ok(steps);
        }
        let (events, _) = self.log.events(Filter::Positions(&positions))?;
        let kinds: BTreeMap<Position, String> = events
            .into_iter()
            .map(|event| (event.position, event.kind))
            .collect();
        for step in &mut steps {
            step.kind = kinds.get(&step.position).cloned().unwrap_or_default();
        }
        Ok(steps)
    }
}
