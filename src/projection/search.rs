//! The search for the least edit of a key's events that gives its row.
//!
//! An edit is what a consumer that goes wrong does to the order of events: it leaves one out, applies
//! one twice in a row, or swaps two neighbours. Each of these costs one, and so does each further
//! event left out; a run of events that is applied twice in a row costs as many as it has. Of the
//! events that the consumer does not claim, it may have applied any first part, at no cost.
//!
//! The last of the claimed events may be lost, alone or beside another edit. Where a checkpoint of the
//! whole log claims them, they cost one together, however many they are: the consumer stopped at this
//! key and went on with others. Where the row itself claims them, it has come to each of them, and
//! each costs one, as any event left out does.
//!
//! All edits of the least cost are found, so that nothing is named that is not the only one.
//!
//! Deliberately absent: an event that comes back later than right after itself or its run, and two
//! edits other than events left out. With those almost every row has several explanations.

use std::collections::HashSet;
use std::ops::{Range, RangeInclusive};

use crate::projection::compare::{Likeness, likenesses};
use crate::projection::edit::{Edit, Found, Reach};
use crate::projection::history::{History, Match};
use crate::projection::state::{Cell, State};
use crate::projection::sums::Sums;

/// How many sums are looked at in the time in which an event is applied.
const LOOKS: usize = 128;
/// How many states are kept at most.
const STATES: usize = 640;
/// How many different contents of one column are followed to show that none can be stored.
const CONTENTS: usize = 400;

/// What an edit costs, and the edit.
type Priced = (usize, Edit);

/// A search in progress; its steps are `None` where the budget ran out.
pub(super) struct Search<'h> {
    history: &'h History,
    /// How many of the first events are claimed to be applied.
    passed: usize,
    /// How many of them the row itself claims.
    by_row: usize,
    /// The state before every so many events.
    before: Vec<State>,
    step: usize,
    /// What tells most edits apart without applying any event.
    sums: Option<Sums>,
    /// How many events may still be applied or states compared.
    pub(super) budget: usize,
    /// How many sums were looked at and not paid for.
    looks: usize,
    doubt: Option<String>,
}

