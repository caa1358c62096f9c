//! Keys that were given twice, to two things, or not at all.

use crate::definition::idempotency::Idempotency;
use crate::event::{Span, Timestamp};
use crate::finding::{Finding, Severity, SubjectKind};
use crate::idempotency::{Keyless, Misuse, Wrong};
use crate::rules::Info;
use crate::rules::case::{Case, Draft};
use crate::saga::{Meaning, Moment, StepEvent};

/// `idempotency/double-effect`
pub const DOUBLE_EFFECT: Info = Info {
    name: "idempotency/double-effect",
    severity: Severity::Error,
    summary: "one idempotency key had two effects of one kind",
    explanation: "\
Finds idempotency keys under which an effect was recorded twice: two events of one type that \
`effects:` lists, with the same fingerprint and different event ids, whatever came between them. One of \
each type is legal, and so is any number of `attempts:`. A repeat after the rule's `retention` is told as \
`idempotency/expired` only: the receiver had forgotten the key, and could not deduplicate. Repeats of that \
one are held against it, and not against what came before.

The receiver did not deduplicate: the customer was charged twice for one click. Every retry of that \
receiver is as dangerous.

Undo one of the two effects, then mend the receiver before anything is retried.

Example: CardCharged at positions 12 and 19, both under the key pay-77.",
};

/// `idempotency/key-conflict`
pub const KEY_CONFLICT: Info = Info {
    name: "idempotency/key-conflict",
    severity: Severity::Error,
    summary: "one idempotency key was used for two different things",
    explanation: "\
Finds idempotency keys under which events of one type differ in what the rule's `fingerprint:` names \
(without one: in any of their data) from the first that the receiver still knew. Where the rule has a \
`retention`, what came before the key was forgotten is not compared with what came after it: that is \
`idempotency/expired`.

A receiver that deduplicates answers the second request with the result of the first, so one of the \
two things was never done, though its sender believes so. One that does not deduplicate did both.

Find out which was done. A key has to be made from what it stands for, not from a counter or a clock.

Example: key pay-77 with an amount of 40 at position 12 and of 55 at position 31.",
};

/// `idempotency/missing-key`
pub const MISSING_KEY: Info = Info {
    name: "idempotency/missing-key",
    severity: Severity::Warning,
    summary: "an effect that has to carry an idempotency key carries none",
    explanation: "\
Finds effects of a rule with `required: true` whose key is absent. Where that is the log's own key and \
its mapping names none, nothing is looked at.

Had its answer been lost, the sender could not have retried it safely.

Make the sender give a key, or the recorder write it down.

Example: CardCharged at position 12 without a key.",
};

/// `idempotency/expired`
pub const EXPIRED: Info = Info {
    name: "idempotency/expired",
    severity: Severity::Error,
    summary: "an idempotency key was used again after the receiver had forgotten it",
    explanation: "\
Finds repeats of a key later than the rule's `retention` after its first use: an effect of a type that \
the key had before, or any attempt, with the same contents or others. From such a repeat on the receiver \
keeps the key anew.

The receiver keeps keys for that long only: to it, the repeat was a new request, and it took effect a \
second time.

See whether it did, and undo one if so. Shorten the sender's retries, or have keys kept for longer.

Example: `retention: 24h`; key pay-77 used on Monday at 10:00 and on Tuesday at 11:00.",
};

/// `idempotency/retry-without-key`
pub const RETRY_WITHOUT_KEY: Info = Info {
    name: "idempotency/retry-without-key",
    severity: Severity::Error,
    summary: "a step was attempted again under another key while the first attempt may have worked",
    explanation: "\
Finds saga steps of whose events an idempotency rule speaks, and of which an attempt was begun under \
another key, or without one, although the attempt before it had no outcome (or had failed, in a saga \
with `undo-failed: true`, where a failed attempt may have had its effect). Attempts that all carry no \
key are told where the rule has `required: true`. Rules and patterns with a condition are not looked \
at, since an instance does not keep what its events hold. Only the log's own idempotency key is looked at, if \
its mapping names one: a rule with a `key:` that is computed says nothing of steps.

Both attempts can take effect: the receiver cannot know that they are one.

Look at the participant for both keys, and undo one effect if there are two. A retry has to send the \
key of the attempt that it repeats.

Example: StockRequested under the key a at 10:00, no answer, StockRequested under the key b at 10:02.",
};

