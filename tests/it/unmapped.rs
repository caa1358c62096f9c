//! What the mapping names no field for is not known: nothing is missing for it. Each rule that does not
//! look says truly why.

use sagactl::report::Report;

use crate::rows::{Log, Row, load, ordered_by_time};

const ALL: &str = "id: id, correlation: correlation, causation: key, idempotency: key";

/// The log's document with these fields mapped beside those that have to be.
fn mapped(fields: &str) -> String {
    format!(
        "log: rows\ndatabase: rows.db\nevents: {{ table: events, position: position, \
         time: {{ column: time, unit: s }}, type: type, data: data{}{fields} }}\n---\n",
        if fields.is_empty() { "" } else { ", " }
    )
}

/// Without one field of [`ALL`].
fn without(field: &str) -> String {
    let fields = ALL.split(", ").filter(|one| !one.starts_with(field));
    mapped(&fields.collect::<Vec<_>>().join(", "))
}

fn event(kind: &'static str, id: &str, key: Option<&str>) -> Row {
    Row {
        time: Some(100),
        kind,
        id: Some(id.to_owned()),
        correlation: Some("o-1".to_owned()),
        key: key.map(str::to_owned),
        data: "{}".to_owned(),
    }
}

/// What is said of a rule: looked at, found, unknown, and why not.
type Said = (u64, u64, u64, Option<&'static str>);

fn said(report: &Report, rule: &str) -> Said {
    let count = report.rules.iter().find(|count| count.rule == rule);
    count.map_or((0, 0, 0, None), |count| {
        (count.checked, count.found, count.unknown, count.idle)
    })
}

/// What is said of rules with each mapping.
fn check(rows: &[Row], definitions: &str, cases: &[(String, &[(&str, Said)])]) {
    let log = Log::new(rows);
    for (mapping, expected) in cases {
        let report = log.audit(&load(mapping, definitions), 10_000);
        for (rule, expected) in *expected {
            assert_eq!(said(&report, rule), *expected, "{rule} with\n{mapping}");
        }
    }
}

#[test]
fn what_cannot_be_matched_by_its_cause_is_unknown() {
    let rows = [
        event("Asked", "e-1", None),
        event("Given", "e-2", Some("e-1")),
        event("Asked", "e-3", None),
        event("Given", "e-4", Some("e-0")),
    ];
    let unknown: &[(&str, Said)] = &[
        ("reaction/missing", (2, 0, 2, None)),
        ("reaction/late", (2, 0, 2, None)),
        ("reaction/double", (2, 0, 2, None)),
        ("reaction/orphan", (2, 0, 2, None)),
    ];
    check(
        &rows,
        "reaction: gives\nwhen: Asked\nthen: Given\nwithin: 5m\nmatch: causation\ncount: once\n",
        &[
            (without("causation"), unknown),
            (without("id:"), unknown),
            (mapped(""), unknown),
            // Near miss: with both, one lacks its effect, and one effect its trigger.
            (
                mapped(ALL),
                &[
                    ("reaction/missing", (2, 1, 0, None)),
                    ("reaction/orphan", (2, 1, 0, None)),
                ],
            ),
        ],
    );
}

#[test]
fn no_key_is_missing_where_none_is_mapped() {
    const NONE: Option<&str> = Some("the mapping names no idempotency key");
    let rows = [
        event("Begun", "e-1", None),
        event("Tried", "e-2", None),
        event("Tried", "e-3", None),
        event("Paid", "e-4", None),
    ];
    let saga = "saga: pay\nstarts: Begun\ndeadline: 1d\nsteps: \
                [{ step: charge, pivot: true, begins: Tried, succeeds: Paid }]\n---\n";
    let own = "idempotency: keys\neffects: Paid\nattempts: Tried\nrequired: true\nretention: 1d\n";
    let other = "---\nidempotency: computed\neffects: Paid\nkey: data.key\n";
    let nothing: &[(&str, Said)] = &[
        ("idempotency/retry-without-key", (0, 0, 0, NONE)),
        ("idempotency/double-effect", (0, 0, 0, NONE)),
        ("idempotency/key-conflict", (0, 0, 0, NONE)),
        ("idempotency/missing-key", (0, 0, 0, NONE)),
        ("idempotency/expired", (0, 0, 0, NONE)),
    ];
    check(
        &rows,
        &format!("{saga}{own}"),
        &[
            (without("idempotency"), nothing),
            // Near miss: the column is mapped and empty.
            (
                mapped(ALL),
                &[
                    ("idempotency/retry-without-key", (1, 1, 0, None)),
                    ("idempotency/missing-key", (1, 1, 0, None)),
                ],
            ),
        ],
    );
    // A rule whose key is an expression is judged all the same.
    check(
        &rows,
        &format!("{saga}{own}{other}"),
        &[(
            without("idempotency"),
            &[
                ("idempotency/retry-without-key", (0, 0, 0, NONE)),
                ("idempotency/missing-key", (0, 0, 0, NONE)),
                ("idempotency/double-effect", (1, 0, 1, None)),
            ],
        )],
    );
}

#[test]
fn causes_are_not_looked_at_for_the_reason_that_there_is() {
    const NO_CAUSE: Option<&str> = Some("the mapping names no event id or no causation id");
    let (later, mismatch) = (
        "causation/later-than-effect",
        "causation/correlation-mismatch",
    );
    let other = Row {
        correlation: Some("o-2".to_owned()),
        ..event("Said", "e-3", Some("e-1"))
    };
    let rows = [
        event("Said", "e-1", Some("e-2")),
        event("Said", "e-2", None),
        other,
    ];
    let cut = without("correlation").replace("---\n", "cut: true\n---\n");
    let no_correlation: Said = (0, 0, 0, Some("the mapping names no correlation"));
    check(
        &rows,
        "settings: {}\n",
        &[
            (
                mapped(ALL),
                &[(later, (2, 1, 0, None)), (mismatch, (2, 1, 0, None))],
            ),
            (
                ordered_by_time(&mapped(ALL)),
                &[
                    (later, (0, 0, 0, Some("the log is ordered by time"))),
                    (mismatch, (2, 1, 0, None)),
                ],
            ),
            (
                without("correlation"),
                &[(later, (2, 1, 0, None)), (mismatch, no_correlation)],
            ),
            (cut, &[(mismatch, no_correlation)]),
            (
                ordered_by_time(&without("causation")),
                &[
                    (later, (0, 0, 0, NO_CAUSE)),
                    (mismatch, (0, 0, 0, NO_CAUSE)),
                ],
            ),
        ],
    );
}

#[test]
fn sagas_are_not_looked_at_for_the_reason_that_there_is() {
    const NOBODY: Option<&str> = Some("no saga that it looks at has an instance");
    let nothing = |reason| (0, 0, 0, Some(reason));
    let steps =
        |steps: &str| format!("saga: pay\nstarts: Begun\ndeadline: 1d\nsteps:\n  - {steps}\n");
    let other = "---\nsaga: other\nstarts: Else\nsteps: [{ step: a, succeeds: A, timeout: 5m }]\n";
    let undone = "{ step: a, succeeds: A, compensation: { succeeds: U, timeout: 1m, retries: 1 } }";
    let well = "{ step: a, succeeds: A, compensation: { succeeds: U, fails: F, timeout: 1m, retries: 1 } }\n  \
                - { step: b, pivot: true, succeeds: B, compensation: { succeeds: V } }";
    let apart = "{ step: a, succeeds: A, compensation: { succeeds: U, begins: W, timeout: 1m } }\n  \
                 - { step: b, after: [], succeeds: B, compensation: { succeeds: V } }";
    let strict = format!("{}strict-reverse: true\n", steps(apart));
    let order = "compensation/out-of-order";
    let alone = "no step with a compensation comes after another";
    let cases: [(String, &[(&str, Said)]); 6] = [
        (
            format!("{}{other}", steps("{ step: a, succeeds: A }")),
            &[
                ("saga/stuck-step", (0, 0, 0, NOBODY)),
                (
                    "saga/false-claim",
                    nothing("no saga declares a terminal event or a status column"),
                ),
            ],
        ),
        (
            steps("{ step: b, pivot: true, succeeds: B }"),
            &[(
                "compensation/past-pivot",
                nothing("no step declares a compensation"),
            )],
        ),
        (
            steps(undone),
            &[
                (
                    "compensation/stuck",
                    nothing("no compensation with a timeout declares `begins` or `fails`"),
                ),
                (
                    "compensation/failed",
                    nothing("no compensation with `retries` declares `fails`"),
                ),
                (order, nothing(alone)),
            ],
        ),
        // Near misses: each can be found there.
        (
            steps(well),
            &[
                ("compensation/past-pivot", (1, 0, 0, None)),
                ("compensation/stuck", (1, 0, 0, None)),
                ("compensation/failed", (1, 0, 0, None)),
                (order, (1, 0, 0, None)),
            ],
        ),
        (
            steps(apart),
            &[
                ("compensation/stuck", (1, 0, 0, None)),
                (order, nothing(alone)),
            ],
        ),
        (strict, &[(order, (1, 0, 0, None))]),
    ];
    for (definitions, expected) in cases {
        check(
            &[event("Begun", "e-1", None)],
            &definitions,
            &[(mapped(ALL), expected)],
        );
    }
}
