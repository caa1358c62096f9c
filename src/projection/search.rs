//! The search for the least edit of a key's events that gives its row.
//!
//! An edit is what a consumer that goes wrong does to the order of events: it leaves one out, applies
//! one twice in a row, or swaps two neighbours. Each of these costs one, and so does each further
//! event left out. Of the events that the consumer does not claim, it may have applied any first
//! part, at no cost; one of these edits with the last of the claimed events lost beside it costs two.
//! All edits of the least cost are found, so that nothing is named that is not the only one.
//!
//! Deliberately absent: an event that comes back later than right after itself, and two edits other
//! than events left out. With those almost every row has several explanations.

use std::collections::HashSet;

use crate::projection::compare::{Likeness, likenesses};
use crate::projection::history::{History, Match};
use crate::projection::state::{Cell, State};

/// How many different contents of one column are followed to show that none can be stored.
const CONTENTS: usize = 400;

/// An edit of events, which are told by their index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::projection) enum Edit {
    /// These are left out.
    LeftOut(Vec<usize>),
    /// This one is applied twice in a row; these, the last of those claimed, are lost.
    Twice(usize, Vec<usize>),
    /// This one and the next are swapped; these, the last of those claimed, are lost.
    Swapped(usize, Vec<usize>),
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::projection) struct Found {
    /// All edits of the least cost; some, where `reach` says that not all were tried.
    pub(in crate::projection) edits: Vec<Edit>,
    /// How far the search came.
    pub(in crate::projection) reach: Reach,
    /// Why it cannot be told of some edit whether it gives the row.
    pub(in crate::projection) doubt: Option<String>,
}

/// How far a search came before its budget ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::projection) enum Reach {
    /// To its end.
    Whole,
    /// Every edit of at most this cost was tried.
    Cost(usize),
}

/// A search in progress; its steps are `None` where the budget ran out.
pub(super) struct Search<'h> {
    history: &'h History,
    /// How many of the first events are claimed to be applied.
    passed: usize,
    /// The state before each event, and after the last.
    before: Vec<State>,
    /// How many events may still be applied or states compared.
    pub(super) budget: usize,
    doubt: Option<String>,
}

