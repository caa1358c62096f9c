//! What is told with a few of the rows, held against what every choice among all of them shows.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::definition;
use crate::definition::log::LogDefinition;
use crate::event::{Position, Timestamp};
use crate::inspect::judge::{Evidence, Judge, Verdict};
use crate::replay::Link;
use crate::saga::Names;
use crate::sampling::sampled;

const TEXT: &str = "log: test
database: test.db
events: { table: events, position: p, time: { column: t, unit: s }, type: k, correlation: c }
---
saga: plain
starts: Placed
deadline: 100s
namespace: [Odd*]
completes: Done
compensated: Undone
aborts: Back
abandons: Parked
steps:
  - step: reserve
    begins: ReserveBegun
    succeeds: Reserved
    fails: ReserveFailed
    timeout: 20s
    retries: 2
    compensation:
      { begins: ReleaseBegun, succeeds: Released, fails: ReleaseFailed, timeout: 20s, retries: 1 }
  - step: charge
    pivot: true
    succeeds: Charged
    rejects: Declined
    timeout: 20s
---
saga: strict
starts: Placed
strict-reverse: true
undo-failed: true
wedged-after: 4
steps:
  - step: one
    succeeds: S1
    fails: F1
    timeout: 20s
    compensation: { begins: B1, succeeds: U1, fails: G1, timeout: 20s }
  - step: two
    after: []
    begins: B2
    succeeds: S2
    fails: F2
    rejects: R2
    timeout: 20s
    compensation: { succeeds: U2 }
  - step: three
    after: [one, two]
    succeeds: S3
    timeout: 10s
---
saga: pair
starts: Placed
steps:
  - step: one
    succeeds: S1
    timeout: 20s
    compensation: { succeeds: U1 }
  - step: two
    succeeds: S2
    timeout: 20s
";

const FIRST: Meaning = Meaning::Step(0, StepEvent::Success);
const SECOND: Meaning = Meaning::Step(1, StepEvent::Success);

const HORIZON: i64 = 130;

fn meanings(saga: &Saga) -> Vec<Meaning> {
    use StepEvent::{Begin, Failure, Rejection, Success};
    let mut all = vec![Meaning::Start, Meaning::Stray];
    let said = [
        (!saga.completes.is_empty(), Meaning::Completes),
        (!saga.aborts.is_empty(), Meaning::Aborts),
        (!saga.compensated.is_empty(), Meaning::Compensated),
        (!saga.abandons.is_empty(), Meaning::Abandons),
    ];
    all.extend(said.iter().filter(|(is_said, _)| *is_said).map(|it| it.1));
    for (index, step) in saga.steps.iter().enumerate() {
        let at = index as u8;
        let forward = [
            (!step.begins.is_empty(), Begin),
            (true, Success),
            (!step.fails.is_empty(), Failure),
            (!step.rejects.is_empty(), Rejection),
        ];
        let events = forward.iter().filter(|(is_there, _)| *is_there);
        all.extend(events.map(|(_, event)| Meaning::Step(at, *event)));
        if let Some(undo) = &step.compensation {
            let back = [
                (!undo.begins.is_empty(), Begin),
                (true, Success),
                (!undo.fails.is_empty(), Failure),
            ];
            let events = back.iter().filter(|(is_there, _)| *is_there);
            all.extend(events.map(|(_, event)| Meaning::Undo(at, *event)));
        }
    }
    all
}

/// An event at a place among others: its meaning among all of them, its key, its error, and how much
/// later or earlier than its place says it happened.
#[derive(Debug, Clone, Copy)]
struct Told {
    place: i64,
    meaning: usize,
    key: u64,
    error: u32,
    off: i64,
}

fn told(places: std::ops::Range<i64>) -> impl Strategy<Value = Told> {
    let key = prop_oneof![4 => Just(0), 4 => 100..1_000_000_u64, 2 => 1..4_u64];
    let off = prop_oneof![12 => Just(0), 1 => -30..30_i64];
    (places, any::<prop::sample::Index>(), key, 1..3_u32, off).prop_map(
        |(place, meaning, key, error, off)| Told {
            place,
            meaning: meaning.index(1 << 16),
            key,
            error,
            off,
        },
    )
}

