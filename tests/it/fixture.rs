//! A report, a listing and a view, made by hand: what the formats are tried on.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use sagactl::definition;
use sagactl::definition::saga::Saga;
use sagactl::event::{Event, Position, Span, Timestamp};
use sagactl::finding::{Direction, Finding, Next, Severity, Subject, SubjectKind};
use sagactl::inspect::{InstanceView, Listing, StepView, TimelineRow};
use sagactl::output::again::Again;
use sagactl::report::{DefinitionsSummary, InstanceRow, LogSummary, Report, RuleCount, SagaCount};
use sagactl::saga::Outcome;

/// How a generated depot's log is mapped.
pub const DEPOT: &str = "\
log: depot
database: depot.db
events:
  table: events
  position: position
  time: { column: occurred_at, unit: ms }
  type: type
  id: event_id
  correlation: saga_id
  data: payload
";

pub const HOSTILE: &str = "o\u{1b}[2J\u{202e}\"];<b>'$(x)\n\u{9b}31m";

/// What the program says in a folder, in an empty environment.
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sagactl"))
        .args(arguments)
        .env_clear()
        .current_dir(folder)
        .output()
        .expect("the program runs")
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn again() -> Again {
    Again {
        paths: vec!["sagas/shop".into()],
        log: None,
        as_of: None,
    }
}

fn names(steps: &[&str]) -> Vec<Arc<str>> {
    steps.iter().map(|step| Arc::from(*step)).collect()
}

fn look(id: &str, direction: Option<Direction>, steps: &[&str]) -> Option<Next> {
    Some(Next {
        arguments: vec!["show".to_owned(), id.to_owned()],
        options: Vec::new(),
        direction,
        steps: names(steps),
        by_hand: false,
    })
}

pub fn log() -> LogSummary {
    LogSummary {
        name: "shop".into(),
        path: PathBuf::from("sagas/shop/shop.db"),
        positions: Some((Position(1), Position(48_210))),
        events: 48_210,
        matched: 48_170,
        as_of: Some(at("2024-06-03T00:00:00Z")),
        behind: Some(Span::from_secs(538 * 86_400 + 3 * 3600)),
        memory: None,
    }
}

pub fn finding(rule: &'static str, severity: Severity, id: &str, step: Option<&str>) -> Finding {
    Finding {
        rule,
        severity,
        subject: Subject {
            kind: SubjectKind::Instance,
            definition: "order-fulfilment".into(),
            id: id.to_owned(),
        },
        step: step.map(Arc::from),
        facet: None,
        origin: None,
        key: None,
        evidence: vec![Position(2), Position(3)],
        since: Some(at("2024-06-02T11:02:00Z")),
        age: Some(Span::from_secs(46_680)),
        message: "it was aborted by CardDeclined and reserve-stock is still in force".to_owned(),
        next: look(id, Some(Direction::Backward), &["reserve-stock"]),
    }
}

