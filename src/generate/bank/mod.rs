//! A bank made from a seed, in which what is declared beside sagas goes wrong: read models,
//! invariants, reactions, idempotency keys, two-phase commits and causes.
//!
//! Accounts are opened, and money goes from one to another, each transfer with one fault or none.
//! The read models are then written down from the events, by arithmetic of their own and not by the
//! fold that is to be tried, some of their rows with a fault.

mod rows;
mod transfer;

use std::collections::BTreeMap;
use std::path::Path;

use crate::generate::random::Random;
use crate::generate::write::{LogFile, Row, Time};
use crate::generate::{Label, Layout, Made, Subject, WriteError};

/// What goes wrong with a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The receiver never gets the money.
    LostCredit,
    /// The money moves twice under one key.
    DoubleMove,
    /// One key is tried with two amounts.
    KeyConflict,
    /// The sender is debited without a key.
    MissingKey,
    /// The key is tried again after a day.
    ExpiredKey,
    /// Nobody is told.
    NoNotice,
    /// The sender is told ten minutes later.
    LateNotice,
    /// The sender is told twice.
    DoubleNotice,
    /// Somebody is told of a transfer that is none.
    OrphanNotice,
    /// Both ledgers prepare, and nobody decides.
    InDoubt,
    /// Committed on one side, aborted on the other.
    Mixed,
    /// Decided without the vote of one ledger.
    WithoutVote,
    /// One ledger never gets to know the decision.
    Undelivered,
    /// An event names a cause that is not there.
    Dangling,
    /// An event names a cause of something else.
    OtherCorrelation,
    /// An event names a cause that comes after it.
    LaterCause,
    /// An event causes itself by way of others.
    Cycle,
    /// The receiver never opened an account.
    Unopened,
}

impl Fault {
    const ALL: [Fault; 18] = [
        Fault::LostCredit,
        Fault::DoubleMove,
        Fault::KeyConflict,
        Fault::MissingKey,
        Fault::ExpiredKey,
        Fault::NoNotice,
        Fault::LateNotice,
        Fault::DoubleNotice,
        Fault::OrphanNotice,
        Fault::InDoubt,
        Fault::Mixed,
        Fault::WithoutVote,
        Fault::Undelivered,
        Fault::Dangling,
        Fault::OtherCorrelation,
        Fault::LaterCause,
        Fault::Cycle,
        Fault::Unopened,
    ];
}

/// What to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The same seed makes the same log, byte for byte.
    pub seed: u64,
    /// How many transfers.
    pub transfers: u64,
    /// With so many of a thousand transfers, and rows of read models, something goes wrong; `None`
    /// is each fault once.
    pub faults: Option<u32>,
    /// Milliseconds between two transfers, about.
    pub spacing: i64,
    /// When the first one is asked for, in milliseconds since the epoch.
    pub start: i64,
}

/// An event before it has a place.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) time: i64,
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) stream: String,
    pub(super) correlation: Option<String>,
    pub(super) cause: Option<String>,
    pub(super) key: Option<String>,
    pub(super) data: String,
}

/// What is said of an event or a thing, before events have places.
#[derive(Debug, Clone)]
pub(super) enum About {
    /// The event with this id.
    Event(String),
    /// Something with an id of its own.
    Thing(&'static str, String),
}

/// A label before events have places: the rule, the definition, and what it is about.
pub(super) type Draft = (&'static str, &'static str, About);

/// An event that has a place, as far as read models look at it.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) event: Event,
    pub(super) position: i64,
    pub(super) version: i64,
}

/// Makes a bank's log, with its read models, at `path`.
///
/// # Errors
/// When the file cannot be written.
pub fn bank(options: Options, path: &Path) -> Result<Made, WriteError> {
    let mut random = Random::new(options.seed);
    let accounts = options.transfers / 8 + 4;
    let mut events: Vec<Event> = (0..accounts)
        .map(|account| opened(account, options))
        .collect();
    let mut drafts: Vec<Draft> = Vec::new();
    for transfer in 0..options.transfers {
        let fault = match options.faults {
            None => Fault::ALL.get(transfer as usize).copied(),
            Some(rate) if random.below(1000) < u64::from(rate) => {
                random.one_of(&Fault::ALL).copied()
            }
            Some(_) => None,
        };
        let plan = transfer::Plan {
            number: transfer,
            from: random.below(accounts / 2),
            to: accounts / 2 + random.below(accounts - accounts / 2),
            cents: random.between(1, 99_999),
            at: options.start
                + transfer as i64 * options.spacing
                + random.between(0, options.spacing),
            fault,
        };
        transfer::play(plan, &mut random, &mut events, &mut drafts);
    }
    let end = events
        .iter()
        .map(|event| event.time)
        .max()
        .unwrap_or(options.start)
        + 3_600_000;
    events.push(closed(end));
    transfer::in_flight(options.transfers, end, &mut events);
    events.sort_by_key(|event| event.time);
    let placed = placed(events);

    let file = LogFile::create(path, Layout::SOUND)?;
    let mut insert = file.insert()?;
    for one in &placed {
        insert.event(&Row {
            position: one.position,
            id: &one.event.id,
            stream: Some(&one.event.stream),
            version: Some(one.version),
            kind: Some(one.event.kind),
            time: Time::Millis(one.event.time),
            correlation: one.event.correlation.as_deref(),
            causation: one.event.cause.as_deref(),
            key: one.event.key.as_deref(),
            payload: &one.event.data,
            headers: None,
        })?;
    }
    drop(insert);
    drafts.extend(rows::write(&file, &placed, options, &mut random)?);
    file.finish()?;

    let positions: BTreeMap<&str, i64> = placed
        .iter()
        .map(|one| (one.event.id.as_str(), one.position))
        .collect();
    let labels = drafts
        .into_iter()
        .map(|draft| label(draft, &positions))
        .collect();
    Ok(Made {
        events: placed.len() as u64,
        labels,
    })
}

fn label((rule, definition, about): Draft, positions: &BTreeMap<&str, i64>) -> Label {
    let (kind, id) = match about {
        About::Event(id) => {
            let position = positions.get(id.as_str()).copied().unwrap_or_default();
            ("event", position.to_string())
        }
        About::Thing(kind, id) => (kind, id),
    };
    Label {
        rule,
        subject: Subject {
            kind,
            definition: definition.to_owned(),
            id,
        },
        step: None,
    }
}

/// Gives every event its position, and its version within its stream.
fn placed(events: Vec<Event>) -> Vec<Placed> {
    let mut versions: BTreeMap<String, i64> = BTreeMap::new();
    let place = |(index, event): (usize, Event)| {
        let next = versions.entry(event.stream.clone()).or_default();
        let version = *next;
        *next += 1;
        Placed {
            event,
            position: index as i64 + 1,
            version,
        }
    };
    events.into_iter().enumerate().map(place).collect()
}

fn opened(account: u64, options: Options) -> Event {
    Event {
        time: options.start - 60_000,
        id: format!("opened-{account}"),
        kind: "AccountOpened",
        stream: format!("account-{account}"),
        correlation: Some(format!("account-{account}")),
        cause: None,
        key: None,
        data: format!(r#"{{"owner":"owner {account}"}}"#),
    }
}

fn closed(time: i64) -> Event {
    Event {
        time,
        id: CLOSED.to_owned(),
        kind: "DayClosed",
        stream: "bank".to_owned(),
        correlation: None,
        cause: None,
        key: None,
        data: "{}".to_owned(),
    }
}

/// The id of the event that closes the day.
pub(super) const CLOSED: &str = "closed";

/// Cents as the events write amounts.
pub(super) fn amount(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
