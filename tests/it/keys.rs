//! Idempotency rules against a slow evaluator, which for each use of a key looks through all uses
//! before it.

use proptest::prelude::*;
use sagactl::report::Report;

use crate::rows::{Log, Row, by_time, definitions, looked_at};
use crate::sampling::sampled;

const DEFINITIONS: &str = "idempotency: payments
where: data.live
effects: [Charged, { event: Refunded, when: data.final }]
attempts: { event: Tried, when: data.final }
fingerprint: data.amount
required: true
retention: 10s
---
idempotency: orders
effects: [Charged, Refunded]
attempts: [Tried]
key: data.order
---
idempotency: contents
effects: [Charged]
attempts: [Tried]
retention: 7s
";

const RULES: [&str; 4] = [
    "idempotency/double-effect",
    "idempotency/key-conflict",
    "idempotency/missing-key",
    "idempotency/expired",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    None,
    Data,
    Time,
}

#[derive(Debug, Clone)]
struct Told {
    kind: &'static str,
    key: Option<&'static str>,
    id: Option<u8>,
    live: Option<bool>,
    last: Option<bool>,
    order: Option<u8>,
    /// Which of [`AMOUNTS`].
    amount: usize,
    time: i64,
    damage: Damage,
}

/// Spellings of an amount, and the amount.
const AMOUNTS: [(&str, u8); 4] = [("", 0), ("1", 1), ("1.00", 1), ("2", 2)];

impl Told {
    fn row(&self) -> Row {
        let named = |name: &str, value: Option<String>| {
            let value = value.filter(|value| !value.is_empty())?;
            Some(format!("\"{name}\":{value}"))
        };
        let fields = [
            named("live", self.live.map(|live| live.to_string())),
            named("final", self.last.map(|last| last.to_string())),
            named("order", self.order.map(|order| order.to_string())),
            named("amount", Some(AMOUNTS[self.amount].0.to_owned())),
        ];
        let fields: Vec<String> = fields.into_iter().flatten().collect();
        Row {
            time: (self.damage != Damage::Time).then_some(self.time),
            kind: self.kind,
            id: self.id.map(|id| format!("e-{id}")),
            correlation: None,
            key: self.key.map(str::to_owned),
            data: match self.damage {
                Damage::Data => "{".to_owned(),
                _ => format!("{{{}}}", fields.join(",")),
            },
        }
    }
}

fn logs() -> impl Strategy<Value = Vec<Told>> {
    let mostly = || prop_oneof![12 => Just(Some(true)), 1 => Just(Some(false)), 1 => Just(None)];
    let damage = prop_oneof![
        14 => Just(Damage::None),
        1 => Just(Damage::Data),
        1 => Just(Damage::Time),
    ];
    let told = (
        prop::sample::select(vec![
            "Charged", "Charged", "Refunded", "Tried", "Tried", "Other",
        ]),
        prop::sample::select(vec![Some("a"), Some("a"), Some("b"), None, Some(" ")]),
        prop::option::of(0..12_u8),
        (mostly(), mostly()),
        prop_oneof![5 => (0..2_u8).prop_map(Some), 1 => Just(None)],
        prop_oneof![1 => Just(0), 8 => 1..AMOUNTS.len()],
        -6..12_i64,
        damage,
    );
    prop::collection::vec(told, 1..14).prop_map(|steps| {
        let mut now = 100;
        let tell = |(kind, key, id, (live, last), order, amount, rest, damage)| {
            now += rest;
            Told {
                kind,
                key,
                id,
                live,
                last,
                order,
                amount,
                time: now,
                damage,
            }
        };
        steps.into_iter().map(tell).collect()
    })
}

/// One of the rules, in words of its own.
struct Rule {
    name: &'static str,
    /// Whether an event counts; `None` where that cannot be told.
    counts: fn(&Told) -> Option<bool>,
    key: fn(&Told) -> Option<String>,
    /// An event without a key has none; otherwise it cannot be told which it has.
    may_have_none: bool,
    /// What has to be the same; `None` where that cannot be told.
    thing: fn(&Told) -> Option<String>,
    is_required: bool,
    retention: Option<i64>,
}

