//! Requests that hold what no request can: they fail before they are begun, and nothing is told of the
//! secret that is at fault but its name.

use super::services::SAGA;
use super::{Bench, items, told};

/// What is said of an action with this address and token, and what the journal has of it.
fn told_of(url: &str, token: &str) -> (String, String, String) {
    let saga = SAGA.replace("OPTIONS", "idempotent: true");
    let bench = Bench::with(&saga, &[("o", &["OrderPlaced"])]);
    bench.plan();
    let line = "apply plan.json shop.yaml --write --yes --reason INC-1 --format jsonl";
    let mut command = bench.command(line);
    command.env("STOCK_URL", url).env("TOKEN", token);
    let (code, said) = told(&command.output().unwrap());
    assert_eq!(code, Some(4), "{said}");
    let (_, journal) = bench.run("journal export shop.yaml");
    (items(&said, "outcome").concat(), said, journal)
}

#[test]
fn what_cannot_stand_in_a_request_fails_before_it_is_begun() {
    let service = "http://127.0.0.1:1";
    for (url, token, why) in [
        (
            service,
            "sekret\r\nX-Admin: 1",
            "`Authorization` cannot hold the value of TOKEN: a control character is in it",
        ),
        (
            service,
            "sekr\u{e9}t",
            "`Authorization` cannot hold the value of TOKEN: a character beyond ASCII is in it",
        ),
        (
            "http://127.0.0.1:1/sekret\n",
            "token",
            "`url` cannot hold the value of STOCK_URL: a control character is in it",
        ),
        (
            "http://127.0.0.1:1/sek ret",
            "token",
            "`url` is nowhere to send to with the value of STOCK_URL: invalid uri character",
        ),
        (
            "sekret.example:80",
            "token",
            "`url` is nowhere to send to with the value of STOCK_URL: invalid format",
        ),
        (
            "ftp://sekret.example",
            "token",
            "`url` is nowhere to send to with the value of STOCK_URL: it begins with neither \
             `http://` nor `https://`",
        ),
        (
            "http://127.0.0.1:1/#sekret",
            "token",
            "`url` is nowhere to send to with the value of STOCK_URL: what stands after a `#` is \
             not sent",
        ),
    ] {
        let (outcome, said, journal) = told_of(url, token);
        assert_eq!(outcome, "o stock failed", "{why}: {said}");
        assert!(said.contains(why), "{why}: {said}");
        assert!(!said.contains("sek"), "it tells the secret: {said}");
        assert!(!journal.contains("stock"), "it was begun: {journal}");
    }
}

#[test]
fn what_an_event_puts_on_a_second_line_is_never_planned() {
    let saga = SAGA
        .replace("OPTIONS", "idempotent: true")
        .replace("Bearer {{ env.TOKEN }}", "{{ saga.id }}");
    let bench = Bench::with(&saga, &[("o\u{85}X", &["OrderPlaced"])]);
    let (_, said) = bench.run("plan shop.yaml --format json");
    assert!(said.contains("control character U+0085"), "{said}");
}
