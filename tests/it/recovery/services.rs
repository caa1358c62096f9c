//! Requests to a loopback service, and rows for an outbox.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rusqlite::Connection;
use serde_json::Value;

use super::{Bench, items, told};

pub const SAGA: &str = r#"
saga: order
starts: OrderPlaced
deadline: 30m
steps:
  - step: stock
    succeeds: StockReserved
    timeout: 2m
    action:
      http:
        url: "{{ env.STOCK_URL }}/reservations/{{ saga.id }}"
        headers: { Authorization: "Bearer {{ env.TOKEN }}" }
        body: { order: =saga.id, total: =data.total, note: "for {{ saga.name }}" }
      backoff: 1ms
      OPTIONS
"#;

/// A service that answers one request after the other as it is told, and keeps what it got. An
/// empty answer drops the connection after it acted.
fn service(answers: &'static [&'static str]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let got = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&got);
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            record.lock().unwrap().push(receive(&mut stream));
            if !answer.is_empty() {
                let text = format!("HTTP/1.1 {answer}\r\nConnection: close\r\n\r\nsaw sekret");
                stream.write_all(text.as_bytes()).unwrap();
            }
        }
    });
    (url, got)
}

pub fn receive(stream: &mut TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line.to_lowercase());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

fn sent(options: &str, answers: &'static [&'static str]) -> (Option<i32>, String, Vec<String>) {
    let saga = SAGA.replace("OPTIONS", options);
    let bench = Bench::with(&saga, &[("o/1?", &["OrderPlaced"])]);
    bench.plan();
    let (url, got) = service(answers);
    let line = "apply plan.json shop.yaml --write --yes --reason INC-1 --format jsonl";
    let mut command = bench.command(line);
    let output = command
        .env("STOCK_URL", url)
        .env("TOKEN", "sekret")
        .output()
        .unwrap();
    let (code, said) = told(&output);
    for file in ["plan.json", "shop.journal.db"] {
        let bytes = std::fs::read(bench.path(file)).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("sekret"), "{file} holds the secret");
    }
    assert!(!said.contains("sekret"), "{said}");
    let got = got.lock().unwrap().clone();
    (code, said, got)
}

#[test]
fn a_request_carries_its_key_and_its_secret_and_is_tried_until_it_is_answered() {
    let (code, said, got) = sent(
        "idempotent: true\n      attempts: 4",
        &["503 Busy\r\nRetry-After: 0", "", "429 Slow", "201 Made"],
    );
    assert_eq!(
        (code, items(&said, "outcome")),
        (Some(0), vec!["o/1? stock done".to_owned()])
    );
    assert!(said.contains("saw ${env.TOKEN}"), "{said}");
    assert_eq!(got.len(), 4);
    assert!(
        got.iter().all(|one| *one == got[0]),
        "every attempt is the same: {got:#?}"
    );
    for part in [
        "post /reservations/o%2f1%3f http/1.1",
        "authorization: bearer sekret",
        "idempotency-key: ",
        "content-type: application/json",
        r#"{"note":"for order","order":"o/1?","total":1}"#,
    ] {
        assert!(got[0].contains(part), "{part} is missing in {}", got[0]);
    }
}

/// What a service answers, and what comes of it with and without a second attempt being safe.
#[test]
fn what_is_answered_decides_what_came_of_it() {
    for (options, answers, outcome, requests) in [
        ("idempotent: true", &["404 Gone"][..], "failed", 1),
        (
            "idempotent: true",
            &["302 Elsewhere\r\nLocation: /x"],
            "failed",
            1,
        ),
        (
            "idempotent: true",
            &["500 a", "500 b", "500 c"],
            "failed",
            3,
        ),
        ("idempotent: true", &["", "", ""], "unknown", 3),
        ("idempotent: true", &["", "404 Gone"], "unknown", 2),
        ("attempts: 3", &["500 a"], "unknown", 1),
        ("attempts: 3", &[""], "unknown", 1),
        ("attempts: 3", &["429 Slow", "200 ok"], "done", 2),
        (
            "attempts: 3",
            &["200 ok\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 Again\r\nContent-Length: 0"],
            "done",
            1,
        ),
        (
            "attempts: 3",
            &["429 Slow\r\nRetry-After: 3600"],
            "failed",
            1,
        ),
    ] {
        let (code, said, got) = sent(options, answers);
        let expected = vec![format!("o/1? stock {outcome}")];
        assert_eq!(
            items(&said, "outcome"),
            expected,
            "{options} {answers:?}: {said}"
        );
        assert_eq!(
            (code == Some(0), got.len()),
            (outcome == "done", requests),
            "{answers:?}"
        );
    }
}

