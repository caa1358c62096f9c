//! What becomes of one key: where its stored row stands among the folds of its events.
//!
//! With `L` the events of the key and `P(i)` the fold of the first `i` of them, a row is held
//! against every `P(i)`; no row is what the fold is before the first event and after one that
//! deletes. What tells slow from lost is what the consumer claims to have applied: its checkpoint,
//! or the version in the row. Where nothing claims anything, nothing is called lost.

use crate::definition::projection::Counts;
use crate::event::{Position, Span, Timestamp};
use crate::projection::compare::{Clash, Difference, Likeness, differences, likenesses};
use crate::projection::edit::Edit;
use crate::projection::explanation::{Class, Explanation};
use crate::projection::history::{History, Match};
use crate::projection::state::State;

/// How a stored row relates to the events of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It is the fold of all of them.
    Exact,
    /// It is the fold of the first of them, and the others may still be on their way.
    Converging,
    /// The same, but for longer than is tolerated.
    Late,
    /// It is what leaving out events gives that the consumer claims to have applied.
    Skipped,
    /// No first part of them gives it.
    Divergent,
    /// There is none, and there should be.
    Missing,
    /// There is one, and there should be none.
    Orphan,
    /// It claims events that are not in the log.
    Ahead,
    /// It holds what cannot be compared.
    Unreadable,
    /// It cannot be told.
    Unknown,
}

impl Verdict {
    /// All verdicts, in the order of reports.
    pub const ALL: [Verdict; 10] = [
        Verdict::Exact,
        Verdict::Converging,
        Verdict::Late,
        Verdict::Skipped,
        Verdict::Divergent,
        Verdict::Missing,
        Verdict::Orphan,
        Verdict::Ahead,
        Verdict::Unreadable,
        Verdict::Unknown,
    ];

    /// The one word for it, everywhere.
    pub const fn label(self) -> &'static str {
        match self {
            Verdict::Exact => "exact",
            Verdict::Converging => "converging",
            Verdict::Late => "late",
            Verdict::Skipped => "skipped",
            Verdict::Divergent => "divergent",
            Verdict::Missing => "missing",
            Verdict::Orphan => "orphan",
            Verdict::Ahead => "ahead",
            Verdict::Unreadable => "unreadable",
            Verdict::Unknown => "unknown",
        }
    }
}

/// What is said of one key whose row is not exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The key.
    pub key: String,
    /// How its row relates to its events.
    pub verdict: Verdict,
    /// The events that show it, in order.
    pub evidence: Vec<Position>,
    /// The time of the oldest event that should have been applied and was not.
    pub since: Option<Timestamp>,
    /// From then to the horizon.
    pub lag: Option<Span>,
    /// How many events the row is behind, where it is the fold of the first of them.
    pub behind: u64,
    /// The columns that do not hold what the fold of all events gives.
    pub differences: Vec<Difference>,
    /// Why, where the verdict does not say it all: a lower-case fragment.
    pub reason: Option<String>,
    /// What would explain a row that is skipped or divergent.
    pub explanation: Option<Explanation>,
    /// It cannot be compared with what any event could give.
    pub is_final: bool,
}

impl Standing {
    /// A verdict that needs no look at the key's events.
    pub(super) fn at_once(key: &str, verdict: Verdict, reason: Option<String>) -> Standing {
        Standing {
            key: key.to_owned(),
            verdict,
            evidence: Vec::new(),
            since: None,
            lag: None,
            behind: 0,
            differences: Vec::new(),
            reason,
            explanation: None,
            is_final: true,
        }
    }

    /// A row that holds what cannot be compared.
    pub(super) fn unreadable(key: &str, clash: Clash) -> Standing {
        Standing {
            is_final: clash.is_final,
            ..Standing::at_once(key, Verdict::Unreadable, Some(clash.reason))
        }
    }

    /// Whether it may be right by one event that was not seen.
    pub fn may_lack(&self) -> bool {
        match self.verdict {
            Verdict::Late
            | Verdict::Skipped
            | Verdict::Divergent
            | Verdict::Missing
            | Verdict::Orphan => true,
            Verdict::Unreadable => !self.is_final,
            Verdict::Exact | Verdict::Converging | Verdict::Ahead | Verdict::Unknown => false,
        }
    }

    /// Whether what is said of it stands whatever events were not seen.
    pub fn is_settled(&self) -> bool {
        match self.verdict {
            Verdict::Ahead => true,
            Verdict::Unreadable => self.is_final,
            _ => false,
        }
    }
}