pub fn report() -> Report {
    let mut double = finding(
        "compensation/uncompensated",
        Severity::Error,
        "order-1031",
        None,
    );
    double.step = Some("charge-card".into());
    double.message = "the saga says ROLLED_BACK, but charge-card and reserve-stock are still in \
                      force; the refund failed 5 times with `gateway timeout` and nobody tried again"
        .to_owned();
    double.evidence = (410..=424).map(Position).collect();
    double.next = look(
        "order-1031",
        Some(Direction::Backward),
        &["charge-card", "reserve-stock"],
    );
    if let Some(next) = &mut double.next {
        next.by_hand = true;
    }
    let mut stuck = finding(
        "saga/stuck-step",
        Severity::Error,
        "order-1044",
        Some("ship"),
    );
    stuck.message =
        "ship has been waited for since charge-card succeeded; its timeout is 10m".to_owned();
    stuck.next = look("order-1044", Some(Direction::Forward), &["ship"]);
    stuck.evidence = vec![Position(47_991)];
    stuck.age = Some(Span::from_secs(1500));
    let mut gap = finding("log/gap", Severity::Error, "order-1009", None);
    gap.subject.kind = SubjectKind::Stream;
    gap.subject.definition = "shop".into();
    gap.message = "version 3 follows version 1; 1 event is missing".to_owned();
    gap.age = None;
    gap.since = None;
    gap.next = Some(Next {
        arguments: vec!["explain".to_owned(), "log/gap".to_owned()],
        options: Vec::new(),
        direction: None,
        steps: Vec::new(),
        by_hand: false,
    });
    let mut late = finding(
        "saga/late-step",
        Severity::Warning,
        "order-0990",
        Some("reserve-stock"),
    );
    late.message = "reserve-stock took 7m 12s, its timeout is 2m".to_owned();
    late.age = None;
    late.next = look("order-0990", None, &[]);
    let count = |rule, checked, found, unknown, idle| RuleCount {
        rule,
        checked,
        found,
        unlisted: [0; 3],
        unknown,
        idle,
    };
    Report {
        tool: "sagactl 0.1.0".to_owned(),
        logs: vec![log()],
        definitions: DefinitionsSummary {
            files: vec!["sagas/shop/log.yaml".into(), "sagas/shop/order.yaml".into()],
            hash: "9f2ac81b77e0c1d2".to_owned(),
        },
        findings: vec![
            finding(
                "compensation/uncompensated",
                Severity::Error,
                "order-1007",
                Some("reserve-stock"),
            ),
            double,
            gap,
            stuck,
            late,
        ],
        rules: vec![
            count("saga/stuck-step", 12_000, 1, 0, None),
            count("saga/stuck-saga", 12_000, 0, 0, None),
            count("saga/late-step", 12_000, 1, 3, None),
            count(
                "saga/unknown-event",
                0,
                0,
                0,
                Some("no saga declares a namespace"),
            ),
            count(
                "saga/no-start",
                0,
                0,
                0,
                Some("the log was cut at its beginning"),
            ),
            count("compensation/uncompensated", 171, 2, 0, None),
            count(
                "compensation/past-pivot",
                0,
                0,
                0,
                Some("no saga declares a pivot"),
            ),
            count("log/gap", 12_411, 1, 0, None),
            count("log/bad-row", 48_210, 0, 0, None),
        ],
        sagas: vec![
            SagaCount {
                saga: "order-fulfilment".into(),
                outcomes: [41, 11_788, 27, 120, 24, 0],
            },
            SagaCount {
                saga: "refund".into(),
                outcomes: [0; 6],
            },
        ],
        projections: Vec::new(),
        accepted: 4,
        remarks: vec![
            "compensation/uncompensated is allowed for order-0042 only until 2026-12-31: INC-311, \
             settled by hand"
                .to_owned(),
        ],
        is_void: false,
    }
}

pub fn row(id: &str, outcome: Outcome, where_it_is: &str, hours: i64) -> InstanceRow {
    InstanceRow {
        id: id.to_owned(),
        saga: "order-fulfilment".into(),
        outcome,
        at: where_it_is.to_owned(),
        steps: Vec::new(),
        since: at("2024-06-02T11:02:00Z"),
        age: Span::from_secs(hours * 3600 + 300),
        attempts: 2,
        in_force: Vec::new(),
        events: 4,
        start: Some(Position(1)),
        rules: Vec::new(),
        next: None,
    }
}

pub fn listing() -> Listing {
    let mut first = row(
        "order-1007",
        Outcome::Compensating,
        "undo of reserve-stock, attempt 2",
        36,
    );
    first.in_force = names(&["charge-card", "reserve-stock"]);
    first.next = look(
        "order-1007",
        Some(Direction::Backward),
        &["charge-card", "reserve-stock"],
    );
    let mut second = row("order-1044", Outcome::Running, "ship, attempt 1", 12);
    second.next = look("order-1044", Some(Direction::Forward), &["ship"]);
    second.steps = names(&["ship"]);
    let third = row(
        "3f0c9f0e-6f5e-4b0f-9a55-5c1a2a3f7f10",
        Outcome::Completed,
        "completed",
        2,
    );
    Listing {
        logs: vec![log()],
        rows: vec![first, second, third],
        remarks: Vec::new(),
    }
}

