//! What a plan says.

use std::fs;
use std::io::Write;

use serde_json::{Value, json};

use super::{Bench, REFUSED, told};

fn actions(instance: &Value) -> Vec<(String, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let each = instance["actions"].as_array().unwrap().iter();
    each.map(|action| {
        let waits = action["waits_for"].as_array().unwrap().iter().map(text);
        (text(&action["step"]), waits.collect())
    })
    .collect()
}

#[test]
fn effects_are_undone_in_the_reverse_of_their_order_and_not_in_a_chain() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    let plan = bench.plan();
    let instance = &plan["instances"][0];
    let courier = || vec!["courier".to_owned()];
    assert_eq!(
        actions(instance),
        [
            ("courier".to_owned(), vec![]),
            ("payment".to_owned(), courier()),
            ("stock".to_owned(), courier()),
        ]
    );
    assert_eq!(
        instance["actions"][1]["request"]["exec"]["arguments"][1],
        "3"
    );
    assert_eq!(
        instance["left_alone"],
        json!([{ "step": "charge", "why": "no-effect" }, { "step": "ship", "why": "not-started" }])
    );
    assert_eq!(bench.plan(), plan, "the same log gives the same plan");
}

#[test]
fn a_plan_has_the_shape_that_its_readers_know() {
    let plan = Bench::new("idempotent: true", &[("o-1", &REFUSED)]).plan();
    let keys = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        keys(&plan),
        [
            "definitions",
            "digest",
            "instances",
            "left_out",
            "logs",
            "refused",
            "tool",
            "version"
        ]
    );
    let instance = &plan["instances"][0];
    assert_eq!(
        keys(instance),
        [
            "actions",
            "direction",
            "fingerprint",
            "id",
            "last_position",
            "left_alone",
            "log",
            "outcome",
            "saga"
        ]
    );
    assert_eq!(
        keys(&instance["actions"][0]),
        [
            "direction",
            "idempotent",
            "key",
            "kind",
            "request",
            "step",
            "waits_for"
        ]
    );
}

/// Instances, what is asked, and the reason for the refusal; no reason where it is driven.
#[test]
fn what_cannot_be_driven_is_refused_with_its_reason() {
    let placed = [
        "OrderPlaced",
        "StockReserved",
        "PaymentAuthorized",
        "CourierBooked",
    ];
    let charged = [&placed[..], &["Charged"]].concat();
    let shipped = [&charged[..], &["Shipped", "Completed"]].concat();
    let exhausted = [
        &REFUSED[..],
        &["CourierCancelled", "PaymentVoided", "StockReleaseFailed"],
    ];
    let exhausted = exhausted.concat();
    let undone = [
        &REFUSED[..],
        &["CourierCancelled", "PaymentVoided", "StockReleased"],
    ]
    .concat();
    let mixed = [&shipped[..], &["StockReleased"]].concat();
    let charged_late = [&REFUSED[..], &["Charged"]].concat();
    let charged_alone = [&undone[..], &["Charged"]].concat();
    for (events, command, reason) in [
        (&REFUSED[..], "compensate o-1", None),
        (&REFUSED, "retry o-1", Some("going-back")),
        (&placed, "compensate o-1", None),
        (&placed, "retry o-1", None),
        (&charged, "retry o-1", None),
        (&charged, "compensate o-1", Some("past-pivot")),
        (&shipped, "retry o-1", Some("healthy")),
        (&undone, "compensate o-1", Some("healthy")),
        (&exhausted, "compensate o-1", Some("undo-exhausted")),
        (&exhausted, "compensate o-1 --step stock", None),
        (
            &exhausted,
            "compensate o-1 --step courier",
            Some("nothing-to-drive"),
        ),
        (&mixed, "compensate o-1", Some("contradictory")),
        (&charged_late, "compensate o-1", Some("past-pivot")),
        (&charged_late, "retry o-1", Some("going-back")),
        (&charged_alone, "compensate o-1", Some("past-pivot")),
        (&charged_alone, "retry o-1", Some("going-back")),
    ] {
        let bench = Bench::new("idempotent: true", &[("o-1", events)]);
        let (command, rest) = command.split_once(' ').unwrap();
        let (id, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let (code, said) = bench.run(&format!("{command} {id} shop.yaml {rest}"));
        match reason {
            None => assert_eq!(code, Some(0), "{events:?} {command}: {said}"),
            Some(reason) => {
                assert_eq!(code, Some(4), "{events:?} {command}: {said}");
                let line = format!("o-1 of order: {reason}");
                assert!(said.contains(&line), "{events:?} {command}: {said}");
            }
        }
    }
}

#[test]
fn what_may_still_happen_by_itself_is_left_to_itself() {
    let early = ["--as-of", "2023-11-14T22:14:50Z"];
    let bench = Bench::new(
        "idempotent: true",
        &[("o-1", &["OrderPlaced", "StockReserved"])],
    );
    let output = bench
        .command("retry o-1 shop.yaml")
        .args(early)
        .output()
        .unwrap();
    let (code, said) = told(&output);
    assert_eq!(code, Some(4));
    assert!(said.contains("still-within-deadline"), "{said}");
}

#[test]
fn where_no_action_is_declared_a_person_goes_first_and_what_waits_is_left_alone() {
    let saga = super::SAGA
        .replace(
            "action: { exec: [./act], OPTIONS }\n  - step: charge",
            "\n  - step: charge",
        )
        .replace("OPTIONS", "idempotent: true");
    let bench = Bench::with(&saga, &[("o-1", &REFUSED)]);
    let plan = bench.plan();
    assert_eq!(plan["instances"], json!([]));
    assert_eq!(plan["refused"][0]["reason"], "no-action-declared");
    bench.happens("o-1", "CourierCancelled");
    let (code, said) = bench.run("compensate o-1 shop.yaml --as-of now");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("courier is left alone: undone"), "{said}");
}

