//! The judge and the generator check each other: they share the definitions and nothing else.

use std::path::Path;
use std::sync::Arc;

use crate::definition::saga::Saga;
use crate::definition::{load, load_text};
use crate::event::{Position, Span, Timestamp};
use crate::generate::Random;
use crate::generate::faults::{Claim, Fault};
use crate::generate::legal::{legal_run, legal_runs};
use crate::generate::status::status;
use crate::generate::{
    DraftEvent, Faults, Happening, Label, Layout, Options, Role, Subject, Wrong, generate,
};
use crate::inspect;
use crate::rules::case::{Case, Claimed, Draft};
use crate::rules::{Check, Judge, TABLE, judge};
use crate::saga::{Instance, Meaning, Moment, Names, StepEvent};

fn shop() -> Vec<Arc<Saga>> {
    [
        include_str!("../../sagas/shop/order-fulfilment.yaml"),
        include_str!("../../sagas/shop/subscription-renewal.yaml"),
    ]
    .into_iter()
    .flat_map(|text| {
        let definitions =
            load_text(Path::new("shop.yaml"), text, &[]).expect("the shop's definitions are valid");
        definitions.scopes.into_iter().flat_map(|scope| scope.sagas)
    })
    .collect()
}

fn meaning(role: Role) -> Option<Meaning> {
    let happening = |happening| match happening {
        Happening::Begin => StepEvent::Begin,
        Happening::Success => StepEvent::Success,
        Happening::Failure => StepEvent::Failure,
        Happening::Rejection => StepEvent::Rejection,
    };
    Some(match role {
        Role::Start => Meaning::Start,
        Role::Step(step, what) => Meaning::Step(step as u8, happening(what)),
        Role::Undo(step, what) => Meaning::Undo(step as u8, happening(what)),
        Role::Completes => Meaning::Completes,
        Role::Aborts => Meaning::Aborts,
        Role::Compensated => Meaning::Compensated,
        Role::Abandons => Meaning::Abandons,
        Role::Stray => Meaning::Stray,
        Role::Foreign => return None,
    })
}

/// What the shop's status table says of these events; of renewals it says nothing.
fn claimed(
    saga: &Saga,
    events: &[DraftEvent],
    claim: Claim,
) -> Option<crate::rules::case::Claim<'static>> {
    let text = if saga.completes.is_empty() {
        None
    } else {
        status(saga, events, claim)
    }?;
    let claimed = match text {
        "DONE" => Claimed::Completed,
        "ROLLED_BACK" => Claimed::Compensated,
        "RUNNING" | "UNWINDING" => Claimed::Running,
        _ => return None,
    };
    Some(crate::rules::case::Claim { claimed, text })
}

/// What the rules say of these events, `waited` after the last of them.
fn judged(saga: &Saga, events: &[DraftEvent], claim: Claim, waited: Span) -> Vec<Draft> {
    let mut names = Names::default();
    let moments: Vec<Moment> = events
        .iter()
        .enumerate()
        .filter_map(|(index, event)| {
            let key = event
                .key_text(saga, "order-1")
                .map_or(0, |key| u64::from(names.intern(&key)) + 1);
            Some(Moment {
                position: Position(index as i64 + 1),
                time: Timestamp::from_nanos(event.after.as_nanos()),
                key,
                detail: names.intern(event.error.unwrap_or(&event.kind)),
                meaning: meaning(event.role)?,
            })
        })
        .collect();
    let mut instance = Instance::default();
    instance.replay(saga, &moments);
    let last = moments
        .iter()
        .map(|moment| moment.time)
        .max()
        .expect("no run is empty");
    let case = Case {
        saga,
        instance: &instance,
        moments: &moments,
        horizon: last.after(waited),
        claim: claimed(saga, events, claim),
        cut: false,
        names: &names,
        off: &[],
    };
    let checks: Vec<Check> = TABLE
        .iter()
        .filter_map(|rule| match rule.judge {
            Judge::Instance { check, .. } => Some(check),
            _ => None,
        })
        .collect();
    let mut drafts = Vec::new();
    judge(&case, &checks, &mut drafts);
    drafts
}

fn story(events: &[DraftEvent]) -> String {
    events
        .iter()
        .map(|event| format!("  {:>8} {}\n", event.after.to_string(), event.kind))
        .collect()
}

