//! Transactions against a slow evaluator, which settles nothing and reads the whole log anew for
//! each question.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::note::{Meaning, Note};
use super::{Conclusion, Happening, Ledger, View, What};
use crate::absent::{Absent, Hidden, Hint, Of, Parts};
use crate::definition;
use crate::definition::log::Order;
use crate::definition::transaction::Transaction;
use crate::event::{Position, Span, Timestamp};
use crate::sampling::sampled;
use crate::texts::{Keys, Texts};

/// Seconds that a participant may wait.
const LIMIT: i64 = 10;

fn definition() -> Arc<Transaction> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/definitions/transfer.yaml");
    let definitions = definition::load(&[path], &[]).expect("it is sound");
    Arc::clone(&definitions.scopes[0].transactions[0])
}

/// An event: what it means, whom it is about, and the second at which it happened.
type Told = (Meaning, u8, i64);

fn logs() -> impl Strategy<Value = Vec<Told>> {
    use Happening::{Aborts, Commits, Joins, Prepares, Refuses};
    let meaning = prop_oneof![
        Just(Meaning::Commit),
        Just(Meaning::Abort),
        Just(Meaning::Of(Joins)),
        Just(Meaning::Of(Prepares)),
        Just(Meaning::Of(Prepares)),
        Just(Meaning::Of(Refuses)),
        Just(Meaning::Of(Commits)),
        Just(Meaning::Of(Commits)),
        Just(Meaning::Of(Aborts)),
    ];
    prop::collection::vec((meaning, 0..3_u8, 0..6_i64), 0..10).prop_map(|steps| {
        let mut seconds = 0;
        let tell = |(meaning, who, rest)| {
            seconds += rest;
            (meaning, who, seconds)
        };
        steps.into_iter().map(tell).collect()
    })
}

/// An event of which something cannot be told.
#[derive(Debug, Clone, Copy)]
struct Bad {
    /// `None` where it may be anything.
    meaning: Option<Meaning>,
    who: Option<u8>,
    /// It is in the log, and means that.
    is_sure: bool,
    /// It stands in a row that cannot be judged.
    is_row: bool,
}

impl Bad {
    fn hint(&self) -> Hint {
        Hint {
            may_be: self.meaning.map_or(Parts::ANY, Meaning::part),
            who: self.who.map(|who| Keys::hash(&who.to_string())),
            is_sure: self.is_sure && self.meaning.is_some(),
        }
    }

    /// Every log that may be meant, with the event anywhere in it.
    fn readings(self, told: &[Told], horizon: i64) -> Vec<Vec<Told>> {
        let meanings = match self.meaning {
            Some(meaning) => vec![meaning],
            None => ALL.to_vec(),
        };
        let mut all = match self.is_sure && self.meaning.is_some() {
            true => Vec::new(),
            false => vec![told.to_vec()],
        };
        for meaning in meanings {
            for who in self.who.map_or(0..4, |who| who..who + 1) {
                for place in 0..=told.len() {
                    let near = told.get(place).or(told.last());
                    let seconds = near.map_or(0, |(_, _, seconds)| *seconds);
                    let mut log = told.to_vec();
                    log.insert(place, (meaning, who, seconds));
                    all.push(log);
                }
                all.push([told, &[(meaning, who, horizon)]].concat());
            }
        }
        all
    }
}

/// Every meaning.
const ALL: [Meaning; 7] = [
    Meaning::Commit,
    Meaning::Abort,
    Meaning::Of(Happening::Joins),
    Meaning::Of(Happening::Prepares),
    Meaning::Of(Happening::Refuses),
    Meaning::Of(Happening::Commits),
    Meaning::Of(Happening::Aborts),
];

fn bad() -> impl Strategy<Value = Bad> {
    let meaning = prop::option::weighted(0.8, prop::sample::select(&ALL[..]));
    let who = prop::option::of(0..3_u8);
    (meaning, who, any::<bool>(), any::<bool>()).prop_map(|(meaning, who, is_sure, is_row)| Bad {
        meaning,
        // A note that names its participant and is certain is no bad one.
        who: who.filter(|_| is_row || !is_sure || meaning.is_none()),
        // Who decides is nobody's participant.
        is_sure: is_sure && (is_row || !matches!(meaning, Some(Meaning::Commit | Meaning::Abort))),
        is_row,
    })
}

/// What is wrong, and what may be.
fn quickly(
    definition: &Arc<Transaction>,
    order: Order,
    told: &[Told],
    horizon: i64,
    bad: &[Bad],
) -> (Vec<What>, Vec<What>) {
    let conclusion = concluded(definition, order, told, horizon, bad);
    let sure = conclusion.faults.iter().map(|fault| fault.what);
    (sorted(sure.collect()), sorted(conclusion.doubtful))
}

