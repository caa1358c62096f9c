//! Keys that many others look at: what is known of one of them is told as among few.

use proptest::prelude::*;
use sagactl::definition;
use sagactl::inspect::{self, Go, Options};
use sagactl::rules;

use crate::sampling::sampled;

/// Orders that all look at one customer, at first.
const LIMITS: &str = "
projection: orders
key: data.order
on:
  Placed: { set: { status: placed, customer: =data.customer } }
  Paid: { set: { status: paid } }
  Moved: { set: { customer: =data.customer } }
  Forgotten: delete
---
projection: customers
key: data.who
on:
  Limited: { set: { limit: =data.limit } }
---
invariant: orders-are-within-the-limit
for-each: orders
let: { customer: \"=projection('customers', state.customer)\" }
require: state.status != 'paid' or customer.limit > 0
";

/// An event of the customer, whose limit is 5 at first, of another one, or of the eighth order, which
/// may move from one to the other and back.
#[derive(Debug, Clone, Copy)]
enum Later {
    Limited(i64),
    OtherLimited(i64),
    Moved(bool),
    Paid,
    Forgotten,
}

/// What is found of the order: the events counted from after the first ones, and the message without
/// what is said of keys that are not followed.
type OfOrder = Vec<(Vec<i64>, String)>;

#[derive(Debug, PartialEq)]
struct Limits {
    found: OfOrder,
    /// Keys that were looked at, and those of which it cannot be told.
    checked: u64,
    unknown: u64,
    /// Something is said of keys that are not followed.
    is_unwatched: bool,
}

/// Judges so many orders, with what comes later at these seconds.
fn limits(orders: usize, grace: &str, later: &[(i64, Later)]) -> Limits {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let definitions = folder.path().join("limits.yaml");
    std::fs::write(&definitions, format!("{LIMITS}{grace}")).expect("it can be written");
    let definitions = definition::load(&[definitions], &rules::names()).expect("sound");
    let limited = |who| (0, "Limited", format!(r#"{{"who":"{who}","limit":5}}"#));
    let mut told = vec![limited("c"), limited("d")];
    told.extend((0..orders).map(|order| {
        let data = format!(r#"{{"order":{order},"customer":"c"}}"#);
        (1, "Placed", data)
    }));
    let first = told.len() as i64;
    told.extend(later.iter().map(|(time, later)| match later {
        Later::Limited(limit) => (
            *time,
            "Limited",
            format!(r#"{{"who":"c","limit":{limit}}}"#),
        ),
        Later::OtherLimited(limit) => (
            *time,
            "Limited",
            format!(r#"{{"who":"d","limit":{limit}}}"#),
        ),
        Later::Moved(back) => (
            *time,
            "Moved",
            format!(
                r#"{{"order":7,"customer":"{}"}}"#,
                if *back { "c" } else { "d" }
            ),
        ),
        Later::Paid => (*time, "Paid", r#"{"order":7}"#.to_owned()),
        Later::Forgotten => (*time, "Forgotten", r#"{"order":7}"#.to_owned()),
    }));
    let lines = (1..).zip(told).map(|(position, (time, kind, data))| {
        let [hours, minutes, seconds] = [8 + time / 3600, time / 60 % 60, time % 60];
        format!(
            r#"{{"position":{position},"time":"2026-03-01T{hours:02}:{minutes:02}:{seconds:02}Z","type":"{kind}","data":{data}}}"#
        )
    });
    let path = folder.path().join("log.jsonl");
    std::fs::write(&path, lines.collect::<Vec<_>>().join("\n")).expect("it can be written");
    let instant = "2026-03-01T12:00:00Z".parse().expect("an instant");
    let options = Options {
        log: Some(path),
        as_of: Some(sagactl::definition::settings::AsOf::Instant(instant)),
        ..Options::new("2026-11-01T00:00:00Z".parse().expect("an instant"))
    };
    let report = inspect::audit(&definitions, &options, &|_| Go::On).expect("it can be read");
    let mut rules = report.rules.iter();
    let count = rules.find(|count| count.rule == "invariant/violated");
    let (checked, unknown) = count.map_or((0, 0), |count| (count.checked, count.unknown));
    let mut is_unwatched = false;
    let findings = report.findings.iter().map(|finding| {
        assert_eq!(&*finding.subject.id, "7", "{}", finding.rule);
        let evidence = finding.evidence.iter().map(|position| position.0 - first);
        let mut message = finding.message.split("; since a key that more than");
        let told = message.next().unwrap_or_default().to_owned();
        let told = finding.evidence.iter().fold(told, |told, position| {
            let later = position.0 - first;
            told.replace(&format!("position {position}"), &format!("the {later}th"))
        });
        is_unwatched |= message.next().is_some();
        (evidence.collect(), told)
    });
    Limits {
        found: findings.collect(),
        checked,
        unknown,
        is_unwatched,
    }
}

/// The grace, what comes later, and of how many keys it cannot be told what was.
type Case = (&'static str, &'static [(i64, Later)], usize);

const FEW: usize = 9;
const MANY: usize = 1001;

#[test]
fn what_is_known_of_a_key_among_many_that_look_at_one_is_told_as_among_few() {
    use Later::{Forgotten, Limited, Paid};
    let grace = "grace: 1m\n";
    // How many are unknown, since nobody saw what was between two changes of the customer.
    let cases: [Case; 7] = [
        (
            "",
            &[
                (20, Limited(0)),
                (30, Paid),
                (80, Limited(-1)),
                (90, Limited(-2)),
            ],
            MANY - 1,
        ),
        ("", &[(30, Paid), (80, Limited(-1))], 0),
        (
            grace,
            &[(20, Limited(0)), (30, Paid), (9000, Limited(-2))],
            MANY - 1,
        ),
        (
            grace,
            &[(20, Limited(0)), (30, Paid), (14_390, Limited(-2))],
            MANY - 1,
        ),
        (grace, &[(20, Limited(0)), (30, Paid), (5000, Forgotten)], 0),
        (grace, &[(30, Paid), (40, Limited(0)), (60, Limited(5))], 0),
        (grace, &[(30, Paid), (40, Limited(0)), (60, Limited(-1))], 0),
    ];
    for (grace, later, unknown) in cases {
        let few = limits(FEW, grace, later);
        assert_eq!((few.checked, few.unknown), (FEW as u64, 0), "{later:?}");
        let many = limits(MANY, grace, later);
        assert_eq!(many.found, few.found, "{later:?}");
        let count = (many.checked, many.unknown);
        assert_eq!(count, (MANY as u64, unknown as u64), "{later:?}");
    }
}

#[test]
fn what_nobody_saw_of_a_key_among_many_is_unknown_and_counted() {
    use Later::{Forgotten, Limited, Paid};
    let grace = "grace: 1m\n";
    let cases: [&[(i64, Later)]; 3] = [
        &[(30, Paid), (40, Limited(0)), (5000, Limited(5))],
        &[(30, Paid), (40, Limited(0)), (5000, Forgotten)],
        &[
            (30, Paid),
            (40, Limited(0)),
            (5000, Limited(5)),
            (14_390, Limited(-1)),
        ],
    ];
    for later in cases {
        assert_eq!(limits(FEW, grace, later).found.len(), 1, "{later:?}");
        let many = limits(MANY, grace, later);
        assert_eq!(
            (many.found.len(), many.checked),
            (0, MANY as u64),
            "{later:?}"
        );
        assert!(many.unknown > 0, "{later:?}");
    }
}

fn later() -> impl Strategy<Value = Vec<(i64, Later)>> {
    let what = prop_oneof![
        4 => prop::sample::select(vec![-1, 0, 5]).prop_map(Later::Limited),
        2 => prop::sample::select(vec![-1, 0, 5]).prop_map(Later::OtherLimited),
        2 => any::<bool>().prop_map(Later::Moved),
        2 => Just(Later::Paid),
        1 => Just(Later::Forgotten),
    ];
    let rest = prop_oneof![4 => 0..50_i64, 2 => 55..65_i64, 1 => 100..1200_i64, 1 => -80..0_i64];
    prop::collection::vec((rest, what), 1..9).prop_map(|mut told| {
        let mut now = 1000;
        for (time, _) in &mut told {
            now += *time;
            *time = now;
        }
        // What is forgotten has no customer any more.
        let is_over = |(_, what): &(i64, Later)| matches!(what, Later::Forgotten);
        let over = told.iter().position(is_over);
        told.truncate(over.map_or(told.len(), |over| over + 1));
        told
    })
}

proptest! {
    #![proptest_config(sampled(60))]
    #[test]
    fn a_key_among_many_is_judged_as_among_few_or_not_at_all(
        later in later(), grace in prop::sample::select(vec!["", "grace: 1m\n"])
    ) {
        let few = limits(FEW, grace, &later);
        let many = limits(MANY, grace, &later);
        // One that was forgotten may have been wrong before.
        let more = many.checked - few.checked - (MANY - FEW) as u64;
        prop_assert!(more <= many.unknown.min(1));
        match (few.found.first(), many.found.first()) {
            // It may have been wrong before that, or right in between.
            (Some((first, _)), Some((found, _))) if many.is_unwatched => {
                prop_assert!(first[0] <= found[0]);
            }
            (Some(_), None) => prop_assert!(many.unknown > 0),
            _ => prop_assert_eq!(few.found, many.found),
        }
    }
}
