//! Reactions against a slow evaluator.

mod disordered;
mod doubtful;

use std::sync::Arc;

use proptest::prelude::*;

use super::entry::Entry;
use super::judged::Doubtful;
use super::note::{Note, Role, Sight};
use super::terms::Terms;
use super::{Conclusion, Ledger, Unseen, Wrong};
use crate::absent::Absent;
use crate::definition;
use crate::definition::log::Order;
use crate::definition::reaction::Reaction;
use crate::event::{Position, Span, Timestamp};
use crate::sampling::sampled;
use crate::texts::{Keys, Text, Texts};

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
    }
}

/// What the event with this index says.
const fn note(index: usize, role: Role, seconds: i64, id: u64, value: Option<(u64, Text)>) -> Note {
    Note {
        reaction: 0,
        role,
        is_doubtful: false,
        value,
        id,
        position: Position(index as i64 + 1),
        time: at(seconds),
        sight: Sight::Clear,
    }
}

/// Events arrive at most 90 seconds after younger ones.
const BY_TIME: Order = Order::Time {
    skew: Span::from_secs(1),
    lateness: Span::from_secs(90),
};

/// What is wrong, and with which event.
fn quickly(
    reaction: &Arc<Reaction>,
    order: Order,
    told: &[Told],
    horizon: i64,
) -> Vec<(Wrong, i64)> {
    conclude(reaction, order, told, horizon)
        .faults
        .into_iter()
        .map(|fault| (fault.wrong, fault.at.0))
        .collect()
}

/// What becomes of events of one match value.
fn conclude(reaction: &Arc<Reaction>, order: Order, told: &[Told], horizon: i64) -> Conclusion {
    let mut ledger = Ledger::new(std::slice::from_ref(reaction), Some(order));
    let mut texts = Texts::default();
    let value = Some((Keys::hash("x"), texts.keep("x")));
    for (index, (role, seconds)) in told.iter().enumerate() {
        let id = index as u64 + 1;
        ledger.take(&[note(index, *role, *seconds, id, value)], &texts, &[]);
    }
    ledger
        .conclude(at(horizon), unseen(&Absent::default()))
        .remove(0)
}

/// Whether an effect may answer a trigger, both told by their index and their second: one that stands
/// before it where the position is the order, and one that happened no later than it, by clocks that
/// may differ by the skew.
fn may_answer(order: Order, effect: (usize, i64), trigger: (usize, i64)) -> bool {
    let skew = i64::from(order == BY_TIME);
    trigger.1 <= effect.1 + skew || order == Order::Position && trigger.0 < effect.0
}

/// The triggers, each as often as it calls for an effect, and the effects: index and second.
fn sides(told: &[Told]) -> [Vec<(usize, i64)>; 2] {
    let mut sides = [Vec::new(), Vec::new()];
    for (index, (role, seconds)) in told.iter().enumerate() {
        match role {
            Role::Trigger(owed) => {
                let owed = owed.unwrap_or(0) as usize;
                sides[0].extend(std::iter::repeat_n((index, *seconds), owed));
            }
            Role::Effect => sides[1].push((index, *seconds)),
        }
    }
    sides
}

/// How many effects are missing, late and left over in the assignment of effects to triggers that
/// leaves the fewest missing, and of those the fewest late, and how many of the last may answer
/// nothing. Every assignment is tried.
fn slowly(told: &[Told], order: Order) -> (u32, u32, u32, u32) {
    let [units, effects] = sides(told);
    let mut best = (u32::MAX, u32::MAX);
    let mut taken = vec![None; units.len()];
    assign(order, &units, &effects, &mut taken, 0, &mut best);
    let matched = units.len() as u32 - best.0;
    let spare = effects.len() as u32 - matched;
    (best.0, best.1, spare, orphans(told, order))
}

/// How many effects may answer nothing.
fn orphans(told: &[Told], order: Order) -> u32 {
    let [units, mut effects] = sides(told);
    effects.retain(|effect| !units.iter().any(|unit| may_answer(order, *effect, *unit)));
    effects.len() as u32
}