#[test]
fn nothing_is_found_in_any_prefix_of_any_legal_run() {
    for saga in shop() {
        for run in legal_runs(&saga, 1500) {
            for end in 1..=run.len() {
                let found = judged(&saga, &run[..end], Claim::Honest, Span::ZERO);
                assert!(
                    found.is_empty(),
                    "{}: {found:?}\n{}",
                    saga.name,
                    story(&run[..end])
                );
            }
        }
    }
}

#[test]
fn nothing_is_found_in_a_drawn_run_at_any_of_its_events_nor_long_after() {
    for saga in shop() {
        for index in 0..3000 {
            let run = legal_run(&saga, Random::of(1, index));
            for end in 1..=run.len() {
                let found = judged(&saga, &run[..end], Claim::Honest, Span::ZERO);
                assert!(
                    found.is_empty(),
                    "{}: {found:?}\n{}",
                    saga.name,
                    story(&run[..end])
                );
            }
            let found = judged(&saga, &run, Claim::Honest, Span::from_secs(86_400));
            assert!(
                found.is_empty(),
                "{} ended: {found:?}\n{}",
                saga.name,
                story(&run)
            );
        }
    }
}

#[test]
fn each_fault_is_found_once_and_nothing_else() {
    let sagas = shop();
    for fault in Fault::ALL {
        let mut runs = 0;
        for saga in &sagas {
            let has_status = !saga.completes.is_empty();
            for index in 0..200 {
                let Some(faulty) = fault.run(saga, has_status, Random::of(2, index)) else {
                    continue;
                };
                runs += 1;
                let found = judged(saga, &faulty.events, faulty.claim, Span::from_secs(86_400));
                let is_right = matches!(found.as_slice(), [one] if one.rule == fault.rule() && one.step == faulty.step);
                assert!(
                    is_right,
                    "{fault:?} in {}, step {:?}: {found:?}\n{}",
                    saga.name,
                    faulty.step,
                    story(&faulty.events)
                );
            }
        }
        assert!(runs > 20, "{fault:?} makes runs");
    }
}

#[test]
fn legal_runs_bring_every_step_into_every_state() {
    for saga in shop() {
        let roles: Vec<Role> = legal_runs(&saga, 1500)
            .into_iter()
            .flatten()
            .map(|event| event.role)
            .collect();
        for (step, definition) in saga.steps.iter().enumerate() {
            let forward = [
                (Happening::Begin, !definition.begins.is_empty()),
                (Happening::Success, true),
                (Happening::Failure, !definition.fails.is_empty()),
                (Happening::Rejection, !definition.rejects.is_empty()),
            ];
            let undo = definition.compensation.as_ref().map(|undo| {
                [
                    (Happening::Begin, !undo.begins.is_empty()),
                    (Happening::Success, true),
                    (Happening::Failure, !undo.fails.is_empty()),
                ]
            });
            for (happening, is_declared) in forward {
                assert_eq!(
                    roles.contains(&Role::Step(step, happening)),
                    is_declared,
                    "{} {happening:?}",
                    definition.name
                );
            }
            for (happening, is_declared) in undo.into_iter().flatten() {
                assert_eq!(
                    roles.contains(&Role::Undo(step, happening)),
                    is_declared,
                    "undoing {} {happening:?}",
                    definition.name
                );
            }
        }
    }
}

#[test]
fn parallel_compensations_come_in_every_order() {
    let saga = &shop()[0];
    let (stock, payment) = (
        saga.step("reserve-stock").expect("a step"),
        saga.step("authorize-payment").expect("a step"),
    );
    let orders: Vec<bool> = legal_runs(saga, 1500)
        .iter()
        .filter_map(|run| {
            let at = |step| {
                run.iter()
                    .position(|event| event.role == Role::Undo(step, Happening::Success))
            };
            Some(at(stock)? < at(payment)?)
        })
        .collect();
    assert!(orders.contains(&true) && orders.contains(&false));
}

fn options(faults: Faults) -> Options {
    Options {
        seed: 5,
        faults,
        instances: 150,
        spacing: Span::from_secs(20),
        ..Options::example("shop".to_owned())
    }
}

const LAYOUT: Layout = Layout {
    wal: false,
    autoincrement: true,
    unique_ids: false,
    indexed: true,
};

