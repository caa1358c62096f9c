//! What status columns say, counted.

use sagactl::definition::settings::AsOf;
use sagactl::definition::{self, Definitions};
use sagactl::event::Timestamp;
use sagactl::inspect::{self, Go, Options};
use sagactl::rules;

use crate::rows::{self, Log, Row, looked_at, row};

const RULE: &str = "saga/false-claim";

fn definitions() -> Definitions {
    let claims = "claims: { saga: order, table: status, id: id, \
                  status: { column: state, completed: [DONE], running: [RUNNING] } }\n---\n";
    let saga = "saga: order
starts: Placed
steps: [{ step: ship, succeeds: Shipped }]
namespace: [Parcel*]
";
    let text = format!("{}{saga}", rows::LOG.replace("---\n", claims));
    definition::load_text("rows.yaml".as_ref(), &text, &rules::names()).expect("definitions")
}

fn log(statuses: &[(&str, &str)]) -> Log {
    let rows = [
        row("a", "Placed", Some(1)),
        row("a", "Shipped", Some(2)),
        row("b", "Placed", Some(3)),
        row("c", "ParcelWeighed", Some(4)),
        row("d", "Placed", None),
    ];
    log_of(&rows, statuses)
}

fn log_of(rows: &[Row], statuses: &[(&str, &str)]) -> Log {
    let log = Log::new(rows);
    let create = "CREATE TABLE status (id TEXT, state TEXT)";
    log.connection.execute_batch(create).expect("a table");
    for status in statuses {
        let insert = "INSERT INTO status VALUES (?, ?)";
        log.connection.execute(insert, *status).expect("a status");
    }
    log
}

#[test]
fn what_is_claimed_of_an_instance_without_events_was_looked_at() {
    let counted = |statuses: &[(&str, &str)]| {
        let report = log(statuses).audit(&definitions(), 10);
        let findings = report.findings.iter().filter(|one| one.rule == RULE);
        (looked_at(&report, RULE), findings.count())
    };
    // Of `d` there is an event, as far as that can be told.
    assert_eq!(counted(&[]), ((3, 0), 0));
    assert_eq!(counted(&[("a", "DONE"), ("b", "RUNNING")]), ((3, 0), 0));
    assert_eq!(counted(&[("x", "RUNNING")]), ((4, 0), 0));
    assert_eq!(counted(&[("x", "DONE")]), ((4, 0), 1));
    assert_eq!(counted(&[("d", "DONE")]), ((3, 1), 0));
    // Neither an order without an event, nor one with a parcel alone, nor one of the others.
    let lost = ["x", "c", "a"].map(|id| (id, "LOST"));
    assert_eq!(counted(&lost[..1]), ((4, 1), 0));
    assert_eq!(counted(&lost[..2]), ((5, 2), 0));
    assert_eq!(counted(&lost), ((5, 3), 0));
}

#[test]
fn what_is_claimed_now_of_what_was_before_is_unknown_once_each() {
    let claimed = log(&[("a", "RUNNING"), ("c", "DONE"), ("x", "DONE")]);
    let report = claimed.audit(&definitions(), 2);
    assert_eq!(looked_at(&report, RULE), (2, 2));
    let report = claimed.audit(&definitions(), 3);
    assert_eq!(looked_at(&report, RULE), (3, 3));
}

/// More rows than the horizon of one instance is told from where nothing else is asked for.
const MANY: usize = 12_000;

#[test]
fn one_instance_is_compared_with_its_status_where_the_whole_log_is() {
    let found = |early: i64, as_of: i64| {
        let mut rows = vec![row("a", "Placed", Some(1)), row("b", "Placed", Some(early))];
        rows.extend((0..MANY).map(|_| row("c", "Placed", Some(2))));
        let log = log_of(&rows, &[("a", "DONE")]);
        let index = "CREATE INDEX by_correlation ON events (correlation)";
        log.connection.execute_batch(index).expect("an index");
        let whole = log.audit(&definitions(), as_of);
        let options = Options {
            log: Some(log.folder().join("rows.db")),
            as_of: Some(AsOf::Instant(Timestamp::from_nanos(as_of * 1_000_000_000))),
            ..Options::new(Timestamp::from_nanos(0))
        };
        let shown = inspect::show(&definitions(), "a", &options, &|_| Go::On).expect("a view");
        let of_all = whole.findings.iter().filter(|one| one.rule == RULE);
        let of_one = shown.iter().flat_map(|view| &view.findings);
        (
            of_all.count(),
            of_one.filter(|one| one.rule == RULE).count(),
        )
    };
    assert_eq!(found(2, 5), (1, 1));
    assert_eq!(found(9, 5), (0, 0));
}
