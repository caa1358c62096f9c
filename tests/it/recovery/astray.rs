//! A row of which nobody knows whose it is may be the very undo or success that a plan would send for
//! again: nothing is sent unless a person says so.

use std::fs;

use rusqlite::Connection;
use sagactl::event::Timestamp;
use serde_json::{Value, json};

use super::{Bench, REFUSED, items, moved};

const WRITES: &str = "--write --yes --reason INC-1";
const SAID: &str = "1 row of which nobody knows whose it is, at position 7: one may be an event of";

/// A log whose events tell their order in their metadata, or a saga that finds it in their data.
#[derive(Debug, Clone, Copy)]
enum Told {
    Metadata,
    Data,
}

const WAYS: [Told; 2] = [Told::Metadata, Told::Data];

fn bench(told: Told) -> Bench {
    bench_of(told, &REFUSED)
}

fn bench_of(told: Told, kinds: &[&str]) -> Bench {
    let bench = Bench::new("idempotent: true", &[("o-1", kinds)]);
    let text = fs::read_to_string(bench.path("shop.yaml")).unwrap();
    let (text, sql) = match told {
        Told::Metadata => (
            text.replace("correlation: correlation", "correlation: metadata.order"),
            "UPDATE events SET metadata = json_object('order', correlation)",
        ),
        Told::Data => (
            text.replace(
                "starts: OrderPlaced",
                "starts: OrderPlaced\ncorrelate: data.order",
            ),
            "UPDATE events SET data = json_set(data, '$.order', correlation)",
        ),
    };
    fs::write(bench.path("shop.yaml"), text).unwrap();
    log(&bench).execute(sql, []).unwrap();
    bench
}

fn log(bench: &Bench) -> Connection {
    Connection::open(bench.path("shop.db")).unwrap()
}

/// One more event, of which nobody knows whose it is.
fn happens(bench: &Bench, told: Told, kind: &str) {
    bench.happens("o-1", kind);
    let column = match told {
        Told::Metadata => "metadata",
        Told::Data => "data",
    };
    let sql = format!(
        "UPDATE events SET {column} = '{{\"order\": o-1' WHERE position = (SELECT max(position) FROM events)"
    );
    assert_eq!(log(bench).execute(&sql, []).unwrap(), 1);
}

#[test]
fn what_may_be_undone_already_is_not_undone_again_unless_a_person_says_so() {
    for told in WAYS {
        let bench = bench(told);
        happens(&bench, told, "StockReleased");
        for options in ["", WRITES] {
            let (code, said) = bench.run(&format!("compensate o-1 shop.yaml {options}"));
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(code, Some(4), "{told:?} {options}: {said}");
            assert!(said.contains(SAID), "{told:?} {options}: {said}");
            assert!(said.contains("--despite-unread-rows"), "{told:?}: {said}");
            assert_eq!(said.contains("undo stock"), options.is_empty(), "{said}");
            assert_eq!(bench.effects(), [""; 0], "{told:?} {options}");
        }
        let line = format!("compensate o-1 shop.yaml {WRITES} --despite-unread-rows");
        let (code, said) = bench.run(&line);
        assert_eq!(code, Some(0), "{told:?}: {said}");
        assert_eq!(bench.effects().len(), 3, "{told:?}: {said}");
    }
}

#[test]
fn a_plan_says_what_may_have_happened_already_and_is_not_applied_for_it() {
    let bench = bench(Told::Metadata);
    happens(&bench, Told::Metadata, "StockReleased");
    happens(&bench, Told::Metadata, "PaymentVoided");
    let plan = bench.plan();
    let unread = &plan["instances"][0]["unread"];
    assert_eq!(unread["rows"], 2, "{plan:#}");
    assert_eq!(unread["first_position"], 7, "{plan:#}");
    let output = bench
        .command("apply plan.json shop.yaml --format json")
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["refused"], json!([]), "{said:#}");
    assert_eq!(said["not_begun"]["refused"], "unread-rows", "{said:#}");
    assert_eq!(said["instances"][0]["id"], "o-1", "{said:#}");
    assert_eq!(output.status.code(), Some(4));
    let (code, said) = bench.apply("");
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("unread-rows"), "{said}");
    assert_eq!(bench.effects(), [""; 0]);
    let (code, said) = bench.apply("--despite-unread-rows");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(bench.effects().len(), 3);
}

#[test]
fn what_changes_nothing_whosever_it_is_stops_no_plan() {
    for told in WAYS {
        for (kind, times) in [("CartUpdated", 1), ("OrderPlaced", 1), ("OrderPlaced", 10)] {
            let bench = bench(told);
            (0..times).for_each(|_| happens(&bench, told, kind));
            let plan = bench.plan();
            assert_eq!(plan["instances"][0].get("unread"), None, "{told:?} {kind}");
            assert_eq!(bench.apply("").0, Some(0), "{told:?} {kind}");
            assert_eq!(bench.effects().len(), 3, "{told:?} {kind}");
        }
    }
}