/// Judges a key by its history; `claimed` is the position up to which the consumer says that it has
/// come with the whole log, `budget` how many events may be applied in search of what happened.
pub fn judge(
    history: &History,
    claimed: Option<i64>,
    horizon: Timestamp,
    budget: &mut usize,
) -> Standing {
    let scan = Scan::of(history);
    let row = history.row();
    let said = Standing {
        differences: row.map_or_else(Vec::new, |row| {
            differences(history.definition(), &scan.last, row)
        }),
        ..Standing::at_once(history.key(), Verdict::Unknown, None)
    };
    if let Some(reason) = scan.unknown {
        return Standing {
            reason: Some(reason),
            ..said
        };
    }
    if let Some(reason) = beyond(history) {
        return Standing {
            verdict: Verdict::Ahead,
            evidence: ends(history),
            reason: Some(reason),
            ..said
        };
    }
    let count = history.touches().len();
    let passed = passed(history, claimed);
    match scan.matched {
        Some(applied) if applied == count => Standing {
            verdict: Verdict::Exact,
            ..said
        },
        Some(applied) => {
            let may_be_due = || before_end(history, passed, horizon).is_some();
            let is_due = scan.last.is_alive() || (row.is_some() && may_be_due());
            match behind(history, applied, passed, horizon, said, is_due) {
                (said, Some(passed)) => {
                    explained(history, (Some(passed), Some(applied)), said, budget)
                }
                (said, None) => said,
            }
        }
        None if scan.last.is_alive() => match unreadable(history, &scan.last) {
            Some(clash) => Standing::unreadable(history.key(), clash),
            None => explained(history, (passed, None), said, budget),
        },
        None => match before_end(history, passed, horizon) {
            Some(before) => match unreadable(history, &before) {
                Some(clash) => Standing::unreadable(history.key(), clash),
                None => {
                    let differences = row.map_or_else(Vec::new, |row| {
                        differences(history.definition(), &before, row)
                    });
                    let said = Standing {
                        differences,
                        ..said
                    };
                    explained(history, (passed, None), said, budget)
                }
            },
            None => Standing {
                verdict: Verdict::Orphan,
                evidence: ends(history),
                ..said
            },
        },
    }
}

/// The state before the event that ended it, as long as that may be on its way: it is no older than
/// is tolerated, and not claimed to be applied.
fn before_end(history: &History, passed: Option<usize>, horizon: Timestamp) -> Option<State> {
    let mut state = State::NONE;
    let mut end = None;
    for (at, touch) in history.touches().iter().enumerate() {
        let was_alive = state.is_alive();
        history.apply(&mut state, touch);
        if was_alive && !state.is_alive() {
            end = Some((at, touch.time));
        }
    }
    let (at, time) = end?;
    let in_time = horizon.since(time) <= history.definition().within;
    let is_claimed = passed.is_some_and(|passed| passed > at);
    (in_time && !is_claimed).then(|| history.fold(0..at))
}

/// What folding a history once shows.
struct Scan {
    /// The greatest number of first events whose fold is the row.
    matched: Option<usize>,
    /// Why that cannot be told.
    unknown: Option<String>,
    last: State,
}

impl Scan {
    fn of(history: &History) -> Scan {
        let mut state = State::NONE;
        let mut matched = None;
        let mut unknown = None;
        for applied in 0..=history.touches().len() {
            if let Some(touch) = applied
                .checked_sub(1)
                .and_then(|at| history.touches().get(at))
            {
                history.apply(&mut state, touch);
            }
            match history.compare(&state) {
                Match::Yes => {
                    matched = Some(applied);
                    unknown = None;
                }
                Match::No => {}
                Match::Unknown(reason) => unknown = Some(reason),
            }
        }
        Scan {
            matched,
            unknown,
            last: state,
        }
    }
}

/// How many of the first events the consumer claims to have applied; `None` where nothing claims
/// anything.
pub(super) fn passed(history: &History, claimed: Option<i64>) -> Option<usize> {
    let of_row = history.row_version();
    if claimed.is_none() && of_row.is_none() {
        return None;
    }
    // A consumer goes forward: what stands after an event beyond the row's version was not come to,
    // whatever version it has itself.
    let is_beyond = |at: usize| {
        let both = history.count(at).zip(of_row);
        both.is_some_and(|(own, version)| own > version)
    };
    let count = history.touches().len();
    let until = (0..count).find(|at| is_beyond(*at)).unwrap_or(count);
    let is_passed = |at: usize| {
        let by_checkpoint =
            claimed.is_some_and(|claimed| history.touches()[at].position.0 <= claimed);
        by_checkpoint || of_row.is_some() && at < until && history.count(at).is_some()
    };
    let last = (0..count).rev().find(|at| is_passed(*at));
    Some(last.map_or(0, |at| at + 1))
}

