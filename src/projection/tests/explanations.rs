//! Faults put into rows, and what is said of them, against every edit tried one by one on a model of
//! the same fold.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use crate::definition;
use crate::event::{Position, Timestamp};
use crate::projection::compare::{Known, Raw, Row};
use crate::projection::edit::{Edit, Reach};
use crate::projection::explanation::Class;
use crate::projection::fold::{Fold, Input, Touch};
use crate::projection::history::{BUDGET, History};
use crate::projection::number::Number;
use crate::projection::value::Value;
use crate::projection::{Standing, Verdict, judge};
use crate::sampling::sampled;

const PROJECTION: &str = "
projection: view
key: data.k
on:
  Added: { add: { sum: =data.n } }
  Reset: { set: { sum: =data.n } }
  Named: { set: { name: =data.n } }
  Listed: { append: { list: =data.n } }
  Gone: delete
within: 30s
stored:
  table: view
  key: k
  columns: { list: list, name: name, sum: sum }
  checkpoint: 1
  version: at
";

/// An event: its type, by its place in the definition, and its number.
#[derive(Debug, Clone, Copy)]
struct Happened {
    kind: &'static str,
    n: i64,
}

/// The same fold, in its own words.
#[derive(Debug, Clone, Default)]
struct Model {
    alive: bool,
    sum: Option<i64>,
    name: Option<i64>,
    list: Vec<i64>,
}

impl Model {
    fn of(events: &[Happened], order: impl IntoIterator<Item = usize>) -> Model {
        let mut model = Model::default();
        for at in order {
            let Happened { kind, n } = events[at];
            if kind == "Gone" {
                model = Model::default();
                continue;
            }
            model.alive = true;
            match kind {
                "Added" => model.sum = Some(model.sum.unwrap_or(0) + n),
                "Reset" => model.sum = Some(n),
                "Named" => model.name = Some(n),
                _ => model.list.push(n),
            }
        }
        model
    }

    /// Whether a row holds this; a sum to which nothing was added may be stored as zero.
    fn is_in(&self, row: &Model) -> bool {
        let sum = match self.sum {
            None => row.sum.is_none_or(|sum| sum == 0),
            sum => sum == row.sum,
        };
        sum && (self.alive, self.name, &self.list) == (row.alive, row.name, &row.list)
    }

    fn row(&self) -> Row {
        let list: Vec<String> = self.list.iter().map(i64::to_string).collect();
        Row {
            key: Raw::Null,
            version: None,
            stamp: None,
            known: Known::default(),
            values: vec![
                Raw::Text(format!("[{}]", list.join(","))),
                self.name.map_or(Raw::Null, Raw::Integer),
                self.sum.map_or(Raw::Null, Raw::Integer),
            ],
        }
    }
}

/// The order in which an edit has the first `applied` events happen.
fn order(edit: &Edit, applied: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..applied).collect();
    match edit {
        Edit::LeftOut(events) => order.retain(|at| !events.contains(at)),
        Edit::Twice(at, _) => order.insert(*at, *at),
        Edit::Swapped(at, _) => order.swap(*at, at + 1),
        Edit::Again(at, size) => {
            order.splice(at + size..at + size, *at..at + size);
        }
    }
    order
}

/// How many events are claimed to be applied: by anything, and of these by the row itself.
type Claimed = (usize, usize);

/// What it costs to lose the last claimed events, from one on: each costs one that the row claims,
/// and the others one together.
fn loss(from: usize, (passed, by_row): Claimed) -> usize {
    let others = from.max(by_row)..passed;
    (from..by_row).count() + usize::from(!others.is_empty())
}

