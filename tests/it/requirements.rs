//! Invariants over folded states against a slow evaluator: every prefix of a log is folded anew and
//! every order looked at after each event.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use sagactl::definition;
use sagactl::inspect::{self, Go, Options};
use sagactl::rules;

use crate::rows::looked_at;

/// What an event does, to which order or payment, and how many minutes after the one before it, or before it.
#[derive(Debug, Clone, Copy)]
enum What {
    Placed(u8, i64),
    Paid(u8, u8),
    Forgotten(u8),
    Authorized(u8),
    Captured(u8, i64),
    Voided(u8),
    Erased(u8),
}

type Told = Vec<(What, i64)>;

/// Minutes before the first event, for times that run backwards.
const START: i64 = 60;

fn logs() -> impl Strategy<Value = Told> {
    let order = 0..2_u8;
    let payment = 0..2_u8;
    let what = prop_oneof![
        (order.clone(), 40..42_i64).prop_map(|(order, total)| What::Placed(order, total)),
        (order.clone(), payment.clone()).prop_map(|(order, payment)| What::Paid(order, payment)),
        (order.clone(), payment.clone()).prop_map(|(order, payment)| What::Paid(order, payment)),
        order.prop_map(What::Forgotten),
        payment.clone().prop_map(What::Authorized),
        (payment.clone(), 40..42_i64).prop_map(|(payment, amount)| What::Captured(payment, amount)),
        (payment.clone(), 40..42_i64).prop_map(|(payment, amount)| What::Captured(payment, amount)),
        payment.clone().prop_map(What::Voided),
        payment.prop_map(What::Erased),
    ];
    prop::collection::vec((what, -2..8_i64), 1..16)
}

impl What {
    fn stream(self) -> String {
        match self {
            What::Placed(order, _) | What::Paid(order, _) | What::Forgotten(order) => {
                format!("order-{order}")
            }
            What::Authorized(payment)
            | What::Captured(payment, _)
            | What::Voided(payment)
            | What::Erased(payment) => format!("payment-{payment}"),
        }
    }

    fn line(self, position: usize, minutes: i64) -> String {
        let (kind, data) = match self {
            What::Placed(_, total) => ("OrderPlaced", format!("{{\"total\":{total}}}")),
            What::Paid(_, payment) => ("OrderPaid", format!("{{\"payment\":{payment}}}")),
            What::Forgotten(_) => ("OrderForgotten", "{}".to_owned()),
            What::Authorized(_) => ("PaymentAuthorized", "{}".to_owned()),
            What::Captured(_, amount) => ("PaymentCaptured", format!("{{\"amount\":{amount}}}")),
            What::Voided(_) => ("PaymentVoided", "{}".to_owned()),
            What::Erased(_) => ("PaymentErased", "{}".to_owned()),
        };
        format!(
            r#"{{"position":{position},"time":"2026-03-01T{:02}:{:02}:00Z","type":"{kind}","stream":"{}","data":{data}}}"#,
            8 + minutes / 60,
            minutes % 60,
            self.stream()
        )
    }
}

#[derive(Default, Clone)]
struct Order {
    total: Option<i64>,
    is_paid: bool,
    payment: Option<u8>,
}

#[derive(Default, Clone)]
struct Payment {
    status: &'static str,
    amount: Option<i64>,
}

type States = (BTreeMap<u8, Order>, BTreeMap<u8, Payment>);