#[test]
fn a_row_that_came_since_the_plan_stops_it_even_if_others_were_known() {
    for told in WAYS {
        for before in [0, 1] {
            let bench = bench(told);
            for _ in 0..before {
                happens(&bench, told, "PaymentVoided");
            }
            bench.plan();
            happens(&bench, told, "StockReleased");
            let (code, said) = bench.apply("--despite-unread-rows");
            assert_eq!(code, Some(4), "{told:?}: {said}");
            let all = ["courier", "payment", "stock"];
            assert_eq!(moved(&said), all, "{told:?}: {said}");
            assert_eq!(bench.effects(), [""; 0], "{told:?}");
        }
    }
}

#[test]
fn a_line_that_is_no_event_at_all_may_be_the_undo() {
    let bench = Bench::new("idempotent: true", &[]);
    let text = fs::read_to_string(bench.path("shop.yaml")).unwrap();
    let (_, saga) = text.split_once("---\n").unwrap();
    let lines = REFUSED.iter().enumerate().map(|(minute, kind)| {
        format!(
            r#"{{"position":{},"time":"2026-03-01T10:0{minute}:00Z","type":"{kind}","correlation":"o-1","data":{{"total":1}}}}"#,
            minute + 1
        )
    });
    let end =
        r#"{"position":99,"time":"2026-03-01T12:00:00Z","type":"CartUpdated","correlation":"c"}"#;
    let whole: Vec<String> = lines.chain([end.to_owned()]).collect();
    fs::write(
        bench.path("shop.yaml"),
        format!("log: shop\ndatabase: shop.jsonl\n---\n{saga}"),
    )
    .unwrap();
    let run = |lines: &[String]| {
        fs::write(bench.path("shop.jsonl"), lines.join("\n")).unwrap();
        bench.run("compensate o-1 shop.yaml")
    };
    let (code, said) = run(&whole);
    assert_eq!(code, Some(0), "{said}");
    let mut broken = whole.clone();
    broken.insert(
        5,
        r#"{"position":6,"type":"StockReleased","corr"#.to_owned(),
    );
    let (code, said) = run(&broken);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("nobody knows whose it is"), "{said}");
}

#[test]
fn what_is_wrong_anyway_is_told_as_one_reading_where_such_a_row_may_be_part_of_it() {
    for told in WAYS {
        for (kind, is_hedged) in [("StockReleased", true), ("CartUpdated", false)] {
            let bench = bench(told);
            happens(&bench, told, kind);
            let (_, said) = bench.run("audit shop.yaml --rule compensation/uncompensated");
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(
                said.contains("still in force: courier, payment and stock"),
                "{said}"
            );
            let hedge = "; this is one of several readings";
            assert_eq!(said.contains(hedge), is_hedged, "{told:?} {kind}: {said}");
        }
    }
}

#[test]
fn show_and_list_call_nothing_certain_that_such_a_row_may_account_for() {
    for told in WAYS {
        let bench = bench_of(told, &["OrderPlaced", "StockReserved", "ChargeRefused"]);
        let rule = "compensation/uncompensated";
        let asked = || {
            let lines = ["show o-1 shop.yaml", "list shop.yaml", "audit shop.yaml"];
            lines.map(|line| {
                let line = format!("{line} --format json");
                let output = bench.command(&line).output().unwrap();
                serde_json::from_slice::<Value>(&output.stdout).unwrap()
            })
        };
        let has = |value: &Value| {
            value
                .to_string()
                .contains(&format!("\"rule\":\"{rule}\",\"severity\""))
        };
        let [shown, listed, audited] = asked();
        assert!(has(&shown) && has(&audited), "{shown:#} {audited:#}");
        assert!(listed.to_string().contains(rule), "{listed:#}");
        happens(&bench, told, "StockReleased");
        let [shown, listed, audited] = asked();
        assert!(!has(&shown) && !has(&audited), "{shown:#} {audited:#}");
        assert!(!listed.to_string().contains(rule), "{listed:#}");
        assert!(
            !listed.to_string().contains("sagactl compensate"),
            "{listed:#}"
        );
        let said = bench.run("list shop.yaml").1;
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let rows = "which may come of 1 row of which nobody knows whose it is";
        assert!(said.contains(rows), "{said}");
        let said = bench.run("show o-1 shop.yaml").1;
        assert!(
            said.contains("at position 5: each may be of any instance"),
            "{said}"
        );
    }
}

