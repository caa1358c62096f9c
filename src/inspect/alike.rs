//! Rows that may be events of an instance and may stand for each other.
//!
//! A service that spoils what names its instances spoils many rows, and all of one kind. Of those that
//! mean the same and have no event of the instance between them, it makes no difference which are its
//! own, and none whether that is all of them or a few. So not every choice among them is tried, but
//! those among a few of them, the first and the last of their kind included.
//!
//! That holds of what becomes more or less likely with the time of a row. Whether a step was late
//! becomes both, for the step itself and for the next one: see [`IN_BETWEEN`].

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use crate::definition::saga::Saga;
use crate::replay::{Blank, Doubt};
use crate::rules::late;
use crate::saga::{Meaning, Moment, StepEvent};

/// Rules that an instance may break with the first row as its own at one step, with the last at
/// another, and with one in between at none.
pub(super) const IN_BETWEEN: [&str; 2] = [late::STEP.name, late::SAGA.name];

/// Some of these rows, which are in the order of their positions: what is so with an instance whichever
/// of them are its own is so whichever of all rows are, at the same step or, of all rules but those
/// [`IN_BETWEEN`], at one or another. All events of the instance can be read. `None` where more rows than
/// so many are needed, or where there are too many to tell where each stands.
pub(super) fn representatives<'d>(
    saga: &Saga,
    moments: &[Moment],
    rows: &'d [Doubt],
    most: usize,
) -> Option<Vec<&'d Doubt>> {
    if rows.last().is_some_and(|last| last.blank.position) {
        return None;
    }
    let is_keyed = rows.iter().any(|row| row.moment.key != 0);
    let own = moments.iter().filter(|_| is_keyed).map(|own| own.key);
    let keys: HashSet<u64, FixedState> = own.filter(|key| *key != 0).collect();
    let kind = |row: &Doubt| {
        let meaning = only_meaning(row).filter(|_| !keys.contains(&row.moment.key))?;
        let place = moments.partition_point(|own| own.position < row.moment.position);
        Some((meaning, row.moment.detail, place))
    };
    let mut last = rows.first().and_then(kind);
    let is_alike = |_: &Doubt, next: &Doubt| {
        let before = std::mem::replace(&mut last, kind(next));
        before.is_some() && before == last
    };
    let mut chosen = Vec::new();
    for run in rows.chunk_by(is_alike) {
        match only_meaning(&run[0]).filter(|_| is_uniform(run)) {
            Some(meaning) => choose(run, enough(saga, moments, meaning), &mut chosen),
            None => chosen.extend(run),
        }
        if chosen.len() > most {
            return None;
        }
    }
    Some(chosen)
}

/// The one thing that a row may mean, beside nothing, where everything that matters of it can be read.
fn only_meaning(doubt: &Doubt) -> Option<Meaning> {
    let Blank {
        position,
        order,
        time,
        key,
        error,
    } = doubt.blank;
    let mut meanings = doubt.options.iter().flatten();
    let meaning = meanings.next().copied()?;
    let fails = matches!(
        meaning,
        Meaning::Step(_, StepEvent::Failure) | Meaning::Undo(_, StepEvent::Failure)
    );
    let is_blank = position || order || time || key || (error && fails);
    (meanings.next().is_none() && !is_blank).then_some(meaning)
}

/// Whether all of them have one idempotency key, or none, or each another.
fn is_uniform(run: &[Doubt]) -> bool {
    let mut keys: Vec<u64> = run.iter().map(|doubt| doubt.moment.key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.len() == 1 || keys.len() == run.len()
}

/// With how many events more of a meaning an instance breaks every rule that it breaks with any greater
/// number of them: one beyond each limit on how often it may happen.
fn enough(saga: &Saga, moments: &[Moment], meaning: Meaning) -> usize {
    let met = |meaning: Meaning| {
        let same = moments.iter().filter(|moment| moment.meaning == meaning);
        same.count()
    };
    let attempts = |retries: Option<u32>| retries.map_or(0, |retries| retries as usize + 2);
    let limit = match meaning {
        Meaning::Step(step, StepEvent::Success) => met(Meaning::Undo(step, StepEvent::Success)) + 2,
        Meaning::Undo(step, StepEvent::Success) => met(Meaning::Step(step, StepEvent::Success)) + 2,
        Meaning::Step(step, StepEvent::Begin | StepEvent::Failure) => {
            let step = &saga.steps[usize::from(step)];
            attempts(step.retries).max(saga.wedged_after as usize)
        }
        Meaning::Undo(step, StepEvent::Begin | StepEvent::Failure) => {
            let undo = saga.steps[usize::from(step)].compensation.as_ref();
            attempts(undo.and_then(|undo| undo.retries))
        }
        _ => 2,
    };
    limit.max(2)
}

/// So many of them: the first ones and the last, and with them those that happened before or after both.
fn choose<'d>(run: &'d [Doubt], enough: usize, chosen: &mut Vec<&'d Doubt>) {
    let [first, .., last] = run else {
        return chosen.extend(run);
    };
    let times = [first, last].map(|doubt| doubt.moment.time);
    let [earliest, latest] = [times[0].min(times[1]), times[0].max(times[1])];
    let is_between = |doubt: &Doubt| (earliest..=latest).contains(&doubt.moment.time);
    let (kept, rest) = run.split_at((enough - 1).min(run.len() - 1));
    let (rest, last) = rest.split_at(rest.len() - 1);
    chosen.extend(kept);
    chosen.extend(rest.iter().filter(|doubt| !is_between(doubt)));
    chosen.extend(last);
}

#[cfg(test)]
mod tests;