fn assign(
    order: Order,
    units: &[(usize, i64)],
    effects: &[(usize, i64)],
    taken: &mut Vec<Option<usize>>,
    next: usize,
    best: &mut (u32, u32),
) {
    let Some(effect) = effects.get(next) else {
        let unmatched = taken.iter().filter(|by| by.is_none()).count() as u32;
        let late = units
            .iter()
            .zip(taken.iter())
            .filter(|((_, due), by)| by.is_some_and(|by| effects[by].1 > due + 5));
        *best = (*best).min((unmatched, late.count() as u32));
        return;
    };
    assign(order, units, effects, taken, next + 1, best);
    for unit in 0..units.len() {
        if taken[unit].is_none() && may_answer(order, *effect, units[unit]) {
            taken[unit] = Some(next);
            assign(order, units, effects, taken, next + 1, best);
            taken[unit] = None;
        }
    }
}

/// Events may arrive some seconds after they happened, triggers after their effects.
fn logs() -> impl Strategy<Value = Vec<Told>> {
    let role = prop_oneof![
        (1..3_u32).prop_map(|owed| Role::Trigger(Some(owed))),
        Just(Role::Effect),
        Just(Role::Effect),
    ];
    arriving(prop::collection::vec((role, 0..5_i64, 0..9_i64), 0..7))
}

/// Events of these roles, so many seconds apart and under way for so many.
fn arriving(
    steps: impl Strategy<Value = Vec<(Role, i64, i64)>>,
) -> impl Strategy<Value = Vec<Told>> {
    steps.prop_map(|steps| {
        let mut seconds = 0;
        let tell = |(role, rest, travels)| {
            seconds += rest;
            (role, seconds - travels)
        };
        steps.into_iter().map(tell).collect()
    })
}

/// Triggers and effects by turns, most of them in time, now and then one that was under way for long.
fn long_logs() -> impl Strategy<Value = Vec<Told>> {
    let travels = prop_oneof![8 => 0..2_i64, 1 => 0..90_i64];
    let step = (0..2_usize, 0..3_i64, travels);
    let steps = prop::collection::vec(step, 200..500).prop_map(|steps| {
        let role = |turn: usize, other: usize| {
            if (turn + other).is_multiple_of(2) {
                A
            } else {
                B
            }
        };
        let steps = steps.into_iter().enumerate();
        let steps = steps.map(|(turn, (other, rest, travels))| {
            let other = if travels > 2 { other } else { 0 };
            (role(turn, other), rest, travels)
        });
        steps.collect()
    });
    arriving(steps)
}

/// What becomes of events of one match value that are judged with so many kept at least.
fn judged(
    reaction: &Reaction,
    order: Order,
    told: &[Told],
    is_doubtful: impl Fn(usize) -> bool,
    room: usize,
) -> Became {
    let terms = Terms { reaction, order };
    let mut entry = Entry::with_room(room);
    let value = Some((Keys::hash("x"), Texts::default().keep("x")));
    for (index, (role, seconds)) in told.iter().enumerate() {
        let is_doubtful = is_doubtful(index);
        let note = note(index, *role, *seconds, 0, value);
        entry.take(
            &Note {
                is_doubtful,
                ..note
            },
            terms,
        );
    }
    let judged = entry.judge(terms);
    let assignment = &judged.assignment;
    let missing = judged.waited.iter().zip(&assignment.owed);
    let late = assignment
        .answers
        .iter()
        .filter(|one| one.late > Span::ZERO);
    let spare = assignment.spare.iter().map(|at| &judged.answered[*at]);
    let lacking = judged.waited.iter().zip(judged.lacking());
    let mut became = Became {
        of: (judged.triggers, judged.effects, judged.is_unknown),
        doubtful: judged.doubtful,
        at_best: lacking
            .filter(|(_, owed)| **owed > 0)
            .map(|(one, owed)| (one.at.0.0, *owed))
            .collect(),
        missing: missing
            .filter(|(_, owed)| **owed > 0)
            .map(|(one, owed)| (one.at.0.0, *owed))
            .collect(),
        late: late
            .map(|one| {
                (
                    judged.waited[one.trigger].at.0.0,
                    judged.answered[one.effect].at.0.0,
                )
            })
            .collect(),
        spare: spare
            .map(|one| (one.at.0.0, judged.trigger_of(one, terms).is_some()))
            .collect(),
    };
    became.late.sort_unstable();
    became
}

