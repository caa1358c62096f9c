//! What would explain a stored row: the least edits of its events, or a field changed with no event
//! behind it.
//!
//! An event is named only where no other edit of the same cost gives the row; one of several is never
//! called the culprit. What speaks for each of several is told beside it, and those for which the most
//! speaks are listed first: which of them the consumer gave up on, which have the id of another event,
//! which happened at one instant, and where versions stand twice or are missing.

use std::cmp::Reverse;
use std::fmt;

use crate::definition::projection::Key;
use crate::event::Position;
use crate::projection::compare::{Likeness, likenesses};
use crate::projection::edit::{Edit, Found, Reach};
use crate::projection::history::History;
use crate::projection::state::State;

/// How many of several edits are listed.
const LISTED: usize = 5;

/// What happened to a row, as far as its events tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Events were left out.
    LeftOut,
    /// An event was applied twice.
    Twice,
    /// Two neighbours were applied in the other order.
    Swapped,
    /// A field was changed with no event behind it.
    Edited,
    /// Edits of different classes explain it.
    Several,
    /// Nothing that was tried explains it.
    Unexplained,
    /// The search came to no end.
    Unsearched,
}

impl Class {
    /// The one word for it, everywhere.
    pub const fn label(self) -> &'static str {
        match self {
            Class::LeftOut => "left out",
            Class::Twice => "applied twice",
            Class::Swapped => "swapped",
            Class::Edited => "edited outside",
            Class::Several => "several",
            Class::Unexplained => "unexplained",
            Class::Unsearched => "unknown: search budget",
        }
    }
}

/// What would explain a stored row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What all of the edits have in common.
    pub class: Class,
    /// The edits, as far as they are listed.
    pub candidates: Vec<Candidate>,
    /// How many more there are.
    pub more: usize,
    /// The events that every possible edit is about in the same way; none where that is not known.
    pub named: Vec<Position>,
    /// The columns that were changed with no event behind it.
    pub columns: Vec<String>,
    /// In words: a lower-case fragment.
    pub text: Option<String>,
}

/// One edit that gives the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What was done.
    pub class: Class,
    /// To these events.
    pub events: Vec<Position>,
    /// Claimed events that were lost beside it.
    pub lost: Vec<Position>,
    /// What in the log speaks for it.
    pub support: Vec<Support>,
}

/// What speaks for one candidate rather than another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// The consumer gave up on it.
    DeadLetter,
    /// Another event has its id.
    SameId(Position),
    /// Its neighbour happened at the same time.
    SameInstant(Position),
    /// Its neighbour has its version.
    SameVersion(Position),
    /// Versions are missing between it and its neighbour.
    Gap(Position),
}

impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Support::DeadLetter => f.write_str("among the dead letters"),
            Support::SameId(place) => write!(f, "under the id of position {place}"),
            Support::SameInstant(place) => write!(f, "at the instant of position {place}"),
            Support::SameVersion(place) => write!(f, "under the version of position {place}"),
            Support::Gap(place) => {
                write!(f, "versions are missing between it and position {place}")
            }
        }
    }
}

impl Explanation {
    /// An event that may have been left out and one that has the same id, if there is such a pair.
    pub(super) fn twice(&self) -> Option<[Position; 2]> {
        let left_out = self.candidates.iter();
        let mut left_out = left_out.filter(|candidate| candidate.class == Class::LeftOut);
        left_out.find_map(|candidate| {
            let twin = candidate.support.iter().find_map(|support| match support {
                Support::SameId(twin) => Some(*twin),
                _ => None,
            })?;
            let one = *candidate.events.first()?;
            Some([one.min(twin), one.max(twin)])
        })
    }

    /// Whether it is that all the events named were left out, and nothing else.
    pub(super) fn is_told(&self) -> bool {
        match self.candidates.as_slice() {
            [only] => self.more == 0 && only.events == self.named,
            _ => false,
        }
    }

