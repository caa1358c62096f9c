//! What well-formed definitions become.

use std::path::PathBuf;

use super::read;
use crate::definition::log::{Encoding, Merge, Order, Relation, TimeUnit};
use crate::definition::settings::{AsOf, FailOn};
use crate::event::Span;
use crate::finding::{Severity, SubjectKind};

const SHOP: &str = include_str!("shop.yaml");

#[test]
fn the_shop_s_log_is_read_as_written() {
    let definitions = read(SHOP);
    assert_eq!(definitions.files, [PathBuf::from("shop.yaml")]);
    let [scope] = definitions.scopes.as_slice() else {
        panic!("one scope")
    };
    let log = scope.log.as_ref().unwrap();
    assert_eq!(&*log.name, "shop");
    assert_eq!(log.database, Some(PathBuf::from("shop.db")));
    assert_eq!(
        (log.merge, log.cut, log.order),
        (Merge::Time, false, Order::Position)
    );
    assert_eq!(log.future_tolerance, Span::from_secs(3600));
    let [source] = log.sources.as_slice() else {
        panic!("one source")
    };
    assert_eq!(source.relation, Some(Relation::Table("events".to_owned())));
    let time = source.time.as_ref().unwrap();
    assert_eq!(
        (time.field.name.as_str(), time.unit),
        ("occurred_at", TimeUnit::Milliseconds)
    );
    let kind = source.kind.as_ref().unwrap();
    assert_eq!(kind.field.as_ref().unwrap().name, "type");
    assert_eq!(kind.renames.len(), 1);
    assert_eq!(&*kind.renames["shop.domain:Order.Placed"], "OrderPlaced");
    let data = source.data.as_ref().unwrap();
    assert_eq!(
        (data.name.as_str(), data.encoding),
        ("payload", Encoding::Zlib)
    );
    assert_eq!(source.key.as_ref().unwrap().name, "idempotency_key");
    let [claims] = log.claims.as_slice() else {
        panic!("one claim")
    };
    assert_eq!(claims.running, ["RUNNING", "UNWINDING"]);
}

#[test]
fn the_shop_s_saga_is_read_as_written() {
    let definitions = read(SHOP);
    let [saga] = definitions.scopes[0].sagas.as_slice() else {
        panic!("one saga")
    };
    assert_eq!(saga.deadline, Some(Span::from_secs(1800)));
    let shape: Vec<_> = saga
        .steps
        .iter()
        .map(|step| {
            let sets = [step.after, step.before, step.requires];
            (&*step.name, sets.map(|set| set.iter().collect::<Vec<_>>()))
        })
        .collect();
    assert_eq!(
        shape,
        [
            ("reserve-stock", [vec![], vec![], vec![]]),
            ("charge-card", [vec![0], vec![0], vec![0]]),
            ("ship", [vec![1], vec![0, 1], vec![1]]),
            ("notify", [vec![1], vec![0, 1], vec![1]]),
        ]
    );
    let declined = &saga.steps[1].rejects[0];
    assert_eq!(&*declined.kind, "CardDeclined");
    assert_eq!(declined.error.as_ref().unwrap().source(), "data.reason");
    assert_eq!(
        saga.steps[2].succeeds[0].when.as_ref().unwrap().source(),
        "data.parcel != none"
    );
    assert_eq!(
        (saga.undo_ambiguous, saga.undo_failed, saga.wedged_after),
        (true, false, 3)
    );
    assert!(saga.namespace[1].matches("StockReserved"));
    assert!(
        !saga.steps[0]
            .compensation
            .as_ref()
            .unwrap()
            .action
            .as_ref()
            .unwrap()
            .idempotent
    );
    assert!(definitions.lints.is_empty());
}

#[test]
fn the_shop_s_settings_are_read_as_written() {
    let definitions = read(SHOP);
    let settings = &definitions.scopes[0].settings;
    assert_eq!(settings.as_of, Some(AsOf::End));
    assert_eq!(settings.fail_on, Some(FailOn::Severity(Severity::Error)));
    assert_eq!(
        settings
            .rules
            .iter()
            .map(|(rule, level)| (*rule, *level))
            .collect::<Vec<_>>(),
        [
            ("log/time-backwards", None),
            ("saga/late", Some(Severity::Error))
        ]
    );
    let [allow] = settings.allow.as_slice() else {
        panic!("one allow")
    };
    assert_eq!(
        allow.subject,
        Some((SubjectKind::Instance, "order-0042".into()))
    );
    assert_eq!(allow.until.unwrap().to_string(), "2027-01-01T00:00:00Z");
}
