//! The events of one suspect key, to be folded in any order and with any of them left out.

use std::sync::Arc;

use crate::definition::projection::{Counts, DEFAULT_TOLERANCE, Projection};
use crate::event::Position;
use crate::projection::clues::Clues;
use crate::projection::compare::{Likeness, Raw, Row, compare};
use crate::projection::edit::Found;
use crate::projection::fold::{Fold, Touch};
use crate::projection::search::Search;
use crate::projection::state::{Cell, State};
use crate::projection::value::Value;

/// How many events one search may apply.
pub(super) const BUDGET: usize = 400_000;

/// The events of a key, in position order, and its stored row.
#[derive(Debug, Clone)]
pub struct History {
    fold: Arc<Fold>,
    key: String,
    row: Option<Row>,
    touches: Vec<Touch>,
    /// A row that cannot be judged may be one of its events.
    is_incomplete: bool,
    /// The last number that a row can claim to have come to, where events of other keys count, too.
    reach: Option<i64>,
    /// Its events are in more than one stream.
    spans_streams: bool,
    clues: Arc<Clues>,
}

/// Whether a state is what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// That cannot be told, for this reason.
    Unknown(String),
}

impl History {
    /// The history of a key of which nothing was gathered yet.
    pub fn new(fold: &Arc<Fold>, key: String, row: Option<Row>) -> History {
        History {
            fold: Arc::clone(fold),
            key,
            row: row.map(Row::remembered),
            touches: Vec::new(),
            is_incomplete: false,
            reach: None,
            spans_streams: false,
            clues: Arc::default(),
        }
    }

    /// Takes note of whether rows that cannot be judged may be events of its key, of where the log
    /// ends, and of what else is known of the events.
    pub(super) fn learn(
        &mut self,
        is_incomplete: bool,
        head: Option<Position>,
        clues: &Arc<Clues>,
    ) {
        if self.counts() == Some(Counts::Position) {
            self.reach = head.map(|head| head.0);
        }
        self.clues = Arc::clone(clues);
        self.is_incomplete = is_incomplete;
        let noise = noise(self);
        if let (Some(row), Some(noise)) = (&mut self.row, noise) {
            row.learn(noise);
        }
    }

    /// Whether a row that cannot be judged may be one of its events.
    pub(super) const fn is_incomplete(&self) -> bool {
        self.is_incomplete
    }

    /// What is known of the events beside what they say.
    pub(super) fn clues(&self) -> &Clues {
        &self.clues
    }

    /// Takes note of the last version in the stream of its events.
    pub(super) fn reaches(&mut self, version: Option<i64>) {
        self.reach = version;
    }

    /// Whether its events are in more than one stream, so that a version says nothing of them.
    pub(super) const fn spans_streams(&self) -> bool {
        self.spans_streams
    }

    /// Adds the key's next event.
    pub fn push(&mut self, touch: Touch) {
        let is_other = |last: &Touch| last.stream != touch.stream;
        self.spans_streams |= self.touches.last().is_some_and(is_other);
        self.touches.push(touch);
    }

