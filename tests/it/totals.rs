//! Totals against SQL, which adds everything up anew after each event.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rusqlite::params;
use sagactl::report::Report;

use crate::rows::{Breach, Log, Row, breaches, definitions, looked_at};
use crate::sampling::sampled;

const DEFINITIONS: &str = "invariant: transfers
where: data.live
total: { of: { Debited: =-data.amount, Credited: data.amount }, per: data.transfer }
grace: 5s
---
invariant: tills
total: { of: data.amount, over: [Debited, Credited], per: correlation }
equals: '0.3'
";

const RULE: &str = "invariant/violated";

/// Amounts as they are written, and in thousandths; of the first nobody can tell what it is.
const AMOUNTS: [(&str, i64); 9] = [
    ("\"?\"", 0),
    ("0", 0),
    ("0.1", 100),
    ("\"0.10\"", 100),
    ("1e-1", 100),
    ("0.2", 200),
    ("-0.2", -200),
    ("\"0.300\"", 300),
    ("-3e-1", -300),
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
    till: Option<&'static str>,
    transfer: Option<u8>,
    live: Option<bool>,
    /// Which of [`AMOUNTS`].
    amount: usize,
    time: i64,
    damage: Damage,
}

impl Told {
    fn row(&self) -> Row {
        let transfer = self
            .transfer
            .map(|transfer| format!(",\"transfer\":\"t-{transfer}\""));
        let live = self.live.map(|live| format!(",\"live\":{live}"));
        let amount = AMOUNTS[self.amount].0;
        Row {
            time: (self.damage != Damage::Time).then_some(self.time),
            kind: self.kind,
            correlation: self.till.map(str::to_owned),
            data: match self.damage {
                Damage::Data => "{".to_owned(),
                _ => format!(
                    "{{\"amount\":{amount}{}{}}}",
                    transfer.unwrap_or_default(),
                    live.unwrap_or_default()
                ),
            },
            ..Row::default()
        }
    }
}

fn logs() -> impl Strategy<Value = Vec<Told>> {
    let damage = prop_oneof![
        40 => Just(Damage::None),
        1 => Just(Damage::Data),
        1 => Just(Damage::Time),
    ];
    let told = (
        prop::sample::select(vec!["Debited", "Debited", "Credited", "Credited", "Other"]),
        prop_oneof![4 => Just(Some("x")), 4 => Just(Some("y")), 1 => Just(None)],
        prop_oneof![9 => (0..3_u8).prop_map(Some), 1 => Just(None)],
        prop_oneof![20 => Just(Some(true)), 2 => Just(Some(false)), 1 => Just(None)],
        prop_oneof![1 => Just(0), 40 => 1..AMOUNTS.len()],
        prop_oneof![8 => 0..5_i64, 2 => 5..9_i64, 1 => -6..0_i64],
        damage,
    );
    prop::collection::vec(told, 1..14).prop_map(|steps| {
        let mut now = 100;
        let tell = |(kind, till, transfer, live, amount, rest, damage)| {
            now += rest;
            Told {
                kind,
                till,
                transfer,
                live,
                amount,
                time: now,
                damage,
            }
        };
        steps.into_iter().map(tell).collect()
    })
}

/// What was added to a group, and when, of what the log shows: null where it cannot be told.
const ADDED: &str = "CREATE TEMP TABLE added (position INTEGER, invariant TEXT, grp TEXT, amount INTEGER, time INTEGER)";

/// The total after each event of a group, how long the group was quiet after it, and whether all
/// amounts until then are known. A group is quiet from its youngest event on.
const TOTALS: &str = "
WITH prefixes AS (
  SELECT upto.invariant, upto.grp, upto.position,
    SUM(one.amount) AS total,
    COUNT(*) = COUNT(one.amount) AS is_known,
    MAX(one.time) AS youngest,
    (SELECT next.time FROM added AS next
      WHERE next.invariant = upto.invariant AND next.grp = upto.grp AND next.position > upto.position
      ORDER BY next.position LIMIT 1) AS next
  FROM added AS upto
  JOIN added AS one ON one.invariant = upto.invariant AND one.grp = upto.grp AND one.position <= upto.position
  WHERE upto.grp IS NOT NULL
  GROUP BY upto.invariant, upto.grp, upto.position
)
SELECT invariant, grp, position, total, is_known, next IS NULL,
  CASE invariant
    WHEN 'tills' THEN 1
    ELSE COALESCE(next - youngest > 5, ?1 - youngest >= 5)
  END
FROM prefixes ORDER BY invariant, grp, position";

#[derive(Debug, Default, PartialEq)]
struct Judged {
    found: Vec<Breach>,
    groups: i64,
    unknown: i64,
}

/// The group and the amount of an event in each invariant that it concerns.
fn added(told: &Told) -> Vec<(&'static str, Option<String>, Option<i64>)> {
    if told.kind == "Other" {
        return Vec::new();
    }
    let is_damaged = told.damage == Damage::Data;
    let amount = Some(AMOUNTS[told.amount].1).filter(|_| told.amount > 0 && !is_damaged);
    let live = told.live.filter(|_| !is_damaged);
    let transfer = told.transfer.filter(|_| !is_damaged);
    let sign = if told.kind == "Debited" { -1 } else { 1 };
    let of_till = ("tills", told.till.map(str::to_owned), amount);
    let of_transfer = (
        "transfers",
        transfer.map(|transfer| format!("t-{transfer}")),
        amount
            .filter(|_| live.is_some())
            .map(|amount| amount * sign),
    );
    let counts = live != Some(false);
    [of_till]
        .into_iter()
        .chain(counts.then_some(of_transfer))
        .collect()
}

