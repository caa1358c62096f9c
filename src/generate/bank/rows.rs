//! The bank's read models, by plain arithmetic over the events; some rows with one fault.

use std::collections::BTreeMap;

use rusqlite::params;

use super::{About, Draft, Options, Placed};
use crate::generate::WriteError;
use crate::generate::random::Random;
use crate::generate::write::LogFile;

/// What goes wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Skipped,
    Twice,
    Swapped,
    Edited,
    Missing,
    Orphan,
    Unreadable,
}

const ACCOUNTS: [Fault; 7] = [
    Fault::Skipped,
    Fault::Twice,
    Fault::Swapped,
    Fault::Edited,
    Fault::Missing,
    Fault::Orphan,
    Fault::Unreadable,
];

/// A row of the account view.
#[derive(Debug, Clone, Default, PartialEq)]
struct Account {
    owner: Option<String>,
    cents: i64,
    last: Option<String>,
    moves: i64,
}

impl Account {
    fn apply(&mut self, one: &Placed) {
        self.moves += 1;
        let data: serde_json::Value = serde_json::from_str(&one.event.data).unwrap_or_default();
        let text = |key: &str| {
            data.get(key)
                .and_then(|value| value.as_str())
                .map(str::to_owned)
        };
        let cents = data
            .get("amount")
            .and_then(serde_json::Value::as_f64)
            .unwrap_or(0.0)
            * 100.0;
        let cents = cents.round() as i64;
        match one.event.kind {
            "AccountOpened" => self.owner = text("owner"),
            "AccountDebited" => {
                self.cents -= cents;
                self.last = text("transfer");
            }
            _ => {
                self.cents += cents;
                self.last = text("transfer");
            }
        }
    }

    fn of<'p>(events: impl IntoIterator<Item = &'p Placed>) -> Account {
        let mut account = Account::default();
        events.into_iter().for_each(|one| account.apply(one));
        account
    }
}

/// Writes both read models, the checkpoint and the dead letters; what is wrong with them.
pub(super) fn write(
    file: &LogFile,
    placed: &[Placed],
    options: Options,
    random: &mut Random,
) -> Result<Vec<Draft>, WriteError> {
    file.execute(
        "create table account_view (account TEXT, owner TEXT, balance_cents INTEGER, last TEXT, moves)",
        [],
    )?;
    file.execute(
        "create table transfer_view (transfer TEXT, status TEXT, sender TEXT, receiver TEXT, version INTEGER)",
        [],
    )?;
    file.execute("create table checkpoints (name TEXT, position INTEGER)", [])?;
    file.execute(
        "insert into checkpoints values ('accounts', ?1)",
        [placed.len() as i64],
    )?;
    file.execute(
        "create table dead_letters (consumer TEXT, event TEXT, error TEXT)",
        [],
    )?;
    let mut drafts = accounts(file, &streams(placed, "account-"), options, random)?;
    drafts.extend(transfers(
        file,
        &streams(placed, "transfer-"),
        options,
        random,
    )?);
    Ok(drafts)
}

/// The events of each key.
fn streams<'p>(placed: &'p [Placed], prefix: &str) -> Vec<(&'p str, Vec<&'p Placed>)> {
    let mut streams: BTreeMap<&str, Vec<&Placed>> = BTreeMap::new();
    for one in placed {
        if let Some(key) = one.event.stream.strip_prefix(prefix) {
            streams.entry(key).or_default().push(one);
        }
    }
    streams.into_iter().collect()
}

