//! Two-phase transactions that hold locks, fell apart or were decided wrongly.

use crate::brief;
use crate::definition::transaction::Transaction;
use crate::event::{Span, Timestamp};
use crate::finding::{Finding, Severity, SubjectKind};
use crate::rules::Info;
use crate::transaction::{Conclusion, Did, Fault, Participant, What};

/// `transaction/in-doubt`
pub const IN_DOUBT: Info = Info {
    name: "transaction/in-doubt",
    severity: Severity::Error,
    summary: "participants have voted yes and nobody has decided: their locks are held",
    explanation: "\
Finds transactions without a decision of which a participant prepared, and has not ended, for at least \
`in-doubt-after` at the horizon.

A participant that voted yes can neither commit nor abort by itself: its locks are held, and whoever \
needs the same rows waits behind it. The coordinator died between the vote and the decision.

Bring the coordinator back, or decide by hand, the same for all participants. Where one of them has \
ended already, which the message says, follow that one. Abort is safe only as long as nobody can have \
been told to commit.

Example: `in-doubt-after: 10s`; TxPrepared of ledger-eu at 10:00:00, no decision, horizon 10:01.",
};

/// `transaction/mixed`
pub const MIXED: Info = Info {
    name: "transaction/mixed",
    severity: Severity::Error,
    summary: "participants of one transaction ended differently, or against the decision",
    explanation: "\
Finds transactions of which one participant committed and another aborted; of which a participant \
ended against the decision, or both ways; or that were decided both ways. A participant without whose \
yes commit was decided may abort: that is `transaction/decided-without-votes` and told once.

Somebody broke the lock of a participant in doubt and guessed: a heuristic outcome. What should have \
happened everywhere or nowhere happened in part.

Find out which outcome was meant, and undo or repeat the other side by hand.

Example: decided to commit; ledger-eu committed, ledger-us aborted.",
};

/// `transaction/decided-without-votes`
pub const WITHOUT_VOTES: Info = Info {
    name: "transaction/decided-without-votes",
    severity: Severity::Error,
    summary: "commit was decided although a participant refused or never voted",
    explanation: "\
Finds transactions with a decision to commit in which a participant that took part refused, never \
voted, or voted only after the decision.

That participant never promised that it can commit. If it cannot, the transaction is mixed.

See whether it did commit. The coordinator counts votes wrongly, or does not wait for them.

Example: TxBegun for ledger-eu and ledger-us, TxPrepared of ledger-eu only, TxCommitDecided.",
};

/// `transaction/undelivered`
pub const UNDELIVERED: Info = Info {
    name: "transaction/undelivered",
    severity: Severity::Error,
    summary: "decided, but a participant that waits for the decision never got it",
    explanation: "\
Finds transactions with a decision of which a participant that prepared has not ended, \
`in-doubt-after` or longer after the decision, or after its vote where that came later.

Its locks are still held, though the outcome is known.

Deliver the decision again; it is idempotent. If the participant lost the transaction, see what it \
holds.

Example: TxCommitDecided at 10:00:01, ledger-us prepared and never committed, horizon 10:05.",
};

/// `transaction/blocked`
pub const BLOCKED: Info = Info {
    name: "transaction/blocked",
    severity: Severity::Note,
    summary: "how long participants were held, where some were held beyond the limit",
    explanation: "\
Tells of each transaction definition how long participants were held, from their vote to their end \
or, where they still are, to the horizon: the median, the 99th percentile and the longest. Says nothing \
where nobody that has ended was held beyond `in-doubt-after`: whoever is held still is \
`transaction/in-doubt` or `transaction/undelivered` then.

Two-phase commit buys consistency with locks. This is what they cost: while a participant is held, \
nobody else can change what it changed.

If it costs too much, a saga with compensations holds no locks.

Example: p50 40ms, p99 8s, longest 2m 3s, in 12,000 participants.",
};

/// All rules about transactions.
pub const ALL: [&Info; 5] = [&IN_DOUBT, &MIXED, &WITHOUT_VOTES, &UNDELIVERED, &BLOCKED];

/// What a further event may make right, in the words of a remark.
pub const MENDABLE: [(What, [&str; 2]); 3] = [
    (What::InDoubt, ["is in doubt", "are in doubt"]),
    (
        What::WithoutVotes,
        ["was decided without votes", "were decided without votes"],
    ),
    (
        What::Undelivered,
        ["was not delivered", "were not delivered"],
    ),
];

/// The rule of something that is wrong.
pub const fn info(what: What) -> &'static Info {
    match what {
        What::InDoubt => &IN_DOUBT,
        What::Mixed | What::Torn => &MIXED,
        What::WithoutVotes => &WITHOUT_VOTES,
        What::Undelivered => &UNDELIVERED,
    }
}

