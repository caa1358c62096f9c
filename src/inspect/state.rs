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

/// How much is told of what happened on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// The state alone.
    State,
    /// Each event with the state after it.
    History,
}

/// What events make of one key.
///
/// It keeps the events and no state: a list that grows with each of them would be kept as often.
#[derive(Debug, Clone)]
pub struct Told {
    /// The log it is folded from.
    pub log: LogSummary,
    /// The projection.
    pub projection: Arc<Projection>,
    /// The key.
    pub key: String,
    /// How many events the key has beyond what was asked for.
    pub later: usize,
    /// Whether each event is to be shown.
    pub telling: Telling,
    /// What the reader should know beside that.
    pub remarks: Vec<String>,
    fold: Arc<Fold>,
    /// The events up to where the state was asked for.
    touches: Vec<Touch>,
    /// Their types, where each is to be shown.
    kinds: BTreeMap<Position, String>,
}

/// The state after an event of a key.
#[derive(Debug, Clone)]
pub struct After {
    /// The fields; `None` where the event deleted the key.
    pub state: Option<Vec<(Arc<str>, Cell)>>,
    /// Why it cannot be told whether the events belong to the key.
    pub doubt: Option<String>,
}

/// An event of a key.
#[derive(Debug, Clone, Copy)]
pub struct Step<'t> {
    /// Where it stands.
    pub position: Position,
    /// When it happened.
    pub time: Timestamp,
    /// Its type.
    pub kind: &'t str,
}

impl Told {
    /// How many events were applied.
    pub fn events(&self) -> usize {
        self.touches.len()
    }

    /// The state after all of them; `None` where there are none.
    pub fn end(&self) -> Option<After> {
        let mut state = State::NONE;
        for touch in &self.touches {
            self.fold.apply(&mut state, touch);
        }
        (!self.touches.is_empty()).then(|| self.after(&state))
    }

    /// Each event in order, with the state after it.
    pub fn steps(&self) -> impl Iterator<Item = (Step<'_>, After)> {
        let mut state = State::NONE;
        self.touches.iter().map(move |touch| {
            self.fold.apply(&mut state, touch);
            let step = Step {
                position: touch.position,
                time: touch.time,
                kind: self.kinds.get(&touch.position).map_or("", String::as_str),
            };
            (step, self.after(&state))
        })
    }

    fn after(&self, state: &State) -> After {
        let fields = self.fold.definition().fields.iter().enumerate();
        let cells =
            fields.map(|(index, field)| (Arc::clone(&field.name), state.cell(index).clone()));
        After {
            state: state.is_alive().then(|| cells.collect()),
            doubt: state.doubt().map(str::to_owned),
        }
    }
}

/// Folds one key of the projection of this name, in every log that has it.
///
/// # Errors
/// See [`RunError`]. When there is no such projection.
pub fn state(
    definitions: &Definitions,
    (name, key): (&str, &str),
    (at, telling): (At, Telling),
    options: &Options,
    watch: Watch<'_>,
) -> Result<Vec<Told>, RunError> {
    let mut told = Vec::new();
    for mut scope in filter::projected(definitions, name, options)? {
        let projection = Arc::clone(&scope.projections[0]);
        // Nothing is compared, so no read model has to be there.
        Arc::make_mut(&mut scope.projections[0]).stored = None;
        let mut run = Run::open(&mut scope, options, &[])?;
        run.only_projections();
        run.pass(watch)?;
        let fold = Arc::new(Fold::new(&projection));
        let mut suspects = Suspects::of(&fold, key);
        run.follow(watch, &mut |note, texts| suspects.take(note, texts))?;
        let history = suspects.histories().first();
        let all = history.map_or(&[][..], History::touches);
        let touches: Vec<Touch> = all.iter().filter(|it| counts(it, at)).cloned().collect();
        let kinds = match telling {
            Telling::State => BTreeMap::new(),
            Telling::History => run.kinds(&touches)?,
        };
        let mut remarks = run.unjudged(0, Some(key));
        remarks.extend(run.keyless(0));
        told.push(Told {
            log: run.summary(),
            key: key.to_owned(),
            later: all.len() - touches.len(),
            telling,
            remarks,
            fold,
            touches,
            kinds,
            projection,
        });
    }
    Ok(told)
}

/// Whether an event is among those up to a place.
fn counts(touch: &Touch, until: At) -> bool {
    match until {
        At::End => true,
        At::Position(position) => touch.position <= position,
        At::Instant(instant) => touch.time <= instant,
    }
}

impl Run<'_> {
    /// The types of events.
    fn kinds(&self, touches: &[Touch]) -> Result<BTreeMap<Position, String>, RunError> {
        let mut positions: Vec<Position> = touches.iter().map(|touch| touch.position).collect();
        positions.sort_unstable();
        positions.dedup();
        if positions.is_empty() {
            return Ok(BTreeMap::new());
        }
        let (events, _) = self.log.events(Filter::Positions(&positions))?;
        let kinds = events.into_iter().map(|event| (event.position, event.kind));
        Ok(kinds.collect())
    }
}