#[test]
fn a_dry_run_without_the_environment_shows_the_plan_and_everything_that_is_missing() {
    let saga = SAGA.replace("OPTIONS", "idempotent: true");
    let bench = Bench::with(&saga, &[("o", &["OrderPlaced"])]);
    bench.plan();
    let missing = "the environment has no STOCK_URL and no TOKEN, as the actions of the plan need";
    for line in ["apply plan.json shop.yaml", "retry o shop.yaml"] {
        let output = bench.command(line).env("COLUMNS", "200").output().unwrap();
        let (code, said) = told(&output);
        assert_eq!(code, Some(4), "{said}");
        for part in [
            "o of order",
            "1. retry stock",
            "POST ${env.STOCK_URL}/reservations/o",
            "1 action on 1 instance",
            &format!("as it is, all of it is refused: {missing}"),
            "nothing was done; add --write and --reason to act",
        ] {
            assert!(said.contains(part), "{part}\n{said}");
        }
        let output = bench
            .command(&format!("{line} --format json"))
            .output()
            .unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["instances"][0]["id"], "o");
        assert_eq!(told["not_begun"]["refused"], "no-secret");
        assert_eq!(told["not_begun"]["message"], missing);
        let (code, said) = bench.run(&format!("{line} --write --yes --reason INC-1"));
        assert_eq!(code, Some(4), "{said}");
        assert!(said.ends_with(&format!("error: {missing}\n")), "{said}");
        assert!(!said.contains("1. retry stock"), "{said}");
    }
    let mut command = bench.command("apply plan.json shop.yaml");
    let command = command
        .env("STOCK_URL", "http://127.0.0.1:1")
        .env("TOKEN", "sekret");
    let (code, said) = told(&command.output().unwrap());
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("refused"), "{said}");
}

#[test]
fn nobody_there_is_a_failure_and_a_missing_secret_is_none() {
    let saga = SAGA.replace("OPTIONS", "idempotent: false");
    let bench = Bench::with(&saga, &[("o", &["OrderPlaced"])]);
    bench.plan();
    let (code, said) = bench.apply("");
    assert_eq!(code, Some(4));
    assert!(said.contains("the environment has no STOCK_URL"), "{said}");
    let line = "apply plan.json shop.yaml --write --yes --reason INC-1 --format jsonl";
    let mut command = bench.command(line);
    let command = command
        .env("STOCK_URL", "http://127.0.0.1:1")
        .env("TOKEN", "sekret");
    let (code, said) = told(&command.output().unwrap());
    assert_eq!(
        (code, items(&said, "outcome")),
        (Some(4), vec!["o stock failed".to_owned()])
    );
}

#[test]
fn an_outbox_gets_one_row_however_often_it_is_sent() {
    let saga = r#"
saga: order
starts: OrderPlaced
deadline: 30m
steps:
  - step: stock
    succeeds: StockReserved
    timeout: 2m
    action:
      outbox:
        database: out.db
        table: outbox
        columns: { id: =key, kind: ReserveStock, body: { order: =saga.id }, total: =data.total }
      idempotent: true
"#;
    let bench = Bench::with(saga, &[("o", &["OrderPlaced"])]);
    bench.plan();
    let (code, said) = bench.apply("");
    assert_eq!(
        (code, items(&said, "outcome")),
        (Some(4), vec!["o stock failed".to_owned()])
    );
    let outbox = Connection::open(bench.path("out.db")).unwrap();
    let table = "CREATE TABLE outbox (id TEXT, kind TEXT, body TEXT, total INTEGER)";
    outbox.execute_batch(table).unwrap();
    for journal in ["one.db", "two.db"] {
        let (code, said) = bench.apply(&format!("--journal {journal}"));
        assert_eq!(code, Some(0), "{said}");
    }
    let rows: Vec<String> = outbox
        .prepare("SELECT kind || ' ' || body || ' ' || total FROM outbox")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(rows, [r#"ReserveStock {"order":"o"} 1"#]);
}
