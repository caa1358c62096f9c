//! Generated logs with labelled faults: what is found must be the labels, no more and no less.

use std::collections::BTreeMap;
use std::path::Path;

use sagactl::definition::{self, Definitions};
use sagactl::event::Span;
use sagactl::finding::Finding;
use sagactl::generate::log_faults::LogFault;
use sagactl::generate::{self, Faults, Ids, Label, Layout, Made, Wrong};
use sagactl::inspect::{self, Go, Options};
use sagactl::rules;

use crate::fixture::DEPOT;

type Found = BTreeMap<(String, String, String, Option<String>), i64>;

fn shop() -> Definitions {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sagas/shop");
    definition::load(&[folder], &rules::names()).expect("the shop's definitions are sound")
}

/// The shop, with its log ordered by time.
fn shop_by_time(lateness: Span) -> Definitions {
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("sagas/shop");
    let folder = tempfile::tempdir().expect("a temporary folder");
    for file in [
        "log.yaml",
        "order-fulfilment.yaml",
        "subscription-renewal.yaml",
    ] {
        let text = std::fs::read_to_string(shop.join(file)).expect("it is shipped");
        let order = format!("log: shop\norder: {{ time: {{ lateness: {lateness} }} }}\n");
        let text = text.replacen("log: shop\n", &order, 1);
        std::fs::write(folder.path().join(file), text).expect("it can be written");
    }
    definition::load(&[folder.path().to_owned()], &rules::names())
        .expect("the shop's definitions are sound")
}

/// Generates a shop's log, audits it, and returns how many labels there were, and what was found
/// less them.
fn difference(options: &generate::Options, layout: Layout) -> (u64, Found) {
    let definitions = options.lateness.map_or_else(shop, shop_by_time);
    let generate = |path: &Path| {
        generate::generate(&definitions.scopes[0].sagas, options, layout, path)
            .expect("the log can be written")
    };
    found_less_labelled(&definitions, generate)
}

/// Audits a generated log, by itself and in several threads, and returns how many labels there were,
/// and what was found less them.
fn found_less_labelled(
    definitions: &Definitions,
    generate: impl FnOnce(&Path) -> Made,
) -> (u64, Found) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("generated.db");
    let made = generate(&path);
    let audit = |threads| {
        let options = Options {
            log: Some(path.clone()),
            threads,
            ..Options::new("2026-11-01T00:00:00Z".parse().expect("an instant"))
        };
        inspect::audit(definitions, &options, &|_| Go::On).expect("the log can be read")
    };
    let report = audit(1);
    for threads in [2, 5] {
        assert_eq!(
            format!("{:?}", audit(threads)),
            format!("{report:?}"),
            "with {threads} threads"
        );
    }
    let found = report.findings.iter().map(|finding| {
        let Finding { subject, step, .. } = finding;
        let kind = subject.kind.label();
        let step = step.as_deref().map(str::to_owned);
        (finding.rule, kind, &*subject.definition, &subject.id, step)
    });
    let labelled = made.labels.iter().map(|label| {
        let Label { subject, step, .. } = label;
        let (kind, step) = (subject.kind, step.clone());
        (label.rule, kind, &*subject.definition, &subject.id, step)
    });
    let counted = found
        .map(|one| (one, 1))
        .chain(labelled.map(|one| (one, -1)));
    let mut balance = Found::new();
    for ((rule, kind, definition, id, step), count) in counted {
        let of = format!("{kind} of {definition}");
        let key = (rule.to_owned(), of, id.clone(), step);
        *balance.entry(key).or_default() += count;
    }
    balance.retain(|_, count| *count != 0);
    (made.labels.len() as u64, balance)
}

fn options(seed: u64, instances: u64, faults: Faults) -> generate::Options {
    generate::Options {
        log: "shop".to_owned(),
        seed,
        instances,
        faults,
        lateness: None,
        spacing: Span::from_secs(2),
        start: "2026-03-01T08:00:00Z".parse().expect("an instant"),
        payload: 80,
        ids: Ids::Numbered,
        plain: false,
    }
}

const SHOP: Layout = Layout {
    wal: false,
    autoincrement: true,
    unique_ids: true,
    indexed: false,
};

#[test]
fn every_fault_is_found_and_nothing_else() {
    for seed in 1..=8 {
        let faults = Faults::Each(Wrong::all(true, None));
        let (labels, difference) = difference(&options(seed, 600, faults), SHOP);
        assert!(labels > 30, "seed {seed} made only {labels} labels");
        assert_eq!(difference, Found::new(), "seed {seed}");
    }
}

