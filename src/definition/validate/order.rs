//! The partial order of a saga's steps, from what each says it comes after.

use crate::definition::document::At;
use crate::definition::fault::{self, Fault};
use crate::definition::raw;
use crate::definition::saga::StepSet;
use crate::suggest::did_you_mean;

/// Where one step stands among the others.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rank {
    /// See [`crate::definition::saga::Step::after`].
    pub(crate) after: StepSet,
    /// See [`crate::definition::saga::Step::before`].
    pub(crate) before: StepSet,
    /// See [`crate::definition::saga::Step::requires`].
    pub(crate) requires: StepSet,
}

/// The ranks of all steps; faults where `after` names no step or steps wait for each other.
///
/// `steps` has at most [`StepSet::CAPACITY`] members.
pub(crate) fn resolve(steps: &[raw::saga::Step], at: At<'_>, faults: &mut Vec<Fault>) -> Vec<Rank> {
    let mut walk = Walk {
        steps,
        at,
        ranks: direct(steps, at, faults),
        state: vec![State::New; steps.len()],
        path: Vec::new(),
    };
    for step in 0..steps.len() {
        walk.visit(step, faults);
    }
    walk.ranks
}

fn direct(steps: &[raw::saga::Step], at: At<'_>, faults: &mut Vec<Fault>) -> Vec<Rank> {
    let from = faults.len();
    let mut ranks = vec![Rank::default(); steps.len()];
    for (index, step) in steps.iter().enumerate() {
        let Some(after) = &step.after else {
            if let Some(above) = index.checked_sub(1) {
                ranks[index].after.insert(above);
            }
            continue;
        };
        for (item, name) in after.0.iter().enumerate() {
            let name = &name.0.0;
            match steps.iter().position(|other| other.step.0.0 == *name) {
                Some(other) => ranks[index].after.insert(other),
                None if faults.len() - from >= fault::MOST => return ranks,
                None => {
                    let others = steps.iter().map(|step| &*step.step.0.0);
                    let others: Vec<&str> =
                        others.filter(|other| **other != *step.step.0.0).collect();
                    let place = at.item(index).key("after").item(item).place();
                    faults.push(
                        Fault::fatal(
                            fault::UNKNOWN_STEP,
                            place,
                            format!("there is no step `{name}`"),
                        )
                        .label("unknown step")
                        .help(did_you_mean(name, others)),
                    );
                }
            }
        }
    }
    ranks
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}

struct Walk<'a> {
    steps: &'a [raw::saga::Step],
    at: At<'a>,
    ranks: Vec<Rank>,
    state: Vec<State>,
    path: Vec<usize>,
}

impl Walk<'_> {
    fn visit(&mut self, step: usize, faults: &mut Vec<Fault>) {
        match self.state[step] {
            State::Done => return,
            State::Open => return faults.push(self.cycle(step)),
            State::New => {}
        }
        self.state[step] = State::Open;
        self.path.push(step);
        let after = self.ranks[step].after;
        for earlier in after.iter() {
            self.visit(earlier, faults);
        }
        let mut rank = Rank {
            after,
            before: after,
            requires: StepSet::EMPTY,
        };
        for earlier in after.iter() {
            let Rank {
                before, requires, ..
            } = self.ranks[earlier];
            rank.before = rank.before.union(before);
            let owed = if self.steps[earlier].optional {
                requires
            } else {
                [earlier].into_iter().collect()
            };
            rank.requires = rank.requires.union(owed);
        }
        self.ranks[step] = rank;
        self.path.pop();
        self.state[step] = State::Done;
    }

    /// The fault of the steps from `back_to` to the end of the path, each of which waits for the
    /// next and the last for the first.
    fn cycle(&self, back_to: usize) -> Fault {
        let start = self
            .path
            .iter()
            .position(|step| *step == back_to)
            .unwrap_or(0);
        let members = &self.path[start..];
        let first = members.iter().copied().min().unwrap_or(back_to);
        let offset = members.iter().position(|step| *step == first).unwrap_or(0);
        let names: Vec<String> = members[offset..]
            .iter()
            .chain(&members[..offset])
            .chain([&first])
            .map(|step| format!("`{}`", self.steps[*step].step.0))
            .collect();
        let message = match names.as_slice() {
            [only, _] => format!("step {only} waits for itself"),
            _ => format!("these steps wait for each other: {}", names.join(" after ")),
        };
        let at = self.at.item(first);
        let place = if at.has("after") {
            at.key("after")
        } else {
            at.key("step")
        }
        .place();
        Fault::fatal(fault::CYCLE, place, message)
            .label("none of them can ever begin")
            .help("take one of them out of another's `after`".to_owned())
    }
}
