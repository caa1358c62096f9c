//! Reactions against a slow evaluator.

use std::sync::Arc;

use proptest::prelude::*;

use super::assignment::{Assignment, Effect, Trigger};
use super::note::{Note, Role};
use super::{Conclusion, Ledger, Unseen, Wrong};
use crate::absent::Absent;
use crate::definition;
use crate::definition::reaction::Reaction;
use crate::event::{Position, Span, Timestamp};
use crate::texts::{Keys, Texts};

fn reaction(count: &str) -> Arc<Reaction> {
    let text = format!("reaction: r\nwhen: A\nthen: B\nwithin: 5s\ncount: {count}\n");
    let definitions =
        definition::load_text(std::path::Path::new("r.yaml"), &text, &[]).expect("it is sound");
    Arc::clone(&definitions.scopes[0].reactions[0])
}

/// An event: what it is, and the second at which it happened.
type Told = (Role, i64);

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

const fn unseen(absent: &Absent) -> Unseen<'_> {
    Unseen {
        is_cut: false,
        absent,
        later: absent,
    }
}

/// What is wrong: whether it is about a trigger, which event, and what.
fn quickly(reaction: &Arc<Reaction>, told: &[Told], horizon: i64) -> Vec<(Wrong, i64)> {
    let mut ledger = Ledger::new(std::slice::from_ref(reaction));
    let mut texts = Texts::default();
    for (index, (role, seconds)) in told.iter().enumerate() {
        let note = Note {
            reaction: 0,
            role: *role,
            is_doubtful: false,
            value: Some((Keys::hash("x"), texts.keep("x"))),
            id: index as u64 + 1,
            position: Position(index as i64 + 1),
            time: at(*seconds),
        };
        ledger.take(&[note], &texts);
    }
    let conclusion = ledger
        .conclude(at(horizon), unseen(&Absent::default()))
        .remove(0);
    let faults = conclusion.faults.into_iter();
    faults.map(|fault| (fault.wrong, fault.at.0)).collect()
}

/// How many effects are missing, late and left over in the assignment of effects to triggers that
/// leaves the fewest missing, and of those the fewest late. Every assignment is tried: an effect may
/// answer what happened no later than the youngest trigger before it, or within the time after it.
fn slowly(told: &[Told]) -> (u32, u32, u32) {
    let units: Vec<(usize, i64)> = told
        .iter()
        .enumerate()
        .flat_map(|(index, (role, seconds))| {
            let owed = match role {
                Role::Trigger(owed) => owed.unwrap_or(0),
                Role::Effect => 0,
            };
            std::iter::repeat_n((index, *seconds), owed as usize)
        })
        .collect();
    let mut youngest = i64::MIN;
    let mut effects: Vec<(i64, i64)> = Vec::new();
    for (role, seconds) in told {
        match role {
            Role::Trigger(_) => youngest = youngest.max(*seconds),
            Role::Effect => effects.push((*seconds, youngest.max(seconds + 5))),
        }
    }
    let mut best = (u32::MAX, u32::MAX);
    assign(&units, &effects, &mut vec![None; units.len()], 0, &mut best);
    let matched = units.len() as u32 - best.0;
    (best.0, best.1, effects.len() as u32 - matched)
}

fn assign(
    units: &[(usize, i64)],
    effects: &[(i64, i64)],
    taken: &mut Vec<Option<usize>>,
    next: usize,
    best: &mut (u32, u32),
) {
    let Some((_, reach)) = effects.get(next) else {
        let unmatched = taken.iter().filter(|by| by.is_none()).count() as u32;
        let late = units
            .iter()
            .zip(taken.iter())
            .filter(|((_, due), by)| by.is_some_and(|by| effects[by].0 > due + 5));
        *best = (*best).min((unmatched, late.count() as u32));
        return;
    };
    assign(units, effects, taken, next + 1, best);
    for unit in 0..units.len() {
        if taken[unit].is_none() && units[unit].1 <= *reach {
            taken[unit] = Some(next);
            assign(units, effects, taken, next + 1, best);
            taken[unit] = None;
        }
    }
}