fn accounts(
    file: &LogFile,
    streams: &[(&str, Vec<&Placed>)],
    options: Options,
    random: &mut Random,
) -> Result<Vec<Draft>, WriteError> {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut next = ACCOUNTS.iter().copied();
    for (account, events) in streams {
        let right = Account::of(events.iter().copied());
        let add = |row: &Account, account: &str, moves: &dyn rusqlite::ToSql| {
            file.execute(
                "insert into account_view values (?1, ?2, ?3, ?4, ?5)",
                params![account, row.owner, row.cents, row.last, moves],
            )
        };
        let fault = match options.faults {
            _ if events.len() < 5 => None,
            None => next.next(),
            Some(rate) if random.below(1000) < u64::from(rate) => random.one_of(&ACCOUNTS).copied(),
            Some(_) => None,
        };
        let at = random.between(1, events.len() as i64 - 2) as usize;
        let own = |order: Vec<usize>| Account::of(order.into_iter().map(|at| events[at]));
        let all = 0..events.len();
        let (row, rule) = match fault {
            None => (right.clone(), None),
            Some(Fault::Skipped) => (
                own(all.filter(|one| *one != at).collect()),
                Some("projection/skipped"),
            ),
            Some(Fault::Twice) => {
                let order = all.flat_map(|one| if one == at { vec![one, one] } else { vec![one] });
                (own(order.collect()), Some("projection/divergent"))
            }
            Some(Fault::Swapped) => {
                let mut order: Vec<usize> = all.collect();
                let end = order.len();
                order.swap(end - 1, end - 2);
                (own(order), Some("projection/divergent"))
            }
            Some(Fault::Edited) => {
                let owner = Some("somebody else".to_owned());
                (
                    Account {
                        owner,
                        ..right.clone()
                    },
                    Some("projection/divergent"),
                )
            }
            Some(Fault::Missing) => (right.clone(), Some("projection/missing")),
            Some(Fault::Orphan) => (right.clone(), Some("projection/orphan")),
            Some(Fault::Unreadable) => (right.clone(), Some("projection/unreadable")),
        };
        // Two transfers after each other that move the same are one change in two orders.
        let rule = rule.filter(|_| {
            row != right || !matches!(fault, Some(Fault::Swapped | Fault::Skipped | Fault::Twice))
        });
        let key = match fault {
            Some(Fault::Orphan) => format!("ghost of {account}"),
            _ => (*account).to_owned(),
        };
        if let Some(rule) = rule {
            drafts.push((rule, "accounts", About::Thing("key", key.clone())));
        }
        if fault == Some(Fault::Skipped) {
            file.execute(
                "insert into dead_letters values ('accounts', ?1, 'timed out')",
                [&events[at].event.id],
            )?;
        }
        match fault {
            Some(Fault::Missing) => continue,
            Some(Fault::Unreadable) => add(&row, account, &"many")?,
            Some(Fault::Orphan) => {
                add(&row, account, &row.moves)?;
                add(&row, &key, &row.moves)?;
            }
            _ => add(&row, account, &row.moves)?,
        }
    }
    Ok(drafts)
}

/// Rows that are stale, or ahead of their events; the last one is merely behind.
fn transfers(
    file: &LogFile,
    streams: &[(&str, Vec<&Placed>)],
    options: Options,
    random: &mut Random,
) -> Result<Vec<Draft>, WriteError> {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut next = ["projection/late", "projection/ahead"].into_iter();
    for (transfer, events) in streams {
        let [asked, rest @ ..] = events.as_slice() else {
            continue;
        };
        let rule = match options.faults {
            _ if rest.is_empty() => None,
            None => next.next(),
            Some(rate) if random.below(1000) < u64::from(rate) => random
                .one_of(&["projection/late", "projection/ahead"])
                .copied(),
            Some(_) => None,
        };
        let status = match (rule, rest.last()) {
            (Some("projection/late"), _) | (_, None) => "asked",
            (_, Some(last)) if last.event.kind == "TransferDone" => "done",
            (_, Some(_)) => "refused",
        };
        let version = match rule {
            Some("projection/late") => 0,
            Some(_) => 7,
            None => rest.len() as i64,
        };
        let data: serde_json::Value = serde_json::from_str(&asked.event.data).unwrap_or_default();
        let text = |key: &str| {
            data.get(key)
                .and_then(|value| value.as_str())
                .map(str::to_owned)
        };
        if let Some(rule) = rule {
            drafts.push((
                rule,
                "transfers",
                About::Thing("key", (*transfer).to_owned()),
            ));
        }
        file.execute(
            "insert into transfer_view values (?1, ?2, ?3, ?4, ?5)",
            params![transfer, status, text("from"), text("to"), version],
        )?;
    }
    Ok(drafts)
}
