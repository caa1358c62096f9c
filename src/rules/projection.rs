//! Stored rows that are not what their events say.

use std::borrow::Cow;

use crate::brief;
use crate::definition::projection::Projection;
use crate::event::{Position, Timestamp};
use crate::finding::{Finding, Next, Severity, SubjectKind};
use crate::projection::{Conclusion, Difference, Mark, Standing, Support, Value, Verdict, Whole};
use crate::rules::Info;

/// `projection/late`
pub const LATE: Info = Info {
    name: "projection/late",
    severity: Severity::Error,
    summary: "a stored row is behind its events for longer than is tolerated",
    explanation: "\
Finds keys whose stored row is what the first of their events give, where the oldest event that is \
not applied is older than the projection's `within` at the horizon, and nobody claims to have \
applied it.

The consumer is slow, stopped, or stuck on an event. Whoever reads the row sees the past and takes \
it for the present. A row that is behind for less than `within` is converging, and no fault.

Look whether the consumer runs and what it last did. Once it goes on, the row rights itself; nothing \
needs to be repaired.

Example: `within: 30s`; the row of order-7 shows two items, a third was added at 10:00, horizon \
10:05, the checkpoint stands before that event.",
};

/// `projection/skipped`
pub const SKIPPED: Info = Info {
    name: "projection/skipped",
    severity: Severity::Error,
    summary: "an event was not applied though the consumer claims that it was",
    explanation: "\
Finds keys whose stored row is what their events give when one or several of them are left out, where the consumer's checkpoint or the row's version stands at or after it.

The event is lost to this row: it will never be applied, since the consumer is past it. A handler \
that swallowed an error, a batch that was committed before it was worked off, or two consumers that \
overwrote each other.

Rebuild the key from its events (`sagactl diff PROJECTION --sql` prints how), then find out why the \
event was passed. Where several events would \
explain the row, none is named. A row that lacks events is unknown to this rule where neither a \
checkpoint nor a version that can be read says how far its consumer has come.

Example: deposits of 1, 2 and 4; the row says 5 and has the version of the last one: the deposit of \
2 was skipped.",
};

/// `projection/divergent`
pub const DIVERGENT: Info = Info {
    name: "projection/divergent",
    severity: Severity::Error,
    summary: "no first part of the events gives what is stored",
    explanation: "\
Finds keys whose stored row is neither what all their events give, nor what the first of them give, \
nor, where a checkpoint or version tells what was claimed, what leaving some out gives.

An event was applied twice or in the wrong order, the reducer has changed since, or somebody edited \
the row. Where one edit of the events gives the row, and no other that is as small, it says which; \
where several do, it lists them and names none. Where nothing that was tried gives what a column holds and \
all else is right, the column was edited outside.

Rebuild the key from its events; `sagactl diff PROJECTION --sql` prints statements that do. If many keys diverge alike, the reducer and the definition disagree: \
compare what each does with the columns named here. Without a checkpoint or version, rows that lost an \
event are found here too.

Example: deposits of 1, 2 and 4; the row says 9.",
};

/// `projection/missing`
pub const MISSING: Info = Info {
    name: "projection/missing",
    severity: Severity::Error,
    summary: "a key has events and no stored row",
    explanation: "\
Finds keys that their events brought into being and did not delete, without a stored row, where that \
should have been there longer ago than the projection's `within`.

The consumer never saw the events, or could not store the row. To whoever reads the view the thing \
does not exist.

Look at what happened to the event named here: a constraint it violated, a dead letter, a filter.

Example: OrderPlaced for order-7 at 10:00, no row at 10:05.",
};

/// `projection/orphan`
pub const ORPHAN: Info = Info {
    name: "projection/orphan",
    severity: Severity::Error,
    summary: "a stored row whose key has no events, or was deleted",
    explanation: "\
Finds stored rows whose key has no event in the log, and rows of keys that an event deleted, unless \
that deletion may still be on its way.

A row written by hand, left from an older log or another environment, or personal data that was to be \
forgotten and was not.

Make sure that the key is read in the same way on both sides. Then remove the row.

Example: the view has a row for order-99, the log has never heard of it.",
};

