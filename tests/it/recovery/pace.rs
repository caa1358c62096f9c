//! The rate, and several drivers side by side.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpListener;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::services::receive;
use super::{Bench, REFUSED, SAGA, items, told};

/// How long something that has to come may be in coming on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn what_happens_while_an_action_waits_for_its_turn_is_seen() {
    something_happens_in_a_log(|_| ());
}

#[test]
fn it_is_seen_in_a_log_with_an_index() {
    something_happens_in_a_log(|bench| {
        let log = Connection::open(bench.path("shop.db")).unwrap();
        let index = "CREATE INDEX by_saga ON events (correlation)";
        log.execute_batch(index).unwrap();
    });
}

#[test]
fn it_is_seen_in_a_log_where_instances_are_found_by_their_places() {
    something_happens_in_a_log(|bench| {
        let log = Connection::open(bench.path("shop.db")).unwrap();
        log.execute_batch(
            "CREATE TABLE copy AS SELECT * FROM events; DROP TABLE events;
             CREATE TABLE events (position INTEGER PRIMARY KEY, time, type, stream, version, id,
                 correlation, causation, key, data, metadata);
             INSERT INTO events SELECT * FROM copy; DROP TABLE copy",
        )
        .unwrap();
    });
}

fn something_happens_in_a_log(laid_out: fn(&Bench)) {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED), ("o-2", &REFUSED)]);
    laid_out(&bench);
    bench.plan();
    let line = "apply plan.json shop.yaml --write --yes --reason INC-1 --format jsonl --rate 40/m";
    let child = bench.command(line).spawn().unwrap();
    while bench.effects().is_empty() {
        thread::sleep(Duration::from_millis(10));
    }
    bench.happens("o-1", "PaymentVoided");
    bench.happens("o-2", "CourierCancelled");
    let (code, said) = told(&child.wait_with_output().unwrap());
    let expected = [
        "o-1 courier done",
        "o-1 payment done",
        "o-1 stock done",
        "o-2 courier moved",
        "o-2 payment moved",
        "o-2 stock moved",
    ];
    assert_eq!(
        (code, items(&said, "outcome")),
        (Some(4), expected.map(str::to_owned).to_vec()),
        "{said}"
    );
    assert_eq!(
        bench.effects(),
        ["o-1 courier backward", "o-1 stock backward"],
        "what the saga undid itself is not undone again"
    );
}

/// What a service got: each path, and when.
#[derive(Default)]
struct Record {
    got: Mutex<Vec<(String, Instant)>>,
    changed: Condvar,
}

/// A service that answers each request in a thread of its own, once `together` of them were seen.
fn service(together: usize) -> (String, Arc<Record>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let record = Arc::new(Record::default());
    let kept = Arc::clone(&record);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, record) = (stream.unwrap(), Arc::clone(&kept));
            thread::spawn(move || {
                let request = receive(&mut stream);
                let path = request.split(' ').nth(1).unwrap().to_owned();
                let mut got = record.got.lock().unwrap();
                got.push((path, Instant::now()));
                record.changed.notify_all();
                let few = |got: &mut Vec<_>| got.len() < together;
                let waited = record.changed.wait_timeout_while(got, PATIENCE, few);
                let status = if waited.unwrap().1.timed_out() {
                    "500 Alone"
                } else {
                    "200 OK"
                };
                let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).unwrap();
            });
        }
    });
    (url, record)
}

/// The saga of the bench, driven over HTTP.
fn over_http() -> String {
    let lines = SAGA.lines().map(|line| match line.split_once("action:") {
        Some((indent, _)) => format!(
            "{indent}action: {{ http: {{ url: \"{{{{ env.HUB }}}}/{{{{ saga.id }}}}/{{{{ step.name }}}}\" }}, attempts: 1, idempotent: true }}"
        ),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn applied(ids: &[&str], together: usize, options: &str) -> (Vec<String>, Arc<Record>, Instant) {
    let instances: Vec<(&str, &[&str])> = ids.iter().map(|id| (*id, &REFUSED[..])).collect();
    let bench = Bench::with(&over_http(), &instances);
    bench.plan();
    let (url, record) = service(together);
    let line = "apply plan.json shop.yaml --write --yes --reason INC-1 --format jsonl";
    let mut command = bench.command(&format!("{line} {options}"));
    let start = Instant::now();
    let (code, said) = told(&command.env("HUB", url).output().unwrap());
    assert_eq!(code, Some(0), "{said}");
    let keys = bench.run("journal export shop.yaml").1;
    assert_eq!(keys.lines().count(), 3 * ids.len(), "one intent per action");
    (items(&said, "outcome"), record, start)
}

#[test]
fn instances_are_driven_side_by_side_and_each_in_its_order() {
    let ids = ["o-1", "o-2", "o-3", "o-4", "o-5"];
    let (outcomes, record, _) = applied(&ids, 4, "--concurrency 4");
    let steps = ["courier", "payment", "stock"];
    let in_plan_order = ids
        .iter()
        .flat_map(|id| steps.map(|step| format!("{id} {step} done")));
    assert_eq!(outcomes, in_plan_order.collect::<Vec<_>>());
    let mut by_instance: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, _) in record.got.lock().unwrap().iter() {
        let (_, path) = path.split_once('/').unwrap();
        let (id, step) = path.split_once('/').unwrap();
        by_instance
            .entry(id.to_owned())
            .or_default()
            .push(step.to_owned());
    }
    assert_eq!(by_instance.len(), ids.len());
    for (id, got) in by_instance {
        assert_eq!(got, steps, "{id}: each once, each in its turn");
    }
}

#[test]
fn the_rate_is_one_for_all_drivers() {
    let (outcomes, record, start) =
        applied(&["o-1", "o-2", "o-3"], 0, "--concurrency 3 --rate 10/s");
    assert_eq!(outcomes.len(), 9);
    let got = record.got.lock().unwrap();
    let last = got.iter().map(|(_, at)| *at).max().unwrap();
    assert!(
        last.duration_since(start) >= Duration::from_millis(800),
        "nine actions have eight pauses between them"
    );
}

#[test]
fn failures_are_counted_over_all_drivers() {
    let ids: Vec<String> = (0..12).map(|number| format!("o-{number}")).collect();
    let instances: Vec<(&str, &[&str])> = ids.iter().map(|id| (&**id, &REFUSED[..])).collect();
    let bench = Bench::new("idempotent: true", &instances);
    bench.plan();
    bench.mode("refuse");
    let (code, said) = bench.apply("--concurrency 3 --stop-after 2");
    assert_eq!(code, Some(4));
    let outcomes = items(&said, "outcome");
    let failed = outcomes.iter().filter(|one| one.ends_with(" failed"));
    let failed = failed.count();
    assert!(
        (2..=4).contains(&failed),
        "those in flight are finished, no others begin: {failed}"
    );
    let (_, journal) = bench.run("journal export shop.yaml");
    assert_eq!(journal.lines().count(), failed);
}