fn kind() -> impl Strategy<Value = prop::sample::Index> {
    any::<prop::sample::Index>()
}

fn moment(told: Told, meaning: Meaning, odd: i64) -> Moment {
    let has_detail = matches!(
        meaning,
        Meaning::Stray
            | Meaning::Step(_, StepEvent::Failure)
            | Meaning::Undo(_, StepEvent::Failure)
    );
    Moment {
        position: Position(told.place * 100 + odd),
        time: Timestamp::from_nanos((told.place + told.off).clamp(0, HORIZON) * 1_000_000_000),
        key: told.key,
        detail: if has_detail { told.error } else { 0 },
        meaning,
    }
}

type Found = BTreeSet<(&'static str, Option<u16>, Option<String>)>;

fn found(verdict: &Verdict) -> Found {
    let each = verdict.drafts.iter();
    each.map(|draft| {
        let step = draft.step.map(|step| step as u16);
        (draft.rule, step, draft.facet.clone())
    })
    .collect()
}

fn rules(found: &Found) -> BTreeSet<&'static str> {
    found.iter().map(|(rule, ..)| *rule).collect()
}

/// An event at a place, which tells when it happened.
fn plain(place: i64, meaning: Meaning, odd: i64) -> Moment {
    let told = Told {
        place,
        meaning: 0,
        key: 0,
        error: 0,
        off: 0,
    };
    moment(told, meaning, odd)
}

fn doubt(moment: Moment) -> Doubt {
    Doubt {
        moment,
        link: Link::default(),
        options: vec![Some(moment.meaning), None],
        blank: Blank::default(),
        reason: String::new(),
    }
}

struct Bench {
    log: LogDefinition,
    sagas: Vec<std::sync::Arc<Saga>>,
    names: Names,
}

impl Bench {
    fn new() -> Bench {
        let definitions = definition::load_text("test.yaml".as_ref(), TEXT, &[]);
        let definitions = definitions.unwrap_or_else(|faulty| panic!("{:?}", faulty.faults));
        let scope = &definitions.scopes[0];
        let mut names = Names::default();
        for name in ["", "x", "y"] {
            names.intern(name);
        }
        Bench {
            log: scope.log.clone().expect("a log"),
            sagas: scope.sagas.clone(),
            names,
        }
    }

    fn judged(&self, saga: usize, moments: &[Moment], rows: &[Doubt]) -> Verdict {
        self.judged_beside(saga, moments, &[], rows)
    }

    /// The same of an instance of which these events cannot be read in full.
    fn judged_beside(
        &self,
        saga: usize,
        moments: &[Moment],
        doubts: &[Doubt],
        rows: &[Doubt],
    ) -> Verdict {
        let mut judge = Judge::new(&self.log, &self.sagas, &[]);
        let evidence = Evidence {
            moments,
            links: &[],
            doubts,
            claim: None,
        };
        let horizon = Timestamp::from_nanos(HORIZON * 1_000_000_000);
        judge.loosely(saga, evidence, rows, horizon, &self.names)
    }

    /// What each choice among the rows shows.
    fn every(&self, saga: usize, moments: &[Moment], rows: &[Moment]) -> Vec<Verdict> {
        let choices = 0..1_u32 << rows.len();
        let with = |choice: u32| {
            let own = rows.iter().enumerate();
            let own = own.filter(|(index, _)| choice & (1 << index) != 0);
            let mut all = moments.to_vec();
            all.extend(own.map(|(_, moment)| *moment));
            all.sort_by_key(|moment| moment.position);
            self.judged(saga, &all, &[])
        };
        choices.map(with).collect()
    }

