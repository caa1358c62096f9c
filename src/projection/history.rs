//! The events of one suspect key, to be folded in any order and with any of them left out.

use std::ops::Range;
use std::sync::Arc;

use crate::definition::projection::{Counts, Projection};
use crate::projection::compare::{Likeness, Row, compare};
use crate::projection::fold::{Fold, Touch};
use crate::projection::state::State;

/// How many events one search may apply.
pub(super) const BUDGET: usize = 200_000;

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

/// What has to be done to events, at the least, so that they give a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edit {
    /// Leaving out any of these runs of events.
    LeftOut(Vec<Range<usize>>),
    /// Applying one twice, or swapping two neighbours.
    Otherwise,
    /// Leaving one out, or applying one twice, or swapping two: which of these cannot be told.
    Either,
    /// Nothing of this kind gives it.
    None,
    /// There were too many events to try.
    Unsearched,
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

    /// What has to be done to the first `passed` events, at the least, so that they give the row. Of
    /// the events after those, the consumer may have applied any first part. `budget` is how many
    /// events all searches together may still apply.
    pub(super) fn edit(&self, passed: usize, budget: &mut usize) -> Edit {
        let own = BUDGET.min(*budget);
        let mut search = Search {
            history: self,
            passed,
            before: self.states(passed),
            budget: own,
        };
        let edit = search.run().unwrap_or(Edit::Unsearched);
        *budget -= own - search.budget;
        edit
    }

    /// The states before each of the first `count` events, and after the last of them.
    fn states(&self, count: usize) -> Vec<State> {
        let mut state = State::NONE;
        let mut states = vec![state.clone()];
        for touch in self.touches.iter().take(count) {
            self.fold.apply(&mut state, touch);
            states.push(state.clone());
        }
        states
    }
}

/// A search for edits.
struct Search<'h> {
    history: &'h History,
    passed: usize,
    /// The state before each event.
    before: Vec<State>,
    budget: usize,
}

impl Search<'_> {
    /// The least edit; `None` where the budget ran out.
    fn run(&mut self) -> Option<Edit> {
        let singles = self.left_out(1)?;
        let otherwise = self.is_repeated_or_swapped()?;
        match (singles.is_empty(), otherwise) {
            (false, false) => return Some(Edit::LeftOut(singles)),
            (false, true) => return Some(Edit::Either),
            (true, true) => return Some(Edit::Otherwise),
            (true, false) => {}
        }
        for length in 2..=self.passed {
            let runs = self.left_out(length)?;
            if !runs.is_empty() {
                return Some(Edit::LeftOut(runs));
            }
        }
        Some(Edit::None)
    }

    /// The runs of this length that give the row when they are left out.
    fn left_out(&mut self, length: usize) -> Option<Vec<Range<usize>>> {
        let mut found = Vec::new();
        for start in 0..(self.passed + 1).saturating_sub(length) {
            let run = start..start + length;
            if self.gives_row(start, &[], run.end)? {
                found.push(run);
            }
        }
        Some(found)
    }

    /// Whether one event applied twice, or two neighbours swapped, give the row.
    fn is_repeated_or_swapped(&mut self) -> Option<bool> {
        for at in 0..self.passed {
            let is_swap = at + 1 < self.passed;
            if self.gives_row(at, &[at, at], at + 1)?
                || is_swap && self.gives_row(at, &[at + 1, at], at + 2)?
            {
                return Some(true);
            }
        }
        Some(false)
    }

    /// Whether the row is what these events give, applied to the state before the event `at`, and
    /// then the events from `next` on, at least up to the passed ones.
    fn gives_row(&mut self, at: usize, events: &[usize], next: usize) -> Option<bool> {
        let touches = &self.history.touches;
        let cost = events.len() + touches.len() + 1 - next;
        self.budget = self.budget.checked_sub(cost)?;
        let mut state = self.before.get(at)?.clone();
        for touch in events.iter().filter_map(|at| touches.get(*at)) {
            self.history.fold.apply(&mut state, touch);
        }
        let mut applied = next;
        loop {
            if applied >= self.passed && self.history.compare(&state) == Match::Yes {
                return Some(true);
            }
            let Some(touch) = touches.get(applied) else {
                return Some(false);
            };
            self.history.fold.apply(&mut state, touch);
            applied += 1;
        }
    }
}
