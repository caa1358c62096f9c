//! The events of one suspect key, to be folded in any order and with any of them left out.

use std::ops::Range;
use std::sync::Arc;

use crate::definition::projection::{Counts, Projection};
use crate::projection::compare::{Likeness, Row, compare};
use crate::projection::fold::{Fold, Touch};
use crate::projection::state::State;
use crate::projection::verdict::LeftOut;

/// How many events one search may apply.
const BUDGET: usize = 200_000;

/// The events of a key, in position order, and its stored row.
#[derive(Debug, Clone)]
pub struct History {
    fold: Arc<Fold>,
    key: String,
    row: Option<Row>,
    touches: Vec<Touch>,
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
            row,
            touches: Vec::new(),
        }
    }

    /// Adds the key's next event.
    pub fn push(&mut self, touch: Touch) {
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

    /// What the row says of how far it has come.
    pub(super) fn row_version(&self) -> Option<i64> {
        match self.row.as_ref()?.version.as_ref()? {
            Ok(version) => Some(*version),
            Err(_) => None,
        }
    }

    /// What an event counts in terms of the row's version.
    pub(super) fn count(&self, at: usize) -> Option<i64> {
        let touch = self.touches.get(at)?;
        let stored = self.definition().stored.as_ref()?;
        match stored.version.as_ref()?.counts {
            Counts::Version => touch.version,
            Counts::Position => Some(touch.position.0),
        }
    }

    /// Which run of events among the first `passed` gives the row when it is left out: the shortest
    /// ones. Of the events after those, the consumer may have applied any first part.
    pub(super) fn left_out(&self, passed: usize) -> LeftOut {
        let mut budget = BUDGET;
        let mut before: Vec<State> = vec![State::NONE];
        for touch in &self.touches[..passed] {
            let mut state = before.last().cloned().unwrap_or(State::NONE);
            self.fold.apply(&mut state, touch);
            before.push(state);
        }
        for length in 1..=passed {
            let mut found: Vec<Range<usize>> = Vec::new();
            for (start, before) in before.iter().enumerate().take(passed - length + 1) {
                let run = start..start + length;
                let cost = self.touches.len() - run.end + 1;
                match budget.checked_sub(cost) {
                    Some(left) => budget = left,
                    None => return LeftOut::Unsearched,
                }
                if self.is_row_without(before, &run, passed) {
                    found.push(run);
                }
            }
            if !found.is_empty() {
                return LeftOut::One(found);
            }
        }
        LeftOut::Nothing
    }

    /// Whether the row is what is left of a fold of at least the first `passed` events when a run
    /// of them is left out; `before` is the state before that run.
    fn is_row_without(&self, before: &State, run: &Range<usize>, passed: usize) -> bool {
        let mut state = before.clone();
        let mut applied = run.end;
        loop {
            if applied >= passed && self.compare(&state) == Match::Yes {
                return true;
            }
            let Some(touch) = self.touches.get(applied) else {
                return false;
            };
            self.fold.apply(&mut state, touch);
            applied += 1;
        }
    }
}
