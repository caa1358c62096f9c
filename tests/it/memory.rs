//! A cap on memory changes how often a log is read and nothing that is said of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sagactl::casefile;
use sagactl::definition::{self, Definitions};
use sagactl::event::Span;
use sagactl::generate::{self, Faults, Ids, Layout, Wrong, bank, depot};
use sagactl::inspect::{self, Go, Options};
use sagactl::report::Report;
use sagactl::rules;
use tempfile::TempDir;

use crate::fixture::DEPOT;

/// Definitions and a log to judge by them.
struct World {
    folder: TempDir,
    definitions: Definitions,
}

impl World {
    fn new(texts: &[&str], make: impl FnOnce(&Definitions, &Path)) -> World {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.yaml");
        std::fs::write(&path, texts.join("---\n")).unwrap();
        let definitions = definition::load(&[path], &rules::names()).expect("they are sound");
        let world = World {
            folder,
            definitions,
        };
        make(&world.definitions, &world.log());
        world
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("generated.db")
    }

    fn options(&self, memory: Option<u64>, threads: usize) -> Options {
        Options {
            log: Some(self.log()),
            memory,
            threads,
            ..Options::new("2026-11-01T00:00:00Z".parse().unwrap())
        }
    }

    fn audit(&self, options: &Options) -> Report {
        inspect::audit(&self.definitions, options, &|_| Go::On).expect("the log can be read")
    }

    /// Audits within caps of so many bytes, which have to say what one without says; returns in how
    /// many passes each was read, and what it kept.
    fn passes(&self, narrow: impl Fn(&mut Options), caps: &[u64]) -> Vec<(u32, u64)> {
        let report = |memory, threads| {
            let mut options = self.options(memory, threads);
            narrow(&mut options);
            self.audit(&options)
        };
        let whole = report(None, 1);
        assert!(whole.rules.iter().any(|rule| rule.checked > 50));
        let mut passes = Vec::new();
        for (at, cap) in caps.iter().enumerate() {
            let mut capped = report(Some(*cap), 1 + at % 2);
            let [log] = capped.logs.as_mut_slice() else {
                panic!("one log is read")
            };
            let memory = log.memory.take().expect("there is a cap");
            assert_eq!(memory.cap, *cap);
            assert_eq!(
                format!("{capped:#?}"),
                format!("{whole:#?}"),
                "within {cap} bytes, in {} passes",
                memory.passes
            );
            passes.push((memory.passes, memory.held));
        }
        passes
    }
}

fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(path).unwrap()
}

fn shop(instances: u64) -> World {
    let files = ["log", "order-fulfilment", "subscription-renewal"];
    let texts = files.map(|file| text(&format!("sagas/shop/{file}.yaml")));
    World::new(
        &texts.each_ref().map(String::as_str),
        |definitions, path| {
            let options = generate::Options {
                log: "shop".to_owned(),
                seed: 3,
                instances,
                faults: Faults::Each(Wrong::all(true, None)),
                lateness: None,
                spacing: Span::from_secs(2),
                start: "2026-03-01T08:00:00Z".parse().unwrap(),
                payload: 80,
                ids: Ids::Numbered,
                plain: false,
            };
            let layout = Layout {
                wal: false,
                autoincrement: true,
                unique_ids: false,
                indexed: false,
            };
            generate::generate(&definitions.scopes[0].sagas, &options, layout, path).unwrap();
        },
    )
}

const FEW: [u64; 5] = [1 << 40, 300 << 10, 60 << 10, 20 << 10, 1];

fn all(_: &mut Options) {}

/// One pass for a cap that is never felt, more for smaller ones, and never more than so many.
fn are_more_and_more(passes: &[(u32, u64)]) {
    let passes: Vec<u32> = passes.iter().map(|(passes, _)| *passes).collect();
    assert_eq!(passes[0], 1, "{passes:?}");
    assert!(passes.is_sorted(), "{passes:?}");
    assert_eq!(passes.last(), Some(&256), "{passes:?}");
    assert!(
        passes.iter().any(|passes| (2..100).contains(passes)),
        "{passes:?}"
    );
}

#[test]
fn a_shop_is_judged_alike_in_any_number_of_passes() {
    let passes = shop(300).passes(all, &FEW);
    are_more_and_more(&passes);
    assert!(passes[1].1 <= FEW[1], "{passes:?}");
    assert!(passes[2].1 <= FEW[2], "{passes:?}");
}

/// Writes a bank's log.
fn bank_at(_: &Definitions, path: &Path) {
    let options = bank::Options {
        seed: 2,
        transfers: 300,
        faults: Some(200),
        spacing: 20_000,
        start: 1_772_431_200_000,
    };
    bank::bank(options, path).unwrap();
}

#[test]
fn a_bank_is_judged_alike_in_any_number_of_passes() {
    let world = World::new(&[&text("sagas/bank/bank.yaml")], bank_at);
    are_more_and_more(&world.passes(all, &FEW));
}

#[test]
fn totals_over_states_are_kept_whole_beside_what_is_divided() {
    let sums = "invariant: money-is-conserved
where: state.balance is defined
total: { of: =state.balance, states-of: accounts }
grace: 1s
---
invariant: nobody-owes
total: { of: =-state.balance, states-of: accounts, per: state.owner }
";
    let world = World::new(&[&text("sagas/bank/bank.yaml"), sums], bank_at);
    are_more_and_more(&world.passes(all, &FEW));
}