const fn both(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn own_key(told: &Told) -> Option<String> {
    told.key
        .filter(|key| !key.trim().is_empty())
        .map(str::to_owned)
}

fn amount(told: &Told) -> Option<String> {
    let (spelling, amount) = AMOUNTS[told.amount];
    (!spelling.is_empty()).then(|| amount.to_string())
}

fn contents(told: &Told) -> Option<String> {
    let amount = AMOUNTS[told.amount].1;
    let all = format!("{:?}", (told.live, told.last, told.order, amount));
    (told.damage == Damage::None).then_some(all)
}

const OF: [Rule; 3] = [
    Rule {
        name: "payments",
        counts: |told| match told.kind {
            "Charged" => told.live,
            "Other" => Some(false),
            _ => both(told.live, told.last),
        },
        key: own_key,
        may_have_none: true,
        thing: amount,
        is_required: true,
        retention: Some(10),
    },
    Rule {
        name: "orders",
        counts: |told| Some(told.kind != "Other"),
        key: |told| told.order.map(|order| order.to_string()),
        may_have_none: false,
        thing: contents,
        is_required: false,
        retention: None,
    },
    Rule {
        name: "contents",
        counts: |told| Some(told.kind == "Charged" || told.kind == "Tried"),
        key: own_key,
        may_have_none: true,
        thing: contents,
        is_required: false,
        retention: Some(7),
    },
];

/// A finding: rule, definition, key or position, event type, evidence.
type Found = (String, String, String, String, Vec<i64>);

#[derive(Debug, Default, PartialEq)]
struct Judged {
    found: Vec<Found>,
    counts: [(u64, u64); RULES.len()],
}

/// What can be read of an event: with damaged data, nothing of that.
fn read(told: &Told) -> Told {
    match told.damage {
        Damage::Data => Told {
            live: None,
            last: None,
            order: None,
            amount: 0,
            ..told.clone()
        },
        Damage::None | Damage::Time => told.clone(),
    }
}

/// The events that are judged, in their order, and those whose time cannot be read.
fn slowly(told: &[Told], horizon: i64, is_by_time: bool) -> Judged {
    let told: Vec<Told> = told.iter().map(read).collect();
    let (bad, good): (Vec<_>, Vec<_>) = (1..)
        .zip(&told)
        .partition(|(_, told)| told.damage == Damage::Time);
    let mut seen: Vec<(i64, &Told)> = good
        .into_iter()
        .filter(|(_, told)| told.time <= horizon)
        .collect();
    if is_by_time {
        seen.sort_by_key(|(position, told)| (told.time, *position));
    }
    let bad: Vec<&Told> = bad.into_iter().map(|(_, told)| told).collect();
    let mut judged = Judged::default();
    // A log of which nothing can be read has no horizon.
    let rules = if seen.is_empty() { &[] } else { &OF[..] };
    for rule in rules {
        judge(rule, &seen, &bad, &mut judged);
    }
    judged.found.iter_mut().for_each(|found| found.4.sort());
    judged.found.sort();
    judged
}

fn judge(rule: &Rule, seen: &[(i64, &Told)], bad: &[&Told], judged: &mut Judged) {
    let concerns = |told: &Told| (rule.counts)(told) != Some(false);
    let concerned = seen.iter().filter(|(_, told)| concerns(told));
    let bad: Vec<&&Told> = bad.iter().filter(|told| concerns(told)).collect();
    let is_untold = |told: &Told| (rule.key)(told).is_none() && !rule.may_have_none;
    let untold: Vec<&Told> = concerned
        .clone()
        .map(|(_, told)| *told)
        .filter(|told| is_untold(told))
        .collect();
    let unread = untold.iter().filter(|told| told.damage == Damage::Data);
    let strays = unread.count() + bad.iter().filter(|told| is_untold(told)).count();
    let mut keys: Vec<String> = concerned.filter_map(|(_, told)| (rule.key)(told)).collect();
    keys.extend(bad.iter().filter_map(|told| (rule.key)(told)));
    keys.sort();
    keys.dedup();
    let mut unknown = [0_u64; RULES.len()];
    for key in &keys {
        let own: Vec<(i64, &Told)> = seen
            .iter()
            .copied()
            .filter(|(_, told)| (rule.key)(told).as_ref() == Some(key))
            .collect();
        let is_hidden = bad
            .iter()
            .any(|told| (rule.key)(told).as_ref() == Some(key));
        let (use_is_unknown, thing_is_unknown) = judge_key(rule, key, &own, judged);
        // One use more may have renewed the key in between.
        if is_hidden || use_is_unknown {
            let is_own = |one: &Found| one.1 == rule.name && one.2 == *key;
            (judged.found).retain(|one| one.0 != RULES[3] || !is_own(one));
        }
        for (index, is_unknown) in [
            (0, use_is_unknown),
            (1, thing_is_unknown),
            (3, use_is_unknown),
        ] {
            unknown[index] += u64::from(is_hidden || is_unknown);
        }
    }
    for index in [0, 1, 3] {
        if index != 3 || rule.retention.is_some() {
            let (all, untold) = (keys.len() as u64, untold.len() as u64);
            // Of a log in which no key can be read one is unknown.
            let nobodys = u64::from(strays > 0 && all + untold == 0);
            let others = (all - unknown[index]).min(strays as u64);
            judged.counts[index].0 += all + untold + nobodys;
            judged.counts[index].1 += unknown[index] + untold + others + nobodys;
        }
    }
    if rule.is_required {
        let keyless = |told: &Told| (rule.key)(told).is_none();
        for _ in bad
            .iter()
            .filter(|told| told.kind != "Tried" && keyless(told))
        {
            judged.counts[2].0 += 1;
            judged.counts[2].1 += 1;
        }
        for (position, told) in seen.iter().filter(|(_, told)| told.kind != "Tried") {
            match (rule.counts)(told) {
                Some(true) => {
                    judged.counts[2].0 += 1;
                    if keyless(told) {
                        judged.found.push((
                            RULES[2].to_owned(),
                            rule.name.to_owned(),
                            position.to_string(),
                            String::new(),
                            vec![*position],
                        ));
                    }
                }
                None if keyless(told) => {
                    judged.counts[2].0 += 1;
                    judged.counts[2].1 += 1;
                }
                _ => {}
            }
        }
    }
}

/// Whether it cannot be told that the key is used, and for one thing only.
fn judge_key(rule: &Rule, key: &str, own: &[(i64, &Told)], judged: &mut Judged) -> (bool, bool) {
    let is_untold = own.iter().any(|(_, told)| (rule.counts)(told).is_none());
    let certain: Vec<(i64, &Told)> = own
        .iter()
        .copied()
        .filter(|(_, told)| (rule.counts)(told) == Some(true))
        .collect();
    let is_again = |at: usize| {
        let (_, told) = certain[at];
        let mut before = certain[..at].iter();
        before.any(|(_, one)| one.kind == told.kind && one.id.is_some() && one.id == told.id)
    };
    let uses: Vec<(i64, &Told)> = (0..certain.len())
        .filter(|at| !is_again(*at))
        .map(|at| certain[at])
        .collect();
    let mut is_doubtful = is_untold;
    let mut found: Vec<Found> = Vec::new();
    // The use since which the receiver keeps the key.
    let mut kept = 0;
    for (at, (position, told)) in uses.iter().enumerate() {
        let is_same = |(_, one): &&(i64, &Told)| one.kind == told.kind;
        let before: Vec<&(i64, &Told)> = uses[..at].iter().filter(is_same).collect();
        let (origin, first) = uses[kept];
        // What was before is forgotten, of whatever contents.
        let since_kept: Vec<&(i64, &Told)> = uses[kept..at].iter().filter(is_same).collect();
        let is_late = rule
            .retention
            .is_some_and(|retention| told.time - first.time > retention);
        let thing = (rule.thing)(told);
        let is_attempt = told.kind == "Tried";
        let mut wrong: Vec<(usize, i64)> = Vec::new();
        if is_late {
            wrong.extend((is_attempt || !before.is_empty()).then_some((3, origin)));
            kept = at;
        } else if let Some((from, _)) = since_kept.first() {
            let mut told_before = since_kept
                .iter()
                .filter(|(_, one)| (rule.thing)(one).is_some());
            is_doubtful |= thing.is_none() || told_before.clone().count() < since_kept.len();
            let is_equal = |(_, one): &&&(i64, &Told)| (rule.thing)(one) == thing;
            let equal = told_before.clone().find(is_equal);
            let other = told_before
                .next()
                .filter(|one| thing.is_some() && !is_equal(one));
            wrong.extend(other.map(|(from, _)| (1, *from)));
            let same = match (equal, other) {
                (Some((from, _)), _) => Some(*from),
                (None, Some(_)) => None,
                (None, None) => Some(*from),
            };
            wrong.extend(same.filter(|_| !is_attempt).map(|from| (0, from)));
        } else if let Some((from, _)) = before.first() {
            wrong.extend((!is_attempt).then_some((3, *from)));
        }
        for (wrong, from) in wrong {
            let same = |one: &&mut Found| one.0 == RULES[wrong] && one.3 == told.kind;
            match found.iter_mut().find(same) {
                Some(one) => one.4.push(*position),
                None => found.push((
                    RULES[wrong].to_owned(),
                    rule.name.to_owned(),
                    key.to_owned(),
                    told.kind.to_owned(),
                    vec![from, *position],
                )),
            }
        }
    }
    judged.found.extend(found);
    (is_untold, is_doubtful)
}

fn quickly(report: &Report) -> Judged {
    let own = report
        .findings
        .iter()
        .filter(|finding| RULES.contains(&finding.rule));
    let mut found: Vec<Found> = own
        .map(|finding| {
            (
                finding.rule.to_owned(),
                finding.subject.definition.to_string(),
                finding.subject.id.clone(),
                finding.facet.clone().unwrap_or_default(),
                finding.evidence.iter().map(|position| position.0).collect(),
            )
        })
        .collect();
    found.sort();
    Judged {
        found,
        counts: RULES.map(|rule| looked_at(report, rule)),
    }
}

proptest! {
    #![proptest_config(sampled(1000))]
    #[test]
    fn keys_are_judged_as_a_slow_look_at_all_of_their_uses_judges(
        told in logs(), horizon in 90..180_i64
    ) {
        let rows: Vec<Row> = told.iter().map(Told::row).collect();
        let log = Log::new(&rows);
        let report = log.audit(&definitions(DEFINITIONS), horizon);
        prop_assert_eq!(quickly(&report), slowly(&told, horizon, false));
        let by_time = by_time(DEFINITIONS);
        let report = log.audit(&by_time, horizon);
        prop_assert_eq!(quickly(&report), slowly(&told, horizon, true));
    }
}