/// The finding of a transaction.
pub fn of(definition: &Transaction, fault: &Fault, horizon: Timestamp) -> Finding {
    let who = concerned(fault);
    let age = horizon.since(fault.since);
    let (info, message) = match fault.what {
        What::InDoubt => {
            let follow = match &fault.ended {
                Some((name, state)) => {
                    format!(", but {name} has {}: follow that", state.label())
                }
                None => String::new(),
            };
            let message = format!(
                "{who} prepared {age} ago and no decision is in the log{follow}; their locks are held"
            );
            (&IN_DOUBT, message)
        }
        What::Torn => {
            let ends = ends(fault);
            let separator = if ends.is_empty() { "" } else { "; " };
            let message = format!("decided to commit and to abort{separator}{ends}");
            (&MIXED, message)
        }
        What::Mixed => {
            let although = match fault.decided {
                Some(Participant::Committed) => ", although commit was decided",
                Some(_) => ", although abort was decided",
                None => "",
            };
            (&MIXED, format!("{}{although}", ends(fault)))
        }
        What::WithoutVotes if fault.at_least < fault.participants.len() => (
            &WITHOUT_VOTES,
            format!("commit was decided without the yes of {who}"),
        ),
        What::WithoutVotes => {
            let votes = [
                (Did::Refused, "refused"),
                (Did::Nothing, "never voted"),
                (Did::VotedLate, "voted only after that"),
            ];
            let votes = votes.map(|(did, words)| group(fault, did, 0, words));
            (
                &WITHOUT_VOTES,
                format!("commit was decided although {}", joined(&votes)),
            )
        }
        What::Undelivered => (
            &UNDELIVERED,
            format!("decided, and {who} did not get to know for {age}"),
        ),
    };
    Finding {
        since: Some(fault.since),
        age: Some(age),
        evidence: fault.evidence.clone(),
        ..finding(
            info,
            definition,
            (SubjectKind::Transaction, &fault.id),
            message,
        )
    }
}

/// What the reader should know of the transactions of a definition.
pub fn remarks(conclusion: &Conclusion) -> [(u64, &'static str, &'static str); 4] {
    const UNKNOWN: &str =
        "cannot be told: an event lacks its participant, or their beginning was cut off";
    const HIDDEN: &str =
        "cannot be told, since an event of theirs stands in a row that cannot be judged";
    [
        (conclusion.unknown, UNKNOWN, UNKNOWN),
        (conclusion.hidden, HIDDEN, HIDDEN),
        (
            conclusion.doubtful.len() as u64,
            "verdict hangs on the order of events that are closer than the skew",
            "verdicts hang on the order of events that are closer than the skew",
        ),
        (
            conclusion.astray,
            "event does not tell its transaction; it counts nowhere",
            "events do not tell their transaction; they count nowhere",
        ),
    ]
}

/// What the participants of a definition had to wait, where that was beyond its limit. Whoever is held
/// still is told of with his transaction, and counts here beside others only.
pub fn blocked(definition: &Transaction, conclusion: &Conclusion) -> Option<Finding> {
    let limit = definition.in_doubt_after;
    conclusion.held.iter().find(|held| **held > limit)?;
    let mut held = [&*conclusion.held, &conclusion.holding].concat();
    held.sort_unstable();
    let still = match conclusion.holding.len() {
        0 => String::new(),
        holding => format!(", of which {holding} held still"),
    };
    let message = format!(
        "participants were held for {} (p50), {} (p99), the longest for {}, in {} of them{still}; the limit is {limit}",
        percentile(&held, 50),
        percentile(&held, 99),
        percentile(&held, 100).beyond(limit),
        held.len(),
    );
    let subject = (SubjectKind::Definition, &*definition.name);
    Some(finding(&BLOCKED, definition, subject, message))
}

/// The least of them that so many percent do not exceed; they are in ascending order.
fn percentile(ascending: &[Span], percent: usize) -> Span {
    let rank = (ascending.len() * percent).div_ceil(100).max(1);
    ascending.get(rank - 1).copied().unwrap_or(Span::ZERO)
}

/// The participants that it is about.
fn concerned(fault: &Fault) -> String {
    let names: Vec<&str> = fault.participants.iter().map(|(name, _)| &**name).collect();
    let all = listed(&names, 0);
    match fault.at_least < names.len() {
        true => format!("at least {} of {all}", fault.at_least),
        false => all,
    }
}

/// Who ended how.
fn ends(fault: &Fault) -> String {
    let [committed, aborted] = fault.nameless;
    joined(&[
        group(fault, Did::Both, 0, "committed and aborted"),
        group(fault, Did::Commit, committed, "committed"),
        group(fault, Did::Abort, aborted, "aborted"),
    ])
}