#[test]
fn many_faults_among_many_instances_are_told_apart() {
    for (seed, unique_ids) in [(11, true), (12, false), (13, true), (14, false)] {
        let layout = Layout {
            unique_ids,
            autoincrement: unique_ids,
            wal: unique_ids,
            indexed: true,
        };
        let (labels, difference) = difference(&options(seed, 8_000, Faults::PerMille(250)), layout);
        assert!(labels > 1_500, "seed {seed} made only {labels} labels");
        assert_eq!(difference, Found::new(), "seed {seed}");
    }
}

#[test]
fn rows_that_are_too_late_are_found_and_those_within_the_lateness_are_not() {
    let lateness = Span::from_secs(300);
    for seed in 21..=26 {
        let mut faults = Wrong::all(true, Some(lateness));
        faults.extend([Wrong::Log(LogFault::TooLate); 40]);
        let options = generate::Options {
            lateness: Some(lateness),
            ..options(seed, 1_000, Faults::Each(faults))
        };
        let (labels, difference) = difference(&options, SHOP);
        assert!(labels > 70, "seed {seed} made only {labels} labels");
        assert_eq!(difference, Found::new(), "seed {seed}");
    }
    let many = generate::Options {
        lateness: Some(lateness),
        ..options(28, 4_000, Faults::PerMille(250))
    };
    let (labels, difference_of_many) = difference(&many, SHOP);
    assert!(labels > 700, "only {labels} labels");
    assert_eq!(difference_of_many, Found::new());
    let clean = generate::Options {
        lateness: Some(lateness),
        ..options(27, 2_000, Faults::None)
    };
    assert_eq!(difference(&clean, SHOP), (0, Found::new()));
}

/// As [`difference`], of a bank.
fn bank(options: &generate::bank::Options) -> (u64, Found) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sagas/bank/bank.yaml");
    let definitions = definition::load(&[path], &rules::names()).expect("sound");
    let generate =
        |path: &Path| generate::bank::bank(*options, path).expect("the log can be written");
    found_less_labelled(&definitions, generate)
}

#[test]
fn what_goes_wrong_beside_sagas_is_found_and_nothing_else() {
    let options = generate::bank::Options {
        seed: 1,
        transfers: 60,
        faults: None,
        spacing: 60_000,
        start: 1_772_431_200_000,
    };
    assert_eq!(bank(&options), (28, Found::new()));
    for seed in 2..6 {
        let options = generate::bank::Options {
            seed,
            transfers: 2000,
            faults: Some(150),
            spacing: 20_000,
            ..options
        };
        let (labels, balance) = bank(&options);
        assert!(labels > 400, "only {labels} labels");
        assert_eq!(balance, Found::new(), "seed {seed}");
    }
    let clean = generate::bank::Options {
        transfers: 2000,
        faults: Some(0),
        ..options
    };
    assert_eq!(bank(&clean), (0, Found::new()));
}

/// As [`difference`], of a depot.
fn depot(options: &generate::depot::Options) -> (u64, Found) {
    let vans = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/definitions/vans.yaml");
    let vans = std::fs::read_to_string(vans).expect("it is there");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("depot.yaml");
    std::fs::write(&path, format!("{DEPOT}---\n{vans}")).expect("it can be written");
    let definitions = definition::load(&[path], &rules::names()).expect("sound");
    let generate =
        |path: &Path| generate::depot::depot(*options, path).expect("the log can be written");
    found_less_labelled(&definitions, generate)
}

#[test]
fn what_sagas_do_to_each_other_is_found_and_nothing_else() {
    let options = generate::depot::Options {
        seed: 1,
        deliveries: 60,
        faults: None,
        spacing: 20_000,
        start: 1_772_431_200_000,
    };
    assert_eq!(depot(&options), (10, Found::new()));
    for (seed, spacing) in [
        (2, 1_000),
        (3, 5_000),
        (4, 30_000),
        (5, 120_000),
        (6, 600_000),
    ] {
        let options = generate::depot::Options {
            seed,
            deliveries: 3000,
            faults: Some(200),
            spacing,
            ..options
        };
        let (labels, balance) = depot(&options);
        assert!(labels > 500, "seed {seed} made only {labels} labels");
        assert_eq!(balance, Found::new(), "seed {seed}");
        let clean = generate::depot::Options {
            faults: Some(0),
            ..options
        };
        assert_eq!(depot(&clean), (0, Found::new()), "seed {seed}");
    }
}

/// The bank that is shipped is the one that the generator makes.
#[test]
fn the_shipped_bank_is_the_generated_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("bank.db");
    let options = generate::bank::Options {
        seed: 1,
        transfers: 60,
        faults: None,
        spacing: 60_000,
        start: 1_772_431_200_000,
    };
    generate::bank::bank(options, &path).expect("the log can be written");
    let shipped = std::fs::read(root.join("sagas/bank/bank.db")).expect("it is shipped");
    assert!(
        std::fs::read(path).expect("it was made") == shipped,
        "`sagactl generate sagas/bank/bank.db --bank --each --instances 60 --spacing 1m` makes another"
    );
}