#[test]
fn a_plan_for_an_earlier_instant_is_stopped_by_a_row_that_stands_after_it() {
    for told in WAYS {
        let bench = bench(told);
        happens(&bench, told, "StockReleased");
        let sql = "SELECT time - 1000000000 FROM events ORDER BY position DESC LIMIT 1";
        let before: i64 = log(&bench).query_row(sql, [], |row| row.get(0)).unwrap();
        let as_of = Timestamp::from_nanos(before);
        let (code, said) = bench.run(&format!("plan shop.yaml --as-of {as_of} -o plan.json"));
        assert_eq!(code, Some(0), "{told:?}: {said}");
        let (code, said) = bench.apply("--despite-unread-rows");
        assert_eq!(code, Some(4), "{told:?}: {said}");
        assert!(said.contains("moved"), "{told:?}: {said}");
        assert_eq!(bench.effects(), [""; 0], "{told:?}");
    }
}

#[test]
fn an_undo_of_which_nobody_knows_whether_it_counts_is_not_sent_again() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    let text = fs::read_to_string(bench.path("shop.yaml")).unwrap();
    let text = text.replace(
        "starts: OrderPlaced",
        "starts: OrderPlaced\nwhere: data.total > 0",
    );
    fs::write(bench.path("shop.yaml"), text).unwrap();
    bench.happens("o-1", "StockReleased");
    let compensate = format!("compensate o-1 shop.yaml {WRITES}");
    let sql = "UPDATE events SET data = '{' WHERE type = 'StockReleased'";
    assert_eq!(log(&bench).execute(sql, []).unwrap(), 1);
    let (code, said) = bench.run(&compensate);
    assert_eq!(code, Some(4), "{said}");
    assert_eq!(bench.effects(), [""; 0], "{said}");
}

#[test]
fn a_name_that_is_none_may_be_meant_for_anybody() {
    for name in [r#"["o-1"]"#, r#"{"id": "o-1"}"#] {
        let bench = bench(Told::Data);
        bench.happens("o-1", "StockReleased");
        let sql = "UPDATE events SET data = ? WHERE type = 'StockReleased'";
        let data = format!(r#"{{"order": {name}}}"#);
        assert_eq!(log(&bench).execute(sql, [data]).unwrap(), 1);
        let (code, said) = bench.run(&format!("compensate o-1 shop.yaml {WRITES}"));
        assert_eq!(code, Some(4), "{name}: {said}");
        assert!(said.contains("unread-rows"), "{name}: {said}");
    }
}

#[test]
fn a_row_that_comes_between_two_actions_is_seen_though_nothing_is_overdue() {
    for told in WAYS {
        let bench = bench(told);
        let text = fs::read_to_string(bench.path("shop.yaml")).unwrap();
        let text = text.replace("deadline: 30m\n", "");
        fs::write(bench.path("shop.yaml"), text).unwrap();
        bench.plan();
        bench.mode("wait");
        let line = "apply plan.json shop.yaml --write --yes --reason INC-1 --format jsonl";
        let child = bench.command(line).spawn().unwrap();
        bench.await_action();
        bench.happens("o-1", "CourierCancelled");
        let own = match told {
            Told::Metadata => "metadata = json_object('order', 'o-1')",
            Told::Data => "data = json_set(data, '$.order', 'o-1')",
        };
        let sql = format!("UPDATE events SET {own} WHERE type = 'CourierCancelled'");
        assert_eq!(log(&bench).execute(&sql, []).unwrap(), 1);
        bench.happens("o-1", "StockReleased");
        let nobodys = match told {
            Told::Metadata => "metadata = '{\"order\": o-1'",
            Told::Data => "data = '{\"order\": [\"o-1\"]}'",
        };
        let sql = format!("UPDATE events SET {nobodys} WHERE type = 'StockReleased'");
        assert_eq!(log(&bench).execute(&sql, []).unwrap(), 1);
        fs::write(bench.path("go"), "").unwrap();
        let (code, said) = super::told(&child.wait_with_output().unwrap());
        assert_eq!(code, Some(4), "{told:?}: {said}");
        let done = "o-1 courier done".to_owned();
        assert!(items(&said, "outcome").contains(&done), "{told:?}: {said}");
        assert_eq!(bench.effects().len(), 1, "{told:?}: {said}");
    }
}

#[test]
fn where_the_log_ends_in_such_a_row_it_is_known_when_the_plan_is_applied() {
    let bench = bench(Told::Data);
    bench.happens("o-1", "StockReleased");
    let sql = "UPDATE events SET type = NULL, data = '{' WHERE type = 'StockReleased'";
    assert_eq!(log(&bench).execute(sql, []).unwrap(), 1);
    let plan = bench.plan();
    assert_eq!(plan["instances"][0]["unread"]["rows"], 1, "{plan:#}");
    assert_eq!(bench.apply("").0, Some(4));
    let (code, said) = bench.apply("--despite-unread-rows");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(bench.effects().len(), 3, "{said}");
}