impl<'h> Search<'h> {
    pub(super) fn new(history: &'h History, passed: usize, budget: usize) -> Search<'h> {
        Search {
            history,
            passed,
            before: Vec::new(),
            budget,
            doubt: None,
        }
    }

    /// The least edits of a row of which also the last claimed events, from `applied` on, may be
    /// lost, where that is `Some`: as one stop of the consumer this costs one.
    pub(super) fn run(&mut self, applied: Option<usize>) -> Found {
        let (edits, reach) = self.least(applied);
        Found {
            edits,
            reach,
            doubt: self.doubt.take(),
        }
    }

    fn least(&mut self, applied: Option<usize>) -> (Vec<Edit>, Reach) {
        let count = self.history.touches().len();
        if count.saturating_mul(count) > self.budget {
            return (Vec::new(), Reach::Cost(0));
        }
        self.before = self.history.states();
        let Some((mut singles, beside)) = self.singles() else {
            return (Vec::new(), Reach::Cost(0));
        };
        if let Some(applied) = applied {
            singles.push(Edit::LeftOut((applied..self.passed).collect()));
            singles.sort_unstable();
            singles.dedup();
        }
        if !singles.is_empty() {
            return (singles, Reach::Whole);
        }
        if self.passed < 2 {
            return (beside, Reach::Whole);
        }
        match self.excludes_losses() {
            Some(true) => return (beside, Reach::Whole),
            Some(false) => {}
            None => return (Vec::new(), Reach::Cost(1)),
        }
        // What is kept back pays for the search of runs where not all sets can be tried.
        let kept = self.budget / 4;
        self.budget -= kept;
        for size in 2..=self.passed {
            let mut found = if size == 2 {
                beside.clone()
            } else {
                Vec::new()
            };
            if self
                .sets(State::NONE, 0, size, &mut Vec::new(), &mut found)
                .is_none()
            {
                self.budget += kept;
                return (self.runs(size), Reach::Cost(size - 1));
            }
            if !found.is_empty() {
                found.sort_unstable();
                found.dedup();
                self.budget += kept;
                return (found, Reach::Whole);
            }
        }
        self.budget += kept;
        (Vec::new(), Reach::Whole)
    }

    /// The edits of cost one, and those with lost events beside them.
    fn singles(&mut self) -> Option<(Vec<Edit>, Vec<Edit>)> {
        let count = self.history.touches().len();
        let mut singles = Vec::new();
        let mut beside = Vec::new();
        let mut keep =
            |found: Option<usize>, passed: usize, edit: &dyn Fn(Vec<usize>) -> Edit| match found {
                Some(applied) if applied < passed => beside.push(edit((applied..passed).collect())),
                Some(_) => singles.push(edit(Vec::new())),
                None => {}
            };
        let passed = self.passed;
        for at in 0..count {
            let left_out = self.applied(at, &[], at + 1)?;
            keep(left_out, passed, &|lost| {
                Edit::LeftOut(std::iter::once(at).chain(lost).collect())
            });
            let twice = self.applied(at, &[at, at], at + 1)?;
            keep(twice, passed, &|lost| Edit::Twice(at, lost));
            if at + 1 < count {
                let swapped = self.applied(at, &[at + 1, at], at + 2)?;
                keep(swapped, passed, &|lost| Edit::Swapped(at, lost));
            }
        }
        Some((singles, beside))
    }

    /// How many events were applied when the row was that of the state before `at` with `events`
    /// applied to it and then those from `next` on: at least the claimed ones if that can be, else
    /// as many as can be.
    fn applied(&mut self, at: usize, events: &[usize], next: usize) -> Option<Option<usize>> {
        let mut state = self.before[at].clone();
        for event in events {
            self.apply(&mut state, *event)?;
        }
        self.follow(state, next, 0)
    }

    /// The same from a state on, and nothing before `least` events were applied.
    fn follow(&mut self, mut state: State, next: usize, least: usize) -> Option<Option<usize>> {
        let mut found = None;
        for applied in next..=self.history.touches().len() {
            if applied > next {
                self.apply(&mut state, applied - 1)?;
            }
            if applied < least {
                continue;
            }
            self.spend()?;
            match self.history.compare(&state) {
                Match::Yes if applied >= self.passed => return Some(Some(applied)),
                Match::Yes => found = Some(applied),
                Match::No => {}
                Match::Unknown(reason) => {
                    self.doubt.get_or_insert(reason);
                }
            }
        }
        Some(found)
    }

    /// Adds every set of `size` claimed events, from `from` on, that gives the row when it is left
    /// out with those already in `out`; `state` is that before `from`.
    fn sets(
        &mut self,
        mut state: State,
        from: usize,
        size: usize,
        out: &mut Vec<usize>,
        found: &mut Vec<Edit>,
    ) -> Option<()> {
        if size == 0 {
            if self.follow(state, from, self.passed)?.is_some() {
                found.push(Edit::LeftOut(out.clone()));
            }
            return Some(());
        }
        for at in from..(self.passed + 1).saturating_sub(size) {
            out.push(at);
            self.sets(state.clone(), at + 1, size - 1, out, found)?;
            out.pop();
            self.apply(&mut state, at)?;
        }
        Some(())
    }

    /// The shortest runs of at least `size` claimed events that give the row when they are left out,
    /// as far as the budget goes.
    fn runs(&mut self, size: usize) -> Vec<Edit> {
        for size in size..=self.passed {
            let mut found = Vec::new();
            for start in 0..=self.passed - size {
                let run = start..start + size;
                match self.follow(self.before[start].clone(), run.end, self.passed) {
                    Some(Some(_)) => found.push(Edit::LeftOut(run.collect())),
                    Some(None) => {}
                    None => return Vec::new(),
                }
            }
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }

    /// Whether some column alone shows that no claimed events can have been left out, whichever.
    fn excludes_losses(&mut self) -> Option<bool> {
        let history = self.history;
        let stored = history.definition().stored.iter();
        for (column, mapped) in stored.flat_map(|stored| &stored.columns).enumerate() {
            if history.is_independent(mapped.field)
                && self.can_hold(column, mapped.field)? == Some(false)
            {
                return Some(true);
            }
        }
        Some(false)
    }

    /// Whether leaving out claimed events can give what a column holds, where the column depends on
    /// nothing but its own contents; `Some(None)` where there are too many contents to tell.
    fn can_hold(&mut self, column: usize, field: usize) -> Option<Option<bool>> {
        let history = self.history;
        let Some(row) = history.row() else {
            return Some(None);
        };
        let mut states = vec![State::NONE];
        for applied in 0..=history.touches().len() {
            if applied >= self.passed {
                for state in &states {
                    self.spend()?;
                    let likeness = likenesses(history.definition(), state, row).nth(column);
                    if state.is_alive() && likeness != Some(Likeness::Different) {
                        return Some(Some(true));
                    }
                }
            }
            if applied == history.touches().len() {
                break;
            }
            let mut seen = HashSet::new();
            let mut next = Vec::new();
            for mut state in states {
                if applied < self.passed && seen.insert(content(&state, field)) {
                    next.push(state.clone());
                }
                self.apply(&mut state, applied)?;
                if seen.insert(content(&state, field)) {
                    next.push(state);
                }
            }
            if next.len() > CONTENTS {
                return Some(None);
            }
            states = next;
        }
        Some(Some(false))
    }

    fn apply(&mut self, state: &mut State, at: usize) -> Option<()> {
        self.spend()?;
        if let Some(touch) = self.history.touches().get(at) {
            self.history.apply(state, touch);
        }
        Some(())
    }

    fn spend(&mut self) -> Option<()> {
        self.budget = self.budget.checked_sub(1)?;
        Some(())
    }
}

/// What tells two states of a column apart.
fn content(state: &State, field: usize) -> (bool, Option<String>) {
    let content = match state.cell(field) {
        Cell::Blank => None,
        Cell::Known(value) => Some(value.to_string()),
        Cell::Unknown(reason) => Some(format!("unknown: {reason}")),
    };
    (state.is_alive(), content)
}