/// Every edit of a cost that gives the row, each with as little lost beside it as can be; the row is
/// what the events before `tail` give.
fn edits(
    events: &[Happened],
    claimed: Claimed,
    tail: Option<usize>,
    row: &Model,
    cost: usize,
) -> BTreeSet<Edit> {
    let (passed, _) = claimed;
    let count = events.len();
    let gives = |edit: &Edit, applied: usize| Model::of(events, order(edit, applied)).is_in(row);
    let mut found = BTreeSet::new();
    if let Some(tail) = tail.filter(|tail| loss(*tail, claimed) == cost) {
        found.insert(Edit::LeftOut((tail..passed).collect()));
    }
    let mut singles: Vec<(Edit, usize)> = Vec::new();
    for at in 0..count {
        singles.push((Edit::LeftOut(vec![at]), at + 1));
        singles.push((Edit::Twice(at, vec![]), at + 1));
        if at + 1 < count {
            singles.push((Edit::Swapped(at, vec![]), at + 2));
        }
    }
    for (edit, least) in singles {
        let whole = (passed.max(least)..=count).any(|applied| gives(&edit, applied));
        if cost == 1 && whole {
            found.insert(edit);
            continue;
        }
        let Some(short) = (least..passed).rev().find(|applied| gives(&edit, *applied)) else {
            continue;
        };
        if cost == 1 + loss(short, claimed) && !whole {
            let lost: Vec<usize> = (short..passed).collect();
            found.insert(match edit {
                Edit::LeftOut(events) => Edit::LeftOut([events, lost].concat()),
                Edit::Twice(at, _) => Edit::Twice(at, lost),
                Edit::Swapped(at, _) => Edit::Swapped(at, lost),
                again @ Edit::Again(..) => again,
            });
        }
    }
    if cost >= 2 {
        let members = |set: usize| (0..passed).filter(move |at| set >> at & 1 == 1).collect();
        let sets = (0..1_usize << passed).filter(|set| set.count_ones() as usize == cost);
        let batches = (0..count).map(|at| (Edit::Again(at, cost), at + cost));
        let all = sets
            .map(|set| (Edit::LeftOut(members(set)), 0))
            .chain(batches);
        for (edit, least) in all {
            if (passed.max(least)..=count).any(|applied| gives(&edit, applied)) {
                found.insert(edit);
            }
        }
    }
    found
}

fn fold() -> Arc<Fold> {
    fold_of(PROJECTION)
}

/// The same where nothing but adding is ever done to the sum.
fn adding() -> Arc<Fold> {
    let lines = PROJECTION.lines();
    let kept = lines.filter(|line| !line.contains("Reset") && !line.contains("Gone"));
    fold_of(&kept.collect::<Vec<_>>().join("\n"))
}

fn fold_of(text: &str) -> Arc<Fold> {
    let definitions = definition::load_text("p.yaml".as_ref(), text, &[]).unwrap();
    Arc::new(Fold::new(&definitions.scopes[0].projections[0]))
}

fn history(fold: &Arc<Fold>, events: &[Happened], row: Row) -> History {
    let mut history = History::new(fold, "k".to_owned(), Some(row));
    for (at, Happened { kind, n }) in events.iter().enumerate() {
        let effect = fold.effect(kind).unwrap();
        let input = || Input::Value(Value::Number(Number::Integer(*n)));
        history.push(Touch {
            position: Position(at as i64 + 1),
            time: Timestamp::from_nanos(at as i64 * 1_000_000_000),
            version: Some(at as i64 + 1),
            id: None,
            stream: None,
            effect,
            inputs: fold.inputs(effect).iter().map(|_| input()).collect(),
            doubt: None,
        });
    }
    history
}

/// What is said long after, where the checkpoint has passed so many events.
fn said(history: &History, passed: usize) -> Standing {
    let horizon = Timestamp::from_nanos(1_000_000_000_000);
    judge(history, Some(passed as i64), horizon, &mut (2 * BUDGET))
}

fn happened() -> impl Strategy<Value = Happened> {
    let kinds = prop_oneof![
        6 => Just("Added"), 2 => Just("Reset"), 3 => Just("Named"), 3 => Just("Listed"),
        1 => Just("Gone")
    ];
    (kinds, prop_oneof![-3..9_i64, 10..1000_i64]).prop_map(|(kind, n)| Happened { kind, n })
}

/// A fault of one class at a place; which events it is about follows from how many there are.
#[derive(Debug, Clone, Copy)]
enum Fault {
    LeftOut,
    TwoLeftOut(usize),
    Twice,
    Swapped,
    Again(usize),
    Stopped(usize),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::LeftOut),
        (1..8_usize).prop_map(Fault::TwoLeftOut),
        Just(Fault::Twice),
        Just(Fault::Swapped),
        (2..4_usize).prop_map(Fault::Again),
        (2..5_usize).prop_map(Fault::Stopped),
    ]
}