/// Why the row claims more than the log holds, if it does.
fn beyond(history: &History) -> Option<String> {
    let version = history.row_version()?;
    let last = history.reach()?;
    let (what, end) = match history.counts()? {
        Counts::Version => ("version", "its last event has version"),
        Counts::Position => ("position", "the log ends at"),
    };
    (version > last).then(|| format!("the row is at {what} {version}, {end} {last}"))
}

/// Why a row cannot be compared: some column can be compared with no first part of the events that
/// gives it.
fn unreadable(history: &History, last: &State) -> Option<Clash> {
    let (definition, row) = (history.definition(), history.row()?);
    let likenesses = |state: &State| likenesses(definition, state, row).collect::<Vec<_>>();
    let mut wrong = likenesses(last);
    let mut state = State::NONE;
    for touch in history.touches() {
        history.apply(&mut state, touch);
        let is_given = |(wrong, here): (&mut Likeness, Likeness)| {
            if here == Likeness::Same {
                *wrong = Likeness::Same;
            }
        };
        if state.is_alive() {
            wrong.iter_mut().zip(likenesses(&state)).for_each(is_given);
        }
    }
    Clash::worst(wrong.into_iter().filter_map(|likeness| match likeness {
        Likeness::Unreadable(clash) => Some(clash),
        Likeness::Same | Likeness::Different | Likeness::Unknown(_) => None,
    }))
}

/// A row that is the fold of the first `applied` events, and how many are claimed to be, where those
/// between are lost. `is_due` is whether a row should be there.
fn behind(
    history: &History,
    applied: usize,
    passed: Option<usize>,
    horizon: Timestamp,
    said: Standing,
    is_due: bool,
) -> (Standing, Option<usize>) {
    let touches = history.touches();
    let next = &touches[applied];
    let lag = horizon.since(next.time);
    let said = Standing {
        since: Some(next.time),
        lag: Some(lag),
        behind: (touches.len() - applied) as u64,
        evidence: vec![next.position],
        ..said
    };
    let tail = passed.filter(|passed| *passed > applied);
    let in_time = lag <= history.definition().within;
    let is_dead = history.clues().is_dead_letter(next);
    let said = Standing {
        reason: is_dead.then(|| format!("position {} is among the dead letters", next.position)),
        ..said
    };
    let verdict = match (history.row().is_some(), is_due) {
        _ if in_time && tail.is_none() => Verdict::Converging,
        (false, true) if !in_time => Verdict::Missing,
        (true, false) => Verdict::Orphan,
        _ if tail.is_some() => return (said, tail),
        _ => Verdict::Late,
    };
    (Standing { verdict, ..said }, None)
}

/// A row that some edit of its events may explain, of which so many are claimed to be applied, and
/// of which the first so many give it.
fn explained(
    history: &History,
    (passed, applied): (Option<usize>, Option<usize>),
    said: Standing,
    budget: &mut usize,
) -> Standing {
    let claimed = passed.unwrap_or(0);
    let by_row = self::passed(history, None).map_or(0, |by_row| by_row.min(claimed));
    let mut found = history.edits((claimed, by_row), applied, budget);
    if history.is_incomplete() {
        let doubt = || "a row that cannot be judged may be one of them".to_owned();
        found.doubt.get_or_insert_with(doubt);
    }
    let is_lost = |edit: &Edit| match edit {
        Edit::LeftOut(events) => events.iter().all(|event| *event < claimed),
        Edit::Twice(..) | Edit::Swapped(..) | Edit::Again(..) => false,
    };
    let is_skipped =
        applied.is_some() || (!found.edits.is_empty() && found.edits.iter().all(is_lost));
    let explanation = Explanation::of(history, claimed, &found);
    let named = history.touches().iter();
    let mut named = named.filter(|touch| explanation.named.contains(&touch.position));
    Standing {
        verdict: match is_skipped {
            true => Verdict::Skipped,
            false => Verdict::Divergent,
        },
        since: named.next().filter(|_| is_skipped).map(|touch| touch.time),
        evidence: match explanation.named.is_empty() {
            true => ends(history),
            false => explanation.named.clone(),
        },
        reason: match explanation.class {
            Class::LeftOut if is_skipped && explanation.is_told() => None,
            _ => explanation.text.clone(),
        },
        explanation: Some(explanation),
        ..said
    }
}

/// The first and the last event.
fn ends(history: &History) -> Vec<Position> {
    let touches = history.touches();
    let mut ends: Vec<Position> = touches
        .first()
        .into_iter()
        .chain(touches.last())
        .map(|touch| touch.position)
        .collect();
    ends.dedup();
    ends
}