    /// What a search found, told; `passed` of the first events are claimed to be applied.
    pub(super) fn of(history: &History, passed: usize, found: &Found) -> Explanation {
        if found.edits.is_empty() {
            return Explanation::without_edits(history, passed, found);
        }
        let is_sure = found.reach == Reach::Whole && found.doubt.is_none();
        let all = found.edits.iter().map(|edit| candidate(history, edit));
        let mut candidates: Vec<Candidate> = all.collect();
        candidates.sort_by_key(|candidate| Reverse(candidate.support.len()));
        candidates.truncate(LISTED);
        let mut classes = found.edits.iter().map(class);
        let first = classes.next().unwrap_or(Class::Unexplained);
        let class = match classes.all(|other| other == first) {
            _ if found.reach != Reach::Whole => Class::Unsearched,
            true => first,
            false => Class::Several,
        };
        let named = if is_sure {
            common(&found.edits)
        } else {
            Vec::new()
        };
        let mut text = match candidates.as_slice() {
            [only] => format!("{} would give it", only.words()),
            several => {
                let several: Vec<String> = several.iter().map(Candidate::words).collect();
                format!("any of these would give it: {}", several.join("; "))
            }
        };
        let more = found.edits.len() - candidates.len();
        if more > 0 {
            text.push_str(&format!("; and {more} more"));
        }
        match found.reach {
            Reach::Whole => {}
            Reach::Cost(0) => {
                text.push_str("; whether another edit would is unknown: search budget");
            }
            Reach::Cost(_) => text.push_str("; whether less would is unknown: search budget"),
        }
        if let Some(doubt) = &found.doubt {
            text.push_str(&format!("; whether another edit would is unknown: {doubt}"));
        }
        Explanation {
            class,
            candidates,
            more,
            named: named.into_iter().map(|at| position(history, at)).collect(),
            columns: Vec::new(),
            text: Some(text),
        }
    }

    fn without_edits(history: &History, passed: usize, found: &Found) -> Explanation {
        let nothing = |class, text| Explanation {
            class,
            candidates: Vec::new(),
            more: 0,
            named: Vec::new(),
            columns: Vec::new(),
            text,
        };
        let budget = match found.reach {
            Reach::Whole => None,
            Reach::Cost(0) => {
                Some("which edit of its events would give it is unknown: search budget".to_owned())
            }
            Reach::Cost(1) => Some(
                "no edit of one event gives it; whether the loss of several does is unknown: search budget"
                    .to_owned(),
            ),
            Reach::Cost(cost) => Some(format!(
                "no edit of one event gives it, nor the loss of up to {cost}; more is unknown: search budget"
            )),
        };
        if budget.is_some() {
            return nothing(Class::Unsearched, budget);
        }
        if let Some(doubt) = &found.doubt {
            let text = format!("whether an edit of its events would give it is unknown: {doubt}");
            return nothing(Class::Unexplained, Some(text));
        }
        match edited(history, passed) {
            Some((columns, applied)) => {
                let names: Vec<String> = columns.iter().map(|it| format!("`{it}`")).collect();
                let upto = match history.touches().get(applied) {
                    Some(_) => format!(" up to position {}", position(history, applied - 1)),
                    None => String::new(),
                };
                let text = format!(
                    "nothing that was tried gives what {} holds, and all else is what its events{upto} give: edited outside",
                    names.join(" or ")
                );
                Explanation {
                    columns,
                    ..nothing(Class::Edited, Some(text))
                }
            }
            None => nothing(Class::Unexplained, None),
        }
    }
}

impl Candidate {
    /// What was done to what, with what speaks for it.
    fn words(&self) -> String {
        let mut words = format!("{} {}", places(&self.events), self.class.label());
        if !self.lost.is_empty() {
            words.push_str(&format!(" with {} lost", places(&self.lost)));
        }
        if !self.support.is_empty() {
            let support: Vec<String> = self.support.iter().map(ToString::to_string).collect();
            words.push_str(&format!(" ({})", support.join(", ")));
        }
        words
    }
}

fn places(positions: &[Position]) -> String {
    const SHOWN: usize = 4;
    let numbers: Vec<String> = positions.iter().map(ToString::to_string).collect();
    match numbers.as_slice() {
        [one] => format!("position {one}"),
        [one, two] => format!("positions {one} and {two}"),
        [first, .., last] if numbers.len() > SHOWN => {
            format!("{} positions from {first} to {last}", numbers.len())
        }
        some => format!("positions {}", some.join(", ")),
    }
}

fn class(edit: &Edit) -> Class {
    match edit {
        Edit::LeftOut(_) => Class::LeftOut,
        Edit::Twice(..) | Edit::Again(..) => Class::Twice,
        Edit::Swapped(..) => Class::Swapped,
    }
}