/// The fault as an edit of the first `passed` events; `None` where it has no room.
fn injected(fault: Fault, at: usize, passed: usize) -> Option<Edit> {
    Some(match fault {
        Fault::LeftOut => Edit::LeftOut(vec![at]),
        Fault::TwoLeftOut(apart) if at + apart < passed => Edit::LeftOut(vec![at, at + apart]),
        Fault::Twice => Edit::Twice(at, vec![]),
        Fault::Swapped if at + 1 < passed => Edit::Swapped(at, vec![]),
        Fault::Again(size) if at + size <= passed => Edit::Again(at, size),
        Fault::Stopped(size) if size <= passed => Edit::LeftOut((passed - size..passed).collect()),
        Fault::TwoLeftOut(_) | Fault::Swapped | Fault::Again(_) | Fault::Stopped(_) => return None,
    })
}

fn class(edit: &Edit) -> Class {
    match edit {
        Edit::LeftOut(_) => Class::LeftOut,
        Edit::Twice(..) | Edit::Again(..) => Class::Twice,
        Edit::Swapped(..) => Class::Swapped,
    }
}

fn positions(edit: &Edit) -> Vec<i64> {
    let events = match edit {
        Edit::LeftOut(events) => events.clone(),
        Edit::Twice(at, lost) => [vec![*at], lost.clone()].concat(),
        Edit::Swapped(at, lost) => [vec![*at, at + 1], lost.clone()].concat(),
        Edit::Again(at, size) => (*at..at + size).collect(),
    };
    events.into_iter().map(|at| at as i64 + 1).collect()
}

proptest! {
    #![proptest_config(sampled(3000))]

    #[test]
    fn what_is_said_of_a_fault_is_what_every_edit_tried_one_by_one_shows(
        events in prop::collection::vec(happened(), 2..10),
        fault in fault(),
        place in 0..10_usize,
        claimed in 0..10_usize,
        by_row in 0..20_usize,
        further in 0..3_usize,
        only_adds in any::<bool>(),
    ) {
        let mut events = events;
        for event in events.iter_mut().filter(|_| only_adds) {
            event.kind = match event.kind {
                "Reset" => "Added",
                "Gone" => "Named",
                kind => kind,
            };
        }
        let passed = 1 + claimed % events.len();
        let Some(made) = injected(fault, place % passed, passed) else {
            return Ok(());
        };
        let applied = (passed + further).min(events.len());
        let row = Model::of(&events, order(&made, applied));
        let is_prefix = |applied: &usize| Model::of(&events, 0..*applied).is_in(&row);
        let is_over = !Model::of(&events, 0..events.len()).alive || !row.alive;
        let tail = (0..=events.len()).rev().find(is_prefix);
        if is_over || tail.is_some_and(|tail| tail >= passed) {
            return Ok(());
        }
        // As often as not the row claims nothing, or all that is claimed.
        let by_row = by_row.checked_sub(10).map_or(0, |by_row| passed.min(1 + by_row));
        let version = (by_row > 0).then_some(Ok(by_row as i64));
        let claimed = (passed, by_row);
        let fold = if only_adds { adding() } else { fold() };
        let history = history(&fold, &events, Row { version, ..row.row() });
        let found = history.edits(claimed, tail, &mut (2 * BUDGET));
        let by_cost =
            (1..=events.len()).map(|cost| edits(&events, claimed, tail, &row, cost));
        let least = by_cost.into_iter().find(|edits| !edits.is_empty()).unwrap_or_default();
        let listed: BTreeSet<Edit> = found.edits.iter().cloned().collect();
        prop_assert_eq!(&listed, &least);
        prop_assert_eq!((found.reach, &found.doubt), (Reach::Whole, &None));

        let standing = said(&history, passed);
        let explanation = standing.explanation.as_ref().unwrap();
        let named: Vec<i64> = explanation.named.iter().map(|it| it.0).collect();
        let is_claimed = |edit: &Edit| {
            matches!(edit, Edit::LeftOut(events) if events.iter().all(|at| *at < passed))
        };
        let verdict = match tail.is_some() || least.iter().all(is_claimed) {
            true => Verdict::Skipped,
            false => Verdict::Divergent,
        };
        prop_assert_eq!(standing.verdict, verdict);
        if least.contains(&made) {
            let of_made = positions(&made);
            prop_assert!(named.iter().all(|at| of_made.contains(at)), "{:?}", standing);
            if least.len() == 1 {
                // Of a batch none of its events is certain: other repeats add up to the same.
                let certain = match made {
                    Edit::Again(..) => Vec::new(),
                    _ => of_made,
                };
                prop_assert_eq!((explanation.class, named), (class(&made), certain));
            }
        }
    }

    #[test]
    fn a_field_that_somebody_changed_is_told_from_what_events_do(
        events in prop::collection::vec(happened(), 2..10),
        stored in 5000..6000_i64,
    ) {
        let model = Model::of(&events, 0..events.len());
        if !model.alive {
            return Ok(());
        }
        let row = Model { name: Some(stored), ..model };
        let fold = fold();
        let standing = said(&history(&fold, &events, row.row()), events.len());
        let explanation = standing.explanation.unwrap();
        prop_assert_eq!(standing.verdict, Verdict::Divergent);
        prop_assert_eq!((explanation.class, explanation.columns), (Class::Edited, vec!["name".to_owned()]));
        prop_assert!(explanation.named.is_empty());
    }
}