/// `projection/ahead`
pub const AHEAD: Info = Info {
    name: "projection/ahead",
    severity: Severity::Error,
    summary: "a consumer claims events that are not in the log",
    explanation: "\
Finds checkpoints beyond the last position of the log, and stored rows whose version is beyond the \
last one of their stream, whatever its type, or beyond the last position where versions count these. \
A row is unknown to this rule where neither its version nor a checkpoint can be read.

The log was restored from an older backup or truncated, or the checkpoint belongs to another log. \
Events that get these positions from now on will be taken for known ones and skipped.

Find out what the log lost. Then set the consumer back and rebuild.

Example: the log ends at position 980, the checkpoint says 1000.",
};

/// `projection/unreadable`
pub const UNREADABLE: Info = Info {
    name: "projection/unreadable",
    severity: Severity::Error,
    summary: "a stored value that cannot be compared",
    explanation: "\
Finds stored values of another kind than the state's: text where a number is expected, text that is \
not JSON where a list is expected, a version or checkpoint that is no number; rows without a key; \
keys with several rows.

Nothing can be said of such a row, neither that it is right nor that it is wrong.

Often the mapping is wrong, not the row: an amount in cents needs `{ column: total_cents, scale: 2 }`.

Example: `balance` holds \"n/a\" where a number is expected.",
};

/// How many characters of a reason are told.
const REASON: usize = 1000;

/// All of them, in the order of reports.
pub const ALL: [&Info; 7] = [
    &LATE,
    &SKIPPED,
    &DIVERGENT,
    &MISSING,
    &ORPHAN,
    &AHEAD,
    &UNREADABLE,
];

/// The rule that a verdict breaks.
pub fn of(verdict: Verdict) -> Option<&'static Info> {
    match verdict {
        Verdict::Exact | Verdict::Converging | Verdict::Unknown => None,
        Verdict::Late => Some(&LATE),
        Verdict::Skipped => Some(&SKIPPED),
        Verdict::Divergent => Some(&DIVERGENT),
        Verdict::Missing => Some(&MISSING),
        Verdict::Orphan => Some(&ORPHAN),
        Verdict::Ahead => Some(&AHEAD),
        Verdict::Unreadable => Some(&UNREADABLE),
    }
}

/// Why a rule has nothing to look at in these projections, if it has not.
pub fn idle(info: &Info, projections: &[&Projection]) -> Option<&'static str> {
    let mut stored = projections.iter().filter_map(|it| it.stored.as_ref());
    let claims = |info: &Info| info.name == SKIPPED.name || info.name == AHEAD.name;
    if stored.clone().next().is_none() {
        Some("no projection says where its rows are stored")
    } else if claims(info) && stored.all(|it| it.version.is_none() && it.checkpoint.is_none()) {
        Some("no projection has a checkpoint or a version")
    } else {
        None
    }
}

/// Of how many keys a rule cannot tell, for nothing says how far their consumer has come.
pub fn untold(info: &Info, conclusion: &Conclusion) -> u64 {
    match info.name {
        name if name == SKIPPED.name => conclusion.untold.skipped,
        name if name == AHEAD.name => conclusion.untold.ahead,
        _ => 0,
    }
}

/// The findings of one projection.
pub fn findings(conclusion: &Conclusion, horizon: Timestamp) -> Vec<Finding> {
    let definition = conclusion.fold.definition();
    let mut findings: Vec<Finding> = conclusion
        .standings
        .iter()
        .filter_map(|standing| {
            let info = of(standing.verdict)?;
            let subject = (SubjectKind::Key, standing.key.as_str());
            let message = message(standing, definition);
            Some(Finding {
                evidence: standing.evidence.clone(),
                since: standing.since,
                age: standing.since.map(|since| horizon.since(since)),
                ..finding(info, definition, subject, message)
            })
        })
        .collect();
    let itself = (SubjectKind::Definition, &*definition.name);
    if let Some((claimed, head)) = conclusion.ahead {
        let message = match head {
            Some(Position(head)) => {
                format!("its checkpoint is {claimed}, the log ends at {head}")
            }
            None => format!("its checkpoint is {claimed}, the log is empty"),
        };
        findings.push(finding(&AHEAD, definition, itself, message));
    }
    if let Mark::Unreadable(reason) = &conclusion.mark {
        let message = format!("its checkpoint cannot be read: {reason}");
        findings.push(finding(&UNREADABLE, definition, itself, message));
    }
    findings
}