/// What is found of events that arrived in this order.
fn concluded(
    definition: &Arc<Transaction>,
    order: Order,
    told: &[Told],
    horizon: i64,
    bad: &[Bad],
) -> Conclusion {
    let mut absent = Absent::default();
    for bad in bad.iter().filter(|bad| bad.is_row) {
        absent.take(Hidden {
            position: None,
            row: None,
            of: vec![(Of::Transaction(0, bad.hint()), Some(Keys::hash("t")))],
        });
    }
    let mut ledger = Ledger::new(std::slice::from_ref(definition), Some(order));
    let mut texts = Texts::default();
    let id = texts.keep("t");
    for (index, (meaning, who, seconds)) in told.iter().enumerate() {
        let note = Note {
            definition: 0,
            id: Some((Keys::hash("t"), id)),
            meaning: Some(*meaning),
            may_be: meaning.part(),
            participant: Some(texts.keep(&who.to_string())),
            is_bad: false,
            position: Position(index as i64 + 1),
            time: at(*seconds),
        };
        ledger.take(&note, &texts);
    }
    for bad in bad.iter().filter(|bad| !bad.is_row) {
        let note = Note {
            definition: 0,
            id: Some((Keys::hash("t"), id)),
            meaning: bad.meaning.filter(|_| bad.is_sure),
            may_be: bad.hint().may_be,
            participant: bad.who.map(|who| texts.keep(&who.to_string())),
            is_bad: false,
            position: Position(told.len() as i64 + 1),
            time: at(horizon),
        };
        ledger.take(&note, &texts);
    }
    let view = View {
        horizon: at(horizon),
        is_cut: false,
        absent: &absent,
        off: &[],
    };
    ledger.conclude(view).remove(0)
}

fn sorted(mut found: Vec<What>) -> Vec<What> {
    found.sort_by_key(|what| format!("{what:?}"));
    found
}

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

/// What is wrong where events came in this order, each told once.
fn slowly(told: &[Told], horizon: i64) -> Vec<What> {
    let mut found = plainly(told, horizon, true);
    if found.contains(&What::Torn) {
        found.retain(|what| *what != What::WithoutVotes);
    }
    found
}

/// What is wrong where events came in this order. Whether who may abort is blamed for that all the
/// same is told by `excuses`.
fn plainly(told: &[Told], horizon: i64, excuses: bool) -> Vec<What> {
    let first = |wanted: Meaning, who: Option<u8>| {
        let is = |(meaning, of, _): &Told| *meaning == wanted && who.is_none_or(|who| who == *of);
        told.iter().position(is)
    };
    let earliest = |wanted: Meaning, who: Option<u8>| {
        let is = |(meaning, of, _): &&Told| *meaning == wanted && who.is_none_or(|who| who == *of);
        told.iter().filter(is).map(|(_, _, seconds)| *seconds).min()
    };
    let (commit, abort) = (first(Meaning::Commit, None), first(Meaning::Abort, None));
    let decisions = [Meaning::Commit, Meaning::Abort].map(|decision| earliest(decision, None));
    let decided = decisions.into_iter().flatten().min();
    let mut found = Vec::new();
    let (mut committed, mut aborted, mut silent, mut in_doubt, mut undelivered) =
        (false, false, false, false, false);
    for who in 0..4_u8 {
        let of = |happening| first(Meaning::Of(happening), Some(who));
        let takes_part = told
            .iter()
            .any(|(meaning, by, _)| matches!(meaning, Meaning::Of(_)) && *by == who);
        if !takes_part {
            continue;
        }
        let (prepared, refused) = (of(Happening::Prepares), of(Happening::Refuses));
        let ends = (of(Happening::Commits), of(Happening::Aborts));
        // Whose yes was not there is told once, as a decision without votes.
        let is_without = |decided: usize| {
            let votes = prepared.is_some_and(|prepared| prepared < decided);
            let refuses = refused.is_some_and(|refused| refused < decided);
            !votes || refuses
        };
        let is_silent = match excuses {
            true => commit.is_some_and(is_without),
            // To decide again what was decided is to decide.
            false => {
                let each = told.iter().enumerate();
                let commits = each.filter(|(_, (meaning, ..))| *meaning == Meaning::Commit);
                commits.map(|(index, _)| index).any(is_without)
            }
        };
        silent |= is_silent;
        committed |= ends.0.is_some();
        aborted |= ends.1.is_some() && (ends.0.is_some() || !(is_silent && excuses));
        let ended = ends.0.is_some() || ends.1.is_some();
        let waits = prepared
            .is_some_and(|prepared| !ended && refused.is_none_or(|refused| prepared < refused));
        let Some(voted) = earliest(Meaning::Of(Happening::Prepares), Some(who)) else {
            continue;
        };
        let is_due = horizon >= decided.map_or(voted, |decided| decided.max(voted)) + LIMIT;
        in_doubt |= waits && is_due && decided.is_none();
        undelivered |= waits && is_due && decided.is_some();
    }
    match (commit, abort) {
        (Some(_), Some(_)) => found.push(What::Torn),
        (commit, abort) => {
            let both_ways = committed && aborted;
            let against = committed && abort.is_some() || aborted && commit.is_some();
            found.extend((both_ways || against).then_some(What::Mixed));
        }
    }
    found.extend(silent.then_some(What::WithoutVotes));
    found.extend(in_doubt.then_some(What::InDoubt));
    found.extend(undelivered.then_some(What::Undelivered));
    sorted(found)
}