#[test]
fn max_leaves_out_and_says_so_and_stdin_names_instances() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED), ("o-2", &REFUSED)]);
    let (_, said) = bench.run("plan shop.yaml --max 1 --format json");
    let plan: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&plan["instances"][0]["id"], &plan["left_out"]),
        (&json!("o-1"), &json!(1))
    );

    let listed = bench
        .command("list shop.yaml --format jsonl")
        .output()
        .unwrap();
    let found = bench
        .command("audit shop.yaml --format jsonl")
        .output()
        .unwrap();
    for lines in [listed.stdout, found.stdout] {
        let mut command = bench.command("plan shop.yaml - --format json");
        let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&lines).unwrap();
        let (code, said) = told(&child.wait_with_output().unwrap());
        assert_eq!(code, Some(0), "{said}");
        let plan: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(plan["instances"].as_array().unwrap().len(), 2);
    }
}

/// A second saga about the same ids, whose only step is always called for.
fn add_loyalty(bench: &Bench) {
    let points = "---
saga: loyalty
starts: OrderPlaced
steps:
  - step: points
    succeeds: PointsGiven
    timeout: 1m
    action: { exec: [./act], idempotent: true }
";
    let file = bench.path("shop.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text + points).unwrap();
}

#[test]
fn where_sagas_share_an_id_the_next_command_names_the_saga() {
    let charged = [&REFUSED[..4], &["Charged"]].concat();
    let bench = Bench::new("idempotent: true", &[("o-1", &charged)]);
    add_loyalty(&bench);
    let (code, said) = bench.run("-q retry o-1 shop.yaml");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("name one with --saga"), "{said}");
    for filter in ["", "--saga order", "--saga loyalty"] {
        let (_, said) = bench.run(&format!("-q audit shop.yaml --format jsonl {filter}"));
        let findings = said.lines().map(|line| serde_json::from_str(line).unwrap());
        let mut found = 0;
        for finding in findings.collect::<Vec<Value>>() {
            let saga = finding["subject"]["definition"].as_str().unwrap();
            let next = finding["next"]["command"].as_str().unwrap();
            assert_eq!(next, format!("sagactl retry o-1 shop.yaml --saga {saga}"));
            let (code, said) = bench.run(next.trim_start_matches("sagactl "));
            assert_eq!(code, Some(0), "{said}");
            found += 1;
        }
        assert!(found > 0, "{said}");
    }
}

#[test]
fn an_instance_that_is_piped_in_is_that_of_its_saga() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    add_loyalty(&bench);
    for command in ["audit", "list"] {
        let line = format!("-q {command} shop.yaml --saga order --format jsonl");
        let lines = bench.command(&line).output().unwrap().stdout;
        let mut command = bench.command("-q plan shop.yaml - --format json");
        let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&lines).unwrap();
        let (_, said) = told(&child.wait_with_output().unwrap());
        let plan: Value = serde_json::from_str(&said).unwrap();
        let of = |one: &Value| one["saga"].as_str().unwrap().to_owned();
        let sagas: Vec<String> = plan["instances"]
            .as_array()
            .unwrap()
            .iter()
            .map(of)
            .collect();
        assert_eq!(sagas, ["order"], "{said}");
    }
}

#[test]
fn an_edited_or_stale_plan_is_refused() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    bench.plan();
    let text = fs::read_to_string(bench.path("plan.json")).unwrap();
    fs::write(
        bench.path("plan.json"),
        text.replace("\"backward\"", "\"forward\""),
    )
    .unwrap();
    let (code, said) = bench.apply("");
    assert_eq!(code, Some(4));
    assert!(said.contains("edited"), "{said}");
    fs::write(
        bench.path("plan.json"),
        text.replace("\"version\": 1", "\"version\": 2"),
    )
    .unwrap();
    assert_eq!(bench.apply("").0, Some(2));

    fs::write(bench.path("plan.json"), text).unwrap();
    let definitions = fs::read_to_string(bench.path("shop.yaml")).unwrap();
    fs::write(bench.path("shop.yaml"), definitions + "# changed\n").unwrap();
    let (code, said) = bench.apply("");
    assert_eq!(code, Some(4));
    assert!(said.contains("definitions changed"), "{said}");
    assert_eq!(bench.effects(), Vec::<String>::new());
}

#[test]
fn a_finding_names_the_command_that_drives_it_where_an_action_is_declared() {
    let exhausted = [
        &REFUSED[..],
        &["CourierCancelled", "PaymentVoided", "StockReleaseFailed"],
    ];
    let charged = [&REFUSED[..4], &["Charged"]].concat();
    for (events, next) in [
        (&REFUSED[..], "sagactl compensate o-1 shop.yaml"),
        (&charged, "sagactl retry o-1 shop.yaml"),
        (&["OrderPlaced"], "sagactl show o-1 shop.yaml"),
        (&exhausted.concat(), "sagactl show o-1 shop.yaml"),
    ] {
        let bench = Bench::new("idempotent: true", &[("o-1", events)]);
        let (code, said) = bench.run("audit shop.yaml --format jsonl");
        assert_eq!(code, Some(1), "{said}");
        let finding: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
        assert_eq!(finding["next"]["command"], next, "{events:?}");
        let (code, said) = bench.run(next.trim_start_matches("sagactl "));
        assert_eq!(code, Some(0), "it can be typed as it stands: {said}");
    }
}