/// Triggers may arrive some seconds after they happened, and so after their effects.
fn logs() -> impl Strategy<Value = Vec<Told>> {
    let role = prop_oneof![
        (1..3_u32).prop_map(|owed| Role::Trigger(Some(owed))),
        Just(Role::Effect),
        Just(Role::Effect),
    ];
    prop::collection::vec((role, 0..5_i64, 0..9_i64), 0..7).prop_map(|steps| {
        let mut seconds = 0;
        let tell = |(role, rest, travels)| {
            seconds += rest;
            match role {
                Role::Effect => (role, seconds),
                Role::Trigger(_) => (role, seconds - travels),
            }
        };
        steps.into_iter().map(tell).collect()
    })
}

/// What is missing, late and left over where nothing is settled before the end.
fn at_once(told: &[Told]) -> (u32, u32, u32) {
    let (mut triggers, mut effects) = (Vec::new(), Vec::new());
    let mut youngest = Timestamp::MIN;
    for (index, (role, seconds)) in told.iter().enumerate() {
        let at = (Position(index as i64 + 1), at(*seconds));
        match role {
            Role::Trigger(of) => {
                youngest = youngest.max(at.1);
                let of = of.unwrap_or(0);
                triggers.push(Trigger { at, of });
            }
            Role::Effect => effects.push(Effect {
                at,
                reach: at.1.after(Span::from_secs(5)).max(youngest),
            }),
        }
    }
    triggers.sort_by_key(|one| (one.at.1, one.at.0));
    effects.sort_by_key(|one| (one.at.1, one.at.0));
    let assignment = Assignment::of_one_each(&triggers, &effects, Span::from_secs(5));
    let late = assignment.answers.iter();
    let late = late.filter(|answer| answer.late > Span::ZERO).count();
    (
        assignment.owed.iter().sum(),
        late as u32,
        assignment.spare.len() as u32,
    )
}

/// Triggers that arrive no later than reactions may take, and most effects in time.
fn long_logs() -> impl Strategy<Value = Vec<Told>> {
    let step = (0..2_u8, 0..3_i64, 0..5_i64);
    prop::collection::vec(step, 200..500).prop_map(|steps| {
        let mut seconds = 0;
        let tell = |(role, rest, travels): (u8, i64, i64)| {
            seconds += rest;
            match role {
                0 => (A, seconds - travels),
                _ => (B, seconds),
            }
        };
        steps.into_iter().map(tell).collect()
    })
}

fn count(faults: impl IntoIterator<Item = (Wrong, i64)>) -> (u32, u32, u32) {
    let mut counts = (0, 0, 0);
    for (wrong, _) in faults {
        match wrong {
            Wrong::Missing { missing, .. } => counts.0 += missing,
            Wrong::Late(_) => counts.1 += 1,
            Wrong::Double | Wrong::Orphan => counts.2 += 1,
        }
    }
    counts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn as_little_as_can_be_is_missing_and_late(told in logs()) {
        let reaction = reaction("{ per: data.n }");
        let horizon = told.last().map_or(0, |(_, seconds)| *seconds) + 100;
        let counts = count(quickly(&reaction, &told, horizon));
        let slow = slowly(&told);
        prop_assert_eq!(counts, slow);
    }

    #[test]
    fn what_is_settled_early_is_what_would_be_found_in_the_end(told in long_logs()) {
        let horizon = told.iter().map(|(_, seconds)| *seconds).max().unwrap_or(0) + 100;
        let counts = count(quickly(&reaction("once"), &told, horizon));
        prop_assert_eq!(counts, at_once(&told));
    }
}

fn told(count: &str, events: &[Told], horizon: i64) -> Vec<(Wrong, i64)> {
    quickly(&reaction(count), events, horizon)
}

const A: Role = Role::Trigger(Some(1));
const B: Role = Role::Effect;
const MISSING: Wrong = Wrong::Missing { missing: 1, of: 1 };

