//! What becomes of a key, verdict by verdict, each with its near misses.

use super::{Bench, Told, told};

/// Adds amounts; `extra` goes into `stored`.
pub(super) fn accounts(extra: &str) -> String {
    format!(
        "
projection: accounts
from: {{ stream: \"account-{{key}}\" }}
on:
  Opened: {{ set: {{ status: open }} }}
  Deposited: {{ add: {{ balance: =data.amount }} }}
  Closed: {{ set: {{ status: closed }} }}
  Forgotten: delete
within: 30s
stored:
  table: view
  key: id
  columns: {{ balance: balance, status: status }}
  {extra}
"
    )
}

pub(super) const BY_VERSION: &str = "version: version";
const BY_CHECKPOINT: &str =
    "checkpoint: { table: checkpoints, where: name = 'view', column: position }\n  ignore: version";
const UNANCHORED: &str = "ignore: version";

/// Opened at 0 s, three deposits at 10, 20 and 30 s, closed at 40 s: positions 1 to 5.
pub(super) const LIFE: [Told<'_>; 5] = [
    (0, "Opened", "account-a", 1, "{}"),
    (10, "Deposited", "account-a", 2, r#"{"amount":1}"#),
    (20, "Deposited", "account-a", 3, r#"{"amount":2}"#),
    (30, "Deposited", "account-a", 4, r#"{"amount":4}"#),
    (40, "Closed", "account-a", 5, "{}"),
];

/// A read model with these rows, and the consumer's checkpoint.
pub(super) fn model(rows: &str, checkpoint: &str) -> String {
    let insert = if rows.is_empty() {
        String::new()
    } else {
        format!("INSERT INTO view VALUES {rows};")
    };
    format!(
        "CREATE TABLE view (id TEXT, balance, status, version);
         CREATE TABLE checkpoints (name TEXT, position);
         INSERT INTO checkpoints VALUES ('view', {checkpoint}), ('other', 1);
         {insert}"
    )
}

/// What is said of the account's row at a horizon.
fn said(extra: &str, row: &str, checkpoint: &str, horizon: i64) -> Vec<String> {
    let bench = Bench::new(&accounts(extra), &LIFE, &model(row, checkpoint));
    told(&bench.audit(horizon))
}

#[test]
fn a_row_that_is_the_fold_of_all_its_events_is_exact() {
    for (extra, row) in [
        (BY_VERSION, "('a', 7, 'closed', 5)"),
        (BY_CHECKPOINT, "('a', 7, 'closed', 0)"),
        (UNANCHORED, "('a', '7.00', 'closed', null)"),
    ] {
        let bench = Bench::new(&accounts(extra), &LIFE, &model(row, "5"));
        let conclusion = bench.audit(1000);
        assert_eq!(told(&conclusion), Vec::<String>::new(), "{extra}");
        let counts: Vec<(&str, u64)> = conclusion
            .counts
            .iter()
            .map(|(verdict, count)| (verdict.label(), *count))
            .collect();
        assert_eq!(counts, [("exact", 1)]);
    }
}

#[test]
fn a_row_behind_is_converging_as_long_as_that_is_tolerated_and_late_from_then_on() {
    // The first event that is not applied is that of 30 s, at position 4.
    let row = "('a', 3, 'open', 3)";
    for (extra, checkpoint) in [
        (BY_VERSION, "0"),
        (BY_CHECKPOINT, "3"),
        (BY_CHECKPOINT, "'0000000003'"),
        (BY_CHECKPOINT, "1"),
        (UNANCHORED, "0"),
    ] {
        assert_eq!(
            said(extra, row, checkpoint, 60),
            ["a converging [4]"],
            "{extra}"
        );
        assert_eq!(said(extra, row, checkpoint, 61), ["a late [4]"], "{extra}");
    }
}

#[test]
fn the_lag_is_that_of_the_oldest_event_not_applied() {
    let sql = model("('a', 3, 'open', 3)", "3");
    let bench = Bench::new(&accounts(BY_CHECKPOINT), &LIFE, &sql);
    let conclusion = bench.audit(100);
    let standing = &conclusion.standings[0];
    assert_eq!(standing.lag.map(|lag| lag.as_secs()), Some(70));
    assert_eq!(standing.behind, 2);
    assert_eq!(conclusion.greatest_lag.map(|lag| lag.as_secs()), Some(70));
    let fields: Vec<_> = standing
        .differences
        .iter()
        .map(|it| (it.column.as_str(), it.expected.as_str(), it.stored.as_str()))
        .collect();
    assert_eq!(
        fields,
        [("balance", "7", "3"), ("status", "\"closed\"", "\"open\"")]
    );
}

#[test]
fn events_that_the_checkpoint_has_passed_are_skipped_not_slow() {
    // The tail: claimed, and not there, however young it is.
    let tail = "('a', 3, 'open', 5)";
    assert_eq!(said(BY_VERSION, tail, "0", 41), ["a skipped [4 5]"]);
    assert_eq!(said(BY_CHECKPOINT, tail, "4", 41), ["a skipped [4]"]);
    // One in the middle.
    let middle = "('a', 5, 'closed', 5)";
    assert_eq!(said(BY_VERSION, middle, "0", 1000), ["a skipped [3]"]);
    assert_eq!(said(BY_CHECKPOINT, middle, "5", 1000), ["a skipped [3]"]);
    // One in the middle, and the last one not yet applied.
    assert_eq!(
        said(BY_CHECKPOINT, "('a', 5, 'open', 4)", "4", 1000),
        ["a skipped [3]"]
    );
    // Two in a row.
    assert_eq!(
        said(BY_VERSION, "('a', 4, 'closed', 5)", "0", 1000),
        ["a skipped [2 3]"]
    );
    // Without a claim nothing is called lost.
    let without = "a divergent [3] (position 3 left out would give it)";
    assert_eq!(said(UNANCHORED, middle, "0", 1000), [without]);
    // An event that nobody claims to have applied is not lost.
    assert_eq!(
        said(BY_CHECKPOINT, "('a', 5, 'open', 4)", "2", 1000),
        [
            "a divergent [1 5] (any of these would give it: position 3 left out; position 3 applied twice)"
        ]
    );
    // All that gave it a status.
    assert_eq!(
        said(BY_VERSION, "('a', 7, null, 5)", "0", 1000),
        ["a skipped [1 5]"]
    );
}

#[test]
fn of_several_events_that_may_be_the_one_left_out_none_is_named() {
    let events = [
        (0, "Opened", "account-a", 1, "{}"),
        (10, "Deposited", "account-a", 2, r#"{"amount":2}"#),
        (20, "Deposited", "account-a", 3, r#"{"amount":2}"#),
    ];
    let sql = model("('a', 2, 'open', 3)", "0");
    let bench = Bench::new(&accounts(BY_VERSION), &events, &sql);
    // It is also the fold of the first two, but either deposit may be the one that is lost.
    let unnamed = "(any of these would give it: position 2 left out; position 3 left out)";
    assert_eq!(
        told(&bench.audit(1000)),
        [format!("a skipped [1 3] {unnamed}")]
    );
    let more = [
        events[0],
        events[1],
        events[2],
        (30, "Closed", "account-a", 4, "{}"),
    ];
    let sql = model("('a', 2, 'closed', 4)", "0");
    let bench = Bench::new(&accounts(BY_VERSION), &more, &sql);
    assert_eq!(
        told(&bench.audit(1000)),
        [format!("a skipped [1 4] {unnamed}")]
    );
}

#[test]
fn what_every_explanation_leaves_out_is_named() {
    let events = [
        (0, "Opened", "account-a", 1, "{}"),
        (10, "Deposited", "account-a", 2, r#"{"amount":2}"#),
        (20, "Deposited", "account-a", 3, r#"{"amount":0}"#),
    ];
    let sql = model("('a', null, 'open', 3)", "0");
    let bench = Bench::new(&accounts(BY_VERSION), &events, &sql);
    assert_eq!(told(&bench.audit(1000)), ["a skipped [2 3]"]);
    // Whether the deposit of nothing was applied cannot be seen; the other one was not.
    let applied = |by: &str| {
        let sql = model("('a', 0, 'open', 3)", "3");
        told(&Bench::new(&accounts(by), &events, &sql).audit(1000))
    };
    // A consumer that stopped lost both at once; to a row that has come to both, one is less.
    let either = "any of these would give it: position 2 left out; positions 2 and 3 left out";
    assert_eq!(
        applied(BY_CHECKPOINT),
        [format!("a skipped [2] ({either})")]
    );
    assert_eq!(applied(BY_VERSION), ["a skipped [2]"]);
}

#[test]
fn a_row_that_no_events_give_is_divergent() {
    let outside = |columns: &str| {
        format!(
            "1 5] (nothing that was tried gives what {columns} holds, and all else is what its events give: edited outside)"
        )
    };
    for (row, rest) in [
        (
            "('a', 8, 'closed', 5)",
            "2] (position 2 applied twice would give it)".to_owned(),
        ),
        (
            "('a', 9, 'closed', 5)",
            "3] (position 3 applied twice would give it)".to_owned(),
        ),
        (
            "('a', 10, 'closed', 5)",
            "1 5] (positions 2 and 3 applied twice would give it)".to_owned(),
        ),
        ("('a', 100, 'closed', 5)", outside("`balance`")),
        ("('a', 7, 'frozen', 5)", outside("`status`")),
        ("('a', 6.5, 'closed', 5)", outside("`balance`")),
        ("('a', 100, 'frozen', 5)", "1 5]".to_owned()),
    ] {
        let found = said(BY_VERSION, row, "0", 1000);
        assert_eq!(found, [format!("a divergent [{rest}")], "{row}");
    }
}

#[test]
fn what_a_loss_and_a_repetition_explain_alike_is_not_called_a_loss() {
    let events = [
        (0, "Opened", "account-a", 1, "{}"),
        (10, "Deposited", "account-a", 2, r#"{"amount":9}"#),
        (20, "Deposited", "account-a", 3, r#"{"amount":-3}"#),
        (30, "Deposited", "account-a", 4, r#"{"amount":3}"#),
        (40, "Closed", "account-a", 5, "{}"),
    ];
    let sql = model("('a', 12, 'closed', 5)", "0");
    let bench = Bench::new(&accounts(BY_VERSION), &events, &sql);
    let either = "any of these would give it: position 3 left out; position 4 applied twice";
    assert_eq!(
        told(&bench.audit(1000)),
        [format!("a divergent [1 5] ({either})")]
    );
}

#[test]
fn a_live_key_without_a_row_is_missing_once_that_is_too_late() {
    assert_eq!(said(BY_CHECKPOINT, "", "0", 30), ["a converging [1]"]);
    assert_eq!(said(BY_CHECKPOINT, "", "0", 31), ["a missing [1]"]);
    assert_eq!(said(BY_CHECKPOINT, "", "5", 31), ["a missing [1]"]);
    assert_eq!(said(UNANCHORED, "", "0", 31), ["a missing [1]"]);
    // Young, but claimed to be applied.
    assert_eq!(said(BY_CHECKPOINT, "", "2", 30), ["a skipped [1 2]"]);
}

#[test]
fn a_row_without_events_or_of_a_deleted_key_is_an_orphan() {
    let rows = "('a', 7, 'closed', 5), ('b', 0, 'open', 1), ('b', 0, 'open', 1)";
    let twice = ["b orphan [] (it has 2 rows)"];
    assert_eq!(said(BY_VERSION, rows, "0", 1000), twice);
    let forgotten = [LIFE[0], LIFE[1], (20, "Forgotten", "account-a", 3, "{}")];
    let deleted = |row: &str, checkpoint: &str, horizon| {
        let sql = model(row, checkpoint);
        let bench = Bench::new(&accounts(BY_CHECKPOINT), &forgotten, &sql);
        told(&bench.audit(horizon))
    };
    assert_eq!(deleted("", "3", 1000), Vec::<String>::new());
    assert_eq!(
        deleted("('a', 1, 'open', 2)", "2", 50),
        ["a converging [3]"]
    );
    assert_eq!(deleted("('a', 1, 'open', 2)", "2", 51), ["a orphan [3]"]);
    assert_eq!(deleted("('a', 1, 'open', 2)", "3", 50), ["a orphan [3]"]);
    // A row that was never right is no orphan before it should be gone.
    let edited = "nothing that was tried gives what `balance` holds, and all else is what its events up to position 2 give: edited outside";
    assert_eq!(
        deleted("('a', 5, 'open', 2)", "2", 50),
        [format!("a divergent [1 3] ({edited})")]
    );
    assert_eq!(deleted("('a', 5, 'open', 2)", "3", 50), ["a orphan [1 3]"]);
    assert_eq!(deleted("('a', 5, 'open', 2)", "2", 51), ["a orphan [1 3]"]);
}

#[test]
fn a_consumer_beyond_the_log_is_ahead() {
    let ahead = |checkpoint: &str| {
        let sql = model("('a', 7, 'closed', 5)", checkpoint);
        let bench = Bench::new(&accounts(BY_CHECKPOINT), &LIFE, &sql);
        let conclusion = bench.audit(1000);
        assert_eq!(told(&conclusion), Vec::<String>::new());
        conclusion
            .ahead
            .map(|(claimed, head)| (claimed, head.unwrap().0))
    };
    assert_eq!(ahead("5"), None);
    assert_eq!(ahead("6"), Some((6, 5)));
    let by_row = |row: &str| said(BY_VERSION, row, "0", 1000);
    assert_eq!(
        by_row("('a', 7, 'closed', 6)"),
        ["a ahead [1 5] (the row is at version 6, its last event has version 5)"]
    );
    assert_eq!(
        by_row("('a', 99, 'closed', 6)"),
        ["a ahead [1 5] (the row is at version 6, its last event has version 5)"]
    );
}

#[test]
fn what_cannot_be_compared_is_unreadable_and_ends_nothing() {
    for (row, reason) in [
        (
            "('a', 'much', 'closed', 5)",
            "`balance` holds \"much\" where a number is expected",
        ),
        (
            "('a', x'0102', 'closed', 5)",
            "`balance` holds x'0102' where a number is expected",
        ),
        ("('a', 7, 2, 5)", "`status` holds 2 where text is expected"),
        ("('a', 7, 'closed', 'five')", "its version is \"five\""),
        (
            "('a', 7, 'closed', 5), ('a', 7, 'closed', 5)",
            "it has 2 rows",
        ),
    ] {
        let found = said(BY_VERSION, row, "0", 1000);
        assert_eq!(found, [format!("a unreadable [] ({reason})")], "{row}");
    }
}

#[test]
fn what_events_do_not_tell_leaves_the_key_unknown() {
    let mut events = LIFE;
    events[2].4 = "{}";
    let found = |row: &str| {
        let sql = model(row, "0");
        told(&Bench::new(&accounts(BY_VERSION), &events, &sql).audit(1000))
    };
    let unknown = ["a unknown [] (`data.amount` is missing)"];
    assert_eq!(found("('a', 7, 'closed', 5)"), unknown);
    // What is known differs from every fold all the same.
    assert_eq!(found("('a', 7, 'frozen', 5)"), ["a divergent [1 5]"]);
    // A row that is still before that event can be told.
    assert_eq!(
        found("('a', 1, 'open', 2)"),
        ["a unknown [] (`data.amount` is missing)"]
    );
}

#[test]
fn a_search_that_would_take_too_long_says_so() {
    for (last, why) in [
        (
            899,
            "no edit of one event gives it, nor the loss of up to 2; more is unknown",
        ),
        (6000, "which edit of its events would give it is unknown"),
    ] {
        let mut events = vec![LIFE[0]];
        for version in 2..=last {
            events.push((10, "Deposited", "account-a", version, r#"{"amount":2}"#));
        }
        let sql = model(&format!("('a', 1, 'open', {last})"), "0");
        let bench = Bench::new(&accounts(BY_VERSION), &events, &sql);
        assert_eq!(
            told(&bench.audit(1000)),
            [format!("a divergent [1 {last}] ({why}: search budget)")]
        );
    }
}

#[test]
fn what_the_log_shows_beside_a_candidate_is_told_with_it() {
    let events = [
        (0, "Opened", "account-a", 1, "{}"),
        (10, "Deposited", "account-a", 2, r#"{"amount":2}"#),
        (20, "Deposited", "account-a", 3, r#"{"amount":2}"#),
        (20, "Closed", "account-a", 3, "{}"),
    ];
    let sql = model("('a', 2, 'closed', 3)", "0");
    let bench = Bench::new(&accounts(BY_VERSION), &events, &sql);
    let beside = "at the instant of position 4, under the version of position 4";
    assert_eq!(
        told(&bench.audit(1000)),
        [format!(
            "a skipped [1 4] (any of these would give it: position 3 left out ({beside}); position 2 left out)"
        )]
    );
}

#[test]
fn what_adding_floating_point_numbers_may_lose_is_neither_right_nor_wrong() {
    let said = |amounts: &[&str], stored: &str| {
        let data: Vec<String> = amounts
            .iter()
            .map(|amount| format!("{{\"amount\":{amount}}}"))
            .collect();
        let mut events = vec![LIFE[0]];
        for (at, data) in data.iter().enumerate() {
            events.push((10, "Deposited", "account-a", at as i64 + 2, data.as_str()));
        }
        let last = events.len();
        let sql = model(&format!("('a', {stored}, 'open', {last})"), "0");
        told(&Bench::new(&accounts(BY_VERSION), &events, &sql).audit(1000))
    };
    let unknown = [
        "a unknown [] (`balance` differs by no more than adding up floating point numbers may lose)",
    ];
    assert_eq!(said(&["0.1", "0.2", "-0.3"], "0.1 + 0.2 - 0.3"), unknown);
    assert_eq!(
        said(
            &["100000000.1", "0.2", "-100000000.1"],
            "100000000.1 + 0.2 - 100000000.1"
        ),
        unknown
    );
    // Whole numbers are added without loss.
    let whole = said(&["1000000000000", "1", "1", "-1000000000000"], "1.0");
    assert!(whole[0].starts_with("a skipped"), "{whole:?}");
    // An amount is no rounding, however great others are.
    let lost = said(
        &["100000000.1", "0.2", "-100000000.1"],
        "100000000.1 - 100000000.1",
    );
    assert!(lost[0].starts_with("a skipped [3]"), "{lost:?}");
    // What was never floating point was never rounded.
    let text = said(&["100000000.1", "0.2", "-100000000.1"], "'0.20000000298'");
    assert_eq!(text.len(), 1);
}

#[test]
fn numbers_that_are_too_great_are_compared_by_their_digits() {
    let said = |amount: &str, stored: &str| {
        let data = format!("{{\"amount\":{amount}}}");
        let events = [LIFE[0], (10, "Deposited", "account-a", 2, data.as_str())];
        let sql = model(&format!("('a', {stored}, 'open', 2)"), "0");
        let told = told(&Bench::new(&accounts(BY_VERSION), &events, &sql).audit(1000));
        told.first()
            .map(|line| line.split(" [").next().unwrap().to_owned())
    };
    let great = "1000000000000000000000000000000";
    assert_eq!(said(great, "'1000000000000000000000000000000'"), None);
    assert_eq!(
        said(great, "'1000000000000000000000000000001'").as_deref(),
        Some("a divergent")
    );
    // A column of floating point numbers holds no more than it can.
    assert_eq!(said(great, "1e30"), None);
    assert_eq!(said("109", "9e999").as_deref(), Some("a divergent"));
    assert_eq!(said("109", "'1_09'").as_deref(), Some("a unreadable"));
    assert_eq!(said("1e400", "1").as_deref(), Some("a unknown"));
}
