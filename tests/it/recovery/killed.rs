//! The program killed between two durable writes, and two of it at once.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use super::{Bench, REFUSED, items, told};

/// Applies, and is killed by the first action; then finishes.
fn killed(options: &str, mode: &str) -> (Bench, Option<i32>, Vec<String>) {
    let bench = Bench::new(options, &[("o-1", &REFUSED)]);
    bench.plan();
    bench.mode(mode);
    assert_eq!(bench.apply("").0, None, "it was killed");
    // Its child may still be at work.
    thread::sleep(Duration::from_millis(200));
    assert_eq!(bench.apply("").0, Some(4), "only --resume goes on");
    let (code, said) = bench.apply("--resume");
    (bench, code, items(&said, "outcome"))
}

#[test]
fn killed_before_an_idempotent_effect_it_is_brought_about_once() {
    let (bench, code, outcomes) = killed("idempotent: true", "kill-before");
    assert_eq!(code, Some(0), "{outcomes:?}");
    assert_eq!(bench.effects().len(), 3);
}

#[test]
fn killed_after_an_idempotent_effect_it_is_sent_again_under_the_same_key() {
    let (bench, code, outcomes) = killed("idempotent: true", "kill-after");
    assert_eq!(code, Some(0), "{outcomes:?}");
    let keys = bench.keys();
    let different: BTreeSet<&String> = keys.iter().collect();
    assert_eq!(
        (keys.len(), different.len()),
        (4, 3),
        "three effects under three keys"
    );
    assert_eq!(keys[0], keys[1]);
}

#[test]
fn killed_around_an_effect_that_is_not_idempotent_it_stops_and_asks() {
    for (mode, effects) in [("kill-before", 0), ("kill-after", 1)] {
        let (bench, code, outcomes) = killed("idempotent: false", mode);
        assert_eq!(code, Some(4));
        assert_eq!(outcomes[0], "o-1 courier unknown");
        assert_eq!(bench.effects().len(), effects);
        bench.happens("o-1", "CourierCancelled");
        let (code, said) = bench.apply("--resume");
        assert_eq!(
            code,
            Some(0),
            "once its event is there, the rest is done: {said}"
        );
        assert_eq!(bench.effects().len(), effects + 2);
    }
}

#[test]
fn a_program_that_outlives_the_tool_and_is_not_idempotent_is_never_run_beside_itself() {
    let bench = Bench::new("idempotent: false", &[("o-1", &REFUSED)]);
    bench.plan();
    bench.mode("outlive");
    assert_eq!(bench.apply("").0, None, "it was killed");
    for resumed in ["while it runs", "after it ended"] {
        let (code, said) = bench.apply("--resume");
        assert_eq!(code, Some(4), "{resumed}: {said}");
        assert_eq!(items(&said, "outcome")[0], "o-1 courier unknown");
        while bench.effects().is_empty() {
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(bench.effects(), ["o-1 courier backward"], "{resumed}");
    }
}

#[test]
fn killed_between_two_actions_it_goes_on_with_the_second() {
    let bench = Bench::new("idempotent: false", &[("o-1", &REFUSED)]);
    bench.plan();
    let line = "apply plan.json shop.yaml --write --yes --reason INC-1 --rate 1/m";
    let mut child = bench.command(line).spawn().unwrap();
    while bench.effects().is_empty() {
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_millis(300));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(bench.effects().len(), 1);
    bench.happens("o-1", "CourierCancelled");
    let (code, said) = bench.apply("--resume");
    assert_eq!(code, Some(0), "its own effect is no reason to stop: {said}");
    let order = [
        "o-1 courier backward",
        "o-1 payment backward",
        "o-1 stock backward",
    ];
    assert_eq!(bench.effects(), order);
}

#[test]
fn what_the_saga_did_itself_meanwhile_is_not_done_again() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    bench.plan();
    bench.mode("kill-before");
    bench.apply("");
    for event in ["CourierCancelled", "PaymentVoided"] {
        bench.happens("o-1", event);
    }
    let (code, said) = bench.apply("--resume");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(bench.effects(), ["o-1 stock backward"]);
}

#[test]
fn two_at_once_do_everything_once() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    bench.plan();
    bench.mode("slow");
    let first = bench
        .command("compensate o-1 shop.yaml --write --yes --reason INC-1")
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_millis(1000));
    let (code, said) = bench.run("compensate o-1 shop.yaml --write --yes --reason INC-2");
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("ann drives it"), "{said}");
    let (code, said) = told(&first.wait_with_output().unwrap());
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(bench.effects().len(), 3);
}

#[test]
fn what_another_began_after_a_new_plan_is_left_to_it() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    bench.plan();
    bench.mode("refuse");
    assert_eq!(bench.apply("").0, Some(4), "the first try fails");
    bench.mode("ok");
    bench.happens("o-1", "PaymentVoided");
    bench.plan();
    bench.happens("o-1", "StockReleaseRequested");
    let (code, said) = bench.apply("");
    let outcomes = items(&said, "outcome");
    assert_eq!(code, Some(4), "{said}");
    assert_eq!(outcomes, ["o-1 courier moved", "o-1 stock moved"]);
    assert!(bench.effects().is_empty(), "{:?}", bench.effects());
}

#[test]
fn what_another_began_while_a_plan_lay_half_done_is_left_to_it() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    bench.plan();
    bench.mode("kill-after");
    bench.apply("");
    assert_eq!(bench.effects(), ["o-1 courier backward"]);
    bench.happens("o-1", "CourierCancelled");
    bench.happens("o-1", "StockReleaseRequested");
    let (code, said) = bench.apply("--resume");
    assert_eq!(code, Some(4), "{said}");
    assert_eq!(bench.effects(), ["o-1 courier backward"]);
}

#[test]
fn no_result_overwrites_a_journal_a_log_or_the_plan() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    bench.plan();
    assert_eq!(bench.apply("").0, Some(0));
    let files = ["shop.journal.db", "shop.db", "plan.json"];
    let read = || files.map(|file| std::fs::read(bench.path(file)).unwrap());
    let before = read();
    for file in files {
        let line = format!("apply plan.json shop.yaml -o {file}");
        assert_eq!(bench.run(&line).0, Some(2), "{file}");
    }
    for file in &files[..2] {
        let line = format!("plan shop.yaml -o {file}");
        assert_eq!(bench.run(&line).0, Some(2), "{file}");
    }
    assert!(read() == before, "something was overwritten");
}