#[test]
fn an_obligation_is_pending_until_it_is_due() {
    assert_eq!(told("once", &[(A, 0)], 4), []);
    assert_eq!(told("once", &[(A, 0)], 5), [(MISSING, 1)]);
    assert_eq!(told("once", &[(A, 0), (B, 5)], 100), []);
    let late = Wrong::Late(Span::from_secs(1));
    assert_eq!(told("once", &[(A, 0), (B, 6)], 100), [(late, 1)]);
}

#[test]
fn an_effect_answers_whom_it_can_answer_in_time() {
    assert_eq!(
        told("once", &[(A, 0), (A, 10), (B, 12)], 100),
        [(MISSING, 1)]
    );
    assert_eq!(told("at-least-once", &[(A, 0), (A, 2), (B, 4)], 100), []);
    assert_eq!(
        told("at-least-once", &[(A, 0), (B, 2), (A, 20)], 100),
        [(MISSING, 3)]
    );
    assert_eq!(
        told("once", &[(A, 0), (B, 1), (B, 2)], 100),
        [(Wrong::Double, 3)]
    );
    assert_eq!(told("at-least-once", &[(A, 0), (B, 1), (B, 2)], 100), []);
}

#[test]
fn a_cause_may_arrive_after_its_effect_but_not_long_after() {
    assert_eq!(told("once", &[(B, 3), (A, 2)], 100), []);
    assert_eq!(told("at-least-once", &[(B, 3), (A, 2)], 100), []);
    assert_eq!(
        told("once", &[(B, 3), (A, 20)], 100),
        [(Wrong::Orphan, 1), (MISSING, 2)]
    );
    assert_eq!(told("once", &[(B, 3)], 100), [(Wrong::Orphan, 1)]);
}

#[test]
fn a_late_answer_is_given_up_for_a_cause_that_arrives_after_it() {
    assert_eq!(
        told("once", &[(A, 0), (B, 10), (A, 8)], 100),
        [(MISSING, 1)]
    );
    let late = Wrong::Late(Span::from_secs(5));
    assert_eq!(told("once", &[(B, 10), (A, 0)], 100), [(late, 2)]);
}

/// What becomes of events of one match value: role, second, and the hash of an id.
fn many(events: impl Iterator<Item = (Role, i64, u64)>) -> Conclusion {
    let reaction = reaction("once");
    let mut ledger = Ledger::new(std::slice::from_ref(&reaction));
    let mut texts = Texts::default();
    let value = Some((Keys::hash("x"), texts.keep("x")));
    for (index, (role, seconds, id)) in events.enumerate() {
        let note = Note {
            reaction: 0,
            role,
            is_doubtful: false,
            value,
            id,
            position: Position(index as i64 + 1),
            time: at(seconds),
        };
        ledger.take(&[note], &texts);
    }
    ledger
        .conclude(at(1_000_000), unseen(&Absent::default()))
        .remove(0)
}

const MANY: i64 = 20_000;

#[test]
fn an_event_is_known_again_however_long_ago_it_came() {
    let once = (0..MANY).flat_map(|second| {
        let id = second as u64 * 2 + 1;
        [(A, second, id), (B, second + 1, id + 1)]
    });
    let again = [(B, MANY + 1, 2), (A, MANY + 1, 1), (A, MANY + 2, 1)];
    let conclusion = many(once.chain(again));
    assert_eq!(conclusion.faults, []);
    assert_eq!(conclusion.triggers, MANY as u64);
    assert_eq!(conclusion.effects, MANY as u64);
}

#[test]
fn many_of_one_match_value_are_told_apart() {
    let spare = (0..MANY).map(|second| (B, second, 0));
    let conclusion = many([(A, 0, 0)].into_iter().chain(spare.clone()));
    assert_eq!(conclusion.faults.len() as i64, MANY - 1);
    let conclusion = many(spare.chain((0..MANY).map(|second| (A, second, 0))));
    assert_eq!(conclusion.faults, []);
    let waiting = (0..MANY).map(|second| (A, second, 0));
    let conclusion = many(waiting.chain([(B, MANY * 2, 0)]));
    assert_eq!(conclusion.faults.len() as i64, MANY);
}