    fn compare(&self, saga: usize, moments: &[Moment], rows: &[Moment]) -> Result<(), String> {
        let doubts: Vec<Doubt> = rows.iter().map(|row| doubt(*row)).collect();
        let Some(few) = representatives(&self.sagas[saga], moments, &doubts, 7) else {
            return Ok(());
        };
        let is_open = |rule: &&str| few.len() < rows.len() && IN_BETWEEN.contains(rule);
        let told = self.judged(saga, moments, &doubts);
        let every = self.every(saga, moments, rows);
        let each: Vec<Found> = every.iter().map(found).collect();
        let some: Found = each.iter().flatten().cloned().collect();
        let all = |one: &(&'static str, _, _)| each.iter().all(|found| found.contains(one));
        let common: Found = some.iter().filter(|one| all(one)).cloned().collect();
        let always = rules(&some);
        let always = always.iter().filter(|rule| {
            let mut every = each.iter();
            every.all(|found| rules(found).contains(*rule))
        });
        let always: BTreeSet<&'static str> = always.copied().collect();
        let own = found(&told);
        let certain: Found = own.iter().filter(|one| all(one)).cloned().collect();
        let told_rules = rules(&own);
        let are_told = always.difference(&told_rules).all(&is_open);
        let is_right = certain == common && told_rules.is_subset(&always) && are_told;
        let untold = every.iter().flat_map(|verdict| verdict.unknown.clone());
        let varies = some.iter().filter(|one| !all(one)).map(|(rule, ..)| *rule);
        let unknown: BTreeSet<&'static str> = untold.chain(varies).collect();
        let own_unknown: BTreeSet<&'static str> = told.unknown.iter().copied().collect();
        let mut differing = unknown.symmetric_difference(&own_unknown);
        match is_right && differing.all(&is_open) {
            true => Ok(()),
            false => Err(format!(
                "{own:?} and unknown {own_unknown:?}, not {common:?} or one of {always:?} and unknown \
                 {unknown:?}"
            )),
        }
    }
}

proptest! {
    #![proptest_config(sampled(300))]
    #[test]
    fn a_few_rows_tell_what_every_choice_among_all_of_them_tells(
        saga in 0..3_usize,
        own in prop::collection::vec(told(10..100), 0..5),
        rows in prop::collection::vec(told(0..HORIZON), 2..11),
        kinds in prop_oneof![3 => prop::collection::vec(kind(), 1), 1 => prop::collection::vec(kind(), 2)],
    ) {
        let bench = Bench::new();
        let all = meanings(&bench.sagas[saga]);
        let mut own: Vec<Moment> = own
            .iter()
            .map(|told| moment(*told, all[told.meaning % all.len()], 0))
            .collect();
        own.sort_by_key(|moment| moment.position);
        let kinds: Vec<Meaning> = kinds.iter().map(|kind| all[kind.index(all.len())]).collect();
        let mut rows: Vec<Moment> = rows
            .iter()
            .enumerate()
            .map(|(at, told)| moment(*told, kinds[told.meaning % kinds.len()], 1 + at as i64))
            .collect();
        rows.sort_by_key(|moment| moment.position);
        let told = bench.compare(saga, &own, &rows);
        prop_assert!(told.is_ok(), "{:?}: {:?} beside {:?}", told, rows, own);
    }
}

#[test]
fn with_a_row_in_between_neither_step_may_have_been_late() {
    let own = [(0, Meaning::Start), (25, FIRST), (38, SECOND)];
    let own = own.map(|(place, meaning)| plain(place, meaning, 0));
    let rows = [5, 19, 24].map(|place| plain(place, FIRST, 1));
    assert_eq!(Bench::new().compare(2, &own, &rows), Ok(()));
}

#[test]
fn beside_events_that_cannot_be_read_no_row_stands_for_another() {
    let bench = Bench::new();
    let own = [plain(0, Meaning::Start, 0), plain(1, FIRST, 0)];
    let undone = |at| Doubt {
        options: vec![Some(Meaning::Undo(0, StepEvent::Success))],
        blank: Blank {
            key: true,
            ..Blank::default()
        },
        ..doubt(plain(90, Meaning::Undo(0, StepEvent::Success), at))
    };
    let doubts: Vec<Doubt> = (0..4).map(undone).collect();
    let rows: Vec<Moment> = (2..7).map(|place| plain(place, FIRST, 1)).collect();
    let rows: Vec<Doubt> = rows.into_iter().map(doubt).collect();
    let told = bench.judged_beside(2, &own, &doubts, &rows);
    let double = |verdict: &Verdict| rules(&found(verdict)).contains("compensation/double");
    assert!(double(&bench.judged_beside(2, &own, &doubts, &[])));
    assert!(!double(&told), "{told:?}");
}