/// The group in an invariant of a row whose time cannot be read, where the rest of it tells one;
/// `None` where it does not concern the invariant.
fn hidden(told: &Told, invariant: &str) -> Option<Option<String>> {
    let is_of = match invariant {
        "transfers" => told.live != Some(false),
        _ => true,
    };
    (told.damage == Damage::Time && told.kind != "Other" && is_of).then(|| match invariant {
        "transfers" => told.transfer.map(|transfer| format!("t-{transfer}")),
        _ => told.till.map(str::to_owned),
    })
}

/// A group: its name, the event of its first breach, whether its total is known and right.
type Group = (String, Option<i64>, bool, bool);

fn slowly(told: &[Told], log: &Log, horizon: i64) -> Judged {
    let sql = &log.connection;
    sql.execute_batch(ADDED).unwrap();
    let seen = (1_i64..)
        .zip(told)
        .filter(|(_, told)| told.damage != Damage::Time && told.time <= horizon);
    for (position, told) in seen {
        for (invariant, group, amount) in added(told) {
            sql.execute(
                "INSERT INTO added VALUES (?, ?, ?, ?, ?)",
                params![position, invariant, group, amount, told.time],
            )
            .unwrap();
        }
    }
    let mut groups: BTreeMap<String, Vec<Group>> = BTreeMap::new();
    let mut query = sql.prepare(TOTALS).unwrap();
    let mut rows = query.query([horizon]).unwrap();
    let mut breach: Option<i64> = None;
    while let Some(row) = rows.next().unwrap() {
        let invariant: String = row.get(0).unwrap();
        let position = row.get(2).unwrap();
        let total: Option<i64> = row.get(3).unwrap();
        let (is_known, is_last, is_quiet): (bool, bool, bool) = (
            row.get(4).unwrap(),
            row.get(5).unwrap(),
            row.get(6).unwrap(),
        );
        let due = if invariant == "tills" { 300 } else { 0 };
        let is_right = is_known && total == Some(due);
        if is_known && !is_right && is_quiet {
            breach.get_or_insert(position);
        }
        if is_last {
            let group = (row.get(1).unwrap(), breach.take(), is_known, is_right);
            groups.entry(invariant).or_default().push(group);
        }
    }
    let mut judged = Judged::default();
    for invariant in ["tills", "transfers"] {
        let groups = groups.remove(invariant).unwrap_or_default();
        let astray: i64 = sql
            .query_row(
                "SELECT COUNT(*) FROM added WHERE grp IS NULL AND invariant = ?",
                [invariant],
                |row| row.get(0),
            )
            .unwrap();
        let hidden: Vec<Option<String>> = told
            .iter()
            .filter_map(|told| hidden(told, invariant))
            .collect();
        let keyless = hidden.iter().filter(|group| group.is_none()).count() as i64;
        let is_read = |told: &&Told| told.damage == Damage::Data && told.time <= horizon;
        let own = told.iter().filter(is_read).flat_map(added);
        let unread = own.filter(|(name, group, _)| *name == invariant && group.is_none());
        let may_be_any = unread.count() as i64 + keyless;
        let is_hidden = |(name, ..): &Group| hidden.iter().flatten().any(|it| it == name);
        let is_known = |name: &&String| groups.iter().any(|group| group.0 == **name);
        let unseen: BTreeSet<&String> = hidden.iter().flatten().collect();
        let unseen = unseen.into_iter().filter(|name| !is_known(name)).count() as i64;
        if told
            .iter()
            .any(|told| told.damage != Damage::Time && told.time <= horizon)
        {
            judged.groups += unseen;
            judged.unknown += unseen;
        }
        let (pinned, others): (Vec<Group>, Vec<Group>) = groups.into_iter().partition(is_hidden);
        let untold = |group: &&Group| group.1.is_none() && !group.2;
        let untold = (pinned.len() + others.iter().filter(untold).count()) as i64;
        let groups = (pinned.len() + others.len()) as i64;
        let wrong: Vec<Breach> = others
            .into_iter()
            .filter_map(|(name, breach, _, right)| {
                Some((invariant.to_owned(), name, breach?, right))
            })
            .collect();
        judged.groups += groups + astray;
        let mut others = groups - untold;
        if wrong.len() as i64 > may_be_any {
            others -= wrong.len() as i64;
            judged.found.extend(wrong);
        }
        judged.unknown += untold + astray + may_be_any.min(others);
    }
    judged.found.sort();
    judged
}

fn quickly(report: &Report) -> Judged {
    let found = breaches(report);
    let (groups, unknown) = looked_at(report, RULE);
    Judged {
        found,
        groups: groups as i64,
        unknown: unknown as i64,
    }
}

proptest! {
    #![proptest_config(sampled(1500))]
    #[test]
    fn totals_are_what_sql_adds_up_after_each_event(told in logs(), after in -12..12_i64) {
        let rows: Vec<Row> = told.iter().map(Told::row).collect();
        let log = Log::new(&rows);
        let horizon = told.iter().map(|told| told.time).max().unwrap_or(0) + after;
        let report = log.audit(&definitions(DEFINITIONS), horizon);
        prop_assert_eq!(quickly(&report), slowly(&told, &log, horizon));
    }
}