impl<'h> Search<'h> {
    /// A search where so many of the first events are claimed to be applied, and so many of these by
    /// the row itself.
    pub(super) fn new(
        history: &'h History,
        (passed, by_row): (usize, usize),
        budget: usize,
    ) -> Search<'h> {
        Search {
            history,
            passed,
            by_row,
            before: Vec::new(),
            step: 1,
            sums: None,
            budget,
            looks: 0,
            doubt: None,
        }
    }

    /// The least edits of a row of which also the last claimed events, from `applied` on, may be
    /// lost, where that is `Some`.
    pub(super) fn run(&mut self, applied: Option<usize>) -> Found {
        let (edits, reach) = self.least(applied);
        Found {
            edits,
            reach,
            doubt: self.doubt.take(),
        }
    }

    fn least(&mut self, applied: Option<usize>) -> (Vec<Edit>, Reach) {
        let tail = applied.map(|applied| {
            let lost = (applied..self.passed).collect();
            (self.cost_of_loss(applied), Edit::LeftOut(lost))
        });
        let Some((mut singles, mut beside)) = self.prepare().and_then(|()| self.singles()) else {
            let tail = tail.map(|(_, edit)| edit);
            return (tail.into_iter().collect(), Reach::Cost(0));
        };
        match tail.clone() {
            Some((1, edit)) => {
                singles.push(edit);
                singles.sort_unstable();
                singles.dedup();
            }
            tail => beside.extend(tail),
        }
        if !singles.is_empty() {
            return (singles, Reach::Whole);
        }
        // Only so much is spent to show that no losses can explain it.
        let kept = self.budget - self.budget / 4;
        self.budget -= kept;
        let may_be_lost = self.excludes_losses() != Some(true);
        self.budget += kept;
        // What is kept back pays for the search of runs where not all sets can be tried.
        let kept = self.budget / 4;
        self.budget -= kept;
        let found = self.several(beside, may_be_lost);
        self.budget += kept;
        match found {
            Ok(found) => (found, Reach::Whole),
            Err(size) => (self.shortest(size, tail), Reach::Cost(size - 1)),
        }
    }

    /// What the loss of the last claimed events costs of which so many were applied.
    fn cost_of_loss(&self, applied: usize) -> usize {
        let stop = usize::from(applied.max(self.by_row) < self.passed);
        self.by_row.saturating_sub(applied) + stop
    }

    /// The least edits of a cost of two or more, with those that are known with their cost; the cost
    /// up to which not all could be tried where that matters.
    fn several(&mut self, known: Vec<Priced>, may_be_lost: bool) -> Result<Vec<Edit>, usize> {
        let mut found = Vec::new();
        for size in 2..=self.history.touches().len() {
            let of_size = known.iter().filter(|(cost, _)| *cost == size);
            found.extend(of_size.map(|(_, edit)| edit.clone()));
            if may_be_lost && size <= self.passed {
                let start = self.sums.is_none().then_some(State::NONE);
                self.sets(start, 0, size, 0.0, &mut Vec::new(), &mut found)
                    .ok_or(size)?;
            }
            let is_whole = self.batches(size, &mut found).is_some();
            if !is_whole {
                return Err(size);
            }
            if !found.is_empty() {
                break;
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Sees to it that the edits of one event can all be tried.
    fn prepare(&mut self) -> Option<()> {
        let count = self.history.touches().len();
        self.sums = Sums::of(self.history);
        let least = match self.sums {
            Some(_) => count.saturating_mul(count) / (LOOKS / 2),
            None => count.saturating_mul(count),
        };
        if least > self.budget {
            return None;
        }
        // States with long lists ask for room.
        self.step = 1 + count / STATES;
        self.before = self.history.states(self.step);
        Some(())
    }

    /// The edits of cost one, and those with lost events beside them, with their cost.
    fn singles(&mut self) -> Option<(Vec<Edit>, Vec<Priced>)> {
        let count = self.history.touches().len();
        let mut singles = Vec::new();
        let mut beside = Vec::new();
        let mut keep =
            |own: &Self, found: Option<usize>, edit: &dyn Fn(Vec<usize>) -> Edit| match found {
                Some(applied) if applied < own.passed => {
                    let lost = (applied..own.passed).collect();
                    beside.push((1 + own.cost_of_loss(applied), edit(lost)));
                }
                Some(_) => singles.push(edit(Vec::new())),
                None => {}
            };
        for at in 0..count {
            let given = self.given(at..at + 1);
            let left_out = self.applied(at, &[], at + 1, -given)?;
            keep(self, left_out, &|lost| {
                Edit::LeftOut(std::iter::once(at).chain(lost).collect())
            });
            let twice = self.applied(at, &[at, at], at + 1, given)?;
            keep(self, twice, &|lost| Edit::Twice(at, lost));
            if at + 1 < count {
                let swapped = self.applied(at, &[at + 1, at], at + 2, 0.0)?;
                keep(self, swapped, &|lost| Edit::Swapped(at, lost));
            }
        }
        Some((singles, beside))
    }

    /// How many events were applied when the row was that of the state before `at` with `events`
    /// applied to it and then those from `next` on, which add `change` to the sums: at least the
    /// claimed ones if that can be, else as many as can be.
    fn applied(
        &mut self,
        at: usize,
        events: &[usize],
        next: usize,
        change: f64,
    ) -> Option<Option<usize>> {
        let Some(last) = self.reach(next, change)? else {
            return Some(None);
        };
        let mut state = self.before(at)?;
        for event in events {
            self.apply(&mut state, *event)?;
        }
        if let [one, other] = events
            && one != other
            && state.is(&self.before(next)?)
        {
            // What neighbours give in either order is no explanation of anything.
            return Some(None);
        }
        self.follow(state, next..=last, 0, change)
    }

    /// The state before an event.
    fn before(&mut self, at: usize) -> Option<State> {
        let near = at / self.step;
        let mut state = self.before.get(near).cloned().unwrap_or(State::NONE);
        for event in near * self.step..at {
            self.apply(&mut state, event)?;
        }
        Some(state)
    }

    /// The same from a state on, up to so many events, and nothing before `least` were applied.
    fn follow(
        &mut self,
        mut state: State,
        applied: RangeInclusive<usize>,
        least: usize,
        change: f64,
    ) -> Option<Option<usize>> {
        let mut found = None;
        let next = *applied.start();
        for applied in applied {
            if applied > next {
                self.apply(&mut state, applied - 1)?;
            }
            if applied < least || !self.may_be(change, applied) {
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

    /// Whether a row of which all claimed events were applied or edited is that of a state, in which
    /// those before `next` are.
    fn ends(&mut self, state: State, next: usize, change: f64) -> Option<bool> {
        let Some(last) = self.reach(next.max(self.passed), change)? else {
            return Some(false);
        };
        let found = self.follow(state, next..=last, self.passed, change)?;
        Some(found.is_some())
    }

    /// Adds every set of `size` claimed events, from `from` on, that gives the row when it is left
    /// out with those already in `out`, which take `change` from the sums; `state` is that before
    /// `from`, made anew where that pays.
    fn sets(
        &mut self,
        mut state: Option<State>,
        from: usize,
        size: usize,
        change: f64,
        out: &mut Vec<usize>,
        found: &mut Vec<Edit>,
    ) -> Option<()> {
        if size == 0 {
            if self.reach(from.max(self.passed), change)?.is_none() {
                return Some(());
            }
            let state = match state {
                Some(state) => state,
                None => self.without(out, from)?,
            };
            if self.ends(state, from, change)? {
                found.push(Edit::LeftOut(out.clone()));
            }
            return Some(());
        }
        for at in from..(self.passed + 1).saturating_sub(size) {
            out.push(at);
            let less = change - self.given(at..at + 1);
            self.sets(state.clone(), at + 1, size - 1, less, out, found)?;
            out.pop();
            if let Some(state) = &mut state {
                self.apply(state, at)?;
            }
        }
        Some(())
    }

    /// The state before an event without those that are left out.
    fn without(&mut self, out: &[usize], before: usize) -> Option<State> {
        let first = out.first().copied().unwrap_or(before);
        let mut state = self.before(first)?;
        for event in (first..before).filter(|event| !out.contains(event)) {
            self.apply(&mut state, event)?;
        }
        Some(state)
    }

    /// Adds every run of `size` events that gives the row when it is applied twice in a row, as a
    /// batch is that is delivered again.
    fn batches(&mut self, size: usize, found: &mut Vec<Edit>) -> Option<()> {
        for start in 0..(self.history.touches().len() + 1).saturating_sub(size) {
            let end = start + size;
            let change = self.given(start..end);
            if self.reach(end.max(self.passed), change)?.is_none() {
                continue;
            }
            let mut state = self.before(end)?;
            for event in start..end {
                self.apply(&mut state, event)?;
            }
            if self.ends(state, end, change)? {
                found.push(Edit::Again(start, size));
            }
        }
        Some(())
    }

    /// Some edits of at least this cost, where not all can be tried: the shortest runs of claimed
    /// events that give the row when they are left out, or the loss of the last ones where it is known
    /// to give it and costs no more.
    fn shortest(&mut self, size: usize, tail: Option<Priced>) -> Vec<Edit> {
        let most = tail.as_ref().map_or(self.passed, |(cost, _)| *cost);
        let runs = self.runs(size..=most.min(self.passed));
        let is_shorter = |edit: &Edit| matches!(edit, Edit::LeftOut(run) if run.len() < most);
        match tail {
            Some((_, tail)) if !runs.iter().any(is_shorter) && !runs.contains(&tail) => {
                runs.into_iter().chain([tail]).collect()
            }
            Some(_) | None => runs,
        }
    }

    /// The shortest runs of claimed events that give the row when they are left out, as far as the
    /// budget goes.
    fn runs(&mut self, sizes: RangeInclusive<usize>) -> Vec<Edit> {
        for size in sizes {
            let mut found = Vec::new();
            for start in 0..=self.passed - size {
                let run = start..start + size;
                let change = -self.given(run.clone());
                let ends = self
                    .before(start)
                    .and_then(|state| self.ends(state, run.end, change));
                match ends {
                    Some(true) => found.push(Edit::LeftOut(run.collect())),
                    Some(false) => {}
                    None => return Vec::new(),
                }
            }
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }

    /// What events add to the sums.
    fn given(&self, events: Range<usize>) -> f64 {
        self.sums.as_ref().map_or(0.0, |sums| sums.given(events))
    }

    /// Whether the sums allow the row after so many events, with this much added by an edit.
    fn may_be(&self, change: f64, applied: usize) -> bool {
        let sums = self.sums.as_ref();
        sums.is_none_or(|sums| sums.may_be(change, applied))
    }

    /// The greatest number of events, at least `next`, after which they do.
    fn reach(&mut self, next: usize, change: f64) -> Option<Option<usize>> {
        let count = self.history.touches().len();
        let mut applied = (next..=count).rev();
        let last = applied.find(|applied| self.may_be(change, *applied));
        self.looks += 1 + count - last.unwrap_or(next).min(count);
        while self.looks >= LOOKS {
            self.looks -= LOOKS;
            self.spend()?;
        }
        Some(last)
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
