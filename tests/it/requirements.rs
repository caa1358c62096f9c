//! Invariants over folded states against a slow evaluator: every prefix of a log is folded anew and
//! every order looked at after each event.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::rows::{Log, Row, definitions, looked_at, row};
use crate::sampling::sampled;

const DEFINITIONS: &str = include_str!("../definitions/paid-orders.yaml");

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
    /// Something that nobody knows.
    Nothing,
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
            What::Nothing => "other".to_owned(),
        }
    }

    /// Everything that it may be when its type cannot be read.
    fn readings(self) -> Vec<What> {
        let mut all = match self {
            What::Placed(order, _) | What::Paid(order, _) | What::Forgotten(order) => {
                vec![What::Forgotten(order)]
            }
            What::Authorized(payment)
            | What::Captured(payment, _)
            | What::Voided(payment)
            | What::Erased(payment) => vec![
                What::Authorized(payment),
                What::Voided(payment),
                What::Erased(payment),
            ],
            What::Nothing => Vec::new(),
        };
        all.extend([self, What::Nothing]);
        all
    }

    fn row(self, minutes: i64) -> Row {
        let (kind, data) = match self {
            What::Placed(_, total) => ("OrderPlaced", format!("{{\"total\":{total}}}")),
            What::Paid(_, payment) => ("OrderPaid", format!("{{\"payment\":{payment}}}")),
            What::Forgotten(_) => ("OrderForgotten", "{}".to_owned()),
            What::Authorized(_) => ("PaymentAuthorized", "{}".to_owned()),
            What::Captured(_, amount) => ("PaymentCaptured", format!("{{\"amount\":{amount}}}")),
            What::Voided(_) => ("PaymentVoided", "{}".to_owned()),
            What::Erased(_) => ("PaymentErased", "{}".to_owned()),
            What::Nothing => ("Nothing", "{}".to_owned()),
        };
        Row {
            data,
            ..row(&self.stream(), kind, Some(minutes * 60))
        }
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
            What::Nothing => {}
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

/// What is found where the type of one event cannot be read, how many keys were looked at, and of how
/// many it cannot be told.
fn quickly(told: &Told, horizon: i64, hidden: Option<usize>) -> (Found, (u64, u64)) {
    let mut minutes = START;
    let rows = told.iter().map(|(what, rest)| {
        minutes += rest;
        what.row(minutes)
    });
    let log = Log::new(&rows.collect::<Vec<_>>());
    let all = "UPDATE events SET stream = correlation";
    log.connection
        .execute_batch(all)
        .expect("it can be written");
    if let Some(hidden) = hidden {
        let sql = "UPDATE events SET type = NULL WHERE position = ?";
        let position = [hidden as i64 + 1];
        log.connection
            .execute(sql, position)
            .expect("it can be written");
    }
    let report = log.audit(&definitions(DEFINITIONS), horizon * 60);
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
    (found, looked_at(&report, "invariant/violated"))
}

proptest! {
    #![proptest_config(sampled(300))]
    #[test]
    fn invariants_over_states_are_judged_as_a_slow_look_at_every_prefix_judges(
        told in logs(), after in 0..9_i64
    ) {
        let horizon = end(&told) + after;
        let (found, (checked, _)) = quickly(&told, horizon, None);
        prop_assert_eq!((found, checked), slowly(&told, horizon));
    }

    #[test]
    fn what_is_wrong_whatever_an_unreadable_row_is_is_wrong_and_else_unknown(
        told in logs(), place in any::<prop::sample::Index>(), after in 0..9_i64
    ) {
        let horizon = end(&told) + after;
        let place = place.index(told.len());
        let (found, (_, unknown)) = quickly(&told, horizon, Some(place));
        let (own, readings) = (violated(&found), told[place].0.readings());
        let readings = readings.into_iter().map(|what| {
            let mut told = told.clone();
            told[place].0 = what;
            violated(&slowly(&told, horizon).0)
        });
        let readings: Vec<BTreeSet<_>> = readings.collect();
        for reading in &readings {
            prop_assert!(own.is_subset(reading), "{:?} of {:?}, {}", own, reading, place);
        }
        let mut told = told;
        told[place].0 = What::Nothing;
        // A key of which no other row tells is not looked at.
        let is_known = |(_, key): &(String, String)| {
            let mut folded = (0..=told.len()).map(|until| fold(&told[..until]).0);
            folded.any(|orders| orders.keys().any(|order| order.to_string() == *key))
        };
        let may_be: BTreeSet<_> = readings.into_iter().flatten().filter(is_known).collect();
        let others = may_be.difference(&own).count() as u64;
        prop_assert!(others <= unknown, "{:?} of {:?}: {}", own, may_be, unknown);
    }
}

fn end(told: &Told) -> i64 {
    let times = told.iter().scan(START, |minutes, (_, rest)| {
        *minutes += rest;
        Some(*minutes)
    });
    times.max().unwrap_or(START)
}

/// Which keys broke which invariant.
fn violated(found: &Found) -> BTreeSet<(String, String)> {
    let own = found
        .iter()
        .filter(|(rule, ..)| rule == "invariant/violated");
    own.map(|(_, name, key, _)| (name.clone(), key.clone()))
        .collect()
}