/// What the reader of findings should know of one projection beside them.
pub fn remarks(conclusion: &Conclusion) -> Vec<String> {
    let name = &conclusion.fold.definition().name;
    let mut remarks = Vec::new();
    if let Mark::Absent(reason) = &conclusion.mark {
        remarks.push(format!(
            "projection {name}: its checkpoint tells nothing: {reason}"
        ));
    }
    remarks.extend(beside_mark(conclusion));
    remarks
}

/// The same for a reader who sees how far its consumer says that it has come.
pub fn beside_mark(conclusion: &Conclusion) -> Vec<String> {
    let name = &conclusion.fold.definition().name;
    let mut remarks = Vec::new();
    if let Some(whole) = &conclusion.whole {
        let Whole {
            stored,
            key,
            pattern,
            ..
        } = whole;
        let [stored, key, pattern] =
            [stored, key, pattern].map(|text| brief::one(text, brief::IN_A_SENTENCE));
        let rows = format!(
            "{} of {}",
            whole.meets,
            brief::count(whole.rows, "row", "rows")
        );
        remarks.push(format!(
            "projection {name}: no row has the key of an event, and {rows} would, taken out of \
             `{pattern}`: `{stored}` is stored where the key is `{key}`; write `key: event.stream` \
             instead of `from` if the table is kept by whole streams"
        ));
    }
    let untold = untold(&AHEAD, conclusion);
    if untold > 0 && idle(&AHEAD, &[conclusion.fold.definition()]).is_none() {
        let keys = brief::count(
            untold,
            "key has neither a checkpoint nor a version to go by; whether its consumer is ahead of the log, or skipped events of it, cannot be told",
            "keys have neither a checkpoint nor a version to go by; whether their consumer is ahead of the log, or skipped events of them, cannot be told",
        );
        remarks.push(format!("projection {name}: {keys}"));
    }
    let letters = &conclusion.letters;
    if let Some(reason) = &letters.silent {
        remarks.push(format!(
            "projection {name}: its dead letters tell nothing: {reason}"
        ));
    }
    if letters.unreadable > 0 {
        let letters = brief::count(
            letters.unreadable,
            "of its dead letters names",
            "of its dead letters name",
        );
        remarks.push(format!("projection {name}: {letters} no event"));
    }
    if !conclusion.uncompared.is_empty() {
        remarks.push(format!(
            "projection {name}: nothing is compared with {}; map them, or list them in `ignore`",
            conclusion.uncompared.join(", ")
        ));
    }
    let keyless = &conclusion.keyless;
    if let Some((position, reason)) = &keyless.first {
        let events = brief::count(
            keyless.count,
            "event cannot be told,",
            "events cannot be told, first",
        );
        remarks.push(format!(
            "projection {name}: the key of {events} at position {position}: {reason}"
        ));
    }
    let unknown: Vec<&Standing> = conclusion
        .standings
        .iter()
        .filter(|standing| standing.verdict == Verdict::Unknown)
        .collect();
    if let Some(first) = unknown.first() {
        let keys = brief::count(
            unknown.len() as u64,
            "key cannot be told,",
            "keys cannot be told, first",
        );
        remarks.push(format!(
            "projection {name}: {keys} `{}`: {}",
            brief::one(&first.key, brief::IN_A_SENTENCE),
            brief::one(
                first.reason.as_deref().unwrap_or("no reason is known"),
                REASON
            )
        ));
    }
    remarks
}

fn finding(
    info: &Info,
    definition: &Projection,
    (kind, id): (SubjectKind, &str),
    message: String,
) -> Finding {
    let options = match kind {
        SubjectKind::Key => vec![("--key", id.to_owned())],
        _ => Vec::new(),
    };
    let next = Next {
        options,
        ..Next::command(["diff", &definition.name])
    };
    Finding {
        next: Some(next),
        ..info.finding(kind, &definition.name, id, message)
    }
}