#[test]
fn what_cannot_be_divided_is_kept_whole_and_judged_alike() {
    let world = World::new(&[DEPOT, &text("tests/definitions/vans.yaml")], |_, path| {
        let options = depot::Options {
            seed: 2,
            deliveries: 300,
            faults: Some(200),
            spacing: 5_000,
            start: 1_772_431_200_000,
        };
        depot::depot(options, path).unwrap();
    });
    for (passes, held) in world.passes(all, &FEW) {
        assert_eq!(passes, 1);
        assert!(held > FEW[2], "{held}");
    }
    let sagas = |options: &mut Options| options.rules = vec!["saga/*".to_owned()];
    are_more_and_more(&world.passes(sagas, &FEW));
}

/// What every case says is said of it in as many passes as there may be, and in fewer.
#[test]
fn every_case_is_judged_alike_in_any_number_of_passes() {
    let cases = casefile::load(&[PathBuf::from("tests/cases")])
        .unwrap()
        .cases;
    let mut most = BTreeSet::new();
    for case in &cases {
        let report = |memory| {
            let mut report = casefile::report(case, memory).expect("it can be judged");
            let logs = report.logs.iter_mut();
            let logs = logs.map(|log| (std::mem::take(&mut log.path), log.memory.take()));
            let passes = logs.filter_map(|(_, memory)| memory).map(|it| it.passes);
            let passes = passes.max();
            (format!("{report:#?}"), passes)
        };
        let (whole, _) = report(None);
        let (capped, passes) = report(Some(1 << 10));
        assert_eq!(capped, whole, "{:?} in {passes:?} passes", case.about);
        most.extend(passes);
    }
    assert!(most.iter().any(|passes| *passes > 1), "{most:?}");
}

#[test]
fn stored_rows_are_compared_alike_in_any_number_of_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/accounts");
    let definitions = definition::load(&[folder], &rules::names()).expect("they are sound");
    let options = |memory| Options {
        memory,
        ..Options::new("2026-11-01T00:00:00Z".parse().unwrap())
    };
    let names = definitions.scopes[0].projections.iter();
    for name in names.map(|one| &one.name) {
        let diff = |memory| {
            let options = options(memory);
            let mut found =
                inspect::diff(&definitions, (name, &[]), &options, &|_| Go::On).unwrap();
            let passes = found[0].log.memory.take().map(|memory| memory.passes);
            let standings = found[0].held.as_ref().unwrap().standings.len();
            (format!("{found:#?}"), standings, passes)
        };
        let (whole, standings, _) = diff(None);
        assert!(standings > 1, "{name} has {standings}");
        for (memory, expected) in [(1 << 40, 1..2), (2 << 10, 2..257), (1, 256..257)] {
            let (capped, _, passes) = diff(Some(memory));
            let passes = passes.expect("there is a cap");
            assert!(capped == whole, "{name} in {passes} passes");
            let is_small = standings < 5;
            assert!(
                is_small || expected.contains(&passes),
                "{name} in {passes} passes"
            );
        }
    }
}

/// A log of a saga with a status table, of a few orders that all wait: what the cap is used up by is
/// told in SQL.
fn waiting(sql: &str) -> World {
    let definitions = "
log: shop
database: generated.db
events: { table: events, position: position, time: { column: time, unit: s }, type: type, correlation: saga }
claims: { saga: order, table: statuses, id: id, status: { column: status, running: RUNNING } }
---
saga: order
starts: Asked
steps: [{ step: send, begins: Tried, succeeds: Sent, timeout: 1m }]
";
    World::new(&[definitions], |_, path| {
        let log = rusqlite::Connection::open(path).unwrap();
        let tables = "
CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, time, type, saga);
CREATE TABLE statuses (id TEXT, status TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100)
INSERT INTO events (time, type, saga) SELECT i, 'Asked', 'o-' || i FROM n;";
        log.execute_batch(tables).unwrap();
        log.execute_batch(sql).unwrap();
    })
}

#[test]
fn a_status_table_counts_and_is_divided() {
    let world = waiting(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000)
         INSERT INTO statuses SELECT 'o-' || i, 'RUNNING' FROM n;",
    );
    let passes = world.passes(|_| {}, &[1 << 30, 1 << 19]);
    assert_eq!(passes[0].0, 1);
    assert!(passes[0].1 > 1 << 20, "{passes:?}");
    assert!((2..30).contains(&passes[1].0), "{passes:?}");
    assert!(passes[1].1 <= 1 << 19, "{passes:?}");
}

#[test]
fn one_key_that_is_larger_than_the_cap_does_not_make_the_log_be_read_for_ever() {
    let world = waiting(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200000)
         INSERT INTO events (time, type, saga) SELECT i, 'Tried', 'hot' FROM n;",
    );
    for (cap, most) in [(1 << 20, 16), (1 << 22, 16)] {
        let [(passes, held)] = world.passes(|_| {}, &[cap])[..] else {
            panic!("one cap was asked for")
        };
        assert!(passes <= most && held > cap, "{passes} passes kept {held}");
    }
}