#[test]
fn the_same_seed_makes_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let make = |name: &str, options: &Options| {
        let path = folder.path().join(name);
        let made = generate(&shop(), options, LAYOUT, &path).expect("a log");
        (made, std::fs::read(path).expect("the log"))
    };
    let options = options(Faults::PerMille(300));
    let first = make("a.db", &options);
    assert_eq!(first, make("b.db", &options));
    assert!(first.0.labels.len() > 10);
    assert_ne!(first.1, make("c.db", &Options { seed: 6, ..options }).1);
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("the folder")
        .collect();
    assert_eq!(left.len(), 3, "nothing is left beside the logs: {left:?}");
}

#[test]
fn every_rule_that_a_log_can_break_gets_its_label() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("all.db");
    let layout = Layout {
        autoincrement: false,
        ..LAYOUT
    };
    let made = generate(
        &shop(),
        &options(Faults::Each(Wrong::all(false, None))),
        layout,
        &path,
    )
    .expect("a log");
    let labelled: Vec<&str> = made.labels.iter().map(|label| label.rule).collect();
    for info in crate::rules::table() {
        let needs_other_log = info.name == "log/too-late" || info.name.starts_with("definition/");
        let family = info.name.split('/').next().unwrap_or_default();
        let is_of_sagas = ![
            "causation",
            "idempotency",
            "invariant",
            "isolation",
            "projection",
            "reaction",
            "transaction",
        ]
        .contains(&family)
            && info.name != "compensation/residue";
        assert_eq!(
            labelled.contains(&info.name),
            is_of_sagas && !needs_other_log,
            "{}",
            info.name
        );
    }
}

#[test]
fn an_audit_finds_what_is_labelled_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("sagas/shop");
    let definitions =
        load(&[shop], &crate::rules::names()).expect("the shop's definitions are valid");
    let sagas = &definitions.scopes[0].sagas;
    let path = folder.path().join("log.db");
    let each = Options {
        instances: 400,
        ..options(Faults::Each(Wrong::all(false, None)))
    };
    let many = Options {
        instances: 3000,
        ..options(Faults::PerMille(150))
    };
    for options in [each, many] {
        let made = generate(sagas, &options, LAYOUT, &path).expect("a log");
        let run = inspect::Options {
            log: Some(path.clone()),
            threads: 2,
            ..inspect::Options::new(options.start.after(Span::from_secs(86_400 * 30)))
        };
        let report = inspect::audit(&definitions, &run, &|_| inspect::Go::On).expect("a report");
        let found = report.findings.iter().map(|finding| Label {
            rule: finding.rule,
            subject: Subject {
                kind: finding.subject.kind.label(),
                definition: finding.subject.definition.to_string(),
                id: finding.subject.id.clone(),
            },
            step: finding.step.as_deref().map(str::to_owned),
        });
        let mut found: Vec<Label> = found.collect();
        let mut labelled = made.labels;
        let order = |label: &Label| (label.rule, label.subject.id.clone(), label.step.clone());
        found.sort_by_key(order);
        labelled.sort_by_key(order);
        let surplus: Vec<_> = found
            .iter()
            .filter(|label| !labelled.contains(label))
            .collect();
        let missing: Vec<_> = labelled
            .iter()
            .filter(|label| !found.contains(label))
            .collect();
        assert!(
            surplus.is_empty() && missing.is_empty(),
            "not labelled: {surplus:#?}\nnot found: {missing:#?}"
        );
        assert_eq!(found, labelled);
        assert_eq!(report.remarks, Vec::<String>::new());
    }
}

#[test]
fn the_shipped_log_is_the_example() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("shop.db");
    let layout = Layout {
        unique_ids: true,
        ..LAYOUT
    };
    let made =
        generate(&shop(), &Options::example("shop".to_owned()), layout, &path).expect("a log");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("sagas/shop/shop.db");
    let rows = |path: &Path| {
        let log =
            rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
                .expect("a log");
        let sum = "select group_concat(position || event_id || type || occurred_at || payload) from events";
        log.query_row(sum, [], |row| row.get::<_, String>(0))
            .expect("rows")
    };
    assert!(
        rows(&path) == rows(&shipped),
        "`sagactl generate sagas/shop/shop.db --example` makes it again"
    );
    assert_eq!(made.labels.len(), 11);
}