/// What became of the events of one match value: its triggers and effects, what is missing of which
/// trigger, if all doubtful effects count and if none does, what is late for which, and which effects are spare and have a trigger all the same.
#[derive(Debug, PartialEq)]
struct Became {
    of: (u64, u64, bool),
    doubtful: Doubtful,
    at_best: Vec<(i64, u32)>,
    missing: Vec<(i64, u32)>,
    late: Vec<(i64, i64)>,
    spare: Vec<(i64, bool)>,
}

/// How many effects are missing, late and left over, and how many of the last are orphans.
fn count(faults: impl IntoIterator<Item = (Wrong, i64)>) -> (u32, u32, u32, u32) {
    let mut counts = (0, 0, 0, 0);
    for (wrong, _) in faults {
        match wrong {
            Wrong::Missing { missing, .. } => counts.0 += missing,
            Wrong::Late { late, .. } => counts.1 += late,
            Wrong::Double | Wrong::Orphan => counts.2 += 1,
        }
        counts.3 += u32::from(wrong == Wrong::Orphan);
    }
    counts
}

proptest! {
    #![proptest_config(sampled(2000))]
    #[test]
    fn as_little_as_can_be_is_missing_and_late(told in logs(), by_time: bool) {
        let reaction = reaction("{ per: data.n }");
        let order = if by_time { BY_TIME } else { Order::Position };
        let horizon = told.iter().map(|(_, seconds)| *seconds).max().unwrap_or(0) + 100;
        let counts = count(quickly(&reaction, order, &told, horizon));
        let slow = slowly(&told, order);
        prop_assert_eq!(counts, slow);
    }
}

proptest! {
    #![proptest_config(sampled(500))]
    #[test]
    fn what_is_settled_early_is_what_would_be_found_in_the_end(
        told in long_logs(),
        count in prop::sample::select(vec!["once", "at-least-once"]),
        by_time: bool,
        doubtful in prop::collection::vec(0..500_usize, 0..4),
    ) {
        let order = if by_time { BY_TIME } else { Order::Position };
        let reaction = reaction(count);
        let is_doubtful = |index| doubtful.contains(&index);
        let early = judged(&reaction, order, &told, is_doubtful, 0);
        prop_assert_eq!(early, judged(&reaction, order, &told, is_doubtful, usize::MAX));
    }
}

fn told(count: &str, events: &[Told], horizon: i64) -> Vec<(Wrong, i64)> {
    quickly(&reaction(count), Order::Position, events, horizon)
}

fn told_by_time(count: &str, events: &[Told]) -> Vec<(Wrong, i64)> {
    quickly(&reaction(count), BY_TIME, events, 100)
}

#[test]
fn an_event_is_kept_in_32_bytes() {
    assert_eq!(size_of::<super::event::Event>(), 32);
}

const A: Role = Role::Trigger(Some(1));
const B: Role = Role::Effect;
/// So many of so many were late by at most so many seconds.
const fn late(late: u32, of: u32, seconds: i64) -> Wrong {
    let by = Span::from_secs(seconds);
    Wrong::Late { late, of, by }
}

const MISSING: Wrong = Wrong::Missing { missing: 1, of: 1 };

#[test]
fn an_obligation_is_pending_until_it_is_due() {
    assert_eq!(told("once", &[(A, 0)], 4), []);
    assert_eq!(told("once", &[(A, 0)], 5), [(MISSING, 1)]);
    assert_eq!(told("once", &[(A, 0), (B, 5)], 100), []);
    let late = late(1, 1, 1);
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
    let late = late(1, 1, 5);
    assert_eq!(told("once", &[(B, 10), (A, 0)], 100), [(late, 2)]);
}

