//! The folds against SQL: the same counts, sums and last values, of many small random logs.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rusqlite::Connection;

use super::{Bench, Told, told};
use crate::projection::Cell;
use crate::sampling::sampled;

const PROJECTION: &str = "
projection: view
key: data.k
where: data.w != 3
on:
  A: { add: { count: 1, sum: =data.n }, set: { last: =data.n } }
  B: { subtract: { sum: =data.n }, append: { seen: =data.n } }
  C: delete
  '*': { add: { applied: 1 } }
stored:
  table: view
  key: k
  columns: { count: num, sum: { column: cents, scale: 2 }, last: last, seen: seen, applied: applied }
  checkpoint: 1000
";

/// The same in SQL: what each key holds since it was last deleted.
const ORACLE: &str = "
CREATE TEMP TABLE e AS
  SELECT position AS p, type AS t, data ->> 'k' AS k,
         CAST(round((data ->> 'n') * 100) AS INTEGER) AS c, data ->> 'n' AS n
  FROM events WHERE data ->> 'w' <> 3;
CREATE TABLE view AS
  SELECT k,
         nullif(sum(t = 'A'), 0) AS num,
         sum(CASE t WHEN 'A' THEN c WHEN 'B' THEN -c END) AS cents,
         (SELECT n FROM e AS l WHERE l.k = e.k AND l.t = 'A' AND l.p > e.since
          ORDER BY l.p DESC LIMIT 1) AS last,
         (SELECT json_group_array(json(n)) FROM
            (SELECT n FROM e AS l WHERE l.k = e.k AND l.t = 'B' AND l.p > e.since ORDER BY l.p)) AS seen,
         count(*) AS applied
  FROM (SELECT e.*, coalesce((SELECT max(p) FROM e AS d WHERE d.k = e.k AND d.t = 'C'), 0) AS since
        FROM e) AS e
  WHERE p > since GROUP BY k;
";

#[derive(Debug, Clone)]
struct Made {
    kind: &'static str,
    key: u8,
    cents: i64,
    outside: u8,
}

fn made() -> impl Strategy<Value = Made> {
    let kinds = prop_oneof![
        4 => Just("A"), 3 => Just("B"), 1 => Just("C"), 1 => Just("Other")
    ];
    (kinds, 0..4_u8, -500..500_i64, 0..5_u8).prop_map(|(kind, key, cents, outside)| Made {
        kind,
        key,
        cents,
        outside,
    })
}

/// An amount as people write it in JSON.
fn amount(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let (whole, rest) = (cents.abs() / 100, cents.abs() % 100);
    match rest {
        0 => format!("{sign}{whole}"),
        rest => format!("{sign}{whole}.{rest:02}"),
    }
}

proptest! {
    #![proptest_config(sampled(64))]

    #[test]
    fn a_fold_is_what_sql_makes_of_the_same_events(made in prop::collection::vec(made(), 0..40)) {
        let data: Vec<String> = made
            .iter()
            .map(|it| {
                let amount = amount(it.cents);
                format!(r#"{{"k":"k{}","n":{amount},"w":{}}}"#, it.key, it.outside)
            })
            .collect();
        let events: Vec<Told<'_>> = made
            .iter()
            .zip(&data)
            .enumerate()
            .map(|(at, (it, data))| (at as i64, it.kind, "s", at as i64, data.as_str()))
            .collect();
        let bench = Bench::new(PROJECTION, &events, ORACLE);
        let conclusion = bench.audit(0);
        prop_assert_eq!(told(&conclusion), Vec::<String>::new());

        let rows: BTreeMap<String, (Option<i64>, i64)> = Connection::open(&bench.path)
            .unwrap()
            .prepare("SELECT k, num, applied FROM view")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let log = bench.log();
        let ledger = bench.ledger(&log);
        let definition = &bench.projections[0];
        let whole = |cell: &Cell| match cell {
            Cell::Known(value) => value.to_json().as_i64(),
            Cell::Blank | Cell::Unknown(_) => None,
        };
        let alive: BTreeMap<String, (Option<i64>, i64)> = ledger
            .entries(0)
            .filter(|(_, entry)| entry.state.is_alive())
            .map(|(key, entry)| {
                let of = |name: &str| whole(entry.state.cell(definition.field(name).unwrap()));
                (key.to_owned(), (of("count"), of("applied").unwrap()))
            })
            .collect();
        prop_assert_eq!(alive, rows);
    }

    #[test]
    fn a_row_that_lacks_one_claimed_event_is_never_exact_or_slow(
        amounts in prop::collection::vec(1..5_i64, 2..8),
        lost in 0..8_usize,
    ) {
        let lost = lost % amounts.len();
        let data: Vec<String> = amounts
            .iter()
            .map(|cents| format!(r#"{{"k":"x","n":{},"w":0}}"#, amount(*cents)))
            .collect();
        let events: Vec<Told<'_>> = data
            .iter()
            .enumerate()
            .map(|(at, data)| (at as i64, "B", "s", at as i64, data.as_str()))
            .collect();
        let rest: i64 = amounts.iter().sum::<i64>() - amounts[lost];
        let seen: Vec<String> = amounts
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != lost)
            .map(|(_, cents)| amount(*cents))
            .collect();
        let sql = format!(
            "CREATE TABLE view (k, num, cents, last, seen, applied);
             INSERT INTO view VALUES ('x', 0, {}, null, '[{}]', {});",
            -rest,
            seen.join(","),
            amounts.len() - 1
        );
        let projection = PROJECTION.replace("1000", &amounts.len().to_string());
        let conclusion = Bench::new(&projection, &events, &sql).audit(0);
        let [standing] = conclusion.standings.as_slice() else {
            panic!("{:?}", told(&conclusion))
        };
        prop_assert_eq!(standing.verdict.label(), "skipped");
        // Whatever is named is what was lost.
        let named: Vec<i64> = standing.evidence.iter().map(|it| it.0).collect();
        let is_right = standing.reason.is_some() || named == [lost as i64 + 1];
        prop_assert!(is_right, "{:?}", standing);
    }
}
