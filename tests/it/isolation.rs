//! Residues against their definition: the events of a key folded with a step and its compensation,
//! and without both.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use sagactl::definition;
use sagactl::inspect::{self, Go, Options};
use sagactl::rules;

use crate::sampling::sampled;

/// What happens to a stock.
#[derive(Debug, Clone, Copy)]
enum What {
    Reserved(usize, u8, i64),
    Released(usize, u8, i64),
    Counted(u8, i64),
}

const DELIVERIES: usize = 3;

/// Every delivery reserves once and may release once, after that.
fn logs() -> impl Strategy<Value = Vec<What>> {
    let delivery = (
        0..2_u8,
        1..3_i64,
        0..8_u32,
        prop::option::of((0..2_u8, 1..3_i64, 0..8_u32)),
    );
    let counts = prop::collection::vec((0..2_u8, 5..9_i64, 0..16_u32), 0..3);
    (prop::collection::vec(delivery, DELIVERIES), counts).prop_map(|(deliveries, counts)| {
        let mut told: Vec<(u32, What)> = Vec::new();
        for (index, (stock, count, at, release)) in deliveries.into_iter().enumerate() {
            told.push((at, What::Reserved(index, stock, count)));
            if let Some((stock, count, later)) = release {
                told.push((at + 1 + later, What::Released(index, stock, count)));
            }
        }
        told.extend(
            counts
                .into_iter()
                .map(|(stock, count, at)| (at, What::Counted(stock, count))),
        );
        told.sort_by_key(|(at, _)| *at);
        told.into_iter().map(|(_, what)| what).collect()
    })
}

type Stocks = BTreeMap<u8, (i64, Vec<usize>)>;

fn fold(told: impl Iterator<Item = What>) -> Stocks {
    let mut stocks = Stocks::from([(0, (0, Vec::new())), (1, (0, Vec::new()))]);
    for what in told {
        match what {
            What::Reserved(delivery, stock, count) => {
                let (available, holders) = stocks.entry(stock).or_default();
                *available -= count;
                holders.push(delivery);
            }
            What::Released(delivery, stock, count) => {
                let (available, holders) = stocks.entry(stock).or_default();
                *available += count;
                if let Some(at) = holders.iter().position(|holder| *holder == delivery) {
                    holders.remove(at);
                }
            }
            What::Counted(stock, count) => drop(stocks.insert(stock, (count, Vec::new()))),
        }
    }
    stocks
}

/// The deliveries that were undone, and of which something is left on a stock.
fn slowly(told: &[What]) -> Vec<usize> {
    let delivery_of = |what: &What| match what {
        What::Reserved(delivery, ..) | What::Released(delivery, ..) => Some(*delivery),
        What::Counted(..) => None,
    };
    (0..DELIVERIES)
        .filter(|delivery| {
            let mut own = told
                .iter()
                .filter(|what| delivery_of(what) == Some(*delivery));
            own.next();
            let with = fold(told.iter().copied());
            let others = told
                .iter()
                .filter(|what| delivery_of(what) != Some(*delivery));
            let without = fold(others.copied());
            own.next().is_some() && with != without
        })
        .collect()
}

fn quickly(told: &[What]) -> Vec<usize> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let definitions = root.join("tests/definitions/vans.yaml");
    let definitions = definition::load(&[definitions], &rules::names()).expect("sound");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("log.jsonl");
    let lines = told.iter().enumerate().map(|(index, what)| {
        let (kind, delivery, stock, count) = match what {
            What::Reserved(delivery, stock, count) => ("StockReserved", *delivery, stock, count),
            What::Released(delivery, stock, count) => ("StockReleased", *delivery, stock, count),
            What::Counted(stock, count) => ("StockCounted", 9, stock, count),
        };
        format!(
            r#"{{"position":{},"time":"2026-03-01T08:00:{index:02}Z","type":"{kind}","correlation":"{delivery}","data":{{"sku":{stock},"count":{count}}}}}"#,
            index + 1
        )
    });
    std::fs::write(&path, lines.collect::<Vec<_>>().join("\n")).expect("it can be written");
    let options = Options {
        log: Some(path),
        ..Options::new("2026-11-01T00:00:00Z".parse().expect("an instant"))
    };
    let report = inspect::audit(&definitions, &options, &|_| Go::On).expect("it can be read");
    let own = report
        .findings
        .iter()
        .filter(|finding| finding.rule == "compensation/residue");
    let mut found: Vec<usize> = own
        .map(|finding| finding.subject.id.parse().expect("a number"))
        .collect();
    found.sort_unstable();
    found
}

proptest! {
    #![proptest_config(sampled(300))]
    #[test]
    fn a_residue_is_what_differs_with_and_without_a_step_and_its_compensation(told in logs()) {
        prop_assert_eq!(quickly(&told), slowly(&told));
    }
}

/// How many deliveries hold one stock at a time, below.
const MANY: usize = 10_000;

#[test]
fn many_deliveries_that_hold_one_stock_take_themselves_out_again() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let definitions = root.join("tests/definitions/vans.yaml");
    let definitions = definition::load(&[definitions], &rules::names()).expect("sound");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("log.jsonl");
    let kinds = ["StockReserved", "StockReleased"];
    let each = (kinds.iter()).flat_map(|kind| (0..MANY).map(move |one| (kind, one)));
    let lines = (1..).zip(each).map(|(position, (kind, delivery))| {
        format!(
            r#"{{"position":{position},"time":"2026-03-01T08:00:00Z","type":"{kind}","correlation":"{delivery}","data":{{"sku":"A","count":1}}}}"#
        )
    });
    std::fs::write(&path, lines.collect::<Vec<_>>().join("\n")).expect("it can be written");
    let options = Options {
        log: Some(path),
        ..Options::new("2026-11-01T00:00:00Z".parse().expect("an instant"))
    };
    let report = inspect::audit(&definitions, &options, &|_| Go::On).expect("it can be read");
    let mut rules = report.rules.iter();
    let count = rules.find(|count| count.rule == "compensation/residue");
    let count = count.map(|count| (count.checked, count.found, count.unknown));
    assert_eq!(count, Some((MANY as u64, 0, 0)));
}