/// What becomes of events of one match value: role, second, and the hash of an id.
fn many(events: impl Iterator<Item = (Role, i64, u64)>) -> Conclusion {
    let reaction = reaction("once");
    let mut ledger = Ledger::new(std::slice::from_ref(&reaction), Some(BY_TIME));
    let mut texts = Texts::default();
    let value = Some((Keys::hash("x"), texts.keep("x")));
    for (index, (role, seconds, id)) in events.enumerate() {
        ledger.take(&[note(index, role, seconds, id, value)], &texts, &[]);
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
fn an_event_that_comes_again_as_others_are_settled_is_known_too() {
    for pairs in 1..200 {
        let once = (0..pairs).flat_map(|second| {
            let id = second as u64 * 2 + 1;
            [(A, second * 100, id), (B, second * 100 + 1, id + 1)]
        });
        for again in [(A, pairs * 100, 1), (B, pairs * 100, 2)] {
            let conclusion = many(once.clone().chain([again]));
            assert_eq!(conclusion.faults, [], "{pairs} pairs");
            assert_eq!(
                (conclusion.triggers, conclusion.effects),
                (pairs as u64, pairs as u64)
            );
        }
    }
}

#[test]
fn the_trigger_of_a_spare_effect_is_told_whatever_was_settled_since() {
    let pairs = (0..400).flat_map(|second| [(A, second * 100, 0), (B, second * 100 + 1, 0)]);
    let mut events: Vec<(Role, i64, u64)> = pairs.collect();
    events.insert(42, (B, 2_002, 0));
    let conclusion = many(events.into_iter());
    let evidence: Vec<Vec<i64>> = (conclusion.faults.iter())
        .map(|fault| fault.evidence.iter().map(|at| at.0).collect())
        .collect();
    assert_eq!(evidence, [[41, 43]]);
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

#[test]
fn in_a_log_by_time_it_is_time_that_tells_what_is_before() {
    let spare = [(Wrong::Double, 2)];
    assert_eq!(told_by_time("once", &[(B, 4), (B, 5), (A, 0)]), spare);
    for count in ["once", "at-least-once"] {
        let early = [(MISSING, 1), (Wrong::Orphan, 2)];
        assert_eq!(told_by_time(count, &[(A, 20), (B, 8)]), early);
    }
    // The clocks of the two may differ by a second.
    let concurrent = [(A, 0), (B, 1), (B, 19), (A, 20)];
    assert_eq!(told_by_time("at-least-once", &concurrent), []);
}

#[test]
fn what_is_later_than_the_horizon_calls_for_what_may_come_after_it_alone() {
    let orphans = |order, first: (Role, i64, Sight), second: (Role, i64, Sight)| {
        let reaction = reaction("once");
        let mut ledger = Ledger::new(std::slice::from_ref(&reaction), Some(order));
        let mut texts = Texts::default();
        let value = Some((Keys::hash("x"), texts.keep("x")));
        for (index, (role, seconds, sight)) in [first, second].into_iter().enumerate() {
            let note = note(index, role, seconds, 0, value);
            ledger.take(&[Note { sight, ..note }], &texts, &[]);
        }
        let absent = Absent::default();
        let conclusion = ledger.conclude(at(10), unseen(&absent)).remove(0);
        (conclusion.faults.len(), conclusion.unknown_orphans)
    };
    let effect = (B, 10, Sight::Clear);
    let trigger = |seconds| (A, seconds, Sight::Later);
    assert_eq!(orphans(Order::Position, effect, trigger(11)), (1, 0));
    assert_eq!(orphans(Order::Position, trigger(99), effect), (0, 1));
    assert_eq!(orphans(BY_TIME, effect, trigger(11)), (0, 1));
    assert_eq!(orphans(BY_TIME, trigger(12), effect), (1, 0));
}