/// Every order of events in which none comes before one that is earlier by the skew or more.
fn orders(rest: &[(usize, Told)], skew: i64) -> Vec<Vec<Told>> {
    if rest.is_empty() {
        return vec![Vec::new()];
    }
    let comes_before = |one: &(usize, Told), other: &(usize, Told)| {
        let apart = other.1.2 - one.1.2;
        apart.abs() >= skew && (apart, other.0) > (0, one.0)
    };
    let mut all = Vec::new();
    for (index, next) in rest.iter().enumerate() {
        if rest.iter().any(|other| comes_before(other, next)) {
            continue;
        }
        let mut others = rest.to_vec();
        others.remove(index);
        for order in orders(&others, skew) {
            all.push([&[next.1][..], &order].concat());
        }
    }
    all
}

proptest! {
    #![proptest_config(sampled(3000))]
    #[test]
    fn transactions_are_judged_as_a_slow_look_judges(told in logs(), after in 0..15_i64) {
        let definition = definition();
        let horizon = told.last().map_or(0, |(_, _, seconds)| *seconds) + after;
        let (sure, doubtful) = quickly(&definition, Order::Position, &told, horizon, &[]);
        prop_assert_eq!(sure, slowly(&told, horizon));
        prop_assert_eq!(doubtful, []);
    }

    #[test]
    fn where_time_orders_nothing_depends_on_what_arrived_first(
        (told, arrived) in logs().prop_flat_map(|told| {
            // No two at one time, since the position tells those apart.
            let timed = told.iter().zip(0..).map(|((meaning, who, _), at)| (*meaning, *who, at * 4));
            let timed: Vec<Told> = timed.collect();
            (Just(timed.clone()), Just(timed).prop_shuffle())
        })
    ) {
        let definition = definition();
        let order = Order::Time { skew: Span::ZERO, lateness: Span::from_secs(60) };
        let shown = |told: &[Told]| {
            let conclusion = concluded(&definition, order, told, 60, &[]);
            let faults = conclusion.faults.into_iter().map(|fault| {
                let time = |at: &Position| told[at.0 as usize - 1].2;
                let mut times: Vec<i64> = fault.evidence.iter().map(time).collect();
                times.sort_unstable();
                (fault.what, fault.since, fault.participants, times)
            });
            faults.collect::<Vec<_>>()
        };
        prop_assert_eq!(shown(&told), shown(&arrived));
    }

    #[test]
    fn what_is_wrong_whatever_an_unclear_event_is_is_wrong(
        told in logs(), bad in prop::collection::vec(bad(), 1..3), after in 0..15_i64
    ) {
        // Two that may be anything anywhere are too many to look at in a long log.
        let told = &told[..told.len().min(if bad.len() > 1 { 4 } else { 10 })];
        let definition = definition();
        let horizon = told.last().map_or(0, |(_, _, seconds)| *seconds) + after;
        prop_assume!(!told.is_empty());
        let (sure, _) = quickly(&definition, Order::Position, told, horizon, &bad);
        let mut readings = vec![told.to_vec()];
        for bad in &bad {
            readings = readings.iter().flat_map(|told| bad.readings(told, horizon)).collect();
        }
        let own = |what: What| match what {
            What::Torn => What::Mixed,
            what => what,
        };
        let is_in = |found: &[What], what| found.iter().any(|found| own(*found) == what);
        let sure: Vec<What> = sure.into_iter().map(own).collect();
        for what in [What::InDoubt, What::Mixed, What::WithoutVotes, What::Undelivered] {
            // A decision without votes is one whatever else was decided, and whoever ended
            // differently did, whether or not that is told of himself.
            let may_be = readings.iter().all(|told| is_in(&plainly(told, horizon, false), what));
            let has_to_be = readings.iter().all(|reading| {
                // Of whom nothing can be told but that he did something is nobody's fault.
                let known = |who: &u8| {
                    let of = |(meaning, by, _): &Told| matches!(meaning, Meaning::Of(_)) && by == who;
                    told.iter().any(of)
                };
                let known: Vec<Told> =
                    reading.iter().copied().filter(|(meaning, who, _)| !matches!(meaning, Meaning::Of(_)) || known(who)).collect();
                let of_known = slowly(&known, horizon).contains(&What::WithoutVotes);
                is_in(&slowly(reading, horizon), what) && (what != What::WithoutVotes || of_known)
            });
            let is_told = sure.contains(&what);
            prop_assert!(may_be || !is_told, "{:?} is not certain", what);
            // Since when is not known where the decision is not.
            let decision = Parts::COMMIT.or(Parts::ABORT);
            let is_dated = bad.iter().all(|bad| !bad.is_sure || !bad.hint().may_be.meets(decision));
            // Two rows that cannot be judged show nothing.
            let rows = bad.iter().filter(|bad| bad.is_row && bad.is_sure).count();
            let is_shown = match what {
                What::Mixed => rows < 2,
                _ => is_dated,
            };
            prop_assert!(is_told || !is_shown || !has_to_be, "{:?} is not told", what);
        }
    }

    #[test]
    fn what_is_wrong_in_every_order_of_times_is_wrong_and_in_some_unknown(
        told in logs(), jumps in prop::collection::vec(-4..4_i64, 6), skew in 0..3_i64, after in 0..15_i64
    ) {
        let definition = definition();
        let jumped = told.iter().zip(&jumps).map(|((meaning, who, seconds), jump)| {
            (*meaning, *who, seconds + jump)
        });
        let told: Vec<Told> = jumped.collect();
        let horizon = told.iter().map(|(_, _, seconds)| *seconds).max().unwrap_or(0) + after;
        let order = Order::Time { skew: Span::from_secs(skew), lateness: Span::from_secs(60) };
        let (sure, doubtful) = quickly(&definition, order, &told, horizon, &[]);
        let numbered: Vec<(usize, Told)> = told.iter().copied().enumerate().collect();
        let verdicts: Vec<Vec<What>> = orders(&numbered, skew)
            .iter()
            .map(|order| slowly(order, horizon))
            .collect();
        // Where each order shows one of these two, the participants ended differently in any case.
        let either = [What::Mixed, What::WithoutVotes];
        let has = |what: What| verdicts.iter().filter(|found| found.contains(&what)).count();
        let is_either = verdicts.iter().all(|found| either.iter().any(|what| found.contains(what)))
            && either.iter().all(|what| has(*what) < verdicts.len());
        // One of a no and a later yes is on the wrong side of a decision that is concurrent with both,
        // which no two of the three tell.
        let times = |wanted: Happening| {
            let own = told.iter().filter(move |(meaning, ..)| *meaning == Meaning::Of(wanted));
            own.map(|(_, _, seconds)| *seconds)
        };
        let decided = told.iter().filter(|(meaning, ..)| *meaning == Meaning::Commit);
        let is_between = decided.map(|(_, _, seconds)| *seconds).any(|decided| {
            let near = |seconds: &i64| (seconds - decided).abs() < skew;
            times(Happening::Refuses).filter(near).any(|no| {
                times(Happening::Prepares).filter(near).any(|yes| yes - no >= skew)
            })
        });
        for what in [What::InDoubt, What::Mixed, What::Torn, What::WithoutVotes, What::Undelivered] {
            let wrong = has(what);
            let expected = match what {
                What::Mixed if is_either => (true, true),
                What::WithoutVotes if is_either => (false, false),
                _ => (wrong == verdicts.len(), wrong > 0),
            };
            let told = (sure.contains(&what), sure.contains(&what) || doubtful.contains(&what));
            if is_between && (what, told) == (What::WithoutVotes, (false, true)) {
                continue;
            }
            // Such a decision is told as the end that differs in any case.
            let is_instead = told == (true, true) && !sure.contains(&What::WithoutVotes);
            if is_between && is_instead && what == What::Mixed || is_between && sure.contains(&What::Mixed) && what == What::WithoutVotes {
                continue;
            }
            prop_assert_eq!(told, expected, "{:?} in {} of {}", what, wrong, verdicts.len());
        }
    }
}