const SAGA: &str = "
saga: order-fulfilment
about: From checkout to shipment.
starts: OrderPlaced
deadline: 30m
steps:
  - step: reserve-stock
    begins: StockRequested
    succeeds: StockReserved
    timeout: 2m
    compensation: { succeeds: StockReleased, timeout: 5m }
  - step: charge-card
    pivot: true
    succeeds: CardCharged
    rejects: CardDeclined
    timeout: 1m
  - step: ship
    retriable: true
    succeeds: OrderShipped
    timeout: 10m
  - step: notify
    after: [charge-card]
    optional: true
    succeeds: CustomerNotified
";

pub fn saga() -> Arc<Saga> {
    let definitions =
        definition::load_text("order.yaml".as_ref(), SAGA, &sagactl::rules::names()).unwrap();
    definitions.scopes[0].sagas[0].clone()
}

fn event(position: i64, kind: &str, time: &str) -> Event {
    Event {
        position: Position(position),
        source: None,
        id: None,
        stream: Some("order-1007".to_owned()),
        version: Some(position - 410),
        kind: kind.to_owned(),
        time: at(time),
        correlation: Some("order-1007".to_owned()),
        causation: None,
        key: None,
        data: Some(serde_json::json!({ "sku": "A-17" })),
        metadata: None,
    }
}

pub fn view(id: &str) -> InstanceView {
    let line = |event, gap, step: Option<&str>, meaning, attempt, evidence| TimelineRow {
        event,
        gap,
        step: step.map(Arc::from),
        meaning,
        attempt,
        evidence,
    };
    let step = |name: &str, role, forward, undo, positions: [Option<i64>; 2], in_force| StepView {
        name: name.into(),
        role,
        forward,
        undo,
        attempts: u32::from(positions[0].is_some()),
        undo_attempts: u32::from(positions[1].is_some()),
        positions: positions.map(|position| position.map(Position)),
        in_force,
    };
    let mut row = row(
        id,
        Outcome::Compensating,
        "aborted, reserve-stock is in force",
        12,
    );
    row.in_force = names(&["reserve-stock"]);
    InstanceView {
        log: log(),
        row,
        saga: saga(),
        headline: "aborted by CardDeclined at 414, and for 12h 58m nobody undid reserve-stock"
            .to_owned(),
        timeline: vec![
            line(
                event(411, "OrderPlaced", "2024-06-02T11:00:00Z"),
                None,
                None,
                "starts",
                None,
                vec![],
            ),
            line(
                event(412, "StockRequested", "2024-06-02T11:00:01.25Z"),
                Some(Span::from_nanos(1_250_000_000)),
                Some("reserve-stock"),
                "begins",
                Some(1),
                vec![],
            ),
            line(
                event(413, "StockReserved", "2024-06-02T11:01:00Z"),
                Some(Span::from_secs(59)),
                Some("reserve-stock"),
                "succeeds",
                Some(2),
                vec!["compensation/uncompensated"],
            ),
            line(
                event(414, "CardDeclined", "2024-06-02T11:02:00Z"),
                Some(Span::from_secs(60)),
                Some("charge-card"),
                "rejects",
                Some(1),
                vec!["compensation/uncompensated"],
            ),
        ],
        others: vec![event(415, "NoticeSent", "2024-06-02T11:02:01Z")],
        is_looked_at_beside: true,
        hidden: vec![],
        unknown: Vec::new(),
        steps: vec![
            step(
                "reserve-stock",
                "",
                "succeeded",
                "none",
                [Some(413), None],
                true,
            ),
            step(
                "charge-card",
                "pivot",
                "rejected",
                "none",
                [Some(414), None],
                false,
            ),
            step(
                "ship",
                "retriable",
                "not started",
                "none",
                [None, None],
                false,
            ),
            step(
                "notify",
                "optional",
                "not started",
                "none",
                [None, None],
                false,
            ),
        ],
        findings: vec![finding(
            "compensation/uncompensated",
            Severity::Error,
            id,
            Some("reserve-stock"),
        )],
        claim: Some("UNWINDING".to_owned()),
        next: look(id, Some(Direction::Backward), &["reserve-stock"]),
    }
}