fn fold(told: &[(What, i64)]) -> States {
    let (mut orders, mut payments) = States::default();
    for (what, _) in told {
        match *what {
            What::Placed(order, total) => {
                let order: &mut Order = orders.entry(order).or_default();
                order.total = Some(total);
                order.is_paid = false;
            }
            What::Paid(order, payment) => {
                let order = orders.entry(order).or_default();
                order.is_paid = true;
                order.payment = Some(payment);
            }
            What::Forgotten(order) => drop(orders.remove(&order)),
            What::Authorized(payment) => {
                payments.entry(payment).or_default().status = "authorized";
            }
            What::Captured(payment, amount) => {
                let payment: &mut Payment = payments.entry(payment).or_default();
                payment.status = "captured";
                payment.amount = Some(amount);
            }
            What::Voided(payment) => payments.entry(payment).or_default().status = "voided",
            What::Erased(payment) => drop(payments.remove(&payment)),
        }
    }
    (orders, payments)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Held {
    Exempt,
    Yes,
    No,
    Unknown,
}

fn captured(order: Option<&Order>, payments: &BTreeMap<u8, Payment>) -> Held {
    let Some(order) = order else {
        return Held::Exempt;
    };
    let payment = order.payment.and_then(|payment| payments.get(&payment));
    match (order.is_paid, payment) {
        (false, _) => Held::Yes,
        (true, None) => Held::Unknown,
        (true, Some(payment)) if payment.status == "captured" => Held::Yes,
        (true, Some(_)) => Held::No,
    }
}

fn in_full(order: Option<&Order>, payments: &BTreeMap<u8, Payment>) -> Held {
    let Some(order) = order.filter(|order| order.is_paid) else {
        return Held::Exempt;
    };
    let payment = order.payment.and_then(|payment| payments.get(&payment));
    match payment.map(|payment| (payment.amount, order.total)) {
        None => Held::No,
        Some((Some(amount), Some(total))) if amount == total => Held::Yes,
        Some((Some(_), Some(_))) => Held::No,
        Some(_) => Held::Unknown,
    }
}

type Found = Vec<(String, String, String, i64)>;

/// What is found, and how many keys had to keep an invariant after some event.
fn slowly(told: &Told, horizon: i64) -> (Found, u64) {
    type Judge = fn(Option<&Order>, &BTreeMap<u8, Payment>) -> Held;
    let judges: [(&str, Judge, Option<i64>, bool); 2] = [
        ("paid-orders-have-a-payment", captured, Some(5), false),
        ("paid-in-full", in_full, None, true),
    ];
    let (mut found, mut checked) = (Found::new(), 0);
    for (name, judge, grace, sums) in judges {
        for order in 0..2_u8 {
            let mut breach = None;
            let mut was_bound = false;
            let mut last: Option<(Held, i64, i64)> = None;
            let mut changed: Option<i64> = None;
            let mut paid: BTreeMap<u8, i64> = BTreeMap::new();
            let mut minutes = START;
            for (index, (what, rest)) in told.iter().enumerate() {
                minutes += rest;
                let payment = fold(&told[..index])
                    .0
                    .get(&order)
                    .and_then(|order| order.payment);
                // Only a change of what the invariant looks at counts.
                let (before, after) = (fold(&told[..index]), fold(&told[..=index]));
                let stream = format!("order-{order}");
                let looks = |orders: &BTreeMap<u8, Order>| {
                    let order = orders.get(&order)?;
                    Some((order.is_paid, order.payment, order.total.filter(|_| sums)))
                };
                let own = what.stream() == stream && looks(&before.0) != looks(&after.0);
                let pays = |payments: &BTreeMap<u8, Payment>, payment| {
                    let payment = payments.get(&payment)?;
                    Some((payment.status, payment.amount.filter(|_| sums)))
                };
                let changes = |payment| pays(&before.1, payment) != pays(&after.1, payment);
                for payment in (0..2_u8).filter(|payment| changes(*payment)) {
                    let youngest = paid.entry(payment).or_insert(minutes);
                    *youngest = minutes.max(*youngest);
                }
                let other = payment.is_some_and(changes);
                if !own && !other {
                    continue;
                }
                if let (Some((Held::No, position, since)), Some(grace), None) =
                    (last, grace, breach)
                    && minutes - since > grace
                {
                    breach = Some(position);
                }
                let (orders, payments) = fold(&told[..=index]);
                let held = judge(orders.get(&order), &payments);
                was_bound |= held != Held::Exempt;
                if grace.is_none() && held == Held::No && breach.is_none() {
                    breach = Some(index as i64 + 1);
                }
                let payment = orders.get(&order).and_then(|order| order.payment);
                let other = payment.and_then(|payment| paid.get(&payment));
                if own {
                    changed = changed.max(Some(minutes));
                }
                // What it looks at no more does not make it less quiet.
                let youngest = changed.max(other.copied()).unwrap_or(0);
                last = Some((held, index as i64 + 1, youngest));
            }
            checked += u64::from(was_bound);
            let Some((held, position, since)) = last else {
                continue;
            };
            let is_quiet = horizon - since >= grace.unwrap_or(0);
            if held == Held::No && breach.is_none() && is_quiet {
                breach = Some(position);
            }
            let mut push = |rule: &str, position| {
                let rule = format!("invariant/{rule}");
                found.push((rule, name.to_owned(), order.to_string(), position));
            };
            match (breach, held) {
                (Some(position), _) => push("violated", position),
                (None, Held::Unknown) if is_quiet => push("unknown", position),
                _ => {}
            }
        }
    }
    found.sort();
    (found, checked)
}

fn quickly(told: &Told, horizon: i64) -> (Found, u64) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let definitions = root.join("tests/definitions/paid-orders.yaml");
    let definitions = definition::load(&[definitions], &rules::names()).expect("sound");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("log.jsonl");
    let mut minutes = START;
    let lines = told.iter().enumerate().map(|(index, (what, rest))| {
        minutes += rest;
        what.line(index + 1, minutes)
    });
    std::fs::write(&path, lines.collect::<Vec<_>>().join("\n")).expect("it can be written");
    let instant = format!("2026-03-01T{:02}:{:02}:00Z", 8 + horizon / 60, horizon % 60);
    let options = Options {
        log: Some(path),
        as_of: Some(sagactl::definition::settings::AsOf::Instant(
            instant.parse().expect("an instant"),
        )),
        ..Options::new("2026-11-01T00:00:00Z".parse().expect("an instant"))
    };
    let report = inspect::audit(&definitions, &options, &|_| Go::On).expect("it can be read");
    let own = report.findings.iter();
    let own = own.filter(|finding| finding.rule.starts_with("invariant/"));
    let mut found: Found = own
        .map(|finding| {
            (
                finding.rule.to_owned(),
                finding.subject.definition.to_string(),
                finding.subject.id.clone(),
                finding.evidence[0].0,
            )
        })
        .collect();
    found.sort();
    (found, looked_at(&report, "invariant/violated").0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn invariants_over_states_are_judged_as_a_slow_look_at_every_prefix_judges(
        told in logs(), after in 0..9_i64
    ) {
        let times = told.iter().scan(START, |minutes, (_, rest)| {
            *minutes += rest;
            Some(*minutes)
        });
        let end = times.max().unwrap_or(START);
        prop_assert_eq!(quickly(&told, end + after), slowly(&told, end + after));
    }
}