fn message(standing: &Standing, definition: &Projection) -> String {
    let what = said(standing, definition);
    let differs = matches!(
        standing.verdict,
        Verdict::Late | Verdict::Skipped | Verdict::Divergent
    );
    match differing(&standing.differences) {
        Some(columns) if differs => format!("{what}: {columns}"),
        _ => what,
    }
}

/// What is said of a key whose row is not exact, beside its columns.
pub fn said(standing: &Standing, definition: &Projection) -> String {
    let within = definition.within;
    let lag = standing
        .lag
        .map_or_else(String::new, |lag| format!(" for {lag}"));
    let what = match standing.verdict {
        Verdict::Converging | Verdict::Late => Some(format!(
            "{} behind{lag}; {within} is tolerated",
            events(standing.behind as usize)
        )),
        Verdict::Skipped => standing.reason.is_none().then(|| {
            let lost = events(standing.evidence.len());
            let mut parts = vec![format!("{lost} claimed and not applied")];
            parts.extend(clues(standing).iter().map(ToString::to_string));
            parts.join(", ")
        }),
        Verdict::Divergent => Some("no first part of its events gives it".to_owned()),
        Verdict::Missing => Some(format!("no row{lag}; {within} is tolerated")),
        Verdict::Orphan if standing.evidence.is_empty() => {
            Some("a row without any event".to_owned())
        }
        Verdict::Orphan => Some("a row though the key was deleted".to_owned()),
        Verdict::Exact | Verdict::Ahead | Verdict::Unreadable | Verdict::Unknown => None,
    };
    let reason = standing.reason.as_deref();
    let reason = reason.map(|reason| brief::one(reason, REASON));
    let parts: Vec<Cow<'_, str>> = what.map(Cow::Owned).into_iter().chain(reason).collect();
    parts.join("; ")
}

/// What speaks for the loss of the events that are named: all that does where they are one, else
/// that the consumer gave up.
fn clues(standing: &Standing) -> Vec<Support> {
    let explanation = standing.explanation.iter();
    let candidates = explanation.flat_map(|explanation| &explanation.candidates);
    let support = candidates.flat_map(|candidate| &candidate.support);
    let is_one = standing.evidence.len() == 1;
    let mut clues: Vec<Support> = support
        .filter(|support| is_one || **support == Support::DeadLetter)
        .copied()
        .collect();
    clues.dedup();
    clues
}

fn events(count: usize) -> String {
    brief::count(count as u64, "event", "events")
}

/// The columns that differ: the first few of them, what they hold and what they should.
fn differing(differences: &[Difference]) -> Option<String> {
    const SHOWN: usize = 3;
    let mut columns: Vec<String> = differences
        .iter()
        .take(SHOWN)
        .map(|it| {
            let [stored, expected] = apart(it, brief::IN_A_SENTENCE);
            format!("{} is {stored} instead of {expected}", it.column)
        })
        .collect();
    if differences.len() > SHOWN {
        columns.push(format!("{} more columns", differences.len() - SHOWN));
    }
    (!columns.is_empty()).then(|| columns.join(", "))
}

/// What a column holds and what it should, cut to where the two differ if they are long.
pub fn apart(difference: &Difference, most: usize) -> [String; 2] {
    let Difference {
        stored, expected, ..
    } = difference;
    let is_long = |text: &str| text.chars().nth(brief::IN_A_SENTENCE).is_some();
    let document = match is_long(stored) || is_long(expected) {
        true => document(stored, expected),
        false => None,
    };
    let stored = document.as_deref().unwrap_or(stored);
    brief::pair(stored, expected, most).map(Cow::into_owned)
}

/// The list or mapping that a stored text is, spelled as the one that is expected: else the two
/// would differ at their first quote.
fn document(stored: &str, expected: &str) -> Option<String> {
    if !expected.starts_with(['[', '{']) {
        return None;
    }
    let text: String = serde_json::from_str(stored).ok()?;
    let document = Value::parse(&text)?;
    let is_document = matches!(document, Value::List(_) | Value::Object(_));
    is_document.then(|| document.to_string())
}
