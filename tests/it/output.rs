//! How results look and what their machine formats promise.

use std::io::Write;

use anstream::adapter::strip_str;
use sagactl::definition::settings::FailOn;
use sagactl::exit::Exit;
use sagactl::finding::Severity;
use sagactl::output::again::Again;
use sagactl::output::{Page, dot, escape, json, json_view, jsonl, list, mermaid, show, table};

use crate::{fixture, golden};

fn page(width: usize, write: impl FnOnce(&mut Page<'_>) -> std::io::Result<()>) -> String {
    let mut bytes = Vec::new();
    write(&mut Page::new(&mut bytes, width)).unwrap();
    strip_str(&String::from_utf8(bytes).unwrap()).to_string()
}

fn text(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_screens_look_as_they_were_reviewed() {
    let again = fixture::again();
    for width in [60, 80, 120, 200] {
        let frame = table::Frame {
            again: &again,
            limit: 50,
        };
        let audit = page(width, |page| table::write(page, &fixture::report(), frame));
        golden::check(&format!("audit-{width}.txt"), &audit);
        let list = page(width, |page| {
            list::write(page, &fixture::listing(), &again, 50)
        });
        golden::check(&format!("list-{width}.txt"), &list);
        let view = fixture::view("order-1007");
        let show = page(width, |page| show::write(page, &view, &again, 0));
        golden::check(&format!("show-{width}.txt"), &show);
    }
}

#[test]
fn the_documents_keep_their_field_names() {
    let again = fixture::again();
    let frame = json::Frame { again: &again };
    golden::check(
        "audit.json",
        &text(|out| json::write(out, &fixture::report(), frame)),
    );
    golden::check(
        "audit.jsonl",
        &text(|out| jsonl::findings(out, &fixture::report(), frame)),
    );
    golden::check(
        "list.json",
        &text(|out| json_view::list(out, &fixture::listing(), &again)),
    );
    let views = [fixture::view("order-1007")];
    golden::check(
        "show.json",
        &text(|out| json_view::show(out, &views, "sagactl 0.1.0", &again)),
    );
    golden::check("show.mmd", &text(|out| mermaid::write(out, &views[0])));
    golden::check("show.dot", &text(|out| dot::write(out, &views[0])));
}

#[test]
fn a_hostile_log_drives_no_terminal_in_any_format() {
    let hostile = fixture::HOSTILE;
    let again = Again {
        paths: vec![hostile.into()],
        log: Some(hostile.into()),
        as_of: None,
    };
    let mut report = fixture::report();
    let mut listing = fixture::listing();
    let mut view = fixture::view(hostile);
    for finding in report.findings.iter_mut().chain(&mut view.findings) {
        finding.subject.id = hostile.to_owned();
        finding.subject.definition = hostile.into();
        finding.message = hostile.to_owned();
        finding.step = Some(hostile.into());
        if let Some(next) = &mut finding.next {
            next.arguments = vec!["show".to_owned(), hostile.to_owned()];
            next.steps = vec![hostile.into(); 2];
        }
    }
    report.remarks.push(hostile.to_owned());
    report.logs[0].name = hostile.into();
    report.logs[0].path = hostile.into();
    report.sagas[0].saga = hostile.into();
    report.definitions.files = vec![hostile.into()];
    for row in listing.rows.iter_mut().chain([&mut view.row]) {
        row.id = hostile.to_owned();
        row.at = hostile.to_owned();
        row.saga = hostile.into();
    }
    view.headline = hostile.to_owned();
    view.claim = Some(hostile.to_owned());
    for row in &mut view.timeline {
        row.event.kind = hostile.to_owned();
        row.event.data = Some(serde_json::json!({ hostile: hostile }));
        row.step = Some(hostile.into());
    }
    view.steps[0].name = hostile.into();

    let frame = json::Frame { again: &again };
    let screen = table::Frame {
        again: &again,
        limit: 0,
    };
    let views = [view.clone()];
    for output in [
        page(80, |page| table::write(page, &report, screen)),
        page(80, |page| list::write(page, &listing, &again, 0)),
        page(80, |page| show::write(page, &view, &again, 0)),
        text(|out| json::write(out, &report, frame)),
        text(|out| jsonl::findings(out, &report, frame)),
        text(|out| json_view::list(out, &listing, &again)),
        text(|out| json_view::show(out, &views, "sagactl", &again)),
        text(|out| mermaid::write(out, &view)),
        text(|out| dot::write(out, &view)),
    ] {
        let acting = output
            .chars()
            .find(|one| *one != '\n' && escape::acts(*one));
        assert_eq!(acting, None, "{output:?}");
    }
}

#[test]
fn what_a_table_leaves_out_is_counted_with_the_way_to_see_it() {
    let mut report = fixture::report();
    report.findings = (0..130)
        .map(|number| {
            let rule = if number < 100 {
                "compensation/uncompensated"
            } else {
                "saga/stuck-step"
            };
            fixture::finding(rule, Severity::Error, &format!("order-{number}"), None)
        })
        .collect();
    let again = fixture::again();
    let shown = page(80, |page| {
        table::write(
            page,
            &report,
            table::Frame {
                again: &again,
                limit: 50,
            },
        )
    });
    assert_eq!(shown.matches("sagactl show order-").count(), 50);
    assert!(shown.contains("50 of 100 findings"), "{shown}");
    assert!(
        shown.contains("80 findings more than the 50 above"),
        "{shown}"
    );
    assert!(
        shown.contains("50 compensation/uncompensated, 30"),
        "{shown}"
    );
    assert!(shown.contains("--limit 0"), "{shown}");
    let all = page(80, |page| {
        table::write(
            page,
            &report,
            table::Frame {
                again: &again,
                limit: 0,
            },
        )
    });
    assert_eq!(all.matches("sagactl show order-").count(), 130);
}

#[test]
fn what_no_list_holds_is_in_every_total() {
    let mut report = fixture::report();
    let of_rule = |report: &sagactl::report::Report| {
        let listed = report.findings.iter();
        listed.filter(|one| one.rule == "saga/stuck-step").count() as u64
    };
    let (listed, errors) = (of_rule(&report), report.count(Severity::Error));
    let count = report
        .rules
        .iter_mut()
        .find(|count| count.rule == "saga/stuck-step");
    let count = count.expect("a rule");
    count.found += 20_000;
    count.unlisted[0] = 20_000;
    let again = fixture::again();
    let screen = |limit| {
        let frame = table::Frame {
            again: &again,
            limit,
        };
        page(120, |page| table::write(page, &report, frame))
    };
    let total = words(listed + 20_000);
    for said in [
        format!("{listed} of {total} findings"),
        "20,000 findings more are counted and not listed: 20,000 saga/stuck-step".to_owned(),
        format!("\n{} errors", words(errors + 20_000)),
    ] {
        assert!(screen(0).contains(&said), "no `{said}` in\n{}", screen(0));
    }
    let frame = json::Frame { again: &again };
    let document = text(|out| json::write(out, &report, frame));
    let document: serde_json::Value = serde_json::from_str(&document).expect("a document");
    assert_eq!(document["summary"]["error"], errors + 20_000);
    report.findings.clear();
    let threshold = FailOn::Severity(Severity::Error);
    assert_eq!(Exit::of_report(&report, threshold), Exit::Findings);
}

/// A number as people read it.
fn words(number: u64) -> String {
    let (thousands, rest) = (number / 1_000, number % 1_000);
    format!("{thousands},{rest:03}")
}

#[test]
fn nothing_inspected_is_said_and_never_called_fine() {
    let mut report = fixture::report();
    report.findings.clear();
    report.logs[0].matched = 0;
    report.accepted = 0;
    let again = fixture::again();
    let shown = page(80, |page| {
        table::write(
            page,
            &report,
            table::Frame {
                again: &again,
                limit: 50,
            },
        )
    });
    assert!(
        shown.contains("nothing was inspected: no event matched any definition"),
        "{shown}"
    );
    assert!(!shown.contains("nothing found"), "{shown}");
}

#[test]
fn the_json_documents_are_valid_where_there_is_nothing() {
    let mut listing = fixture::listing();
    listing.rows.clear();
    assert_eq!(
        text(|out| json_view::list(out, &listing, &fixture::again())),
        "[]\n"
    );
    assert_eq!(
        text(|out| jsonl::instances(out, &listing, &fixture::again())),
        ""
    );
}