    /// The projection.
    pub fn definition(&self) -> &Projection {
        self.fold.definition()
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The stored row, where there is one.
    pub fn row(&self) -> Option<&Row> {
        self.row.as_ref()
    }

    /// The key's events.
    pub fn touches(&self) -> &[Touch] {
        &self.touches
    }

    /// Applies one event to a state.
    pub fn apply(&self, state: &mut State, touch: &Touch) {
        self.fold.apply(state, touch);
    }

    /// The state that these events, by index, give in this order; an index may stand twice.
    pub fn fold(&self, order: impl IntoIterator<Item = usize>) -> State {
        let mut state = State::NONE;
        for touch in order.into_iter().filter_map(|at| self.touches.get(at)) {
            self.fold.apply(&mut state, touch);
        }
        state
    }

    /// Whether a state is what is stored, in the declared columns: where there is no state, no row
    /// may be there.
    pub fn compare(&self, state: &State) -> Match {
        if let Some(doubt) = state.doubt() {
            return Match::Unknown(doubt.to_owned());
        }
        match &self.row {
            None if state.is_alive() => Match::No,
            None => Match::Yes,
            Some(_) if !state.is_alive() => Match::No,
            Some(row) => match compare(self.definition(), state, row) {
                Likeness::Same => Match::Yes,
                Likeness::Different | Likeness::Unreadable(_) => Match::No,
                Likeness::Unknown(reason) => Match::Unknown(reason),
            },
        }
    }

    /// What a version in the row counts.
    pub(super) fn counts(&self) -> Option<Counts> {
        let stored = self.definition().stored.as_ref()?;
        Some(stored.version.as_ref()?.counts)
    }

    /// What the row says of how far it has come.
    pub(super) fn row_version(&self) -> Option<i64> {
        if self.spans_streams {
            return None;
        }
        match self.row.as_ref()?.version.as_ref()? {
            Ok(version) => Some(*version),
            Err(_) => None,
        }
    }

    /// What an event counts in terms of the row's version.
    pub(super) fn count(&self, at: usize) -> Option<i64> {
        let touch = self.touches.get(at)?;
        match self.counts()? {
            Counts::Version if self.spans_streams => None,
            Counts::Version => touch.version,
            Counts::Position => Some(touch.position.0),
        }
    }

    /// The greatest that its events count in these terms.
    pub(super) fn greatest(&self) -> Option<i64> {
        let counts = (0..self.touches.len()).filter_map(|at| self.count(at));
        counts.max()
    }

    /// Whether the row itself says how far it has come, in terms of its events.
    pub(super) fn is_versioned(&self) -> bool {
        self.row_version().is_some() && self.greatest().is_some()
    }

    /// What a row can claim at most in these terms; `None` where that cannot be told.
    pub(super) fn reach(&self) -> Option<i64> {
        self.reach
            .map(|reach| self.greatest().map_or(reach, |own| own.max(reach)))
    }

    /// The least edits of the events that give the row; `claimed` of the first are claimed to be
    /// applied, and of these by the row itself. Where the row is what the first `applied` give, the
    /// loss of the other claimed ones may be one of them. `budget` is how many events all searches
    /// together may still apply.
    pub(super) fn edits(
        &self,
        claimed: (usize, usize),
        applied: Option<usize>,
        budget: &mut usize,
    ) -> Found {
        let own = BUDGET.min(*budget);
        let mut search = Search::new(self, claimed, own);
        let found = search.run(applied);
        *budget -= own - search.budget;
        found
    }

    /// Whether none of its events ends the state.
    pub(super) fn is_never_deleted(&self) -> bool {
        self.touches
            .iter()
            .all(|touch| self.fold.own(touch).is_some())
    }

    /// The states after every `step` events, beginning with none.
    pub(super) fn states(&self, step: usize) -> Vec<State> {
        let mut state = State::NONE;
        let mut states = Vec::new();
        for at in 0..=self.touches.len() {
            if at % step == 0 {
                states.push(state.clone());
            }
            if let Some(touch) = self.touches.get(at) {
                self.fold.apply(&mut state, touch);
            }
        }
        states
    }

    /// Whether a field depends on nothing but its own content.
    pub(super) fn is_independent(&self, field: usize) -> bool {
        self.fold.is_independent(field)
    }
}

/// What adding up the numbers that went through each column may have lost of a row in which some are
/// floating point: the events are so many, and each addition rounds by half of the last digit. Whole
/// numbers lose nothing, and where a tolerance is declared that is what is tolerated.
fn noise(history: &History) -> Option<Vec<f64>> {
    let stored = history.definition().stored.as_ref()?;
    let row = history.row.as_ref()?;
    row.values.iter().find(|raw| matches!(raw, Raw::Real(_)))?;
    if stored.tolerance != DEFAULT_TOLERANCE {
        return None;
    }
    let mut greatest = vec![(0.0_f64, true); stored.columns.len()];
    let mut state = State::NONE;
    for touch in &history.touches {
        history.fold.apply(&mut state, touch);
        for (column, (greatest, is_whole)) in stored.columns.iter().zip(&mut greatest) {
            if let Cell::Known(Value::Number(number)) = state.cell(column.field)
                && let Some(scaled) = number.scaled(column.scale)
            {
                *greatest = greatest.max(scaled.float().abs());
                *is_whole &= scaled.whole().is_some();
            }
        }
    }
    let each = 2.0 * f64::EPSILON * history.touches.len() as f64;
    let noise = greatest.into_iter().map(|(greatest, is_whole)| {
        let is_exact = is_whole && greatest < 1.0 / f64::EPSILON;
        if is_exact { 0.0 } else { greatest * each }
    });
    Some(noise.collect())
}