/// Which participants did this, and how many more, in these words.
fn group(fault: &Fault, did: Did, more: usize, words: &str) -> Option<String> {
    let own = fault.participants.iter().filter(|(_, own)| *own == did);
    let names: Vec<&str> = own.map(|(name, _)| &**name).collect();
    let who = match (&*names, fault.participants.is_empty()) {
        ([], _) if more == 0 => return None,
        ([], true) => brief::count(more as u64, "participant", "participants"),
        ([], false) => brief::count(more as u64, "other", "others"),
        (names, _) => listed(names, more),
    };
    Some(format!("{who} {words}"))
}

/// What is there of them.
fn joined(groups: &[Option<String>]) -> String {
    let groups: Vec<&str> = groups.iter().flatten().map(|group| &**group).collect();
    listed(&groups, 0)
}

/// The first few in full, and how many more.
fn listed(names: &[&str], more: usize) -> String {
    const SHOWN: usize = 5;
    let (names, rest) = names.split_at(names.len().min(SHOWN));
    let more = more + rest.len();
    match (names, more) {
        ([], _) => String::new(),
        (names, 1..) => format!(
            "{} and {} more",
            names.join(", "),
            brief::grouped(more as u64)
        ),
        ([one], 0) => (*one).to_owned(),
        ([rest @ .., last], 0) => format!("{} and {last}", rest.join(", ")),
    }
}

fn finding(
    info: &Info,
    definition: &Transaction,
    (kind, id): (SubjectKind, &str),
    message: String,
) -> Finding {
    info.finding(kind, &definition.name, id, message)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::definition;

    fn told(held: &[i64], holding: &[i64]) -> Option<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/definitions/transfer.yaml");
        let definitions = definition::load(&[path], &[]).expect("it is sound");
        let spans = |millis: &[i64]| {
            let spans = millis.iter().map(|one| Span::from_nanos(one * 1_000_000));
            spans.collect::<Vec<Span>>()
        };
        let conclusion = Conclusion {
            held: spans(held),
            holding: spans(holding),
            ..Conclusion::default()
        };
        let found = blocked(&definitions.scopes[0].transactions[0], &conclusion);
        found.map(|finding| finding.message)
    }

    #[test]
    fn what_was_held_too_long_is_told_with_what_is_held_still() {
        assert_eq!(
            told(&[12_000, 1_000], &[60_000]).as_deref(),
            Some(
                "participants were held for 12s (p50), 1m (p99), the longest for 1m, in 3 of them, of which 1 held still; the limit is 10s"
            )
        );
        assert_eq!(
            told(&[10_001], &[]).as_deref(),
            Some(
                "participants were held for 10s (p50), 10s (p99), the longest for more than 10s, in 1 of them; the limit is 10s"
            )
        );
        assert_eq!(told(&[10_000], &[60_000]), None);
    }

    /// The message for this wrong with these participants, of which it is certain with so many.
    fn message(
        what: What,
        participants: &[(&str, Did)],
        nameless: [usize; 2],
        decided: Option<Participant>,
    ) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/definitions/transfer.yaml");
        let definitions = definition::load(&[path], &[]).expect("it is sound");
        let own = participants.iter();
        let fault = Fault {
            id: "t".to_owned(),
            what,
            participants: own.map(|(name, did)| ((*name).to_owned(), *did)).collect(),
            at_least: participants.len(),
            nameless,
            decided,
            ended: None,
            evidence: Vec::new(),
            since: Timestamp::MIN,
            is_certain: true,
            instead: None,
        };
        of(
            &definitions.scopes[0].transactions[0],
            &fault,
            Timestamp::MIN,
        )
        .message
    }

    #[test]
    fn who_did_what_is_told() {
        use Did::{Abort, Both, Commit, Nothing, Refused, VotedLate};
        let mixed = |participants: &[(&str, Did)], nameless, decided| {
            message(What::Mixed, participants, nameless, decided)
        };
        let (commit, abort) = (Some(Participant::Committed), Some(Participant::Aborted));
        assert_eq!(
            mixed(&[("credit", Abort), ("debit", Commit)], [0, 0], commit),
            "debit committed and credit aborted, although commit was decided"
        );
        assert_eq!(
            mixed(&[("a", Both)], [0, 1], None),
            "a committed and aborted and 1 other aborted"
        );
        assert_eq!(
            mixed(&[], [1, 0], abort),
            "1 participant committed, although abort was decided"
        );
        let many = ["a", "b", "c", "d", "e", "f"].map(|name| (name, Abort));
        assert_eq!(
            mixed(&[&many[..], &[("p900", Commit)]].concat(), [0, 1000], abort),
            "p900 committed and a, b, c, d, e and 1001 more aborted, although abort was decided"
        );
        assert_eq!(
            message(What::Torn, &[], [0, 0], None),
            "decided to commit and to abort"
        );
        let votes = [("a", Nothing), ("b", Refused), ("c", VotedLate)];
        assert_eq!(
            message(What::WithoutVotes, &votes, [0, 0], None),
            "commit was decided although b refused, a never voted and c voted only after that"
        );
    }
}
