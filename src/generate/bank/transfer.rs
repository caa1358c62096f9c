//! One transfer: its events, with one fault or none.

use super::{About, CLOSED, Draft, Event, Fault, amount};
use crate::generate::random::Random;

/// What a transfer is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) number: u64,
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) cents: i64,
    pub(super) at: i64,
    pub(super) fault: Option<Fault>,
}

/// Writes the events of one transfer down, one after the other.
struct Script<'a> {
    plan: Plan,
    events: &'a mut Vec<Event>,
    now: i64,
    count: u32,
    cause: Option<String>,
}

impl Script<'_> {
    fn is(&self, fault: Fault) -> bool {
        self.plan.fault == Some(fault)
    }

    /// Adds an event some milliseconds after the last one, caused by it; its id.
    fn tell(&mut self, kind: &'static str, stream: String, data: String) -> String {
        self.now += 40;
        self.count += 1;
        let id = format!("t{}-{}", self.plan.number, self.count);
        self.events.push(Event {
            time: self.now,
            id: id.clone(),
            kind,
            stream,
            correlation: Some(self.plan.number.to_string()),
            cause: self.cause.replace(id.clone()),
            key: None,
            data,
        });
        id
    }

    fn of_transfer(&mut self, kind: &'static str, data: String) -> String {
        self.tell(kind, format!("transfer-{}", self.plan.number), data)
    }

    fn of_vote(&mut self, kind: &'static str, ledger: &str) {
        let number = self.plan.number;
        let data = format!(r#"{{"tx":"{number}","ledger":"{ledger}"}}"#);
        self.tell(kind, format!("tx-{number}"), data);
    }

    /// An event that carries the transfer's key, of so many cents.
    fn keyed(&mut self, kind: &'static str, stream: String, cents: i64) -> String {
        let number = self.plan.number;
        let data = format!(r#"{{"transfer":"{number}","amount":{}}}"#, amount(cents));
        let id = self.tell(kind, stream, data);
        self.last().key = Some(format!("move-{number}"));
        id
    }

    fn last(&mut self) -> &mut Event {
        let last = self.events.len() - 1;
        &mut self.events[last]
    }
}

/// Adds the events of a transfer, and the labels of what is wrong with it.
pub(super) fn play(
    plan: Plan,
    random: &mut Random,
    events: &mut Vec<Event>,
    drafts: &mut Vec<Draft>,
) {
    let number = plan.number.to_string();
    let mut thing = |rule, definition, kind| {
        drafts.push((rule, definition, About::Thing(kind, number.clone())));
    };
    match plan.fault {
        Some(Fault::LostCredit) => thing("invariant/violated", "transfers-balance", "group"),
        Some(Fault::Unopened) => thing("invariant/violated", "receivers-are-customers", "key"),
        Some(Fault::InDoubt) => thing("transaction/in-doubt", "transfer", "transaction"),
        Some(Fault::Mixed) => thing("transaction/mixed", "transfer", "transaction"),
        Some(Fault::WithoutVote) => {
            thing(
                "transaction/decided-without-votes",
                "transfer",
                "transaction",
            );
        }
        Some(Fault::Undelivered) => thing("transaction/undelivered", "transfer", "transaction"),
        _ => {}
    }
    let key = |rule| {
        (
            rule,
            "moves",
            About::Thing("idempotency-key", format!("move-{number}")),
        )
    };
    match plan.fault {
        Some(Fault::DoubleMove) => {
            drafts.extend([
                key("idempotency/double-effect"),
                key("idempotency/double-effect"),
            ]);
        }
        Some(Fault::KeyConflict) => drafts.push(key("idempotency/key-conflict")),
        Some(Fault::ExpiredKey) => drafts.push(key("idempotency/expired")),
        _ => {}
    }
    let mut script = Script {
        plan,
        events,
        now: plan.at,
        count: 0,
        cause: None,
    };
    let asked = ask(&mut script);
    let sender = format!("account-{}", plan.from);
    for ledger in ["debit", "credit"] {
        script.of_vote("TxBegun", ledger);
    }
    script.of_vote("TxPrepared", "debit");
    if plan.fault.is_none() && random.once_in(10) {
        script.of_vote("TxRefused", "credit");
        script.of_vote("TxAbortDecided", "debit");
        script.of_vote("TxAborted", "debit");
        script.of_transfer("TransferRefused", "{}".to_owned());
        return;
    }
    if !script.is(Fault::WithoutVote) {
        script.of_vote("TxPrepared", "credit");
    }
    if script.is(Fault::InDoubt) {
        return;
    }
    script.of_vote("TxCommitDecided", "debit");
    let is_tried = plan.fault.is_none() && random.once_in(5);
    if is_tried || script.is(Fault::KeyConflict) || script.is(Fault::ExpiredKey) {
        script.keyed(
            "DebitTried",
            sender.clone().replace("account", "tries"),
            plan.cents,
        );
        let other = plan.cents + i64::from(script.is(Fault::KeyConflict));
        script.keyed(
            "DebitTried",
            sender.clone().replace("account", "tries"),
            other,
        );
    }
    moves(&mut script, sender, drafts);
    let credit = match script.is(Fault::Mixed) {
        true => "TxAborted",
        false => "TxCommitted",
    };
    script.of_vote("TxCommitted", "debit");
    if !script.is(Fault::Undelivered) {
        script.of_vote(credit, "credit");
    }
    finish(&mut script, asked, random, drafts);
}

fn ask(script: &mut Script<'_>) -> String {
    let Plan {
        from, to, fault, ..
    } = script.plan;
    let to = match fault {
        Some(Fault::Unopened) => format!("x{}", script.plan.number),
        _ => to.to_string(),
    };
    script.of_transfer(
        "TransferAsked",
        format!(r#"{{"from":"{from}","to":"{to}"}}"#),
    )
}

/// Takes the money from one account and gives it to the other.
fn moves(script: &mut Script<'_>, sender: String, drafts: &mut Vec<Draft>) {
    let Plan {
        number, to, cents, ..
    } = script.plan;
    let receiver = match script.is(Fault::Unopened) {
        true => format!("account-x{number}"),
        false => format!("account-{to}"),
    };
    let times = if script.is(Fault::DoubleMove) { 2 } else { 1 };
    for _ in 0..times {
        let id = script.keyed("AccountDebited", sender.clone(), cents);
        if script.is(Fault::MissingKey) {
            script.last().key = None;
            drafts.push(("idempotency/missing-key", "moves", About::Event(id)));
        }
        if !script.is(Fault::LostCredit) {
            script.keyed("AccountCredited", receiver.clone(), cents);
        }
    }
}

/// Says that it is done, and tells the sender.
fn finish(script: &mut Script<'_>, asked: String, random: &mut Random, drafts: &mut Vec<Draft>) {
    let done = script.of_transfer("TransferDone", "{}".to_owned());
    let wrong_cause = match script.plan.fault {
        Some(Fault::Dangling) => Some(("causation/dangling", "nowhere".to_owned())),
        Some(Fault::OtherCorrelation) => {
            let other = format!("opened-{}", script.plan.from);
            Some(("causation/correlation-mismatch", other))
        }
        _ => None,
    };
    if let Some((rule, cause)) = wrong_cause {
        script.last().cause = Some(cause);
        drafts.push((rule, "bank", About::Event(done.clone())));
    }
    let first = script
        .events
        .iter_mut()
        .rev()
        .find(|event| event.id == asked);
    let early_cause = match script.plan.fault {
        Some(Fault::LaterCause) => Some(("causation/later-than-effect", CLOSED.to_owned())),
        Some(Fault::Cycle) => Some(("causation/cycle", done.clone())),
        _ => None,
    };
    if let (Some(first), Some((rule, cause))) = (first, early_cause) {
        first.cause = Some(cause);
        drafts.push((rule, "bank", About::Event(asked)));
    }
    notify(script, &done, random, drafts);
    if script.is(Fault::ExpiredKey) {
        script.now += 25 * 3_600_000;
        let cents = script.plan.cents;
        let stream = format!("tries-{}", script.plan.from);
        script.keyed("DebitTried", stream, cents);
    }
}

fn notify(script: &mut Script<'_>, done: &str, random: &mut Random, drafts: &mut Vec<Draft>) {
    const OF: &str = "transfers-are-told";
    let number = script.plan.number;
    let stream = format!("notice-{number}");
    if script.is(Fault::NoNotice) {
        drafts.push(("reaction/missing", OF, About::Event(done.to_owned())));
        return;
    }
    script.now += random.between(0, 60_000);
    if script.is(Fault::LateNotice) {
        script.now += 600_000;
        drafts.push(("reaction/late", OF, About::Event(done.to_owned())));
    }
    script.tell("NoticeSent", stream.clone(), "{}".to_owned());
    if script.is(Fault::DoubleNotice) {
        let again = script.tell("NoticeSent", stream.clone(), "{}".to_owned());
        drafts.push(("reaction/double", OF, About::Event(again)));
    }
    if script.is(Fault::OrphanNotice) {
        let orphan = script.tell("NoticeSent", stream, "{}".to_owned());
        script.last().correlation = Some(format!("ghost-{number}"));
        script.last().cause = None;
        drafts.push(("reaction/orphan", OF, About::Event(orphan)));
    }
}

/// A transfer that is under way when the log ends, and within all of its limits.
pub(super) fn in_flight(number: u64, now: i64, events: &mut Vec<Event>) {
    let plan = Plan {
        number,
        from: 0,
        to: 1,
        cents: 100,
        at: now,
        fault: None,
    };
    let mut script = Script {
        plan,
        events,
        now,
        count: 0,
        cause: None,
    };
    ask(&mut script);
    for ledger in ["debit", "credit"] {
        script.of_vote("TxBegun", ledger);
        script.of_vote("TxPrepared", ledger);
    }
}