/// Deposits of amounts no few of which have a sum in common, a name set now and then.
fn many(count: usize) -> Vec<Happened> {
    let mut seed = 7_u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 24) as i64
    };
    let one = |at: usize| match at % 10 {
        9 => Happened {
            kind: "Named",
            n: at as i64,
        },
        _ => Happened {
            kind: "Added",
            n: next(),
        },
    };
    (0..count).map(one).collect()
}

#[test]
fn keys_of_a_few_thousand_events_are_searched_whole() {
    let fold = adding();
    for (count, made) in [
        (3_400, Edit::LeftOut(vec![151])),
        (3_400, Edit::Twice(3_000, vec![])),
        (3_400, Edit::LeftOut(vec![3_391, 3_398])),
        (1_200, Edit::LeftOut(vec![3, 801])),
        (1_200, Edit::Again(500, 2)),
    ] {
        let events = many(count);
        let row = Model::of(&events, order(&made, count));
        let history = history(&fold, &events, row.row());
        let found = history.edits((count, 0), None, &mut (2 * BUDGET));
        assert_eq!((found.edits, found.reach), (vec![made], Reach::Whole));
    }
}

#[test]
fn a_loss_at_the_end_is_known_however_long_the_history_is() {
    let fold = fold();
    let events = many(20_000);
    let row = Model::of(&events, 0..19_998);
    let standing = said(&history(&fold, &events, row.row()), 20_000);
    assert_eq!(standing.verdict, Verdict::Skipped);
    let explanation = standing.explanation.unwrap();
    assert_eq!(
        explanation.text.as_deref(),
        Some(
            "positions 19999 and 20000 left out would give it; whether another edit would is unknown: search budget"
        )
    );
    // Nothing is named that is not known to be the only one.
    assert_eq!(explanation.named, []);
}

#[test]
fn a_loss_at_the_end_is_one_stop_unless_the_row_claims_each_of_its_events() {
    let fold = adding();
    let added = |n| Happened { kind: "Added", n };
    let events = [5, 3, 7, 3].map(added);
    let row = Model::of(&events, 0..2);
    let said = |version: Option<i64>| {
        let version = version.map(Ok);
        let row = Row {
            version,
            ..row.row()
        };
        let standing = said(&history(&fold, &events, row), 4);
        assert_eq!(standing.verdict, Verdict::Skipped);
        let explanation = standing.explanation.unwrap();
        let named: Vec<i64> = explanation.named.iter().map(|it| it.0).collect();
        (explanation.text.unwrap(), named)
    };
    let stop = (
        "positions 3 and 4 left out would give it".to_owned(),
        vec![3, 4],
    );
    let either = (
        "any of these would give it: positions 2 and 3 left out; positions 3 and 4 left out"
            .to_owned(),
        vec![3],
    );
    // The consumer came to the third event and stopped there, or lost what that one did.
    for (version, told) in [
        (None, &stop),
        (Some(2), &stop),
        (Some(3), &either),
        (Some(4), &either),
    ] {
        assert_eq!(&said(version), told, "{version:?}");
    }
}

#[test]
fn a_long_loss_that_a_row_claims_is_told_as_far_as_the_budget_goes() {
    let fold = fold();
    let events = many(300);
    let row = Row {
        version: Some(Ok(300)),
        ..Model::of(&events, 0..260).row()
    };
    let standing = said(&history(&fold, &events, row), 0);
    assert_eq!(standing.verdict, Verdict::Skipped);
    let explanation = standing.explanation.unwrap();
    assert_eq!(explanation.class, Class::Unsearched);
    assert_eq!(
        explanation.text.as_deref(),
        Some(
            "40 positions from 261 to 300 left out would give it; whether less would is unknown: search budget"
        )
    );
    assert_eq!(explanation.named, []);
}