/// The events that all edits are about in the same way.
fn common(edits: &[Edit]) -> Vec<usize> {
    let left_out = |edit: &Edit| match edit {
        Edit::LeftOut(events) => Some(events.clone()),
        Edit::Twice(..) | Edit::Swapped(..) | Edit::Again(..) => None,
    };
    if let [only] = edits {
        return match only {
            Edit::LeftOut(events) => events.clone(),
            Edit::Twice(at, lost) => std::iter::once(*at).chain(lost.clone()).collect(),
            Edit::Swapped(at, lost) => [*at, at + 1].into_iter().chain(lost.clone()).collect(),
            // Other repeats add up to the same as a batch does; none of its events is certain.
            Edit::Again(..) => Vec::new(),
        };
    }
    let Some(sets) = edits.iter().map(left_out).collect::<Option<Vec<_>>>() else {
        return Vec::new();
    };
    let mut sets = sets.into_iter();
    let mut common = sets.next().unwrap_or_default();
    for set in sets {
        common.retain(|event| set.binary_search(event).is_ok());
    }
    common
}

fn position(history: &History, at: usize) -> Position {
    let touch = history.touches().get(at);
    touch.map_or(Position(0), |touch| touch.position)
}

fn candidate(history: &History, edit: &Edit) -> Candidate {
    let (events, lost) = match edit {
        Edit::LeftOut(events) => (events.clone(), Vec::new()),
        Edit::Twice(at, lost) => (vec![*at], lost.clone()),
        Edit::Swapped(at, lost) => (vec![*at, at + 1], lost.clone()),
        Edit::Again(at, size) => ((*at..at + size).collect(), Vec::new()),
    };
    Candidate {
        class: class(edit),
        support: support(history, &events),
        events: events.iter().map(|at| position(history, *at)).collect(),
        lost: lost.iter().map(|at| position(history, *at)).collect(),
    }
}

/// What speaks for these events rather than others: consumers give up on some, take one that has the
/// id of another for a repeat, and lose and confuse events at one instant, under one version, and
/// where versions are missing.
fn support(history: &History, events: &[usize]) -> Vec<Support> {
    let touches = history.touches();
    let clues = history.clues();
    let is_by_stream = matches!(history.definition().key, Key::Stream { .. });
    let mut support = Vec::new();
    for &at in events {
        let own = &touches[at];
        if clues.is_dead_letter(own) {
            support.push(Support::DeadLetter);
        }
        if let Some(place) = clues.repeated_at(own) {
            support.push(Support::SameId(place));
        }
        let beside = [at.checked_sub(1), Some(at + 1)];
        for other in beside.into_iter().flatten() {
            let Some(touch) = touches.get(other) else {
                continue;
            };
            let place = touch.position;
            if touch.time == own.time {
                support.push(Support::SameInstant(place));
            }
            let is_one_stream = is_by_stream || own.stream.is_some() && own.stream == touch.stream;
            let (Some(version), Some(beside), true) = (own.version, touch.version, is_one_stream)
            else {
                continue;
            };
            if version == beside {
                support.push(Support::SameVersion(place));
            } else if has_whole_streams(history) && version.abs_diff(beside) > 1 {
                support.push(Support::Gap(place));
            }
        }
    }
    support.dedup();
    support
}

/// Whether every event of a stream is one of its key, so that no version can be missing.
fn has_whole_streams(history: &History) -> bool {
    let definition = history.definition();
    matches!(definition.key, Key::Stream { .. })
        && definition.every.is_some()
        && definition.narrow.is_none()
}

/// The columns that no first part of the events gives, where all others are what one first part
/// that covers the claimed events gives, and how many events that is.
fn edited(history: &History, passed: usize) -> Option<(Vec<String>, usize)> {
    let stored = history.definition().stored.as_ref()?;
    let row = history.row()?;
    let mut given = vec![false; stored.columns.len()];
    let mut state = State::NONE;
    let mut parts = Vec::new();
    for touch in history.touches() {
        history.apply(&mut state, touch);
        let mut same = vec![false; given.len()];
        if state.is_alive() {
            let likenesses = likenesses(history.definition(), &state, row);
            for (column, likeness) in likenesses.enumerate() {
                same[column] = likeness == Likeness::Same;
                given[column] |= !matches!(likeness, Likeness::Different);
            }
        }
        parts.push(same);
    }
    if given.iter().all(|given| !given) {
        return None;
    }
    let agrees = |same: &Vec<bool>| same.iter().zip(&given).all(|(same, given)| same | !given);
    let applied = 1 + parts.iter().rposition(agrees)?;
    let names = stored.columns.iter().zip(&given);
    let names = names.filter(|(_, given)| !**given);
    let names: Vec<String> = names.map(|(column, _)| column.name.clone()).collect();
    (applied >= passed && !names.is_empty()).then_some((names, applied))
}