/// Why nothing can be said by the log's own key.
pub const NO_KEY: &str = "the mapping names no idempotency key";

/// The rule of what is wrong with a key.
pub const fn info(wrong: Wrong) -> &'static Info {
    match wrong {
        Wrong::Double => &DOUBLE_EFFECT,
        Wrong::Conflict => &KEY_CONFLICT,
        Wrong::Expired => &EXPIRED,
    }
}

/// The finding of a misused key.
pub fn misuse(rule: &Idempotency, misuse: &Misuse, horizon: Timestamp) -> Finding {
    let (kind, repeats) = (&misuse.kind, misuse.evidence.len().saturating_sub(1));
    let times = match repeats {
        1 => "again".to_owned(),
        repeats => format!("{repeats} times more"),
    };
    let message = match misuse.wrong {
        Wrong::Double => format!("{kind} took effect {times} under this key"),
        Wrong::Conflict => format!("{kind} came {times} under this key, with other contents"),
        Wrong::Expired => {
            let kept = rule.retention.unwrap_or(Span::ZERO);
            let age = misuse.since.since(misuse.first).beyond(kept);
            format!(
                "{kind} came {age} after an earlier use of the key; the receiver keeps keys for {kept}"
            )
        }
    };
    Finding {
        facet: Some(misuse.kind.to_string()),
        ..info(misuse.wrong)
            .finding(
                SubjectKind::IdempotencyKey,
                &rule.name,
                &misuse.key,
                message,
            )
            .shown_by(misuse.evidence.iter().copied())
            .since(misuse.since, horizon)
    }
}

/// The finding of an effect without a key.
pub fn missing_key(rule: &Idempotency, keyless: &Keyless, horizon: Timestamp) -> Finding {
    let message = format!("{} carries no idempotency key", keyless.kind);
    let id = keyless.position.to_string();
    MISSING_KEY
        .finding(SubjectKind::Event, &rule.name, id, message)
        .shown_by([keyless.position])
        .since(keyless.time, horizon)
}

/// Judges `idempotency/retry-without-key`.
pub fn retry_without_key(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    for step in case.saga.keyed.iter() {
        let mut open: Option<&Moment> = None;
        let mut pairs: Vec<(&Moment, &Moment)> = Vec::new();
        for moment in case.moments {
            match moment.meaning {
                Meaning::Step(of, StepEvent::Begin) if usize::from(of) == step => {
                    let must_have_key = case.saga.must_have_key.contains(step);
                    if let Some(before) = open
                        && (before.key != moment.key || (moment.key == 0 && must_have_key))
                    {
                        pairs.push((before, moment));
                    }
                    open = Some(moment);
                }
                Meaning::Step(of, StepEvent::Failure)
                    if usize::from(of) == step && case.saga.undo_failed => {}
                Meaning::Step(of, _) | Meaning::Undo(of, _) if usize::from(of) == step => {
                    open = None;
                }
                _ => {}
            }
        }
        let Some((_, first)) = pairs.first() else {
            continue;
        };
        let mut evidence: Vec<_> = pairs
            .iter()
            .flat_map(|(before, again)| [before.position, again.position])
            .collect();
        evidence.dedup();
        drafts.push(Draft {
            rule: RETRY_WITHOUT_KEY.name,
            severity: RETRY_WITHOUT_KEY.severity,
            step: Some(step),
            facet: None,
            evidence,
            since: Some(first.time),
            message: format!(
                "{} was begun again {} while the attempt before it may still take effect",
                case.name(step),
                match first.key {
                    0 => "without a key",
                    _ => "under another key",
                }
            ),
        });
    }
}
