//! Requests of which nothing was sent: they are tried again, however little it is safe to repeat them.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::services::{SAGA, receive};
use super::{Bench, items, told};

/// What comes of an action that is not idempotent, is tried twice, and sends its request there: its
/// outcome, how often it was tried, and what was said.
fn tried(url: &str, proxy: Option<&str>) -> (String, u64, String) {
    let saga = SAGA.replace("OPTIONS", "attempts: 2\n      timeout: 500ms");
    let bench = Bench::with(&saga, &[("o", &["OrderPlaced"])]);
    bench.plan();
    let line = "apply plan.json shop.yaml --write --yes --reason INC-1 --format jsonl";
    let mut command = bench.command(line);
    command.env("STOCK_URL", url).env("TOKEN", "sekret");
    command.envs(proxy.map(|proxy| ("http_proxy", proxy)));
    let (_, said) = told(&command.output().unwrap());
    let (_, entry) = bench.run("journal export shop.yaml");
    let entry: serde_json::Value = serde_json::from_str(&entry).unwrap();
    let outcome = items(&said, "outcome").concat();
    (outcome, entry["attempts"].as_u64().unwrap(), said)
}

/// A server that does this with every connection.
fn server(serve: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        listener
            .incoming()
            .for_each(|stream| serve(stream.unwrap()))
    });
    address
}

fn read_some(stream: &mut TcpStream) {
    assert_ne!(stream.read(&mut [0; 4096]).unwrap(), 0);
}

#[test]
fn what_never_reached_the_service_is_tried_again() {
    let hangs_up = server(|mut stream| read_some(&mut stream));
    let says_nonsense = server(|mut stream| stream.write_all(b"HTTP/1.1 400 No\r\n\r\n").unwrap());
    let is_silent = server(std::mem::forget);
    let refuses = server(|mut stream| {
        receive(&mut stream);
        stream.write_all(b"HTTP/1.1 502 No\r\n\r\n").unwrap();
    });
    for (url, proxy) in [
        // A name that nobody may register (RFC 6761).
        ("http://stock.invalid".to_owned(), None),
        ("http://127.0.0.1:1".to_owned(), None),
        (format!("https://{hangs_up}"), None),
        (format!("https://{says_nonsense}"), None),
        (format!("https://{is_silent}"), None),
        ("http://stock.invalid".to_owned(), Some(&refuses)),
    ] {
        let proxy = proxy.map(|proxy| format!("http://{proxy}"));
        let (outcome, attempts, said) = tried(&url, proxy.as_deref());
        assert_eq!(
            (&*outcome, attempts),
            ("o stock failed", 2),
            "{url}: {said}"
        );
    }
}

#[test]
fn what_may_have_reached_the_service_is_not() {
    let hangs_up = server(|mut stream| read_some(&mut stream));
    let is_silent = server(std::mem::forget);
    let leads_there = server(|mut stream| {
        receive(&mut stream);
        stream.write_all(b"HTTP/1.1 200 Ok\r\n\r\n").unwrap();
        receive(&mut stream);
    });
    for (url, proxy) in [
        (format!("http://{hangs_up}"), None),
        (format!("http://{is_silent}"), None),
        ("http://stock.invalid".to_owned(), Some(leads_there)),
    ] {
        let proxy = proxy.map(|proxy| format!("http://{proxy}"));
        let (outcome, attempts, said) = tried(&url, proxy.as_deref());
        assert_eq!(
            (&*outcome, attempts),
            ("o stock unknown", 1),
            "{url}: {said}"
        );
    }
}
